//! SimulatePrincipalPolicy and SimulateCustomPolicy.

use super::*;
use PolicyEvaluationDecisionType::{Allowed, ExplicitDeny, ImplicitDeny};
use aws_sdk_iam::types::{
    ContextEntry, ContextKeyTypeEnum, EvaluationResult, PolicyEvaluationDecisionType,
};

fn policy(statements: &str) -> String {
    format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#)
}

fn decisions(results: &[EvaluationResult]) -> Vec<(&str, &PolicyEvaluationDecisionType)> {
    let all = results.iter();
    all.map(|it| (it.eval_action_name(), it.eval_decision()))
        .collect()
}

fn types(result: &EvaluationResult) -> Vec<&str> {
    let matched = result.matched_statements().iter();
    matched
        .filter_map(|it| it.source_policy_type())
        .map(|kind| kind.as_str())
        .collect()
}

both!(what_somebody_may_is_told_before_they_try, small(), |rig| {
    let iam = rig.admin().iam;
    let account = rig.facts.management_account.clone();
    made_user(&iam, "emil").await;
    iam.create_group()
        .group_name("readers")
        .send()
        .await
        .unwrap();
    iam.add_user_to_group()
        .group_name("readers")
        .user_name("emil")
        .send()
        .await
        .unwrap();
    let own = policy(
        r#"{"Effect":"Allow","Action":["iam:GetUser","iam:DeleteUser"],"Resource":"arn:aws:iam::*:user/app-*"},
            {"Effect":"Deny","Action":"iam:DeleteUser","Resource":"*"},
            {"Effect":"Allow","Action":"iam:CreateUser","Resource":"*","Condition":{"StringLike":{"iam:UserName":"app-*"}}}"#,
    );
    iam.put_user_policy()
        .user_name("emil")
        .policy_name("own")
        .policy_document(own)
        .send()
        .await
        .unwrap();
    iam.put_group_policy()
        .group_name("readers")
        .policy_name("read")
        .policy_document(policy(
            r#"{"Effect":"Allow","Action":"iam:List*","Resource":"*"}"#,
        ))
        .send()
        .await
        .unwrap();
    let emil = format!("arn:aws:iam::{account}:user/emil");
    let app = format!("arn:aws:iam::{account}:user/app-web");
    let asked = || {
        let actions = [
            "iam:ListUsers",
            "iam:DeleteUser",
            "iam:GetUser",
            "iam:CreateUser",
        ];
        let asked = iam.simulate_principal_policy().policy_source_arn(&emil);
        actions
            .into_iter()
            .fold(asked, |asked, it| asked.action_names(it))
    };
    let told = asked().send().await.unwrap();
    let told = told.evaluation_results();
    assert_eq!(
        decisions(told),
        [
            ("iam:ListUsers", &Allowed),
            ("iam:DeleteUser", &ExplicitDeny),
            ("iam:GetUser", &ImplicitDeny),
            ("iam:CreateUser", &ImplicitDeny),
        ]
    );
    // Where it stands; and the key that no request ever has is named.
    assert_eq!(types(&told[0]), ["group"]);
    assert_eq!(types(&told[1]), ["user"]);
    assert_eq!(told[3].missing_context_values(), ["iam:UserName"]);
    assert!(
        told.iter()
            .all(|it| it.resource_specific_results().is_empty())
    );
    // On resources: the worst for each action, and each by itself.
    let told = asked()
        .resource_arns(&app)
        .resource_arns(&emil)
        .send()
        .await
        .unwrap();
    let get = &told.evaluation_results()[2];
    assert_eq!(get.eval_decision(), &ImplicitDeny);
    let each: Vec<_> = get
        .resource_specific_results()
        .iter()
        .map(|it| (it.eval_resource_name(), it.eval_resource_decision()))
        .collect();
    assert_eq!(
        each,
        [(app.as_str(), &Allowed), (emil.as_str(), &ImplicitDeny)]
    );
    // The key supplied, it is as if the policy were right.
    let entry = ContextEntry::builder()
        .context_key_name("iam:UserName")
        .context_key_values("app-web")
        .context_key_type(ContextKeyTypeEnum::String)
        .build();
    let told = asked().context_entries(entry).send().await.unwrap();
    let create = &told.evaluation_results()[3];
    assert_eq!(create.eval_decision(), &Allowed);
    assert!(create.missing_context_values().is_empty());
    // A boundary lets pass what it allows, and says so; more policies count too.
    let told = asked()
        .permissions_boundary_policy_input_list(policy(
            r#"{"Effect":"Allow","Action":"iam:Get*","Resource":"*"}"#,
        ))
        .policy_input_list(policy(
            r#"{"Effect":"Allow","Action":"iam:GetUser","Resource":"*"}"#,
        ))
        .send()
        .await
        .unwrap();
    let told = told.evaluation_results();
    assert_eq!(
        decisions(told)[..3],
        [
            ("iam:ListUsers", &ImplicitDeny),
            ("iam:DeleteUser", &ExplicitDeny),
            ("iam:GetUser", &Allowed),
        ]
    );
    let passed = |it: &EvaluationResult| {
        let detail = it.permissions_boundary_decision_detail();
        detail.map(|it| it.allowed_by_permissions_boundary())
    };
    assert_eq!(
        (passed(&told[0]), passed(&told[2])),
        (Some(false), Some(true))
    );
    // A page at a time.
    let first = asked().max_items(3).send().await.unwrap();
    assert_eq!(
        (first.evaluation_results().len(), first.is_truncated()),
        (3, true)
    );
    let rest = asked()
        .marker(first.marker().unwrap())
        .send()
        .await
        .unwrap();
    assert_eq!(
        decisions(rest.evaluation_results()),
        [("iam:CreateUser", &ImplicitDeny)]
    );
    // The group by itself, and a role.
    let group = format!("arn:aws:iam::{account}:group/readers");
    for (source, decision) in [
        (&group, &Allowed),
        (&rig.facts.connector_role_arn, &Allowed),
    ] {
        let told = iam
            .simulate_principal_policy()
            .policy_source_arn(source)
            .action_names("iam:ListUsers")
            .send()
            .await
            .unwrap();
        assert_eq!(
            decisions(told.evaluation_results()),
            [("iam:ListUsers", decision)]
        );
    }
});

