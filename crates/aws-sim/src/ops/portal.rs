//! The access portal, as a person's client sees it: what they may go into, and credentials to
//! go there with (AWS reference §5, §11).

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::Unguarded;
use crate::access::{Holder, Judge, Key, Secret};
use crate::journal::Party;
use crate::relations::Principal;
use crate::wire::{ApiError, Input, Pager, Service};
use crate::world::{Unsigned, World};

pub(super) const OPERATIONS: &[(&str, Unguarded)] = &[
    ("GetRoleCredentials", |world, cx| {
        role_credentials(world, cx)
    }),
    ("ListAccountRoles", |world, cx| list_roles(world, cx)),
    ("ListAccounts", |world, cx| list_accounts(world, cx)),
    ("Logout", |world, cx| log_out(world, cx)),
];

fn refused(code: &str, message: &str) -> ApiError {
    ApiError::coded(Service::Portal, code, message)
}

/// The session and the person behind the token that was shown [R: the words].
fn person(world: &World, cx: &Unsigned<'_>) -> Result<(u64, u32), ApiError> {
    let token = cx.call.bearer.as_deref().unwrap_or_default();
    let good = world.sign_ins.good(token, cx.moment.at);
    good.ok_or_else(|| {
        refused(
            "UnauthorizedException",
            "Session token not found or invalid",
        )
    })
}

/// What every call needs: a good token, then an input that can be read.
fn asked<'a>(cx: &'a Unsigned<'_>) -> Input<'a> {
    static NOTHING: std::sync::LazyLock<serde_json::Map<String, Value>> =
        std::sync::LazyLock::new(serde_json::Map::new);
    Input::new(
        Service::Portal,
        cx.call.input.as_object().unwrap_or(&NOTHING),
    )
}

fn required<'a>(input: &Input<'a>, name: &str) -> Result<&'a str, ApiError> {
    let given = input.text(name)?.filter(|text| !text.is_empty());
    given.ok_or_else(|| input.missing(name))
}

fn pager(world: &World, cx: &Unsigned<'_>) -> Result<Pager, ApiError> {
    let seed = world.estate.seed;
    Pager::read_query(&asked(cx), &cx.call.operation, seed, cx.no)
}

/// Accounts and permission sets a person is let into, by themselves or through a group.
fn open_to(world: &World, user: u32) -> BTreeSet<(u32, u32)> {
    let relations = world.relations();
    let groups = relations.groups_of(user, 0).map(Principal::group);
    std::iter::once(Principal::user(user))
        .chain(groups)
        .flat_map(|who| relations.held_by(who, (0, 0)))
        .collect()
}

fn list_accounts(world: &World, cx: &Unsigned<'_>) -> Result<Value, ApiError> {
    let (_, user) = person(world, cx)?;
    let pager = pager(world, cx)?;
    let accounts: BTreeSet<u32> = open_to(world, user).iter().map(|(it, _)| *it).collect();
    let [from, ..] = pager.from;
    let rows = accounts.into_iter().filter(|place| *place >= from);
    let (page, next) = pager.take(rows, |place| [*place, 0, 0]);
    let accounts = page.into_iter().filter_map(|place| {
        let account = world.estate.accounts.get(place as usize)?;
        Some(json!({
            "accountId": account.id,
            "accountName": account.name,
            "emailAddress": account.email,
        }))
    });
    Ok(super::object([
        ("accountList", Value::Array(accounts.collect())),
        ("nextToken", next.map_or(Value::Null, Value::from)),
    ]))
}

