//! Permission sets: made, changed, provisioned, deleted.

use aws_sdk_iam::types::EntityType;
use aws_sdk_ssoadmin::types::{
    CustomerManagedPolicyReference, PermissionsBoundary, PrincipalType, ProvisionTargetType,
    ProvisioningStatus, StatusValues, Tag, TargetType,
};

use crate::rig::{Clients, Rig, SECOND, both, code, refusal, small};

const INLINE: &str =
    r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}"#;
const READ_ONLY: &str = "arn:aws:iam::aws:policy/IAMReadOnlyAccess";

async fn made(rig: &Rig, admin: &Clients, name: &str) -> String {
    let made = admin
        .sso
        .create_permission_set()
        .instance_arn(&rig.facts.instance_arn)
        .name(name)
        .send()
        .await
        .unwrap();
    made.permission_set()
        .unwrap()
        .permission_set_arn()
        .unwrap()
        .to_owned()
}

/// Ana on an account with a set, there or gone, and how it ended.
async fn assign(
    rig: &Rig,
    clients: &Clients,
    account: &str,
    set: &str,
    there: bool,
) -> (String, Option<String>) {
    let (instance, ana) = (&rig.facts.instance_arn, rig.ana());
    let request = if there {
        let call = clients
            .sso
            .create_account_assignment()
            .instance_arn(instance);
        let call = call.target_id(account).target_type(TargetType::AwsAccount);
        let call = call
            .permission_set_arn(set)
            .principal_type(PrincipalType::User);
        let made = call.principal_id(ana).send().await.unwrap();
        let status = made.account_assignment_creation_status().unwrap();
        status.request_id().unwrap().to_owned()
    } else {
        let call = clients
            .sso
            .delete_account_assignment()
            .instance_arn(instance);
        let call = call.target_id(account).target_type(TargetType::AwsAccount);
        let call = call
            .permission_set_arn(set)
            .principal_type(PrincipalType::User);
        let made = call.principal_id(ana).send().await.unwrap();
        let status = made.account_assignment_deletion_status().unwrap();
        status.request_id().unwrap().to_owned()
    };
    rig.clock.advance(10 * SECOND);
    let status = if there {
        let ask = clients.sso.describe_account_assignment_creation_status();
        let ask = ask
            .instance_arn(instance)
            .account_assignment_creation_request_id(request);
        let told = ask.send().await.unwrap();
        told.account_assignment_creation_status().unwrap().clone()
    } else {
        let ask = clients.sso.describe_account_assignment_deletion_status();
        let ask = ask
            .instance_arn(instance)
            .account_assignment_deletion_request_id(request);
        let told = ask.send().await.unwrap();
        told.account_assignment_deletion_status().unwrap().clone()
    };
    (
        status.status().unwrap().as_str().to_owned(),
        status.failure_reason().map(str::to_owned),
    )
}

/// Provisions and waits; gives status and reason.
async fn provision(
    rig: &Rig,
    admin: &Clients,
    set: &str,
    account: Option<&str>,
) -> (StatusValues, Option<String>) {
    let call = admin
        .sso
        .provision_permission_set()
        .instance_arn(&rig.facts.instance_arn);
    let call = call.permission_set_arn(set).target_type(match account {
        Some(_) => ProvisionTargetType::AwsAccount,
        None => ProvisionTargetType::AllProvisionedAccounts,
    });
    let begun = call
        .set_target_id(account.map(str::to_owned))
        .send()
        .await
        .unwrap();
    let begun = begun.permission_set_provisioning_status().unwrap();
    assert_eq!(begun.status(), Some(&StatusValues::InProgress));
    let request = begun.request_id().unwrap().to_owned();
    rig.clock.advance(10 * SECOND);
    let told = admin
        .sso
        .describe_permission_set_provisioning_status()
        .instance_arn(&rig.facts.instance_arn)
        .provision_permission_set_request_id(request)
        .send()
        .await
        .unwrap();
    let told = told.permission_set_provisioning_status().unwrap();
    (
        told.status().unwrap().clone(),
        told.failure_reason().map(str::to_owned),
    )
}

