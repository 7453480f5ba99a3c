//! Looks up a host's addresses, and sorts them as RFC 8305 says.

use std::{
    io,
    net::{IpAddr, SocketAddr, ToSocketAddrs},
    sync::Arc,
    time::Duration,
};

use http::{Uri, uri::Scheme};

/// The time for which a connection attempt runs alone before the next address is tried beside it. RFC 8305,
/// section 5 calls it "Connection Attempt Delay".
pub const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// A function that resolves a host and port. It may block, as [`system_resolver`] does.
pub type Resolve = Arc<dyn Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync>;

/// Returns the system's resolver.
#[must_use]
pub fn system_resolver() -> Resolve {
    Arc::new(|host, port| Ok((host, port).to_socket_addrs()?.collect()))
}

/// Returns the address of a host that is an IP address and so needs no look-up.
#[must_use]
pub fn literal(host: &str, port: u16) -> Option<SocketAddr> {
    without_brackets(host).parse::<IpAddr>().ok().map(|address| SocketAddr::new(address, port))
}

/// Removes the brackets of an IPv6 address from a URI's host.
pub(crate) fn without_brackets(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

/// Returns the host and port of a URI, and whether its scheme needs TLS.
#[must_use]
pub fn target(uri: &Uri) -> (&str, u16, bool) {
    let is_tls = uri.scheme() == Some(&Scheme::HTTPS);
    let port = uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
    (uri.host().unwrap_or_default(), port, is_tls)
}

/// Resolves a name. Returns the addresses in the order in which the caller tries them.
///
/// # Errors
/// The resolver's error, or `NotFound` if the name has no address.
pub fn look_up(resolve: &Resolve, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    let found = resolve(host, port)?;
    if found.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
    }
    Ok(interleave(found))
}

/// Alternates the address families, beginning with that of the first address (RFC 8305, section 4). So a
/// family without a route delays the other one by only one attempt.
fn interleave(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first = addresses.first().map(SocketAddr::is_ipv4);
    let (one, other): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|address| Some(address.is_ipv4()) == first);
    let (mut ordered, mut other) = (Vec::new(), other.into_iter());
    for address in one {
        ordered.push(address);
        ordered.extend(other.next());
    }
    ordered.extend(other);
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| text.parse().expect("an address")).collect()
    }

    #[test]
    fn families_alternate() {
        for (found, ordered) in [
            (&[][..], &[][..]),
            (&["1.1.1.1:1", "2.2.2.2:1"], &["1.1.1.1:1", "2.2.2.2:1"]),
            (
                &["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1"],
                &["[::1]:1", "1.1.1.1:1", "[::2]:1", "[::3]:1"],
            ),
            (&["1.1.1.1:1", "2.2.2.2:1", "[::1]:1"], &["1.1.1.1:1", "[::1]:1", "2.2.2.2:1"]),
        ] {
            assert_eq!(interleave(addresses(found)), addresses(ordered));
        }
    }

    #[test]
    fn literals_need_no_look_up() {
        assert_eq!(literal("[::1]", 80), "[::1]:80".parse().ok());
        assert_eq!(literal("127.0.0.1", 80), "127.0.0.1:80".parse().ok());
        assert_eq!(literal("localhost", 80), None);
    }

    #[test]
    fn a_name_without_an_address_is_an_error() {
        let none: Resolve = Arc::new(|_, _| Ok(Vec::new()));
        let error = look_up(&none, "name", 80).expect_err("no address");
        assert_eq!(error.to_string(), "the name has no address");
    }
}
