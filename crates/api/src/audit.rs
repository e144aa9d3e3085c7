//! The audit log on the wire.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One event of the audit log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditEvent {
    /// Its number in the chain, from 1 without gaps.
    pub seq: i64,
    /// Its id (`aud_…`).
    pub id: String,
    /// When, RFC 3339 in UTC.
    pub at: String,
    /// What happened: dotted, past tense.
    pub action: String,
    /// Who did it.
    pub actor: AuditActor,
    /// What it is about.
    pub subject: Vec<AuditSubject>,
    /// The facts.
    pub detail: serde_json::Value,
    /// The request it came with.
    pub request_id: Option<String>,
    /// Its hash in the chain, in hexadecimal.
    pub hash: String,
}

/// Who did it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum AuditActor {
    /// A person.
    User {
        /// Who (`usr_…`).
        id: String,
        /// Their name at that time.
        name: String,
        /// By which door: `page`, `token:tok_…`.
        via: String,
    },
    /// A background task.
    System {
        /// Its name.
        task: String,
    },
    /// Nobody was signed in.
    Nobody,
}

/// A thing an event is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditSubject {
    /// What it is, in a word.
    pub kind: String,
    /// Its id.
    pub id: String,
}

/// What verifying the audit log came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditReport {
    /// How many events the chain has.
    pub events: i64,
    /// The hash of the last one, in hexadecimal. Kept elsewhere, it shows later whether the
    /// end was cut off.
    pub head: String,
}
