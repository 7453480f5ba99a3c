//! Reads JSON into a small tree.
//!
//! It replaces serde's derives, which accept an array for a struct, stop at the first wrong type, and quote
//! the body in their errors. `serde_json::Value` hides doubled members.

use alloc::{
    borrow::{Cow, ToOwned},
    string::{String, ToString},
    vec::Vec,
};
use core::{cell::RefCell, fmt};

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

use crate::body_problem::{BodyProblem, JsonType};

/// The levels that are read: the body, its `details`, one of them, and its `error_code`.
const LEVELS: u8 = 4;

/// The documented limit of the lists that are read.
pub(crate) const MAX_ITEMS: usize = 20;

/// A JSON value. The tree keeps only values that a caller may read, so that its size is bounded.
pub(crate) enum Json<'a> {
    /// `null`, or a value that is skipped.
    Null,
    Boolean,
    Number(String),
    String(Cow<'a, str>),
    /// The first strings and items that hold a text, at most one more than [`MAX_ITEMS`].
    Array(Vec<Json<'a>>),
    /// The members in the order of the body. If a name is doubled, the tree keeps its first two members, and
    /// the first one of each type that holds a text.
    Object(Vec<Member<'a>>),
}

/// The name of a member and its value. An unknown name is `""`.
pub(crate) type Member<'a> = (&'static str, Json<'a>);

/// Reads a whole body, which must be UTF-8 and one JSON object, after an optional byte order mark.
///
/// It keeps the members with these names, at any level.
pub(crate) fn parse<'a>(
    body: &'a [u8],
    names: &'static [&'static str],
) -> Result<Vec<Member<'a>>, BodyProblem> {
    read(body, names, None)
}

/// Does the same as [`parse`], but also reads the complete members of a truncated object. The flag is true if
/// the object is truncated.
pub(crate) fn parse_beginning<'a>(
    body: &'a [u8],
    names: &'static [&'static str],
) -> Option<(Vec<Member<'a>>, bool)> {
    // The body may end inside a character.
    let end = core::str::from_utf8(body).err().filter(|error| error.error_len().is_none());
    let body = end.map_or(body, |error| &body[..error.valid_up_to()]);
    let beginning = RefCell::new(None);
    match read(body, names, Some(&beginning)) {
        Ok(members) => Some((members, false)),
        Err(BodyProblem::Truncated) => beginning.into_inner().map(|members| (members, true)),
        Err(_) => None,
    }
}

/// Receives the members that were complete before an error.
type Beginning<'a> = RefCell<Option<Vec<Member<'a>>>>;

fn read<'a>(
    body: &'a [u8],
    names: &'static [&'static str],
    beginning: Option<&Beginning<'a>>,
) -> Result<Vec<Member<'a>>, BodyProblem> {
    let text = core::str::from_utf8(body)
        .map_err(|error| BodyProblem::NotUtf8 { offset: error.valid_up_to() })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = Parser { names, levels: LEVELS, beginning }
        .deserialize(&mut deserializer)
        .and_then(|value| deserializer.end().map(|()| value))
        // The error itself quotes the body, so only its position and kind are kept.
        .map_err(|error| match error.classify() {
            serde_json::error::Category::Eof => BodyProblem::Truncated,
            _ => BodyProblem::NotJson {
                line: error.line(),
                column: error.column(),
                html: is_html(body),
            },
        })?;
    match value {
        Json::Object(members) => Ok(members),
        other => Err(BodyProblem::NotAnObject { found: other.kind() }),
    }
}

/// Returns whether a body looks like an HTML page.
pub(crate) fn is_html(body: &[u8]) -> bool {
    let text = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    text.trim_ascii_start().starts_with(b"<")
}

/// Sets the value of a member. A second value is an error, because JSON parsers disagree on which one counts.
pub(crate) fn set<T>(
    slot: &mut Option<T>,
    value: T,
    field: &'static str,
) -> Result<(), BodyProblem> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(BodyProblem::Duplicate { field }),
    }
}

