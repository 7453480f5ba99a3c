use std::fs;

use huaweicloud_sms::{CommandParam, CommandResult};
use proptest::{collection::vec, prelude::*};
use serde_json::{Map, json};
use tempfile::TempDir;

use super::*;
use crate::exec::process_id::ProcessId;

fn dir() -> TempDir {
    tempfile::tempdir().expect("made")
}

fn id() -> ServerId {
    ServerId::new("server-1").expect("valid")
}

fn open(dir: &Path) -> (Journal, State) {
    Journal::open(dir, &id()).expect("opened")
}

fn error(dir: &Path) -> String {
    Journal::open(dir, &id()).expect_err("unusable").to_string()
}

fn received(id: u64) -> Entry {
    let param = CommandParam::default().with_task_id("t1").with_object("b", "o\u{1f600}");
    Entry::Received { id, command: Command::new("START", param) }
}

fn entries() -> Vec<Entry> {
    let process = ProcessId { pid: 7, start: Some(9), boot: Some("boot".into()) };
    let detail = json!({"msg": "done", "disks": [1, 2.5, null, {"a": "\"\n\u{7f}"}]});
    let detail: Map<_, _> = serde_json::from_value(detail).expect("an object");
    vec![
        received(0),
        Entry::Started { id: 0, process: None },
        Entry::Started { id: 0, process: Some(process) },
        Entry::Finished { id: 0, result: CommandResult::Success, detail },
        Entry::Reported { id: 0 },
        received(1),
        Entry::Dropped { id: 1, reason: "SMS.6021".into(), is_rejected: true },
        Entry::Cleared,
        received(2),
        Entry::Started { id: 2, process: None },
    ]
}

/// Returns the state after these entries.
fn state_after(entries: &[Entry]) -> State {
    let mut state = State::default();
    for entry in entries {
        assert!(state.apply(entry), "{entry:?}");
    }
    state
}

#[test]
fn goes_on_after_each_entry_where_it_ended() {
    let dir = dir();
    for count in 0..entries().len() {
        let (mut journal, state) = open(dir.path());
        assert_eq!(state, state_after(&entries()[..count]), "{count}");
        journal.append(&entries()[count]).expect("written");
    }
    assert_eq!(open(dir.path()).1, state_after(&entries()));
}

#[test]
fn ignores_a_part_of_an_entry_at_the_end_and_nothing_else() {
    let dir = dir();
    let path = dir.path().join(NAME);
    // The content of the file after each entry. An empty journal has only the first line.
    let mut files = Vec::new();
    let (mut journal, _) = open(dir.path());
    files.push(fs::read(&path).expect("read"));
    for entry in entries() {
        journal.append(&entry).expect("written");
        files.push(fs::read(&path).expect("read"));
    }
    drop(journal);
    let whole = files.last().expect("written").clone();
    for length in 0..=whole.len() {
        fs::write(&path, &whole[..length]).expect("written");
        // The agent never writes a file without its first line.
        if length < files[0].len() {
            assert!(error(dir.path()).contains("is damaged: line 1 "), "{length}");
            continue;
        }
        let count = files.iter().filter(|file| file.len() <= length).count();
        assert_eq!(
            open(dir.path()).1,
            state_after(&entries()[..count.saturating_sub(1)]),
            "{length}"
        );
    }
}

#[test]
fn a_changed_byte_is_an_error_that_names_file_line_and_remedy() {
    let dir = dir();
    let path = dir.path().join(NAME);
    let (mut journal, _) = open(dir.path());
    entries().iter().for_each(|entry| journal.append(entry).expect("written"));
    drop(journal);
    let whole = fs::read(&path).expect("read");
    for at in 0..whole.len() - 1 {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        fs::write(&path, &changed).expect("written");
        let line = 1 + whole[..at].iter().filter(|byte| **byte == b'\n').count();
        let start = format!("the journal {} is damaged: line {line} ", path.display());
        let error = error(dir.path());
        assert!(error.starts_with(&start), "{at}: {error}");
        assert!(error.contains("move the file away"), "{error}");
        assert_eq!(fs::read(&path).expect("read"), changed, "it is kept for the operator");
    }
}

#[test]
fn a_process_that_ended_while_it_compacted_the_journal_leaves_nothing() {
    let dir = dir();
    open(dir.path()).0.append(&received(0)).expect("written");
    fs::write(dir.path().join(NEW_NAME), "a part").expect("written");
    assert_eq!(open(dir.path()).1, state_after(&[received(0)]));
    let names = fs::read_dir(dir.path()).expect("read");
    assert_eq!(names.count(), 2, "the journal and its lock");
}

#[test]
fn has_one_writer() {
    let dir = dir();
    let (journal, _) = open(dir.path());
    assert!(error(dir.path()).contains("is used by another process"));
    drop(journal);
    open(dir.path());
}

