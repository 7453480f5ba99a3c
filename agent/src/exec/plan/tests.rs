use huaweicloud_sms::{CommandParam, NoCommand, Task, TaskState};
use proptest::{collection::vec, prelude::*};

use super::*;

fn command(name: &str, task: &str) -> Command {
    Command::new(name, CommandParam::default().with_task_id(task))
}

fn answer(name: &str, task: &str) -> Answer {
    Answer::Command(command(name, task))
}

const NOTHING: Answer = Answer::NoCommand(NoCommand::EmptyObject);

fn fresh() -> Plan {
    Plan::new(State::default(), OnInterrupted::ReportFailure, true)
}

fn after(open: Vec<(u64, Command, Progress)>, on_interrupted: OnInterrupted) -> Plan {
    let next_id = open.len() as u64;
    Plan::new(State { next_id, open, rejected: None }, on_interrupted, true)
}

/// Does all steps that wait. Returns them in short.
fn steps(plan: &mut Plan) -> Vec<String> {
    let mut shown = Vec::new();
    while let Some(step) = plan.step().cloned() {
        plan.on_done();
        shown.push(match step {
            Step::Write(Entry::Received { id, .. }) => format!("received {id}"),
            Step::Write(Entry::Started { id, .. }) => format!("started {id}"),
            Step::Write(Entry::Finished { id, result, .. }) => format!("finished {id} {result}"),
            Step::Write(Entry::Reported { id }) => format!("reported {id}"),
            Step::Write(Entry::Dropped { id, is_rejected: true, .. }) => format!("rejected {id}"),
            Step::Write(Entry::Dropped { id, .. }) => format!("dropped {id}"),
            Step::Write(Entry::Cleared) => "cleared".into(),
            Step::EndLeftOver { process: Some(_), .. } => "end left over".into(),
            Step::EndLeftOver { process: None, .. } => "find left over".into(),
            Step::Start { id, command } => format!("start {id} {}", command.name),
            Step::Stop { .. } => "stop".into(),
            Step::Report(done) if plan.is_due(&done) => format!("report {}", done.id),
            Step::Report(_) => continue,
        });
    }
    shown
}

fn succeed(plan: &mut Plan) {
    plan.on_end(CommandResult::Success, Map::new());
}

#[test]
fn a_command_is_received_started_finished_and_reported() {
    let mut plan = fresh();
    plan.on_answer(&answer("START", "a"));
    assert_eq!(steps(&mut plan), ["received 0", "started 0", "start 0 START"]);
    succeed(&mut plan);
    assert_eq!(steps(&mut plan), ["finished 0 success", "report 0"]);
    plan.on_reported();
    assert_eq!(steps(&mut plan), ["reported 0"]);
}

#[test]
fn a_command_that_the_service_returns_again_is_not_run_again() {
    let mut plan = fresh();
    plan.on_answer(&answer("START", "a"));
    steps(&mut plan);
    plan.on_answer(&answer("START", "a"));
    succeed(&mut plan);
    plan.on_answer(&answer("START", "a"));
    assert_eq!(steps(&mut plan), ["finished 0 success", "report 0"]);
}

#[test]
fn a_command_that_comes_again_after_its_report_is_a_new_one() {
    let mut plan = fresh();
    plan.on_answer(&answer("START", "a"));
    succeed(&mut plan);
    plan.on_reported();
    steps(&mut plan);
    plan.on_answer(&answer("START", "a"));
    assert_eq!(steps(&mut plan), ["received 1", "started 1", "start 1 START"]);
}

#[test]
fn a_task_state_or_no_command_runs_no_program() {
    let mut plan = fresh();
    plan.on_answer(&NOTHING);
    plan.on_answer(&Answer::Task(Task::new(TaskState::HasFinished, CommandParam::default())));
    plan.on_nothing();
    assert!(steps(&mut plan).is_empty());
}

#[test]
fn a_start_that_comes_again_after_its_stop_is_a_new_one() {
    let mut plan = fresh();
    plan.on_answer(&answer("START", "a"));
    steps(&mut plan);
    plan.on_answer(&answer("STOP", "a"));
    assert_eq!(steps(&mut plan), ["received 1", "stop"]);
    // The program has not ended yet.
    plan.on_answer(&answer("START", "a"));
    plan.on_answer(&answer("START", "a"));
    assert_eq!(steps(&mut plan), ["received 2", "dropped 1"]);
    plan.on_end(CommandResult::Fail, Map::new());
    let expected = ["finished 0 fail", "dropped 0", "started 2", "start 2 START"];
    assert_eq!(steps(&mut plan), expected);
    succeed(&mut plan);
    assert_eq!(steps(&mut plan), ["finished 2 success", "report 2"]);
}

