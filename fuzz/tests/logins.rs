//! The poller and the token cache together, in a scripted world on a virtual clock: a service, and an IAM
//! whose tokens live for a minute or longer; or a key, on a machine whose clock is wrong.
//!
//! `SEED=7 cargo test -p huaweicloud-sms-fuzz --test logins` runs one seed again.

use std::{panic, time::Duration};

use huaweicloud_sms_core::{ClockSkew, ResponseError, Step, Timestamp};
use huaweicloud_sms_fuzz::{Durations, Moment, Random, Watched, WatchedTokens, error};

const SEEDS: u64 = 300;
const RUN: Duration = Duration::from_secs(6 * 60 * 60);
const MINUTE: Duration = Duration::from_secs(60);
const LOCK: Duration = Duration::from_secs(5 * 60);
/// Within which all is well again when everything is up: two pauses after refusals, one behind the other,
/// and a backoff, with their jitter.
const RECOVERY: Duration = Duration::from_secs(20 * 60);

/// As `error` counts them.
const REFUSED: [usize; 3] = [0, 1, 2];
const WRONG_CLOCK: usize = 4;
const TROUBLE: [usize; 5] = [5, 6, 7, 12, 13];

/// How a server is, for a while.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Weather {
    Up,
    Down,
    Failing,
}

/// A secret that somebody may replace: which one is good, which one the operator has put down, and which
/// one the agent holds.
#[derive(Default)]
struct Credential {
    good: u64,
    put_down: u64,
    held: u64,
    refused: Vec<(u64, Moment)>,
}

impl Credential {
    fn is_good(&mut self, now: Moment) -> bool {
        if self.held != self.good {
            self.refuse(now);
        }
        self.held == self.good
    }

    /// The fifth refusal within the time locks it, for every user of it.
    fn refuse(&mut self, now: Moment) {
        let held = self.held;
        self.refused.retain(|(which, at)| *which == held && now < *at + LOCK);
        self.refused.push((held, now));
        assert!(self.refused.len() < 5, "locked: {:?}", self.refused);
    }

    /// Whether there is another one to be had.
    fn renew(&mut self) -> bool {
        std::mem::replace(&mut self.held, self.put_down) != self.put_down
    }
}

