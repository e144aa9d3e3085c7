//! Reading a policy document, with errors that point at the place.

use std::fmt;

use crate::condition::{Condition, Operator};
use crate::model::{Actions, Effect, Policy, Principals, Resources, Statement, Version};
use crate::principal::PrincipalEntry;
use crate::tree::Tree;

/// What a document is for; decides what a statement must and must not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The trust policy of a role: principals, no resources.
    Trust,
    /// A policy of a user, group, role or permission set: resources, no principals.
    Identity,
}

/// Why a text is no policy, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ParseError {
    /// `Statement[0].Condition.StringEquals`, or empty for the document as a whole.
    pub place: String,
    /// Line and column, both from 1, where the text is not even JSON.
    pub position: Option<(usize, usize)>,
    /// What is wrong there, as a sentence without its place.
    pub problem: String,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.position, self.place.as_str()) {
            (Some((line, column)), _) => write!(f, "line {line}, column {column}: ")?,
            (None, "") => {}
            (None, place) => write!(f, "{place}: ")?,
        }
        f.write_str(&self.problem)
    }
}

impl Policy {
    /// Reads a document. The grammar is checked, also every operator and value; whether the
    /// statements suit their purpose is [`Policy::check`].
    pub fn parse(text: &str) -> Result<Policy, ParseError> {
        let tree: Tree = serde_json::from_str(text).map_err(|broken| {
            let full = broken.to_string();
            let problem = full
                .rsplit_once(" at line ")
                .map_or(full.as_str(), |(what, _)| what);
            ParseError {
                place: String::new(),
                position: Some((broken.line(), broken.column())),
                problem: problem.to_owned(),
            }
        })?;
        document(tree)
    }

    /// Whether every statement has what this kind of policy needs and nothing it must not
    /// have.
    pub fn check(&self, kind: Kind) -> Result<(), ParseError> {
        for (n, statement) in self.statements.iter().enumerate() {
            let place = Place::root().item("Statement", n);
            let problem = match (kind, &statement.principals, &statement.resources) {
                (Kind::Trust, None, _) => "a trust policy says who: Principal is missing",
                (Kind::Trust, Some(_), Some(_)) => {
                    "a trust policy has no Resource: it is the role's own"
                }
                (Kind::Identity, Some(_), _) => {
                    "Principal belongs into trust and resource policies only"
                }
                (Kind::Identity, None, None) => "Resource is missing",
                (Kind::Trust, Some(who), None)
                    if who.negated && statement.effect == Effect::Allow =>
                {
                    "NotPrincipal with Allow would let in everybody else"
                }
                _ => continue,
            };
            return Err(place.wrong(problem));
        }
        Ok(())
    }
}

#[derive(Clone)]
struct Place(String);

impl Place {
    fn root() -> Place {
        Place(String::new())
    }

    fn member(&self, name: &str) -> Place {
        if self.0.is_empty() {
            Place(name.to_owned())
        } else {
            Place(format!("{}.{name}", self.0))
        }
    }

    fn item(&self, name: &str, n: usize) -> Place {
        Place(format!("{}[{n}]", self.member(name).0))
    }

    fn wrong(&self, problem: impl Into<String>) -> ParseError {
        ParseError {
            place: self.0.clone(),
            position: None,
            problem: problem.into(),
        }
    }
}

fn object(tree: Tree, place: &Place) -> Result<Vec<(String, Tree)>, ParseError> {
    match tree {
        Tree::Object(members) => Ok(members),
        other => Err(place.wrong(format!("expected an object, found {}", other.kind()))),
    }
}

fn text(tree: Tree, place: &Place) -> Result<String, ParseError> {
    match tree {
        Tree::Text(text) => Ok(text),
        other => Err(place.wrong(format!("expected a text, found {}", other.kind()))),
    }
}