fn list_roles(world: &World, cx: &Unsigned<'_>) -> Result<Value, ApiError> {
    let (_, user) = person(world, cx)?;
    let input = asked(cx);
    let id = required(&input, "accountId")?;
    let pager = pager(world, cx)?;
    let account = world.accounts_by_id.get(id).copied();
    let sets: Vec<u32> = open_to(world, user)
        .into_iter()
        .filter(|(place, _)| Some(*place) == account)
        .map(|(_, set)| set)
        .collect();
    if sets.is_empty() {
        return Err(no_access());
    }
    let [from, ..] = pager.from;
    let rows = sets.into_iter().filter(|set| *set >= from);
    let (page, next) = pager.take(rows, |set| [*set, 0, 0]);
    let roles = page.into_iter().filter_map(|set| {
        let set = world.estate.sets.get(set as usize)?;
        Some(json!({ "roleName": set.name, "accountId": id }))
    });
    Ok(super::object([
        ("roleList", Value::Array(roles.collect())),
        ("nextToken", next.map_or(Value::Null, Value::from)),
    ]))
}

/// For an account or a permission set that is not there or not theirs. The reference has 404
/// [K]; what clients logged is this [R aws-root-account#581, modernisation-platform#10161].
fn no_access() -> ApiError {
    refused("ForbiddenException", "No access")
}

fn role_credentials(world: &mut World, cx: &Unsigned<'_>) -> Result<Value, ApiError> {
    let (_, user) = person(world, cx)?;
    let input = asked(cx);
    let name = required(&input, "roleName")?;
    let id = required(&input, "accountId")?;
    let account = world.accounts_by_id.get(id).copied();
    let named = |set: u32| {
        let set = world.estate.sets.get(set as usize);
        set.is_some_and(|set| !set.removed && set.name == name)
    };
    let open = open_to(world, user);
    let mut open = open.into_iter();
    let found = open.find(|(place, set)| Some(*place) == account && named(*set));
    let (account, set) = found.ok_or_else(no_access)?;
    let role = world.reserved_role(account, set).ok_or_else(no_access)?;
    let seconds = world.estate.sets.get(set as usize);
    let seconds = seconds.and_then(|set| seconds_of(&set.session_duration));
    let person = world.estate.users.get(user as usize);
    let (person, session_name) = match person {
        Some(person) => (person.id.clone(), session_name(&person.user_name)),
        None => return Err(no_access()),
    };
    let arn = format!(
        "arn:aws:sts::{}:assumed-role/{}/{session_name}",
        role.entity.account, role.entity.name
    );
    let now = cx.moment.at;
    let key = Key {
        secret: Secret(String::new()),
        judge: Judge::Either,
        party: Party::User,
        holder: Holder::Session {
            role: role.arn(),
            arn,
            account: role.entity.account.clone(),
        },
        user_id: format!("{}:{session_name}", role.entity.id),
        active: true,
        created_at: now,
        last_used: None,
        session_token: None,
        expires_at: None,
        session_policies: None,
        source_identity: None,
        issued_at: None,
        tags: Vec::new(),
        transitive: Vec::new(),
        mfa_at: None,
        chained: false,
        store_user: Some(person),
    };
    let handed = world.hand_out("portal session", key, now, seconds.unwrap_or(3_600));
    Ok(json!({
        "roleCredentials": {
            "accessKeyId": handed.access_key,
            "secretAccessKey": handed.secret,
            "sessionToken": handed.token,
            // In milliseconds [R aws-cli#7340].
            "expiration": handed.expires_at.div_euclid(1_000),
        }
    }))
}

/// A person's name as a role session's: what such a name cannot have is a dash.
fn session_name(user_name: &str) -> String {
    let fine = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    let name = user_name.chars().map(|c| if fine(c) { c } else { '-' });
    name.take(64).collect()
}

/// `PT1H30M` in seconds.
fn seconds_of(duration: &str) -> Option<i64> {
    let span: jiff::SignedDuration = duration.parse().ok()?;
    Some(span.as_secs())
}

fn log_out(world: &mut World, cx: &Unsigned<'_>) -> Result<Value, ApiError> {
    let (session, _) = person(world, cx)?;
    world.sign_ins.sign_out(session, cx.moment.at);
    Ok(Value::Null)
}
