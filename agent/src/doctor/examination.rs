//! Sends the requests. There are at most three, and each is sent once.

use huaweicloud_sms::{
    AuthToken, Authorize, Credential, IssueToken, ObtainCommand, Settings, Unauthenticated, now,
};

use super::{
    check::Check,
    clock,
    configuration::Configuration,
    diagnosis::Diagnosis,
    response,
    route::{Route, fail},
    sent::Observed,
    step::Step,
};
use crate::{
    args::Call,
    credential::Loaded,
    failure::Failure,
    redactor::{self, Kind},
    transport::address,
};

/// The clients that send the requests, and the route of the requests.
pub(super) struct Examination {
    /// A gateway may close a connection after a rejection without announcing it. So each request has a client
    /// of its own, and does not reuse the connection of another one.
    probe: Observed,
    login: Observed,
    call: Observed,
    route: Route,
    ca_cert: Option<String>,
    follows_server_clock: bool,
}

impl Examination {
    pub(super) fn new(args: &Call, settings: &Settings) -> Result<Self, Failure> {
        let client = || Observed::new(args.connection.transport, settings);
        Ok(Self {
            probe: client()?,
            login: client()?,
            call: client()?,
            route: Route::new(settings),
            ca_cert: args.connection.ca_cert.as_ref().map(|path| path.display().to_string()),
            follows_server_clock: args.follow_server_clock,
        })
    }

    pub(super) fn run(&self, diagnosis: &mut Diagnosis, configuration: &Configuration) {
        let call = &configuration.call;
        let probe = self.probe.send(call, &Unauthenticated, Failure::Call);
        self.route.check(diagnosis, &probe, self.ca_cert.as_deref());
        if self.route.failed_step(&probe).is_some() {
            return;
        }
        let time = probe.since_last(probe.ended);
        diagnosis.add(Step::Gateway, response::gateway(&probe.result).within(time));
        if diagnosis.has_failed(Step::Gateway) {
            return;
        }
        let loaded = configuration.credential.as_ref();
        let is_key = loaded.is_some_and(|loaded| matches!(loaded.credential, Credential::Key(_)));
        let skew = self.probe.clock_skew();
        diagnosis.add(Step::Skew, clock::skew(skew, is_key && !self.follows_server_clock));
        // With a wrong clock, the signature would be rejected, which counts towards the lock of the key.
        let is_clock_wrong = skew.is_none() && diagnosis.has_failed(Step::Clock);
        if diagnosis.has_failed(Step::Skew) || (is_key && is_clock_wrong) {
            return;
        }
        let Some(Loaded { credential, .. }) = loaded else { return };
        match credential {
            Credential::Token(token) => self.call(diagnosis, call, token, credential),
            Credential::Key(key) => {
                let signed_at = match skew {
                    Some(skew) if self.follows_server_clock => skew.correct(now()),
                    _ => now(),
                };
                self.call(diagnosis, call, &key.signer(signed_at), credential);
            }
            Credential::Login(login) => {
                if let Some(token) = self.log_in(diagnosis, login) {
                    self.call(diagnosis, call, &token, credential);
                }
            }
            _ => unreachable!("a loaded credential is one of these"),
        }
    }

    /// Logs in once, and returns the token.
    fn log_in(&self, diagnosis: &mut Diagnosis, login: &IssueToken) -> Option<AuthToken> {
        let sent = self.login.send(login, &Unauthenticated, Failure::Login);
        self.route.check(diagnosis, &sent, self.ca_cert.as_deref());
        let time = sent.time();
        match &sent.result {
            Ok(issued) => {
                redactor::keep(Kind::Token, issued.token.reveal());
                let found = format!("logged in, until {} by IAM's clock", issued.expires_at);
                diagnosis.add(Step::Credential, Check::ok(found).within(time));
                Some(issued.token.clone())
            }
            Err(failure) => {
                if self.route.failed_step(&sent).is_none() {
                    let found = format!("a login at {}", address(&sent.uri));
                    diagnosis.add(Step::Credential, fail(found, failure).within(time));
                }
                None
            }
        }
    }

    /// Makes the call once.
    fn call(
        &self,
        diagnosis: &mut Diagnosis,
        call: &ObtainCommand,
        auth: &dyn Authorize,
        credential: &Credential,
    ) {
        let sent = self.call.send(call, auth, Failure::Call);
        // The first request has shown the route. The route of this one is shown only if it failed.
        if self.route.failed_step(&sent).is_some() {
            self.route.check(diagnosis, &sent, self.ca_cert.as_deref());
            return;
        }
        response::call(diagnosis, &sent.result, credential, sent.time());
    }
}
