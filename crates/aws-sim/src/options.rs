//! How a simulated AWS is made, and what can be turned while it runs.

use serde::{Deserialize, Serialize};

use crate::clock::SimClock;
use crate::estate::EstateSpec;
use crate::throttle::Throttling;

/// What a [`crate::Sim`] is made of.
#[derive(Debug, Clone)]
pub struct SimOptions {
    /// The organization to generate.
    pub estate: EstateSpec,
    /// The clock it lives by.
    pub clock: SimClock,
    /// Its manners.
    pub knobs: Knobs,
}

impl SimOptions {
    /// This estate and clock, with the default manners.
    pub fn new(estate: EstateSpec, clock: SimClock) -> Self {
        Self {
            estate,
            clock,
            knobs: Knobs::default(),
        }
    }
}

/// Where AWS promises nothing, or is known to behave in one of several ways.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Knobs {
    /// How often each service takes calls; by default as often as it is called.
    pub throttling: Throttling,
    /// How many connections a port has at once: one more is answered 503 and closed.
    pub connections: usize,
    /// How long asynchronous writes take.
    pub settle: Settle,
    /// Whether a login profile made a moment ago cannot be changed yet (AWS reference §1.1).
    pub new_logins_settle: bool,
    /// How old the memberships and assignments are that lagging reads tell of, in microseconds; 0
    /// for no lag.
    pub read_lag_micros: i64,
    /// How old the users, groups, roles, policies, keys and permission sets are that lagging reads
    /// of IAM, the identity store and Identity Center tell of, in microseconds; 0 for no lag.
    pub entity_lag_micros: i64,
    /// Which reads lag.
    pub reads: Reads,
    /// How far the signing time may lie from the judging clock, in microseconds.
    pub signature_window_micros: i64,
    /// How many assignment writes may be under way at once (AWS reference §2 [D]).
    pub outstanding_writes: usize,
    /// Whether the writes on one account are carried out one after the other (AWS reference §2
    /// [D]).
    pub serial_per_account: bool,
    /// What one more is answered with; AWS does not say (AWS reference §10).
    pub over_outstanding: OverLimit,
    /// What deleting an absent assignment is answered with: both were seen (AWS reference
    /// §1.3 [R], [M]).
    pub absent_delete: AbsentDelete,
    /// Whether `ListAccountAssignmentsForPrincipal` of a user also lists what the user's
    /// groups hold (AWS reference §3.3 [R]).
    pub inherited_rows: bool,
    /// Whether Organizations puts empty pages between full ones (AWS reference §1.4 [M]).
    pub empty_pages: bool,
    /// How long after a change its event reaches a queue, in microseconds (AWS reference §1.8:
    /// minutes as a rule).
    pub event_delay_micros: i64,
    /// How long a person's sign-in lasts, in microseconds (AWS reference §5.4 [D]: 8 hours
    /// unless set, up to 90 days).
    pub portal_session_micros: i64,
    /// How long tokens of a person who was disabled or removed still open the portal, in
    /// microseconds (AWS reference §5.3 [D]).
    pub portal_afterlife_micros: i64,
    /// Whether a refresh token is good for one use; AWS does not say.
    pub refresh_tokens_once: bool,
    /// How long a token of the SCIM endpoint lasts, in microseconds (AWS reference §1.7: a year).
    pub scim_token_micros: i64,
    /// Whether SCIM's lists go on from a cursor, up to 100 a page. If not, there are 50 and no
    /// more, as it was (AWS reference §1.7 [D]).
    pub scim_cursors: bool,
    /// Whether accounts come without the retired `Status` (AWS reference §1.4 [M]).
    pub omit_account_status: bool,
    /// Whether accounts come without `Paths` (AWS reference §1.4 [M]).
    pub omit_account_paths: bool,
    /// Whether users of the identity store come without `UserStatus`, as in older stores (AWS
    /// reference §1.2 [M]).
    pub omit_user_status: bool,
}

impl Default for Knobs {
    fn default() -> Self {
        Self {
            throttling: Throttling::default(),
            connections: 1_024,
            settle: Settle {
                polls: 2,
                micros: 3_000_000,
            },
            new_logins_settle: false,
            read_lag_micros: 0,
            entity_lag_micros: 0,
            reads: Reads::Lagging,
            signature_window_micros: 15 * 60 * 1_000_000,
            outstanding_writes: 10,
            serial_per_account: true,
            over_outstanding: OverLimit::Throttling,
            absent_delete: AbsentDelete::FailsLater,
            inherited_rows: true,
            empty_pages: false,
            event_delay_micros: 60 * 1_000_000,
            portal_session_micros: 8 * 60 * 60 * 1_000_000,
            portal_afterlife_micros: crate::sign_in::AFTERLIFE,
            refresh_tokens_once: true,
            scim_token_micros: crate::scim::YEAR,
            scim_cursors: true,
            omit_account_status: false,
            omit_account_paths: false,
            omit_user_status: false,
        }
    }
}

/// When an asynchronous write ends: whichever comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settle {
    /// After so many polls were answered `IN_PROGRESS`; 0 ends it within its own call.
    pub polls: u32,
    /// After so many microseconds of virtual time.
    pub micros: i64,
}

/// Which reads answer from the lagging state while there is a lag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reads {
    /// Every read.
    Lagging,
    /// Every second read: the other replica is up to date.
    Alternating,
    /// None but those a fault picks ([`crate::Effect::Stale`]).
    Fresh,
}

/// The answer to an assignment write beyond the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OverLimit {
    /// `ThrottlingException`
    Throttling,
    /// `ConflictException`
    Conflict,
}

/// The answer to deleting an assignment that is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AbsentDelete {
    /// Accepted, then `FAILED` with a text that says 404.
    FailsLater,
    /// `ResourceNotFoundException` at once.
    NotFound,
}
