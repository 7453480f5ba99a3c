//! Opens a tunnel through an HTTP proxy (CONNECT, RFC 9110, section 9.3.6), without I/O.
//!
//! It replaces the tunnels of the HTTP clients, which differ. They may hide the proxy's status or accept
//! bytes after its response.

use std::io;

use http::StatusCode;

use crate::{ProxyUrl, Settings, SettingsError};

/// Reads a proxy's response to CONNECT.
#[derive(Debug, Default)]
pub struct Tunnel {
    received: Vec<u8>,
    /// The number of bytes that were already searched for the end of the head.
    searched: usize,
    /// The number of bytes of interim responses, which were dropped.
    skipped: usize,
}

/// The reason why the proxy did not open a tunnel.
#[derive(Debug, thiserror::Error)]
pub enum TunnelError {
    /// The environment's proxy cannot be used.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The proxy rejected the request. If it wants a password but does not offer Basic, `schemes` are the schemes
    /// that it offers.
    #[error("{}", rejected(status.as_u16(), schemes))]
    #[allow(missing_docs, reason = "the variant's docs name them")]
    Status { status: StatusCode, schemes: Vec<&'static str> },
    /// The response is not HTTP.
    #[error("its response is not HTTP")]
    NotHttp,
    /// The response's head is over [`Settings::MAX_HEAD`] bytes or [`Settings::MAX_HEADERS`] headers.
    #[error(
        "its response is over {} bytes or {} headers",
        Settings::MAX_HEAD,
        Settings::MAX_HEADERS
    )]
    TooLarge,
    /// The proxy sent bytes after its response. They would become a part of the service's response.
    #[error("it sent more than its response")]
    TooMuch,
    /// The proxy closed the connection.
    #[error("it closed the connection")]
    Closed,
    /// The connection to the proxy failed.
    #[error("the connection to it failed: {0}")]
    Io(#[from] io::Error),
}

fn rejected(status: u16, schemes: &[&str]) -> String {
    match status {
        _ if !schemes.is_empty() => {
            let schemes = schemes.join(" or ");
            format!("it wants {schemes}, and only Basic is supported (status {status})")
        }
        // tinyproxy sends 401 for a wrong password, although 401 is for servers (RFC 9110, section 15.5.2).
        401 | 407 => format!("it wants a user and password (status {status})"),
        _ => format!("its response has status {status}"),
    }
}

impl Tunnel {
    /// Returns the request for a tunnel to a host and port.
    #[must_use]
    pub fn request(proxy: &ProxyUrl, host: &str, port: u16) -> Vec<u8> {
        let auth = proxy.basic_auth();
        let auth = auth.map(|value| format!("Proxy-Authorization: {value}\r\n"));
        let agent = concat!("huaweicloud-sms/", env!("CARGO_PKG_VERSION"));
        format!(
            "CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\nUser-Agent: {agent}\r\n{}\r\n",
            auth.unwrap_or_default()
        )
        .into_bytes()
    }

    /// Reads bytes from the proxy. An empty slice means that the proxy closed the connection. Returns whether
    /// the tunnel is open.
    ///
    /// # Errors
    /// [`TunnelError`]. The connection must not be used then.
    pub fn receive(&mut self, bytes: &[u8]) -> Result<bool, TunnelError> {
        if bytes.is_empty() {
            return Err(TunnelError::Closed);
        }
        self.received.extend_from_slice(bytes);
        while let Some(end) = self.head_end() {
            let (status, schemes) = parse(&self.received[..end])?;
            if status.is_informational() && status != StatusCode::SWITCHING_PROTOCOLS {
                self.received.drain(..end);
                (self.searched, self.skipped) = (0, self.skipped + end);
            } else if !status.is_success() {
                return Err(TunnelError::Status { status, schemes });
            } else if end < self.received.len() {
                return Err(TunnelError::TooMuch);
            } else {
                return Ok(true);
            }
        }
        // The greeting of another protocol is rejected at once, because the end of a head may never come.
        let start = &self.received[..self.received.len().min(5)];
        if !b"HTTP/".starts_with(start) {
            return Err(TunnelError::NotHttp);
        }
        if self.skipped + self.received.len() > Settings::MAX_HEAD {
            return Err(TunnelError::TooLarge);
        }
        Ok(false)
    }

    /// Returns the length of the head once it is complete. It searches each byte once, so a head that arrives
    /// byte by byte costs no more than another.
    fn head_end(&mut self) -> Option<usize> {
        let line_ends =
            (self.searched..self.received.len()).filter(|at| self.received[*at] == b'\n');
        let is_empty_line = |at: &usize| {
            let before = &self.received[..*at];
            before.ends_with(b"\n") || before.ends_with(b"\n\r")
        };
        let end = line_ends.into_iter().find(is_empty_line).map(|at| at + 1);
        self.searched = self.received.len();
        end.filter(|end| self.skipped + end <= Settings::MAX_HEAD)
    }
}

