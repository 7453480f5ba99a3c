//! Tests that the adapters do not read the system's trust store before they receive a certificate.
#![cfg(target_os = "linux")]

use std::fs;

use huaweicloud_sms_simulator::{Answer, Simulator};
use huaweicloud_sms_transport::{Proxy, RootCerts, Settings};
use huaweicloud_sms_transport_conformance::{Adapter, TOKEN, get};

/// Returns the number of bytes that this process has read from files and sockets.
fn bytes_read() -> u64 {
    let counts = fs::read_to_string("/proc/self/io").expect("Linux");
    let count = counts.lines().find_map(|line| line.strip_prefix("rchar: ")).expect("a count");
    count.parse().expect("a number")
}

/// This file has one test, because the count is that of the process.
#[test]
fn a_call_over_http_reads_no_certificate() {
    for adapter in Adapter::connecting() {
        let simulator = Simulator::builder().token(TOKEN).start().expect("started");
        simulator.push("id", Answer::command("STOP", None));
        let before = bytes_read();
        let settings = Settings::default().with_proxy(Proxy::Direct);
        let transport = adapter.start(settings.with_root_certs(RootCerts::Platform));
        transport.execute(get(&simulator.url(), "id")).expect("a response");
        // A trust store has some 200 KB.
        let read = bytes_read() - before;
        assert!(read < 32 * 1024, "{adapter:?} read {read} bytes");
    }
}
