//! Approve, deny, cancel, return.

use super::*;

#[tokio::test]
async fn the_last_approval_opens_the_grant_in_the_same_transaction() {
    let scene = Scene::with(|platform, bo| {
        two_steps(of_group("Platform", platform, 1), of_users("Bo", &[bo]))
    })
    .await;
    let id = scene.asked().await.id;
    assert_eq!(scene.approve(&scene.bea, id).await, "pending");
    assert!(scene.detail(&scene.bo, id).await.grants.is_empty());
    let done = super::approve(&scene.house.by(&scene.bo), id, " go ").await;
    let done = done.expect("the second step");
    assert_eq!((done.state(), done.version), ("approved", 3));
    let detail = scene.detail(&scene.ana, id).await;
    assert_eq!(detail.line.request, done);
    assert_eq!(detail.grants.len(), 1);
    assert_eq!(
        scene.house.events("request.").await,
        [
            "request.submitted",
            "request.decided",
            "request.decided",
            "request.approved"
        ]
    );
    scene.house.verified().await;
}

#[tokio::test]
async fn nobody_approves_their_own_in_person_or_by_token() {
    let scene = Scene::new().await;
    let cx = scene.house.system();
    scene.house.join(&cx, scene.platform, scene.ana.id).await;
    let id = scene.asked().await.id;
    assert_eq!(scene.approve(&scene.ana, id).await, "self_approval");
    let by_token = scene.house.by_token(&scene.ana);
    let why = super::approve(&by_token, id, "")
        .await
        .expect_err("her own");
    assert_eq!(
        (why.code(), why.kind().status().as_u16()),
        ("self_approval", 403)
    );
    let why = deny(&by_token, id, "no").await.expect_err("her own");
    assert!(why.detail().ends_with("cancel it instead"));
    assert!(
        !scene
            .detail(&scene.ana, id)
            .await
            .may
            .contains(&stint_domain::rights::Verb::ApproveRequest)
    );

    let mut rules = body(vec![of_group("Platform", scene.platform, 1)]);
    rules.allow_self_approval = true;
    policies::new_version(&cx, scene.policy, version(rules), None)
        .await
        .expect("written");
    assert_eq!(scene.approve(&scene.ana, id).await, "self_approval");
    let allowed = scene.asked().await.id;
    assert_eq!(scene.approve(&scene.ana, allowed).await, "approved");
}

#[tokio::test]
async fn who_is_no_approver_is_told_as_much_as_they_may_know() {
    let scene = Scene::with(|platform, bo| {
        two_steps(of_users("Bo", &[bo]), of_group("Platform", platform, 1))
    })
    .await;
    let eve = scene.house.user("Eve", &[]).await;
    let hal = scene.house.user("Hal", &[Role::Helpdesk]).await;
    let id = scene.asked().await.id;
    assert_eq!(scene.approve(&eve, id).await, "not_found");
    assert_eq!(
        scene.approve(&eve, scene.house.app.new_id()).await,
        "not_found"
    );
    assert_eq!(scene.approve(&scene.cy, id).await, "forbidden");
    assert_eq!(
        scene.approve(&scene.cy, scene.house.app.new_id()).await,
        "not_found"
    );
    assert_eq!(scene.approve(&scene.bea, id).await, "not_an_approver");
    scene
        .house
        .join(&scene.house.system(), scene.platform, hal.id)
        .await;
    assert_eq!(scene.approve(&scene.bo, id).await, "pending");
    assert_eq!(scene.approve(&hal, id).await, "forbidden");
    assert_eq!(scene.approve(&scene.bo, id).await, "already_decided");
    assert_eq!(scene.approve(&scene.bea, id).await, "approved");
}

#[tokio::test]
async fn who_joined_by_themselves_after_it_was_asked_does_not_count() {
    let scene = Scene::new().await;
    let pam = scene.house.user("Pam", &[Role::PolicyAdmin]).await;
    let eve = scene.house.user("Eve", &[]).await;
    let id = scene.asked().await.id;
    scene.house.wait(Span::minutes(1));
    let by_pam = scene.house.by(&pam);
    scene.house.join(&by_pam, scene.platform, pam.id).await;
    scene.house.join(&by_pam, scene.platform, eve.id).await;
    assert_eq!(
        scene.approve(&pam, id).await,
        "became_approver_after_submission"
    );
    let who = scene
        .detail(&scene.ana, id)
        .await
        .waiting
        .expect("pending")
        .who;
    assert!(who.iter().any(|w| w.who.id == eve.id) && who.iter().all(|w| w.who.id != pam.id));
    // What is asked from now on is theirs to decide.
    scene.house.wait(Span::minutes(1));
    let later = scene.asked().await.id;
    assert_eq!(scene.approve(&pam, later).await, "approved");
    assert_eq!(scene.approve(&eve, id).await, "approved");
}

#[tokio::test]
async fn the_second_of_two_approvers_is_told_that_it_is_done() {
    let scene = Scene::new().await;
    let id = scene.asked().await.id;
    let [bo, bea] = [scene.house.by(&scene.bo), scene.house.by(&scene.bea)];
    let (one, two) = tokio::join!(super::approve(&bo, id, ""), super::approve(&bea, id, ""));
    let (done, late): (Vec<_>, Vec<_>) = [one, two].into_iter().partition(Result::is_ok);
    assert_eq!((done.len(), late.len()), (1, 1));
    let why = late
        .into_iter()
        .next()
        .and_then(Result::err)
        .expect("the second");
    assert_eq!(
        (why.code(), why.kind().status().as_u16()),
        ("wrong_state", 409)
    );
    assert_eq!(
        why.detail(),
        "this request was approved at 2026-11-23T14:00:00Z: it cannot be approved any more"
    );
    let detail = scene.detail(&scene.ana, id).await;
    assert_eq!(
        (detail.grants.len(), detail.line.request.decisions.len()),
        (1, 1)
    );
}

