use core::time::Duration;

use crate::{
    Proxy, RootCerts,
    trace::{Observe, Trace},
};

/// The settings of a transport.
///
/// The defaults are safe: 30 s for a call, 10 s of them for a new connection, bodies up to 256 KiB, the
/// system's trust store, the environment's proxy.
///
/// ```
/// # use huaweicloud_sms_transport as huaweicloud_sms;
/// use std::time::Duration;
/// use huaweicloud_sms::{Proxy, Settings};
///
/// let settings = Settings::default().with_timeout(Duration::from_secs(10)).with_proxy(Proxy::Direct);
/// assert_eq!(settings.timeout(), Duration::from_secs(10));
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Settings {
    timeout: Duration,
    connect_timeout: Duration,
    max_body: usize,
    pool_idle_timeout: Duration,
    root_certs: RootCerts,
    proxy: Proxy,
    trace: Trace,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(10),
            max_body: 256 * 1024,
            pool_idle_timeout: Self::POOL_IDLE_TIMEOUT,
            root_certs: RootCerts::default(),
            proxy: Proxy::default(),
            trace: Trace::default(),
        }
    }
}

impl Settings {
    /// The longest accepted duration. Not every clock could add a longer one.
    pub const MAX_TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);

    /// The largest accepted head of a response (status line and headers), in bytes.
    pub const MAX_HEAD: usize = 64 * 1024;

    /// The largest accepted number of headers of a response. It is hyper's default, because with any other
    /// number hyper allocates memory for each response.
    pub const MAX_HEADERS: usize = 100;

    /// The default of [`with_pool_idle_timeout`](Self::with_pool_idle_timeout): 20 s. Servers
    /// usually close an idle connection after 60 to 75 s. The default is well under that, so that a request is
    /// rarely sent on a connection that the server is closing ([hyper#2136](https://github.com/hyperium/hyper/issues/2136)).
    pub const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(20);

    /// Limits the whole call: look-up, connect, proxy, TLS, request, head and body. Default: 30 s.
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Limits the time to make a connection: look-up, all addresses, proxy and TLS handshake. Default: 10 s.
    ///
    /// It is never more than 9/10 of the timeout, so that a dead network always ends with the error
    /// "no connection".
    pub fn with_connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Limits the response's body, in bytes. A body of exactly this length passes. Default: 256 KiB.
    pub fn with_max_body(mut self, limit: usize) -> Self {
        self.max_body = limit;
        self
    }

    /// Sets the time for which an idle connection is kept for reuse. With zero, no connection is reused.
    /// Default: [`POOL_IDLE_TIMEOUT`](Self::POOL_IDLE_TIMEOUT).
    pub fn with_pool_idle_timeout(mut self, timeout: Duration) -> Self {
        self.pool_idle_timeout = timeout;
        self
    }

    /// Sets the root certificates. Default: [`RootCerts::Platform`].
    pub fn with_root_certs(mut self, root_certs: RootCerts) -> Self {
        self.root_certs = root_certs;
        self
    }

    /// Sets the proxy. Default: [`Proxy::FromEnvironment`].
    pub fn with_proxy(mut self, proxy: Proxy) -> Self {
        self.proxy = proxy;
        self
    }

    /// Observes how connections are made, for the program `sms-agent`. The observer is called on the thread
    /// or task that connects, so it must not wait.
    ///
    /// It is hidden, because its events follow the needs of that program and may change in any release.
    #[doc(hidden)]
    pub fn with_trace(mut self, observe: Observe) -> Self {
        self.trace = Trace::new(observe);
        self
    }

    /// Returns the observer of connections.
    #[doc(hidden)]
    #[must_use]
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    /// Returns the timeout of a call.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Returns the effective connect timeout, which is at most 9/10 of the timeout.
    #[must_use]
    pub fn connect_timeout(&self) -> Duration {
        self.connect_timeout.min(self.timeout / 10 * 9)
    }

    /// Returns the limit of a body, in bytes.
    #[must_use]
    pub fn max_body(&self) -> usize {
        self.max_body
    }

    /// Returns the time for which an idle connection is kept.
    #[must_use]
    pub fn pool_idle_timeout(&self) -> Duration {
        self.pool_idle_timeout
    }

    /// Returns the root certificates.
    #[must_use]
    pub fn root_certs(&self) -> &RootCerts {
        &self.root_certs
    }

    /// Returns the proxy.
    #[must_use]
    pub fn proxy(&self) -> &Proxy {
        &self.proxy
    }

    /// Checks the durations. The constructor of each transport calls this, too.
    ///
    /// # Errors
    /// [`SettingsError::Timeout`], [`SettingsError::ConnectTimeout`] or
    /// [`SettingsError::PoolIdleTimeout`].
    pub fn check(&self) -> Result<(), SettingsError> {
        let is_limit = |limit: Duration| !limit.is_zero() && limit <= Self::MAX_TIMEOUT;
        if !is_limit(self.timeout) {
            return Err(SettingsError::Timeout);
        }
        if !is_limit(self.connect_timeout) {
            return Err(SettingsError::ConnectTimeout);
        }
        if self.pool_idle_timeout > Self::MAX_TIMEOUT {
            return Err(SettingsError::PoolIdleTimeout);
        }
        Ok(())
    }
}

