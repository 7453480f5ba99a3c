//! Keys and logins over both clients, against a service that checks them: one suite for both.
#![cfg(any(feature = "ureq", feature = "hyper"))]

use std::time::Duration;

use huaweicloud_sms::{
    AccessKey, Answer, ClockSkew, Credential, Endpoint, Error, Event, IamUser, IssueToken,
    ObtainCommand, Pace, Scope, ServerId, Timestamp, now,
};
use huaweicloud_sms_simulator::{Answer as Scripted, Script, Simulator};

const AK: &str = "EXAMPLEAK00000000001";
const SK: &str = "ExampleSecretKeyForTestsOnly";
const MINUTE: Duration = Duration::from_secs(60);

fn script() -> Script {
    Script::new()
        .idle("a", Scripted::command("START", Some("t")))
        .access_key(AK, SK)
        .user("account", "user", "password")
}

fn start(script: Script) -> Simulator {
    Simulator::builder().script(script).start().expect("started")
}

fn endpoint(service: &Simulator) -> Endpoint {
    Endpoint::cleartext(&service.url()).expect("valid")
}

fn call(service: &Simulator) -> ObtainCommand {
    ObtainCommand::new(&endpoint(service), &ServerId::new("a").expect("valid"))
}

fn key(secret: &str) -> AccessKey {
    AccessKey::new(AK, secret).expect("valid")
}

fn login(service: &Simulator, password: &str) -> IssueToken {
    let user = IamUser::new("account", "user", password).expect("valid");
    IssueToken::new(&endpoint(service), &user, Scope::Account).expect("valid")
}

/// As fast as a pace can be.
fn pace() -> Pace {
    let least = Duration::from_nanos(1);
    Pace::default().interval(least).backoff(least, least)
}

/// A client, and what it watches, whatever is inside.
trait Client {
    fn follow(self: Box<Self>) -> Box<dyn Client>;
    fn now(&self) -> Timestamp;
    fn skew(&self) -> Option<ClockSkew>;
    /// Signs and sends the call.
    fn send(&self, call: &ObtainCommand, key: &AccessKey) -> Result<Answer, u16>;
    fn watch(&self, call: ObtainCommand, credential: Credential) -> Box<dyn Watch>;
}

trait Watch {
    /// The next event in a word or two.
    fn next(&mut self) -> String;
    fn renew(&mut self, credential: Credential);
    fn wait(&self) -> Duration;
}

fn word<T: std::error::Error>(event: Event<Answer, T>) -> String {
    let failed = |error| match error {
        Error::Response(error) => {
            huaweicloud_sms::ResponseError::status(&error).as_str().to_owned()
        }
        Error::Transport(error) => T::to_string(&error),
    };
    match event {
        Event::Answer(Answer::Command(command)) => command.name.as_str().to_owned(),
        Event::Answer(other) => format!("{other:?}"),
        Event::Error(error) => failed(error),
        Event::LoggedIn(issued) => format!("logged in for {} s", issued.lifetime().as_secs()),
        Event::LoginError(error) => format!("login: {}", failed(error)),
        Event::RenewAuth => "renew".to_owned(),
    }
}

fn status<T: std::fmt::Debug>(error: Error<T>) -> u16 {
    match error {
        Error::Response(error) => error.status().as_u16(),
        Error::Transport(error) => panic!("{error:?}"),
    }
}

#[cfg(feature = "ureq")]
mod blocking {
    use std::time::Instant;

    use huaweicloud_sms::ureq::{self, Proxy, Settings, Transport};

    use super::*;

    pub(super) fn client() -> Box<dyn Client> {
        let settings = Settings::default().proxy(Proxy::None);
        Box::new(ureq::Client::new(Transport::new(settings).expect("a transport")))
    }

    impl Client for ureq::Client {
        fn follow(self: Box<Self>) -> Box<dyn Client> {
            Box::new(self.follow_server_clock(true))
        }

