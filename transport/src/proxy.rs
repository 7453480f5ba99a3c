use core::{fmt, str::FromStr};

use base64::{Engine, prelude::BASE64_STANDARD};
use percent_encoding::percent_decode_str;

use crate::SettingsError;

/// The HTTP proxy that a transport uses.
///
/// The proxy opens a tunnel (CONNECT), so that TLS, and in it the credential, reaches only the service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Proxy {
    /// The proxy that `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` name; see [`ProxyMatcher`](crate::ProxyMatcher).
    #[default]
    FromEnvironment,
    /// No proxy, whatever the environment says.
    Direct,
    /// This proxy for every request.
    Url(ProxyUrl),
}

/// An HTTP proxy's address, `http://[user:password@]host[:port]`.
///
/// `Debug` shows neither user nor password, and there is no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct ProxyUrl {
    user_info: Option<String>,
    host: String,
    port: u16,
}

impl ProxyUrl {
    /// Checks an address. It must name a port, because 80, the default of HTTP clients, is rarely right.
    ///
    /// # Errors
    /// [`SettingsError::Proxy`] with the problem. It never repeats the address, which may hold a password.
    pub fn new(url: &str) -> Result<Self, SettingsError> {
        let wrong = |what| Err(SettingsError::Proxy(what));
        if !url.bytes().all(|byte| byte.is_ascii_graphic()) {
            return wrong("has a character that is not visible ASCII (percent-encode it)");
        }
        let scheme = url.get(..7).filter(|start| start.eq_ignore_ascii_case("http://"));
        let Some(rest) = scheme.map(|scheme| &url[scheme.len()..]) else {
            return wrong(
                "must start with http:// (the client opens a tunnel through it, with TLS inside)",
            );
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        if authority.contains(['/', '?', '#', '\\']) {
            return wrong("must not have a path, query or fragment (percent-encode a password)");
        }
        let (user_info, host_port) = match authority.rsplit_once('@') {
            Some((user_info, host_port)) => (Some(user_info), host_port),
            None => (None, authority),
        };
        if let Some(text) = user_info {
            // Most likely, the password has to be percent-encoded. Without this check, it would be truncated.
            if !percent_encoding_is_valid(text) || !text.bytes().all(is_user_info) {
                return wrong("has a user or password that is not percent-encoded");
            }
            if percent_decode_str(text).decode_utf8().is_err() {
                return wrong("has a user or password that is not UTF-8");
            }
        }
        let Some((host, port)) = host_port.rsplit_once(':') else {
            return wrong("must name a port (http://host:3128)");
        };
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let host_is_valid = match bare {
            Some(address) => address.parse::<core::net::Ipv6Addr>().is_ok(),
            None => {
                !host.is_empty()
                    && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b))
            }
        };
        if !host_is_valid {
            return wrong("has no valid host");
        }
        let port = Some(port).filter(|port| port.bytes().all(|byte| byte.is_ascii_digit()));
        match port.and_then(|port| port.parse().ok()) {
            None | Some(0) => wrong("must have a port from 1 to 65535"),
            Some(port) => {
                Ok(Self { user_info: user_info.map(Into::into), host: host.into(), port })
            }
        }
    }

    /// Returns the host. An IPv6 address is in brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns the port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns the whole address with user and password, for an HTTP client.
    #[must_use]
    pub fn expose(&self) -> String {
        let user_info = self.user_info.as_ref().map(|text| format!("{text}@"));
        format!("http://{}{}:{}", user_info.unwrap_or_default(), self.host, self.port)
    }

    /// Returns the value of `Proxy-Authorization` for an HTTP client, or `None` without a user.
    #[must_use]
    pub fn basic_auth(&self) -> Option<String> {
        let user_info = self.user_info.as_deref()?;
        let (user, password) = user_info.split_once(':').unwrap_or((user_info, ""));
        let plain: Vec<u8> =
            percent_decode_str(user).chain([b':']).chain(percent_decode_str(password)).collect();
        Some(format!("Basic {}", BASE64_STANDARD.encode(plain)))
    }

    /// Returns whether the address has a user (and password).
    #[must_use]
    pub fn has_user_info(&self) -> bool {
        self.user_info.is_some()
    }
}

impl FromStr for ProxyUrl {
    type Err = SettingsError;

    fn from_str(url: &str) -> Result<Self, SettingsError> {
        Self::new(url)
    }
}

impl TryFrom<&str> for ProxyUrl {
    type Error = SettingsError;

    fn try_from(url: &str) -> Result<Self, SettingsError> {
        Self::new(url)
    }
}

/// Returns whether RFC 3986, section 3.2.1 allows this byte in user information.
fn is_user_info(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:%".contains(&byte)
}

fn percent_encoding_is_valid(text: &str) -> bool {
    text.split('%').skip(1).all(|after| {
        let bytes = after.as_bytes();
        bytes.len() >= 2 && bytes[..2].iter().all(u8::is_ascii_hexdigit)
    })
}

impl fmt::Debug for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let user = if self.has_user_info() { "***@" } else { "" };
        write!(f, "ProxyUrl(http://{user}{}:{})", self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_hides_user_and_password() {
        let proxy = ProxyUrl::new("http://us%40er:canary@proxy.example:3128/").expect("valid");
        assert_eq!(proxy.expose(), "http://us%40er:canary@proxy.example:3128");
        assert_eq!(format!("{proxy:?}"), "ProxyUrl(http://***@proxy.example:3128)");
        assert!(proxy.has_user_info());
        let plain = ProxyUrl::new("http://[::1]:1").expect("valid");
        assert_eq!(format!("{plain:?}"), "ProxyUrl(http://[::1]:1)");
        assert!(!plain.has_user_info());
        assert_eq!("http://[::1]:1".parse(), Ok(plain.clone()));
        assert_eq!(ProxyUrl::try_from("http://[::1]:1"), Ok(plain));
    }

    #[test]
    fn basic_auth_is_decoded_from_the_user_info() {
        for (url, basic) in [
            ("HTTP://us%40er:p%3Ass%C3%A9@proxy:1", Some("Basic dXNAZXI6cDpzc8Op")),
            ("http://user@proxy:1", Some("Basic dXNlcjo=")),
            ("http://a:b+@proxy:1", Some("Basic YTpiKw==")),
            ("http://proxy:1", None),
        ] {
            let proxy = ProxyUrl::new(url).expect("valid");
            assert_eq!((proxy.host(), proxy.port()), ("proxy", 1));
            assert_eq!(proxy.basic_auth().as_deref(), basic);
        }
    }

    #[test]
    fn rejects_an_address_without_repeating_it() {
        for bad in [
            "",
            "proxy:3128",
            "https://proxy:3128",
            "socks5://canary:canary@proxy:1",
            "http://",
            "http://:3128",
            "http://proxy",
            "http://proxy:",
            "http://proxy:0",
            "http://proxy:65536",
            "http://proxy:+80",
            "http://proxy:3128/canary",
            "http://canary?x:1",
            "http://canary#x:1",
            "http://user:can ary@proxy:1",
            "http://user:canary%4@proxy:1",
            "http://user:canary%FF@proxy:1",
            "http://user:can<ary@proxy:1",
            "http://user:can\"ary@proxy:1",
            "http://user:can^ary@proxy:1",
            "http://[user]:canary@proxy:1",
            "http://user:can@ary@proxy:1",
            "http://[canary]:1",
            "http://\u{e9}:1",
        ] {
            let error = ProxyUrl::new(bad).expect_err(bad);
            assert!(!error.to_string().contains("canary"), "{error}");
        }
    }
}
