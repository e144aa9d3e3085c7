//! Queues and what is in them (AWS reference §1.8). Time is what the caller says it is.
//!
//! What it does not know: first-in-first-out queues, encryption by keys, tags.

use std::collections::{BTreeMap, HashMap, VecDeque};

use serde_json::{Map, Value, json};

use crate::held::Document;
use crate::ids::{Seeded, fnv};

pub(crate) const SECOND: i64 = 1_000_000;
/// A name cannot be had again before this long after its queue was deleted.
pub(crate) const REST: i64 = 60 * SECOND;
/// How many messages may be on their way at once.
const IN_FLIGHT: usize = 120_000;

/// A queue's numbers: name, default, least, most.
pub(crate) const NUMBERS: &[(&str, i64, i64, i64)] = &[
    ("DelaySeconds", 0, 0, 900),
    ("MaximumMessageSize", 1_048_576, 1_024, 1_048_576),
    ("MessageRetentionPeriod", 345_600, 60, 1_209_600),
    ("ReceiveMessageWaitTimeSeconds", 0, 0, 20),
    ("VisibilityTimeout", 30, 0, 43_200),
];

#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) id: String,
    pub(crate) body: String,
    /// As they were given.
    pub(crate) attributes: Map<String, Value>,
    pub(crate) sender: String,
    pub(crate) sent_at: i64,
    pub(crate) visible_at: i64,
    pub(crate) received: u32,
    pub(crate) first_received_at: i64,
    /// The newest receipt handle.
    pub(crate) handle: Option<String>,
    /// From which queue it was moved here.
    pub(crate) moved_from: Option<String>,
}

#[derive(Debug, Clone)]
pub(crate) struct Queue {
    pub(crate) account: String,
    pub(crate) name: String,
    pub(crate) arn: String,
    pub(crate) created_at: i64,
    pub(crate) changed_at: i64,
    pub(crate) numbers: BTreeMap<&'static str, i64>,
    pub(crate) policy: Option<Document>,
    /// After how many receipts a message goes to which queue.
    pub(crate) redrive: Option<(String, u32)>,
    pub(crate) messages: VecDeque<Message>,
    pub(crate) purged_at: Option<i64>,
    /// Handles that were handed out, so that others are told apart: a hash of each, and when. As
    /// old as no message can be they are forgotten.
    handles: HashMap<u64, i64>,
}

/// Why a message cannot be taken from a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoReceipt {
    /// Nobody was ever given this handle.
    Unknown,
    /// It is not the newest, or the message is visible to all.
    NotInFlight,
}

impl Queue {
    pub(crate) fn new(account: &str, region: &str, name: &str, at: i64) -> Queue {
        Queue {
            account: account.to_owned(),
            name: name.to_owned(),
            arn: format!("arn:aws:sqs:{region}:{account}:{name}"),
            created_at: at,
            changed_at: at,
            numbers: NUMBERS
                .iter()
                .map(|(name, fresh, ..)| (*name, *fresh))
                .collect(),
            policy: None,
            redrive: None,
            messages: VecDeque::new(),
            purged_at: None,
            handles: HashMap::new(),
        }
    }

    pub(crate) fn number(&self, name: &str) -> i64 {
        self.numbers.get(name).copied().unwrap_or_default()
    }

    /// Forgets what was kept long enough.
    pub(crate) fn age(&mut self, now: i64) {
        let kept = self.number("MessageRetentionPeriod") * SECOND;
        self.messages.retain(|message| now < message.sent_at + kept);
        self.handles.retain(|_, handed_at| now < *handed_at + kept);
    }

    /// How many can be received, are on their way, and are held back.
    pub(crate) fn counts(&self, now: i64) -> [usize; 3] {
        let mut counts = [0; 3];
        for message in &self.messages {
            let place = match (message.visible_at <= now, message.handle.is_some()) {
                (true, _) => 0,
                (false, true) => 1,
                (false, false) => 2,
            };
            if let Some(count) = counts.get_mut(place) {
                *count += 1;
            }
        }
        counts
    }

    pub(crate) fn is_full(&self, now: i64) -> bool {
        let [_, in_flight, _] = self.counts(now);
        in_flight >= IN_FLIGHT
    }