/// A forked process has the lock until it executes a program.
#[test]
fn waits_a_little_for_the_lock_of_a_process_that_ended() {
    let dir = dir();
    let (journal, _) = open(dir.path());
    let path = dir.path().to_owned();
    let next = std::thread::spawn(move || Journal::open(&path, &id()).map(drop));
    // The test also passes if the thread has not begun to wait.
    std::thread::yield_now();
    drop(journal);
    next.join().expect("ended").expect("opened");
}

#[test]
fn belongs_to_one_server() {
    let dir = dir();
    open(dir.path());
    let other = ServerId::new("server-2").expect("valid");
    let error = Journal::open(dir.path(), &other).expect_err("another server").to_string();
    assert!(error.contains("belongs to server server-1, not server-2"), "{error}");
}

#[test]
fn a_folder_that_cannot_be_used_is_named_at_once() {
    let dir = dir();
    let file = dir.path().join("file");
    fs::write(&file, "").expect("written");
    let shown = error(&file);
    assert!(shown.contains(&file.display().to_string()), "{shown}");
    // In this folder, the name of the journal belongs to a folder.
    fs::create_dir(dir.path().join(NAME)).expect("made");
    assert!(error(dir.path()).contains(NAME));
}

#[test]
fn a_long_journal_is_compacted() {
    let dir = dir();
    let (mut journal, _) = open(dir.path());
    let detail: Map<_, _> = [("m".to_owned(), "x".repeat(60_000).into())].into_iter().collect();
    for id in 0..40 {
        let finished = Entry::Finished { id, result: CommandResult::Fail, detail: detail.clone() };
        for entry in [received(id), finished, Entry::Reported { id }] {
            journal.append(&entry).expect("written");
        }
        let length = fs::metadata(dir.path().join(NAME)).expect("there").len();
        assert!(length < MAX_LENGTH + 70_000, "{length}");
    }
    drop(journal);
    assert_eq!(open(dir.path()).1, State { next_id: 40, ..State::default() });
}

#[cfg(unix)]
#[test]
fn only_its_owner_can_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let parent = dir();
    let dir = parent.path().join("new/state");
    let (mut journal, _) = open(&dir);
    journal.append(&received(0)).expect("written");
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(&dir), 0o700);
    assert_eq!((mode(&dir.join(NAME)), mode(&dir.join("commands.lock"))), (0o600, 0o600));
}

#[cfg(unix)]
#[test]
fn a_journal_that_was_removed_or_replaced_takes_no_entry() {
    let parent = dir();
    for name in [NAME, "commands.lock"] {
        let dir = parent.path().join(name);
        let (mut journal, _) = open(&dir);
        fs::remove_file(dir.join(name)).expect("removed");
        assert!(journal.append(&received(0)).is_err(), "{name} was removed");
        fs::write(dir.join(name), "").expect("written");
        let error = journal.append(&received(0)).expect_err("replaced").to_string();
        assert!(error.contains("was removed or replaced"), "{error}");
    }
}

/// `/dev/full` is a full disk.
#[cfg(target_os = "linux")]
#[test]
fn an_entry_that_could_not_be_written_is_missing_and_later_ones_are_not() {
    let dir = dir();
    let (mut journal, _) = open(dir.path());
    journal.append(&received(0)).expect("written");
    let path = dir.path().join(NAME);
    fs::remove_file(&path).expect("removed");
    std::os::unix::fs::symlink("/dev/full", &path).expect("linked");
    journal.file = File::options().write(true).open(&path).expect("opened");
    let error = journal.append(&Entry::Started { id: 0, process: None }).expect_err("full");
    assert!(error.to_string().contains("cannot be written"), "{error}");
    // The disk has room again.
    let dropped = Entry::Dropped { id: 0, reason: "r".into(), is_rejected: false };
    journal.append(&dropped).expect("written");
    drop(journal);
    assert_eq!(open(dir.path()).1, state_after(&[received(0), dropped]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_file_is_read_or_named_as_damaged(bytes in vec(any::<u8>(), 0..200)) {
        let dir = dir();
        fs::write(dir.path().join(NAME), &bytes).expect("written");
        prop_assert!(error(dir.path()).contains("is damaged: line 1 "));
    }

    /// Writes whole lines in any order.
    #[test]
    fn entries_that_cannot_follow_are_damage(order in vec(0..10_usize, 0..12)) {
        let dir = dir();
        let path = dir.path().join(NAME);
        open(dir.path());
        let mut bytes = fs::read(&path).expect("read");
        let mut state = State::default();
        let mut is_right = true;
        for at in order {
            bytes.extend(line(&entries()[at]).expect("a line"));
            is_right = is_right && state.apply(&entries()[at]);
        }
        fs::write(&path, bytes).expect("written");
        match Journal::open(dir.path(), &id()) {
            Ok((_, read)) => prop_assert_eq!((read, is_right), (state, true)),
            Err(_) => prop_assert!(!is_right),
        }
    }
}