/// The reason why a transport could not be made from its settings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// The timeout is zero or over a day.
    #[error("the timeout must be more than 0 and at most 24 hours")]
    Timeout,
    /// The connect timeout is zero or over a day.
    #[error("the connect timeout must be more than 0 and at most 24 hours")]
    ConnectTimeout,
    /// The idle timeout of the pool is over a day.
    #[error("the idle timeout of connections must be at most 24 hours")]
    PoolIdleTimeout,
    /// The PEM text of the root certificates has no usable certificate.
    #[error("{0}")]
    NoCertificate(
        /// The format of the text if it is not PEM, or the problem of its first item with its line.
        String,
    ),
    /// The features of this build leave the chosen trust store out.
    #[error("this build cannot trust {0}")]
    RootCertsNotCompiledIn(
        /// The trust store.
        &'static str,
    ),
    /// The proxy's address is not of the form `http://[user:password@]host:port`.
    #[error("the proxy address {0}")]
    Proxy(
        /// The problem.
        &'static str,
    ),
    /// A variable of the environment cannot be used as the proxy.
    #[error("{variable} {problem}")]
    Environment {
        /// The variable's name.
        variable: &'static str,
        /// The problem of its value. It does not repeat the value.
        problem: &'static str,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejects_durations_beyond_the_limits() {
        const MAX: Duration = Settings::MAX_TIMEOUT;
        const OVER: Duration = MAX.saturating_add(Duration::from_nanos(1));
        let timeout = |limit| Settings::default().with_timeout(limit).check();
        let connect = |limit| Settings::default().with_connect_timeout(limit).check();
        let idle = |limit| Settings::default().with_pool_idle_timeout(limit).check();
        for good in [Duration::from_nanos(1), MAX] {
            assert_eq!((timeout(good), connect(good), idle(good)), (Ok(()), Ok(()), Ok(())));
        }
        for bad in [Duration::ZERO, OVER] {
            assert_eq!(timeout(bad), Err(SettingsError::Timeout));
            assert_eq!(connect(bad), Err(SettingsError::ConnectTimeout));
        }
        assert_eq!(idle(Duration::ZERO), Ok(()));
        assert_eq!(idle(OVER), Err(SettingsError::PoolIdleTimeout));
    }

    #[test]
    fn the_connect_timeout_leaves_a_tenth_of_the_timeout() {
        let seconds = Duration::from_secs;
        let of = |timeout| Settings::default().with_timeout(timeout).connect_timeout();
        assert_eq!(of(seconds(30)), seconds(10));
        assert_eq!(of(seconds(10)), seconds(9));
    }
}
