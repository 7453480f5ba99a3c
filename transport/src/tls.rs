//! Configures TLS by rustls with ring. The crypto provider is part of the configuration, and is never
//! installed for the whole process.

use std::{
    sync::{Arc, OnceLock},
    time::SystemTime,
};

use rustls::{
    ClientConfig, Error, ProtocolVersion, RootCertStore,
    client::{WebPkiServerVerifier, danger::ServerCertVerifier},
    crypto::{CryptoProvider, ring},
    pki_types::{ServerName, UnixTime},
    time_provider::TimeProvider,
};

use crate::{
    RootCerts, Settings, SettingsError, TransportError,
    addresses::without_brackets,
    error::Cause,
    trace::{Trace, TraceEvent},
    traced_verifier::TracedVerifier,
};

/// The TLS configuration of a transport.
///
/// It is made when it is first needed, because reading the system's trust store takes time. A call over http
/// does not read it, and a machine without a trust store can still use http.
#[derive(Debug)]
pub struct TlsConfig {
    /// The root certificates, or `None` for the system's trust store.
    roots: Option<RootCertStore>,
    config: OnceLock<Arc<ClientConfig>>,
    trace: Trace,
}

impl TlsConfig {
    /// Checks the root certificates.
    ///
    /// # Errors
    /// [`SettingsError`], if the certificates cannot be read or this build lacks the trust store.
    pub fn new(settings: &Settings) -> Result<Self, SettingsError> {
        #[allow(unreachable_patterns, reason = "with all features none is missing")]
        let roots = match settings.root_certs() {
            #[cfg(feature = "platform-verifier")]
            RootCerts::Platform => None,
            #[cfg(feature = "webpki-roots")]
            RootCerts::WebpkiRoots => {
                Some(RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() })
            }
            RootCerts::Pem(pem) => {
                let mut roots = RootCertStore::empty();
                roots.add_parsable_certificates(RootCerts::read(pem)?.0);
                Some(roots)
            }
            missing => return Err(missing.not_compiled_in()),
        };
        Ok(Self { roots, config: OnceLock::new(), trace: settings.trace().clone() })
    }

    /// Returns the configuration, and the name that the certificate of a URI's host must have.
    ///
    /// # Errors
    /// The system's trust store cannot be used, or the host is not a valid name. The next call tries again.
    pub fn of_host(
        &self,
        host: &str,
    ) -> Result<(Arc<ClientConfig>, ServerName<'static>), TransportError> {
        let name = ServerName::try_from(without_brackets(host).to_owned());
        let name = name.map_err(|error| Cause::Tls { source: error.into() })?;
        let config = self.get().map_err(|error| Cause::Tls { source: error.into() })?;
        Ok((config, name))
    }

    fn get(&self) -> Result<Arc<ClientConfig>, Error> {
        if let Some(config) = self.config.get() {
            return Ok(Arc::clone(config));
        }
        let provider = Arc::new(ring::default_provider());
        let mut verifier = self.verifier(&provider)?;
        if self.trace.is_on() {
            verifier = Arc::new(TracedVerifier { inner: verifier, trace: self.trace.clone() });
        }
        let builder = ClientConfig::builder_with_details(provider, Arc::new(Clock));
        let builder = builder.with_safe_default_protocol_versions()?;
        // rustls calls every custom verifier dangerous. This one is rustls's own or the system's.
        let builder = builder.dangerous().with_custom_certificate_verifier(verifier);
        let config = Arc::new(builder.with_no_client_auth());
        Ok(Arc::clone(self.config.get_or_init(|| config)))
    }

    fn verifier(
        &self,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Arc<dyn ServerCertVerifier>, Error> {
        let provider = Arc::clone(provider);
        match &self.roots {
            Some(roots) => {
                let roots = Arc::new(roots.clone());
                let verifier = WebPkiServerVerifier::builder_with_provider(roots, provider).build();
                Ok(verifier.map_err(|error| Error::General(error.to_string()))?)
            }
            #[cfg(feature = "platform-verifier")]
            None => Ok(Arc::new(rustls_platform_verifier::Verifier::new(provider)?)),
            #[cfg(not(feature = "platform-verifier"))]
            None => Err(Error::General("this build has no system trust store".into())),
        }
    }

    /// Reports to an observer that TLS is established.
    pub fn secured(&self, version: Option<ProtocolVersion>) {
        self.trace.tell(TraceEvent::Secured(match version {
            Some(ProtocolVersion::TLSv1_2) => "TLS 1.2",
            Some(ProtocolVersion::TLSv1_3) => "TLS 1.3",
            _ => "TLS",
        }));
    }
}

/// The system's clock. It is used because rustls's own clock panics before 1970.
#[derive(Debug)]
struct Clock;

impl TimeProvider for Clock {
    fn current_time(&self) -> Option<UnixTime> {
        Some(unix_time(SystemTime::now()))
    }
}

/// Converts a time. A time before 1970 becomes 1970, when no certificate was valid.
fn unix_time(time: SystemTime) -> UnixTime {
    UnixTime::since_unix_epoch(time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_time_before_1970_becomes_1970() {
        let second = Duration::from_secs(1);
        assert_eq!(unix_time(SystemTime::UNIX_EPOCH + second).as_secs(), 1);
        assert_eq!(unix_time(SystemTime::UNIX_EPOCH - second).as_secs(), 0);
    }
}
