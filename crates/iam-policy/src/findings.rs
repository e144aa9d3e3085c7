//! What is wrong with a policy though its grammar is right: held against the table of services.
//!
//! An error is what AWS refuses. A warning is what AWS takes, and what then does not do what it
//! says: an action that does not exist, a condition that can never hold (`iam:UserName`, AWS
//! reference §6.4), a resource an action is never judged on.

use std::fmt;

use crate::condition::{Condition, Quantifier, Test};
use crate::document::{Document, Kind};
use crate::model::{Effect, Policy, Statement, Version};
use crate::pattern::{Part, Piece, glob, overlap_arns, parts, variable};
use crate::place::Path;
use crate::table::{self, Action, ValueType, same_key, table};
use crate::words;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// AWS refuses the document.
    Error,
    /// AWS takes it, and it does not do what it says.
    Warning,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What it is, in a word that does not change: `unknown_action`.
    pub code: &'static str,
    /// `Statement[0].Action[1]`
    pub place: String,
    /// Line and column, both from 1, where the text is known.
    pub position: Option<(usize, usize)>,
    /// As a sentence without its place.
    pub problem: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((line, column)) = self.position {
            write!(f, "line {line}, column {column}: ")?;
        }
        write!(f, "{}: {}", self.place, self.problem)
    }
}

impl Document {
    /// Everything that is wrong with it for this purpose, in the order of the document.
    pub fn findings(&self, kind: Kind) -> Vec<Finding> {
        let mut all = Vec::new();
        if let Err(error) = self.check(kind) {
            all.push(Finding {
                severity: Severity::Error,
                code: "unsuitable",
                place: error.place,
                position: error.position,
                problem: error.problem,
            });
        }
        for (path, code, problem) in look(self.policy()) {
            all.push(Finding {
                severity: Severity::Warning,
                code,
                position: Some(self.at(&path)),
                place: path.to_string(),
                problem,
            });
        }
        all.sort_by_key(|finding| finding.position);
        all
    }
}

type Found = (Path, &'static str, String);

fn look(policy: &Policy) -> Vec<Found> {
    let mut found = Vec::new();
    for (n, statement) in policy.statements.iter().enumerate() {
        let path = Path::statement(n);
        actions(statement, &path, &mut found);
        let asked = asked(statement);
        for condition in &statement.conditions {
            let here = path
                .clone()
                .member("Condition")
                .member(&condition.operator.to_string())
                .member(&condition.key);
            key(statement, condition, asked.as_deref(), &here, &mut found);
        }
        variables(policy, statement, &path, &mut found);
        resources(statement, asked.as_deref(), &path, &mut found);
    }
    found
}

fn element(negated: bool, name: &'static str) -> String {
    if negated {
        format!("Not{name}")
    } else {
        name.to_owned()
    }
}

fn actions(statement: &Statement, path: &Path, found: &mut Vec<Found>) {
    let element = element(statement.actions.negated, "Action");
    for (n, pattern) in statement.actions.patterns.iter().enumerate() {
        let Some((prefix, name)) = pattern.split_once(':').filter(|(p, _)| *p != "*") else {
            continue;
        };
        let here = || path.clone().member(&element).item(n);
        if !table().has_prefix(prefix) {
            let hint = words::hint(prefix, table().prefixes());
            let problem = format!("`{pattern}`: there is no service `{prefix}`{hint}");
            found.push((here(), "unknown_service", problem));
            continue;
        }
        let Some(service) = table().service(prefix) else {
            continue;
        };
        if service.matching(name).next().is_some() {
            continue;
        }
        let problem = if name.contains(['*', '?']) {
            format!("`{pattern}` matches no action of {}", service.name)
        } else {
            let hint = words::hint(pattern, service.actions().map(|a| a.name.as_str()));
            format!("`{pattern}`: {} has no such action{hint}", service.name)
        };
        found.push((here(), "unknown_action", problem));
    }
}

/// Every action a statement speaks of, if the table knows them all.
fn asked(statement: &Statement) -> Option<Vec<&'static Action>> {
    if statement.actions.negated {
        return None;
    }
    let mut all = Vec::new();
    for pattern in &statement.actions.patterns {
        let (prefix, name) = pattern.split_once(':')?;
        let service = table().service(prefix)?;
        all.extend(matching(service, name));
    }
    (!all.is_empty()).then_some(all)
}

