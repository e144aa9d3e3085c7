//! A Grant: the intended access of one User, or of an Identity Center group for which one User
//! is answerable, to one Entitlement, as a window of time.
//!
//! The window opens at `start`; its length counts from the moment the access was confirmed
//! in AWS, and never reaches past `latest_end`. **An end only ever moves earlier, and
//! `Ended` never changes.** An approved extension is a new grant, the successor, that starts
//! where its predecessor ends.
//!
//! This module knows windows only. Whether AWS agrees, and when a grant whose window is over
//! may be called Ended, is the business of [`crate::binding`].

mod state;
#[cfg(test)]
mod tests;

pub use state::GrantState;

use crate::entitlement::Pair;
use crate::time::{Span, Time};
use crate::{GrantId, binding::Config};

/// How much longer than its duration a grant may take to be confirmed before that eats into
/// the time it gives: `latest_end = max(approved_at, not_before) + duration + 1 h`.
pub const CONFIRM_ALLOWANCE: Span = Span::hours(1);

/// Access until it is revoked has an end all the same, so that silence never keeps it: so long after
/// its review, unless somebody who answers for it said by then that it is still needed.
pub const ANSWER_WITHIN: Span = Span::hours(24 * 14);

/// A window with a pair, and how far it has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Its id.
    pub id: GrantId,
    /// Who is to hold what.
    pub pair: Pair,
    /// When the window opens.
    pub start: Time,
    /// How long the access lasts from its confirmation. Absent: until revoked.
    pub duration: Option<Span>,
    /// No matter when it was confirmed, the window is over here. Absent: until revoked.
    pub latest_end: Option<Time>,
    /// When the access was first known to be there. A successor needs none.
    pub confirmed_at: Option<Time>,
    /// Closed before its time.
    pub closed: Option<Closed>,
    /// The grant this one extends.
    pub predecessor: Option<GrantId>,
    /// Over for good. Never changes once set.
    pub ended: Option<Ended>,
}

/// An early end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    /// When it was closed.
    pub at: Time,
    /// Why.
    pub reason: CloseReason,
    /// What AWS said, or what the person who closed it said.
    pub note: Option<String>,
}

/// The end of everything about a grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// When that was established.
    pub at: Time,
    /// What became of the access.
    pub remains: Remains,
}

