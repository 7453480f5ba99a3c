use alloc::{borrow::ToOwned, string::String};
use core::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};

use crate::invalid_input::{InvalidInput, Problem};

/// Everything but RFC 3986's unreserved characters.
pub(crate) const SEGMENT: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The id under which the source server is registered with the service, 1 to 255 characters.
///
/// Real ids are UUIDs of 36 characters; the page sets no alphabet and allows up to 255. So any
/// text is taken and percent-encoded as one path segment, but for what encoding can't make safe:
/// `.`, `..`, `/`, `\` and control characters. The page also allows length 0; an empty id would
/// address another resource, so it is refused.
///
/// ```
/// use huaweicloud_sms_core::ServerId;
///
/// assert!(ServerId::new("f32ab4d6-d150-4fb3-aa55-edbb5cf9947f").is_ok());
/// assert_eq!(ServerId::new("..").unwrap_err().to_string(), "the server id must not be . or ..");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerId(String);

impl ServerId {
    /// The longest accepted id, in characters (the page).
    pub const MAX_CHARS: usize = 255;

    /// Checks an id.
    ///
    /// # Errors
    /// Empty, over [`MAX_CHARS`](Self::MAX_CHARS), `.` or `..`, or with `/`, `\` or a control
    /// character.
    pub fn new(id: &str) -> Result<Self, InvalidInput> {
        InvalidInput::check("server id", id, Self::MAX_CHARS, |character| match character {
            '/' => Some("a slash"),
            '\\' => Some("a backslash"),
            c if c.is_control() => Some("a control character (a line break?)"),
            _ => None,
        })?;
        if id == "." || id == ".." {
            return Err(InvalidInput::new("server id", Problem::Is("must not be . or ..")));
        }
        Ok(Self(id.to_owned()))
    }

    /// The id as given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id as one path segment.
    pub(crate) fn segment(&self) -> PercentEncode<'_> {
        utf8_percent_encode(&self.0, SEGMENT)
    }
}

impl fmt::Display for ServerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
