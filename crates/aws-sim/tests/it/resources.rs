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
