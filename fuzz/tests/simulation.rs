//! Runs sessions in random scenarios on a virtual clock. A scenario has a service, an IAM, and a machine that
//! may be suspended or have a wrong clock.
//!
//! `SEED=7 cargo test -p huaweicloud-sms-fuzz --test simulation` runs one seed again.

use std::{panic, time::Duration};

use huaweicloud_sms_core::{ClockSkew, Command, Pace, Timestamp, http::Response};
use huaweicloud_sms_fuzz::{
    CheckedSession, Instant, KEY_LOCK, Kind, Purpose, Random, Sent, command, dated, error_response,
    issued, with_jitter,
};
use serde_json::json;

const SEEDS: u64 = 2_000;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const HOUR: u64 = 3_600_000;
const KINDS: [Kind; 3] = [Kind::Token, Kind::Key, Kind::User];
/// The clock at the start, in seconds.
const RIGHT: u64 = 1_783_296_000;
const MAX_RETRY_AFTER: u64 = 4_000;

/// Numbers of [`error_response`].
const REJECTED: [usize; 4] = [0, 1, 2, 3];
const WRONG_CLOCK: usize = 4;
const THROTTLED: usize = 5;
const NO_TASK: usize = 11;

/// The state of a server, for a while.
#[derive(Clone, Copy, Debug)]
enum State {
    Up,
    /// Requests get no response.
    Down,
    /// Requests get no response and end in their timeout.
    Hanging,
    Throttling(Option<u64>),
    /// Responses with one of these errors.
    Failing(&'static [usize]),
}

/// The errors that may pass, the errors that need a change, and pages of another server.
const ERRORS: [&[usize]; 3] = [&[6, 7], &[8, 9, 10, 14, 15], &[12, 13]];

struct Scenario {
    random: Random,
    pace: Pace,
    session: CheckedSession,
    service: State,
    iam: State,
    /// The secret that is valid.
    valid: u64,
    known: u64,
    secrets: Vec<u64>,
    is_clock_followed: bool,
    /// The instant at which each issued token becomes invalid, by the token's number.
    deaths: Vec<Instant>,
    life: Duration,
    /// The rejections that the service and IAM count: those in a row, with less than 5 minutes between them.
    rejections: [(u32, Instant); 2],
    is_trouble: bool,
    is_calm: bool,
    calm_since: Instant,
    /// The command that the service holds, and how many it has held.
    held: Option<Command>,
    commands: u64,
    /// The instant since which the present report is pending.
    pending_since: Option<Instant>,
    last_answer: Instant,
    answers: u64,
    calls: u64,
    logins: u64,
    reports: u64,
    /// The number of reports that the service accepted.
    accepted: u64,
}

impl Scenario {
    fn new(seed: u64) -> Self {
        let mut random = Random(seed);
        let first_backoff = random.between(1_000, 30_000);
        let interval = random.between(5_000, 120_000);
        let pace = Pace::default()
            .with_interval(interval)
            .and_then(|pace| pace.with_call_limit(random.between(2_000, 60_000)))
            .and_then(|pace| {
                pace.with_backoff(first_backoff, first_backoff + random.between(0, 600_000))
            })
            .and_then(|pace| pace.with_jitter(u8::try_from(random.below(51)).expect("small")))
            .expect("a legal pace");
        let is_clock_followed = random.one_in(2);
        let kind = KINDS[random.pick(3)];
        let session = CheckedSession::new(kind, pace, random.below(u64::MAX), is_clock_followed);
        let lives = [interval * 6, interval * 8, interval * 20, DAY];
        Self {
            life: Duration::from_secs(lives[random.pick(4)].as_secs() + 1),
            random,
            pace,
            last_answer: session.now(),
            session,
            service: State::Up,
            iam: State::Up,
            valid: 0,
            known: 0,
            secrets: vec![0],
            is_clock_followed,
            deaths: Vec::new(),
            rejections: [(0, Duration::ZERO); 2],
            is_trouble: false,
            is_calm: false,
            calm_since: Duration::ZERO,
            held: None,
            commands: 0,
            pending_since: None,
            answers: 0,
            calls: 0,
            logins: 0,
            reports: 0,
            accepted: 0,
        }
    }

    /// Returns the time by the clocks of the service and IAM.
    fn theirs(&self) -> Timestamp {
        Timestamp::from_unix_time(Duration::from_secs(RIGHT) + self.session.now())
    }

    /// Breaks or repairs one thing.
    fn change(&mut self) {
        match self.random.below(10) {
            0..=2 => self.service = self.state(),
            3 | 4 => self.iam = self.state(),
            5 => self.revoke(),
            // A new password ends the tokens of the old one.
            6 => {
                self.valid += 1;
                self.revoke();
            }
            // The operator learns the valid secret, or sometimes a wrong one.
            7 => self.known = if self.random.one_in(3) { 1_000 } else { self.valid },
            8 => self.renew(),
            _ => self.session.set_clock(Duration::from_secs(match self.random.below(3) {
                0 => RIGHT,
                1 => RIGHT - 3_600 + self.random.below(7_200),
                _ => self.random.below(3_155_760_000),
            })),
        }
    }

