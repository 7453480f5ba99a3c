//! Both watches against the simulated service: the same program but for `use` and `.await`.
#![cfg(any(feature = "ureq", feature = "hyper"))]

use std::time::Duration;

use huaweicloud_sms::{
    Answer, AuthToken, Endpoint, Error, Event, ObtainCommand, Pace, ServerId, Step,
};
use huaweicloud_sms_simulator::{Answer as Scripted, Simulator};

const OLD: &str = "the-old-token";
const NEW: &str = "the-new-token";

fn service(answers: impl IntoIterator<Item = Scripted>) -> Simulator {
    let service = Simulator::builder().token(NEW).start().expect("started");
    answers.into_iter().for_each(|answer| service.push("a", answer));
    service
}

fn call(service: &Simulator) -> ObtainCommand {
    let endpoint = Endpoint::cleartext(&service.url()).expect("valid");
    ObtainCommand::new(&endpoint, &ServerId::new("a").expect("valid"))
}

fn token(text: &str) -> AuthToken {
    AuthToken::new(text).expect("valid")
}

/// As fast as a pace can be.
fn pace() -> Pace {
    let least = Duration::from_nanos(1);
    Pace::default().interval(least).backoff(least, least)
}

/// An event in a word or two.
fn word<T: std::error::Error>(event: &Event<Answer, T>) -> String {
    match event {
        Event::Answer(Answer::Command(command)) => command.name.as_str().to_owned(),
        Event::Answer(other) => format!("{other:?}"),
        Event::Error(Error::Response(error)) => error.status().as_str().to_owned(),
        Event::Error(Error::Transport(error)) => error.to_string(),
        Event::LoggedIn(_) => "logged in".to_owned(),
        Event::LoginError(Error::Response(error)) => format!("login: {}", error.status().as_str()),
        Event::LoginError(Error::Transport(error)) => format!("login: {error}"),
        Event::RenewAuth => "renew".to_owned(),
    }
}

fn scripted() -> Simulator {
    service([
        Scripted::command("START", Some("t")).times(2),
        Scripted::error(500, "SMS.6000", "m"),
        Scripted::raw("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}"),
        Scripted::command("STOP", Some("t")),
    ])
}

const EXPECTED: [&str; 7] = [
    "401",
    "renew",
    "START",
    "START",
    "500",
    "the connection was closed before the answer was complete",
    "STOP",
];

#[cfg(feature = "ureq")]
mod blocking {
    use std::{sync::mpsc, thread};

    use huaweicloud_sms::ureq::{Client, Proxy, Settings, Transport};

    use super::*;

    fn client() -> Client {
        let settings = Settings::default().proxy(Proxy::None);
        Client::new(Transport::new(settings).expect("a transport"))
    }

    #[test]
    fn events_in_their_order() {
        let service = scripted();
        let mut watch = client().watch(call(&service), token(OLD), pace()).expect("a watch");
        for expected in EXPECTED {
            let event = watch.next().expect("an event");
            assert_eq!(word(&event), expected);
            if let Event::RenewAuth = event {
                watch.renew(token(NEW));
            }
        }
        assert_eq!(service.request_count(), 6);
    }

    #[test]
    fn without_a_new_credential_it_pauses() {
        let service = scripted();
        let client = client();
        let mut watch = client.watch(call(&service), token(OLD), pace()).expect("a watch");
        assert_eq!(word(&watch.next().expect("an event")), "401");
        assert_eq!(word(&watch.next().expect("an event")), "renew");
        let (waits, is_waiting) = mpsc::channel();
        let watching = thread::spawn(move || {
            waits.send(()).expect("heard");
            watch.next().map(|event| word(&event))
        });
        is_waiting.recv().expect("heard");
        client.shutdown();
        assert_eq!(watching.join().expect("no panic"), None);
        assert_eq!(service.request_count(), 1);
    }

    #[test]
    fn a_shutdown_ends_a_sleeping_watch() {
        let service = service([Scripted::command("START", None)]);
        let client = client();
        let watch = client.watch(call(&service), token(NEW), Pace::default()).expect("a watch");
        let (event, events) = mpsc::channel();
        let watching = thread::spawn(move || {
            let mut watch = watch;
            for next in watch.by_ref() {
                event.send(word(&next)).expect("heard");
            }
            assert!(watch.next().is_none(), "it stays ended");
        });
        assert_eq!(events.recv().expect("an event"), "START");
        client.clone().shutdown();
        watching.join().expect("no panic");
        assert_eq!(service.request_count(), 1);
    }

