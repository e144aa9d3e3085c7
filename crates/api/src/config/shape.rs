//! What may stand in a file of configuration: one table, by which the server reads files and writes
//! them, and which [`schema`] publishes as JSON Schema.

use serde_json::{Map, Value, json};

/// What stands in a place.
#[derive(Debug, Clone, Copy)]
pub enum Shape {
    /// Text.
    Text,
    /// A whole number.
    Int,
    /// `true` or `false`.
    Bool,
    /// One of these words.
    Word(&'static [&'static str]),
    /// The e-mail address of a user.
    Person,
    /// The name of a group.
    Group,
    /// The name of a policy.
    Policy,
    /// A condition in Cedar. A group in it is named: `principal in Group::"Platform"`.
    Condition,
    /// Several, in their order.
    List(&'static Shape),
    /// Several, in no order and each once.
    Set(&'static Shape),
    /// Fields.
    Map(&'static [Field]),
}

/// A field.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// What it is called.
    pub name: &'static str,
    /// What stands in it.
    pub shape: Shape,
    /// What it is where it is left out.
    pub usual: Usual,
    /// What it means.
    pub says: &'static str,
}

/// What a field is where it is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Usual {
    /// It may not be left out.
    Required,
    /// Nothing is said about it.
    Nothing,
    /// `false`.
    False,
    /// Empty: a text, a list or fields without any.
    Empty,
    /// This number.
    Number(i64),
}

impl Usual {
    /// Whether this is what it is anyway.
    pub fn is(self, value: &Value) -> bool {
        match (self, value) {
            (Self::Required, _) => false,
            (_, Value::Null) | (Self::False, Value::Bool(false)) => true,
            (Self::Empty, Value::String(text)) => text.is_empty(),
            (Self::Empty, Value::Array(items)) => items.is_empty(),
            (Self::Empty, Value::Object(fields)) => fields.is_empty(),
            (Self::Number(usual), value) => value.as_i64() == Some(usual),
            _ => false,
        }
    }
}

const fn field(name: &'static str, shape: Shape, usual: Usual, says: &'static str) -> Field {
    Field {
        name,
        shape,
        usual,
        says,
    }
}

use Shape::{Bool, Condition, Group, Int, List, Person, Policy, Set, Text, Word};
use Usual::{Empty, False, Nothing, Number, Required};

const ROLES: &[&str] = &["manager", "application_owner", "connection_owner"];
const STEP_UP: &[&str] = &["no", "asking", "approving", "both"];
const REASSIGN: &[&str] = &["approvers", "administrators", "nobody"];
const THEN: &[&str] = &["deny", "next_step", "other_policy"];
const TICKET_ASKED: &[&str] = &["no", "optional", "required"];

/// The fields of a file.
#[rustfmt::skip]
pub const DOCUMENT: &[Field] = &[
    field("stint", Word(&["v1"]), Required, "The format: v1."),
    field("groups", List(&Shape::Map(GROUP)), Empty, "Groups of users."),
    field("policies", List(&Shape::Map(POLICY)), Empty, "Policies: who has to approve."),
    field("catalogs", List(&Shape::Map(CATALOG)), Empty, "Catalogs: what may be asked for by whom."),
    field("access_controls", List(&Shape::Map(ACCESS_CONTROL)), Empty, "How single entitlements may be asked for."),
];

/// The fields of a group.
#[rustfmt::skip]
pub const GROUP: &[Field] = &[
    field("name", Text, Required, "Unique, whatever the capitals."),
    field("description", Text, Empty, "For people."),
    field("members", Set(&Person), Required, "Everybody who is in it, by e-mail address."),
];

/// The fields of a policy.
#[rustfmt::skip]
pub const POLICY: &[Field] = &[
    field("name", Text, Required, "Unique, whatever the capitals."),
    field("rules", List(&Shape::Map(RULE)), Empty, "Asked in this order; the first whose condition is true says what holds."),
    field("auto_approve", Bool, False, "Whether nobody has to approve; then there are no steps."),
    field("auto_deny", Text, Nothing, "Refused at once, with these words; then there are no steps."),
    field("steps", List(&Shape::Map(STEP)), Empty, "Asked in this order; nobody counts for two of them."),
    field("max_duration_seconds", Int, Required, "The longest that may be asked for."),
    field("until_revoked", Shape::Map(UNTIL_REVOKED), Nothing, "That access may be had until it is revoked as well."),
    field("reason", Shape::Map(REASON), Empty, "What must be said when asking."),
    field("ticket", Shape::Map(TICKET), Nothing, "How the reference to a ticket is given."),
    field("step_up", Word(STEP_UP), Nothing, "When people give their password again."),
    field("allow_self_approval", Bool, False, "Whether those who ask may approve too."),
    field("open_for_seconds", Int, Nothing, "How long after it was asked an unanswered request expires; 30 days when left out."),
    field("zone", Text, Nothing, "The time zone of conditions; UTC when left out."),
    field("emergency", Shape::Map(EMERGENCY), Nothing, "That it is for emergency access; said when it is made, and never changed."),
];

