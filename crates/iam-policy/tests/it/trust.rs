//! Trust policies and identity policies: who may do what, and which statement says so.

use stint_iam_policy::{
    Caller, Context, Decision, Identity, Kind, Policy, PrincipalMatch, Request,
    connector_permissions, evaluate_identity, evaluate_trust, trust_policy,
};

const HOST: &str = "arn:aws:iam::222233334444:user/stint-host";

fn user(arn: &str) -> Caller {
    let account = arn
        .split(':')
        .nth(4)
        .expect("an ARN has an account")
        .to_owned();
    Caller {
        account,
        identity: Identity::User {
            arn: arn.to_owned(),
        },
    }
}

fn session(account: &str, role: &str, name: &str) -> Caller {
    Caller {
        account: account.to_owned(),
        identity: Identity::Session {
            role: format!("arn:aws:iam::{account}:role/{role}"),
            session: format!("arn:aws:sts::{account}:assumed-role/{role}/{name}"),
        },
    }
}

fn assume(policy: &Policy, caller: &Caller, context: &Context) -> Decision {
    let request = Request {
        caller,
        action: "sts:AssumeRole",
        resource: "*",
        context,
    };
    evaluate_trust(policy, &request)
}

fn external_id(value: &str) -> Context {
    Context::new().with("sts:ExternalId", value)
}

fn parse(text: &str) -> Policy {
    Policy::parse(text).expect("a policy")
}

#[test]
fn the_built_trust_policy_lets_in_the_base_identity_with_its_external_id_only() {
    let policy = trust_policy(HOST, "stint-5f0c");
    let allowed = Decision::Allowed {
        statement: 0,
        through: Some(PrincipalMatch::Exact),
    };
    assert_eq!(
        assume(&policy, &user(HOST), &external_id("stint-5f0c")),
        allowed
    );
    for (caller, context) in [
        (user(HOST), external_id("stint-5f0d")),
        (user(HOST), external_id("STINT-5F0C")),
        (user(HOST), external_id("")),
        (user(HOST), Context::new()),
        (
            user("arn:aws:iam::222233334444:user/other"),
            external_id("stint-5f0c"),
        ),
        (
            user("arn:aws:iam::999933334444:user/stint-host"),
            external_id("stint-5f0c"),
        ),
        (
            Caller {
                account: "222233334444".to_owned(),
                identity: Identity::Root,
            },
            external_id("stint-5f0c"),
        ),
    ] {
        assert_eq!(
            assume(&policy, &caller, &context),
            Decision::NotAllowed,
            "{caller:?} {context:?}"
        );
    }
    let tag = Request {
        caller: &user(HOST),
        action: "sts:TagSession",
        resource: "*",
        context: &external_id("stint-5f0c"),
    };
    assert_eq!(evaluate_trust(&policy, &tag), Decision::NotAllowed);
}

#[test]
fn the_built_policies_survive_their_own_text_and_are_fit_for_their_purpose() {
    let trust = trust_policy(HOST, "stint-5f0c");
    assert_eq!(Policy::parse(&trust.to_text()), Ok(trust.clone()));
    assert_eq!(trust.check(Kind::Trust), Ok(()));
    assert!(trust.check(Kind::Identity).is_err());
    let permissions = connector_permissions("aws", "111122223333");
    assert_eq!(
        Policy::parse(&permissions.to_text()),
        Ok(permissions.clone())
    );
    assert_eq!(permissions.check(Kind::Identity), Ok(()));
    assert!(permissions.check(Kind::Trust).is_err());
}

#[test]
fn a_base_identity_that_is_a_session_is_trusted_through_its_role() {
    let policy = trust_policy("arn:aws:sts::222233334444:assumed-role/stint/i-0abc", "x1");
    let caller = session("222233334444", "stint", "i-0def");
    assert!(assume(&policy, &caller, &external_id("x1")).is_allowed());
    let other = session("222233334444", "stint2", "i-0abc");
    assert!(!assume(&policy, &other, &external_id("x1")).is_allowed());
}

