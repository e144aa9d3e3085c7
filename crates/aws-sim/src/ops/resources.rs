//! What a call of Identity Center, the identity store or Organizations is about, as policies name
//! it: by AWS's own table of resource types, from the members of the input (service authorization
//! reference [S]). All of them have to be allowed.
//!
//! What an input does not tell and what is not there is judged as everything of its kind.

use serde_json::Value;
use stint_iam_policy::{Context, table};

use super::shapes::without_arn;
use crate::wire::Service;
use crate::world::{Cx, World};

/// The ARNs a call is judged on; `*` where the table knows of none.
pub(super) fn of(world: &World, cx: &Cx<'_>) -> Vec<String> {
    let action = cx.call.name();
    let mut all = Vec::new();
    for (kind, needed) in table()
        .action(&action)
        .into_iter()
        .flat_map(|it| &it.resources)
    {
        let mut named = match cx.call.service {
            Service::Sso => in_center(world, cx, kind),
            Service::IdentityStore => in_store(world, cx, kind),
            _ => in_organization(world, cx, kind),
        };
        if named.is_empty() && *needed {
            named.extend(everything(world, cx.call.service, kind));
        }
        all.extend(named);
    }
    if all.is_empty() {
        all.push("*".to_owned());
    }
    all
}

/// The members of an input that are there.
fn members<'a>(cx: &'a Cx<'_>, names: &[&str]) -> Vec<&'a str> {
    let all = names.iter().filter_map(|name| cx.call.input.get(name));
    all.filter_map(Value::as_str).collect()
}

fn in_center(world: &World, cx: &Cx<'_>, kind: &str) -> Vec<String> {
    let own = |names: &[&str]| members(cx, names).into_iter().map(str::to_owned).collect();
    match kind {
        "Account" => members(cx, &["AccountId", "TargetId"])
            .into_iter()
            .map(|id| format!("arn:aws:sso:::account/{id}"))
            .collect(),
        "Instance" => {
            let named: Vec<String> = own(&["InstanceArn"]);
            match named.is_empty() {
                true => vec![world.estate.instance_arn()],
                false => named,
            }
        }
        "PermissionSet" => own(&["PermissionSetArn", "ResourceArn"]),
        _ => Vec::new(),
    }
}

fn in_store(world: &World, cx: &Cx<'_>, kind: &str) -> Vec<String> {
    let arn = |kind: &str, id: &str| super::directory::arn(kind, without_arn(id));
    let user = || {
        let member = cx.call.input.get("MemberId");
        let member = member
            .and_then(|it| it.get("UserId"))
            .and_then(Value::as_str);
        let own = members(cx, &["UserId"]).into_iter().chain(member);
        own.map(|id| arn("user", id)).collect::<Vec<_>>()
    };
    match kind {
        "Identitystore" => members(cx, &["IdentityStoreId"])
            .into_iter()
            .map(|id| {
                let (owner, id) = (world.estate.management(), without_arn(id));
                format!("arn:aws:identitystore::{owner}:identitystore/{id}")
            })
            .collect(),
        "User" => match membership(world, cx) {
            Some((_, user, _)) => vec![arn("user", &user)],
            None => user(),
        },
        "Group" => {
            let many = cx.call.input.get("GroupIds").and_then(Value::as_array);
            let many = many.into_iter().flatten().filter_map(Value::as_str);
            match membership(world, cx) {
                Some((group, ..)) => vec![arn("group", &group)],
                None => (members(cx, &["GroupId"]).into_iter().chain(many))
                    .map(|id| arn("group", id))
                    .collect(),
            }
        }
        "GroupMembership" => match membership(world, cx) {
            Some((.., id)) => vec![arn("membership", &id)],
            None => (members(cx, &["MembershipId"]).into_iter())
                .map(|id| arn("membership", id))
                .collect(),
        },
        _ => Vec::new(),
    }
}

/// Group, user and id of the membership a call names by its id, or by who is in what.
fn membership(world: &World, cx: &Cx<'_>) -> Option<(String, String, String)> {
    let relations = world.relations();
    let (group, user) = match members(cx, &["MembershipId"]).first() {
        Some(id) => relations.membership_by_id(without_arn(id))?,
        None if cx.call.operation == "GetGroupMembershipId" => {
            let member = cx.call.input.get("MemberId")?.get("UserId")?.as_str()?;
            let group = *members(cx, &["GroupId"]).first()?;
            (
                *world.groups_by_id.get(without_arn(group))?,
                *world.users_by_id.get(without_arn(member))?,
            )
        }
        None => return None,
    };
    Some((
        world.estate.groups.get(group as usize)?.id.clone(),
        world.estate.users.get(user as usize)?.id.clone(),
        relations.membership(group, user)?.id.clone(),
    ))
}