/// The fields of a rule of a policy.
#[rustfmt::skip]
pub const RULE: &[Field] = &[
    field("name", Text, Required, "What people see."),
    field("when", Condition, Required, "When it applies, in Cedar."),
    field("auto_approve", Bool, False, "Whether nobody has to approve; then there are no steps."),
    field("auto_deny", Text, Nothing, "Refused at once, with these words; then there are no steps."),
    field("steps", List(&Shape::Map(STEP)), Empty, "Asked in this order; nobody counts for two of them."),
    field("max_duration_seconds", Int, Nothing, "The longest that may be asked for; the policy's when left out."),
    field("until_revoked", Shape::Map(UNTIL_REVOKED), Nothing, "Whether access may be had until it is revoked; {}: not here."),
    field("reason", Shape::Map(REASON), Nothing, "What must be said when asking; what the policy says when left out."),
    field("ticket", Shape::Map(TICKET), Nothing, "Whether a ticket is asked for; what the policy says when left out."),
    field("step_up", Word(STEP_UP), Nothing, "When people give their password again; what the policy says when left out."),
];

/// The fields of a step of a policy.
#[rustfmt::skip]
pub const STEP: &[Field] = &[
    field("name", Text, Required, "What people see."),
    field("users", Set(&Person), Empty, "Approvers, by e-mail address."),
    field("groups", Set(&Group), Empty, "Groups whose members approve, by name."),
    field("roles", Set(&Word(ROLES)), Empty, "What approvers are to whoever asks or to what is asked for."),
    field("who", Condition, Nothing, "Everybody of whom this is true approves, in Cedar."),
    field("needed", Int, Number(1), "How many different people must approve; 0 of a step that waits."),
    field("each_group", Bool, False, "Whether so many must approve of each of its groups."),
    field("fallback", Shape::Map(APPROVERS), Nothing, "Who may approve as well while too few could, or once it is late."),
    field("remind_seconds", Int, Nothing, "When its approvers are reminded."),
    field("late_seconds", Int, Nothing, "When the fallback approvers may approve as well."),
    field("deadline", Shape::Map(DEADLINE), Nothing, "What happens when it has not been approved in time."),
    field("wait_seconds", Int, Nothing, "How long the request waits here; then nobody is named."),
    field("reassign", Word(REASSIGN), Nothing, "Who may hand on a place in it; its approvers and administrators when left out."),
];

/// Where approvers come from.
#[rustfmt::skip]
pub const APPROVERS: &[Field] = &[
    field("users", Set(&Person), Empty, "By e-mail address."),
    field("groups", Set(&Group), Empty, "Members of groups, by name."),
    field("roles", Set(&Word(ROLES)), Empty, "What they are to whoever asks or to what is asked for."),
    field("who", Condition, Nothing, "Everybody of whom this is true, in Cedar."),
];

/// What happens to a step that is late.
#[rustfmt::skip]
pub const DEADLINE: &[Field] = &[
    field("after_seconds", Int, Required, "How long after the step's begin."),
    field("then", Word(THEN), Required, "What happens then."),
    field("policy", Policy, Nothing, "The policy it goes on under, by name; only with other_policy."),
];

/// What must be said when asking.
#[rustfmt::skip]
pub const REASON: &[Field] = &[
    field("required", Bool, False, "Whether a reason must be given."),
    field("min_length", Int, Number(0), "Its least number of characters."),
];

/// How the reference to a ticket is given.
#[rustfmt::skip]
pub const TICKET: &[Field] = &[
    field("asked", Word(TICKET_ASKED), Required, "Whether one is asked for."),
    field("pattern", Text, Nothing, "What all of it must match."),
    field("hint", Text, Nothing, "What such a ticket looks like."),
    field("link", Text, Nothing, "Where people look it up, with {ticket} in it once."),
];

