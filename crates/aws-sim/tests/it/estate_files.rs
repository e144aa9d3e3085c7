//! Estates that a file describes, and estates that are built by AWS's own API.

use std::path::Path;

use aws_sdk_organizations::types::{ChildType, PolicyType};
use aws_sdk_ssoadmin::types::{PrincipalType, TargetType};
use stint_aws_sim::{EstateFile, EstateSpec, Knobs, Sim, SimClock};

use crate::rig::{Rig, START, code};

/// The example of the guide.
fn example() -> String {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guide/simulator.md");
    let guide = std::fs::read_to_string(guide).unwrap();
    let (_, rest) = guide.split_once("```yaml\n").unwrap();
    rest.split_once("```").unwrap().0.to_owned()
}

fn built(text: &str) -> Rig {
    let file = EstateFile::read(text).unwrap();
    let clock = SimClock::frozen(START);
    let sim = Sim::from_file(&file, clock.clone(), Knobs::default()).unwrap();
    Rig::of(sim, clock)
}

/// What is said of a file that is wrong.
fn wrong(text: &str) -> String {
    let read = EstateFile::read(text);
    let built = read.and_then(|file| {
        Sim::from_file(&file, SimClock::frozen(START), Knobs::default()).map(drop)
    });
    built.unwrap_err().to_string()
}

#[tokio::test]
async fn the_example_of_the_guide_is_what_it_says() {
    let rig = built(&example());
    let admin = rig.admin();
    let accounts = admin.organizations.list_accounts().send().await.unwrap();
    let accounts: Vec<_> = accounts
        .accounts()
        .iter()
        .map(|it| (it.name().unwrap(), it.state().unwrap().as_str()))
        .collect();
    assert_eq!(
        accounts,
        [
            ("acme-management", "ACTIVE"),
            ("security", "ACTIVE"),
            ("prod-payments", "ACTIVE"),
            ("dev-payments", "ACTIVE"),
            ("old-shop", "SUSPENDED"),
        ]
    );
    for (account, count) in [("dev-payments", 2), ("prod-payments", 0)] {
        let id = rig.account(account);
        let tags = admin.organizations.list_tags_for_resource();
        let tags = tags.resource_id(id).send().await.unwrap();
        assert_eq!(tags.tags().len(), count, "{account}");
    }
    let root = admin.organizations.list_roots().send().await.unwrap();
    let root = root.roots()[0].id().unwrap().to_owned();
    let units = admin
        .organizations
        .list_organizational_units_for_parent()
        .parent_id(&root)
        .send()
        .await
        .unwrap();
    let workloads = units
        .organizational_units()
        .iter()
        .find(|it| it.name() == Some("Workloads"))
        .unwrap()
        .id()
        .unwrap();
    let inside = admin
        .organizations
        .list_children()
        .parent_id(workloads)
        .child_type(ChildType::Account)
        .send();
    assert_eq!(inside.await.unwrap().children().len(), 1, "old-shop");
    let over = admin
        .organizations
        .list_policies_for_target()
        .target_id(workloads)
        .filter(PolicyType::ServiceControlPolicy);
    let over = over.send().await.unwrap();
    let names: Vec<_> = over.policies().iter().filter_map(|it| it.name()).collect();
    assert_eq!(names, ["FullAWSAccess", "stay-in-the-organization"]);
    let delegates = admin
        .organizations
        .list_delegated_administrators()
        .send()
        .await
        .unwrap();
    assert_eq!(
        delegates.delegated_administrators()[0].name(),
        Some("security")
    );

    // What hangs on IAM of the account, and what keeps it out.
    let named: Vec<_> = rig
        .sim
        .assignments()
        .into_iter()
        .map(|it| (it.account, it.permission_set, it.principal))
        .collect();
    let row = |a: &str, s: &str, p: &str| (a.to_owned(), s.to_owned(), p.to_owned());
    assert_eq!(named.len(), 4);
    for expected in [
        row("prod-payments", "ReadOnly", "Everybody"),
        row("dev-payments", "ReadOnly", "Everybody"),
        row("prod-payments", "Deploy", "Payments"),
        row("prod-payments", "Deploy", "bo"),
    ] {
        assert!(
            named.contains(&expected),
            "{expected:?} is not in {named:?}"
        );
    }
    let store = &rig.facts.identity_store_id;
    let users = admin
        .store
        .list_users()
        .identity_store_id(store)
        .send()
        .await
        .unwrap();
    let users: Vec<_> = users
        .users()
        .iter()
        .map(|it| {
            (
                it.user_name().unwrap(),
                it.user_status().unwrap().as_str(),
                it.external_ids().len(),
            )
        })
        .collect();
    assert_eq!(
        users,
        [
            ("ana", "ENABLED", 0),
            ("bo", "ENABLED", 1),
            ("cy", "DISABLED", 0)
        ]
    );
    assert_eq!(rig.facts.ana.as_ref().unwrap().email, "ana@acme.example");
    let instance = &rig.facts.instance_arn;
    let deploy = rig.set("Deploy");
    let own = admin
        .sso
        .list_customer_managed_policy_references_in_permission_set();
    let own = own
        .instance_arn(instance)
        .permission_set_arn(&deploy)
        .send()
        .await
        .unwrap();
    assert_eq!(
        own.customer_managed_policy_references()[0].name(),
        "PaymentsDeploy"
    );
    let inline = admin
        .sso
        .get_inline_policy_for_permission_set()
        .instance_arn(instance)
        .permission_set_arn(&deploy);
    assert!(
        inline
            .send()
            .await
            .unwrap()
            .inline_policy()
            .unwrap()
            .contains("sqs:ListQueues")
    );
    assert!(
        rig.sim.history().is_empty(),
        "nobody did what an estate begins with"
    );
    let role = rig.sim.role_arns("333333333333");
    assert!(
        role.iter().any(|arn| arn.ends_with("role/Auditor")),
        "{role:?}"
    );
    assert!(
        role.iter()
            .any(|arn| arn.contains("AWSReservedSSO_Deploy_")),
        "{role:?}"
    );
    // The same file, the same estate.
    assert_eq!(built(&example()).facts, rig.facts);
}

