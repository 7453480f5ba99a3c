//! Measures the state machine alone: a million pollers on a virtual clock.

use std::{
    cmp::Reverse, collections::BinaryHeap, error::Error, hint::black_box, mem, time::Duration,
    time::Instant,
};

use huaweicloud_sms::{Poller, Step};

use crate::{Fleet, INTERVAL, measure::Memory};

/// Only the fastest round counts, because other work on the machine slows the others.
const ROUNDS: usize = 7;

pub(crate) fn run(count: u32) -> Result<(), Box<dyn Error>> {
    let empty = Memory::now()?;
    let mut pollers = Vec::with_capacity(count as usize);
    let mut due = BinaryHeap::with_capacity(count as usize);
    let pace = Fleet::pace()?.with_jitter(20)?;
    for number in 0..count {
        let first = INTERVAL * number / count;
        pollers.push(Poller::new(pace, number.into(), first));
        due.push(Reverse((first, number)));
    }
    let memory = Memory::now()?.resident - empty.resident;
    println!("{count} pollers of {} bytes, and a heap of instants", mem::size_of_val(&pollers[0]));
    println!("a poller, resident   {:.1} bytes", memory as f64 * 1024.0 / f64::from(count));

    let each = fastest(|| {
        for poller in &pollers {
            black_box(poller.poll(black_box(INTERVAL)));
        }
    });
    println!("poll                 {:.1} ns", each / f64::from(count));

    // As in a fleet: the earliest poller is taken from the heap, makes a call, and is put back.
    let each = fastest(|| {
        for _ in 0..count {
            let Some(Reverse((now, number))) = due.pop() else { return };
            let poller = &mut pollers[number as usize];
            let next = match poller.poll(now) {
                Step::WaitUntil(instant) => instant,
                Step::Send | Step::RenewCredential => {
                    poller.on_start(now);
                    let now = now + Duration::from_millis(80);
                    poller.on_answer(now);
                    match poller.poll(now) {
                        Step::WaitUntil(instant) => instant,
                        Step::Send | Step::RenewCredential => now,
                    }
                }
            };
            due.push(Reverse((next, number)));
        }
    });
    println!("a whole round        {:.1} ns, the heap included", each / f64::from(count));
    Ok(())
}

/// Runs `work` several times. Returns the nanoseconds of the fastest round.
fn fastest(mut work: impl FnMut()) -> f64 {
    let mut fastest = f64::INFINITY;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        work();
        fastest = fastest.min(start.elapsed().as_nanos() as f64);
    }
    fastest
}
