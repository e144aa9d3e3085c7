//! Test Connection's table of what a credential may do, and what it warns of.

use stint_aws::{Able, Answer, Check, Estate, Lane, Outcome, Reach, TestReport, UserRef};
use stint_aws_sim::{Effect, Fault, Party};
use stint_domain::managed::Change;
use stint_iam_policy::{Features, IamScope, Own, Weight};

use crate::sources::{BY_USER_NAME, CONDUCTOR_ONE, MINI_ORANGE};
use crate::world::World;

/// The connector's role with this policy, and with IAM users and groups switched on.
fn with(world: &World, policy: &str) -> Estate {
    let role = &world.facts.connector_role_arn;
    world
        .sim
        .put_role_permissions(role, policy)
        .expect("AWS takes it");
    world.estate(|s| {
        s.iam = true;
        s.features.iam = Some(IamScope::everything());
    })
}

/// A connection by the connector's access key, with this policy.
fn by_key(world: &World, policy: &str, change: impl FnOnce(&mut Features)) -> Estate {
    let user = world.facts.connector_user.clone();
    world
        .sim
        .put_user_permissions(&user.arn, policy)
        .expect("AWS takes it");
    world.estate(|s| {
        s.reach = Reach::AccessKey(stint_aws::AccessKey {
            id: user.access_key_id,
            secret: user.secret_access_key.into(),
            account: world.facts.management_account.clone(),
        });
        s.features.own = Own::User {
            arn: None,
            rotates: false,
        };
        change(&mut s.features);
    })
}

fn able(report: &TestReport, action: &str) -> Able {
    let found = report.actions.iter().find(|it| it.action == action);
    found
        .unwrap_or_else(|| panic!("{action} is not in the table"))
        .able
}

#[track_caller]
fn check<'a>(report: &'a TestReport, name: &str) -> &'a Check {
    let found = report.check(name);
    found.unwrap_or_else(|| panic!("no check {name}: {report:#?}"))
}

fn missing(report: &TestReport, weight: Weight) -> Vec<&str> {
    (report.actions.iter())
        .filter(|it| it.able == Able::Missing && it.weight == weight)
        .map(|it| it.action.as_str())
        .collect()
}

#[tokio::test]
async fn the_generated_policy_lacks_nothing_and_has_nothing_too_much() {
    let world = World::new();
    let role = world.facts.connector_role_arn.clone();
    let features = Features {
        identity_center: true,
        faster: true,
        iam: Some(IamScope {
            groups: vec![format!(
                "arn:aws:iam::{}:group/Developers",
                world.facts.management_account
            )],
            ..IamScope::everything()
        }),
        own: Own::Role(role),
        ..Features::of("aws", &world.facts.management_account)
    };
    let policy = features.policy().to_text();
    let estate = with(&world, &policy);
    let estate = world.estate(|s| {
        s.iam = true;
        s.features = features.clone();
        s.reach = estate.spec().reach.clone();
    });
    let report = estate.test().await;
    assert!(report.passed(), "{report:#?}");
    assert!(
        report.actions.iter().all(|it| it.able == Able::Works),
        "{report:#?}"
    );
    for name in ["permissions", "least_privilege", "iam_groups"] {
        assert_eq!(check(&report, name).outcome, Outcome::Ok, "{report:#?}");
        assert!(!check(&report, name).request_ids.is_empty());
    }
    assert_eq!(report.check("conditions"), None);
    assert_eq!(
        report.actions.len(),
        features
            .parts()
            .iter()
            .map(|it| it.statement.actions.patterns.len())
            .sum::<usize>()
    );
}

