//! The poller in a scripted world on a virtual clock: years of it, from seeds.
//!
//! `SEED=7 cargo test -p huaweicloud-sms-fuzz --test simulation` runs one seed again.

use std::{panic, time::Duration};

use huaweicloud_sms_core::Step;
use huaweicloud_sms_fuzz::{Durations, Moment, Random, Watched, error};

const SEEDS: u64 = 2_000;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const KEY_LOCK: Duration = Duration::from_secs(5 * 60);

/// How the service is, for a while.
#[derive(Clone, Copy, Debug)]
enum Weather {
    Up,
    /// Nothing gets through.
    Down,
    /// Every call takes its whole limit and fails.
    Hanging,
    /// 429, told to wait so many seconds or not told.
    Throttling(Option<u64>),
    /// Errors that may pass.
    Failing,
    /// Errors that need somebody's hand.
    Rejecting,
    /// A login page in place of the service.
    Captive,
}

/// The service's side, and the machine's.
struct World {
    random: Random,
    durations: Durations,
    weather: Weather,
    /// When the weather changes.
    until: Moment,
    /// Which credential is good, and which one the Agent has.
    good: u32,
    held: u32,
    /// Refused calls in a row, without five minutes between them, as the gateway counts.
    refused: u32,
    last_refused: Moment,
    answers: u64,
    calls: u64,
}

impl World {
    fn new(seed: u64) -> (Self, Watched) {
        let mut random = Random(seed);
        let first_backoff = random.between(1_000, 30_000);
        let durations = Durations {
            interval: random.between(5_000, 120_000),
            call_limit: random.between(1_000, 60_000),
            first_backoff,
            max_backoff: first_backoff + random.between(0, 600_000),
            jitter: random.below(51) as u8,
        };
        let poller = Watched::new(durations, random.below(u64::MAX));
        let world = Self {
            random,
            durations,
            weather: Weather::Up,
            until: poller.now(),
            good: 0,
            held: 0,
            refused: 0,
            last_refused: Duration::ZERO,
            answers: 0,
            calls: 0,
        };
        (world, poller)
    }

    fn change(&mut self, now: Moment) {
        if now < self.until {
            return;
        }
        self.until = now + self.random.between(10_000, 4 * 3_600_000);
        self.weather = match self.random.below(12) {
            0 => Weather::Down,
            1 => Weather::Hanging,
            2 => Weather::Throttling(None),
            3 => Weather::Throttling(Some(self.random.below(4_000))),
            4 => Weather::Failing,
            5 => Weather::Rejecting,
            6 => Weather::Captive,
            _ => Weather::Up,
        };
        // A token expires, a key is replaced.
        if self.random.below(6) == 0 {
            self.good += 1;
        }
    }

    /// One call, from its start to its outcome or the loss of it.
    fn call(&mut self, poller: &mut Watched) {
        self.calls += 1;
        poller.start();
        let limit = u64::try_from(self.durations.call_limit.as_millis()).expect("a day at most");
        let takes = match self.weather {
            Weather::Hanging => self.durations.call_limit,
            _ => self.random.between(1, limit.min(2_000)),
        };
        // Asked early, as by a timer that fires too soon: no second call.
        poller.pass(takes / 2);
        assert!(!matches!(poller.step(), Step::Obtain) || takes.is_zero());
        poller.pass(takes - takes / 2);
        if self.random.below(500) == 0 {
            return; // The future was dropped.
        }
        match self.weather {
            Weather::Down | Weather::Hanging => poller.failure(),
            Weather::Throttling(told) => poller.error(&error(5, told)),
            Weather::Failing => poller.error(&error(6 + self.pick(2), None)),
            Weather::Rejecting => poller.error(&error([8, 9, 10, 14, 15][self.pick(5)], None)),
            Weather::Captive => poller.error(&error(12 + self.pick(2), None)),
            Weather::Up if self.held != self.good => self.refuse(poller),
            Weather::Up => {
                self.refused = 0;
                self.answers += 1;
                match self.random.below(4) {
                    0 => poller.error(&error(11, None)),
                    _ => poller.answer(),
                }
            }
        }
    }

    fn pick(&mut self, count: u64) -> usize {
        usize::try_from(self.random.below(count)).expect("small")
    }

    fn refuse(&mut self, poller: &mut Watched) {
        if poller.now() >= self.last_refused + KEY_LOCK {
            self.refused = 0;
        }
        self.last_refused = poller.now();
        self.refused += 1;
        assert!(self.refused <= 2, "hammers a refused key");
        // Refused, to be renewed, without an error object, locked, a wrong clock.
        let number = self.pick(5);
        poller.error(&error(number, None));
    }

    fn renew(&mut self, poller: &mut Watched) {
        poller.pass(self.random.between(0, 5_000));
        // IAM may be away, or the operator; the new credential may be a wrong one.
        match self.random.below(4) {
            0 => poller.kept(),
            1 => poller.renewed(),
            _ => {
                self.held = self.good;
                poller.renewed();
            }
        }
    }

    fn run(&mut self, poller: &mut Watched, time: Duration) {
        let end = poller.now() + time;
        while poller.now() < end {
            self.change(poller.now());
            match poller.step() {
                Step::Obtain => self.call(poller),
                Step::RenewAuth => self.renew(poller),
                Step::WaitUntil(next) => {
                    let wait = next - poller.now();
                    match self.random.below(50) {
                        // Woken early.
                        0 => poller.pass(wait / 2),
                        // The machine was suspended.
                        1 if self.random.below(20) == 0 => {
                            poller.pass(wait + self.random.between(0, 8 * 3_600_000));
                        }
                        _ => poller.pass(wait + self.random.between(0, 50)),
                    }
                }
            }
        }
    }

    /// Whatever was before: once all is well, so is the poller, before long.
    fn recover(&mut self, poller: &mut Watched) {
        (self.weather, self.until, self.good) = (Weather::Up, Duration::MAX, self.good + 1);
        self.held = self.good;
        let most = DAY + DAY;
        let (end, before) = (poller.now() + most, self.answers);
        while self.answers == before {
            assert!(poller.now() < end, "does not recover: {poller:?}");
            self.run(poller, Duration::from_millis(1));
        }
    }
}

fn run(seed: u64) -> (Duration, u64) {
    let (mut world, mut poller) = World::new(seed);
    let start = poller.now();
    world.run(&mut poller, DAY / 3);
    world.recover(&mut poller);
    let time = poller.now() - start;
    let shortest = world.durations.interval.min(world.durations.first_backoff);
    // A renewed credential is tried at once, a dropped call is not.
    let most = time.as_millis() / shortest.as_millis() * 2 + 2;
    assert!(u128::from(world.calls) <= most, "{} calls, at most {most}", world.calls);
    (time, world.calls)
}

#[test]
fn every_seed() {
    let chosen = std::env::var("SEED").ok().map(|seed| seed.parse().expect("SEED is a number"));
    let seeds = chosen.map_or(0..SEEDS, |seed: u64| seed..seed + 1);
    let (mut time, mut calls) = (Duration::ZERO, 0);
    for seed in seeds {
        let ran = panic::catch_unwind(|| run(seed));
        let (ran_for, called) = ran.unwrap_or_else(|_| panic!("SEED={seed} fails"));
        time += ran_for;
        calls += called;
    }
    println!("{} days, {calls} calls", time.as_secs() / DAY.as_secs());
}

#[test]
fn the_same_seed_runs_the_same() {
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
}
