//! Locks the journal, so that it has one writer.

use std::{
    fs::File,
    io,
    path::Path,
    thread,
    time::{Duration, Instant},
};

const NAME: &str = "commands.lock";
/// The longest wait for a lock that another process has.
const PATIENCE: Duration = Duration::from_secs(5);
/// The pause between two attempts to lock.
const PAUSE: Duration = Duration::from_millis(20);

/// The lock of a folder. It is held until it is dropped or the process ends, even by SIGKILL.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
}

impl Lock {
    /// Locks this folder. If another process keeps it locked, the error's kind is `WouldBlock`.
    ///
    /// If an agent is killed while it starts a program, the new process keeps the lock until it runs the
    /// program. So this waits a little.
    pub(super) fn take(dir: &Path) -> io::Result<Self> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match Self::try_take(dir) {
                Err(error)
                    if error.kind() == io::ErrorKind::WouldBlock && Instant::now() < deadline =>
                {
                    thread::sleep(PAUSE);
                }
                result => return result,
            }
        }
    }

    fn try_take(dir: &Path) -> io::Result<Self> {
        let mut options = File::options();
        options.create(true).truncate(false).write(true);
        let lock = open_alone(&mut options, &dir.join(NAME)).map(|file| Self { file })?;
        match lock.is_in(dir)? {
            true => Ok(lock),
            // The lock file was replaced meanwhile.
            false => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    /// Returns whether this folder still has the file that is locked.
    pub(super) fn is_in(&self, dir: &Path) -> io::Result<bool> {
        super::is_at(&self.file, &dir.join(NAME))
    }
}

#[cfg(unix)]
fn open_alone(options: &mut std::fs::OpenOptions, path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;

    use rustix::fs::{FlockOperation, flock};
    let file = options.mode(0o600).open(path)?;
    flock(&file, FlockOperation::NonBlockingLockExclusive)?;
    Ok(file)
}

/// Opens a file that no other process can open meanwhile.
#[cfg(windows)]
fn open_alone(options: &mut std::fs::OpenOptions, path: &Path) -> io::Result<File> {
    use std::os::windows::fs::OpenOptionsExt;
    const ERROR_SHARING_VIOLATION: i32 = 32;
    options.share_mode(0).open(path).map_err(|error| match error.raw_os_error() {
        Some(ERROR_SHARING_VIOLATION) => io::ErrorKind::WouldBlock.into(),
        _ => error,
    })
}
