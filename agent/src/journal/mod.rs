//! The journal of the commands that were received, started, finished and reported. With it, a command
//! survives a crash of the agent.
//!
//! Each line is an entry: a checksum, a space, and JSON. An entry is on the disk before the next step is
//! done. The first line has the server, and the state after the entries that compacting has removed.

mod crash;
mod lock;
mod state;

use std::{
    fmt,
    fs::{self, DirBuilder, File},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use hmac_sha256::Hash as Sha256;
use huaweicloud_sms::{Command, ServerId};
use serde::{Deserialize, Serialize};

use self::lock::Lock;
pub(crate) use self::state::{Entry, Progress, State};

const NAME: &str = "commands.journal";
/// The name of a new journal before it replaces the old one.
const NEW_NAME: &str = "commands.journal.new";
/// A longer file is compacted.
const MAX_LENGTH: u64 = 1024 * 1024;
/// A longer file is an error. The agent never writes such a file.
const MAX_READ: u64 = 64 * MAX_LENGTH;

/// The reason why the journal cannot be used.
#[derive(Debug)]
pub(crate) enum Error {
    /// The operator has to change something.
    Input(String),
    /// The problem may pass. For example, the disk is full, or another agent has not ended yet.
    Temporary(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Input(message) | Self::Temporary(message) => f.write_str(message),
        }
    }
}

/// The journal of one server, open for writing. No other process can open it.
#[derive(Debug)]
pub(crate) struct Journal {
    dir: PathBuf,
    identity: String,
    server_id: String,
    file: File,
    /// The length of the entries that were written whole.
    length: u64,
    /// Whether a part of an entry may follow these entries.
    is_torn: bool,
    state: State,
    lock: Lock,
}

/// The first line.
#[derive(Serialize, Deserialize)]
struct Header {
    journal: u32,
    server_id: String,
    next_id: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rejected: Option<Command>,
}

const VERSION: u32 = 1;

impl Journal {
    /// Opens the journal in this folder. Makes the folder if it does not exist.
    pub(crate) fn open(dir: &Path, server_id: &ServerId) -> Result<(Self, State), Error> {
        let failed = |what: &str, error: io::Error| {
            let message = format!(
                "the journal's folder {} {what}: {error}; this user must be able to write there",
                dir.display()
            );
            match error.kind() {
                io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => {
                    Error::Input(message)
                }
                _ => Error::Temporary(message),
            }
        };
        make_dir(dir).map_err(|error| failed("cannot be made", error))?;
        let lock = Lock::take(dir).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => Error::Temporary(format!(
                "the journal in {} is used by another process: give each agent a --state-dir of its own",
                dir.display()
            )),
            _ => failed("cannot be locked", error),
        })?;
        let identity = identity(dir).map_err(|error| failed("cannot be read", error))?;
        let path = dir.join(NAME);
        let state = match File::open(&path) {
            Ok(file) => read(&path, file, server_id)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => State::default(),
            Err(error) => return Err(unreadable(&path, &error)),
        };
        let server_id = server_id.as_str().to_owned();
        let (file, length) =
            compact(dir, &server_id, &state).map_err(|error| unwritable(&path, &error))?;
        let journal = Self {
            dir: dir.to_owned(),
            identity,
            server_id,
            file,
            length,
            is_torn: false,
            state: state.clone(),
            lock,
        };
        Ok((journal, state))
    }

    /// Returns the folder.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Identifies the journal on this machine, however its path is written. A copy is another journal.
    pub(crate) fn identity(&self) -> &str {
        &self.identity
    }

    /// Adds an entry. It is on the disk when this returns. After an error it is as if it had not been added.
    pub(crate) fn append(&mut self, entry: &Entry) -> Result<(), Error> {
        crash::point(entry, "before");
        self.check_place()?;
        self.try_append(entry).map_err(|error| unwritable(&self.dir.join(NAME), &error))?;
        self.state.apply(entry);
        crash::point(entry, "after");
        Ok(())
    }

    /// Checks that the file was not removed or replaced, because then an entry would be lost.
    fn check_place(&self) -> Result<(), Error> {
        let path = self.dir.join(NAME);
        let is_here = is_at(&self.file, &path)
            .and_then(|is_here| Ok(is_here && self.lock.is_in(&self.dir)?))
            .map_err(|error| unwritable(&path, &error))?;
        is_here.then_some(()).ok_or_else(|| {
            Error::Temporary(format!(
                "the journal {} or its lock was removed or replaced while the agent was running: restart the agent",
                path.display()
            ))
        })
    }

    fn try_append(&mut self, entry: &Entry) -> io::Result<()> {
        if self.is_torn || self.length > MAX_LENGTH {
            (self.file, self.length) = compact(&self.dir, &self.server_id, &self.state)?;
            self.is_torn = false;
        }
        let line = line(entry)?;
        if crash::is_at(entry, "torn") {
            let _ = self.file.write_all(&line[..line.len() / 2]);
        }
        crash::point(entry, "torn");
        let written = self.file.write_all(&line).and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            // Even if the part can be removed, the content of the disk is unknown.
            self.is_torn = true;
            let _ = self.file.set_len(self.length);
            let _ = self.file.seek(SeekFrom::Start(self.length));
            return Err(error);
        }
        self.length += line.len() as u64;
        Ok(())
    }
}

