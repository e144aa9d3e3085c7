//! What SimulatePrincipalPolicy and SimulateCustomPolicy answer (AWS reference §6.2 [M]).
//!
//! One result for each action, with the most restrictive decision over the resources; those
//! that were named have results of their own inside. Whose policies they are is not asked
//! here: the caller hands over the layers.

use std::collections::BTreeSet;

use crate::context::{Caller, Context, Request};
use crate::evaluate::about_action;
use crate::layers::{Layers, Source, judge};
use crate::model::Version;
use crate::pattern::{Part, parts, variable};
use crate::table::table;
use crate::verdict::{Because, Matched, Verdict};

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub struct Simulation<'a> {
    /// All policies that are to be looked at.
    pub layers: &'a Layers<'a>,
    /// As whom.
    pub caller: &'a Caller,
    /// `service:Name` each.
    pub actions: &'a [String],
    /// ARNs; none is the same as `*`.
    pub resources: &'a [String],
    /// The condition keys that were supplied.
    pub context: &'a Context,
}

/// The three answers of the simulation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EvalDecision {
    /// `allowed`
    Allowed,
    /// `implicitDeny`
    ImplicitDeny,
    /// `explicitDeny`
    ExplicitDeny,
}

impl EvalDecision {
    /// As it goes over the wire.
    pub fn word(self) -> &'static str {
        match self {
            EvalDecision::Allowed => "allowed",
            EvalDecision::ImplicitDeny => "implicitDeny",
            EvalDecision::ExplicitDeny => "explicitDeny",
        }
    }

    fn of(verdict: &Verdict) -> EvalDecision {
        match verdict.because {
            Because::Denied(_) => EvalDecision::ExplicitDeny,
            Because::NoAllow { .. } => EvalDecision::ImplicitDeny,
            _ => EvalDecision::Allowed,
        }
    }
}

/// The result for one action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evaluation {
    /// The action as it was asked.
    pub action: String,
    /// The ARN's template where resources were named, else `*`.
    pub resource: String,
    /// The most restrictive over the resources.
    pub decision: EvalDecision,
    /// Which statements had a say; of a denied action only those that deny.
    pub matched: Vec<Matched>,
    /// Condition keys the policies ask for and nobody supplied; where resources were named,
    /// with each of them instead.
    pub missing: Vec<String>,
    /// Whether the organization's policies let it pass; none if none apply.
    pub allowed_by_organization: Option<bool>,
    /// Whether the permissions boundary lets it pass; none without one.
    pub allowed_by_boundary: Option<bool>,
    /// One for each resource that was named.
    pub by_resource: Vec<PerResource>,
    /// Why, for people; AWS does not say.
    pub verdict: Verdict,
}

/// The result for one action on one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PerResource {
    /// Its ARN as it was asked.
    pub resource: String,
    /// The decision on it.
    pub decision: EvalDecision,
    /// Which statements had a say.
    pub matched: Vec<Matched>,
    /// Condition keys the policies ask for and nobody supplied.
    pub missing: Vec<String>,
    /// Whether the boundary lets it pass; none without one.
    pub allowed_by_boundary: Option<bool>,
}

/// Answers for every action, in the order they were asked.
pub fn simulate(asked: &Simulation<'_>) -> Vec<Evaluation> {
    asked
        .actions
        .iter()
        .map(|action| evaluation(asked, action))
        .collect()
}

fn evaluation(asked: &Simulation<'_>, action: &str) -> Evaluation {
    let on = |resource: &str| {
        judge(
            asked.layers,
            &Request {
                caller: asked.caller,
                action,
                resource,
                context: asked.context,
            },
        )
    };
    let missing = missing(asked, action);
    let named = !asked.resources.is_empty() && asked.resources != ["*"];
    if !named {
        let verdict = on("*");
        return Evaluation {
            action: action.to_owned(),
            resource: "*".to_owned(),
            decision: EvalDecision::of(&verdict),
            matched: verdict.matched.clone(),
            missing,
            allowed_by_organization: verdict.allowed_by_organization,
            allowed_by_boundary: verdict.allowed_by_boundary,
            by_resource: Vec::new(),
            verdict,
        };
    }
    let mut worst: Option<Verdict> = None;
    let mut by_resource = Vec::with_capacity(asked.resources.len());
    for resource in asked.resources {
        let verdict = on(resource);
        by_resource.push(PerResource {
            resource: resource.clone(),
            decision: EvalDecision::of(&verdict),
            matched: verdict.matched.clone(),
            missing: missing.clone(),
            allowed_by_boundary: verdict.allowed_by_boundary,
        });
        if worst
            .as_ref()
            .is_none_or(|known| verdict.severity() > known.severity())
        {
            worst = Some(verdict);
        }
    }
    let verdict = worst.unwrap_or_else(|| on("*"));
    Evaluation {
        action: action.to_owned(),
        resource: template(action).unwrap_or_else(|| "*".to_owned()),
        decision: EvalDecision::of(&verdict),
        matched: verdict.matched.clone(),
        missing: Vec::new(),
        allowed_by_organization: verdict.allowed_by_organization,
        allowed_by_boundary: verdict.allowed_by_boundary,
        by_resource,
        verdict,
    }
}

/// The template of the ARN an action is judged on.
fn template(action: &str) -> Option<String> {
    let known = table().action(action)?;
    let (prefix, _) = known.name.split_once(':')?;
    let (kind, _) = known.resources.first()?;
    Some(table().service(prefix)?.resource(kind)?.arn.clone())
}

/// The keys that statements about this action ask for and that were not supplied, as they are
/// written. Keys that only the organization's policies ask for count as well: they are
/// evaluated too (AWS reference §6.2).
fn missing(asked: &Simulation<'_>, action: &str) -> Vec<String> {
    let layers = asked.layers;
    let levels = layers
        .service_control
        .iter()
        .chain(&layers.resource_control);
    let sources = layers
        .identity
        .iter()
        .chain(&layers.boundary)
        .chain(layers.session.iter().flatten())
        .chain(levels.flat_map(|level| &level.policies))
        .chain(layers.resource.as_ref().map(|own| &own.source));
    let mut keys = BTreeSet::new();
    for source in sources {
        keys_of(source, action, &mut keys);
    }
    keys.retain(|key| asked.context.get(key).is_none());
    keys.into_iter().collect()
}

fn keys_of(source: &Source<'_>, action: &str, keys: &mut BTreeSet<String>) {
    let policy = source.policy();
    let variables = policy.version == Version::V2012;
    let of_text = |text: &str, keys: &mut BTreeSet<String>| {
        for part in parts(text, variables) {
            if let Part::Variable(inside) = part
                && !matches!(inside, "*" | "?" | "$")
            {
                keys.insert(variable(inside).0.to_owned());
            }
        }
    };
    for statement in &policy.statements {
        if !about_action(statement, action) {
            continue;
        }
        if let Some(resources) = &statement.resources {
            for pattern in &resources.patterns {
                of_text(pattern, keys);
            }
        }
        for condition in &statement.conditions {
            keys.insert(condition.key.clone());
            for value in &condition.values {
                of_text(value, keys);
            }
        }
    }
}
