//! Checks whether the responses are the gateway's, and whether they accept the credential.

use std::time::Duration;

use huaweicloud_sms::{Answer, ApiError, ApiErrorKind as Kind, Credential, Error, ResponseError};

use super::{check::Check, diagnosis::Diagnosis, remedy::remedy, route::fail, step::Step};
use crate::{
    failure::{Failure, Outcome},
    print,
};

/// Checks the response to a request without a credential. The gateway must reject it.
pub(super) fn gateway(outcome: &Outcome) -> Check {
    let failure = match outcome {
        Err(failure) => failure,
        Ok(_) => {
            return Check::fail(
                "an answer to a request without a credential",
                "the service rejects such a request: something else answers in its place",
                "check the endpoint and the proxy",
            );
        }
    };
    let found = "a request without a credential";
    let Some(error) = api(failure) else { return fail(found, failure) };
    match error.kind() {
        Kind::NotFound | Kind::Throttled | Kind::Unavailable => fail(found, failure),
        _ if is_marked(error) => {
            Check::ok(format!("it rejects {found}, as it should: {}", failure.message()))
        }
        _ => Check::warn(
            failure.message(),
            "the error object has neither a code of the service or its gateway nor a request id: a \
             proxy may answer in their place",
            "check the endpoint and the proxy",
        ),
    }
}

/// Returns whether an error object has a mark of the service or its gateway: a code or a request id.
fn is_marked(error: &ApiError) -> bool {
    let prefix = error.code().and_then(|code| code.split_once('.')).map(|(prefix, _)| prefix);
    matches!(prefix, Some("SMS" | "S3M" | "APIG" | "APIGW")) || error.request_id().is_some()
}

fn api(failure: &Failure) -> Option<&ApiError> {
    match failure {
        Failure::Call(Error::Response(ResponseError::Api(error)))
        | Failure::Login(Error::Response(ResponseError::Api(error))) => Some(error),
        _ => None,
    }
}

/// Checks the response to the call: credential, permission, server, and the answer.
///
/// `time` is the duration of the call. One response decides all these checks, and only the first shows it.
pub(super) fn call(
    diagnosis: &mut Diagnosis,
    outcome: &Outcome,
    credential: &Credential,
    time: Duration,
) {
    let (failed, mut check) = match outcome {
        Ok(answer) => (Step::Answer, self::answer(answer, outcome)),
        Err(failure) => match api(failure).map(ApiError::kind) {
            Some(kind) if kind.is_unauthorized() => {
                (Step::Credential, fail(sent(credential), failure))
            }
            Some(Kind::Forbidden | Kind::AccountRestricted) => {
                (Step::Permission, fail("", failure))
            }
            Some(Kind::ServerUnknown) => (Step::Server, fail("", failure)),
            Some(Kind::NoTask) => {
                let remedy = failure.advice().unwrap_or_default();
                (Step::Answer, Check::warn("nothing to do", failure.message(), remedy))
            }
            // Such a response does not show whether the credential is accepted.
            _ => {
                let mut check = fail("", failure);
                specify(&mut check, outcome, credential);
                diagnosis.add(Step::Answer, check.within(time));
                return;
            }
        },
    };
    specify(&mut check, outcome, credential);
    let passed = [
        (Step::Credential, format!("{} is accepted", sent(credential))),
        (Step::Permission, "granted".to_owned()),
        (Step::Server, "known".to_owned()),
    ];
    let passed = passed.into_iter().filter(|(step, _)| *step < failed);
    let checks = passed.map(|(step, found)| (step, Check::ok(found))).chain([(failed, check)]);
    for (index, (step, check)) in checks.enumerate() {
        diagnosis.add(step, if index == 0 { check.within(time) } else { check });
    }
}

/// Replaces the advice by a more specific remedy, if there is one.
fn specify(check: &mut Check, outcome: &Outcome, credential: &Credential) {
    let error = outcome.as_ref().err().and_then(api);
    if let Some(remedy) = error.and_then(|error| remedy(error, credential)) {
        check.remedy = Some(remedy.into());
    }
}

fn answer(answer: &Answer, outcome: &Outcome) -> Check {
    // The check shows the answer on one line.
    let text = print::text(outcome).lines().map(str::trim).collect::<Vec<_>>().join(", ");
    match answer {
        Answer::Command(_) => Check::ok(format!(
            "{text}; it waits and was not run: the service keeps it until its result is reported"
        )),
        Answer::Task(_) | Answer::NoCommand(_) => Check::ok(text),
    }
}

fn sent(credential: &Credential) -> &'static str {
    match credential {
        Credential::Key(_) => "the signature by the key",
        Credential::Token(_) => "the token",
        _ => "the token of the login",
    }
}