fn matching(service: &'static table::Service, name: &str) -> Vec<&'static Action> {
    service
        .actions()
        .filter(|action| {
            let own = action.name.split_once(':').map_or("", |(_, name)| name);
            crate::pattern::glob_any_case(name, own)
        })
        .collect()
}

fn key(
    statement: &Statement,
    condition: &Condition,
    asked: Option<&[&'static Action]>,
    here: &Path,
    found: &mut Vec<Found>,
) {
    let key = &condition.key;
    let operator = condition.operator;
    let Some(kind) = table().key(key) else {
        if let Some(hint) = unknown_key(key) {
            let problem = format!("no request carries `{key}`: {}{hint}", without(condition));
            found.push((here.clone(), "unknown_key", problem));
        }
        return;
    };
    if let Some(asked) = asked.filter(|_| !table().is_global_key(key)) {
        let silent: Vec<&str> = asked
            .iter()
            .filter(|action| !carries(action, key))
            .map(|action| action.name.as_str())
            .collect();
        if silent.len() == asked.len() {
            let problem = format!(
                "none of the actions here is sent with `{key}`: {}",
                without(condition)
            );
            found.push((here.clone(), "key_never_sent", problem));
        } else if !silent.is_empty() && statement.effect == Effect::Allow && fails(condition) {
            let problem = format!(
                "`{key}` is not sent with {}: this statement never allows that",
                some_of(&silent)
            );
            found.push((here.clone(), "key_not_always_sent", problem));
        }
    }
    if !suits(operator.test, kind.value) {
        let problem = format!(
            "`{key}` holds {}, which {} does not compare",
            words_of(kind.value),
            operator.test.name()
        );
        found.push((here.clone(), "wrong_operator", problem));
    }
    if operator.test == Test::Null {
        return;
    }
    match operator.quantifier {
        Quantifier::Single if kind.many => {
            let problem = format!(
                "a request may carry several values of `{key}`: write ForAnyValue: or ForAllValues: before {}",
                operator.test.name()
            );
            found.push((here.clone(), "set_operator_missing", problem));
        }
        Quantifier::ForAll if !kind.many && statement.effect == Effect::Allow => {
            let problem = format!(
                "`{key}` has one value, and ForAllValues also holds where it is missing: leave the prefix out"
            );
            found.push((here.clone(), "set_operator_on_one_value", problem));
        }
        _ => {}
    }
}

/// A hint, if nobody can know this key; nothing where the table may just not have it.
fn unknown_key(key: &str) -> Option<String> {
    let (prefix, _) = key.split_once(':')?;
    if prefix.eq_ignore_ascii_case("aws") {
        let global = table::global_keys().filter(|known| !known.contains("${"));
        return Some(words::hint(key, global));
    }
    let service = table().service(prefix)?;
    Some(words::hint(key, service.keys().map(|(known, _)| known)))
}

/// What a condition does whose key is missing.
fn without(condition: &Condition) -> &'static str {
    let operator = condition.operator;
    if operator.test == Test::Null {
        return "so this test of its presence always comes out the same";
    }
    if fails(condition) {
        "this never holds, so the statement never applies"
    } else {
        "this always holds"
    }
}

fn fails(condition: &Condition) -> bool {
    let operator = condition.operator;
    let negated = operator.test.is_negated();
    operator.test != Test::Null
        && !operator.if_exists
        && match operator.quantifier {
            Quantifier::Single => !negated,
            Quantifier::ForAny => true,
            Quantifier::ForAll => false,
        }
}

fn carries(action: &Action, key: &str) -> bool {
    let service = action.name.split_once(':').map_or("", |(prefix, _)| prefix);
    action.keys.iter().any(|known| same_key(known, key))
        || action.resources.iter().any(|(kind, _)| {
            let resource = table()
                .service(service)
                .and_then(|service| service.resource(kind));
            resource.is_some_and(|resource| resource.keys.iter().any(|own| same_key(own, key)))
        })
}

fn suits(test: Test, value: ValueType) -> bool {
    let family = test.name();
    if family.starts_with("Numeric") {
        matches!(value, ValueType::Number | ValueType::Date)
    } else if family.starts_with("Date") {
        matches!(value, ValueType::Date | ValueType::Number)
    } else if family.starts_with("Arn") {
        value == ValueType::Arn
    } else if family.contains("IpAddress") {
        value == ValueType::Address
    } else if test == Test::Bool {
        value == ValueType::Bool
    } else {
        true
    }
}

fn words_of(value: ValueType) -> &'static str {
    match value {
        ValueType::Text => "text",
        ValueType::Arn => "an ARN",
        ValueType::Number => "a number",
        ValueType::Date => "a date",
        ValueType::Bool => "true or false",
        ValueType::Address => "an IP address",
    }
}

fn some_of(names: &[&str]) -> String {
    match names {
        [one] => (*one).to_owned(),
        [one, other] => format!("{one} and {other}"),
        [one, other, rest @ ..] => format!("{one}, {other} and {} more", rest.len()),
        [] => String::new(),
    }
}