/// Returns the status of a complete head, and the offered schemes if Basic is not among them.
fn parse(head: &[u8]) -> Result<(StatusCode, Vec<&'static str>), TunnelError> {
    let mut headers = [httparse::EMPTY_HEADER; Settings::MAX_HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    match response.parse(head) {
        Ok(httparse::Status::Complete(_)) => {}
        Err(httparse::Error::TooManyHeaders) => return Err(TunnelError::TooLarge),
        Ok(httparse::Status::Partial) | Err(_) => return Err(TunnelError::NotHttp),
    }
    let status = response.code.and_then(|code| StatusCode::from_u16(code).ok());
    let offers = |scheme: &str| {
        let offered = response
            .headers
            .iter()
            .filter(|header| header.name.eq_ignore_ascii_case("proxy-authenticate"));
        let mut words =
            offered.flat_map(|header| header.value.split(|byte| b" ,\t".contains(byte)));
        words.any(|word| word.eq_ignore_ascii_case(scheme.as_bytes()))
    };
    let mut schemes = vec!["Negotiate", "NTLM", "Digest"];
    schemes.retain(|scheme| !offers("Basic") && offers(scheme));
    Ok((status.ok_or(TunnelError::NotHttp)?, schemes))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the outcome of a response that arrives at once. Checks that it is the same byte by byte.
    fn outcome(response: &str) -> Result<bool, String> {
        let whole = Tunnel::default().receive(response.as_bytes());
        let mut tunnel = Tunnel::default();
        let mut single = Ok(false);
        for byte in response.bytes() {
            // After the tunnel has opened, further bytes would be the service's.
            if !matches!(single, Ok(false)) {
                break;
            }
            single = tunnel.receive(&[byte]);
        }
        let text = |outcome: Result<bool, TunnelError>| outcome.map_err(|error| error.to_string());
        let (whole, single) = (text(whole), text(single));
        if whole != Err("it sent more than its response".into()) {
            assert_eq!(whole, single, "{response:?}");
        }
        whole
    }

    #[test]
    fn only_a_2xx_opens_the_tunnel() {
        let ok = "HTTP/1.1 200 Connection established\r\n\r\n";
        for (response, expected) in [
            (ok.into(), Ok(true)),
            ("HTTP/1.0 200\n\n".into(), Ok(true)),
            ("HTTP/1.1 201 Created\r\nContent-Length: 9\r\n\r\n".into(), Ok(true)),
            (format!("HTTP/1.1 103 Early Hints\r\nx: y\r\n\r\n{ok}"), Ok(true)),
            ("HTTP/1.1 200 OK\r\nx: y\r\n".into(), Ok(false)),
            ("HTT".into(), Ok(false)),
            (format!("{ok}x"), Err("it sent more than its response")),
            (format!("{ok}{ok}"), Err("it sent more than its response")),
            ("HTTP/1.1 101 Switching\r\n\r\n".into(), Err("its response has status 101")),
            ("HTTP/1.1 302 Found\r\n\r\n".into(), Err("its response has status 302")),
            ("HTTP/1.1 502 Bad\r\n\r\n".into(), Err("its response has status 502")),
            ("SSH-2.0-OpenSSH\r\n".into(), Err("its response is not HTTP")),
            ("HTTP/1.1 2000 OK\r\n\r\n".into(), Err("its response is not HTTP")),
            ("HTTP/1.1 200 OK\r\nno colon\r\n\r\n".into(), Err("its response is not HTTP")),
        ] {
            assert_eq!(outcome(&response), expected.map_err(Into::into), "{response:?}");
        }
        let mut tunnel = Tunnel::default();
        let error = tunnel.receive(b"").expect_err("closed").to_string();
        assert_eq!(error, "it closed the connection");
    }

    #[test]
    fn a_head_may_have_64_kib_and_100_headers() {
        let too_large = || Err("its response is over 65536 bytes or 100 headers".into());
        let line = "HTTP/1.1 200 OK\r\n";
        let of_size = |size: usize| {
            let value = "y".repeat(size - line.len() - "x: \r\n\r\n".len());
            format!("{line}x: {value}\r\n\r\n")
        };
        assert_eq!(outcome(&of_size(Settings::MAX_HEAD)), Ok(true));
        assert_eq!(outcome(&of_size(Settings::MAX_HEAD + 1)), too_large());
        assert_eq!(outcome(&"HTTP/1.1 100 Go on\r\n\r\n".repeat(4000)), too_large());
        assert_eq!(outcome(&format!("{line}{}\r\n", "x: y\r\n".repeat(100))), Ok(true));
        assert_eq!(outcome(&format!("{line}{}\r\n", "x: y\r\n".repeat(101))), too_large());
    }

    #[test]
    fn an_error_names_the_unsupported_schemes() {
        let rejected = |challenges: &[&str]| {
            let lines = challenges.iter().map(|value| format!("proxy-authenticate: {value}\r\n"));
            let lines = lines.collect::<String>();
            outcome(&format!("HTTP/1.1 407 No\r\n{lines}\r\n")).expect_err("rejected")
        };
        let ntlm = "it wants Negotiate or NTLM, and only Basic is supported (status 407)";
        assert_eq!(rejected(&["Negotiate", "NTLM TlRM"]), ntlm);
        assert_eq!(rejected(&["negotiate, ntlm"]), ntlm);
        assert!(rejected(&["Digest realm=\"r\", nonce=\"n\""]).starts_with("it wants Digest"));
        let password = "it wants a user and password (status 407)";
        assert_eq!(rejected(&["NTLM", "Basic realm=\"r\""]), password);
        assert_eq!(rejected(&[]), password);
    }

    #[test]
    fn the_request_has_the_target_agent_and_user() {
        let request = |url| {
            let proxy = ProxyUrl::new(url).expect("valid");
            String::from_utf8(Tunnel::request(&proxy, "[::1]", 443)).expect("text")
        };
        let agent = concat!("User-Agent: huaweicloud-sms/", env!("CARGO_PKG_VERSION"), "\r\n");
        let plain = format!("CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\n{agent}");
        assert_eq!(request("http://proxy:1"), format!("{plain}\r\n"));
        let auth = "Proxy-Authorization: Basic dXNlcjo=\r\n";
        assert_eq!(request("http://user@proxy:1"), format!("{plain}{auth}\r\n"));
    }
}
