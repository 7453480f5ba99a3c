//! Async calls over hyper 1. [`crate::ureq`] has the same names for blocking ones.

pub use huaweicloud_sms_transport_hyper::{
    Error as TransportError, HyperTransport as Transport, Proxy, ProxyUrl, Settings, SettingsError,
    Trust,
};

use crate::{Authorize, Error, Operation};

/// Sends operations and reads their answers. Cheap to clone; one serves all tasks.
#[derive(Clone, Debug)]
pub struct Client {
    transport: Transport,
}

impl Client {
    /// A client on a transport that is ready.
    #[must_use]
    pub fn new(transport: Transport) -> Self {
        Self { transport }
    }

    /// Sends one request and reads its answer, within the transport's limits. Nothing is sent
    /// twice and no redirect is followed. Dropping the future ends the call.
    ///
    /// # Errors
    /// [`Error::Transport`] if no response came, [`Error::Response`] if it is no answer.
    pub async fn send<O: Operation>(
        &self,
        call: &O,
        auth: &impl Authorize,
    ) -> Result<O::Output, Error<TransportError>> {
        let response =
            self.transport.execute(call.request(auth)).await.map_err(Error::Transport)?;
        Ok(call.parse(&response)?)
    }
}
