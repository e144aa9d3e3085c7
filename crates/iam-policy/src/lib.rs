//! The IAM policy language: parse, check, match, evaluate; and the policies we ask people to
//! paste into AWS.
//!
//! For role trust policies and identity policies. A pure crate: no clock, no network, no
//! state; what a request carries is handed over as a [`Context`].
//!
//! What it does not do: gather the policies that apply to a principal, or combine several
//! layers (service control policies, boundaries, session policies). It answers for one
//! document.
//!
//! Matching rules: AWS reference §6.1 and §6.3.

mod builders;
mod condition;
mod context;
mod evaluate;
mod model;
mod parse;
mod pattern;
mod principal;
mod tree;

pub use builders::{CONNECTOR_ACTIONS, connector_permissions, trust_policy};
pub use condition::{Condition, Operator, Quantifier, Test};
pub use context::{Caller, Context, Identity, Request};
pub use evaluate::{Decision, evaluate_identity, evaluate_trust};
pub use model::{Actions, Effect, Policy, Principals, Resources, Statement, Version};
pub use parse::{Kind, ParseError};
pub use pattern::glob;
pub use principal::{PrincipalEntry, PrincipalMatch};
