use alloc::vec::Vec;
use core::fmt;

use http::Request;

/// The next action; see [`Session::poll`](crate::Session::poll).
///
/// The enum is exhaustive, because an action that your loop ignores would stop it silently.
#[expect(clippy::large_enum_variant, reason = "an action is taken at once and never stored")]
pub enum Action<T> {
    /// Do nothing until this instant, then poll again.
    WaitUntil(T),
    /// Send this request and report its outcome: [`Session::on_response`](crate::Session::on_response) or
    /// [`Session::on_failure`](crate::Session::on_failure).
    Send(Request<Vec<u8>>),
}

/// Shows a request as method and URI, because its headers and body hold secrets.
impl<T: fmt::Debug> fmt::Debug for Action<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WaitUntil(instant) => f.debug_tuple("WaitUntil").field(instant).finish(),
            Self::Send(request) => write!(f, "Send({} {})", request.method(), request.uri()),
        }
    }
}
