//! Conditions: what a policy asks about a request or about a person, and a catalog about an
//! entitlement or a person, in Cedar.
//!
//! A [`Condition`] is the text somebody wrote, an expression that is true or false. It is
//! checked when it is saved ([`Compiled::of`]): every name against [`SCHEMA`], every type, and
//! whether what may be absent is asked for first. What passes always ends, and fails at most
//! by an overflow of numbers; whoever asks then decides as if the question had not been
//! answered ([`Compiled::holds`]).
//!
//! What it is asked about is a [`Scene`], or many things or people one after the other ([`Many`]),
//! made of plain facts. Nothing here knows where they come from.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr as _;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use cedar_policy::{
    Authorizer, Decision, Entities, EntityUid, Expression, ParseErrors, Policy, PolicySet, Request,
    Schema, ValidationMode, Validator,
};
use miette::Diagnostic;
use serde::{Deserialize, Serialize};

use crate::{GroupId, UserId};

mod many;
mod parts;
mod scene;
#[cfg(test)]
mod tests;

pub use many::Many;
use scene::Doubt;
pub use scene::{Circumstances, Person, Scene, Thing, is_zone};

/// Everything conditions may speak about, as Cedar writes schemas.
pub const SCHEMA: &str = include_str!("condition/schema.cedarschema");
/// The longest condition, in characters.
pub const LONGEST: usize = 2_000;

static CHECKED: LazyLock<Validator> = LazyLock::new(|| {
    let (schema, _) =
        Schema::from_cedarschema_str(SCHEMA).expect("the schema is a schema: a test reads it");
    Validator::new(schema)
});

/// A condition as somebody wrote it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Condition(String);

/// What a condition is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum About {
    /// Whether a rule of a policy applies to what is asked: `principal` is who asks.
    Rule,
    /// Whether somebody is an approver: `principal` is who might be.
    Candidate,
    /// Whether a catalog holds an entitlement: `resource` is the entitlement.
    Contents,
    /// Whether somebody sees a catalog: `principal` is the person.
    Audience,
}

/// Why a condition cannot be saved, and where in its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The line, from 1.
    pub line: usize,
    /// The character in it, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
}

/// A condition that was checked, ready to be asked.
#[derive(Debug, Clone)]
pub struct Compiled {
    about: About,
    set: Arc<PolicySet>,
    /// Of a condition over entitlements.
    parts: Arc<[parts::Part]>,
    groups: Vec<GroupId>,
    /// What it asks for that may not be known.
    asks: Doubt,
}

/// What was compiled of late, so that a text is read once and not at every question.
static COMPILED: LazyLock<Mutex<HashMap<(About, Condition), Compiled>>> =
    LazyLock::new(Mutex::default);
/// How many are kept. Where there are more, all are read anew.
const KEPT: usize = 4_096;

impl Condition {
    /// The text, without the room around it.
    pub fn new(text: &str) -> Self {
        // As a browser sends it, and as a file has it: one text.
        Self(text.trim().replace("\r\n", "\n"))
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "line {}, character {}: {}",
            self.line, self.column, self.message
        )
    }
}

impl About {
    const fn action(self) -> &'static str {
        match self {
            Self::Rule => "ask",
            Self::Candidate => "approve",
            Self::Contents => "hold",
            Self::Audience => "see",
        }
    }

    const fn example(self) -> &'static str {
        match self {
            Self::Rule => "context.minutes > 60",
            Self::Candidate | Self::Audience => {
                "principal has department && principal.department == \"Platform\""
            }
            Self::Contents => {
                "resource has permission_set && resource.permission_set like \"ReadOnly*\""
            }
        }
    }

    /// What stands before the text where it is made a policy of Cedar's.
    fn head(self) -> String {
        format!(
            "permit(principal, action == Action::\"{}\", resource) when {{ ",
            self.action()
        )
    }

    fn policy(self, text: &str) -> Result<Policy, ParseErrors> {
        Policy::parse(None, format!("{}{text}\n}};", self.head()))
    }

    fn uid(self) -> EntityUid {
        scene::uid("Action", self.action())
    }

    /// What few questions answer for many things; nothing where none is asked so.
    fn parts(self, policy: &Policy) -> Arc<[parts::Part]> {
        match self {
            Self::Contents => stacker::maybe_grow(STACK, STACK, || parts::parts(policy).into()),
            Self::Rule | Self::Candidate | Self::Audience => Arc::default(),
        }
    }
}

