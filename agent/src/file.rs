//! Reads what the operator names on the command line.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

/// A file's bytes, or standard input's for `-`: at most `limit`, so that a wrong path (a device, a
/// disk image) is an error and not a full memory. `what` names it in the error.
pub(crate) fn read(what: &str, path: &Path, limit: u64) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let read = if path == Path::new("-") {
        io::stdin().lock().take(limit + 1).read_to_end(&mut bytes)
    } else {
        File::open(path).and_then(|file| file.take(limit + 1).read_to_end(&mut bytes))
    };
    let failed = |problem: &str| format!("{what} {} {problem}", name(path));
    match read {
        Err(error) => Err(failed(&format!("cannot be read: {error}"))),
        Ok(_) if bytes.len() as u64 > limit => Err(failed(&format!("is over {limit} bytes long"))),
        Ok(_) => Ok(bytes),
    }
}

/// As [`read`], for text; a byte order mark is no part of it.
pub(crate) fn read_text(what: &str, path: &Path, limit: u64) -> Result<String, String> {
    let text = String::from_utf8(read(what, path, limit)?)
        .map_err(|_| format!("{what} {} is not UTF-8 text", name(path)))?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

fn name(path: &Path) -> String {
    match path.to_str() {
        Some("-") => "on standard input".into(),
        _ => path.display().to_string(),
    }
}
