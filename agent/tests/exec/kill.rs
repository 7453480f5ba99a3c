//! Kills the agent at random, while the service, the network and the logins fail.

use std::{fmt, fs::File, io::Write, process::Stdio, thread, time::Duration};

use huaweicloud_sms_simulator::{Answer, Command, Script, Simulator, Step};
use serde_json::json;

use crate::support::{
    Running, SERVER_ID, credentials,
    exec::{Login, Place, accepted, append},
    transports,
};

const COMMANDS: usize = 200;

/// The timeout of a wait. A machine may be slow.
const LONG: Duration = Duration::from_secs(600);

/// Returns the number of kills, with each credential over each transport.
fn kills() -> u64 {
    let text = std::env::var("SMS_AGENT_TEST_KILLS");
    text.map_or(75, |text| text.parse().expect("SMS_AGENT_TEST_KILLS is a number"))
}

/// A program that writes the key of its command at its start. A STOP fails.
const PROGRAM: &str = r#"
key="$SMS_COMMAND_NAME/$SMS_TASK_ID$SMS_OBJECT"
echo "run $key" >> "$RUNS"
echo "{\"key\": \"$key\"}"
test "$SMS_COMMAND_NAME" != STOP
"#;

#[test]
fn killed_at_random_it_reports_each_command_once_with_a_key() {
    for (transport, seed) in transports().into_iter().zip(1..) {
        kill_at_random(Login::Key, transport, seed);
    }
}

#[test]
fn killed_at_random_it_reports_each_command_once_with_a_user() {
    for (transport, seed) in transports().into_iter().zip(3..) {
        kill_at_random(Login::User, transport, seed);
    }
}

/// Generates random numbers, the same for the same seed (xorshift64*).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) % limit
    }
}

/// The parts of a command, which the program writes.
#[derive(Clone, Debug, PartialEq)]
struct Key {
    name: &'static str,
    what: String,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.name, self.what)
    }
}

impl Key {
    fn command(&self) -> Command {
        let param = match self.name {
            "UPLOAD_LOG" => json!({ "bucket": "logs", "object": self.what }),
            _ => json!({ "task_id": self.what }),
        };
        Command::json(json!({ "command_name": self.name, "command_param": param }))
    }
}

/// Returns commands: some have new tasks, some came before, and some are the same as the one before.
fn commands(random: &mut Random) -> Vec<Key> {
    let mut commands: Vec<Key> = Vec::new();
    while commands.len() < COMMANDS {
        let next = match (random.below(8), commands.last()) {
            (0, Some(last)) => last.clone(),
            (1, Some(_)) => commands[random.below(commands.len() as u64) as usize].clone(),
            _ => {
                let names = ["START", "STOP", "SYNC", "UPLOAD_LOG", "DEFRAGMENT"];
                let name = names[random.below(names.len() as u64) as usize];
                Key { name, what: format!("task-{}", commands.len()) }
            }
        };
        commands.push(next);
    }
    commands
}

fn script() -> Script {
    let after = |answer: Answer| Some(answer.after_processing());
    let reset = || Answer::steps([Step::Reset]);
    let html = || Answer::body(200, "<html>Sign in</html>").header("content-type", "text/html");
    let broken = || Answer::error(500, "SMS.6000", "m");
    let throttled = || Answer::error(429, "APIGW.0308", "m").header("retry-after", "1");
    let truncated = || {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n";
        Answer::steps([Step::send(format!("{head}\r\n{{\"command_name\":\"START\"")), Step::Reset])
    };
    let get = [None, None, Some(broken()), None, Some(reset()), None, None, after(reset())];
    let get_too = [Some(html()), None, Some(truncated()), None, Some(throttled()), None, None];
    let report = [None, Some(reset()), None, None, after(reset()), None, Some(broken()), None];
    let report_too = [after(broken()), None, Some(html()), after(html()), None, after(truncated())];
    let report_three = [None, Some(throttled()), None, Some(truncated()), None];
    let login = [None, Some(broken()), None, after(reset()), None, Some(html()), Some(reset())];
    let login_too = [None, after(truncated()), None, Some(throttled())];
    credentials::script()
        .idle(SERVER_ID, Answer::body(200, "{}"))
        .get_faults(get.into_iter().chain(get_too))
        .report_faults(report.into_iter().chain(report_too).chain(report_three))
        .login_faults(login.into_iter().chain(login_too))
}