both!(
    policies_are_tried_before_they_are_anybodys,
    small(),
    |rig| {
        let iam = rig.admin().iam;
        let account = rig.facts.management_account.clone();
        let given = policy(
            "\n  {\"Effect\":\"Allow\",\"Action\":\"iam:GetUser\",\"Resource\":\"arn:aws:iam::*:user/${aws:username}\"}",
        );
        let asked = || {
            iam.simulate_custom_policy()
                .policy_input_list(&given)
                .action_names("iam:GetUser")
                .resource_arns(format!("arn:aws:iam::{account}:user/emil"))
        };
        let told = asked().send().await.unwrap();
        let one = &told.evaluation_results()[0];
        assert_eq!(one.eval_decision(), &ImplicitDeny);
        let missing = one.resource_specific_results()[0].missing_context_values();
        assert_eq!(missing, ["aws:username"]);
        let name = ContextEntry::builder()
            .context_key_name("aws:username")
            .context_key_values("emil")
            .context_key_type(ContextKeyTypeEnum::String)
            .build();
        let told = asked().context_entries(name).send().await.unwrap();
        let one = &told.evaluation_results()[0];
        assert_eq!(one.eval_decision(), &Allowed);
        let matched = &one.matched_statements()[0];
        assert_eq!(matched.source_policy_id(), Some("PolicyInputList.1"));
        // It begins in the second line.
        let start = matched.start_position().expect("where it stands");
        assert_eq!(start.line(), 2);

        // What cannot be answered is refused in words.
        let broken = asked().policy_input_list("{").send().await;
        assert_eq!(code(broken), "InvalidInput");
        let session = format!("arn:aws:sts::{account}:assumed-role/r/s");
        assert_eq!(
            code(asked().caller_arn(session).send().await),
            "InvalidInput"
        );
        assert_eq!(
            code(asked().action_names("nothing").send().await),
            "InvalidInput"
        );
        let unknown = iam
            .simulate_principal_policy()
            .policy_source_arn(format!("arn:aws:iam::{account}:user/nobody"))
            .action_names("iam:GetUser")
            .send()
            .await;
        assert_eq!(code(unknown), "NoSuchEntity");
        let left = asked()
            .resource_handling_option("EC2-VPC-InstanceStore")
            .send()
            .await;
        assert_eq!(code(left), "ValidationError");
        // Who may ask is decided on whom they ask about.
        made_user(&iam, "asker").await;
        let key = iam
            .create_access_key()
            .user_name("asker")
            .send()
            .await
            .unwrap();
        let key = key.access_key().unwrap();
        let keys = keyed(key.access_key_id(), key.secret_access_key(), None);
        let asker = rig.clients(keys, true).iam;
        iam.put_user_policy()
            .user_name("asker")
            .policy_name("p")
            .policy_document(policy(&format!(
                r#"{{"Effect":"Allow","Action":"iam:SimulatePrincipalPolicy","Resource":"arn:aws:iam::{account}:user/asker"}}"#
            )))
            .send()
            .await
            .unwrap();
        let about = |name: &str| {
            asker
                .simulate_principal_policy()
                .policy_source_arn(format!("arn:aws:iam::{account}:user/{name}"))
                .action_names("iam:GetUser")
                .send()
        };
        assert!(about("asker").await.is_ok());
        assert_eq!(code(about("emil").await), "AccessDenied");
    }
);