/// One text, or a list of at least one.
fn texts(tree: Tree, place: &Place) -> Result<Vec<String>, ParseError> {
    match tree {
        Tree::List(items) if items.is_empty() => Err(place.wrong("the list is empty")),
        Tree::List(items) => items
            .into_iter()
            .enumerate()
            .map(|(n, item)| text(item, &Place(format!("{}[{n}]", place.0))))
            .collect(),
        other => Ok(vec![text(other, place)?]),
    }
}

fn document(tree: Tree) -> Result<Policy, ParseError> {
    let root = Place::root();
    let mut version = Version::V2008;
    let mut id = None;
    let mut statements = None;
    for (name, value) in object(tree, &root)? {
        let place = root.member(&name);
        match name.as_str() {
            "Version" => {
                version = match text(value, &place)?.as_str() {
                    "2012-10-17" => Version::V2012,
                    "2008-10-17" => Version::V2008,
                    other => {
                        return Err(place.wrong(format!(
                            "`{other}` is no edition of the language: write 2012-10-17"
                        )));
                    }
                };
            }
            "Id" => id = Some(text(value, &place)?),
            "Statement" => {
                let (items, single) = match value {
                    Tree::List(items) => (items, false),
                    one => (vec![one], true),
                };
                if items.is_empty() {
                    return Err(place.wrong("a policy has at least one statement"));
                }
                let mut list = Vec::with_capacity(items.len());
                for (n, item) in items.into_iter().enumerate() {
                    let place = if single {
                        place.clone()
                    } else {
                        root.item("Statement", n)
                    };
                    list.push(statement(item, &place)?);
                }
                statements = Some(list);
            }
            _ => return Err(place.wrong("a policy has Version, Id and Statement only")),
        }
    }
    let statements = statements.ok_or_else(|| root.wrong("Statement is missing"))?;
    let mut sids: Vec<&str> = Vec::new();
    for (n, statement) in statements.iter().enumerate() {
        if let Some(sid) = statement.sid.as_deref() {
            if sids.contains(&sid) {
                return Err(root
                    .item("Statement", n)
                    .member("Sid")
                    .wrong(format!("`{sid}` is used twice")));
            }
            sids.push(sid);
        }
    }
    Ok(Policy {
        version,
        id,
        statements,
    })
}

fn statement(tree: Tree, place: &Place) -> Result<Statement, ParseError> {
    let mut sid = None;
    let mut effect = None;
    let mut principals = None;
    let mut actions = None;
    let mut resources = None;
    let mut conditions = Vec::new();
    for (name, value) in object(tree, place)? {
        let here = place.member(&name);
        let negated = name.starts_with("Not");
        match name.as_str() {
            "Sid" => sid = Some(text(value, &here)?).filter(|sid| !sid.is_empty()),
            "Effect" => {
                effect = Some(match text(value, &here)?.as_str() {
                    "Allow" => Effect::Allow,
                    "Deny" => Effect::Deny,
                    other => return Err(here.wrong(format!("`{other}` is neither Allow nor Deny"))),
                });
            }
            "Principal" | "NotPrincipal" => {
                let entries = principal(value, &here)?;
                if principals
                    .replace(Principals { negated, entries })
                    .is_some()
                {
                    return Err(here.wrong("Principal and NotPrincipal exclude each other"));
                }
            }
            "Action" | "NotAction" => {
                let patterns = texts(value, &here)?;
                for pattern in &patterns {
                    action(pattern).map_err(|problem| here.wrong(problem))?;
                }
                if actions.replace(Actions { negated, patterns }).is_some() {
                    return Err(here.wrong("Action and NotAction exclude each other"));
                }
            }
            "Resource" | "NotResource" => {
                let patterns = texts(value, &here)?;
                for pattern in &patterns {
                    resource(pattern).map_err(|problem| here.wrong(problem))?;
                }
                if resources.replace(Resources { negated, patterns }).is_some() {
                    return Err(here.wrong("Resource and NotResource exclude each other"));
                }
            }
            "Condition" => conditions = condition_block(value, &here)?,
            _ => return Err(here.wrong("a statement has no such element")),
        }
    }
    Ok(Statement {
        sid,
        effect: effect.ok_or_else(|| place.wrong("Effect is missing"))?,
        principals,
        actions: actions.ok_or_else(|| place.wrong("Action is missing"))?,
        resources,
        conditions,
    })
}