#[tokio::test]
async fn a_cancelled_request_is_decided_no_more() {
    let scene = Scene::new().await;
    let id = scene.asked().await.id;
    let other = cancel(&scene.house.by(&scene.bo), id).await;
    assert_eq!(other.expect_err("not his").code(), "forbidden");
    scene.house.wait(Span::minutes(5));
    let done = cancel(&scene.house.by(&scene.ana), id).await.expect("hers");
    assert_eq!(done.state(), "cancelled");
    let why = super::approve(&scene.house.by(&scene.bo), id, "").await;
    assert_eq!(
        why.expect_err("cancelled").detail(),
        "this request was cancelled at 2026-11-23T14:05:00Z: it cannot be approved any more"
    );
    let again = cancel(&scene.house.by(&scene.ana), id).await;
    assert_eq!(again.expect_err("twice").code(), "wrong_state");
    let admin = scene.asked().await.id;
    assert!(cancel(&scene.house.by(&scene.cy), admin).await.is_ok());
}

#[tokio::test]
async fn a_denial_needs_a_reason_and_ends_it() {
    let scene = Scene::new().await;
    let id = scene.asked().await.id;
    let cx = scene.house.by(&scene.bo);
    assert_eq!(
        deny(&cx, id, "  ").await.expect_err("empty").code(),
        "reason_required"
    );
    let done = deny(&cx, id, " ask on Monday ").await.expect("denied");
    assert_eq!(
        (done.state(), done.decisions[0].comment.as_str()),
        ("denied", "ask on Monday")
    );
    assert_eq!(scene.detail(&scene.ana, id).await.line.request, done);
    assert_eq!(scene.approve(&scene.bea, id).await, "wrong_state");
    let endless = super::approve(&cx, id, &"x".repeat(2_001)).await;
    assert_eq!(endless.expect_err("too long").code(), "comment_too_long");
}

#[tokio::test]
async fn the_number_needed_stays_when_the_group_empties() {
    let scene = Scene::with(|platform, _| body(vec![of_group("Platform", platform, 2)])).await;
    let id = scene.asked().await.id;
    scene.house.leave(scene.platform, scene.bea.id).await;
    assert_eq!(scene.approve(&scene.bo, id).await, "pending");
    let waiting = scene.detail(&scene.ana, id).await.waiting.expect("pending");
    assert!(waiting.rules.stuck());
    assert_eq!((waiting.rules.needed, waiting.rules.still), (2, 1));
    let eve = scene.house.user("Eve", &[]).await;
    scene
        .house
        .join(&scene.house.by(&scene.cy), scene.platform, eve.id)
        .await;
    assert_eq!(scene.approve(&eve, id).await, "approved");
}

#[tokio::test]
async fn nothing_is_opened_for_whom_was_not_approved() {
    let scene = Scene::new().await;
    let [moved, gone] = [scene.asked().await.id, scene.asked().await.id];
    let link = directory_link(&scene).await;
    crate::directory::reject_link(&scene.house.system(), link)
        .await
        .expect("taken back");
    assert_eq!(scene.approve(&scene.bo, moved).await, "principal_changed");
    scene.house.linked(scene.estate, &scene.ana).await;
    assert_eq!(scene.approve(&scene.bo, moved).await, "principal_changed");
    let fresh = scene.asked().await.id;
    let deactivated = crate::identity::deactivate_user(&scene.house.system(), scene.ana.id).await;
    deactivated.expect("deactivated");
    for id in [gone, fresh] {
        assert_eq!(scene.approve(&scene.bo, id).await, "beneficiary_inactive");
        let detail = scene.detail(&scene.bo, id).await;
        assert_eq!(detail.line.request.state(), "pending");
        assert!(detail.line.request.decisions.is_empty() && detail.grants.is_empty());
    }
    let denied = deny(&scene.house.by(&scene.bo), fresh, "left").await;
    assert_eq!(denied.expect("denied").state(), "denied");
}

async fn directory_link(scene: &Scene) -> stint_domain::LinkId {
    let cx = scene.house.system();
    let linked = crate::directory::LinkFilter {
        user: Some(scene.ana.id),
        ..Default::default()
    };
    let page = crate::directory::links(&cx, &linked, &Paging::default()).await;
    page.expect("links").items.first().expect("Ana's").id
}

#[tokio::test]
async fn what_was_given_is_returned_once_by_who_has_it() {
    let scene = Scene::new().await;
    let id = scene.asked().await.id;
    let ana = scene.house.by(&scene.ana);
    let early = return_early(&ana, id).await.expect_err("pending");
    assert_eq!(
        (early.code(), early.kind().status().as_u16()),
        ("nothing_to_return", 409)
    );
    assert_eq!(scene.approve(&scene.bo, id).await, "approved");
    for other in [&scene.bo, &scene.cy] {
        let why = return_early(&scene.house.by(other), id).await;
        assert_eq!(why.expect_err("not theirs").code(), "forbidden");
    }
    scene.house.wait(Span::minutes(1));
    return_early(&ana, id).await.expect("hers");
    assert!(
        scene
            .detail(&scene.ana, id)
            .await
            .grants
            .iter()
            .all(|g| !g.is_open())
    );
    let again = return_early(&ana, id).await;
    assert_eq!(again.expect_err("twice").code(), "nothing_to_return");
    assert_eq!(scene.house.events("request.returned").await.len(), 1);
    scene.house.verified().await;
}
