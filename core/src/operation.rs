use alloc::vec::Vec;

use http::{Request, Response};

use crate::{Authorize, ResponseError};

/// One call of the API: how its request is built and its response read. No I/O.
///
/// Any number of requests can be built from one value; each is complete and independent.
pub trait Operation: Sync {
    /// What a successful response says.
    type Output: Send;

    /// Builds the request. Can't fail: all input was checked when it was made.
    fn request(&self, auth: &impl Authorize) -> Request<Vec<u8>>;

    /// Reads the response, which may come from anyone and hold anything.
    ///
    /// # Errors
    /// Whatever is not a successful answer; see [`ResponseError`].
    fn parse<B: AsRef<[u8]>>(&self, response: &Response<B>) -> Result<Self::Output, ResponseError>;
}
