//! What every transport is driven through: the same cases on ureq, on hyper under both of tokio's
//! runtimes, and on hyper over a bare connection.

mod subject;

pub use subject::{SUBJECTS, Subject, Transport};

use http::Request;

/// The token of every request: long enough to be searched for.
pub const TOKEN: &str = "MIIcanaryCANARYcanaryCANARYcanary";

/// The path of server `id`.
#[must_use]
pub fn path(id: &str) -> String {
    format!("/v3/sources/{id}/command")
}

/// The request that the simulator answers from the queue of server `id`.
///
/// # Panics
/// If `url` is no URL.
#[must_use]
pub fn get(url: &str, id: &str) -> Request<Vec<u8>> {
    get_with(url, id, TOKEN)
}

/// The same with another token.
///
/// # Panics
/// If `url` is no URL, or `token` no header's value.
#[must_use]
pub fn get_with(url: &str, id: &str, token: &str) -> Request<Vec<u8>> {
    let request = Request::get(format!("{url}{}", path(id)))
        .header("x-auth-token", token)
        .header("content-type", "application/json");
    request.body(Vec::new()).expect("a request")
}
