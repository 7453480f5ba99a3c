use crate::{AccessKey, AuthToken, IssueToken};

/// Who asks, for as long as a watch runs.
#[derive(Clone, Debug)]
pub enum Credential {
    /// A token from elsewhere. It expires after 24 hours at most: the watch says when it was refused.
    Token(AuthToken),
    /// An access key: it signs each call at its moment.
    Key(AccessKey),
    /// An IAM user: the watch logs in, and again before its token expires.
    Login(IssueToken),
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
