use alloc::vec::Vec;

use http::{Request, Response};

use crate::{auth::Authorize, command::ReportResult, error::ResponseError};

/// One call of the API: it builds a request and reads a response, without I/O.
///
/// You can add an operation of your own:
///
/// ```
/// # use huaweicloud_sms_core as huaweicloud_sms;
/// use huaweicloud_sms::{
///     Authorize, Endpoint, InvalidInput, Operation, ResponseError,
///     http::{Request, Response, StatusCode, Uri, header::CONTENT_TYPE},
/// };
///
/// /// `DELETE /v3/sources/{server_id}`
/// struct DeleteServer(Uri);
///
/// impl DeleteServer {
///     fn new(endpoint: &Endpoint, server_id: &str) -> Result<Self, InvalidInput> {
///         Ok(Self(endpoint.join(["v3", "sources", server_id])?))
///     }
/// }
///
/// impl Operation for DeleteServer {
///     type Output = ();
///
///     fn request(&self, auth: &(impl Authorize + ?Sized)) -> Request<Vec<u8>> {
///         // The service requires it, even without a body.
///         let request = Request::delete(self.0.clone()).header(CONTENT_TYPE, "application/json");
///         let mut request = request.body(Vec::new()).expect("a valid URI");
///         auth.authorize(&mut request);
///         request
///     }
///
///     fn parse<B: AsRef<[u8]>>(&self, response: &Response<B>) -> Result<(), ResponseError> {
///         match response.status() {
///             StatusCode::OK => Ok(()),
///             _ => Err(ResponseError::from_response(response)),
///         }
///     }
/// }
/// ```
pub trait Operation: Sync {
    /// The content of a successful response.
    type Output: Send;

    /// Builds a request. It cannot fail, because all input was checked when the operation was made.
    ///
    /// The request is complete. Its URI is absolute, it has `Host`, and `Content-Length` if there is a body.
    /// If you write HTTP yourself, write the request line with the path and query, these headers and the
    /// body, and nothing else. An HTTP client may add `User-Agent` and the headers of the connection
    /// (`Connection`, `TE`). It must not change a header, because a signature covers all of them.
    fn request(&self, auth: &(impl Authorize + ?Sized)) -> Request<Vec<u8>>;

    /// Reads a response, which may come from any server and hold any bytes.
    ///
    /// # Errors
    /// See [`ResponseError`].
    fn parse<B: AsRef<[u8]>>(&self, response: &Response<B>) -> Result<Self::Output, ResponseError>;

    /// Returns whether this output shows that the service holds another command than that of `report`. A
    /// [`Session`](crate::Session) then drops the report, because the service would apply it to the other
    /// command.
    ///
    /// The default is `false`. Only [`ObtainCommand`](crate::ObtainCommand) overrides it.
    fn holds_another(output: &Self::Output, report: &ReportResult) -> bool {
        let _ = (output, report);
        false
    }
}
