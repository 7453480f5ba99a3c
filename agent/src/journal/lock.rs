//! One writer.

use std::{fs::File, io, path::Path};

const NAME: &str = "commands.lock";

/// Held as long as it lives, also if the process is killed.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Locks this folder. If another process has locked it, the error's kind is `WouldBlock`.
    pub(super) fn take(dir: &Path) -> io::Result<Self> {
        let mut options = File::options();
        options.create(true).truncate(false).write(true);
        open_alone(&mut options, &dir.join(NAME)).map(|file| Self { _file: file })
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

/// Nobody else can open it meanwhile.
#[cfg(windows)]
fn open_alone(options: &mut std::fs::OpenOptions, path: &Path) -> io::Result<File> {
    use std::os::windows::fs::OpenOptionsExt;
    const ERROR_SHARING_VIOLATION: i32 = 32;
    options.share_mode(0).open(path).map_err(|error| match error.raw_os_error() {
        Some(ERROR_SHARING_VIOLATION) => io::ErrorKind::WouldBlock.into(),
        _ => error,
    })
}
