use rustls::{CertificateError as Bad, Error as Tls};

use crate::{Error, Phase, find};

impl Error {
    /// What the operator can do, in a line. Options are those of `sms-agent`.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        match self {
            Self::Timeout { phase: Some(Phase::Connect), .. } => {
                "check the firewall (outbound TCP 443, and UDP 53 for names) and whether a proxy is \
                 needed; --timeout sets the limit"
            }
            Self::Timeout { phase: Some(Phase::Head), .. } => {
                "what was reached does not answer: check the endpoint and any proxy or gateway on \
                 the way; --timeout sets the limit"
            }
            Self::Timeout { .. } => {
                "check the link's load and any proxy on the way; --timeout sets the limit"
            }
            Self::Dns { .. } => "check the endpoint's host name and this server's DNS",
            Self::Connect { .. } => {
                "check the endpoint's port, the firewall (outbound TCP 443) and whether a proxy is \
                 needed"
            }
            Self::Tls { source } => tls(find(source.as_ref())),
            Self::Proxy { status: Some(401 | 407), .. } => {
                "give the proxy's user and password in HTTPS_PROXY (http://user:password@host:port)"
            }
            Self::Proxy { status: Some(403 | 405), .. } => {
                "have the proxy allow CONNECT to the endpoint's host, or use --no-proxy"
            }
            Self::Proxy { status: Some(500..), .. } => {
                "the proxy does not reach the service: check its own DNS, firewall and way out"
            }
            Self::Proxy { .. } => {
                "check that the proxy's address is one of an http:// proxy, or use --no-proxy"
            }
            Self::Closed { .. } => {
                "try again; if it stays, a firewall or proxy cuts the connection"
            }
            Self::TooLarge { .. } => {
                "this is no answer of the service: check the endpoint and the proxy (--max-body \
                 sets the limit)"
            }
            Self::Protocol { .. } => {
                "something that is not the service listens there: check the endpoint and the proxy"
            }
            Self::Other { .. } => "see the causes with -v",
        }
    }
}

/// Turning the checks off is never among it.
fn tls(error: Option<&Tls>) -> &'static str {
    match error {
        Some(Tls::InvalidCertificate(problem)) => match problem {
            Bad::Expired
            | Bad::ExpiredContext { .. }
            | Bad::NotValidYet
            | Bad::NotValidYetContext { .. } => {
                "check this server's clock and time zone; if they are right, whoever runs the \
                 endpoint or a TLS-inspecting proxy has to renew its certificate"
            }
            Bad::NotValidForName | Bad::NotValidForNameContext { .. } => {
                "check the endpoint's host name, and that this server's DNS leads to the service"
            }
            _ => {
                "behind a TLS-inspecting proxy or gateway, trust its CA: --ca-cert, in code \
                 Trust::Pem"
            }
        },
        Some(Tls::InvalidMessage(_)) => {
            "what listens there speaks no TLS: check the endpoint's port and the proxy"
        }
        Some(Tls::General(_)) => {
            "install the system's CA certificates (package ca-certificates), or give the CA: \
             --ca-cert, in code Trust::Pem"
        }
        _ => {
            "a firewall, gateway or proxy may break TLS: check the endpoint and what is on the way"
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn every_kind_has_its_own() {
        let timeout = |phase| Error::Timeout { limit: Duration::from_secs(1), phase };
        let proxy = |status| Error::Proxy { status, source: "x".into() };
        let certificate = |problem| {
            let source = Tls::InvalidCertificate(problem).into();
            Error::Tls { source }
        };
        for (error, word) in [
            (timeout(Some(Phase::Connect)), "firewall"),
            (timeout(Some(Phase::Head)), "does not answer"),
            (timeout(Some(Phase::Body)), "load"),
            (timeout(None), "load"),
            (Error::Dns { source: "x".into() }, "DNS"),
            (Error::Connect { source: "x".into() }, "firewall"),
            (certificate(Bad::UnknownIssuer), "--ca-cert"),
            (certificate(Bad::BadEncoding), "--ca-cert"),
            (certificate(Bad::Expired), "clock"),
            (certificate(Bad::NotValidYet), "clock"),
            (certificate(Bad::NotValidForName), "host name"),
            (Error::Tls { source: Tls::General("no store".into()).into() }, "ca-certificates"),
            (Error::Tls { source: Tls::HandshakeNotComplete.into() }, "may break TLS"),
            (proxy(Some(401)), "password"),
            (proxy(Some(407)), "password"),
            (proxy(Some(403)), "allow"),
            (proxy(Some(502)), "does not reach"),
            (proxy(None), "--no-proxy"),
            (Error::Closed { source: "x".into() }, "try again"),
            (Error::TooLarge { part: crate::Part::Head, limit: 1 }, "no answer of the service"),
            (Error::Protocol { source: "x".into() }, "not the service"),
            (Error::Other { source: "x".into() }, "-v"),
        ] {
            let advice = error.advice();
            assert!(advice.contains(word), "{error}: {advice}");
            assert!(!advice.contains('\n') && advice.len() < 160, "one line: {advice}");
        }
    }
}
