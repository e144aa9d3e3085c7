//! SQS: queues with a policy of their own, and what is sent to them (AWS reference §1.8).
//!
//! What it does not do: first-in-first-out queues, keys, tags, moving messages back. A queue is
//! found whatever the region a call is signed for.

use std::collections::BTreeSet;

use md5::{Digest, Md5};
use serde_json::{Map, Value, json};
use stint_iam_policy::Kind as PolicyKind;

use super::InJson;
use crate::held::Document;
use crate::queues::{Message, NUMBERS, NoReceipt, Queue, REST, SECOND, of_url};
use crate::wire::{ApiError, Input, Pager, Service};
use crate::world::{Cx, World};

pub(super) const OPERATIONS: &[(&str, InJson)] = &[
    ("ChangeMessageVisibility", |world, cx| hide(world, cx)),
    ("CreateQueue", |world, cx| create(world, cx)),
    ("DeleteMessage", |world, cx| delete_message(world, cx)),
    ("DeleteMessageBatch", |world, cx| delete_messages(world, cx)),
    ("DeleteQueue", |world, cx| delete(world, cx)),
    ("GetQueueAttributes", |world, cx| attributes(world, cx)),
    ("GetQueueUrl", |world, cx| url(world, cx)),
    ("ListQueues", |world, cx| list(world, cx)),
    ("PurgeQueue", |world, cx| purge(world, cx)),
    ("ReceiveMessage", |world, cx| receive(world, cx)),
    ("SendMessage", |world, cx| send(world, cx)),
    ("SendMessageBatch", |world, cx| send_many(world, cx)),
    ("SetQueueAttributes", |world, cx| set_attributes(world, cx)),
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

/// The attributes a caller may set, read and judged; nothing is changed.
struct Wanted {
    numbers: Vec<(&'static str, i64)>,
    policy: Option<Option<Document>>,
    redrive: Option<Option<(String, u32)>>,
}

fn wanted(input: &Input<'_>, must: bool) -> Result<Wanted, ApiError> {
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
    fn stands(&self, world: &World, account: &str) -> Result<(), ApiError> {
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

    fn apply(self, queue: &mut Queue, at: i64) {
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
    fn differs(&self, queue: &Queue) -> Option<&'static str> {
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

fn create(world: &mut World, cx: &Cx<'_>) -> Output {
    let input = cx.input();
    let name = required(&input, "QueueName")?;
    if !is_name(name) {
        return Err(ApiError::new(
            "InvalidParameterValue",
            "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length",
        ));
    }
    let wanted = wanted(&input, false)?;
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
fn names(
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

fn attributes(world: &mut World, cx: &Cx<'_>) -> Output {
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

fn set_attributes(world: &mut World, cx: &Cx<'_>) -> Output {
    let queue = known(world, cx, "SetQueueAttributes")?;
    let key = (queue.account.clone(), queue.name.clone());
    let wanted = wanted(&cx.input(), true)?;
    wanted.stands(world, &key.0)?;
    if let Some(queue) = world.queues.all.get_mut(&key) {
        wanted.apply(queue, cx.moment.at);
    }
    Ok(Value::Null)
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

/// How long a message is with its attributes, about, in bytes.
fn size(input: &Input<'_>) -> Result<i64, ApiError> {
    let body = input.text("MessageBody")?.map_or(0, str::len);
    let attributes = input.object("MessageAttributes")?.map_or(0, |given| {
        serde_json::to_string(given.members()).map_or(0, |text| text.len().saturating_sub(2))
    });
    Ok(i64::try_from(body + attributes).unwrap_or(i64::MAX))
}

/// A message to be sent, read and judged.
fn message(
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
    let told = super::object([
        ("MessageId", json!(message.id)),
        ("MD5OfMessageBody", json!(md5(body.as_bytes()))),
        ("MD5OfMessageAttributes", json!(digest)),
    ]);
    Ok((message, told))
}

fn send(world: &mut World, cx: &Cx<'_>) -> Output {
    let id = world.fresh("message").uuid();
    let queue = known(world, cx, "SendMessage")?;
    let (message, told) = message(&cx.input(), queue, id, cx)?;
    queue.messages.push_back(message);
    Ok(told)
}

fn md5(bytes: &[u8]) -> String {
    let digest = Md5::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The digest of message attributes, which clients compare with their own (AWS documentation):
/// names in order, each part after its length.
fn digest_of(attributes: &Map<String, Value>) -> Result<Option<String>, ApiError> {
    if attributes.is_empty() {
        return Ok(None);
    }
    if attributes.len() > 10 {
        let many = attributes.len().to_string();
        return Err(invalid(
            &many,
            "MessageAttributes",
            "At most 10 are allowed.",
        ));
    }
    let mut sorted: Vec<_> = attributes.iter().collect();
    sorted.sort_by_key(|(name, _)| name.as_str());
    let mut bytes = Vec::new();
    let part = |bytes: &mut Vec<u8>, text: &[u8]| {
        bytes.extend(u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
        bytes.extend(text);
    };
    for (name, value) in sorted {
        let text = |member: &str| value.get(member).and_then(Value::as_str);
        let kind = text("DataType").unwrap_or_default();
        let wrong = || {
            ApiError::new(
                "InvalidParameterValue",
                format!(
                    "The message attribute '{name}' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String."
                ),
            )
        };
        let base = kind.split('.').next().unwrap_or_default();
        part(&mut bytes, name.as_bytes());
        part(&mut bytes, kind.as_bytes());
        match base {
            "String" | "Number" => {
                let value = text("StringValue").ok_or_else(wrong)?;
                bytes.push(1);
                part(&mut bytes, value.as_bytes());
            }
            "Binary" => {
                let value = text("BinaryValue").and_then(base64).ok_or_else(wrong)?;
                bytes.push(2);
                part(&mut bytes, &value);
            }
            _ => return Err(wrong()),
        }
    }
    Ok(Some(md5(&bytes)))
}

fn base64(text: &str) -> Option<Vec<u8>> {
    aws_smithy_types::base64::decode(text).ok()
}

/// The entries of a batch with their ids, which must differ.
fn entries<'a>(input: &Input<'a>) -> Result<Vec<(&'a str, Input<'a>)>, ApiError> {
    let given = input.list("Entries")?.ok_or_else(|| missing("Entries"))?;
    if given.is_empty() {
        return Err(ApiError::new(
            "EmptyBatchRequest",
            "There should be at least one entry in the request.",
        ));
    }
    if given.len() > 10 {
        let many = given.len();
        return Err(ApiError::new(
            "TooManyEntriesInBatchRequest",
            format!("Maximum number of entries per request are 10. You have sent {many}."),
        ));
    }
    let mut seen = BTreeSet::new();
    let mut entries = Vec::new();
    for entry in given {
        let members = entry.as_object().ok_or_else(ApiError::serialization)?;
        let entry = Input::new(Service::Sqs, members);
        let id = required(&entry, "Id")?;
        if !is_name(id) {
            return Err(ApiError::new(
                "InvalidBatchEntryId",
                "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.",
            ));
        }
        if !seen.insert(id) {
            return Err(ApiError::new(
                "BatchEntryIdsNotDistinct",
                format!("Id {id} repeated."),
            ));
        }
        entries.push((id, entry));
    }
    Ok(entries)
}

/// What became of each entry of a batch.
fn batch(done: Vec<(&str, Result<Value, ApiError>)>) -> Value {
    let (mut successful, mut failed) = (Vec::new(), Vec::new());
    for (id, result) in done {
        match result {
            Ok(mut told) => {
                if let Some(members) = told.as_object_mut() {
                    members.insert("Id".to_owned(), json!(id));
                }
                successful.push(told);
            }
            Err(error) => failed.push(json!({
                "Id": id,
                "SenderFault": true,
                "Code": error.code,
                "Message": error.message,
            })),
        }
    }
    json!({ "Successful": successful, "Failed": failed })
}

/// How long the messages of a batch may be together.
const LONGEST_BATCH: i64 = 1 << 20;

fn send_many(world: &mut World, cx: &Cx<'_>) -> Output {
    let mut stream = world.fresh("messages");
    // Judged as the single call is [R serverless-application-model#3633].
    let queue = known(world, cx, "SendMessage")?;
    let input = cx.input();
    let entries = entries(&input)?;
    let all = entries.iter().map(|(_, entry)| size(entry));
    let all: i64 = all.sum::<Result<i64, ApiError>>()?;
    if all > LONGEST_BATCH {
        return Err(ApiError::new(
            "BatchRequestTooLong",
            format!(
                "Batch requests cannot be longer than {LONGEST_BATCH} bytes. You have sent {all} bytes."
            ),
        ));
    }
    let done = entries.into_iter().map(|(id, entry)| {
        let sent = message(&entry, queue, stream.uuid(), cx);
        let sent = sent.map(|(message, told)| {
            queue.messages.push_back(message);
            told
        });
        (id, sent)
    });
    Ok(batch(done.collect()))
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

fn receive(world: &mut World, cx: &Cx<'_>) -> Output {
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
    super::object([
        ("MessageId", json!(message.id)),
        ("ReceiptHandle", json!(message.handle)),
        ("MD5OfBody", json!(md5(message.body.as_bytes()))),
        ("Body", json!(message.body)),
        ("Attributes", some(known)),
        ("MD5OfMessageAttributes", json!(digest)),
        ("MessageAttributes", some(attributes)),
    ])
}

fn no_receipt(why: NoReceipt, handle: &str) -> ApiError {
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

fn delete_message(world: &mut World, cx: &Cx<'_>) -> Output {
    let input = cx.input();
    let queue = known(world, cx, "DeleteMessage")?;
    let handle = required(&input, "ReceiptHandle")?;
    queue
        .delete(handle)
        .map_err(|why| no_receipt(why, handle))?;
    Ok(Value::Null)
}

fn delete_messages(world: &mut World, cx: &Cx<'_>) -> Output {
    let input = cx.input();
    let queue = known(world, cx, "DeleteMessage")?;
    let done = entries(&input)?.into_iter().map(|(id, entry)| {
        let deleted = required(&entry, "ReceiptHandle").and_then(|handle| {
            let deleted = queue.delete(handle);
            deleted.map_err(|why| no_receipt(why, handle))
        });
        (id, deleted.map(|()| json!({})))
    });
    Ok(batch(done.collect()))
}

fn hide(world: &mut World, cx: &Cx<'_>) -> Output {
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

impl World {
    /// How long a receiving that found nothing goes on, in microseconds.
    pub(crate) fn patience(&self, call: &crate::wire::Call) -> i64 {
        let asked = call.input.get("WaitTimeSeconds").and_then(Value::as_i64);
        let own = || {
            let url = call.input.get("QueueUrl").and_then(Value::as_str)?;
            let (account, name) = of_url(url)?;
            let queue = self.queues.get(account, name)?;
            Some(queue.number("ReceiveMessageWaitTimeSeconds"))
        };
        asked.or_else(own).unwrap_or_default().clamp(0, 20) * SECOND
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    /// RFC 1321, appendix 5.
    #[test]
    fn md5_is_the_published_one() {
        assert_eq!(super::md5(b"abc"), "900150983cd24fb0d6963f7d28e17f72");
    }

    #[test]
    fn attributes_are_digested_part_by_part() {
        let given = json!({ "b": { "DataType": "String", "StringValue": "x" } });
        let bytes = b"\0\0\0\x01b\0\0\0\x06String\x01\0\0\0\x01x";
        assert_eq!(
            super::digest_of(given.as_object().unwrap()).unwrap(),
            Some(super::md5(bytes))
        );
    }
}