impl Json<'_> {
    /// Returns a string of at most `limit` characters, or `None` for `null`.
    pub(crate) fn string(
        &self,
        field: &'static str,
        limit: Option<usize>,
    ) -> Result<Option<&str>, BodyProblem> {
        let text = match self {
            Self::Null => return Ok(None),
            Self::String(text) => text,
            _ => return Err(self.wrong_type(field, JsonType::String)),
        };
        // A text of `limit` bytes never has more characters than that.
        if let Some(limit) = limit.filter(|limit| text.len() > *limit) {
            let length = text.chars().count();
            if length > limit {
                return Err(BodyProblem::TooLong { field, limit, length });
            }
        }
        Ok(Some(text))
    }

    /// Returns the members of an object, or `None` for `null`.
    pub(crate) fn object(&self, field: &'static str) -> Result<Option<&[Member<'_>]>, BodyProblem> {
        match self {
            Self::Null => Ok(None),
            Self::Object(members) => Ok(Some(members)),
            _ => Err(self.wrong_type(field, JsonType::Object)),
        }
    }

    /// Returns the text of a string or number.
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            Self::Number(number) => Some(number),
            _ => None,
        }
    }

    /// Returns the members of an object. The list is empty for another value.
    pub(crate) fn members(&self) -> &[Member<'_>] {
        match self {
            Self::Object(members) => members,
            _ => &[],
        }
    }

    /// Returns whether it contains a number, or a string that is not empty.
    fn holds_text(&self) -> bool {
        match self {
            Self::Null | Self::Boolean => false,
            Self::Number(_) => true,
            Self::String(text) => !text.is_empty(),
            Self::Array(items) => items.iter().any(Self::holds_text),
            Self::Object(members) => members.iter().any(|(_, value)| value.holds_text()),
        }
    }

    fn wrong_type(&self, field: &'static str, expected: JsonType) -> BodyProblem {
        BodyProblem::WrongType { field, expected, found: self.kind() }
    }

    fn kind(&self) -> JsonType {
        match self {
            Self::Null => JsonType::Null,
            Self::Boolean => JsonType::Boolean,
            Self::Number(_) => JsonType::Number,
            Self::String(_) => JsonType::String,
            Self::Array(_) => JsonType::Array,
            Self::Object(_) => JsonType::Object,
        }
    }
}

#[derive(Clone, Copy)]
struct Parser<'b, 'de> {
    names: &'static [&'static str],
    /// The levels that are still read. A value below the last one is skipped.
    levels: u8,
    beginning: Option<&'b Beginning<'de>>,
}

impl<'de> DeserializeSeed<'de> for Parser<'_, 'de> {
    type Value = Json<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json<'de>, D::Error> {
        if self.levels == 0 {
            // `serde_json` skips an ignored value without recursion, at any depth.
            return IgnoredAny::deserialize(deserializer).map(|_| Json::Null);
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Parser<'_, 'de> {
    type Value = Json<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json<'de>, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Json<'de>, E> {
        Ok(Json::Boolean)
    }

    fn visit_i64<E>(self, number: i64) -> Result<Json<'de>, E> {
        Ok(Json::Number(number.to_string()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Json<'de>, E> {
        Ok(Json::Number(number.to_string()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Json<'de>, E> {
        Ok(Json::Number(number.to_string()))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Json<'de>, E> {
        Ok(Json::String(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Json<'de>, E> {
        Ok(Json::String(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Json<'de>, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = array.next_element_seed(self.below(items.len() <= MAX_ITEMS))? {
            if item.text().is_some() || item.holds_text() {
                items.push(item);
            }
        }
        Ok(Json::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Json<'de>, A::Error> {
        // The documented bodies have two members.
        let mut members = Vec::with_capacity(2);
        let read = self.read_members(&mut object, &mut members);
        if let (Err(_), Some(beginning)) = (&read, self.beginning) {
            beginning.replace(Some(members));
            return read.map(|()| Json::Null);
        }
        read.map(|()| Json::Object(members))
    }
}

impl<'de> Parser<'_, 'de> {
    fn read_members<A: MapAccess<'de>>(
        self,
        object: &mut A,
        members: &mut Vec<Member<'de>>,
    ) -> Result<(), A::Error> {
        while let Some(key) = object.next_key_seed(self)? {
            let key = key.text().unwrap_or_default();
            let known = self.names.iter().find(|name| **name == key);
            let name = known.copied().unwrap_or_default();
            let value = object.next_value_seed(self.below(known.is_some()))?;
            if is_kept(members, name, &value) {
                members.push((name, value));
            }
        }
        Ok(())
    }

    /// Returns the parser for the level below, which reads a value there or skips it.
    fn below(self, is_read: bool) -> Self {
        Self { levels: if is_read { self.levels - 1 } else { 0 }, beginning: None, ..self }
    }
}

/// Returns whether a member is one of the first two of its name, or the first one of its type that holds a
/// text.
fn is_kept(members: &[Member<'_>], name: &str, value: &Json<'_>) -> bool {
    let same = || members.iter().filter(|member| member.0 == name).map(|member| &member.1);
    same().nth(1).is_none()
        || value.holds_text()
            && !same().any(|other| other.kind() == value.kind() && other.holds_text())
}