both!(
    a_set_is_made_changed_and_deleted_when_nobody_has_it,
    small(),
    |rig| {
        let admin = rig.admin();
        let instance = rig.facts.instance_arn.clone();
        let set = made(&rig, &admin, "jit-payments").await;
        let again = admin
            .sso
            .create_permission_set()
            .instance_arn(&instance)
            .name("JIT-payments");
        let (status, wrong, words) = refusal(again.send().await);
        assert_eq!((status, wrong.as_str()), (400, "ConflictException"));
        assert_eq!(
            words,
            "PermissionSet with name JIT-payments already exists."
        );
        let describe = || {
            let ask = admin.sso.describe_permission_set().instance_arn(&instance);
            ask.permission_set_arn(&set).send()
        };
        let told = describe().await.unwrap();
        let told = told.permission_set().unwrap();
        assert_eq!(
            (told.session_duration(), told.description()),
            (Some("PT1H"), None)
        );
        for wrong in ["PT30M", "PT13H", "P1D", "one hour"] {
            let call = admin.sso.update_permission_set().instance_arn(&instance);
            let call = call.permission_set_arn(&set).session_duration(wrong);
            assert_eq!(code(call.send().await), "ValidationException", "{wrong}");
        }
        admin
            .sso
            .update_permission_set()
            .instance_arn(&instance)
            .permission_set_arn(&set)
            .session_duration("PT1H30M")
            .relay_state("https://console.aws.amazon.com/")
            .send()
            .await
            .unwrap();
        let told = describe().await.unwrap();
        assert_eq!(
            told.permission_set().unwrap().session_duration(),
            Some("PT1H30M")
        );
        let tag = |key: &str| Tag::builder().key(key).value("x").build().unwrap();
        let call = admin
            .sso
            .tag_resource()
            .instance_arn(&instance)
            .resource_arn(&set);
        call.tags(tag("stint"))
            .tags(tag("team"))
            .send()
            .await
            .unwrap();
        let call = admin
            .sso
            .untag_resource()
            .instance_arn(&instance)
            .resource_arn(&set);
        call.tag_keys("team").send().await.unwrap();
        let call = admin.sso.list_tags_for_resource().instance_arn(&instance);
        let tags = call.resource_arn(&set).send().await.unwrap();
        assert_eq!(
            tags.tags().iter().map(|tag| tag.key()).collect::<Vec<_>>(),
            ["stint"]
        );
        let account = rig.account("prod-payments");
        assert_eq!(
            assign(&rig, &admin, &account, &set, true).await.0,
            "SUCCEEDED"
        );
        let delete = || {
            let call = admin.sso.delete_permission_set().instance_arn(&instance);
            call.permission_set_arn(&set).send()
        };
        let (_, wrong, words) = refusal(delete().await);
        assert_eq!(wrong, "ConflictException");
        assert!(words.contains("ApplicationProfile"), "{words}");
        assert_eq!(
            assign(&rig, &admin, &account, &set, false).await.0,
            "SUCCEEDED"
        );
        delete().await.unwrap();
        assert_eq!(code(describe().await), "ResourceNotFoundException");
        assert_eq!(code(delete().await), "ResourceNotFoundException");
        // Its name is free again.
        made(&rig, &admin, "jit-payments").await;
    }
);

