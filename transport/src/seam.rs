use std::{error::Error, future::Future, time::Instant};

use bytes::Bytes;
use http::{Request, Response};

/// Sends one request, and blocks until it returns the response.
///
/// A closure is a transport:
///
/// ```
/// # use huaweicloud_sms_transport as huaweicloud_sms;
/// use huaweicloud_sms::http::{Request, Response};
/// use huaweicloud_sms::Transport;
///
/// fn poll(transport: &impl Transport) {
///     let request = Request::get("https://sms.example/").body(Vec::new()).expect("a request");
///     let response = transport.execute(request).expect("a response");
///     assert_eq!(response.body(), b"{}");
/// }
///
/// // In place of the closure's body: a call of your HTTP client.
/// poll(&|_request: Request<Vec<u8>>| Ok::<_, std::io::Error>(Response::new(b"{}".to_vec())));
/// ```
///
/// # Contract
///
/// The rest of the library relies on the following, here and for [`AsyncTransport`]:
///
/// * Every status is a response, also 3xx, 4xx and 5xx. Redirects are never followed, so credentials
///   never reach another host.
/// * A status is never lost. A response that is not a success (2xx) is returned even if its body is too
///   large, malformed, late or truncated, because the body only explains the status. It then has the part of
///   the body that was read. A success whose body fails is an error. A response that arrives before the whole
///   request was sent is returned as well.
/// * No request is sent twice. The caller decides whether to send a request again.
/// * A call ends within a bounded time, and its response has a bounded size.
/// * The body is returned as it was sent, not decoded.
/// * The request's headers are sent unchanged. The HTTP client may add `User-Agent` and `Accept`. It may add
///   `Host` and `Content-Length` only where they are missing.
/// * An idle connection is reused, because a poll every few seconds would otherwise pay for a handshake
///   each time. Bytes that had arrived on a connection before a request was sent never become its response.
pub trait Transport {
    /// The reason why there is no response.
    type Error: Error + Send + Sync + 'static;

    /// Sends one request and returns its response.
    ///
    /// # Errors
    /// No response was received, or a success without its complete body.
    fn execute(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, Self::Error>;
}

impl<F, E> Transport for F
where
    F: Fn(Request<Vec<u8>>) -> Result<Response<Vec<u8>>, E>,
    E: Error + Send + Sync + 'static,
{
    type Error = E;

    fn execute(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, E> {
        self(request)
    }
}

/// Sends one request and returns its response asynchronously, on the runtime of your choice.
///
/// ```
/// # use huaweicloud_sms_transport as huaweicloud_sms;
/// use std::{io, time::Instant};
///
/// use huaweicloud_sms::bytes::Bytes;
/// use huaweicloud_sms::http::{Request, Response};
/// use huaweicloud_sms::AsyncTransport;
///
/// struct Mine;
///
/// impl AsyncTransport for Mine {
///     type Error = io::Error;
///
///     async fn execute(&self, _request: Request<Vec<u8>>) -> io::Result<Response<Bytes>> {
///         // In place of this line: a call of your HTTP client.
///         Ok(Response::new(Bytes::from_static(b"{}")))
///     }
///
///     async fn sleep_until(&self, instant: Instant) {
///         tokio::time::sleep_until(instant.into()).await;
///     }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
/// let transport = Mine;
/// transport.sleep_until(transport.now()).await;
/// let request = Request::get("https://sms.example/").body(Vec::new()).expect("a request");
/// assert_eq!(transport.execute(request).await?.body().as_ref(), b"{}");
/// # Ok::<(), io::Error>(())
/// # })?;
/// # Ok::<(), io::Error>(())
/// ```
///
/// # Contract
///
/// The contract of [`Transport`] holds. In addition, a dropped future ends its call, and the call's connection
/// is not used again.
pub trait AsyncTransport: Send + Sync {
    /// The reason why there is no response.
    type Error: Error + Send + Sync + 'static;

    /// Sends one request and returns its response.
    ///
    /// # Errors
    /// No response was received, or a success without its complete body.
    fn execute(
        &self,
        request: Request<Vec<u8>>,
    ) -> impl Future<Output = Result<Response<Bytes>, Self::Error>> + Send;

    /// Completes once `instant` has passed on the clock of [`now`](Self::now).
    ///
    /// A timer belongs to a runtime, so only the transport has one.
    fn sleep_until(&self, instant: Instant) -> impl Future<Output = ()> + Send;

    /// Returns the current instant on the clock of [`sleep_until`](Self::sleep_until).
    fn now(&self) -> Instant {
        Instant::now()
    }
}
