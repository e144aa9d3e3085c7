use aws_sdk_iam::types::{EvaluationResult, PolicyEvaluationDecisionType, ResourceSpecificResult};

use super::*;

const ACTION: &str = "sso:CreateAccountAssignment";

fn result(decision: PolicyEvaluationDecisionType, missing: &[&str]) -> EvaluationResult {
    EvaluationResult::builder()
        .eval_action_name(ACTION)
        .eval_decision(decision)
        .set_missing_context_values(Some(missing.iter().map(|it| (*it).to_owned()).collect()))
        .build()
        .expect("a result")
}

fn inside(decision: PolicyEvaluationDecisionType) -> ResourceSpecificResult {
    ResourceSpecificResult::builder()
        .eval_resource_name("arn")
        .eval_resource_decision(decision)
        .build()
        .expect("a result")
}

fn told_of(results: &[EvaluationResult]) -> (Able, BTreeSet<String>) {
    let mut never = BTreeSet::new();
    let (able, _) = verdict(results, ACTION, &mut never);
    (able, never)
}

#[test]
fn one_resource_that_is_denied_denies_in_both_generations_of_the_answer() {
    use PolicyEvaluationDecisionType::{Allowed, ExplicitDeny, ImplicitDeny};
    // As it was: a result for each action and resource.
    let before = [result(Allowed, &[]), result(ImplicitDeny, &[])];
    assert_eq!(told_of(&before).0, Able::Missing);
    assert_eq!(
        told_of(&[result(Allowed, &[]), result(Allowed, &[])]).0,
        Able::Works
    );
    // As it is: one result, the resources inside it.
    let now = |inner: &[PolicyEvaluationDecisionType]| {
        let mut of = result(Allowed, &[]);
        of.resource_specific_results = Some(inner.iter().map(|it| inside(it.clone())).collect());
        told_of(&[of]).0
    };
    assert_eq!(now(&[Allowed, Allowed]), Able::Works);
    assert_eq!(now(&[Allowed, ExplicitDeny]), Able::Missing);
    assert_eq!(now(&[ImplicitDeny, Allowed]), Able::Missing);
    assert_eq!(told_of(&[]).0, Able::Unknown, "nothing was said of it");
}

#[test]
fn a_key_that_exists_leaves_it_open_and_one_that_does_not_is_named() {
    use PolicyEvaluationDecisionType::ImplicitDeny;
    let (able, never) = told_of(&[result(ImplicitDeny, &["aws:SourceIp"])]);
    assert_eq!((able, never.len()), (Able::Unknown, 0));
    let (able, never) = told_of(&[result(ImplicitDeny, &["iam:UserName"])]);
    assert_eq!(able, Able::Missing);
    assert!(never.contains("iam:UserName"));
}

#[test]
fn names_are_listed_as_people_read_them() {
    assert_eq!(list(&[]), "");
    assert_eq!(list(&["a"]), "a");
    assert_eq!(list(&["a", "b", "c"]), "a, b and c");
    let many = ["a", "b", "c", "d", "e", "f", "g"];
    assert_eq!(list(&many), "a, b, c, d, e and 2 more");
}