both!(
    a_change_reaches_an_account_when_it_is_provisioned,
    small(),
    |rig| {
        let admin = rig.admin();
        let instance = rig.facts.instance_arn.clone();
        let management = rig.facts.management_account.clone();
        let set = made(&rig, &admin, "jit").await;
        assert_eq!(
            assign(&rig, &admin, &management, &set, true).await.0,
            "SUCCEEDED"
        );
        let outdated = || async {
            let ask = admin
                .sso
                .list_accounts_for_provisioned_permission_set()
                .instance_arn(&instance);
            let ask = ask.permission_set_arn(&set);
            let ask =
                ask.provisioning_status(ProvisioningStatus::LatestPermissionSetNotProvisioned);
            ask.send().await.unwrap().account_ids().to_vec()
        };
        let papers = || async {
            let all = admin
                .iam
                .get_account_authorization_details()
                .filter(EntityType::Role)
                .send();
            let all = all.await.unwrap();
            let mut roles = all.role_detail_list().iter();
            let role =
                roles.find(|role| role.role_name().unwrap().starts_with("AWSReservedSSO_jit_"));
            let role = role.unwrap();
            (
                role.role_policy_list().len(),
                role.attached_managed_policies().len(),
            )
        };
        assert_eq!((outdated().await.len(), papers().await), (0, (0, 0)));
        let call = admin
            .sso
            .put_inline_policy_to_permission_set()
            .instance_arn(&instance);
        call.permission_set_arn(&set)
            .inline_policy(INLINE)
            .send()
            .await
            .unwrap();
        let attach = || {
            let call = admin
                .sso
                .attach_managed_policy_to_permission_set()
                .instance_arn(&instance);
            call.permission_set_arn(&set)
                .managed_policy_arn(READ_ONLY)
                .send()
        };
        attach().await.unwrap();
        assert_eq!(code(attach().await), "ConflictException");
        assert_eq!(
            (outdated().await, papers().await),
            (vec![management.clone()], (0, 0))
        );
        assert_eq!(
            provision(&rig, &admin, &set, None).await.0,
            StatusValues::Succeeded
        );
        assert_eq!((outdated().await.len(), papers().await), (0, (1, 1)));
        // An account without the set is found out late; so is a policy an account lacks.
        let elsewhere = rig.account("prod-payments");
        let (status, reason) = provision(&rig, &admin, &set, Some(&elsewhere)).await;
        assert_eq!(status, StatusValues::Failed);
        assert_eq!(
            reason.unwrap(),
            "Received a 404 status error: Assignment not found."
        );
        let own = CustomerManagedPolicyReference::builder()
            .name("Own")
            .build()
            .unwrap();
        let call = admin
            .sso
            .attach_customer_managed_policy_reference_to_permission_set();
        let call = call.instance_arn(&instance).permission_set_arn(&set);
        call.customer_managed_policy_reference(own.clone())
            .send()
            .await
            .unwrap();
        let (status, reason) = provision(&rig, &admin, &set, Some(&management)).await;
        assert_eq!(status, StatusValues::Failed);
        assert_eq!(
            reason.unwrap(),
            format!(
                "Received a 404 status error: Not supported policy arn:aws:iam::{management}:policy/Own."
            )
        );
        let (status, reason) = assign(&rig, &admin, &elsewhere, &set, true).await;
        assert_eq!(status, "FAILED");
        assert!(
            reason
                .unwrap()
                .contains(&format!("arn:aws:iam::{elsewhere}:policy/Own"))
        );
        let call = admin
            .iam
            .create_policy()
            .policy_name("Own")
            .policy_document(INLINE);
        call.send().await.unwrap();
        let boundary = PermissionsBoundary::builder()
            .customer_managed_policy_reference(own)
            .build();
        let call = admin
            .sso
            .put_permissions_boundary_to_permission_set()
            .instance_arn(&instance);
        call.permission_set_arn(&set)
            .permissions_boundary(boundary)
            .send()
            .await
            .unwrap();
        assert_eq!(
            provision(&rig, &admin, &set, Some(&management)).await.0,
            StatusValues::Succeeded
        );
        assert_eq!(papers().await, (1, 2));
        // While a write on the pair is under way there is no other.
        let begin = || {
            let call = admin.sso.provision_permission_set().instance_arn(&instance);
            let call = call.permission_set_arn(&set);
            call.target_type(ProvisionTargetType::AllProvisionedAccounts)
                .send()
        };
        begin().await.unwrap();
        assert_eq!(code(begin().await), "ConflictException");
        let listed = admin
            .sso
            .list_permission_set_provisioning_status()
            .instance_arn(&instance);
        let listed = listed.send().await.unwrap();
        assert_eq!(listed.permission_sets_provisioning_status().len(), 5);
    }
);

both!(
    a_delegate_changes_nothing_of_the_management_account,
    small(),
    |rig| {
        let admin = rig.admin();
        let instance = rig.facts.instance_arn.clone();
        let management = rig.facts.management_account.clone();
        let member = rig.facts.member_role_arn.clone().unwrap();
        let account = member.split(':').nth(4).unwrap().to_owned();
        rig.sim
        .put_role_permissions(
            &member,
            r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#,
        )
        .unwrap();
        let delegate = rig.session(&member).await;
        let list = || delegate.sso.list_instances().send();
        assert_eq!(code(list().await), "AccessDeniedException");
        let register = || {
            let call = admin
                .organizations
                .register_delegated_administrator()
                .account_id(&account);
            call.service_principal("sso.amazonaws.com").send()
        };
        register().await.unwrap();
        assert_eq!(code(register().await), "AccountAlreadyRegisteredException");
        list().await.unwrap();
        // A delegate of any service reads the organization, and does not change it.
        delegate.organizations.list_accounts().send().await.unwrap();
        let make = delegate
            .organizations
            .create_organizational_unit()
            .parent_id("r-root")
            .name("x");
        assert_eq!(code(make.send().await), "AccessDeniedException");
        let set = made(&rig, &delegate, "jit").await;
        let elsewhere = rig.account("prod-payments");
        assert_eq!(
            assign(&rig, &delegate, &elsewhere, &set, true).await.0,
            "SUCCEEDED"
        );
        let call = |target: &str| {
            let call = delegate
                .sso
                .create_account_assignment()
                .instance_arn(&instance);
            let call = call.target_id(target).target_type(TargetType::AwsAccount);
            let call = call
                .permission_set_arn(&set)
                .principal_type(PrincipalType::User);
            call.principal_id(rig.ana()).send()
        };
        assert_eq!(code(call(&management).await), "AccessDeniedException");
        // Once the set is in the management account, it is out of reach everywhere.
        assert_eq!(
            assign(&rig, &admin, &management, &set, true).await.0,
            "SUCCEEDED"
        );
        assert_eq!(code(call(&elsewhere).await), "AccessDeniedException");
        let change = delegate.sso.update_permission_set().instance_arn(&instance);
        let change = change.permission_set_arn(&set).session_duration("PT2H");
        assert_eq!(code(change.send().await), "AccessDeniedException");
        let call = admin
            .organizations
            .deregister_delegated_administrator()
            .account_id(&account);
        call.service_principal("sso.amazonaws.com")
            .send()
            .await
            .unwrap();
        assert_eq!(code(list().await), "AccessDeniedException");
    }
);

