//! The outcome of a judgement, and why.

use std::fmt;

use crate::json::Position;
use crate::layers::Origin;

/// A kind of policy that has a say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    /// Service control policies.
    ServiceControl,
    /// Resource control policies.
    ResourceControl,
    /// The policy of the resource.
    Resource,
    /// The trust policy of the role.
    Trust,
    /// The policies of the user, its groups, or the role.
    Identity,
    /// The permissions boundary.
    Boundary,
    /// The session policies.
    Session,
}

impl Layer {
    /// As AWS calls it.
    pub fn name(self) -> &'static str {
        match self {
            Layer::ServiceControl => "service control policy",
            Layer::ResourceControl => "resource control policy",
            Layer::Resource => "resource-based policy",
            Layer::Trust => "role trust policy",
            Layer::Identity => "identity-based policy",
            Layer::Boundary => "permissions boundary",
            Layer::Session => "session policy",
        }
    }

    fn with_article(self) -> String {
        let article = match self {
            Layer::Trust => "the",
            Layer::Identity => "an",
            _ => "a",
        };
        format!("{article} {}", self.name())
    }

    /// Whether it belongs to the organization and not to an account.
    pub(crate) fn is_rail(self) -> bool {
        matches!(self, Layer::ServiceControl | Layer::ResourceControl)
    }
}

/// One statement that had a say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matched {
    /// What kind of policy it stands in.
    pub layer: Layer,
    /// The policy's name or ARN.
    pub policy: String,
    /// Where the policy hangs.
    pub origin: Origin,
    /// From 0.
    pub statement: usize,
    /// Its name, if it has one.
    pub sid: Option<String>,
    /// From where to where it stands, if the policy's text is known.
    pub span: Option<(Position, Position)>,
}

impl fmt::Display for Matched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "statement {}", self.statement + 1)?;
        if let Some(sid) = &self.sid {
            write!(f, " (`{sid}`)")?;
        }
        write!(f, " of `{}`, {}", self.policy, self.layer.with_article())
    }
}

/// Why a request is allowed or refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Because {
    /// This statement allows it, and nothing stands against it.
    Allowed(Matched),
    /// The account's root may do it, and nothing stands against it.
    Root,
    /// Anybody may do this, whatever policies say.
    NoPermissionNeeded,
    /// This statement denies it.
    Denied(Matched),
    /// Nothing of this kind allows it.
    NoAllow {
        /// Of which kind.
        layer: Layer,
        /// At which level of the organization.
        at: Option<String>,
    },
}

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The outcome.
    pub because: Because,
    /// The deny of an account's own policies; else every allow of the caller's and the
    /// resource's policies. What the Simulate calls list (AWS reference §6.2): service control
    /// policies are never in it.
    pub matched: Vec<Matched>,
    /// Whether the organization's policies let it pass; none if none apply.
    pub allowed_by_organization: Option<bool>,
    /// Whether the boundary lets it pass; none without one.
    pub allowed_by_boundary: Option<bool>,
}

impl Verdict {
    pub(crate) fn plain(because: Because) -> Verdict {
        Verdict {
            because,
            matched: Vec::new(),
            allowed_by_organization: None,
            allowed_by_boundary: None,
        }
    }

    /// Whether the answer is yes.
    pub fn is_allowed(&self) -> bool {
        matches!(
            self.because,
            Because::Allowed(_) | Because::Root | Because::NoPermissionNeeded
        )
    }

    /// Whether a statement denies it; otherwise a refusal only lacks an allow.
    pub fn is_explicit_deny(&self) -> bool {
        matches!(self.because, Because::Denied(_))
    }

    /// Explicit deny over implicit deny over allow.
    pub(crate) fn severity(&self) -> u8 {
        match &self.because {
            Because::Denied(_) => 2,
            Because::NoAllow { .. } => 1,
            Because::Allowed(_) | Because::Root | Because::NoPermissionNeeded => 0,
        }
    }

    /// The clause AWS ends a refusal with (IAM user guide, *Troubleshoot access denied error
    /// messages* [D]); nothing for what is allowed. The older edition of that page has service
    /// control policies always deny explicitly; this is how they word it since [K].
    pub fn refusal(&self, action: &str) -> Option<String> {
        match &self.because {
            Because::Denied(deny) => Some(format!(
                "with an explicit deny in {}",
                deny.layer.with_article()
            )),
            Because::NoAllow { layer, .. } => Some(format!(
                "because no {} allows the {action} action",
                layer.name()
            )),
            _ => None,
        }
    }

    /// AWS's whole message; nothing for what is allowed.
    pub fn message(&self, caller: &str, action: &str, resource: &str) -> Option<String> {
        let refusal = self.refusal(action)?;
        Some(format!(
            "User: {caller} is not authorized to perform: {action} on resource: {resource} {refusal}"
        ))
    }
}

/// For people: which statement of which policy, or which kind of policy is silent.
impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.because {
            Because::Allowed(by) => write!(f, "allowed by {by}"),
            Because::Root => f.write_str("allowed: the account's root may do everything"),
            Because::NoPermissionNeeded => f.write_str("allowed: anybody may do this"),
            Because::Denied(by) => write!(f, "denied by {by}"),
            Because::NoAllow {
                layer,
                at: Some(level),
            } => write!(f, "refused: no {} at {level} allows it", layer.name()),
            Because::NoAllow { layer, at: None } => {
                write!(f, "refused: no {} allows it", layer.name())
            }
        }
    }
}
