//! What `stint login` keeps: a token for each Stint, in a file only its owner can read.
//!
//! `$XDG_CONFIG_HOME/stint/credentials.toml`, else `~/.config/stint/credentials.toml`, with
//! mode 0600 in a folder with mode 0700. A file that others can read is refused rather than
//! used: the token in it may not be a secret any more.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use stint_api::Secret;

use crate::exit::{Exit, Failure};

/// The file.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Credentials {
    /// The Stint that is meant when none is named: the one last signed in to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<String>,
    /// By address.
    #[serde(default)]
    pub stint: BTreeMap<String, Kept>,
}

/// What is kept of one Stint.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// The API token.
    pub token: Secret,
    /// `tok_…`; absent where the token was made elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_id: Option<String>,
    /// Whose it is, for people who look into the file.
    pub email: String,
}

impl Credentials {
    /// Reads the file; empty when there is none.
    ///
    /// # Errors
    /// When others can read it, or it is not what was written.
    pub(crate) fn load() -> Result<Self, Failure> {
        match place() {
            Some(path) => Self::load_from(&path),
            None => Ok(Self::default()),
        }
    }

    fn load_from(path: &Path) -> Result<Self, Failure> {
        let shown = path.display();
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(e) => return Err(Failure::new(Exit::Failed, format!("{shown}: {e}"))),
        };
        let mode = std::fs::metadata(path)?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(Failure::usage(format!(
                "{shown} can be read by others (mode {mode:o}), so the tokens in it may be known: revoke them (`stint tokens revoke`), then type: rm {shown}"
            )));
        }
        toml::from_str(&text).map_err(|e| {
            // The error would quote the line, and with it perhaps a token.
            let line = e
                .span()
                .and_then(|span| text.get(..span.start))
                .map_or(1, |before| before.matches('\n').count() + 1);
            Failure::usage(format!(
                "{shown} line {line} cannot be read; remove the file and sign in again with `stint login`"
            ))
        })
    }

    /// Writes the file anew, whole or not at all.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn save(&self) -> Result<PathBuf, Failure> {
        let path = place().ok_or_else(|| {
            Failure::usage("neither XDG_CONFIG_HOME nor HOME is set; there is no place to keep a token: set STINT_TOKEN instead")
        })?;
        self.save_to(&path)?;
        Ok(path)
    }

    fn save_to(&self, path: &Path) -> Result<(), Failure> {
        let wrong = |e: std::io::Error| {
            Failure::new(
                Exit::Failed,
                format!("{} cannot be written: {e}", path.display()),
            )
        };
        let text =
            toml::to_string_pretty(self).map_err(|e| Failure::from(anyhow::Error::from(e)))?;
        let folder = path.parent().unwrap_or(Path::new("."));
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(wrong)?;
        let aside = folder.join(format!(".credentials-{}", std::process::id()));
        let _ = std::fs::remove_file(&aside);
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&aside)
            .map_err(wrong)?;
        let written = file
            .write_all(text.as_bytes())
            .and_then(|()| file.sync_all())
            .and_then(|()| std::fs::rename(&aside, path));
        written.map_err(|e| {
            let _ = std::fs::remove_file(&aside);
            wrong(e)
        })
    }
}

fn place() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let base = set("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(|| set("HOME").map(|home| PathBuf::from(home).join(".config")))?;
    Some(base.join("stint/credentials.toml"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some() -> Credentials {
        let kept = Kept {
            token: "stint_pat_abc".to_owned().into(),
            token_id: Some("tok_1".to_owned()),
            email: "ana@example.com".to_owned(),
        };
        Credentials {
            current: Some("https://stint.example.com/".to_owned()),
            stint: BTreeMap::from([("https://stint.example.com/".to_owned(), kept)]),
        }
    }

    #[test]
    fn the_file_is_its_owners_alone_and_comes_back_as_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("stint/credentials.toml");
        some().save_to(&path).expect("written");
        some().save_to(&path).expect("written again");
        let mode =
            |path: &Path| std::fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(path.parent().expect("a folder")), 0o700);
        let read = Credentials::load_from(&path).expect("read");
        let kept = read.stint.values().next().expect("kept");
        assert_eq!(kept.token.expose(), "stint_pat_abc");
        assert!(!format!("{read:?}").contains("stint_pat_abc"));
    }

    #[test]
    fn a_file_that_others_can_read_is_refused_and_never_quoted() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("credentials.toml");
        some().save_to(&path).expect("written");
        let open = std::fs::Permissions::from_mode(0o644);
        std::fs::set_permissions(&path, open).expect("set");
        let refused = Credentials::load_from(&path).expect_err("readable");
        assert_eq!(refused.exit, Exit::Usage);
        assert!(refused.message.contains("mode 644"), "{}", refused.message);
        std::fs::write(&path, "current = [\ntoken = \"stint_pat_abc\"\n").expect("written");
        let close = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(&path, close).expect("set");
        let refused = Credentials::load_from(&path).expect_err("no TOML");
        assert!(
            !refused.message.contains("stint_pat"),
            "{}",
            refused.message
        );
    }
}
