use huaweicloud_sms::{Command, CommandParam};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use super::*;
use crate::exec::ProcessId;

fn folder() -> TempDir {
    tempfile::tempdir().expect("made")
}

fn server_id() -> ServerId {
    ServerId::new("server-1").expect("valid")
}

fn open(folder: &TempDir) -> Result<Journal, String> {
    Journal::open(folder.path(), &server_id())
}

fn file(folder: &TempDir) -> PathBuf {
    folder.path().join(NAME)
}

fn command(name: &str) -> Command {
    let param = CommandParam::default().with_task_id("t\n\"1\"\u{2028}é").with_object("b", "o/p");
    Command::new(name, param)
}

fn received(id: u64) -> Entry {
    Entry::Received { id, command: command("START") }
}

fn process() -> ProcessId {
    ProcessId { pid: 7, start: Some(4242), boot: Some("boot".into()) }
}

fn detail() -> Map<String, Value> {
    Map::from_iter([("a".to_owned(), json!([1, -2.5, null, {"b": "\u{0}\n\u{fffd}"}]))])
}

/// A command's whole way, and the beginnings of two others.
fn entries() -> Vec<Entry> {
    vec![
        received(0),
        Entry::Started { id: 0, process: None },
        Entry::Started { id: 0, process: Some(process()) },
        Entry::Finished { id: 0, is_success: true, detail: detail() },
        Entry::Reported { id: 0 },
        received(1),
        Entry::Dropped { id: 1, reason: "superseded by STOP".into() },
        Entry::Received { id: 2, command: Command::new("", CommandParam::default()) },
        Entry::Finished { id: 2, is_success: false, detail: Map::new() },
    ]
}

/// The states after none, one, two of these entries, and so on.
fn states(entries: &[Entry]) -> Vec<State> {
    let mut state = State::default();
    let mut states = vec![state.clone()];
    for entry in entries {
        state.check(entry).expect("in order");
        state.apply(entry.clone());
        states.push(state.clone());
    }
    states
}

/// The bytes of a journal that was appended to only, and where its lines end.
fn written(entries: &[Entry]) -> (Vec<u8>, Vec<usize>) {
    let folder = folder();
    let mut journal = open(&folder).expect("opened");
    let mut ends = vec![fs::read(file(&folder)).expect("read").len()];
    for entry in entries {
        journal.append(entry.clone()).expect("appended");
        ends.push(fs::read(file(&folder)).expect("read").len());
    }
    (fs::read(file(&folder)).expect("read"), ends)
}

/// Opens a journal with these bytes.
fn open_bytes(bytes: &[u8]) -> Result<State, String> {
    let folder = folder();
    fs::write(file(&folder), bytes).expect("written");
    open(&folder).map(|journal| journal.state().clone())
}

#[test]
fn a_journal_says_what_was_appended() {
    let folder = folder();
    let entries = entries();
    for (entry, state) in entries.iter().zip(&states(&entries)) {
        let mut journal = open(&folder).expect("opened");
        assert_eq!(journal.state(), state);
        journal.append(entry.clone()).expect("appended");
    }
    let journal = open(&folder).expect("opened");
    let progress: Vec<_> = journal.state().records().map(|record| &record.progress).collect();
    assert_eq!(
        progress,
        [
            &Progress::Reported,
            &Progress::Dropped { reason: "superseded by STOP".into() },
            &Progress::Finished { is_success: false, detail: Map::new() },
        ]
    );
    assert_eq!(journal.state().next_id(), 3);
    assert_eq!(
        journal.state().records().next().map(|record| &record.command),
        Some(&command("START"))
    );
}

#[test]
fn any_beginning_of_the_file_leads_to_the_state_after_its_last_whole_line() {
    let entries = entries();
    let ((bytes, ends), states) = (written(&entries), states(&entries));
    for length in 0..=bytes.len() {
        let whole = ends.iter().filter(|end| **end <= length).count();
        let state = open_bytes(&bytes[..length]).expect("opened");
        assert_eq!(state, states[whole.saturating_sub(1)], "{length}");
    }
}

