//! What EventBridge sends on when something is changed: CloudTrail's words about the call, some
//! time later, to the queues that rules name (AWS reference §1.8).
//!
//! What it does not do: rules made through EventBridge's own API, event patterns but by source,
//! the identity store's own events, calls that only read.

use serde::Serialize;
use serde_json::{Map, Value, json};
use stint_iam_policy::{
    Caller, Context, Identity, Layers, Origin, Request, ResourceKind, ResourcePolicy, Source, judge,
};

use crate::access::{Holder, Key, Moment};
use crate::clock::iso;
use crate::fault::{Effect, Seen};
use crate::journal::Party;
use crate::queues::Message;
use crate::wire::{Answer, ApiError, Call, Service, member_name};
use crate::world::{REGION, World};

/// A rule and what became of the events it matched, as the owner sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EventRule {
    /// Unique in its account.
    pub name: String,
    /// Whose events: twelve digits, the account of the queue.
    pub account_id: String,
    /// Where they go.
    pub queue_arn: String,
    /// `aws.iam`; all where there is none.
    pub sources: Vec<String>,
    /// Events that arrived; of one that came twice, both.
    pub delivered: u64,
    /// Events the queue's policy did not let in.
    pub refused: u64,
    /// Events that a fault took.
    pub lost: u64,
}

impl EventRule {
    fn arn(&self) -> String {
        let region = self.queue_arn.split(':').nth(3).unwrap_or(REGION);
        format!(
            "arn:aws:events:{region}:{}:rule/{}",
            self.account_id, self.name
        )
    }
}

/// An event on its way to a queue.
#[derive(Debug, Clone)]
struct UnderWay {
    due: i64,
    /// The place of its rule.
    rule: usize,
    event: Value,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Events {
    pub(crate) rules: Vec<EventRule>,
    under_way: Vec<UnderWay>,
}

/// Beginnings of operations that change nothing.
const READS: &[&str] = &[
    "Describe", "Generate", "Get", "Is", "List", "Receive", "Simulate",
];

/// What is known of a call before it is carried out: its caller may be gone afterwards.
#[derive(Debug)]
pub(crate) struct Witnessed {
    source: &'static str,
    region: &'static str,
    account: String,
    identity: Value,
}

impl World {
    /// What CloudTrail will say of who makes a call, if anybody listens and it is to change
    /// something. Of a call that is not theirs whose key it names, nothing is said [K].
    pub(crate) fn witnessed(&self, call: &Call, arrival: Moment) -> Option<Witnessed> {
        if self.events.rules.is_empty() {
            return None;
        }
        let source = match call.service {
            Service::Iam => "iam",
            Service::Sso => "sso",
            Service::IdentityStore => "identitystore",
            Service::Organizations => "organizations",
            Service::Scim => "identitystore-scim",
            _ => return None,
        };
        if READS.iter().any(|verb| call.operation.starts_with(verb)) {
            return None;
        }
        if call.service == Service::Scim {
            return self.witnessed_provisioning(call, source, arrival.at);
        }
        let authorization = call.authorization.as_ref().ok()?;
        let window = self.knobs.signature_window_micros;
        let access = &self.access;
        let key = access.authenticate(call.service, authorization, arrival, window);
        let key = key.ok()?;
        let account = match call.service {
            Service::Iam => key.account(),
            _ => self.estate.management(),
        };
        // Global services speak from one region (AWS reference §1.8 [D]).
        let region = match call.service {
            Service::Iam | Service::Organizations => "us-east-1",
            _ => REGION,
        };
        Some(Witnessed {
            source,
            region,
            account: account.to_owned(),
            identity: identity(key, &authorization.access_key),
        })
    }

    /// The same of an identity provider: CloudTrail knows its token (AWS documentation: SCIM in
    /// CloudTrail's events).
    fn witnessed_provisioning(
        &self,
        call: &Call,
        source: &'static str,
        at: i64,
    ) -> Option<Witnessed> {
        let token = call.bearer.as_deref().unwrap_or_default();
        let id = self.scim.admitted(token, at)?;
        let account = self.estate.management().to_owned();
        let identity =
            json!({ "type": "WebIdentityUser", "accountId": account, "accessKeyId": id });
        Some(Witnessed {
            source,
            region: REGION,
            account,
            identity,
        })
    }

