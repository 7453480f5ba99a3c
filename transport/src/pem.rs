//! Reads PEM bundles, also with indented lines, comments and damaged items. The parser of `rustls-pki-types`
//! silently skips an item whose BEGIN does not start its line.

use base64::{Engine, prelude::BASE64_STANDARD};
use rustls_pki_types::CertificateDer;

/// An item of a PEM text, such as a certificate.
pub(crate) struct Item {
    /// The number of the line in which it begins, counted from 1.
    pub(crate) line: usize,
    /// The label in the BEGIN line. It is empty if there is only an END line.
    label: String,
    /// The text between BEGIN and END, or `None` without an END.
    content: Option<String>,
}

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";

/// Returns the items of a PEM text, in their order.
pub(crate) fn items(text: &[u8]) -> Vec<Item> {
    // Comments may be in any encoding.
    let text = &*String::from_utf8_lossy(text);
    let mut markers: Vec<_> = text.match_indices(BEGIN).chain(text.match_indices(END)).collect();
    markers.sort_unstable();
    let mut items: Vec<Item> = Vec::new();
    for (index, (start, marker)) in markers.iter().enumerate() {
        let line = || text[..*start].split('\n').count();
        let next = markers.get(index + 1);
        let (label, content) = if *marker == BEGIN {
            let end = next.map_or(text.len(), |(end, _)| *end);
            let rest = &text[start + BEGIN.len()..end];
            let (label, content) = rest.split_once("-----").unwrap_or((rest, ""));
            (label, next.filter(|(_, marker)| *marker == END).map(|_| content.to_owned()))
        } else if index > 0 && markers[index - 1].1 == BEGIN {
            continue;
        } else {
            ("", None)
        };
        items.push(Item { line: line(), label: label.to_owned(), content });
    }
    items
}

impl Item {
    /// Returns the certificate, or the reason why the item is skipped. The reason does not repeat the label,
    /// because a damaged file may have a key there.
    pub(crate) fn certificate(&self) -> Result<CertificateDer<'static>, &'static str> {
        match self.label.as_str() {
            "CERTIFICATE" | "TRUSTED CERTIFICATE" | "X509 CERTIFICATE" => {}
            "" => return Err("an END line has no BEGIN line"),
            "PKCS7" | "CMS" => return Err(PKCS7),
            label if label.ends_with("PRIVATE KEY") => return Err("this is a private key"),
            label if label.ends_with("CERTIFICATE REQUEST") => {
                return Err("this is a request for a certificate");
            }
            _ => return Err("this is not a certificate"),
        }
        let content = self.content.as_ref().ok_or("the certificate has no END line")?;
        let content: String = content.chars().filter(|char| !char.is_whitespace()).collect();
        let der = BASE64_STANDARD.decode(content);
        let der = der.map_err(|_| "the certificate cannot be read (it is not base64)")?;
        let certificate = CertificateDer::from(first_element(&der).to_vec());
        is_certificate(&certificate)
            .then_some(certificate)
            .ok_or("the certificate cannot be read (it is damaged, or of another kind)")
    }
}

const PKCS7: &str =
    "this is PKCS #7, not a certificate: convert it with openssl pkcs7 -print_certs";

/// Describes the format of a text without any item.
pub(crate) fn other_format(text: &[u8]) -> &'static str {
    // The object identifier 1.2.840.113549.1.7.2.
    const SIGNED_DATA: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02";
    let head = &text[..text.len().min(64)];
    match *text {
        [] => "there is nothing in it",
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => {
            "the certificates are UTF-16 text: save them as UTF-8"
        }
        // A DER sequence.
        [0x30, ..] if is_certificate(&CertificateDer::from(text)) => {
            "it is a certificate in DER, not PEM: convert it with openssl x509 -inform der"
        }
        [0x30, ..] if head.windows(SIGNED_DATA.len()).any(|bytes| bytes == SIGNED_DATA) => {
            "it is PKCS #7 in DER: convert it with openssl pkcs7 -inform der -print_certs"
        }
        // PKCS #12 begins with version 3.
        [0x30, _, _, _, 2, 1, 3, ..] | [0x30, _, _, 2, 1, 3, ..] | [0x30, 0x80, 2, 1, 3, ..] => {
            "it is PKCS #12: convert it with openssl pkcs12 -nokeys"
        }
        _ if head.contains(&0) => "it is not text, or it is UTF-16: save the certificates as UTF-8",
        _ => "it has no certificate (expected -----BEGIN CERTIFICATE-----)",
    }
}

/// Returns whether rustls can read the certificate. Valid PEM or DER may hold something else.
fn is_certificate(certificate: &CertificateDer<'_>) -> bool {
    rustls::RootCertStore::empty().add(certificate.clone().into_owned()).is_ok()
}

