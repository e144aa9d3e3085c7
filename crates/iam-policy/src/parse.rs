//! Reading a policy document, with errors that point at the place.

use std::collections::BTreeSet;
use std::fmt;

use crate::condition::{Condition, Operator};
use crate::json::{Json, Member, Node, Position};
use crate::model::{Actions, Effect, Policy, Principals, Resources, Statement, Version};
use crate::place::Place;
use crate::principal::PrincipalEntry;
use crate::words;

/// Why a text is no policy, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ParseError {
    /// `Statement[0].Condition.StringEquals`, or empty for the document as a whole.
    pub place: String,
    /// Line and column, both from 1. Missing only where a policy was judged that never was a
    /// text.
    pub position: Option<(usize, usize)>,
    /// What is wrong there, as a sentence without its place.
    pub problem: String,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((line, column)) = self.position {
            write!(f, "line {line}, column {column}: ")?;
        }
        if !self.place.is_empty() {
            write!(f, "{}: ", self.place)?;
        }
        f.write_str(&self.problem)
    }
}

impl Policy {
    /// Reads a document. The grammar is checked, also every operator and value; whether the
    /// statements suit their purpose is [`Policy::check`].
    pub fn parse(text: &str) -> Result<Policy, ParseError> {
        policy_of(&tree_of(text)?)
    }
}

pub(crate) fn tree_of(text: &str) -> Result<Node, ParseError> {
    Node::read(text).map_err(|broken| ParseError {
        place: String::new(),
        position: Some((broken.at.line, broken.at.column)),
        problem: broken.problem,
    })
}

fn wrong(at: Position, place: &Place<'_>, problem: impl Into<String>) -> ParseError {
    ParseError {
        place: place.to_string(),
        position: Some((at.line, at.column)),
        problem: problem.into(),
    }
}

fn object<'a>(node: &'a Node, place: &Place<'_>) -> Result<&'a [Member], ParseError> {
    match &node.value {
        Json::Object(members) => Ok(members),
        other => Err(wrong(
            node.from,
            place,
            format!("expected an object, found {}", other.kind()),
        )),
    }
}

fn text(node: &Node, place: &Place<'_>) -> Result<String, ParseError> {
    match &node.value {
        Json::Text(text) => Ok(text.clone()),
        other => Err(wrong(
            node.from,
            place,
            format!("expected a text, found {}", other.kind()),
        )),
    }
}

