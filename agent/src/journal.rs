//! The journal: what was received, started, finished and reported. Each step is on the disk before the next one
//! begins, so that a crash loses no result and runs no command again that has one.
//!
//! It is a file of lines that are only appended. It is written anew, with what is still needed, when it is opened
//! and when it has become long.

mod crash;
mod entry;
mod line;
mod state;

use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    process,
};

use fs4::TryLockError;
use huaweicloud_sms::ServerId;
use serde::{Deserialize, Serialize};

use self::line::{Checksum, Problem};
pub(crate) use self::{
    entry::Entry,
    state::{Progress, Record, State},
};

/// The names in the folder.
const NAME: &str = "journal";
const LOCK: &str = "journal.lock";
const NEW: [&str; 2] = [".journal-", ".new"];
/// The form of the file.
const VERSION: u32 = 1;
/// From this length on the file is written anew, in bytes.
const COMPACT: u64 = 1024 * 1024;
/// No journal becomes longer.
const MAX: u64 = 64 * 1024 * 1024;

/// The first line.
#[derive(Serialize, Deserialize)]
struct Header {
    journal: u32,
    server_id: String,
}

/// The journal of one server id. No other process can open it meanwhile.
#[derive(Debug)]
pub(crate) struct Journal {
    folder: PathBuf,
    server_id: String,
    file: File,
    /// The length of the lines that were written and synced.
    length: u64,
    checksum: Checksum,
    compact_at: u64,
    state: State,
    /// Why nothing more can be written.
    broken: Option<String>,
    _lock: File,
}

impl Journal {
    /// Opens the journal in a folder, or begins one. A last line that a crash left incomplete is dropped.
    ///
    /// # Errors
    ///
    /// The folder cannot be written, another process has the journal, it is another server's, or it is damaged.
    /// The text names the file and says what to do.
    pub(crate) fn open(folder: &Path, server_id: &ServerId) -> Result<Self, String> {
        create_folder(folder).map_err(|error| {
            format!("the folder {} cannot be created: {error}", folder.display())
        })?;
        let lock = lock(folder)?;
        remove_unfinished(folder);
        let path = folder.join(NAME);
        let state = match read_file(&path) {
            Ok(bytes) => read(&path, &bytes, server_id.as_str())?,
            Err(error) if error.kind() == ErrorKind::NotFound => State::default(),
            Err(error) => {
                return Err(format!("the journal {} cannot be read: {error}", path.display()));
            }
        };
        let written = write_new(folder, server_id.as_str(), &state);
        let Written { file, length, checksum } =
            written.and_then(|written| sync_folder(folder).map(|()| written)).map_err(|error| {
                format!("the journal {} cannot be written: {error}", path.display())
            })?;
        Ok(Self {
            folder: folder.to_owned(),
            server_id: server_id.as_str().to_owned(),
            file,
            length,
            checksum,
            compact_at: COMPACT.max(2 * length),
            state,
            broken: None,
            _lock: lock,
        })
    }

    /// The commands of the journal.
    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    /// Adds an entry. It is on the disk when this returns.
    ///
    /// # Errors
    ///
    /// Nothing was added. After a full disk has room again, the next call can succeed.
    pub(crate) fn append(&mut self, entry: Entry) -> Result<(), String> {
        let path = self.path();
        let failed = |why: &str| format!("the journal {} cannot be written: {why}", path.display());
        if let Some(why) = &self.broken {
            return Err(failed(why));
        }
        self.state.check(&entry).map_err(|why| failed(&why))?;
        let json = serde_json::to_vec(&entry).map_err(|error| failed(&error.to_string()))?;
        // What cannot be read would make the whole journal unusable.
        serde_json::from_slice::<Entry>(&json).map_err(|error| failed(&error.to_string()))?;
        let (line, checksum) = line::write(&self.checksum, &json);
        if self.length + line.len() as u64 > MAX {
            return Err(failed("it would become longer than 64 MiB"));
        }
        let step = entry.step();
        if crash::is_due(step, "before") {
            process::abort();
        }
        if crash::is_due(step, "torn") {
            let _ = self.write(&line[..line.len() / 2]);
            process::abort();
        }
        if let Err(error) = self.write(&line) {
            let message = failed(&error.to_string());
            self.cut_back();
            return Err(message);
        }
        if crash::is_due(step, "after") {
            process::abort();
        }
        self.length += line.len() as u64;
        self.checksum = checksum;
        self.state.apply(entry);
        if self.length > self.compact_at {
            self.compact();
        }
        Ok(())
    }

