//! Tests calls that end before their response.

use std::{sync::mpsc, thread, time::Duration};

use huaweicloud_sms_simulator::{Answer, Simulator, Step};
use huaweicloud_sms_transport::{
    AsyncTransport, Proxy, RootCerts, Settings, TransportErrorKind as Kind,
};
use huaweicloud_sms_transport_conformance::{Adapter, TOKEN, get};
use huaweicloud_sms_transport_hyper::HyperTransport;
use tokio::runtime::Runtime;

const LONG: Duration = Duration::from_secs(60);

fn settings(simulator: &Simulator) -> Settings {
    let ca = simulator.ca_pem().map(|pem| RootCerts::Pem(pem.into()));
    Settings::default().with_proxy(Proxy::Direct).with_root_certs(ca.unwrap_or_default())
}

/// Starts a service whose first response consists of these steps. The second is a command.
fn simulator(tls: bool, steps: impl IntoIterator<Item = Step>) -> Simulator {
    let builder = Simulator::builder().token(TOKEN);
    let simulator = if tls { builder.tls() } else { builder }.start().expect("started");
    simulator.push("id", Answer::steps(steps));
    simulator.push("id", Answer::command("STOP", None));
    simulator
}

/// Returns the steps of a response that the server sends only when the test wants it.
fn late() -> [Step; 3] {
    let late = "HTTP/1.1 200 OK\r\nContent-Length: 25\r\n\r\n{\"command_name\":\"DELETE\"} ";
    [Step::Wait, Step::send(late), Step::Continue]
}

fn in_body() -> [Step; 2] {
    [Step::send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"), Step::Hold]
}

/// A late response to a dropped call must not become the response to the next one.
#[test]
fn dropping_hypers_future_ends_its_connection() {
    let runtime = Runtime::new().expect("a runtime");
    for (tls, steps) in
        [(false, late().to_vec()), (true, late().to_vec()), (false, in_body().into())]
    {
        let simulator = simulator(tls, steps);
        let transport = {
            let _entered = runtime.enter();
            HyperTransport::new(settings(&simulator)).expect("a transport")
        };
        let (waiting, request) = (transport.clone(), get(&simulator.url(), "id"));
        let call = runtime.spawn(async move { waiting.execute(request).await });
        assert!(simulator.wait_for_requests(1, LONG));
        call.abort();
        assert!(runtime.block_on(call).expect_err("dropped").is_cancelled());
        simulator.go_on();
        assert!(simulator.wait_until_gone(LONG), "the connection was kept");
        let request = get(&simulator.url(), "id");
        let call = runtime.spawn(async move { transport.execute(request).await });
        let response = runtime.block_on(call).expect("no panic").expect("a response");
        assert_eq!(response.body().as_ref(), br#"{"command_name":"STOP"}"#);
        assert_eq!(simulator.connection_count(), 2);
    }
}

/// A late response to a call that timed out must not become the response to the next one.
#[test]
fn a_timeout_ends_its_connection() {
    thread::scope(|scope| {
        for adapter in Adapter::connecting() {
            for tls in [false, true] {
                scope.spawn(move || {
                    let simulator = simulator(tls, late());
                    let settings = settings(&simulator).with_timeout(Duration::from_secs(3));
                    let transport = adapter.start(settings);
                    let error = transport.execute(get(&simulator.url(), "id"));
                    let error = error.expect_err("no response");
                    assert_eq!(error.kind(), Kind::Timeout, "{adapter:?}: {error:?}");
                    assert!(simulator.wait_for_requests(1, LONG));
                    simulator.go_on();
                    // A runtime that does not run between calls closes the connection with the next call.
                    if adapter != Adapter::HyperPaused {
                        assert!(simulator.wait_until_gone(LONG), "{adapter:?}: kept");
                    }
                    let response = transport.execute(get(&simulator.url(), "id"));
                    let response = response.expect("a response");
                    assert_eq!(response.body(), br#"{"command_name":"STOP"}"#, "{adapter:?}");
                    assert_eq!(simulator.connection_count(), 2, "{adapter:?}");
                });
            }
        }
    });
}

#[test]
fn dropping_a_runtime_ends_its_connections() {
    let simulator = simulator(false, late());
    let transport = HyperTransport::new(settings(&simulator)).expect("a transport");
    let runtime = Runtime::new().expect("a runtime");
    let request = get(&simulator.url(), "id");
    let (ended, end) = mpsc::channel::<()>();
    runtime.spawn(async move {
        let _ended = ended;
        transport.execute(request).await
    });
    assert!(simulator.wait_for_requests(1, LONG));
    drop(runtime);
    end.recv().expect_err("dropped with the call");
    simulator.go_on();
    assert!(simulator.wait_until_gone(LONG), "the connection was kept");
}