    /// Hands out what can be received, the oldest first; what was received as often as the limit
    /// is given back to be moved away.
    pub(crate) fn receive(
        &mut self,
        now: i64,
        most: usize,
        hidden: i64,
        limit: Option<u32>,
        mut stream: Seeded,
    ) -> (Vec<Message>, Vec<Message>) {
        self.age(now);
        let mut moved = Vec::new();
        if let Some(limit) = limit {
            let mut kept = VecDeque::new();
            for message in self.messages.drain(..) {
                if message.visible_at <= now && message.received >= limit {
                    moved.push(message);
                } else {
                    kept.push_back(message);
                }
            }
            self.messages = kept;
        }
        let mut out = Vec::new();
        let visible = self.messages.iter_mut();
        for message in visible.filter(|it| it.visible_at <= now).take(most) {
            let handle = format!("AQEB{}==", stream.mixed(180));
            self.handles.insert(fnv(handle.as_bytes()), now);
            if message.received == 0 {
                message.first_received_at = now;
            }
            message.received += 1;
            message.visible_at = now + hidden * SECOND;
            message.handle = Some(handle);
            out.push(message.clone());
        }
        (out, moved)
    }

    /// Deletes a message. An older handle than the newest deletes nothing and is no error (AWS
    /// documentation [D]).
    pub(crate) fn delete(&mut self, handle: &str) -> Result<(), NoReceipt> {
        if !self.handles.contains_key(&fnv(handle.as_bytes())) {
            return Err(NoReceipt::Unknown);
        }
        self.messages
            .retain(|message| message.handle.as_deref() != Some(handle));
        Ok(())
    }

    /// Hides a message for so long from now on, or no longer.
    pub(crate) fn hide(&mut self, handle: &str, now: i64, seconds: i64) -> Result<(), NoReceipt> {
        if !self.handles.contains_key(&fnv(handle.as_bytes())) {
            return Err(NoReceipt::Unknown);
        }
        let mut all = self.messages.iter_mut();
        let message = all.find(|message| message.handle.as_deref() == Some(handle));
        let message = message.filter(|message| now < message.visible_at);
        message.ok_or(NoReceipt::NotInFlight)?.visible_at = now + seconds * SECOND;
        Ok(())
    }
}

/// Every queue of every account.
#[derive(Debug, Clone, Default)]
pub(crate) struct Queues {
    /// By account and name.
    pub(crate) all: BTreeMap<(String, String), Queue>,
    pub(crate) deleted: HashMap<(String, String), i64>,
}

impl Queues {
    pub(crate) fn get(&self, account: &str, name: &str) -> Option<&Queue> {
        self.all.get(&(account.to_owned(), name.to_owned()))
    }

    pub(crate) fn get_mut(&mut self, account: &str, name: &str) -> Option<&mut Queue> {
        self.all.get_mut(&(account.to_owned(), name.to_owned()))
    }

    pub(crate) fn by_arn(&self, arn: &str) -> Option<&Queue> {
        let (account, name) = of_arn(arn)?;
        self.get(account, name).filter(|queue| queue.arn == arn)
    }

    pub(crate) fn by_arn_mut(&mut self, arn: &str) -> Option<&mut Queue> {
        let (account, name) = of_arn(arn)?;
        self.get_mut(account, name).filter(|queue| queue.arn == arn)
    }
}

/// Account and name of a queue's address.
pub(crate) fn of_url(url: &str) -> Option<(&str, &str)> {
    let mut parts = url.rsplit('/');
    let (name, account) = (parts.next()?, parts.next()?);
    (!name.is_empty() && account.len() == 12).then_some((account, name))
}

/// Account and name of a queue's ARN.
fn of_arn(arn: &str) -> Option<(&str, &str)> {
    let mut parts = arn.strip_prefix("arn:aws:sqs:")?.splitn(3, ':').skip(1);
    Some((parts.next()?, parts.next()?))
}

impl Message {
    pub(crate) fn new(id: String, body: &str, sender: &str, at: i64) -> Message {
        Message {
            id,
            body: body.to_owned(),
            attributes: Map::new(),
            sender: sender.to_owned(),
            sent_at: at,
            visible_at: at,
            received: 0,
            first_received_at: 0,
            handle: None,
            moved_from: None,
        }
    }

    /// What the service itself knows of it.
    pub(crate) fn system(&self) -> Map<String, Value> {
        let millis = |micros: i64| json!(micros.div_euclid(1_000).to_string());
        let mut all = Map::new();
        all.insert("SenderId".to_owned(), json!(self.sender));
        all.insert("SentTimestamp".to_owned(), millis(self.sent_at));
        let times = json!(self.received.to_string());
        all.insert("ApproximateReceiveCount".to_owned(), times);
        let first = millis(self.first_received_at);
        all.insert("ApproximateFirstReceiveTimestamp".to_owned(), first);
        if let Some(from) = &self.moved_from {
            all.insert("DeadLetterQueueSourceArn".to_owned(), json!(from));
        }
        all
    }
}
