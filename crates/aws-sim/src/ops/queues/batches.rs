//! Several messages at once: each entry has an answer of its own.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::messages::{message, no_receipt, size};
use super::{Output, is_name, known, missing, required};
use crate::wire::{ApiError, Input, Service};
use crate::world::{Cx, World};

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

pub(super) fn send_many(world: &mut World, cx: &Cx<'_>) -> Output {
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

pub(super) fn delete_messages(world: &mut World, cx: &Cx<'_>) -> Output {
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
