//! The verdict of one document on one request.

use crate::context::Request;
use crate::model::{Effect, Policy, Principals, Statement, Version};
use crate::pattern::{self, glob};
use crate::principal::PrincipalMatch;

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

/// Judges a trust policy: may this caller do this with the role the document belongs to?
/// The request's resource is not looked at.
pub fn evaluate_trust(policy: &Policy, request: &Request<'_>) -> Decision {
    evaluate(policy, |statement| {
        let principals = statement.principals.as_ref()?;
        let through = named(principals, request)?;
        basics(policy, statement, request).then_some(Some(through))
    })
}

/// Judges a policy of a user or role: does it let its holder do this?
pub fn evaluate_identity(policy: &Policy, request: &Request<'_>) -> Decision {
    evaluate(policy, |statement| {
        let resources = statement.resources.as_ref()?;
        let variables = policy.version == Version::V2012;
        let any = resources.patterns.iter().any(|wanted| {
            pattern::compile(wanted, request.context, variables)
                .is_some_and(|pieces| pattern::matches(&pieces, request.resource))
        });
        let fits = any != resources.negated && basics(policy, statement, request);
        fits.then_some(None)
    })
}

/// A matching deny decides; else the closest matching allow (the first of equals).
fn evaluate(
    policy: &Policy,
    matching: impl Fn(&Statement) -> Option<Option<PrincipalMatch>>,
) -> Decision {
    let mut best: Option<(usize, Option<PrincipalMatch>)> = None;
    for (n, statement) in policy.statements.iter().enumerate() {
        let Some(through) = matching(statement) else {
            continue;
        };
        match statement.effect {
            Effect::Deny => return Decision::Denied { statement: n },
            Effect::Allow if best.is_none_or(|(_, known)| through > known) => {
                best = Some((n, through));
            }
            Effect::Allow => {}
        }
    }
    match best {
        Some((statement, through)) => Decision::Allowed { statement, through },
        None => Decision::NotAllowed,
    }
}

fn named(principals: &Principals, request: &Request<'_>) -> Option<PrincipalMatch> {
    let closest = principals
        .entries
        .iter()
        .filter_map(|entry| entry.names(request.caller))
        .max();
    if principals.negated {
        closest.is_none().then_some(PrincipalMatch::Anyone)
    } else {
        closest
    }
}

fn basics(policy: &Policy, statement: &Statement, request: &Request<'_>) -> bool {
    let action = request.action.to_ascii_lowercase();
    let any = statement
        .actions
        .patterns
        .iter()
        .any(|wanted| glob(&wanted.to_ascii_lowercase(), &action));
    let variables = policy.version == Version::V2012;
    any != statement.actions.negated
        && statement
            .conditions
            .iter()
            .all(|condition| condition.holds(request.context, variables))
}
