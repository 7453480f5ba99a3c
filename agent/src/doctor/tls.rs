//! Checks TLS: its version, the peer's certificates, and whether the service or an inspecting proxy responds.

use std::time::{Duration, SystemTime};

use huaweicloud_sms::TransportErrorKind as Kind;

use super::{
    certificate::Summary,
    check::Check,
    route::{fail, with_causes},
    sent::Sent,
};
use crate::{failure::Failure, transport::address};

/// A certificate that expires sooner than this causes a warning.
const SOON: Duration = Duration::from_secs(14 * 24 * 60 * 60);
const NOT_PUBLIC: &str = "no public CA issued the certificate: a proxy that inspects TLS answers in \
                          place of the service, or the service has a CA of its own";
const NO_HANDSHAKE: &str = "check that this port speaks TLS and not plain HTTP, and have the firewall or \
                            the proxy that blocks or inspects TLS let it through to this host";

/// Checks TLS. Returns `None` if the request failed before TLS.
pub(super) fn check<T>(
    sent: &Sent<T>,
    failure: Option<&Failure>,
    ca_cert: Option<&str>,
) -> Option<Check> {
    if !sent.is_https() {
        sent.trail.connected?;
        let host = sent.uri.host().unwrap_or_default();
        return Some(Check::warn(
            format!("none: {host} has an http:// address"),
            "everyone on the way can read the credential",
            "use an https:// address",
        ));
    }
    let chain: Option<Vec<_>> =
        sent.trail.certificates.iter().map(|der| Summary::new(der)).collect();
    let is_public = chain.as_ref().is_some_and(|chain| chain.iter().any(|c| c.is_issuer_public));
    let shown = match &chain {
        Some(chain) => chain.iter().map(Summary::text).collect::<Vec<_>>().join("; "),
        None => "a certificate that cannot be read".into(),
    };
    if let Some(failure) = failure {
        let found =
            if sent.trail.certificates.is_empty() { "no certificate".into() } else { shown };
        let mut check = match no_handshake(sent, failure) {
            Some(reason) => Check::fail(found, reason, NO_HANDSHAKE),
            None => fail(found, failure),
        };
        if is_unknown_ca(failure) && chain.is_some() {
            let (reason, remedy) = unknown_ca(is_public, ca_cert);
            check.reason = check.reason.map(|before| format!("{before}; {reason}"));
            check.remedy = Some(remedy.into());
        }
        return Some(check.within(sent.since_last(sent.ended)));
    }
    let (at, version) = sent.trail.secured?;
    let verified = match ca_cert {
        Some(file) => format!("trusted by --ca-cert {file}"),
        None => "trusted by the system's store".into(),
    };
    let public = if is_public { " (a public CA)" } else { "" };
    let found = format!("{version}, {verified}{public}; {shown}");
    let check = match (expires_soon(chain.as_deref().unwrap_or_default()), is_public, ca_cert) {
        (Some(days), ..) => Check::warn(
            found,
            format!("a certificate expires in {days} days"),
            "have the operator of the endpoint, or of the proxy that inspects TLS, renew it",
        ),
        (None, false, None) => Check::warn(
            found,
            NOT_PUBLIC,
            "if it is such a proxy, its operator can read the credential: to prevent that, have the \
             endpoint exempted from inspection",
        ),
        _ => Check::ok(found),
    };
    Some(check.within(sent.since_last(at)))
}

/// Returns the reason if the peer did not complete the handshake. The transport's own message would be that there
/// is no connection, but TCP has one.
fn no_handshake<T>(sent: &Sent<T>, failure: &Failure) -> Option<String> {
    let error = &failure.transport()?.error;
    let peer = address(&sent.uri);
    let proxy = error.proxy().map(|proxy| format!(" through the proxy {proxy}"));
    let reached = format!("{peer} was reached{} and", proxy.unwrap_or_default());
    let reason = match (error.kind(), error.limit()) {
        (Kind::Timeout, Some(limit)) => {
            format!("{reached} did not complete the TLS handshake within {} s", limit.as_secs_f64())
        }
        (Kind::Connect, _) => format!("{reached} ended the connection during the TLS handshake"),
        _ => return None,
    };
    Some(with_causes(&reason, failure))
}

/// Returns the days until the first certificate expires, if that is soon. A root in the chain does not count.
fn expires_soon(chain: &[Summary]) -> Option<u64> {
    let now = SystemTime::now();
    let is_first = |index| index == 0;
    let counts = chain
        .iter()
        .enumerate()
        .filter(|(index, certificate)| is_first(*index) || !certificate.is_self_signed());
    let left = counts.map(|(_, certificate)| certificate.left(now)).min()?;
    (left < SOON).then_some(left.as_secs() / (24 * 60 * 60))
}

/// Returns whether it would help to trust another CA.
fn is_unknown_ca(failure: &Failure) -> bool {
    failure.message().contains("issued by an unknown CA")
}

fn unknown_ca(is_public: bool, ca_cert: Option<&str>) -> (&'static str, &'static str) {
    match (is_public, ca_cert) {
        (false, _) => (
            NOT_PUBLIC,
            "ask its operator for the certificate of that CA, and trust it with --ca-cert",
        ),
        (true, Some(_)) => (
            "the issuer has the name of a public CA, and --ca-cert trusts nothing but its file",
            "leave --ca-cert out",
        ),
        (true, None) => (
            "the issuer has the name of a public CA",
            "update this machine's CA certificates (package ca-certificates)",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_certificate_to_expire_counts_but_no_root() {
        const DAY: u64 = 24 * 60 * 60;
        let certificate = |issuer: &str, days: u64| Summary {
            subject: "CN=a".into(),
            issuer: issuer.into(),
            // Half a day more, so that the duration of the test does not change the number of days.
            expires: SystemTime::now() + Duration::from_secs(days * DAY + DAY / 2),
            is_issuer_public: false,
        };
        for (chain, expected) in [
            (vec![], None),
            (vec![certificate("CN=b", 20)], None),
            (vec![certificate("CN=b", 14)], None),
            (vec![certificate("CN=b", 13)], Some(13)),
            (vec![certificate("CN=a", 13)], Some(13)),
            (vec![certificate("CN=b", 20), certificate("CN=b", 3)], Some(3)),
            (vec![certificate("CN=b", 20), certificate("CN=a", 3)], None),
        ] {
            assert_eq!(expires_soon(&chain), expected);
        }
    }
}
