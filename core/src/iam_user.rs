use alloc::{borrow::ToOwned, string::String};
use core::fmt;

use crate::{InvalidInput, secret::Secret};

/// An IAM user of an account, who logs in with a password; see [`IssueToken`](crate::IssueToken).
///
/// IAM takes users for whom programmatic access is on, without login protection (MFA). A HUAWEI ID is
/// none of them. `Debug` shows no password, and its memory is wiped on drop.
#[derive(Clone)]
pub struct IamUser {
    pub(crate) domain: String,
    pub(crate) name: String,
    pub(crate) password: Secret,
}

impl IamUser {
    /// The longest accepted account name, user name or password, in characters. Ours: IAM's are
    /// shorter.
    pub const MAX_CHARS: usize = 255;

    /// The account's name (which IAM calls `domain`), the IAM user's name, and its password.
    ///
    /// # Errors
    /// One of them is empty, over [`MAX_CHARS`](Self::MAX_CHARS), or has a control character, such as
    /// a line break at its end.
    pub fn new(domain: &str, name: &str, password: &str) -> Result<Self, InvalidInput> {
        check("account name", domain)?;
        check("user name", name)?;
        check("password", password)?;
        Ok(Self {
            domain: domain.to_owned(),
            name: name.to_owned(),
            password: Secret::new(password.as_bytes().to_vec()),
        })
    }
}

impl fmt::Debug for IamUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { domain, name, .. } = self;
        f.debug_struct("IamUser")
            .field("domain", domain)
            .field("name", name)
            .finish_non_exhaustive()
    }
}

/// What a token is good for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope<'a> {
    /// The user's own account, which SMS, a global service, is in.
    #[default]
    Account,
    /// An account by its id.
    DomainId(&'a str),
    /// An account by its name.
    DomainName(&'a str),
    /// A project by its id.
    ProjectId(&'a str),
    /// A project by its name, as `ap-southeast-3`.
    ProjectName(&'a str),
}

impl Scope<'_> {
    pub(crate) fn check(self) -> Result<(), InvalidInput> {
        match self {
            Self::Account => Ok(()),
            Self::DomainId(text) => check("domain id", text),
            Self::DomainName(text) => check("domain name", text),
            Self::ProjectId(text) => check("project id", text),
            Self::ProjectName(text) => check("project name", text),
        }
    }
}

fn check(input: &'static str, text: &str) -> Result<(), InvalidInput> {
    InvalidInput::check(input, text, IamUser::MAX_CHARS, |character| {
        character.is_control().then_some("a control character (a line break?)")
    })
}
