//! One request, and lists of them.

use stint_domain::rights::{Role, Verb};

use super::*;
use crate::requests::read::Standing;

fn ids(page: &stint_api::Page<Line>) -> Vec<RequestId> {
    page.items.iter().map(|line| line.request.id).collect()
}

#[tokio::test]
async fn lists_show_whom_they_are_for_a_page_at_a_time() {
    let scene = Scene::new().await;
    let mut all = Vec::new();
    for _ in 0..5 {
        all.push(scene.asked().await.id);
    }
    let newest: Vec<_> = all.iter().rev().copied().collect();
    let ana = scene.house.by(&scene.ana);
    let first = mine(&ana, &Filter::default(), &Paging::first(2))
        .await
        .expect("a page");
    assert_eq!(ids(&first), newest[..2]);
    assert_eq!(first.items[0].entitlement.name, "Admin on prod");
    assert_eq!(first.items[0].requester.email, "ana@example.com");
    let rest = mine(
        &ana,
        &Filter::default(),
        &Paging::after_cursor(9, first.next),
    )
    .await
    .expect("a page");
    assert_eq!((ids(&rest), rest.next), (newest[2..].to_vec(), None));
    assert!(
        mine(
            &scene.house.by(&scene.bo),
            &Filter::default(),
            &Paging::default(),
        )
        .await
        .expect("a page")
        .items
        .is_empty()
    );

    assert_eq!(scene.approve(&scene.bo, all[1]).await, "approved");
    let cy = scene.house.by(&scene.cy);
    let filter = |state: &str| Filter {
        state: Some(state.to_owned()),
        ..Filter::default()
    };
    let some = list(&cy, &filter("approved"), &Paging::default())
        .await
        .expect("a page");
    assert_eq!(ids(&some), [all[1]]);
    let every = list(&cy, &Filter::default(), &Paging::first(3))
        .await
        .expect("a page");
    assert_eq!(ids(&every), newest[..3]);
    let bad = list(&cy, &filter("open"), &Paging::default()).await;
    assert_eq!(bad.expect_err("no state").code(), "invalid_state");
    let denied = list(&ana, &Filter::default(), &Paging::default()).await;
    assert_eq!(denied.expect_err("a user").code(), "forbidden");
}

#[tokio::test]
async fn an_inbox_has_what_one_can_decide_now_and_nothing_else() {
    let scene = Scene::with(|platform, bo| {
        two_steps(of_group("Platform", platform, 1), of_users("Bo", &[bo]))
    })
    .await;
    let cx = scene.house.system();
    scene.house.join(&cx, scene.platform, scene.ana.id).await;
    let mut all = Vec::new();
    for _ in 0..4 {
        all.push(scene.asked().await.id);
    }
    let inbox = async |user: &User, paging: &Paging| {
        let page = super::super::inbox(&scene.house.by(user), paging).await;
        page.expect("a page")
    };
    let usual = Paging::default();
    // Her own do not wait for Ana, though she is of Platform.
    assert!(inbox(&scene.ana, &usual).await.items.is_empty());
    assert!(inbox(&scene.cy, &usual).await.items.is_empty());
    assert_eq!(ids(&inbox(&scene.bea, &usual).await), all);
    assert_eq!(scene.approve(&scene.bea, all[0]).await, "pending");
    assert_eq!(scene.approve(&scene.bo, all[1]).await, "pending");
    // The first is at Bo's step now; the second he has approved already.
    assert_eq!(ids(&inbox(&scene.bea, &usual).await), all[2..]);
    let first = inbox(&scene.bo, &Paging::first(1)).await;
    assert_eq!(ids(&first), all[..1]);
    let second = inbox(&scene.bo, &Paging::after_cursor(1, first.next)).await;
    assert_eq!(ids(&second), all[2..3]);
    let third = inbox(&scene.bo, &Paging::after_cursor(1, second.next)).await;
    assert_eq!((ids(&third), third.next), (all[3..].to_vec(), None));
    cancel(&scene.house.by(&scene.ana), all[2])
        .await
        .expect("hers");
    assert_eq!(ids(&inbox(&scene.bea, &usual).await), all[3..]);
}

#[tokio::test]
async fn a_request_is_seen_by_those_concerned_and_by_roles_that_see_all() {
    let scene = Scene::new().await;
    let eve = scene.house.user("Eve", &[]).await;
    let id = scene.asked().await.id;
    for role in [
        Role::Helpdesk,
        Role::Auditor,
        Role::PolicyAdmin,
        Role::ConnectionAdmin,
    ] {
        let user = scene.house.user(role.as_str(), &[role]).await;
        let may = scene.detail(&user, id).await.may;
        match role {
            // So that no request has a dead end.
            Role::PolicyAdmin => assert_eq!(may, [Verb::ReassignRequest]),
            _ => assert_eq!(may, [], "{role}"),
        }
    }
    let hidden = get(&scene.house.by(&eve), id).await.expect_err("hidden");
    let absent = get(&scene.house.by(&eve), scene.house.app.new_id()).await;
    let absent = absent.expect_err("absent");
    assert_eq!(
        (hidden.kind(), hidden.code()),
        (absent.kind(), absent.code())
    );
    // Bo has decided: he sees it also after he left the group.
    assert_eq!(scene.approve(&scene.bo, id).await, "approved");
    scene.house.leave(scene.platform, scene.bo.id).await;
    assert_eq!(scene.detail(&scene.bo, id).await.line.request.id, id);
    scene.house.leave(scene.platform, scene.bea.id).await;
    let gone = get(&scene.house.by(&scene.bea), id).await;
    assert_eq!(gone.expect_err("no more").code(), "not_found");
}

#[tokio::test]
async fn what_one_may_do_and_where_the_steps_stand() {
    let scene = Scene::with(|platform, bo| {
        two_steps(of_group("Platform", platform, 1), of_users("Bo", &[bo]))
    })
    .await;
    let id = scene.asked().await.id;
    let look = async |user: &User| {
        let detail = scene.detail(user, id).await;
        let steps: Vec<_> = detail.steps.iter().map(|s| s.standing.as_str()).collect();
        (detail.may, steps)
    };
    let decide = vec![
        Verb::ApproveRequest,
        Verb::DenyRequest,
        Verb::ReassignRequest,
    ];
    assert_eq!(
        look(&scene.ana).await,
        (vec![Verb::CancelRequest], vec!["now", "later"])
    );
    assert_eq!(look(&scene.bea).await.0, decide);
    assert_eq!(scene.approve(&scene.bea, id).await, "pending");
    assert_eq!(look(&scene.bea).await, (vec![], vec!["done", "now"]));
    assert_eq!(look(&scene.bo).await.0, decide);
    let denied = deny(&scene.house.by(&scene.bo), id, "not now").await;
    denied.expect("denied");
    assert_eq!(look(&scene.ana).await, (vec![], vec!["done", "denied"]));
    let detail = scene.detail(&scene.ana, id).await;
    let told: Vec<_> = detail.timeline.iter().map(Happening::text).collect();
    assert_eq!(told, ["Ana asked", "Bea approved", "Bo denied: “not now”"]);

    let id = scene.asked().await.id;
    assert_eq!(scene.approve(&scene.bea, id).await, "pending");
    cancel(&scene.house.by(&scene.ana), id).await.expect("hers");
    let steps = scene.detail(&scene.ana, id).await.steps;
    assert_eq!(steps[0].standing, Standing::Done);
    assert_eq!(steps[1].standing, Standing::Dropped);
}