    fn path(&self) -> PathBuf {
        self.folder.join(NAME)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(self.length))?;
        self.file.write_all(bytes)?;
        self.file.sync_data()
    }

    /// Removes what a failed write has left.
    fn cut_back(&mut self) {
        let cut = self.file.set_len(self.length).and_then(|()| self.file.sync_data());
        if let Err(error) = cut {
            self.broken = Some(format!(
                "an incomplete line could not be removed ({error}); restart the agent when the disk works"
            ));
        }
    }

    /// Writes the file anew. If that fails, it is tried again when the file is twice as long.
    fn compact(&mut self) {
        self.compact_at = 2 * self.length;
        let path = self.path();
        match write_new(&self.folder, &self.server_id, &self.state) {
            Ok(Written { file, length, checksum }) => {
                (self.file, self.length, self.checksum) = (file, length, checksum);
                self.compact_at = COMPACT.max(2 * length);
                if let Err(error) = sync_folder(&self.folder) {
                    // After a power failure, the old file may be there again, without what comes now.
                    self.broken = Some(format!("its folder cannot be synced: {error}"));
                }
            }
            Err(error) => log::warn!("the journal {} cannot be compacted: {error}", path.display()),
        }
    }
}

/// The state that a file's bytes lead to.
fn read(path: &Path, bytes: &[u8], server_id: &str) -> Result<State, String> {
    let path = path.display();
    let (mut state, mut checksum) = (State::default(), Checksum::default());
    let mut lines = bytes.split_inclusive(|byte| *byte == b'\n').enumerate().peekable();
    while let Some((index, line)) = lines.next() {
        let number = index + 1;
        let damaged = |why: &str| {
            format!(
                "the journal {path} is damaged at line {number}: {why}; to begin a new one, move the file \
                 away: a command that it knows may then run again, and a result that was not \
                 reported is lost"
            )
        };
        let (json, next) = match line::read(&checksum, line) {
            Ok(read) => read,
            Err(Problem::Torn) if lines.peek().is_none() => {
                log::warn!(
                    "the journal {path} ends within line {number}, as after a crash: this line is dropped"
                );
                break;
            }
            Err(_) => return Err(damaged("its checksum is wrong")),
        };
        checksum = next;
        if index == 0 {
            let header: Header =
                serde_json::from_slice(json).map_err(|error| damaged(&error.to_string()))?;
            if header.journal != VERSION {
                return Err(format!(
                    "the journal {path} has version {}, and this agent reads version {VERSION}",
                    header.journal
                ));
            }
            if header.server_id != server_id {
                return Err(format!(
                    "the journal {path} is that of the server {}, and not of {server_id}: use another \
                     folder",
                    header.server_id
                ));
            }
            continue;
        }
        let entry: Entry =
            serde_json::from_slice(json).map_err(|error| damaged(&error.to_string()))?;
        state.check(&entry).map_err(|why| damaged(&why))?;
        state.apply(entry);
    }
    Ok(state)
}

/// A file that was written and synced.
struct Written {
    file: File,
    length: u64,
    checksum: Checksum,
}

/// Replaces the file in one step by one with this state.
fn write_new(folder: &Path, server_id: &str, state: &State) -> io::Result<Written> {
    let header = Header { journal: VERSION, server_id: server_id.to_owned() };
    let (mut bytes, mut checksum) =
        line::write(&Checksum::default(), &serde_json::to_vec(&header)?);
    for entry in state.entries() {
        let (line, next) = line::write(&checksum, &serde_json::to_vec(&entry)?);
        bytes.extend(line);
        checksum = next;
    }
    let [prefix, suffix] = NEW;
    // For its owner only.
    let mut new = tempfile::Builder::new().prefix(prefix).suffix(suffix).tempfile_in(folder)?;
    new.write_all(&bytes)?;
    new.as_file().sync_all()?;
    let file = new.persist(folder.join(NAME)).map_err(|error| error.error)?;
    Ok(Written { file, length: bytes.len() as u64, checksum })
}

fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    // To open a pipe would wait for its other end.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > MAX {
        true => Err(io::Error::other("it is longer than 64 MiB")),
        false => Ok(bytes),
    }
}

/// Takes the lock of a folder, which lasts until the file is closed, also by a crash.
fn lock(folder: &Path) -> Result<File, String> {
    let path = folder.join(LOCK);
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let failed = |error: io::Error| format!("{} cannot be locked: {error}", path.display());
    let file = options.open(&path).map_err(failed)?;
    match fs4::FileExt::try_lock(&file) {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            Err(format!("the journal in {} is in use by another process", folder.display()))
        }
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

/// Removes what a crash has left of writing the file anew. It harms nothing, so errors are ignored.
fn remove_unfinished(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(NEW[0]) && name.ends_with(NEW[1]) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn create_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)?;
    match folder.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => sync_folder(parent),
        _ => Ok(()),
    }
}

/// Makes the names in a folder survive a power failure. Some file systems cannot do so for a folder.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    match File::open(folder)?.sync_all() {
        Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => {
            Ok(())
        }
        result => result,
    }
}

/// A folder cannot be synced there.
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests;
