//! The async client over hyper 1. [`crate::ureq`] has the same names for the blocking one.

pub use huaweicloud_sms_transport_hyper::HyperTransport as Transport;

use crate::{Settings, SettingsError, TransportError};

/// An async client over hyper.
pub type Client = crate::AsyncClient<Transport>;

/// Polls the service; see [`Client::watch`].
pub type Watch<O> = crate::AsyncWatch<Transport, O>;

/// Why a call has no answer.
pub type Error = crate::Error<TransportError>;

impl Client {
    /// A client over hyper with these settings.
    ///
    /// # Errors
    /// See [`SettingsError`].
    pub fn from_settings(settings: Settings) -> Result<Self, SettingsError> {
        Ok(Self::new(Transport::new(settings)?))
    }
}
