//! Runs the suite over ureq. `hyper.rs` runs the same source. Only the module's name and the way to wait for
//! a call differ.
#![cfg(feature = "ureq")]

use huaweicloud_sms::ureq as transport;

macro_rules! wait {
    ($call:expr) => {
        $call
    };
}

mod suite;
