//! Truncates and escapes the texts of a server.

use alloc::{borrow::ToOwned, string::String};
use core::fmt::{self, Write};

/// Shows a server's text, and escapes the characters that a terminal would obey or that a reader cannot see:
/// control characters, line breaks, direction marks, blank letters and other unprintable characters.
///
/// The errors and names of this crate escape their texts in `Display`. Their accessors return the text
/// unchanged.
///
/// ```
/// # use huaweicloud_sms_core as huaweicloud_sms;
/// use huaweicloud_sms::Escaped;
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
            _ if is_blank(character) => write!(f, "{}", character.escape_unicode()),
            _ => write!(f, "{}", character.escape_debug()),
        })
    }
}

/// Returns whether a letter or symbol has no visible shape, such as a filler of Hangul, an empty pattern of
/// Braille or of musical notes, or a blank of Egyptian hieroglyphs. `escape_debug` treats these as printable.
fn is_blank(character: char) -> bool {
    matches!(
        character,
        '\u{115f}'
            | '\u{1160}'
            | '\u{2800}'
            | '\u{3164}'
            | '\u{ffa0}'
            | '\u{13441}'
            | '\u{13442}'
            | '\u{1d159}'
    )
}

/// Returns the start of a body, escaped, in at most `limit` characters.
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

/// Keeps at most `limit` characters. The flag is true if the text was longer.
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
    fn escapes_every_character_without_a_visible_shape() {
        // The letters and symbols without a shape, then the characters that Unicode calls ignorable.
        let blank = "\u{115f}\u{1160}\u{3164}\u{ffa0}\u{2800}\u{13441}\u{13442}\u{1d159}";
        let ignorable = "\u{ad}\u{34f}\u{61c}\u{17b4}\u{17b5}\u{180b}\u{180e}\u{180f}\u{200b}\u{200f}\
                         \u{202a}\u{2060}\u{2065}\u{206f}\u{fe00}\u{fe0f}\u{feff}\u{fff0}\u{1bca0}\
                         \u{1d173}\u{e0000}\u{e0001}\u{e007f}\u{e0100}\u{e0fff}";
        let spaces = "\u{a0}\u{1680}\u{2000}\u{200a}\u{2028}\u{202f}\u{205f}\u{3000}";
        for character in [blank, ignorable, spaces].iter().flat_map(|text| text.chars()) {
            let shown = Escaped(character.encode_utf8(&mut [0; 4])).to_string();
            assert!(shown.starts_with("\\u{"), "U+{:04X}", u32::from(character));
        }
        assert_eq!(Escaped("START\u{3164}").to_string(), "START\\u{3164}");
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
