//! Who plays, and with what: a small estate, and three people with something to ask for.

use stint_domain::entitlement::EntitlementKey;
use stint_domain::{EntitlementId, PrincipalId};
use stint_server::directory;
use stint_testkit::World;
use stint_testkit::sim::{EstateSpec, Row};

use super::rng::Rng;

/// Somebody with something they may ask for, and the row it would be.
#[derive(Debug, Clone)]
pub(super) struct Pair {
    pub(super) word: &'static str,
    pub(super) entitlement: EntitlementId,
    pub(super) principal: PrincipalId,
    pub(super) row: Row,
}

pub(super) struct Stage {
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
        iam_users: 0,
        iam_groups: 0,
        iam_memberships: 0,
    }
}

impl Stage {
    /// Two assignments and a group that nobody of ours holds yet: one for the asking, one for
    /// an approval, one as it comes.
    pub(super) async fn set(world: &World, rng: &mut Rng) -> Self {
        let organization = world.organize().await;
        let facts = world.facts();
        let mut q = world.app().db.reader().await.expect("a reader");
        let connection = organization.connection;
        let all = directory::all_entitlements(&mut q, connection)
            .await
            .expect("read");
        let mut people = Vec::new();
        for (word, person) in [("ana", &facts.ana), ("bo", &facts.bo), ("dee", &facts.dee)] {
            let person = person.as_ref().expect("the estate has them");
            let principal = directory::principal_by_aws_id(&mut q, connection, &person.user_id)
                .await
                .expect("read")
                .expect("seen by the sync");
            people.push((word, person.user_id.clone(), principal.id));
        }
        drop(q);
        let free = |key: &EntitlementKey| match key {
            EntitlementKey::AccountAssignment {
                account,
                permission_set,
            } => {
                *account != facts.management_account
                    && Some(permission_set.clone())
                        != world.sim().permission_set_arn("ReadOnlyAccess")
            }
            EntitlementKey::GroupMembership { .. } | EntitlementKey::IamGroupMembership { .. } => {
                true
            }
        };
        let group = |key: &EntitlementKey| matches!(key, EntitlementKey::GroupMembership { .. });
        let assignments = all
            .iter()
            .filter(|e| free(&e.key) && !group(&e.key))
            .take(2);
        let groups = all.iter().filter(|e| group(&e.key)).take(1);
        let mut pairs = Vec::new();
        for (n, entitlement) in assignments.chain(groups).enumerate() {
            let policy = match n {
                0 => organization.auto,
                1 => organization.approved,
                _ if rng.chance(500) => organization.auto,
                _ => organization.approved,
            };
            organization.offer(world, entitlement.id, policy).await;
            for (word, user, principal) in &people {
                pairs.push(Pair {
                    word,
                    entitlement: entitlement.id,
                    principal: *principal,
                    row: row(&entitlement.key, user),
                });
            }
        }
        assert!(pairs.len() >= 9, "the estate is too small");
        Self { pairs }
    }
}

fn row(key: &EntitlementKey, user: &str) -> Row {
    match key {
        EntitlementKey::AccountAssignment {
            account,
            permission_set,
        } => Row::Assignment {
            account: account.clone(),
            permission_set: permission_set.clone(),
            principal_type: "USER".to_owned(),
            principal: user.to_owned(),
        },
        EntitlementKey::GroupMembership { group } => Row::Membership {
            group: group.clone(),
            user: user.to_owned(),
        },
        EntitlementKey::IamGroupMembership { group, .. } => Row::IamMembership {
            group: group.clone(),
            user: user.to_owned(),
        },
    }
}
