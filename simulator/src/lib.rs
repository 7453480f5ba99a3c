#![doc = include_str!("../README.md")]

mod answer;
mod clock;
mod connection;
mod date;
mod error;
mod iam;
mod keys;
pub mod proxy;
mod refusal;
mod request;
mod script;
mod script_json;
mod secret;
mod server;
mod service;
mod signature;
mod step;
mod target;
mod tls;
mod tokens;
mod wire;

pub use answer::Answer;
pub use error::Error;
pub use request::Request;
pub use script::Script;
pub use server::{Builder, Simulator};
pub use step::Step;
pub use tls::Certificate;
