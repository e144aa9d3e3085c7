//! Identity Center: permission sets made, changed and deleted, and their tags (AWS reference
//! §1.3).
//!
//! A change reaches the accounts with ProvisionPermissionSet, not before.

use serde_json::{Value, json};

use super::permission_sets::{authorize_in_instance, described, find, not_over_management};
use super::shapes::{PERMISSION_SET_ARN, SET_DESCRIPTION, SET_NAME, SET_RELAY_STATE};
use super::{InJson, PAGE};
use crate::estate::PermissionSet;
use crate::fault::Effect;
use crate::wire::{ApiError, Input};
use crate::world::{Cx, World};

/// What is served here.
pub(super) const OPERATIONS: &[(&str, InJson)] = &[
    ("CreatePermissionSet", |world, cx| create(world, cx)),
    ("UpdatePermissionSet", |world, cx| update(world, cx)),
    ("DeletePermissionSet", |world, cx| delete(world, cx)),
    ("TagResource", |world, cx| tag(world, cx)),
    ("UntagResource", |world, cx| untag(world, cx)),
    ("ListTagsForResource", |world, cx| list_tags(world, cx)),
];

/// What an instance may have (AWS reference §2 [D]).
const SETS: usize = 2_000;
const TAGS: usize = 50;

fn create(world: &mut World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    authorize_in_instance(world, cx)?;
    let input = cx.input();
    let name = input.required("Name", SET_NAME)?;
    let members = Members::read(&input)?;
    let tags = tags_of(&input, "Tags")?;
    let known = || world.estate.sets.iter().filter(|set| !set.removed);
    if known().any(|set| set.name.eq_ignore_ascii_case(name)) {
        return Err(ApiError::conflict(format!(
            "PermissionSet with name {name} already exists."
        )));
    }
    if known().count() >= SETS {
        return Err(quota(
            "You have exceeded the maximum number of permission sets.",
        ));
    }
    let id = world.fresh("permission set made").hex(16);
    let arn = format!(
        "arn:aws:sso:::permissionSet/{}/ps-{id}",
        world.estate.instance
    );
    let place = super::place_of(world.estate.sets.len());
    let set = PermissionSet {
        arn: arn.clone(),
        name: name.to_owned(),
        description: members.description.unwrap_or_default(),
        session_duration: members.duration.unwrap_or_else(|| "PT1H".to_owned()),
        relay_state: members.relay_state,
        created_at: cx.moment.at,
        tags,
        papers: Default::default(),
        revision: 0,
        removed: false,
    };
    let answer = json!({ "PermissionSet": described(&set) });
    world.estate.sets.push(set);
    world.sets_by_arn.insert(arn, place);
    Ok(answer)
}

fn update(world: &mut World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    let place = named(world, cx)?;
    let members = Members::read(&cx.input())?;
    not_over_management(world, cx, place)?;
    if let Some(set) = world.estate.sets.get_mut(place as usize) {
        set.description = members
            .description
            .unwrap_or_else(|| set.description.clone());
        set.session_duration = members
            .duration
            .unwrap_or_else(|| set.session_duration.clone());
        set.relay_state = members.relay_state.or_else(|| set.relay_state.clone());
        set.revision += 1;
    }
    Ok(json!({}))
}

fn delete(world: &mut World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    let place = named(world, cx)?;
    if world.relations().accounts_with(place, 0).next().is_some() {
        return Err(ApiError::conflict(
            "Could not delete because PermissionSet has ApplicationProfile associated with it",
        ));
    }
    if world.writes.touches(place) {
        return Err(ApiError::conflict(
            "Another operation on this permission set is in progress. Please try again later.",
        ));
    }
    if !matches!(cx.effect, Some(Effect::IgnoreDelete))
        && let Some(set) = world.estate.sets.get_mut(place as usize)
    {
        set.removed = true;
    }
    Ok(json!({}))
}

fn tag(world: &mut World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    let place = resource(world, cx)?;
    let input = cx.input();
    let asked = tags_of(&input, "Tags")?;
    if input.list("Tags")?.is_none() {
        return Err(input.missing("Tags"));
    }
    if let Some(set) = world.estate.sets.get_mut(place as usize) {
        let mut tags = set.tags.clone();
        for (key, value) in asked {
            match tags.iter_mut().find(|(known, _)| *known == key) {
                Some(known) => known.1 = value,
                None => tags.push((key, value)),
            }
        }
        if tags.len() > TAGS {
            return Err(quota("You have exceeded the maximum number of tags."));
        }
        set.tags = tags;
    }
    Ok(json!({}))
}

