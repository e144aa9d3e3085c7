//! Accounts as Organizations tells of them.

use aws_sdk_organizations::Client;
use aws_sdk_organizations::types::{AccountState as State, AccountStatus, Tag};
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

fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build().unwrap()
}

async fn tags_of(organizations: &Client, account: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut next = None;
    loop {
        let list = organizations
            .list_tags_for_resource()
            .resource_id(account)
            .set_next_token(next);
        let page = list.send().await.unwrap();
        assert!(page.tags().len() <= 20);
        let row = |tag: &Tag| (tag.key().to_owned(), tag.value().to_owned());
        found.extend(page.tags().iter().map(row));
        next = page.next_token().map(str::to_owned);
        if next.is_none() {
            return found;
        }
    }
}

both!(an_accounts_tags_come_change_and_go, small(), |rig| {
    let organizations = rig.admin().organizations;
    let payments = rig.account("prod-payments");
    let own = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    assert_eq!(
        tags_of(&organizations, &payments).await,
        [own("env", "prod")]
    );
    let many = (0..30).map(|n| tag(&format!("k{n:02}"), ""));
    organizations
        .tag_resource()
        .resource_id(&payments)
        .set_tags(Some(many.collect()))
        .tags(tag("env", "live"))
        .tags(tag("Env", "another"))
        .send()
        .await
        .unwrap();
    let all = tags_of(&organizations, &payments).await;
    assert_eq!(all.len(), 32);
    assert!(all.contains(&own("env", "live")) && all.contains(&own("Env", "another")));
    let mut untag = organizations.untag_resource().resource_id(&payments);
    for (key, _) in all.iter().filter(|(key, _)| key != "env") {
        untag = untag.tag_keys(key);
    }
    untag.send().await.unwrap();
    assert_eq!(
        tags_of(&organizations, &payments).await,
        [own("env", "live")]
    );
});

both!(
    tags_have_limits_and_are_judged_on_their_account,
    small(),
    |rig| {
        let organizations = rig.admin().organizations;
        let (payments, tools) = (rig.account("prod-payments"), rig.account("platform-tools"));
        let put = |tags: Vec<Tag>| {
            let call = organizations.tag_resource().resource_id(&payments);
            call.set_tags(Some(tags)).send()
        };
        let fifty_more = (0..50).map(|n| tag(&format!("k{n:02}"), "")).collect();
        assert_eq!(code(put(fifty_more).await), "ConstraintViolationException");
        for wrong in [
            vec![tag("aws:cloudformation", "x")],
            vec![tag("a", "1"), tag("a", "2")],
            vec![tag(&"k".repeat(129), "1")],
            vec![tag("a", &"v".repeat(257))],
        ] {
            assert_eq!(code(put(wrong).await), "InvalidInputException");
        }
        assert_eq!(tags_of(&organizations, &payments).await.len(), 1);
        let nobody = organizations
            .list_tags_for_resource()
            .resource_id("000000000001");
        assert_eq!(code(nobody.send().await), "TargetNotFoundException");
        let not_an_id = organizations.list_tags_for_resource().resource_id("12");
        assert_eq!(code(not_an_id.send().await), "InvalidInputException");
        // Of one account, by its ARN.
        let arn = format!(
            "arn:aws:organizations::{}:account/{}/{payments}",
            rig.facts.management_account, rig.facts.organization_id
        );
        let policy = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"organizations:ListTagsForResource","Resource":"{arn}"}}]}}"#
        );
        let connector = rig.connector().await.organizations;
        rig.sim
            .put_role_permissions(&rig.facts.connector_role_arn, &policy)
            .unwrap();
        let list = |id: &str| connector.list_tags_for_resource().resource_id(id).send();
        list(&payments).await.unwrap();
        assert_eq!(code(list(&tools).await), "AccessDeniedException");
        let put = connector.tag_resource().resource_id(&payments);
        let put = put.tags(tag("a", "1")).send();
        assert_eq!(code(put.await), "AccessDeniedException");
    }
);
