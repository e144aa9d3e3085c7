//! Everything of an account's IAM, page by page (`GetAccountAuthorizationDetails`).
//!
//! A user's groups come by *names* here; whose a name is, only the list of groups tells.

use aws_sdk_iam::types::{EntityType, GroupDetail, RoleDetail, UserDetail};
use aws_types::request_id::RequestId;

use super::{IamGroup, IamRole, IamUser, PAGE, document, more};
use crate::clock::time_of;
use crate::error::AwsError;
use crate::estate::{Estate, Session, required};
use crate::governor::{Lane, Service};
use crate::pages::{Page, Pages};

pub(crate) const DETAILS: &str = "iam:GetAccountAuthorizationDetails";

/// One row of the details.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Detail {
    /// A user, with the names of its groups. When it last signed in is not told here.
    User(IamUser, Vec<String>),
    Group(IamGroup),
    Role(IamRole),
}

impl Estate {
    /// Every user, group and, where asked, role of the account, as many a page as AWS gives.
    pub(super) fn iam_details(&self, roles: bool, lane: Lane) -> Pages<Detail> {
        let estate = self.clone();
        Pages::new(DETAILS, None, move |marker| {
            let estate = estate.clone();
            async move {
                let began = estate.now();
                let send = |s: &Session| {
                    let mut get = s.iam.get_account_authorization_details().max_items(PAGE);
                    get = get.filter(EntityType::User).filter(EntityType::Group);
                    if roles {
                        get = get.filter(EntityType::Role);
                    }
                    get.set_marker(marker.clone()).send()
                };
                let answer = estate.look(lane, Service::Iam, DETAILS, send).await?;
                let users = answer.user_detail_list().iter().map(user);
                let groups = answer.group_detail_list().iter().map(group);
                let roles = answer.role_detail_list().iter().map(role);
                Ok(Page {
                    items: users.chain(groups).chain(roles).collect::<Result<_, _>>()?,
                    began,
                    next: more(DETAILS, answer.is_truncated(), answer.marker())?,
                    request_id: answer.request_id().map(str::to_owned),
                })
            }
        })
    }
}

fn lacks(what: &str) -> AwsError {
    AwsError::unreadable(DETAILS, what)
}

fn user(row: &UserDetail) -> Result<Detail, AwsError> {
    let user = IamUser {
        id: required(row.user_id(), DETAILS, "UserId")?,
        name: required(row.user_name(), DETAILS, "UserName")?,
        path: required(row.path(), DETAILS, "Path")?,
        made_at: time_of(row.create_date().ok_or_else(|| lacks("CreateDate"))?),
        signed_in_at: None,
    };
    Ok(Detail::User(user, row.group_list().to_vec()))
}

fn group(row: &GroupDetail) -> Result<Detail, AwsError> {
    Ok(Detail::Group(IamGroup {
        id: required(row.group_id(), DETAILS, "GroupId")?,
        name: required(row.group_name(), DETAILS, "GroupName")?,
    }))
}

fn role(row: &RoleDetail) -> Result<Detail, AwsError> {
    let used = row.role_last_used();
    let boundary = row.permissions_boundary();
    Ok(Detail::Role(IamRole {
        id: required(row.role_id(), DETAILS, "RoleId")?,
        name: required(row.role_name(), DETAILS, "RoleName")?,
        path: required(row.path(), DETAILS, "Path")?,
        arn: required(row.arn(), DETAILS, "Arn")?,
        // Neither is among the details (AWS reference, shapes: RoleDetail).
        description: None,
        max_session: None,
        made_at: time_of(row.create_date().ok_or_else(|| lacks("CreateDate"))?),
        trust: document(row.assume_role_policy_document()),
        boundary: boundary.and_then(|it| it.permissions_boundary_arn().map(str::to_owned)),
        used_at: used.and_then(|it| it.last_used_date().map(time_of)),
        used_in: used.and_then(|it| it.region().map(str::to_owned)),
        whole: true,
    }))
}
