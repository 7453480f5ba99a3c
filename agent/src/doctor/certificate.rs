//! The summary of a certificate: its subject, its issuer and its expiry.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use huaweicloud_sms::timestamp;
use x509_cert::{
    Certificate,
    der::{AnyRef, Decode, Encode},
    name::Name,
};

pub(super) struct Summary {
    pub(super) subject: String,
    pub(super) issuer: String,
    pub(super) expires: SystemTime,
    /// Whether Mozilla's list has a CA of this name.
    pub(super) is_issuer_public: bool,
}

impl Summary {
    /// Returns `None` if the certificate cannot be read.
    pub(super) fn new(der: &[u8]) -> Option<Self> {
        let certificate = Certificate::from_der(der).ok()?;
        let content = certificate.tbs_certificate();
        Some(Self {
            subject: shown(content.subject()),
            issuer: shown(content.issuer()),
            expires: UNIX_EPOCH + content.validity().not_after.to_unix_duration(),
            is_issuer_public: is_public(content.issuer()),
        })
    }

    pub(super) fn is_self_signed(&self) -> bool {
        self.subject == self.issuer
    }

    /// Returns the time until it expires, or zero if it has expired.
    pub(super) fn left(&self, now: SystemTime) -> Duration {
        self.expires.duration_since(now).unwrap_or_default()
    }

    pub(super) fn text(&self) -> String {
        let issuer = match self.is_self_signed() {
            true => "itself",
            false => &self.issuer,
        };
        format!("{}, issued by {issuer}, until {}", self.subject, timestamp(self.expires))
    }
}

fn shown(name: &Name) -> String {
    let text = name.to_string();
    if text.is_empty() { "(no name)".into() } else { text }
}

fn is_public(name: &Name) -> bool {
    let Ok(der) = name.to_der() else { return false };
    // The list has the content of each name, without the header.
    let content = AnyRef::from_der(&der).map(|name| name.value());
    let is_it = |content| {
        webpki_roots::TLS_SERVER_ROOTS.iter().any(|root| root.subject.as_ref() == content)
    };
    content.is_ok_and(is_it)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_ca_is_known_by_its_name() {
        for root in webpki_roots::TLS_SERVER_ROOTS {
            let content = root.subject.as_ref();
            let length = u8::try_from(content.len()).expect("a short name");
            let header = if length < 0x80 { vec![0x30, length] } else { vec![0x30, 0x81, length] };
            let name = Name::from_der(&[header.as_slice(), content].concat()).expect("a name");
            assert!(is_public(&name), "{name}");
        }
        assert!(!is_public(&"CN=Example CA".parse().expect("a name")));
    }

    #[test]
    fn bytes_that_are_no_certificate_have_no_summary() {
        for der in [&b""[..], b"\x30\x00", &[0x30; 100]] {
            assert!(Summary::new(der).is_none());
        }
    }
}
