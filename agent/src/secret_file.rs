//! Writes a secret to a file that only its owner can read.

use std::{
    fs::{self, File, FileType, Metadata, OpenOptions},
    io::{self, ErrorKind, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

/// The room that is needed before a login: the longest token and its line break.
const ROOM: usize = 16 * 1024 + 1;
/// The largest number of links in a path. Linux follows as many.
const MAX_LINKS: usize = 40;

/// A file that is replaced in one step by a file with a secret.
pub(crate) struct SecretFile {
    /// The path, without links at its end.
    path: PathBuf,
}

impl SecretFile {
    /// Resolves a path that leads to a file, or to a file that does not exist yet.
    pub(crate) fn find(path: &Path) -> io::Result<Self> {
        match fs::metadata(path) {
            Ok(metadata) if !metadata.is_file() => {
                return Err(not_a_file(kind(metadata.file_type())));
            }
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        // `file_name` ignores an end that makes this the name of a folder.
        let text = path.to_string_lossy();
        let names_folder = text.ends_with(std::path::is_separator) || text.ends_with("/.");
        if names_folder || path.file_name().is_none() {
            return Err(not_a_file("a folder"));
        }
        Ok(Self { path: follow(path)? })
    }

    /// Checks as far as possible whether a later [`write`](Self::write) will succeed. Leaves no file behind.
    pub(crate) fn check(&self) -> io::Result<()> {
        let mut new = match self.create() {
            Ok(new) => new,
            Err(why) => return check_room(self.open_instead(why)?),
        };
        if let Ok(old) = fs::symlink_metadata(&self.path) {
            self.check_replaceable(&old, &new.as_file().metadata()?)?;
        }
        new.as_file_mut().write_all(&[b'\n'; ROOM])?;
        new.as_file().sync_all()
    }

    /// Writes the secret into a new file that replaces the old one. A concurrent reader reads the old or the
    /// new file. If the old file cannot be replaced, because it is a mount point or its folder is read-only,
    /// this writes into the old file.
    pub(crate) fn write(&self, secret: &str) -> io::Result<()> {
        let text = format!("{secret}\n");
        let mut new = match self.create() {
            Ok(new) => new,
            Err(why) => return overwrite(self.open_instead(why)?, &text),
        };
        new.as_file_mut().write_all(text.as_bytes())?;
        new.as_file().sync_all()?;
        match new.persist(&self.path) {
            Ok(_) => {
                self.sync_folder();
                Ok(())
            }
            Err(error) => overwrite(self.open_instead(error.error)?, &text),
        }
    }

    /// Creates a file beside the old one that only its owner can read. Dropping it removes the file.
    fn create(&self) -> io::Result<NamedTempFile> {
        tempfile::Builder::new().prefix(".sms-agent-").suffix(".new").tempfile_in(self.folder())
    }

    /// Opens the old file, to write into it.
    fn open(&self) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).open(&self.path)
    }

    /// Opens the old file if the error `why` means that it cannot be replaced.
    fn open_instead(&self, why: io::Error) -> io::Result<File> {
        match why.kind() {
            ErrorKind::PermissionDenied
            | ErrorKind::ReadOnlyFilesystem
            | ErrorKind::ResourceBusy
            | ErrorKind::CrossesDevices => self.open().map_err(|_| why),
            _ => Err(why),
        }
    }

    fn folder(&self) -> &Path {
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        folder.unwrap_or(Path::new("."))
    }

    /// Rejects a file that a rename cannot replace, although a new file can be created in its folder.
    #[cfg(unix)]
    fn check_replaceable(&self, old: &Metadata, new: &Metadata) -> io::Result<()> {
        use std::os::unix::fs::MetadataExt;
        const STICKY: u32 = 0o1000;
        const EPERM: i32 = 1;
        let folder = fs::metadata(self.folder())?;
        // In a folder such as /tmp, only root and the owners may replace a file.
        let is_owner = [0, old.uid(), folder.uid()].contains(&new.uid());
        if folder.mode() & STICKY != 0 && !is_owner {
            return Err(io::Error::other("it belongs to another user"));
        }
        match self.open() {
            // The file is immutable, or a read-only mount point.
            Err(error) if error.raw_os_error() == Some(EPERM) => Err(error),
            Err(error) if error.kind() == ErrorKind::ReadOnlyFilesystem => Err(error),
            // The file is a mount point of another file system.
            Ok(file) if old.dev() != folder.dev() => check_room(file),
            _ => Ok(()),
        }
    }

    /// Rejects a file with the attribute "read-only".
    #[cfg(not(unix))]
    fn check_replaceable(&self, _: &Metadata, _: &Metadata) -> io::Result<()> {
        self.open().map(drop)
    }

    /// Makes the new name survive a power failure. Some file systems do not support that, so an error is
    /// ignored.
    fn sync_folder(&self) {
        #[cfg(unix)]
        let _ = File::open(self.folder()).and_then(|folder| folder.sync_all());
    }
}

fn not_a_file(kind: &str) -> io::Error {
    io::Error::other(format!("it is not a file but {kind}"))
}

fn kind(kind: FileType) -> &'static str {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        if kind.is_fifo() {
            return "a pipe";
        }
        if kind.is_socket() {
            return "a socket";
        }
    }
    if kind.is_dir() { "a folder" } else { "a device" }
}

