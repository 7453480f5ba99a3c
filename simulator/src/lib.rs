#![doc = include_str!("../README.md")]

mod answer;
mod connection;
mod date;
mod error;
mod request;
mod script;
mod server;
mod service;
mod step;
mod tls;
mod wire;

pub use answer::Answer;
pub use error::Error;
pub use request::Request;
pub use script::Script;
pub use server::{Builder, Simulator};
pub use step::Step;
pub use tls::Certificate;
