//! What queues are told to be, and what they tell.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use stint_iam_policy::Kind as PolicyKind;

use super::{Output, known, missing};
use crate::held::Document;
use crate::queues::{NUMBERS, Queue, SECOND};
use crate::wire::{ApiError, Input};
use crate::world::{Cx, World};

/// The attributes a caller may set, read and judged; nothing is changed.
pub(super) struct Wanted {
    numbers: Vec<(&'static str, i64)>,
    policy: Option<Option<Document>>,
    redrive: Option<Option<(String, u32)>>,
}

pub(super) fn wanted(input: &Input<'_>, must: bool) -> Result<Wanted, ApiError> {
    let mut wanted = Wanted {
        numbers: Vec::new(),
        policy: None,
        redrive: None,
    };
    let given = match input.object("Attributes")? {
        Some(given) => given,
        None if must => return Err(missing("Attributes")),
        None => return Ok(wanted),
    };
    for (name, value) in given.members() {
        let text = value.as_str().ok_or_else(ApiError::serialization)?;
        let wrong = || {
            ApiError::new(
                "InvalidAttributeValue",
                format!("Invalid value for the parameter {name}."),
            )
        };
        if let Some((known, _, least, most)) = NUMBERS.iter().find(|(known, ..)| known == name) {
            let number: i64 = text.parse().map_err(|_| wrong())?;
            if !(*least..=*most).contains(&number) {
                return Err(wrong());
            }
            wanted.numbers.push((known, number));
            continue;
        }
        match name.as_str() {
            "Policy" if text.is_empty() => wanted.policy = Some(None),
            "Policy" => {
                let read = stint_iam_policy::Document::read(text, PolicyKind::Resource);
                let policy = read.map_err(|_| wrong())?.into_policy();
                wanted.policy = Some(Some(Document {
                    text: text.into(),
                    policy: policy.into(),
                }));
            }
            "RedrivePolicy" if text.is_empty() => wanted.redrive = Some(None),
            "RedrivePolicy" => {
                let read: Value = serde_json::from_str(text).map_err(|_| wrong())?;
                let target = read.get("deadLetterTargetArn").and_then(Value::as_str);
                let times = read.get("maxReceiveCount").and_then(|times| match times {
                    Value::String(text) => text.parse().ok(),
                    other => other.as_u64(),
                });
                let times = times.filter(|times| (1..=1_000).contains(times));
                let (target, times) = target.zip(times).ok_or_else(wrong)?;
                let times = u32::try_from(times).map_err(|_| wrong())?;
                wanted.redrive = Some(Some((target.to_owned(), times)));
            }
            _ => {
                return Err(ApiError::new(
                    "InvalidAttributeName",
                    format!("Unknown Attribute {name}."),
                ));
            }
        }
    }
    Ok(wanted)
}

impl Wanted {
    /// A dead-letter queue must be there, in the same account.
    pub(super) fn stands(&self, world: &World, account: &str) -> Result<(), ApiError> {
        let Some(Some((target, _))) = &self.redrive else {
            return Ok(());
        };
        let there = world.queues.by_arn(target);
        if there.is_some_and(|queue| queue.account == account) {
            return Ok(());
        }
        Err(ApiError::new(
            "InvalidAttributeValue",
            "Value for parameter RedrivePolicy is invalid. Reason: Dead letter target does not exist.",
        ))
    }

    pub(super) fn apply(self, queue: &mut Queue, at: i64) {
        queue.numbers.extend(self.numbers);
        if let Some(policy) = self.policy {
            queue.policy = policy;
        }
        if let Some(redrive) = self.redrive {
            queue.redrive = redrive;
        }
        queue.changed_at = at;
    }

    /// The first attribute a queue has otherwise.
    pub(super) fn differs(&self, queue: &Queue) -> Option<&'static str> {
        let numbers = self.numbers.iter();
        let number = numbers
            .filter(|(name, value)| queue.number(name) != *value)
            .map(|(name, _)| *name)
            .next();
        let policy = self.policy.as_ref().is_some_and(|wanted| {
            let text = |policy: &Option<Document>| policy.as_ref().map(|it| it.text.clone());
            text(wanted) != text(&queue.policy)
        });
        let redrive = self.redrive.as_ref().is_some_and(|it| *it != queue.redrive);
        number
            .or(policy.then_some("Policy"))
            .or(redrive.then_some("RedrivePolicy"))
    }
}

/// What GetQueueAttributes tells.
const READABLE: &[&str] = &[
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
    "CreatedTimestamp",
    "DelaySeconds",
    "LastModifiedTimestamp",
    "MaximumMessageSize",
    "MessageRetentionPeriod",
    "Policy",
    "QueueArn",
    "ReceiveMessageWaitTimeSeconds",
    "RedrivePolicy",
    "SqsManagedSseEnabled",
    "VisibilityTimeout",
];

/// The names of a list of texts; `All` is every one.
pub(super) fn names(
    input: &Input<'_>,
    lists: &[&str],
    all: &[&'static str],
) -> Result<BTreeSet<String>, ApiError> {
    let mut names = BTreeSet::new();
    for list in lists {
        for item in input.list(list)?.unwrap_or_default() {
            let name = item.as_str().ok_or_else(ApiError::serialization)?;
            if name == "All" {
                names.extend(all.iter().map(|name| (*name).to_owned()));
            } else if all.contains(&name) {
                names.insert(name.to_owned());
            } else {
                return Err(ApiError::new(
                    "InvalidAttributeName",
                    format!("Unknown Attribute {name}."),
                ));
            }
        }
    }
    Ok(names)
}

pub(super) fn attributes(world: &mut World, cx: &Cx<'_>) -> Output {
    let now = cx.moment.at;
    let queue = known(world, cx, "GetQueueAttributes")?;
    let names = names(&cx.input(), &["AttributeNames"], READABLE)?;
    let [visible, in_flight, delayed] = queue.counts(now);
    let seconds = |micros: i64| micros.div_euclid(SECOND).to_string();
    let told = names.into_iter().filter_map(|name| {
        let value = match name.as_str() {
            "ApproximateNumberOfMessages" => visible.to_string(),
            "ApproximateNumberOfMessagesDelayed" => delayed.to_string(),
            "ApproximateNumberOfMessagesNotVisible" => in_flight.to_string(),
            "CreatedTimestamp" => seconds(queue.created_at),
            "LastModifiedTimestamp" => seconds(queue.changed_at),
            "Policy" => queue.policy.as_ref()?.text.to_string(),
            "QueueArn" => queue.arn.clone(),
            "RedrivePolicy" => {
                let (target, times) = queue.redrive.as_ref()?;
                json!({ "deadLetterTargetArn": target, "maxReceiveCount": times }).to_string()
            }
            "SqsManagedSseEnabled" => "true".to_owned(),
            number => queue.number(number).to_string(),
        };
        Some((name, json!(value)))
    });
    let told: Map<String, Value> = told.collect();
    if told.is_empty() {
        return Ok(json!({}));
    }
    Ok(json!({ "Attributes": told }))
}

pub(super) fn set_attributes(world: &mut World, cx: &Cx<'_>) -> Output {
    let queue = known(world, cx, "SetQueueAttributes")?;
    let key = (queue.account.clone(), queue.name.clone());
    let wanted = wanted(&cx.input(), true)?;
    wanted.stands(world, &key.0)?;
    if let Some(queue) = world.queues.all.get_mut(&key) {
        wanted.apply(queue, cx.moment.at);
    }
    Ok(Value::Null)
}