/// Variables in an edition that has none, and variables of keys nobody sends.
fn variables(policy: &Policy, statement: &Statement, path: &Path, found: &mut Vec<Found>) {
    let mut look = |text: &str, here: &dyn Fn() -> Path| {
        for part in parts(text, true) {
            let Part::Variable(inside) = part else {
                continue;
            };
            if policy.version == Version::V2008 {
                let problem = format!(
                    "`${{{inside}}}` is plain text in edition 2008-10-17: write \"Version\": \"2012-10-17\""
                );
                found.push((here(), "variable_is_text", problem));
                return;
            }
            let (key, default) = variable(inside);
            let unknown = !matches!(inside, "*" | "?" | "$") && table().key(key).is_none();
            if unknown && let Some(hint) = unknown_key(key) {
                let outcome = match default {
                    Some(_) => "its default is always taken",
                    None => "this matches nothing",
                };
                let problem = format!("no request carries `{key}`: {outcome}{hint}");
                found.push((here(), "unknown_key", problem));
            }
        }
    };
    if let Some(resources) = &statement.resources {
        let element = element(resources.negated, "Resource");
        for (n, pattern) in resources.patterns.iter().enumerate() {
            look(pattern, &|| path.clone().member(&element).item(n));
        }
    }
    for condition in &statement.conditions {
        for (n, value) in condition.values.iter().enumerate() {
            look(value, &|| {
                path.clone()
                    .member("Condition")
                    .member(&condition.operator.to_string())
                    .member(&condition.key)
                    .item(n)
            });
        }
    }
}

/// Actions that are never judged on any of the resources a statement names.
fn resources(
    statement: &Statement,
    asked: Option<&[&'static Action]>,
    path: &Path,
    found: &mut Vec<Found>,
) {
    let Some(resources) = statement.resources.as_ref().filter(|on| !on.negated) else {
        return;
    };
    if statement.actions.negated || resources.patterns.iter().any(|pattern| pattern == "*") {
        return;
    }
    let open: Vec<Vec<Piece>> = resources.patterns.iter().map(|p| opened(p)).collect();
    let misses = |action: &Action| !judged_on(action, &resources.patterns, &open);
    if let Some(asked) = asked
        && asked.iter().all(|action| misses(action))
    {
        let problem = match asked {
            [one] => format!("this statement never applies: {}", why(one)),
            [one, ..] => format!(
                "this statement never applies: none of its actions is judged on these resources; {}",
                why(one)
            ),
            [] => return,
        };
        found.push((path.clone(), "never_applies", problem));
        return;
    }
    for (n, pattern) in statement.actions.patterns.iter().enumerate() {
        let Some((prefix, name)) = pattern.split_once(':') else {
            continue;
        };
        let Some(service) = table().service(prefix) else {
            continue;
        };
        let meant = matching(service, name);
        if let Some(first) = meant.first()
            && meant.iter().all(|action| misses(action))
        {
            let here = path.clone().member("Action").item(n);
            let problem = format!("`{pattern}` never applies here: {}", why(first));
            found.push((here, "resource_mismatch", problem));
        }
    }
}

fn why(action: &Action) -> String {
    if action.resources.is_empty() {
        return format!("{} is judged on `*` alone", action.name);
    }
    let prefix = action.name.split_once(':').map_or("", |(prefix, _)| prefix);
    let arns: Vec<&str> = action
        .resources
        .iter()
        .filter_map(|(kind, _)| {
            let service = table().service(prefix)?;
            Some(service.resource(kind)?.arn.as_str())
        })
        .collect();
    format!("{} is judged on {}", action.name, some_of(&arns))
}

fn judged_on(action: &Action, written: &[String], open: &[Vec<Piece>]) -> bool {
    if action.resources.is_empty() {
        return written.iter().any(|pattern| glob(pattern, "*"));
    }
    let prefix = action.name.split_once(':').map_or("", |(prefix, _)| prefix);
    action.resources.iter().any(|(kind, _)| {
        let resource = table()
            .service(prefix)
            .and_then(|service| service.resource(kind));
        // A kind the table does not describe may be anything.
        resource.is_none_or(|resource| {
            let own = opened(&resource.pattern());
            open.iter().any(|pattern| overlap_arns(pattern, &own))
        })
    })
}

/// A pattern whose variables may be anything.
fn opened(pattern: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for part in parts(pattern, true) {
        match part {
            Part::Variable(_) => pieces.push(Piece::Run),
            Part::Plain(plain) => pieces.extend(plain.chars().map(Piece::wild)),
        }
    }
    pieces
}
