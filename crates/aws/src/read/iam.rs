//! What the IAM of one account holds: users, groups, who is in which, roles, and what its
//! credential report says.
//!
//! IAM pages by marker; only `IsTruncated` tells whether there is more (AWS reference §1.1).

mod account;
mod details;
mod reading;
mod report;
mod roles;

pub use reading::{IamKnown, IamReading, Joined, Seen};
pub use report::{CredentialReport, KeyUse, RootUse, UserReport};
pub use roles::IamRole;
pub(super) use roles::whole_role;

use aws_types::request_id::RequestId;
use stint_domain::Time;

use crate::clock::time_of;

use crate::error::AwsError;
use crate::estate::{Estate, Session};
use crate::governor::{Lane, Service};
use crate::pages::{Page, Pages};

/// An IAM user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IamUser {
    /// `AIDA…`: never given twice.
    pub id: String,
    /// What calls name it by; may be another's tomorrow.
    pub name: String,
    /// `/`, or `/path/`.
    pub path: String,
    /// When it was made. With the name it tells whose a line of the credential report is, which
    /// has no ids.
    pub made_at: Time,
    /// When its password last signed in to the console; none also where AWS does not tell here.
    pub signed_in_at: Option<Time>,
}

/// An IAM group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IamGroup {
    /// `AGPA…`: never given twice.
    pub id: String,
    /// What calls name it by; may be another's tomorrow.
    pub name: String,
}

pub(crate) const USERS: &str = "iam:ListUsers";
pub(crate) const GROUPS: &str = "iam:ListGroups";
pub(crate) const GROUP: &str = "iam:GetGroup";
const GROUPS_OF: &str = "iam:ListGroupsForUser";
/// The most AWS gives (AWS reference §1.1); it may give fewer.
pub(crate) const PAGE: i32 = 1000;

impl Estate {
    /// Every IAM user of the account, a thousand a page.
    pub fn iam_users(&self, from: Option<String>, lane: Lane) -> Pages<IamUser> {
        let estate = self.clone();
        Pages::new(USERS, from, move |marker| {
            let estate = estate.clone();
            async move {
                let began = estate.now();
                let send = |s: &Session| {
                    let list = s.iam.list_users().max_items(PAGE);
                    list.set_marker(marker.clone()).send()
                };
                let answer = estate.look(lane, Service::Iam, USERS, send).await?;
                Ok(Page {
                    items: answer.users().iter().map(user).collect(),
                    began,
                    next: more(USERS, answer.is_truncated(), answer.marker())?,
                    request_id: answer.request_id().map(str::to_owned),
                })
            }
        })
    }

    /// Every IAM group of the account, a thousand a page.
    pub fn iam_groups(&self, from: Option<String>, lane: Lane) -> Pages<IamGroup> {
        let estate = self.clone();
        Pages::new(GROUPS, from, move |marker| {
            let estate = estate.clone();
            async move {
                let began = estate.now();
                let send = |s: &Session| {
                    let list = s.iam.list_groups().max_items(PAGE);
                    list.set_marker(marker.clone()).send()
                };
                let answer = estate.look(lane, Service::Iam, GROUPS, send).await?;
                Ok(Page {
                    items: answer.groups().iter().map(group).collect(),
                    began,
                    next: more(GROUPS, answer.is_truncated(), answer.marker())?,
                    request_id: answer.request_id().map(str::to_owned),
                })
            }
        })
    }

    /// The IAM groups of whoever bears this user's name now. The answer does not say who that is:
    /// it counts only where the name was the user's before and after.
    pub fn iam_groups_of(
        &self,
        user: &IamUser,
        from: Option<String>,
        lane: Lane,
    ) -> Pages<IamGroup> {
        let (estate, name) = (self.clone(), user.name.clone());
        Pages::new(GROUPS_OF, from, move |marker| {
            let (estate, name) = (estate.clone(), name.clone());
            async move {
                let began = estate.now();
                let send = |s: &Session| {
                    let list = s.iam.list_groups_for_user().user_name(&name);
                    list.max_items(PAGE).set_marker(marker.clone()).send()
                };
                let answer = estate.look(lane, Service::Iam, GROUPS_OF, send).await?;
                Ok(Page {
                    items: answer.groups().iter().map(group).collect(),
                    began,
                    next: more(GROUPS_OF, answer.is_truncated(), answer.marker())?,
                    request_id: answer.request_id().map(str::to_owned),
                })
            }
        })
    }

    /// Every member of the IAM group of this name, a thousand a page. Fails with code
    /// `other_group` when the name is no longer that of the group with this id: what it says
    /// would be about another group.
    pub fn iam_members(
        &self,
        group: &IamGroup,
        from: Option<String>,
        lane: Lane,
    ) -> Pages<IamUser> {
        let (estate, group) = (self.clone(), group.clone());
        Pages::new(GROUP, from, move |marker| {
            let (estate, group) = (estate.clone(), group.clone());
            async move {
                let began = estate.now();
                let send = |s: &Session| {
                    let get = s.iam.get_group().group_name(&group.name).max_items(PAGE);
                    get.set_marker(marker.clone()).send()
                };
                let answer = estate.look(lane, Service::Iam, GROUP, send).await?;
                let request_id = answer.request_id().map(str::to_owned);
                match answer.group() {
                    Some(found) if found.group_id() == group.id => {}
                    Some(found) => {
                        return Err(other_group(&group, found.group_id()).about(request_id));
                    }
                    None => return Err(AwsError::unreadable(GROUP, "Group")),
                }
                Ok(Page {
                    items: answer.users().iter().map(user).collect(),
                    began,
                    next: more(GROUP, answer.is_truncated(), answer.marker())?,
                    request_id,
                })
            }
        })
    }
}

/// The code of an answer about another group than the one meant.
pub(crate) const OTHER_GROUP: &str = "other_group";

pub(super) fn other_group(meant: &IamGroup, found: &str) -> AwsError {
    let message = format!(
        "the name {} is now that of the IAM group {found}, not of {}",
        meant.name, meant.id
    );
    AwsError::ours(crate::error::ErrorKind::Other, GROUP, OTHER_GROUP, message)
}

fn group(row: &aws_sdk_iam::types::Group) -> IamGroup {
    IamGroup {
        id: row.group_id().to_owned(),
        name: row.group_name().to_owned(),
    }
}

pub(super) fn user(row: &aws_sdk_iam::types::User) -> IamUser {
    IamUser {
        id: row.user_id().to_owned(),
        name: row.user_name().to_owned(),
        path: row.path().to_owned(),
        made_at: time_of(row.create_date()),
        signed_in_at: row.password_last_used().map(time_of),
    }
}

/// A policy document as IAM sends it, with its percents resolved.
fn document(sent: Option<&str>) -> String {
    let bytes = percent_encoding::percent_decode_str(sent.unwrap_or_default());
    bytes.decode_utf8_lossy().into_owned()
}

/// The marker of the next page. More without a marker is no complete answer.
pub(crate) fn more(
    operation: &'static str,
    truncated: bool,
    marker: Option<&str>,
) -> Result<Option<String>, AwsError> {
    match (truncated, marker) {
        (false, _) => Ok(None),
        (true, Some(marker)) => Ok(Some(marker.to_owned())),
        (true, None) => Err(AwsError::unreadable(operation, "Marker")),
    }
}