    /// Sends the event of a call on its way.
    pub(crate) fn happened(
        &mut self,
        witnessed: Witnessed,
        call: &Call,
        result: &Result<Answer, ApiError>,
        request_id: &str,
        at: i64,
    ) {
        let Witnessed {
            source,
            region,
            account,
            identity,
        } = witnessed;
        let seed = self.estate.seed;
        let id = crate::ids::Seeded::new(seed, request_id, 1).uuid();
        let (home, ids) = ([region, &*account], [request_id, &id]);
        let mut detail = record(source, &call.operation, home, at, ids);
        detail.extend([
            ("userIdentity".to_owned(), identity),
            ("sourceIPAddress".to_owned(), json!("127.0.0.1")),
            ("userAgent".to_owned(), json!("simulated")),
            ("requestParameters".to_owned(), parameters(call)),
        ]);
        match result {
            Ok(Answer::Json(answer)) if call.service == Service::Scim => {
                detail.insert("responseElements".to_owned(), covered(answer));
            }
            Ok(Answer::Json(answer)) if call.service != Service::IdentityStore => {
                detail.insert("responseElements".to_owned(), small(answer));
            }
            Ok(_) => {}
            Err(error) => {
                detail.insert("errorCode".to_owned(), json!(error.code));
                detail.insert("errorMessage".to_owned(), json!(error.message));
            }
        }
        let id = crate::ids::Seeded::new(seed, request_id, 2).uuid();
        let source = format!("aws.{source}");
        let event = envelope(&source, &account, region, at, &id, detail);
        self.emit(&event, at);
    }

    /// Sends an event on its way, with what a fault has in store for it.
    fn emit(&mut self, event: &Value, at: i64) {
        let met = self.faults.meet(&Seen {
            operation: "events:Deliver",
            party: Party::Nobody,
            caller_arn: None,
            input: event,
            at,
        });
        let (account, source) = (event.get("account"), event.get("source"));
        let (account, source) = (
            account.and_then(Value::as_str),
            source.and_then(Value::as_str),
        );
        let usual = at.saturating_add(self.knobs.event_delay_micros);
        let due = match met.effect {
            Some(Effect::LoseBefore | Effect::LoseAfter) => Vec::new(),
            Some(Effect::ArriveLate { micros } | Effect::Slow { micros }) => {
                vec![usual.saturating_add(micros)]
            }
            Some(Effect::Twice) => vec![usual, usual],
            _ => vec![usual],
        };
        for (place, rule) in self.events.rules.iter_mut().enumerate() {
            let wanted = rule.sources.is_empty()
                || rule.sources.iter().any(|it| Some(it.as_str()) == source);
            if !wanted || Some(rule.account_id.as_str()) != account {
                continue;
            }
            if due.is_empty() {
                rule.lost += 1;
            }
            self.events.under_way.extend(due.iter().map(|due| UnderWay {
                due: *due,
                rule: place,
                event: event.clone(),
            }));
        }
    }

    /// Brings the events to their queues that are due by now.
    pub(crate) fn deliver(&mut self, now: i64) {
        if self.events.under_way.iter().all(|event| event.due > now) {
            return;
        }
        let all = std::mem::take(&mut self.events.under_way);
        let (mut due, later): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|event| event.due <= now);
        self.events.under_way = later;
        // Of one moment in the order they happened: sorting keeps it.
        due.sort_by_key(|event| event.due);
        for event in due {
            let id = self.fresh("event").uuid();
            let Some(rule) = self.events.rules.get_mut(event.rule) else {
                continue;
            };
            let queue = self.queues.by_arn_mut(&rule.queue_arn);
            match queue.filter(|queue| lets_in(queue, rule)) {
                None => rule.refused += 1,
                Some(queue) => {
                    rule.delivered += 1;
                    queue.age(now);
                    let body = event.event.to_string();
                    let message = Message::new(id, &body, SENDER, event.due);
                    queue.messages.push_back(message);
                }
            }
        }
    }

