use alloc::{boxed::Box, string::String};
use core::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::text::Escaped;

/// The name of a command to the Agent.
///
/// There is a variant for each of the eight names that any edition of the API reference documents.
/// Any other name is kept verbatim. Names are compared exactly: `start` is not [`Start`](Self::Start).
///
/// A later version may add variants, so match undocumented names by [`as_str`](Self::as_str).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CommandName {
    /// `START`: start the migration task (every edition).
    Start,
    /// `STOP`: stop, that is pause, the task (every edition).
    Stop,
    /// `SYNC`: synchronise the increment after the task has completed (until 2025).
    Sync,
    /// `DELETE`: delete the task (until 2025).
    Delete,
    /// `SKIP` (since 2025; its meaning is not documented).
    Skip,
    /// `PREMIGRATE` (since 2025-12; its meaning is not documented).
    Premigrate,
    /// `UPLOAD_LOG`: upload the Agent's logs to `bucket` and `object` (API version 1).
    UploadLog,
    /// `RSET_LOG_ACL` (the documented spelling): withdraw the permission on the uploaded log (API version 1).
    RsetLogAcl,
    /// A name that no edition documents.
    Other(OtherName),
}

/// An undocumented command name, 1 to 255 characters.
///
/// Only [`CommandName::from`] makes it, so it is never a documented name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OtherName(Box<str>);

impl OtherName {
    /// Returns the name, verbatim. It may hold any character.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl CommandName {
    /// Returns the name, verbatim.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Start => "START",
            Self::Stop => "STOP",
            Self::Sync => "SYNC",
            Self::Delete => "DELETE",
            Self::Skip => "SKIP",
            Self::Premigrate => "PREMIGRATE",
            Self::UploadLog => "UPLOAD_LOG",
            Self::RsetLogAcl => "RSET_LOG_ACL",
            Self::Other(name) => name.as_str(),
        }
    }
}

/// Converts documented names into their variants.
impl From<&str> for CommandName {
    fn from(name: &str) -> Self {
        match name {
            "START" => Self::Start,
            "STOP" => Self::Stop,
            "SYNC" => Self::Sync,
            "DELETE" => Self::Delete,
            "SKIP" => Self::Skip,
            "PREMIGRATE" => Self::Premigrate,
            "UPLOAD_LOG" => Self::UploadLog,
            "RSET_LOG_ACL" => Self::RsetLogAcl,
            other => Self::Other(OtherName(other.into())),
        }
    }
}

/// Shows the name, with control characters escaped.
impl fmt::Display for CommandName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Escaped(self.as_str()).fmt(f)
    }
}

impl Serialize for CommandName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for CommandName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|name| Self::from(name.as_str()))
    }
}
