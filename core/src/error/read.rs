//! Reads the body of an error in every shape that the service, its gateway, IAM and proxies send.
//!
//! An error must never be lost because of its shape, so this reader is lenient where the reader of a
//! success is strict.
//!
//! # Precedence
//!
//! Code and message are read separately, since either may be missing. Each is the first of these
//! members that is a string, or a number for the code:
//!
//! | | code | message |
//! |---|---|---|
//! | 1 | `error_code` | `error_msg` |
//! | 2 | `errorCode` | `errorMsg` |
//! | 3 | | `errorMessage` |
//! | 4 | `code` | `message` |
//! | 5 | the same inside the object `error` | the same inside the object `error` |
//! | 6 | | `error` itself, where it is a string |
//!
//! If a member is doubled, the first one with a value counts.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

use serde::{
    Deserialize,
    de::{IgnoredAny, MapAccess, SeqAccess},
};

use crate::{
    body_problem::{BodyProblem, JsonType},
    json::{self, Reader, Seed},
    text::truncate,
};

/// The documented limits, in characters; the message's is the longer one of the two editions.
const MAX_CODE: usize = 255;
const MAX_MESSAGE: usize = 1024;
const MAX_LONG_TEXT: usize = 65_535;
/// The documented limit of `error_param` and `details`.
const MAX_ITEMS: usize = 20;

/// One of an error's details (status 403, editions of the API reference since 2025).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ErrorDetail {
    /// Its code, at most 255 characters.
    pub code: Option<String>,
    /// Its message, at most 65,535 characters.
    pub message: Option<String>,
}

/// What an error object says.
#[derive(Default)]
pub(crate) struct ErrorBody {
    pub(crate) code: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) request_id: Option<String>,
    pub(crate) error_param: Vec<String>,
    pub(crate) details: Vec<ErrorDetail>,
    pub(crate) encoded_authorization_message: Option<String>,
    /// Whether anything was truncated at its limit.
    pub(crate) is_truncated: bool,
}

/// Reads an error object. Returns `None` for an object without any member of an error.
pub(crate) fn read(body: &[u8]) -> Result<Option<ErrorBody>, BodyProblem> {
    match json::read(body, Object { depth: 0 })? {
        Ok(members) if members.says_something => Ok(Some(members.into_body())),
        Ok(_) => Ok(None),
        Err(found) => Err(BodyProblem::NotAnObject { found }),
    }
}

/// The members of an error object, those of one meaning in their precedence.
#[derive(Default)]
struct Members {
    codes: [Option<String>; 3],
    messages: [Option<String>; 4],
    request_id: Option<String>,
    error_param: Vec<String>,
    details: Vec<ErrorDetail>,
    encoded_authorization_message: Option<String>,
    nested: Option<Nested>,
    says_something: bool,
    is_truncated: bool,
}

/// The member `error`.
struct Nested {
    code: Option<String>,
    message: Option<String>,
    request_id: Option<String>,
}

impl Members {
    fn code_and_message(&mut self) -> (Option<String>, Option<String>) {
        (first(&mut self.codes), first(&mut self.messages))
    }

    fn into_body(mut self) -> ErrorBody {
        let (code, message) = self.code_and_message();
        let nested = self.nested.unwrap_or(Nested { code: None, message: None, request_id: None });
        ErrorBody {
            code: code.or(nested.code),
            message: message.or(nested.message),
            request_id: self.request_id.or(nested.request_id),
            error_param: self.error_param,
            details: self.details,
            encoded_authorization_message: self.encoded_authorization_message,
            is_truncated: self.is_truncated,
        }
    }

    /// Keeps the first value of a member, within its limit.
    fn keep(&mut self, slot: fn(&mut Self) -> &mut Option<String>, text: Truncated) {
        if let Some((text, is_truncated)) = text {
            self.says_something = true;
            let slot = slot(self);
            if slot.as_ref().is_none_or(String::is_empty) {
                *slot = Some(text);
                self.is_truncated |= is_truncated;
            }
        }
    }
}