    #[test]
    fn a_shutdown_ends_a_waiting_call() {
        let service = service([Scripted::silent()]);
        let client = client();
        let mut watch = client.watch(call(&service), token(NEW), pace()).expect("a watch");
        let watching = thread::spawn(move || watch.next().map(|event| word(&event)));
        assert!(service.wait_for_requests(1, Duration::from_secs(60)));
        client.shutdown();
        assert_eq!(watching.join().expect("no panic"), None);
        assert_eq!(service.request_count(), 1);
    }

    #[test]
    fn the_wait_can_be_seen() {
        let service = scripted();
        let slow = Pace::default();
        let mut watch = client().watch(call(&service), token(NEW), slow).expect("a watch");
        let now = std::time::Instant::now();
        assert_eq!(word(&watch.next().expect("an event")), "START");
        let Step::WaitUntil(next) = watch.poller().poll(now) else { panic!("does not wait") };
        assert!(next >= now + Duration::from_secs(10));
    }

    #[test]
    fn a_pace_is_checked() {
        let service = scripted();
        let watch = client().watch(call(&service), token(NEW), Pace::default().jitter(200));
        assert!(watch.is_err());
    }
}

#[cfg(feature = "hyper")]
mod asynchronous {
    use std::{
        future::Future,
        pin::pin,
        task::{Context, Waker},
    };

    use huaweicloud_sms::hyper::{Client, Proxy, Settings, Transport};
    use tokio::runtime::Runtime;

    use super::*;

    fn client() -> Client {
        let settings = Settings::default().proxy(Proxy::None);
        Client::new(Transport::new(settings).expect("a transport"))
    }

    #[test]
    fn events_in_their_order() {
        let service = scripted();
        let mut watch = client().watch(call(&service), token(OLD), pace()).expect("a watch");
        let watching = async move {
            for expected in EXPECTED {
                let event = watch.next().await;
                assert_eq!(word(&event), expected);
                if let Event::RenewAuth = event {
                    watch.renew(token(NEW));
                }
            }
        };
        let runtime = Runtime::new().expect("a runtime");
        runtime.block_on(runtime.spawn(watching)).expect("no panic");
        assert_eq!(service.request_count(), 6);
    }

    /// Each `next` is polled once and dropped, as by a `select!` whose other branch is quicker.
    #[test]
    fn dropping_next_loses_nothing() {
        let service = scripted();
        let runtime = Runtime::new().expect("a runtime");
        let _guard = runtime.enter();
        let mut watch = client().watch(call(&service), token(NEW), pace()).expect("a watch");
        let mut words = Vec::new();
        while words.len() < 5 {
            let mut context = Context::from_waker(Waker::noop());
            match pin!(watch.next()).poll(&mut context) {
                std::task::Poll::Ready(event) => words.push(word(&event)),
                std::task::Poll::Pending => std::thread::yield_now(),
            }
        }
        assert_eq!(words, EXPECTED[2..]);
        assert_eq!(service.request_count(), 5);
    }

    #[test]
    fn dropping_the_watch_ends_its_call() {
        let service = service([Scripted::silent()]);
        let runtime = Runtime::new().expect("a runtime");
        let mut watch = client().watch(call(&service), token(NEW), pace()).expect("a watch");
        let watching = runtime.spawn(async move { word(&watch.next().await) });
        assert!(service.wait_for_requests(1, Duration::from_secs(60)));
        watching.abort();
        assert!(runtime.block_on(watching).expect_err("dropped").is_cancelled());
        assert_eq!(service.request_count(), 1);
    }

    #[test]
    fn the_wait_can_be_seen() {
        let service = scripted();
        let runtime = Runtime::new().expect("a runtime");
        let slow = Pace::default();
        let mut watch = client().watch(call(&service), token(NEW), slow).expect("a watch");
        let now = std::time::Instant::now();
        assert_eq!(word(&runtime.block_on(watch.next())), "START");
        let Step::WaitUntil(next) = watch.poller().poll(now) else { panic!("does not wait") };
        assert!(next >= now + Duration::from_secs(10));
    }
}
