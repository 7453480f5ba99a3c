//! What the examples without an HTTP client share. The examples are the programs beside this folder;
//! the README of the workspace lists them.

#[cfg(feature = "httparse")]
pub mod wire;
