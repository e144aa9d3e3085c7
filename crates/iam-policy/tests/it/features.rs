//! The policies Stint asks people to paste: exactly what is switched on, on exactly what it is
//! judged on.

use std::collections::BTreeSet;

use stint_iam_policy::{
    Caller, Context, Decision, Document, Features, IamScope, Identity, Kind, Own, Policy, Request,
    UserLife, Weight, evaluate_identity, table,
};

const ACCOUNT: &str = "111122223333";

fn nothing() -> Features {
    Features::of("aws", ACCOUNT)
}

fn center() -> Features {
    Features {
        identity_center: true,
        ..nothing()
    }
}

fn everything(partition: &str) -> Features {
    Features {
        identity_center: true,
        faster: true,
        management_account: true,
        account_tags: true,
        iam: Some(IamScope {
            user_prefix: "app-".into(),
            user_path: "/stint/".into(),
            groups: vec![format!("arn:{partition}:iam::{ACCOUNT}:group/stint/*")],
            changes: true,
        }),
        iam_roles: true,
        iam_user_life: Some(UserLife {
            boundary: Some(format!("arn:{partition}:iam::{ACCOUNT}:policy/Limit")),
        }),
        change_events: Some(format!("arn:{partition}:sqs:us-east-1:{ACCOUNT}:stint")),
        member_role: Some("StintMember".into()),
        kms_key: Some(format!(
            "arn:{partition}:kms:eu-central-1:{ACCOUNT}:key/1-2"
        )),
        own: Own::Role(format!(
            "arn:{partition}:iam::{ACCOUNT}:role/security/Stint"
        )),
        ..Features::of(partition, ACCOUNT)
    }
}

/// Some of every kind, each switch alone among them.
fn several() -> Vec<Features> {
    let iam = |scope: IamScope| Features {
        iam: Some(scope),
        ..nothing()
    };
    let user = |rotates| Features {
        own: Own::User { arn: None, rotates },
        ..center()
    };
    vec![
        center(),
        Features {
            faster: true,
            ..center()
        },
        Features {
            management_account: true,
            ..center()
        },
        Features {
            account_tags: true,
            ..center()
        },
        iam(IamScope::everything()),
        iam(IamScope {
            changes: false,
            ..IamScope::everything()
        }),
        Features {
            faster: true,
            iam_user_life: Some(UserLife::default()),
            ..iam(IamScope::everything())
        },
        Features {
            iam_roles: true,
            account: "*".into(),
            ..nothing()
        },
        user(false),
        user(true),
        everything("aws"),
        everything("aws-us-gov"),
        everything("aws-cn"),
    ]
}

fn ask(policy: &Policy, action: &str, resource: &str, context: &Context) -> Decision {
    let caller = Caller {
        account: ACCOUNT.to_owned(),
        identity: Identity::Session {
            role: format!("arn:aws:iam::{ACCOUNT}:role/Stint"),
            session: format!("arn:aws:sts::{ACCOUNT}:assumed-role/Stint/s"),
        },
    };
    let request = Request {
        caller: &caller,
        action,
        resource,
        context,
    };
    evaluate_identity(policy, &request)
}

fn may(policy: &Policy, action: &str, resource: &str) -> bool {
    ask(policy, action, resource, &Context::new()).is_allowed()
}