#[test]
fn principals_name_accounts_roles_sessions_and_everybody() {
    let with = |principal: &str| {
        parse(&format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Principal":{principal},"Action":"sts:AssumeRole"}}}}"#
        ))
    };
    let host = user(HOST);
    let robot = session("222233334444", "robot", "one");
    for (principal, caller, expected) in [
        (r#""*""#, &host, Some(PrincipalMatch::Anyone)),
        (r#"{"AWS":"*"}"#, &robot, Some(PrincipalMatch::Anyone)),
        (
            r#"{"AWS":"222233334444"}"#,
            &host,
            Some(PrincipalMatch::Account),
        ),
        (
            r#"{"AWS":"arn:aws:iam::222233334444:root"}"#,
            &robot,
            Some(PrincipalMatch::Account),
        ),
        (r#"{"AWS":"arn:aws:iam::222233334445:root"}"#, &robot, None),
        (
            r#"{"AWS":["222233334444","arn:aws:iam::222233334444:user/stint-host"]}"#,
            &host,
            Some(PrincipalMatch::Exact),
        ),
        (
            r#"{"AWS":"arn:aws:iam::222233334444:role/robot"}"#,
            &robot,
            Some(PrincipalMatch::Behind),
        ),
        (
            r#"{"AWS":"arn:aws:sts::222233334444:assumed-role/robot/one"}"#,
            &robot,
            Some(PrincipalMatch::Exact),
        ),
        (
            r#"{"AWS":"arn:aws:sts::222233334444:assumed-role/robot/two"}"#,
            &robot,
            None,
        ),
        (r#"{"AWS":"AIDACKCEVSQ6C2EXAMPLE"}"#, &host, None),
        (r#"{"Service":"ec2.amazonaws.com"}"#, &host, None),
    ] {
        let expected = match expected {
            Some(through) => Decision::Allowed {
                statement: 0,
                through: Some(through),
            },
            None => Decision::NotAllowed,
        };
        assert_eq!(
            assume(&with(principal), caller, &Context::new()),
            expected,
            "{principal}"
        );
    }
    let service = Caller {
        account: "222233334444".to_owned(),
        identity: Identity::Service {
            name: "ec2.amazonaws.com".to_owned(),
        },
    };
    assert!(
        assume(
            &with(r#"{"Service":"ec2.amazonaws.com"}"#),
            &service,
            &Context::new()
        )
        .is_allowed()
    );
    assert!(!assume(&with(r#""*""#), &service, &Context::new()).is_allowed());
    // It is kept out by it.
    let denied = |who: &str| {
        let policy = format!(
            r#"{{"Version":"2012-10-17","Statement":[
            {{"Effect":"Allow","Principal":{{"Service":"ec2.amazonaws.com"}},"Action":"sts:AssumeRole"}},
            {{"Effect":"Deny",{who},"Action":"sts:AssumeRole"}}]}}"#
        );
        assume(&parse(&policy), &service, &Context::new()) == Decision::Denied { statement: 1 }
    };
    assert!(denied(r#""Principal":"*""#));
    assert!(denied(r#""Principal":{"AWS":"*"}"#));
    assert!(!denied(r#""Principal":{"AWS":"222233334444"}"#));
    assert!(!denied(r#""Principal":{"Service":"sqs.amazonaws.com"}"#));
    // Whoever a deny with NotPrincipal does not name is meant by it, as before.
    assert!(denied(r#""NotPrincipal":{"AWS":"222233334444"}"#));
    assert!(!denied(r#""NotPrincipal":{"Service":"ec2.amazonaws.com"}"#));
}

#[test]
fn a_deny_decides_wherever_it_stands_and_is_named() {
    let policy = parse(
        r#"{"Version":"2012-10-17","Statement":[
            {"Sid":"all","Effect":"Allow","Principal":{"AWS":"222233334444"},"Action":"sts:*"},
            {"Sid":"but","Effect":"Deny","Principal":"*","Action":"sts:assumerole","Condition":{"StringNotEquals":{"sts:ExternalId":"x1"}}}]}"#,
    );
    let allowed = Decision::Allowed {
        statement: 0,
        through: Some(PrincipalMatch::Account),
    };
    assert_eq!(assume(&policy, &user(HOST), &external_id("x1")), allowed);
    assert_eq!(
        assume(&policy, &user(HOST), &external_id("x2")),
        Decision::Denied { statement: 1 }
    );
    assert_eq!(
        assume(&policy, &user(HOST), &Context::new()),
        Decision::Denied { statement: 1 }
    );
}

#[test]
fn not_principal_in_a_deny_spares_those_it_names() {
    let policy = parse(
        r#"{"Statement":[
            {"Effect":"Allow","Principal":"*","Action":"*"},
            {"Effect":"Deny","NotPrincipal":{"AWS":"arn:aws:iam::222233334444:user/stint-host"},"Action":"*"}]}"#,
    );
    assert!(assume(&policy, &user(HOST), &Context::new()).is_allowed());
    let other = user("arn:aws:iam::222233334444:user/other");
    assert_eq!(
        assume(&policy, &other, &Context::new()),
        Decision::Denied { statement: 1 }
    );
}

#[test]
fn not_action_not_resource_and_variables_in_resources() {
    let policy = parse(
        r#"{"Version":"2012-10-17","Statement":[
            {"Effect":"Allow","NotAction":"iam:*","Resource":"*"},
            {"Effect":"Allow","Action":"iam:GetUser","Resource":"arn:aws:iam::*:user/${aws:username}"},
            {"Effect":"Deny","Action":"s3:*","NotResource":"arn:aws:s3:::own-*"}]}"#,
    );
    let caller = user("arn:aws:iam::222233334444:user/ana");
    let context = Context::new().with("aws:username", "ana");
    let ask = |action: &str, resource: &str| {
        let request = Request {
            caller: &caller,
            action,
            resource,
            context: &context,
        };
        evaluate_identity(&policy, &request)
    };
    assert!(ask("SSO:listInstances", "*").is_allowed());
    assert_eq!(ask("iam:CreateUser", "*"), Decision::NotAllowed);
    assert_eq!(
        ask("iam:GetUser", "arn:aws:iam::222233334444:user/ana"),
        Decision::Allowed {
            statement: 1,
            through: None
        }
    );
    assert_eq!(
        ask("iam:GetUser", "arn:aws:iam::222233334444:user/bo"),
        Decision::NotAllowed
    );
    assert!(ask("s3:GetObject", "arn:aws:s3:::own-things").is_allowed());
    assert_eq!(
        ask("s3:GetObject", "arn:aws:s3:::others"),
        Decision::Denied { statement: 2 }
    );
}

#[test]
fn the_trust_policy_reads_as_people_paste_it() {
    let expected = r#"{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "StintAssumesThisRole",
      "Effect": "Allow",
      "Principal": {
        "AWS": "arn:aws:iam::222233334444:user/stint-host"
      },
      "Action": "sts:AssumeRole",
      "Condition": {
        "StringEquals": {
          "sts:ExternalId": "stint-5f0c"
        }
      }
    }
  ]
}
"#;
    assert_eq!(trust_policy(HOST, "stint-5f0c").to_text(), expected);
}
