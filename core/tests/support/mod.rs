//! Drives a session without jitter, at the instants that a test chooses.
#![allow(dead_code, reason = "each test file uses a part")]

use std::time::Duration;

use huaweicloud_sms_core::{
    AccessKey, Action, AuthToken, Credential, Endpoint, Event, IamUser, IssueToken, ObtainCommand,
    Pace, Scope, ServerId, Session, Timestamp, http,
};

pub(crate) const CALL: &str = "/v3/sources/id/command";
pub(crate) const REPORT: &str = "/v3/sources/id/command_result";
pub(crate) const LOGIN: &str = "/v3/auth/tokens";

pub(crate) type Response = http::Response<&'static str>;

/// A session and its clock.
pub(crate) struct Driver {
    pub(crate) session: Session<ObtainCommand, Duration>,
    pub(crate) now: Duration,
    /// The last request.
    pub(crate) request: http::Request<Vec<u8>>,
}

impl Driver {
    pub(crate) fn new(credential: impl Into<Credential>) -> Self {
        let endpoint = Endpoint::new("https://sms.example").expect("valid");
        let call = ObtainCommand::new(&endpoint, &ServerId::new("id").expect("valid"));
        let now = Duration::from_secs(1_000);
        let pace = Pace::default().with_jitter(0).expect("valid");
        let session = Session::new(call, credential, pace, 0, now);
        Self { session, now, request: http::Request::default() }
    }

    /// Returns a session that has logged in. Its token is valid for a minute.
    pub(crate) fn logged_in() -> Self {
        let mut driver = Self::new(login("p"));
        assert_eq!(driver.poll(), LOGIN);
        assert_eq!(driver.respond(issued("t")), "logged in");
        driver
    }

    pub(crate) fn clock(&self) -> Timestamp {
        Timestamp::from_unix_time(Duration::from_secs(1_783_296_000) + self.now)
    }

    /// Returns the path of the request that is due now, or the wait.
    pub(crate) fn poll(&mut self) -> String {
        match self.session.poll(self.now, self.clock()) {
            Action::Send(request) => {
                self.request = request;
                self.request.uri().path().to_owned()
            }
            Action::WaitUntil(instant) => {
                assert_eq!(self.session.due(self.now), instant, "it announces what it does");
                format!("waits {} s", (instant - self.now).as_secs())
            }
        }
    }

    pub(crate) fn respond(&mut self, response: Response) -> &'static str {
        match self.session.on_response(self.now, self.clock(), &response) {
            Event::Answer(_) => "answer",
            Event::Error(_) => "error",
            Event::LoggedIn(_) => "logged in",
            Event::LoginError(_) => "login error",
            Event::CredentialRejected(_) => "rejected",
            Event::Reported => "reported",
            Event::ReportError(_) => "report error",
            Event::ReportRejected(_) => "report rejected",
            event => panic!("{event:?}"),
        }
    }

    pub(crate) fn pass(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.request.headers()[name].to_str().expect("ASCII")
    }
}

pub(crate) fn response(status: u16, body: &'static str) -> Response {
    http::Response::builder().status(status).body(body).expect("valid")
}

/// Returns a response with a token that is valid for a minute.
pub(crate) fn issued(token: &str) -> Response {
    let body =
        r#"{"token":{"issued_at":"2026-07-06T00:00:00Z","expires_at":"2026-07-06T00:01:00Z"}}"#;
    let response = http::Response::builder().status(201).header("x-subject-token", token);
    response.body(body).expect("valid")
}

pub(crate) fn token(text: &str) -> AuthToken {
    AuthToken::new(text).expect("valid")
}

pub(crate) fn login(password: &str) -> IssueToken {
    let iam = Endpoint::new("https://iam.example").expect("valid");
    let user = IamUser::new("account", "user", password).expect("valid");
    IssueToken::new(&iam, &user, Scope::Account).expect("valid")
}

pub(crate) fn key(secret: &str) -> AccessKey {
    AccessKey::new("id", secret).expect("valid")
}
