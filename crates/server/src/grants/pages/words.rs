//! Grants in words: their state as a chip, what is left of them, what happened to them. For
//! the pages of this room and of every room above.

use stint_domain::Time;
use stint_domain::grant::{CloseReason, GrantState};

use crate::grants::{Grant, Moment};
use crate::web::{Chip, Deed, TimeLeft, Tone, When};

/// Where a grant stands: icon and word.
pub(crate) fn chip(grant: &Grant, now: Time) -> Chip {
    let state = grant.status(now);
    match state {
        GrantState::Scheduled => Chip::new(Tone::Wait, "calendar-time", state.title()),
        GrantState::Provisioning => Chip::new(Tone::Wait, "refresh", "Being set up"),
        GrantState::Active if time_left(grant, now).is_some_and(|left| left.soon()) => {
            Chip::ends_soon()
        }
        GrantState::Active => Chip::active(),
        GrantState::Interrupted => Chip::new(Tone::Soon, "alert-triangle", state.title()),
        GrantState::Ending => Chip::new(Tone::Wait, "refresh", "Being removed"),
        GrantState::Stuck => Chip::stuck(),
        GrantState::Ended => Chip::new(Tone::Idle, "flag", state.title()),
        GrantState::Failed => Chip::new(Tone::Stop, "circle-x", state.title()),
    }
}

/// What is left of a grant that gives access or will; nothing once its window is over.
pub(crate) fn time_left(grant: &Grant, now: Time) -> Option<TimeLeft> {
    let duration = (grant.window.duration).filter(|_| grant.review_every.is_none());
    match grant.status(now) {
        GrantState::Scheduled => Some(TimeLeft::scheduled(grant.start, duration, now)),
        GrantState::Provisioning => Some(TimeLeft::not_confirmed(duration)),
        GrantState::Active | GrantState::Interrupted => Some(match grant.end() {
            Some(end) if let Some(review) = grant.review_at() => {
                TimeLeft::until_revoked(review, grant.lasts_until().unwrap_or(end), now)
            }
            Some(end) => {
                let start = grant.window.confirmed_at.unwrap_or(grant.start);
                TimeLeft::running(start, end, now)
            }
            None => TimeLeft::no_end(),
        }),
        GrantState::Ending | GrantState::Stuck | GrantState::Ended | GrantState::Failed => None,
    }
}

/// When a grant ends, as a text of a table: until when, or that it is had until it is revoked and when
/// it is asked next whether it is still needed.
pub(super) fn ends(grant: &Grant) -> String {
    match (grant.review_at(), grant.end()) {
        (Some(review), _) => format!("until revoked, reviewed {review}"),
        (None, Some(end)) => end.to_string(),
        (None, None) => String::new(),
    }
}

/// Why a grant is stuck, failed or over, in a sentence; nothing for others.
pub(super) fn why(grant: &Grant, now: Time) -> String {
    let closed = grant.window.closed.as_ref();
    let note = closed
        .and_then(|closed| closed.note.as_deref())
        .unwrap_or_default();
    match grant.status(now) {
        GrantState::Stuck => {
            let stuck = grant.binding.stuck.as_ref();
            let next = grant
                .binding
                .due
                .map(|due| When::relative(due.max(now), now));
            format!(
                "AWS has refused the removal {}: {}. Next try {}",
                stuck.map_or_else(
                    || "for a while".to_owned(),
                    |stuck| format!("since {}", When::short(stuck.since, now).text())
                ),
                stuck.map_or("no reason given", |stuck| stuck.reason.as_str()),
                next.as_ref().map_or("soon", |next| next.text())
            )
        }
        GrantState::Failed => match (closed.map(|closed| closed.reason), note) {
            (Some(CloseReason::NotConfirmed), "") => "it was not there in time".to_owned(),
            (_, "") => "AWS refused to provision it".to_owned(),
            (_, note) => note.to_owned(),
        },
        GrantState::Ending | GrantState::Ended => {
            let how = match closed.map(|closed| closed.reason) {
                None => "its time was over",
                Some(CloseReason::Returned) => "returned early",
                Some(CloseReason::Revoked) => "revoked",
                Some(CloseReason::CutOff) => "cut off",
                Some(CloseReason::Cancelled) => "called off before it began",
                Some(CloseReason::RemovalDecision) => "ended by a removal decision",
                Some(CloseReason::Refused) => "AWS refused it",
                Some(CloseReason::NotConfirmed) => "it was not there in time",
            };
            if note.is_empty() {
                how.to_owned()
            } else {
                format!("{how}: {note}")
            }
        }
        GrantState::Scheduled
        | GrantState::Provisioning
        | GrantState::Active
        | GrantState::Interrupted => String::new(),
    }
}

/// A moment of a grant's timeline: what it is about, its sentence, and AWS's words or the
/// reason, if there are any.
pub(crate) fn told(moment: &Moment) -> (Deed, String, String) {
    // `AWS could not add the access: …`: `tell` puts the reason after the colon.
    let (text, why) = moment.text.split_once(": ").unwrap_or((&moment.text, ""));
    let plain = |deed| (deed, moment.text.clone(), String::new());
    let parted = |deed| (deed, text.to_owned(), why.to_owned());
    match moment.what.as_str() {
        "attempt.intended" => plain(Deed::Asked),
        "attempt.answered"
            if text.starts_with("AWS could not") || text.starts_with("AWS did not") =>
        {
            parted(Deed::AwsRefused)
        }
        "attempt.answered" if text.starts_with("No answer") => parted(Deed::Warned),
        "attempt.answered" if text == "AWS says" => (
            Deed::Answered,
            "AWS reports that it is done".to_owned(),
            String::new(),
        ),
        "attempt.answered" => plain(Deed::Answered),
        "grant.confirmed" => (
            Deed::Seen,
            "Read back from AWS: the access is there, and its time starts".to_owned(),
            String::new(),
        ),
        "binding.absence_proved" => plain(Deed::Seen),
        "grant.ended" => plain(Deed::Ended),
        "grant.closed" => parted(Deed::Ended),
        "binding.stuck" => parted(Deed::AwsRefused),
        "binding.taken_away" | "binding.adopted" | "binding.interruption_over" => {
            plain(Deed::Warned)
        }
        _ => plain(Deed::Said),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(what: &str, text: &str) -> (Deed, String, String) {
        told(&Moment {
            at: Time::default(),
            what: what.to_owned(),
            text: text.to_owned(),
            aws_request_id: None,
        })
    }

    #[test]
    fn the_reason_stands_apart_and_a_refusal_looks_like_one() {
        let (deed, text, why) = said(
            "attempt.answered",
            "AWS could not add the access: 403: denied",
        );
        assert_eq!(
            (deed, text.as_str(), why.as_str()),
            (
                Deed::AwsRefused,
                "AWS could not add the access",
                "403: denied"
            )
        );
        let (deed, text, why) = said(
            "binding.absence_proved",
            "Read back from AWS: the access is gone",
        );
        assert_eq!(
            (deed, text.as_str(), why.as_str()),
            (Deed::Seen, "Read back from AWS: the access is gone", "")
        );
        assert_eq!(
            said("attempt.answered", "AWS says: add done").1,
            "AWS reports that it is done"
        );
        assert_eq!(
            said(
                "attempt.answered",
                "AWS accepted to add the access and works on it"
            )
            .0,
            Deed::Answered
        );
    }
}