        fn now(&self) -> Timestamp {
            ureq::Client::now(self)
        }

        fn skew(&self) -> Option<ClockSkew> {
            self.clock_skew()
        }

        fn send(&self, call: &ObtainCommand, key: &AccessKey) -> Result<Answer, u16> {
            ureq::Client::send(self, call, &key.at(self.now())).map_err(status)
        }

        fn watch(&self, call: ObtainCommand, credential: Credential) -> Box<dyn Watch> {
            Box::new(ureq::Client::watch(self, call, credential, pace()).expect("a watch"))
        }
    }

    impl Watch for ureq::Watch<ObtainCommand> {
        fn next(&mut self) -> String {
            word(Iterator::next(self).expect("an event"))
        }

        fn renew(&mut self, credential: Credential) {
            ureq::Watch::renew(self, credential);
        }

        fn wait(&self) -> Duration {
            self.due().saturating_duration_since(Instant::now())
        }
    }
}

#[cfg(feature = "hyper")]
mod asynchronous {
    use std::{
        future::Future,
        pin::pin,
        sync::Arc,
        task::{Context, Waker},
        time::Instant,
    };

    use huaweicloud_sms::hyper::{self, Proxy, Settings, Transport};
    use huaweicloud_sms_simulator::Step;
    use tokio::runtime::Runtime;

    use super::*;

    struct Running(Arc<Runtime>, hyper::Client);
    struct Watching(Arc<Runtime>, hyper::Watch<ObtainCommand>);

    pub(super) fn client() -> Box<dyn Client> {
        let settings = Settings::default().proxy(Proxy::None);
        let client = hyper::Client::new(Transport::new(settings).expect("a transport"));
        Box::new(Running(Arc::new(Runtime::new().expect("a runtime")), client))
    }

    impl Client for Running {
        fn follow(self: Box<Self>) -> Box<dyn Client> {
            Box::new(Running(self.0, self.1.follow_server_clock(true)))
        }

        fn now(&self) -> Timestamp {
            self.1.now()
        }

        fn skew(&self) -> Option<ClockSkew> {
            self.1.clock_skew()
        }

        fn send(&self, call: &ObtainCommand, key: &AccessKey) -> Result<Answer, u16> {
            self.0.block_on(self.1.send(call, &key.at(self.now()))).map_err(status)
        }

        fn watch(&self, call: ObtainCommand, credential: Credential) -> Box<dyn Watch> {
            let watch = self.1.watch(call, credential, pace()).expect("a watch");
            Box::new(Watching(Arc::clone(&self.0), watch))
        }
    }

    impl Watch for Watching {
        fn next(&mut self) -> String {
            word(self.0.block_on(self.1.next()))
        }

        fn renew(&mut self, credential: Credential) {
            self.1.renew(credential);
        }

        fn wait(&self) -> Duration {
            self.1.due().saturating_duration_since(Instant::now())
        }
    }

    /// A watch whose first request is under way.
    fn asking(
        runtime: &Runtime,
        service: &Simulator,
        credential: Credential,
        timeout: Duration,
    ) -> hyper::Watch<ObtainCommand> {
        let _guard = runtime.enter();
        let settings = Settings::default().proxy(Proxy::None).timeout(timeout);
        let client = hyper::Client::new(Transport::new(settings).expect("a transport"));
        let mut watch = client.watch(call(service), credential, pace()).expect("a watch");
        while service.request_count() == 0 {
            let mut context = Context::from_waker(Waker::noop());
            assert!(pin!(watch.next()).poll(&mut context).is_pending());
            std::thread::yield_now();
        }
        watch
    }

