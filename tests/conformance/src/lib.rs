#![doc = include_str!("../README.md")]

mod adapter;
mod blocking;
mod connections;
mod gzip_bomb;
mod outcome;
mod reports;
mod responses;
mod row;
mod stage;
mod table;

pub use adapter::{Adapter, Boxed};
pub use blocking::Blocking;
pub use outcome::{Outcome, kind};
pub use table::{Report, RowRun, run, run_adapter};

use http::Request;

/// The token of each request. It is long, so that no other text contains it by chance.
pub const TOKEN: &str = "MIIcanaryCANARYcanaryCANARYcanary";

/// Returns the path of server `id`.
#[must_use]
pub fn path(id: &str) -> String {
    format!("/v3/sources/{id}/command")
}

/// Returns the request for the next command of server `id`.
///
/// # Panics
/// If `url` is not a URL.
#[must_use]
pub fn get(url: &str, id: &str) -> Request<Vec<u8>> {
    get_with(url, id, TOKEN)
}

/// Returns the same request with another token.
///
/// # Panics
/// If `url` is not a URL, or `token` not a header value.
#[must_use]
pub fn get_with(url: &str, id: &str, token: &str) -> Request<Vec<u8>> {
    let request = Request::get(format!("{url}{}", path(id)))
        .header("x-auth-token", token)
        .header("content-type", "application/json");
    request.body(Vec::new()).expect("a request")
}
