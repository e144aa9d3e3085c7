//! Generated organizations.

use std::collections::BTreeSet;

use stint_aws_sim::{EstateSpec, Sim, SimClock, SimOptions};

use crate::rig::{Rig, START, small};

fn sim(spec: EstateSpec) -> Sim {
    Sim::new(SimOptions::new(spec, SimClock::frozen(START))).expect("an estate")
}

fn message(spec: EstateSpec) -> String {
    let made = Sim::new(SimOptions::new(spec, SimClock::frozen(START)));
    made.expect_err("must not be possible").to_string()
}

#[test]
fn counts_that_cannot_be_met_say_what_is_possible() {
    assert_eq!(
        message(EstateSpec {
            accounts: 0,
            ..small()
        }),
        "an estate has at least 1 account"
    );
    assert_eq!(
        message(EstateSpec {
            memberships: 321,
            ..small()
        }),
        "memberships: at most 320 are possible, 321 were asked for"
    );
    // Eleven accounts but for the management account, ten sets, forty-eight principals.
    assert_eq!(
        message(EstateSpec {
            assignments: 5_281,
            ..small()
        }),
        "assignments: at most 5280 are possible, 5281 were asked for"
    );
}

#[test]
fn every_count_is_met_however_dense_or_sparse() {
    for spec in [
        EstateSpec {
            assignments: 5_280,
            memberships: 320,
            ..small()
        },
        EstateSpec {
            seed: 1,
            accounts: 1,
            permission_sets: 1,
            users: 1,
            groups: 0,
            memberships: 0,
            assignments: 1,
            iam_users: 0,
            iam_groups: 0,
            iam_roles: 0,
            iam_memberships: 0,
        },
        EstateSpec {
            seed: 1,
            accounts: 1,
            permission_sets: 0,
            users: 0,
            groups: 0,
            memberships: 0,
            assignments: 0,
            iam_users: 0,
            iam_groups: 0,
            iam_roles: 0,
            iam_memberships: 0,
        },
        EstateSpec {
            seed: 1,
            accounts: 3,
            permission_sets: 3,
            users: 4,
            groups: 2,
            memberships: 8,
            assignments: 36,
            iam_users: 0,
            iam_groups: 0,
            iam_roles: 0,
            iam_memberships: 0,
        },
        EstateSpec::default(),
    ] {
        let sim = sim(spec.clone());
        let rows = sim.assignments();
        assert_eq!(rows.len(), spec.assignments as usize, "{spec:?}");
        let management = sim.facts().management_account;
        assert!(spec.accounts == 1 || rows.iter().all(|row| row.account_id != management));
    }
}

#[test]
fn a_hundred_thousand_assignments_are_all_different() {
    let sim = sim(EstateSpec {
        seed: 9,
        accounts: 400,
        permission_sets: 60,
        users: 6_000,
        groups: 300,
        memberships: 20_000,
        assignments: 100_000,
        iam_users: 0,
        iam_groups: 0,
        iam_roles: 0,
        iam_memberships: 0,
    });
    let rows = sim.assignments();
    assert_eq!(rows.len(), 100_000);
    let keys: BTreeSet<_> = rows
        .iter()
        .map(|row| (&row.account_id, &row.permission_set_arn, &row.principal_id))
        .collect();
    assert_eq!(keys.len(), 100_000);
    let accounts: BTreeSet<_> = rows.iter().map(|row| &row.account).collect();
    assert_eq!(accounts.len(), 399);
}

#[test]
fn the_first_four_hold_nothing_but_anas_standing_access() {
    for seed in 0..20 {
        let sim = sim(EstateSpec {
            seed,
            ..EstateSpec::default()
        });
        let facts = sim.facts();
        let people =
            [facts.ana, facts.bo, facts.cy, facts.dee].map(|person| person.unwrap().user_id);
        let held: Vec<_> = sim
            .assignments()
            .into_iter()
            .filter(|row| people.contains(&row.principal_id))
            .map(|row| (row.principal, row.account, row.permission_set))
            .collect();
        let words = |text: &str| text.to_owned();
        assert_eq!(
            held,
            [(
                words("ana.moreno"),
                words("prod-payments"),
                words("ReadOnlyAccess")
            )]
        );
    }
}

#[test]
fn names_are_sensible_and_different() {
    let spec = EstateSpec {
        seed: 2,
        accounts: 700,
        permission_sets: 300,
        users: 9_000,
        groups: 400,
        memberships: 0,
        assignments: 0,
        iam_users: 0,
        iam_groups: 0,
        iam_roles: 0,
        iam_memberships: 0,
    };
    let sim = sim(spec);
    for name in [
        "prod-payments",
        "staging-eu",
        "platform-tools",
        "acme-management",
    ] {
        assert!(sim.account_id(name).is_some(), "{name}");
    }
    for name in [
        "AdministratorAccess",
        "ReadOnlyAccess",
        "prod-admin",
        "data-read",
        "prod-readonly-read",
    ] {
        assert!(sim.permission_set_arn(name).is_some(), "{name}");
    }
    assert!(sim.user_id("ana.moreno").is_some() && sim.group_id("platform").is_some());
}

/// Every list, as text.
async fn everything(rig: &Rig) -> String {
    let connector = rig.connector().await;
    let store = &rig.facts.identity_store_id;
    let mut all = format!("{:?}\n", rig.facts);
    all += &format!(
        "{:?}\n",
        connector
            .organizations
            .list_accounts()
            .send()
            .await
            .unwrap()
    );
    let sets = connector
        .sso
        .list_permission_sets()
        .instance_arn(&rig.facts.instance_arn)
        .send()
        .await
        .unwrap();
    all += &format!("{sets:?}\n");
    all += &format!(
        "{:?}\n",
        connector
            .store
            .list_users()
            .identity_store_id(store)
            .send()
            .await
            .unwrap()
    );
    all += &format!(
        "{:?}\n",
        connector
            .store
            .list_groups()
            .identity_store_id(store)
            .send()
            .await
            .unwrap()
    );
    all += &format!("{:?}\n", rig.sim.assignments());
    all
}

#[tokio::test]
async fn equal_seeds_give_equal_answers_and_others_do_not() {
    let spec = EstateSpec {
        users: 140,
        accounts: 30,
        ..small()
    };
    let one = everything(&Rig::in_memory(spec.clone())).await;
    let two = everything(&Rig::in_memory(spec.clone())).await;
    // Debug output of the SDK contains request ids and page tokens.
    assert!(one.contains("_request_id: Some(") && one.contains("next_token: Some("));
    assert_eq!(one, two);
    let other = everything(&Rig::in_memory(EstateSpec { seed: 12, ..spec })).await;
    assert_ne!(one, other);
}

#[test]
fn another_seed_names_everything_otherwise() {
    let ids = |seed: u64| {
        let sim = sim(EstateSpec { seed, ..small() });
        let facts = sim.facts();
        let ana = facts.ana.expect("Ana");
        [
            facts.admin.access_key_id,
            facts.host.secret_access_key,
            facts.organization_id,
            facts.instance_arn,
            facts.identity_store_id,
            facts.connector_external_id,
            sim.account_id("prod-payments").expect("an account"),
            sim.permission_set_arn("prod-admin")
                .expect("a permission set")[60..]
                .to_owned(),
            sim.group_id("platform").expect("a group")[11..].to_owned(),
            ana.user_id[11..].to_owned(),
        ]
    };
    assert_eq!(ids(11), ids(11));
    for (one, other) in ids(11).iter().zip(ids(12)) {
        assert_ne!(*one, other);
    }
}
