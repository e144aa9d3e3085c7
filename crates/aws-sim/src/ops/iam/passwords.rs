//! Login profiles: passwords for the console.

use super::{Output, shapes, user_named, user_or_caller};
use crate::access::Secret;
use crate::clock::iso;
use crate::fault::Effect;
use crate::iam::Login;
use crate::wire::{ApiError, Xml};
use crate::world::{Cx, World};

/// How long after its making a profile cannot be changed; AWS tells only that it is so (AWS
/// reference §1.1).
const SETTLES: i64 = 2_000_000;

pub(super) fn create(world: &mut World, cx: &Cx<'_>) -> Output {
    let place = user_or_caller(world, cx)?;
    let password = password(cx)?;
    let password = password.ok_or_else(|| cx.input().missing("Password"))?;
    let must_change = shapes::truth(cx, "PasswordResetRequired")?.unwrap_or(false);
    let at = cx.moment.at;
    let Some(user) = world.estate.iam.user_mut(place) else {
        return Ok(None);
    };
    let name = user.entity.name.clone();
    if user.credentials.login.is_some() {
        return Err(ApiError::iam(
            "EntityAlreadyExists",
            format!("Login Profile for user {name} already exists."),
        ));
    }
    user.credentials.login = Some(Login {
        password,
        created_at: at,
        changed_at: at,
        must_change,
    });
    Ok(write(&name, at, must_change))
}

pub(super) fn get(world: &World, cx: &Cx<'_>) -> Output {
    let place = user_or_caller(world, cx)?;
    let Some(user) = world.estate.iam.user(place) else {
        return Ok(None);
    };
    let login = user.credentials.login.as_ref();
    let login = login.ok_or_else(|| none(&user.entity.name))?;
    Ok(write(
        &user.entity.name,
        login.created_at,
        login.must_change,
    ))
}

pub(super) fn update(world: &mut World, cx: &Cx<'_>) -> Output {
    let place = user_named(world, cx, cx.input().required("UserName", shapes::NAME)?)?;
    let password = password(cx)?;
    let must_change = shapes::truth(cx, "PasswordResetRequired")?;
    settled(world, cx, place)?;
    let user = world.estate.iam.user_mut(place);
    if let Some(login) = user.and_then(|user| user.credentials.login.as_mut()) {
        if let Some(password) = password {
            login.password = password;
            login.changed_at = cx.moment.at;
        }
        login.must_change = must_change.unwrap_or(login.must_change);
    }
    Ok(None)
}

pub(super) fn delete(world: &mut World, cx: &Cx<'_>) -> Output {
    let place = user_or_caller(world, cx)?;
    settled(world, cx, place)?;
    if !matches!(cx.effect, Some(Effect::IgnoreDelete))
        && let Some(user) = world.estate.iam.user_mut(place)
    {
        user.credentials.login = None;
    }
    Ok(None)
}

/// Refuses where there is none, or one that was made just now.
fn settled(world: &World, cx: &Cx<'_>, place: u32) -> Result<(), ApiError> {
    let Some(user) = world.estate.iam.user(place) else {
        return Ok(());
    };
    let name = &user.entity.name;
    let login = user.credentials.login.as_ref().ok_or_else(|| none(name))?;
    if cx.moment.at < login.created_at.saturating_add(SETTLES) && world.knobs.new_logins_settle {
        return Err(ApiError::iam(
            "EntityTemporarilyUnmodifiable",
            format!(
                "Login Profile for User {name} cannot be modified while login profile is being created."
            ),
        ));
    }
    Ok(())
}

fn password(cx: &Cx<'_>) -> Result<Option<Secret>, ApiError> {
    let Some(text) = cx.input().text("Password")? else {
        return Ok(None);
    };
    // The account's default password policy (AWS documentation): eight characters of three kinds.
    let kinds = [
        text.chars().any(|c| c.is_ascii_uppercase()),
        text.chars().any(|c| c.is_ascii_lowercase()),
        text.chars().any(|c| c.is_ascii_digit()),
        text.chars().any(|c| c.is_ascii_punctuation()),
    ];
    let kinds = kinds.iter().filter(|has| **has).count();
    let length = text.chars().count();
    if !(8..=128).contains(&length) || kinds < 3 {
        return Err(ApiError::iam(
            "PasswordPolicyViolation",
            "Password does not conform to the account password policy.",
        ));
    }
    Ok(Some(Secret(text.to_owned())))
}

fn none(name: &str) -> ApiError {
    ApiError::iam(
        "NoSuchEntity",
        format!("Login Profile for User {name} cannot be found."),
    )
}

fn write(name: &str, at: i64, must_change: bool) -> Option<Xml> {
    let mut xml = Xml::new();
    xml.element("LoginProfile", |xml| {
        xml.text("UserName", name)
            .text("CreateDate", &iso(at))
            .text(
                "PasswordResetRequired",
                if must_change { "true" } else { "false" },
            );
    });
    Some(xml)
}