/// Follows the links at the end of a path. The target of the last one need not exist.
fn follow(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        match fs::read_link(&path) {
            Ok(target) => path = path.parent().unwrap_or(Path::new("")).join(target),
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other("it is a link in a circle"))
}

/// Checks that the old file has room for the secret.
fn check_room(mut file: File) -> io::Result<()> {
    make_private(&file)?;
    let end = file.seek(SeekFrom::End(0))?;
    let written = file.write_all(&[b'\n'; ROOM]).and_then(|()| file.sync_all());
    file.set_len(end)?;
    written
}

/// Replaces the content of an open file. Restores the old content after a failure, such as a full disk.
fn overwrite(mut file: File, text: &str) -> io::Result<()> {
    make_private(&file)?;
    let mut old = Vec::new();
    file.read_to_end(&mut old)?;
    let mut replace = |content: &[u8]| {
        file.rewind()?;
        file.write_all(content)?;
        file.set_len(content.len() as u64)?;
        file.sync_all()
    };
    replace(text.as_bytes()).inspect_err(|_| {
        // The first error is the reason, so an error of the restore is ignored.
        let _ = replace(&old);
    })
}

#[cfg(unix)]
fn make_private(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    match file.set_permissions(fs::Permissions::from_mode(0o600)) {
        // Some file systems keep no modes.
        Err(error) if file.metadata()?.permissions().mode() & 0o077 != 0 => {
            Err(io::Error::new(error.kind(), format!("its mode cannot be set to 600: {error}")))
        }
        _ => Ok(()),
    }
}

/// Does nothing, because the access control list of the folder decides on this system.
#[cfg(not(unix))]
fn make_private(_: &File) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().expect("made")
    }

    #[test]
    fn replaces_a_file_and_leaves_nothing_beside_it() {
        let folder = folder();
        let path = folder.path().join("token");
        for secret in ["the-first-one", "second"] {
            let file = SecretFile::find(&path).expect("a file");
            file.check().expect("writable");
            file.write(secret).expect("written");
            assert_eq!(fs::read_to_string(&path).expect("read"), format!("{secret}\n"));
            assert_eq!(fs::read_dir(folder.path()).expect("read").count(), 1);
        }
    }

    /// Each writer writes a file of its own before it replaces the shared one.
    #[test]
    fn concurrent_writers_do_not_disturb_each_other() {
        let folder = folder();
        let path = folder.path().join("token");
        let secret = |number: usize| number.to_string().repeat(10_000);
        std::thread::scope(|scope| {
            for number in 0..8 {
                let (path, secret) = (&path, secret(number));
                scope.spawn(move || {
                    for _ in 0..20 {
                        let file = SecretFile::find(path).expect("a file");
                        file.check().expect("writable");
                        file.write(&secret).expect("written");
                    }
                });
            }
        });
        let written = fs::read_to_string(&path).expect("read");
        assert!((0..8).any(|number| written.trim_end() == secret(number)));
        assert_eq!(fs::read_dir(folder.path()).expect("read").count(), 1);
    }

    #[test]
    fn overwrites_a_file_that_cannot_be_replaced() {
        let folder = folder();
        let path = folder.path().join("token");
        fs::write(&path, "the old one is longer").expect("written");
        let file = SecretFile::find(&path).expect("a file");
        check_room(file.open().expect("opened")).expect("room");
        assert_eq!(fs::read_to_string(&path).expect("read"), "the old one is longer");
        for kind in [ErrorKind::ResourceBusy, ErrorKind::CrossesDevices] {
            let old = file.open_instead(kind.into()).expect("opened");
            overwrite(old, "new\n").expect("written");
            assert_eq!(fs::read_to_string(&path).expect("read"), "new\n");
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
        }
        // A full disk is full for the old file, too.
        file.open_instead(ErrorKind::StorageFull.into()).expect_err("no room");
    }

    #[test]
    fn a_name_of_a_folder_is_not_a_file() {
        let folder = folder();
        for name in ["", ".", "..", "none/", "none/.", "/"] {
            let error = SecretFile::find(&folder.path().join(name)).err().expect(name);
            assert_eq!(error.to_string(), "it is not a file but a folder", "{name}");
        }
        SecretFile::find(Path::new("")).err().expect("empty");
    }
}