/// How access is had until it is revoked.
#[rustfmt::skip]
pub const UNTIL_REVOKED: &[Field] = &[
    field("review_every_days", Int, Nothing, "After how many days its owners are asked, and again and again."),
];

/// What a policy for emergencies says beyond any other.
#[rustfmt::skip]
pub const EMERGENCY: &[Field] = &[
    field("tell", Set(&Group), Required, "The groups that are told at once, by name."),
    field("review", Set(&Group), Empty, "The groups of whom somebody closes the review; those told when left out."),
    field("within_seconds", Int, Number(259_200), "How long after it was given the review is to be closed."),
];

/// The fields of a catalog.
#[rustfmt::skip]
pub const CATALOG: &[Field] = &[
    field("name", Text, Required, "Unique, whatever the capitals."),
    field("description", Text, Empty, "For people."),
    field("audience", Set(&Group), Empty, "The groups whose members see it, by name."),
    field("audience_when", Condition, Nothing, "Of whom this is true sees it too, in Cedar."),
    field("contents", List(&Shape::Map(CONTENT)), Empty, "What any of these conditions is true of is in it."),
    field("entitlements", Set(&Shape::Map(ENTITLEMENT)), Empty, "All that is in its list."),
    field("default_terms", Shape::Map(TERMS), Nothing, "How what has no access control of its own is asked for."),
    field("rank", Int, Number(100), "Of several catalogs that hold the same the one with the lower rank says how it is asked for."),
];

/// A condition of a catalog over entitlements.
#[rustfmt::skip]
pub const CONTENT: &[Field] = &[
    field("name", Text, Required, "For people; unique in the catalog."),
    field("when", Condition, Required, "In Cedar, over resource."),
];

/// How what has no access control of its own is asked for.
#[rustfmt::skip]
pub const TERMS: &[Field] = &[
    field("policy", Policy, Required, "The policy, by name."),
    field("max_duration_seconds", Int, Nothing, "A limit below the policy's."),
    field("until_revoked", Bool, False, "Whether the time limit is off."),
];

/// An entitlement by its names. Either a permission set on an account, or a group of Identity
/// Center, or a group of IAM in an account.
#[rustfmt::skip]
pub const ENTITLEMENT: &[Field] = &[
    field("connection", Text, Required, "The connection, by name."),
    field("account", Text, Nothing, "The account: its name, or its twelve digits in quotes."),
    field("permission_set", Text, Nothing, "The permission set on that account: its name or ARN."),
    field("group", Text, Nothing, "The group of Identity Center: its name or id."),
    field("iam_group", Text, Nothing, "The group of IAM in that account: its name or id."),
];

/// How one entitlement may be asked for.
#[rustfmt::skip]
pub const ACCESS_CONTROL: &[Field] = &[
    field("connection", Text, Required, "The connection, by name."),
    field("account", Text, Nothing, "The account: its name, or its twelve digits in quotes."),
    field("permission_set", Text, Nothing, "The permission set on that account: its name or ARN."),
    field("group", Text, Nothing, "The group of Identity Center: its name or id."),
    field("iam_group", Text, Nothing, "The group of IAM in that account: its name or id."),
    field("policy", Policy, Required, "The policy, by name."),
    field("max_duration_seconds", Int, Nothing, "A limit below the policy's."),
    field("until_revoked", Bool, False, "Whether the time limit is off."),
    field("emergency_policy", Policy, Nothing, "The policy for emergency access, by name; off when left out."),
];

/// The JSON Schema (2020-12) of a file: what `docs/config.schema.json` holds.
pub fn schema() -> Value {
    let mut whole = of(&Shape::Map(DOCUMENT));
    if let Some(fields) = whole.as_object_mut() {
        let draft = "https://json-schema.org/draft/2020-12/schema";
        fields.insert("$schema".to_owned(), draft.into());
        fields.insert("title".to_owned(), "Stint's configuration as code".into());
    }
    whole
}