/// The first text that is not empty. An empty one is legal and says nothing.
fn first(texts: &mut [Option<String>]) -> Option<String> {
    texts.iter_mut().find(|text| text.as_ref().is_some_and(|text| !text.is_empty()))?.take()
}

#[derive(Deserialize)]
#[serde(field_identifier)]
enum Key {
    #[serde(rename = "error_code")]
    ErrorCode,
    #[serde(rename = "errorCode")]
    CamelCode,
    #[serde(rename = "code")]
    Code,
    #[serde(rename = "error_msg")]
    ErrorMsg,
    #[serde(rename = "errorMsg")]
    CamelMsg,
    #[serde(rename = "errorMessage")]
    CamelMessage,
    #[serde(rename = "message")]
    Message,
    #[serde(rename = "request_id")]
    RequestId,
    #[serde(rename = "error_param", alias = "error_params")]
    ErrorParam,
    #[serde(rename = "details")]
    Details,
    #[serde(rename = "encoded_authorization_message")]
    EncodedAuthorizationMessage,
    #[serde(rename = "error")]
    Error,
    #[serde(other)]
    Unknown,
}

/// An error object, or one inside it (depth 1). Objects inside that one are skipped.
struct Object {
    depth: u8,
}

impl<'de> Reader<'de> for Object {
    type Value = Result<Members, JsonType>;

    fn object<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        let mut members = Members::default();
        while let Some(key) = object.next_key()? {
            let (limit, slot): (usize, fn(&mut Members) -> &mut Option<String>) = match key {
                Key::ErrorCode => (MAX_CODE, |members| &mut members.codes[0]),
                Key::CamelCode => (MAX_CODE, |members| &mut members.codes[1]),
                Key::Code => (MAX_CODE, |members| &mut members.codes[2]),
                Key::ErrorMsg => (self.max_message(), |members| &mut members.messages[0]),
                Key::CamelMsg => (self.max_message(), |members| &mut members.messages[1]),
                Key::CamelMessage => (self.max_message(), |members| &mut members.messages[2]),
                Key::Message => (self.max_message(), |members| &mut members.messages[3]),
                Key::EncodedAuthorizationMessage => {
                    (MAX_LONG_TEXT, |members| &mut members.encoded_authorization_message)
                }
                Key::RequestId => {
                    // Beside nothing else it does not make an error of an object.
                    let id = object.next_value_seed(Seed(Scalar { limit: MAX_CODE }))?;
                    members.request_id = members.request_id.or(id.map(|(id, _)| id));
                    continue;
                }
                // Only the first list with an item counts, so that doubled ones can't pass the limit.
                Key::ErrorParam if self.depth == 0 && members.error_param.is_empty() => {
                    let (params, is_truncated) = object.next_value_seed(Seed(Params))?;
                    members.error_param = params;
                    members.is_truncated |= is_truncated;
                    continue;
                }
                Key::Details if self.depth == 0 && members.details.is_empty() => {
                    let (details, is_truncated) = object.next_value_seed(Seed(Details))?;
                    members.says_something |= !details.is_empty();
                    members.details = details;
                    members.is_truncated |= is_truncated;
                    continue;
                }
                Key::Error if self.depth == 0 => {
                    let nested = object.next_value_seed(Seed(ErrorMember))?;
                    if let (Some((nested, is_truncated)), None) = (nested, &members.nested) {
                        members.says_something = true;
                        members.nested = Some(nested);
                        members.is_truncated |= is_truncated;
                    }
                    continue;
                }
                Key::ErrorParam | Key::Details | Key::Error | Key::Unknown => {
                    object.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            let text = object.next_value_seed(Seed(Scalar { limit }))?;
            members.keep(slot, text);
        }
        Ok(Ok(members))
    }

    fn other(self, found: JsonType) -> Self::Value {
        Err(found)
    }
}

impl Object {
    fn max_message(&self) -> usize {
        // A message in `details` may be longer than the error's own. One in `error` is truncated again
        // when it is taken.
        if self.depth == 0 { MAX_MESSAGE } else { MAX_LONG_TEXT }
    }
}

/// A text within its limit, and whether it was truncated.
type Truncated = Option<(String, bool)>;

/// A string or number; anything else says nothing.
struct Scalar {
    limit: usize,
}

impl<'de> Reader<'de> for Scalar {
    type Value = Truncated;

