//! Accounts as Organizations tells of them.

use aws_sdk_organizations::types::{AccountState as State, AccountStatus};
use stint_aws_sim::AccountState;

use crate::rig::{both, code, small};

both!(the_organization_and_its_accounts, small(), |rig| {
    let connector = rig.connector().await;
    let described = connector
        .organizations
        .describe_organization()
        .send()
        .await
        .unwrap();
    let organization = described.organization().unwrap();
    assert_eq!(organization.id(), Some(rig.facts.organization_id.as_str()));
    assert!(organization.id().unwrap().starts_with("o-"));
    assert_eq!(organization.feature_set().unwrap().as_str(), "ALL");
    let listed = connector
        .organizations
        .list_accounts()
        .send()
        .await
        .unwrap();
    assert_eq!(listed.accounts().len(), 12);
    assert_eq!(listed.next_token(), None);
    let management = &listed.accounts()[0];
    assert_eq!(management.id(), Some(rig.facts.management_account.as_str()));
    assert_eq!(management.name(), Some("acme-management"));
    let payments = rig.account("prod-payments");
    let one = connector
        .organizations
        .describe_account()
        .account_id(&payments)
        .send()
        .await
        .unwrap();
    let one = one.account().unwrap();
    assert_eq!(one.name(), Some("prod-payments"));
    assert_eq!(one.email(), Some("aws+prod-payments@acme.example"));
    assert_eq!(one.state(), Some(&State::Active));
    #[allow(deprecated)]
    let status = one.status();
    assert_eq!(status, Some(&AccountStatus::Active));
    assert_eq!(
        one.arn().unwrap(),
        format!(
            "arn:aws:organizations::{}:account/{}/{payments}",
            rig.facts.management_account, rig.facts.organization_id
        )
    );
    let path = &one.paths()[0];
    assert!(
        path.starts_with(&format!("{}/r-", rig.facts.organization_id)),
        "{path}"
    );
    assert!(
        path.contains("/ou-") && path.ends_with(&format!("/{payments}/")),
        "{path}"
    );
    assert!(one.joined_timestamp().is_some());
});

both!(accounts_that_are_not_there_or_not_in_use, small(), |rig| {
    let organizations = rig.connector().await.organizations;
    let missing = organizations
        .describe_account()
        .account_id("000000000001")
        .send()
        .await;
    assert!(
        missing
            .as_ref()
            .unwrap_err()
            .as_service_error()
            .unwrap()
            .is_account_not_found_exception()
    );
    assert_eq!(code(missing), "AccountNotFoundException");
    assert_eq!(
        code(
            organizations
                .describe_account()
                .account_id("12")
                .send()
                .await
        ),
        "InvalidInputException"
    );
    let id = rig.account("staging-eu");
    rig.sim
        .set_account_state(&id, AccountState::Suspended)
        .unwrap();
    rig.sim.knobs(|knobs| knobs.omit_account_status = true);
    let one = organizations
        .describe_account()
        .account_id(&id)
        .send()
        .await
        .unwrap();
    assert_eq!(one.account().unwrap().state(), Some(&State::Suspended));
    #[allow(deprecated)]
    let status = one.account().unwrap().status();
    assert_eq!(status, None);
});
