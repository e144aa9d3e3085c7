//! Everything that applies to one request, and what comes of it all together.
//!
//! The order is AWS's (AWS reference §6.1 [D], IAM user guide *Policy evaluation logic* [D]):
//! an explicit deny anywhere; the guard rails of the organization; the resource's own policy;
//! the caller's policies; the boundary; the session.

use crate::context::{Identity, Request};
use crate::document::Document;
use crate::evaluate::{Hit, View, hits};
use crate::json::Position;
use crate::model::{Effect, Policy};
use crate::principal::PrincipalMatch;
use crate::table;
use crate::verdict::{Because, Layer, Matched, Verdict};

/// Where a policy hangs, in the words of the Simulate calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Inline in a user.
    User,
    /// Inline in a group.
    Group,
    /// Inline in a role.
    Role,
    /// Managed by AWS.
    AwsManaged,
    /// Managed by the customer.
    UserManaged,
    /// A resource's own.
    Resource,
    /// None of these: handed over with the question.
    None,
}

impl Origin {
    /// `user`, `aws-managed`, …
    pub fn word(self) -> &'static str {
        match self {
            Origin::User => "user",
            Origin::Group => "group",
            Origin::Role => "role",
            Origin::AwsManaged => "aws-managed",
            Origin::UserManaged => "user-managed",
            Origin::Resource => "resource",
            Origin::None => "none",
        }
    }
}

/// One policy that applies.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// Its name or ARN, for the reason that is given.
    pub name: &'a str,
    /// Where it hangs.
    pub origin: Origin,
    policy: &'a Policy,
    document: Option<&'a Document>,
}

impl<'a> Source<'a> {
    /// A policy that is known as data.
    pub fn of(name: &'a str, origin: Origin, policy: &'a Policy) -> Source<'a> {
        Source {
            name,
            origin,
            policy,
            document: None,
        }
    }

    /// A policy that is known as text: the reason then says where in it.
    pub fn written(name: &'a str, origin: Origin, document: &'a Document) -> Source<'a> {
        Source {
            name,
            origin,
            policy: document.policy(),
            document: Some(document),
        }
    }

    /// What it says.
    pub fn policy(&self) -> &'a Policy {
        self.policy
    }

    fn span(&self, statement: usize) -> Option<(Position, Position)> {
        self.document.map(|document| document.span(statement))
    }
}

/// The policies attached at one level: the root of an organization, one of its units, or the
/// account itself. At least one of them has to allow.
#[derive(Debug, Clone)]
pub struct Level<'a> {
    /// The id or name of the root, unit or account.
    pub name: &'a str,
    /// What is attached there.
    pub policies: Vec<Source<'a>>,
}

/// Whether a resource's own policy has to allow although the caller's policies do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResourceKind {
    /// A queue, a bucket and the like: in one account either policy is enough.
    Ordinary,
    /// A KMS key: its policy must allow.
    Key,
    /// A role that is to be assumed: its trust policy must allow.
    Role,
}

/// The policy of the resource a request is about.
#[derive(Debug, Clone, Copy)]
pub struct ResourcePolicy<'a> {
    /// The policy.
    pub source: Source<'a>,
    /// Whose.
    pub kind: ResourceKind,
}

/// All policies that apply to one request.
#[derive(Debug, Clone, Default)]
pub struct Layers<'a> {
    /// Of the user and its groups, or of the role.
    pub identity: Vec<Source<'a>>,
    /// The permissions boundary of the user or role.
    pub boundary: Option<Source<'a>>,
    /// The session policies; none if the session was opened without.
    pub session: Option<Vec<Source<'a>>>,
    /// Service control policies of the caller's account, from the root down to the account.
    /// Empty: none apply.
    pub service_control: Vec<Level<'a>>,
    /// Resource control policies of the resource's account. Empty: none apply.
    pub resource_control: Vec<Level<'a>>,
    /// The resource's own policy, if it has one.
    pub resource: Option<ResourcePolicy<'a>>,
    /// Whose resource it is; none: the caller's own account's.
    pub resource_account: Option<&'a str>,
    /// The organization's management account: service control policies restrict none of its
    /// principals, resource control policies none of its resources.
    pub management_account: Option<&'a str>,
    /// Whether the caller is a session of a service-linked role, which neither restricts.
    pub service_linked: bool,
}