/// Writes an enum of plain words with `ALL`, `as_str` and `parse`.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$vdoc])* $variant,)* }

        impl $name {
            /// Every value, in the order declared.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The stable word, as stored and sent.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// The value this word stands for, if any.
            pub fn parse(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|v| v.as_str() == word)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
pub(crate) use words;

words! {
    /// Why a grant was closed before its time.
    CloseReason {
        /// Its user gave it back.
        Returned = "returned",
        /// Somebody who may took it away.
        Revoked = "revoked",
        /// Everything on the pair was ended at once.
        CutOff = "cut_off",
        /// It was called off before it began.
        Cancelled = "cancelled",
        /// A recorded decision removes this access, whoever added it.
        RemovalDecision = "removal_decision",
        /// AWS refused to provision it, for good.
        Refused = "refused",
        /// It was not there in the time allowed after its start.
        NotConfirmed = "not_confirmed",
    }
}

words! {
    /// What became of the access of a grant that has ended.
    Remains {
        /// Absence was proved.
        Removed = "removed",
        /// Nothing of ours was there to remove.
        Nothing = "nothing",
        /// Another grant on the same pair holds it.
        AnotherGrant = "another_grant",
        /// It stands in AWS without us, and is left alone.
        Standing = "standing",
        /// Somebody had taken it away in AWS.
        TakenAway = "taken_away",
    }
}

impl CloseReason {
    /// The grant never gave what it promised: shown as Failed.
    pub const fn is_failure(self) -> bool {
        matches!(self, Self::Refused | Self::NotConfirmed)
    }
}

/// A verb that does not fit where the grant stands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot {verb} a grant that is {from}: {why}")]
pub struct Refused {
    /// Where the grant stands, as a word: `scheduled`, `open`, `confirmed`, `over`, `ended`.
    pub from: &'static str,
    /// What was tried.
    pub verb: &'static str,
    /// Why not.
    pub why: &'static str,
}

impl Grant {
    /// A new grant. `not_before` is the start that was asked for; the window opens there or at
    /// the approval, whichever is later. Without a duration it lasts until revoked.
    pub fn open(
        id: GrantId,
        pair: Pair,
        not_before: Time,
        duration: Option<Span>,
        approved_at: Time,
    ) -> Self {
        let start = not_before.max(approved_at);
        Self {
            id,
            pair,
            start,
            duration,
            latest_end: duration.map(|d| start + d + CONFIRM_ALLOWANCE),
            confirmed_at: None,
            closed: None,
            predecessor: None,
            ended: None,
        }
    }

    /// An approved extension: a grant that starts where this one ends and needs no
    /// confirmation. Only access that was confirmed and is not over can be extended.
    pub fn extend(&self, id: GrantId, duration: Span, now: Time) -> Result<Self, Refused> {
        self.succeeded("extend", id, duration, now)
    }

    /// When it is asked whether access until it is revoked is still needed: [`ANSWER_WITHIN`] before
    /// the end that it has where nobody says so.
    pub fn review_at(&self) -> Option<Time> {
        self.end().map(|end| end - ANSWER_WITHIN)
    }

    /// Access until it is revoked is still needed: the successor that goes on from this one's end for
    /// so long as there is between two reviews. Its own review is that much after this one's, whenever
    /// the answer came; an end never moves. Not before the review.
    pub fn keep(&self, id: GrantId, every: Span, now: Time) -> Result<Self, Refused> {
        if self.review_at().is_some_and(|review| now < review) {
            return Err(self.refused("keep", "its review has not come", now));
        }
        self.succeeded("keep", id, every, now)
    }

    /// What goes on where this ends.
    fn succeeded(
        &self,
        verb: &'static str,
        id: GrantId,
        duration: Span,
        now: Time,
    ) -> Result<Self, Refused> {
        let refused = |why| self.refused(verb, why, now);
        if self.ended.is_some() || self.closed.is_some() || self.is_over(now) {
            return Err(refused("it is over"));
        }
        if !self.is_confirmed() {
            return Err(refused("its access was not confirmed yet"));
        }
        let start = self
            .end()
            .ok_or_else(|| refused("it lasts until revoked"))?;
        Ok(Self {
            id,
            pair: self.pair,
            start,
            duration: Some(duration),
            latest_end: Some(start + duration),
            confirmed_at: None,
            closed: None,
            predecessor: Some(self.id),
            ended: None,
        })
    }

    /// When the window is over; `None` while it lasts until revoked.
    pub fn end(&self) -> Option<Time> {
        let by_confirmation = self
            .confirmed_at
            .and_then(|at| self.duration.map(|length| at + length));
        let closed = self.closed.as_ref().map(|c| c.at);
        [by_confirmation, self.latest_end, closed]
            .into_iter()
            .flatten()
            .min()
    }

    /// The window is over, whatever AWS says.
    pub fn is_over(&self, now: Time) -> bool {
        self.ended.is_some() || self.end().is_some_and(|end| end <= now)
    }

    /// Not ended, and `start ≤ now < end`.
    pub fn is_live(&self, now: Time) -> bool {
        self.start <= now && !self.is_over(now)
    }

    /// Its access was seen, or its predecessor's was.
    pub fn is_confirmed(&self) -> bool {
        self.confirmed_at.is_some() || self.predecessor.is_some()
    }

    /// When it fails if it is not confirmed by then.
    pub fn confirm_by(&self, config: &Config) -> Option<Time> {
        (!self.is_confirmed() && self.closed.is_none() && self.ended.is_none())
            .then(|| self.start + config.provision)
    }

    /// The access is there: the duration counts from now.
    pub fn confirm(self, now: Time) -> Result<Self, Refused> {
        if !self.is_live(now) {
            return Err(self.refused("confirm", "its window is not open", now));
        }
        if self.is_confirmed() {
            return Err(self.refused("confirm", "it was confirmed before", now));
        }
        Ok(Self {
            confirmed_at: Some(now),
            ..self
        })
    }

    /// Ends the window now. Its successors are to be closed with it: see
    /// [`crate::binding::Ledger::close`].
    pub fn close(
        self,
        reason: CloseReason,
        note: Option<String>,
        now: Time,
    ) -> Result<Self, Refused> {
        if self.is_over(now) {
            return Err(self.refused(reason.verb(), "its window is over", now));
        }
        Ok(Self {
            closed: Some(Closed {
                at: now,
                reason,
                note,
            }),
            ..self
        })
    }

    /// Ends the grant for good. Only a grant whose window is over can end.
    pub fn finish(self, remains: Remains, now: Time) -> Result<Self, Refused> {
        if self.ended.is_some() {
            return Err(self.refused("end", "it has ended before", now));
        }
        if !self.is_over(now) {
            return Err(self.refused("end", "its window is not over", now));
        }
        Ok(Self {
            ended: Some(Ended { at: now, remains }),
            ..self
        })
    }

    fn refused(&self, verb: &'static str, why: &'static str, now: Time) -> Refused {
        let from = if self.ended.is_some() {
            "ended"
        } else if self.is_over(now) {
            "over"
        } else if now < self.start {
            "scheduled"
        } else if self.is_confirmed() {
            "confirmed"
        } else {
            "open"
        };
        Refused { from, verb, why }
    }
}

impl CloseReason {
    const fn verb(self) -> &'static str {
        match self {
            Self::Returned => "return",
            Self::Revoked => "revoke",
            Self::CutOff => "cut off",
            Self::Cancelled => "cancel",
            Self::RemovalDecision => "remove",
            Self::Refused | Self::NotConfirmed => "fail",
        }
    }
}
