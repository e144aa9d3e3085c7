//! One process per SQLite file: an exclusive lock on a file beside it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// Holds the lock until dropped. The file itself stays, so that nobody locks a file that
/// somebody else has just removed.
pub(crate) struct LockFile {
    _file: File,
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    PathBuf::from(name)
}

/// Locks, and leaves word of who holds it. Fails at once when another does.
pub(crate) fn lock(path: &Path, holder: &str) -> Result<LockFile> {
    let unreachable = |why: std::io::Error| Error::Unreachable(Box::new(why));
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(beside(path))
        .map_err(unreachable)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut other = String::new();
            // Whoever it is, the answer is the same: in use.
            let _ = file.read_to_string(&mut other);
            let other = other.trim();
            let holder = if other.is_empty() {
                "another process"
            } else {
                other
            };
            return Err(Error::InUse {
                path: path.to_owned(),
                holder: holder.to_owned(),
            });
        }
        Err(TryLockError::Error(why)) => return Err(unreachable(why)),
    }
    file.set_len(0).map_err(unreachable)?;
    file.rewind().map_err(unreachable)?;
    writeln!(file, "{holder} (process {})", std::process::id()).map_err(unreachable)?;
    Ok(LockFile { _file: file })
}
