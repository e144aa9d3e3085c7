//! Policies of Identity Center, the identity store and Organizations that name resources.

use aws_sdk_identitystore::types::MemberId;
use aws_sdk_ssoadmin::types::{PrincipalType, Tag, TargetType};

use crate::rig::{Clients, Rig, code, refusal, small};

/// The connector's role with this policy.
async fn with(rig: &Rig, statements: &str) -> Clients {
    let policy = format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#);
    let role = &rig.facts.connector_role_arn;
    rig.sim.put_role_permissions(role, &policy).unwrap();
    rig.session(role).await
}

fn allow(actions: &str, resources: &[String]) -> String {
    let resources = serde_json::to_string(resources).unwrap();
    format!(r#"{{"Effect":"Allow","Action":"{actions}","Resource":{resources}}}"#)
}

async fn assign(rig: &Rig, who: &Clients, account: &str, set: &str) -> (u16, String, String) {
    let call = who
        .sso
        .create_account_assignment()
        .instance_arn(&rig.facts.instance_arn)
        .target_id(account)
        .target_type(TargetType::AwsAccount)
        .permission_set_arn(set)
        .principal_type(PrincipalType::User)
        .principal_id(rig.ana());
    match call.send().await {
        Ok(_) => (200, String::new(), String::new()),
        Err(error) => refusal::<(), _>(Err(error)),
    }
}

#[tokio::test]
async fn an_assignment_is_judged_on_instance_account_and_set() {
    let rig = Rig::in_memory(small());
    let (payments, tools) = (rig.account("prod-payments"), rig.account("platform-tools"));
    let (admin, read) = (rig.set("prod-admin"), rig.set("data-read"));
    let account = |id: &str| format!("arn:aws:sso:::account/{id}");
    let instance = rig.facts.instance_arn.clone();
    let scoped = [instance.clone(), account(&payments), read.clone()];
    let who = with(&rig, &allow("sso:CreateAccountAssignment", &scoped)).await;
    assert_eq!(assign(&rig, &who, &payments, &read).await.0, 200);
    for (target, set, refused) in [
        (&tools, &read, account(&tools)),
        (&payments, &admin, admin.clone()),
    ] {
        let (status, code, message) = assign(&rig, &who, target, set).await;
        assert_eq!((status, code.as_str()), (400, "AccessDeniedException"));
        let words = format!(
            "is not authorized to perform: sso:CreateAccountAssignment on resource: {refused} because no identity-based policy allows the sso:CreateAccountAssignment action"
        );
        assert!(message.ends_with(&words), "{message}");
    }
    // Every one of the three has to be allowed.
    let two = with(&rig, &allow("sso:CreateAccountAssignment", &scoped[1..])).await;
    let (.., message) = assign(&rig, &two, &payments, &read).await;
    assert!(message.contains(&instance), "{message}");
    // One set denied, the rest allowed.
    let deny = format!(r#"{{"Effect":"Deny","Action":"sso:*","Resource":"{admin}"}}"#);
    let all = allow("sso:*", &["*".to_owned()]);
    let who = with(&rig, &format!("{all},{deny}")).await;
    let (.., message) = assign(&rig, &who, &payments, &admin).await;
    assert!(
        message.contains("with an explicit deny in an identity-based policy"),
        "{message}"
    );
    who.sso
        .list_permission_sets()
        .instance_arn(&instance)
        .send()
        .await
        .unwrap();
    // By the tags of the set.
    let tagged = r#"{"Effect":"Allow","Action":"sso:DescribePermissionSet","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/team":"data"}}}"#;
    let describe = |who: &Clients, set: &str| {
        let call = who.sso.describe_permission_set().instance_arn(&instance);
        call.permission_set_arn(set).send()
    };
    let who = with(&rig, tagged).await;
    assert_eq!(code(describe(&who, &read).await), "AccessDeniedException");
    let tag = aws_sdk_ssoadmin::types::Tag::builder()
        .key("team")
        .value("data")
        .build()
        .unwrap();
    let call = rig
        .admin()
        .sso
        .tag_resource()
        .instance_arn(&instance)
        .resource_arn(&read)
        .tags(tag);
    call.send().await.unwrap();
    describe(&who, &read).await.unwrap();
    assert_eq!(code(describe(&who, &admin).await), "AccessDeniedException");
}

#[tokio::test]
async fn a_membership_is_judged_on_store_group_and_user() {
    let rig = Rig::in_memory(small());
    let groups = rig
        .admin()
        .store
        .list_groups()
        .identity_store_id(&rig.facts.identity_store_id);
    let groups = groups.send().await.unwrap();
    let [one, two] =
        [&groups.groups()[0], &groups.groups()[1]].map(|group| group.group_id().to_owned());
    let store = &rig.facts.identity_store_id;
    let store_arn = format!(
        "arn:aws:identitystore::{}:identitystore/{store}",
        rig.facts.management_account
    );
    let arn = |kind: &str, id: &str| format!("arn:aws:identitystore:::{kind}/{id}");
    let scoped = [
        store_arn.clone(),
        arn("group", &one),
        arn("user", "*"),
        arn("membership", "*"),
    ];
    let who = with(&rig, &allow("identitystore:*", &scoped)).await;
    let join = |who: &Clients, group: &str| {
        let call = who
            .store
            .create_group_membership()
            .identity_store_id(store)
            .group_id(group);
        call.member_id(MemberId::UserId(rig.ana())).send()
    };
    let made = join(&who, &one).await.unwrap().membership_id().to_owned();
    let (_, code_of, message) = refusal(join(&who, &two).await);
    assert_eq!(code_of, "AccessDeniedException");
    assert!(message.contains(&arn("group", &two)), "{message}");
    // Of a membership known by its id, the group behind it counts.
    let other = join(&rig.admin(), &two)
        .await
        .unwrap()
        .membership_id()
        .to_owned();
    let leave = |id: &str| {
        let call = who.store.delete_group_membership().identity_store_id(store);
        call.membership_id(id).send()
    };
    assert_eq!(code(leave(&other).await), "AccessDeniedException");
    leave(&made).await.unwrap();
    // Somebody else, and another store.
    let scoped_to = |store: &str, user: &str| {
        let all = [
            store.to_owned(),
            arn("group", &one),
            arn("user", user),
            arn("membership", "*"),
        ];
        allow("identitystore:*", &all)
    };
    let somebody = rig.facts.bo.clone().unwrap().user_id;
    let who_else = with(&rig, &scoped_to(&store_arn, &somebody)).await;
    let (_, code_of, message) = refusal(join(&who_else, &one).await);
    assert_eq!(code_of, "AccessDeniedException");
    assert!(message.contains(&arn("user", &rig.ana())), "{message}");
    let elsewhere = store_arn.replace(store.as_str(), "d-0000000000");
    let who_else = with(&rig, &scoped_to(&elsewhere, &rig.ana())).await;
    let (_, code_of, message) = refusal(join(&who_else, &one).await);
    assert_eq!(code_of, "AccessDeniedException");
    assert!(message.contains(&store_arn), "{message}");
    let who_else = with(&rig, &scoped_to(&store_arn, &rig.ana())).await;
    join(&who_else, &one).await.unwrap();
    // Lists are judged on everything of the kind.
    let who = with(&rig, &allow("identitystore:*", &scoped)).await;
    let list = |who: &Clients| who.store.list_groups().identity_store_id(store).send();
    assert_eq!(code(list(&who).await), "AccessDeniedException");
    let scoped = [store_arn, arn("group", "*")];
    let who = with(&rig, &allow("identitystore:*", &scoped)).await;
    list(&who).await.unwrap();
}

#[tokio::test]
async fn accounts_and_units_are_judged_one_by_one() {
    let rig = Rig::in_memory(small());
    let (payments, tools) = (rig.account("prod-payments"), rig.account("platform-tools"));
    let (owner, organization) = (&rig.facts.management_account, &rig.facts.organization_id);
    let arn =
        |kind: &str, id: &str| format!("arn:aws:organizations::{owner}:{kind}/{organization}/{id}");
    let who = with(
        &rig,
        &allow(
            "organizations:*",
            &[arn("account", &payments), arn("root", "*")],
        ),
    )
    .await;
    who.organizations
        .describe_account()
        .account_id(&payments)
        .send()
        .await
        .unwrap();
    let refused = who
        .organizations
        .describe_account()
        .account_id(&tools)
        .send()
        .await;
    assert_eq!(code(refused), "AccessDeniedException");
    // What has no resource type needs `*`.
    let refused = who.organizations.list_accounts().send().await;
    assert_eq!(code(refused), "AccessDeniedException");
    let root = rig.admin().organizations.list_roots().send().await.unwrap();
    let root = root.roots()[0].id().unwrap().to_owned();
    who.organizations
        .list_accounts_for_parent()
        .parent_id(&root)
        .send()
        .await
        .unwrap();
    let units = rig
        .admin()
        .organizations
        .list_organizational_units_for_parent()
        .parent_id(&root);
    let units = units.send().await.unwrap();
    let unit = units.organizational_units()[0].id().unwrap().to_owned();
    let refused = who
        .organizations
        .list_accounts_for_parent()
        .parent_id(&unit)
        .send()
        .await;
    assert_eq!(code(refused), "AccessDeniedException");
    let who = with(&rig, &allow("organizations:*", &[arn("ou", &unit)])).await;
    who.organizations
        .list_accounts_for_parent()
        .parent_id(&unit)
        .send()
        .await
        .unwrap();
}

#[tokio::test]
async fn what_is_to_be_tagged_is_asked_for_in_conditions() {
    let rig = Rig::in_memory(small());
    let instance = &rig.facts.instance_arn;
    let when = |condition: &str| {
        format!(r#"{{"Effect":"Allow","Action":"sso:*","Resource":"*","Condition":{condition}}}"#)
    };
    let tag = |key: &str, value: &str| {
        let tag = Tag::builder().key(key).value(value);
        tag.build().unwrap()
    };
    let who = with(
        &rig,
        &when(r#"{"StringEquals":{"aws:RequestTag/team":"a"}}"#),
    )
    .await;
    let make = |name: &str, tags: Vec<Tag>| {
        let call = who.sso.create_permission_set().instance_arn(instance);
        call.name(name).set_tags(Some(tags)).send()
    };
    let denied = "AccessDeniedException";
    assert_eq!(code(make("one", vec![tag("team", "b")]).await), denied);
    assert_eq!(code(make("one", vec![tag("group", "a")]).await), denied);
    let made = make("one", vec![tag("team", "a")]).await.unwrap();
    let made = made.permission_set().unwrap().permission_set_arn().unwrap();
    // Of tags that come and tags that go, the keys.
    let who = with(
        &rig,
        &when(r#"{"ForAllValues:StringEquals":{"aws:TagKeys":["team"]},"Null":{"aws:TagKeys":"false"}}"#),
    )
    .await;
    let add = |keys: &[&str]| {
        let tags = keys.iter().map(|key| tag(key, "x")).collect();
        let call = who.sso.tag_resource().instance_arn(instance);
        call.resource_arn(made).set_tags(Some(tags)).send()
    };
    assert_eq!(code(add(&["team", "cost"]).await), denied);
    add(&["team"]).await.unwrap();
    let remove = |key: &str| {
        let call = who.sso.untag_resource().instance_arn(instance);
        call.resource_arn(made).tag_keys(key).send()
    };
    assert_eq!(code(remove("cost").await), denied);
    remove("team").await.unwrap();
}

/// What source 4 and AWS's own page have roles that work in the management account do.
const ON_ROLES: [&str; 11] = [
    "iam:AttachRolePolicy",
    "iam:CreateRole",
    "iam:DeleteRole",
    "iam:DeleteRolePolicy",
    "iam:DetachRolePolicy",
    "iam:GetRole",
    "iam:ListAttachedRolePolicies",
    "iam:ListRolePolicies",
    "iam:PutRolePolicy",
    "iam:UpdateRole",
    "iam:UpdateRoleDescription",
];
const ON_PROVIDERS: [&str; 2] = ["iam:GetSAMLProvider", "iam:UpdateSAMLProvider"];
const ON_EVERYTHING: [&str; 2] = ["iam:ListPolicies", "iam:ListRoles"];

/// Gives and takes a permission set in the management account, to and from two people, without
/// one of these actions; the reasons of what failed.
async fn in_management(without: &str) -> Vec<String> {
    let rig = Rig::in_memory(small());
    let set = rig.set("prod-admin");
    let inline = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}}"#;
    let put = rig.admin().sso.put_inline_policy_to_permission_set();
    let put = put.instance_arn(&rig.facts.instance_arn);
    let put = put.permission_set_arn(&set).inline_policy(inline);
    put.send().await.unwrap();
    let some = |all: &[&str], resource: &str| -> String {
        let actions: Vec<&&str> = all.iter().filter(|it| **it != without).collect();
        let actions = serde_json::to_string(&actions).unwrap();
        format!(r#"{{"Effect":"Allow","Action":{actions},"Resource":"{resource}"}}"#)
    };
    let who = with(
        &rig,
        &[
            some(&["sso:*"], "*"),
            some(
                &ON_ROLES,
                "arn:aws:iam::*:role/aws-reserved/sso.amazonaws.com/*",
            ),
            some(
                &ON_PROVIDERS,
                "arn:aws:iam::*:saml-provider/AWSSSO_*_DO_NOT_DELETE",
            ),
            some(&ON_EVERYTHING, "*"),
        ]
        .join(","),
    )
    .await;
    let triple = |principal: &str| crate::assignments::Triple {
        account: rig.facts.management_account.clone(),
        set: set.clone(),
        principal: principal.to_owned(),
        ..crate::assignments::Triple::of(&rig, &who)
    };
    let bo = rig.facts.bo.as_ref().unwrap().user_id.clone();
    let mut failed = Vec::new();
    for (principal, gives) in [
        (rig.ana(), true),
        (bo.clone(), true),
        (bo, false),
        (rig.ana(), false),
    ] {
        let triple = triple(&principal);
        let reason = if gives {
            let id = crate::assignments::accepted(triple.create().await);
            rig.clock.advance(10_000_000);
            triple
                .creation(&id)
                .await
                .failure_reason()
                .map(str::to_owned)
        } else {
            let id = crate::assignments::accepted_delete(triple.delete().await);
            rig.clock.advance(10_000_000);
            triple
                .deletion(&id)
                .await
                .failure_reason()
                .map(str::to_owned)
        };
        failed.extend(reason);
    }
    failed
}

#[tokio::test]
async fn the_management_account_takes_what_the_sources_list() {
    assert_eq!(in_management("").await, [""; 0]);
    for action in ON_ROLES.iter().chain(&ON_PROVIDERS).chain(&ON_EVERYTHING) {
        let failed = in_management(action).await;
        let named = format!("is not authorized to perform: {action} on resource:");
        assert!(
            failed.iter().any(|it| it.contains(&named)),
            "{action}: {failed:?}"
        );
        let head = "Received a 403 status error: Access denied by IAM.";
        let heads = failed
            .iter()
            .all(|it| it.starts_with(head) || it.contains("404"));
        assert!(heads, "{failed:?}");
    }
}

#[tokio::test]
async fn an_encrypted_identity_center_takes_its_key() {
    let rig = Rig::in_memory(small());
    let key = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    rig.sim.encrypt_identity_center(Some(key));
    let reads = allow("sso:List*", &["*".to_owned()])
        + ","
        + &allow("identitystore:List*", &["*".to_owned()]);
    let who = with(&rig, &reads).await;
    // It is found without: that action depends on no key [S].
    assert_eq!(
        who.sso
            .list_instances()
            .send()
            .await
            .unwrap()
            .instances()
            .len(),
        1
    );
    let list = |who: &Clients| {
        let list = who.sso.list_permission_sets();
        list.instance_arn(&rig.facts.instance_arn).send()
    };
    let refused = list(&who).await.unwrap_err();
    let refused = refused.as_service_error().unwrap();
    let aws_sdk_ssoadmin::operation::list_permission_sets::ListPermissionSetsError::AccessDeniedException(why) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(why.reason().unwrap().as_str(), "KMS_AccessDeniedException");
    assert!(why.message().unwrap().contains("kms:Decrypt"), "{why}");
    let people = |who: &Clients| {
        let list = who.store.list_users();
        list.identity_store_id(&rig.facts.identity_store_id).send()
    };
    assert_eq!(code(people(&who).await), "AccessDeniedException");
    let who = with(
        &rig,
        &format!("{reads},{}", allow("kms:Decrypt", &[key.to_owned()])),
    )
    .await;
    list(&who).await.unwrap();
    people(&who).await.unwrap();
}

#[tokio::test]
async fn identity_center_is_in_one_region() {
    let rig = Rig::in_memory(small());
    let admin = rig.admin();
    let in_region = |region: &str| {
        let config = admin.sso.config().to_builder();
        let region = aws_sdk_ssoadmin::config::Region::new(region.to_owned());
        aws_sdk_ssoadmin::Client::from_conf(config.region(region).build())
    };
    for (region, there) in [("us-east-1", 0), ("eu-central-1", 1), ("us-gov-west-1", 0)] {
        let found = in_region(region).list_instances().send().await.unwrap();
        assert_eq!(found.instances().len(), there, "{region}");
    }
}
