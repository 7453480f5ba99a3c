//! Reads the files that the operator names.

use std::{
    fs::{self, File, Metadata},
    io::{self, Read},
    path::Path,
    sync::Once,
};

/// The access of users besides a file's owner and group, in its mode.
const READ: u32 = 0o004;
pub(crate) const WRITE: u32 = 0o002;

/// Reads the bytes of a file, or of standard input for `-`. More than `limit` bytes are an error, so that a
/// wrong path, such as a device, does not fill the memory. `what` names the file in an error.
pub(crate) fn read(what: &str, path: &Path, limit: u64) -> Result<Vec<u8>, String> {
    read_if(what, path, limit, |_| Ok(()))
}

/// Reads a file as [`read`] does, as text. Skips a byte order mark.
pub(crate) fn read_text(what: &str, path: &Path, limit: u64) -> Result<String, String> {
    text(what, path, read(what, path, limit)?)
}

/// Reads a file with a secret as [`read_text`] does. Warns once if every user of the machine can read or
/// write it. This is not always an error, because Docker and Kubernetes mount secrets like that. Returns an
/// error if every user has an access of `rejected`, such as [`WRITE`].
pub(crate) fn read_secret(
    what: &str,
    path: &Path,
    limit: u64,
    rejected: u32,
) -> Result<String, String> {
    static WARNING: Once = Once::new();
    let check = |file: &File| {
        let metadata = file.metadata().map_err(|error| format!("cannot be read: {error}"))?;
        let mode = mode(&metadata);
        match exposure(mode) {
            Some([problem, remedy]) if mode & rejected != 0 => Err(format!("{problem}: {remedy}")),
            Some([problem, remedy]) => {
                WARNING.call_once(|| log::warn!("{what} {} {problem}: {remedy}", name(path)));
                Ok(())
            }
            None => Ok(()),
        }
    };
    text(what, path, read_if(what, path, limit, check)?)
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

/// Returns the problem and its remedy if a mode lets every user read or write a secret.
pub(crate) fn exposure(mode: u32) -> Option<[String; 2]> {
    (mode & (READ | WRITE) != 0).then(|| {
        let problem =
            format!("can be read or written by every user of this machine (mode {mode:o})");
        let remedy = "chmod o-rwx it, and replace what is in it; mount a secret of Kubernetes with \
                      defaultMode 0440, of Docker with mode 0440";
        [problem, remedy.into()]
    })
}

/// Returns the mode of a file, or `None` if it is not a file or files have no modes here.
pub(crate) fn mode_of(path: &Path) -> Option<u32> {
    // This does not open the file, because opening a pipe would wait for its writer.
    fs::metadata(path).ok().map(|metadata| mode(&metadata)).filter(|mode| *mode != 0)
}

/// Returns a file's mode. The mode of a pipe or a device does not matter, so it is 0.
#[cfg(unix)]
fn mode(metadata: &Metadata) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    if metadata.is_file() { metadata.permissions().mode() & 0o777 } else { 0 }
}

/// Windows has access control lists instead of modes. A file inherits that of its folder, so keep it in a
/// folder of the service's own.
#[cfg(not(unix))]
fn mode(_: &Metadata) -> u32 {
    0
}

fn name(path: &Path) -> String {
    match path.to_str() {
        Some("-") => "on standard input".into(),
        _ => path.display().to_string(),
    }
}