impl Compiled {
    /// Checks a condition for what it is to be asked for.
    ///
    /// Fails with everything that is wrong with it: what is no expression, names that are not in
    /// [`SCHEMA`], values of the wrong type, what may be absent and is not asked for with `has`.
    pub fn of(condition: &Condition, about: About) -> Result<Self, Vec<Fault>> {
        let text = condition.as_str();
        let whole = |message: String| {
            vec![Fault {
                line: 1,
                column: 1,
                message,
            }]
        };
        if text.is_empty() {
            return Err(whole(format!(
                "a condition says something: such as `{}`",
                about.example()
            )));
        }
        let length = text.chars().count();
        if length > LONGEST {
            return Err(whole(format!(
                "a condition has at most {LONGEST} characters, this one {length}"
            )));
        }
        if about == About::Contents && joined(text) > MOST_JOINED {
            return Err(whole(format!(
                "it joins too much: at most {MOST_JOINED} of `&&`, `||`, `+`, `-` and `*`; use `[\"a\", \"b\"].contains(…)`, or several conditions"
            )));
        }
        if nested(text) > DEEPEST {
            return Err(whole(format!(
                "it is nested too deeply: at most {DEEPEST} brackets and `if`s one in another"
            )));
        }
        // By itself first: what is put into a policy below must not reach out of its place.
        if let Err(errors) = Expression::from_str(text) {
            return Err(errors.iter().map(|why| fault(why, text, 0)).collect());
        }
        let head = about.head();
        let policy = about.policy(text).map_err(|errors| -> Vec<Fault> {
            (errors.iter().map(|why| fault(why, text, head.len()))).collect()
        })?;
        let mut groups: Vec<GroupId> = Vec::new();
        let mut faults = Vec::new();
        for uid in policy.entity_literals() {
            if uid.type_name().to_string() != "Group" {
                continue;
            }
            match uid.id().unescaped().parse() {
                Ok(id) => groups.push(id),
                Err(_) => faults.extend(whole(format!(
                    "{uid} is no group: a group is named by its id, Group::\"grp_…\""
                ))),
            }
        }
        let set = PolicySet::from_policies([policy.clone()]);
        let set = set.map_err(|why| whole(why.to_string()))?;
        let found = CHECKED.validate(&set, ValidationMode::Strict);
        faults.extend((found.validation_errors()).map(|why| fault(why, text, head.len())));
        faults.extend(
            (found.validation_warnings())
                .filter(|why| !is_constant(&why.to_string()))
                .map(|why| fault(why, text, head.len())),
        );
        if faults.is_empty() && !is_looked_at(text, about) {
            faults.extend(whole(
                "it is too long to be checked: say it in several rules".into(),
            ));
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        Ok(Self {
            about,
            set: Arc::new(set),
            // Only of what was found to be sound: it descends as deep as the text is.
            parts: about.parts(&policy),
            asks: parts::asks(&policy, text),
            groups,
        })
    }

    /// The same of one that was checked when it was saved.
    ///
    /// Fails with what Cedar says where the text was not saved by this program.
    pub fn saved(condition: &Condition, about: About) -> Result<Self, String> {
        let key = (about, condition.clone());
        let kept = || COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = kept().get(&key) {
            return Ok(found.clone());
        }
        let policy = about.policy(condition.as_str());
        let policy = policy.map_err(|errors| errors.to_string())?;
        let parts = about.parts(&policy);
        let asks = parts::asks(&policy, condition.as_str());
        let set = PolicySet::from_policies([policy]).map_err(|why| why.to_string())?;
        let compiled = Self {
            about,
            set: Arc::new(set),
            parts,
            asks,
            groups: Vec::new(),
        };
        let mut kept = kept();
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(key, compiled.clone());
        Ok(compiled)
    }

    /// Whether it asks for what is not known of this thing: where its account is in the organization,
    /// or the account's tags. It cannot be told then, and [`holds`](Self::holds) and its kin answer as
    /// of what is not true.
    pub fn leaves_open(&self, thing: &Thing) -> bool {
        self.asks.meets(thing.doubt())
    }

    /// The groups it names.
    pub fn groups(&self) -> &[GroupId] {
        &self.groups
    }

    /// Whether it is true of this. Fails with what Cedar says where it cannot be told.
    pub fn holds(&self, scene: &Scene) -> Result<bool, String> {
        self.told(scene)?;
        self.asked(scene.entities(), &scene.request(self.about)?)
    }

    /// Whether it is true with this person as `principal`, of those the scene knows.
    pub fn holds_of(&self, scene: &Scene, person: UserId) -> Result<bool, String> {
        self.told(scene)?;
        self.asked(scene.entities(), &scene.request_of(self.about, person)?)
    }

    /// Of each of these things, or people, in their order, whether it is true. Of whom or what it
    /// cannot be told, it is not.
    pub fn holds_of_each(&self, many: &Many) -> Vec<bool> {
        let asked = many.requests(self.about);
        asked
            .enumerate()
            .map(|(nth, request)| {
                let told = !self.asks.meets(many.doubt(nth));
                let asked = |request| self.asked(many.entities(), &request) == Ok(true);
                told && request.is_some_and(asked)
            })
            .collect()
    }

    /// Of each of these things of one connection, in their order, for each of these conditions over
    /// entitlements in theirs, whether it is true of it; as [`holds_of_each`](Self::holds_of_each),
    /// with fewer questions.
    ///
    /// Fails where facts contradict each other.
    pub fn hold_of_things(all: &[&Self], things: &[&Thing]) -> Result<Vec<Vec<bool>>, String> {
        parts::holds(all, things, false)
    }

    /// As [`hold_of_things`](Self::hold_of_things), but what asks for an organizational unit or a tag is taken
    /// to be true of what is on an account of which that is not known.
    ///
    /// Fails where facts contradict each other.
    pub fn may_hold_of_things(all: &[&Self], things: &[&Thing]) -> Result<Vec<Vec<bool>>, String> {
        parts::holds(all, things, true)
    }

    fn told(&self, scene: &Scene) -> Result<(), String> {
        let open = scene.doubt();
        if self.asks.units && open.units {
            return Err("it is not known where in its organization the account is".to_owned());
        }
        if self.asks.tags && open.tags {
            return Err("the tags of the account are not known: they were not read yet, or its connection does not read them".to_owned());
        }
        Ok(())
    }

    fn asked(&self, entities: &Entities, request: &Request) -> Result<bool, String> {
        asked(&self.set, entities, request)
    }
}

fn asked(set: &PolicySet, entities: &Entities, request: &Request) -> Result<bool, String> {
    let answer = Authorizer::new().is_authorized(request, set, entities);
    match answer.diagnostics().errors().next() {
        Some(why) => Err(said(&why.to_string())),
        None => Ok(answer.decision() == Decision::Allow),
    }
}

/// How deeply brackets and `if`s may be nested: what reads them descends as deeply.
const DEEPEST: usize = 20;

/// How much a condition over entitlements may join: it is taken apart, which descends once for each.
const MOST_JOINED: usize = 100;
/// The stack that takes, in bytes; a thread of its own would have as much at most.
const STACK: usize = 32 << 20;

/// How often it joins something, outside of texts.
fn joined(text: &str) -> usize {
    let (mut count, mut quoted, mut escaped, mut last) = (0usize, false, false, ' ');
    for c in text.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '&' | '|' if !quoted && last == c => count += 1,
            '+' | '-' | '*' if !quoted => count += 1,
            _ => {}
        }
        last = if last == c && matches!(c, '&' | '|') {
            ' '
        } else {
            c
        };
    }
    count
}

