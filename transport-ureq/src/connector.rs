//! How connections are made: a proxy's tunnel, TCP, TLS, and the call's time limit over all of it.
//!
//! ureq's own chain gives each read of a proxy's answer the whole time limit again, so that a proxy
//! that dribbles holds a call forever; it goes straight to the host past a SOCKS proxy that it
//! was built without; and a shutdown does not end a connect.

use std::{
    fmt, io,
    sync::{Arc, mpsc},
    time::Instant,
};

use huaweicloud_sms_transport::{ConnectTimeout, Meter};
use ureq::{
    Error, ProxyProtocol,
    unversioned::transport::{
        Buffers, ConnectProxyConnector, ConnectionDetails, Connector, Either, NextTimeout,
        RustlsConnector, TcpConnector, Transport, time,
    },
};

use crate::{metered::Metering, resolver::Names, threads::Threads, unread::CheckingUnread};

/// All of it, as ureq takes it.
pub(crate) fn chain(threads: Threads, meter: Meter) -> impl Connector<()> {
    Connecting(
        ().chain(Tunnel(ConnectProxyConnector::default()))
            .chain(Tcp(threads))
            .chain(CheckingUnread)
            .chain(RustlsConnector::default())
            .chain(CheckingUnread)
            .chain(Metering(meter)),
    )
}

/// An error of the system while there was no connection yet.
#[derive(Debug)]
pub(crate) struct NotConnected(io::Error);

impl fmt::Display for NotConnected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("connecting failed")
    }
}

impl std::error::Error for NotConnected {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

/// Marks errors as those of connecting: a reset means something else later, and so does the end of
/// the time.
#[derive(Debug)]
struct Connecting<C>(C);

impl<C: Connector<()>> Connector<()> for Connecting<C> {
    type Out = C::Out;

    fn connect(
        &self,
        details: &ConnectionDetails,
        chained: Option<()>,
    ) -> Result<Option<C::Out>, Error> {
        self.0.connect(details, chained).map_err(|error| match error {
            Error::Io(error) => Error::Other(NotConnected(error).into()),
            Error::Timeout(_) => Error::Other(ConnectTimeout.into()),
            other => other,
        })
    }
}

/// ureq's tunnel, for `http://` proxies alone. It connects to the proxy by the whole chain.
#[derive(Debug)]
struct Tunnel(ConnectProxyConnector);

impl<In: Transport> Connector<In> for Tunnel {
    type Out = Either<In, Box<dyn Transport>>;

    fn connect(
        &self,
        details: &ConnectionDetails,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, Error> {
        let proxy = details.config.proxy().filter(|proxy| !proxy.is_no_proxy(details.uri));
        if proxy.is_some_and(|proxy| proxy.protocol() != ProxyProtocol::Http) {
            return Err(Error::ConnectProxyFailed("not an http:// proxy".into()));
        }
        let mut tunnel = self.0.connect(details, chained).map_err(|error| match error {
            Error::Protocol(error) => Error::ConnectProxyFailed(error.to_string()),
            // That of reaching the proxy has been marked: this one came after it.
            Error::Io(error) => Error::ConnectProxyFailed(error.to_string()),
            other => other,
        })?;
        if let Some(Either::B(transport)) = &mut tunnel {
            // Or the proxy's bytes would be taken for the service's.
            if !transport.buffers().input().is_empty() {
                return Err(Error::ConnectProxyFailed(
                    "the proxy sent more than its answer".into(),
                ));
            }
        }
        Ok(tunnel)
    }
}

/// ureq's TCP, bounded by the limit of the call that makes the connection, and on another thread:
/// nothing else ends a connect that a firewall swallows.
#[derive(Debug)]
struct Tcp(Threads);

impl<In: Transport> Connector<In> for Tcp {
    type Out = Either<In, Bounded>;

    fn connect(
        &self,
        details: &ConnectionDetails,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, Error> {
        if let Some(transport) = chained {
            return Ok(Some(Either::A(transport)));
        }
        // To a proxy, `now` and `timeout` are still those of before its name was looked up.
        let deadline = match (details.now, details.timeout.after) {
            (time::Instant::Exact(now), time::Duration::Exact(after)) => now.checked_add(after),
            _ => None,
        };
        let timeout = within(deadline, details.timeout)?;
        let transport = self.connect(details, timeout)?;
        Ok(transport.map(|transport| {
            let inner: Box<dyn Transport> = Box::new(transport);
            Either::B(Bounded { inner, deadline })
        }))
    }
}

impl Tcp {
    fn connect(
        &self,
        details: &ConnectionDetails,
        timeout: NextTimeout,
    ) -> Result<Option<impl Transport + use<>>, Error> {
        let (uri, addrs, config) =
            (details.uri.clone(), details.addrs.clone(), details.config.clone());
        let (request_level, names) = (details.request_level, Names(self.0.clone()));
        let current_time = details.current_time.clone();
        let run_connector = details.run_connector.clone();
        let register_shutdown = details.register_shutdown.clone();
        let connect = Arc::new(move || {
            let details = ConnectionDetails {
                uri: &uri,
                addrs: addrs.clone(),
                config: &config,
                request_level,
                resolver: &names,
                now: time::Instant::now(),
                timeout,
                current_time: current_time.clone(),
                run_connector: run_connector.clone(),
                register_shutdown: register_shutdown.clone(),
            };
            Connector::<()>::connect(&TcpConnector::default(), &details, None)
        });
        let (answer, answered) = mpsc::sync_channel(1);
        let work = Arc::clone(&connect);
        let started = self.0.connect.start(move || {
            let connected = work();
            // Nobody listens any more once the time was over; that closes the connection.
            Box::new(move || drop(answer.send(connected)))
        });
        match started {
            Ok(_pending) => self.0.wait(&answered, timeout)?,
            // Without another thread a shutdown has to wait, and all else is the same.
            Err(_) => connect(),
        }
    }
}

/// A connection under the deadline of the call that made it, until that call is over.
#[derive(Debug)]
struct Bounded {
    inner: Box<dyn Transport>,
    deadline: Option<Instant>,
}

impl Transport for Bounded {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        self.inner.transmit_output(amount, within(self.deadline, timeout)?)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.inner.await_input(within(self.deadline, timeout)?)
    }

    /// Is asked when the connection goes back to the pool: the first call is over.
    fn is_open(&mut self) -> bool {
        self.deadline = None;
        self.inner.is_open()
    }

    fn is_tls(&self) -> bool {
        self.inner.is_tls()
    }
}

fn within(deadline: Option<Instant>, mut timeout: NextTimeout) -> Result<NextTimeout, Error> {
    let Some(deadline) = deadline else { return Ok(timeout) };
    let left = deadline.saturating_duration_since(Instant::now());
    // ureq would take zero for a second.
    if left.is_zero() {
        return Err(Error::Timeout(timeout.reason));
    }
    if left < *timeout.after {
        timeout.after = time::Duration::Exact(left);
    }
    Ok(timeout)
}
