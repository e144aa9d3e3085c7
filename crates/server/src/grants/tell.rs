//! What the rules found to be so, told: audit event, outbox and timeline, in the transaction
//! that makes it so.

use serde_json::{Value, json};
use stint_db::Tx;
use stint_domain::audit::Subject;
use stint_domain::binding::{Attempt, AttemptKind, Fact, Ledger};
use stint_domain::grant::{CloseReason, Remains};
use stint_domain::{BindingId, GrantId, Time};

use super::store::ledgers::{self, NewMoment};
use super::{Error, NewGrant};
use crate::cx::Cx;
use crate::outbox;

/// One piece of news.
struct News<'a> {
    what: &'static str,
    text: String,
    grant: Option<GrantId>,
    detail: Value,
    /// Whether others are told, beside the auditor.
    public: bool,
    aws: Option<&'a str>,
}

async fn tell(cx: &Cx, tx: &mut Tx, binding: BindingId, news: News<'_>) -> Result<(), Error> {
    let mut subject: Vec<Subject> = vec![binding.into()];
    subject.extend(news.grant.map(Subject::from));
    let mut detail = news.detail;
    if let (Some(facts), Some(id)) = (detail.as_object_mut(), news.aws) {
        facts.insert("aws_request_id".to_owned(), Value::from(id));
    }
    tx.audit(cx.event(news.what, subject, detail.clone()));
    if news.public {
        outbox::emit(
            tx,
            cx,
            news.what,
            json!({ "binding": binding, "grant": news.grant, "facts": detail }),
        )
        .await?;
    }
    let moment = NewMoment {
        id: cx.app.ids.new_id(),
        binding,
        grant: news.grant,
        at: cx.now,
        what: news.what,
        text: &news.text,
        aws_request_id: news.aws,
    };
    Ok(ledgers::moment(tx, &moment).await?)
}

/// A grant was opened.
pub(super) async fn opened(
    cx: &Cx,
    tx: &mut Tx,
    binding: BindingId,
    id: GrantId,
    new: &NewGrant,
    continues_at: Option<Time>,
) -> Result<(), Error> {
    let (origin, _) = new.origin.parts();
    let detail = json!({
        "user": new.user, "origin": origin, "start": new.start,
        "duration_seconds": new.duration.map(stint_domain::Span::as_seconds),
        "principal": new.pair.principal, "entitlement": new.pair.entitlement,
        "extends": new.extends.filter(|_| continues_at.is_some()),
        "emergency": new.emergency,
        "review_every_seconds": new.review_every.map(stint_domain::Span::as_seconds),
    });
    let text = match new.duration {
        Some(_) if let Some(every) = new.review_every => match continues_at {
            Some(at) => format!("Access kept: it goes on from {at}, until it is revoked"),
            None => format!(
                "Access granted until it is revoked; every {every} it is asked whether it is still needed"
            ),
        },
        Some(length) if let Some(at) = continues_at => {
            format!("Access extended by {length}, from {at} on")
        }
        Some(length) => format!("Access granted for {length}, from when it is there"),
        None => "Access granted until it is revoked".to_owned(),
    };
    tell(
        cx,
        tx,
        binding,
        News {
            what: "grant.opened",
            text,
            grant: Some(id),
            detail,
            public: true,
            aws: None,
        },
    )
    .await
}

/// Something a person did by hand that is no finding of the rules.
pub(super) async fn by_hand(
    cx: &Cx,
    tx: &mut Tx,
    ledger: &Ledger,
    grant: GrantId,
    what: &'static str,
    text: &str,
    detail: Value,
) -> Result<(), Error> {
    let news = News {
        what,
        text: text.to_owned(),
        grant: Some(grant),
        detail,
        public: false,
        aws: None,
    };
    tell(cx, tx, ledger.binding.id, news).await
}

/// Everything a turn of the rules found. `aws` is the AWS request behind it, if one is.
pub(super) async fn facts(
    cx: &Cx,
    tx: &mut Tx,
    ledger: &Ledger,
    facts: &[Fact],
    aws: Option<&str>,
) -> Result<(), Error> {
    for fact in facts {
        let news = news(ledger, fact, aws);
        tell(cx, tx, ledger.binding.id, news).await?;
    }
    Ok(())
}

/// What AWS answered to an attempt.
pub(super) async fn answered(
    cx: &Cx,
    tx: &mut Tx,
    ledger: &Ledger,
    attempt: &Attempt,
    aws: Option<&str>,
) -> Result<(), Error> {
    let verb = verb(attempt.kind);
    let outcome = attempt.outcome;
    let mut text = match outcome.as_str() {
        "accepted" => format!("AWS accepted to {verb} the access and works on it"),
        "succeeded" => format!("AWS says: {verb} done"),
        "failed" | "failed_gone" => format!("AWS could not {verb} the access"),
        "not_found" => "AWS had nothing to remove".to_owned(),
        "refused" => format!("AWS did not {verb} the access"),
        "held" => {
            format!("The call to {verb} the access waits for another one on the same account")
        }
        "presumed" => format!("The lost call to {verb} can no longer happen"),
        _ => format!("No answer to the call to {verb} the access; it may have happened"),
    };
    if let Some(note) = &attempt.note
        && !matches!(outcome.as_str(), "succeeded" | "accepted")
    {
        text = format!("{text}: {note}");
    }
    let detail = json!({
        "attempt": attempt.id, "kind": attempt.kind, "outcome": outcome.as_str(),
        "aws_write": attempt.request_id, "note": attempt.note,
    });
    tell(
        cx,
        tx,
        ledger.binding.id,
        News {
            what: "attempt.answered",
            text,
            grant: None,
            detail,
            public: false,
            aws,
        },
    )
    .await
}

