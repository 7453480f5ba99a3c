use core::fmt;

use rustls_pki_types::CertificateDer;

use crate::{SettingsError, pem};

/// The root certificates that a transport trusts.
///
/// No setting turns the check of certificates off. Behind a TLS-inspecting proxy, trust that proxy's CA with
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
    /// Checks the certificates. Returns the warnings: a line for each item of the PEM text that a transport
    /// will skip, because it is not a certificate or cannot be read.
    ///
    /// It reads the output of `cat`, editors and `openssl x509 -trustout`. Lines may be indented, end in CRLF,
    /// or follow a byte order mark or the end of another line. The labels `TRUSTED CERTIFICATE` and
    /// `X509 CERTIFICATE` count as well.
    ///
    /// ```
    /// # use huaweicloud_sms_transport as huaweicloud_sms;
    /// use huaweicloud_sms::RootCerts;
    ///
    /// let error = RootCerts::Pem(b"-----BEGIN CERTIFICATE-----\nMII=".into()).check();
    /// assert_eq!(error.unwrap_err().to_string(), "line 1: the certificate has no END line");
    /// assert_eq!(RootCerts::Platform.check(), Ok(Vec::new()));
    /// ```
    ///
    /// # Errors
    /// [`SettingsError::NoCertificate`] if no certificate can be used.
    pub fn check(&self) -> Result<Vec<String>, SettingsError> {
        match self {
            Self::Pem(pem) => Ok(Self::read(pem)?.1),
            Self::Platform | Self::WebpkiRoots => Ok(Vec::new()),
        }
    }

    /// Reads the certificates of a PEM text. The second list has the reasons why items are skipped.
    pub(crate) fn read(
        text: &[u8],
    ) -> Result<(Vec<CertificateDer<'static>>, Vec<String>), SettingsError> {
        let (mut certificates, mut skipped) = (Vec::new(), Vec::new());
        for item in pem::items(text) {
            match item.certificate() {
                Ok(certificate) => certificates.push(certificate),
                Err(problem) => skipped.push(format!("line {}: {problem}", item.line)),
            }
        }
        if certificates.is_empty() {
            let problem = skipped.into_iter().next();
            let problem = problem.unwrap_or_else(|| pem::other_format(text).into());
            return Err(SettingsError::NoCertificate(problem));
        }
        Ok((certificates, skipped))
    }

    /// Returns the error of a transport whose features leave this trust store out.
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
    fn debug_does_not_show_the_pem_text() {
        assert_eq!(format!("{:?}", RootCerts::Pem(b"secret".to_vec())), "Pem(6 bytes)");
    }
}