/// Returns whether a path still leads to this open file.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let named = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        named => named?,
    };
    Ok(inode(&file.metadata()?) == inode(&named))
}

/// Identifies a folder, however its path is written.
#[cfg(unix)]
fn identity(dir: &Path) -> io::Result<String> {
    let (device, inode) = inode(&fs::metadata(dir)?);
    Ok(format!("{device}:{inode}"))
}

/// Returns the numbers of the device and of the file, which a rename keeps.
#[cfg(unix)]
fn inode(file: &fs::Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;
    (file.dev(), file.ino())
}

#[cfg(not(unix))]
fn identity(dir: &Path) -> io::Result<String> {
    Ok(dir.display().to_string())
}

/// Returns true, because an open file cannot be removed on this system.
#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> io::Result<bool> {
    Ok(true)
}

fn unusable(path: &Path, what: &str, error: &dyn fmt::Display) -> Error {
    Error::Input(format!("the journal {} {what}: {error}", path.display()))
}

fn unreadable(path: &Path, error: &io::Error) -> Error {
    Error::Temporary(format!("the journal {} cannot be read: {error}", path.display()))
}

fn unwritable(path: &Path, error: &io::Error) -> Error {
    Error::Temporary(format!(
        "the journal {} cannot be written: {error}; its folder needs room, and must be writable",
        path.display()
    ))
}

fn make_dir(dir: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

/// Writes the state into a new file, and replaces the old one by it.
fn compact(dir: &Path, server_id: &str, state: &State) -> io::Result<(File, u64)> {
    // An earlier process may have ended here and left the file. The lock keeps other processes out.
    let path = dir.join(NEW_NAME);
    let mut file = open_new(&path)?;
    let header = Header {
        journal: VERSION,
        server_id: server_id.to_owned(),
        next_id: state.next_id,
        rejected: state.rejected.clone(),
    };
    let mut lines = line(&header)?;
    for (id, command, progress) in &state.open {
        lines.extend(line(&Entry::Received { id: *id, command: command.clone() })?);
        let entry = match progress.clone() {
            Progress::Received => continue,
            Progress::Started { process } => Entry::Started { id: *id, process },
            Progress::Finished { result, detail } => Entry::Finished { id: *id, result, detail },
        };
        lines.extend(line(&entry)?);
    }
    file.write_all(&lines)?;
    file.sync_all()?;
    fs::rename(&path, dir.join(NAME))?;
    // With this, the new name survives a power failure.
    #[cfg(unix)]
    File::open(dir)?.sync_all()?;
    Ok((file, lines.len() as u64))
}

fn open_new(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.create(true).truncate(true).write(true);
    // Only the owner can read the file.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn line(content: &impl Serialize) -> io::Result<Vec<u8>> {
    let json = serde_json::to_vec(content)?;
    let mut line = checksum(&json).into_bytes();
    line.push(b' ');
    line.extend(json);
    line.push(b'\n');
    Ok(line)
}

/// Returns half of a SHA-256 hash. A faster checksum would need another dependency.
fn checksum(json: &[u8]) -> String {
    Sha256::hash(json)[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads a journal. Ignores a part of a line at its end, which was being written when the agent or the
/// machine ended.
fn read(path: &Path, file: File, server_id: &ServerId) -> Result<State, Error> {
    let mut bytes = Vec::new();
    file.take(MAX_READ + 1).read_to_end(&mut bytes).map_err(|error| unreadable(path, &error))?;
    if bytes.len() as u64 > MAX_READ {
        return Err(unusable(path, "is damaged", &"it is too long"));
    }
    let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    if end < bytes.len() {
        log::warn!("the journal {} ends with a part of an entry, which is ignored", path.display());
    }
    let damaged = |number: usize| {
        unusable(
            path,
            "is damaged",
            &format!(
                "line {number} cannot be read. Look which commands were carried out, then move the file \
                 away; a command that the service still returns is run again"
            ),
        )
    };
    let mut lines = bytes[..end].split_inclusive(|byte| *byte == b'\n').map(content).zip(1..);
    // The first line is always whole, because it is written before the file gets its name.
    let header = lines.next().and_then(|(header, _)| header);
    let header = header.and_then(|json| serde_json::from_slice::<Header>(json).ok());
    let header = header.ok_or_else(|| damaged(1))?;
    if header.journal != VERSION {
        let why = format!("it has version {}, this agent reads {VERSION}", header.journal);
        return Err(unusable(path, "cannot be read", &why));
    }
    if header.server_id != server_id.as_str() {
        let why = format!(
            "it belongs to server {}, not {server_id}: give this server a --state-dir of its own",
            header.server_id
        );
        return Err(unusable(path, "cannot be used", &why));
    }
    let mut state = State { next_id: header.next_id, open: Vec::new(), rejected: header.rejected };
    for (json, number) in lines {
        let entry = json.and_then(|json| serde_json::from_slice::<Entry>(json).ok());
        if !entry.is_some_and(|entry| state.apply(&entry)) {
            return Err(damaged(number));
        }
    }
    Ok(state)
}

/// Returns the JSON of a line, if its checksum is right.
fn content(line: &[u8]) -> Option<&[u8]> {
    let (sum, json) = line.strip_suffix(b"\n")?.split_at_checked(32)?;
    let json = json.strip_prefix(b" ")?;
    (checksum(json).as_bytes() == sum).then_some(json)
}

#[cfg(test)]
mod tests;