#[test]
fn what_is_wrong_with_a_file_is_said_with_where_it_stands() {
    let base = "management: { name: m }\naccounts: [{ name: prod }]\n";
    for (more, said) in [
        ("colour: red\n", "line 3, column 1: unknown field `colour`"),
        (
            "people:\n  - { user_name: a, given_name: A }\n",
            "line 4, column 21: missing field `family_name`",
        ),
        (
            "people:\n  - { user_name: a, given_name: A, family_name: A, age: 7 }\n",
            "unknown field `age`",
        ),
        (
            "groups:\n  - name: G\n    members: [nobody]\n",
            "line 5, column 15: no person `nobody`: list it under `people`",
        ),
        (
            "permission_sets:\n  - { name: \"a b\" }\n",
            "line 4, column 13: permission set `a b`: ValidationException",
        ),
        (
            "permission_sets:\n  - { name: a }\n  - { name: A }\n",
            "line 5, column 13: permission set `A`: ConflictException",
        ),
        (
            "permission_sets:\n  - name: a\n    inline: { Version: x }\n",
            "permission set `a`: ValidationException: Invalid policy",
        ),
        (
            "permission_sets:\n  - { name: a, managed: [Nothing] }\n",
            "line 4, column 26: no policy `Nothing`",
        ),
        (
            "assignments:\n  - { permission_set: a, accounts: [prod], users: [] }\n",
            "no permission set `a`",
        ),
        (
            "permission_sets: [{ name: a }]\nassignments:\n  - { permission_set: a, accounts: [prod] }\n",
            "an assignment needs `users` or `groups`",
        ),
        (
            "iam:\n  - account: prod\n    roles: [{ name: r }]\n",
            "role `r` needs `trust`",
        ),
        (
            "iam:\n  - account: prod\n    groups: [{ name: g, groups: [x] }]\n",
            "an IAM group has no `groups`",
        ),
        (
            "iam:\n  - account: prod\n    users: [{ name: u, groups: [x] }]\n",
            "no IAM group `x`",
        ),
        (
            "iam:\n  - account: nowhere\n",
            "line 4, column 14: no account `nowhere`: list it under `accounts`",
        ),
        (
            "units: [{ name: A }]\nroot_policies: [p]\n",
            "line 4, column 17: no service control policy `p`",
        ),
        (
            "delegated_administrators: [{ account: m, service: sso.amazonaws.com }]\n",
            "delegated administrator `m`",
        ),
        ("people: [\n", "line"),
    ] {
        let text = format!("{base}{more}");
        let found = wrong(&text);
        assert!(found.contains(said), "{text}\nfound {found}");
    }
    for (text, said) in [
        ("accounts: []\n", "missing field `management`"),
        ("management: { name: m, id: 12 }\n", "12 digits"),
        (
            "management: { name: m, id: \"111111111111\" }\naccounts: [{ name: a, id: \"111111111111\" }]\n",
            "line 2, column 27: two accounts have the id 111111111111",
        ),
        (
            "management: { name: m }\naccounts: [{ name: a, unit: X/Y }]\n",
            "line 2, column 29: no unit `X/Y`",
        ),
        (
            "management: { name: m }\naccounts: [{ name: a }, { name: a }]\niam: [{ account: a }]\n",
            "several accounts are called `a`",
        ),
        ("", "line 1, column 1: unexpected end of input"),
    ] {
        let found = wrong(text);
        assert!(found.contains(said), "{text}\nfound {found}");
    }
}

