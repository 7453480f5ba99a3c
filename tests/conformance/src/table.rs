//! Carries out every row on one transport.
#![allow(clippy::print_stdout, reason = "a row that hangs is the one that is not printed")]

use std::{
    fmt,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use huaweicloud_sms_transport::{Settings, Transport};

use crate::{Adapter, Outcome, connections, kind, reports, responses, row::Row, stage};

/// There are more threads than processors, because most rows wait for a timeout or for the peer.
const THREADS: usize = 12;

/// The transport under test.
pub(crate) struct UnderTest<'a, T: Transport> {
    pub(crate) start: &'a (dyn Fn(Settings) -> T + Sync),
    pub(crate) kind: &'a (dyn Fn(&T::Error) -> String + Sync),
    /// The adapter, or `None` for a transport that is not ours.
    pub(crate) adapter: Option<Adapter>,
}

/// One row of the table, carried out over TCP or TLS.
#[derive(Debug)]
pub struct RowRun {
    /// The name of the row.
    pub row: String,
    /// Whether it ran over TLS.
    pub tls: bool,
    /// The outcome of the call.
    pub outcome: Outcome,
    /// The wanted outcome, and the known deviations with their reasons.
    pub wanted: String,
    /// The reason why the row failed, or `None` if it passed.
    pub failure: Option<String>,
}

/// The table of one transport. Its `Display` prints every row and a summary.
#[derive(Debug)]
pub struct Report {
    /// The name of the transport.
    pub name: String,
    /// The row runs, in the order of the table.
    pub runs: Vec<RowRun>,
}

/// Runs the rows whose names contain `word` on the transports that `start` makes. An empty `word` runs
/// all of them.
///
/// Each row gets a transport with settings of its own: timeout, body limit, root certificates, proxy.
/// `kind` names an error in the words of [`kind`]. A `kind` that always says `error` passes every row that
/// wants an error. Each row is printed when it starts and when it ends.
///
/// # Panics
/// If no row's name contains `word`.
pub fn run<T: Transport>(
    name: &str,
    word: &str,
    start: impl Fn(Settings) -> T + Sync,
    kind: impl Fn(&T::Error) -> String + Sync,
) -> Report {
    report(name, word, &UnderTest { start: &start, kind: &kind, adapter: None })
}

/// Runs the rows whose names contain `word` on one of our adapters. Each row must have the exact outcome.
#[must_use]
pub fn run_adapter(adapter: Adapter, word: &str) -> Report {
    let start = |settings| {
        let transport = adapter.start(settings);
        move |request| transport.execute(request)
    };
    let under_test = UnderTest { start: &start, kind: &kind, adapter: Some(adapter) };
    report(&format!("{adapter:?}"), word, &under_test)
}

fn report<T: Transport>(name: &str, word: &str, under_test: &UnderTest<'_, T>) -> Report {
    let mut rows = responses::rows();
    rows.extend(connections::rows());
    rows.extend(reports::rows());
    let mut jobs = Vec::new();
    for row in rows.iter().filter(|row| row.name.contains(word)) {
        let fits = |tls: bool| match under_test.adapter {
            Some(adapter) => adapter.connects() || !tls && !row.needs_connector(),
            None => true,
        };
        jobs.extend(row.schemes().iter().filter(|tls| fits(**tls)).map(|tls| (row, *tls)));
    }
    assert!(!jobs.is_empty(), "no row has {word:?} in its name");
    let (next, runs) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(&(row, tls)) = jobs.get(index) else { return };
                    let is_printed = under_test.adapter.is_none();
                    if is_printed {
                        println!("started: {}, {}", row.name, scheme(tls));
                    }
                    let run = run_row(row, under_test, tls);
                    if is_printed {
                        println!("{}", run.failed().unwrap_or_else(|| run.to_string()));
                    }
                    runs.lock().unwrap_or_else(PoisonError::into_inner).push((index, run));
                }
            });
        }
    });
    let mut runs = runs.into_inner().unwrap_or_else(PoisonError::into_inner);
    runs.sort_by_key(|(index, _)| *index);
    Report { name: name.into(), runs: runs.into_iter().map(|(_, run)| run).collect() }
}

fn run_row<T: Transport>(row: &Row, under_test: &UnderTest<'_, T>, tls: bool) -> RowRun {
    let (outcome, problem) = stage::run(row, under_test, tls);
    let wanted = row.expectation();
    let unwanted =
        || (!row.allows(under_test.adapter, &outcome)).then(|| "unwanted outcome".into());
    let failure = unwanted().or(problem);
    RowRun { row: row.name.clone(), tls, outcome, wanted, failure }
}

fn scheme(tls: bool) -> &'static str {
    if tls { "https" } else { "http" }
}

impl RowRun {
    /// Describes in one line why the row failed.
    fn failed(&self) -> Option<String> {
        let Self { row, tls, outcome, wanted, failure } = self;
        let (failure, scheme) = (failure.as_ref()?, scheme(*tls));
        Some(format!("FAILED: {row}, {scheme}: {failure}: {outcome}, wanted {wanted}"))
    }
}

impl Report {
    /// Returns the row runs that failed.
    pub fn failures(&self) -> impl Iterator<Item = &RowRun> {
        self.runs.iter().filter(|run| run.failure.is_some())
    }
}

impl fmt::Display for RowRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { row, tls, outcome, wanted, .. } = self;
        write!(f, "{row:<44} | {:<6} | {:<24} | {wanted}", scheme(*tls), outcome.to_string())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<44} | scheme | {:<24} | wanted", "row", self.name)?;
        for run in &self.runs {
            writeln!(f, "{run}")?;
        }
        for failed in self.runs.iter().filter_map(RowRun::failed) {
            writeln!(f, "{failed}")?;
        }
        let failed = self.failures().count();
        write!(f, "{}: {} row runs passed, {failed} failed", self.name, self.runs.len() - failed)
    }
}
