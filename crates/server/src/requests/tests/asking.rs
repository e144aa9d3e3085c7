//! Preview and submission.

use stint_db::Priority;
use stint_domain::policy::{Hindrance, ReasonRule};
use stint_domain::request::State;

use super::*;

async fn code(scene: &Scene, change: impl FnOnce(&mut NewRequest)) -> &'static str {
    let mut new = scene.ask();
    change(&mut new);
    let made = submit(&scene.house.by(&scene.ana), new).await;
    made.map_or_else(|e| e.code(), |request| request.state())
}

#[tokio::test]
async fn a_request_pins_the_policy_and_waits_for_its_first_step() {
    let scene = Scene::new().await;
    let request = scene.asked().await;
    assert_eq!(request.state(), "pending");
    assert_eq!(request.reason, "release 4711");
    let detail = scene.detail(&scene.ana, request.id).await;
    assert_eq!(detail.line.request, request);
    let waiting = detail.waiting.expect("pending");
    let names: Vec<_> = waiting.who.iter().map(|it| it.who.name.as_str()).collect();
    assert_eq!(waiting.rules.still, 1);
    assert_eq!(
        (names.contains(&"Bo"), names.contains(&"Bea"), names.len()),
        (true, true, 2)
    );
    assert!(detail.grants.is_empty());
    assert_eq!(scene.house.events("request.").await, ["request.submitted"]);
    scene.house.verified().await;
}

#[tokio::test]
async fn auto_approval_opens_the_grant_at_once() {
    let scene = Scene::with(|_, _| body(vec![])).await;
    let request = scene.asked().await;
    assert_eq!(request.state(), "approved");
    let detail = scene.detail(&scene.ana, request.id).await;
    assert_eq!(detail.grants.len(), 1);
    assert_eq!(
        scene.house.events("request.").await,
        ["request.submitted", "request.approved"]
    );
}

#[tokio::test]
async fn what_the_policy_does_not_allow_is_refused_with_every_reason() {
    let scene = Scene::with(|platform, _| PolicyBody {
        reason: ReasonRule {
            required: true,
            min_length: 5,
        },
        ..body(vec![of_group("Platform", platform, 1)])
    })
    .await;
    let now = scene.house.app.clock.now();
    assert_eq!(code(&scene, |_| {}).await, "pending");
    assert_eq!(
        code(&scene, |n| n.duration = Span::hours(5)).await,
        "duration_over_policy"
    );
    assert_eq!(
        code(&scene, |n| n.duration = Span::ZERO).await,
        "duration_too_short"
    );
    assert_eq!(
        code(&scene, |n| n.reason = " ".into()).await,
        "reason_required"
    );
    assert_eq!(
        code(&scene, |n| n.reason = "abc".into()).await,
        "reason_too_short"
    );
    let past = |n: &mut NewRequest| n.start = Some(now - Span::seconds(1));
    assert_eq!(code(&scene, past).await, "start_in_past");
    let mut both = scene.ask();
    both.duration = Span::hours(9);
    both.reason.clear();
    let why = submit(&scene.house.by(&scene.ana), both).await;
    assert_eq!(
        why.expect_err("two reasons").detail(),
        "9 h is longer than the 4 h allowed here: ask for 4 h or less; this policy wants a \
         reason: say what the access is for"
    );
    // The entitlement's own limit is felt where it is the lower one.
    let cx = scene.house.system();
    let hour = Some(Span::hours(1));
    let set = catalog::set_access_control(&cx, scene.admin, scene.policy, hour, None).await;
    set.expect("set");
    assert_eq!(code(&scene, |_| {}).await, "duration_over_policy");
    assert_eq!(scene.house.events("request.").await.len(), 1);
}

#[tokio::test]
async fn what_is_out_of_catalog_does_not_exist() {
    let scene = Scene::new().await;
    let hidden = scene.house.entitlement(scene.estate, "Hidden").await;
    let cx = scene.house.system();
    let set = catalog::set_access_control(&cx, hidden, scene.policy, None, None).await;
    set.expect("it could be asked for, were it in a catalog of theirs");
    let absent = scene.house.app.new_id();
    for user in [&scene.ana, &scene.cy] {
        let mut answers = Vec::new();
        for entitlement in [hidden, absent] {
            let new = NewRequest {
                entitlement,
                ..scene.ask()
            };
            let why = submit(&scene.house.by(user), new)
                .await
                .expect_err("hidden");
            answers.push((why.kind(), why.code(), why.detail()));
        }
        assert_eq!(answers[0], answers[1]);
        assert_eq!(answers[0].1, "not_found");
    }
}

#[tokio::test]
async fn without_a_principal_in_aws_one_is_told_who_can_mend_it() {
    let scene = Scene::new().await;
    let eve = scene.house.user("Eve", &[]).await;
    scene
        .house
        .join(&scene.house.system(), scene.devs, eve.id)
        .await;
    let cx = scene.house.by(&eve);
    let why = submit(&cx, scene.ask()).await.expect_err("no link");
    assert_eq!(why.code(), "no_linked_principal");
    assert!(why.detail().contains("“prod”") && why.detail().contains("Connection Admin"));
    let probe = Probe {
        entitlement: scene.admin,
        duration: None,
        reason: None,
        ticket: None,
        beneficiary: None,
        start: None,
        principal: None,
        emergency: false,
        until_revoked: false,
    };
    let seen = preview(&cx, probe).await.expect("visible");
    assert_eq!(seen.hurdles[0].code, "no_linked_principal");
    let principal = scene.house.linked(scene.estate, &eve).await;
    assert_eq!(
        submit(&cx, scene.ask()).await.expect("linked").state(),
        "pending"
    );
    scene.house.principal_gone(principal).await;
    let why = submit(&cx, scene.ask()).await.expect_err("gone");
    assert_eq!(why.code(), "principal_gone");
}

