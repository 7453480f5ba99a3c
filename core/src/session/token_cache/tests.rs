//! Tests the waits of the token cache, without jitter except in the test of the jitter. The invariants are in
//! `fuzz/`.

use std::{format, vec::Vec};

use super::*;
use crate::{Endpoint, IamUser, IssueToken, Operation, Scope, Timestamp};

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

const START: Duration = secs(1_000);
const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

fn cache() -> TokenCache<Duration> {
    TokenCache::new(Pace::default().with_jitter(0).expect("a legal pace"), 0, START)
}

fn login() -> IssueToken {
    let iam = Endpoint::new("https://iam.example").expect("valid");
    let user = IamUser::new("d", "n", "p").expect("valid");
    IssueToken::new(&iam, &user, Scope::Account).expect("valid")
}

/// Returns a token with this lifetime. IAM's clock differs from the cache's clock on purpose, because only
/// the lifetime counts.
fn token(name: &str, life: Duration) -> IssuedToken {
    let issued = secs(1_783_296_000);
    let at = Timestamp::from_unix_time;
    let body = format!(
        r#"{{"token":{{"issued_at":"{}","expires_at":"{}"}}}}"#,
        at(issued),
        at(issued + life)
    );
    let response = http::Response::builder().status(201).header("x-subject-token", name);
    login().parse(&response.body(body).expect("valid")).expect("a token")
}

