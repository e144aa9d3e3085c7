//! What a connection hears of changes by, and how fresh what Stint knows of it is, on the wire.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Secret;

/// The queue a connection's change events come by, and its SCIM endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Feeds {
    /// The SQS queue; absent where only full syncs read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue_url: Option<String>,
    /// Its ARN, as policies name it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue_arn: Option<String>,
    /// The SCIM endpoint; absent where none is needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scim_endpoint: Option<String>,
    /// When Stint was given the token to it (RFC 3339, UTC). The token is never shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scim_token_set_at: Option<String>,
    /// Why the endpoint could not be read the last time, if it could not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scim_error: Option<String>,
}

/// What to make in AWS so that change events come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EventsSetup {
    /// The URL the queue will have.
    pub queue_url: String,
    /// Where the queue and its rule are.
    pub region: String,
    /// Where IAM and Organizations tell of changes, if elsewhere: a rule there sends them on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub global_region: Option<String>,
    /// Lets the rule, and nothing else, put messages into the queue.
    #[schema(value_type = Object)]
    pub queue_policy: serde_json::Value,
    /// Which events.
    #[schema(value_type = Object)]
    pub event_pattern: serde_json::Value,
    /// All of it for Terraform (HCL).
    pub terraform: String,
    /// All of it for CloudFormation (JSON).
    pub cloudformation: String,
}

/// Change the queue or the SCIM endpoint. What is absent stays; an empty text switches it off.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FeedsChange {
    /// The queue's URL, in the connection's account and region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "https://sqs.eu-central-1.amazonaws.com/123456789012/stint-changes")]
    pub queue_url: Option<String>,
    /// The SCIM endpoint as the Identity Center console shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "https://scim.eu-central-1.amazonaws.com/f3v0000000/scim/v2/")]
    pub scim_endpoint: Option<String>,
    /// The token to it. Sealed at once, and never shown again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scim_token: Option<Secret>,
}

/// How fresh what Stint knows of a connection is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Freshness {
    /// `con_…`
    pub connection_id: String,
    /// Each kind of object that is read.
    pub classes: Vec<ClassFreshness>,
    /// What came of its change events; absent where it has no queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<EventFeed>,
}

/// How fresh one kind of object is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ClassFreshness {
    /// `accounts`, `organizational_units`, `account_tags`, `permission_sets`, `policies` (of
    /// permission sets), `users`, `groups`, `memberships`, `assignments`; of the connection's own
    /// account `iam` (users, groups and who is in which), `iam_roles` and `credential_report`; of the
    /// organization's others `member_iam`, `member_roles` and `member_reports`. Only what the
    /// connection reads.
    pub class: String,
    /// When the last reading of all of them began (RFC 3339, UTC), by a sync that is believed; absent
    /// before the first. Of what is read by and by (`account_tags`, `policies`) that of the one read
    /// longest ago; of credential reports, when AWS made the oldest. What was read again after a
    /// change event does not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_at: Option<String>,
    /// Why the last sync did not read all of them, where it did not: `read_at` stays where it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_read: Option<String>,
    /// Objects that events named and that are to be read again.
    pub waiting: i64,
    /// Since when the one waits that has waited longest (RFC 3339, UTC).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_since: Option<String>,
    /// How often the last try to read one of them failed, and why, where one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What came of a connection's change events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EventFeed {
    /// The queue.
    pub queue_url: String,
    /// When it was last read (RFC 3339, UTC).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub polled_at: Option<String>,
    /// When the last message came (RFC 3339, UTC).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_message_at: Option<String>,
    /// Messages so far.
    pub messages: i64,
    /// Objects they named.
    pub hints: i64,
    /// Messages about other accounts, about nothing that is read, or of calls that failed.
    pub ignored: i64,
    /// Messages of events this version does not know.
    pub unknown: i64,
    /// The last of those, as `source: name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_unknown: Option<String>,
    /// Messages that were no events.
    pub malformed: i64,
    /// Why the queue could not be read the last time, if it could not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}
