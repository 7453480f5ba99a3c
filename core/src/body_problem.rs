use core::fmt;

/// A type of JSON value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JsonType {
    /// `null`
    Null,
    /// `true` or `false`
    Boolean,
    /// A number.
    Number,
    /// A string.
    String,
    /// An array.
    Array,
    /// An object.
    Object,
}

impl fmt::Display for JsonType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "null",
            Self::Boolean => "a boolean",
            Self::Number => "a number",
            Self::String => "a string",
            Self::Array => "an array",
            Self::Object => "an object",
        })
    }
}

/// A problem with the body of a successful response.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BodyProblem {
    /// It has a `Content-Encoding` such as `gzip`, although the request did not ask for it.
    ContentEncoding,
    /// It is not UTF-8.
    NotUtf8 {
        /// The offset of the first wrong byte.
        offset: usize,
    },
    /// It ends before its JSON does.
    Truncated,
    /// It is not JSON.
    NotJson {
        /// The line at which the parser stopped, counted from 1.
        line: usize,
        /// The column in that line, in bytes.
        column: usize,
        /// Whether it looks like HTML.
        html: bool,
    },
    /// It is JSON, but not an object.
    NotAnObject {
        /// The actual type.
        found: JsonType,
    },
    /// A member has the wrong type.
    WrongType {
        /// The name of the member, such as `command_param.task_id`.
        field: &'static str,
        /// The documented type.
        expected: JsonType,
        /// The actual type.
        found: JsonType,
    },
    /// A member occurs twice. JSON parsers disagree on which one counts.
    Duplicate {
        /// Its name.
        field: &'static str,
    },
    /// A member is longer than documented.
    TooLong {
        /// Its name.
        field: &'static str,
        /// The documented limit, in characters.
        limit: usize,
        /// Its length, in characters.
        length: usize,
    },
    /// A required member or header is missing.
    Missing {
        /// Its name, such as `token.expires_at`.
        field: &'static str,
    },
    /// A member or header does not have the documented form.
    Invalid {
        /// Its name.
        field: &'static str,
    },
    /// A 204 (No Content) has a body.
    UnexpectedContent,
}

impl fmt::Display for BodyProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ContentEncoding => f.write_str(
                "the body is encoded (Content-Encoding), which the request did not accept",
            ),
            Self::NotUtf8 { offset } => write!(f, "the body is not UTF-8 (at byte {offset})"),
            Self::Truncated => f.write_str("the body ends before its JSON does"),
            Self::NotJson { html: true, .. } => {
                f.write_str("the body is an HTML page (a proxy's login?) instead of JSON")
            }
            Self::NotJson { line, column, .. } => {
                write!(f, "the body is not JSON (line {line}, column {column})")
            }
            Self::NotAnObject { found } => write!(f, "the body is {found} instead of an object"),
            Self::WrongType { field, expected, found } => {
                write!(f, "{field} is {found} instead of {expected}")
            }
            Self::Duplicate { field } => write!(f, "{field} is there twice"),
            Self::TooLong { field, limit, length } => {
                write!(f, "{field} is {length} characters long, the limit is {limit}")
            }
            Self::Missing { field } => write!(f, "{field} is missing"),
            Self::Invalid { field } => write!(f, "{field} is not of the documented form"),
            Self::UnexpectedContent => f.write_str("there is a body"),
        }
    }
}
