//! The blocking client over ureq 3. The module `hyper` has the same names for the async client.
//!
//! The front page of the crate has an example. To send over an agent of your own, make a [`Transport`] with
//! `Transport::with_agent` and pass it to [`Client::new`](crate::Client::new).

pub use huaweicloud_sms_transport_ureq::UreqTransport as Transport;

use crate::{Settings, SettingsError, TransportError};

/// A blocking client over ureq.
pub type Client = crate::Client<Transport>;

/// Polls the service; see [`Client::watch`].
pub type Watch<O> = crate::Watch<Transport, O>;

/// The reason why a call has no answer.
pub type Error = crate::Error<TransportError>;

impl Client {
    /// Creates a client over ureq with these settings.
    ///
    /// # Errors
    /// See [`SettingsError`].
    pub fn from_settings(settings: Settings) -> Result<Self, SettingsError> {
        Ok(Self::new(Transport::new(settings)?))
    }
}
