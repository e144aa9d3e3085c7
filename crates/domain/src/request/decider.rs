//! Who wants to decide, as they are at that moment, and what makes them an approver.

use std::fmt;

use crate::policy::Role;
use crate::{GroupId, Time, UserId};

/// Somebody who wants to decide, as they are now. A token decides as its user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decider {
    /// Who.
    pub user: UserId,
    /// The groups they are in now, and what they are to this question.
    pub memberships: Vec<Membership>,
    /// Whether they are now a member of the Identity Center group it is for, where it is for
    /// one: they would hold the access too.
    pub benefits: bool,
    /// Whether somebody who asked or would hold it has delegated to them, now.
    pub of_theirs: bool,
    /// When they last changed themselves what conditions may ask about them (their groups, their
    /// profile, whose manager they are), if ever.
    pub changed_own: Option<Time>,
    /// When they last changed themselves who others are (took somebody out of a group, deactivated
    /// them, took away a role or what they own, set their profile or manager), if ever: that can
    /// leave a step without its approvers.
    pub changed_others: Option<Time>,
    /// Who has delegated to them, now. What was delegated to those is not passed on.
    pub delegators: Vec<Delegator>,
}

/// Somebody who is away and for whom a delegate may decide, as they are now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delegator {
    /// Who, as they would decide themselves.
    pub who: Decider,
    /// When the delegation was written.
    pub since: Time,
    /// By whom: themselves, or an administrator.
    pub made_by: Option<UserId>,
}

/// That somebody is in a group, or has a role, now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// Of what.
    pub of: Source,
    /// Since when without interruption.
    pub since: Time,
    /// Who added them, where a person did.
    pub added_by: Option<UserId>,
}

/// What makes somebody an approver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// They are in this group.
    Group(GroupId),
    /// They are this to whoever asks, or to what is asked for.
    Role(Role),
    /// A condition is true of them.
    Condition,
    /// They stand in for approvers of whom there are too few.
    Fallback,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Group(id) => id.fmt(f),
            Self::Role(Role::Manager) => f.write_str("their managers"),
            Self::Role(Role::ApplicationOwner) => f.write_str("the application's owners"),
            Self::Role(Role::ConnectionOwner) => f.write_str("the connection's owners"),
            Self::Condition => f.write_str("those whom the step's condition means"),
            Self::Fallback => f.write_str("those who stand in"),
        }
    }
}
