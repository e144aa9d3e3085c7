//! Local passwords: Argon2id, and the same work whether or not somebody has the address.
//!
//! Parameters are those OWASP's password storage cheat sheet gives first (19 MiB, two
//! passes, one lane), which are the crate's defaults. Hashing runs on the blocking pool, a
//! few at a time, so that a flood of sign-ins takes neither the memory nor the workers.

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::Semaphore;

/// The fewest characters a password may have.
pub(crate) const SHORTEST: usize = 12;
/// The most characters a password may have.
pub(crate) const LONGEST: usize = 256;

/// Hashes under way at once in this process; each takes 19 MiB.
const AT_ONCE: usize = 4;
static HASHING: Semaphore = Semaphore::const_new(AT_ONCE);

/// What a try is compared with when nobody has the address, or they have no password. It
/// is the hash of nothing anybody could type; a test holds its parameters to ours.
const NOBODYS: &str = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// The hash could not be made or read: never because a password is wrong.
#[derive(Debug, thiserror::Error)]
pub enum HashError {
    /// Argon2 refused, or a stored hash is not one.
    #[error("a password could not be hashed ({0})")]
    Argon2(argon2::password_hash::Error),
    /// The program is stopping.
    #[error("a password was not hashed because the program is stopping")]
    Stopping,
}

/// Why a password may not be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordFault {
    /// Fewer than [`SHORTEST`] characters.
    #[error("use at least {SHORTEST} characters; several words are easiest to remember")]
    Short,
    /// More than [`LONGEST`] characters.
    #[error("use at most {LONGEST} characters")]
    Long,
    /// The address itself, or one character over and over.
    #[error("do not use the e-mail address, or one character again and again")]
    Guessable,
}

/// Whether this password may be set for the user with this address.
pub(crate) fn check_new(password: &SecretString, email: &str) -> Result<(), PasswordFault> {
    let text = password.expose_secret();
    let count = text.chars().count();
    if count < SHORTEST {
        return Err(PasswordFault::Short);
    }
    if count > LONGEST {
        return Err(PasswordFault::Long);
    }
    let first = text.chars().next();
    let one_character = text.chars().all(|c| Some(c) == first);
    if one_character || text.to_lowercase() == email.to_lowercase() {
        return Err(PasswordFault::Guessable);
    }
    Ok(())
}

/// The text to store for a password. The salt is 32 random bytes.
pub(crate) async fn hash(password: SecretString, salt: [u8; 32]) -> Result<String, HashError> {
    blocking(move || {
        Argon2::default()
            .hash_password_with_salt(password.expose_secret().as_bytes(), &salt)
            .map(|hash: PasswordHash| hash.to_string())
            .map_err(HashError::Argon2)
    })
    .await
}

/// Whether the password is the one whose hash is stored. With nothing stored the answer is
/// no, after the same work.
pub(crate) async fn matches(
    stored: Option<String>,
    given: SecretString,
) -> Result<bool, HashError> {
    blocking(move || {
        let known = stored.is_some();
        let stored = stored.unwrap_or_else(|| NOBODYS.to_owned());
        let stored = PasswordHash::new(&stored).map_err(|e| HashError::Argon2(e.into()))?;
        #[cfg(test)]
        work::note(given.expose_secret(), &stored);
        match Argon2::default().verify_password(given.expose_secret().as_bytes(), &stored) {
            Ok(()) => Ok(known),
            Err(argon2::password_hash::Error::PasswordInvalid) => Ok(false),
            Err(error) => Err(HashError::Argon2(error)),
        }
    })
    .await
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, HashError> + Send + 'static,
) -> Result<T, HashError> {
    let permit = HASHING.acquire().await.map_err(|_| HashError::Stopping)?;
    let done = tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| HashError::Stopping)?;
    drop(permit);
    done
}

/// What was hashed, for the test that nobody's password costs as much as somebody's.
#[cfg(test)]
pub(crate) mod work {
    use std::collections::HashMap;
    use std::sync::{LazyLock, Mutex};

    use argon2::password_hash::phc::PasswordHash;

    static DONE: LazyLock<Mutex<HashMap<String, Vec<String>>>> = LazyLock::new(Mutex::default);

    pub(super) fn note(given: &str, stored: &PasswordHash) {
        let cost = format!(
            "{} {:?} {}",
            stored.algorithm, stored.version, stored.params
        );
        let mut done = DONE.lock().expect("no holder panics");
        done.entry(given.to_owned()).or_default().push(cost);
    }

    /// The costs of every comparison made with this password.
    pub(crate) fn of(given: &str) -> Vec<String> {
        let done = DONE.lock().expect("no holder panics");
        done.get(given).cloned().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> SecretString {
        text.to_owned().into()
    }

    #[tokio::test]
    async fn the_right_password_matches_and_no_other() {
        let stored = hash(secret("correct horse battery"), [9; 32]).await;
        let stored = stored.expect("hashed");
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        for (given, right) in [
            ("correct horse battery", true),
            ("correct horse batterx", false),
            ("", false),
        ] {
            let answer = matches(Some(stored.clone()), secret(given)).await;
            assert_eq!(answer.expect("compared"), right, "{given}");
        }
    }

    #[tokio::test]
    async fn nobodys_password_costs_what_somebodys_costs() {
        let stored = hash(secret("correct horse battery"), [9; 32]).await;
        let known = matches(stored.ok(), secret("tried on somebody")).await;
        let unknown = matches(None, secret("tried on nobody")).await;
        assert!(!known.expect("compared") && !unknown.expect("compared"));
        let costs = work::of("tried on somebody");
        assert_eq!(costs.len(), 1);
        assert_eq!(work::of("tried on nobody"), costs);
    }

    #[test]
    fn weak_passwords_are_refused_with_a_reason() {
        let email = "ana.moreno@example.com";
        for (text, fault) in [
            ("short", Err(PasswordFault::Short)),
            ("Ana.Moreno@example.com", Err(PasswordFault::Guessable)),
            ("xxxxxxxxxxxxxxxx", Err(PasswordFault::Guessable)),
            (&"ab".repeat(129), Err(PasswordFault::Long)),
            ("correct horse battery", Ok(())),
        ] {
            assert_eq!(check_new(&secret(text), email), fault);
        }
    }
}