#[test]
fn one_command_runs_at_a_time() {
    let mut plan = fresh();
    plan.on_answer(&answer("START", "a"));
    plan.on_answer(&answer("SYNC", "b"));
    assert_eq!(steps(&mut plan), ["received 0", "started 0", "start 0 START", "received 1"]);
    succeed(&mut plan);
    let expected = ["finished 0 success", "dropped 0", "started 1", "start 1 SYNC"];
    assert_eq!(steps(&mut plan), expected);
}

/// The service would take the report for the result of the second START.
#[test]
fn the_result_of_a_command_that_was_replaced_during_its_run_is_not_reported() {
    let mut plan = fresh();
    plan.on_answer(&answer("START", "a"));
    plan.on_answer(&answer("START", "b"));
    steps(&mut plan);
    succeed(&mut plan);
    let expected = ["finished 0 success", "dropped 0", "started 1", "start 1 START"];
    assert_eq!(steps(&mut plan), expected);
    succeed(&mut plan);
    assert_eq!(steps(&mut plan), ["finished 1 success", "report 1"]);
}

#[test]
fn stop_overtakes_only_a_running_start_of_the_same_task() {
    for (start, stop, is_stopped) in [
        (("START", "a"), ("STOP", "a"), true),
        (("START", "a"), ("STOP", "b"), false),
        (("START", ""), ("STOP", ""), false),
        (("SYNC", "a"), ("STOP", "a"), false),
        (("START", "a"), ("DELETE", "a"), false),
    ] {
        let mut plan = fresh();
        plan.on_answer(&answer(start.0, start.1));
        plan.on_answer(&answer(stop.0, stop.1));
        assert_eq!(steps(&mut plan).contains(&"stop".into()), is_stopped, "{start:?} {stop:?}");
    }
    let mut plan = Plan::new(State::default(), OnInterrupted::ReportFailure, false);
    plan.on_answer(&answer("START", "a"));
    plan.on_answer(&answer("STOP", "a"));
    assert!(!steps(&mut plan).contains(&"stop".into()));
}

#[test]
fn a_result_is_dropped_when_the_service_returns_another_command() {
    let mut plan = fresh();
    plan.on_answer(&answer("START", "a"));
    succeed(&mut plan);
    steps(&mut plan);
    plan.on_answer(&answer("START", "b"));
    let expected = ["dropped 0", "received 1", "started 1", "start 1 START"];
    assert_eq!(steps(&mut plan), expected);
}

#[test]
fn a_dropped_report_is_not_due_any_more() {
    let mut plan = fresh();
    plan.on_answer(&answer("START", "a"));
    succeed(&mut plan);
    plan.on_answer(&answer("START", "b"));
    assert!(!steps(&mut plan).contains(&"report 0".into()));
}

#[test]
fn only_the_last_waiting_command_is_run() {
    let mut plan = fresh();
    for name in ["START", "SYNC", "DELETE"] {
        plan.on_answer(&answer(name, "a"));
    }
    succeed(&mut plan);
    let expected = [
        "received 0",
        "started 0",
        "start 0 START",
        "received 1",
        "received 2",
        "dropped 1",
        "finished 0 success",
        "dropped 0",
        "started 2",
        "start 2 DELETE",
    ];
    assert_eq!(steps(&mut plan), expected);
}

#[test]
fn a_command_whose_report_is_rejected_is_not_run_again_until_the_service_returns_something_else() {
    let mut plan = fresh();
    plan.on_answer(&answer("START", "a"));
    succeed(&mut plan);
    steps(&mut plan);
    plan.on_report_rejected("SMS.6021".into());
    assert_eq!(steps(&mut plan), ["rejected 0"]);
    plan.on_answer(&answer("START", "a"));
    assert!(steps(&mut plan).is_empty());
    plan.on_answer(&NOTHING);
    assert_eq!(steps(&mut plan), ["cleared"]);
    plan.on_answer(&answer("START", "a"));
    assert_eq!(steps(&mut plan), ["received 1", "started 1", "start 1 START"]);
}

#[test]
fn a_report_rejected_after_the_service_returned_nothing_does_not_hold_up_the_next_command() {
    let mut plan = fresh();
    plan.on_answer(&answer("START", "a"));
    succeed(&mut plan);
    // The response to the report is lost, and the next poll shows that it was accepted.
    plan.on_answer(&NOTHING);
    plan.on_report_rejected("SMS.6021".into());
    steps(&mut plan);
    plan.on_answer(&answer("START", "a"));
    assert_eq!(steps(&mut plan), ["received 1", "started 1", "start 1 START"]);
}

