//! The audit log as values: events, their one written form, and the chain of hashes that
//! makes an edit, a removal, a swap or an insertion show.
//!
//! Each event is written as canonical JSON (the *body*), and its hash covers the hash
//! before it and the body, so that a change anywhere breaks the chain from there on. The
//! hash function is an argument: this crate has no cryptography.
//!
//! What it does not do: notice that events are missing at the *end*, or that somebody
//! rewrote everything from some event on and computed the hashes anew. That takes a
//! checkpoint kept where the same person cannot write.

mod canonical;
#[cfg(test)]
mod tests;

use std::fmt;

use serde_json::{Value, json};

pub use canonical::canonical;

use crate::{AuditId, Time, UserId};

/// Something that happened, told by facts.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// What happened: dotted, past tense (`request.submitted`).
    pub action: &'static str,
    /// Who did it.
    pub actor: ActorRef,
    /// The things it is about.
    pub subject: Vec<Subject>,
    /// Facts worth keeping; never a secret. Numbers are whole: see [`canonical()`].
    pub detail: Value,
    /// When.
    pub at: Time,
    /// The request of the API or page it came with.
    pub request_id: Option<String>,
}

/// Who did it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ActorRef {
    /// A person, by way of a page, a token (`token:tok_…`) or the command line (`cli`).
    User {
        /// Who.
        id: UserId,
        /// Their name at that time.
        name: String,
        /// By which door.
        via: String,
    },
    /// A background task of Stint.
    System {
        /// Its name.
        task: String,
    },
    /// Nobody was signed in.
    Nobody,
}

/// A thing an event is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Subject {
    /// What it is, in a word: `request`, `policy_version`.
    pub kind: String,
    /// Its id as written on the wire.
    pub id: String,
}

impl Subject {
    /// Names a thing that has no id of ours, for instance an AWS account by its number.
    pub fn new(kind: &str, id: impl fmt::Display) -> Self {
        Self {
            kind: kind.to_owned(),
            id: id.to_string(),
        }
    }
}

/// `PolicyVersionId` → `policy_version`.
fn kind_of(type_name: &str) -> String {
    let mut kind = String::new();
    for c in type_name.trim_end_matches("Id").chars() {
        if c.is_ascii_uppercase() && !kind.is_empty() {
            kind.push('_');
        }
        kind.push(c.to_ascii_lowercase());
    }
    kind
}

macro_rules! subjects {
    ($($id:ident)*) => {
        $(impl From<crate::$id> for Subject {
            fn from(id: crate::$id) -> Self {
                Self { kind: kind_of(stringify!($id)), id: id.to_string() }
            }
        })*
    };
}
crate::for_each_id!(subjects);

/// A hash of 32 bytes.
pub type Hash = [u8; 32];

/// Where a chain stands: the number and hash of its last event.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The number of the last event; 0 before the first.
    pub seq: i64,
    /// Its hash; zeroes before the first.
    pub hash: Hash,
}

impl Head {
    /// An empty chain.
    pub const EMPTY: Head = Head {
        seq: 0,
        hash: [0; 32],
    };
}

impl fmt::Debug for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.seq)?;
        self.hash.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

/// An event on the chain, as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Its number: one more than the one before.
    pub seq: i64,
    /// The hash of the one before.
    pub prev: Hash,
    /// Its own hash.
    pub hash: Hash,
    /// Canonical JSON, exactly what was hashed.
    pub body: String,
}

impl Link {
    /// The chain's head once this link is its last.
    pub const fn head(&self) -> Head {
        Head {
            seq: self.seq,
            hash: self.hash,
        }
    }
}

/// Where a chain is broken, and how.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the audit log is broken at event {seq}: {why}")]
pub struct Broken {
    /// The number of the first event that does not fit.
    pub seq: i64,
    /// What does not fit.
    pub why: Why,
}

