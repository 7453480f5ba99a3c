//! What the simulator does wrong, exactly as it was told to.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use huaweicloud_sms_simulator::{Answer, Script, Simulator, Step};

const LONG: Duration = Duration::from_secs(30);
const GET: &str = "GET /v3/sources/a/command HTTP/1.1\r\nHost: h\r\nX-Auth-Token: t\r\n\
                   Content-Type: application/json\r\n\r\n";

fn started(script: Script) -> Simulator {
    Simulator::builder().script(script).start().expect("started")
}

fn answering(steps: impl IntoIterator<Item = Step>) -> Simulator {
    started(Script::new().server("a", [Answer::steps(steps)]))
}

fn connect(simulator: &Simulator) -> TcpStream {
    let stream = TcpStream::connect(simulator.addr()).expect("listening");
    stream.set_read_timeout(Some(LONG)).expect("a limit");
    stream
}

/// What comes until the end, and whether that is an orderly one.
fn rest(stream: &mut TcpStream) -> (String, bool) {
    let mut bytes = Vec::new();
    let is_orderly = stream.read_to_end(&mut bytes).is_ok();
    (String::from_utf8(bytes).expect("UTF-8"), is_orderly)
}

fn ask(simulator: &Simulator) -> (String, bool) {
    let mut stream = connect(simulator);
    stream.write_all(GET.as_bytes()).expect("sent");
    rest(&mut stream)
}

#[test]
fn steps_in_their_order() {
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
        assert_eq!(ask(&simulator), ("abcdedef".into(), is_orderly));
        assert!(simulator.wait_until_gone(LONG));
    }
}

#[test]
fn a_request_within_the_steps_and_service_behind_them() {
    let simulator = answering([Step::send("1"), Step::Request, Step::send("2"), Step::Continue]);
    let mut stream = connect(&simulator);
    let last = GET.replace("Host: h", "Connection: close");
    stream.write_all(format!("{GET}{GET}{last}").as_bytes()).expect("sent");
    let (all, _) = rest(&mut stream);
    assert!(all.starts_with("12HTTP/1.1 200 OK\r\n") && all.ends_with("\r\n\r\n{}"), "{all}");
    let statuses: Vec<u16> = simulator.requests().iter().map(|request| request.status).collect();
    assert_eq!(statuses, [0, 0, 200]);
}

#[test]
fn before_any_request() {
    let simulator = started(Script::new().on_accept([Step::send("SSH-2.0"), Step::Reset]));
    assert_eq!(rest(&mut connect(&simulator)), ("SSH-2.0".into(), false));
    let script = Script::new().on_accept([Step::send("hello ")]).server("a", [Answer::raw("you")]);
    assert_eq!(ask(&started(script)), ("hello you".into(), true));
}

#[test]
fn every_byte_by_itself() {
    let script = Script::new().trickle(Duration::from_millis(1)).server("a", [Answer::raw("abc")]);
    assert_eq!(ask(&started(script)), ("abc".into(), true));
}

#[test]
fn waiting_for_the_test() {
    let simulator = answering([Step::send("a"), Step::Wait, Step::send("b"), Step::Close]);
    let mut stream = connect(&simulator);
    stream.write_all(GET.as_bytes()).expect("sent");
    stream.read_exact(&mut [0]).expect("the first byte");
    assert!(!simulator.wait_until_closed(Duration::ZERO));
    simulator.go_on();
    // Closed by one side, and gone only with the other's end.
    assert!(simulator.wait_until_closed(LONG));
    assert!(!simulator.wait_until_gone(Duration::ZERO));
    assert_eq!(rest(&mut stream), ("b".into(), true));
    drop(stream);
    assert!(simulator.wait_until_gone(LONG));
}

/// However long a step would take, it ends with the simulator, and with a client that leaves.
#[test]
fn nothing_outlasts_the_simulator() {
    for step in [
        Step::Wait,
        Step::Hold,
        Step::Request,
        Step::Pause(Duration::MAX),
        Step::dribble("x", Duration::MAX),
        Step::forever("x"),
    ] {
        let mut simulator = answering([step]);
        let mut stream = connect(&simulator);
        stream.write_all(GET.as_bytes()).expect("sent");
        assert!(simulator.wait_for_requests(1, LONG));
        simulator.stop();
        assert!(simulator.wait_until_gone(Duration::ZERO));
    }
    let simulator = answering([Step::forever("x")]);
    let mut stream = connect(&simulator);
    stream.write_all(GET.as_bytes()).expect("sent");
    stream.read_exact(&mut [0; 100]).expect("endless");
    drop(stream);
    assert!(simulator.wait_until_gone(LONG));
}

#[test]
fn scripts_in_json() {
    let script = Script::from_json(
        r#"{"on_accept":[{"send":"hi "}],"trickle_ms":0,"certificate":"self_signed",
            "servers":{"a":{"answers":[
            {"steps":[{"send":"a"},{"send_hex":"62"},{"dribble":{"text":"c","pause_ms":1}},
                      {"repeat":{"text":"d","times":2}},{"pause_ms":1},"close"]},
            {"steps":[{"send":"x"},"cut"]},
            {"steps":[{"send":"y"},"request","reset"]},
            {"steps":[{"repeat":{"text":"z"}}]},
            {"steps":["hold"]},
            {"steps":["continue"]}]}}}"#,
    );
    let simulator = started(script.expect("a script"));
    assert_eq!(ask(&simulator), ("hi abcdd".into(), true));
    assert_eq!(ask(&simulator), ("hi x".into(), true));
    let mut stream = connect(&simulator);
    stream.write_all(format!("{GET}{GET}").as_bytes()).expect("sent");
    assert_eq!(rest(&mut stream), ("hi y".into(), false));
}