both!(writes_on_one_account_wait_for_each_other, small(), |rig| {
    let admin = rig.admin();
    let instance = rig.facts.instance_arn.clone();
    let account = rig.account("prod-payments");
    let (mut requests, mut sets) = (Vec::new(), Vec::new());
    for name in ["one", "two"] {
        let set = made(&rig, &admin, name).await;
        sets.push(set.clone());
        let call = admin
            .sso
            .create_account_assignment()
            .instance_arn(&instance);
        let call = call.target_id(&account).target_type(TargetType::AwsAccount);
        let call = call
            .permission_set_arn(set)
            .principal_type(PrincipalType::User);
        let begun = call.principal_id(rig.ana()).send().await.unwrap();
        let begun = begun.account_assignment_creation_status().unwrap();
        requests.push(begun.request_id().unwrap().to_owned());
    }
    let status = |n: usize| {
        let ask = admin
            .sso
            .describe_account_assignment_creation_status()
            .instance_arn(&instance);
        let ask = ask
            .account_assignment_creation_request_id(&requests[n])
            .send();
        async move {
            let told = ask.await.unwrap();
            told.account_assignment_creation_status()
                .unwrap()
                .status()
                .unwrap()
                .clone()
        }
    };
    rig.clock.advance(4 * SECOND);
    assert_eq!(status(1).await, StatusValues::InProgress);
    assert_eq!(status(0).await, StatusValues::Succeeded);
    rig.clock.advance(4 * SECOND);
    assert_eq!(status(1).await, StatusValues::Succeeded);

    // Unless told otherwise.
    rig.sim.knobs(|knobs| knobs.serial_per_account = false);
    let remove = async |n: usize| {
        let call = admin
            .sso
            .delete_account_assignment()
            .instance_arn(&instance);
        let call = call.target_id(&account).target_type(TargetType::AwsAccount);
        let call = call.permission_set_arn(&sets[n]).principal_id(rig.ana());
        let begun = call
            .principal_type(PrincipalType::User)
            .send()
            .await
            .unwrap();
        let begun = begun.account_assignment_deletion_status().unwrap();
        begun.request_id().unwrap().to_owned()
    };
    let (_, second) = (remove(0).await, remove(1).await);
    rig.clock.advance(4 * SECOND);
    let ask = admin.sso.describe_account_assignment_deletion_status();
    let ask = ask.instance_arn(&instance);
    let told = ask
        .account_assignment_deletion_request_id(second)
        .send()
        .await
        .unwrap();
    let told = told.account_assignment_deletion_status().unwrap();
    assert_eq!(told.status(), Some(&StatusValues::Succeeded));
});

