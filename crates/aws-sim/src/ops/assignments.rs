//! Identity Center: account assignments, their listings and their asynchronous writes
//! (AWS reference §1.3).

use serde::Serialize;
use serde_json::{Value, json};

use super::organizations::{find as find_account, id_at};
use super::permission_sets::{
    arn_at, authorize_in_instance, find as find_set, not_over_management,
};
use super::shapes::{ACCOUNT_ID, PERMISSION_SET_ARN, PRINCIPAL_ID, REQUEST_ID, USER_OR_GROUP};
use super::{InJson, InText, PAGE, object, place_of, seconds};
use crate::estate::AccountState;
use crate::fault::Effect;
use crate::options::{AbsentDelete, OverLimit};
use crate::relations::Principal;
use crate::wire::ApiError;
use crate::world::{Cx, World};
use crate::writes::{Fate, Kind, State, Write};

/// What is served here.
pub(super) const OPERATIONS: &[(&str, InJson)] = &[
    ("CreateAccountAssignment", |world, cx| create(world, cx)),
    ("DeleteAccountAssignment", |world, cx| delete(world, cx)),
    ("DescribeAccountAssignmentCreationStatus", |world, cx| {
        describe_creation(world, cx)
    }),
    ("DescribeAccountAssignmentDeletionStatus", |world, cx| {
        describe_deletion(world, cx)
    }),
    ("ListAccountAssignmentCreationStatus", |world, cx| {
        list_creations(world, cx)
    }),
    ("ListAccountAssignmentDeletionStatus", |world, cx| {
        list_deletions(world, cx)
    }),
];

/// Lists as long as a page allows: written as they are read.
pub(super) const LISTS: &[(&str, InText)] = &[
    ("ListAccountAssignments", |world, cx| list(world, cx)),
    ("ListAccountAssignmentsForPrincipal", |world, cx| {
        list_for_principal(world, cx)
    }),
];

fn list(world: &mut World, cx: &Cx<'_>) -> Result<String, ApiError> {
    authorize_in_instance(world, cx)?;
    let input = cx.input();
    let account_id = input.required("AccountId", ACCOUNT_ID)?;
    let set_arn = input.required("PermissionSetArn", PERMISSION_SET_ARN)?;
    let account = find_account(world, account_id)?;
    let set = find_set(world, set_arn)?;
    let pager = cx.pager(world, PAGE)?;
    let [from, ..] = pager.from;
    let rows = world.read(cx.effect).rows_of(account, set, from);
    let (page, next) = pager.take(rows, |principal| [principal.number(), 0, 0]);
    let rows = page.iter().map(|who| Row::of(world, account, set, *who));
    Ok(Page::text(rows.collect(), next))
}

/// A user's own rows and, as AWS does, those of the user's groups (AWS reference §3.3 [R]).
fn list_for_principal(world: &mut World, cx: &Cx<'_>) -> Result<String, ApiError> {
    authorize_in_instance(world, cx)?;
    let input = cx.input();
    let id = input.required("PrincipalId", PRINCIPAL_ID)?;
    let kind = input.required_word("PrincipalType", USER_OR_GROUP)?;
    let account = match input.object("Filter")? {
        None => None,
        Some(filter) => match filter.text("AccountId")? {
            None => None,
            Some(id) => {
                filter.fits("AccountId", id, ACCOUNT_ID)?;
                Some(find_account(world, id)?)
            }
        },
    };
    let pager = cx.pager(world, PAGE)?;
    let principal = principal(world, kind, id);
    let inherited = world.knobs.inherited_rows;
    let relations = world.read(cx.effect);
    let mut holders: Vec<Principal> = principal.into_iter().collect();
    if let Some(user) = principal.filter(|who| inherited && !who.is_group()) {
        holders.extend(relations.groups_of(user.place(), 0).map(Principal::group));
    }
    // One holder after the other: a page costs no more than its own rows.
    holders.sort_unstable();
    let [first, from_account, from_set] = pager.from;
    let first = Principal::from_number(first);
    let rows = holders
        .into_iter()
        .filter(|who| *who >= first)
        .flat_map(|who| {
            let from = if who == first {
                (from_account, from_set)
            } else {
                (0, 0)
            };
            relations
                .held_by(who, from)
                .map(move |(account, set)| (who, account, set))
        })
        .filter(|(_, at, _)| account.is_none_or(|wanted| wanted == *at));
    let (page, next) = pager.take(rows, |(who, account, set)| [who.number(), *account, *set]);
    let rows = (page.into_iter()).map(|(who, account, set)| Row::of(world, account, set, who));
    Ok(Page::text(rows.collect(), next))
}