/// What one layer says.
#[derive(Default)]
struct Found<'a> {
    deny: Option<(Source<'a>, Hit)>,
    allows: Vec<(Source<'a>, Hit)>,
}

impl<'a> Found<'a> {
    fn of<'p>(
        sources: impl IntoIterator<Item = &'p Source<'a>>,
        request: &Request<'_>,
        view: View,
    ) -> Found<'a>
    where
        'a: 'p,
    {
        let mut found = Found::default();
        for source in sources {
            for hit in hits(source.policy, request, view) {
                match hit.effect {
                    Effect::Deny if found.deny.is_none() => found.deny = Some((*source, hit)),
                    Effect::Deny => {}
                    Effect::Allow => found.allows.push((*source, hit)),
                }
            }
        }
        found
    }

    fn allows(&self) -> bool {
        !self.allows.is_empty()
    }

    /// The allow that names the caller most closely.
    fn closest(&self) -> Option<(Source<'a>, Hit)> {
        let mut best: Option<(Source<'a>, Hit)> = None;
        for (source, hit) in &self.allows {
            if best.is_none_or(|(_, known)| hit.through > known.through) {
                best = Some((*source, *hit));
            }
        }
        best
    }
}

fn matched(layer: Layer, (source, hit): (Source<'_>, Hit)) -> Matched {
    let statement = source.policy.statements.get(hit.statement);
    Matched {
        layer,
        policy: source.name.to_owned(),
        origin: source.origin,
        statement: hit.statement,
        sid: statement.and_then(|statement| statement.sid.clone()),
        span: source.span(hit.statement),
    }
}

/// One row of levels, each of which has to allow.
struct Rail<'a> {
    layer: Layer,
    found: Vec<(&'a str, Found<'a>)>,
}

impl<'a> Rail<'a> {
    fn of(layer: Layer, levels: &[Level<'a>], request: &Request<'_>, view: View) -> Rail<'a> {
        Rail {
            layer,
            found: levels
                .iter()
                .map(|level| (level.name, Found::of(&level.policies, request, view)))
                .collect(),
        }
    }

    fn deny(&self) -> Option<Matched> {
        let deny = self.found.iter().find_map(|(_, found)| found.deny)?;
        Some(matched(self.layer, deny))
    }

    /// The first level that does not allow.
    fn gap(&self) -> Option<Because> {
        let (name, _) = self.found.iter().find(|(_, found)| !found.allows())?;
        Some(Because::NoAllow {
            layer: self.layer,
            at: Some((*name).to_owned()),
        })
    }

    fn allows(&self) -> Option<bool> {
        (!self.found.is_empty()).then(|| self.deny().is_none() && self.gap().is_none())
    }
}

/// Judges a request about several resources: all of them have to be allowed (AWS reference
/// §6.3 [S]). The most restrictive answer is given.
pub fn judge_all(layers: &Layers<'_>, request: &Request<'_>, resources: &[&str]) -> Verdict {
    let mut worst: Option<Verdict> = None;
    for resource in resources {
        let verdict = judge(
            layers,
            &Request {
                resource,
                ..*request
            },
        );
        if worst
            .as_ref()
            .is_none_or(|known| verdict.severity() > known.severity())
        {
            worst = Some(verdict);
        }
    }
    worst.unwrap_or_else(|| judge(layers, request))
}

/// Judges a request by everything that applies to it.
pub fn judge(layers: &Layers<'_>, request: &Request<'_>) -> Verdict {
    // "No permissions are required", not even where a policy denies it (AWS reference §4 [M]).
    if table::needs_no_permission(request.action) {
        return Verdict::plain(Because::NoPermissionNeeded);
    }
    Judged::of(layers, request).verdict(layers, request)
}

/// What every layer says.
struct Judged<'a> {
    service_control: Rail<'a>,
    resource_control: Rail<'a>,
    resource: Found<'a>,
    resource_layer: Layer,
    identity: Found<'a>,
    boundary: Option<Found<'a>>,
    session: Option<Found<'a>>,
}