both!(
    people_and_groups_come_and_go_and_leave_orphans,
    small(),
    |rig| {
        use aws_sdk_identitystore::types::{
            AlternateIdentifier, AttributeOperation, Email, ExternalId, Name,
        };
        let admin = rig.admin();
        let store = rig.facts.identity_store_id.clone();
        let create = |name: &str| {
            let call = admin
                .store
                .create_user()
                .identity_store_id(&store)
                .user_name(name);
            let call = call.display_name("Emil Berg");
            let call = call.name(
                Name::builder()
                    .given_name("Emil")
                    .family_name("Berg")
                    .build(),
            );
            call.emails(
                Email::builder()
                    .value(format!("{}@acme.example", name.to_lowercase()))
                    .build(),
            )
            .nick_name("em")
            .send()
        };
        let made = create("emil").await.unwrap();
        let id = made.user_id().to_owned();
        let again = create("Emil").await;
        let conflict = again.unwrap_err().into_service_error();
        let aws_sdk_identitystore::operation::create_user::CreateUserError::ConflictException(
            conflict,
        ) = conflict
        else {
            panic!("{conflict:?}");
        };
        assert_eq!(
            conflict.reason().unwrap().as_str(),
            "UNIQUENESS_CONSTRAINT_VIOLATION"
        );
        let describe = || {
            let ask = admin.store.describe_user().identity_store_id(&store);
            ask.user_id(&id).send()
        };
        let told = describe().await.unwrap();
        assert_eq!(
            (told.nick_name(), told.display_name()),
            (Some("em"), Some("Emil Berg"))
        );
        let change = |path: &str, value: &str, revision: Option<&str>| {
            let one = AttributeOperation::builder().attribute_path(path);
            let one = one.attribute_value(aws_smithy_types::Document::String(value.to_owned()));
            let call = admin
                .store
                .update_user()
                .identity_store_id(&store)
                .user_id(&id);
            let call = call.set_revision(revision.map(str::to_owned));
            call.operations(one.build().unwrap()).send()
        };
        change("displayName", "Emil B.", Some("1")).await.unwrap();
        assert_eq!(
            code(change("displayName", "Late", Some("1")).await),
            "ConflictException"
        );
        assert_eq!(
            code(change("shoeSize", "44", None).await),
            "ValidationException"
        );
        assert_eq!(describe().await.unwrap().display_name(), Some("Emil B."));
        rig.sim
            .put_external_id(&id, "https://idp.acme.example", "e-1")
            .unwrap();
        let find = |issuer: &str| {
            let external = ExternalId::builder()
                .issuer(issuer)
                .id("e-1")
                .build()
                .unwrap();
            let ask = admin.store.get_user_id().identity_store_id(&store);
            ask.alternate_identifier(AlternateIdentifier::ExternalId(external))
                .send()
        };
        assert_eq!(
            find("https://idp.acme.example").await.unwrap().user_id(),
            id
        );
        assert_eq!(
            code(find("https://other.example").await),
            "ResourceNotFoundException"
        );
        assert_eq!(describe().await.unwrap().external_ids().len(), 1);
        let group = admin
            .store
            .create_group()
            .identity_store_id(&store)
            .display_name("On call");
        let group = group.send().await.unwrap().group_id().to_owned();
        let twice = admin
            .store
            .create_group()
            .identity_store_id(&store)
            .display_name("on CALL");
        assert_eq!(code(twice.send().await), "ConflictException");
        let member = aws_sdk_identitystore::types::MemberId::UserId(id.clone());
        let join = admin
            .store
            .create_group_membership()
            .identity_store_id(&store);
        join.group_id(&group)
            .member_id(member)
            .send()
            .await
            .unwrap();
        // Who holds something and goes leaves the row behind.
        let set = rig.set("prod-admin");
        let account = rig.account("prod-payments");
        let rows = || {
            let rows = rig.sim.assignments().into_iter();
            rows.filter(|row| row.account_id == account && row.permission_set_arn == set)
                .map(|row| row.principal_id)
                .collect::<Vec<_>>()
        };
        for (kind, who) in [(PrincipalType::User, &id), (PrincipalType::Group, &group)] {
            let call = admin
                .sso
                .create_account_assignment()
                .instance_arn(&rig.facts.instance_arn);
            let call = call.target_id(&account).target_type(TargetType::AwsAccount);
            let call = call
                .permission_set_arn(&set)
                .principal_type(kind)
                .principal_id(who);
            call.send().await.unwrap();
            rig.clock.advance(10 * SECOND);
        }
        let delete = || {
            admin
                .store
                .delete_user()
                .identity_store_id(&store)
                .user_id(&id)
                .send()
        };
        delete().await.unwrap();
        assert_eq!(code(delete().await), "ResourceNotFoundException");
        let members = admin
            .store
            .list_group_memberships()
            .identity_store_id(&store);
        let members = members.group_id(&group).send().await.unwrap();
        assert_eq!(members.group_memberships().len(), 0);
        let rename = AttributeOperation::builder().attribute_path("displayName");
        let rename =
            rename.attribute_value(aws_smithy_types::Document::String("Off call".to_owned()));
        let call = admin
            .store
            .update_group()
            .identity_store_id(&store)
            .group_id(&group);
        call.operations(rename.build().unwrap())
            .send()
            .await
            .unwrap();
        let delete = || {
            admin
                .store
                .delete_group()
                .identity_store_id(&store)
                .group_id(&group)
                .send()
        };
        delete().await.unwrap();
        assert_eq!(code(delete().await), "ResourceNotFoundException");
        let left = rows();
        assert!(left.contains(&id) && left.contains(&group), "{left:?}");
        // The name comes back as somebody else.
        assert_ne!(create("emil").await.unwrap().user_id(), id);
    }
);
