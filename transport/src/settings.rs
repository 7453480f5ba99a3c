use core::time::Duration;

use crate::{Proxy, Trust};

/// How a transport behaves. The defaults are safe: 30 s, 256 KiB, the system's trust store, the
/// environment's proxy.
///
/// ```
/// use std::time::Duration;
/// use huaweicloud_sms_transport::{Proxy, Settings};
///
/// let settings = Settings::default().timeout(Duration::from_secs(10)).proxy(Proxy::None);
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Settings {
    timeout: Duration,
    max_body: usize,
    idle_age: Duration,
    trust: Trust,
    proxy: Proxy,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(30),
            max_body: 256 * 1024,
            idle_age: Self::IDLE_AGE,
            trust: Trust::default(),
            proxy: Proxy::default(),
        }
    }
}

impl Settings {
    /// The longest accepted time limit. A longer one could not be added to every clock.
    pub const MAX_TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);

    /// The most that a response's head (status line and headers) may take, in bytes.
    pub const MAX_HEAD: usize = 64 * 1024;

    /// The most headers that a response may have: what hyper takes without a list of its own for
    /// each response.
    pub const MAX_HEADERS: usize = 100;

    /// How long an idle connection is kept for reuse unless told otherwise: well under the 60 to
    /// 75 s after which servers usually close it, so that a request rarely meets a closing
    /// connection.
    pub const IDLE_AGE: Duration = Duration::from_secs(20);

    /// Limits the whole call: look-up, connect, TLS, request, head and body. Default: 30 s.
    ///
    /// A transport refuses zero and anything over [`MAX_TIMEOUT`](Self::MAX_TIMEOUT) when it is
    /// made.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = limit;
        self
    }

    /// Limits the response's body, in bytes: exactly this many pass. Default: 256 KiB.
    pub fn max_body(mut self, limit: usize) -> Self {
        self.max_body = limit;
        self
    }

    /// How long an idle connection is kept for reuse; zero means never. Default:
    /// [`IDLE_AGE`](Self::IDLE_AGE).
    pub fn idle_age(mut self, age: Duration) -> Self {
        self.idle_age = age;
        self
    }

    /// Whose certificates are trusted. Default: [`Trust::Platform`].
    pub fn trust(mut self, trust: Trust) -> Self {
        self.trust = trust;
        self
    }

    /// Through which proxy to go. Default: [`Proxy::FromEnvironment`].
    pub fn proxy(mut self, proxy: Proxy) -> Self {
        self.proxy = proxy;
        self
    }

    /// The time limit of a call.
    #[must_use]
    pub fn get_timeout(&self) -> Duration {
        self.timeout
    }

    /// The size limit of a body, in bytes.
    #[must_use]
    pub fn get_max_body(&self) -> usize {
        self.max_body
    }

    /// How long an idle connection is kept.
    #[must_use]
    pub fn get_idle_age(&self) -> Duration {
        self.idle_age
    }

    /// Whose certificates are trusted.
    #[must_use]
    pub fn get_trust(&self) -> &Trust {
        &self.trust
    }

    /// The proxy.
    #[must_use]
    pub fn get_proxy(&self) -> &Proxy {
        &self.proxy
    }

    /// Refuses what no transport can work with; each checks when it is made.
    ///
    /// # Errors
    /// [`SettingsError::Timeout`].
    pub fn check(&self) -> Result<(), SettingsError> {
        if self.timeout.is_zero() || self.timeout > Self::MAX_TIMEOUT {
            return Err(SettingsError::Timeout);
        }
        Ok(())
    }
}

/// Why a transport could not be made from its settings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// The time limit is zero or over a day.
    #[error("the time limit must be more than 0 and at most 24 hours")]
    Timeout,
    /// The PEM text given as trust holds no certificate.
    #[error("the PEM text has no certificate (expected -----BEGIN CERTIFICATE-----)")]
    NoCertificate,
    /// A certificate of the PEM text is damaged.
    #[error("certificate {0} of the PEM text cannot be read")]
    BadCertificate(
        /// Its place in the text, counted from 1.
        usize,
    ),
    /// The trust store asked for was left out of this build by its features.
    #[error("this build cannot trust {0}")]
    TrustNotCompiledIn(
        /// Which one.
        &'static str,
    ),
    /// The system's trust store could not be opened.
    #[error("the system's trust store cannot be used: {0}")]
    Platform(
        /// What the system said.
        String,
    ),
    /// The proxy's address is not of the form `http://[user:password@]host:port`.
    #[error("the proxy address {0}")]
    Proxy(
        /// What is wrong with it.
        &'static str,
    ),
    /// A variable of the environment says nothing that can be used as the proxy.
    #[error("{variable} {problem}")]
    Environment {
        /// Its name.
        variable: &'static str,
        /// What is wrong with its value, which is not repeated.
        problem: &'static str,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_limits_at_the_edges() {
        let check = |limit| Settings::default().timeout(limit).check();
        assert_eq!(check(Duration::ZERO), Err(SettingsError::Timeout));
        assert_eq!(check(Duration::from_nanos(1)), Ok(()));
        assert_eq!(check(Settings::MAX_TIMEOUT), Ok(()));
        assert_eq!(
            check(Settings::MAX_TIMEOUT + Duration::from_nanos(1)),
            Err(SettingsError::Timeout)
        );
    }
}