fn in_organization(world: &World, cx: &Cx<'_>, kind: &str) -> Vec<String> {
    const NAMES: &[&str] = &[
        "AccountId",
        "ChildId",
        "DestinationParentId",
        "OrganizationalUnitId",
        "ParentId",
        "PolicyId",
        "ResourceId",
        "SourceParentId",
        "TargetId",
    ];
    let (owner, organization) = (world.estate.management(), &world.estate.organization_id);
    members(cx, NAMES)
        .into_iter()
        .filter(|id| kind_of(id) == kind)
        .map(|id| match kind {
            "policy" => super::scps::arn_of(world, id),
            "organizationalunit" => {
                format!("arn:aws:organizations::{owner}:ou/{organization}/{id}")
            }
            _ => format!("arn:aws:organizations::{owner}:{kind}/{organization}/{id}"),
        })
        .collect()
}

/// What an id of Organizations is an id of.
fn kind_of(id: &str) -> &'static str {
    match id.split('-').next() {
        Some("ou") => "organizationalunit",
        Some("r") => "root",
        Some("p") => "policy",
        _ => "account",
    }
}

/// All there is of a kind.
fn everything(world: &World, service: Service, kind: &str) -> Option<String> {
    let owner = world.estate.management();
    let organization = &world.estate.organization_id;
    Some(match (service, kind) {
        (Service::Sso, "Account") => "arn:aws:sso:::account/*".to_owned(),
        (Service::Sso, "PermissionSet") => {
            let instance = &world.estate.instance;
            format!("arn:aws:sso:::permissionSet/{instance}/*")
        }
        (Service::IdentityStore, "User" | "AllUsers") => super::directory::arn("user", "*"),
        (Service::IdentityStore, "Group" | "AllGroups") => super::directory::arn("group", "*"),
        (Service::IdentityStore, "GroupMembership" | "AllGroupMemberships") => {
            super::directory::arn("membership", "*")
        }
        // A move is from one parent to another: of which kind they are is up to them.
        (Service::Organizations, "account") => {
            format!("arn:aws:organizations::{owner}:account/{organization}/*")
        }
        (Service::Organizations, "policy") => {
            format!("arn:aws:organizations::{owner}:policy/{organization}/*")
        }
        _ => return None,
    })
}

/// What conditions may ask about the resource and the request: tags of the permission set or of
/// the account whose tags it is about, and those that are to be set.
pub(super) fn describe(world: &World, cx: &Cx<'_>, context: &mut Context) {
    let tags = match cx.call.service {
        Service::Sso => {
            let named = members(cx, &["PermissionSetArn", "ResourceArn"]);
            let place = named.first().and_then(|arn| world.sets_by_arn.get(*arn));
            let set = place.and_then(|place| world.estate.sets.get(*place as usize));
            set.map(|set| &set.tags)
        }
        Service::Organizations => {
            let named = members(cx, &["ResourceId"]);
            let place = named.first().and_then(|id| world.accounts_by_id.get(*id));
            let account = place.and_then(|place| world.estate.accounts.get(*place as usize));
            account.map(|account| &account.tags)
        }
        _ => return,
    };
    for (key, value) in tags.into_iter().flatten() {
        context.set(&format!("aws:ResourceTag/{key}"), [value.clone()]);
    }
    let asked = cx.call.input.get("Tags").and_then(Value::as_array);
    let mut keys = Vec::new();
    for tag in asked.into_iter().flatten() {
        let text = |name: &str| tag.get(name).and_then(Value::as_str);
        if let (Some(key), Some(value)) = (text("Key"), text("Value")) {
            context.set(&format!("aws:RequestTag/{key}"), [value.to_owned()]);
            keys.push(key.to_owned());
        }
    }
    let removed = cx.call.input.get("TagKeys").and_then(Value::as_array);
    let removed = removed.into_iter().flatten().filter_map(Value::as_str);
    keys.extend(removed.map(str::to_owned));
    if !keys.is_empty() {
        context.set("aws:TagKeys", keys);
    }
}