const fn verb(kind: AttemptKind) -> &'static str {
    match kind {
        AttemptKind::Create => "add",
        AttemptKind::Delete => "remove",
    }
}

fn news<'a>(ledger: &Ledger, fact: &Fact, aws: Option<&'a str>) -> News<'a> {
    let plain = |what, text: &str, public| News {
        what,
        text: text.to_owned(),
        grant: None,
        detail: json!({}),
        public,
        aws,
    };
    match fact {
        Fact::Confirmed { grant, end } => {
            let until = end.map_or_else(
                || "until it is revoked".to_owned(),
                |end| format!("until {end}"),
            );
            News {
                what: "grant.confirmed",
                text: format!("The access is there, {until}"),
                grant: Some(*grant),
                detail: json!({ "end": end }),
                public: true,
                aws,
            }
        }
        Fact::Closed {
            grant,
            reason,
            note,
        } => News {
            what: "grant.closed",
            text: closed(*reason, note.as_deref()),
            grant: Some(*grant),
            detail: json!({ "reason": reason, "note": note }),
            public: true,
            aws,
        },
        Fact::Ended { grant, remains } => News {
            what: "grant.ended",
            text: ended(*remains).to_owned(),
            grant: Some(*grant),
            detail: json!({ "remains": remains }),
            public: true,
            aws,
        },
        Fact::Intended { attempt, kind } => {
            let found = ledger.attempts.iter().find(|a| a.id == *attempt);
            News {
                what: "attempt.intended",
                text: format!("Stint is going to {} the access in AWS", verb(*kind)),
                grant: None,
                detail: json!({
                    "attempt": attempt, "kind": kind, "sign_at": found.map(|a| a.sign_at), "epoch": ledger.binding.epoch,
                    "under_removal": found.is_some_and(|a| a.under_removal),
                }),
                public: false,
                aws,
            }
        }
        Fact::Presumed { attempt } => News {
            detail: json!({ "attempt": attempt }),
            ..plain(
                "attempt.presumed",
                "A call that was never heard of again can no longer happen",
                false,
            )
        },
        Fact::Adopted => plain(
            "binding.adopted",
            "Access that appeared is taken for a late call of Stint's own",
            false,
        ),
        Fact::TakenAway => plain(
            "binding.taken_away",
            "Somebody took the access away in AWS; Stint does not put it back by itself",
            true,
        ),
        Fact::InterruptionOver => plain(
            "binding.interruption_over",
            "The access that was taken away is no longer waited for, or is back",
            false,
        ),
        Fact::Stuck { reason } => News {
            detail: json!({ "reason": reason }),
            ..plain(
                "binding.stuck",
                &format!("AWS refuses to remove the access: {reason}. Stint goes on trying"),
                true,
            )
        },
        Fact::Unstuck => plain(
            "binding.unstuck",
            "The removal that AWS refused goes on",
            false,
        ),
        Fact::AbsenceProved { removal } => News {
            detail: json!({ "removal": removal }),
            ..plain(
                "binding.absence_proved",
                "Read back from AWS: the access is gone",
                false,
            )
        },
        Fact::RemovalDecided => plain(
            "binding.removal_decided",
            "A decision was recorded to remove this access, whoever added it",
            true,
        ),
        Fact::ProvisionAgain => plain(
            "binding.provision_again",
            "A decision was recorded to put the access back",
            false,
        ),
    }
}

fn closed(reason: CloseReason, note: Option<&str>) -> String {
    let text = match reason {
        CloseReason::Returned => "Returned early",
        CloseReason::Revoked => "Revoked",
        CloseReason::CutOff => "Cut off: every grant of this access was ended",
        CloseReason::Cancelled => "Called off before it began",
        CloseReason::RemovalDecision => "Ended by a decision to remove this access",
        CloseReason::Refused => "AWS refused to provision it",
        CloseReason::NotConfirmed => "The access was not there in time",
    };
    match note {
        Some(note) if !note.is_empty() => format!("{text}: {note}"),
        _ => text.to_owned(),
    }
}

const fn ended(remains: Remains) -> &'static str {
    match remains {
        Remains::Removed => "Ended: the access was removed, and that was read back from AWS",
        Remains::Nothing => "Ended: nothing was there to remove",
        Remains::AnotherGrant => "Ended: the access stays for another grant",
        Remains::Standing => "Ended: the access stood before, and is left alone",
        Remains::TakenAway => "Ended: somebody had taken the access away in AWS",
    }
}
