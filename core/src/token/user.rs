use alloc::{borrow::ToOwned, string::String};
use core::fmt;

use zeroize::Zeroizing;

use crate::invalid_input::InvalidInput;

/// An IAM user of an account and its password; see [`IssueToken`](crate::IssueToken).
///
/// IAM accepts users with programmatic access and without login protection (MFA). A HUAWEI ID is not an
/// IAM user. `Debug` does not show the password, which is zeroized on drop.
#[derive(Clone)]
pub struct IamUser {
    pub(super) domain: String,
    pub(super) name: String,
    pub(super) password: Zeroizing<String>,
}

impl IamUser {
    /// The longest accepted account name, user name or password, in characters. The limit is this crate's own.
    /// IAM's limits are shorter.
    pub const MAX_CHARS: usize = 255;

    /// Checks the account's name (which IAM calls `domain`), the IAM user's name, and the password.
    ///
    /// # Errors
    /// One of them is empty, longer than [`MAX_CHARS`](Self::MAX_CHARS), or has a control character,
    /// such as a line break at its end.
    pub fn new(domain: &str, name: &str, password: &str) -> Result<Self, InvalidInput> {
        check("account name", domain)?;
        check("user name", name)?;
        check("password", password)?;
        Ok(Self {
            domain: domain.to_owned(),
            name: name.to_owned(),
            password: Zeroizing::new(password.to_owned()),
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

/// The account or project that a token is valid for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scope<'a> {
    /// The user's own account. SMS is a global service, so this is the usual scope.
    #[default]
    Account,
    /// An account by its id.
    DomainId(&'a str),
    /// An account by its name.
    DomainName(&'a str),
    /// A project by its id.
    ProjectId(&'a str),
    /// A project by its name, such as `ap-southeast-3`.
    ProjectName(&'a str),
}

impl Scope<'_> {
    pub(super) fn check(self) -> Result<(), InvalidInput> {
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
