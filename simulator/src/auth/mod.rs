//! Checks credentials: signatures of access keys, passwords of users, and tokens.

pub(crate) mod keys;
pub(crate) mod login;
pub(crate) mod signature;
pub(crate) mod tokens;
pub(crate) mod users;