#[test]
fn what_a_crash_left_of_a_line_is_gone_before_the_next_one() {
    let (bytes, ends) = written(&entries());
    let folder = folder();
    fs::write(file(&folder), &bytes[..ends[4] - 1]).expect("written");
    fs::write(folder.path().join(".journal-x.new"), "").expect("written");
    let mut journal = open(&folder).expect("opened");
    journal.append(Entry::Reported { id: 0 }).expect("appended");
    drop(journal);
    assert_eq!(open(&folder).expect("opened").state(), &states(&entries())[5]);
    assert!(!folder.path().join(".journal-x.new").exists());
}

#[test]
fn a_line_that_is_missing_doubled_or_elsewhere_is_damage() {
    let (bytes, _) = written(&entries());
    let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
    for index in 0..lines.len() - 2 {
        let (mut missing, mut doubled, mut swapped) = (lines.clone(), lines.clone(), lines.clone());
        missing.remove(index);
        doubled.insert(index, lines[index]);
        swapped.swap(index, index + 1);
        for lines in [missing, doubled, swapped] {
            let error = open_bytes(&lines.concat()).expect_err("damaged");
            assert!(error.contains("is damaged at line"), "{error}");
        }
    }
}

#[test]
fn an_error_of_damage_names_the_line_and_the_remedy() {
    let (mut bytes, ends) = written(&entries());
    bytes[ends[1] + 40] ^= 1;
    let folder = folder();
    fs::write(file(&folder), &bytes).expect("written");
    let error = open(&folder).expect_err("damaged");
    let expected = format!(
        "the journal {} is damaged at line 3: its checksum is wrong; to begin a new one, move the file \
         away: a command that it knows may then run again, and a result that was not reported is lost",
        file(&folder).display()
    );
    assert_eq!(error, expected);
    assert_eq!(fs::read(file(&folder)).expect("read"), bytes, "left as it was");
}

