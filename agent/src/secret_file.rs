//! Writes a secret to a file that only its owner can read.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

/// A new file that replaces another one in one step.
pub(crate) struct SecretFile {
    what: &'static str,
    path: PathBuf,
    new: Temporary,
    file: File,
}

impl SecretFile {
    /// Creates the new file beside the old one. `what` names it in an error.
    pub(crate) fn create(what: &'static str, path: &Path) -> Result<Self, String> {
        let shown = path.display();
        let failed = |error: io::Error| format!("{what} {shown} cannot be written: {error}");
        // The new file would replace a device or a pipe.
        let is_another = path.metadata().is_ok_and(|metadata| !metadata.is_file());
        let file_name = path.file_name().filter(|_| !is_another);
        let file_name = file_name.ok_or_else(|| format!("{what} {shown} is not a file"))?;
        let mut new_name = file_name.to_owned();
        new_name.push(format!(".{}.new", std::process::id()));
        let new = Temporary(path.with_file_name(new_name));
        // An earlier process with the same number may have left one.
        let _ = fs::remove_file(&new.0);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&new.0).map_err(failed)?;
        Ok(Self { what, path: path.to_owned(), new, file })
    }

    /// Writes the secret and replaces the old file. A concurrent reader reads the old or the new one.
    pub(crate) fn write(mut self, secret: &str) -> Result<(), String> {
        let written = writeln!(self.file, "{secret}")
            .and_then(|()| self.file.sync_all())
            .and_then(|()| fs::rename(&self.new.0, &self.path));
        written.map_err(|error| {
            format!("{} {} cannot be written: {error}", self.what, self.path.display())
        })
    }
}

/// Removes the file when dropped, unless it was renamed.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
