//! The simulator's clock, and the forms of its timestamps.

pub(crate) mod clock;
pub(crate) mod date;