struct World {
    random: Random,
    durations: Durations,
    poller: Watched,
    /// Without it there is a key.
    tokens: Option<WatchedTokens>,
    service: Weather,
    iam: Weather,
    /// A password or key.
    credential: Credential,
    life: Duration,
    /// When each token dies, by its number less 1.
    dies: Vec<Moment>,
    /// How far this machine's clock is ahead of where it starts.
    clock: Duration,
    /// What the key's dates are corrected by, and what the last response says.
    correction: Option<ClockSkew>,
    skew: Option<ClockSkew>,
    last_answer: Moment,
    answers: u64,
    logins: u64,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut random = Random(seed);
        let durations = Durations {
            interval: Duration::from_secs(10),
            call_limit: Duration::from_secs(30),
            first_backoff: Duration::from_secs(5),
            max_backoff: LOCK,
            jitter: u8::try_from(random.below(21)).expect("small"),
        };
        let poller = Watched::new(durations, random.below(u64::MAX));
        let token_seed = random.below(u64::MAX);
        let has_key = random.one_in(4);
        let life = [60, 60, 60, 90, 600, 3_600, 86_400][usize::try_from(seed % 7).expect("small")];
        let mut world = Self {
            tokens: (!has_key).then(|| WatchedTokens::new(durations, token_seed)),
            last_answer: poller.now(),
            poller,
            durations,
            service: Weather::Up,
            iam: Weather::Up,
            credential: Credential::default(),
            life: Duration::from_secs(life),
            dies: Vec::new(),
            clock: Duration::ZERO,
            correction: None,
            skew: None,
            answers: 0,
            logins: 0,
            random,
        };
        world.set_clock();
        world
    }

    fn now(&self) -> Moment {
        self.poller.now()
    }

    fn pass(&mut self, time: Duration) {
        self.poller.pass(time);
        if let Some(tokens) = &mut self.tokens {
            tokens.pass(time);
        }
    }

    /// By the service's clock, and IAM's.
    fn theirs(&self) -> Timestamp {
        Timestamp::from_unix_time(Duration::from_secs(1_783_296_000) + self.now())
    }

    fn ours(&self) -> Timestamp {
        Timestamp::from_unix_time(self.clock + self.now())
    }

    /// What a signature is dated.
    fn date(&self) -> Timestamp {
        self.correction.map_or(self.ours(), |skew| skew.correct(self.ours()))
    }

    /// Right, or at any second of a century.
    fn set_clock(&mut self) {
        self.clock = Duration::from_secs(match self.random.below(3) {
            0 => 1_783_296_000,
            1 => 1_783_296_000 - 3_600 + self.random.below(7_200),
            _ => self.random.below(3_155_760_000),
        });
    }

    /// One thing that goes wrong, or is put right.
    fn mishap(&mut self) {
        let weather = [Weather::Up, Weather::Down, Weather::Failing];
        match self.random.below(8) {
            0 | 1 => self.service = weather[self.pick(3)],
            2 | 3 => self.iam = weather[self.pick(3)],
            4 => self.revoke(),
            5 => self.credential.good += 1,
            // Noted by the operator late, or not rightly.
            6 => {
                let good = self.credential.good;
                self.credential.put_down = if self.random.one_in(3) { 1_000 + good } else { good };
            }
            _ => self.set_clock(),
        }
        // The machine was suspended.
        if self.random.one_in(30) {
            let time = self.random.between(60_000, 3_600_000);
            self.pass(time);
        }
    }

    fn revoke(&mut self) {
        let now = self.now();
        self.dies.iter_mut().for_each(|dies| *dies = now.min(*dies));
    }

    fn pick(&mut self, count: usize) -> usize {
        usize::try_from(self.random.below(count as u64)).expect("small")
    }

    fn one_of(&mut self, numbers: &[usize]) -> ResponseError {
        error(numbers[self.pick(numbers.len())], None)
    }

    fn trouble(&mut self, time: Duration) {
        let end = self.now() + time;
        while self.now() < end {
            self.mishap();
            let until = end.min(self.now() + self.random.between(1_000, 900_000));
            self.run(until, false);
        }
    }

    /// Everything is up: all is well before long, and stays so.
    fn calm(&mut self, time: Duration) {
        (self.service, self.iam) = (Weather::Up, Weather::Up);
        self.credential.put_down = self.credential.good;
        let (start, mut before) = (self.now(), self.answers);
        // An answer to a token that is still to be replaced says nothing of the logins.
        let is_fresh = |world: &Self| world.tokens.as_ref().is_none_or(WatchedTokens::is_fresh);
        while self.answers == before || !is_fresh(self) {
            if !is_fresh(self) {
                before = self.answers;
            }
            assert!(self.now() < start + RECOVERY, "does not recover: {self:?}");
            self.run(self.now() + Duration::from_millis(1), false);
        }
        let end = self.now() + time;
        self.run(end, true);
    }

    fn run(&mut self, until: Moment, is_calm: bool) {
        while self.now() < until {
            let due = self.do_what_is_due(is_calm);
            if is_calm {
                // The longest wait, a call and a login.
                let interval = self.durations.interval;
                let most = interval + interval * u32::from(self.durations.jitter) / 100;
                let waited = self.now() - self.last_answer;
                assert!(waited <= most + Duration::from_secs(5), "no poll for {waited:?}");
            }
            let Some(due) = due else { continue };
            let late = self.random.between(0, 50);
            self.pass(due.min(until).saturating_sub(self.now()) + late);
        }
    }

    /// Does one thing, or says until when there is nothing to do.
    fn do_what_is_due(&mut self, is_calm: bool) -> Option<Moment> {
        let mut next_login = Moment::MAX;
        if let Some(tokens) = &mut self.tokens {
            match tokens.step() {
                Step::Obtain => {
                    self.log_in();
                    return None;
                }
                Step::RenewAuth => {
                    match self.credential.renew() {
                        true => tokens.renewed(),
                        false => tokens.kept(),
                    }
                    return None;
                }
                Step::WaitUntil(next) => next_login = next,
            }
        }
        let has_token = self.tokens.as_ref().is_none_or(|tokens| tokens.token().is_some());
        match self.poller.step() {
            Step::WaitUntil(next) => return Some(next.min(next_login)),
            // For want of a token.
            Step::Obtain | Step::RenewAuth if !has_token => {
                assert!(!is_calm, "a poll is lost: {self:?}");
                return Some(next_login);
            }
            Step::Obtain => self.call(is_calm),
            Step::RenewAuth => self.renew(),
        }
        None
    }

    /// The token is another one than was refused, for that one is gone; a key needs a look at the clock
    /// first.
    fn renew(&mut self) {
        let wrong = self
            .skew
            .filter(|skew| ClockSkew::between(self.date(), skew.correct(self.ours())).is_refused());
        if self.tokens.is_none() && wrong.is_some() {
            self.correction = wrong;
        } else if self.tokens.is_none() && !self.credential.renew() {
            return self.poller.kept();
        }
        self.poller.renewed();
    }

    fn log_in(&mut self) {
        self.logins += 1;
        self.tokens().start();
        let takes = self.random.between(1, 1_000);
        self.pass(takes);
        let (now, made) = (self.now(), self.theirs());
        self.pass(takes);
        match self.iam {
            Weather::Down => self.tokens().failure(),
            Weather::Failing => {
                let error = self.one_of(&TROUBLE);
                self.tokens().error(&error);
            }
            Weather::Up if !self.credential.is_good(now) => {
                let error = self.one_of(&REFUSED);
                self.tokens().error(&error);
            }
            Weather::Up => {
                self.dies.push(now + self.life);
                let life = self.life;
                self.tokens().issued(made, life);
            }
        }
    }

    fn tokens(&mut self) -> &mut WatchedTokens {
        self.tokens.as_mut().expect("tokens")
    }

    fn call(&mut self, is_calm: bool) {
        let token = self.tokens.as_ref().and_then(WatchedTokens::token);
        let date = self.date();
        self.poller.start();
        let takes = self.random.between(1, 1_000);
        self.pass(takes);
        let now = self.now();
        let is_late = ClockSkew::between(date, self.theirs()).is_refused();
        self.pass(takes);
        self.skew = Some(ClockSkew::between(self.ours(), self.theirs()));
        match (self.service, token) {
            (Weather::Down, _) => {
                self.skew = None;
                self.poller.failure();
            }
            (Weather::Failing, _) => {
                let error = self.one_of(&TROUBLE);
                self.poller.error(&error);
            }
            (Weather::Up, Some(token)) => {
                let index = usize::try_from(token - 1).expect("small");
                if now < self.dies[index] {
                    return self.answer();
                }
                assert!(!is_calm, "a dead token is used: {self:?}");
                let error = self.one_of(&REFUSED);
                self.poller.error(&error);
                self.tokens().refused();
            }
            (Weather::Up, None) if is_late => {
                assert!(!is_calm, "a wrong date: {date}");
                self.credential.refuse(now);
                self.poller.error(&error(WRONG_CLOCK, None));
            }
            (Weather::Up, None) => match self.credential.is_good(now) {
                true => self.answer(),
                false => {
                    assert!(!is_calm, "a refused key");
                    let error = self.one_of(&REFUSED);
                    self.poller.error(&error);
                }
            },
        }
    }

    fn answer(&mut self) {
        self.answers += 1;
        self.last_answer = self.now();
        self.poller.answer();
    }
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { poller, tokens, service, iam, .. } = self;
        write!(f, "service {service:?}, IAM {iam:?}, {poller:?}, {tokens:?}")
    }
}

/// Polls and logins.
fn run(seed: u64) -> (u64, u64) {
    let mut world = World::new(seed);
    let end = world.now() + RUN;
    while world.now() < end {
        let calm = world.random.between(60_000, 3_600_000);
        world.calm(calm);
        let trouble = world.random.between(1_000, 3_600_000);
        world.trouble(trouble);
    }
    world.calm(10 * MINUTE);
    (world.answers, world.logins)
}

#[test]
fn every_seed() {
    let chosen = std::env::var("SEED").ok().map(|seed| seed.parse().expect("SEED is a number"));
    let seeds = chosen.map_or(0..SEEDS, |seed: u64| seed..seed + 1);
    let (mut answers, mut logins) = (0, 0);
    for seed in seeds {
        let ran = panic::catch_unwind(|| run(seed));
        let (answered, logged_in) = ran.unwrap_or_else(|_| panic!("SEED={seed} fails"));
        answers += answered;
        logins += logged_in;
    }
    println!("{answers} polls answered, {logins} logins");
}

#[test]
fn the_same_seed_runs_the_same() {
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
}
