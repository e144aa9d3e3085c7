//! Messages, one by one: sent, received, deleted, hidden.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::super::object;
use super::attributes::names;
use super::digests::{digest_of, md5};
use super::{Output, known, missing, named, number, required};
use crate::queues::{Message, NoReceipt, Queue, SECOND};
use crate::wire::{ApiError, Input};
use crate::world::{Cx, World};

/// How long a message is with its attributes, about, in bytes.
pub(super) fn size(input: &Input<'_>) -> Result<i64, ApiError> {
    let body = input.text("MessageBody")?.map_or(0, str::len);
    let attributes = input.object("MessageAttributes")?.map_or(0, |given| {
        serde_json::to_string(given.members()).map_or(0, |text| text.len().saturating_sub(2))
    });
    Ok(i64::try_from(body + attributes).unwrap_or(i64::MAX))
}

/// A message to be sent, read and judged.
pub(super) fn message(
    input: &Input<'_>,
    queue: &Queue,
    id: String,
    cx: &Cx<'_>,
) -> Result<(Message, Value), ApiError> {
    let body = required(input, "MessageBody")?;
    let fits = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    if !body.chars().all(fits) {
        return Err(ApiError::new(
            "InvalidMessageContents",
            "The message contains characters outside the allowed set.",
        ));
    }
    let attributes = match input.object("MessageAttributes")? {
        Some(given) => given.members().clone(),
        None => Map::new(),
    };
    let digest = digest_of(&attributes)?;
    let most = queue.number("MaximumMessageSize");
    if size(input)? > most {
        return Err(ApiError::new(
            "InvalidParameterValue",
            format!(
                "One or more parameters are invalid. Reason: Message must be shorter than {most} bytes."
            ),
        ));
    }
    let delay = number(input, "DelaySeconds", 0, 900)?;
    let delay = delay.unwrap_or_else(|| queue.number("DelaySeconds"));
    let mut message = Message::new(id, body, &cx.key.user_id, cx.moment.at);
    message.visible_at += delay * SECOND;
    message.attributes = attributes;
    let told = object([
        ("MessageId", json!(message.id)),
        ("MD5OfMessageBody", json!(md5(body.as_bytes()))),
        ("MD5OfMessageAttributes", json!(digest)),
    ]);
    Ok((message, told))
}

pub(super) fn send(world: &mut World, cx: &Cx<'_>) -> Output {
    let id = world.fresh("message").uuid();
    let queue = known(world, cx, "SendMessage")?;
    let (message, told) = message(&cx.input(), queue, id, cx)?;
    queue.messages.push_back(message);
    Ok(told)
}

/// What the service itself knows of a message.
const SYSTEM: &[&str] = &[
    "AWSTraceHeader",
    "ApproximateFirstReceiveTimestamp",
    "ApproximateReceiveCount",
    "DeadLetterQueueSourceArn",
    "MessageDeduplicationId",
    "MessageGroupId",
    "SenderId",
    "SentTimestamp",
    "SequenceNumber",
];

/// Where a queue's dead letters go after how many receipts. Where there is no such queue any more
/// they stay where they are [K].
fn heir(world: &World, (account, name): (&str, &str)) -> Option<(String, u32)> {
    let redrive = world.queues.get(account, name)?.redrive.clone();
    redrive.filter(|(target, _)| world.queues.by_arn(target).is_some())
}

