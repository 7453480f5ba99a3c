//! Reads JSON strictly.
//!
//! serde's derives accept an array for a struct, stop at the first wrong type, and quote the body in
//! their errors.

use core::{cell::RefCell, fmt};

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::body_problem::{BodyProblem, JsonType};

/// The first problem of a body that is JSON.
///
/// Readers record it here and read on to the end, so that an error of shape never hides an error of
/// syntax. serde would turn it into a string.
#[derive(Default)]
pub(crate) struct Problems(RefCell<Option<BodyProblem>>);

impl Problems {
    pub(crate) fn record(&self, problem: BodyProblem) {
        self.0.borrow_mut().get_or_insert(problem);
    }

    /// Records a member that has another type than the documented one. `null` is legal.
    pub(crate) fn expect(&self, field: &'static str, expected: JsonType, found: JsonType) {
        if found != JsonType::Null {
            self.record(BodyProblem::WrongType { field, expected, found });
        }
    }

    pub(crate) fn into_first(self) -> Option<BodyProblem> {
        self.0.into_inner()
    }
}

/// A member of an object.
#[derive(Default)]
pub(crate) enum Member<T> {
    #[default]
    Absent,
    Null,
    Is(T),
}

impl<T> Member<T> {
    /// Takes a value. A second one of the same name is a problem, since readers disagree on which of
    /// the two counts.
    pub(crate) fn set(&mut self, value: Self, field: &'static str, problems: &Problems) {
        if !matches!(self, Self::Absent) {
            problems.record(BodyProblem::Duplicate { field });
        }
        *self = value;
    }

    pub(crate) fn into_option(self) -> Option<T> {
        match self {
            Self::Is(value) => Some(value),
            Self::Absent | Self::Null => None,
        }
    }
}

/// Reads one JSON value of any type.
///
/// A reader implements the methods for the types that it accepts. All others end in
/// [`other`](Self::other): their values are read to the end and dropped.
pub(crate) trait Reader<'de>: Sized {
    type Value;

    fn other(self, found: JsonType) -> Self::Value;

    fn string(self, _text: &str) -> Self::Value {
        self.other(JsonType::String)
    }

    fn number(self, _number: impl fmt::Display) -> Self::Value {
        self.other(JsonType::Number)
    }

    fn array<A: SeqAccess<'de>>(self, mut array: A) -> Result<Self::Value, A::Error> {
        // `serde_json` skips an ignored value without recursion, at any depth.
        while array.next_element::<IgnoredAny>()?.is_some() {}
        Ok(self.other(JsonType::Array))
    }

    fn object<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(self.other(JsonType::Object))
    }
}

/// Adapts a [`Reader`] to serde.
pub(crate) struct Seed<R>(pub(crate) R);

impl<'de, R: Reader<'de>> DeserializeSeed<'de> for Seed<R> {
    type Value = R::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<R::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, R: Reader<'de>> Visitor<'de> for Seed<R> {
    type Value = R::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<R::Value, E> {
        Ok(self.0.other(JsonType::Null))
    }

    fn visit_bool<E>(self, _: bool) -> Result<R::Value, E> {
        Ok(self.0.other(JsonType::Boolean))
    }

    fn visit_i64<E>(self, number: i64) -> Result<R::Value, E> {
        Ok(self.0.number(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<R::Value, E> {
        Ok(self.0.number(number))
    }

    fn visit_f64<E>(self, number: f64) -> Result<R::Value, E> {
        Ok(self.0.number(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<R::Value, E> {
        Ok(self.0.string(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, array: A) -> Result<R::Value, A::Error> {
        self.0.array(array)
    }

    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<R::Value, A::Error> {
        self.0.object(object)
    }
}

/// A member that must be a string of at most `limit` characters, or `null`.
pub(crate) struct Text<'a, T> {
    pub(crate) field: &'static str,
    pub(crate) limit: Option<usize>,
    /// Converts the text.
    pub(crate) make: fn(&str) -> T,
    pub(crate) problems: &'a Problems,
}

impl<'de, T> Reader<'de> for Text<'_, T> {
    type Value = Member<T>;

    fn string(self, text: &str) -> Member<T> {
        if let Some(limit) = self.limit {
            // A text of `limit` bytes never has more characters than that.
            let length = if text.len() <= limit { 0 } else { text.chars().count() };
            if length > limit {
                let field = self.field;
                self.problems.record(BodyProblem::TooLong { field, limit, length });
                return Member::Null;
            }
        }
        Member::Is((self.make)(text))
    }

    fn other(self, found: JsonType) -> Member<T> {
        self.problems.expect(self.field, JsonType::String, found);
        Member::Null
    }
}

/// Reads a whole body: UTF-8, an optional byte order mark, one JSON value, no more.
pub(crate) fn read<'de, R: Reader<'de>>(
    body: &'de [u8],
    reader: R,
) -> Result<R::Value, BodyProblem> {
    let text = core::str::from_utf8(body)
        .map_err(|error| BodyProblem::NotUtf8 { offset: error.valid_up_to() })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut deserializer = serde_json::Deserializer::from_str(text);
    Seed(reader)
        .deserialize(&mut deserializer)
        .and_then(|value| deserializer.end().map(|()| value))
        // The error itself quotes the body, so only its position and kind are kept.
        .map_err(|error| match error.classify() {
            serde_json::error::Category::Eof => BodyProblem::Truncated,
            _ => BodyProblem::NotJson {
                line: error.line(),
                column: error.column(),
                html: text.trim_ascii_start().starts_with('<'),
            },
        })
}
