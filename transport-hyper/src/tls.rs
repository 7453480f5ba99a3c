//! TLS by rustls with ring, given to the client and never installed for the whole process.

use std::sync::Arc;

use huaweicloud_sms_transport::{SettingsError, Trust};
use rustls::{ClientConfig, RootCertStore};
#[cfg(feature = "platform-verifier")]
use rustls::{
    DigitallySignedStruct, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    pki_types::{CertificateDer, ServerName, UnixTime},
};

pub(crate) fn config(trust: &Trust) -> Result<ClientConfig, SettingsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| SettingsError::Platform(error.to_string()))?;
    let roots = match trust {
        #[cfg(feature = "platform-verifier")]
        Trust::Platform => {
            let verifier: Arc<dyn ServerCertVerifier> =
                match rustls_platform_verifier::Verifier::new(provider) {
                    Ok(verifier) => Arc::new(verifier),
                    Err(error) => Arc::new(NoTrustStore(error)),
                };
            // "Dangerous" is what rustls calls any verifier that is not its own.
            let builder = builder.dangerous().with_custom_certificate_verifier(verifier);
            return Ok(builder.with_no_client_auth());
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

/// Trusts nobody, and says why: the system has no trust store. Found out when TLS is wanted, since a
/// machine without one may still use http.
#[cfg(feature = "platform-verifier")]
#[derive(Debug)]
struct NoTrustStore(rustls::Error);

#[cfg(feature = "platform-verifier")]
impl ServerCertVerifier for NoTrustStore {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Err(self.0.clone())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(self.0.clone())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(self.0.clone())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        // None would end the handshake before the certificate, with another error.
        rustls::crypto::ring::default_provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}
