//! IAM of one account: policies, groups, users and roles.

use super::build::{Builder, document, form, not_of, put, unknown};
use super::shapes::{Entity, InAccount};
use super::{FileError, refused};
use crate::wire::Service;

/// What a kind is called in operations and their inputs, and by people.
#[derive(Clone, Copy)]
struct Kind {
    large: &'static str,
    small: &'static str,
}

const USER: Kind = Kind {
    large: "User",
    small: "user",
};
const GROUP: Kind = Kind {
    large: "Group",
    small: "group",
};
const ROLE: Kind = Kind {
    large: "Role",
    small: "role",
};

impl Builder {
    pub(super) fn iam(&mut self, within: &InAccount) -> Result<(), FileError> {
        let account = self.account(&within.account)?;
        if let Some(alias) = &within.alias {
            let input = form(&[("AccountAlias", Some(alias.value.clone()))]);
            let done = self.ask_in(&account, Service::Iam, "CreateAccountAlias", input);
            done.map_err(|e| refused(alias, "account alias", &alias.value, &e))?;
        }
        for policy in &within.policies {
            let input = form(&[
                ("PolicyName", Some(policy.name.value.clone())),
                ("Path", policy.path.clone()),
                ("Description", policy.description.clone()),
                ("PolicyDocument", Some(document(&policy.policy))),
            ]);
            let done = self.ask_in(&account, Service::Iam, "CreatePolicy", input);
            done.map_err(|e| refused(&policy.policy, "IAM policy", &policy.name.value, &e))?;
        }
        for group in &within.groups {
            self.entity(&account, group, GROUP)?;
        }
        for user in &within.users {
            self.entity(&account, user, USER)?;
        }
        for role in &within.roles {
            self.entity(&account, role, ROLE)?;
        }
        Ok(())
    }

    fn entity(&mut self, account: &str, entity: &Entity, kind: Kind) -> Result<(), FileError> {
        let name = &entity.name;
        let wrong = |e| refused(name, &format!("IAM {}", kind.small), &name.value, &e);
        let is = |other: Kind| kind.small == other.small;
        if !is(ROLE) {
            if let Some(trust) = &entity.trust {
                return Err(not_of(trust, kind.small, "trust"));
            }
            if let Some(description) = &entity.description {
                return Err(not_of(description, kind.small, "description"));
            }
            if let Some(longest) = &entity.longest_session {
                return Err(not_of(longest, kind.small, "longest_session"));
            }
        }
        if let (false, Some(group)) = (is(USER), entity.groups.first()) {
            return Err(not_of(group, kind.small, "groups"));
        }
        if let (true, Some(boundary)) = (is(GROUP), &entity.boundary) {
            return Err(not_of(boundary, kind.small, "boundary"));
        }
        if is(GROUP) && !entity.tags.is_empty() {
            return Err(not_of(name, kind.small, "tags"));
        }
        if is(ROLE) && entity.trust.is_none() {
            let missing = format!("role `{}` needs `trust`: who may assume it", name.value);
            return Err(FileError::of(name, missing));
        }
        let member = format!("{}Name", kind.large);
        let boundary = match &entity.boundary {
            Some(boundary) => Some(self.policy_arn(account, boundary)?),
            None => None,
        };
        let mut input = form(&[
            (&member, Some(name.value.clone())),
            ("Path", entity.path.clone()),
            ("PermissionsBoundary", boundary),
            (
                "AssumeRolePolicyDocument",
                entity.trust.as_ref().map(document),
            ),
            (
                "Description",
                entity.description.as_ref().map(|it| it.value.clone()),
            ),
            (
                "MaxSessionDuration",
                entity
                    .longest_session
                    .as_ref()
                    .map(|it| it.value.to_string()),
            ),
        ]);
        for (n, (key, value)) in (1..).zip(&entity.tags) {
            put(
                &mut input,
                &format!("Tags.member.{n}.Key"),
                key.as_str().into(),
            );
            put(
                &mut input,
                &format!("Tags.member.{n}.Value"),
                value.as_str().into(),
            );
        }
        let create = format!("Create{}", kind.large);
        self.ask_in(account, Service::Iam, &create, input)
            .map_err(wrong)?;
        for group in &entity.groups {
            let known = self.world.estate.iam.group_place(account, &group.value);
            if known.is_none() {
                return Err(unknown(group, "IAM group", "groups"));
            }
            let input = form(&[
                ("UserName", Some(name.value.clone())),
                ("GroupName", Some(group.value.clone())),
            ]);
            self.ask_in(account, Service::Iam, "AddUserToGroup", input)
                .map_err(|e| refused(group, "IAM group", &group.value, &e))?;
        }
        for (policy, paper) in &entity.inline {
            let input = form(&[
                (&member, Some(name.value.clone())),
                ("PolicyName", Some(policy.clone())),
                ("PolicyDocument", Some(document(paper))),
            ]);
            let operation = format!("Put{}Policy", kind.large);
            self.ask_in(account, Service::Iam, &operation, input)
                .map_err(|e| refused(paper, "inline policy", policy, &e))?;
        }
        for policy in &entity.attached {
            let input = form(&[
                (&member, Some(name.value.clone())),
                ("PolicyArn", Some(self.policy_arn(account, policy)?)),
            ]);
            let operation = format!("Attach{}Policy", kind.large);
            self.ask_in(account, Service::Iam, &operation, input)
                .map_err(|e| refused(policy, "policy", &policy.value, &e))?;
        }
        Ok(())
    }
}
