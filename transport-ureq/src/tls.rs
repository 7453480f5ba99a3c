//! TLS by rustls with ring, given to ureq and never installed for the whole process.

use std::sync::Arc;

use huaweicloud_sms_transport::{SettingsError, Trust};
use ureq::tls::{Certificate, RootCerts, TlsConfig, TlsProvider};

pub(crate) fn config(trust: &Trust) -> Result<TlsConfig, SettingsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    // ureq panics over roots that its features leave out, so that is found here.
    let roots = match trust {
        // Opened with the first TLS connection: a machine without one may still use http.
        #[cfg(feature = "platform-verifier")]
        Trust::Platform => RootCerts::PlatformVerifier,
        #[cfg(feature = "webpki-roots")]
        Trust::WebpkiRoots => RootCerts::WebPki,
        Trust::Pem(pem) => {
            let certificates: Vec<_> = Trust::certificates(pem)?
                .iter()
                .map(|certificate| Certificate::from_der(certificate).to_owned())
                .collect();
            RootCerts::new_with_certs(&certificates)
        }
        missing => return Err(missing.not_compiled_in()),
    };
    Ok(TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .root_certs(roots)
        .unversioned_rustls_crypto_provider(provider)
        .build())
}
