#![doc = include_str!("../README.md")]

mod answer;
mod auth;
mod error;
pub mod proxy;
mod request;
mod script;
mod secret;
mod server;
mod time;
mod tls;

pub use answer::{Answer, Step};
pub use error::Error;
pub use request::Request;
pub use script::Script;
pub use server::{Builder, Simulator};
pub use tls::Certificate;
