//! Where a request is, as its columns say it.

use stint_domain::request::{self as rules, State};
use stint_domain::{Time, UserId};

/// Where a request is, as columns.
pub(super) struct Position {
    pub(super) step: Option<i64>,
    pub(super) since: Option<Time>,
    pub(super) carried: i64,
    pub(super) reminded: bool,
    pub(super) late: bool,
    pub(super) at: Option<Time>,
    pub(super) by: Option<UserId>,
    pub(super) because: Option<String>,
    pub(super) ended_at: Option<i64>,
}

pub(super) fn position(rules: &rules::Request) -> Position {
    let nowhere = Position {
        step: None,
        since: None,
        carried: 0,
        reminded: false,
        late: false,
        at: rules.state.closed_at(),
        by: None,
        because: None,
        ended_at: None,
    };
    match &rules.state {
        State::Pending {
            step,
            since,
            carried,
            reminded,
            late,
            ..
        } => Position {
            step: Some(i64::try_from(*step).unwrap_or(i64::MAX)),
            since: Some(*since),
            carried: i64::from(*carried),
            reminded: *reminded,
            late: *late,
            ..nowhere
        },
        State::Approved { approvals, .. } => Position {
            by: approvals.last().map(|approval| approval.by),
            ..nowhere
        },
        State::Denied {
            by: None,
            reason,
            step,
            ..
        } => Position {
            because: Some(reason.clone()),
            ended_at: Some(i64::try_from(*step).unwrap_or(i64::MAX)),
            ..nowhere
        },
        State::Denied { by, .. } => Position { by: *by, ..nowhere },
        State::Cancelled { by, .. } => Position {
            by: Some(*by),
            ..nowhere
        },
    }
}
