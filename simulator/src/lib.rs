#![doc = include_str!("../README.md")]

mod answer;
mod auth;
mod error;
pub mod proxy;
mod report;
mod request;
mod script;
mod secret;
mod server;
mod time;
mod tls;

pub use answer::{Answer, Step};
pub use error::Error;
pub use report::{HeldCommand, Report};
pub use request::Request;
pub use script::{Command, Script};
pub use server::{Builder, Simulator};
pub use tls::Certificate;
