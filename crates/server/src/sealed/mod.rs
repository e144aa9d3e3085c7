//! Secrets at rest: what Stint has to keep and nobody is to read from its database.
//!
//! A secret is sealed with AES-256-GCM under a master key ([`MasterKey`]) that is not in the
//! database. The id of the record it belongs to is authenticated with it: bytes moved to
//! another record do not open. The id of the key stands beside each ([`Sealed`]), so that keys
//! can be changed one secret at a time. Where keys come from is behind [`KeyProvider`]; the one
//! here reads a file ([`KeyFile`]).
//!
//! What it promises: neither a secret nor a key is in an error, a log line or a `Debug`. A
//! secret that was changed, or moved to another record, is refused and never half read.
//!
//! What it does not do: keep anything. The rooms keep what [`Keys::seal`] gives them in their
//! own rows. It has no verbs, and no rights to check.

mod file;
#[cfg(test)]
pub(crate) mod tests;

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::digest;
use secrecy::{ExposeSecret as _, SecretString};

use crate::http::{Fault, Kind};

pub use file::{KeyFile, KeyFileError};

/// How long a key is.
const KEY_LEN: usize = 32;
/// The first byte of what is sealed: AES-256-GCM, nonce of twelve bytes in front.
const FORM: u8 = 1;

/// A key that seals secrets. `Debug` shows its id only.
pub struct MasterKey {
    id: String,
    key: RandomizedNonceKey,
}

impl MasterKey {
    /// From 32 random bytes. Its id is made of them and tells nothing about them, so that a
    /// key and its name cannot be mixed up.
    pub fn new(bytes: &[u8; KEY_LEN]) -> Self {
        let mut named = b"stint master key".to_vec();
        named.extend_from_slice(bytes);
        let hash = digest::digest(&digest::SHA256, &named);
        let hex: String = hash.as_ref().iter().map(|b| format!("{b:02x}")).collect();
        let id = format!("mk_{}", hex.get(..16).unwrap_or_default());
        let key = RandomizedNonceKey::new(&AES_256_GCM, bytes)
            .expect("AES-256 takes every key of 32 bytes");
        Self { id, key }
    }

    /// What stands beside the secrets it seals.
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MasterKey").field(&self.id).finish()
    }
}

/// Where master keys come from. One that has to ask somebody else (a KMS) asks when it is
/// made: sealing and opening wait for nobody.
pub trait KeyProvider: Send + Sync + 'static {
    /// The key that new secrets are sealed with; none when none is set.
    fn sealing(&self) -> Option<Arc<MasterKey>>;
    /// The key of that id.
    fn opening(&self, id: &str) -> Option<Arc<MasterKey>>;
}

/// No key at all: nothing can be sealed, and nothing has to be.
struct NoKeys;

impl KeyProvider for NoKeys {
    fn sealing(&self) -> Option<Arc<MasterKey>> {
        None
    }
    fn opening(&self, _: &str) -> Option<Arc<MasterKey>> {
        None
    }
}

/// A sealed secret, as a room keeps it. `Debug` shows which key opens it and no more.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed {
    /// The id of the key it is sealed with.
    pub key: String,
    /// Nonce, secret and tag.
    pub bytes: Vec<u8>,
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sealed").field(&self.key).finish()
    }
}

/// Why a secret could not be sealed or opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No master key is set.
    #[error("no master key is set")]
    NoKey,
    /// The key it was sealed with is not at hand.
    #[error("the master key {id} is not at hand")]
    KeyMissing {
        /// Its id.
        id: String,
    },
    /// It does not open with its key for this record.
    #[error("a sealed secret does not open")]
    Broken,
}

impl Fault for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::NoKey | Self::KeyMissing { .. } => Kind::NotReady,
            Self::Broken => Kind::Internal,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NoKey => "no_master_key",
            Self::KeyMissing { .. } => "master_key_missing",
            Self::Broken => "secret_unreadable",
        }
    }

    fn detail(&self) -> String {
        match self {
            Self::NoKey => "Stint keeps secrets sealed under a master key, and none is set. Make one with `stint master-key create /etc/stint/master.key`, set STINT_MASTER_KEY_FILE (or master_key_file in stint.toml) to that path for every Stint process, and start them anew.".to_owned(),
            Self::KeyMissing { id } => format!(
                "A secret is sealed under the master key {id}, which the file of STINT_MASTER_KEY_FILE does not hold. Put that key's line back into the file, or enter the secret anew."
            ),
            Self::Broken => "A sealed secret does not open: it was changed in the database, or belongs to another record. Enter it anew, and find out who changes the database.".to_owned(),
        }
    }
}

/// Seals and opens. Clones share the keys.
#[derive(Clone)]
pub struct Keys(Arc<dyn KeyProvider>);

impl Default for Keys {
    fn default() -> Self {
        Self(Arc::new(NoKeys))
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = self.0.sealing().map(|key| key.id().to_owned());
        f.debug_tuple("Keys").field(&id).finish()
    }
}

impl Keys {
    /// With these keys.
    pub fn new(provider: impl KeyProvider) -> Self {
        Self(Arc::new(provider))
    }

    /// Whether anything can be sealed.
    pub fn ready(&self) -> Result<(), Error> {
        self.0.sealing().map(drop).ok_or(Error::NoKey)
    }

    /// Whether that key is at hand.
    pub fn has(&self, id: &str) -> Result<(), Error> {
        let key = self.0.opening(id).map(drop);
        key.ok_or_else(|| Error::KeyMissing { id: id.to_owned() })
    }

    /// Seals a secret for one record. `record` says which, and which of its secrets:
    /// the same text is needed to open it.
    pub fn seal(&self, record: &str, secret: &SecretString) -> Result<Sealed, Error> {
        let key = self.0.sealing().ok_or(Error::NoKey)?;
        let mut text = secret.expose_secret().as_bytes().to_vec();
        let nonce = key
            .key
            .seal_in_place_append_tag(Aad::from(bound(record)), &mut text)
            .map_err(|_| Error::Broken)?;
        let mut bytes = vec![FORM];
        bytes.extend_from_slice(nonce.as_ref());
        bytes.append(&mut text);
        Ok(Sealed {
            key: key.id.clone(),
            bytes,
        })
    }

    /// Opens what was sealed for this record.
    pub fn open(&self, record: &str, sealed: &Sealed) -> Result<SecretString, Error> {
        let key = self.0.opening(&sealed.key);
        let key = key.ok_or_else(|| Error::KeyMissing {
            id: sealed.key.clone(),
        })?;
        let (form, rest) = sealed.bytes.split_first().ok_or(Error::Broken)?;
        let (nonce, text) = rest.split_at_checked(NONCE_LEN).ok_or(Error::Broken)?;
        if *form != FORM {
            return Err(Error::Broken);
        }
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| Error::Broken)?;
        let mut text = text.to_vec();
        let plain = key
            .key
            .open_in_place(nonce, Aad::from(bound(record)), &mut text)
            .map_err(|_| Error::Broken)?;
        let plain = std::str::from_utf8(plain).map_err(|_| Error::Broken)?;
        Ok(plain.to_owned().into())
    }
}

/// What is authenticated beside the secret.
fn bound(record: &str) -> Vec<u8> {
    [b"stint sealed 1\0", record.as_bytes()].concat()
}