pub(super) fn create(world: &mut World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    let status = write(world, cx, Kind::Create)?;
    Ok(json!({ "AccountAssignmentCreationStatus": status }))
}

pub(super) fn delete(world: &mut World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    let status = write(world, cx, Kind::Delete)?;
    Ok(json!({ "AccountAssignmentDeletionStatus": status }))
}

fn write(world: &mut World, cx: &Cx<'_>, kind: Kind) -> Result<Value, ApiError> {
    authorize_in_instance(world, cx)?;
    let input = cx.input();
    let account_id = input.required("TargetId", ACCOUNT_ID)?;
    input.required_word("TargetType", &["AWS_ACCOUNT"])?;
    let set_arn = input.required("PermissionSetArn", PERMISSION_SET_ARN)?;
    let principal_kind = input.required_word("PrincipalType", USER_OR_GROUP)?;
    let principal_id = input.required("PrincipalId", PRINCIPAL_ID)?;
    let account = find_account(world, account_id)?;
    let set = find_set(world, set_arn)?;
    not_over_management(world, cx, set)?;
    if cx.key.account() != world.estate.management() && account_id == world.estate.management() {
        return Err(super::denied_to_delegate(cx, set_arn));
    }
    let state = world
        .estate
        .accounts
        .get(account as usize)
        .map(|account| account.state);
    if state != Some(AccountState::Active) || world.writes.busy(account, set) {
        return Err(ApiError::conflict(format!(
            "A previous operation on account {account_id} and permission set {set_arn} is still in progress. Please try again later."
        )));
    }
    if world.writes.outstanding() >= world.knobs.outstanding_writes {
        return Err(match world.knobs.over_outstanding {
            OverLimit::Throttling => ApiError::throttled(cx.call.service, 1),
            OverLimit::Conflict => {
                ApiError::conflict("Too many operations are in progress. Please try again later.")
            }
        });
    }
    let principal = principal(world, principal_kind, principal_id);
    let absent = !principal.is_some_and(|who| world.relations().has(account, set, who));
    if kind == Kind::Delete && absent && world.knobs.absent_delete == AbsentDelete::NotFound {
        return Err(ApiError::not_found("Account assignment was not found"));
    }
    let mut fate = Fate {
        failure: forbidden(world, cx, kind, account, set),
        applies: true,
    };
    if fate.failure.is_some() {
        fate.applies = false;
    }
    let settle = world.knobs.settle;
    let (mut polls, mut micros) = (Some(settle.polls), settle.micros);
    match cx.effect {
        Some(Effect::IgnoreDelete) if kind == Kind::Delete => fate.applies = false,
        Some(Effect::FailLater { reason, applied }) => {
            fate = Fate {
                failure: Some(reason.clone()),
                applies: *applied,
            };
        }
        Some(Effect::Slow { micros: slow }) => (polls, micros) = (None, *slow),
        _ => {}
    }
    let created_at = cx.moment.at;
    let free_at = world.writes.account_free_at(account);
    let free_at = free_at.filter(|_| world.knobs.serial_per_account);
    let begins_at = free_at.map_or(created_at, |at| at.max(created_at));
    let id = world.fresh("assignment write").uuid();
    let place = world.writes.accept(Write {
        id,
        kind,
        account,
        set,
        principal_kind,
        principal_id: principal_id.to_owned(),
        principal,
        by: cx.by(),
        created_at,
        ends_at: begins_at.saturating_add(micros),
        polls,
        fate,
        state: State::InProgress,
    });
    if (polls == Some(0) || micros <= 0) && begins_at <= created_at {
        world.end_write(place, created_at);
    }
    Ok(world
        .writes
        .get(place)
        .map_or(Value::Null, |write| status(world, write, false)))
}