#[tokio::test]
async fn a_small_organization_is_built_by_the_api() {
    let rig = Rig::in_memory(EstateSpec {
        seed: 5,
        accounts: 3,
        permission_sets: 0,
        users: 0,
        groups: 0,
        memberships: 0,
        assignments: 0,
        ..EstateSpec::default()
    });
    let admin = rig.admin();
    let organizations = &admin.organizations;
    let root = organizations.list_roots().send().await.unwrap().roots()[0]
        .id()
        .unwrap()
        .to_owned();
    let unit = organizations
        .create_organizational_unit()
        .parent_id(&root)
        .name("Payments")
        .send()
        .await
        .unwrap();
    let unit = unit.organizational_unit().unwrap().id().unwrap().to_owned();
    let made = organizations
        .create_account()
        .account_name("payments")
        .email("payments@acme.example");
    let made = made.send().await.unwrap();
    let made = made
        .create_account_status()
        .unwrap()
        .id()
        .unwrap()
        .to_owned();
    rig.clock.advance(60_000_000);
    let made = organizations
        .describe_create_account_status()
        .create_account_request_id(made)
        .send();
    let made = made.await.unwrap().create_account_status().unwrap().clone();
    let accounts = organizations.list_accounts().send().await.unwrap();
    assert_eq!(accounts.accounts()[3].id(), made.account_id());
    let account = accounts.accounts()[3].id().unwrap().to_owned();
    let parents = organizations
        .list_parents()
        .child_id(&account)
        .send()
        .await
        .unwrap();
    let before = parents.parents()[0].id().unwrap().to_owned();
    let moved = organizations
        .move_account()
        .account_id(&account)
        .source_parent_id(before)
        .destination_parent_id(&unit);
    moved.send().await.unwrap();
    let deny = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"sqs:*","Resource":"*"}]}"#;
    let policy = organizations
        .create_policy()
        .name("no-queues")
        .description("")
        .content(deny);
    let policy = policy
        .r#type(PolicyType::ServiceControlPolicy)
        .send()
        .await
        .unwrap();
    let policy = policy
        .policy()
        .unwrap()
        .policy_summary()
        .unwrap()
        .id()
        .unwrap()
        .to_owned();
    organizations
        .attach_policy()
        .policy_id(&policy)
        .target_id(&unit)
        .send()
        .await
        .unwrap();

    let store = rig.facts.identity_store_id.clone();
    let name = aws_sdk_identitystore::types::Name::builder()
        .given_name("Ana")
        .family_name("Moreno")
        .build();
    let ana = admin
        .store
        .create_user()
        .identity_store_id(&store)
        .user_name("ana")
        .display_name("Ana")
        .name(name);
    let ana = ana.send().await.unwrap().user_id().to_owned();
    let group = admin
        .store
        .create_group()
        .identity_store_id(&store)
        .display_name("Payments")
        .send()
        .await
        .unwrap();
    let member = aws_sdk_identitystore::types::MemberId::UserId(ana.clone());
    let joined = admin
        .store
        .create_group_membership()
        .identity_store_id(&store)
        .group_id(group.group_id())
        .member_id(member);
    joined.send().await.unwrap();
    let instance = rig.facts.instance_arn.clone();
    let set = admin
        .sso
        .create_permission_set()
        .instance_arn(&instance)
        .name("ReadOnly")
        .send()
        .await
        .unwrap();
    let set = set
        .permission_set()
        .unwrap()
        .permission_set_arn()
        .unwrap()
        .to_owned();
    let attach = admin
        .sso
        .attach_managed_policy_to_permission_set()
        .instance_arn(&instance)
        .permission_set_arn(&set);
    attach
        .managed_policy_arn("arn:aws:iam::aws:policy/ReadOnlyAccess")
        .send()
        .await
        .unwrap();
    let assigned = admin
        .sso
        .create_account_assignment()
        .instance_arn(&instance)
        .permission_set_arn(&set)
        .target_id(&account)
        .target_type(TargetType::AwsAccount)
        .principal_type(PrincipalType::Group)
        .principal_id(group.group_id());
    assigned.send().await.unwrap();
    rig.clock.advance(60_000_000);

    // All of it is found by listing.
    let inside = organizations
        .list_accounts_for_parent()
        .parent_id(&unit)
        .send()
        .await
        .unwrap();
    assert_eq!(inside.accounts()[0].id(), Some(account.as_str()));
    let over = organizations
        .list_targets_for_policy()
        .policy_id(&policy)
        .send()
        .await
        .unwrap();
    assert_eq!(over.targets()[0].target_id(), Some(unit.as_str()));
    let rows = admin
        .sso
        .list_account_assignments()
        .instance_arn(&instance)
        .account_id(&account)
        .permission_set_arn(&set);
    let rows = rows.send().await.unwrap();
    assert_eq!(
        rows.account_assignments()[0].principal_id(),
        Some(group.group_id())
    );
    let held = admin
        .sso
        .list_account_assignments_for_principal()
        .instance_arn(&instance);
    let held = held
        .principal_id(&ana)
        .principal_type(PrincipalType::User)
        .send()
        .await
        .unwrap();
    assert_eq!(
        held.account_assignments()[0].principal_type(),
        Some(&PrincipalType::Group)
    );
    let refused = organizations
        .delete_organizational_unit()
        .organizational_unit_id(&unit)
        .send()
        .await;
    assert_eq!(code(refused), "OrganizationalUnitNotEmptyException");
}

