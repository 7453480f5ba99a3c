//! Calls that are given up.

use std::{sync::mpsc, thread, time::Duration};

use huaweicloud_sms_simulator::{Answer, Simulator, Step};
use huaweicloud_sms_transport::{Error, Proxy, Settings, Trust};
use huaweicloud_sms_transport_conformance::{SUBJECTS, TOKEN, get};
use huaweicloud_sms_transport_hyper::HyperTransport;
use huaweicloud_sms_transport_ureq::UreqTransport;
use tokio::runtime::Runtime;

const LONG: Duration = Duration::from_secs(60);

fn settings(simulator: &Simulator) -> Settings {
    let ca = simulator.ca_pem().map(|pem| Trust::Pem(pem.into()));
    Settings::default().proxy(Proxy::None).trust(ca.unwrap_or_default())
}

/// The answers end in nothing, before their head and in their body; one more is honest.
fn simulator(tls: bool, steps: impl IntoIterator<Item = Step>) -> Simulator {
    let builder = Simulator::builder().token(TOKEN);
    let simulator = if tls { builder.tls() } else { builder }.start().expect("started");
    simulator.push("id", Answer::steps(steps));
    simulator.push("id", Answer::command("STOP", None));
    simulator
}

/// What the server would still have said, when it is told to.
fn late() -> [Step; 3] {
    let late = "HTTP/1.1 200 OK\r\nContent-Length: 25\r\n\r\n{\"command_name\":\"DELETE\"} ";
    [Step::Wait, Step::send(late), Step::Continue]
}

fn in_body() -> [Step; 2] {
    [Step::send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"), Step::Hold]
}

#[test]
fn shutting_ureq_down_ends_a_waiting_call_and_its_connection() {
    for (tls, steps) in
        [(false, late().to_vec()), (true, late().to_vec()), (false, in_body().into())]
    {
        let simulator = simulator(tls, steps);
        let transport = UreqTransport::new(settings(&simulator)).expect("a transport");
        let (waiting, request) = (transport.clone(), get(&simulator.url(), "id"));
        let call = thread::spawn(move || waiting.execute(request));
        assert!(simulator.wait_for_requests(1, LONG));
        transport.shutdown();
        let error = call.join().expect("no panic").expect_err("ended");
        assert!(matches!(error, Error::Closed { .. }), "{error:?}");
        simulator.go_on();
        assert!(simulator.wait_until_gone(LONG), "the connection was kept");
        let error = transport.execute(get(&simulator.url(), "id")).expect_err("shut down");
        assert!(matches!(error, Error::Closed { .. }), "{error:?}");
        assert_eq!(simulator.connection_count(), 1);
    }
}

/// The dropped call's answer comes late; it must not become the next one's.
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
        let response = runtime.block_on(call).expect("no panic").expect("an answer");
        assert_eq!(response.body().as_ref(), br#"{"command_name":"STOP"}"#);
        assert_eq!(simulator.connection_count(), 2);
    }
}

/// The same for a call that its time limit ended, on both.
#[test]
fn the_answer_to_a_call_that_ran_out_of_time_is_nobodys() {
    thread::scope(|scope| {
        for subject in SUBJECTS.into_iter().filter(|subject| subject.connects()) {
            for tls in [false, true] {
                scope.spawn(move || {
                    let simulator = simulator(tls, late());
                    let settings = settings(&simulator).timeout(Duration::from_secs(3));
                    let transport = subject.start(settings);
                    let error = transport.execute(get(&simulator.url(), "id"));
                    let error = error.expect_err("no answer");
                    assert!(matches!(error, Error::Timeout { .. }), "{subject:?}: {error:?}");
                    assert!(simulator.wait_for_requests(1, LONG));
                    simulator.go_on();
                    assert!(simulator.wait_until_gone(LONG), "{subject:?}: kept");
                    let response = transport.execute(get(&simulator.url(), "id"));
                    let response = response.expect("an answer");
                    assert_eq!(response.body(), br#"{"command_name":"STOP"}"#, "{subject:?}");
                });
            }
        }
    });
}

/// A transport that is dropped while calls wait leaves nothing behind.
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
