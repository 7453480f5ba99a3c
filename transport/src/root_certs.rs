use core::fmt;

use rustls_pki_types::{CertificateDer, pem::PemObject};

use crate::SettingsError;

/// Which certificates a transport trusts.
///
/// There is no way to trust any certificate. Behind a TLS-inspecting proxy, trust that proxy's CA with
/// [`RootCerts::Pem`].
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum RootCerts {
    /// The operating system's trust store, which usually holds a company's own CA too.
    #[default]
    Platform,
    /// Mozilla's roots, compiled in (feature `webpki-roots`), for images without a trust store.
    WebpkiRoots,
    /// Exactly the certificates of this PEM text, and no others.
    Pem(Vec<u8>),
}

impl RootCerts {
    /// Reads the certificates of a PEM text. Other items, such as a key, are skipped.
    ///
    /// It reads what `cat`, editors and `openssl x509 -trustout` make: lines that are indented, end in
    /// CRLF, or follow a byte order mark or another line's end; the labels `TRUSTED CERTIFICATE` and
    /// `X509 CERTIFICATE`.
    ///
    /// # Errors
    /// [`SettingsError::NoCertificate`] or [`SettingsError::BadCertificate`].
    pub fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, SettingsError> {
        // The parser skips, without an error, a BEGIN that does not start its line.
        let text = String::from_utf8_lossy(pem)
            .replace("-----BEGIN ", "\n-----BEGIN ")
            .replace(" TRUSTED CERTIFICATE-----", " CERTIFICATE-----")
            .replace(" X509 CERTIFICATE-----", " CERTIFICATE-----");
        let text = text.lines().map(str::trim).collect::<Vec<_>>().join("\n");
        let mut certificates = Vec::new();
        for item in CertificateDer::pem_slice_iter(text.as_bytes()) {
            let bad = SettingsError::BadCertificate(certificates.len() + 1);
            let certificate = item.map_err(|_| bad.clone())?;
            let certificate = CertificateDer::from(first_element(&certificate).to_vec());
            // PEM alone does not make a certificate: rustls has to be able to read it.
            rustls::RootCertStore::empty().add(certificate.clone()).map_err(|_| bad)?;
            certificates.push(certificate);
        }
        if certificates.is_empty() { Err(SettingsError::NoCertificate) } else { Ok(certificates) }
    }

    /// The error of a transport whose features leave this trust store out.
    #[doc(hidden)]
    #[must_use]
    pub fn not_compiled_in(&self) -> SettingsError {
        SettingsError::RootCertsNotCompiledIn(match self {
            Self::Platform => "the system's trust store (feature platform-verifier)",
            Self::WebpkiRoots => "Mozilla's roots (feature webpki-roots)",
            Self::Pem(_) => "certificates of a PEM text",
        })
    }
}

/// The certificate of a `TRUSTED CERTIFICATE`: OpenSSL's trust settings follow it. A certificate is a
/// DER sequence of 256 to 65,535 bytes; anything else is left to rustls.
fn first_element(der: &[u8]) -> &[u8] {
    match *der {
        [0x30, 0x82, high, low, ..] => {
            der.get(..4 + usize::from(u16::from_be_bytes([high, low]))).unwrap_or(der)
        }
        _ => der,
    }
}

impl fmt::Debug for RootCerts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Platform => f.write_str("Platform"),
            Self::WebpkiRoots => f.write_str("WebpkiRoots"),
            // The text may hold a private key beside the certificates.
            Self::Pem(pem) => write!(f, "Pem({} bytes)", pem.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_without_certificates() {
        for text in ["", "hello", "\u{0}\u{1}"] {
            assert_eq!(
                RootCerts::certificates(text.as_bytes()),
                Err(SettingsError::NoCertificate),
                "{text:?}"
            );
        }
    }

    #[test]
    fn damaged_certificates() {
        for body in ["AAAA", "not base64!", ""] {
            let pem = format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n");
            let bad = Err(SettingsError::BadCertificate(1));
            assert_eq!(RootCerts::certificates(pem.as_bytes()), bad);
        }
    }

    #[test]
    fn debug_has_no_bytes_of_the_text() {
        assert_eq!(format!("{:?}", RootCerts::Pem(b"secret".to_vec())), "Pem(6 bytes)");
    }
}