#[test]
fn roles_of_a_seed_are_its_own_and_change_nothing_else() {
    let spec = |iam_roles| EstateSpec {
        iam_roles,
        ..EstateSpec::default()
    };
    let sim = |spec| {
        Sim::new(stint_aws_sim::SimOptions::new(
            spec,
            SimClock::frozen(START),
        ))
        .unwrap()
    };
    let (without, with) = (sim(spec(0)), sim(spec(40)));
    let account = without.facts().management_account;
    let made: Vec<String> = with.role_arns(&account);
    assert_eq!(made.len(), without.role_arns(&account).len() + 40);
    assert_eq!(made, sim(spec(40)).role_arns(&account));
    assert_eq!(
        (without.facts(), without.assignments()),
        (with.facts(), with.assignments())
    );
    let many = Sim::new(stint_aws_sim::SimOptions::new(
        spec(1_000),
        SimClock::frozen(START),
    ));
    assert_eq!(
        many.unwrap_err().to_string(),
        "IAM roles: at most 999 are possible, 1000 were asked for"
    );
}

#[tokio::test]
async fn accounts_are_made_in_their_time_with_a_role_to_get_in() {
    use aws_sdk_organizations::types::{
        CreateAccountFailureReason as Reason, CreateAccountState as State,
    };
    let rig = Rig::in_memory(crate::rig::small());
    let admin = rig.admin();
    let organizations = &admin.organizations;
    let ask = async |email: &str| {
        let made = organizations
            .create_account()
            .account_name("fresh")
            .email(email);
        made.send()
            .await
            .unwrap()
            .create_account_status()
            .unwrap()
            .clone()
    };
    let began = ask("fresh@acme.example").await;
    assert_eq!(
        (began.state(), began.account_id()),
        (Some(&State::InProgress), None)
    );
    let count = async || {
        organizations
            .list_accounts()
            .send()
            .await
            .unwrap()
            .accounts()
            .len()
    };
    assert_eq!(count().await, 12);
    let status = async |id: &str| {
        let asked = organizations
            .describe_create_account_status()
            .create_account_request_id(id);
        asked
            .send()
            .await
            .unwrap()
            .create_account_status()
            .unwrap()
            .clone()
    };
    let id = began.id().unwrap();
    // Two questions, then it is there.
    assert_eq!(status(id).await.state(), Some(&State::InProgress));
    assert_eq!(status(id).await.state(), Some(&State::InProgress));
    let done = status(id).await;
    assert_eq!(done.state(), Some(&State::Succeeded));
    assert_eq!(count().await, 13);
    let account = done.account_id().unwrap();
    let role = format!("arn:aws:iam::{account}:role/OrganizationAccountAccessRole");
    assert_eq!(rig.sim.role_arns(account), std::slice::from_ref(&role));
    let inside = admin
        .sts
        .assume_role()
        .role_arn(&role)
        .role_session_name("admin")
        .send()
        .await
        .unwrap();
    let inside = rig.clients(crate::rig::credentials(&inside), false);
    inside
        .iam
        .create_user()
        .user_name("first")
        .send()
        .await
        .unwrap();
    let parent = organizations
        .list_parents()
        .child_id(account)
        .send()
        .await
        .unwrap();
    assert!(parent.parents()[0].id().unwrap().starts_with("r-"));

    // Or time alone; of an address that is taken there is none.
    let second = ask("FRESH@acme.example").await;
    rig.clock.advance(3_000_000);
    let failed = status(second.id().unwrap()).await;
    assert_eq!(failed.state(), Some(&State::Failed));
    assert_eq!(failed.failure_reason(), Some(&Reason::EmailAlreadyExists));
    assert_eq!(count().await, 13);
    let listed = organizations
        .list_create_account_status()
        .states(State::Failed)
        .send()
        .await
        .unwrap();
    assert_eq!(listed.create_account_statuses().len(), 1);
    let unknown = organizations
        .describe_create_account_status()
        .create_account_request_id("car-00000000");
    assert_eq!(
        code(unknown.send().await),
        "CreateAccountStatusNotFoundException"
    );
    for email in ["a@b", "a b@c.example", "a@@c.example", "short"] {
        let refused = organizations
            .create_account()
            .account_name("x")
            .email(email)
            .send()
            .await;
        assert_eq!(code(refused), "InvalidInputException", "{email}");
    }
}
