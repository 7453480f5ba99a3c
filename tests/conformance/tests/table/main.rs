//! The table: what each transport makes of what a network and a server can do. A word after
//! `cargo test ... --test table` picks the rows whose names have it.
#![allow(clippy::print_stdout, reason = "the table is to be seen")]

mod answers;
mod connections;
mod row;
mod run;

use std::{
    collections::BTreeSet,
    process::ExitCode,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use huaweicloud_sms_transport_conformance::{SUBJECTS, Subject};

use crate::{row::Row, run::Outcome};

/// Most rows wait, for a limit or for the other side.
const THREADS: usize = 12;

/// One subject's outcome of one row.
struct Cell {
    row: usize,
    subject: Subject,
    tls: bool,
    outcome: Outcome,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // Who lists tests, finds none by name here.
    if arguments.iter().any(|argument| argument == "--list") {
        return ExitCode::SUCCESS;
    }
    let filter = arguments.iter().find(|argument| !argument.starts_with('-'));
    let mut rows = answers::rows();
    rows.extend(connections::rows());
    rows.retain(|row| filter.is_none_or(|word| row.name.contains(word)));

    let cells = cells(&rows);
    let failed = print(&rows, &cells);
    println!("\n{} passed, {failed} failed", cells.len() - failed);
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Carries out every row on every subject that it makes sense for.
fn cells(rows: &[Row]) -> Vec<Cell> {
    let mut jobs = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        for &tls in row.world.schemes() {
            let fits =
                |subject: &Subject| subject.connects() || !tls && !row.world.needs_connector();
            jobs.extend(SUBJECTS.into_iter().filter(fits).map(|subject| (index, subject, tls)));
        }
    }
    let (next, cells) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while let Some(&(row, subject, tls)) =
                    jobs.get(next.fetch_add(1, Ordering::Relaxed))
                {
                    let outcome = run::run(&rows[row], subject, tls);
                    let mut cells = cells.lock().unwrap_or_else(PoisonError::into_inner);
                    cells.push(Cell { row, subject, tls, outcome });
                }
            });
        }
    });
    cells.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// Prints the table and what is wrong in it; returns how much that is.
fn print(rows: &[Row], cells: &[Cell]) -> usize {
    let line = |cells: [&str; 5]| {
        println!(
            "{:<44} | {:<24} | {:<24} | {:<16} | {}",
            cells[0], cells[1], cells[2], cells[3], cells[4]
        );
    };
    line(["scenario", "ureq", "hyper", "exchange", "expected"]);
    let mut failures = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        let of = |subjects: &[Subject]| {
            let here =
                cells.iter().filter(|cell| cell.row == index && subjects.contains(&cell.subject));
            let words: BTreeSet<&str> = here.map(|cell| cell.outcome.words.as_str()).collect();
            if words.is_empty() { "-".to_owned() } else { Vec::from_iter(words).join(" / ") }
        };
        let expected = &row.expected;
        let both = match expected.ureq == expected.hyper {
            true => expected.ureq.to_owned(),
            false => format!("ureq {}, hyper {}", expected.ureq, expected.hyper),
        };
        let why =
            if expected.why.is_empty() { String::new() } else { format!(": {}", expected.why) };
        line([
            &row.name,
            &of(&[Subject::Ureq, Subject::UreqAgent]),
            &of(&[Subject::HyperMulti, Subject::HyperCurrent, Subject::HyperClient]),
            &of(&[Subject::Exchange]),
            &format!("{both}{why}"),
        ]);
        for cell in cells.iter().filter(|cell| cell.row == index) {
            let words = &cell.outcome.words;
            let is_right = row.allows(cell.subject, words);
            if !is_right || cell.outcome.wrong.is_some() {
                let wrong = cell.outcome.wrong.as_deref().unwrap_or("not what was expected");
                let scheme = if cell.tls { "https" } else { "http" };
                let subject = cell.subject;
                failures.push(format!("{}, {subject:?}, {scheme}: {words}: {wrong}", row.name));
            }
        }
    }
    failures.iter().for_each(|failure| println!("FAILED: {failure}"));
    failures.len()
}
