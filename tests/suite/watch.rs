use super::*;

fn service(answers: impl IntoIterator<Item = Scripted>) -> Simulator {
    let service = Simulator::builder().token("new").start().expect("started");
    answers.into_iter().for_each(|answer| service.push("a", answer));
    service
}

#[test]
fn events_arrive_in_the_order_of_the_responses() {
    let service = service([
        Scripted::command("START", Some("t")).times(2),
        Scripted::error(500, "SMS.6000", "m"),
        Scripted::raw("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}"),
        Scripted::command("STOP", Some("t")),
    ]);
    let mut watch = client().watch(call(&service), token("old"), pace());
    assert_eq!(word(wait!(watch.recv())), "rejected: 401");
    watch.renew(token("new"));
    for expected in ["START", "START", "500", "the connection was closed", "STOP"] {
        let event = word(wait!(watch.recv()));
        assert!(event.starts_with(expected), "{event}");
    }
    assert_eq!(service.request_count(), 6);
}

#[test]
fn a_watch_shows_when_its_next_request_is_due() {
    let service = service([Scripted::command("START", None)]);
    let mut watch = client().watch(call(&service), token("new"), Pace::default());
    let now = std::time::Instant::now();
    assert_eq!(word(wait!(watch.recv())), "START");
    assert!(watch.due() >= now + Duration::from_secs(10));
    assert_eq!(watch.poller().failures(), 0);
    assert!(format!("{watch:?}").contains("session: Session { credential: \"Token\""));
}

#[test]
fn a_rejected_token_starts_a_pause() {
    let service = service([]);
    let mut watch = client().watch(call(&service), token("old"), pace());
    assert_eq!(word(wait!(watch.recv())), "rejected: 401");
    watch.decline();
    assert!(watch.due() > std::time::Instant::now() + 4 * MINUTE);
    assert_eq!(service.request_count(), 1);
}

#[test]
fn a_shutdown_ends_a_sleeping_watch() {
    let service = service([Scripted::command("START", None)]);
    let client = client();
    let mut watch = client.watch(call(&service), token("new"), Pace::default());
    let (event, events) = std::sync::mpsc::channel();
    let watching = std::thread::spawn(move || {
        event.send(word(wait!(watch.recv()))).expect("received");
        assert_eq!(word(wait!(watch.recv())), "the end");
        assert_eq!(word(wait!(watch.recv())), "the end");
    });
    assert_eq!(events.recv().expect("an event"), "START");
    client.clone().shutdown();
    watching.join().expect("no panic");
    assert_eq!(service.request_count(), 1);
}

#[test]
fn a_shutdown_ends_a_watch_whose_call_is_under_way_within_its_limit() {
    let service = service([Scripted::silent()]);
    let settings = settings().with_timeout(Duration::from_millis(500));
    let client = transport::Client::from_settings(settings).expect("a client");
    let mut watch = client.watch(call(&service), token("new"), pace());
    let watching = std::thread::spawn(move || word(wait!(watch.recv())));
    assert!(service.wait_for_requests(1, Duration::from_secs(60)));
    client.shutdown();
    // If the call timed out before the shutdown, the event is its error.
    let event = watching.join().expect("no panic");
    assert!(event == "the end" || event.starts_with("no "), "{event}");
    assert_eq!(service.request_count(), 1);
}
