//! Who plays, and with what: a small estate, three people with something to ask for, and an
//! administrator who asks for a group.

use stint_domain::entitlement::EntitlementKey;
use stint_domain::{EntitlementId, PrincipalId};
use stint_server::directory::{self, Entitlement};
use stint_testkit::World;
use stint_testkit::sim::{EstateSpec, Row};

use super::rng::Rng;

/// Somebody with something they may ask for, and the row it would be.
#[derive(Debug, Clone)]
pub(super) struct Pair {
    pub(super) word: &'static str,
    pub(super) entitlement: EntitlementId,
    pub(super) principal: PrincipalId,
    /// Whether they ask on behalf of a group.
    pub(super) for_group: bool,
    pub(super) row: Row,
}

/// How many of the pairs are played; the others only stand there.
pub(super) const PLAYED: usize = 7;

pub(super) struct Stage {
    /// In the order of a run's own: the first few are played most.
    pub(super) pairs: Vec<Pair>,
}

pub(super) fn estate() -> EstateSpec {
    EstateSpec {
        seed: 5,
        accounts: 3,
        permission_sets: 4,
        users: 6,
        groups: 2,
        memberships: 3,
        assignments: 5,
        iam_users: 6,
        iam_groups: 3,
        iam_roles: 0,
        iam_memberships: 3,
    }
}

impl Stage {
    /// Of every kind something that may be asked for: of three assignments two are played with
    /// users and one with a group; the first comes for the asking, the second after an
    /// approval, the others as it comes.
    pub(super) async fn set(world: &World, rng: &mut Rng) -> Self {
        let organization = world.organize_with_iam().await;
        let facts = world.facts();
        let connection = organization.connection;
        let mut q = world.app().db.reader().await.expect("a reader");
        let all = directory::all_entitlements(&mut q, connection).await;
        let all = all.expect("read");
        drop(q);
        let read_only = world.sim().permission_set_arn("ReadOnlyAccess");
        let free = |key: &EntitlementKey| match key {
            EntitlementKey::AccountAssignment {
                account,
                permission_set,
            } => *account != facts.management_account && Some(permission_set) != read_only.as_ref(),
            EntitlementKey::GroupMembership { .. } | EntitlementKey::IamGroupMembership { .. } => {
                true
            }
        };
        let mut kinds: [Vec<&Entitlement>; 3] = Default::default();
        for entitlement in all.iter().filter(|e| free(&e.key)) {
            let kind = match entitlement.key {
                EntitlementKey::AccountAssignment { .. } => 0,
                EntitlementKey::GroupMembership { .. } => 1,
                EntitlementKey::IamGroupMembership { .. } => 2,
            };
            kinds[kind].push(entitlement);
        }
        let [assignments, groups, iam_groups] = &kinds;
        let mut people = Vec::new();
        for (word, person) in [("ana", &facts.ana), ("bo", &facts.bo), ("dee", &facts.dee)] {
            let person = person.as_ref().expect("the estate has them");
            let in_iam = world.aws().iam_user_id(&person.user_name).await;
            people.push((word, person.user_id.clone(), in_iam));
        }
        let chosen = assignments.iter().take(3).chain(groups.first());
        let mut pairs = Vec::new();
        for (n, entitlement) in chosen.chain(iam_groups.first()).enumerate() {
            let policy = match n {
                0 => organization.auto,
                1 => organization.approved,
                _ if rng.chance(500) => organization.auto,
                _ => organization.approved,
            };
            organization.offer(world, entitlement.id, policy).await;
            let of_iam = matches!(entitlement.key, EntitlementKey::IamGroupMembership { .. });
            let holders: Vec<(&'static str, String)> = match n {
                2 => vec![("cy", group_without_bo(world, groups).await)],
                _ => (people.iter())
                    .map(|(word, user, in_iam)| (*word, if of_iam { in_iam } else { user }.clone()))
                    .collect(),
            };
            for (word, holder) in holders {
                let mut q = world.app().db.reader().await.expect("a reader");
                let principal = directory::principal_by_aws_id(&mut q, connection, &holder).await;
                pairs.push(Pair {
                    word,
                    entitlement: entitlement.id,
                    principal: principal.expect("read").expect("seen by the sync").id,
                    for_group: n == 2,
                    row: row(&entitlement.key, &holder, n == 2),
                });
            }
        }
        assert_eq!(pairs.len(), 13, "the estate is too small");
        rng.shuffle(&mut pairs);
        Self { pairs }
    }
}

/// A group that Bo is not in: somebody has to be left who may approve.
async fn group_without_bo(world: &World, groups: &[&Entitlement]) -> String {
    let bo = world.facts().bo.expect("the estate has Bo").user_id;
    for entitlement in groups {
        if let EntitlementKey::GroupMembership { group } = &entitlement.key
            && !world.aws().members(group).await.contains(&bo)
        {
            return group.clone();
        }
    }
    panic!("Bo is in every group of the estate");
}

fn row(key: &EntitlementKey, holder: &str, is_group: bool) -> Row {
    match key {
        EntitlementKey::AccountAssignment {
            account,
            permission_set,
        } => Row::Assignment {
            account: account.clone(),
            permission_set: permission_set.clone(),
            principal_type: if is_group { "GROUP" } else { "USER" }.to_owned(),
            principal: holder.to_owned(),
        },
        EntitlementKey::GroupMembership { group } => Row::Membership {
            group: group.clone(),
            user: holder.to_owned(),
        },
        EntitlementKey::IamGroupMembership { group, .. } => Row::IamMembership {
            group: group.clone(),
            user: holder.to_owned(),
        },
    }
}
