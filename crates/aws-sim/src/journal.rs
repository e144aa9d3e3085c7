//! What was asked and what was answered.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Calls kept; the oldest go first.
const KEPT: usize = 200_000;

/// Whose key signed a call, or whose token it showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Party {
    /// The Stint host's key, and every session that descends from it.
    Stint,
    /// The estate administrator's key, and every session that descends from it.
    Admin,
    /// A key of any other IAM user, or the token of a person or of an identity provider.
    User,
    /// Neither, or one nobody has.
    Nobody,
}

/// One call as it arrived.
#[derive(Debug, Clone, Serialize)]
pub struct Call {
    /// From 1, without gaps.
    pub no: u64,
    /// The virtual time, in microseconds, when it reached the service.
    pub at: i64,
    /// `sso:CreateAccountAssignment`
    pub operation: String,
    /// Whose key or token.
    pub party: Party,
    /// The caller's account, when the key or token is known.
    pub account: Option<String>,
    /// The key as sent.
    pub access_key_id: Option<String>,
    /// Who called, when the key or token is known.
    pub caller_arn: Option<String>,
    /// What the answer carried as its request id, also when the answer was lost.
    pub request_id: String,
    /// The signing time, in microseconds, as sent.
    pub signed_at: Option<i64>,
    /// The input's members.
    pub input: Value,
    /// What came back.
    pub answer: Answered,
    /// The fault that had a hand in it.
    pub fault: Option<u64>,
    /// What it met: effects as `/_sim/faults` names them, `rate` where the call was one too many
    /// and `at_once` where others were in hand ([`crate::Throttling`]), `lag` where it was answered from an older state
    /// ([`crate::Knobs::read_lag_micros`]).
    pub weather: Vec<&'static str>,
}

/// How a call ended, as its caller saw it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Answered {
    /// With an output.
    Ok,
    /// With an error.
    Error {
        /// The HTTP status.
        status: u16,
        /// AWS's code.
        code: String,
    },
    /// With a broken connection.
    Lost {
        /// Whether the service had acted on it.
        done: bool,
        /// The error the lost answer carried, if it was one.
        code: Option<String>,
    },
}

/// Which calls of the journal are asked for; every one by default.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Only calls with a greater number.
    pub after: Option<u64>,
    /// Only calls with a smaller number.
    pub before: Option<u64>,
    /// At most so many.
    pub limit: Option<usize>,
    /// The newest first; otherwise the oldest.
    pub newest: bool,
    /// `sso:CreateAccountAssignment`, or `sso:*`.
    pub operation: Option<String>,
    /// Whose key or token.
    pub party: Option<Party>,
    /// The caller's account.
    pub account: Option<String>,
    /// Part of the caller's ARN, or the whole access key.
    pub caller: Option<String>,
    /// How they ended.
    pub outcome: Option<Outcome>,
    /// The error they were answered with.
    pub code: Option<String>,
    /// The fault that had a hand in them.
    pub fault: Option<u64>,
    /// A text somewhere in the input.
    pub input: Option<String>,
}

/// How a call may have ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// With an output.
    Ok,
    /// With an error.
    Error,
    /// With a broken connection.
    Lost,
}

impl Answered {
    /// Which of the three it is.
    pub fn outcome(&self) -> Outcome {
        match self {
            Answered::Ok => Outcome::Ok,
            Answered::Error { .. } => Outcome::Error,
            Answered::Lost { .. } => Outcome::Lost,
        }
    }

    /// The error in it.
    pub fn code(&self) -> Option<&str> {
        match self {
            Answered::Ok => None,
            Answered::Error { code, .. } => Some(code),
            Answered::Lost { code, .. } => code.as_deref(),
        }
    }
}

impl Wanted {
    fn takes(&self, call: &Call) -> bool {
        let operation = |wanted: &String| match wanted.strip_suffix('*') {
            Some(prefix) => call.operation.starts_with(prefix),
            None => call.operation == *wanted,
        };
        let caller = |wanted: &String| {
            let arn = call.caller_arn.as_ref();
            arn.is_some_and(|arn| arn.contains(wanted.as_str()))
                || call.access_key_id.as_ref() == Some(wanted)
        };
        self.operation.as_ref().is_none_or(operation)
            && self.party.is_none_or(|party| party == call.party)
            && (self.account.is_none() || self.account == call.account)
            && self.caller.as_ref().is_none_or(caller)
            && self.outcome.is_none_or(|it| it == call.answer.outcome())
            && (self.code.is_none() || self.code.as_deref() == call.answer.code())
            && (self.fault.is_none() || self.fault == call.fault)
            && (self.input.as_ref()).is_none_or(|text| call.input.to_string().contains(text))
    }
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Journal {
    calls: VecDeque<Call>,
    total: u64,
    stint: u64,
    admin: u64,
    users: u64,
}

impl Journal {
    pub(crate) fn next_no(&self) -> u64 {
        self.total + 1
    }

    /// Numbers the call and keeps it.
    pub(crate) fn write(&mut self, mut call: Call) {
        self.total += 1;
        call.no = self.total;
        match call.party {
            Party::Stint => self.stint += 1,
            Party::Admin => self.admin += 1,
            Party::User => self.users += 1,
            Party::Nobody => {}
        }
        if self.calls.len() == KEPT {
            self.calls.pop_front();
        }
        self.calls.push_back(call);
    }

    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    pub(crate) fn total_by(&self, party: Party) -> u64 {
        match party {
            Party::Stint => self.stint,
            Party::Admin => self.admin,
            Party::User => self.users,
            Party::Nobody => self.total - self.stint - self.admin - self.users,
        }
    }

    pub(crate) fn since(&self, no: u64) -> Vec<Call> {
        self.after(no).cloned().collect()
    }

    /// Calls are numbered without gaps: where one is follows from its number.
    fn after(&self, no: u64) -> impl DoubleEndedIterator<Item = &Call> {
        let first = self.calls.front().map_or(0, |call| call.no);
        let skipped = (no + 1).saturating_sub(first);
        let skipped = usize::try_from(skipped).unwrap_or(usize::MAX);
        self.calls.range(skipped.min(self.calls.len())..)
    }

    /// Those that are asked for, and where to go on if there are more.
    pub(crate) fn pick(&self, wanted: &Wanted) -> (Vec<Call>, Option<u64>) {
        let limit = wanted.limit.unwrap_or(usize::MAX);
        let after = self.after(wanted.after.unwrap_or(0));
        let before = wanted.before.unwrap_or(u64::MAX);
        let fits = |call: &&Call| call.no < before && wanted.takes(call);
        let mut page: Vec<&Call> = if wanted.newest {
            let last = self.total.min(before.saturating_sub(1));
            let newer = usize::try_from(self.total - last).unwrap_or(usize::MAX);
            let found = after.rev().skip(newer).filter(fits);
            found.take(limit.saturating_add(1)).collect()
        } else {
            after.filter(fits).take(limit.saturating_add(1)).collect()
        };
        let more = page.len() > limit;
        page.truncate(limit);
        let next = page.last().filter(|_| more).map(|call| call.no);
        (page.into_iter().cloned().collect(), next)
    }
}
