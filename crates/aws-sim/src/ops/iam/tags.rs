//! Tags of users: at most fifty, of one key whatever its case.

use super::{Output, close_page, marker, shapes, user_named};
use crate::iam::TAGS_PER_USER;
use crate::wire::{ApiError, Service, Xml, form};
use crate::world::{Cx, World};

pub(super) type Tags = Vec<(String, String)>;

pub(super) fn list(world: &World, cx: &Cx<'_>) -> Output {
    let place = user_named(world, cx, cx.input().required("UserName", shapes::NAME)?)?;
    let pager = marker(world, cx)?;
    let [from, ..] = pager.from;
    let Some(user) = world.estate.iam.user(place) else {
        return Ok(None);
    };
    let rows = (from..).zip(user.tags.iter().skip(from as usize));
    let (page, next) = pager.take(rows, |(n, _)| [*n, 0, 0]);
    let page: Tags = page.into_iter().map(|(_, tag)| tag.clone()).collect();
    let mut xml = Xml::new();
    write(&mut xml, &page);
    close_page(&mut xml, next.as_deref());
    Ok(Some(xml))
}

pub(super) fn add(world: &mut World, cx: &Cx<'_>) -> Output {
    let place = user_named(world, cx, cx.input().required("UserName", shapes::NAME)?)?;
    let asked = asked(cx)?;
    if let Some(user) = world.estate.iam.user_mut(place) {
        user.tags = merged(&user.tags, asked)?;
    }
    Ok(None)
}

pub(super) fn remove(world: &mut World, cx: &Cx<'_>) -> Output {
    let place = user_named(world, cx, cx.input().required("UserName", shapes::NAME)?)?;
    if let Some(user) = world.estate.iam.user_mut(place) {
        without(&mut user.tags, cx);
    }
    Ok(None)
}

/// Takes the tags away whose keys the call names.
pub(super) fn without(tags: &mut Tags, cx: &Cx<'_>) {
    let keys = form::list(&cx.call.input, "TagKeys", "");
    tags.retain(|(known, _)| !keys.iter().any(|key| key.eq_ignore_ascii_case(known)));
}

/// The tags of a call's input.
pub(super) fn asked(cx: &Cx<'_>) -> Result<Tags, ApiError> {
    let keys = form::list(&cx.call.input, "Tags", ".Key");
    let mut tags = Tags::new();
    for (n, key) in (1..).zip(keys) {
        let value = form::text(&cx.call.input, &format!("Tags.member.{n}.Value")).unwrap_or("");
        let place = |part: &str| format!("tags.{n}.member.{part}");
        length(&place("key"), key, 1, 128)?;
        length(&place("value"), value, 0, 256)?;
        if key
            .get(..4)
            .is_some_and(|start| start.eq_ignore_ascii_case("aws:"))
        {
            return Err(ApiError::iam(
                "InvalidInput",
                "System tags cannot be added/updated by requester",
            ));
        }
        if tags
            .iter()
            .any(|(known, _)| known.eq_ignore_ascii_case(key))
        {
            return Err(ApiError::iam(
                "InvalidInput",
                "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
            ));
        }
        tags.push((key.to_owned(), value.to_owned()));
    }
    Ok(tags)
}

/// What a user has, and these on top.
pub(super) fn merged(old: &[(String, String)], asked: Tags) -> Result<Tags, ApiError> {
    let mut tags = old.to_vec();
    for (key, value) in asked {
        match tags
            .iter_mut()
            .find(|(known, _)| known.eq_ignore_ascii_case(&key))
        {
            Some(known) => *known = (key, value),
            None => tags.push((key, value)),
        }
    }
    if tags.len() > TAGS_PER_USER {
        return Err(ApiError::iam(
            "LimitExceeded",
            "The number of tags has reached the maximum limit.",
        ));
    }
    Ok(tags)
}

pub(super) fn write(xml: &mut Xml, tags: &[(String, String)]) {
    xml.list("Tags", tags, |xml, (key, value)| {
        xml.text("Key", key).text("Value", value);
    });
}

fn length(member: &str, value: &str, least: usize, most: usize) -> Result<(), ApiError> {
    let length = value.chars().count();
    let bound = match length {
        short if short < least => format!("greater than or equal to {least}"),
        long if long > most => format!("less than or equal to {most}"),
        _ => return Ok(()),
    };
    Err(ApiError::validation(
        Service::Iam,
        format!(
            "1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: Member must have length {bound}"
        ),
    ))
}