/// How deeply they are, at most: brackets outside of texts, and every `if`.
fn nested(text: &str) -> usize {
    let (mut open, mut deepest, mut quoted, mut escaped) = (0usize, 0, false, false);
    for c in text.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '(' | '[' | '{' if !quoted => {
                open += 1;
                deepest = deepest.max(open);
            }
            ')' | ']' | '}' if !quoted => open = open.saturating_sub(1),
            _ => {}
        }
    }
    let ifs = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| *word == "if");
    deepest + ifs.count()
}

/// Whether the validator looks at all of an expression. Where there is too little stack left for
/// one as deep as this it stops, and says nothing: something wrong behind it must then be found
/// missing.
fn is_looked_at(text: &str, about: About) -> bool {
    let behind = "principal.no_such_attribute == 1";
    let asked = format!("if ({text}\n) then {behind} else {behind}");
    let Ok(policy) = about.policy(&asked) else {
        return false;
    };
    let Ok(set) = PolicySet::from_policies([policy]) else {
        return false;
    };
    let found = CHECKED.validate(&set, ValidationMode::Strict);
    found
        .validation_errors()
        .any(|why| why.to_string().contains("no_such_attribute"))
}

/// Where in a text something first stands, for a fault about it; the beginning where it does not.
pub fn placed(text: &str, part: &str, message: String) -> Fault {
    let (line, column) = line_and_column(text, text.find(part).unwrap_or(0));
    Fault {
        line,
        column,
        message,
    }
}

fn line_and_column(text: &str, at: usize) -> (usize, usize) {
    let so_far = text.get(..at).unwrap_or_default();
    let line = so_far.matches('\n').count() + 1;
    let column = so_far.chars().rev().take_while(|c| *c != '\n').count() + 1;
    (line, column)
}

/// Cedar warns of a condition that is always false. A rule that never applies is found by who
/// checks the rules together, with its number.
fn is_constant(text: &str) -> bool {
    text.contains("impossible") || text.contains("always")
}

/// Without what Cedar says about the policy we put around it.
fn said(text: &str) -> String {
    let text = match text.strip_prefix("for policy `policy0`, ") {
        Some(rest) => rest,
        None => text,
    };
    text.replace("while evaluating policy `policy0`: ", "")
}

/// What Cedar found, placed in the text as its author sees it.
fn fault(why: &dyn Diagnostic, text: &str, before: usize) -> Fault {
    let at = (why.labels().into_iter().flatten())
        .map(|label| label.offset())
        .min()
        .unwrap_or(before)
        .saturating_sub(before)
        .min(text.len());
    // A label lies at a character's beginning; where it does not, the one before counts.
    let at = (0..=at)
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0);
    let (line, column) = line_and_column(text, at);
    let mut message = said(&why.to_string());
    if let Some(help) = why.help() {
        message = format!("{message}: {help}");
    }
    Fault {
        line,
        column,
        message,
    }
}