fn of(shape: &Shape) -> Value {
    match shape {
        Shape::Text | Shape::Person | Shape::Group | Shape::Policy | Shape::Condition => {
            json!({ "type": "string" })
        }
        Shape::Int => json!({ "type": "integer" }),
        Shape::Bool => json!({ "type": "boolean" }),
        Shape::Word(words) => json!({ "enum": words }),
        Shape::List(item) => json!({ "type": "array", "items": of(item) }),
        Shape::Set(item) => json!({ "type": "array", "items": of(item), "uniqueItems": true }),
        Shape::Map(fields) => {
            let mut properties = Map::new();
            let mut required = Vec::new();
            for field in *fields {
                let mut said = of(&field.shape);
                if let Some(said) = said.as_object_mut() {
                    said.insert("description".to_owned(), field.says.into());
                    match field.usual {
                        Usual::False => said.insert("default".to_owned(), false.into()),
                        Usual::Number(usual) => said.insert("default".to_owned(), usual.into()),
                        Usual::Required | Usual::Nothing | Usual::Empty => None,
                    };
                }
                properties.insert(field.name.to_owned(), said);
                if field.usual == Usual::Required {
                    required.push(field.name);
                }
            }
            json!({
                "type": "object",
                "additionalProperties": false,
                "properties": properties,
                "required": required,
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_schema_is_the_table() {
        let published = include_str!("../../../../docs/config.schema.json");
        let published: Value = serde_json::from_str(published).expect("JSON");
        assert!(
            published == schema(),
            "docs/config.schema.json is another: write what `stint config schema` prints into it"
        );
    }

    #[test]
    fn every_field_of_the_api_s_policies_and_catalogs_can_be_written_down() {
        fn names(fields: &[Field]) -> Vec<&str> {
            fields.iter().map(|it| it.name).collect()
        }
        let step = json!({
            "name": "", "who": "", "each_group": true, "fallback": { "roles": ["manager"], "who": "" },
            "roles": ["manager"], "remind_seconds": 1, "late_seconds": 1, "wait_seconds": 1,
            "reassign": "nobody",
            "deadline": { "after_seconds": 1, "then": "deny", "policy": "" },
        });
        let rule = json!({
            "name": "", "when": "", "auto_deny": "", "steps": [step], "max_duration_seconds": 1,
            "until_revoked": { "review_every_days": 1 }, "reason": {}, "step_up": "no",
            "ticket": { "asked": "no", "pattern": "", "hint": "", "link": "" },
        });
        let mut policy = rule.clone();
        let fields = policy.as_object_mut().expect("fields");
        for beyond in ["name", "when"] {
            fields.remove(beyond);
        }
        fields.extend([
            ("rules".to_owned(), json!([rule])),
            ("open_for_seconds".to_owned(), json!(1)),
            ("zone".to_owned(), json!("UTC")),
            (
                "emergency".to_owned(),
                json!({ "tell": [], "review": ["x"], "within_seconds": 1 }),
            ),
        ]);
        let policy: crate::policies::PolicyBody = serde_json::from_value(policy).expect("a policy");
        let mut value = serde_json::to_value(policy).expect("JSON");
        value["name"] = "".into();
        agrees(&Shape::Map(POLICY), &value, "policy");
        let catalog = json!({
            "name": "", "audience_when": "", "contents": [{ "name": "", "when": "" }], "rank": 1,
            "default_terms": { "policy": "", "max_duration_seconds": 1, "until_revoked": true },
        });
        let catalog: crate::catalog::NewCatalog =
            serde_json::from_value(catalog).expect("a catalog");
        let mut value = serde_json::to_value(catalog).expect("JSON");
        value["entitlements"] = json!([]);
        agrees(&Shape::Map(CATALOG), &value, "catalog");
        assert_eq!(names(GROUP), ["name", "description", "members"]);
    }

    /// Every field of the value is in the table, and every one of the table's in the value.
    fn agrees(shape: &Shape, value: &Value, place: &str) {
        match (shape, value) {
            (Shape::Map(fields), Value::Object(found)) => {
                let wanted: Vec<_> = fields.iter().map(|it| it.name).collect();
                for name in found.keys() {
                    assert!(wanted.contains(&name.as_str()), "{place}: {name}");
                }
                for field in *fields {
                    let inner = found.get(field.name);
                    let inner = inner.unwrap_or_else(|| panic!("{place}: no {}", field.name));
                    agrees(&field.shape, inner, &format!("{place}.{}", field.name));
                }
            }
            (Shape::List(item) | Shape::Set(item), Value::Array(found)) => {
                for inner in found {
                    agrees(item, inner, place);
                }
            }
            _ => {}
        }
    }
}