/// Returns the certificate of a `TRUSTED CERTIFICATE`, without OpenSSL's trust settings, which follow it. A
/// certificate is a DER sequence of 256 to 65,535 bytes. Returns other bytes unchanged, and rustls checks
/// them.
fn first_element(der: &[u8]) -> &[u8] {
    match *der {
        [0x30, 0x82, high, low, ..] => {
            der.get(..4 + usize::from(u16::from_be_bytes([high, low]))).unwrap_or(der)
        }
        _ => der,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{RootCerts, SettingsError};

    /// A self-signed certificate of `openssl req -x509`.
    const CA: &str = include_str!("test_certificates/ca_true.pem");

    fn read(text: impl AsRef<[u8]>) -> Result<(usize, Vec<String>), String> {
        match RootCerts::read(text.as_ref()) {
            Ok((certificates, skipped)) => Ok((certificates.len(), skipped)),
            Err(SettingsError::NoCertificate(problem)) => Err(problem),
            Err(error) => panic!("{error}"),
        }
    }

    fn skipped(problem: &str) -> Result<(usize, Vec<String>), String> {
        Ok((1, vec![problem.into()]))
    }

    #[test]
    fn reads_indented_commented_and_joined_bundles() {
        let indented = CA.lines().map(|line| format!("    {line}\r\n")).collect::<String>();
        for text in [
            CA.into(),
            CA.replace('\n', "\r\n"),
            CA.trim_end().into(),
            indented,
            format!("\u{feff}{CA}"),
            format!("# a comment\nsubject=x\n{CA}trailing text"),
            CA.replace(" CERTIFICATE", " TRUSTED CERTIFICATE"),
            CA.replace(" CERTIFICATE", " X509 CERTIFICATE"),
        ] {
            assert_eq!(read(&text), Ok((1, Vec::new())), "{text}");
        }
        assert_eq!(read(format!("{}{CA}", CA.trim_end())), Ok((2, Vec::new())), "glued");
        assert_eq!(read([b"# caf\xe9\n", CA.as_bytes()].concat()), Ok((1, Vec::new())));
    }

    #[test]
    fn a_skipped_item_is_reported_with_its_line() {
        let lines = CA.lines().count();
        let block = |label: &str, content: &str| {
            format!("-----BEGIN {label}-----\n{content}\n-----END {label}-----\n")
        };
        for (more, problem) in [
            (
                block("CERTIFICATE", "MAMCAQE="),
                "the certificate cannot be read (it is damaged, or of another kind)",
            ),
            (
                block("CERTIFICATE", "not base64!"),
                "the certificate cannot be read (it is not base64)",
            ),
            (block("PRIVATE KEY", "AAAA"), "this is a private key"),
            (block("EC PRIVATE KEY", "AAAA"), "this is a private key"),
            (block("NEW CERTIFICATE REQUEST", "AAAA"), "this is a request for a certificate"),
            (block("PKCS7", "AAAA"), PKCS7),
            (block("X509 CRL", "AAAA"), "this is not a certificate"),
            (CA[..60].into(), "the certificate has no END line"),
        ] {
            let at = |line| format!("line {line}: {problem}");
            assert_eq!(read(format!("{CA}{more}")), skipped(&at(lines + 1)));
            assert_eq!(read(format!("\n{more}\n{CA}")), skipped(&at(2)));
            assert_eq!(read(&more), Err(at(1)));
        }
        let damaged = format!("{CA}{}", CA.replacen("-----BEGIN", "----BEGIN", 1));
        let problem = format!("line {}: an END line has no BEGIN line", 2 * lines);
        assert_eq!(read(damaged), skipped(&problem));
    }

    #[test]
    fn other_formats_are_named() {
        let der = items(CA.as_bytes())[0].certificate().expect("a certificate");
        let utf16: Vec<u8> = CA.encode_utf16().flat_map(u16::to_le_bytes).collect();
        for (text, word) in [
            (Vec::new(), "nothing in it"),
            (b"hello".to_vec(), "expected -----BEGIN CERTIFICATE-----"),
            (b"\0\x01".to_vec(), "not text"),
            (der.to_vec(), "in DER"),
            (b"\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02\xa0".to_vec(), "PKCS #7"),
            (b"\x30\x82\x09\x01\x02\x01\x03\x30".to_vec(), "PKCS #12"),
            ([b"\xff\xfe", &*utf16].concat(), "UTF-16"),
            (utf16, "UTF-16"),
        ] {
            let problem = read(text).expect_err("no PEM");
            assert!(problem.contains(word), "{problem}");
        }
    }
}
