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
    /// A key of any other IAM user, or the token of a person.
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

#[derive(Debug, Default)]
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
        self.calls
            .iter()
            .filter(|call| call.no > no)
            .cloned()
            .collect()
    }
}
