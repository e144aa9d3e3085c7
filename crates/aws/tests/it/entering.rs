//! The test of a connection tries the role of member accounts.

use stint_aws::{Estate, Members, Outcome};
use stint_domain::Span;
use stint_iam_policy::trust_policy;

use crate::world::World;

/// By the role of this name, which asks for that External ID in front of the account's number.
fn entering(world: &World, role: &str) -> Estate {
    world.estate(|s| {
        s.features.member_role = Some(role.to_owned());
        s.members = Some(Members {
            role: role.to_owned(),
            external_id: "stint-m".to_owned(),
        });
    })
}

#[tokio::test]
async fn the_role_of_member_accounts_is_tried_and_who_refuses_is_named() {
    let world = World::new();
    let arn = world.facts.member_role_arn.clone().expect("a member");
    let mut parts = arn.split(':');
    let account = parts.nth(4).expect("an account").to_owned();
    let role = arn.rsplit('/').next().expect("a name");
    let tested = async || {
        let report = entering(&world, role).test().await;
        let check = report.check("member_accounts").expect("a row").clone();
        assert!(report.passed(), "no account spoils the rest: {report:#?}");
        check
    };
    // The other accounts an estate has have no such role.
    let trust = trust_policy(
        &world.facts.connector_role_arn,
        &format!("stint-m-{account}"),
    );
    let put = world.sim.put_trust_policy(&arn, &trust.to_text());
    put.expect("taken");
    let check = tested().await;
    assert_eq!(check.outcome, Outcome::Warning);
    assert!(
        check
            .what
            .starts_with("of 3 accounts that were tried, 2 could not"),
        "{}",
        check.what
    );
    assert!(check.mend.expect("how").contains("StackSet"));
    // Where that is the only one in use, nobody refuses; it has to be asked for its own id.
    for other in world
        .estate
        .accounts(None, stint_aws::Lane::Sync)
        .all()
        .await
        .expect("listed")
    {
        if other.id != account && other.id != world.facts.management_account {
            let state = stint_aws_sim::AccountState::Suspended;
            world.sim.set_account_state(&other.id, state).expect("set");
        }
    }
    world.advance(Span::minutes(5));
    let check = tested().await;
    assert_eq!(check.outcome, Outcome::Ok, "{}", check.what);
    assert!(check.what.contains(&account), "{}", check.what);
    let trust = trust_policy(&world.facts.connector_role_arn, "stint-m-another");
    let put = world.sim.put_trust_policy(&arn, &trust.to_text());
    put.expect("taken");
    let check = tested().await;
    assert_eq!(check.outcome, Outcome::Warning, "{}", check.what);
    // Not Stint's business: not tried.
    let report = world.estate.test().await;
    assert_eq!(report.check("member_accounts"), None);
}
