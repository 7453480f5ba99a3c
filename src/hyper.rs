//! The async client over hyper 1, on tokio. The module `ureq` has the same names for the blocking client.
//!
//! ```no_run
//! use huaweicloud_sms::{AccessKey, Endpoint, Event, ObtainCommand, Pace, ServerId, Settings, hyper};
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let endpoint = Endpoint::new("https://sms.ap-southeast-3.myhuaweicloud.com")?;
//!     let call = ObtainCommand::new(&endpoint, &ServerId::new("f32ab4d6-d150-4fb3-aa55-edbb5cf9947f")?);
//!     let key = AccessKey::new("EXAMPLEAK00000000001", std::fs::read_to_string("sk")?.trim_end())?;
//!
//!     let client = hyper::Client::from_settings(Settings::default())?;
//!     let mut watch = client.watch(call, key, Pace::default());
//!     while let Some(event) = watch.recv().await {
//!         match event {
//!             Event::Error(error) => eprintln!("{error}"), // The watch tries again.
//!             Event::CredentialRejected(error) => return Err(error.to_string().into()),
//!             event => println!("{event:?}"),
//!         }
//!     }
//!     Ok(())
//! }
//! ```
//!
//! It needs a tokio runtime with the features `rt`, `net` and `time`. `#[tokio::main]` also needs `macros` and
//! `rt-multi-thread`.

pub use huaweicloud_sms_transport_hyper::HyperTransport as Transport;

use crate::{Settings, SettingsError, TransportError};

/// An async client over hyper.
pub type Client = crate::AsyncClient<Transport>;

/// Polls the service; see [`Client::watch`].
pub type Watch<O> = crate::AsyncWatch<Transport, O>;

/// The reason why a call has no answer.
pub type Error = crate::Error<TransportError>;

impl Client {
    /// Creates a client over hyper with these settings.
    ///
    /// # Errors
    /// See [`SettingsError`].
    pub fn from_settings(settings: Settings) -> Result<Self, SettingsError> {
        Ok(Self::new(Transport::new(settings)?))
    }
}
