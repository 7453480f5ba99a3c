//! The scripted faults of connections.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use huaweicloud_sms_simulator::{Answer, Script, Simulator, Step};

use crate::{LONG, PATH, closing, connect, get, started};

fn answering(steps: impl IntoIterator<Item = Step>) -> Simulator {
    started(Script::new().server("a", [Answer::steps(steps)]))
}

/// Connects and sends the request.
fn send(simulator: &Simulator) -> TcpStream {
    let mut stream = connect(simulator);
    stream.write_all(get(PATH, "t").as_bytes()).expect("sent");
    stream
}

/// Reads until the end of the connection. Returns the text, and whether the end is orderly.
pub(crate) fn rest(stream: &mut TcpStream) -> (String, bool) {
    let mut bytes = Vec::new();
    let is_orderly = stream.read_to_end(&mut bytes).is_ok();
    (String::from_utf8(bytes).expect("UTF-8"), is_orderly)
}

pub(crate) fn exchange(simulator: &Simulator) -> (String, bool) {
    rest(&mut send(simulator))
}

#[test]
fn steps_are_taken_in_order() {
    let short = Duration::from_millis(1);
    let steps = [
        Step::send("a"),
        Step::dribble("bc", short),
        Step::repeat("de", 2),
        Step::repeat("", u32::MAX),
        Step::forever(""),
        Step::Pause(short),
        Step::send("f"),
    ];
    for (end, is_orderly) in [(Step::Close, true), (Step::Cut, true), (Step::Reset, false)] {
        let simulator = answering(steps.iter().cloned().chain([end, Step::send("never")]));
        assert_eq!(exchange(&simulator), ("abcdedef".into(), is_orderly));
        assert!(simulator.wait_until_gone(LONG));
    }
}

#[test]
fn steps_wait_for_a_request_and_continue_with_service() {
    let simulator = answering([Step::send("1"), Step::Request, Step::send("2"), Step::Continue]);
    let mut stream = connect(&simulator);
    let (get, last) = (get(PATH, "t"), closing());
    stream.write_all(format!("{get}{get}{last}").as_bytes()).expect("sent");
    let (all, _) = rest(&mut stream);
    assert!(all.starts_with("12HTTP/1.1 200 OK\r\n") && all.ends_with("\r\n\r\n{}"), "{all}");
    let statuses: Vec<u16> = simulator.requests().iter().map(|request| request.status).collect();
    assert_eq!(statuses, [0, 0, 200]);
}

#[test]
fn on_accept_comes_before_any_request() {
    let simulator = started(Script::new().on_accept([Step::send("SSH-2.0"), Step::Reset]));
    assert_eq!(rest(&mut connect(&simulator)), ("SSH-2.0".into(), false));
    let script = Script::new().on_accept([Step::send("hello ")]).server("a", [Answer::raw("you")]);
    assert_eq!(exchange(&started(script)), ("hello you".into(), true));
}

#[test]
fn trickle_sends_every_byte_on_its_own() {
    let script = Script::new().trickle(Duration::from_millis(1)).server("a", [Answer::raw("abc")]);
    assert_eq!(exchange(&started(script)), ("abc".into(), true));
}

#[test]
fn wait_ends_with_go_on() {
    let simulator = answering([Step::send("a"), Step::Wait, Step::send("b"), Step::Close]);
    let mut stream = send(&simulator);
    stream.read_exact(&mut [0]).expect("the first byte");
    assert!(!simulator.wait_until_closed(Duration::ZERO));
    simulator.go_on();
    // The simulator has closed its side. The connection is gone when the client closes too.
    assert!(simulator.wait_until_closed(LONG));
    assert!(!simulator.wait_until_gone(Duration::ZERO));
    assert_eq!(rest(&mut stream), ("b".into(), true));
    drop(stream);
    assert!(simulator.wait_until_gone(LONG));
}

#[test]
fn every_step_ends_with_the_simulator_or_the_client() {
    for step in [
        Step::Wait,
        Step::Hold,
        Step::Request,
        Step::Pause(Duration::MAX),
        Step::dribble("x", Duration::MAX),
        Step::forever("x"),
    ] {
        let mut simulator = answering([step]);
        let _open = send(&simulator);
        assert!(simulator.wait_for_requests(1, LONG));
        simulator.stop();
        assert!(simulator.wait_until_gone(Duration::ZERO));
    }
    let simulator = answering([Step::forever("x")]);
    let mut stream = send(&simulator);
    stream.read_exact(&mut [0; 100]).expect("endless");
    drop(stream);
    assert!(simulator.wait_until_gone(LONG));
}
