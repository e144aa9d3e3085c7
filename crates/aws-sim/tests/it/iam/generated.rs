//! What an estate comes with.

use stint_aws_sim::{Sim, SimClock, SimOptions};

use super::*;

fn message(spec: EstateSpec) -> String {
    let made = Sim::new(SimOptions::new(spec, SimClock::frozen(crate::rig::START)));
    made.expect_err("must not be possible").to_string()
}

#[test]
fn counts_that_cannot_be_met_say_what_is_possible() {
    let spec = |users, groups, memberships| EstateSpec {
        iam_users: users,
        iam_groups: groups,
        iam_memberships: memberships,
        ..small()
    };
    for (spec, said) in [
        (
            spec(4_999, 0, 0),
            "IAM users: at most 4998 are possible, 4999 were asked for",
        ),
        (
            spec(0, 301, 0),
            "IAM groups: at most 300 are possible, 301 were asked for",
        ),
        (
            spec(3, 4, 13),
            "IAM memberships: at most 12 are possible, 13 were asked for",
        ),
        (
            spec(3, 40, 31),
            "IAM memberships: at most 30 are possible, 31 were asked for",
        ),
    ] {
        assert_eq!(message(spec), said);
    }
}

#[test]
fn every_count_is_met_and_nobody_is_in_more_than_ten() {
    for (users, groups, memberships) in [
        (230, 120, 700),
        (5, 40, 50),
        (4, 2, 8),
        (0, 3, 0),
        (4_998, 300, 20_000),
    ] {
        let rig = Rig::in_memory(EstateSpec {
            iam_users: users,
            iam_groups: groups,
            iam_memberships: memberships,
            ..small()
        });
        let rows = rig.sim.iam_memberships();
        assert_eq!(rows.len(), memberships as usize);
        let pairs: BTreeSet<_> = rows
            .iter()
            .map(|row| (&row.group_id, &row.user_id))
            .collect();
        assert_eq!(pairs.len(), rows.len());
        let mut each = std::collections::BTreeMap::<_, usize>::new();
        for row in &rows {
            *each.entry(&row.user_id).or_default() += 1;
        }
        assert!(each.values().all(|groups| *groups <= 10));
        if users > 100 {
            let first = ["ana.moreno", "bo.lindqvist", "cy.adeyemi", "dee.okonkwo"];
            assert!(rows.iter().all(|row| !first.contains(&row.user.as_str())));
        }
    }
}

async fn everything(rig: &Rig) -> String {
    let iam = rig.connector_user().iam;
    let users = iam.list_users().max_items(1_000).send().await.unwrap();
    let groups = iam.list_groups().max_items(1_000).send().await.unwrap();
    format!(
        "{:?} {:?} {:?}",
        users.users(),
        groups.groups(),
        rig.sim.iam_memberships()
    )
}

#[tokio::test]
async fn equal_seeds_give_equal_iam_and_others_do_not() {
    let one = everything(&Rig::in_memory(peopled())).await;
    assert_eq!(one, everything(&Rig::in_memory(peopled())).await);
    let other = EstateSpec {
        seed: 12,
        ..peopled()
    };
    assert_ne!(one, everything(&Rig::in_memory(other)).await);
}

/// IAM comes on top: nothing else of an estate knows of it.
#[tokio::test]
async fn an_estate_with_iam_is_the_one_without_and_more() {
    let without = Rig::in_memory(small());
    let with = Rig::in_memory(peopled());
    assert_eq!(without.facts, with.facts);
    assert_eq!(without.sim.assignments(), with.sim.assignments());
    assert!(without.sim.iam_memberships().is_empty());
    let store = &without.facts.identity_store_id;
    let listed = |rig: &Rig| {
        let users = rig
            .connector_user()
            .store
            .list_users()
            .identity_store_id(store)
            .send();
        async { format!("{:?}", users.await.unwrap().users()) }
    };
    assert_eq!(listed(&without).await, listed(&with).await);
}
