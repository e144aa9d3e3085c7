//! SQS: queues with a policy of their own, and what is sent to them (AWS reference §1.8).
//!
//! What it does not do: first-in-first-out queues, keys, tags, moving messages back. A queue is
//! found whatever the region a call is signed for.

mod attributes;
mod batches;
mod digests;
mod messages;

use serde_json::{Value, json};

use super::InJson;
use crate::queues::{Queue, REST, of_url};
use crate::wire::{ApiError, Input, Pager, Service};
use crate::world::{Cx, World};

pub(super) const OPERATIONS: &[(&str, InJson)] = &[
    ("ChangeMessageVisibility", |world, cx| {
        messages::hide(world, cx)
    }),
    ("CreateQueue", |world, cx| create(world, cx)),
    ("DeleteMessage", |world, cx| {
        messages::delete_message(world, cx)
    }),
    ("DeleteMessageBatch", |world, cx| {
        batches::delete_messages(world, cx)
    }),
    ("DeleteQueue", |world, cx| delete(world, cx)),
    ("GetQueueAttributes", |world, cx| {
        attributes::attributes(world, cx)
    }),
    ("GetQueueUrl", |world, cx| url(world, cx)),
    ("ListQueues", |world, cx| list(world, cx)),
    ("PurgeQueue", |world, cx| purge(world, cx)),
    ("ReceiveMessage", |world, cx| messages::receive(world, cx)),
    ("SendMessage", |world, cx| messages::send(world, cx)),
    ("SendMessageBatch", |world, cx| {
        batches::send_many(world, cx)
    }),
    ("SetQueueAttributes", |world, cx| {
        attributes::set_attributes(world, cx)
    }),
];

type Output = Result<Value, ApiError>;

fn missing(name: &str) -> ApiError {
    ApiError::new(
        "MissingParameter",
        format!("The request must contain the parameter {name}."),
    )
}

fn invalid(value: &str, name: &str, reason: &str) -> ApiError {
    ApiError::new(
        "InvalidParameterValue",
        format!("Value {value} for parameter {name} is invalid. Reason: {reason}"),
    )
}

fn no_queue() -> ApiError {
    ApiError::new("QueueDoesNotExist", "The specified queue does not exist.")
}

/// What queues and the entries of batches may be called.
fn is_name(text: &str) -> bool {
    let fine = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    text.len() <= 80 && text.chars().all(fine)
}

fn required<'a>(input: &Input<'a>, name: &str) -> Result<&'a str, ApiError> {
    let given = input.text(name)?.filter(|text| !text.is_empty());
    given.ok_or_else(|| missing(name))
}

/// A whole number within bounds, if it is there.
fn number(input: &Input<'_>, name: &str, least: i64, most: i64) -> Result<Option<i64>, ApiError> {
    let given = match input.members().get(name) {
        None | Some(Value::Null) => return Ok(None),
        Some(given) => given.as_i64().ok_or_else(ApiError::serialization)?,
    };
    if (least..=most).contains(&given) {
        return Ok(Some(given));
    }
    let reason = format!("Must be between {least} and {most}, if provided.");
    Err(invalid(&given.to_string(), name, &reason))
}

/// Account and name of the queue a URL names.
fn named<'a>(input: &Input<'a>) -> Result<(&'a str, &'a str), ApiError> {
    let url = required(input, "QueueUrl")?;
    of_url(url).ok_or_else(|| {
        ApiError::new(
            "InvalidAddress",
            format!("The address {url} is not valid for this endpoint."),
        )
    })
}

/// What other accounts may not do, whatever a queue's policy says (AWS reference §1.8 [M]).
const OWNERS_ONLY: &[&str] = &["DeleteQueue", "SetQueueAttributes"];

/// Refuses whom neither their own policies nor the queue's allow this. SQS writes actions small
/// in its refusals [R].
fn permit(
    world: &World,
    cx: &Cx<'_>,
    action: &str,
    [account, arn]: [&str; 2],
    queue: Option<&Queue>,
) -> Result<(), ApiError> {
    let context = cx
        .key
        .context(Some(&world.estate.organization_id), cx.now());
    let policy = queue.and_then(|queue| queue.policy.as_ref());
    // What is for the owning account alone, its queue's policy gives to nobody else.
    let own = account == cx.key.account() || !OWNERS_ONLY.contains(&action);
    let policy = policy.filter(|_| own);
    let policy = policy.map(|document| document.policy.as_ref());
    let action = format!("sqs:{action}");
    let verdict = world.verdict_on_queue(cx.key, &action, [account, arn], policy, &context);
    if verdict.is_allowed() {
        return Ok(());
    }
    let small = action.to_ascii_lowercase();
    let why = verdict.refusal(&small);
    Err(ApiError::access_denied(
        Service::Sqs,
        cx.key.arn(),
        &small,
        arn,
        why,
    ))
}

