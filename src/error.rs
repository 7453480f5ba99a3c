use std::time::Duration;

use http::StatusCode;
use huaweicloud_sms_core::{ResponseError, http};
use serde::{Serialize, Serializer, ser::SerializeStruct};

/// The reason why a call has no answer. `E` is the transport's error.
///
/// It serializes as an object with the members `kind` (`transport`, `api`, `status` or `body`) and
/// `message`; see [`ResponseError`] for the others.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error<E> {
    /// There was no response; see the transport's error.
    #[error(transparent)]
    Transport(E),
    /// The response is not a successful answer.
    #[error(transparent)]
    Response(#[from] ResponseError),
}

impl<E> Error<E> {
    /// Returns the response that is not a successful answer, if there was one.
    pub fn response(&self) -> Option<&ResponseError> {
        match self {
            Self::Transport(_) => None,
            Self::Response(error) => Some(error),
        }
    }

    /// Returns the response's status.
    pub fn status(&self) -> Option<StatusCode> {
        self.response().map(ResponseError::status)
    }

    /// Returns the request's id, for the service's support.
    pub fn request_id(&self) -> Option<&str> {
        self.response()?.request_id()
    }

    /// Returns the time that the service asks to wait (`Retry-After`), at most 24 hours.
    pub fn retry_after(&self) -> Option<Duration> {
        self.response()?.retry_after()
    }

    /// Returns whether the service rejected the credential. Then a new credential may help.
    pub fn is_unauthorized(&self) -> bool {
        self.response().is_some_and(ResponseError::is_unauthorized)
    }
}

#[cfg(any(feature = "ureq", feature = "hyper"))]
impl Error<crate::TransportError> {
    /// Returns whether the same request may succeed later without any change.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Transport(error) => error.is_retryable(),
            Self::Response(error) => error.is_retryable(),
        }
    }
}

impl<E: std::error::Error> Serialize for Error<E> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Transport(error) => {
                let mut object = serializer.serialize_struct("Error", 2)?;
                object.serialize_field("kind", "transport")?;
                object.serialize_field("message", &error.to_string())?;
                object.end()
            }
            Self::Response(error) => error.serialize(serializer),
        }
    }
}
