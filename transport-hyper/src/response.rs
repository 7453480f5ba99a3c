use bytes::{Bytes, BytesMut};
use http::{HeaderMap, response::Parts};
use http_body_util::BodyExt;
use huaweicloud_sms_transport::{
    Phase, Settings, TransportError,
    internal::{Cause, ReadLimitExceeded, find},
};
use hyper::body::{Body, Incoming};

use crate::error;

/// Checks the limits of a head.
pub(crate) fn check_head(headers: &HeaderMap) -> Result<(), TransportError> {
    // hyper accepts a head over its own limit if the head arrives in one piece. A client of the caller may
    // accept more headers. On the wire, each header takes 4 more bytes: a colon, a space and a line break.
    let sizes = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4);
    if headers.len() > Settings::MAX_HEADERS || sizes.sum::<usize>() > Settings::MAX_HEAD {
        return Err(Cause::TooLarge { phase: Phase::Head, limit: Settings::MAX_HEAD }.into());
    }
    Ok(())
}

/// The part of a body that was read.
#[derive(Default)]
pub(crate) struct Received {
    /// The first piece. Most bodies arrive in one piece, which is not copied.
    first: Bytes,
    more: BytesMut,
}

impl Received {
    /// Reads a body to its end, within the limit.
    pub(crate) async fn read(
        &mut self,
        parts: &Parts,
        mut body: Incoming,
        settings: &Settings,
    ) -> Result<(), TransportError> {
        let limit = settings.max_body();
        let too_large = || TransportError::from(Cause::TooLarge { phase: Phase::Body, limit });
        // The announced length is checked first. hyper would read up to the limit, or wait for bytes that never
        // arrive.
        if parts.status.is_success() && body.size_hint().lower() > limit as u64 {
            return Err(too_large());
        }
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| match find::<ReadLimitExceeded>(&error) {
                Some(_) => too_large(),
                None => error::from_hyper(error, settings),
            })?;
            // Trailers are ignored.
            let Ok(mut data) = frame.into_data() else { continue };
            let room = limit - self.first.len().max(self.more.len());
            let is_over = data.len() > room;
            data.truncate(room);
            if self.first.is_empty() {
                self.first = data;
            } else {
                if self.more.is_empty() {
                    self.more.extend_from_slice(&self.first);
                }
                self.more.extend_from_slice(&data);
            }
            if is_over {
                return Err(too_large());
            }
        }
        Ok(())
    }

    pub(crate) fn into_bytes(self) -> Bytes {
        if self.more.is_empty() { self.first } else { self.more.freeze() }
    }
}
