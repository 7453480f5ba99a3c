//! Measures the memory and CPU time of this process, and how late answers are. Reads `/proc`, so it needs
//! Linux.

use std::{
    error::Error,
    fs,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use tokio::time::sleep;

use crate::{Fleet, INTERVAL};

/// Resident memory in KiB: all of it, and the part that is not mapped from a file.
#[derive(Clone, Copy, Default)]
pub(crate) struct Memory {
    pub(crate) resident: u64,
    pub(crate) anonymous: u64,
}

impl Memory {
    pub(crate) fn now() -> Result<Self, Box<dyn Error>> {
        let status = fs::read_to_string("/proc/self/status")?;
        let field = |name| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
            line.trim_end_matches("kB").trim().parse()
        };
        Ok(Self { resident: field("VmRSS:")?, anonymous: field("RssAnon:")? })
    }
}

/// User and system time of this process, in steps of 10 ms.
fn cpu() -> Result<Duration, Box<dyn Error>> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let fields = stat.rsplit(") ").next().unwrap_or_default().split(' ');
    let ticks = fields.skip(11).take(2).map(str::parse::<u64>).sum::<Result<u64, _>>()?;
    Ok(Duration::from_millis(ticks * 10))
}

fn descriptors() -> Result<usize, Box<dyn Error>> {
    Ok(fs::read_dir("/proc/self/fd")?.count())
}

/// The delays of answers, from the instant when the call was due. A delay includes the timer, the runtime,
/// the call, and other work of the machine.
pub(crate) struct Answers {
    /// The number of answers for each tenth of a millisecond. The last entry counts all from one second on.
    delays: Vec<AtomicU64>,
    failures: AtomicU64,
}

impl Answers {
    pub(crate) fn new() -> Arc<Self> {
        let delays = (0..=10_000).map(|_| AtomicU64::new(0)).collect();
        Arc::new(Self { delays, failures: AtomicU64::new(0) })
    }

    pub(crate) fn answered(&self, due: Instant) {
        let tenths = due.elapsed().as_micros() / 100;
        let place = usize::try_from(tenths).unwrap_or(usize::MAX).min(self.delays.len() - 1);
        self.delays[place].fetch_add(1, Relaxed);
    }

    pub(crate) fn failed(&self) {
        self.failures.fetch_add(1, Relaxed);
    }

    fn reset(&self) {
        self.delays.iter().chain([&self.failures]).for_each(|count| count.store(0, Relaxed));
    }

    fn count(&self) -> u64 {
        self.delays.iter().map(|count| count.load(Relaxed)).sum()
    }

    /// Returns the delay in milliseconds that this share of the answers does not exceed.
    fn percentile(&self, share: f64) -> f64 {
        let rank = self.count() as f64 * share;
        let mut sum = 0;
        for (tenths, count) in self.delays.iter().enumerate() {
            sum += count.load(Relaxed);
            if sum as f64 >= rank {
                return (tenths + 1) as f64 / 10.0;
            }
        }
        f64::INFINITY
    }
}

/// Waits until each poller has made a call, then measures for `fleet.seconds` and prints the figures.
pub(crate) async fn report(
    fleet: &Fleet,
    empty: Memory,
    answers: &Answers,
) -> Result<(), Box<dyn Error>> {
    // Each poller is due once within the interval.
    sleep(INTERVAL + Duration::from_secs(1)).await;
    answers.reset();
    let (start, cpu_before) = (Instant::now(), cpu()?);
    let (mut memory, mut most_descriptors) = (Memory::default(), 0);
    for _ in 0..fleet.seconds {
        sleep(Duration::from_secs(1)).await;
        let now = Memory::now()?;
        memory.resident = memory.resident.max(now.resident);
        memory.anonymous = memory.anonymous.max(now.anonymous);
        most_descriptors = most_descriptors.max(descriptors()?);
    }
    let seconds = start.elapsed().as_secs_f64();
    let cpu = (cpu()? - cpu_before).as_secs_f64();
    let count = answers.count();
    let each = |now: u64, empty: u64| (now - empty) as f64 / f64::from(fleet.pollers);

    println!("{} pollers, every {INTERVAL:?}, for {seconds:.1} s", fleet.pollers);
    println!("answers a second     {:.1}", count as f64 / seconds);
    println!("no answer            {}", answers.failures.load(Relaxed));
    println!("due to answered, ms  p50 {:.1}", answers.percentile(0.5));
    println!("                     p99 {:.1}", answers.percentile(0.99));
    println!("                     p99.9 {:.1}", answers.percentile(0.999));
    println!("CPU of one core      {:.1} %", cpu / seconds * 100.0);
    println!("CPU an answer        {:.0} us", cpu / count as f64 * 1e6);
    println!("descriptors, at most {most_descriptors}");
    println!("resident, empty      {} KiB ({} anonymous)", empty.resident, empty.anonymous);
    println!("resident, at most    {} KiB ({} anonymous)", memory.resident, memory.anonymous);
    println!("a poller             {:.2} KiB", each(memory.resident, empty.resident));
    println!("a poller, anonymous  {:.2} KiB", each(memory.anonymous, empty.anonymous));
    Ok(())
}
