//! Tests that at most 100 calls of one transport are under way at once.

use std::time::Duration;

use huaweicloud_sms_simulator::{Answer, Simulator};
use huaweicloud_sms_transport::{
    AsyncTransport, Proxy, RootCerts, Settings, TransportError, TransportErrorKind,
};
use huaweicloud_sms_transport_hyper::HyperTransport;
use tokio::{runtime::Builder, task::JoinHandle, time::sleep};

const PLACES: u64 = 100;

/// Starts a service that never responds, and 101 calls.
fn start(timeout: Duration) -> (Simulator, Vec<JoinHandle<Result<(), TransportError>>>) {
    let service = Simulator::builder().tls().start().expect("started");
    service.push("a", Answer::silent().times(1_000));
    let ca = RootCerts::Pem(service.ca_pem().unwrap_or_default().into());
    let settings =
        Settings::default().with_root_certs(ca).with_proxy(Proxy::Direct).with_timeout(timeout);
    let transport = HyperTransport::new(settings).expect("a transport");
    let call = |_| {
        let request = http::Request::get(format!("{}/v3/sources/a/command", service.url()))
            .header("X-Auth-Token", "t")
            .header("Content-Type", "application/json")
            .body(Vec::new())
            .expect("valid");
        let transport = transport.clone();
        tokio::spawn(async move { transport.execute(request).await.map(drop) })
    };
    let calls = (0..=PLACES).map(call).collect();
    (service, calls)
}

#[test]
fn a_further_call_waits_until_another_ends() {
    // A runtime of one thread starts tasks in the order in which they were spawned.
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let (service, calls) = start(Duration::from_secs(120));
        while service.request_count() < PLACES {
            sleep(Duration::from_millis(1)).await;
        }
        sleep(Duration::from_millis(100)).await;
        assert_eq!(service.request_count(), PLACES);
        calls[0].abort();
        while service.request_count() == PLACES {
            sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(service.request_count(), PLACES + 1);
        calls.iter().for_each(JoinHandle::abort);
    });
}

#[test]
fn the_wait_of_a_further_call_counts_towards_its_timeout() {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let (_service, calls) = start(Duration::from_millis(300));
        for call in calls {
            let error = call.await.expect("no panic").expect_err("no answer");
            assert_eq!(error.kind(), TransportErrorKind::Timeout, "{error:?}");
        }
    });
}