fn kill_at_random(login: Login, transport: &str, seed: u64) {
    let runs_again = seed % 2 == 0;
    println!("{transport}, {login:?}, seed {seed}, runs again: {runs_again}");
    let random = &mut Random(seed);
    let keys = commands(random);
    let place = Place::new();
    // The runs and the accepted reports go to one file, so that it shows their order.
    let record = append(&place.path("runs"));
    let service = Simulator::builder().script(script()).on_request(move |request| {
        let report = request.report.as_ref().filter(|report| report.is_accepted());
        if let Some(held) = report.and_then(|report| report.held.as_ref()) {
            let line = format!("accepted {}\n", held.index);
            (&record).write_all(line.as_bytes()).expect("written");
        }
    });
    let service = service.start().expect("started");
    let on_interrupted = if runs_again { "run-again" } else { "report-failure" };
    let options = ["--transport", transport, "--on-interrupted", on_interrupted];
    let mut agent = place.agent(&service, &options, PROGRAM);
    login.add(&mut agent, &service);
    let mut start = || {
        let log = File::create(place.path("log")).expect("made");
        let too = log.try_clone().expect("cloned");
        Running(agent.stdout(log).stderr(Stdio::from(too)).spawn().expect("runs"))
    };
    let kills = kills();
    let mut commands = keys.iter().map(Key::command);
    let mut pushed = 0;
    for number in 1..=kills {
        // The commands are pushed in parts, so that a fast agent leaves some for later kills.
        let count = (COMMANDS as u64 - 1) * number / kills - pushed;
        commands.by_ref().take(count as usize).for_each(|command| {
            service.push_command(SERVER_ID, command);
        });
        pushed += count;
        let agent = start();
        let requests = service.request_count() + random.below(11);
        assert!(service.wait_for_requests(requests, LONG), "kill {number}: {}", place.log());
        thread::sleep(Duration::from_micros(random.below(15_000)));
        // Dropping sends SIGKILL.
        drop(agent);
    }
    println!("{} of {COMMANDS} commands reported after {kills} kills", accepted(&service).len());
    commands.for_each(|command| service.push_command(SERVER_ID, command));
    let agent = start();
    let is_done = service.wait_for_accepted_reports(COMMANDS as u64, LONG);
    assert!(is_done, "{} of {COMMANDS} reports: {}", accepted(&service).len(), place.log());
    drop(agent);
    check(&service, &keys, &place.runs(), runs_again);
    let rejected = service.reports().len() - COMMANDS;
    println!("{} requests, {rejected} reports rejected", service.request_count());
}

fn check(service: &Simulator, keys: &[Key], lines: &[String], runs_again: bool) {
    let reports = accepted(service);
    let held = |at: usize| reports[at].held.as_ref().map(|held| held.index);
    assert_eq!(reports.len(), COMMANDS);
    let mut failed = 0;
    for (at, key) in keys.iter().enumerate() {
        assert_eq!(held(at), Some(at), "in order");
        assert_eq!(reports[at].name.as_deref(), Some(key.name));
        // The result is that of the program's run for this command.
        let detail = reports[at].detail.as_ref().expect("a detail");
        match detail["key"].as_str() {
            Some(found) => assert_eq!(found, key.to_string()),
            None => {
                assert_eq!(detail["msg"], "the agent ended while the program was running");
                assert_eq!(reports[at].result.as_deref(), Some("fail"));
                assert!(!runs_again, "{detail}");
                failed += 1;
            }
        }
    }
    let mut runs = vec![0_usize; COMMANDS];
    let mut now = 0;
    for line in lines {
        match line.split_once(' ').expect(line) {
            ("accepted", index) => now = index.parse::<usize>().expect(line) + 1,
            (_, key) => {
                let held = keys.get(now).map(Key::to_string);
                assert_eq!(held.as_deref(), Some(key), "it ran after its report was accepted");
                runs[now] += 1;
            }
        }
    }
    // Equal commands in a row cannot be told apart, so the runs are counted by group.
    let mut begin = 0;
    for group in keys.chunk_by(|one, other| one == other) {
        let end = begin + group.len();
        let count: usize = runs[begin..end].iter().sum();
        match runs_again {
            true => assert!(count > 0, "{} never ran", group[0]),
            false => assert!(count <= group.len(), "{} ran {count} times", group[0]),
        }
        begin = end;
    }
    println!("{} runs, {failed} reported as interrupted", runs.iter().sum::<usize>());
}
