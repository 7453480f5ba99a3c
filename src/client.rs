use std::{fmt, sync::Arc, time::Instant};

use huaweicloud_sms_transport::Transport;

use crate::{
    Authorize, ClockSkew, Credential, Error, Operation, Pace, Timestamp, Watch,
    shared::{Shared, session},
};

/// Sends operations over a blocking [`Transport`]. Clones are cheap and share one transport. One client
/// serves all threads.
///
/// ```
/// use huaweicloud_sms::{AuthToken, Client, Endpoint, ObtainCommand, ServerId, http};
///
/// // Any function from a request to a response is a transport.
/// let client = Client::new(|request: http::Request<Vec<u8>>| {
///     assert_eq!(request.uri().host(), Some("sms.ap-southeast-3.myhuaweicloud.com"));
///     Ok::<_, std::io::Error>(http::Response::new(b"{}".to_vec()))
/// });
/// let endpoint = Endpoint::new("https://sms.ap-southeast-3.myhuaweicloud.com")?;
/// let call = ObtainCommand::new(&endpoint, &ServerId::new("f32ab4d6-d150-4fb3-aa55-edbb5cf9947f")?);
/// let answer = client.send(&call, &AuthToken::new("MIIVYgYJKoZIhvcNAQcCoIIVUzCCFU8CAQEx")?)?;
/// println!("{answer:?}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Client<T> {
    shared: Arc<Shared<T>>,
    follows_server_clock: bool,
}

impl<T> Client<T> {
    /// Creates a client over this transport.
    pub fn new(transport: T) -> Self {
        Self { shared: Arc::new(Shared::new(transport)), follows_server_clock: false }
    }

    /// Signs with the server's clock instead of this machine's.
    ///
    /// The server then chooses the signing time. Over TLS only the real server can do so. A client knows one
    /// clock, so use it with one service.
    #[must_use]
    pub fn follow_server_clock(mut self, is_followed: bool) -> Self {
        self.follows_server_clock = is_followed;
        self
    }

    /// Returns the time to sign with: `client.send(&call, &key.signer(client.now()))`. It is the system's
    /// time, corrected if the client follows the server's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.shared.now(self.follows_server_clock)
    }

    /// Returns the difference between the service's clock and this machine's. It comes from the last response
    /// of the service that had a `Date`, and is `None` before the first. Clones and watches share it.
    #[must_use]
    pub fn clock_skew(&self) -> Option<ClockSkew> {
        self.shared.clock_skew()
    }

    /// Returns the transport.
    #[must_use]
    pub fn transport(&self) -> &T {
        &self.shared.transport
    }

    /// Ends all watches of this client and its clones, from any thread. A sleeping watch ends at once. A
    /// watch whose call is under way ends with the call, within the transport's timeout.
    pub fn shutdown(&self) {
        self.shared.stop.stop();
    }
}

impl<T: Transport> Client<T> {
    /// Sends one request and reads its response. The request is never sent twice.
    ///
    /// The call is sent even if its credential was rejected before. If the service rejects its token or key,
    /// the watches of this client that use the same credential pause as well. The rejected password of a
    /// login does not affect them.
    ///
    /// # Errors
    /// [`Error::Transport`] if there was no response, [`Error::Response`] if it is not a successful
    /// answer.
    pub fn send<O: Operation>(
        &self,
        call: &O,
        auth: &(impl Authorize + ?Sized),
    ) -> Result<O::Output, Error<T::Error>> {
        let result = self.shared.transport.execute(call.request(auth));
        self.shared.read(call, auth, Instant::now(), result)
    }

    /// Polls the service until the client is shut down.
    ///
    /// The credential is a token, an [`AccessKey`](crate::AccessKey) or an [`IssueToken`](crate::IssueToken).
    /// With an `IssueToken`, the watch logs in and renews the token before it expires. The watch sends
    /// nothing before the first [`recv`](Watch::recv).
    ///
    /// The watches of a client and its clones share their rejected credentials. One watch at a time sends a
    /// credential that is not known to be accepted. After a rejection, each watch that would send it gets the
    /// event [`CredentialRejected`](crate::Event::CredentialRejected) instead, until the pause is over.
    pub fn watch<O: Operation>(
        &self,
        call: O,
        credential: impl Into<Credential>,
        pace: Pace,
    ) -> Watch<T, O> {
        let follows = self.follows_server_clock;
        let session = session(call, credential.into(), pace, follows, Instant::now());
        Watch { shared: Arc::clone(&self.shared), session }
    }
}

impl<T> Clone for Client<T> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), follows_server_clock: self.follows_server_clock }
    }
}

impl<T> fmt::Debug for Client<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("follows_server_clock", &self.follows_server_clock)
            .field("clock_skew", &self.clock_skew())
            .finish_non_exhaustive()
    }
}