#[test]
fn every_action_stands_with_the_resources_it_is_judged_on_and_with_no_others() {
    for features in several() {
        for part in features.parts() {
            let statement = &part.statement;
            let resources = statement.resources.as_ref().expect("resources");
            for name in &statement.actions.patterns {
                let action = table().action(name);
                let action = action.unwrap_or_else(|| panic!("{name} does not exist"));
                let (service, _) = name.split_once(':').expect("a service");
                let service = table().service(service).expect("known");
                let of = |kind: &str| {
                    let kind = service.resource(kind).expect("a kind");
                    kind.arn.rsplit(':').next().unwrap_or_default().to_owned()
                };
                // The kind of thing an ARN or its pattern names.
                let word = |arn: &str| {
                    let rest = arn.splitn(6, ':').nth(5).unwrap_or(arn);
                    rest.split('/').next().unwrap_or_default().to_owned()
                };
                let wanted: BTreeSet<String> = match action.resources.as_slice() {
                    [] => BTreeSet::from(["*".to_owned()]),
                    kinds => {
                        let always: Vec<_> = kinds.iter().filter(|(_, always)| *always).collect();
                        // Judged on one of several kinds: a policy names the one it is for.
                        let named = if always.is_empty() {
                            kinds.iter().collect()
                        } else {
                            always
                        };
                        named.into_iter().map(|(kind, _)| word(&of(kind))).collect()
                    }
                };
                let given: BTreeSet<String> =
                    resources.patterns.iter().map(|arn| word(arn)).collect();
                if action.resources.iter().all(|(_, always)| *always) {
                    let given = match service.prefix.as_str() {
                        // A queue's name is all there is.
                        "sqs" => wanted.clone(),
                        _ => given,
                    };
                    assert_eq!(given, wanted, "{name} on {:?}", resources.patterns);
                } else {
                    assert!(
                        given.is_subset(&wanted),
                        "{name} on {:?}",
                        resources.patterns
                    );
                }
                assert_eq!(
                    resources.patterns == ["*"],
                    action.resources.is_empty(),
                    "{name} on {:?}",
                    resources.patterns
                );
            }
        }
    }
}

#[test]
fn no_action_on_no_resource_stands_twice() {
    for features in several() {
        let mut seen = BTreeSet::new();
        let mut names = BTreeSet::new();
        for part in features.parts() {
            let sid = part.statement.sid.clone().expect("a name");
            assert!(sid.bytes().all(|b| b.is_ascii_alphanumeric()), "{sid}");
            assert!(names.insert(sid.clone()), "{sid} twice");
            for action in &part.statement.actions.patterns {
                for resource in &part.statement.resources.as_ref().expect("some").patterns {
                    assert!(
                        seen.insert((action.clone(), resource.clone())),
                        "{action} on {resource} in {sid}"
                    );
                }
            }
        }
        assert_eq!(
            features.actions().len(),
            features.actions().iter().collect::<BTreeSet<_>>().len()
        );
    }
    // A wider resource makes a narrower one needless.
    let features = Features {
        iam_user_life: Some(UserLife::default()),
        own: Own::User {
            arn: None,
            rotates: true,
        },
        iam: Some(IamScope::everything()),
        ..nothing()
    };
    let own = features.parts();
    let rotates = own
        .iter()
        .find(|part| part.statement.sid.as_deref() == Some("StintRotatesItsKeys"));
    assert_eq!(
        rotates.expect("it makes keys").statement.actions.patterns,
        ["iam:CreateAccessKey"]
    );
}

#[test]
fn they_are_policies_aws_takes_in_every_partition_and_nothing_is_found_wrong_with_them() {
    for features in several() {
        let policy = features.policy();
        let text = policy.to_text();
        assert_eq!(Policy::parse(&text), Ok(policy.clone()));
        let document = Document::read(&text, Kind::Identity).expect("short enough for a role");
        assert_eq!(document.findings(Kind::Identity), [], "{text}");
        assert!(policy.check(Kind::Trust).is_err());
        let partition = format!("arn:{}:", features.partition);
        assert_eq!(
            text.matches("\"arn:").count(),
            text.matches(&partition).count(),
            "{text}"
        );
    }
}

#[test]
fn with_everything_switched_on_it_fits_into_what_a_role_may_hold() {
    let policy = everything("aws-us-gov").policy();
    let characters = serde_json::to_string(&policy.to_json())
        .expect("text")
        .len();
    assert!(characters < 10_240, "{characters}");
}