#[tokio::test]
async fn a_missing_action_is_named_with_the_statement_that_mends_it() {
    let world = World::new();
    let mut features = world.estate.spec().features.clone();
    let mut policy = features.policy();
    let lacks = |statement: &mut stint_iam_policy::Statement, action: &str| {
        statement.actions.patterns.retain(|it| it != action);
    };
    for statement in &mut policy.statements {
        lacks(statement, "sso:DescribePermissionSet");
        lacks(statement, "identitystore:DeleteGroupMembership");
        lacks(statement, "sso:ListAccountsForProvisionedPermissionSet");
    }
    policy
        .statements
        .retain(|it| !it.actions.patterns.is_empty());
    let role = &world.facts.connector_role_arn;
    world
        .sim
        .put_role_permissions(role, &policy.to_text())
        .expect("AWS takes it");
    let report = world.estate.test().await;
    assert!(!report.passed(), "permission sets cannot be read");
    assert_eq!(
        missing(&report, Weight::Needed),
        ["sso:DescribePermissionSet"]
    );
    assert_eq!(
        missing(&report, Weight::Changes),
        ["identitystore:DeleteGroupMembership"]
    );
    assert_eq!(
        missing(&report, Weight::Faster),
        ["sso:ListAccountsForProvisionedPermissionSet"]
    );
    let check = check(&report, "permissions");
    assert_eq!(check.outcome, Outcome::Failed);
    // What is to be added, added, mends it.
    let mend = check.mend.as_deref().expect("what to do");
    let more = stint_iam_policy::Policy::parse(&mend[mend.find('{').expect("a policy")..])
        .expect("a policy");
    let names: Vec<&str> = more
        .statements
        .iter()
        .filter_map(|it| it.sid.as_deref())
        .collect();
    assert_eq!(
        names,
        [
            "StintReadsPermissionSets",
            "StintRemovesMembers",
            "StintReadsFasterBySet"
        ]
    );
    policy
        .statements
        .extend(more.statements.into_iter().map(|mut it| {
            it.sid = it.sid.map(|sid| format!("{sid}Too"));
            it
        }));
    world
        .sim
        .put_role_permissions(role, &policy.to_text())
        .expect("AWS takes it");
    let report = world.estate.test().await;
    assert_eq!(
        report.check("permissions").map(|it| it.outcome),
        Some(Outcome::Ok),
        "{report:#?}"
    );
    // Without the changes it works, to look only.
    features.faster = false;
    let mut policy = features.policy();
    policy.statements.retain(|it| {
        let sid = it.sid.as_deref().unwrap_or_default();
        ![
            "StintChangesAssignments",
            "StintAddsMembers",
            "StintRemovesMembers",
        ]
        .contains(&sid)
    });
    world
        .sim
        .put_role_permissions(role, &policy.to_text())
        .expect("AWS takes it");
    let report = world.estate.test().await;
    assert!(report.passed(), "{report:#?}");
    assert_eq!(
        report.check("permissions").map(|it| it.outcome),
        Some(Outcome::Warning)
    );
}

#[tokio::test]
async fn conductor_ones_policy_word_for_word_works_and_what_it_lacks_is_listed() {
    let world = World::new();
    let estate = with(&world, CONDUCTOR_ONE);
    let report = estate.test().await;
    assert!(report.passed(), "{report:#?}");
    assert_eq!(missing(&report, Weight::Needed), [""; 0]);
    // It may not be simulated, so of what changes something nothing can be told.
    assert_eq!(missing(&report, Weight::Changes), [""; 0]);
    assert_eq!(able(&report, "sso:CreateAccountAssignment"), Able::Unknown);
    assert_eq!(able(&report, "iam:SimulatePrincipalPolicy"), Able::Missing);
    let faster = missing(&report, Weight::Faster);
    for lacks in [
        "organizations:DescribeOrganization",
        "identitystore:GetGroupMembershipId",
        "sso:ListAccountAssignmentsForPrincipal",
        "sso:ListAccountsForProvisionedPermissionSet",
        "sso:ListAccountAssignmentCreationStatus",
        "iam:GetAccountAuthorizationDetails",
    ] {
        assert!(faster.contains(&lacks), "{lacks}: {faster:?}");
    }
    let told = check(&report, "permissions");
    assert_eq!(told.outcome, Outcome::Warning);
    assert!(told.what.contains("more calls"), "{}", told.what);
    // It lets Stint put anybody into any group.
    assert_eq!(check(&report, "iam_groups").outcome, Outcome::Warning);
}

