//! A policy as data, and back to JSON.

use serde_json::{Map, Value, json};

use crate::condition::Condition;
use crate::principal::PrincipalEntry;

/// Which edition of the language a document is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Version {
    /// `2008-10-17`, also when nothing is written: variables are ordinary text.
    #[default]
    V2008,
    /// `2012-10-17`
    V2012,
}

/// Allow or deny.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Grants what it matches.
    Allow,
    /// Refuses what it matches, whatever else allows it.
    Deny,
}

/// A policy document.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// The edition.
    pub version: Version,
    /// The document's own name, if it has one.
    pub id: Option<String>,
    /// At least one.
    pub statements: Vec<Statement>,
}

/// One statement.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// Its name, if it has one.
    pub sid: Option<String>,
    /// Allow or deny.
    pub effect: Effect,
    /// Whom it is about; only in policies attached to a resource or role.
    pub principals: Option<Principals>,
    /// Which actions.
    pub actions: Actions,
    /// Which resources; not in trust policies.
    pub resources: Option<Resources>,
    /// All must hold.
    pub conditions: Vec<Condition>,
}

/// `Principal` or `NotPrincipal`.
#[derive(Debug, Clone, PartialEq)]
pub struct Principals {
    /// Whether it was written as `NotPrincipal`.
    pub negated: bool,
    /// Any of these.
    pub entries: Vec<PrincipalEntry>,
}

/// `Action` or `NotAction`.
#[derive(Debug, Clone, PartialEq)]
pub struct Actions {
    /// Whether it was written as `NotAction`.
    pub negated: bool,
    /// `service:Name` with wildcards, or `*`. Compared without regard to case.
    pub patterns: Vec<String>,
}

/// `Resource` or `NotResource`.
#[derive(Debug, Clone, PartialEq)]
pub struct Resources {
    /// Whether it was written as `NotResource`.
    pub negated: bool,
    /// ARNs with wildcards and variables.
    pub patterns: Vec<String>,
}

impl Policy {
    /// The document as JSON.
    pub fn to_json(&self) -> Value {
        let mut document = Map::new();
        if self.version == Version::V2012 {
            document.insert("Version".to_owned(), json!("2012-10-17"));
        } else {
            document.insert("Version".to_owned(), json!("2008-10-17"));
        }
        if let Some(id) = &self.id {
            document.insert("Id".to_owned(), json!(id));
        }
        let statements: Vec<Value> = self.statements.iter().map(Statement::to_json).collect();
        document.insert("Statement".to_owned(), Value::Array(statements));
        Value::Object(document)
    }

    /// The document as text to paste into AWS, in the order people write it.
    pub fn to_text(&self) -> String {
        let mut out = String::from("{\n");
        let version = match self.version {
            Version::V2008 => "2008-10-17",
            Version::V2012 => "2012-10-17",
        };
        out.push_str(&format!("  \"Version\": \"{version}\",\n"));
        if let Some(id) = &self.id {
            out.push_str(&format!("  \"Id\": {},\n", json!(id)));
        }
        out.push_str("  \"Statement\": [\n");
        for (n, statement) in self.statements.iter().enumerate() {
            let members = statement.members();
            out.push_str("    {\n");
            for (m, (name, value)) in members.iter().enumerate() {
                let text = serde_json::to_string_pretty(value).unwrap_or_default();
                let text = text.replace('\n', "\n      ");
                let comma = if m + 1 < members.len() { "," } else { "" };
                out.push_str(&format!("      \"{name}\": {text}{comma}\n"));
            }
            let comma = if n + 1 < self.statements.len() {
                ","
            } else {
                ""
            };
            out.push_str(&format!("    }}{comma}\n"));
        }
        out.push_str("  ]\n}\n");
        out
    }
}

impl Statement {
    /// The statement as JSON.
    pub fn to_json(&self) -> Value {
        Value::Object(
            self.members()
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
        )
    }

    fn members(&self) -> Vec<(&'static str, Value)> {
        let mut members = Vec::new();
        if let Some(sid) = &self.sid {
            members.push(("Sid", json!(sid)));
        }
        let effect = match self.effect {
            Effect::Allow => "Allow",
            Effect::Deny => "Deny",
        };
        members.push(("Effect", json!(effect)));
        if let Some(principals) = &self.principals {
            let name = if principals.negated {
                "NotPrincipal"
            } else {
                "Principal"
            };
            members.push((name, principals.to_json()));
        }
        let name = if self.actions.negated {
            "NotAction"
        } else {
            "Action"
        };
        members.push((name, one_or_many(&self.actions.patterns)));
        if let Some(resources) = &self.resources {
            let name = if resources.negated {
                "NotResource"
            } else {
                "Resource"
            };
            members.push((name, one_or_many(&resources.patterns)));
        }
        if !self.conditions.is_empty() {
            let mut operators = Map::new();
            for condition in &self.conditions {
                let keys = operators
                    .entry(condition.operator.to_string())
                    .or_insert_with(|| json!({}));
                if let Some(keys) = keys.as_object_mut() {
                    keys.insert(condition.key.clone(), one_or_many(&condition.values));
                }
            }
            members.push(("Condition", Value::Object(operators)));
        }
        members
    }
}

impl Principals {
    fn to_json(&self) -> Value {
        let mut kinds: Map<String, Value> = Map::new();
        for entry in &self.entries {
            let (kind, text) = entry.written();
            let list = kinds.entry(kind).or_insert_with(|| json!([]));
            if let Some(list) = list.as_array_mut() {
                list.push(json!(text));
            }
        }
        for list in kinds.values_mut() {
            if let Some([one]) = list.as_array().map(Vec::as_slice) {
                *list = one.clone();
            }
        }
        Value::Object(kinds)
    }
}

fn one_or_many(texts: &[String]) -> Value {
    match texts {
        [one] => json!(one),
        many => json!(many),
    }
}