fn untag(world: &mut World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    let place = resource(world, cx)?;
    let input = cx.input();
    let keys = input
        .list("TagKeys")?
        .ok_or_else(|| input.missing("TagKeys"))?;
    if let Some(set) = world.estate.sets.get_mut(place as usize) {
        set.tags
            .retain(|(known, _)| !keys.iter().any(|key| key.as_str() == Some(known)));
    }
    Ok(json!({}))
}

fn list_tags(world: &World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    let place = resource(world, cx)?;
    let set = world.estate.sets.get(place as usize);
    cx.tags(world, PAGE, set.map_or(&[], |it| &it.tags))
}

fn named(world: &World, cx: &Cx<'_>) -> Result<u32, ApiError> {
    authorize_in_instance(world, cx)?;
    let input = cx.input();
    find(
        world,
        input.required("PermissionSetArn", PERMISSION_SET_ARN)?,
    )
}

/// The permission set `ResourceArn` names; nothing else here has tags.
fn resource(world: &World, cx: &Cx<'_>) -> Result<u32, ApiError> {
    let input = cx.input();
    let arn = input.required("ResourceArn", PERMISSION_SET_ARN)?;
    super::authorize(world, cx, arn, false)?;
    find(world, arn)
}

fn tags_of(input: &Input<'_>, member: &str) -> Result<Vec<(String, String)>, ApiError> {
    let mut tags: Vec<(String, String)> = Vec::new();
    for one in input.list(member)?.unwrap_or_default() {
        let text = |name: &str| one.get(name).and_then(Value::as_str);
        let (Some(key), Some(value)) = (text("Key"), text("Value")) else {
            return Err(ApiError::serialization());
        };
        if key.is_empty() || key.chars().count() > 128 || value.chars().count() > 256 {
            return Err(input.breach(
                member,
                key,
                "Member must have length less than or equal to 128",
            ));
        }
        if key.to_ascii_lowercase().starts_with("aws:")
            || tags.iter().any(|(known, _)| known == key)
        {
            return Err(ApiError::validation(
                input.service(),
                format!("The tag key {key} is reserved or was given twice."),
            ));
        }
        tags.push((key.to_owned(), value.to_owned()));
    }
    Ok(tags)
}

pub(super) fn quota(message: &str) -> ApiError {
    ApiError::new("ServiceQuotaExceededException", message)
}

/// What both making and changing may say.
struct Members {
    description: Option<String>,
    duration: Option<String>,
    relay_state: Option<String>,
}

impl Members {
    fn read(input: &Input<'_>) -> Result<Members, ApiError> {
        let description = input.text("Description")?;
        if let Some(text) = description {
            input.fits("Description", text, SET_DESCRIPTION)?;
        }
        let relay_state = input.text("RelayState")?;
        if let Some(text) = relay_state {
            input.fits("RelayState", text, SET_RELAY_STATE)?;
        }
        let duration = input.text("SessionDuration")?;
        if let Some(text) = duration {
            let whole = hours(text);
            if !whole.is_some_and(|minutes| (60..=720).contains(&minutes)) {
                return Err(input.breach(
                    "SessionDuration",
                    text,
                    "Member must be a duration of 1 to 12 hours",
                ));
            }
        }
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Ok(Members {
            description: owned(description),
            duration: owned(duration),
            relay_state: owned(relay_state),
        })
    }
}

/// Minutes of `PT8H`, `PT1H30M` or `PT90M`.
fn hours(text: &str) -> Option<u64> {
    let rest = text.strip_prefix("PT")?;
    let (hours, rest) = match rest.split_once('H') {
        Some((hours, rest)) => (hours.parse::<u64>().ok()?, rest),
        None => (0, rest),
    };
    let minutes = match rest.strip_suffix('M') {
        Some(minutes) => minutes.parse::<u64>().ok()?,
        None if rest.is_empty() => 0,
        None => return None,
    };
    Some(hours * 60 + minutes)
}