    fn string(self, text: &str) -> Truncated {
        Some(truncate(text, self.limit))
    }

    fn number(self, number: impl fmt::Display) -> Truncated {
        Some(truncate(&number.to_string(), self.limit))
    }

    fn other(self, _: JsonType) -> Truncated {
        None
    }
}

/// The member `error`: an object, or a message.
struct ErrorMember;

impl<'de> Reader<'de> for ErrorMember {
    type Value = Option<(Nested, bool)>;

    fn string(self, text: &str) -> Self::Value {
        let (message, is_truncated) = truncate(text, MAX_MESSAGE);
        Some((Nested { code: None, message: Some(message), request_id: None }, is_truncated))
    }

    fn object<A: MapAccess<'de>>(self, object: A) -> Result<Self::Value, A::Error> {
        let Ok(mut members) = (Object { depth: 1 }).object(object)? else { return Ok(None) };
        let (code, message) = members.code_and_message();
        let (message, is_truncated) = match message.map(|message| truncate(&message, MAX_MESSAGE)) {
            Some((message, is_truncated)) => (Some(message), is_truncated),
            None => (None, false),
        };
        let nested = Nested { code, message, request_id: members.request_id };
        Ok(members.says_something.then_some((nested, members.is_truncated || is_truncated)))
    }

    fn other(self, _: JsonType) -> Self::Value {
        None
    }
}

/// `error_param`: an array as documented, or a lone string, as seen in the field.
struct Params;

impl<'de> Reader<'de> for Params {
    type Value = (Vec<String>, bool);

    fn string(self, text: &str) -> Self::Value {
        let (text, is_truncated) = truncate(text, MAX_LONG_TEXT);
        (Vec::from([text]), is_truncated)
    }

    fn array<A: SeqAccess<'de>>(self, array: A) -> Result<Self::Value, A::Error> {
        let mut is_any_truncated = false;
        let params = collect(
            array,
            || Scalar { limit: MAX_LONG_TEXT },
            |param| {
                let (param, is_truncated) = param?;
                is_any_truncated |= is_truncated;
                Some(param)
            },
        )?;
        Ok((params.0, params.1 || is_any_truncated))
    }

    fn other(self, _: JsonType) -> Self::Value {
        (Vec::new(), false)
    }
}

/// `details`: an array of code and message each.
struct Details;

impl<'de> Reader<'de> for Details {
    type Value = (Vec<ErrorDetail>, bool);

    fn array<A: SeqAccess<'de>>(self, array: A) -> Result<Self::Value, A::Error> {
        let mut is_any_truncated = false;
        let details = collect(
            array,
            || Object { depth: 1 },
            |members| {
                let mut members = members.ok()?;
                let (code, message) = members.code_and_message();
                is_any_truncated |= members.is_truncated;
                (code.is_some() || message.is_some()).then_some(ErrorDetail { code, message })
            },
        )?;
        Ok((details.0, details.1 || is_any_truncated))
    }

    fn other(self, _: JsonType) -> Self::Value {
        (Vec::new(), false)
    }
}

/// The first [`MAX_ITEMS`] items that `keep` wants, and whether there were more.
fn collect<'de, A: SeqAccess<'de>, R: Reader<'de>, T>(
    mut array: A,
    reader: impl Fn() -> R,
    mut keep: impl FnMut(R::Value) -> Option<T>,
) -> Result<(Vec<T>, bool), A::Error> {
    let mut items = Vec::new();
    while items.len() < MAX_ITEMS {
        match array.next_element_seed(Seed(reader()))? {
            Some(value) => items.extend(keep(value)),
            None => return Ok((items, false)),
        }
    }
    let mut has_more = false;
    while array.next_element::<IgnoredAny>()?.is_some() {
        has_more = true;
    }
    Ok((items, has_more))
}
