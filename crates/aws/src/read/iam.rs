//! Users and groups of IAM, in the role's own account.
//!
//! IAM pages by marker; only `IsTruncated` tells whether there is more (AWS reference §1.1).

use aws_types::request_id::RequestId;

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
                let rows = answer.groups().iter().map(|row| IamGroup {
                    id: row.group_id().to_owned(),
                    name: row.group_name().to_owned(),
                });
                Ok(Page {
                    items: rows.collect(),
                    began,
                    next: more(GROUPS, answer.is_truncated(), answer.marker())?,
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

fn other_group(meant: &IamGroup, found: &str) -> AwsError {
    let message = format!(
        "the name {} is now that of the IAM group {found}, not of {}",
        meant.name, meant.id
    );
    AwsError::ours(crate::error::ErrorKind::Other, GROUP, OTHER_GROUP, message)
}

fn user(row: &aws_sdk_iam::types::User) -> IamUser {
    IamUser {
        id: row.user_id().to_owned(),
        name: row.user_name().to_owned(),
    }
}

/// The marker of the next page. More without a marker is no complete answer.
fn more(
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
