//! Organizations: tags of accounts (AWS documentation: tagging resources of Organizations; botocore's
//! model). At most fifty, whose keys differ by their capitals too.
//!
//! What it does not do: tags of roots, units and policies.

use serde_json::{Value, json};

use super::organizations::tagged;
use super::shapes::ORG_TAGGABLE;
use super::units::{PAGE, constraint};
use super::{InJson, authorize};
use crate::wire::{ApiError, Input};
use crate::world::{Cx, World};

/// What is served here.
pub(super) const OPERATIONS: &[(&str, InJson)] = &[
    ("TagResource", |world, cx| add(world, cx)),
    ("UntagResource", |world, cx| remove(world, cx)),
    ("ListTagsForResource", |world, cx| list(world, cx)),
];

/// Tags of one account at most [D].
const TAGS_PER_ACCOUNT: usize = 50;

type Tags = Vec<(String, String)>;

fn list(world: &World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    let place = named(world, cx)?;
    let account = world.estate.accounts.get(place as usize);
    cx.tags(world, PAGE, account.map_or(&[], |it| &it.tags))
}

fn add(world: &mut World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    let place = named(world, cx)?;
    let asked = asked(&cx.input())?;
    if let Some(account) = world.estate.accounts.get_mut(place as usize) {
        let mut tags = account.tags.clone();
        for (key, value) in asked {
            match tags.iter_mut().find(|(known, _)| *known == key) {
                Some(known) => known.1 = value,
                None => tags.push((key, value)),
            }
        }
        if tags.len() > TAGS_PER_ACCOUNT {
            return Err(constraint(
                "MAX_TAG_LIMIT_EXCEEDED",
                "You have exceeded the maximum number of tags for this resource.",
            ));
        }
        account.tags = tags;
    }
    Ok(json!({}))
}

fn remove(world: &mut World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    let place = named(world, cx)?;
    let input = cx.input();
    let keys = input
        .list("TagKeys")?
        .ok_or_else(|| input.missing("TagKeys"))?;
    if keys.iter().any(|key| !key.is_string()) {
        return Err(ApiError::serialization());
    }
    if let Some(account) = world.estate.accounts.get_mut(place as usize) {
        account
            .tags
            .retain(|(known, _)| !keys.iter().any(|key| key.as_str() == Some(known)));
    }
    Ok(json!({}))
}

/// The account `ResourceId` names: nothing else here has tags.
fn named(world: &World, cx: &Cx<'_>) -> Result<u32, ApiError> {
    let id = cx.input().required("ResourceId", ORG_TAGGABLE)?;
    authorize(world, cx, id, false)?;
    tagged(world, id)
}

fn asked(input: &Input<'_>) -> Result<Tags, ApiError> {
    let given = input.list("Tags")?.ok_or_else(|| input.missing("Tags"))?;
    let mut tags = Tags::new();
    for one in given {
        let text = |name: &str| one.get(name).and_then(Value::as_str);
        let (Some(key), Some(value)) = (text("Key"), text("Value")) else {
            return Err(ApiError::serialization());
        };
        if key.is_empty() || key.chars().count() > 128 || value.chars().count() > 256 {
            return Err(input.breach(
                "Tags",
                key,
                "Member must have length less than or equal to 128",
            ));
        }
        if key.to_ascii_lowercase().starts_with("aws:") {
            return Err(invalid(
                "INVALID_SYSTEM_TAGS_PARAMETER",
                "You specified a tag key that is a system tag. You can't add, edit, or delete system tag keys because they're reserved for AWS use.",
            ));
        }
        if tags.iter().any(|(known, _)| known == key) {
            return Err(invalid(
                "DUPLICATE_TAG_KEY",
                "Tag keys must be unique among the tags attached to the same entity.",
            ));
        }
        tags.push((key.to_owned(), value.to_owned()));
    }
    Ok(tags)
}

fn invalid(reason: &str, message: &str) -> ApiError {
    ApiError::new("InvalidInputException", message).with("Reason", reason)
}
