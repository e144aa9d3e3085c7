//! IAM roles, and who may assume them.

use aws_types::request_id::RequestId;
use stint_domain::Time;

use super::{PAGE, document, more};
use crate::clock::time_of;
use crate::estate::{Estate, Session};
use crate::governor::{Lane, Service};
use crate::pages::{Page, Pages};

/// An IAM role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IamRole {
    /// `AROA…`: never given twice.
    pub id: String,
    /// What calls name it by.
    pub name: String,
    /// `/`, or `/path/`.
    pub path: String,
    /// Its ARN.
    pub arn: String,
    /// For people.
    pub description: Option<String>,
    /// When it was made.
    pub made_at: Time,
    /// Its trust policy, as JSON.
    pub trust: String,
    /// The longest session it gives, in seconds.
    pub max_session: Option<i32>,
    /// The ARN of its permissions boundary. None also where the list does not tell
    /// ([`IamRole::whole`]).
    pub boundary: Option<String>,
    /// When a session of it last called AWS. None also where the list does not tell.
    pub used_at: Option<Time>,
    /// In which region that was.
    pub used_in: Option<String>,
    /// Whether boundary and last use were told (AWS reference §1.1: ListRoles tells neither).
    pub whole: bool,
}

pub(crate) const ROLES: &str = "iam:ListRoles";

impl Estate {
    /// Every IAM role of the account, a thousand a page, without boundary and last use.
    pub fn iam_roles(&self, from: Option<String>, lane: Lane) -> Pages<IamRole> {
        let estate = self.clone();
        Pages::new(ROLES, from, move |marker| {
            let estate = estate.clone();
            async move {
                let began = estate.now();
                let send = |s: &Session| {
                    let list = s.iam.list_roles().max_items(PAGE);
                    list.set_marker(marker.clone()).send()
                };
                let answer = estate.look(lane, Service::Iam, ROLES, send).await?;
                Ok(Page {
                    items: answer.roles().iter().map(role).collect(),
                    began,
                    next: more(ROLES, answer.is_truncated(), answer.marker())?,
                    request_id: answer.request_id().map(str::to_owned),
                })
            }
        })
    }
}

/// A role as it is told when it alone is asked for, with boundary and last use.
pub(in crate::read) fn whole_role(row: &aws_sdk_iam::types::Role) -> IamRole {
    let (used, boundary) = (row.role_last_used(), row.permissions_boundary());
    IamRole {
        boundary: boundary.and_then(|it| it.permissions_boundary_arn().map(str::to_owned)),
        used_at: used.and_then(|it| it.last_used_date().map(time_of)),
        used_in: used.and_then(|it| it.region().map(str::to_owned)),
        whole: true,
        ..role(row)
    }
}

fn role(row: &aws_sdk_iam::types::Role) -> IamRole {
    IamRole {
        id: row.role_id().to_owned(),
        name: row.role_name().to_owned(),
        path: row.path().to_owned(),
        arn: row.arn().to_owned(),
        description: row.description().map(str::to_owned),
        made_at: time_of(row.create_date()),
        trust: document(row.assume_role_policy_document()),
        max_session: row.max_session_duration(),
        boundary: None,
        used_at: None,
        used_in: None,
        whole: false,
    }
}
