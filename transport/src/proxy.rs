use core::fmt;

use crate::SettingsError;

/// Through which HTTP proxy a transport goes. The proxy is asked to CONNECT, so that TLS, and in
/// it the token, reaches only the service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Proxy {
    /// What `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` say; see [`Routes`](crate::Routes).
    #[default]
    FromEnvironment,
    /// None, whatever the environment says.
    None,
    /// This one for every request.
    Url(ProxyUrl),
}

/// An HTTP proxy's address, `http://[user:password@]host[:port]`.
///
/// `Debug` shows neither user nor password, and there is no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct ProxyUrl {
    url: String,
    user_info: bool,
}

impl ProxyUrl {
    /// Checks an address. A missing port means 80 with the clients, so it must be given.
    ///
    /// # Errors
    /// [`SettingsError::Proxy`] with what is wrong; it never repeats the address, which may hold
    /// a password.
    pub fn new(url: &str) -> Result<Self, SettingsError> {
        let wrong = |what| Err(SettingsError::Proxy(what));
        if !url.bytes().all(|byte| byte.is_ascii_graphic()) {
            return wrong("has a character that is not visible ASCII (percent-encode it)");
        }
        let scheme = url.get(..7).filter(|start| start.eq_ignore_ascii_case("http://"));
        let Some(rest) = scheme.map(|scheme| &url[scheme.len()..]) else {
            return wrong(
                "must start with http:// (the proxy is asked for a tunnel; TLS is inside)",
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
        if user_info.is_some_and(|text| text.contains('@') || !percent_encoding_is_valid(text)) {
            return wrong("has a user or password that is not percent-encoded");
        }
        // What no URI may have one client refuses and the other takes for "no proxy".
        let is_uri =
            |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:%".contains(&byte);
        if user_info.is_some_and(|text| !text.bytes().all(is_uri)) {
            return wrong("has a user or password that is not percent-encoded");
        }
        // One client refuses other bytes, the other replaces them.
        if user_info.is_some_and(|text| std::str::from_utf8(&decode(text)).is_err()) {
            return wrong("has a user or password that is not UTF-8");
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
        let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
        if !digits || !port.parse::<u16>().is_ok_and(|port| port > 0) {
            return wrong("must have a port from 1 to 65535");
        }
        Ok(Self { url: format!("http://{authority}"), user_info: user_info.is_some() })
    }

    /// The whole address, user and password included: for the HTTP client only.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.url
    }

    /// The address without user and password: `http://host:port`.
    #[must_use]
    pub fn origin(&self) -> String {
        let authority = self.url.rsplit_once('@').map(|(_, host)| host);
        authority.map_or_else(|| self.url.clone(), |host| format!("http://{host}"))
    }

    /// The value of `Proxy-Authorization`, if there is a user: for the HTTP client only.
    #[must_use]
    pub fn basic_auth(&self) -> Option<String> {
        let (scheme_and_user_info, _) = self.url.rsplit_once('@')?;
        let user_info = scheme_and_user_info.strip_prefix("http://")?;
        let (user, password) = user_info.split_once(':').unwrap_or((user_info, ""));
        let plain = [decode(user), b":".to_vec(), decode(password)].concat();
        Some(format!("Basic {}", base64(&plain)))
    }

    /// Whether the address carries a user (and password).
    #[must_use]
    pub fn has_user_info(&self) -> bool {
        self.user_info
    }
}

fn percent_encoding_is_valid(text: &str) -> bool {
    text.split('%').skip(1).all(|after| {
        let bytes = after.as_bytes();
        bytes.len() >= 2 && bytes[..2].iter().all(u8::is_ascii_hexdigit)
    })
}

/// Decodes what is percent-encoded validly.
fn decode(text: &str) -> Vec<u8> {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at(2);
        bytes.extend(u8::from_str_radix(digits, 16));
        bytes.extend(rest.as_bytes());
    }
    bytes
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let byte = |index| u32::from(group.get(index).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for index in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * index) & 63) as usize];
            text.push(if index > group.len() { '=' } else { char::from(digit) });
        }
    }
    text
}

impl fmt::Debug for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let origin = self.origin();
        let host = origin.trim_start_matches("http://");
        let user = if self.user_info { "***@" } else { "" };
        write!(f, "ProxyUrl(http://{user}{host})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepted_and_shown_without_its_password() {
        let proxy = ProxyUrl::new("http://us%40er:canary@proxy.example:3128/").expect("valid");
        assert_eq!(proxy.expose(), "http://us%40er:canary@proxy.example:3128");
        assert_eq!(format!("{proxy:?}"), "ProxyUrl(http://***@proxy.example:3128)");
        assert!(proxy.has_user_info());
        let plain = ProxyUrl::new("http://[::1]:1").expect("valid");
        assert_eq!(format!("{plain:?}"), "ProxyUrl(http://[::1]:1)");
        assert!(!plain.has_user_info());
    }

    #[test]
    fn for_the_client() {
        for (url, basic) in [
            ("HTTP://us%40er:p%3Ass%C3%A9@proxy:1", Some("Basic dXNAZXI6cDpzc8Op")),
            ("http://user@proxy:1", Some("Basic dXNlcjo=")),
            ("http://a:b+@proxy:1", Some("Basic YTpiKw==")),
            ("http://proxy:1", None),
        ] {
            let proxy = ProxyUrl::new(url).expect("valid");
            assert_eq!(proxy.origin(), "http://proxy:1");
            assert_eq!(proxy.basic_auth().as_deref(), basic);
        }
    }

    #[test]
    fn refused_without_repeating_it() {
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
