//! Tests the waits in the table of the poller's docs, without jitter. The invariants are in `fuzz/`.

use std::time::{Duration, Instant};

use huaweicloud_sms_core::{
    Endpoint, ObtainCommand, Operation, Pace, Poller, ResponseError, ServerId, Step, http,
};

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

const START: Duration = secs(1_000);

fn poller() -> Poller<Duration> {
    Poller::new(Pace::default().with_jitter(0).expect("a legal pace"), 0, START)
}

fn error(status: u16, headers: &[(&str, &str)], code: &str, message: &str) -> ResponseError {
    let endpoint = Endpoint::new("https://sms.example").expect("valid");
    let call = ObtainCommand::new(&endpoint, &ServerId::new("id").expect("valid"));
    let mut response = http::Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    let body = format!(r#"{{"error_code":"{code}","error_msg":"{message}"}}"#);
    call.parse(&response.body(body).expect("valid")).expect_err("an error")
}

/// Returns the poller's wait after an outcome of a call that was just started.
fn waits(poller: &mut Poller<Duration>, outcome: impl Fn(&mut Poller<Duration>)) -> Duration {
    poller.on_start(START);
    outcome(poller);
    match poller.poll(START) {
        Step::WaitUntil(next) => next - START,
        Step::Send | Step::RenewCredential => Duration::ZERO,
    }
}

fn waits_after_error(status: u16, headers: &[(&str, &str)], code: &str) -> Duration {
    let error = error(status, headers, code, "m");
    waits(&mut poller(), |poller| poller.on_error(START, &error))
}

#[test]
fn the_first_call_is_sent_at_its_instant() {
    let poller = poller();
    assert_eq!(poller.poll(START - secs(1)), Step::WaitUntil(START));
    assert_eq!(poller.poll(START), Step::Send);
    assert_eq!(poller.poll(START + secs(1)), Step::Send);
}

#[test]
fn a_lost_outcome_waits_for_the_call_limit_or_the_interval() {
    assert_eq!(waits(&mut poller(), |_| ()), secs(30));
    let pace = Pace::default()
        .with_jitter(0)
        .expect("a legal pace")
        .with_interval(secs(60))
        .expect("a legal pace");
    let mut slow = Poller::new(pace, 0, START);
    assert_eq!(waits(&mut slow, |_| ()), secs(60));
}

#[test]
fn an_answer_waits_for_the_interval() {
    assert_eq!(waits(&mut poller(), |poller| poller.on_answer(START)), secs(10));
    assert_eq!(waits_after_error(400, &[], "SMS.7606"), secs(10));
}

#[test]
fn failures_double_the_wait_and_an_answer_ends_them() {
    let mut poller = poller();
    for expected in [5, 10, 20, 40, 80, 160, 300, 300] {
        let waited = waits(&mut poller, |poller| poller.on_failure(START));
        // `waits` starts the next call although this wait is not over, because only its length counts.
        assert_eq!(waited, secs(expected));
    }
    assert_eq!(poller.failures(), 8);
    assert_eq!(waits(&mut poller, |poller| poller.on_answer(START)), secs(10));
    assert_eq!(poller.failures(), 0);
    assert_eq!(waits(&mut poller, |poller| poller.on_failure(START)), secs(5));
    // The wait stays at its limit for any number of failures.
    for _ in 0..100 {
        assert!(waits(&mut poller, |poller| poller.on_failure(START)) <= secs(300));
    }
}

#[test]
fn each_kind_of_error_has_its_wait() {
    for (status, code, expected) in [
        (500, "SMS.6000", 5),
        (503, "APIGW.0613", 5),
        (429, "APIGW.0308", 5),
        (404, "SMS.7602", 300),
        (404, "APIGW.0101", 300),
        (403, "SMS.6523", 300),
        (403, "SMS.6542", 300),
        (400, "SMS.6016", 300),
        // After these errors the poller wants a renewal at once.
        (401, "SMS.6521", 0),
        (400, "SMS.0205", 0),
        (302, "", 5),
    ] {
        assert_eq!(waits_after_error(status, &[], code), secs(expected), "{status} {code}");
    }
    // An error with the longest wait counts as a failure, too.
    let mut poller = poller();
    let unknown = error(404, &[], "SMS.7602", "m");
    waits(&mut poller, |poller| poller.on_error(START, &unknown));
    assert_eq!(waits(&mut poller, |poller| poller.on_failure(START)), secs(10));
}

#[test]
fn retry_after_only_lengthens() {
    let after = |value: &str| waits_after_error(429, &[("retry-after", value)], "APIGW.0308");
    assert_eq!(after("1"), secs(5));
    assert_eq!(after("7"), secs(7));
    assert_eq!(after("99999999"), secs(24 * 60 * 60));
    let date = [
        ("date", "Sun, 06 Nov 1994 08:49:37 GMT"),
        ("retry-after", "Sun, 06 Nov 1994 08:50:37 GMT"),
    ];
    assert_eq!(waits_after_error(503, &date, "APIGW.0613"), secs(60));
    assert_eq!(waits_after_error(404, &[("retry-after", "900")], "SMS.7602"), secs(900));
    let pace = Pace::default().with_jitter(0).and_then(|pace| pace.with_max_retry_after(secs(60)));
    for (value, waited) in [("59", 59), ("3600", 60)] {
        let error = error(429, &[("retry-after", value)], "APIGW.0308", "m");
        let mut poller = Poller::new(pace.clone().expect("a legal pace"), 0, START);
        assert_eq!(waits(&mut poller, |poller| poller.on_error(START, &error)), secs(waited));
    }
    // The longest wait is the cap, also with jitter.
    let mut jittery =
        Poller::new(Pace::default().with_jitter(100).expect("a legal pace"), 1, START);
    let throttled = error(429, &[("retry-after", "86400")], "APIGW.0308", "m");
    assert_eq!(waits(&mut jittery, |poller| poller.on_error(START, &throttled)), Pace::MAX);
}

#[test]
fn a_rejected_credential_is_renewed_once_and_then_pauses() {
    let rejected = error(401, &[], "SMS.6521", "m");
    let mut poller = poller();
    assert_eq!(waits(&mut poller, |poller| poller.on_error(START, &rejected)), secs(0));
    assert_eq!(poller.poll(START), Step::RenewCredential);
    poller.on_renewed();
    assert_eq!(poller.poll(START), Step::Send);

    // After a second rejection there is a pause, then another renewal.
    assert_eq!(waits(&mut poller, |poller| poller.on_error(START, &rejected)), secs(300));
    assert_eq!(poller.poll(START + secs(300)), Step::RenewCredential);
    poller.on_renewed();
    assert_eq!(poller.poll(START + secs(300)), Step::Send);
    // A renewal inside the pause does not end it.
    assert_eq!(waits(&mut poller, |poller| poller.on_error(START, &rejected)), secs(600));
    poller.on_renewed();
    assert_eq!(poller.poll(START), Step::WaitUntil(START + secs(600)));
    assert_eq!(poller.poll(START + secs(600)), Step::Send);

    // After an answer, the next rejection counts as a first one.
    assert_eq!(waits(&mut poller, |poller| poller.on_answer(START)), secs(10));
    assert_eq!(waits(&mut poller, |poller| poller.on_error(START, &rejected)), secs(0));
    assert_eq!(poller.poll(START), Step::RenewCredential);
}

#[test]
fn an_accepted_credential_is_good_again() {
    let rejected = error(401, &[], "APIGW.0307", "m");
    let mut poller = poller();
    for _ in 0..3 {
        assert_eq!(waits(&mut poller, |poller| poller.on_error(START, &rejected)), secs(0));
        assert_eq!(poller.poll(START), Step::RenewCredential);
        poller.on_renewed();
        assert_eq!(waits(&mut poller, |poller| poller.on_answer(START)), secs(10));
    }
    // A failure in between says nothing about the credential.
    assert_eq!(waits(&mut poller, |poller| poller.on_error(START, &rejected)), secs(0));
    poller.on_renewed();
    assert_eq!(waits(&mut poller, |poller| poller.on_failure(START)), secs(5));
    assert_eq!(waits(&mut poller, |poller| poller.on_error(START, &rejected)), secs(300));
}

#[test]
fn without_a_new_credential_it_wants_one_again_after_the_pause() {
    let rejected = error(401, &[], "SMS.6521", "m");
    let mut poller = poller();
    assert_eq!(waits(&mut poller, |poller| poller.on_error(START, &rejected)), secs(0));
    poller.decline(START + secs(2));
    let end = START + secs(302);
    assert_eq!(poller.poll(START + secs(2)), Step::WaitUntil(end));
    // A `decline` that the poller did not want changes nothing.
    poller.decline(end - secs(1));
    assert_eq!(poller.poll(end), Step::RenewCredential);
    // There is no new credential. The old one may be valid again.
    poller.decline(end);
    assert_eq!(poller.poll(end), Step::Send);
    poller.on_start(end);
    poller.on_error(end, &rejected);
    // The pause is over, so a new credential would be tried at once.
    assert_eq!(poller.poll(end), Step::RenewCredential);
    poller.decline(end);
    assert_eq!(poller.poll(end), Step::WaitUntil(end + secs(600)));
}

#[test]
fn the_pauses_grow_with_each_rejection_in_a_row() {
    let rejected = error(401, &[], "SMS.6521", "m");
    let mut poller = poller();
    let mut now = START;
    let mut pause = |poller: &mut Poller<Duration>| {
        poller.on_start(now);
        poller.on_error(now, &rejected);
        poller.decline(now);
        let Step::WaitUntil(end) = poller.poll(now) else { panic!("a pause") };
        // There is still no new credential, and the old one is tried.
        poller.decline(end);
        assert_eq!(poller.poll(end), Step::Send);
        (end - std::mem::replace(&mut now, end)).as_secs() / 60
    };
    for minutes in [5, 10, 20, 40, 60, 60, 60] {
        assert_eq!(pause(&mut poller), minutes);
    }
    // An answer ends the row, even if the outcome of a call before it was lost.
    poller.on_answer(START);
    assert_eq!(pause(&mut poller), 5);
    // Neither a failure nor a locked key ends the row.
    poller.on_failure(START);
    assert_eq!(pause(&mut poller), 10);
    let locked = error(401, &[], "APIGW.0301", "failed to reach the limit");
    assert_eq!(waits(&mut poller, |poller| poller.on_error(START, &locked)), secs(20 * 60));
}

#[test]
fn a_new_credential_ends_the_pause_of_a_declined_renewal() {
    let rejected = error(401, &[], "SMS.6521", "m");
    let mut poller = poller();
    assert_eq!(waits(&mut poller, |poller| poller.on_error(START, &rejected)), secs(0));
    poller.decline(START + secs(2));
    assert_eq!(poller.poll(START + secs(60)), Step::WaitUntil(START + secs(302)));
    poller.on_renewed();
    assert_eq!(poller.poll(START + secs(60)), Step::Send);
    // `Retry-After` of the rejection still counts.
    let throttled = error(401, &[("retry-after", "100")], "SMS.6521", "m");
    let mut poller = self::poller();
    assert_eq!(waits(&mut poller, |poller| poller.on_error(START, &throttled)), secs(100));
    poller.decline(START + secs(100));
    poller.on_renewed();
    assert_eq!(poller.poll(START + secs(99)), Step::WaitUntil(START + secs(100)));
    assert_eq!(poller.poll(START + secs(100)), Step::Send);
}

#[test]
fn a_locked_key_pauses_at_once() {
    let locked = error(401, &[], "APIGW.0301", "failed to reach the limit");
    let mut locked_out = poller();
    assert_eq!(waits(&mut locked_out, |poller| poller.on_error(START, &locked)), secs(300));
    assert_eq!(locked_out.poll(START + secs(300)), Step::RenewCredential);
    // The poller also pauses if the key has just been renewed.
    let rejected = error(401, &[], "APIGW.0301", "verify aksk signature fail");
    let mut renewed = poller();
    waits(&mut renewed, |poller| poller.on_error(START, &rejected));
    renewed.on_renewed();
    assert_eq!(waits(&mut renewed, |poller| poller.on_error(START, &locked)), secs(300));
    // A `Retry-After` with the first rejection delays the renewal.
    let rejected = error(401, &[("retry-after", "60")], "SMS.6521", "m");
    let mut poller = poller();
    assert_eq!(waits(&mut poller, |poller| poller.on_error(START, &rejected)), secs(60));
    assert_eq!(poller.poll(START + secs(60)), Step::RenewCredential);
}

#[test]
fn a_clock_error_is_renewed_once_and_then_pauses() {
    for error in [
        error(401, &[], "SMS.0205", "m"),
        error(401, &[], "APIGW.0301", "verify aksk signature fail, signature expired"),
    ] {
        let mut poller = poller();
        assert_eq!(waits(&mut poller, |poller| poller.on_error(START, &error)), secs(0));
        assert_eq!(poller.poll(START), Step::RenewCredential);
        poller.on_renewed();
        assert_eq!(waits(&mut poller, |poller| poller.on_error(START, &error)), secs(300));
        assert_eq!(poller.poll(START + secs(300)), Step::RenewCredential);
    }
}

#[test]
fn an_outcome_without_a_call_never_shortens_a_wait() {
    let mut poller = poller();
    waits(&mut poller, |poller| {
        poller.on_error(START, &error(404, &[], "SMS.7602", "m"));
        poller.on_answer(START);
        poller.on_failure(START);
        poller.on_renewed();
        poller.decline(START);
    });
    assert_eq!(poller.poll(START), Step::WaitUntil(START + secs(300)));
}

#[test]
fn jitter_lengthens_within_its_share_and_differs_by_seed() {
    let wait = |seed| {
        let mut poller = Poller::new(Pace::default(), seed, START);
        waits(&mut poller, |poller| poller.on_answer(START))
    };
    let waits: Vec<Duration> = (0..1_000).map(wait).collect();
    assert!(waits.iter().all(|wait| (secs(10)..=secs(12)).contains(wait)));
    // The waits are spread over the whole share: each quarter has its part.
    for quarter in 0..4 {
        let from = secs(10) + Duration::from_millis(500) * quarter;
        let to = from + Duration::from_millis(500);
        let count = waits.iter().filter(|wait| (from..to).contains(*wait)).count();
        assert!((200..300).contains(&count), "{count} of 1,000 in quarter {quarter}");
    }
    assert_eq!(wait(42), wait(42));
}

/// The wait is SplitMix64's second value for each seed, because the start of the call takes the first. Its
/// upper half is scaled to the millionths of a 20 % jitter.
#[test]
fn a_seed_gives_the_same_instants_in_each_release() {
    for (seed, millionths) in [(0, 86306), (1, 149157), (2, 149830), (1234567, 34728)] {
        let mut poller = Poller::new(Pace::default(), seed, START);
        let waited = waits(&mut poller, |poller| poller.on_answer(START));
        assert_eq!(waited, secs(10) + Duration::from_micros(10) * millionths, "{seed}");
    }
}

#[test]
fn a_pace_out_of_its_limits_is_rejected() {
    let day = Pace::MAX;
    let over = day + Duration::from_nanos(1);
    let pace = Pace::default;
    for (result, rule) in [
        (pace().with_interval(secs(0)), "have an interval of more than 0 and at most 24 hours"),
        (pace().with_interval(over), "have an interval of more than 0 and at most 24 hours"),
        (pace().with_call_limit(secs(0)), "have a call limit of more than 0 and at most 24 hours"),
        (pace().with_call_limit(over), "have a call limit of more than 0 and at most 24 hours"),
        (
            pace().with_backoff(secs(0), secs(1)),
            "have backoffs of more than 0 and at most 24 hours",
        ),
        (pace().with_backoff(secs(1), over), "have backoffs of more than 0 and at most 24 hours"),
        (pace().with_backoff(secs(2), secs(1)), "not have a first backoff over the largest"),
        (
            pace().with_max_retry_after(secs(0)),
            "have a limit of Retry-After of more than 0 and at most 24 hours",
        ),
        (
            pace().with_max_retry_after(over),
            "have a limit of Retry-After of more than 0 and at most 24 hours",
        ),
        (pace().with_jitter(101), "have a jitter of at most 100 percent"),
    ] {
        let error = result.expect_err("rejected");
        assert_eq!(error.to_string(), format!("the pace must {rule}"));
        assert_eq!(error.input(), "pace");
    }
    for (duration, jitter) in [(day, 100), (Duration::from_nanos(1), 0)] {
        let pace = pace().with_interval(duration).and_then(|pace| pace.with_call_limit(duration));
        let pace = pace.and_then(|pace| pace.with_backoff(duration, duration));
        let pace = pace.and_then(|pace| pace.with_max_retry_after(duration));
        assert!(pace.and_then(|pace| pace.with_jitter(jitter)).is_ok());
    }
}

#[test]
fn a_poller_is_small_and_shows_its_state() {
    assert!(size_of::<Poller<Instant>>() <= 152, "{}", size_of::<Poller<Instant>>());
    let shown = format!("{:?}", poller());
    assert!(shown.starts_with("Poller { next: 1000s, failures: 0, credential: Good"), "{shown}");
}
