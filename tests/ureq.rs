//! Runs the suite over ureq. `hyper.rs` runs the same source. They differ only in the transport's module and
//! in the way to wait for a call.
#![cfg(feature = "ureq")]

use huaweicloud_sms::ureq as transport;

macro_rules! wait {
    ($call:expr) => {
        $call
    };
}

mod suite;