    fn revoke(&mut self) {
        let now = self.session.now();
        self.deaths.iter_mut().for_each(|death| *death = now.min(*death));
    }

    fn state(&mut self) -> State {
        match self.random.below(8) {
            0 => State::Down,
            1 => State::Hanging,
            2 => State::Throttling(None),
            3 => State::Throttling(Some(self.random.below(MAX_RETRY_AFTER))),
            4 | 5 => State::Failing(ERRORS[self.random.pick(3)]),
            _ => State::Up,
        }
    }

    /// Hands over a new credential with the secret that the operator knows. Sometimes it is of another kind.
    fn renew(&mut self) {
        let is_same = !self.random.one_in(4);
        let kind = if is_same { self.session.kind() } else { KINDS[self.random.pick(3)] };
        self.secrets.push(self.known);
        self.session.renew(kind);
    }

    /// Carries out one request. Its outcome may be lost.
    fn send(&mut self, sent: &Sent) {
        let (state, count) = match sent.purpose {
            Purpose::Call => (self.service, &mut self.calls),
            Purpose::Login => (self.iam, &mut self.logins),
            Purpose::Report => (self.service, &mut self.reports),
        };
        *count += 1;
        let takes = match state {
            State::Hanging => self.pace.call_limit(),
            _ => self.random.between(1, 2_000),
        };
        // A poll while the request is under way sends nothing.
        self.session.pass(takes / 2);
        assert!(self.session.poll().is_err());
        if self.is_trouble && self.random.one_in(300) {
            // The credential is replaced while the request is under way.
            self.renew();
        }
        let (date, is_lost) = (self.theirs(), self.is_trouble && self.random.one_in(500));
        let response = match state {
            _ if is_lost => return, // The future was dropped.
            State::Down | State::Hanging => None,
            State::Throttling(retry_after) => Some(error_response(THROTTLED, retry_after)),
            State::Failing(errors) => {
                Some(error_response(errors[self.random.pick(errors.len())], None))
            }
            State::Up => Some(self.serve(sent)),
        };
        self.session.pass(takes - takes / 2);
        // The service may have accepted a report although its response is lost.
        let is_response_lost =
            sent.purpose == Purpose::Report && self.is_trouble && self.random.one_in(4);
        let Some(response) = response.filter(|_| !is_response_lost) else {
            return self.session.fail();
        };
        let event = self.session.respond(&dated(response, date));
        if self.session.pending_report().is_none() {
            self.pending_since = None;
        }
        match (event, &self.held) {
            // The command is carried out at once. Some of its reports are late, or never made.
            ("answer", Some(command)) if !self.random.one_in(3) => {
                if self.session.report(command.clone()) {
                    self.pending_since = Some(self.session.now());
                }
                return;
            }
            ("credential_rejected", _) => {}
            _ => return,
        }
        if self.random.one_in(4) {
            self.session.decline();
        }
        if self.random.one_in(2) {
            // The operator takes some time to renew the credential.
            let late = self.random.between(0, 400_000);
            self.run_for(late);
        }
        if self.secrets.last() != Some(&self.known) {
            self.renew();
        }
    }

    /// Makes the response of a server that is up.
    fn serve(&mut self, sent: &Sent) -> Response<String> {
        let (now, theirs) = (self.session.now(), self.theirs());
        let is_late =
            sent.date.is_some_and(|date| ClockSkew::between(date, theirs).exceeds_limit());
        let number = usize::try_from(sent.number).expect("small");
        let is_valid = match sent.kind {
            Kind::Issued => now < self.deaths[number],
            _ => self.secrets[number] == self.valid,
        };
        let server = &mut self.rejections[usize::from(sent.kind == Kind::User)];
        if is_late || !is_valid {
            assert!(!self.is_calm, "{sent:?} is rejected: {:?}", self.session);
            let in_a_row = if now < server.1 + KEY_LOCK { server.0 + 1 } else { 1 };
            *server = (in_a_row, now);
            assert!(in_a_row <= 2, "sends rejected credentials: {:?}", self.session);
            let number = if is_late { WRONG_CLOCK } else { REJECTED[self.random.pick(4)] };
            return error_response(number, None);
        }
        server.0 = 0;
        if sent.kind == Kind::User {
            self.deaths.push(now + self.life);
            return issued(self.deaths.len() as u64 - 1, theirs, self.life);
        }
        if sent.purpose == Purpose::Report {
            return self.take_report();
        }
        self.answers += 1;
        self.last_answer = now;
        if self.random.one_in(if self.held.is_some() { 20 } else { 3 }) {
            // The console replaces a command that was not reported.
            self.held = Some(command("START", self.commands));
            self.commands += 1;
        }
        match &self.held {
            Some(command) => Response::new(json!(command).to_string()),
            None if self.random.one_in(4) => error_response(NO_TASK, None),
            None => Response::new("{}".to_owned()),
        }
    }