    /// A login that is under way when another one is handed over proves nothing of that one.
    #[test]
    fn a_new_password_ends_the_login_with_the_old_one() {
        let service = start(script().login([Scripted::silent()]));
        let runtime = Runtime::new().expect("a runtime");
        // What follows a login that was ended waits out its time.
        let timeout = Duration::from_millis(200);
        let mut watch = asking(&runtime, &service, login(&service, "old").into(), timeout);
        watch.renew(login(&service, "password"));
        assert_eq!(word(runtime.block_on(watch.next())), "logged in for 86400 s");
        assert_eq!(word(runtime.block_on(watch.next())), "START");
    }

    #[test]
    fn a_new_key_does_not_end_the_call_with_the_old_one() {
        let answer = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 23\r\n\r\n{\"command_name\":\"STOP\"}";
        let answer = Scripted::steps([Step::Wait, Step::send(answer)]);
        let service = start(script().server("a", [answer]));
        let runtime = Runtime::new().expect("a runtime");
        let mut watch = asking(&runtime, &service, key(SK).into(), MINUTE);
        watch.renew(key(SK));
        service.go_on();
        assert_eq!(word(runtime.block_on(watch.next())), "STOP");
        assert_eq!(service.request_count(), 1);
    }
}

fn clients() -> Vec<Box<dyn Client>> {
    vec![
        #[cfg(feature = "ureq")]
        blocking::client(),
        #[cfg(feature = "hyper")]
        asynchronous::client(),
    ]
}

#[test]
fn a_key_and_the_services_clock() {
    for client in clients() {
        let service = start(script());
        assert_eq!(client.skew(), None);
        assert!(client.send(&call(&service), &key(SK)).is_ok());
        assert!(!client.skew().expect("a date").is_notable());
        assert_eq!(client.send(&call(&service), &key("wrong")), Err(401));

        let service = start(script().clock_ahead(20 * MINUTE));
        assert_eq!(client.send(&call(&service), &key(SK)), Err(401));
        let skew = client.skew().expect("a date");
        assert!(skew.is_refused() && skew.is_ahead(), "{skew}");
        assert!(skew.by().abs_diff(20 * MINUTE) <= Duration::from_secs(2), "{skew}");
        // Told, and not followed unless that was asked for.
        assert!(!ClockSkew::between(now(), client.now()).is_notable());
        assert_eq!(client.send(&call(&service), &key(SK)), Err(401));
        let client = client.follow();
        assert!(ClockSkew::between(now(), client.now()).is_refused());
        assert!(client.send(&call(&service), &key(SK)).is_ok());
    }
}

/// The date of a page that is not the service's moves nothing.
#[test]
fn a_proxys_clock_is_not_the_services() {
    for client in clients() {
        let page = Scripted::body(502, "<html>").header("date", "Sun, 06 Nov 1994 08:49:37 GMT");
        let login_page =
            Scripted::body(200, "<html>").header("date", "Sun, 06 Nov 1994 08:49:37 GMT");
        let service = start(script().server("a", [page, login_page]));
        assert_eq!(client.send(&call(&service), &key(SK)), Err(502));
        assert_eq!(client.send(&call(&service), &key(SK)), Err(200));
        assert_eq!(client.skew(), None);
    }
}

#[test]
fn a_watch_signs_each_call() {
    for client in clients() {
        let service = start(script());
        let mut watch = client.watch(call(&service), key(SK).into());
        for _ in 0..3 {
            assert_eq!(watch.next(), "START");
        }
        let service = start(script());
        let mut watch = client.watch(call(&service), key("wrong").into());
        assert_eq!(watch.next(), "401");
        assert_eq!(watch.next(), "renew");
        watch.renew(key(SK).into());
        assert_eq!(watch.next(), "START");
    }
}

#[test]
fn a_refused_key_waits_out_its_lock() {
    for client in clients() {
        let service = start(script());
        let mut watch = client.watch(call(&service), key("wrong").into());
        assert_eq!([watch.next(), watch.next()], ["401", "renew"]);
        watch.renew(key("wrong-too").into());
        assert_eq!(watch.next(), "401");
        assert!(watch.wait() > 4 * MINUTE, "{:?}", watch.wait());
        assert_eq!(service.request_count(), 2);
    }
}

#[test]
fn a_followed_clock_is_corrected_once_and_again_when_it_jumps() {
    for client in clients() {
        let client = client.follow();
        let service = start(script().clock_behind(20 * MINUTE));
        let mut watch = client.watch(call(&service), key(SK).into());
        assert_eq!([watch.next(), watch.next(), watch.next()], ["401", "START", "START"]);
        service.advance(60 * MINUTE);
        assert_eq!([watch.next(), watch.next(), watch.next()], ["401", "START", "START"]);
    }
    for client in clients() {
        // Refused for another reason there is nothing to correct, also where the clock is off by less
        // than what is refused.
        let service = start(script().clock_ahead(10 * MINUTE));
        let mut watch = client.follow().watch(call(&service), key("wrong").into());
        assert_eq!([watch.next(), watch.next()], ["401", "renew"]);
    }
}

#[test]
fn a_login_and_what_ends_its_token() {
    for client in clients() {
        let service = start(script());
        let mut watch = client.watch(call(&service), login(&service, "password").into());
        assert_eq!(watch.next(), "logged in for 86400 s");
        assert_eq!([watch.next(), watch.next()], ["START", "START"]);
        service.revoke_tokens();
        assert_eq!(
            [watch.next(), watch.next(), watch.next()],
            ["401", "logged in for 86400 s", "START"]
        );
        service.advance(25 * 60 * MINUTE);
        assert_eq!(
            [watch.next(), watch.next(), watch.next()],
            ["401", "logged in for 86400 s", "START"]
        );
    }
}

#[test]
fn a_login_that_fails_is_repeated() {
    for client in clients() {
        let keystone = r#"{"error":{"message":"m","code":503,"title":"Service Unavailable"}}"#;
        let service = start(script().login([
            Scripted::body(503, keystone),
            Scripted::raw("garbage"),
            Scripted::body(201, "{}"),
        ]));
        let mut watch = client.watch(call(&service), login(&service, "password").into());
        assert_eq!(watch.next(), "login: 503");
        assert_eq!(watch.next(), "login: the peer did not speak HTTP as it should");
        assert_eq!(watch.next(), "login: 201");
        assert_eq!([watch.next(), watch.next()], ["logged in for 86400 s", "START"]);
    }
}

#[test]
fn a_refused_password_waits_out_its_lock() {
    for client in clients() {
        let service = start(script());
        let mut watch = client.watch(call(&service), login(&service, "wrong").into());
        assert_eq!([watch.next(), watch.next()], ["login: 401", "renew"]);
        // Another one is tried at once, and after that none for a while.
        watch.renew(login(&service, "wrong too").into());
        assert_eq!(watch.next(), "login: 401");
        assert!(watch.wait() > 4 * MINUTE, "{:?}", watch.wait());
        assert_eq!(service.request_count(), 2);

        let mut watch = client.watch(call(&service), login(&service, "wrong").into());
        assert_eq!([watch.next(), watch.next()], ["login: 401", "renew"]);
        watch.renew(login(&service, "password").into());
        assert_eq!([watch.next(), watch.next()], ["logged in for 86400 s", "START"]);
    }
}

/// From a token that has died to a key, and from a key to a user.
#[test]
fn another_kind_of_credential_can_be_handed_over() {
    for client in clients() {
        let service = start(script());
        let token = huaweicloud_sms::AuthToken::new("dead").expect("valid");
        let mut watch = client.watch(call(&service), token.into());
        assert_eq!([watch.next(), watch.next()], ["401", "renew"]);
        watch.renew(key(SK).into());
        assert_eq!(watch.next(), "START");
        watch.renew(login(&service, "password").into());
        assert_eq!([watch.next(), watch.next()], ["logged in for 86400 s", "START"]);
    }
}
