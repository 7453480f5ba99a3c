use std::net::IpAddr;

use crate::addresses::without_brackets;

/// The hosts that use no proxy.
#[derive(Clone, Debug, Default)]
pub(crate) struct NoProxy(Vec<Entry>);

#[derive(Clone, Debug)]
struct Entry {
    hosts: Hosts,
    /// `None` means any port.
    port: Option<u16>,
}

#[derive(Clone, Debug)]
enum Hosts {
    Any,
    /// A domain, without a dot at either end.
    Domain(String),
    /// An address, and the number of its bits that count.
    Network(IpAddr, u32),
}

impl NoProxy {
    /// Reads a list. An entry that can match no host is an error, because its author meant some host.
    pub(crate) fn new(list: &str) -> Result<Self, &'static str> {
        let separators = [',', ';', ' ', '\t', '\r', '\n'];
        let entries = list.split(separators).filter(|entry| !entry.is_empty());
        let entries = entries.map(|entry| Entry::new(entry).ok_or(ENTRY)).collect::<Result<_, _>>();
        let entries: Vec<Entry> = entries?;
        // curl treats `*` beside other entries as the name of a host.
        let has_any = entries.iter().any(|entry| matches!(entry.hosts, Hosts::Any));
        if has_any && entries.len() > 1 {
            Err("has * beside other entries")
        } else {
            Ok(Self(entries))
        }
    }

    pub(crate) fn covers(&self, host: &str, port: u16) -> bool {
        let host = host.strip_suffix('.').unwrap_or(host);
        let address = without_brackets(host).parse::<IpAddr>().ok();
        let mut entries = self.0.iter().filter(|entry| entry.port.is_none_or(|only| only == port));
        entries.any(|entry| match (&entry.hosts, address) {
            (Hosts::Any, _) => true,
            (Hosts::Network(network, bits), Some(address)) => {
                address.is_ipv4() == network.is_ipv4()
                    && (left(address) ^ left(*network)).checked_shr(128 - bits).unwrap_or(0) == 0
            }
            (Hosts::Domain(domain), None) => is_within(host, domain),
            _ => false,
        })
    }
}

const ENTRY: &str =
    "has an entry that is not a host, *.domain, address, range, or one of these with a port";

impl Entry {
    fn new(text: &str) -> Option<Self> {
        let any_port = |hosts| Self { hosts, port: None };
        if let Some(hosts) = Hosts::new(text) {
            return Some(any_port(hosts));
        }
        let (text, port) = text.rsplit_once(':')?;
        // Without brackets, the port could be a part of the address.
        let is_clear = text.starts_with('[') || !text.contains(':');
        let port = port.parse().ok().filter(|port| is_clear && *port > 0);
        Some(Self { hosts: Hosts::new(text)?, port: Some(port?) })
    }
}

impl Hosts {
    fn new(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self::Any);
        }
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        if let Ok(address) = without_brackets(address).parse::<IpAddr>() {
            let all = if address.is_ipv4() { 32 } else { 128 };
            let bits = bits.map_or(Some(all), |bits| bits.parse().ok());
            return Some(Self::Network(address, bits.filter(|bits| *bits <= all)?));
        }
        let domain = text.strip_prefix('*').filter(|rest| rest.starts_with('.')).unwrap_or(text);
        let domain = domain.strip_prefix('.').unwrap_or(domain);
        let domain = domain.strip_suffix('.').unwrap_or(domain);
        let is_of_names = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        (!domain.is_empty() && domain.bytes().all(is_of_names))
            .then(|| Self::Domain(domain.to_owned()))
    }
}

/// Returns the address's bits, aligned to the left.
fn left(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(u32::from(address)) << 96,
        IpAddr::V6(address) => u128::from(address),
    }
}

/// Returns whether a host is the domain or a sub-domain of it.
fn is_within(host: &str, domain: &str) -> bool {
    let Some(start) = host.len().checked_sub(domain.len()) else { return false };
    let (front, end) = host.as_bytes().split_at(start);
    end.eq_ignore_ascii_case(domain.as_bytes()) && (front.is_empty() || front.ends_with(b"."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_covers_its_hosts_and_no_others() {
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
            ("*.example.com", &["example.com", "a.example.com"], &["notexample.com"]),
            ("a;b\nc\r\nd", &["a", "b", "c", "d"], &["e"]),
            ("h:443 [::1]:443 1.2.3.4:443", &["h", "a.h", "[::1]", "1.2.3.4"], &["g"]),
            ("h:8080 [::1]:8080 1.2.3.4:8080", &[], &["h", "[::1]", "1.2.3.4"]),
            ("h:8080,h", &["h"], &[]),
            ("*:443", &["h"], &[]),
            ("*:80", &[], &["h"]),
        ] {
            let no_proxy = NoProxy::new(list).expect(list);
            for host in covered {
                assert!(no_proxy.covers(host, 443), "{list:?} {host}");
            }
            for host in others {
                assert!(!no_proxy.covers(host, 443), "{list:?} {host}");
            }
        }
    }

    #[test]
    fn an_entry_that_matches_nothing_is_an_error() {
        for list in [
            "10.0.0.0/33",
            "10.0.0.0/x",
            "10.0.0.0/",
            "h/8",
            "http://h",
            "*h",
            "h*",
            "a.*.b",
            "**",
            ".",
            "*.",
            "h:",
            "h:0",
            "h:65536",
            "h:x",
            "::1%eth0",
            "<local>",
            "a@b",
            "a, 1.2.3.4/40",
            "\u{fc}.de",
        ] {
            assert_eq!(NoProxy::new(list).map(drop), Err(ENTRY), "{list:?}");
        }
        for list in ["h,*", "*,*", "* h"] {
            assert_eq!(NoProxy::new(list).map(drop), Err("has * beside other entries"), "{list:?}");
        }
        assert!(NoProxy::new("*,").is_ok());
    }
}
