//! A condition over entitlements, taken apart so that few questions answer for many things.
//!
//! It is true where each of the parts is that `&&` joins: one that is not true, or cannot be told,
//! makes the whole not true. A part that reads only some attributes says the same of all things
//! that are alike in those: it is asked of one of them.

use std::collections::HashMap;
use std::sync::Arc;

use cedar_policy::{Policy, PolicySet};
use serde_json::Value;

use super::scene::{Doubt, Thing};
use super::{Compiled, Many};
use crate::entitlement::EntitlementKey;

/// One of the parts that are joined.
#[derive(Debug, Clone)]
pub(super) struct Part {
    set: Arc<PolicySet>,
    /// What it reads of an entitlement; none where it looks at the entitlement itself.
    reads: Option<Vec<Read>>,
    /// What it asks for that may not be known.
    asks: Doubt,
}

/// What a part reads of an entitlement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Read {
    Name,
    Kind,
    Account,
    PermissionSet,
    Group,
    /// The same for all things of a connection.
    Shared,
}

impl Read {
    fn of(attribute: &str) -> Option<Self> {
        Some(match attribute {
            "name" => Self::Name,
            "kind" => Self::Kind,
            "account" => Self::Account,
            "permission_set" => Self::PermissionSet,
            "group" => Self::Group,
            "application" | "connection" => Self::Shared,
            _ => return None,
        })
    }

    fn from(self, thing: &Thing) -> Option<&str> {
        match self {
            Self::Name => Some(&thing.name),
            Self::Kind => Some(thing.key.kind()),
            Self::Account => match &thing.key {
                EntitlementKey::AccountAssignment { account, .. }
                | EntitlementKey::IamGroupMembership { account, .. } => Some(account),
                EntitlementKey::GroupMembership { .. } => None,
            },
            Self::PermissionSet => thing.permission_set.as_deref(),
            Self::Group => thing.group.as_deref(),
            Self::Shared => None,
        }
    }
}

/// The parts of a condition; the whole of it where it cannot be taken apart.
pub(super) fn parts(policy: &Policy) -> Vec<Part> {
    let apart = taken_apart(policy).filter(|parts| !parts.is_empty());
    apart.unwrap_or_else(|| {
        let whole = PolicySet::from_policies([policy.clone()]);
        let asks = asks(policy, &policy.to_string());
        let part = |set| Part {
            set: Arc::new(set),
            reads: None,
            asks,
        };
        whole.into_iter().map(part).collect()
    })
}

fn taken_apart(policy: &Policy) -> Option<Vec<Part>> {
    let whole = policy.to_json().ok()?;
    let conditions = whole.get("conditions")?.as_array()?;
    let [condition] = conditions.as_slice() else {
        return None;
    };
    let mut bodies = Vec::new();
    joined(condition.get("body")?, &mut bodies);
    (bodies.into_iter())
        .map(|body| {
            let mut part = whole.clone();
            *part.pointer_mut("/conditions/0/body")? = body.clone();
            let part = Policy::from_json(None, part).ok()?;
            let asks = asks(&part, &body.to_string());
            let mut reads = Vec::new();
            Some(Part {
                set: Arc::new(PolicySet::from_policies([part]).ok()?),
                reads: read(body, &mut reads).then_some(reads),
                asks,
            })
        })
        .collect()
}

/// What a policy asks for that may not be known, by how it is written down: in Cedar, or as JSON. An
/// organizational unit it names by its id or as such. Tags can be asked for by two words only, which
/// nothing stands for; where they are part of a text, it is taken to ask all the same.
pub(super) fn asks(policy: &Policy, written: &str) -> Doubt {
    let named = policy.entity_literals().into_iter();
    let mut kinds = named.map(|uid| uid.type_name().to_string());
    Doubt {
        units: kinds.any(|kind| kind == "OrganizationalUnit"),
        tags: ["hasTag", "getTag"].iter().any(|it| written.contains(it)),
    }
}

/// What `&&` joins, from left to right.
fn joined<'a>(body: &'a Value, out: &mut Vec<&'a Value>) {
    match body.get("&&") {
        Some(and) => {
            for side in ["left", "right"] {
                if let Some(side) = and.get(side) {
                    joined(side, out);
                }
            }
        }
        None => out.push(body),
    }
}

