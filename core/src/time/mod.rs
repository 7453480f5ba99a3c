mod calendar;
mod clock_skew;
pub(crate) mod http_date;
mod timestamp;

pub use self::{clock_skew::ClockSkew, timestamp::Timestamp};