fn action(pattern: &str) -> Result<(), String> {
    if pattern == "*" {
        return Ok(());
    }
    let fine = pattern.split_once(':').is_some_and(|(service, name)| {
        !service.is_empty()
            && service
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !name.is_empty()
            && name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"*?".contains(&b))
    });
    if fine {
        Ok(())
    } else {
        Err(format!(
            "`{pattern}` is no action: write service:Name, such as sts:AssumeRole, or *"
        ))
    }
}

fn resource(pattern: &str) -> Result<(), String> {
    if pattern == "*" || (pattern.starts_with("arn:") && pattern.splitn(6, ':').count() == 6) {
        Ok(())
    } else {
        Err(format!(
            "`{pattern}` is no resource: write a whole ARN or *"
        ))
    }
}

fn principal(tree: Tree, place: &Place) -> Result<Vec<PrincipalEntry>, ParseError> {
    if let Tree::Text(all) = &tree {
        if all == "*" {
            return Ok(vec![PrincipalEntry::Anyone]);
        }
        return Err(place.wrong(format!(
            "`{all}`: only * may stand alone; write {{\"AWS\": \"{all}\"}}"
        )));
    }
    let mut entries = Vec::new();
    for (kind, value) in object(tree, place)? {
        let here = place.member(&kind);
        for text in texts(value, &here)? {
            entries.push(match kind.as_str() {
                "AWS" => PrincipalEntry::aws(&text).map_err(|problem| here.wrong(problem))?,
                "Service" if text.contains('.') && !text.contains('*') => PrincipalEntry::Service(text),
                "Service" => {
                    return Err(here.wrong(format!(
                        "`{text}` is no service: write its host name, such as ec2.amazonaws.com"
                    )));
                }
                "Federated" => PrincipalEntry::Federated(text),
                "CanonicalUser" => PrincipalEntry::CanonicalUser(text),
                _ => {
                    return Err(here.wrong(
                        "no such kind of principal: there are AWS, Service, Federated and CanonicalUser",
                    ));
                }
            });
        }
    }
    if entries.is_empty() {
        return Err(place.wrong("names nobody"));
    }
    Ok(entries)
}

fn condition_block(tree: Tree, place: &Place) -> Result<Vec<Condition>, ParseError> {
    let mut conditions = Vec::new();
    for (name, keys) in object(tree, place)? {
        let here = place.member(&name);
        let operator = Operator::read(&name).map_err(|problem| here.wrong(problem))?;
        for (key, value) in object(keys, &here)? {
            let here = here.member(&key);
            if key
                .split_once(':')
                .is_none_or(|(prefix, rest)| prefix.is_empty() || rest.is_empty())
            {
                return Err(
                    here.wrong("a condition key is written prefix:Name, such as sts:ExternalId")
                );
            }
            let values = values(value, &here)?;
            for value in &values {
                operator
                    .test
                    .accepts(value)
                    .map_err(|problem| here.wrong(problem))?;
            }
            conditions.push(Condition {
                operator,
                key,
                values,
            });
        }
    }
    Ok(conditions)
}

/// Condition values may also be written as numbers and as true and false.
fn values(tree: Tree, place: &Place) -> Result<Vec<String>, ParseError> {
    let one = |tree: Tree, place: &Place| match tree {
        Tree::Text(text) | Tree::Number(text) => Ok(text),
        Tree::Bool(value) => Ok(value.to_string()),
        other => Err(place.wrong(format!("expected a value, found {}", other.kind()))),
    };
    match tree {
        // A positive operator over no value never holds, a negated one always: a slip.
        Tree::List(items) if items.is_empty() => Err(place.wrong("the list is empty")),
        Tree::List(items) => items
            .into_iter()
            .enumerate()
            .map(|(n, item)| one(item, &Place(format!("{}[{n}]", place.0))))
            .collect(),
        single => Ok(vec![one(single, place)?]),
    }
}
