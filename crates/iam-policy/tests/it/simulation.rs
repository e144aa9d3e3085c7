//! What the Simulate calls answer (AWS reference §6.2 [M]).

use stint_iam_policy::{
    Caller, Context, Document, EvalDecision, Identity, Layers, OrganizationLevel, Origin, Policy,
    Position, Simulation, Source, simulate,
};

fn ana() -> Caller {
    Caller {
        account: "111122223333".to_owned(),
        identity: Identity::User {
            arn: "arn:aws:iam::111122223333:user/ana".to_owned(),
        },
    }
}

fn words(list: &[&str]) -> Vec<String> {
    list.iter().map(|word| (*word).to_owned()).collect()
}

const TEXT: &str = r#"{
  "Version": "2012-10-17",
  "Statement": [
    { "Effect": "Allow", "Action": "iam:*User", "Resource": "arn:aws:iam::*:user/app-*" },
    { "Effect": "Allow", "Action": "iam:ListUsers", "Resource": "*",
      "Condition": { "StringLike": { "iam:UserName": "app-*", "aws:username": "${aws:PrincipalTag/a}" } } },
    { "Effect": "Deny", "Action": "iam:DeleteUser", "Resource": "arn:aws:iam::*:user/app-root" }
  ]
}"#;

#[test]
fn one_result_for_each_action_with_its_resources_inside() {
    let document = Document::parse(TEXT).expect("a policy");
    let layers = Layers {
        identity: vec![Source::written("own", Origin::User, &document)],
        ..Layers::default()
    };
    let context = Context::new().with("aws:username", "ana");
    let caller = ana();
    let actions = words(&["iam:DeleteUser", "iam:ListUsers", "iam:GetRole"]);
    let resources = words(&[
        "arn:aws:iam::111122223333:user/app-a",
        "arn:aws:iam::111122223333:user/bo",
        "arn:aws:iam::111122223333:user/app-root",
    ]);
    let ask = |resources: &[String]| {
        simulate(&Simulation {
            layers: &layers,
            caller: &caller,
            actions: &actions,
            resources,
            context: &context,
        })
    };
    let found = ask(&resources);
    assert_eq!(found.len(), 3);
    let delete = &found[0];
    assert_eq!(delete.action, "iam:DeleteUser");
    assert_eq!(
        delete.resource,
        "arn:${Partition}:iam::${Account}:user/${UserNameWithPath}"
    );
    assert_eq!(delete.decision, EvalDecision::ExplicitDeny);
    let decisions: Vec<&str> = delete
        .by_resource
        .iter()
        .map(|one| one.decision.word())
        .collect();
    assert_eq!(decisions, ["allowed", "implicitDeny", "explicitDeny"]);
    // Of what is denied only the deny; of what is allowed, what allows, and where it stands.
    let denied = &delete.by_resource[2].matched;
    assert_eq!(denied.len(), 1);
    assert_eq!(denied[0].statement, 2);
    let allowed = &delete.by_resource[0].matched[0];
    assert_eq!(
        (allowed.policy.as_str(), allowed.origin.word()),
        ("own", "user")
    );
    let at = |line, column| Position { line, column };
    assert_eq!(allowed.span, Some((at(4, 5), at(4, 90))));
    assert_eq!(delete.by_resource[1].matched, []);

    let list = &found[1];
    assert_eq!(list.decision, EvalDecision::ImplicitDeny);
    assert_eq!(
        list.missing,
        Vec::<String>::new(),
        "with the resources instead"
    );
    assert_eq!(
        list.by_resource[0].missing,
        ["aws:PrincipalTag/a", "iam:UserName"]
    );

    let bare = ask(&[]);
    assert_eq!(bare[1].resource, "*");
    assert_eq!(bare[1].missing, ["aws:PrincipalTag/a", "iam:UserName"]);
    assert_eq!(bare[1].by_resource, []);
    assert_eq!(bare[2].decision, EvalDecision::ImplicitDeny);
    assert_eq!(bare[2].missing, Vec::<String>::new());
    assert_eq!(ask(&words(&["*"])), bare);
}

#[test]
fn boundary_and_organization_have_details_of_their_own() {
    let all = Policy::parse(
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#,
    )
    .expect("a policy");
    let no_iam = Policy::parse(
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"iam:*","Resource":"*"}]}"#,
    )
    .expect("a policy");
    let only_s3 = Policy::parse(
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}"#,
    )
    .expect("a policy");
    let caller = ana();
    let context = Context::new();
    let actions = words(&["iam:GetUser", "s3:GetObject", "sqs:SendMessage"]);
    let layers = Layers {
        identity: vec![Source::of("own", Origin::UserManaged, &all)],
        boundary: Some(Source::of("bound", Origin::UserManaged, &only_s3)),
        service_control: vec![OrganizationLevel {
            name: "r-1",
            policies: vec![Source::of("p-1", Origin::None, &no_iam)],
        }],
        ..Layers::default()
    };
    let found = simulate(&Simulation {
        layers: &layers,
        caller: &caller,
        actions: &actions,
        resources: &[],
        context: &context,
    });
    let seen: Vec<(&str, Option<bool>, Option<bool>, usize)> = found
        .iter()
        .map(|one| {
            (
                one.decision.word(),
                one.allowed_by_organization,
                one.allowed_by_boundary,
                one.matched.len(),
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("explicitDeny", Some(false), Some(false), 0),
            ("allowed", Some(true), Some(true), 1),
            ("implicitDeny", Some(true), Some(false), 1),
        ]
    );
}