/// Each of a list of at least one, or the one thing that stands alone.
fn each<T>(
    node: &Node,
    place: &Place<'_>,
    read: impl Fn(&Node, &Place<'_>) -> Result<T, ParseError>,
) -> Result<Vec<T>, ParseError> {
    match &node.value {
        Json::List(items) if items.is_empty() => Err(wrong(node.from, place, "the list is empty")),
        Json::List(items) => items
            .iter()
            .enumerate()
            .map(|(n, item)| read(item, &place.item(n)))
            .collect(),
        _ => Ok(vec![read(node, place)?]),
    }
}

const ELEMENTS: [&str; 3] = ["Version", "Id", "Statement"];

const PARTS: [&str; 9] = [
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
];

pub(crate) fn policy_of(root: &Node) -> Result<Policy, ParseError> {
    let place = Place::ROOT;
    let mut version = Version::V2008;
    let mut id = None;
    let mut statements = None;
    for Member { name, at, node } in object(root, &place)? {
        let here = place.member(name);
        match name.as_str() {
            "Version" => {
                version = match text(node, &here)?.as_str() {
                    "2012-10-17" => Version::V2012,
                    "2008-10-17" => Version::V2008,
                    other => {
                        return Err(wrong(
                            node.from,
                            &here,
                            format!("`{other}` is no edition of the language: write 2012-10-17"),
                        ));
                    }
                };
            }
            "Id" => id = Some(text(node, &here)?),
            "Statement" => {
                if matches!(&node.value, Json::List(items) if items.is_empty()) {
                    let problem = "a policy has at least one statement";
                    return Err(wrong(node.from, &here, problem));
                }
                statements = Some(each(node, &here, statement)?);
                unique(node, &here, statements.as_deref().unwrap_or_default())?;
            }
            other => {
                let hint = words::hint(other, ELEMENTS);
                let problem = format!("a policy has Version, Id and Statement only{hint}");
                return Err(wrong(*at, &here, problem));
            }
        }
    }
    let missing = || wrong(root.from, &place, "Statement is missing");
    Ok(Policy {
        version,
        id,
        statements: statements.ok_or_else(missing)?,
    })
}

/// No two statements of one name.
fn unique(node: &Node, place: &Place<'_>, statements: &[Statement]) -> Result<(), ParseError> {
    let mut sids: BTreeSet<&str> = BTreeSet::new();
    for (n, statement) in statements.iter().enumerate() {
        let Some(sid) = statement.sid.as_deref() else {
            continue;
        };
        if !sids.insert(sid) {
            let path = crate::place::Path::default().item(n).member("Sid");
            let (_, at) = path.find(node);
            let here = place.item(n);
            let here = here.member("Sid");
            return Err(wrong(at, &here, format!("`{sid}` is used twice")));
        }
    }
    Ok(())
}

fn statement(node: &Node, place: &Place<'_>) -> Result<Statement, ParseError> {
    let mut sid = None;
    let mut effect = None;
    let mut principals = None;
    let mut actions = None;
    let mut resources = None;
    let mut conditions = Vec::new();
    for Member { name, at, node } in object(node, place)? {
        let here = place.member(name);
        let negated = name.starts_with("Not");
        let both = |what: &str| {
            let problem = format!("{what} and Not{what} exclude each other");
            wrong(*at, &here, problem)
        };
        match name.as_str() {
            "Sid" => sid = Some(text(node, &here)?).filter(|sid| !sid.is_empty()),
            "Effect" => {
                effect = Some(match text(node, &here)?.as_str() {
                    "Allow" => Effect::Allow,
                    "Deny" => Effect::Deny,
                    other => {
                        let problem = format!("`{other}` is neither Allow nor Deny");
                        return Err(wrong(node.from, &here, problem));
                    }
                });
            }
            "Principal" | "NotPrincipal" => {
                let entries = principal(node, &here)?;
                let found = Principals { negated, entries };
                if principals.replace(found).is_some() {
                    return Err(both("Principal"));
                }
            }
            "Action" | "NotAction" => {
                let patterns = each(node, &here, |node, place| pattern(node, place, action))?;
                if actions.replace(Actions { negated, patterns }).is_some() {
                    return Err(both("Action"));
                }
            }
            "Resource" | "NotResource" => {
                let patterns = each(node, &here, |node, place| pattern(node, place, resource))?;
                if resources.replace(Resources { negated, patterns }).is_some() {
                    return Err(both("Resource"));
                }
            }
            "Condition" => conditions = condition_block(node, &here)?,
            other => {
                let hint = words::hint(other, PARTS);
                let problem = format!("a statement has no such element{hint}");
                return Err(wrong(*at, &here, problem));
            }
        }
    }
    let missing = |what: &str| wrong(node.from, place, format!("{what} is missing"));
    Ok(Statement {
        sid,
        effect: effect.ok_or_else(|| missing("Effect"))?,
        principals,
        actions: actions.ok_or_else(|| missing("Action"))?,
        resources,
        conditions,
    })
}

fn pattern(
    node: &Node,
    place: &Place<'_>,
    check: fn(&str) -> Result<(), String>,
) -> Result<String, ParseError> {
    let text = text(node, place)?;
    check(&text).map_err(|problem| wrong(node.from, place, problem))?;
    Ok(text)
}

/// `service:Name`; wildcards in the name, and in the service only as a lone `*` for all
/// (AWS reference §6.3).
fn action(pattern: &str) -> Result<(), String> {
    if pattern == "*" {
        return Ok(());
    }
    let fine = pattern.split_once(':').is_some_and(|(service, name)| {
        let letters = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        !service.is_empty()
            && (service == "*" || service.bytes().all(letters))
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
    if pattern == "*" {
        return Ok(());
    }
    let parts: Vec<&str> = pattern.splitn(6, ':').collect();
    let ["arn", partition, service, ..] = parts.as_slice() else {
        return Err(format!(
            "`{pattern}` is no resource: write a whole ARN or *"
        ));
    };
    if parts.len() < 6 {
        return Err(format!(
            "`{pattern}` is no resource: an ARN has six parts with colons between them, this has {}; write a whole ARN or *",
            parts.len()
        ));
    }
    if service.contains(['*', '?', '$']) {
        return Err(format!(
            "`{pattern}`: the service in an ARN (`{service}`) must be written out"
        ));
    }
    let known = partition.is_empty()
        || partition.contains(['*', '?'])
        || *partition == "aws"
        || partition.starts_with("aws-");
    if !known {
        return Err(format!(
            "`{pattern}`: there is no partition `{partition}`; it is aws, aws-cn or aws-us-gov"
        ));
    }
    Ok(())
}

fn principal(node: &Node, place: &Place<'_>) -> Result<Vec<PrincipalEntry>, ParseError> {
    if let Json::Text(all) = &node.value {
        if all == "*" {
            return Ok(vec![PrincipalEntry::Anyone]);
        }
        let problem = format!("`{all}`: only * may stand alone; write {{\"AWS\": \"{all}\"}}");
        return Err(wrong(node.from, place, problem));
    }
    let mut entries = Vec::new();
    for Member { name, at, node } in object(node, place)? {
        let here = place.member(name);
        let read: fn(&str) -> Result<PrincipalEntry, String> = match name.as_str() {
            "AWS" => PrincipalEntry::aws,
            "Service" => PrincipalEntry::service,
            "Federated" => |text| Ok(PrincipalEntry::Federated(text.to_owned())),
            "CanonicalUser" => |text| Ok(PrincipalEntry::CanonicalUser(text.to_owned())),
            _ => {
                let problem = "no such kind of principal: there are AWS, Service, Federated and CanonicalUser";
                return Err(wrong(*at, &here, problem));
            }
        };
        entries.extend(each(node, &here, |node, place| {
            let text = text(node, place)?;
            read(&text).map_err(|problem| wrong(node.from, place, problem))
        })?);
    }
    if entries.is_empty() {
        return Err(wrong(node.from, place, "names nobody"));
    }
    Ok(entries)
}

fn condition_block(node: &Node, place: &Place<'_>) -> Result<Vec<Condition>, ParseError> {
    let mut conditions = Vec::new();
    for Member { name, at, node } in object(node, place)? {
        let here = place.member(name);
        let operator = Operator::read(name).map_err(|problem| wrong(*at, &here, problem))?;
        let mut keys: BTreeSet<String> = BTreeSet::new();
        for Member {
            name: key,
            at,
            node,
        } in object(node, &here)?
        {
            let here = here.member(key);
            let prefixed = key
                .split_once(':')
                .is_some_and(|(prefix, rest)| !prefix.is_empty() && !rest.is_empty());
            if !prefixed {
                let problem = "a condition key is written prefix:Name, such as sts:ExternalId";
                return Err(wrong(*at, &here, problem));
            }
            if !keys.insert(key.to_ascii_lowercase()) {
                let problem = "is written twice: key names have no case";
                return Err(wrong(*at, &here, problem));
            }
            // A positive operator over no value never holds, a negated one always: `each`
            // refuses the slip.
            let values = each(node, &here, |node, place| {
                let value = value(node, place)?;
                let fits = operator.test.accepts(&value);
                fits.map_err(|problem| wrong(node.from, place, problem))?;
                Ok(value)
            })?;
            conditions.push(Condition {
                operator,
                key: key.clone(),
                values,
            });
        }
    }
    Ok(conditions)
}

/// Condition values may also be written as numbers and as true and false.
fn value(node: &Node, place: &Place<'_>) -> Result<String, ParseError> {
    match &node.value {
        Json::Text(text) | Json::Number(text) => Ok(text.clone()),
        Json::Bool(value) => Ok(value.to_string()),
        other => Err(wrong(
            node.from,
            place,
            format!("expected a value, found {}", other.kind()),
        )),
    }
}