/// Notes what is read of the entitlement; false where it is used in any other way.
fn read(of: &Value, reads: &mut Vec<Read>) -> bool {
    match of {
        Value::Object(fields) => fields.iter().all(|(name, inside)| {
            let attribute = inside.get("attr").and_then(Value::as_str);
            let left = inside.pointer("/left/Var").and_then(Value::as_str);
            match (name.as_str(), attribute, left) {
                ("." | "has", Some(attribute), Some("resource")) => {
                    let known = Read::of(attribute);
                    reads.extend(known);
                    known.is_some()
                }
                ("Var", ..) if inside.is_string() => inside.as_str() != Some("resource"),
                _ => read(inside, reads),
            }
        }),
        Value::Array(all) => all.iter().all(|inside| read(inside, reads)),
        _ => true,
    }
}

/// Of each of these things of one connection, in their order, which of these conditions over
/// entitlements are true of it. Of what it cannot be told, none is.
///
/// The same as [`Compiled::holds_of_each`] of each, with fewer questions, where `unknown` is false: it is
/// what a part is that asks for what is not known of a thing.
///
/// Fails where facts contradict each other.
pub(super) fn holds(
    conditions: &[&Compiled],
    things: &[&Thing],
    unknown: bool,
) -> Result<Vec<Vec<bool>>, String> {
    // Of which thing each part is asked, for each thing.
    let mut asked = vec![false; things.len()];
    let mut plans: Vec<Vec<(&Part, Vec<usize>)>> = Vec::new();
    for condition in conditions {
        let plan = condition.parts.iter().map(|part| {
            let mut first: HashMap<Vec<Option<&str>>, usize> = HashMap::new();
            let stands_for = things
                .iter()
                .enumerate()
                .map(|(at, thing)| match &part.reads {
                    None => at,
                    Some(reads) => {
                        let key = reads.iter().map(|read| read.from(thing)).collect();
                        *first.entry(key).or_insert(at)
                    }
                });
            (part, stands_for.collect::<Vec<usize>>())
        });
        let plan: Vec<_> = plan.collect();
        for at in plan.iter().flat_map(|(_, stands_for)| stands_for) {
            if let Some(asked) = asked.get_mut(*at) {
                *asked = true;
            }
        }
        plans.push(plan);
    }
    let wanted = || things.iter().zip(&asked).filter(|(_, asked)| **asked);
    let many = Many::things(wanted().map(|(thing, _)| *thing))?;
    let mut place = vec![0; things.len()];
    let wanted_places = asked.iter().enumerate().filter(|(_, asked)| **asked);
    for (nth, (at, _)) in wanted_places.enumerate() {
        if let Some(place) = place.get_mut(at) {
            *place = nth;
        }
    }
    let answer = |plan: Vec<(&Part, Vec<usize>)>| {
        // Of nothing that was not asked anything is true.
        let mut holds = vec![!plan.is_empty(); things.len()];
        for (part, stands_for) in plan {
            let mut known: HashMap<usize, bool> = HashMap::new();
            for (holds, at) in holds
                .iter_mut()
                .zip(stands_for)
                .filter(|(holds, _)| **holds)
            {
                *holds = *known.entry(at).or_insert_with(|| {
                    let nth = place.get(at).copied().unwrap_or(usize::MAX);
                    match part.asks.meets(many.doubt(nth)) {
                        true => unknown,
                        false => many.holds(&part.set, nth),
                    }
                });
            }
        }
        holds
    };
    Ok(plans.into_iter().map(answer).collect())
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::super::{About, Condition};
    use super::*;
    use crate::{ApplicationId, EntitlementId};

    fn things() -> Vec<Thing> {
        let mut all = Vec::new();
        for n in 0..60_u128 {
            let (account, set) = (n % 6, n % 5);
            let group = n % 7 == 0;
            let number = format!("{:012}", 100 + account);
            all.push(Thing {
                id: EntitlementId(Uuid::from_u128(n)),
                name: format!("Set{set} on account-{account} {n}"),
                key: match (group, n % 3) {
                    (true, _) => EntitlementKey::GroupMembership {
                        group: format!("g{set}"),
                    },
                    (false, 0) => EntitlementKey::IamGroupMembership {
                        account: number,
                        group: format!("g{set}"),
                    },
                    (false, _) => EntitlementKey::AccountAssignment {
                        account: number,
                        permission_set: format!("arn-{set}"),
                    },
                },
                account_name: (account > 0).then(|| format!("account-{account}")),
                lost: account == 0,
                tags: (!group && account != 5).then(|| {
                    let env = if account % 2 == 0 { "prod" } else { "dev" };
                    let tag = |key: &str, value: &str| (key.to_owned(), value.to_owned());
                    match account {
                        3 => [tag("team", "payments")].into(),
                        _ => [tag("env", env), tag("team", "web")].into(),
                    }
                }),
                path: match account {
                    0 => Vec::new(),
                    n => vec!["r-1".to_owned(), format!("ou-{}", n % 2)],
                },
                permission_set: (!group && n % 3 > 0 && set > 0).then(|| format!("Set{set}")),
                group: (group || n % 3 == 0).then(|| format!("Group {set}")),
                application: ApplicationId(Uuid::from_u128(1)),
                application_name: "AWS".to_owned(),
                connection: "prod".to_owned(),
            });
        }
        all
    }

    #[test]
    fn few_questions_say_of_many_things_what_each_would() {
        let things = things();
        let refs: Vec<&Thing> = things.iter().collect();
        let texts = [
            "true",
            "false",
            "resource has account && resource.account in OrganizationalUnit::\"ou-1\"",
            "resource has account && resource.account in OrganizationalUnit::\"r-1\" && resource has permission_set && resource.permission_set like \"Set*\"",
            "resource has permission_set && (resource.permission_set == \"Set1\" || resource.permission_set == \"Set2\")",
            "!(resource has account && resource.account == Account::\"000000000103\")",
            "resource has account && resource.account.name like \"account-*\" && resource.name like \"*7\"",
            "resource in Application::\"app_00000000000000000000000001\"",
            "resource == Entitlement::\"ent_00000000000000000000000003\" || resource.kind == \"group_membership\"",
            "{\"Value\": resource}.Value.name like \"*3\"",
            "{\"Var\": resource.name}.Var like \"*on account-1*\" && {\"attr\": resource}.attr.kind != \"resource\"",
            "if resource has group then resource.group == \"Group 1\" else resource.connection == \"prod\"",
            "resource.application == \"AWS\" && resource has group",
            "resource has account && resource.account.hasTag(\"env\") && resource.account.getTag(\"env\") == \"prod\"",
            "resource has account && resource.account.hasTag(\"team\") && resource.account.getTag(\"team\") like \"pay*\" && resource has permission_set",
            "!(resource has account && resource.account.hasTag(\"env\"))",
            "resource.name like \"*7\" || (resource has account && resource.account.hasTag(\"env\"))",
            "resource.name != \"hasTag\"",
            // Cannot be told of some: overflows.
            "resource has account && (resource.account.name == \"account-1\" || 9223372036854775807 + 1 == 0)",
            "resource has group && 9223372036854775807 + 1 == 0",
        ];
        let all: Vec<Compiled> = (texts.iter())
            .map(|text| Compiled::of(&Condition::new(text), About::Contents))
            .map(|compiled| compiled.expect("it can be saved"))
            .collect();
        let all: Vec<&Compiled> = all.iter().collect();
        let each = Many::things(refs.iter().copied()).expect("one world");
        let found = Compiled::hold_of_things(&all, &refs).expect("one world");
        let mut some = 0;
        for ((text, compiled), found) in texts.iter().zip(&all).zip(found) {
            assert_eq!(found, compiled.holds_of_each(&each), "{text}");
            some += found.iter().filter(|holds| **holds).count();
        }
        assert!(some > 100, "{some}");
        // The same of each alone, in whichever company it is asked.
        for text in &all {
            let alone = Compiled::hold_of_things(&[text], &refs).expect("one world");
            assert_eq!(alone, [text.holds_of_each(&each)]);
        }
    }

    #[test]
    fn what_reads_little_is_asked_of_few() {
        let reads = |text: &str| {
            let compiled = Compiled::of(&Condition::new(text), About::Contents).expect("saved");
            let parts = compiled.parts.iter();
            parts.map(|part| part.reads.clone()).collect::<Vec<_>>()
        };
        assert_eq!(
            reads("resource has account && resource.account.name == \"x\""),
            [Some(vec![Read::Account]), Some(vec![Read::Account])]
        );
        assert_eq!(
            reads("resource.name like \"resource\" || resource.kind == \"x\""),
            [Some(vec![Read::Name, Read::Kind])]
        );
        assert_eq!(
            reads(
                "resource has account && resource.account.hasTag(\"env\") && resource.account.getTag(\"env\") == \"prod\""
            ),
            vec![Some(vec![Read::Account]); 3]
        );
        for whole in [
            "resource in Application::\"app_1\"",
            "{\"Value\": resource}.Value.name == \"x\"",
            "[resource].contains(resource)",
        ] {
            assert_eq!(reads(whole), [None], "{whole}");
        }
    }
}
