//! Access until it is revoked: it ends where nobody says that it is still needed, and goes on where
//! somebody who answers for it does.

use serde_json::{Value, json};
use stint_db::{Priority, args};
use stint_domain::policy::{Approvers, PolicyBody, Route, Step, StepUp, UntilRevoked};
use stint_domain::rights::Role;
use stint_domain::{EntitlementId, PolicyId, RequestId, Span, Time};
use stint_server::http::Paging;
use stint_server::requests::{self, Extension};
use stint_server::{catalog, directory, grants, identity, policies};
use stint_testkit::{Answer, Door, Organization, World, both_engines};

use crate::emergency;

const REQUESTS: &str = "/api/v1/requests";
const PREVIEW: &str = "/api/v1/requests/preview";
const REVIEWS: &str = "/api/v1/until-revoked-reviews";

stint_db::statements! {
    quiet NOT_ASKED = "update grants set asked_at = null where id = $1";
}

const fn days(n: i64) -> Span {
    Span::hours(24 * n)
}

/// Ana asks for prod-admin on prod-payments, which nobody has to approve and may be had until it is
/// revoked. Bea owns the application, Cy the connection; Mia owns nothing.
struct Scene {
    org: Organization,
    policy: PolicyId,
    what: EntitlementId,
}

fn body(every: Option<Span>) -> PolicyBody {
    PolicyBody {
        until_revoked: UntilRevoked::of(every),
        ..PolicyBody::new(Route::AutoApprove, Span::hours(4))
    }
}

fn version(body: PolicyBody) -> policies::NewVersion {
    policies::NewVersion {
        body,
        note: String::new(),
    }
}

impl Scene {
    async fn set(world: &mut World, every: Span) -> Self {
        for word in ["bea", "mia"] {
            world.add_person(word, &[]).await;
        }
        let org = world.organize().await;
        let cy = world.cx("cy");
        let new = policies::NewPolicy {
            name: "Standing".to_owned(),
            first: version(body(Some(every))),
        };
        let policy = policies::create(&cy, new).await.expect("a policy").id;
        let what = org.entitlement(world, "prod-payments", "prod-admin").await;
        org.offer(world, what, policy).await;
        let terms = catalog::Terms {
            policy,
            max_duration: None,
            emergency: None,
            until_revoked: true,
            replace: true,
        };
        let set = catalog::set_terms(&cy, what, terms, None).await;
        set.expect("without a time limit");
        let door = world.as_user("cy");
        let place = format!("/api/v1/connections/{}", org.connection);
        let application = words(&door.get(&place).await.ok()["application_id"]);
        let owners = json!({ "owners": [world.person("bea").id] });
        let place = format!("/api/v1/applications/{application}");
        door.patch(&place, owners).await.ok();
        Self { org, policy, what }
    }

    fn ask(&self) -> Value {
        json!({ "entitlement": self.what, "until_revoked": true, "reason": "on call" })
    }

    /// Somebody asks, and it is there.
    async fn given(&self, world: &World, word: &str) -> RequestId {
        let made = world.as_user(word).post(REQUESTS, self.ask()).await.is(201);
        world.settle().await;
        words(&made.json()["id"]).parse().expect("an id")
    }
}

fn words(it: &Value) -> String {
    it.as_str().expect("words").to_owned()
}

async fn given(world: &World, request: RequestId) -> Vec<grants::Grant> {
    let mut q = world.app().db.reader().await.expect("a reader");
    grants::of_request(&mut q, request).await.expect("read")
}

/// When what is held now ends where nobody says that it is still needed.
async fn end(world: &World, request: RequestId) -> Time {
    let last = given(world, request).await.pop().expect("a grant");
    last.end().expect("an end, always")
}

async fn there(world: &World) -> bool {
    let account = world.sim().account_id("prod-payments").expect("an account");
    let set = world.sim().permission_set_arn("prod-admin").expect("a set");
    let user = world.facts().ana.expect("Ana").user_id;
    world.aws().has(&account, &set, &user).await
}

