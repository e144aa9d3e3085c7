//! Login profiles: whether a user has a password for the console. The password itself is
//! taken and forgotten: nobody signs in here.

use super::{Output, user_or_caller};
use crate::clock::iso;
use crate::wire::{ApiError, Xml};
use crate::world::{Cx, World};

pub(super) fn get(world: &World, cx: &Cx<'_>) -> Output {
    let place = user_or_caller(world, cx)?;
    let Some(user) = world.estate.iam.user(place) else {
        return Ok(None);
    };
    let since = user.login_profile.ok_or_else(|| none(&user.entity.name))?;
    Ok(Some(shown(&user.entity.name, since)))
}

pub(super) fn create(world: &mut World, cx: &Cx<'_>) -> Output {
    let place = user_or_caller(world, cx)?;
    let at = cx.moment.at;
    let Some(user) = world.estate.iam.user_mut(place) else {
        return Ok(None);
    };
    let name = user.entity.name.clone();
    if user.login_profile.is_some() {
        let why = format!("Login Profile for user {name} already exists.");
        return Err(ApiError::iam("EntityAlreadyExists", why));
    }
    user.login_profile = Some(at);
    Ok(Some(shown(&name, at)))
}

pub(super) fn delete(world: &mut World, cx: &Cx<'_>) -> Output {
    let place = user_or_caller(world, cx)?;
    if let Some(user) = world.estate.iam.user_mut(place)
        && user.login_profile.take().is_none()
    {
        return Err(none(&user.entity.name));
    }
    Ok(None)
}

fn shown(name: &str, since: i64) -> Xml {
    let mut xml = Xml::new();
    xml.element("LoginProfile", |xml| {
        xml.text("UserName", name)
            .text("CreateDate", &iso(since))
            .text("PasswordResetRequired", "false");
    });
    xml
}

fn none(name: &str) -> ApiError {
    ApiError::iam(
        "NoSuchEntity",
        format!("Login Profile for User {name} cannot be found."),
    )
}
