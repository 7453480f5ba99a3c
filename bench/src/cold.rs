//! Measures whole programs, from start to end: wall time, CPU time, peak memory.

use std::{
    error::Error,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use wait4::Wait4;

#[derive(Default)]
struct Runs {
    wall: Vec<Duration>,
    cpu: Vec<Duration>,
    peak: Vec<u64>,
}

/// Runs each program `rounds` times. The programs take turns, so that other work on this machine slows all of
/// them alike. `programs` are pairs of a name and a command line. The ratios are to the first program.
pub(crate) fn run(rounds: u32, programs: &[&str]) -> Result<(), Box<dyn Error>> {
    let programs: Vec<_> = programs.chunks_exact(2).map(|pair| [pair[0], pair[1]]).collect();
    let mut runs: Vec<Runs> = programs.iter().map(|_| Runs::default()).collect();
    for _ in 0..rounds {
        for ([name, line], runs) in programs.iter().zip(&mut runs) {
            let mut words = line.split_whitespace();
            let mut command = Command::new(words.next().ok_or("no program")?);
            command.args(words).stdin(Stdio::null()).stdout(Stdio::null());
            let start = Instant::now();
            let ended = command.spawn()?.wait4()?;
            runs.wall.push(start.elapsed());
            if !ended.status.success() {
                return Err(format!("{name}: {}", ended.status).into());
            }
            runs.cpu.push(ended.rusage.utime + ended.rusage.stime);
            runs.peak.push(ended.rusage.maxrss);
        }
    }
    println!(
        "| program | wall, ms: least | median | x | CPU, ms: least | median | x | peak, KiB | x |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    let floor = runs
        .first()
        .map(|floor| (ms(least(&floor.wall)), ms(least(&floor.cpu)), median(&floor.peak) as f64));
    let (wall, cpu, peak) = floor.ok_or("no program")?;
    for ([name, _], runs) in programs.iter().zip(&runs) {
        println!(
            "| {name} | {:.1} | {:.1} | {:.2} | {:.1} | {:.1} | {:.2} | {} | {:.2} |",
            ms(least(&runs.wall)),
            ms(median(&runs.wall)),
            ms(least(&runs.wall)) / wall,
            ms(least(&runs.cpu)),
            ms(median(&runs.cpu)),
            ms(least(&runs.cpu)) / cpu,
            median(&runs.peak) / 1024,
            median(&runs.peak) as f64 / peak,
        );
    }
    Ok(())
}

fn least<T: Copy + Ord + Default>(values: &[T]) -> T {
    values.iter().copied().min().unwrap_or_default()
}

fn median<T: Copy + Ord + Default>(values: &[T]) -> T {
    let mut values = values.to_vec();
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or_default()
}
