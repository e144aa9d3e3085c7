//! Users and groups of the identity store; instance and permission sets.

use aws_sdk_identitystore::types::{
    AlternateIdentifier, ExternalId, ResourceType, UniqueAttribute, UserStatus,
};
use aws_smithy_types::Document;

use crate::rig::{both, code, small};

both!(users_as_the_identity_store_lists_them, small(), |rig| {
    let store = rig.connector().await.store;
    let id = &rig.facts.identity_store_id;
    let listed = store
        .list_users()
        .identity_store_id(id)
        .send()
        .await
        .unwrap();
    assert_eq!(listed.users().len(), 40);
    let names: Vec<_> = listed
        .users()
        .iter()
        .take(4)
        .map(|user| user.user_name().unwrap())
        .collect();
    assert_eq!(
        names,
        ["ana.moreno", "bo.lindqvist", "cy.adeyemi", "dee.okonkwo"]
    );
    let ana = &listed.users()[0];
    let facts = rig.facts.ana.clone().unwrap();
    assert_eq!(ana.user_id(), facts.user_id);
    assert_eq!(ana.display_name(), Some("Ana Moreno"));
    assert_eq!(ana.emails()[0].value(), Some("ana.moreno@acme.example"));
    assert_eq!(ana.user_status(), Some(&UserStatus::Enabled));
    assert!(ana.user_id().len() == 47 && ana.user_id().starts_with(&id[2..]));
    let one = store
        .describe_user()
        .identity_store_id(id)
        .user_id(&facts.user_id)
        .send()
        .await
        .unwrap();
    assert_eq!(one.name().unwrap().family_name(), Some("Moreno"));
    assert!(one.created_at().is_some());

    rig.sim.disable_user(&facts.user_id).unwrap();
    let one = store
        .describe_user()
        .identity_store_id(id)
        .user_id(&facts.user_id)
        .send()
        .await
        .unwrap();
    assert_eq!(one.user_status(), Some(&UserStatus::Disabled));
    rig.sim.remove_user(&facts.user_id).unwrap();
    let gone = store
        .describe_user()
        .identity_store_id(id)
        .user_id(&facts.user_id)
        .send()
        .await
        .unwrap_err();
    let gone = gone.into_service_error();
    assert!(gone.is_resource_not_found_exception());
    assert_eq!(
        store
            .list_users()
            .identity_store_id(id)
            .send()
            .await
            .unwrap()
            .users()
            .len(),
        39
    );
});

both!(groups_as_the_identity_store_lists_them, small(), |rig| {
    let store = rig.connector().await.store;
    let id = &rig.facts.identity_store_id;
    let listed = store
        .list_groups()
        .identity_store_id(id)
        .send()
        .await
        .unwrap();
    assert_eq!(listed.groups().len(), 8);
    let platform = &listed.groups()[0];
    assert_eq!(platform.display_name(), Some("platform"));
    let one = store
        .describe_group()
        .identity_store_id(id)
        .group_id(platform.group_id())
        .send()
        .await
        .unwrap();
    assert_eq!(one.description(), Some("Everybody of platform"));
    #[allow(deprecated)]
    let filter = aws_sdk_identitystore::types::Filter::builder()
        .attribute_path("DisplayName")
        .attribute_value("data")
        .build()
        .unwrap();
    #[allow(deprecated)]
    let found = store
        .list_groups()
        .identity_store_id(id)
        .filters(filter)
        .send()
        .await
        .unwrap();
    assert_eq!(found.groups().len(), 1);
});