    /// An event of the directory behind the console: CloudTrail's name for it is another one.
    pub(crate) fn disabled(&mut self, user_id: &str, at: i64) {
        let account = self.estate.management().to_owned();
        let label = format!("disable {user_id}");
        let mut stream = self.fresh(&label);
        let (request, event) = (stream.uuid(), stream.uuid());
        let (home, ids) = ([REGION, &account], [&*request, &*event]);
        let mut detail = record("sso-directory", "DisableUser", home, at, ids);
        let who = json!({ "type": "Unknown", "accountId": account });
        detail.insert("userIdentity".to_owned(), who);
        let about = json!({ "identityStoreId": self.estate.store, "userId": user_id });
        detail.insert("requestParameters".to_owned(), about);
        let id = stream.uuid();
        let event = envelope("aws.sso-directory", &account, REGION, at, &id, detail);
        self.emit(&event, at);
    }
}

const SENDER: &str = "events.amazonaws.com";

/// Whether the queue's own policy lets EventBridge send for this rule.
fn lets_in(queue: &crate::queues::Queue, rule: &EventRule) -> bool {
    let Some(policy) = &queue.policy else {
        return false;
    };
    let layers = Layers {
        resource: Some(ResourcePolicy {
            source: Source::of(&queue.arn, Origin::Resource, &policy.policy),
            kind: ResourceKind::Ordinary,
        }),
        resource_account: Some(&queue.account),
        ..Layers::default()
    };
    let context = Context::new()
        .with("aws:SourceArn", rule.arn())
        .with("aws:SourceAccount", rule.account_id.clone())
        .with("aws:PrincipalIsAWSService", "true")
        .with("aws:SecureTransport", "true");
    let caller = Caller {
        account: queue.account.clone(),
        identity: Identity::Service {
            name: SENDER.to_owned(),
        },
    };
    let request = Request {
        caller: &caller,
        action: "sqs:SendMessage",
        resource: &queue.arn,
        context: &context,
    };
    judge(&layers, &request).is_allowed()
}

