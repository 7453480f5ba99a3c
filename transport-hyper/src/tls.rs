//! TLS by rustls with ring, given to the client and never installed for the whole process.

use std::sync::Arc;

use huaweicloud_sms_transport::{SettingsError, Trust};
use rustls::{ClientConfig, RootCertStore};

pub(crate) fn config(trust: &Trust) -> Result<ClientConfig, SettingsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| SettingsError::Platform(error.to_string()))?;
    let roots = match trust {
        #[cfg(feature = "platform-verifier")]
        Trust::Platform => {
            use rustls_platform_verifier::BuilderVerifierExt;
            return builder
                .with_platform_verifier()
                .map(|builder| builder.with_no_client_auth())
                .map_err(|error| SettingsError::Platform(error.to_string()));
        }
        #[cfg(feature = "webpki-roots")]
        Trust::WebpkiRoots => RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() },
        Trust::Pem(pem) => {
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(Trust::certificates(pem)?);
            roots
        }
        missing => return Err(missing.not_compiled_in()),
    };
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}