/// Jumps to a moment, and does what is due by then.
async fn at(world: &World, time: Time) {
    world.clock().set(time);
    world.run_due().await;
}

async fn answer(door: &Door, request: RequestId, verb: &str) -> Answer {
    let place = format!("{REVIEWS}/{request}/{verb}");
    door.post(&place, json!({ "note": "as ever" })).await
}

async fn review(world: &World, request: RequestId) -> Value {
    let place = format!("{REVIEWS}/{request}");
    world.as_user("dee").get(&place).await.ok()
}

/// The notices somebody has of a kind: how often each was told, and whether it is settled.
async fn told(world: &World, word: &str, kind: &str) -> Vec<(i64, bool)> {
    let place = format!("/api/v1/notices?kind={kind}");
    let page = world.as_user(word).get(&place).await.ok();
    (page["items"].as_array().expect("items").iter())
        .map(|it| {
            let times = it["times"].as_i64().expect("a number");
            (times, it["settled_at"].is_string())
        })
        .collect()
}

both_engines! {
    async fn silence_ends_it_exactly_fourteen_days_after_its_review(world) {
        let scene = Scene::set(&mut world, days(1)).await;
        let ana = world.as_user("ana");
        let request = scene.given(&world, "ana").await;
        let seen = ana.get(&format!("{REQUESTS}/{request}")).await.ok();
        assert_eq!(seen["review_every_seconds"], 86_400, "{seen:#}");
        let grant = given(&world, request).await.remove(0);
        let confirmed = grant.window.confirmed_at.expect("it is there");
        let over = grant.end().expect("an end, always");
        assert_eq!(over, confirmed + days(15));
        let mine = ana.get("/api/v1/grants/mine").await.ok();
        let said = &mine["items"][0]["until_revoked"];
        assert_eq!(said["review_at"], (confirmed + days(1)).to_string(), "{mine:#}");
        // Nobody is asked before its review; then its owners are, and whose it is knows.
        at(&world, confirmed + days(1) - Span::seconds(1)).await;
        assert!(told(&world, "bea", "access_review").await.is_empty());
        answer(&world.as_user("bea"), request, "keep").await.refused(409, "no_review");
        at(&world, confirmed + days(1)).await;
        for word in ["bea", "cy"] {
            assert_eq!(told(&world, word, "access_review").await, [(1, false)], "{word}");
        }
        assert_eq!(told(&world, "ana", "access_reviewed").await, [(1, false)]);
        for word in ["ana", "bo", "mia"] {
            assert!(told(&world, word, "access_review").await.is_empty(), "{word}");
        }
        at(&world, over - days(3)).await;
        assert_eq!(told(&world, "bea", "access_review").await, [(2, false)], "reminded, once");
        at(&world, over - days(2)).await;
        assert_eq!(told(&world, "bea", "access_review").await, [(2, false)]);
        at(&world, over - Span::seconds(1)).await;
        assert!(there(&world).await, "until the end");
        assert_eq!(review(&world, request).await["state"], "open");
        at(&world, over).await;
        world.settle().await;
        assert!(!there(&world).await, "nobody said that it is still needed");
        assert_eq!(review(&world, request).await["state"], "over");
        assert_eq!(told(&world, "bea", "access_review").await, [(2, true)]);
        assert_eq!(told(&world, "ana", "access_reviewed").await, [(1, true)]);
        // Too late.
        for verb in ["keep", "close"] {
            answer(&world.as_user("bea"), request, verb).await.refused(409, "review_over");
        }
        let log = world.as_user("dee").get("/api/v1/audit-events?action=until_revoked.over").await.ok();
        assert_eq!(log["items"].as_array().expect("events").len(), 1);
    }

    async fn to_keep_takes_the_password_where_to_approve_did(world) {
        let scene = Scene::set(&mut world, days(20)).await;
        let strict = PolicyBody { step_up: StepUp::Approving, ..body(Some(days(20))) };
        let done = policies::new_version(&world.cx("cy"), scene.policy, version(strict), None).await;
        done.expect("a version");
        let request = scene.given(&world, "ana").await;
        at(&world, end(&world, request).await - days(14)).await;
        // Whoever stole the owner's token keeps nothing.
        answer(&world.as_user("bea"), request, "keep").await.refused(403, "step_up_required");
        assert_eq!(review(&world, request).await["state"], "open");
        assert_eq!(given(&world, request).await.len(), 1);
        let page = world.in_browser("bea").await;
        world.wall().advance(Span::minutes(6));
        let place = format!("/until-revoked/{request}");
        let asked = page.get(&place).await.is(200).text();
        assert!(asked.contains("type=\"password\""), "{asked}");
        let grant = given(&world, request).await.remove(0).id.to_string();
        let typed = [("grant", grant.as_str()), ("note", "as ever & ever"), ("password", "not it")];
        let wrong = page.form(&format!("{place}/keep"), &typed).await.is(422).text();
        assert!(wrong.contains("as ever &#38; ever") || wrong.contains("as ever &amp; ever"), "{wrong}");
        assert!(!wrong.contains("not it"), "{wrong}");
        assert_eq!(given(&world, request).await.len(), 1);
        let typed = [("grant", grant.as_str()), ("note", "as ever"), ("password", crate::step_up::PASSWORD)];
        page.form(&format!("{place}/keep"), &typed).await.is(303);
        assert_eq!(given(&world, request).await.len(), 2);
        // To take it away needs none.
        at(&world, end(&world, request).await - days(14)).await;
        assert_eq!(review(&world, request).await["state"], "open");
        answer(&world.as_user("bea"), request, "close").await.ok();
        world.settle().await;
        assert!(!there(&world).await);
    }

    async fn who_owns_it_keeps_it_and_it_is_reviewed_again(world) {
        let scene = Scene::set(&mut world, days(20)).await;
        let request = scene.given(&world, "ana").await;
        let first = given(&world, request).await.remove(0);
        let over = first.end().expect("an end");
        let came = over - days(14);
        // What the policy says by then is for those who ask then.
        let five = version(body(Some(days(5))));
        let done = policies::new_version(&world.cx("cy"), scene.policy, five, None).await;
        done.expect("a version");
        at(&world, came + days(2)).await;
        let (ana, bea) = (world.as_user("ana"), world.as_user("bea"));
        // Nor who holds it, nor who owns nothing, nor without a word.
        answer(&ana, request, "keep").await.refused(403, "own_review");
        answer(&world.as_user("mia"), request, "keep").await.refused(404, "not_found");
        let place = format!("{REVIEWS}/{request}/keep");
        bea.post(&place, json!({ "note": " " })).await.refused(422, "review_note");
        assert_eq!(bea.get(&format!("{REVIEWS}?state=open")).await.ok()["items"][0]["grant"], first.id.to_string());
        assert_eq!(world.as_user("mia").get(REVIEWS).await.ok()["items"], json!([]));
        let before = review(&world, request).await;
        assert_eq!(before["answerers"].as_array().expect("people").len(), 2, "{before:#}");
        let kept = answer(&bea, request, "keep").await.ok();
        assert_eq!((&kept["state"], &kept["may_answer"]), (&json!("kept"), &json!(false)));
        answer(&world.as_user("cy"), request, "close").await.refused(409, "review_answered");
        world.run_due().await;
        assert_eq!(told(&world, "cy", "access_review").await, [(1, true)]);
        let both = given(&world, request).await;
        assert_eq!(both.len(), 2);
        assert_eq!(both[0].end(), Some(over), "an end never moves");
        assert_eq!((both[1].start, both[1].end()), (over, Some(over + days(20))));
        let mine = ana.get("/api/v1/grants/mine").await.ok();
        for row in mine["items"].as_array().expect("rows") {
            assert_eq!(row["until_revoked"]["review_at"], (came + days(20)).to_string(), "{row:#}");
        }
        // There is nothing to extend.
        let why = requests::extend(&world.cx("ana"), both[0].id, Extension::default()).await;
        let why = why.expect_err("it has no time limit");
        assert!(why.to_string().contains("until it is revoked"), "{why}");
        at(&world, over + Span::hours(1)).await;
        world.settle().await;
        assert!(there(&world).await, "it goes on");
        // Looked at as of any moment, it was given without a gap.
        let pair = (both[0].pair.principal, both[0].pair.entitlement);
        for moment in [over - Span::seconds(1), over, over + Span::minutes(30)] {
            let mut q = world.app().db.reader().await.expect("a reader");
            let gave = grants::gave(&mut q, &[pair], moment).await.expect("read");
            assert_eq!(gave.get(&pair), Some(&true), "{moment}");
        }
        assert!(given(&world, request).await[0].window.ended.is_some());
        at(&world, came + days(20)).await;
        assert_eq!(review(&world, request).await["grant"], both[1].id.to_string());
        // The answer to one review is none to the next.
        let old = json!({ "note": "late", "grant": first.id });
        bea.post(&place, old).await.refused(409, "review_answered");
        at(&world, over + days(20)).await;
        world.settle().await;
        assert!(!there(&world).await, "kept once is not kept for ever");
    }

    async fn what_is_closed_is_taken_away_in_aws_at_once(world) {
        let scene = Scene::set(&mut world, days(1)).await;
        let request = scene.given(&world, "ana").await;
        let over = end(&world, request).await;
        at(&world, over - days(14)).await;
        let cy = world.in_browser("cy").await;
        let list = cy.get("/until-revoked?state=open").await.is(200).text();
        assert!(list.contains("prod-admin on prod-payments"));
        let place = format!("/until-revoked/{request}");
        let page = cy.get(&place).await.is(200).text();
        assert!(page.contains("Keep it") && page.contains("on call"));
        assert!(there(&world).await);
        let grant = given(&world, request).await.remove(0).id.to_string();
        let sent = [("grant", grant.as_str()), ("note", "she moved on")];
        cy.form(&format!("{place}/close"), &sent).await.is(303);
        world.settle().await;
        assert!(!there(&world).await);
        let closed = given(&world, request).await.remove(0);
        let why = closed.window.closed.expect("closed");
        assert_eq!((why.reason, why.note.as_deref()), (grants::CloseReason::Revoked, Some("she moved on")));
        assert_eq!(told(&world, "ana", "access_removed").await, [(1, false)]);
        assert_eq!(told(&world, "ana", "access_reviewed").await, [(1, true)]);
        let page = cy.get(&format!("/requests/{request}")).await.is(200).text();
        assert!(page.contains(&place), "the request leads to its review");
        answer(&world.as_user("bea"), request, "keep").await.refused(409, "review_answered");
    }

    async fn what_was_kept_and_is_closed_at_its_next_review_ends_as_a_whole(world) {
        // The next review comes while the first grant still runs.
        let scene = Scene::set(&mut world, days(1)).await;
        let request = scene.given(&world, "ana").await;
        let over = end(&world, request).await;
        let bea = world.as_user("bea");
        at(&world, over - days(14)).await;
        answer(&bea, request, "keep").await.ok();
        at(&world, over - days(13)).await;
        assert_eq!(review(&world, request).await["state"], "open");
        answer(&bea, request, "close").await.ok();
        world.settle().await;
        assert!(!there(&world).await, "not only what would have followed");
        for grant in given(&world, request).await {
            assert!(grant.window.closed.is_some(), "{grant:?}");
        }
        assert_eq!(told(&world, "ana", "access_removed").await, [(1, false)], "told once");
        let seen = world.as_user("ana").get(&format!("{REQUESTS}/{request}")).await.ok();
        let happened = seen["timeline"].as_array().expect("a timeline");
        let removals = happened.iter().filter(|it| words(&it["text"]).contains("is going to remove"));
        assert_eq!(removals.count(), 1, "{seen:#}");
    }

    async fn what_is_kept_again_while_the_first_runs_shows_its_next_review_and_last_end(world) {
        let scene = Scene::set(&mut world, days(1)).await;
        let request = scene.given(&world, "ana").await;
        let over = end(&world, request).await;
        let (ana, bea) = (world.as_user("ana"), world.as_user("bea"));
        for day in [14, 13] {
            at(&world, over - days(day)).await;
            answer(&bea, request, "keep").await.ok();
        }
        let all = given(&world, request).await;
        assert_eq!(all.len(), 3);
        for grant in &all {
            assert_eq!(grant.lasts_until(), Some(over + days(2)), "{grant:?}");
        }
        let mine = ana.get("/api/v1/grants/mine").await.ok();
        for row in mine["items"].as_array().expect("rows") {
            assert_eq!(row["until_revoked"]["review_at"], (over - days(12)).to_string(), "{row:#}");
        }
        let place = format!("/requests/{request}");
        let page = world.in_browser("ana").await.get(&place).await.is(200).text();
        assert!(!page.contains("under review"), "the next review has not come");
        at(&world, over - days(12)).await;
        let page = world.in_browser("ana").await.get(&place).await.is(200).text();
        assert!(page.contains("under review"));
    }

    async fn of_two_answers_at_once_one_counts(world) {
        let scene = Scene::set(&mut world, days(1)).await;
        let request = scene.given(&world, "ana").await;
        let over = end(&world, request).await;
        at(&world, over - days(14)).await;
        let barrier = std::sync::Arc::new(tokio::sync::Barrier::new(2));
        let tries = [("bea", "keep"), ("cy", "close")].map(|(word, verb)| {
            let (door, barrier) = (world.as_user(word), std::sync::Arc::clone(&barrier));
            tokio::spawn(async move {
                barrier.wait().await;
                answer(&door, request, verb).await
            })
        });
        let mut heard = Vec::new();
        for it in tries {
            let it = it.await.expect("heard");
            heard.push(it.status.as_u16());
            if it.status.as_u16() != 200 {
                it.refused(409, "review_answered");
            }
        }
        heard.sort_unstable();
        assert_eq!(heard, [200, 409]);
        let kept = review(&world, request).await["state"] == "kept";
        assert_eq!(given(&world, request).await.len(), if kept { 2 } else { 1 });
        world.settle().await;
        assert_eq!(there(&world).await, kept);
    }

    async fn where_its_only_owner_holds_it_a_super_admin_answers(world) {
        world.add_person("sue", &[Role::SuperAdmin]).await;
        let scene = Scene::set(&mut world, days(1)).await;
        let cy = world.as_user("cy");
        let place = format!("/api/v1/connections/{}", scene.org.connection);
        let application = words(&cy.get(&place).await.ok()["application_id"]);
        let owners = json!({ "owners": [world.person("cy").id] });
        cy.patch(&format!("/api/v1/applications/{application}"), owners).await.ok();
        let request = scene.given(&world, "cy").await;
        let of_ana = scene.given(&world, "ana").await;
        let over = end(&world, of_ana).await;
        at(&world, over - days(14)).await;
        assert_eq!(told(&world, "sue", "access_review").await, [(1, false)]);
        assert_eq!(review(&world, of_ana).await["state"], "open");
        // Each is told of what they could answer, no more.
        for (word, count) in [("sue", 1), ("cy", 1), ("ana", 0), ("bea", 0), ("dee", 0)] {
            let waiting = requests::waiting_answers(&world.cx(word)).await.expect("counted");
            assert_eq!(waiting, count, "{word}");
        }
        let found = review(&world, request).await;
        assert_eq!(found["super_admins"], true);
        assert_eq!(found["answerers"][0]["name"], world.person("sue").name);
        answer(&cy, request, "keep").await.refused(403, "own_review");
        answer(&world.as_user("bea"), request, "keep").await.refused(404, "not_found");
        answer(&world.as_user("sue"), request, "keep").await.ok();
    }

    async fn who_returns_it_is_reviewed_no_more(world) {
        let scene = Scene::set(&mut world, days(1)).await;
        let request = scene.given(&world, "ana").await;
        let over = end(&world, request).await;
        at(&world, over - days(14)).await;
        requests::return_early(&world.cx("ana"), request).await.expect("returned");
        answer(&world.as_user("bea"), request, "keep").await.refused(409, "review_over");
        world.settle().await;
        assert_eq!(review(&world, request).await["state"], "over");
        assert_eq!(told(&world, "bea", "access_review").await, [(1, true)]);
        assert!(!there(&world).await);
    }

    async fn nobody_is_asked_about_what_was_ended_meanwhile(world) {
        let scene = Scene::set(&mut world, days(1)).await;
        let request = scene.given(&world, "ana").await;
        let grant = given(&world, request).await.remove(0).id;
        requests::return_early(&world.cx("ana"), request).await.expect("returned");
        let mut tx = world.cx("cy").begin(Priority::Interactive).await.expect("begun");
        assert!(!grants::asked(&mut tx, grant, world.now()).await.expect("written"));
        drop(tx);
        world.settle().await;
        assert!(!there(&world).await);
    }

    async fn one_that_cannot_be_asked_about_holds_up_no_other(world) {
        let scene = Scene::set(&mut world, days(1)).await;
        let first = scene.given(&world, "ana").await;
        world.clock().set(world.now() + Span::hours(1));
        let second = scene.given(&world, "bo").await;
        let over = [end(&world, first).await, end(&world, second).await];
        assert!(over[0] < over[1]);
        at(&world, over[0] - days(14)).await;
        // As if nobody had been asked about the first: it cannot be asked about twice.
        let grant = given(&world, first).await.remove(0).id;
        let mut tx = world.cx("cy").begin(Priority::Interactive).await.expect("begun");
        tx.run(&NOT_ASKED, args![grant]).await.expect("written");
        tx.commit().await.expect("committed");
        world.expect_failures();
        at(&world, over[1] - days(14)).await;
        assert_eq!(review(&world, second).await["state"], "open", "it was asked about");
    }

    async fn nothing_is_kept_for_who_was_taken_off(world) {
        let scene = Scene::set(&mut world, days(1)).await;
        let request = scene.given(&world, "ana").await;
        let over = end(&world, request).await;
        at(&world, over - days(14)).await;
        let off = identity::deactivate_user(&world.cx("cy"), world.person("ana").id).await;
        off.expect("taken off");
        let bea = world.as_user("bea");
        answer(&bea, request, "keep").await.refused(409, "beneficiary_inactive");
        answer(&bea, request, "close").await.ok();
        world.settle().await;
        assert!(!there(&world).await);
    }

    async fn nothing_is_kept_in_an_identity_that_is_somebody_elses_by_now(world) {
        let scene = Scene::set(&mut world, days(1)).await;
        let request = scene.given(&world, "ana").await;
        let over = end(&world, request).await;
        at(&world, over - days(14)).await;
        let of_ana = directory::LinkFilter {
            user: Some(world.person("ana").id),
            connection: Some(scene.org.connection),
            state: Some("confirmed".to_owned()),
            ..directory::LinkFilter::default()
        };
        let cy = world.cx("cy");
        let links = directory::links(&cy, &of_ana, &Paging::default()).await.expect("listed").items;
        let link = links.first().expect("a link").id;
        directory::reject_link(&cy, link).await.expect("taken back");
        let bea = world.as_user("bea");
        let why = answer(&bea, request, "keep").await.refused(409, "principal_changed");
        assert!(words(&why["detail"]).contains("close it"), "{why:#}");
        let user = world.facts().ana.expect("Ana").user_id;
        world.link(scene.org.connection, "mia", &user).await;
        answer(&bea, request, "keep").await.refused(409, "principal_changed");
        assert_eq!(given(&world, request).await.len(), 1, "nothing follows");
        answer(&bea, request, "close").await.ok();
        world.settle().await;
        assert!(!there(&world).await);
    }

    async fn what_waits_is_raised_for_as_long_as_emergency_access_lasts(world) {
        let scene = Scene::set(&mut world, days(90)).await;
        let cy = world.cx("cy");
        let bo = Approvers { users: [world.person("bo").id].into(), ..Approvers::default() };
        let slow = PolicyBody {
            route: Route::Steps(vec![Step::new("Bo", bo, 1)]),
            ..body(Some(days(90)))
        };
        let done = policies::new_version(&cy, scene.policy, version(slow), None).await;
        done.expect("a version");
        let (auto, hour) = (Route::AutoApprove, Span::hours(1));
        let urgent = emergency::policy(&world, "Urgent", auto, hour, scene.org.platform).await;
        let terms = catalog::Terms {
            policy: scene.policy,
            max_duration: None,
            emergency: Some(urgent),
            until_revoked: true,
            replace: true,
        };
        catalog::set_terms(&cy, scene.what, terms, None).await.expect("emergency access");
        let made = world.as_user("ana").post(REQUESTS, scene.ask()).await.is(201).json();
        let place = format!("/requests/{}/raise", words(&made["id"]));
        let page = world.in_browser("ana").await.get(&place).await.is(200).text();
        assert!(page.contains("as long as emergency access lasts"));
        assert!(!page.contains("you asked for,"), "it was asked for without a time");
    }

    async fn where_it_may_not_be_had_it_is_refused_with_what_is_allowed(world) {
        let scene = Scene::set(&mut world, days(90)).await;
        let (ana, cy) = (world.as_user("ana"), world.as_user("cy"));
        let offer = |id| format!("/api/v1/offers/{id}");
        assert_eq!(ana.get(&offer(scene.what)).await.ok()["until_revoked"], true);
        let page = world.in_browser("ana").await;
        let form = page.get(&format!("/request/{}", scene.what)).await.is(200).text();
        assert!(form.contains("value=\"until_revoked\""));
        let asked = ana.post(PREVIEW, scene.ask()).await.ok();
        assert_eq!((&asked["verdict"], &asked["review_every_seconds"]), (&json!("auto_approved"), &json!(90 * 86_400)));
        // Not both, and not neither.
        let mut both = scene.ask();
        both["duration_seconds"] = 3600.into();
        for place in [REQUESTS, PREVIEW] {
            ana.post(place, both.clone()).await.refused(422, "duration_or_until_revoked");
        }
        let neither = json!({ "entitlement": scene.what, "reason": "on call" });
        ana.post(REQUESTS, neither).await.refused(422, "duration_or_until_revoked");
        // The time limit is on.
        let place = format!("/api/v1/entitlements/{}/access-control", scene.what);
        cy.put(&place, json!({ "policy": scene.policy })).await.ok();
        let why = ana.post(REQUESTS, scene.ask()).await.refused(422, "duration_until_revoked");
        assert!(words(&why["detail"]).contains("4 h"), "{why:#}");
        let asked = ana.post(PREVIEW, scene.ask()).await.ok();
        assert_eq!(asked["refusals"][0]["code"], "duration_until_revoked", "{asked:#}");
        assert!(asked["review_every_seconds"].is_null());
        assert!(ana.get(&offer(scene.what)).await.ok()["until_revoked"].is_null());
        let form = page.get(&format!("/request/{}", scene.what)).await.is(200).text();
        assert!(!form.contains("value=\"until_revoked\""));
        // Nor is it switched off under a policy that does not allow it.
        let off = json!({ "policy": scene.org.auto, "until_revoked": true });
        cy.put(&place, off).await.refused(422, "no_until_revoked");
        // The policy allows it no more.
        let off = json!({ "policy": scene.policy, "until_revoked": true });
        cy.put(&place, off).await.ok();
        let done = policies::new_version(&world.cx("cy"), scene.policy, version(body(None)), None).await;
        done.expect("a version");
        ana.post(REQUESTS, scene.ask()).await.refused(422, "duration_until_revoked");
        // A bad interval, and emergencies.
        let rules = |days: i64| json!({ "auto_approve": true, "steps": [], "max_duration_seconds": 3600,
            "reason": { "required": false }, "allow_self_approval": false, "until_revoked": { "review_every_days": days } });
        for days in [0, 366, -1] {
            let new = json!({ "name": "Odd", "body": rules(days) });
            cy.post("/api/v1/policies", new).await.refused(422, "until_revoked_interval");
        }
    }
}
