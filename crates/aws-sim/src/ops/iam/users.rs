//! Users.

use super::policies::{boundary, in_the_way, write_boundary};
use super::{
    Output, authorize, authorize_list, authorize_on, close_page, conflict, limit, marker, prefix,
    shapes, tags, user_named, user_or_caller,
};
use crate::access::Judge;
use crate::clock::iso;
use crate::fault::Effect;
use crate::iam::{Credentials, Entity, IamUser, USERS_PER_ACCOUNT, arn};
use crate::journal::Party;
use crate::wire::{ApiError, Xml};
use crate::world::{Cx, World};

pub(super) fn list(world: &World, cx: &Cx<'_>) -> Output {
    authorize_list(world, cx, "user")?;
    let prefix = prefix(&cx.input())?;
    let pager = marker(world, cx)?;
    let [from, ..] = pager.from;
    let rows = world.estate.iam.users_of(cx.key.account(), prefix, from);
    let (page, next) = pager.take(rows, |(place, _)| [*place, 0, 0]);
    let mut xml = Xml::new();
    xml.list("Users", page, |xml, (_, user)| bare(xml, user));
    close_page(&mut xml, next.as_deref());
    Ok(Some(xml))
}

pub(super) fn get(world: &World, cx: &Cx<'_>) -> Output {
    let place = user_or_caller(world, cx)?;
    Ok(whole(world, place))
}

pub(super) fn create(world: &mut World, cx: &Cx<'_>) -> Output {
    let input = cx.input();
    let name = shapes::new_user_name(&input, "UserName")?;
    let name = name.ok_or_else(|| input.missing("UserName"))?;
    let path = shapes::new_path(&input, "Path")?.unwrap_or("/");
    let tags = tags::asked(cx)?;
    let account = cx.key.account();
    let resource = arn(account, "user", path, name);
    authorize_on(world, cx, &resource)?;
    if !tags.is_empty() {
        // Who makes something with tags must be allowed to tag (AWS reference §6.5).
        authorize(world, cx, "iam:TagUser", &resource, &resource)?;
    }
    let boundary = match input.text("PermissionsBoundary")? {
        Some(_) => Some(boundary(world, cx)?),
        None => None,
    };
    if world.estate.iam.user_place(account, name).is_some() {
        return Err(taken(name));
    }
    if world.estate.iam.users_of(account, "/", 0).count() >= USERS_PER_ACCOUNT {
        return Err(limit("UsersPerAccount", USERS_PER_ACCOUNT));
    }
    let tags = tags::merged(&[], tags)?;
    let id = format!("AIDA{}", world.fresh("IAM user made").upper(17));
    if boundary.is_some() {
        world.access.held.get_or_default(id.clone()).boundary = boundary;
    }
    let place = world.estate.iam.add_user(IamUser {
        entity: Entity {
            account: account.to_owned(),
            path: path.to_owned(),
            name: name.to_owned(),
            id,
            created_at: cx.moment.at,
            removed: false,
        },
        tags,
        keys: Vec::new(),
        credentials: Credentials::default(),
        judge: Judge::Virtual,
        party: Party::User,
    });
    Ok(whole(world, place))
}

pub(super) fn update(world: &mut World, cx: &Cx<'_>) -> Output {
    let input = cx.input();
    let place = user_named(world, cx, input.required("UserName", shapes::NAME)?)?;
    let path = shapes::new_path(&input, "NewPath")?;
    let name = shapes::new_user_name(&input, "NewUserName")?;
    let account = cx.key.account();
    let Some(old) = world.estate.iam.user(place).map(|user| user.entity.clone()) else {
        return Ok(None);
    };
    // The caller must be allowed both what was and what is to be.
    let becomes = arn(
        account,
        "user",
        path.unwrap_or(&old.path),
        name.unwrap_or(&old.name),
    );
    authorize_on(world, cx, &becomes)?;
    if let Some(name) = name
        && let Some(other) = world.estate.iam.user_place(account, name)
        && other != place
    {
        return Err(taken(name));
    }
    world.estate.iam.move_user(place, path, name);
    if let Some(user) = world.estate.iam.user(place) {
        world.access.user_moved(user);
    }
    Ok(None)
}

/// Nothing goes with a user: the console removes what is left first, the API refuses (AWS
/// reference §1.1).
pub(super) fn delete(world: &mut World, cx: &Cx<'_>) -> Output {
    let place = user_named(world, cx, cx.input().required("UserName", shapes::NAME)?)?;
    let Some(user) = world.estate.iam.user(place) else {
        return Ok(None);
    };
    // Login profile, keys, devices in this order [R]; of the rest no order is known.
    let credentials = &user.credentials;
    if credentials.login.is_some() {
        return Err(conflict("delete login profile"));
    }
    if !user.keys.is_empty() {
        return Err(conflict("delete access keys"));
    }
    if !credentials.mfa.is_empty() {
        return Err(conflict("delete MFA device"));
    }
    if !credentials.certificates.is_empty() {
        return Err(conflict("delete signing certificates"));
    }
    // What was seen with SSH keys [R]; taken to be so of the other kind too [K].
    if !credentials.ssh_keys.is_empty() || !credentials.of_services.is_empty() {
        return Err(conflict("remove referenced objects"));
    }
    in_the_way(world, &user.entity.id)?;
    if world.relations().iam_groups_of(place, 0).next().is_some() {
        return Err(conflict("remove users from group"));
    }
    if !matches!(cx.effect, Some(Effect::IgnoreDelete)) {
        let (id, arn) = (user.entity.id.clone(), user.arn());
        world.estate.iam.remove_user(place);
        world.forget_principal(&arn, &id);
        world.access.gone(&id);
    }
    Ok(None)
}

fn taken(name: &str) -> ApiError {
    ApiError::iam(
        "EntityAlreadyExists",
        format!("User with name {name} already exists."),
    )
}

/// What the lists say of a user: no tags (AWS reference §1.1 [M]).
pub(super) fn bare(xml: &mut Xml, user: &IamUser) {
    xml.text("Path", &user.entity.path)
        .text("UserName", &user.entity.name)
        .text("UserId", &user.entity.id)
        .text("Arn", &user.arn())
        .text("CreateDate", &iso(user.entity.created_at));
}

fn whole(world: &World, place: u32) -> Option<Xml> {
    let user = world.estate.iam.user(place)?;
    let mut xml = Xml::new();
    xml.element("User", |xml| {
        bare(xml, user);
        write_boundary(xml, world, &user.entity.id);
        if !user.tags.is_empty() {
            tags::write(xml, &user.tags);
        }
    });
    Some(xml)
}