/// In the management account Identity Center acts with the caller's own permissions there;
/// without them the write is accepted and fails, naming the action (AWS reference §7 [R]). Which
/// write takes which of them AWS does not say: what makes a role, what changes one and what
/// removes it is ours [K]; `UpdateSAMLProvider` is what people met [R].
fn forbidden(world: &World, cx: &Cx<'_>, kind: Kind, account: u32, set: u32) -> Option<String> {
    const LOOKS: [&str; 3] = [
        "iam:GetRole",
        "iam:ListAttachedRolePolicies",
        "iam:ListRolePolicies",
    ];
    let account_id = &world.estate.accounts.get(account as usize)?.id;
    if account_id != world.estate.management() {
        return None;
    }
    let known = world.estate.sets.get(set as usize)?;
    let provider = format!(
        "arn:aws:iam::{account_id}:saml-provider/AWSSSO_{}_DO_NOT_DELETE",
        world.estate.instance.trim_start_matches("ssoins-"),
    );
    let role = world.reserved_role(account, set)?.arn();
    let holders = world.relations().rows_of(account, set, 0).count();
    let changes: &[&str] = match (kind, holders) {
        (Kind::Create, 0) => &["iam:CreateRole", "iam:AttachRolePolicy"],
        (Kind::Create, _) => &["iam:UpdateRole", "iam:UpdateRoleDescription"],
        (Kind::Delete, 1) => &["iam:DetachRolePolicy", "iam:DeleteRole"],
        (Kind::Delete | Kind::Provision, _) => &[],
    };
    let inline: &[&str] = match (kind, holders, known.papers.inline.is_some()) {
        (Kind::Create, 0, true) => &["iam:PutRolePolicy"],
        (Kind::Delete, 1, true) => &["iam:DeleteRolePolicy"],
        _ => &[],
    };
    let on_role = (LOOKS.iter().chain(changes).chain(inline)).map(|it| (*it, role.as_str()));
    let all = [
        ("iam:UpdateSAMLProvider", provider.as_str()),
        ("iam:GetSAMLProvider", provider.as_str()),
        ("iam:ListRoles", "*"),
        ("iam:ListPolicies", "*"),
    ];
    let context = cx
        .key
        .context(Some(&world.estate.organization_id), cx.now());
    all.into_iter().chain(on_role).find_map(|(action, resource)| {
        let verdict = world.verdict(cx.key, action, resource, &context);
        let message = verdict.message(cx.key.arn(), action, resource)?;
        Some(format!(
            "Received a 403 status error: Access denied by IAM. Please check your policy, or wait for role propagation to complete. IAM Error: {message}"
        ))
    })
}

pub(super) fn describe_creation(world: &mut World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    let status = describe(
        world,
        cx,
        "AccountAssignmentCreationRequestId",
        Kind::Create,
    )?;
    Ok(json!({ "AccountAssignmentCreationStatus": status }))
}

pub(super) fn describe_deletion(world: &mut World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    let status = describe(
        world,
        cx,
        "AccountAssignmentDeletionRequestId",
        Kind::Delete,
    )?;
    Ok(json!({ "AccountAssignmentDeletionStatus": status }))
}

fn describe(world: &mut World, cx: &Cx<'_>, member: &str, kind: Kind) -> Result<Value, ApiError> {
    authorize_in_instance(world, cx)?;
    let id = cx.input().required(member, REQUEST_ID)?;
    let place = world
        .writes
        .find(id, kind)
        .ok_or_else(|| ApiError::not_found(format!("Request {id} was not found")))?;
    if world.writes.poll(place, world.knobs.serial_per_account) {
        world.end_write(place, cx.moment.at);
    }
    Ok(world
        .writes
        .get(place)
        .map_or(Value::Null, |write| status(world, write, true)))
}

