//! The transports of this build, behind one blocking client.

use std::time::Instant;

use huaweicloud_sms::{Answer, AuthToken, Error, ObtainCommand, Operation, Pace, Poller};
use huaweicloud_sms_transport::{Error as TransportError, Settings};

use crate::args::Transport;

/// The transports of this build; the first is the default.
pub(crate) const AVAILABLE: &[Transport] = &[
    #[cfg(feature = "ureq")]
    Transport::Ureq,
    #[cfg(feature = "hyper")]
    Transport::Hyper,
];

pub(crate) enum Client {
    #[cfg(feature = "ureq")]
    Ureq(huaweicloud_sms::ureq::Client),
    #[cfg(feature = "hyper")]
    Hyper(Box<huaweicloud_sms::hyper::Client>, tokio::runtime::Runtime),
}

impl Client {
    /// A client on the transport asked for, else on the first of this build.
    pub(crate) fn new(transport: Option<Transport>, settings: Settings) -> Result<Self, String> {
        let transport = transport
            .or_else(|| AVAILABLE.first().copied())
            .ok_or("this build has no transport: build with the feature ureq or hyper")?;
        let refused = |error: huaweicloud_sms_transport::SettingsError| error.to_string();
        match transport {
            #[cfg(feature = "ureq")]
            Transport::Ureq => {
                use huaweicloud_sms::ureq::{Client, Transport};
                Ok(Self::Ureq(Client::new(Transport::new(settings).map_err(refused)?)))
            }
            #[cfg(feature = "hyper")]
            Transport::Hyper => {
                use huaweicloud_sms::hyper::{Client, Transport};
                let client = Client::new(Transport::new(settings).map_err(refused)?);
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .map_err(no_runtime)?;
                Ok(Self::Hyper(Box::new(client), runtime))
            }
            #[allow(unreachable_patterns, reason = "reached where a feature is off")]
            missing => {
                let _ = (settings, refused);
                Err(format!("the transport {} is not in this build", missing.name()))
            }
        }
    }

    #[cfg_attr(
        not(any(feature = "ureq", feature = "hyper")),
        expect(unused_variables, reason = "then there is no client to send with")
    )]
    pub(crate) fn send<O: Operation>(
        &self,
        call: &O,
        token: &AuthToken,
    ) -> Result<O::Output, Error<TransportError>> {
        match *self {
            #[cfg(feature = "ureq")]
            Self::Ureq(ref client) => client.send(call, token),
            // One call, so nothing of the connection needs the runtime once it has returned.
            #[cfg(feature = "hyper")]
            Self::Hyper(ref client, ref runtime) => runtime.block_on(client.send(call, token)),
        }
    }
}

#[cfg(feature = "hyper")]
fn no_runtime(error: std::io::Error) -> String {
    format!("the async runtime cannot start: {error}")
}

type Event = huaweicloud_sms::Event<Answer, TransportError>;

/// A client's watch, behind one blocking `next`.
pub(crate) enum Watch {
    #[cfg(feature = "ureq")]
    Ureq {
        client: huaweicloud_sms::ureq::Client,
        watch: Box<huaweicloud_sms::ureq::Watch<ObtainCommand, AuthToken>>,
    },
    #[cfg(feature = "hyper")]
    Hyper {
        /// Keeps running while the answers are printed, as hyper's connections need.
        runtime: tokio::runtime::Runtime,
        watch: Box<huaweicloud_sms::hyper::Watch<ObtainCommand, AuthToken>>,
        stop: std::sync::Arc<tokio::sync::Notify>,
    },
}

#[cfg_attr(
    not(any(feature = "ureq", feature = "hyper")),
    expect(unused_variables, reason = "then there is no client to watch with")
)]
impl Watch {
    pub(crate) fn new(
        transport: Option<Transport>,
        settings: Settings,
        call: ObtainCommand,
        token: AuthToken,
        pace: Pace,
    ) -> Result<Self, String> {
        let refused = |error: huaweicloud_sms::InvalidInput| error.to_string();
        match Client::new(transport, settings)? {
            #[cfg(feature = "ureq")]
            Client::Ureq(client) => {
                let watch = Box::new(client.watch(call, token, pace).map_err(refused)?);
                Ok(Self::Ureq { client, watch })
            }
            #[cfg(feature = "hyper")]
            Client::Hyper(client, _) => {
                let watch = Box::new(client.watch(call, token, pace).map_err(refused)?);
                let runtime = tokio::runtime::Builder::new_multi_thread()
                    .worker_threads(1)
                    .enable_all()
                    .build()
                    .map_err(no_runtime)?;
                Ok(Self::Hyper { runtime, watch, stop: std::sync::Arc::default() })
            }
        }
    }

    /// What happens next; `None` once it was stopped.
    pub(crate) fn next(&mut self) -> Option<Event> {
        match *self {
            #[cfg(feature = "ureq")]
            Self::Ureq { ref mut watch, .. } => watch.next(),
            #[cfg(feature = "hyper")]
            Self::Hyper { ref runtime, ref mut watch, ref stop } => {
                use std::{future::Future, pin::pin, task::Poll};
                let mut stopped = pin!(stop.notified());
                let mut event = pin!(watch.next());
                runtime.block_on(std::future::poll_fn(|context| {
                    match stopped.as_mut().poll(context) {
                        Poll::Ready(()) => Poll::Ready(None),
                        Poll::Pending => event.as_mut().poll(context).map(Some),
                    }
                }))
            }
        }
    }

    pub(crate) fn renew(&mut self, token: AuthToken) {
        match *self {
            #[cfg(feature = "ureq")]
            Self::Ureq { ref mut watch, .. } => watch.renew(token),
            #[cfg(feature = "hyper")]
            Self::Hyper { ref mut watch, .. } => watch.renew(token),
        }
    }

    pub(crate) fn keep(&mut self) {
        match *self {
            #[cfg(feature = "ureq")]
            Self::Ureq { ref mut watch, .. } => watch.keep(),
            #[cfg(feature = "hyper")]
            Self::Hyper { ref mut watch, .. } => watch.keep(),
        }
    }

    pub(crate) fn poller(&self) -> &Poller<Instant> {
        match *self {
            #[cfg(feature = "ureq")]
            Self::Ureq { ref watch, .. } => watch.poller(),
            #[cfg(feature = "hyper")]
            Self::Hyper { ref watch, .. } => watch.poller(),
        }
    }

    /// Ends the watch from another thread, also in the middle of a call.
    pub(crate) fn stopper(&self) -> Box<dyn Fn() + Send> {
        match *self {
            #[cfg(feature = "ureq")]
            Self::Ureq { ref client, .. } => {
                let client = client.clone();
                Box::new(move || client.shutdown())
            }
            #[cfg(feature = "hyper")]
            Self::Hyper { ref stop, .. } => {
                let stop = std::sync::Arc::clone(stop);
                Box::new(move || stop.notify_one())
            }
        }
    }
}
