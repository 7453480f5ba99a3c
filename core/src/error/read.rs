//! Reads the body of an error in every shape that the service, its gateway, IAM and proxies send.
//!
//! An error must never be lost because of its shape. So this reader is lenient, unlike the reader of a
//! success.
//!
//! # Precedence
//!
//! Code and message are read separately, because either may be missing. Each is the first of these
//! members that is a string, or a number for the code:
//!
//! | | code | message |
//! |---|---|---|
//! | 1 | `error_code` | `error_msg` |
//! | 2 | `errorCode` | `errorMsg` |
//! | 3 | | `errorMessage` |
//! | 4 | `code` | `message` |
//! | 5 | the same inside the object `error` | the same inside the object `error` |
//! | 6 | | `error` itself, if it is a string |
//!
//! If a member is doubled, the first one with a value counts.
//!
//! A transport may return a part of an error's body. If that part is the beginning of an object, the
//! members that are complete count.

use alloc::{string::String, vec::Vec};
use core::slice;

use crate::{
    json::{self, Json, MAX_ITEMS, Member},
    text::truncate,
};

/// The documented limits, in characters. Two editions disagree on the message's limit, and the longer one counts.
const MAX_CODE: usize = 255;
const MAX_MESSAGE: usize = 1024;
const MAX_LONG_TEXT: usize = 65_535;

/// The names of the members of each meaning, in their precedence.
const CODE: &[&str] = &["error_code", "errorCode", "code"];
const MESSAGE: &[&str] = &["error_msg", "errorMsg", "errorMessage", "message"];
const PARAM: &[&str] = &["error_param", "error_params"];
const DETAILS: &[&str] = &["details"];
const ENCODED: &[&str] = &["encoded_authorization_message"];
const REQUEST_ID: &[&str] = &["request_id"];
/// An object, or a message.
const ERROR: &[&str] = &["error"];

#[rustfmt::skip]
const NAMES: &[&str] = &[
    "error_code", "errorCode", "code",
    "error_msg", "errorMsg", "errorMessage", "message",
    "encoded_authorization_message",
    "error_param", "error_params",
    "details", "error", "request_id",
];

/// One of an error's details (status 403, editions of the API reference since 2025).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ErrorDetail {
    /// Its code, at most 255 characters.
    pub code: Option<String>,
    /// Its message, at most 65,535 characters.
    pub message: Option<String>,
}

/// The content of an error object.
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

/// Reads an error object, or the beginning of one. Returns `None` for anything else, also for a whole
/// object without any member of an error.
pub(crate) fn read(body: &[u8]) -> Option<ErrorBody> {
    let (outer, is_cut_off) = &json::parse_beginning(body, NAMES)?;
    let error = values(outer, ERROR)
        .find(|error| matches!(error, Json::String(_)) || is_error(error.members()));
    let inner = error.map_or(&[][..], Json::members);
    let (params, has_more_params) = items(outer, PARAM, Json::text);
    let (details, has_more_details) = items(outer, DETAILS, |detail| {
        let (code, message) = (first(detail.members(), CODE), first(detail.members(), MESSAGE));
        (code.is_some() || message.is_some()).then_some((code, message))
    });
    if !is_cut_off && !is_error(outer) && error.is_none() && details.is_empty() {
        return None;
    }

    let mut is_truncated = *is_cut_off || has_more_params || has_more_details;
    let mut keep = |text: &str, limit| {
        let (text, is_longer) = truncate(text, limit);
        is_truncated |= is_longer;
        text
    };
    let either = |names| first(outer, names).or_else(|| first(inner, names));
    let (code, message) = (either(CODE), either(MESSAGE).or_else(|| error.and_then(Json::text)));
    let request_id =
        values(outer, REQUEST_ID).chain(values(inner, REQUEST_ID)).find_map(Json::text);
    let encoded = first(outer, ENCODED).or_else(|| values(outer, ENCODED).find_map(Json::text));
    let body = ErrorBody {
        code: code.map(|code| keep(code, MAX_CODE)),
        message: message.map(|message| keep(message, MAX_MESSAGE)),
        request_id: request_id.map(|id| truncate(id, MAX_CODE).0),
        error_param: params.into_iter().map(|param| keep(param, MAX_LONG_TEXT)).collect(),
        details: details
            .into_iter()
            .map(|(code, message)| ErrorDetail {
                code: code.map(|code| keep(code, MAX_CODE)),
                message: message.map(|message| keep(message, MAX_LONG_TEXT)),
            })
            .collect(),
        encoded_authorization_message: encoded.map(|text| keep(text, MAX_LONG_TEXT)),
        is_truncated: false,
    };
    // The flag is complete only after `keep` has seen every text.
    Some(ErrorBody { is_truncated, ..body })
}

/// Returns whether an object has the text of an error. A request id alone is not an error.
fn is_error(object: &[Member<'_>]) -> bool {
    [CODE, MESSAGE, ENCODED]
        .iter()
        .any(|names| values(object, names).any(|value| value.text().is_some()))
}

/// Returns the first text that is not empty, in the precedence of the names.
fn first<'a>(object: &'a [Member<'a>], names: &[&str]) -> Option<&'a str> {
    names.iter().find_map(|name| {
        values(object, &[name]).filter_map(Json::text).find(|text| !text.is_empty())
    })
}

/// Returns the values of the members with these names.
fn values<'a>(object: &'a [Member<'a>], names: &[&str]) -> impl Iterator<Item = &'a Json<'a>> {
    object.iter().filter(|member| names.contains(&member.0)).map(|member| &member.1)
}

/// Reads the items of a list. Returns at most 20 items, and whether the list is longer. A lone string
/// counts as a list, because some servers send one.
///
/// Only the first list with an item counts, so that doubled lists can't exceed the limit.
fn items<'a, T>(
    object: &'a [Member<'a>],
    names: &[&str],
    read: impl Fn(&'a Json<'a>) -> Option<T>,
) -> (Vec<T>, bool) {
    for list in values(object, names) {
        let list = match list {
            Json::Array(items) => &items[..],
            Json::String(_) => slice::from_ref(list),
            _ => &[],
        };
        let items: Vec<T> = list.iter().filter_map(&read).take(MAX_ITEMS).collect();
        if !items.is_empty() {
            return (items, list.len() > MAX_ITEMS);
        }
    }
    (Vec::new(), false)
}
