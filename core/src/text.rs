//! Prepares texts of a server for being kept and shown.

use alloc::{borrow::ToOwned, string::String};
use core::fmt::{self, Write};

/// Shows a server's text and escapes what could steer a terminal or hide from a reader: control
/// characters, line breaks, direction marks and other unprintable characters.
///
/// The errors and names of this crate escape in their `Display`. Their accessors return the text
/// unchanged.
///
/// ```
/// use huaweicloud_sms_core::Escaped;
///
/// assert_eq!(Escaped("it's\u{1b}[2J gone").to_string(), "it's\\u{1b}[2J gone");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Escaped<'a>(
    /// The text.
    pub &'a str,
);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|character| match character {
            '"' | '\'' | '\\' => f.write_char(character),
            _ => write!(f, "{}", character.escape_debug()),
        })
    }
}

/// The start of a body, escaped, in at most `limit` characters.
pub(crate) fn excerpt(body: &[u8], limit: usize) -> String {
    // A character takes at most 4 bytes, so later bytes cannot be shown.
    let head = &body[..body.len().min(4 * limit)];
    let mut shown = String::new();
    let mut length = 0;
    for character in String::from_utf8_lossy(head).chars() {
        let mut piece = [0; 4];
        let start = shown.len();
        // Writing to a `String` can't fail.
        let _ = write!(shown, "{}", Escaped(character.encode_utf8(&mut piece)));
        length += shown[start..].chars().count();
        if length > limit {
            shown.truncate(start);
            break;
        }
    }
    shown
}

/// Keeps at most `limit` characters. The flag tells whether the text was longer.
pub(crate) fn truncate(text: &str, limit: usize) -> (String, bool) {
    match text.char_indices().nth(limit) {
        Some((end, _)) => (text[..end].to_owned(), true),
        None => (text.to_owned(), false),
    }
}

/// Writes the request's id, which the server chose.
pub(crate) fn write_request_id(f: &mut fmt::Formatter<'_>, id: Option<&str>) -> fmt::Result {
    match id {
        Some(id) => write!(f, " [request id {}]", Escaped(id)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn escapes_what_steers_a_terminal_and_nothing_else() {
        let hostile = "a\u{1b}[31m\r\n\t\0\u{9b}\u{202e}\u{200b}\u{7f}z";
        let shown = Escaped(hostile).to_string();
        assert_eq!(shown, "a\\u{1b}[31m\\r\\n\\t\\0\\u{9b}\\u{202e}\\u{200b}\\u{7f}z");
        let harmless = "it's \"fine\" \\ 服务器 é 😀";
        assert_eq!(Escaped(harmless).to_string(), harmless);
    }

    #[test]
    fn excerpts_are_bounded_and_whole() {
        assert_eq!(excerpt(b"", 5), "");
        assert_eq!(excerpt(b"abc", 3), "abc");
        assert_eq!(excerpt(b"abcd", 3), "abc");
        assert_eq!(excerpt("😀😀😀".as_bytes(), 2), "😀😀");
        assert_eq!(excerpt(b"a\x1bb", 7), "a\\u{1b}", "an escape is kept whole");
        assert_eq!(excerpt(b"a\x1bb", 6), "a", "or left out whole");
        assert_eq!(excerpt(b"\xff<", 5), "\u{fffd}<");
    }

    #[test]
    fn truncates_at_characters() {
        assert_eq!(truncate("äöü", 3), ("äöü".into(), false));
        assert_eq!(truncate("äöü", 2), ("äö".into(), true));
        assert_eq!(truncate("", 0), (String::new(), false));
    }
}