#[tokio::test]
async fn a_preview_says_who_and_why_and_asks_nothing() {
    let scene = Scene::with(|platform, bo| {
        two_steps(of_group("Platform", platform, 1), of_users("Bo", &[bo]))
    })
    .await;
    let hal = scene.house.user("Hal", &[Role::Helpdesk]).await;
    let cx = scene.house.system();
    for user in [scene.ana.id, hal.id] {
        scene.house.join(&cx, scene.platform, user).await;
    }
    let probe = Probe {
        entitlement: scene.admin,
        duration: Some(Span::hours(1)),
        reason: None,
        ticket: None,
        beneficiary: None,
        start: None,
        principal: None,
        emergency: false,
        until_revoked: false,
    };
    let seen = preview(&scene.house.by(&scene.ana), probe.clone()).await;
    let seen = seen.expect("visible");
    assert_eq!(seen.hurdles, []);
    let step = |i: usize| {
        let approvers = seen.steps[i].approvers.iter();
        let mut all: Vec<_> = approvers.map(|a| (a.user, a.hindrance)).collect();
        all.sort_by_key(|(user, _)| *user);
        all
    };
    let mut first = vec![
        (scene.ana.id, Some(Hindrance::OwnRequest)),
        (scene.bo.id, None),
        (scene.bea.id, None),
        (hal.id, Some(Hindrance::Unable)),
    ];
    first.sort_by_key(|(user, _)| *user);
    assert_eq!(step(0), first);
    assert_eq!(step(1), [(scene.bo.id, None)]);
    // Bo is needed for the second step: without Bea nobody is left for the first.
    scene.house.leave(scene.platform, scene.bea.id).await;
    let seen = preview(&scene.house.by(&scene.ana), probe)
        .await
        .expect("visible");
    assert_eq!(seen.hurdles[0].code, "no_possible_approver");
    assert_eq!(code(&scene, |_| {}).await, "no_possible_approver");
    assert!(scene.house.events("request.").await.is_empty());
}

#[tokio::test]
async fn an_old_request_keeps_its_version_when_the_policy_changes() {
    let scene = Scene::new().await;
    let old = scene.asked().await;
    let cx = scene.house.system();
    let rules = version(body(vec![of_users("Cy", &[&scene.cy])]));
    policies::new_version(&cx, scene.policy, rules, None)
        .await
        .expect("written");
    let new = scene.asked().await;
    assert_eq!((old.policy.number, new.policy.number), (1, 2));
    assert_eq!(scene.approve(&scene.cy, old.id).await, "forbidden");
    assert_eq!(scene.approve(&scene.bo, old.id).await, "approved");
    assert_eq!(scene.approve(&scene.bo, new.id).await, "not_found");
    assert_eq!(scene.approve(&scene.cy, new.id).await, "approved");
}

#[tokio::test]
async fn a_start_is_kept_until_it_is_approved_later() {
    let scene = Scene::new().await;
    let start = scene.house.app.clock.now() + Span::hours(3);
    let new = NewRequest {
        start: Some(start),
        principal: None,
        emergency: false,
        ..scene.ask()
    };
    let cx = scene.house.by(&scene.ana);
    let [early, late] = [
        submit(&cx, new.clone()).await.expect("submitted"),
        submit(&cx, new).await.expect("submitted"),
    ];
    assert_eq!(scene.approve(&scene.bo, early.id).await, "approved");
    let detail = scene.detail(&scene.ana, early.id).await;
    assert_eq!(detail.grants[0].start, start);
    scene.house.wait(Span::hours(4));
    assert_eq!(scene.approve(&scene.bo, late.id).await, "approved");
    let detail = scene.detail(&scene.ana, late.id).await;
    assert_eq!(detail.grants[0].start, scene.house.app.clock.now());
    assert!(matches!(
        detail.line.request.rules.state,
        State::Approved { .. }
    ));
}

#[tokio::test]
async fn what_is_asked_twice_in_an_emergency_is_known_by_the_key_the_database_names() {
    let scene = Scene::new().await;
    let rules = body(vec![of_group("Platform", scene.platform, 1)]);
    let new = NewPolicy {
        name: "Now".into(),
        first: version(rules.for_emergencies(Emergency::telling([scene.platform]))),
    };
    let cx = scene.house.system();
    let now = policies::create(&cx, new).await.expect("a policy").id;
    let terms = catalog::Terms {
        policy: scene.policy,
        max_duration: None,
        emergency: Some(now),
        until_revoked: false,
        replace: true,
    };
    let set = catalog::set_terms(&cx, scene.admin, terms, None).await;
    set.expect("an access control");
    let mut new = scene.ask();
    new.emergency = true;
    let first = submit(&scene.house.by(&scene.ana), new).await;
    let first = first.expect("asked");
    let again = Request {
        id: cx.app.new_id(),
        ..first
    };
    let mut tx = cx.begin(Priority::Interactive).await.expect("begun");
    let twice = store::insert(&mut tx, &again, "page", "").await;
    let why = twice.expect_err("one waits");
    assert!(why.is_unique(store::EMERGENCY_KEY), "{why}");
}
