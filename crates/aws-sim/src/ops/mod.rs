//! The operations, one module per noun.

mod assignments;
mod directory;
mod iam;
mod memberships;
mod organizations;
mod permission_sets;
mod shapes;
mod sts;

use serde_json::{Map, Value, json};

use crate::wire::{Answer, ApiError, Input, Pager, Service};
use crate::world::{Cx, World};

/// What Identity Center and the identity store list on one page at most.
const PAGE: u64 = 100;

/// Serves a call by somebody who is known.
pub(crate) fn dispatch(world: &mut World, cx: &Cx<'_>) -> Result<Answer, ApiError> {
    let operation = cx.call.operation.as_str();
    let unknown = |version: &str| {
        Err(ApiError::unknown_operation(
            cx.call.service,
            operation,
            version,
        ))
    };
    let output = match (cx.call.service, operation) {
        (Service::Sts, "AssumeRole") => return sts::assume_role(world, cx),
        (Service::Sts, "GetCallerIdentity") => return sts::get_caller_identity(cx),
        (Service::Sts, _) => return unknown("2011-06-15"),
        (Service::Iam, _) => {
            return iam::dispatch(world, cx).unwrap_or_else(|| unknown("2010-05-08"));
        }

        (Service::Organizations, "DescribeOrganization") => organizations::describe(world, cx),
        (Service::Organizations, "ListAccounts") => organizations::list_accounts(world, cx),
        (Service::Organizations, "DescribeAccount") => organizations::describe_account(world, cx),

        (Service::Sso, "ListInstances") => permission_sets::list_instances(world, cx),
        (Service::Sso, "ListPermissionSets") => permission_sets::list(world, cx),
        (Service::Sso, "DescribePermissionSet") => permission_sets::describe(world, cx),
        (Service::Sso, "ListPermissionSetsProvisionedToAccount") => {
            permission_sets::list_in_account(world, cx)
        }
        (Service::Sso, "ListAccountsForProvisionedPermissionSet") => {
            permission_sets::list_accounts(world, cx)
        }
        (Service::Sso, "ListAccountAssignments") => assignments::list(world, cx),
        (Service::Sso, "ListAccountAssignmentsForPrincipal") => {
            assignments::list_for_principal(world, cx)
        }
        (Service::Sso, "CreateAccountAssignment") => assignments::create(world, cx),
        (Service::Sso, "DeleteAccountAssignment") => assignments::delete(world, cx),
        (Service::Sso, "DescribeAccountAssignmentCreationStatus") => {
            assignments::describe_creation(world, cx)
        }
        (Service::Sso, "DescribeAccountAssignmentDeletionStatus") => {
            assignments::describe_deletion(world, cx)
        }
        (Service::Sso, "ListAccountAssignmentCreationStatus") => {
            assignments::list_creations(world, cx)
        }
        (Service::Sso, "ListAccountAssignmentDeletionStatus") => {
            assignments::list_deletions(world, cx)
        }

        (Service::IdentityStore, "ListUsers") => directory::list_users(world, cx),
        (Service::IdentityStore, "ListGroups") => directory::list_groups(world, cx),
        (Service::IdentityStore, "DescribeUser") => directory::describe_user(world, cx),
        (Service::IdentityStore, "DescribeGroup") => directory::describe_group(world, cx),
        (Service::IdentityStore, "GetUserId") => directory::get_user_id(world, cx),
        (Service::IdentityStore, "GetGroupId") => directory::get_group_id(world, cx),
        (Service::IdentityStore, "ListGroupMemberships") => memberships::list(world, cx),
        (Service::IdentityStore, "ListGroupMembershipsForMember") => {
            memberships::list_for_member(world, cx)
        }
        (Service::IdentityStore, "GetGroupMembershipId") => memberships::get_id(world, cx),
        (Service::IdentityStore, "DescribeGroupMembership") => memberships::describe(world, cx),
        (Service::IdentityStore, "IsMemberInGroups") => memberships::is_member(world, cx),
        (Service::IdentityStore, "CreateGroupMembership") => memberships::create(world, cx),
        (Service::IdentityStore, "DeleteGroupMembership") => memberships::delete(world, cx),

        (Service::Organizations | Service::Sso | Service::IdentityStore | Service::Nobody, _) => {
            return unknown("");
        }
    };
    output.map(Answer::Json)
}

impl<'a> Cx<'a> {
    fn input(&self) -> Input<'a> {
        // Every input is an object: the wire makes it one.
        static NOTHING: std::sync::LazyLock<Map<String, Value>> =
            std::sync::LazyLock::new(Map::new);
        let members = self.call.input.as_object().unwrap_or(&NOTHING);
        Input::new(self.call.service, members)
    }

    fn pager(&self, world: &World, most: u64) -> Result<Pager, ApiError> {
        Pager::read(
            &self.input(),
            &self.call.operation,
            most,
            world.estate.seed,
            self.no,
        )
    }

    fn now(&self) -> i64 {
        self.moment.by(self.key.judge)
    }
}

/// Refuses callers without permission, and callers from other accounts than the management
/// account unless `members_may`.
fn authorize(
    world: &World,
    cx: &Cx<'_>,
    resource: &str,
    members_may: bool,
) -> Result<(), ApiError> {
    let action = cx.call.name();
    let denied = || ApiError::access_denied(cx.call.service, cx.key.arn(), &action, resource);
    if !members_may && cx.key.account() != world.estate.management() {
        return Err(denied());
    }
    let context = cx
        .key
        .context(Some(&world.estate.organization_id), cx.now());
    // Resource scoping is not enforced yet: every action is judged on `*`.
    if world
        .access
        .identity_decision(cx.key, &action, "*", &context)
        .is_allowed()
    {
        Ok(())
    } else {
        Err(denied())
    }
}

/// An object without the members that have no value.
fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    Value::Object(
        members
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
    )
}

/// Seconds since the epoch with milliseconds, as awsJson writes times.
fn seconds(micros: i64) -> Value {
    let millis = micros.div_euclid(1_000);
    #[expect(
        clippy::cast_precision_loss,
        reason = "milliseconds of our age fit 53 bits"
    )]
    let seconds = millis as f64 / 1_000.0;
    json!(seconds)
}

fn place_of(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
