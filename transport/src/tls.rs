//! TLS by rustls with ring, given to each connection and never installed for the whole process.

use std::{
    sync::{Arc, OnceLock},
    time::SystemTime,
};

use rustls::{
    ClientConfig, Error, RootCertStore,
    crypto::ring,
    pki_types::{ServerName, UnixTime},
    time_provider::TimeProvider,
};
#[cfg(feature = "platform-verifier")]
use rustls_platform_verifier::BuilderVerifierExt;

use crate::{RootCerts, SettingsError, TransportError, addresses::without_brackets, error::Cause};

/// The TLS configuration of a transport.
///
/// It is made when it is first needed: the system's trust store is many files, which a call over http
/// leaves alone, and a machine without one may still use http.
#[derive(Debug)]
pub struct TlsConfig {
    /// `None` is the system's trust store.
    roots: Option<RootCertStore>,
    config: OnceLock<Arc<ClientConfig>>,
}

impl TlsConfig {
    /// Checks the root certificates.
    ///
    /// # Errors
    /// [`SettingsError`], if the certificates cannot be read or this build lacks the trust store.
    pub fn new(root_certs: &RootCerts) -> Result<Self, SettingsError> {
        #[allow(unreachable_patterns, reason = "with all features none is missing")]
        let roots = match root_certs {
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
        Ok(Self { roots, config: OnceLock::new() })
    }

    /// The configuration, and the name that the certificate of a URI's host has to have.
    ///
    /// # Errors
    /// If the system's trust store cannot be used, or the host is no name. The next call tries again.
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
        let builder = ClientConfig::builder_with_details(provider, Arc::new(Clock));
        let builder = builder.with_safe_default_protocol_versions()?;
        let builder = match &self.roots {
            Some(roots) => builder.with_root_certificates(roots.clone()),
            #[cfg(feature = "platform-verifier")]
            None => builder.with_platform_verifier()?,
            #[cfg(not(feature = "platform-verifier"))]
            None => return Err(Error::General("this build has no system trust store".into())),
        };
        let config = Arc::new(builder.with_no_client_auth());
        Ok(Arc::clone(self.config.get_or_init(|| config)))
    }
}

/// The system's clock. rustls's own panics before 1970.
#[derive(Debug)]
struct Clock;

impl TimeProvider for Clock {
    fn current_time(&self) -> Option<UnixTime> {
        Some(unix_time(SystemTime::now()))
    }
}

/// A time before 1970 becomes 1970, when no certificate was valid.
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