#[test]
fn a_result_whose_detail_is_rejected_is_reported_once_without_it() {
    let mut plan = fresh();
    plan.on_answer(&answer("START", "a"));
    plan.on_end(CommandResult::Success, Map::from_iter([("disks".to_owned(), 3.into())]));
    steps(&mut plan);
    plan.on_detail_rejected("SMS.6023".into());
    let Some(Step::Report(done)) = plan.step() else { panic!("no report") };
    assert_eq!(done.result, CommandResult::Success);
    assert_eq!(done.detail["msg"], "the service rejected the detail of this result");
    assert_eq!(steps(&mut plan), ["report 0"]);
    plan.on_detail_rejected("SMS.6023".into());
    assert_eq!(steps(&mut plan), ["rejected 0"]);
}

#[test]
fn a_command_with_other_parameters_for_the_same_task_is_the_same_one() {
    let with_bucket = |task: &str| {
        let param = CommandParam::default().with_task_id(task).with_object("", "");
        Answer::Command(Command::new("START", param))
    };
    let mut plan = fresh();
    plan.on_answer(&answer("START", "a"));
    succeed(&mut plan);
    steps(&mut plan);
    plan.on_answer(&with_bucket("a"));
    assert!(steps(&mut plan).is_empty());
    plan.on_answer(&with_bucket("b"));
    assert_eq!(steps(&mut plan), ["dropped 0", "received 1", "started 1", "start 1 START"]);
}

#[test]
fn after_a_restart_nothing_is_done_before_the_service_has_answered() {
    for progress in [
        Progress::Received,
        Progress::Finished { result: CommandResult::Success, detail: Map::new() },
    ] {
        let open = vec![(0, command("START", "a"), progress)];
        let mut plan = after(open.clone(), OnInterrupted::ReportFailure);
        assert!(steps(&mut plan).is_empty());
        plan.on_answer(&answer("START", "a"));
        assert_eq!(
            steps(&mut plan).len(),
            if matches!(open[0].2, Progress::Received) { 2 } else { 1 }
        );

        let mut plan = after(open, OnInterrupted::ReportFailure);
        plan.on_answer(&answer("START", "b"));
        assert!(steps(&mut plan).contains(&"dropped 0".into()));
    }
}

#[test]
fn an_interrupted_command_is_reported_as_failed_or_run_again() {
    let open = vec![(0, command("START", "a"), Progress::Started { process: None })];
    let mut plan = after(open.clone(), OnInterrupted::ReportFailure);
    assert_eq!(steps(&mut plan), ["find left over", "finished 0 fail"]);
    plan.on_answer(&answer("START", "a"));
    assert_eq!(steps(&mut plan), ["report 0"]);

    let mut plan = after(open, OnInterrupted::RunAgain);
    assert_eq!(steps(&mut plan), ["find left over"]);
    plan.on_answer(&answer("START", "a"));
    assert_eq!(steps(&mut plan), ["started 0", "start 0 START"]);
}

#[test]
fn an_interrupted_command_that_was_replaced_is_not_run_again() {
    let open = vec![
        (0, command("START", "a"), Progress::Started { process: None }),
        (1, command("STOP", "a"), Progress::Received),
    ];
    let mut plan = after(open, OnInterrupted::RunAgain);
    assert_eq!(steps(&mut plan), ["find left over", "dropped 0"]);
    plan.on_answer(&answer("STOP", "a"));
    assert_eq!(steps(&mut plan), ["started 1", "start 1 STOP"]);
}

#[test]
fn a_replaced_command_that_comes_again_after_a_restart_is_a_new_one() {
    let open = vec![
        (0, command("START", "a"), Progress::Started { process: None }),
        (1, command("START", "b"), Progress::Received),
    ];
    let mut plan = after(open, OnInterrupted::ReportFailure);
    assert_eq!(steps(&mut plan), ["find left over", "dropped 0"]);
    plan.on_answer(&answer("START", "a"));
    let expected = ["received 2", "dropped 1", "started 2", "start 2 START"];
    assert_eq!(steps(&mut plan), expected);
}

/// A service that holds one command after the other until its result is reported.
#[derive(Debug)]
struct Service {
    commands: Vec<Command>,
    /// The number of commands that it does not hold any more.
    gone: usize,
    /// The commands that were replaced before it accepted a result.
    replaced: Vec<usize>,
    /// The commands whose results it accepted.
    accepted: Vec<usize>,
}

impl Service {
    fn held(&self) -> Option<&Command> {
        self.commands.get(self.gone)
    }
}

