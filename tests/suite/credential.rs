use super::*;

#[test]
fn a_watch_signs_each_call() {
    let service = start(script());
    let mut watch = client().watch(call(&service), key(SK), pace());
    for _ in 0..3 {
        assert_eq!(word(wait!(watch.recv())), "START");
    }
    let mut watch = client().watch(call(&service), key("wrong"), pace());
    assert_eq!(word(wait!(watch.recv())), "rejected: 401");
    watch.renew(key(SK));
    assert_eq!(word(wait!(watch.recv())), "START");
}

#[test]
fn a_second_rejection_of_a_key_starts_a_pause() {
    let service = start(script());
    let mut watch = client().watch(call(&service), key("wrong"), pace());
    assert_eq!(word(wait!(watch.recv())), "rejected: 401");
    watch.renew(key("wrong-too"));
    assert_eq!(word(wait!(watch.recv())), "rejected: 401");
    watch.renew(key(SK));
    assert!(watch.due() > std::time::Instant::now() + 4 * MINUTE);
    assert_eq!(service.request_count(), 2);
}

#[test]
fn a_followed_clock_is_corrected_once_and_again_when_it_jumps() {
    let client = client().follow_server_clock(true);
    let service = start(script().clock_behind(20 * MINUTE));
    let mut watch = client.watch(call(&service), key(SK), pace());
    for jump in [60 * MINUTE, Duration::ZERO] {
        for expected in ["401", "START", "START"] {
            assert_eq!(word(wait!(watch.recv())), expected);
        }
        service.advance(jump);
    }
    // Another watch of the client knows the clock.
    let mut other = client.watch(call(&service), key(SK), pace());
    assert_eq!(word(wait!(other.recv())), "START");
}

#[test]
fn a_login_is_repeated_when_its_token_ends() {
    let service = start(script());
    let mut watch = client().watch(call(&service), login(&service, "password"), pace());
    let end: [&dyn Fn(); 3] =
        [&|| service.revoke_tokens(), &|| service.advance(25 * 60 * MINUTE), &|| ()];
    assert_eq!(word(wait!(watch.recv())), "logged in for 86400 s");
    for end in end {
        assert_eq!(word(wait!(watch.recv())), "START");
        end();
        let event = word(wait!(watch.recv()));
        if event == "401" {
            assert_eq!(word(wait!(watch.recv())), "logged in for 86400 s");
        }
    }
    let logins = service.requests().iter().filter(|request| request.method == "POST").count();
    assert_eq!(logins, 3);
}

#[test]
fn a_login_that_fails_is_repeated() {
    let keystone = r#"{"error":{"message":"m","code":503,"title":"Service Unavailable"}}"#;
    let service = start(script().login([
        Scripted::body(503, keystone),
        Scripted::raw("garbage"),
        Scripted::body(201, "{}"),
    ]));
    let mut watch = client().watch(call(&service), login(&service, "password"), pace());
    for expected in
        ["login: 503", "login: the peer did not speak HTTP", "login: 201", "logged in for 86400 s"]
    {
        let event = word(wait!(watch.recv()));
        assert!(event.starts_with(expected), "{event}");
    }
    assert_eq!(word(wait!(watch.recv())), "START");
}

#[test]
fn a_rejected_password_pauses_and_a_new_one_is_tried_at_once() {
    let service = start(script());
    let mut watch = client().watch(call(&service), login(&service, "wrong"), pace());
    assert_eq!(word(wait!(watch.recv())), "rejected: 401");
    watch.renew(login(&service, "wrong too"));
    assert_eq!(word(wait!(watch.recv())), "rejected: 401");
    watch.decline();
    assert!(watch.due() > std::time::Instant::now() + 4 * MINUTE);
    assert_eq!(service.request_count(), 2);

    let mut watch = client().watch(call(&service), login(&service, "wrong"), pace());
    assert_eq!(word(wait!(watch.recv())), "rejected: 401");
    watch.renew(login(&service, "password"));
    assert_eq!(word(wait!(watch.recv())), "logged in for 86400 s");
    assert_eq!(word(wait!(watch.recv())), "START");
}

#[test]
fn another_kind_of_credential_can_follow() {
    let service = start(script());
    let mut watch = client().watch(call(&service), token("dead"), pace());
    assert_eq!(word(wait!(watch.recv())), "rejected: 401");
    watch.renew(key(SK));
    assert_eq!(word(wait!(watch.recv())), "START");
    watch.renew(login(&service, "password"));
    assert_eq!(word(wait!(watch.recv())), "logged in for 86400 s");
    assert_eq!(word(wait!(watch.recv())), "START");
}

/// Starts eight watches with this credential at once. Returns the first `events` events of each watch.
fn eight(service: &Simulator, credential: impl Into<Credential>, events: usize) -> Vec<String> {
    let (client, credential) = (client(), credential.into());
    let watches = (0..8).map(|_| client.watch(call(service), credential.clone(), pace()));
    let watching = watches.map(|mut watch| {
        std::thread::spawn(move || {
            (0..events).map(|_| word(wait!(watch.recv()))).collect::<Vec<_>>().join(", ")
        })
    });
    let watching: Vec<_> = watching.collect();
    watching.into_iter().map(|thread| thread.join().expect("no panic")).collect()
}

#[test]
fn eight_watches_send_a_wrong_credential_once() {
    let service = start(script());
    let credentials =
        [key("wrong").into(), token("dead").into(), Credential::from(login(&service, "wrong"))];
    for (credential, sent) in credentials.into_iter().zip(1..) {
        assert_eq!(eight(&service, credential, 1), ["rejected: 401"; 8]);
        assert_eq!(service.request_count(), sent);
    }
}

#[test]
fn eight_watches_use_a_good_credential() {
    let service = start(script());
    assert_eq!(eight(&service, key(SK), 2), ["START, START"; 8]);
    let expected = "logged in for 86400 s, START";
    assert_eq!(eight(&service, login(&service, "password"), 2), [expected; 8]);
}

#[test]
fn a_rejected_credential_pauses_the_other_watches_and_a_new_one_does_not() {
    let service = start(script());
    let client = client();
    let error = wait!(client.send(&call(&service), &token("dead"))).expect_err("rejected");
    assert!(error.is_unauthorized());
    // A rejected credential does not delay a single call.
    assert!(wait!(client.send(&call(&service), &token("dead"))).is_err());
    assert_eq!(service.request_count(), 2);
    let mut watch = client.clone().watch(call(&service), token("dead"), pace());
    assert_eq!(word(wait!(watch.recv())), "rejected: 401");
    watch.decline();
    assert!(watch.due() > std::time::Instant::now() + 4 * MINUTE);
    assert_eq!(service.request_count(), 2);
    watch.renew(key(SK));
    assert_eq!(word(wait!(watch.recv())), "START");
}
