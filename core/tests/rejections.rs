//! Tests how several sessions share their rejected credentials.

use std::time::Duration;

use huaweicloud_sms_core::{
    AccessKey, ApiError, AuthToken, Authorize, Credential, Endpoint, Event, Fingerprint, IamUser,
    IssueToken, Permit, Rejections, ResponseError, Scope, Timestamp, Unauthenticated,
    http::{Response, StatusCode},
};

const MINUTE: Duration = Duration::from_secs(60);
const NOW: Duration = MINUTE;

type Shared = Rejections<Duration>;

fn token(text: &str) -> Fingerprint {
    Credential::from(AuthToken::new(text).expect("valid")).fingerprint()
}

fn error(status: u16, code: &str) -> ResponseError {
    let error = ApiError::new(StatusCode::from_u16(status).expect("a status"), code, "m");
    ResponseError::Api(Box::new(error))
}

fn rejected() -> Event<()> {
    Event::CredentialRejected(error(401, "SMS.6521"))
}

/// Tries the credential and reports the event. Another session waits for the outcome if it has to.
fn report(shared: &mut Shared, now: Duration, event: &Event<()>) -> bool {
    assert_eq!(shared.poll(token("t"), now), Permit::Send);
    shared.poll(token("t"), now);
    shared.on_event(token("t"), now, event)
}

#[test]
fn a_credential_is_tried_by_one_session_at_a_time_until_it_is_accepted() {
    let mut shared = Shared::default();
    let end = NOW + Duration::from_secs(10);
    assert_eq!(shared.poll(token("t"), NOW), Permit::Send);
    let second = Duration::from_secs(1);
    assert_eq!(shared.poll(token("t"), NOW), Permit::WaitUntil(NOW + second));
    assert_eq!(shared.poll(token("t"), end - second / 2), Permit::WaitUntil(end));
    // Another credential is tried independently.
    assert_eq!(shared.poll(token("u"), NOW), Permit::Send);
    assert!(shared.on_event(token("t"), NOW, &Event::Answer(())), "others may go on");
    for _ in 0..2 {
        assert_eq!(shared.poll(token("t"), NOW), Permit::Send);
    }
    // A failure does not change an accepted credential, and no session waits for it.
    shared.on_failure(token("t"));
    assert!(!shared.on_event(token("t"), NOW, &Event::Answer(())));
    assert_eq!(shared.poll(token("t"), NOW), Permit::Send);
}

#[test]
fn a_failure_or_a_lost_outcome_lets_the_next_session_try() {
    let mut shared = Shared::default();
    let end = NOW + Duration::from_secs(10);
    assert_eq!(shared.poll(token("t"), NOW), Permit::Send);
    assert_eq!(shared.poll(token("t"), end), Permit::Send);
    shared.on_failure(token("t"));
    assert!(!report(&mut shared, end, &Event::Error(error(503, "SMS.6000"))));
    assert!(!report(&mut shared, end, &Event::LoginError(error(503, "SMS.6000"))));
    // There is no task, so the credential was accepted.
    assert!(report(&mut shared, end, &Event::Error(error(404, "SMS.7606"))));
    assert!(!report(&mut shared, end, &Event::Error(error(503, "SMS.6000"))));
}

#[test]
fn every_session_gets_a_rejection_and_the_pauses_grow() {
    let mut shared = Shared::default();
    let mut now = NOW;
    for minutes in [5, 10, 20, 40, 60, 60] {
        assert!(report(&mut shared, now, &rejected()));
        // The responses to requests that were under way change nothing.
        assert!(!shared.on_event(token("t"), now, &rejected()));
        now += minutes * MINUTE;
        let permit = shared.poll(token("t"), now - Duration::from_nanos(1));
        assert_eq!(permit, Permit::Rejected(error(401, "SMS.6521")));
    }
    assert!(report(&mut shared, now, &Event::Answer(())));
    report(&mut shared, now, &rejected());
    assert_eq!(shared.poll(token("t"), now + 5 * MINUTE), Permit::Send);
}

#[test]
fn retry_after_lengthens_the_pause() {
    let response = Response::builder().status(401).header("retry-after", "900");
    let error = ResponseError::from_response(&response.body("").expect("valid"));
    let mut shared = Shared::default();
    report(&mut shared, NOW, &Event::CredentialRejected(error.clone()));
    let end = NOW + 15 * MINUTE;
    assert_eq!(shared.poll(token("t"), end - MINUTE), Permit::Rejected(error));
    assert_eq!(shared.poll(token("t"), end), Permit::Send);
}

#[test]
fn the_result_of_a_single_call_counts() {
    let mut shared = Shared::default();
    let fail = |status, code| Err::<(), _>(error(status, code));
    shared.on_result(token("t"), NOW, &fail(401, "SMS.6521"));
    assert!(matches!(shared.poll(token("t"), NOW), Permit::Rejected(_)));
    shared.on_result(token("t"), NOW, &fail(503, "SMS.6000"));
    assert!(matches!(shared.poll(token("t"), NOW), Permit::Rejected(_)));
    assert!(shared.has_rejected());
    shared.on_result(token("t"), NOW, &Ok(()));
    assert!(!shared.has_rejected());
    assert_eq!(shared.poll(token("t"), NOW), Permit::Send);
    shared.on_result(token("t"), NOW, &fail(401, "SMS.6521"));
    shared.on_result(token("t"), NOW, &fail(404, "SMS.7606"));
    assert_eq!(shared.poll(token("t"), NOW), Permit::Send);
}

#[test]
fn it_forgets_accepted_credentials_first() {
    let mut shared = Shared::default();
    report(&mut shared, NOW, &rejected());
    for number in 0..1_000 {
        let accepted = token(&number.to_string());
        assert_eq!(shared.poll(accepted, NOW), Permit::Send);
        shared.on_event(accepted, NOW, &Event::Answer(()));
    }
    assert!(matches!(shared.poll(token("t"), NOW), Permit::Rejected(_)));
    let size = format!("{shared:?}").matches("Fingerprint(redacted)").count();
    assert_eq!(size, 64);
}

#[test]
fn a_fingerprint_tells_every_credential_from_the_others() {
    let key = |id, secret| AccessKey::new(id, secret).expect("valid");
    let login = |iam, password| {
        let user = IamUser::new("account", "user", password).expect("valid");
        let login = IssueToken::new(&Endpoint::new(iam).expect("valid"), &user, Scope::Account);
        login.expect("valid")
    };
    let credentials: [Credential; 9] = [
        AuthToken::new("ab").expect("valid").into(),
        AuthToken::new("ac").expect("valid").into(),
        key("a", "b").into(),
        key("ab", "c").into(),
        key("a", "bc").into(),
        key("a", "b").with_security_token("c").expect("valid").into(),
        login("https://iam.example", "p").into(),
        login("https://iam.example", "q").into(),
        login("https://iam.other", "p").into(),
    ];
    for (index, one) in credentials.iter().enumerate() {
        assert_eq!(one.fingerprint(), one.clone().fingerprint());
        for other in &credentials[index + 1..] {
            assert_ne!(one.fingerprint(), other.fingerprint(), "{one:?} {other:?}");
        }
    }
    // The fingerprint of a signer does not depend on its timestamp.
    let signer = key("a", "b");
    let signer: &dyn Authorize = &signer.signer(Timestamp::MAX);
    assert_eq!(signer.fingerprint(), Some(credentials[2].fingerprint()));
    let token = AuthToken::new("ab").expect("valid");
    assert_eq!(Authorize::fingerprint(&token), Some(credentials[0].fingerprint()));
    assert_eq!(Unauthenticated.fingerprint(), None);
}
