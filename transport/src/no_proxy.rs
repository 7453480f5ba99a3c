use std::net::IpAddr;

/// The hosts that use no proxy, as curl reads `NO_PROXY`.
#[derive(Clone, Debug, Default)]
pub(crate) struct NoProxy(Vec<Entry>);

#[derive(Clone, Debug)]
enum Entry {
    Any,
    /// Without a dot at either end.
    Domain(String),
    /// An address, of which this many bits count.
    Network(IpAddr, u32),
}

impl NoProxy {
    pub(crate) fn new(list: &str) -> Self {
        let entries = list.split([',', ' ', '\t']).filter(|entry| !entry.is_empty());
        Self(entries.map(Entry::new).collect())
    }

    pub(crate) fn covers(&self, host: &str) -> bool {
        let host = host.strip_suffix('.').unwrap_or(host);
        let address = without_brackets(host).parse::<IpAddr>().ok();
        self.0.iter().any(|entry| match (entry, address) {
            (Entry::Any, _) => true,
            (Entry::Network(network, bits), Some(address)) => {
                address.is_ipv4() == network.is_ipv4()
                    && (left(address) ^ left(*network)).checked_shr(128 - bits).unwrap_or(0) == 0
            }
            (Entry::Domain(domain), None) => is_within(host, domain),
            _ => false,
        })
    }
}

impl Entry {
    fn new(text: &str) -> Self {
        if text == "*" {
            return Self::Any;
        }
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        if let Ok(address) = without_brackets(address).parse::<IpAddr>() {
            let all = if address.is_ipv4() { 32 } else { 128 };
            match bits.map_or(Ok(all), str::parse) {
                Ok(bits) if bits <= all => return Self::Network(address, bits),
                // An invalid range matches nothing, because no host has a slash.
                _ => {}
            }
        }
        let text = text.strip_prefix('.').unwrap_or(text);
        Self::Domain(text.strip_suffix('.').unwrap_or(text).to_owned())
    }
}

fn without_brackets(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

/// The address's bits from the left of the number on.
fn left(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(u32::from(address)) << 96,
        IpAddr::V6(address) => u128::from(address),
    }
}

/// Whether a host is the domain or under it.
fn is_within(host: &str, domain: &str) -> bool {
    let Some(start) = host.len().checked_sub(domain.len()) else { return false };
    let (front, end) = host.as_bytes().split_at(start);
    end.eq_ignore_ascii_case(domain.as_bytes()) && (front.is_empty() || front.ends_with(b"."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_entries() {
        for (list, covered, others) in [
            ("", &[][..], &["h", "127.0.0.1"][..]),
            ("*", &["h", "1.2.3.4", "[::1]"], &[]),
            (
                "example.com",
                &["example.com", "EXAMPLE.com.", "a.b.example.com"],
                &["notexample.com", "com", "example.com.cn"],
            ),
            (".example.com", &["example.com", "a.example.com"], &["notexample.com"]),
            ("example.com.", &["example.com", "a.example.com"], &[]),
            ("a, b\tc  d,,", &["a", "b", "c", "d", "x.d"], &["e", "ab"]),
            ("127.0.0.1", &["127.0.0.1"], &["127.0.0.11", "a.127.0.0.1"]),
            ("10.0.0.0/8", &["10.1.2.3"], &["11.0.0.0", "h"]),
            ("10.0.0.0/9 1.2.3.4/32", &["10.127.0.0", "1.2.3.4"], &["10.128.0.0", "1.2.3.5"]),
            ("0.0.0.0/0", &["10.1.2.3"], &["[::1]"]),
            ("::1,[fe80::]/10", &["[::1]", "[FE80::7]"], &["[::2]", "[2001:db8::1]", "0.0.0.1"]),
            ("10.0.0.0/33 10.0.0.0/x 10.0.0.0/", &[], &["10.0.0.0"]),
            ("h:8080", &[], &["h"]),
            (".", &[], &["h"]),
        ] {
            let no_proxy = NoProxy::new(list);
            for host in covered {
                assert!(no_proxy.covers(host), "{list:?} {host}");
            }
            for host in others {
                assert!(!no_proxy.covers(host), "{list:?} {host}");
            }
        }
    }
}