impl<'a> Judged<'a> {
    fn of(layers: &Layers<'a>, request: &Request<'_>) -> Judged<'a> {
        let caller = request.caller;
        let of_account = !matches!(
            caller.identity,
            Identity::Service { .. } | Identity::Provider { .. }
        );
        let managing = |account: &str| layers.management_account == Some(account);
        let scp = of_account && !layers.service_linked && !managing(&caller.account);
        let owner = layers.resource_account.unwrap_or(&caller.account);
        let rcp = !layers.service_linked && !managing(owner);
        let none: &[Level<'a>] = &[];
        let service_control = if scp { &layers.service_control } else { none };
        let resource_control = if rcp { &layers.resource_control } else { none };
        let kind = layers.resource.map(|own| own.kind);
        let (view, resource_layer) = match kind {
            Some(ResourceKind::Role) => (View::Trust, Layer::Trust),
            _ => (View::Resource, Layer::Resource),
        };
        let own = layers.resource.as_ref().map(|own| &own.source);
        let identity = |sources| Found::of(sources, request, View::Identity);
        let mine: &[Source<'a>] = if of_account { &layers.identity } else { &[] };
        Judged {
            service_control: Rail::of(
                Layer::ServiceControl,
                service_control,
                request,
                View::Identity,
            ),
            resource_control: Rail::of(
                Layer::ResourceControl,
                resource_control,
                request,
                View::Resource,
            ),
            resource: Found::of(own, request, view),
            resource_layer,
            identity: identity(mine),
            boundary: layers
                .boundary
                .as_ref()
                .filter(|_| of_account)
                .map(|boundary| identity(std::slice::from_ref(boundary))),
            session: layers
                .session
                .as_deref()
                .filter(|_| of_account)
                .map(identity),
        }
    }

    fn verdict(&self, layers: &Layers<'a>, request: &Request<'_>) -> Verdict {
        let because = match self.explicit() {
            Some(deny) => Because::Denied(deny),
            None => self.weighed(layers, request),
        };
        let matched = match &because {
            Because::Denied(deny) if !deny.layer.is_rail() => vec![deny.clone()],
            Because::Denied(_) | Because::NoPermissionNeeded => Vec::new(),
            // Also where another layer withholds: what would have allowed (AWS reference §6.2).
            _ => self.grants(),
        };
        Verdict {
            because,
            matched,
            allowed_by_organization: match (
                self.service_control.allows(),
                self.resource_control.allows(),
            ) {
                (None, None) => None,
                (one, other) => Some(one != Some(false) && other != Some(false)),
            },
            allowed_by_boundary: self
                .boundary
                .as_ref()
                .map(|found| found.deny.is_none() && found.allows()),
        }
    }

    /// A deny anywhere.
    fn explicit(&self) -> Option<Matched> {
        let of = |layer, found: &Found<'a>| Some(matched(layer, found.deny?));
        self.service_control
            .deny()
            .or_else(|| self.resource_control.deny())
            .or_else(|| of(self.resource_layer, &self.resource))
            .or_else(|| of(Layer::Identity, &self.identity))
            .or_else(|| of(Layer::Boundary, self.boundary.as_ref()?))
            .or_else(|| of(Layer::Session, self.session.as_ref()?))
    }

    /// Nothing denies: is there an allow from everybody who has to give one?
    fn weighed(&self, layers: &Layers<'a>, request: &Request<'_>) -> Because {
        let none = |layer| Because::NoAllow { layer, at: None };
        if let Some(gap) = self.resource_control.gap() {
            return gap;
        }
        if let Some(gap) = self.service_control.gap() {
            return gap;
        }
        let caller = request.caller;
        let given = self.resource.closest();
        let by_resource = |given| Because::Allowed(matched(self.resource_layer, given));
        match caller.identity {
            // Nobody of ours: what the resource says is all there is.
            Identity::Service { .. } | Identity::Provider { .. } => {
                return given.map_or_else(|| none(self.resource_layer), by_resource);
            }
            _ => {}
        }
        let foreign = layers
            .resource_account
            .is_some_and(|owner| owner != caller.account);
        let own = self.identity.allows.first();
        let mut grant = match own {
            Some(own) => Some(Because::Allowed(matched(Layer::Identity, *own))),
            None if caller.identity == Identity::Root => Some(Because::Root),
            None => None,
        };
        if foreign {
            // Both sides have to allow.
            if grant.is_none() {
                return none(Layer::Identity);
            }
            if given.is_none() {
                return none(self.resource_layer);
            }
        } else if let Some(given) = given {
            match given.1.through {
                // Named itself: nothing the caller lacks elsewhere matters.
                Some(PrincipalMatch::Exact) => return by_resource(given),
                // To its account the question is only handed on.
                Some(PrincipalMatch::Account) | None => {}
                Some(PrincipalMatch::Behind | PrincipalMatch::Anyone) => {
                    grant = grant.or_else(|| Some(by_resource(given)));
                }
            }
        } else if layers
            .resource
            .is_some_and(|own| own.kind != ResourceKind::Ordinary)
        {
            return none(self.resource_layer);
        }
        let Some(grant) = grant else {
            return none(Layer::Identity);
        };
        if self.boundary.as_ref().is_some_and(|found| !found.allows()) {
            return none(Layer::Boundary);
        }
        match &self.session {
            Some(found) if !found.allows() => none(Layer::Session),
            None if matches!(caller.identity, Identity::FederatedUser { .. }) => {
                none(Layer::Session)
            }
            _ => grant,
        }
    }

    /// The allows of the caller's and the resource's own policies.
    fn grants(&self) -> Vec<Matched> {
        let of = |layer, found: &Found<'a>| {
            let all: Vec<Matched> = found
                .allows
                .iter()
                .map(|allow| matched(layer, *allow))
                .collect();
            all
        };
        let mut all = of(Layer::Identity, &self.identity);
        all.extend(of(self.resource_layer, &self.resource));
        all
    }
}
