//! Access keys.

use super::{Output, authorize_on, close_page, limit, marker, shapes, user_or_caller};
use crate::access::{Holder, Key};
use crate::clock::iso;
use crate::fault::Effect;
use crate::iam::KEYS_PER_USER;
use crate::wire::{ApiError, Xml};
use crate::world::{Cx, World};

pub(super) fn list(world: &World, cx: &Cx<'_>) -> Output {
    let place = user_or_caller(world, cx)?;
    let pager = marker(world, cx)?;
    let [from, ..] = pager.from;
    let Some(user) = world.estate.iam.user(place) else {
        return Ok(None);
    };
    let rows = (from..).zip(user.keys.iter().skip(from as usize));
    let (page, next) = pager.take(rows, |(n, _)| [*n, 0, 0]);
    let known = |id: &String| {
        world
            .access
            .keys
            .get(id)
            .cloned()
            .map(|key| (id.clone(), key))
    };
    let keys = page.into_iter().filter_map(|(_, id)| known(id));
    let mut xml = Xml::new();
    xml.list("AccessKeyMetadata", keys, |xml, (id, key)| {
        xml.text("UserName", &user.entity.name)
            .text("AccessKeyId", &id)
            .text("Status", status(&key))
            .text("CreateDate", &iso(key.created_at));
    });
    close_page(&mut xml, next.as_deref());
    Ok(Some(xml))
}

/// The secret is in this answer and nowhere else, the journal included.
pub(super) fn create(world: &mut World, cx: &Cx<'_>) -> Output {
    let place = user_or_caller(world, cx)?;
    let mut stream = world.fresh("access key made");
    let (id, secret) = (format!("AKIA{}", stream.upper(16)), stream.mixed(40));
    let at = cx.moment.at;
    let Some(user) = world.estate.iam.user_mut(place) else {
        return Ok(None);
    };
    if user.keys.len() >= KEYS_PER_USER {
        return Err(limit("AccessKeysPerUser", KEYS_PER_USER));
    }
    user.keys.push(id.clone());
    let name = user.entity.name.clone();
    let key = Key::of_user(user, secret.clone(), at);
    let mut xml = Xml::new();
    xml.element("AccessKey", |xml| {
        xml.text("UserName", &name)
            .text("AccessKeyId", &id)
            .text("Status", status(&key))
            .text("SecretAccessKey", &secret)
            .text("CreateDate", &iso(at));
    });
    world.access.keys.insert(id, key);
    Ok(Some(xml))
}

pub(super) fn update(world: &mut World, cx: &Cx<'_>) -> Output {
    let place = user_or_caller(world, cx)?;
    let id = its_key(world, cx, place)?;
    let status = cx
        .input()
        .required_word("Status", &["Active", "Inactive", "Expired"])?;
    if status == "Expired" {
        return Err(ApiError::iam(
            "InvalidInput",
            "The status of an access key can be set to Active or Inactive.",
        ));
    }
    if let Some(key) = world.access.keys.get_mut(&id) {
        key.active = status == "Active";
    }
    Ok(None)
}

pub(super) fn delete(world: &mut World, cx: &Cx<'_>) -> Output {
    let place = user_or_caller(world, cx)?;
    let id = its_key(world, cx, place)?;
    if !matches!(cx.effect, Some(Effect::IgnoreDelete)) {
        if let Some(user) = world.estate.iam.user_mut(place) {
            user.keys.retain(|known| *known != id);
        }
        world.access.keys.remove(&id);
    }
    Ok(None)
}

pub(super) fn last_used(world: &World, cx: &Cx<'_>) -> Output {
    let id = cx.input().required("AccessKeyId", shapes::KEY_ID)?;
    let known = world.access.keys.get(id);
    let known = known.filter(|key| key.account() == cx.key.account());
    let holder = known.map(|key| (key, &key.holder));
    let Some((key, Holder::User { arn, name, .. })) = holder else {
        authorize_on(world, cx, "*")?;
        return Err(no_key(id));
    };
    authorize_on(world, cx, arn)?;
    let mut xml = Xml::new();
    xml.text("UserName", name);
    xml.element("AccessKeyLastUsed", |xml| match &key.last_used {
        Some(last) => {
            xml.text("LastUsedDate", &iso(last.at))
                .text("ServiceName", last.service)
                .text("Region", &last.region);
        }
        None => {
            xml.text("ServiceName", "N/A").text("Region", "N/A");
        }
    });
    Ok(Some(xml))
}

/// The id of a key this user has.
fn its_key(world: &World, cx: &Cx<'_>, user: u32) -> Result<String, ApiError> {
    let id = cx.input().required("AccessKeyId", shapes::KEY_ID)?;
    let user = world.estate.iam.user(user);
    let known = user.and_then(|user| user.keys.iter().find(|known| *known == id));
    known.cloned().ok_or_else(|| no_key(id))
}

fn no_key(id: &str) -> ApiError {
    ApiError::iam(
        "NoSuchEntity",
        format!("The Access Key with id {id} cannot be found."),
    )
}

fn status(key: &Key) -> &'static str {
    shapes::status(key.active)
}
