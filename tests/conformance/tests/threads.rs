//! Tests a system that cannot start another thread.

#![cfg(target_os = "linux")]

use std::{
    env, fs,
    process::{Command, id},
};

use huaweicloud_sms_transport::{
    AsyncTransport, Proxy, Settings, Transport, TransportErrorKind as Kind,
};
use huaweicloud_sms_transport_conformance::get;
use huaweicloud_sms_transport_hyper::HyperTransport;
use huaweicloud_sms_transport_ureq::UreqTransport;

const CHILD: &str = "SMS_TEST_WITHOUT_THREADS";

/// A look-up needs a thread.
#[test]
#[allow(clippy::print_stdout, reason = "says that it was skipped")]
fn a_look_up_without_a_thread_is_an_error_and_not_a_panic() {
    if env::var_os(CHILD).is_some() {
        return without_threads();
    }
    if Command::new("prlimit").arg("--version").output().is_err() {
        println!("SKIPPED: prlimit is missing");
        return;
    }
    let test = env::current_exe().expect("a path");
    let child = Command::new(test).env(CHILD, "1").arg("--nocapture").output().expect("runs");
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success() && said.contains("both failed well"), "{child:?}");
}

#[allow(clippy::print_stdout, reason = "the parent looks for it")]
fn without_threads() {
    let settings = Settings::default().with_proxy(Proxy::Direct);
    let ureq = UreqTransport::new(settings.clone()).expect("a transport");
    let hyper = HyperTransport::new(settings).expect("a transport");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    // The limit leaves 1 MiB of memory. The stack of a thread needs 2 MiB.
    let status = fs::read_to_string("/proc/self/status").expect("Linux");
    let size = status.lines().find_map(|line| line.strip_prefix("VmSize:")).expect("a size");
    let size: u64 = size.trim().trim_end_matches(" kB").parse().expect("kilobytes");
    let limit = format!("--as={}", (size + 1024) * 1024);
    let limited = Command::new("prlimit").args(["--pid", &id().to_string(), &limit]).status();
    assert!(limited.expect("runs").success());
    std::thread::Builder::new().spawn(|| ()).map(drop).expect_err("no thread can be made");

    let request = || get("http://localhost:9", "id");
    let error = ureq.execute(request()).expect_err("no look-up");
    assert_eq!(error.kind(), Kind::Other, "{error:?}");
    let error = runtime.block_on(hyper.execute(request())).expect_err("no look-up");
    assert_eq!(error.kind(), Kind::Other, "{error:?}");
    println!("both failed well");
}