pub(super) fn list_creations(world: &World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    list_statuses(world, cx, Kind::Create, "AccountAssignmentsCreationStatus")
}

pub(super) fn list_deletions(world: &World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    list_statuses(world, cx, Kind::Delete, "AccountAssignmentsDeletionStatus")
}

/// Newest first, without saying what they were about (AWS reference §1.3 [M]).
fn list_statuses(world: &World, cx: &Cx<'_>, kind: Kind, member: &str) -> Result<Value, ApiError> {
    authorize_in_instance(world, cx)?;
    let wanted = match cx.input().object("Filter")? {
        None => None,
        Some(filter) => filter.word("Status", &["IN_PROGRESS", "FAILED", "SUCCEEDED"])?,
    };
    let pager = cx.pager(world, PAGE)?;
    let below = if pager.first {
        usize::MAX
    } else {
        pager.from[0] as usize + 1
    };
    let rows = world
        .writes
        .newest_first(kind, below)
        .filter(|(_, write)| wanted.is_none_or(|status| status == write.state.name()));
    let (page, next) = pager.take(rows, |(place, _)| [place_of(*place), 0, 0]);
    let rows: Vec<Value> = page
        .into_iter()
        .map(|(_, write)| {
            object([
                ("Status", json!(write.state.name())),
                ("RequestId", json!(write.id)),
                ("CreatedDate", seconds(write.created_at)),
            ])
        })
        .collect();
    Ok(object([(member, json!(rows)), ("NextToken", json!(next))]))
}

fn status(world: &World, write: &Write, with_date: bool) -> Value {
    let reason = match &write.state {
        State::Failed(reason) => Some(reason),
        State::InProgress | State::Succeeded => None,
    };
    object([
        ("Status", json!(write.state.name())),
        ("RequestId", json!(write.id)),
        ("FailureReason", json!(reason)),
        ("TargetId", json!(id_at(world, write.account))),
        ("TargetType", json!("AWS_ACCOUNT")),
        ("PermissionSetArn", json!(arn_at(world, write.set))),
        ("PrincipalType", json!(write.principal_kind)),
        ("PrincipalId", json!(write.principal_id)),
        (
            "CreatedDate",
            if with_date {
                seconds(write.created_at)
            } else {
                Value::Null
            },
        ),
    ])
}

/// One page; the members in the order of their names, as everywhere.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Page<'a> {
    account_assignments: Vec<Row<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Row<'a> {
    account_id: &'a str,
    permission_set_arn: &'a str,
    principal_id: &'a str,
    principal_type: &'static str,
}

impl Page<'_> {
    fn text(account_assignments: Vec<Row<'_>>, next_token: Option<String>) -> String {
        let page = Page {
            account_assignments,
            next_token,
        };
        // Room for all of it at once: growing copies it again and again.
        let mut text = Vec::with_capacity(100 + 320 * page.account_assignments.len());
        // Texts only: nothing of it cannot be written, and all of it is UTF-8.
        let _ = serde_json::to_writer(&mut text, &page);
        String::from_utf8(text).unwrap_or_default()
    }
}

impl Row<'_> {
    fn of(world: &World, account: u32, set: u32, principal: Principal) -> Row<'_> {
        Row {
            account_id: id_at(world, account),
            permission_set_arn: arn_at(world, set),
            principal_id: world.principal_id(principal),
            principal_type: principal.kind(),
        }
    }
}

/// Whoever the directory knows or knew by this id.
fn principal(world: &World, kind: &str, id: &str) -> Option<Principal> {
    if kind == "GROUP" {
        world
            .groups_by_id
            .get(id)
            .map(|place| Principal::group(*place))
    } else {
        world
            .users_by_id
            .get(id)
            .map(|place| Principal::user(*place))
    }
}