/// The queue a call is about, for callers who may do this with it.
fn known<'w>(world: &'w mut World, cx: &Cx<'_>, action: &str) -> Result<&'w mut Queue, ApiError> {
    let input = cx.input();
    let (account, name) = named(&input)?;
    let queue = world.queues.get(account, name).ok_or_else(no_queue)?;
    permit(world, cx, action, [account, &queue.arn], Some(queue))?;
    let queue = world.queues.get_mut(account, name).ok_or_else(no_queue)?;
    queue.age(cx.moment.at);
    Ok(queue)
}

fn url_of(cx: &Cx<'_>, queue: &Queue) -> String {
    format!("{}/{}/{}", cx.call.base, queue.account, queue.name)
}

fn create(world: &mut World, cx: &Cx<'_>) -> Output {
    let input = cx.input();
    let name = required(&input, "QueueName")?;
    if !is_name(name) {
        return Err(ApiError::new(
            "InvalidParameterValue",
            "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length",
        ));
    }
    let wanted = attributes::wanted(&input, false)?;
    let account = cx.key.account().to_owned();
    let region = cx.call.authorization.as_ref().map(|it| it.region.clone());
    let region = region.unwrap_or_default();
    let mut queue = Queue::new(&account, &region, name, cx.moment.at);
    let there = world.queues.get(&account, name);
    permit(world, cx, "CreateQueue", [&account, &queue.arn], there)?;
    wanted.stands(world, &account)?;
    if let Some(there) = there {
        if let Some(other) = wanted.differs(there) {
            return Err(ApiError::new(
                "QueueNameExists",
                format!(
                    "A queue already exists with the same name and a different value for attribute {other}"
                ),
            ));
        }
        return Ok(json!({ "QueueUrl": url_of(cx, there) }));
    }
    let key = (account, name.to_owned());
    let deleted = world.queues.deleted.get(&key);
    if deleted.is_some_and(|at| cx.moment.at < at + REST) {
        return Err(ApiError::new(
            "QueueDeletedRecently",
            "You must wait 60 seconds after deleting a queue before you can create another with the same name.",
        ));
    }
    wanted.apply(&mut queue, cx.moment.at);
    let url = url_of(cx, &queue);
    world.queues.all.insert(key, queue);
    Ok(json!({ "QueueUrl": url }))
}

fn delete(world: &mut World, cx: &Cx<'_>) -> Output {
    let queue = known(world, cx, "DeleteQueue")?;
    let key = (queue.account.clone(), queue.name.clone());
    let now = cx.moment.at;
    let deleted = &mut world.queues.deleted;
    deleted.retain(|_, at| now < *at + REST);
    deleted.insert(key.clone(), now);
    world.queues.all.remove(&key);
    Ok(Value::Null)
}

fn url(world: &World, cx: &Cx<'_>) -> Output {
    let input = cx.input();
    let name = required(&input, "QueueName")?;
    let owner = input.text("QueueOwnerAWSAccountId")?;
    let account = owner.unwrap_or(cx.key.account());
    let queue = world.queues.get(account, name).ok_or_else(no_queue)?;
    permit(world, cx, "GetQueueUrl", [account, &queue.arn], Some(queue))?;
    Ok(json!({ "QueueUrl": url_of(cx, queue) }))
}

fn list(world: &World, cx: &Cx<'_>) -> Output {
    let input = cx.input();
    let account = cx.key.account();
    permit(world, cx, "ListQueues", [account, "*"], None)?;
    let prefix = input.text("QueueNamePrefix")?.unwrap_or_default();
    let asked = number(&input, "MaxResults", 1, 1_000)?;
    let pager = Pager::read(&input, &cx.call.operation, 1_000, world.estate.seed, cx.no)?;
    let own = world
        .queues
        .all
        .values()
        .filter(|queue| queue.account == account && queue.name.starts_with(prefix));
    let [from, ..] = pager.from;
    let rows = own.zip(0_u32..).skip(from as usize);
    let (page, next) = pager.take(rows, |(_, place)| [*place, 0, 0]);
    let urls: Vec<Value> = page.iter().map(|(it, _)| json!(url_of(cx, it))).collect();
    Ok(super::object([
        (
            "QueueUrls",
            if urls.is_empty() {
                Value::Null
            } else {
                json!(urls)
            },
        ),
        // Only whoever asked for pages gets them (AWS documentation).
        ("NextToken", json!(next.filter(|_| asked.is_some()))),
    ]))
}

fn purge(world: &mut World, cx: &Cx<'_>) -> Output {
    let now = cx.moment.at;
    let queue = known(world, cx, "PurgeQueue")?;
    if queue.purged_at.is_some_and(|at| now < at + REST) {
        return Err(ApiError::new(
            "PurgeQueueInProgress",
            format!(
                "Only one PurgeQueue operation on {} is allowed every 60 seconds.",
                queue.name
            ),
        ));
    }
    queue.purged_at = Some(now);
    queue.messages.clear();
    Ok(Value::Null)
}
