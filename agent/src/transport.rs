//! The transports of this build, behind one blocking client.

use std::time::Instant;

use huaweicloud_sms::{
    Answer, Authorize, ClockSkew, Credential, Error, ObtainCommand, Operation, Pace, Poller,
    Timestamp,
};
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
    pub(crate) fn new(
        transport: Option<Transport>,
        settings: Settings,
        follow_server_clock: bool,
    ) -> Result<Self, String> {
        let transport = transport
            .or_else(|| AVAILABLE.first().copied())
            .ok_or("this build has no transport: build with the feature ureq or hyper")?;
        let refused = |error: huaweicloud_sms_transport::SettingsError| error.to_string();
        match transport {
            #[cfg(feature = "ureq")]
            Transport::Ureq => {
                use huaweicloud_sms::ureq::{Client, Transport};
                let client = Client::new(Transport::new(settings).map_err(refused)?);
                Ok(Self::Ureq(client.follow_server_clock(follow_server_clock)))
            }
            #[cfg(feature = "hyper")]
            Transport::Hyper => {
                use huaweicloud_sms::hyper::{Client, Transport};
                let client = Client::new(Transport::new(settings).map_err(refused)?);
                let client = client.follow_server_clock(follow_server_clock);
                Ok(Self::Hyper(Box::new(client), runtime()?))
            }
            #[allow(unreachable_patterns, reason = "reached where a feature is off")]
            missing => {
                let _ = (settings, refused, follow_server_clock);
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
        auth: &impl Authorize,
    ) -> Result<O::Output, Error<TransportError>> {
        match *self {
            #[cfg(feature = "ureq")]
            Self::Ureq(ref client) => client.send(call, auth),
            #[cfg(feature = "hyper")]
            Self::Hyper(ref client, ref runtime) => runtime.block_on(client.send(call, auth)),
        }
    }

    /// The moment to sign with.
    pub(crate) fn now(&self) -> Timestamp {
        match *self {
            #[cfg(feature = "ureq")]
            Self::Ureq(ref client) => client.now(),
            #[cfg(feature = "hyper")]
            Self::Hyper(ref client, _) => client.now(),
        }
    }

    pub(crate) fn clock_skew(&self) -> Option<ClockSkew> {
        match *self {
            #[cfg(feature = "ureq")]
            Self::Ureq(ref client) => client.clock_skew(),
            #[cfg(feature = "hyper")]
            Self::Hyper(ref client, _) => client.clock_skew(),
        }
    }
}

/// A runtime with a thread of its own. hyper must see what a server sends between two calls, or it
/// takes that for the response to the second.
#[cfg(feature = "hyper")]
fn runtime() -> Result<tokio::runtime::Runtime, String> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|error| format!("the async runtime cannot start: {error}"))
}

type Event = huaweicloud_sms::Event<Answer, TransportError>;

/// A client's watch, behind one blocking `next`.
pub(crate) enum Watch {
    #[cfg(feature = "ureq")]
    Ureq {
        client: huaweicloud_sms::ureq::Client,
        watch: Box<huaweicloud_sms::ureq::Watch<ObtainCommand>>,
    },
    #[cfg(feature = "hyper")]
    Hyper {
        /// Keeps running while the answers are printed, as hyper's connections need.
        runtime: tokio::runtime::Runtime,
        client: Box<huaweicloud_sms::hyper::Client>,
        watch: Box<huaweicloud_sms::hyper::Watch<ObtainCommand>>,
        stop: std::sync::Arc<tokio::sync::Notify>,
    },
}

#[cfg_attr(
    not(any(feature = "ureq", feature = "hyper")),
    expect(unused_variables, reason = "then there is no client to watch with")
)]
impl Watch {
    pub(crate) fn new(
        client: Client,
        call: ObtainCommand,
        credential: Credential,
        pace: Pace,
    ) -> Result<Self, String> {
        let refused = |error: huaweicloud_sms::InvalidInput| error.to_string();
        match client {
            #[cfg(feature = "ureq")]
            Client::Ureq(client) => {
                let watch = Box::new(client.watch(call, credential, pace).map_err(refused)?);
                Ok(Self::Ureq { client, watch })
            }
            #[cfg(feature = "hyper")]
            Client::Hyper(client, _) => {
                let watch = Box::new(client.watch(call, credential, pace).map_err(refused)?);
                Ok(Self::Hyper {
                    runtime: runtime()?,
                    client,
                    watch,
                    stop: std::sync::Arc::default(),
                })
            }
        }
    }

    /// What happens next; `None` once it was stopped.
    pub(crate) fn next(&mut self) -> Option<Event> {
        match *self {
            #[cfg(feature = "ureq")]
            Self::Ureq { ref mut watch, .. } => watch.next(),
            #[cfg(feature = "hyper")]
            Self::Hyper { ref runtime, ref mut watch, ref stop, .. } => {
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

    pub(crate) fn renew(&mut self, credential: Credential) {
        match *self {
            #[cfg(feature = "ureq")]
            Self::Ureq { ref mut watch, .. } => watch.renew(credential),
            #[cfg(feature = "hyper")]
            Self::Hyper { ref mut watch, .. } => watch.renew(credential),
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

    /// When the next call or login goes out.
    pub(crate) fn due(&self) -> Instant {
        match *self {
            #[cfg(feature = "ureq")]
            Self::Ureq { ref watch, .. } => watch.due(),
            #[cfg(feature = "hyper")]
            Self::Hyper { ref watch, .. } => watch.due(),
        }
    }

    pub(crate) fn clock_skew(&self) -> Option<ClockSkew> {
        match *self {
            #[cfg(feature = "ureq")]
            Self::Ureq { ref client, .. } => client.clock_skew(),
            #[cfg(feature = "hyper")]
            Self::Hyper { ref client, .. } => client.clock_skew(),
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
