use crate::{
    auth::{AccessKey, AuthToken, Fingerprint},
    token::IssueToken,
};

/// The credential of a [`Session`](crate::Session).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Credential {
    /// A token that you obtained. It expires after 24 hours at most.
    Token(AuthToken),
    /// An access key, which signs each request.
    Key(AccessKey),
    /// An IAM user. The session logs in, and renews the token before it expires.
    Login(IssueToken),
}

impl Credential {
    /// Returns the fingerprint that distinguishes it from other credentials.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        match self {
            Self::Token(token) => token.fingerprint(),
            Self::Key(key) => key.fingerprint(),
            Self::Login(login) => login.fingerprint(),
        }
    }
}

impl From<AuthToken> for Credential {
    fn from(token: AuthToken) -> Self {
        Self::Token(token)
    }
}

impl From<AccessKey> for Credential {
    fn from(key: AccessKey) -> Self {
        Self::Key(key)
    }
}

impl From<IssueToken> for Credential {
    fn from(login: IssueToken) -> Self {
        Self::Login(login)
    }
}
