//! Describes a problem of TLS, and gives advice to the operator. The texts contain nothing from the peer.

use std::{env, error::Error};

use rustls::{AlertDescription, CertificateError as Bad, Error as Tls};

use crate::error::find;

/// Returns the reason and the advice. The advice is never to turn the checks off.
pub(crate) fn tls_problem(source: &(dyn Error + 'static)) -> (String, &'static str) {
    match find::<Tls>(source) {
        Some(Tls::InvalidCertificate(problem)) => {
            let (reason, advice) = certificate(problem);
            (format!("the certificate is not trusted: {reason}"), advice)
        }
        Some(Tls::AlertReceived(AlertDescription::CertificateRequired)) => (
            "the peer wants a client certificate".into(),
            "client certificates are not supported: use an endpoint or gateway that does not want one",
        ),
        Some(Tls::AlertReceived(alert)) => (
            format!("the peer ended the handshake ({alert:?})"),
            "it may want a client certificate, which is not supported, or another version of TLS than \
             1.2 and 1.3: check the endpoint and the network path to it",
        ),
        Some(Tls::InvalidMessage(_)) => (
            "the peer did not speak TLS".into(),
            "the peer speaks no TLS: check the endpoint's port and the proxy",
        ),
        // This error occurs before a certificate arrives, or instead of its check.
        Some(Tls::General(_)) => trust_store(|name| env::var_os(name).is_some()),
        _ => (
            "no secure connection could be agreed on".into(),
            "a firewall, gateway or proxy may break TLS: check the endpoint and the network path to it",
        ),
    }
}

fn certificate(problem: &Bad) -> (String, &'static str) {
    const CLOCK: &str = "check this server's clock and time zone; if they are right, the operator of the endpoint or of \
         a TLS-inspecting proxy has to renew the certificate";
    const NAME: &str =
        "check the endpoint's host name, and that this server's DNS leads to the service";
    const CA: &str = "behind a TLS-inspecting proxy or gateway, trust its CA";
    let (reason, advice) = match problem {
        Bad::UnknownIssuer => ("it is issued by an unknown CA", CA),
        Bad::Expired | Bad::ExpiredContext { .. } => {
            ("it has expired (or the clock is wrong)", CLOCK)
        }
        Bad::NotValidYet | Bad::NotValidYetContext { .. } => {
            ("it is not valid yet (or the clock is wrong)", CLOCK)
        }
        Bad::NotValidForNameContext { presented, .. } if presented.is_empty() => (
            "it names no host (subjectAltName)",
            "have the certificate issued with the host's name in subjectAltName: a common name does not \
             count",
        ),
        Bad::NotValidForName | Bad::NotValidForNameContext { .. } => {
            ("it is for another host", NAME)
        }
        Bad::Revoked => ("it has been revoked", CA),
        Bad::BadEncoding => ("it cannot be read", CA),
        Bad::BadSignature => (
            "its key is too weak (RSA under 2048 bits), or a signature is wrong",
            "have the certificate issued with an RSA key of 2048 bits or more, or an EC key; if it has \
             one, trust the CA's current certificate",
        ),
        Bad::InvalidPurpose | Bad::InvalidPurposeContext { .. } => (
            "it is not for servers (extended key usage)",
            "have the certificate issued for server authentication",
        ),
        // rustls passes on only the names of webpki's errors.
        Bad::Other(other) => match format!("{other:?}") {
            name if name.contains("CaUsedAsEndEntity") => (
                "it is a CA's own (CA:TRUE), which a server must not show",
                "have the server show a certificate that this CA issued, or a self-signed one with \
                 basicConstraints=CA:FALSE",
            ),
            name if name.contains("UnsupportedCertVersion") => (
                "it is of X.509 version 1, and only version 3 is supported",
                "have the certificate issued as version 3, with the host's name in subjectAltName",
            ),
            name => return unusual(&name),
        },
        other => return unusual(&format!("{other:?}")),
    };
    (reason.into(), advice)
}

/// Shows the name that rustls or webpki has for a problem, without its details.
fn unusual(debug: &str) -> (String, &'static str) {
    let name = debug.trim_start_matches("OtherError(");
    let name = name.split(|character: char| !character.is_ascii_alphanumeric()).next();
    let reason = format!("it is not valid ({})", name.unwrap_or_default());
    (reason, "have the certificate issued again without this flaw")
}

fn trust_store(is_set: impl Fn(&str) -> bool) -> (String, &'static str) {
    // rustls-native-certs reads these variables on all systems but Windows and Apple's.
    let is_read = cfg!(not(any(windows, target_vendor = "apple")));
    match ["SSL_CERT_FILE", "SSL_CERT_DIR"].into_iter().find(|name| is_read && is_set(name)) {
        Some(name) => (
            format!("the variable {name} leads to no certificate that can be used"),
            "set it to the system's CA certificates, or unset it, or trust a CA of your own",
        ),
        None => (
            "the system's trust store cannot be used".into(),
            "install the system's CA certificates (package ca-certificates), or trust a CA of your own",
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use rustls::{
        RootCertStore,
        client::{WebPkiServerVerifier, danger::ServerCertVerifier},
        crypto::ring,
        pki_types::{ServerName, UnixTime},
    };

    use super::*;
    use crate::pem;

    #[test]
    fn each_problem_has_a_reason_and_advice() {
        let name = || ServerName::try_from("h").expect("a name");
        let names = |presented| Bad::NotValidForNameContext { expected: name(), presented };
        let time = UnixTime::since_unix_epoch(Duration::ZERO);
        for (problem, reason, remedy) in [
            (Bad::UnknownIssuer, "it is issued by an unknown CA", "trust its CA"),
            (Bad::ExpiredContext { time, not_after: time }, "it has expired (or", "clock"),
            (Bad::NotValidYet, "it is not valid yet (or", "clock"),
            (names(vec!["\u{1b}other".into()]), "it is for another host", "host name"),
            (names(Vec::new()), "it names no host (subjectAltName)", "subjectAltName"),
            (Bad::BadSignature, "its key is too weak", "2048"),
            (Bad::BadEncoding, "it cannot be read", "CA"),
            (Bad::InvalidPurpose, "it is not for servers", "server authentication"),
            (Bad::UnhandledCriticalExtension, "it is not valid (UnhandledCriticalExtension)", ""),
        ] {
            let error = Tls::InvalidCertificate(problem);
            let (shown, advice) = tls_problem(&error);
            assert!(shown.starts_with("the certificate is not trusted: "), "{shown}");
            assert!(shown.contains(reason) && advice.contains(remedy), "{shown}: {advice}");
            assert!(!shown.contains('\u{1b}'), "a name of the peer");
        }
        let (shown, advice) = tls_problem(&Tls::AlertReceived(AlertDescription::HandshakeFailure));
        assert_eq!(shown, "the peer ended the handshake (HandshakeFailure)");
        assert!(advice.contains("client certificate"));
        let (shown, _) = tls_problem(&Tls::AlertReceived(AlertDescription::CertificateRequired));
        assert_eq!(shown, "the peer wants a client certificate");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_trust_store_of_the_environment_is_named() {
        assert!(trust_store(|_| true).0.contains("SSL_CERT_FILE"));
        assert!(trust_store(|name| name == "SSL_CERT_DIR").0.contains("SSL_CERT_DIR"));
        let (reason, advice) = trust_store(|_| false);
        assert_eq!(reason, "the system's trust store cannot be used");
        assert!(advice.contains("ca-certificates"));
    }

    /// The server shows the same certificate that the client trusts.
    #[test]
    fn a_trusted_certificate_that_no_server_may_show_is_rejected() {
        for (pem, expected) in [
            (include_str!("test_certificates/ca_true.pem"), "it is a CA's own (CA:TRUE)"),
            (include_str!("test_certificates/version_1.pem"), "it is of X.509 version 1"),
        ] {
            let certificate = pem::items(pem.as_bytes())[0].certificate().expect("readable");
            let mut roots = RootCertStore::empty();
            roots.add(certificate.clone()).expect("a root");
            let provider = Arc::new(ring::default_provider());
            let verifier = WebPkiServerVerifier::builder_with_provider(roots.into(), provider);
            let verifier = verifier.build().expect("a verifier");
            let name = ServerName::try_from("localhost").expect("a name");
            let now = UnixTime::since_unix_epoch(Duration::from_secs(1_800_000_000));
            let result = verifier.verify_server_cert(&certificate, &[], &name, &[], now);
            let (reason, advice) = tls_problem(&result.expect_err("rejected"));
            assert!(reason.contains(expected), "{reason}");
            assert!(!advice.contains("trust"), "it is trusted: {advice}");
        }
    }

    #[test]
    fn names_unusual_problems() {
        for (debug, reason) in [
            ("OtherError(NameConstraintViolation)", "it is not valid (NameConstraintViolation)"),
            ("OtherError(TrailingData(Signature))", "it is not valid (TrailingData)"),
            ("InvalidOcspResponse", "it is not valid (InvalidOcspResponse)"),
        ] {
            assert_eq!(unusual(debug).0, reason);
        }
    }
}
