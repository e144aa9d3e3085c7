//! The kinds of object that a sync reads, each whole or not.
//!
//! A run notes on its [`Plan`](super::Plan) what it came to of each: when reading all of it began, or
//! why not all of it was read. Only a run that is believed makes a kind fresh; one that failed, was
//! held, or read a part leaves the moment where it was, and says why. What is read again after a
//! change event does not count: it says nothing of the rest.

use stint_db::Tx;

use super::store::classes as rows;
use super::{Error, SyncRun};
use crate::connections::Connection;

/// A kind of object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Accounts.
    Accounts,
    /// The units of the organization, with their names.
    Units,
    /// The tags of accounts. Read by and by: the moment is that of the account read longest ago.
    Tags,
    /// Permission sets.
    Sets,
    /// What permission sets allow. Read once a day: the moment is that of the set read longest ago.
    Policies,
    /// Identity Center users.
    Users,
    /// Identity Center groups.
    Groups,
    /// Who is in which Identity Center group.
    Memberships,
    /// Who holds which permission set on which account.
    Assignments,
    /// IAM users, IAM groups and who is in which, of the connection's own account.
    Iam,
    /// Its IAM roles.
    Roles,
    /// Its credential report: passwords, MFA and access keys. The moment is when AWS made it.
    Report,
    /// The same three of the organization's other accounts. One that refuses spoils the moment of all.
    MemberIam,
    /// IAM roles there.
    MemberRoles,
    /// Credential reports there: the moment is when AWS made the oldest.
    MemberReports,
}

impl Class {
    /// All of them, in the order they are shown.
    pub const ALL: [Self; 15] = [
        Self::Accounts,
        Self::Units,
        Self::Tags,
        Self::Sets,
        Self::Policies,
        Self::Users,
        Self::Groups,
        Self::Memberships,
        Self::Assignments,
        Self::Iam,
        Self::Roles,
        Self::Report,
        Self::MemberIam,
        Self::MemberRoles,
        Self::MemberReports,
    ];

    /// The stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accounts => "accounts",
            Self::Units => "organizational_units",
            Self::Tags => "account_tags",
            Self::Sets => "permission_sets",
            Self::Policies => "policies",
            Self::Users => "users",
            Self::Groups => "groups",
            Self::Memberships => "memberships",
            Self::Assignments => "assignments",
            Self::Iam => "iam",
            Self::Roles => "iam_roles",
            Self::Report => "credential_report",
            Self::MemberIam => "member_iam",
            Self::MemberRoles => "member_roles",
            Self::MemberReports => "member_reports",
        }
    }

    /// The class of this word.
    pub(super) fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == word)
    }

    /// For people.
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Accounts => "Accounts",
            Self::Units => "Organizational units",
            Self::Tags => "Tags of accounts",
            Self::Sets => "Permission sets",
            Self::Policies => "Policies of permission sets",
            Self::Users => "Users",
            Self::Groups => "Groups",
            Self::Memberships => "Memberships",
            Self::Assignments => "Assignments",
            Self::Iam => "IAM users and groups",
            Self::Roles => "IAM roles",
            Self::Report => "Credential report",
            Self::MemberIam => "IAM users and groups of member accounts",
            Self::MemberRoles => "IAM roles of member accounts",
            Self::MemberReports => "Credential reports of member accounts",
        }
    }

    /// Which objects that wait to be read again are of it, by their kinds; besides `everything`, which
    /// waits in all of them.
    pub(super) const fn kinds(self) -> &'static [&'static str] {
        match self {
            Self::Accounts => &["accounts"],
            Self::Units => &["units"],
            Self::Tags => &["account_tags"],
            Self::Sets => &["permission_set"],
            Self::Users => &["users", "user"],
            Self::Groups => &["groups", "group"],
            Self::Memberships => &["members", "membership"],
            Self::Assignments => &["assignments"],
            Self::Iam => &["iam_users", "iam_user", "iam_group", "iam_account"],
            Self::Roles => &["iam_roles", "iam_role"],
            Self::Report => &["iam_credentials"],
            Self::Policies | Self::MemberIam | Self::MemberRoles | Self::MemberReports => &[],
        }
    }

    /// Whether a sync of this connection reads it.
    pub(super) fn is_read(self, of: &Connection) -> bool {
        match self {
            Self::Tags => of.scope.account_tags,
            Self::Iam | Self::Roles | Self::Report => of.iam,
            Self::MemberIam | Self::MemberRoles | Self::MemberReports => {
                of.iam && of.members.as_ref().is_some_and(|it| it.on)
            }
            _ => true,
        }
    }

    /// The class whose reading failed with this, where one did.
    fn blamed(error: &Error) -> Option<Self> {
        match error {
            Error::OtherAccount { .. } => Some(Self::Iam),
            Error::Aws { phase, .. } => match *phase {
                "accounts" => Some(Self::Accounts),
                "permission sets" => Some(Self::Sets),
                "users" => Some(Self::Users),
                "groups" => Some(Self::Groups),
                "memberships" => Some(Self::Memberships),
                "assignments" => Some(Self::Assignments),
                "IAM" => Some(Self::Iam),
                "IAM of member accounts" => Some(Self::MemberIam),
                _ => None,
            },
            _ => None,
        }
    }
}

/// Writes down what a run that is believed came to of each class; in the transaction that completes
/// it.
pub(super) async fn believed(tx: &mut Tx, run: &SyncRun) -> stint_db::Result<()> {
    for (class, came) in &run.plan.read {
        let (read_at, why) = match came {
            Ok(began) => (Some(*began), None),
            Err(why) => (None, Some(why.as_str())),
        };
        rows::tell(tx, run, *class, read_at, why).await?;
    }
    Ok(())
}

/// Notes of every class that a run did not make it fresh, and why. When it was last read whole stays.
pub(super) async fn not_believed(tx: &mut Tx, run: &SyncRun, why: &str) -> stint_db::Result<()> {
    for class in Class::ALL {
        rows::tell(tx, run, class, None, Some(why)).await?;
    }
    Ok(())
}

/// The same of a run that failed: the class that could not be read has what AWS said.
pub(super) async fn failed(
    tx: &mut Tx,
    run: &SyncRun,
    error: &Error,
    why: &str,
) -> stint_db::Result<()> {
    not_believed(tx, run, "The last sync failed before everything was read.").await?;
    match Class::blamed(error) {
        Some(class) => rows::tell(tx, run, class, None, Some(why)).await,
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_one_class_and_every_kind_of_hint_waits_in_one() {
        for class in Class::ALL {
            assert_eq!(Class::parse(class.as_str()), Some(class));
        }
        assert_eq!(Class::parse("dreams"), None);
        let mut kinds: Vec<&str> = Class::ALL
            .iter()
            .flat_map(|it| it.kinds())
            .copied()
            .collect();
        let all = kinds.len();
        assert_eq!(all, 18, "every kind but everything");
        kinds.sort_unstable();
        kinds.dedup();
        assert_eq!(kinds.len(), all, "a hint waits once");
    }
}
