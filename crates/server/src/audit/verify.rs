//! Following the chain from its first event to its head.

use serde_json::Value;
use stint_db::Db;
use stint_domain::audit::{Broken, Head, Verifier, Why};

use super::{sha256, store};

/// What a whole chain came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    /// How many events it has.
    pub events: i64,
    /// Where it ends. Kept elsewhere, it shows later whether the end was cut off.
    pub head: Head,
}

/// Why a chain could not be confirmed.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// Somebody changed it.
    #[error(transparent)]
    Broken(#[from] Broken),
    /// It could not be read.
    #[error("the audit log could not be read")]
    Db(#[from] stint_db::Error),
}

/// How many events are looked at together.
const STRETCH: i64 = 1_000;

/// Verifies the whole audit log: every hash and link, the columns and subjects beside the
/// texts, and the head. The first event that does not fit is named.
pub async fn verify(db: &Db) -> Result<Report, VerifyError> {
    let mut reader = db.reader().await?;
    let mut verifier = Verifier::after(Head::EMPTY);
    loop {
        let after = verifier.head().seq;
        let stretch = store::links(&mut reader, after, STRETCH).await?;
        let Some(last) = stretch.last() else { break };
        let mut subjects = store::subjects(&mut reader, after, last.link.seq)
            .await?
            .into_iter()
            .peekable();
        for stored in &stretch {
            verifier.take(&stored.link, &sha256)?;
            let mut beside = Vec::new();
            while let Some((_, subject)) = subjects.next_if(|(seq, _)| *seq <= stored.link.seq) {
                beside.push((subject.kind, subject.id));
            }
            check_columns(stored, beside)?;
        }
    }
    let head = verifier.head();
    let kept = store::head(&mut reader).await?;
    if kept != head {
        // The first event that one of the two knows and the other does not.
        let seq = if head.seq == kept.seq {
            head.seq
        } else {
            head.seq.min(kept.seq) + 1
        };
        return Err(Broken {
            seq,
            why: Why::Tail { head: kept.seq },
        }
        .into());
    }
    Ok(Report {
        events: head.seq,
        head,
    })
}

/// The columns beside a text say what the text says.
fn check_columns(stored: &store::Stored, mut beside: Vec<(String, String)>) -> Result<(), Broken> {
    let body: Value = serde_json::from_str(&stored.link.body).unwrap_or(Value::Null);
    let text = |path: &str| {
        body.pointer(path)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let actor_id = stored.actor_id.map(|id| id.to_string()).unwrap_or_default();
    let mut subjects: Vec<(String, String)> = body
        .get("subject")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|s| {
            let part = |name| {
                s.get(name)
                    .and_then(Value::as_str)
                    .unwrap_or_default()
                    .to_owned()
            };
            (part("kind"), part("id"))
        })
        .collect();
    // A thing named twice is stored once.
    subjects.sort_by(|a, b| a.1.cmp(&b.1));
    subjects.dedup_by(|a, b| a.1 == b.1);
    beside.sort_by(|a, b| a.1.cmp(&b.1));
    let same = |a: &[(String, String)], b: &[(String, String)]| {
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.1 == b.1)
    };
    let wrong = if text("/id") != stored.id.to_string() {
        "id"
    } else if text("/at") != stored.at.to_string() {
        "at"
    } else if text("/action") != stored.action {
        "action"
    } else if text("/actor/kind") != stored.actor_kind {
        "actor_kind"
    } else if text("/actor/id") != actor_id {
        "actor_id"
    } else if !same(&subjects, &beside) {
        "audit_subjects"
    } else {
        return Ok(());
    };
    Err(Broken {
        seq: stored.link.seq,
        why: Why::Column { column: wrong },
    })
}
