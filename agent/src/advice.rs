//! Advises the operator about a transport's error. Adds the option that helps to the library's advice.

use huaweicloud_sms::{Phase, TransportError, TransportErrorKind as Kind};

/// Returns the advice for an error of the call, or of the login, which goes to another address.
pub(crate) fn advice(error: &TransportError, is_login: bool) -> String {
    let advice = if is_login { of_login(error) } else { None };
    let advice = advice.unwrap_or_else(|| error.advice());
    match option(error, advice) {
        Some(option) => format!("{advice}; {option}"),
        None => advice.into(),
    }
}

/// Returns the advice if IAM's host could not be reached. The library's advice names the endpoint, and IAM's
/// address has other options.
fn of_login(error: &TransportError) -> Option<&'static str> {
    match (error.kind(), error.phase()) {
        _ if error.proxy().is_some() => None,
        (Kind::Dns, _) => Some(
            "check the host name in IAM's address (--iam-endpoint, HW_AUTH_URL or the credentials file) \
             and this server's DNS",
        ),
        (Kind::Connect, _) | (Kind::Timeout, Some(Phase::Connect)) => Some(
            "check the port in IAM's address (--iam-endpoint, HW_AUTH_URL or the credentials file), the \
             firewall (outbound TCP 443, and UDP 53 for names) and whether a proxy is needed",
        ),
        _ => None,
    }
}

fn option(error: &TransportError, advice: &str) -> Option<&'static str> {
    let is_proxied = error.proxy().is_some();
    Some(match (error.kind(), error.phase()) {
        (Kind::Timeout, Some(Phase::Connect)) => "--connect-timeout sets the limit",
        (Kind::Timeout, _) => "--timeout sets the limit",
        (Kind::TooLarge, Some(Phase::Body)) => "--max-body sets the limit",
        (Kind::Dns | Kind::Connect, _) if is_proxied => "--no-proxy goes without the proxy",
        (Kind::Connect, _) => "--proxy names a proxy",
        // Another CA does not help against an expired certificate or a wrong name.
        (Kind::Tls, _) if advice.contains("trust") => "--ca-cert names the file of a CA",
        (Kind::Proxy, _) => match error.proxy_status().map(|status| status.as_u16()) {
            Some(401 | 407) => "HTTPS_PROXY holds its address",
            Some(500..) => return None,
            _ => "--no-proxy goes without the proxy",
        },
        _ => return None,
    })
}
