//! Runs the suite over hyper. `ureq.rs` runs the same source. They differ only in the transport's module and
//! in the way to wait for a call.
#![cfg(feature = "hyper")]

use std::sync::LazyLock;

use huaweicloud_sms::hyper as transport;
use tokio::runtime::Runtime;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a runtime"));

macro_rules! wait {
    ($call:expr) => {
        crate::RUNTIME.block_on($call)
    };
}

mod suite;
