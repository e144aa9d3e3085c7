pub(crate) mod house;

use house::{House, body, of_group, of_users};
use stint_domain::Span;
use stint_domain::policy::PolicyBody;
use stint_domain::rights::Role;

use super::*;
use crate::http::{Fault as _, Paging};

fn new(name: &str, body: PolicyBody) -> NewPolicy {
    NewPolicy {
        name: name.to_owned(),
        first: version(body),
    }
}

fn version(body: PolicyBody) -> NewVersion {
    NewVersion {
        body,
        note: " why ".to_owned(),
    }
}

#[tokio::test]
async fn versions_are_added_and_never_changed() {
    let house = House::new().await;
    let pam = house.user("Pam", &[Role::PolicyAdmin]).await;
    let bo = house.user("Bo", &[]).await;
    let platform = house.group("Platform", &[&bo]).await;
    let cx = house.by(&pam);
    let first = create(
        &cx,
        new(
            "  Prod   admin ",
            body(vec![of_group("Platform", platform, 1)]),
        ),
    )
    .await
    .expect("created");
    assert_eq!(
        (first.name.as_str(), first.latest.number),
        ("Prod admin", 1)
    );
    assert_eq!(first.latest.created_by, Some(pam.id));
    assert_eq!(first.latest.note, "why");

    let rules = PolicyBody {
        max_duration: Span::hours(1),
        ..body(vec![of_users("Bo", &[&bo])])
    };
    let second = new_version(&cx, first.id, version(rules.clone()), Some(first.version))
        .await
        .expect("written");
    assert_eq!((second.latest.number, second.version), (2, 2));
    let mut q = cx.read().await.expect("a reader");
    let kept = versions_by_id(&mut q, [first.latest.id]).await;
    assert_eq!(kept.expect("read")[&first.latest.id], first.latest);
    let latest = current(&mut q, first.id).await.expect("read");
    assert_eq!(latest.expect("there").body, rules);

    let stale = new_version(&cx, first.id, version(rules), Some(1)).await;
    assert_eq!(stale.expect_err("seen 1, is 2").code(), "stale");
    let page = versions(&cx, first.id, &Paging::first(1))
        .await
        .expect("a page");
    assert_eq!(page.items[0].number, 2);
    let rest = versions(&cx, first.id, &Paging::after_cursor(1, page.next)).await;
    assert_eq!(rest.expect("a page").items[0].number, 1);
    assert_eq!(
        house.events("policy.").await,
        ["policy.created", "policy.version_written"]
    );
    house.verified().await;
}

#[tokio::test]
async fn a_policy_nobody_could_answer_is_not_saved() {
    let house = House::new().await;
    let pam = house.user("Pam", &[Role::PolicyAdmin]).await;
    let hal = house.user("Hal", &[Role::Helpdesk]).await;
    let bo = house.user("Bo", &[]).await;
    let empty = house.group("Nobody", &[]).await;
    let desk = house.group("Desk", &[&hal]).await;
    let gone = house.group("Gone", &[&bo]).await;
    identity::deactivate_user(&house.system(), bo.id)
        .await
        .expect("deactivated");
    let cx = house.by(&pam);
    let code = async |steps| {
        let made = create(&cx, new("Prod", body(steps))).await;
        made.expect_err("nobody could approve").code()
    };
    for group in [empty, desk, gone] {
        assert_eq!(code(vec![of_group("a", group, 1)]).await, "needs_too_many");
    }
    assert_eq!(code(vec![of_users("a", &[&hal])]).await, "approver_unable");
    assert_eq!(code(vec![of_users("a", &[&bo])]).await, "approver_unable");
    let unknown = house.app.new_id();
    assert_eq!(code(vec![of_group("a", unknown, 1)]).await, "unknown_group");
    assert!(
        list(&cx, &Filter::default(), &Paging::default())
            .await
            .expect("a page")
            .items
            .is_empty()
    );
}

#[tokio::test]
async fn names_are_unique_and_checked() {
    let house = House::new().await;
    let pam = house.user("Pam", &[Role::PolicyAdmin]).await;
    let cx = house.by(&pam);
    let code = async |name: &str| {
        create(&cx, new(name, body(vec![])))
            .await
            .map_err(|e| e.code())
    };
    assert!(code("Everybody reads").await.is_ok());
    assert_eq!(
        code("everybody  READS").await.expect_err("taken"),
        "name_taken"
    );
    assert_eq!(code("  ").await.expect_err("empty"), "invalid_name");
    assert!(code(&"é".repeat(80)).await.is_ok());
    assert_eq!(
        code(&"é".repeat(81)).await.expect_err("long"),
        "invalid_name"
    );
    let first = list(&cx, &Filter::default(), &Paging::first(1))
        .await
        .expect("a page");
    assert_eq!(first.items[0].name, "Everybody reads");
    let rest = list(
        &cx,
        &Filter::default(),
        &Paging::after_cursor(1, first.next),
    )
    .await
    .expect("a page");
    assert_eq!((rest.items.len(), rest.next), (1, None));
}

#[tokio::test]
async fn only_policy_admins_write_and_users_see_nothing() {
    let house = House::new().await;
    let ana = house.user("Ana", &[]).await;
    let dee = house.user("Dee", &[Role::Auditor]).await;
    let policy = create(&house.system(), new("Prod", body(vec![])))
        .await
        .expect("created");
    assert_eq!(policy.latest.created_by, None);
    let by_ana = house.by(&ana);
    let denied = create(&by_ana, new("Mine", body(vec![]))).await;
    assert_eq!(denied.expect_err("a user").code(), "forbidden");
    assert_eq!(
        get(&by_ana, policy.id).await.expect_err("hidden").code(),
        "not_found"
    );
    let written = new_version(&by_ana, policy.id, version(body(vec![])), None).await;
    assert_eq!(written.expect_err("hidden").code(), "not_found");
    let by_dee = house.by(&dee);
    assert_eq!(
        get(&by_dee, policy.id).await.expect("an auditor reads").id,
        policy.id
    );
    let written = new_version(&by_dee, policy.id, version(body(vec![])), None).await;
    assert_eq!(written.expect_err("an auditor").code(), "forbidden");
}
