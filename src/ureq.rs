//! Blocking calls over ureq 3. [`crate::hyper`] has the same names for async ones.

pub use huaweicloud_sms_transport_ureq::{
    Error as TransportError, Proxy, ProxyUrl, Settings, SettingsError, Trust,
    UreqTransport as Transport,
};

use crate::{Authorize, Error, Operation};

/// Sends operations and reads their answers. Cheap to clone; one serves all threads.
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
    /// twice and no redirect is followed.
    ///
    /// # Errors
    /// [`Error::Transport`] if no response came, [`Error::Response`] if it is no answer.
    pub fn send<O: Operation>(
        &self,
        call: &O,
        auth: &impl Authorize,
    ) -> Result<O::Output, Error<TransportError>> {
        let response = self.transport.execute(call.request(auth)).map_err(Error::Transport)?;
        Ok(call.parse(&response)?)
    }
}