fn rejection(code: &str) -> ResponseError {
    let body = format!(r#"{{"error":{{"code":"{code}","message":"m"}}}}"#);
    let response = http::Response::builder().status(401).body(body).expect("valid");
    login().parse(&response).expect_err("a rejection")
}

fn shown(cache: &TokenCache<Duration>, now: Duration) -> Option<&str> {
    cache.token(now).map(|token| token.reveal())
}

/// Logs in at the instant `now`. The login takes no time.
fn log_in(cache: &mut TokenCache<Duration>, now: Duration, name: &str, life: Duration) {
    assert_eq!(cache.poll(now), Step::Send);
    cache.on_start(now);
    cache.on_issued(now, token(name, life));
}

#[test]
fn a_new_cache_logs_in_at_once() {
    let cache = cache();
    assert_eq!(cache.poll(START - secs(1)), Step::WaitUntil(START));
    assert_eq!(cache.poll(START), Step::Send);
    assert!(cache.token(START).is_none());
    assert_eq!(cache.logins.failures(), 0);
}

#[test]
#[rustfmt::skip]
fn a_token_is_renewed_before_it_expires_and_after_a_day_at_most() {
    // The token's lifetime, the time until the next login, and the time for which the token is in use.
    for (life, next, usable) in [
        // The next login is due at once, but waits for the interval.
        (1, 10, 1),
        (10, 10, 10),
        (16, 12, 16),
        // The next login is due when a quarter of the lifetime is left,
        (60, 45, 60),
        (HOUR, 45 * MINUTE, HOUR),
        (2 * HOUR, 90 * MINUTE, 2 * HOUR),
        // but at most half an hour.
        (3 * HOUR, 150 * MINUTE, 3 * HOUR),
        (DAY, DAY - 30 * MINUTE, DAY),
        // A token with a longer lifetime is replaced after a day, too.
        (DAY + 1, DAY - 30 * MINUTE, DAY),
        (3_652 * DAY, DAY - 30 * MINUTE, DAY),
    ] {
        let mut cache = cache();
        log_in(&mut cache, START, "first", secs(life));
        let (next, end) = (START + secs(next), START + secs(usable));
        assert_eq!(cache.poll(START), Step::WaitUntil(next), "{life}");
        assert_eq!(cache.poll(next - Duration::from_nanos(1)), Step::WaitUntil(next), "{life}");
        assert_eq!(cache.poll(next), Step::Send, "{life}");
        assert_eq!(shown(&cache, end - Duration::from_nanos(1)), Some("first"), "{life}");
        assert_eq!(shown(&cache, end), None, "{life}");
    }
}

#[test]
fn a_lifetime_is_counted_from_the_start_of_the_login() {
    let mut cache = cache();
    cache.on_start(START);
    // The token's lifetime began before the response arrived.
    cache.on_issued(START + secs(20), token("first", secs(60)));
    assert_eq!(cache.poll(START + secs(20)), Step::WaitUntil(START + secs(45)));
    assert_eq!(shown(&cache, START + secs(59)), Some("first"));
    assert_eq!(shown(&cache, START + secs(60)), None);
    // Without a recorded start, the lifetime is counted from the response.
    cache.on_issued(START + secs(100), token("second", secs(60)));
    assert_eq!(shown(&cache, START + secs(159)), Some("second"));
    assert_eq!(shown(&cache, START + secs(160)), None);
    // The start of a failed login does not count for the next one.
    cache.on_start(START + secs(200));
    cache.on_failure(START + secs(201));
    cache.on_issued(START + secs(300), token("third", secs(60)));
    assert_eq!(shown(&cache, START + secs(359)), Some("third"));
}

#[test]
fn jitter_brings_a_login_forward_by_at_most_its_share() {
    for (jitter, life, earliest, latest) in [
        (20, secs(DAY), secs((DAY - 30 * MINUTE) / 10 * 8), secs(DAY - 30 * MINUTE)),
        (20, secs(60), secs(36), secs(45)),
        (100, secs(HOUR), secs(10), secs(45 * MINUTE)),
    ] {
        let next = |seed| {
            let mut cache = TokenCache::new(
                Pace::default().with_jitter(jitter).expect("a legal pace"),
                seed,
                START,
            );
            log_in(&mut cache, START, "t", life);
            match cache.poll(START) {
                Step::WaitUntil(next) => next - START,
                step => panic!("{step:?}"),
            }
        };
        let waits: Vec<Duration> = (0..1_000).map(next).collect();
        assert!(waits.iter().all(|wait| (earliest..=latest).contains(wait)), "{jitter} {life:?}");
        // The waits are spread over the whole share, for a fleet whose machines start together.
        let middle = earliest + (latest - earliest) / 2;
        let early = waits.iter().filter(|wait| **wait < middle).count();
        assert!((400..600).contains(&early), "{early} of 1,000 in the first half");
        assert_eq!(next(42), next(42));
    }
}

#[test]
fn the_old_token_stays_in_use_until_there_is_a_new_one_or_it_expires() {
    let mut cache = cache();
    log_in(&mut cache, START, "old", secs(DAY));
    let due = START + secs(DAY - 30 * MINUTE);
    cache.on_start(due);
    assert_eq!(shown(&cache, due), Some("old"));
    // IAM does not respond. The waits start at 5 s and double up to 5 min.
    let mut now = due;
    for wait in [5, 10, 20, 40, 80, 160, 300, 300] {
        cache.on_failure(now);
        assert_eq!(cache.poll(now), Step::WaitUntil(now + secs(wait)));
        assert_eq!(shown(&cache, now), Some("old"));
        now += secs(wait);
        assert_eq!(cache.poll(now), Step::Send);
        cache.on_start(now);
    }
    assert_eq!(cache.logins.failures(), 8);
    cache.on_issued(now, token("new", secs(DAY)));
    assert_eq!((shown(&cache, now), cache.logins.failures()), (Some("new"), 0));
    assert_eq!(shown(&cache, now + secs(DAY)), None);

    // IAM does not respond until the old token has expired.
    let mut now = now + secs(DAY - 30 * MINUTE);
    let end = now + secs(30 * MINUTE);
    while now < end {
        assert_eq!(shown(&cache, now), Some("new"));
        cache.on_start(now);
        cache.on_failure(now);
        let Step::WaitUntil(next) = cache.poll(now) else { panic!("no backoff") };
        now = next;
    }
    assert_eq!(shown(&cache, now), None);
    log_in(&mut cache, now, "newest", secs(DAY));
    assert_eq!(shown(&cache, now), Some("newest"));
}

#[test]
fn a_discarded_token_is_not_used_and_the_interval_is_kept() {
    let mut cache = cache();
    let mut now = START;
    for _ in 0..3 {
        log_in(&mut cache, now, "t", secs(DAY));
        cache.discard();
        assert_eq!(shown(&cache, now), None);
        // A second rejection of the same token changes nothing.
        cache.discard();
        assert_eq!(cache.poll(now), Step::WaitUntil(now + secs(10)));
        now += secs(10);
    }
    // If the last login was long ago, the next one is due at once.
    log_in(&mut cache, now, "t", secs(DAY));
    cache.discard();
    assert_eq!(cache.poll(now + secs(HOUR)), Step::Send);
    // While a login is under way, no other one is sent within its limit, and its token counts.
    let now = now + secs(HOUR);
    cache.on_start(now);
    cache.discard();
    assert_eq!(cache.poll(now), Step::WaitUntil(now + secs(30)));
    cache.on_issued(now + secs(1), token("new", secs(DAY)));
    assert_eq!(shown(&cache, now + secs(1)), Some("new"));
}

#[test]
fn a_login_with_a_lost_outcome_is_repeated_after_its_limit() {
    let mut cache = cache();
    cache.on_start(START);
    assert_eq!(cache.poll(START), Step::WaitUntil(START + secs(30)));
    assert_eq!(cache.poll(START + secs(30)), Step::Send);
    // The new token's lifetime is counted from its own login.
    log_in(&mut cache, START + secs(30), "t", secs(60));
    assert_eq!(shown(&cache, START + secs(89)), Some("t"));
}

#[test]
fn a_new_password_is_tried_at_once_after_a_first_rejection() {
    let mut cache = cache();
    cache.on_start(START);
    cache.on_error(START, &rejection("401"));
    assert_eq!(cache.poll(START), Step::RenewCredential);
    cache.on_renewed();
    assert_eq!(cache.poll(START), Step::Send);
    // The new password is rejected as well. Another one has to wait for the pause.
    cache.on_start(START);
    cache.on_error(START, &rejection("401"));
    cache.on_renewed();
    let end = START + secs(300);
    assert_eq!(cache.poll(START), Step::WaitUntil(end));
    log_in(&mut cache, end, "t", secs(DAY));
    // After an accepted password, the next rejection counts as a first one.
    let now = end + secs(DAY);
    cache.on_start(now);
    cache.on_error(now, &rejection("401"));
    assert_eq!(cache.poll(now), Step::RenewCredential);
}

#[test]
fn a_rejected_password_is_tried_again_after_the_pause() {
    let mut cache = cache();
    cache.on_start(START);
    cache.on_error(START, &rejection("401"));
    cache.decline(START);
    let end = START + secs(300);
    assert_eq!(cache.poll(START), Step::WaitUntil(end));
    assert_eq!(cache.poll(end), Step::RenewCredential);
    // There is no new password. The old one may be valid again.
    cache.decline(end);
    assert_eq!(cache.poll(end), Step::Send);
    cache.on_start(end);
    cache.on_error(end, &rejection("401"));
    assert_eq!(cache.poll(end), Step::RenewCredential);
    cache.decline(end);
    assert_eq!(cache.poll(end), Step::WaitUntil(end + secs(600)));
}

#[test]
fn a_valid_token_stays_in_use_after_its_password_is_rejected() {
    let mut cache = cache();
    log_in(&mut cache, START, "t", secs(DAY));
    let due = START + secs(DAY - 30 * MINUTE);
    cache.on_start(due);
    cache.on_error(due, &rejection("401"));
    // The cache wants a new password while the token is valid, so that there is time to get one.
    assert_eq!((cache.poll(due), shown(&cache, due)), (Step::RenewCredential, Some("t")));
    cache.on_renewed();
    assert_eq!((cache.poll(due), shown(&cache, due)), (Step::Send, Some("t")));
    // A renewal that the cache did not want changes nothing.
    log_in(&mut cache, due, "u", secs(DAY));
    let before = cache.poll(due);
    cache.on_renewed();
    cache.decline(due);
    assert_eq!((cache.poll(due), shown(&cache, due)), (before, Some("u")));
}

/// A login whose outcome was lost may get a response after another login got a token.
#[test]
fn a_late_rejection_of_a_login_waits_until_the_token_is_due_for_renewal() {
    let mut cache = cache();
    log_in(&mut cache, START, "t", secs(DAY));
    let due = START + secs(DAY - 30 * MINUTE);
    cache.on_error(START + secs(60), &rejection("401"));
    for now in [START + secs(60), due - secs(1)] {
        assert_eq!(cache.poll(now), Step::WaitUntil(due));
    }
    assert_eq!(cache.poll(due), Step::RenewCredential);
    // Without the token the renewal is due at once.
    cache.discard();
    assert_eq!(cache.poll(START + secs(60)), Step::RenewCredential);
}

/// The service rejects a token, the cache gets another one, and the poller goes on.
#[test]
fn the_poller_of_the_service_pauses_after_a_second_rejected_token() {
    let expired = {
        let body = r#"{"error_code":"APIGW.0307","error_msg":"m"}"#;
        let response = http::Response::builder().status(401).body(body).expect("valid");
        login().parse(&response).expect_err("a rejection")
    };
    let mut tokens = cache();
    let mut poller = Poller::new(Pace::default().with_jitter(0).expect("a legal pace"), 0, START);
    log_in(&mut tokens, START, "old", secs(DAY));
    poller.on_start(START);
    poller.on_answer(START);

    let now = START + secs(10);
    assert_eq!(poller.poll(now), Step::Send);
    poller.on_start(now);
    poller.on_error(now, &expired);
    assert_eq!(poller.poll(now), Step::RenewCredential);
    tokens.discard();
    assert!(tokens.token(now).is_none());
    log_in(&mut tokens, now, "new", secs(DAY));
    poller.on_renewed();
    assert_eq!(poller.poll(now), Step::Send);

    // The service rejects the new token as well. The poller pauses, although the cache has another token.
    poller.on_start(now);
    poller.on_error(now, &expired);
    tokens.discard();
    let later = now + secs(10);
    log_in(&mut tokens, later, "newer", secs(DAY));
    poller.on_renewed();
    assert_eq!(poller.poll(later), Step::WaitUntil(now + secs(300)));
    let end = now + secs(300);
    assert_eq!((poller.poll(end), shown(&tokens, end)), (Step::Send, Some("newer")));
    poller.on_start(end);
    poller.on_answer(end);
    assert_eq!(poller.poll(end), Step::WaitUntil(end + secs(10)));
}

#[test]
fn debug_shows_the_state_and_not_the_token() {
    let mut cache = cache();
    log_in(&mut cache, START, "canary", secs(60));
    let shown = format!("{cache:?}");
    assert!(
        shown.starts_with("TokenCache { renew_at: Some(1045s), expires_at: Some(1060s), logins: "),
        "{shown}"
    );
    assert!(!shown.contains("canary"), "{shown}");
}
