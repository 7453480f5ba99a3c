//! Reads the service and the credential from the same environment variables as the agent.

use std::env;

use huaweicloud_sms_core::{
    AccessKey, AuthToken, Credential, Endpoint, IamUser, InvalidInput, IssueToken, ObtainCommand,
    Scope, ServerId,
};

use crate::Failure;

/// Returns the call for the server `HW_SMS_SERVER_ID` at `HW_SMS_ENDPOINT`.
///
/// # Errors
/// A variable is missing or invalid.
pub fn call() -> Result<ObtainCommand, Failure> {
    calls()?.pop().ok_or_else(|| "no server".into())
}

/// Returns the address of the service and the server's id, for reports.
///
/// # Errors
/// As [`call`].
pub fn target() -> Result<(Endpoint, ServerId), Failure> {
    let endpoint = endpoint(&required("HW_SMS_ENDPOINT")?)?;
    Ok((endpoint, ServerId::new(&required("HW_SMS_SERVER_ID")?)?))
}

/// Returns the calls for the servers in `HW_SMS_SERVER_ID`, which are separated by commas.
///
/// # Errors
/// As [`call`].
pub fn calls() -> Result<Vec<ObtainCommand>, Failure> {
    let endpoint = endpoint(&required("HW_SMS_ENDPOINT")?)?;
    let ids = required("HW_SMS_SERVER_ID")?;
    let calls = ids.split(',').map(|id| Ok(ObtainCommand::new(&endpoint, &ServerId::new(id)?)));
    calls.collect()
}

/// Returns the first of these credentials that is set: the token `HW_AUTH_TOKEN`, the access key
/// `HUAWEICLOUD_SDK_AK` or `HW_ACCESS_KEY`, the IAM user `HW_USER_NAME`.
///
/// # Errors
/// No credential is set, or it is incomplete or invalid.
pub fn credential() -> Result<Credential, Failure> {
    if let Some(token) = variable("HW_AUTH_TOKEN") {
        return Ok(AuthToken::new(&token)?.into());
    }
    for [id, secret, security_token] in [
        ["HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK", "HUAWEICLOUD_SDK_SECURITY_TOKEN"],
        ["HW_ACCESS_KEY", "HW_SECRET_KEY", "HW_SECURITY_TOKEN"],
    ] {
        let Some(id) = variable(id) else { continue };
        let key = AccessKey::new(&id, &required(secret)?)?;
        return Ok(match variable(security_token) {
            Some(token) => key.with_security_token(&token)?.into(),
            None => key.into(),
        });
    }
    let name = variable("HW_USER_NAME").ok_or("no credential: see examples/README.md")?;
    let (account, password) = (required("HW_DOMAIN_NAME")?, required("HW_USER_PASSWORD")?);
    let iam = variable("HUAWEICLOUD_SDK_IAM_ENDPOINT").or_else(|| variable("HW_AUTH_URL"));
    let iam = iam.ok_or("no address of IAM: set HW_AUTH_URL")?;
    // Terraform's form of the address ends with the version of the API.
    let iam = endpoint(iam.trim_end_matches('/').trim_end_matches("/v3"))?;
    Ok(IssueToken::new(&iam, &IamUser::new(&account, &name, &password)?, Scope::Account)?.into())
}

/// Parses an `https://` endpoint, or the `http://` address of a simulated service on this machine.
fn endpoint(url: &str) -> Result<Endpoint, InvalidInput> {
    match url.starts_with("http://127.0.0.1:") {
        true => Endpoint::cleartext(url),
        false => Endpoint::new(url),
    }
}

fn required(name: &str) -> Result<String, String> {
    variable(name).ok_or_else(|| format!("{name} is not set: see examples/README.md"))
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}