#[tokio::test]
async fn mini_oranges_policy_is_told_what_it_lacks() {
    let world = World::new();
    let estate = by_key(&world, MINI_ORANGE, |features| {
        features.iam = Some(IamScope::everything());
        features.iam_user_life = Some(stint_iam_policy::UserLife::default());
    });
    let report = estate.test().await;
    let changes = missing(&report, Weight::Changes);
    for lacks in [
        "iam:DeleteLoginProfile",
        "iam:ListAccessKeys",
        "iam:DeleteVirtualMFADevice",
        "iam:TagUser",
    ] {
        assert!(changes.contains(&lacks), "{lacks}: {changes:?}");
    }
    assert!(missing(&report, Weight::Needed).contains(&"iam:GetGroup"));
    assert_eq!(able(&report, "iam:CreateUser"), Able::Works);
    assert_eq!(check(&report, "iam_groups").outcome, Outcome::Warning);
    assert_eq!(report.check("conditions"), None);
}

#[tokio::test]
async fn a_condition_on_iam_user_name_is_diagnosed_in_words() {
    let world = World::new();
    let switch = |features: &mut Features| features.iam = Some(IamScope::everything());
    // On every action, the simulation among them: nothing is allowed, and nothing can be read.
    let everything = MINI_ORANGE.replace(
        r#""Resource": "*""#,
        &format!(r#""Resource": "*", {BY_USER_NAME}"#),
    );
    let report = by_key(&world, &everything, switch).test().await;
    let check_ = check(&report, "conditions");
    assert_eq!(check_.outcome, Outcome::Warning);
    let mend = check_.mend.as_deref().expect("what to do");
    assert!(
        mend.contains("iam:UserName never holds") && mend.contains("ARNs in Resource"),
        "{mend}"
    );
    // On all but the simulation: AWS tells what was missing.
    let simulates = format!(
        r#"{{"Version":"2012-10-17","Statement":[
            {{"Effect":"Allow","Action":"iam:SimulatePrincipalPolicy","Resource":"*"}},
            {{"Effect":"Allow","Action":["iam:ListUsers","iam:ListGroups","iam:GetUser","iam:AddUserToGroup"],"Resource":"*",{BY_USER_NAME}}}]}}"#
    );
    let report = by_key(&world, &simulates, switch).test().await;
    assert_eq!(able(&report, "iam:ListUsers"), Able::Missing);
    let found = check(&report, "conditions");
    assert!(
        found.what.contains("iam:UserName") && found.what.contains("no request ever carries"),
        "{}",
        found.what
    );
    assert!(
        found
            .mend
            .as_deref()
            .expect("what to do")
            .contains("no condition key iam:UserName")
    );
    // Where its own policies may be read, they say so.
    let reads = simulates
        .replace(
            "iam:SimulatePrincipalPolicy",
            "iam:GetUserPolicy\",\"iam:ListUserPolicies",
        )
        .replace(
            r#""Action":"iam:GetUserPolicy","iam:ListUserPolicies""#,
            r#""Action":["iam:GetUserPolicy","iam:ListUserPolicies"]"#,
        );
    let report = by_key(&world, &reads, switch).test().await;
    let found = check(&report, "conditions");
    assert!(found.what.contains("iam:UserName"), "{}", found.what);
}