pub(super) fn receive(world: &mut World, cx: &Cx<'_>) -> Output {
    let now = cx.moment.at;
    let stream = world.fresh("receipt");
    let input = cx.input();
    let heir = named(&input).ok().and_then(|of| heir(world, of));
    let queue = known(world, cx, "ReceiveMessage")?;
    let most = number(&input, "MaxNumberOfMessages", 1, 10)?.unwrap_or(1);
    number(&input, "WaitTimeSeconds", 0, 20)?;
    let hidden = number(&input, "VisibilityTimeout", 0, 43_200)?;
    let hidden = hidden.unwrap_or_else(|| queue.number("VisibilityTimeout"));
    let system = names(
        &input,
        &["AttributeNames", "MessageSystemAttributeNames"],
        SYSTEM,
    )?;
    let own: Vec<&str> = input
        .list("MessageAttributeNames")?
        .unwrap_or_default()
        .iter()
        .map(|name| name.as_str().ok_or_else(ApiError::serialization))
        .collect::<Result<_, _>>()?;
    if queue.is_full(now) {
        return Err(ApiError::new("OverLimit", "Too many messages in flight."));
    }
    let most = usize::try_from(most).unwrap_or(1);
    let limit = heir.as_ref().map(|(_, limit)| *limit);
    let (received, moved) = queue.receive(now, most, hidden, limit, stream);
    let from = queue.arn.clone();
    if let Some(heir) = heir.and_then(|(heir, _)| world.queues.by_arn_mut(&heir)) {
        heir.age(now);
        for mut message in moved {
            message.moved_from = Some(from.clone());
            message.handle = None;
            heir.messages.push_back(message);
        }
    }
    let told: Vec<Value> = received
        .iter()
        .map(|message| shown(message, &system, &own))
        .collect();
    if told.is_empty() {
        return Ok(json!({}));
    }
    Ok(json!({ "Messages": told }))
}

fn shown(message: &Message, system: &BTreeSet<String>, own: &[&str]) -> Value {
    let mut known = message.system();
    known.retain(|name, _| system.contains(name));
    let asked = |name: &str| {
        own.iter().any(|wanted| match wanted.strip_suffix(".*") {
            Some(prefix) => name.starts_with(prefix),
            None => *wanted == "All" || *wanted == name,
        })
    };
    let mut attributes = message.attributes.clone();
    attributes.retain(|name, _| asked(name));
    let digest = digest_of(&attributes).ok().flatten();
    let some = |map: Map<String, Value>| {
        if map.is_empty() {
            Value::Null
        } else {
            Value::Object(map)
        }
    };
    object([
        ("MessageId", json!(message.id)),
        ("ReceiptHandle", json!(message.handle)),
        ("MD5OfBody", json!(md5(message.body.as_bytes()))),
        ("Body", json!(message.body)),
        ("Attributes", some(known)),
        ("MD5OfMessageAttributes", json!(digest)),
        ("MessageAttributes", some(attributes)),
    ])
}

pub(super) fn no_receipt(why: NoReceipt, handle: &str) -> ApiError {
    match why {
        NoReceipt::Unknown => ApiError::new(
            "ReceiptHandleIsInvalid",
            format!("The input receipt handle \"{handle}\" is not a valid receipt handle."),
        ),
        NoReceipt::NotInFlight => ApiError::new(
            "MessageNotInflight",
            format!("The message referred to by receipt handle {handle} is not in flight."),
        ),
    }
}

pub(super) fn delete_message(world: &mut World, cx: &Cx<'_>) -> Output {
    let input = cx.input();
    let queue = known(world, cx, "DeleteMessage")?;
    let handle = required(&input, "ReceiptHandle")?;
    queue
        .delete(handle)
        .map_err(|why| no_receipt(why, handle))?;
    Ok(Value::Null)
}

pub(super) fn hide(world: &mut World, cx: &Cx<'_>) -> Output {
    let now = cx.moment.at;
    let input = cx.input();
    let queue = known(world, cx, "ChangeMessageVisibility")?;
    let handle = required(&input, "ReceiptHandle")?;
    let seconds = number(&input, "VisibilityTimeout", 0, 43_200)?;
    let seconds = seconds.ok_or_else(|| missing("VisibilityTimeout"))?;
    queue
        .hide(handle, now, seconds)
        .map_err(|why| no_receipt(why, handle))?;
    Ok(Value::Null)
}
