use core::fmt;

use rustls_pki_types::{CertificateDer, pem::PemObject};

use crate::SettingsError;

/// Whose certificates a transport trusts. There is no way to trust any certificate: behind a
/// TLS-inspecting proxy, trust that proxy's CA with [`Trust::Pem`].
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Trust {
    /// The operating system's trust store, which is where a company's own CA usually is.
    #[default]
    Platform,
    /// Mozilla's roots, compiled in (feature `webpki-roots`): for images without a trust store.
    WebpkiRoots,
    /// Exactly the certificates of this PEM text, and no others.
    Pem(Vec<u8>),
}

impl Trust {
    /// Reads the certificates of a PEM text; other items (a key, say) are passed over.
    ///
    /// # Errors
    /// [`SettingsError::NoCertificate`] or [`SettingsError::BadCertificate`].
    pub fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, SettingsError> {
        let mut certificates = Vec::new();
        for item in CertificateDer::pem_slice_iter(pem) {
            let bad = SettingsError::BadCertificate(certificates.len() + 1);
            let certificate = item.map_err(|_| bad.clone())?;
            // PEM alone does not make a certificate: ask the reader that will be asked in the end.
            rustls::RootCertStore::empty().add(certificate.clone()).map_err(|_| bad)?;
            certificates.push(certificate);
        }
        if certificates.is_empty() { Err(SettingsError::NoCertificate) } else { Ok(certificates) }
    }
}

impl Trust {
    /// The error of a transport whose features leave this trust store out.
    #[must_use]
    pub fn not_compiled_in(&self) -> SettingsError {
        SettingsError::TrustNotCompiledIn(match self {
            Self::Platform => "the system's trust store (feature platform-verifier)",
            Self::WebpkiRoots => "Mozilla's roots (feature webpki-roots)",
            Self::Pem(_) => "certificates of a PEM text",
        })
    }
}

impl fmt::Debug for Trust {
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
                Trust::certificates(text.as_bytes()),
                Err(SettingsError::NoCertificate),
                "{text:?}"
            );
        }
    }

    #[test]
    fn damaged_certificates() {
        for body in ["AAAA", "not base64!", ""] {
            let pem = format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n");
            assert_eq!(Trust::certificates(pem.as_bytes()), Err(SettingsError::BadCertificate(1)));
        }
    }

    #[test]
    fn debug_has_no_bytes_of_the_text() {
        assert_eq!(format!("{:?}", Trust::Pem(b"secret".to_vec())), "Pem(6 bytes)");
    }
}