#[test]
fn identity_center_is_read_and_changed_and_nothing_else() {
    let policy = center().policy();
    let instance = "arn:aws:sso:::instance/ssoins-0123456789abcdef";
    let set = "arn:aws:sso:::permissionSet/ssoins-0123456789abcdef/ps-0123456789abcdef";
    let account = "arn:aws:sso:::account/123456789012";
    for resource in [instance, set, account] {
        assert!(
            may(&policy, "sso:CreateAccountAssignment", resource),
            "{resource}"
        );
    }
    assert!(may(&policy, "sso:ListInstances", "*"));
    let store = "arn:aws:identitystore::999922223333:identitystore/d-0123456789";
    assert!(may(&policy, "identitystore:ListUsers", store));
    for (action, resource) in [
        ("sso:DeletePermissionSet", set),
        ("sso:ListAccountAssignmentsForPrincipal", instance),
        ("sso:ListPermissionSets", account),
        ("identitystore:DeleteUser", store),
        ("iam:ListUsers", "*"),
        ("organizations:LeaveOrganization", "*"),
        (
            "sts:AssumeRole",
            "arn:aws:iam::123456789012:role/StintMember",
        ),
    ] {
        assert!(!may(&policy, action, resource), "{action}");
    }
    let faster = Features {
        faster: true,
        ..center()
    };
    assert!(may(
        &faster.policy(),
        "sso:ListAccountAssignmentsForPrincipal",
        instance
    ));
    let known = center().parts();
    let more = faster.parts().into_iter().filter(|it| !known.contains(it));
    let only: BTreeSet<Weight> = more.map(|part| part.weight).collect();
    assert_eq!(only, BTreeSet::from([Weight::Faster]), "they stand apart");
    assert_eq!(nothing().policy().statements, []);
}

#[test]
fn tags_are_read_of_accounts_and_of_nothing_else_and_never_set() {
    const TAGS: &str = "organizations:ListTagsForResource";
    let account = "arn:aws:organizations::999922223333:account/o-abcdefghij/111122223333";
    let policy = Features {
        account_tags: true,
        ..center()
    }
    .policy();
    assert!(may(&policy, TAGS, account));
    assert!(!may(&center().policy(), TAGS, account), "switched off");
    for (action, resource) in [
        (
            TAGS,
            "arn:aws:organizations::999922223333:ou/o-abcdefghij/ou-abcd-12345678",
        ),
        (
            TAGS,
            "arn:aws:organizations::999922223333:policy/o-abcdefghij/service_control_policy/p-12345678",
        ),
        ("organizations:TagResource", account),
        ("organizations:UntagResource", account),
    ] {
        assert!(!may(&policy, action, resource), "{action} on {resource}");
    }
}

#[test]
fn changes_stand_apart_from_reading() {
    let changes = [
        "Create",
        "Delete",
        "Add",
        "Remove",
        "Update",
        "Put",
        "Attach",
        "Detach",
        "Tag",
        "Deactivate",
    ];
    let is_change = |action: &str| {
        let (_, name) = action.split_once(':').expect("a service");
        changes.iter().any(|verb| name.starts_with(verb))
    };
    for features in several() {
        for part in features.parts() {
            let sid = part.statement.sid.unwrap_or_default();
            // Deleting a user is one thing, with the looking that it takes; so is what Identity
            // Center does in the management account, and taking a message.
            if ["StintKeepsIamUsers", "StintReceivesChangeEvents"].contains(&sid.as_str())
                || sid.contains("ManagementAccount")
            {
                continue;
            }
            let actions = &part.statement.actions.patterns;
            let some = actions.iter().any(|it| is_change(it));
            assert_eq!(
                some,
                actions.iter().all(|it| is_change(it)),
                "{sid}: {actions:?}"
            );
        }
    }
}