/// What CloudTrail says of every change, by request id and event id.
fn record(
    source: &str,
    name: &str,
    [region, account]: [&str; 2],
    at: i64,
    [request, event]: [&str; 2],
) -> Map<String, Value> {
    let told = json!({
        "eventVersion": "1.11",
        "eventTime": iso(at),
        "eventSource": format!("{source}.amazonaws.com"),
        "eventName": name,
        "awsRegion": region,
        "responseElements": Value::Null,
        "requestID": request,
        "eventID": event,
        "readOnly": false,
        "eventType": "AwsApiCall",
        "managementEvent": true,
        "recipientAccountId": account,
        "eventCategory": "Management",
    });
    match told {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

fn envelope(
    source: &str,
    account: &str,
    region: &str,
    at: i64,
    id: &str,
    detail: Map<String, Value>,
) -> Value {
    json!({
        "version": "0",
        "id": id,
        "detail-type": "AWS API Call via CloudTrail",
        "source": source,
        "account": account,
        "time": iso(at),
        "region": region,
        "resources": [],
        "detail": detail,
    })
}

fn identity(key: &Key, access_key: &str) -> Value {
    let mut who = json!({
        "principalId": key.user_id,
        "arn": key.arn(),
        "accountId": key.account(),
        "accessKeyId": access_key,
    });
    let more = match &key.holder {
        Holder::User { name, .. } => json!({ "type": "IAMUser", "userName": name }),
        Holder::Federated { .. } => json!({ "type": "FederatedUser" }),
        Holder::Session { role, account, .. } => json!({
            "type": "AssumedRole",
            "sessionContext": {
                "sessionIssuer": {
                    "type": "Role",
                    "principalId": key.owner(),
                    "arn": role,
                    "accountId": account,
                    "userName": role.rsplit('/').next(),
                },
                "attributes": {
                    "creationDate": key.issued_at.map(iso),
                    "mfaAuthenticated": if key.mfa_at.is_some() { "true" } else { "false" },
                },
                "sourceIdentity": key.source_identity,
            },
        }),
    };
    if let (Some(who), Value::Object(more)) = (who.as_object_mut(), more) {
        who.extend(more);
    }
    who
}

/// What stands for what describes a person.
const HIDDEN: &str = "HIDDEN_DUE_TO_SECURITY_REASONS";

/// The input as CloudTrail writes it: names small, a form's lists as lists, secrets left out,
/// attributes of people hidden (AWS reference §1.8).
fn parameters(call: &Call) -> Value {
    let input = crate::world::told(&call.input);
    let Some(members) = input.as_object() else {
        return Value::Null;
    };
    if call.service == Service::Scim {
        return covered(&input);
    }
    if !call.service.is_query() {
        let mut small = small(&input);
        if let (Service::IdentityStore, Some(members)) = (call.service, small.as_object_mut()) {
            for (name, value) in members {
                if name == "operations" {
                    let operations = value.as_array_mut().into_iter().flatten();
                    let values = operations.filter_map(|it| it.get_mut("attributeValue"));
                    values.for_each(|value| *value = json!(HIDDEN));
                } else if !name.ends_with("Id") {
                    *value = json!(HIDDEN);
                }
            }
        }
        return small;
    }
    let mut all = Map::new();
    for (name, value) in members {
        if name == "Action" || name == "Version" {
            continue;
        }
        let parts: Vec<&str> = name.split('.').collect();
        match parts.as_slice() {
            [name] => {
                all.insert(member_name(name), value.clone());
            }
            [list, "member", n] => put(&mut all, list, n, None, value),
            [list, "member", n, part] => put(&mut all, list, n, Some(part), value),
            _ => {}
        }
    }
    Value::Object(all)
}

/// What is said by SCIM, with every text hidden that describes somebody (AWS documentation: SCIM in
/// CloudTrail's events; which [K]).
fn covered(value: &Value) -> Value {
    const SHOWN: &[&str] = &["tenantId", "id", "schemas", "meta", "op", "path"];
    match value {
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| {
                let shown = SHOWN.contains(&name.as_str());
                let value = if shown { value.clone() } else { covered(value) };
                (name.clone(), value)
            })
            .collect(),
        Value::Array(items) => items.iter().map(covered).collect(),
        Value::String(_) => json!(HIDDEN),
        other => other.clone(),
    }
}

/// Puts `Name.member.3.Part` where it belongs.
fn put(all: &mut Map<String, Value>, list: &str, n: &str, part: Option<&str>, value: &Value) {
    let entry = all.entry(member_name(list)).or_insert_with(|| json!([]));
    let place = n.parse::<usize>().ok().and_then(|n| n.checked_sub(1));
    let (Some(items), Some(place)) = (entry.as_array_mut(), place.filter(|it| *it < 1_000)) else {
        return;
    };
    while items.len() <= place {
        items.push(Value::Null);
    }
    if let Some(item) = items.get_mut(place) {
        match part {
            None => *item = value.clone(),
            Some(part) => {
                if !item.is_object() {
                    *item = json!({});
                }
                if let Some(members) = item.as_object_mut() {
                    members.insert(member_name(part), value.clone());
                }
            }
        }
    }
}

/// The same with every name beginning small.
fn small(value: &Value) -> Value {
    match value {
        Value::Object(members) => Value::Object(
            members
                .iter()
                .map(|(name, value)| (member_name(name), small(value)))
                .collect(),
        ),
        Value::Array(items) => Value::Array(items.iter().map(small).collect()),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::estate::EstateSpec;
    use crate::held::Document;
    use crate::options::Knobs;
    use crate::queues::Queue;

    #[test]
    fn a_queue_nobody_reads_does_not_grow_for_ever() {
        let spec = EstateSpec::tiny();
        let mut world = World::new(&spec, Knobs::default()).unwrap();
        let account = world.estate.management().to_owned();
        let mut queue = Queue::new(&account, REGION, "changes", 0);
        let policy = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow",
            "Principal":{"Service":"events.amazonaws.com"},"Action":"sqs:SendMessage","Resource":"*"}}"#;
        let kind = stint_iam_policy::Kind::Resource;
        let read = stint_iam_policy::Document::read(policy, kind).unwrap();
        queue.policy = Some(Document::of(read.into_policy()));
        world.events.rules.push(EventRule {
            name: "all".to_owned(),
            account_id: account.clone(),
            queue_arn: queue.arn.clone(),
            sources: Vec::new(),
            delivered: 0,
            refused: 0,
            lost: 0,
        });
        let kept = queue.number("MessageRetentionPeriod") * 1_000_000;
        let key = (account.clone(), "changes".to_owned());
        world.queues.all.insert(key.clone(), queue);
        let user = world.estate.users[0].id.clone();
        for n in 0..5 {
            world.disabled(&user, n * kept);
            world.deliver(n * kept + world.knobs.event_delay_micros);
        }
        assert_eq!(world.events.rules[0].delivered, 5);
        assert_eq!(world.queues.all[&key].messages.len(), 1);
    }
}
