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
    match grant.status(now) {
        GrantState::Scheduled => Some(TimeLeft::scheduled(grant.start, grant.window.duration, now)),
        GrantState::Provisioning => Some(TimeLeft::not_confirmed(grant.window.duration)),
        GrantState::Active | GrantState::Interrupted => Some(match grant.end() {
            Some(end) => {
                let start = grant.window.confirmed_at.unwrap_or(grant.start);
                TimeLeft::running(start, end, now)
            }
            None => TimeLeft::no_end(),
        }),
        GrantState::Ending | GrantState::Stuck | GrantState::Ended | GrantState::Failed => None,
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
                "AWS refuses the removal: {}. Next try {}",
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

/// What a moment of a grant's timeline is about, and its sentence.
pub(crate) fn told(moment: &Moment) -> (Deed, String) {
    let text = moment.text.clone();
    match moment.what.as_str() {
        "attempt.intended" => (Deed::Asked, text),
        "attempt.answered" => {
            // The sentence is `tell`'s, one per outcome.
            let deed = if text.starts_with("AWS could not") || text.starts_with("AWS did not") {
                Deed::AwsRefused
            } else if text.starts_with("No answer") {
                Deed::Warned
            } else {
                Deed::Answered
            };
            (deed, text)
        }
        "grant.confirmed" => (
            Deed::Seen,
            "Read back from AWS: the access is there. Its time starts now".to_owned(),
        ),
        "binding.absence_proved" => (Deed::Seen, text),
        "grant.closed" | "grant.ended" => (Deed::Ended, text),
        "binding.stuck" => (Deed::AwsRefused, text),
        "binding.taken_away" | "binding.adopted" | "binding.interruption_over" => {
            (Deed::Warned, text)
        }
        _ => (Deed::Said, text),
    }
}
