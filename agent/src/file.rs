//! Reads what the operator names on the command line, and writes what he asks for.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

/// A file's bytes, or standard input's for `-`: at most `limit`, so that a wrong path (a device, a
/// disk image) is an error and not a full memory. `what` names it in the error.
pub(crate) fn read(what: &str, path: &Path, limit: u64) -> Result<Vec<u8>, String> {
    read_if(what, path, limit, |_| Ok(()))
}

/// As [`read`], for text; a byte order mark is no part of it.
pub(crate) fn read_text(what: &str, path: &Path, limit: u64) -> Result<String, String> {
    text(what, path, read(what, path, limit)?)
}

/// As [`read_text`], for a file that every user of the machine may read or write only with a warning.
pub(crate) fn read_token(what: &str, path: &Path, limit: u64) -> Result<String, String> {
    let check = |file: &File| {
        if let Err(problem) = is_private(file) {
            log::warn!("{what} {} {problem}", name(path));
        }
        Ok(())
    };
    text(what, path, read_if(what, path, limit, check)?)
}

/// As [`read_text`], for a file that every user of the machine must not be able to read or write.
pub(crate) fn read_secret(what: &str, path: &Path, limit: u64) -> Result<String, String> {
    text(what, path, read_if(what, path, limit, is_private)?)
}

fn read_if(
    what: &str,
    path: &Path,
    limit: u64,
    check: impl Fn(&File) -> Result<(), String>,
) -> Result<Vec<u8>, String> {
    let failed = |problem: &str| format!("{what} {} {problem}", name(path));
    let unread = |error: io::Error| failed(&format!("cannot be read: {error}"));
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        io::stdin().lock().take(limit + 1).read_to_end(&mut bytes).map_err(unread)?;
    } else {
        let file = File::open(path).map_err(unread)?;
        check(&file).map_err(|problem| failed(&problem))?;
        file.take(limit + 1).read_to_end(&mut bytes).map_err(unread)?;
    }
    match bytes.len() as u64 > limit {
        true => Err(failed(&format!("is over {limit} bytes long"))),
        false => Ok(bytes),
    }
}

fn text(what: &str, path: &Path, bytes: Vec<u8>) -> Result<String, String> {
    let text =
        String::from_utf8(bytes).map_err(|_| format!("{what} {} is not UTF-8 text", name(path)))?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// Whether others than its owner and group are kept out. A pipe or a device is nobody's file.
#[cfg(unix)]
fn is_private(file: &File) -> Result<(), String> {
    use std::os::unix::fs::PermissionsExt;
    let metadata = file.metadata().map_err(|error| format!("cannot be read: {error}"))?;
    let mode = metadata.permissions().mode() & 0o777;
    match metadata.is_file() && mode & 0o006 != 0 {
        true => Err(format!(
            "can be read or written by every user of this machine (mode {mode:o}): chmod o-rwx it, and \
             replace what is in it"
        )),
        false => Ok(()),
    }
}

/// Who may read it says an access control list there, which is its folder's unless set: keep it in a
/// folder of the service's own.
#[cfg(not(unix))]
fn is_private(_: &File) -> Result<(), String> {
    Ok(())
}

/// A file for a secret that only its owner can read, which is to take the place of another.
pub(crate) struct SecretFile {
    what: &'static str,
    path: PathBuf,
    new: Temporary,
    file: File,
}

impl SecretFile {
    /// Makes it, beside the one that it is to replace.
    pub(crate) fn create(what: &'static str, path: &Path) -> Result<Self, String> {
        let failed = |error: io::Error| format!("{what} {} cannot be written: {error}", name(path));
        // A device or pipe would be replaced by the file.
        let is_another = path.metadata().is_ok_and(|metadata| !metadata.is_file());
        let file_name = path.file_name().filter(|_| !is_another);
        let file_name = file_name.ok_or_else(|| format!("{what} {} is not a file", name(path)))?;
        let mut new_name = file_name.to_owned();
        new_name.push(format!(".{}.new", std::process::id()));
        let new = Temporary(path.with_file_name(new_name));
        // What a process of the same number has left behind.
        let _ = fs::remove_file(&new.0);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&new.0).map_err(failed)?;
        Ok(Self { what, path: path.to_owned(), new, file })
    }

    /// Takes the old one's place in one step: who reads at the same time reads the old one or the new one.
    pub(crate) fn write(mut self, secret: &str) -> Result<(), String> {
        let mut write = || {
            writeln!(self.file, "{secret}")?;
            self.file.sync_all()?;
            fs::rename(&self.new.0, &self.path)
        };
        let written = write();
        written.map_err(|error| {
            format!("{} {} cannot be written: {error}", self.what, name(&self.path))
        })
    }
}

/// A file that is gone at the end, unless it was renamed.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn name(path: &Path) -> String {
    match path.to_str() {
        Some("-") => "on standard input".into(),
        _ => path.display().to_string(),
    }
}
