//! Advises the operator about a transport's error. Adds the option that helps to the library's advice.

use huaweicloud_sms::{Phase, TransportError, TransportErrorKind as Kind};

pub(crate) fn advice(error: &TransportError) -> String {
    let advice = error.advice();
    match option(error, advice) {
        Some(option) => format!("{advice}; {option}"),
        None => advice.into(),
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