#[test]
fn another_server_or_version_is_an_error() {
    let folder = folder();
    drop(open(&folder).expect("opened"));
    let error = Journal::open(folder.path(), &ServerId::new("server-2").expect("valid"));
    let error = error.expect_err("another server");
    assert!(error.contains("is that of the server server-1, and not of server-2"), "{error}");
    let (line, _) = line::write(&Checksum::default(), br#"{"journal":2,"server_id":"server-1"}"#);
    let error = open_bytes(&line).expect_err("another version");
    assert!(error.contains("has version 2, and this agent reads version 1"), "{error}");
}

#[test]
fn a_second_one_is_refused_until_the_first_is_closed() {
    let folder = folder();
    let first = open(&folder).expect("opened");
    let error = open(&folder).expect_err("in use");
    let path = folder.path().display();
    assert_eq!(error, format!("the journal in {path} is in use by another process"));
    drop(first);
    open(&folder).expect("opened");
}

#[test]
fn entries_out_of_order_are_refused_and_not_written() {
    let folder = folder();
    let mut journal = open(&folder).expect("opened");
    let finished = |id| Entry::Finished { id, is_success: true, detail: Map::new() };
    journal.append(Entry::Started { id: 0, process: None }).expect_err("not received");
    journal.append(received(0)).expect("appended");
    journal.append(received(0)).expect_err("twice");
    journal.append(finished(0)).expect("appended");
    journal.append(Entry::Started { id: 0, process: None }).expect_err("finished");
    journal.append(finished(0)).expect_err("twice");
    journal.append(Entry::Reported { id: 0 }).expect("appended");
    let error = journal.append(Entry::Reported { id: 0 }).expect_err("twice");
    assert!(error.ends_with("command 0 was reported, but it was already further"), "{error}");
    drop(journal);
    assert_eq!(open(&folder).expect("opened").state().records().count(), 1);
}

#[test]
fn what_could_not_be_read_again_is_not_written() {
    let folder = folder();
    let mut journal = open(&folder).expect("opened");
    journal.append(received(0)).expect("appended");
    let deep = (0..200).fold(Value::Null, |value, _| json!([value]));
    let detail = Map::from_iter([("a".to_owned(), deep)]);
    journal.append(Entry::Finished { id: 0, is_success: true, detail }).expect_err("too deep");
    drop(journal);
    open(&folder).expect("opened");
}

#[test]
fn a_long_journal_is_written_anew_with_what_is_needed() {
    let folder = folder();
    let mut journal = open(&folder).expect("opened");
    journal.append(received(0)).expect("appended");
    let detail = Map::from_iter([("output".to_owned(), "x".repeat(60_000).into())]);
    for id in 1..=60 {
        for entry in [
            received(id),
            Entry::Finished { id, is_success: true, detail: detail.clone() },
            Entry::Reported { id },
        ] {
            journal.append(entry).expect("appended");
            assert!(fs::metadata(file(&folder)).expect("there").len() <= COMPACT + 61_000);
        }
    }
    let state = journal.state().clone();
    drop(journal);
    let journal = open(&folder).expect("opened");
    assert_eq!(journal.state(), &state);
    assert_eq!((state.records().count(), state.next_id()), (17, 61));
    assert!(fs::metadata(file(&folder)).expect("there").len() < 10_000);
    assert_eq!(fs::read_dir(folder.path()).expect("read").count(), 2);
}

#[test]
fn a_place_that_is_no_folder_is_an_error() {
    let folder = folder();
    let path = folder.path().join("file");
    fs::write(&path, "").expect("written");
    for path in [&path, &path.join("below")] {
        let error = Journal::open(path, &server_id()).expect_err("not a folder");
        assert!(error.contains(&path.display().to_string()), "{error}");
    }
    fs::create_dir(file(&folder)).expect("made");
    let error = open(&folder).expect_err("a folder");
    assert!(error.ends_with("cannot be read: it is not a file"), "{error}");
}

#[cfg(unix)]
#[test]
fn only_the_owner_has_access() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder();
    let state = folder.path().join("a/b");
    let journal = Journal::open(&state, &server_id()).expect("opened");
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(&state), 0o700);
    assert_eq!((mode(&state.join(NAME)), mode(&state.join(LOCK))), (0o600, 0o600));
    drop(journal);
}

/// A disk that takes nothing, and whose file cannot be cut either.
#[cfg(target_os = "linux")]
#[test]
fn after_a_write_that_cannot_be_undone_nothing_more_is_written() {
    let folder = folder();
    let mut journal = open(&folder).expect("opened");
    journal.file = File::options().write(true).open("/dev/full").expect("opened");
    let error = journal.append(received(0)).expect_err("full");
    let path = file(&folder);
    let expected = "cannot be written: No space left on device (os error 28)";
    assert_eq!(error, format!("the journal {} {expected}", path.display()));
    let error = journal.append(received(0)).expect_err("broken");
    assert!(error.contains("an incomplete line could not be removed"), "{error}");
    drop(journal);
    assert_eq!(open(&folder).expect("opened").state(), &State::default());
}

/// What is mounted there is unmounted at the end.
#[cfg(target_os = "linux")]
struct Disk(TempDir);

#[cfg(target_os = "linux")]
impl Disk {
    /// A disk of 256 KiB, if this process may mount one.
    fn mount() -> Option<Self> {
        let folder = folder();
        let mount = process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=256k", "none"])
            .arg(folder.path())
            .output();
        let is_mounted = mount.is_ok_and(|output| output.status.success());
        is_mounted.then_some(Self(folder))
    }

