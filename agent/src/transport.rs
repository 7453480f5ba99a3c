//! The transports of this build, behind one blocking call.

use huaweicloud_sms::{AuthToken, Error, Operation};
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
                    .map_err(|error| format!("the async runtime cannot start: {error}"))?;
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