    /// Accepts a report or rejects it. A report names no task, so the service applies it to the command that
    /// it holds.
    fn take_report(&mut self) -> Response<String> {
        let reported = self.session.pending_report();
        match self.held.take() {
            Some(held) => {
                assert_eq!(reported, Some(&held), "reports another command: {:?}", self.session);
                self.accepted += 1;
                Response::new("{ }".to_owned())
            }
            None => {
                let body = r#"{"error_code":"SMS.6021","error_msg":"m"}"#.to_owned();
                Response::builder().status(400).body(body).expect("valid")
            }
        }
    }

    fn run_for(&mut self, time: Duration) {
        let end = self.session.now() + time;
        while self.session.now() < end {
            match self.session.poll() {
                Ok(sent) => self.send(&sent),
                Err(next) => {
                    let now = self.session.now();
                    self.session.pass(match self.random.below(50) {
                        // The timer fires early.
                        0 => next.min(end).saturating_sub(now) / 2,
                        // The machine was suspended.
                        1 if self.is_trouble && self.random.one_in(20) => {
                            self.random.between(0, 8 * HOUR)
                        }
                        2 if self.is_trouble => {
                            next.saturating_sub(now) + self.random.between(0, 100_000)
                        }
                        _ => next.min(end).saturating_sub(now) + self.random.between(0, 50),
                    });
                }
            }
            if self.is_calm {
                // An answer comes within the longest wait, a call and a login.
                let most = with_jitter(self.pace, self.pace.interval()) + Duration::from_secs(5);
                let waited = self.session.now() - self.last_answer;
                assert!(waited <= most, "no answer for {waited:?}: {:?}", self.session);
                // A report may also have to wait after an earlier failure, and for a poll.
                let most = with_jitter(self.pace, self.longest_wait()) + most;
                let waited = self.pending_since.map_or(Duration::ZERO, |since| {
                    self.session.now() - since.max(self.calm_since)
                });
                assert!(waited <= most, "not reported for {waited:?}: {:?}", self.session);
            }
        }
    }

    fn trouble(&mut self, time: Duration) {
        let end = self.session.now() + time;
        self.is_trouble = true;
        while self.session.now() < end {
            self.change();
            let time = self.random.between(1_000, HOUR);
            self.run_for(time);
        }
        self.is_trouble = false;
    }

    /// Returns the longest wait after an error.
    fn longest_wait(&self) -> Duration {
        Duration::from_secs(MAX_RETRY_AFTER).max(self.pace.max_backoff())
    }

    /// Everything is up, so the session must recover soon.
    fn calm(&mut self, time: Duration) {
        (self.service, self.iam, self.known) = (State::Up, State::Up, self.valid);
        if !self.is_clock_followed {
            self.session.set_clock(Duration::from_secs(RIGHT));
        }
        // The session uses a valid token even if its present password is wrong.
        if self.session.kind() == Kind::User && self.secrets.last() != Some(&self.valid) {
            self.renew();
        }
        let longest = self.longest_wait();
        let most = with_jitter(self.pace, longest + 48 * KEY_LOCK + 4 * self.pace.interval());
        let start = self.session.now();
        let mut before = self.answers;
        while self.answers == before || !self.session.is_fresh() {
            if !self.session.is_fresh() {
                before = self.answers;
            }
            let waited = self.session.now() - start;
            assert!(waited < most, "does not recover for {waited:?}: {:?}", self.session);
            self.run_for(Duration::from_secs(1));
        }
        (self.is_calm, self.calm_since) = (true, self.session.now());
        self.run_for(time);
        self.is_calm = false;
    }
}

/// Runs the scenario of a seed. Returns its time, and the numbers of calls, logins and accepted reports.
fn run(seed: u64) -> (Duration, [u64; 3]) {
    let mut scenario = Scenario::new(seed);
    let start = scenario.session.now();
    for _ in 0..2 {
        let time = scenario.random.between(60_000, HOUR);
        scenario.trouble(time);
        let time = scenario.random.between(60_000, HOUR);
        scenario.calm(time);
    }
    let time = scenario.session.now() - start;
    let pace = scenario.pace;
    let shortest = pace.interval().min(pace.first_backoff()).as_millis();
    // A renewed credential is tried at once.
    let most = time.as_millis() / shortest * 2 + 2;
    for sent in [scenario.calls, scenario.logins, scenario.reports] {
        assert!(u128::from(sent) <= most, "{sent} requests, at most {most}");
    }
    (time, [scenario.calls, scenario.logins, scenario.accepted])
}

#[test]
fn every_seed_keeps_the_invariants() {
    let chosen = std::env::var("SEED").ok().map(|seed| seed.parse().expect("SEED is a number"));
    let seeds = chosen.map_or(0..SEEDS, |seed: u64| seed..seed + 1);
    let mut sum = (Duration::ZERO, [0; 3]);
    for seed in seeds {
        let ran = panic::catch_unwind(|| run(seed));
        let (time, counts) = ran.unwrap_or_else(|_| panic!("SEED={seed} fails"));
        sum.0 += time;
        sum.1.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
    }
    let (days, [calls, logins, accepted]) = (sum.0.as_secs() / DAY.as_secs(), sum.1);
    println!("{days} days, {calls} calls, {logins} logins, {accepted} reports accepted");
}

#[test]
fn the_same_seed_runs_the_same() {
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
}
