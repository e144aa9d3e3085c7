//! Whether a caller may do something: every policy that applies is gathered here, anew for every
//! request (AWS reference §5.1), and judged by the crate that knows the language.

use stint_iam_policy::{
    Context, Layers, Origin, Policy, Request, ResourceKind, ResourcePolicy, Source, Verdict, judge,
};

use crate::access::{Holder, Key};
use crate::iam::IamRole;
use crate::world::World;

impl World {
    /// Whether a caller may do this, and why.
    pub(crate) fn verdict(
        &self,
        key: &Key,
        action: &str,
        resource: &str,
        context: &Context,
    ) -> Verdict {
        self.judged(key, [action, resource], context, None)
    }

    /// Whether a caller may do this with a queue: its policy, if it has one, has a say too.
    pub(crate) fn verdict_on_queue(
        &self,
        key: &Key,
        action: &str,
        [account, queue]: [&str; 2],
        policy: Option<&Policy>,
        context: &Context,
    ) -> Verdict {
        let policy = policy.map(|policy| ResourcePolicy {
            source: Source::of(queue, Origin::Resource, policy),
            kind: ResourceKind::Ordinary,
        });
        self.judged(key, [action, queue], context, Some((account, policy)))
    }

    /// Whether a caller may do this with a role: its trust policy has a say too.
    pub(crate) fn verdict_on_role(
        &self,
        key: &Key,
        action: &str,
        role: &IamRole,
        context: &Context,
    ) -> Verdict {
        let arn = role.arn();
        let trust = ResourcePolicy {
            source: Source::of(&arn, Origin::Resource, &role.trust.policy),
            kind: ResourceKind::Role,
        };
        let of = (role.entity.account.as_str(), Some(trust));
        self.judged(key, [action, &arn], context, Some(of))
    }

    fn judged(
        &self,
        key: &Key,
        [action, resource]: [&str; 2],
        context: &Context,
        of: Option<(&str, Option<ResourcePolicy<'_>>)>,
    ) -> Verdict {
        let boundary = self.boundary_of(key.owner());
        let session = match (&key.session_policies, &key.holder) {
            (Some(narrower), _) => Some(
                narrower
                    .iter()
                    .map(|document| Source::of("session", Origin::None, &document.policy))
                    .collect(),
            ),
            // Without a session policy a federated user may do nothing (AWS reference §6.1).
            (None, Holder::Federated { .. }) => Some(Vec::new()),
            (None, _) => None,
        };
        let layers = Layers {
            identity: self.policies_of(key),
            boundary,
            session,
            resource: of.and_then(|(_, policy)| policy),
            resource_account: of.map(|(account, _)| account),
            service_control: self.scps_over(key.account()),
            ..Layers::default()
        };
        judge(
            &layers,
            &Request {
                caller: &key.caller(),
                action,
                resource,
                context,
            },
        )
    }

    /// The boundary of what has this id.
    fn boundary_of(&self, id: &str) -> Option<Source<'_>> {
        let arn = self.access.held(id)?.boundary.as_ref()?;
        let policy = self.access.managed.policy(arn)?;
        Some(Source::of(arn, Origin::UserManaged, policy))
    }

    /// What decides about a user, a group or a role of an account, found by its ARN: its policies
    /// and those of its groups, its boundary, and the organization's.
    pub(crate) fn layers_at(&self, account: &str, arn: &str) -> Option<Layers<'_>> {
        let iam = &self.estate.iam;
        let mut groups = iam.groups_of(account, "/", 0);
        let ids = if let Some(user) = iam.user_by_arn(arn) {
            let user = Some(user).filter(|user| user.entity.account == account)?;
            let place = iam.user_place(account, &user.entity.name)?;
            let groups = self.relations().iam_groups_of(place, 0);
            let groups = groups.filter_map(|group| iam.group(group));
            let own = [(user.entity.id.clone(), Origin::User)].into_iter();
            own.chain(groups.map(|group| (group.entity.id.clone(), Origin::Group)))
                .collect()
        } else if let Some(role) = self.role_by_arn(arn) {
            let role = Some(role).filter(|role| role.entity.account == account)?;
            vec![(role.entity.id.clone(), Origin::Role)]
        } else {
            let (_, group) = groups.find(|(_, group)| group.arn() == arn)?;
            vec![(group.entity.id.clone(), Origin::Group)]
        };
        let boundary = ids.first().and_then(|(id, _)| self.boundary_of(id));
        Some(Layers {
            identity: self.sources_of(ids),
            boundary,
            service_control: self.scps_over(account),
            ..Layers::default()
        })
    }

    /// Every identity policy that counts for a caller.
    fn policies_of(&self, key: &Key) -> Vec<Source<'_>> {
        let owner = key.owner();
        let is_role = matches!(key.holder, Holder::Session { .. });
        let own = if is_role { Origin::Role } else { Origin::User };
        let mut ids = vec![(owner, own)];
        if !is_role {
            let iam = &self.estate.iam;
            let named = match &key.holder {
                Holder::User { name, .. } => iam.user_place(key.account(), name),
                Holder::Session { .. } | Holder::Federated { .. } => None,
            };
            let is_it = |place: &u32| iam.user(*place).is_some_and(|user| user.entity.id == owner);
            // A session of a user keeps the name the user had.
            let user = named
                .filter(is_it)
                .or_else(|| self.user_place_by_id(key.account(), owner));
            let groups = user
                .into_iter()
                .flat_map(|user| self.relations().iam_groups_of(user, 0));
            ids.extend(
                groups
                    .filter_map(|group| iam.group(group))
                    .map(|group| (group.entity.id.as_str(), Origin::Group)),
            );
        }
        self.sources_of(ids)
    }

    /// The policies that hang on these.
    fn sources_of<'a, I: AsRef<str>>(&'a self, ids: Vec<(I, Origin)>) -> Vec<Source<'a>> {
        let mut sources = Vec::new();
        for (id, origin) in ids {
            let Some(held) = self.access.held(id.as_ref()) else {
                continue;
            };
            for (name, document) in &held.inline {
                sources.push(Source::of(name, origin, &document.policy));
            }
            for arn in &held.attached {
                let policy = self.access.managed.get(arn);
                let document = policy.and_then(|policy| policy.document());
                if let (Some(policy), Some(document)) = (policy, document) {
                    let origin = match policy.account {
                        Some(_) => Origin::UserManaged,
                        None => Origin::AwsManaged,
                    };
                    sources.push(Source::of(&policy.arn, origin, &document.policy));
                }
            }
        }
        sources
    }
}
