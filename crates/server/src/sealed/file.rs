//! Master keys in a file.
//!
//! One key a line, 32 bytes in base64; lines that begin with `#` are remarks. The first key
//! seals, every key opens: to change keys, put the new one in front and leave the old one until
//! nothing is sealed with it any more.

use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{KEY_LEN, KeyProvider, MasterKey};

/// Whom a key file may be open to beside its owner: a group that reads it, as orchestrators
/// mount secrets.
const OTHERS: u32 = 0o037;

/// The keys of one file, read once.
#[derive(Debug)]
pub struct KeyFile {
    keys: Vec<Arc<MasterKey>>,
}

/// Why a key file is of no use.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// It cannot be read.
    #[error("the master key file {path} cannot be read: {source}")]
    Unreadable {
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Others may read or change it.
    #[error(
        "the master key file {path} has mode {mode:o}: others may read or change it. Run `chmod 600 {path}`; if others could read it for long, make a new key"
    )]
    Open {
        /// Where.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// A line of it is no key.
    #[error(
        "line {line} of the master key file {path} is no key: a key is 32 bytes in base64, one a line. Make a file with `stint master-key create`"
    )]
    NoKey {
        /// Where.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
    },
    /// There is no key in it.
    #[error("the master key file {path} holds no key. Make one with `stint master-key create`")]
    Empty {
        /// Where.
        path: PathBuf,
    },
    /// It is there already.
    #[error(
        "{path} is there already and was left alone: what is sealed under its keys would be lost. To add a key, use `stint master-key add`"
    )]
    Exists {
        /// Where.
        path: PathBuf,
    },
    /// It cannot be written.
    #[error("the master key file {path} cannot be written: {source}")]
    Unwritable {
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl KeyFile {
    /// Reads a file. Refuses one that others may read or change.
    pub fn read(path: &Path) -> Result<Self, KeyFileError> {
        let text = text_of(path)?;
        let mut keys = Vec::new();
        for (n, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let bytes = STANDARD.decode(line).ok();
            let bytes = bytes.and_then(|bytes| <[u8; KEY_LEN]>::try_from(bytes).ok());
            let bytes = bytes.ok_or_else(|| KeyFileError::NoKey {
                path: path.to_owned(),
                line: n + 1,
            })?;
            keys.push(Arc::new(MasterKey::new(&bytes)));
        }
        if keys.is_empty() {
            return Err(KeyFileError::Empty {
                path: path.to_owned(),
            });
        }
        Ok(Self { keys })
    }

    /// Makes a file with one new key, readable by its owner only; answers the key's id. Never
    /// writes over anything. `key` is random.
    pub fn create(path: &Path, key: &[u8; KEY_LEN]) -> Result<String, KeyFileError> {
        let made = MasterKey::new(key);
        let text = format!(
            "# Stint's master key {}. Keep a copy where the database's backups are not: without it\n# what is sealed is lost.\n{}\n",
            made.id(),
            STANDARD.encode(key)
        );
        write_new(path, &text).map_err(|source| match source.kind() {
            std::io::ErrorKind::AlreadyExists => KeyFileError::Exists {
                path: path.to_owned(),
            },
            _ => KeyFileError::Unwritable {
                path: path.to_owned(),
                source,
            },
        })?;
        Ok(made.id().to_owned())
    }

    /// Puts a new key in front of those in a file, which then seals; answers its id.
    pub fn add(path: &Path, key: &[u8; KEY_LEN]) -> Result<String, KeyFileError> {
        let before = text_of(path)?;
        Self::read(path)?;
        let made = MasterKey::new(key);
        let text = format!("# {}\n{}\n{before}", made.id(), STANDARD.encode(key));
        let beside = path.with_extension("new");
        let written = write_new(&beside, &text).and_then(|()| std::fs::rename(&beside, path));
        written.map_err(|source| KeyFileError::Unwritable {
            path: path.to_owned(),
            source,
        })?;
        Ok(made.id().to_owned())
    }

    /// The ids of its keys, the one that seals first.
    pub fn ids(&self) -> Vec<String> {
        self.keys.iter().map(|key| key.id().to_owned()).collect()
    }
}

fn text_of(path: &Path) -> Result<String, KeyFileError> {
    let unreadable = |source| KeyFileError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let mode = std::fs::metadata(path)
        .map_err(unreadable)?
        .permissions()
        .mode()
        & 0o777;
    if mode & OTHERS != 0 {
        return Err(KeyFileError::Open {
            path: path.to_owned(),
            mode,
        });
    }
    std::fs::read_to_string(path).map_err(unreadable)
}

fn write_new(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

impl KeyProvider for KeyFile {
    fn sealing(&self) -> Option<Arc<MasterKey>> {
        self.keys.first().cloned()
    }

    fn opening(&self, id: &str) -> Option<Arc<MasterKey>> {
        self.keys.iter().find(|key| key.id() == id).cloned()
    }
}