/// An event of the service, the network or the agent.
#[derive(Clone, Copy, Debug)]
enum Happening {
    Poll,
    /// The service holds the next command instead of this one, and returns it.
    ReplaceAndPoll,
    Steps,
    End,
    /// The report arrives, and so does its response.
    Report,
    /// The report arrives, but its response is lost.
    ReportLost,
    /// The service cannot be reached.
    ReportNotSent,
    Restart,
}

fn happening() -> impl Strategy<Value = Happening> {
    use Happening::*;
    prop_oneof![
        4 => Just(Poll), 1 => Just(ReplaceAndPoll), 8 => Just(Steps), 4 => Just(End), 3 => Just(Report),
        1 => Just(ReportLost), 1 => Just(ReportNotSent), 1 => Just(Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// The scenarios have faults and restarts at any point. The service accepts one result for each command,
    /// in order. No command is started again before its result was accepted, unless it was interrupted. A
    /// command that was replaced by another one is not reported.
    #[test]
    fn every_command_is_carried_out_and_reported_once(
        tasks in vec(0..3_u8, 1..8),
        happenings in vec(happening(), 0..300),
        runs_again in any::<bool>(),
    ) {
        let on_interrupted =
            if runs_again { OnInterrupted::RunAgain } else { OnInterrupted::ReportFailure };
        let commands: Vec<_> = tasks.iter().map(|task| command("START", &task.to_string())).collect();
        let mut service = Service {
            commands: commands.clone(),
            gone: 0,
            replaced: Vec::new(),
            accepted: Vec::new(),
        };
        let mut journal = State::default();
        let mut plan = fresh();
        let (mut running, mut pending, mut in_doubt) = (None, None::<Done>, false);
        let mut starts: Vec<u64> = Vec::new();
        use Happening::*;
        // Without further faults, every command must be reported.
        let calm = [Poll, Steps, End, Steps, Report, Steps].repeat(40);
        for happening in happenings.into_iter().chain(calm) {
            match happening {
                Poll | ReplaceAndPoll => {
                    if matches!(happening, ReplaceAndPoll) && service.gone + 1 < commands.len() {
                        service.replaced.push(service.gone);
                        service.gone += 1;
                    }
                    let held = service.held();
                    let answer = held.map_or(NOTHING, |held| Answer::Command(held.clone()));
                    // As the session does.
                    in_doubt = false;
                    if pending.as_ref().is_some_and(|done| {
                        held.is_some_and(|held| *held != done.command)
                    }) {
                        pending = None;
                    }
                    plan.on_answer(&answer);
                }
                Steps => while let Some(step) = plan.step().cloned() {
                    plan.on_done();
                    match step {
                        Step::Write(entry) => prop_assert!(journal.apply(&entry)),
                        Step::Start { id, .. } => {
                            prop_assert!(running.is_none(), "two at a time");
                            prop_assert!(runs_again || !starts.contains(&id), "started twice");
                            starts.push(id);
                            running = Some(id);
                        }
                        Step::Report(done) if plan.is_due(&done) => {
                            prop_assert!(pending.is_none(), "two reports");
                            pending = Some(done);
                        }
                        Step::Stop { .. } | Step::Report(_) => {}
                        Step::EndLeftOver { .. } => {}
                    }
                },
                End => if running.take().is_some() { succeed(&mut plan); },
                Report | ReportLost if pending.is_some() && !in_doubt => {
                    let done = pending.clone().expect("pending");
                    let held = service.held();
                    let is_taken = held.is_some_and(|held| held.name == done.command.name);
                    if is_taken {
                        prop_assert_eq!(held, Some(&done.command), "reported for another command");
                        service.accepted.push(service.gone);
                        service.gone += 1;
                    }
                    match (happening, is_taken) {
                        (ReportLost, _) => in_doubt = true,
                        (_, true) => { pending = None; plan.on_reported(); }
                        (_, false) => { pending = None; plan.on_report_rejected("SMS.6021".into()); }
                    }
                }
                ReportNotSent if pending.is_some() => in_doubt = true,
                Report | ReportLost | ReportNotSent => {}
                Restart => {
                    (running, pending, in_doubt) = (None, None, false);
                    plan = Plan::new(journal.clone(), on_interrupted, true);
                }
            }
        }
        let all: Vec<usize> = (0..commands.len()).collect();
        let expected: Vec<usize> =
            all.into_iter().filter(|index| !service.replaced.contains(index)).collect();
        prop_assert_eq!(&service.accepted, &expected);
        prop_assert!(journal.open.is_empty());
    }
}