/// What does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Why {
    /// The numbers jump.
    #[error("event {expected} is missing, or event {found} stands in its place")]
    Order {
        /// The number that should come.
        expected: i64,
        /// The number that came.
        found: i64,
    },
    /// It does not name the event before it.
    #[error(
        "it was not written after the event that stands before it: one of the two was replaced, removed or inserted"
    )]
    Previous,
    /// Its text is not what was hashed.
    #[error("its text or its hash was changed after it was written")]
    Hash,
    /// Its text carries another number.
    #[error("its text was written as event {written}")]
    Number {
        /// The number in the text, 0 when there is none.
        written: i64,
    },
    /// The log's last event is not the one last written.
    #[error(
        "the last event written was number {head}: events at the end are missing or were added"
    )]
    Tail {
        /// The number of the last event written.
        head: i64,
    },
    /// A column stored beside the text, for searching, says something else than the text.
    #[error("its column `{column}` was changed: the text says something else")]
    Column {
        /// The column.
        column: &'static str,
    },
}

/// What is hashed before each event, so that no other use of the same hash can collide.
const DOMAIN: &[u8] = b"stint audit 1\n";

fn hash_of(prev: &Hash, body: &str, hash: &dyn Fn(&[u8]) -> Hash) -> Hash {
    let mut bytes = Vec::with_capacity(DOMAIN.len() + prev.len() + body.len());
    bytes.extend_from_slice(DOMAIN);
    bytes.extend_from_slice(prev);
    bytes.extend_from_slice(body.as_bytes());
    hash(&bytes)
}

fn actor_json(actor: &ActorRef) -> Value {
    match actor {
        ActorRef::User { id, name, via } => {
            json!({"kind": "user", "id": id, "name": name, "via": via})
        }
        ActorRef::System { task } => json!({"kind": "system", "task": task}),
        ActorRef::Nobody => json!({"kind": "nobody"}),
    }
}

/// Puts an event onto the chain after `head`, under the id given.
pub fn chain(head: Head, event: &Event, id: AuditId, hash: &dyn Fn(&[u8]) -> Hash) -> Link {
    let seq = head.seq.saturating_add(1);
    let subject: Vec<Value> = event
        .subject
        .iter()
        .map(|s| json!({"kind": s.kind, "id": s.id}))
        .collect();
    let body = canonical(&json!({
        "seq": seq,
        "id": id,
        "at": event.at,
        "action": event.action,
        "actor": actor_json(&event.actor),
        "subject": subject,
        "detail": event.detail,
        "request_id": event.request_id,
    }));
    let own = hash_of(&head.hash, &body, hash);
    Link {
        seq,
        prev: head.hash,
        hash: own,
        body,
    }
}

/// Follows a chain link by link, for logs too long to hold at once.
#[derive(Debug, Clone)]
pub struct Verifier {
    head: Head,
}

impl Verifier {
    /// Goes on after a head that was verified before; [`Head::EMPTY`] to start.
    pub const fn after(head: Head) -> Self {
        Self { head }
    }

    /// Where the chain stands after the links taken so far.
    pub const fn head(&self) -> Head {
        self.head
    }

    /// Takes the next link; fails at the first that does not fit.
    pub fn take(&mut self, link: &Link, hash: &dyn Fn(&[u8]) -> Hash) -> Result<(), Broken> {
        let expected = self.head.seq.saturating_add(1);
        let broken = |why| {
            Err(Broken {
                seq: expected.min(link.seq),
                why,
            })
        };
        if link.seq != expected {
            return broken(Why::Order {
                expected,
                found: link.seq,
            });
        }
        if link.prev != self.head.hash {
            return broken(Why::Previous);
        }
        if hash_of(&link.prev, &link.body, hash) != link.hash {
            return broken(Why::Hash);
        }
        let written = serde_json::from_str::<Value>(&link.body)
            .ok()
            .and_then(|body| body.get("seq").and_then(Value::as_i64))
            .unwrap_or(0);
        if written != link.seq {
            return broken(Why::Number { written });
        }
        self.head = link.head();
        Ok(())
    }
}

/// Follows a whole chain from its first event; answers where it ends.
///
/// Any link edited, removed, swapped with another or inserted is found, but for links
/// missing at the end: compare the answer with a head kept elsewhere for that.
pub fn verify<'a>(
    links: impl IntoIterator<Item = &'a Link>,
    hash: &dyn Fn(&[u8]) -> Hash,
) -> Result<Head, Broken> {
    let mut verifier = Verifier::after(Head::EMPTY);
    links
        .into_iter()
        .try_for_each(|link| verifier.take(link, hash))?;
    Ok(verifier.head())
}
