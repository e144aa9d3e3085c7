//! The IAM policy language: parse, check, match, evaluate; and the policies we ask people to
//! paste into AWS.
//!
//! A pure crate: no clock, no network, no state; what a request carries is handed over as a
//! [`Context`], the policies that apply as [`Layers`].
//!
//! | to | use |
//! |---|---|
//! | read a document | [`Policy::parse`]; with places and size, [`Document::read`] |
//! | read what AWS says when it refuses | [`Denial::parse`] |
//! | see what is wrong with it | [`Document::findings`], against the [`table()`] of AWS's services |
//! | judge one document | [`evaluate_identity`], [`evaluate_trust`], [`evaluate_resource`] |
//! | judge a request by everything that applies | [`judge`], which says why: [`Verdict`] |
//! | answer as SimulatePrincipalPolicy does | [`simulate`] |
//!
//! What it does not do: find out which policies apply to whom, or what a request carries. VPC
//! endpoint policies and access control lists have no say here.
//!
//! Matching rules and the order of decision: AWS reference §6.

mod builders;
mod condition;
mod context;
mod denial;
mod document;
mod evaluate;
mod findings;
mod json;
mod layers;
mod model;
mod parse;
mod pattern;
mod place;
mod principal;
mod simulate;
mod table;
mod value;
mod verdict;
mod words;

pub use builders::{
    Features, IamScope, Own, Part, UserLife, Weight, connector_permissions, partition_of_region,
    trust_policy,
};
pub use condition::{Condition, Operator, Quantifier, Test};
pub use context::{Caller, Context, Identity, Request};
pub use denial::{Denial, Denied, DeniedKind, LONGEST_DENIAL, NotRead, Refused};
pub use document::{Document, Kind, Size};
pub use evaluate::{Decision, evaluate_identity, evaluate_resource, evaluate_trust};
pub use findings::{Finding, Severity};
pub use json::Position;
pub use layers::{
    Layers, Level as OrganizationLevel, Origin, ResourceKind, ResourcePolicy, Source, judge,
    judge_all,
};
pub use model::{Actions, Effect, Policy, Principals, Resources, Statement, Version};
pub use parse::ParseError;
pub use pattern::glob;
pub use principal::{PrincipalEntry, PrincipalMatch};
pub use simulate::{EvalDecision, Evaluation, PerResource, Simulation, simulate};
pub use table::{
    Action as KnownAction, KeyType, Level as AccessLevel, Resource as KnownResource,
    Service as KnownService, Table, ValueType, table,
};
pub use verdict::{Because, Layer, Matched, Verdict};