both!(ids_by_name_and_mail, small(), |rig| {
    // Not among the permissions Stint asks for.
    let store = rig.admin().store;
    let id = &rig.facts.identity_store_id;
    let by = |path: &str, value: &str| {
        AlternateIdentifier::UniqueAttribute(
            UniqueAttribute::builder()
                .attribute_path(path)
                .attribute_value(Document::String(value.to_owned()))
                .build()
                .unwrap(),
        )
    };
    for (path, value) in [
        ("userName", "Ana.Moreno"),
        ("emails.value", "ana.moreno@acme.example"),
    ] {
        let found = store
            .get_user_id()
            .identity_store_id(id)
            .alternate_identifier(by(path, value))
            .send()
            .await;
        assert_eq!(found.unwrap().user_id(), rig.ana());
    }
    let group = store
        .get_group_id()
        .identity_store_id(id)
        .alternate_identifier(by("displayName", "data"))
        .send()
        .await;
    assert_eq!(
        Some(group.unwrap().group_id().to_owned()),
        rig.sim.group_id("data")
    );
    let missing = store
        .get_user_id()
        .identity_store_id(id)
        .alternate_identifier(by("userName", "x"))
        .send()
        .await;
    assert_eq!(code(missing), "ResourceNotFoundException");
    let external =
        AlternateIdentifier::ExternalId(ExternalId::builder().issuer("i").id("x").build().unwrap());
    let missing = store
        .get_user_id()
        .identity_store_id(id)
        .alternate_identifier(external)
        .send()
        .await;
    assert_eq!(code(missing), "ResourceNotFoundException");
    let wrong = store
        .get_user_id()
        .identity_store_id(id)
        .alternate_identifier(by("title", "x"))
        .send()
        .await;
    assert_eq!(code(wrong), "ValidationException");
});

both!(another_store_is_not_found, small(), |rig| {
    let store = rig.connector().await.store;
    let error = store
        .list_users()
        .identity_store_id("d-0123456789")
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    let aws_sdk_identitystore::operation::list_users::ListUsersError::ResourceNotFoundException(
        error,
    ) = error
    else {
        panic!("{error:?}");
    };
    assert_eq!(error.resource_type(), Some(&ResourceType::IdentityStore));
    assert_eq!(error.resource_id(), Some("d-0123456789"));
    assert!(error.request_id().is_some_and(|id| id.len() == 36));
    assert_eq!(
        code(
            store
                .list_users()
                .identity_store_id("nonsense")
                .send()
                .await
        ),
        "ValidationException"
    );
});

both!(the_instance_and_its_permission_sets, small(), |rig| {
    let sso = rig.connector().await.sso;
    let instances = sso.list_instances().send().await.unwrap();
    let [instance] = instances.instances() else {
        panic!("one instance")
    };
    assert_eq!(
        instance.instance_arn(),
        Some(rig.facts.instance_arn.as_str())
    );
    assert_eq!(
        instance.identity_store_id(),
        Some(rig.facts.identity_store_id.as_str())
    );
    assert_eq!(
        instance.owner_account_id(),
        Some(rig.facts.management_account.as_str())
    );
    assert_eq!(instance.status().unwrap().as_str(), "ACTIVE");
    let describe = |arn: &str| {
        sso.describe_permission_set()
            .instance_arn(&rig.facts.instance_arn)
            .permission_set_arn(arn)
            .send()
    };
    let set = describe(&rig.set("prod-admin")).await.unwrap();
    let set = set.permission_set().unwrap();
    assert_eq!(set.name(), Some("prod-admin"));
    assert_eq!(set.session_duration(), Some("PT1H"));
    assert!(
        set.permission_set_arn()
            .unwrap()
            .starts_with("arn:aws:sso:::permissionSet/ssoins-")
    );
    let missing = rig
        .set("prod-admin")
        .replace("/ps-", "/ps-x")
        .replace("ps-x", "ps-");
    let missing = format!("{}{}", &missing[..missing.len() - 16], "0123456789abcdef");
    let refused = describe(&missing).await;
    assert!(
        refused
            .as_ref()
            .unwrap_err()
            .as_service_error()
            .unwrap()
            .is_resource_not_found_exception()
    );
    assert_eq!(
        code(describe("arn:aws:sso:::permissionSet/x").await),
        "ValidationException"
    );
    let elsewhere = sso
        .list_permission_sets()
        .instance_arn("arn:aws:sso:::instance/ssoins-0123456789abcdef")
        .send()
        .await;
    assert_eq!(code(elsewhere), "ResourceNotFoundException");
});
