use alloc::{borrow::ToOwned, string::String};
use core::{fmt, str::FromStr};

use crate::{endpoint::check_segment, invalid_input::InvalidInput};

/// The id of a registered source server, 1 to 255 characters.
///
/// Real ids are UUIDs of 36 characters. The API reference does not limit the characters, and older editions
/// allow up to 255 of them. So any text is accepted and percent-encoded as one path segment. Texts that
/// encoding can't make safe are rejected: `.`, `..`, and those with `/`, `\` or a control character. Older
/// editions allow an empty id, but it would address another resource, so it is rejected, too.
///
/// ```
/// # use huaweicloud_sms_core as huaweicloud_sms;
/// use huaweicloud_sms::ServerId;
///
/// let id: ServerId = "f32ab4d6-d150-4fb3-aa55-edbb5cf9947f".parse()?;
/// assert_eq!(ServerId::new("..").unwrap_err().to_string(), "the server id must not be . or ..");
/// # Ok::<(), huaweicloud_sms::InvalidInput>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerId(String);

impl ServerId {
    /// The documented maximum length, in characters.
    pub const MAX_CHARS: usize = 255;

    /// Checks an id.
    ///
    /// # Errors
    /// The id is empty, longer than [`MAX_CHARS`](Self::MAX_CHARS), `.` or `..`, or has `/`, `\` or a
    /// control character.
    pub fn new(id: &str) -> Result<Self, InvalidInput> {
        check_segment("server id", id, Self::MAX_CHARS)?;
        Ok(Self(id.to_owned()))
    }

    /// Returns the id, verbatim.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ServerId {
    type Err = InvalidInput;

    fn from_str(id: &str) -> Result<Self, InvalidInput> {
        Self::new(id)
    }
}

impl TryFrom<&str> for ServerId {
    type Error = InvalidInput;

    fn try_from(id: &str) -> Result<Self, InvalidInput> {
        Self::new(id)
    }
}

impl fmt::Display for ServerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