#[test]
fn members_of_the_named_groups_only_are_changed_and_users_of_the_scope_only_looked_at() {
    let scope = IamScope {
        user_prefix: "app-".into(),
        user_path: "/stint/".into(),
        groups: vec![
            "arn:aws:iam::111122223333:group/Developers".into(),
            "arn:aws:iam::111122223333:group/stint/*".into(),
        ],
        changes: true,
    };
    let features = Features {
        iam: Some(scope.clone()),
        ..nothing()
    };
    let policy = features.policy();
    for (group, changed) in [
        ("Developers", true),
        ("stint/data", true),
        ("Admins", false),
    ] {
        let arn = format!("arn:aws:iam::{ACCOUNT}:group/{group}");
        for action in ["iam:AddUserToGroup", "iam:RemoveUserFromGroup"] {
            assert_eq!(may(&policy, action, &arn), changed, "{action} {group}");
        }
        assert!(may(&policy, "iam:GetGroup", &arn), "{group} is read");
        assert_eq!(scope.has_group(&arn), changed, "{group}");
    }
    for (path, name, ours) in [
        ("/stint/", "app-bob", true),
        ("/stint/", "bob", false),
        ("/", "app-bob", false),
        ("/stint/", "App-bob", false),
        ("/stint/app-x/", "root", false),
    ] {
        assert_eq!(scope.has_user(path, name), ours, "{path}{name}");
        if ours {
            let arn = format!("arn:aws:iam::{ACCOUNT}:user{path}{name}");
            assert!(may(&policy, "iam:GetUser", &arn), "{arn}");
        }
    }
    let outside = format!("arn:aws:iam::{ACCOUNT}:user/ana");
    assert!(!may(&policy, "iam:GetUser", &outside));
    for action in ["iam:CreateUser", "iam:AttachGroupPolicy", "iam:DeleteGroup"] {
        assert!(!may(&policy, action, &outside), "{action}");
    }
}

#[test]
fn a_limit_that_limits_nothing_is_known_as_such() {
    let of = |groups: &[&str]| IamScope {
        groups: groups.iter().map(|it| (*it).to_owned()).collect(),
        ..IamScope::everything()
    };
    for every in [
        &[] as &[&str],
        &["*"],
        &["arn:aws:iam::111122223333:group/*"],
        &["arn:aws:iam::*:*"],
        &[
            "arn:aws:iam::111122223333:group/a",
            "arn:aws:iam::111122223333:group/*",
        ],
    ] {
        assert!(of(every).has_every_group(), "{every:?}");
    }
    assert!(!of(&["arn:aws:iam::111122223333:group/stint/*"]).has_every_group());
    let paths = IamScope {
        user_path: "/ops/".into(),
        ..IamScope::everything()
    };
    assert!(paths.has_user("/ops/", "ana") && paths.has_user("/ops/data/", "ana"));
    assert!(!paths.has_user("/", "ana") && !paths.has_user("/opsx/", "ana"));
}

#[test]
fn users_are_created_with_their_boundary_or_not_at_all() {
    let boundary = "arn:aws:iam::111122223333:policy/Limit";
    let policy = everything("aws").policy();
    let user = "arn:aws:iam::111122223333:user/stint/app-1";
    let with = |arn: &str| Context::new().with("iam:PermissionsBoundary", arn);
    assert!(ask(&policy, "iam:CreateUser", user, &with(boundary)).is_allowed());
    assert!(
        !ask(
            &policy,
            "iam:CreateUser",
            user,
            &with("arn:aws:iam::aws:policy/AdministratorAccess")
        )
        .is_allowed()
    );
    assert!(!may(&policy, "iam:CreateUser", user));
    assert!(may(&policy, "iam:DeleteUser", user));
    assert!(!may(
        &policy,
        "iam:DeleteUser",
        "arn:aws:iam::111122223333:user/ana"
    ));
}

#[test]
fn a_user_changes_its_own_keys_only() {
    let context = Context::new().with("aws:username", "stint");
    let may = |known: Option<&str>, name: &str| {
        let arn = |name: &str| format!("arn:aws:iam::{ACCOUNT}:user/{name}");
        let policy = Features {
            own: Own::User {
                arn: known.map(arn),
                rotates: true,
            },
            ..nothing()
        }
        .policy();
        ask(&policy, "iam:CreateAccessKey", &arn(name), &context).is_allowed()
    };
    // Its path is in its ARN alone; another of its name there is not.
    for itself in ["stint", "x/stint", "x/y/stint"] {
        assert!(may(None, itself) && may(Some(itself), itself), "{itself}");
    }
    for other in ["ana", "x/ana", "notstint", "x/notstint", "stint/ana"] {
        assert!(!may(None, other) && !may(Some("x/stint"), other), "{other}");
    }
    assert!(!may(Some("x/stint"), "stint") && !may(Some("stint"), "x/stint"));
    let looks = Features {
        own: Own::User {
            arn: None,
            rotates: false,
        },
        ..nothing()
    };
    assert!(
        !looks
            .actions()
            .iter()
            .any(|it| it.contains("CreateAccessKey"))
    );
}