#[tokio::test]
async fn an_administrators_rights_are_warned_of() {
    let world = World::new();
    let everything =
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
    let report = by_key(&world, everything, |_| {}).test().await;
    assert!(report.passed(), "it works");
    let found = check(&report, "least_privilege");
    assert_eq!(found.outcome, Outcome::Warning);
    assert!(found.what.contains("administrator"), "{}", found.what);
    assert!(
        found
            .mend
            .as_deref()
            .expect("what to do")
            .contains("Detach")
    );
    // All of IAM is more than enough, too.
    let features = &world.estate.spec().features;
    let mut policy = features.policy();
    policy.statements.push(
        stint_iam_policy::Policy::parse(r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:*","Resource":"*"}}"#)
            .expect("a policy")
            .statements
            .remove(0),
    );
    let report = by_key(&world, &policy.to_text(), |_| {}).test().await;
    let found = check(&report, "least_privilege");
    assert_eq!(found.outcome, Outcome::Warning);
    assert!(found.what.contains("iam:CreateAccessKey"), "{}", found.what);
}

#[tokio::test]
async fn without_a_simulation_what_changes_nothing_is_tried() {
    let world = World::new();
    let denied = Effect::refuse("AccessDenied");
    world
        .sim
        .faults()
        .add(Fault::on("iam:SimulatePrincipalPolicy"), denied);
    let before = world.sim.journal().len();
    let report = world.estate.test().await;
    assert!(report.passed(), "{report:#?}");
    // Where accounts are in the organization is asked step by step: no single call tells.
    let steps = [
        "organizations:ListRoots",
        "organizations:ListOrganizationalUnitsForParent",
        "organizations:ListAccountsForParent",
    ];
    let wrong: Vec<_> = (report.actions.iter())
        .filter(|line| {
            let changes = line.weight == Weight::Changes && !line.action.contains(":Describe");
            let expected = match line.action.as_str() {
                "iam:SimulatePrincipalPolicy" => Able::Missing,
                action if changes || steps.contains(&action) => Able::Unknown,
                _ => Able::Works,
            };
            line.able != expected
        })
        .map(|line| (&line.action, line.able))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    let journal = world.sim.journal().split_off(before);
    let calls = journal.iter().filter(|it| it.party == Party::Stint);
    let changed: Vec<&str> = (calls.map(|it| it.operation.as_str()))
        .filter(|it| {
            ["Create", "Delete", "Add", "Remove", "Put"]
                .iter()
                .any(|verb| it.contains(&format!(":{verb}")))
        })
        .collect();
    assert!(changed.is_empty(), "{changed:?}");
    assert_eq!(report.check("least_privilege"), None, "that cannot be told");
}

#[tokio::test]
async fn the_home_region_is_found_and_named() {
    let world = World::new();
    let estate = world.estate(|s| s.region = "us-east-1".to_owned());
    let report = estate.test().await;
    let found = check(&report, "identity_center");
    assert_eq!(found.outcome, Outcome::Failed);
    let mend = found.mend.as_deref().expect("what to do");
    assert!(
        mend.contains("Identity Center is in eu-central-1"),
        "{mend}"
    );
    // Nobody looks into another partition.
    let estate = world.estate(|s| s.region = "us-gov-west-1".to_owned());
    let report = estate.test().await;
    let mend = check(&report, "identity_center")
        .mend
        .as_deref()
        .expect("what to do");
    assert!(mend.contains("no other region"), "{mend}");
}

#[tokio::test]
async fn an_encrypted_identity_center_asks_for_its_key_and_works_with_it() {
    let world = World::new();
    let account = &world.facts.management_account;
    let key =
        format!("arn:aws:kms:eu-central-1:{account}:key/1234abcd-12ab-34cd-56ef-1234567890ab");
    world.sim.encrypt_identity_center(Some(&key));
    let report = world.estate.test().await;
    let found = check(&report, "identity_center");
    assert_eq!(found.outcome, Outcome::Failed);
    let mend = found.mend.as_deref().expect("what to do");
    for words in [
        "KMS key of your own",
        "KMS_AccessDeniedException",
        "kms:Decrypt",
        "settings of this connection",
    ] {
        assert!(mend.contains(words), "{words}: {mend}");
    }
    let estate = world.estate(|s| s.features.kms_key = Some(key.clone()));
    let policy = estate.spec().features.policy().to_text();
    world
        .sim
        .put_role_permissions(&world.facts.connector_role_arn, &policy)
        .expect("AWS takes it");
    let report = estate.test().await;
    assert!(report.passed(), "{report:#?}");
    assert_eq!(able(&report, "kms:Decrypt"), Able::Works);
}

#[tokio::test]
async fn no_organization_a_skewed_clock_and_a_key_out_of_use_say_what_to_do() {
    let world = World::new();
    let fault = |on: &str, code: &str, message: &str| {
        let effect = Effect::Refuse {
            code: code.to_owned(),
            message: message.to_owned(),
        };
        world.sim.faults().add(Fault::on(on), effect)
    };
    let mended = |report: &TestReport, name: &str| {
        let found = check(report, name);
        assert_eq!(found.outcome, Outcome::Failed, "{report:#?}");
        found.mend.clone().expect("what to do")
    };
    let none = fault(
        "organizations:*",
        "AWSOrganizationsNotInUseException",
        "Your account is not a member of an organization.",
    );
    let report = world.estate.test().await;
    let mend = mended(&report, "organization");
    assert!(
        mend.contains("management account of an organization"),
        "{mend}"
    );
    world.sim.faults().remove(none);
    let skewed = fault(
        "sts:GetCallerIdentity",
        "SignatureDoesNotMatch",
        "Signature expired: 20261126T150000Z is now earlier than 20261126T151500Z",
    );
    let report = world.estate.test().await;
    let mend = mended(&report, "base_identity");
    assert!(mend.contains("clock is wrong"), "{mend}");
    world.sim.faults().remove(skewed);
    // A key that somebody deactivated in IAM.
    let user = &world.facts.connector_user;
    let policy = world.estate.spec().features.policy().to_text();
    let estate = by_key(&world, &policy, |_| {});
    world
        .onlooker_iam()
        .update_access_key()
        .user_name(user.arn.rsplit('/').next().expect("a name"))
        .access_key_id(&user.access_key_id)
        .status(aws_sdk_iam::types::StatusType::Inactive)
        .send()
        .await
        .expect("deactivated");
    let report = estate.test().await;
    let mend = mended(&report, "identity");
    assert!(mend.contains("deactivated or deleted"), "{mend}");
}

#[tokio::test]
async fn a_delegated_administrator_is_told_its_limits() {
    let world = World::new();
    let member = world
        .facts
        .member_role_arn
        .clone()
        .expect("a member account");
    let account = member.split(':').nth(4).expect("an account").to_owned();
    world
        .onlooker_organizations()
        .register_delegated_administrator()
        .account_id(&account)
        .service_principal("sso.amazonaws.com")
        .send()
        .await
        .expect("registered");
    let estate = world.estate(|s| {
        s.reach = Reach::Role {
            role_arn: member.clone(),
            external_id: world.facts.connector_external_id.clone(),
        };
        s.features = Features {
            identity_center: true,
            faster: true,
            own: Own::Role(member.clone()),
            ..Features::of("aws", &account)
        };
    });
    let report = estate.test().await;
    assert!(report.passed(), "{report:#?}");
    let found = check(&report, "organization");
    assert_eq!(found.outcome, Outcome::Warning);
    let mend = found.mend.as_deref().expect("what to do");
    assert!(
        mend.contains("may not assign access to the management account"),
        "{mend}"
    );
}

#[tokio::test]
async fn a_user_under_a_path_looks_at_itself_and_makes_its_keys() {
    let world = World::new();
    let user = world.facts.connector_user.clone();
    let account = world.facts.management_account.clone();
    let name = user.arn.rsplit('/').next().expect("a name").to_owned();
    let moved = world.onlooker_iam().update_user().user_name(&name);
    let moved = moved.new_path("/stint/bots/").send().await;
    moved.expect("moved");
    let arn = user.arn.replace(":user/", ":user/stint/bots/");
    // Before the key has told who it is, and after.
    for known in [None, Some(arn.clone())] {
        let features = |arn: Option<String>| Features {
            identity_center: true,
            own: Own::User { arn, rotates: true },
            ..Features::of("aws", &account)
        };
        let policy = features(known.clone()).policy().to_text();
        let put = world.sim.put_user_permissions(&arn, &policy);
        put.expect("AWS takes it");
        let estate = world.estate(|s| {
            s.reach = Reach::AccessKey(stint_aws::AccessKey {
                id: user.access_key_id.clone(),
                secret: user.secret_access_key.clone().into(),
                account: account.clone(),
            });
            s.features = features(None);
        });
        let report = estate.test().await;
        for weight in [Weight::Needed, Weight::Changes, Weight::Testing] {
            assert_eq!(missing(&report, weight), [""; 0], "{known:?}");
        }
        assert_eq!(able(&report, "iam:CreateAccessKey"), Able::Works);
        let lane = Lane::Provision;
        estate.own_keys(lane).await.expect("it sees its keys");
        let (written, made) = estate.create_key(&name, world.now(), lane).await;
        let made = made.unwrap_or_else(|| panic!("{known:?}: {written:?}"));
        let itself = UserRef {
            account: &account,
            name: &name,
            id: None,
        };
        for change in [
            Change::DeactivateKey(made.id.clone()),
            Change::DeleteKey(made.id),
        ] {
            let now = world.now();
            let written = estate.change_user(itself, &change, None, now, lane).await;
            let done = matches!(written.answer, Answer::Succeeded { .. });
            assert!(done, "{known:?}, {change:?}: {written:?}");
        }
    }
}
