//! What a catalog says by rule: what is in it, who sees it, and how it is asked for.

use std::fmt;

use serde::{Deserialize, Serialize};
use stint_domain::condition::{self, About, Compiled, Condition};

use super::*;

/// The most conditions over entitlements a catalog has.
pub const MOST_RULES: usize = 16;
/// The longest name of one, in characters.
pub const LONGEST_RULE_NAME: usize = 80;
/// Where a catalog stands that was put nowhere.
pub const RANK: i64 = 100;
/// Where it may be put.
pub const RANKS: std::ops::RangeInclusive<i64> = 1..=1_000;

/// What a catalog says beside its lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// What any of these is true of is in it, beside what is in its list.
    pub contents: Vec<ContentRule>,
    /// Of whom this is true sees it, beside the members of its groups.
    pub audience_when: Option<Condition>,
    /// How what has no access control of its own is asked for; without, not at all.
    pub terms: Option<DefaultTerms>,
    /// Of several catalogs of one person that hold the same thing, the one with the lower rank says
    /// how it is asked for; among equals the older one.
    pub rank: i64,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            contents: Vec::new(),
            audience_when: None,
            terms: None,
            rank: RANK,
        }
    }
}

/// A condition over entitlements.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContentRule {
    /// For people.
    pub name: String,
    /// True of what is in the catalog.
    pub when: Condition,
}

/// How what has no access control of its own is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DefaultTerms {
    /// Its latest version counts when somebody asks.
    pub policy: PolicyId,
    /// A limit; only felt below the policy's.
    pub max_duration: Option<Span>,
    /// Whether the time limit is off; only where the policy allows access until it is revoked.
    pub until_revoked: bool,
}

/// Something that is wrong with what a catalog says by rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleFault {
    /// The stable code.
    pub code: &'static str,
    /// At which field of the API: `contents[0].when`, `audience_when`.
    pub field: String,
    /// What is wrong, and where.
    pub message: String,
}

impl fmt::Display for RuleFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.message)
    }
}

/// Fails with everything that is wrong with the rules of a catalog.
pub(super) async fn check(q: &mut impl Query, rules: &Rules) -> Result<(), Error> {
    let faults = faults(q, rules).await?;
    if faults.is_empty() {
        Ok(())
    } else {
        Err(Error::Rules(faults))
    }
}

pub(super) async fn faults(q: &mut impl Query, rules: &Rules) -> Result<Vec<RuleFault>, Error> {
    let mut faults = Vec::new();
    let mut wrong = |code, field: String, message: String| {
        faults.push(RuleFault {
            code,
            field,
            message,
        });
    };
    if rules.contents.len() > MOST_RULES {
        let message = format!(
            "a catalog has at most {MOST_RULES} conditions over entitlements, this one {}: join some \
             with ||, or make a second catalog",
            rules.contents.len()
        );
        wrong("too_many_rules", "contents".to_owned(), message);
    }
    let mut conditions: Vec<(String, &Condition, About)> = Vec::new();
    for (at, rule) in rules.contents.iter().enumerate().take(MOST_RULES) {
        let length = rule.name.chars().count();
        if !(1..=LONGEST_RULE_NAME).contains(&length) || rule.name.trim() != rule.name {
            let message =
                format!("a name has 1 to {LONGEST_RULE_NAME} characters and no blank around it");
            wrong("invalid_name", format!("contents[{at}].name"), message);
        }
        let before = rules.contents.iter().take(at);
        if before.clone().any(|other| other.name == rule.name) {
            let message = "another condition of this catalog has this name".to_owned();
            wrong("name_taken", format!("contents[{at}].name"), message);
        }
        conditions.push((format!("contents[{at}].when"), &rule.when, About::Contents));
    }
    if let Some(when) = &rules.audience_when {
        conditions.push(("audience_when".to_owned(), when, About::Audience));
    }
    let mut named: Vec<(String, &Condition, GroupId)> = Vec::new();
    for (field, when, about) in conditions {
        match Compiled::of(when, about) {
            Ok(compiled) => {
                let groups = compiled.groups().iter();
                named.extend(groups.map(|group| (field.clone(), when, *group)));
            }
            Err(found) => {
                for fault in found {
                    wrong("invalid_condition", field.clone(), fault.to_string());
                }
            }
        }
    }
    let there = identity::groups_by_id(q, named.iter().map(|(_, _, id)| *id)).await?;
    for (field, when, group) in named {
        if !there.contains_key(&group) {
            let message = format!("it names {group}, which does not exist");
            let fault = condition::placed(when.as_str(), &group.to_string(), message);
            wrong("invalid_condition", field, fault.to_string());
        }
    }
    if let Some(terms) = &rules.terms {
        let field = || "default_terms.policy".to_owned();
        match policies::current(q, terms.policy).await? {
            None => {
                let message = format!("there is no policy {}", terms.policy);
                wrong("unknown_policy", field(), message);
            }
            Some(policy) if policy.body.emergency.is_some() => {
                let message = Error::EmergencyAsOrdinary(policy.name).to_string();
                wrong("emergency_as_ordinary", field(), message);
            }
            Some(policy) if terms.until_revoked && !policy.body.may_last_until_revoked() => {
                let message = Error::NoUntilRevoked(policy.name).to_string();
                let field = "default_terms.until_revoked".to_owned();
                wrong("no_until_revoked", field, message);
            }
            Some(_) => {}
        }
        if let Err(error) = check_max(terms.max_duration) {
            let field = "default_terms.max_duration_seconds".to_owned();
            wrong("max_duration", field, error.to_string());
        }
    }
    if !RANKS.contains(&rules.rank) {
        let message = format!("a rank is {} to {}", RANKS.start(), RANKS.end());
        wrong("invalid_value", "rank".to_owned(), message);
    }
    Ok(faults)
}
