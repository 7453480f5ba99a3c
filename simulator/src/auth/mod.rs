//! The credentials: access keys with their signatures, users with their passwords, tokens.

pub(crate) mod keys;
pub(crate) mod login;
pub(crate) mod signature;
pub(crate) mod tokens;
pub(crate) mod users;
