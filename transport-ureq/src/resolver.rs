//! Look-ups of host names within a time limit.
//!
//! ureq's own resolver has no bound without a time limit, and with one makes a thread for each
//! request and panics when it can't. This one answers an address without any.

use std::{
    net::{IpAddr, SocketAddr},
    sync::mpsc,
};

use http::{Uri, uri::Scheme};
use huaweicloud_sms_transport::LookupError;
use ureq::{
    Error,
    config::Config,
    unversioned::{
        resolver::{ResolvedSocketAddrs, Resolver},
        transport::NextTimeout,
    },
};

use crate::threads::Threads;

/// As many addresses as ureq tries.
const MAX_ADDRESSES: usize = 16;

#[derive(Clone, Debug)]
pub(crate) struct Names(pub(crate) Threads);

impl Resolver for Names {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let Some(host) = uri.host() else { return Err(Error::HostNotFound) };
        let default = if uri.scheme() == Some(&Scheme::HTTPS) { 443 } else { 80 };
        let port = uri.port_u16().unwrap_or(default);
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let addresses = match bare.parse::<IpAddr>() {
            Ok(address) => vec![SocketAddr::new(address, port)],
            Err(_) => self.look_up(host, timeout)?,
        };
        let mut resolved = self.empty();
        let wanted = config.ip_family();
        for mut address in wanted.keep_wanted(addresses.into_iter()).take(MAX_ADDRESSES) {
            address.set_port(port);
            resolved.push(address);
        }
        if resolved.is_empty() { Err(Error::HostNotFound) } else { Ok(resolved) }
    }
}

impl Names {
    fn look_up(&self, host: &str, timeout: NextTimeout) -> Result<Vec<SocketAddr>, Error> {
        let failed = |error: LookupError| Error::Other(error.into());
        let (answer, answered) = mpsc::sync_channel(1);
        // Nobody listens any more once the time was over.
        let start = self.0.lookup.start(host, move |found| drop(answer.send(found)));
        // Dropped at the end: that gives the look-up up if it is still under way.
        let _pending = start.map_err(failed)?;
        self.0.wait(&answered, timeout)?.map_err(failed)
    }
}
