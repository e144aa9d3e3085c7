//! Listings: complete, one page at a time, or failed.

use std::collections::BTreeSet;

use stint_aws::{AccountState, ErrorKind, Lane};
use stint_aws_sim::{AccountState as SimState, Effect, EstateSpec, Fault};
use stint_domain::entitlement::PrincipalKind;

use crate::world::{World, large};

const LANE: Lane = Lane::Sync;

#[tokio::test]
async fn every_listing_is_read_to_its_end_in_full_pages() {
    let world = World::of(large());
    let (estate, facts) = (&world.estate, &world.facts);
    let (instance, store) = (
        facts.instance_arn.as_str(),
        facts.identity_store_id.as_str(),
    );
    let pages = |from: u64, operation: &str| {
        world
            .called(from)
            .iter()
            .filter(|c| *c == operation)
            .count()
    };

    let accounts = estate.accounts(None, LANE).all().await.expect("accounts");
    assert_eq!(accounts.len(), 45);
    assert_eq!(pages(0, "organizations:ListAccounts"), 3, "⌈45 / 20⌉");
    assert!(accounts.iter().all(|a| a.state == AccountState::Active));
    assert_eq!(
        accounts[0].management_account(),
        Some(facts.management_account.as_str())
    );

    let sets = estate
        .permission_sets(instance, None, LANE)
        .all()
        .await
        .expect("permission sets");
    assert_eq!(sets.len(), 110);
    assert_eq!(pages(0, "sso:ListPermissionSets"), 2, "⌈110 / 100⌉");
    let one = estate
        .permission_set(instance, &sets[0], LANE)
        .await
        .expect("a permission set");
    assert_eq!(
        world.sim.permission_set_arn(&one.name).as_deref(),
        Some(sets[0].as_str())
    );

    let users = estate.users(store, None, LANE).all().await.expect("users");
    assert_eq!(users.len(), 230);
    assert_eq!(pages(0, "identitystore:ListUsers"), 3, "⌈230 / 100⌉");
    let ana = facts.ana.as_ref().expect("Ana");
    let found = users
        .iter()
        .find(|u| u.id == ana.user_id)
        .expect("Ana is listed");
    assert_eq!(found.user_name.as_deref(), Some(ana.user_name.as_str()));
    assert_eq!(found.email.as_deref(), Some(ana.email.as_str()));
    assert_eq!(found.active, Some(true));

    let data = world.sim.group_id("data").expect("a group");
    world
        .sim
        .put_external_id(&data, "https://login.example.com/scim", "00g1")
        .expect("the group is there");
    let groups = estate
        .groups(store, None, LANE)
        .all()
        .await
        .expect("groups");
    assert_eq!(groups.len(), 104);
    let owned: Vec<_> = groups.iter().filter(|g| !g.issuers.is_empty()).collect();
    assert_eq!(
        owned.len(),
        1,
        "all others were made in Identity Center itself"
    );
    assert_eq!(owned[0].name.as_deref(), Some("data"));
    assert_eq!(owned[0].issuers, ["https://login.example.com/scim"]);
    assert_eq!(pages(0, "identitystore:ListGroups"), 2, "⌈104 / 100⌉");

    let mut memberships = BTreeSet::new();
    for group in &groups {
        for row in estate
            .memberships(store, &group.id, None, LANE)
            .all()
            .await
            .expect("members")
        {
            assert_eq!(row.group, group.id);
            memberships.insert((row.group, row.user, row.id));
        }
    }
    assert_eq!(memberships.len(), 400);

    let mut rows = BTreeSet::new();
    for account in &accounts {
        let sets = estate
            .provisioned_sets(instance, &account.id, None, LANE)
            .all()
            .await;
        for set in sets.expect("provisioned sets") {
            let found = estate
                .assignments(instance, &account.id, &set, None, LANE)
                .all()
                .await;
            rows.extend(found.expect("assignments"));
        }
    }
    assert_eq!(rows.len(), 500);
    assert!(
        rows.iter()
            .any(|r| r.principal_kind == PrincipalKind::IdentityCenterGroup)
    );
    // Every call the estate counts is one the simulator saw.
    assert_eq!(estate.calls(), world.sim.journal().len() as u64);
}

#[tokio::test]
async fn empty_pages_between_full_ones_are_not_the_end() {
    let world = World::of(large());
    world.knobs(|k| {
        k.empty_pages = true;
        k.omit_account_status = true;
    });
    let accounts = world
        .estate
        .accounts(None, LANE)
        .all()
        .await
        .expect("accounts");
    assert_eq!(accounts.len(), 45);
}

#[tokio::test]
async fn a_suspended_account_says_so() {
    let world = World::new();
    let id = world.sim.account_id("prod-payments").expect("an account");
    world
        .sim
        .set_account_state(&id, SimState::Suspended)
        .expect("set");
    let accounts = world
        .estate
        .accounts(None, LANE)
        .all()
        .await
        .expect("accounts");
    let one = accounts.iter().find(|a| a.id == id).expect("listed");
    assert_eq!(one.state, AccountState::Suspended);
}

#[tokio::test]
async fn a_page_that_fails_fails_the_listing_and_can_be_resumed() {
    let world = World::of(large());
    let store = &world.facts.identity_store_id;
    let id = world.sim.faults().add(
        Fault::on("identitystore:ListUsers").from(2),
        Effect::refuse("AccessDeniedException"),
    );
    let error = world
        .estate
        .users(store, None, LANE)
        .all()
        .await
        .expect_err("the second page");
    assert_eq!(error.kind, ErrorKind::Denied);
    assert!(error.request_id.is_some());

    let mut pages = world.estate.users(store, None, LANE);
    world.sim.faults().clear();
    let first = pages.next().await.expect("reads").expect("a page");
    assert_eq!(first.items.len(), 100);
    let _ = id;
    // Somebody else goes on from the token.
    let token = pages.token().map(str::to_owned);
    let rest = world
        .estate
        .users(store, token, LANE)
        .all()
        .await
        .expect("the rest");
    assert_eq!(rest.len(), 130);
}

#[tokio::test]
async fn a_throttled_or_lost_read_is_made_again_and_gives_up_in_the_end() {
    let world = World::of(EstateSpec {
        accounts: 12,
        ..EstateSpec::default()
    });
    world.estate.instance().await.expect("signed in");
    let from = world.mark();
    world.sim.faults().add(
        Fault::on("organizations:ListAccounts").first(2),
        Effect::Throttle,
    );
    world
        .estate
        .accounts(None, LANE)
        .all()
        .await
        .expect("the third time");
    assert_eq!(world.called(from).len(), 3);

    world.sim.faults().clear();
    world
        .sim
        .faults()
        .add(Fault::on("organizations:ListAccounts"), Effect::LoseAfter);
    let error = world
        .estate
        .accounts(None, LANE)
        .all()
        .await
        .expect_err("never an answer");
    assert_eq!(error.kind, ErrorKind::Unreachable);

    world.sim.faults().clear();
    let from = world.mark();
    world.sim.faults().add(
        Fault::on("organizations:ListAccounts"),
        Effect::refuse("AccessDeniedException"),
    );
    let error = world
        .estate
        .accounts(None, LANE)
        .all()
        .await
        .expect_err("denied");
    assert_eq!(
        (error.kind, world.called(from).len()),
        (ErrorKind::Denied, 1),
        "no use to ask again"
    );
}
