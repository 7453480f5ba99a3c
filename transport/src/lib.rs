//! What the two HTTP transports of `huaweicloud-sms` have in common: [`Settings`] and [`Error`].
//!
//! A transport maps an `http::Request` to an `http::Response` and knows nothing of the Server
//! Migration Service. That both ship the same settings, limits and words for what went wrong is
//! what makes them interchangeable; so these stand here once, and the transports re-export them.
//!
//! The only I/O here is [`Lookup`], the only threads are those of [`Background`]; of the environment
//! [`Routes`] reads the proxy's variables.

mod advice;
mod background;
mod error;
mod flood;
mod lookup;
mod no_proxy;
mod proxy;
mod routes;
mod settings;
mod trust;

pub use background::{Background, Delivery, Pending};
pub use error::{ConnectTimeout, Error, LookupError, NoBody, Part, Phase, find};
pub use flood::{Flood, Meter};
pub use lookup::Lookup;
pub use proxy::{Proxy, ProxyUrl};
pub use routes::Routes;
pub use settings::{Settings, SettingsError};
pub use trust::Trust;
