use crate::{
    Phase, TransportError,
    error::{Cause, shortage},
    tls_problem::tls_problem,
    tunnel::TunnelError,
};

impl TransportError {
    /// Returns advice to the operator, on one line.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        let has_proxy = self.proxy().is_some();
        match self.cause() {
            Cause::Timeout { phase: Some(Phase::Connect), .. } | Cause::Connect { .. } => {
                if has_proxy {
                    "check the proxy's address, and the firewall between this server and the proxy"
                } else {
                    "check the endpoint's port, the firewall (outbound TCP 443, and UDP 53 for names) \
                     and whether a proxy is needed"
                }
            }
            Cause::Timeout { phase: Some(Phase::Head), .. } => {
                "the peer was reached and does not respond: check the endpoint and any proxy or \
                 gateway on the way"
            }
            Cause::Timeout { .. } => "check the link's load and any proxy on the way",
            Cause::Dns { .. } if has_proxy => "check the proxy's host name and this server's DNS",
            Cause::Dns { .. } => "check the endpoint's host name and this server's DNS",
            Cause::Tls { source } => tls_problem(source.as_ref()).1,
            Cause::Proxy { source } => proxy(source),
            Cause::Closed { .. } => {
                "try again; if it stays, a firewall or proxy cuts the connection"
            }
            Cause::TooLarge { .. } => {
                "this is not a response of the service: check the endpoint and the proxy"
            }
            Cause::Protocol { .. } => {
                "something that is not the service listens there: check the endpoint and the proxy"
            }
            Cause::Other { source } if shortage(source.as_ref()).is_some() => {
                "check this server's limits of open files and threads, and its memory"
            }
            Cause::Other { .. } => "see the causes of this error",
        }
    }
}

fn proxy(error: &TunnelError) -> &'static str {
    let (code, schemes) = match error {
        TunnelError::Settings(_) => return "correct that variable, or unset it",
        TunnelError::Status { status, schemes } => (status.as_u16(), schemes.as_slice()),
        _ => (0, &[][..]),
    };
    match code {
        401 | 407 if !schemes.is_empty() => {
            "have the proxy accept Basic or this server's address, or use a proxy that does"
        }
        401 | 407 => {
            "put the proxy's user and password into its address (http://user:password@host:port)"
        }
        403 | 405 => "have the proxy allow CONNECT to the endpoint's host, or use no proxy",
        500.. => {
            "the proxy does not reach the service: check its DNS, firewall and Internet access"
        }
        _ => "check that the proxy's address is one of an http:// proxy, or use no proxy",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::StatusCode;
    use rustls::Error as Tls;

    use super::*;

    #[test]
    fn each_cause_has_advice() {
        let timeout = |phase| Cause::Timeout { limit: Duration::from_secs(1), phase };
        let status = |code, schemes| {
            let status = StatusCode::from_u16(code).expect("valid");
            Cause::Proxy { source: TunnelError::Status { status, schemes } }
        };
        for (cause, word) in [
            (timeout(Some(Phase::Connect)), "firewall"),
            (timeout(Some(Phase::Head)), "does not respond"),
            (timeout(Some(Phase::Body)), "load"),
            (timeout(None), "load"),
            (Cause::Dns { source: "x".into() }, "DNS"),
            (Cause::Connect { source: "x".into() }, "firewall"),
            (Cause::Tls { source: Tls::HandshakeNotComplete.into() }, "may break TLS"),
            (status(401, Vec::new()), "password"),
            (status(407, Vec::new()), "password"),
            (status(407, vec!["NTLM"]), "Basic"),
            (status(403, Vec::new()), "allow"),
            (status(502, Vec::new()), "does not reach"),
            (Cause::Proxy { source: TunnelError::NotHttp }, "no proxy"),
            (Cause::Closed { source: "x".into() }, "try again"),
            (Cause::TooLarge { phase: Phase::Head, limit: 1 }, "not a response of the service"),
            (Cause::Protocol { source: "x".into() }, "not the service"),
            (Cause::Other { source: "x".into() }, "causes"),
        ] {
            let error = TransportError::from(cause);
            let advice = error.advice();
            assert!(advice.contains(word), "{error}: {advice}");
            assert!(!advice.contains('\n') && advice.len() < 160, "one line: {advice}");
            assert!(!advice.contains("--"), "no option of a command line: {advice}");
        }
        let proxy = crate::ProxyUrl::new("http://p:1").expect("an address");
        let through = |cause: Cause| TransportError::from(cause).through(Some(&proxy)).advice();
        assert!(through(Cause::Dns { source: "x".into() }).contains("the proxy's host name"));
        assert!(through(Cause::Connect { source: "x".into() }).contains("the proxy's address"));
        assert!(through(timeout(Some(Phase::Connect))).contains("the proxy's address"));
    }
}
