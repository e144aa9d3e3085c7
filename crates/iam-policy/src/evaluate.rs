//! The verdict of one document on one request.

use crate::context::Request;
use crate::model::{Effect, Policy, Statement, Version};
use crate::pattern::{glob_any_case, resource_fits};
use crate::principal::{PrincipalEntry, PrincipalMatch};

/// What a document says about a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// A statement allows it and none denies it.
    Allowed {
        /// The deciding statement, from 0.
        statement: usize,
        /// How it names the caller; none for policies without principals.
        through: Option<PrincipalMatch>,
    },
    /// A statement denies it, whatever else allows it.
    Denied {
        /// The deciding statement, from 0.
        statement: usize,
    },
    /// Nothing in the document speaks of it.
    NotAllowed,
}

impl Decision {
    /// Whether the answer is yes.
    pub fn is_allowed(self) -> bool {
        matches!(self, Decision::Allowed { .. })
    }
}

/// Which elements of a statement are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum View {
    /// Action, resource, conditions: policies of principals, boundaries, sessions and SCPs.
    Identity,
    /// Principal, action, conditions: the resource is the role itself.
    Trust,
    /// Principal, action, resource, conditions.
    Resource,
}

/// A statement that speaks of the request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hit {
    pub(crate) statement: usize,
    pub(crate) effect: Effect,
    pub(crate) through: Option<PrincipalMatch>,
}

/// Judges a trust policy: may this caller do this with the role the document belongs to?
/// The request's resource is not looked at.
pub fn evaluate_trust(policy: &Policy, request: &Request<'_>) -> Decision {
    decide(hits(policy, request, View::Trust))
}

/// Judges a policy of a user or role: does it let its holder do this?
pub fn evaluate_identity(policy: &Policy, request: &Request<'_>) -> Decision {
    decide(hits(policy, request, View::Identity))
}

/// Judges the policy of a resource: may this caller do this with it?
pub fn evaluate_resource(policy: &Policy, request: &Request<'_>) -> Decision {
    decide(hits(policy, request, View::Resource))
}

/// The statements that match.
pub(crate) fn hits<'a>(
    policy: &'a Policy,
    request: &'a Request<'_>,
    view: View,
) -> impl Iterator<Item = Hit> + 'a {
    let variables = policy.version == Version::V2012;
    policy
        .statements
        .iter()
        .enumerate()
        .filter_map(move |(n, statement)| {
            if !about_action(statement, request.action) {
                return None;
            }
            let through = match view {
                View::Identity => None,
                View::Trust | View::Resource => Some(named(statement, request)?),
            };
            if view != View::Trust && !about_resource(statement, request, variables) {
                return None;
            }
            let holds = statement
                .conditions
                .iter()
                .all(|condition| condition.holds(request.context, variables));
            holds.then_some(Hit {
                statement: n,
                effect: statement.effect,
                through,
            })
        })
}

/// A matching deny decides; else the closest matching allow (the first of equals).
fn decide(hits: impl Iterator<Item = Hit>) -> Decision {
    let mut best: Option<Hit> = None;
    for hit in hits {
        match hit.effect {
            Effect::Deny => {
                return Decision::Denied {
                    statement: hit.statement,
                };
            }
            Effect::Allow if best.is_none_or(|known| hit.through > known.through) => {
                best = Some(hit);
            }
            Effect::Allow => {}
        }
    }
    match best {
        Some(hit) => Decision::Allowed {
            statement: hit.statement,
            through: hit.through,
        },
        None => Decision::NotAllowed,
    }
}

/// How a statement names the caller. Who is not named by `NotPrincipal` is meant by it.
fn named(statement: &Statement, request: &Request<'_>) -> Option<PrincipalMatch> {
    let principals = statement.principals.as_ref()?;
    let entries = &principals.entries;
    let closest = entries
        .iter()
        .filter_map(|entry| entry.names(request.caller))
        .max();
    if principals.negated {
        return closest.is_none().then_some(PrincipalMatch::Anyone);
    }
    // An AWS service is let in by its name only, and kept out by `*` with everybody else.
    let kept_out = statement.effect == Effect::Deny && entries.contains(&PrincipalEntry::Anyone);
    closest.or(kept_out.then_some(PrincipalMatch::Anyone))
}

pub(crate) fn about_action(statement: &Statement, action: &str) -> bool {
    let any = statement
        .actions
        .patterns
        .iter()
        .any(|wanted| glob_any_case(wanted, action));
    any != statement.actions.negated
}

fn about_resource(statement: &Statement, request: &Request<'_>, variables: bool) -> bool {
    let Some(resources) = &statement.resources else {
        return false;
    };
    let any = resources
        .patterns
        .iter()
        .any(|wanted| resource_fits(wanted, request.resource, request.context, variables));
    any != resources.negated
}