    fn remount(&self, options: &str) {
        let status = process::Command::new("mount")
            .args(["-o", &format!("remount,{options}")])
            .arg(self.0.path())
            .status();
        assert!(status.expect("started").success());
    }
}

/// Fills a disk with this file.
#[cfg(target_os = "linux")]
fn fill(path: &Path) {
    let mut file = File::create(path).expect("created");
    while file.write(&[0; 4096]).is_ok_and(|length| length > 0) {}
}

#[cfg(target_os = "linux")]
impl Drop for Disk {
    fn drop(&mut self) {
        let _ = process::Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[cfg(target_os = "linux")]
#[test]
#[allow(clippy::print_stderr, reason = "a skipped test says so")]
fn after_a_full_disk_has_room_again_the_next_append_succeeds() {
    let Some(disk) = Disk::mount() else {
        eprintln!("SKIPPED: the journal on a full disk (a file system cannot be mounted here)");
        return;
    };
    let Disk(folder) = &disk;
    let mut journal = open(folder).expect("opened");
    journal.append(received(0)).expect("appended");
    let before = fs::read(file(folder)).expect("read");
    let ballast = folder.path().join("ballast");
    fill(&ballast);
    // The last page of the journal has room, so the entry has to be longer than that.
    let detail = Map::from_iter([("output".to_owned(), "x".repeat(60_000).into())]);
    let finished = Entry::Finished { id: 0, is_success: true, detail };
    let error = journal.append(finished.clone()).expect_err("full");
    assert!(error.contains("No space left on device"), "{error}");
    assert_eq!(fs::read(file(folder)).expect("read"), before);
    fs::remove_file(&ballast).expect("removed");
    journal.append(finished.clone()).expect("appended");
    let before = fs::read(file(folder)).expect("read");

    // It is written anew when it is opened, so it cannot be opened either.
    let state = journal.state().clone();
    drop(journal);
    fill(&ballast);
    let error = open(folder).expect_err("full");
    assert!(error.contains("No space left on device"), "{error}");
    assert_eq!(fs::read(file(folder)).expect("read"), before);
    fs::remove_file(&ballast).expect("removed");

    disk.remount("ro");
    let error = open(folder).expect_err("read-only");
    assert!(error.contains("Read-only file system"), "{error}");
    disk.remount("rw");
    assert_eq!(open(folder).expect("opened").state(), &state);
}

#[test]
fn an_empty_file_is_an_empty_journal() {
    assert_eq!(open_bytes(b""), Ok(State::default()));
}

fn any_entries() -> impl Strategy<Value = Vec<Entry>> {
    let text = || any::<Option<String>>();
    let step = (any::<bool>(), 0..5_u8, any::<usize>(), text(), any::<Option<u32>>(), any::<i64>());
    prop::collection::vec(step, 0..60).prop_map(|steps| {
        let (mut state, mut entries) = (State::default(), Vec::new());
        for (is_new, kind, which, text, pid, number) in steps {
            let ids: Vec<u64> = state.records().map(|record| record.id).collect();
            let id = if ids.is_empty() { 0 } else { ids[which % ids.len()] };
            let mut param = CommandParam::default();
            param.object.clone_from(&text);
            let entry = match kind {
                _ if is_new => Entry::Received {
                    id: state.next_id(),
                    command: Command::new(text.as_deref().unwrap_or("SYNC"), param),
                },
                0 | 1 => Entry::Started {
                    id,
                    process: pid.map(|pid| ProcessId { pid, start: None, boot: text }),
                },
                2 => Entry::Finished {
                    id,
                    is_success: number > 0,
                    detail: Map::from_iter([(text.unwrap_or_default(), number.into())]),
                },
                3 => Entry::Reported { id },
                _ => Entry::Dropped { id, reason: text.unwrap_or_default() },
            };
            if state.check(&entry).is_ok() {
                state.apply(entry.clone());
                entries.push(entry);
            }
        }
        entries
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_journal_is_read_as_it_was_written(entries in any_entries(), cut in any::<prop::sample::Index>()) {
        let ((bytes, ends), states) = (written(&entries), states(&entries));
        prop_assert_eq!(&open_bytes(&bytes).expect("opened"), &states[entries.len()]);
        let length = cut.index(bytes.len());
        let whole = ends.iter().filter(|end| **end <= length).count();
        let state = open_bytes(&bytes[..length]).expect("opened");
        prop_assert_eq!(&state, &states[whole.saturating_sub(1)]);
    }

    #[test]
    fn a_changed_byte_is_damage_except_in_the_last_line(
        entries in any_entries(),
        place in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let ((mut bytes, ends), states) = (written(&entries), states(&entries));
        let place = place.index(bytes.len());
        prop_assume!(bytes[place] != byte);
        bytes[place] = byte;
        let last = ends.len().checked_sub(2).map_or(0, |index| ends[index]);
        match open_bytes(&bytes) {
            Ok(state) => {
                prop_assert!(place >= last, "not found");
                prop_assert_eq!(&state, &states[entries.len().saturating_sub(1)]);
            }
            Err(error) => prop_assert!(error.contains("is damaged at line"), "{}", error),
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic(
        lines in prop::collection::vec(("[0-9a-f]{16} [0-9]{1,3} |", any::<Vec<u8>>()), 0..5),
    ) {
        let bytes: Vec<u8> = lines
            .into_iter()
            .flat_map(|(start, rest)| [start.into_bytes(), rest, vec![b'\n']].concat())
            .collect();
        // Whether it is a journal does not matter.
        let _ = read(Path::new("journal"), &bytes, "server-1");
    }

    #[test]
    fn any_json_with_a_right_checksum_is_read_without_a_panic(
        json in prop::collection::vec(
            r#"\{"entry":"(received|started|finished|dropped)","id":[0-2](,"(command|process|detail|reason)":(null|\{\}|1|"x"))?\}"#,
            0..8,
        ),
    ) {
        let header = serde_json::to_vec(&Header { journal: VERSION, server_id: "server-1".into() });
        let (mut bytes, mut checksum) = line::write(&Checksum::default(), &header.expect("JSON"));
        for json in json {
            let (line, next) = line::write(&checksum, json.as_bytes());
            bytes.extend(line);
            checksum = next;
        }
        let _ = read(Path::new("journal"), &bytes, "server-1");
    }
}

/// The crash ends a process of its own, which runs only this test.
#[cfg(all(feature = "simulator", debug_assertions))]
#[test]
fn a_crash_at_any_step_leaves_the_state_before_or_after_it() {
    use std::env;
    const FOLDER: &str = "SMS_AGENT_TEST_FOLDER";
    if let Some(folder) = env::var_os(FOLDER) {
        let mut journal = Journal::open(Path::new(&folder), &server_id()).expect("opened");
        for entry in entries() {
            journal.append(entry).expect("appended");
        }
        return;
    }
    let (entries, states) = (entries(), states(&entries()));
    for (index, entry) in entries.iter().enumerate() {
        let step = entry.step();
        let number = entries[..=index].iter().filter(|entry| entry.step() == step).count();
        for (moment, expected) in [("before", index), ("torn", index), ("after", index + 1)] {
            let folder = folder();
            let name = "journal::tests::a_crash_at_any_step_leaves_the_state_before_or_after_it";
            let output = process::Command::new(env::current_exe().expect("a path"))
                .args(["--exact", name])
                .env(FOLDER, folder.path())
                .env("SMS_AGENT_CRASH_AT", format!("{step}-{moment}:{number}"))
                .output()
                .expect("started");
            assert!(!output.status.success(), "{step}-{moment}:{number} did not crash");
            let journal = open(&folder).expect("opened");
            assert_eq!(journal.state(), &states[expected], "{step}-{moment}:{number}");
        }
    }
}
