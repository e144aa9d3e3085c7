//! The pages in a browser without script: every step of the main job through forms, and
//! every link of every page, for each persona.

use std::collections::{BTreeSet, VecDeque};

use serde_json::json;
use stint_domain::Span;
use stint_testkit::{Answer, Door, World, both_engines};

/// A page: 200, HTML, with the content policy on it.
#[track_caller]
fn html(answer: Answer) -> String {
    let answer = answer.is(200);
    assert!(answer.header("content-type").starts_with("text/html"));
    assert!(
        answer
            .header("content-security-policy")
            .contains("script-src 'self'")
    );
    assert_eq!(answer.header("cache-control"), "no-store");
    answer.text()
}

/// What a form that worked answers: 303. Gives the place.
#[track_caller]
fn goes(answer: Answer) -> String {
    answer.is(303).header("location")
}

/// The message a redirect hands to the next page.
pub(crate) async fn said(door: &Door, answer: Answer) -> String {
    let cookies: Vec<_> = answer
        .headers
        .get_all("set-cookie")
        .iter()
        .cloned()
        .collect();
    let flash = cookies
        .iter()
        .find(|c| c.as_bytes().starts_with(b"stint_flash="));
    let flash = flash
        .expect("a message")
        .to_str()
        .expect("ASCII")
        .to_owned();
    let pair = flash.split(';').next().unwrap_or_default().to_owned();
    let place = goes(answer);
    let page = html(door.also_cookie(&pair).get(&place).await);
    let start = page
        .find("class=\"st-flash ")
        .expect("the message is shown");
    let rest = &page[start..];
    let text = &rest[rest.find("<div>").expect("its words") + 5..];
    text[..text.find("</div>").expect("their end")].to_owned()
}

/// All values of an attribute that are places of this site.
fn places(page: &str, attribute: &str) -> Vec<String> {
    let start = format!(" {attribute}=\"");
    page.match_indices(&start)
        .filter_map(|(at, _)| page[at + start.len()..].split('"').next())
        .map(|value| value.replace("&#38;", "&"))
        .filter(|value| value.starts_with('/'))
        .map(|value| value.split('#').next().unwrap_or_default().to_owned())
        .collect()
}

/// Policy, group and catalog, so that Ana may ask for `prod-admin on prod-payments`.
async fn rules(world: &World) -> String {
    let cy = world.as_user("cy");
    let group = async |name: &str, word: &str| {
        let made = cy.post("/api/v1/groups", json!({"name": name})).await.ok();
        let id = made["id"].as_str().expect("an id").to_owned();
        let user = world.person(word).id;
        let cx = world.cx("cy");
        let added = stint_server::identity::add_member(&cx, id.parse().expect("an id"), user);
        added.await.expect("added");
        id
    };
    let devs = group("Devs", "ana").await;
    let platform = group("Platform", "bo").await;
    let body = json!({"name": "prod", "body": {
        "steps": [{"name": "Platform", "groups": [platform], "needed": 1}],
        "max_duration_seconds": 14_400,
        "reason": {"required": true, "min_length": 3},
    }});
    let policy = cy.post("/api/v1/policies", body).await.ok()["id"].clone();
    let new = json!({"name": "Prod", "audience": [devs]});
    let catalog = cy.post("/api/v1/catalogs", new).await.ok()["id"].clone();
    let mut q = world.app().db.reader().await.expect("a reader");
    let all = stint_server::connections::connections(&mut q)
        .await
        .expect("read");
    let all = stint_server::directory::all_entitlements(&mut q, all[0].id)
        .await
        .expect("read");
    drop(q);
    let wanted = all.iter().find(|e| e.name == "prod-admin on prod-payments");
    let wanted = wanted.expect("the entitlement").id.to_string();
    let place = format!(
        "/api/v1/catalogs/{}/entitlements",
        catalog.as_str().expect("an id")
    );
    cy.post(&place, json!({"entitlements": [wanted]}))
        .await
        .ok();
    let place = format!("/api/v1/entitlements/{wanted}/access-control");
    cy.put(&place, json!({"policy": policy})).await.ok();
    wanted
}

/// Connects the estate and confirms Ana's link, all through forms.
async fn connected(world: &World, cy: &Door) {
    let page = html(cy.get("/connections").await);
    assert!(page.contains("Not connected to AWS yet") && page.contains("/connections/new"));
    let facts = world.facts();
    let form = |arn: &str| {
        [
            ("application", "AWS Prod".to_owned()),
            ("name", "management".to_owned()),
            ("role_arn", arn.to_owned()),
            ("region", facts.region.clone()),
        ]
    };
    let sent = form("arn:aws:iam::12345:role/stint");
    let sent: Vec<_> = sent.iter().map(|(k, v)| (*k, v.as_str())).collect();
    let wrong = cy.form("/connections/new", &sent).await.is(422).text();
    assert!(
        wrong.contains("id=\"role_arn-mistake\""),
        "the mistake is at its field"
    );
    assert!(
        wrong.contains("arn:aws:iam::12345:role/stint"),
        "what was typed is kept"
    );

    let sent = form(&facts.connector_role_arn);
    let sent: Vec<_> = sent.iter().map(|(k, v)| (*k, v.as_str())).collect();
    let setup = goes(cy.form("/connections/new", &sent).await);
    let page = html(cy.get(&setup).await);
    let external_id = page.split("sts:ExternalId").nth(1).expect("the condition");
    let external_id = external_id.split("stint-").nth(1).expect("the External ID");
    let external_id: String = external_id
        .chars()
        .take_while(char::is_ascii_alphanumeric)
        .collect();
    let place = setup.trim_end_matches("/setup").to_owned();

    let tested = cy.form(&format!("{place}/test"), &[]).await;
    assert!(
        said(cy, tested).await.contains("failed"),
        "the trust policy is not there yet"
    );
    world.sim().trust_connector(&format!("stint-{external_id}"));
    let tested = cy.form(&format!("{place}/test"), &[]).await;
    assert!(said(cy, tested).await.contains("The connection works"));
    goes(cy.form(&format!("{place}/sync"), &[]).await);
    // The run goes on behind the answer; its page shows it until it is complete.
    let mut page = html(cy.get(&place).await);
    for _ in 0..2_000 {
        if !page.contains("Sync under way") && !page.contains(">Syncing<") {
            break;
        }
        assert!(
            page.contains("hx-trigger=\"every 2s\""),
            "it looks again by itself"
        );
        page = html(cy.get(&place).await);
    }
    assert!(
        page.contains(">Connected<") && page.contains(">Complete<"),
        "{page}"
    );

    let ana = world.person("ana").id;
    let aws_id = world.facts().ana.expect("Ana is in the estate").user_id;
    let cx = world.cx("cy");
    let mut q = cx.read().await.expect("a reader");
    let connection = stint_server::connections::connections(&mut q)
        .await
        .expect("read")[0]
        .id;
    let principal = stint_server::directory::principal_by_aws_id(&mut q, connection, &aws_id).await;
    let principal = principal.expect("read").expect("seen by the sync").id;
    drop(q);
    let link = stint_server::directory::propose_link(&cx, ana, principal)
        .await
        .expect("a link");
    let page = html(cy.get("/people/links").await);
    assert!(page.contains(&format!("/people/links/{}/confirm", link.id)));
    goes(
        cy.form(&format!("/people/links/{}/confirm", link.id), &[])
            .await,
    );
    assert!(html(cy.get("/people/links?show=confirmed").await).contains("Ana Moreno"));
}

both_engines! {
    async fn the_main_job_through_forms_without_script(world) {
        let (ana, bo) = (world.in_browser("ana").await, world.in_browser("bo").await);
        let (cy, dee) = (world.in_browser("cy").await, world.in_browser("dee").await);
        connected(&world, &cy).await;
        let wanted = rules(&world).await;

        // Ana finds it, and sees who will have to approve before she asks.
        let page = html(ana.get("/request?q=payments%20admin").await);
        let form = format!("/request/{wanted}");
        assert!(page.contains(&form) && page.contains("one of Platform"));
        assert!(html(ana.get("/request?q=nonsense").await).contains("Nothing found"));
        let page = html(ana.get(&form).await);
        assert!(page.contains("One of Platform") && page.contains("Bo Lindqvist"), "{page}");
        let long = [("duration", "other"), ("hours", "9"), ("reason", "")];
        let page = ana.form(&form, &long).await.is(422).text();
        assert!(page.contains("9 h is longer than the 4 h allowed here"));
        assert!(page.contains("id=\"duration-mistake\"") && page.contains("id=\"reason-mistake\""));
        let right = [("duration", "7200"), ("reason", "INC-2291 <declines>")];
        let place = goes(ana.form(&form, &right).await);
        let page = html(ana.get(&place).await);
        assert!(page.contains("Waiting") && page.contains("INC-2291 &#60;declines&#62;"));

        // Bo decides: a denial needs a reason, said at the field.
        let page = html(bo.get("/approvals").await);
        assert!(page.contains("asks for 2 h") && page.contains("Their first request in 90 days"));
        assert!(page.contains("1<span class=\"visually-hidden\"> waiting</span>"));
        let sent = [("comment", ""), ("back", "/approvals")];
        let page = bo.form(&format!("{place}/deny"), &sent).await.is(422).text();
        assert!(page.contains("st-mistake"));
        let sent = [("comment", "go"), ("back", "/approvals")];
        let answer = bo.form(&format!("{place}/approve"), &sent).await;
        assert!(said(&bo, answer).await.starts_with("Approved."));
        assert!(html(bo.get("/approvals").await).contains("Nothing waits for you"));
        assert!(html(ana.get(&place).await).contains("Being set up"));

        // In AWS: the page shows what was done there, and how much time is left.
        world.settle().await;
        let page = html(ana.get(&place).await);
        assert!(page.contains(">Active<") && page.contains("AWS request"), "{page}");
        assert!(page.contains("Read back from AWS: the access is there"));
        world.advance(Span::minutes(100)).await;
        let page = html(ana.get("/").await);
        assert!(page.contains("Ends soon") && page.contains("<progress"), "{page}");
        assert!(page.contains(&format!("{place}/return")));
        ana.get("/grants").await.is(403);
        assert!(html(cy.get("/grants").await).contains("Ana Moreno"));
        assert!(html(cy.get("/grants?show=soon").await).contains("Ana Moreno"), "20 minutes are left");
        let csv = cy.get("/grants?format=csv").await.is(200).text();
        assert!(csv.lines().count() == 2 && csv.contains("Ana Moreno"), "{csv}");

        // She gives it back, and it is proved gone.
        let answer = ana.form(&format!("{place}/return"), &[("back", "/")]).await;
        assert!(said(&ana, answer).await.starts_with("Returned."));
        world.settle().await;
        let page = html(ana.get(&place).await);
        assert!(page.contains(">Ended<") && page.contains("Returned early"), "{page}");
        assert!(html(cy.get("/grants?show=ended").await).contains("returned early"));

        let answer = dee.form("/audit/verify", &[]).await;
        assert!(said(&dee, answer).await.contains("is whole"));
    }
}

both_engines! {
    async fn every_link_of_every_page_leads_somewhere(world) {
        let cy = world.in_browser("cy").await;
        connected(&world, &cy).await;
        let wanted = rules(&world).await;
        let ana = world.in_browser("ana").await;
        let right = [("duration", "3600"), ("reason", "INC-1")];
        goes(ana.form(&format!("/request/{wanted}"), &right).await);
        for word in ["ana", "bo", "cy", "dee"] {
            let door = world.in_browser(word).await;
            let mut seen: BTreeSet<String> = BTreeSet::new();
            let mut next = VecDeque::from(["/".to_owned()]);
            while let Some(place) = next.pop_front() {
                if !seen.insert(place.clone()) || seen.len() > 300 {
                    continue;
                }
                let answer = door.get(&place).await;
                assert_eq!(answer.status, 200, "{word} is led to {place}: {}", answer.text());
                if answer.header("content-type").starts_with("text/html") {
                    let page = answer.text();
                    next.extend(places(&page, "href"));
                    next.extend(places(&page, "src"));
                }
            }
            assert!(seen.len() >= 8, "{word} saw only {seen:?}");
        }
    }
}

both_engines! {
    async fn who_is_not_signed_in_is_sent_to_sign_in_and_comes_back(world) {
        let nobody = world.as_nobody().with("sec-fetch-site", "same-origin");
        assert_eq!(goes(nobody.get("/").await), "/sign-in");
        assert_eq!(goes(nobody.get("/requests?show=all").await), "/sign-in?back=%2Frequests%3Fshow%3Dall");
        let page = html(nobody.get("/sign-in?back=%2Frequests").await);
        assert!(page.contains("value=\"/requests\""));
        assert!(!page.contains("persona"), "personas are of the demo");
        let page = html(nobody.get("/sign-in?back=https%3A%2F%2Fevil.example").await);
        assert!(!page.contains("value=\"https:"));
        let wrong = [("email", "ana@example.com"), ("password", "no"), ("back", "/requests")];
        let page = nobody.form("/sign-in", &wrong).await.is(401).text();
        assert!(page.contains("value=\"ana@example.com\"") && page.contains("role=\"alert\""));
        let page = nobody.get("/nowhere").await.is(404).text();
        assert!(page.contains("There is nothing here"), "{page}");
        let look = nobody.form("/theme", &[("theme", "dark"), ("back", "//evil.example")]).await;
        let cookie = look.header("set-cookie");
        assert_eq!(goes(look), "/");
        let pair = cookie.split(';').next().expect("a cookie").to_owned();
        let page = html(nobody.also_cookie(&pair).get("/sign-in").await);
        assert!(page.contains("data-theme=\"dark\""));
    }
}

both_engines! {
    async fn assets_are_kept_for_ever_under_their_hash(world) {
        let nobody = world.as_nobody();
        let page = html(nobody.get("/sign-in").await);
        let css = places(&page, "href").into_iter().find(|place| place.ends_with(".css"));
        let css = css.expect("the stylesheet");
        let answer = nobody.get(&css).await.is(200);
        assert_eq!(answer.header("content-type"), "text/css; charset=utf-8");
        assert_eq!(answer.header("cache-control"), "public, max-age=31536000, immutable");
        let tag = answer.header("etag");
        nobody.clone().with("if-none-match", &tag).get(&css).await.is(304);
        nobody.get("/assets/stint.0000000000000000.css").await.is(404);
        nobody.get("/assets/..%2F..%2FCargo.toml").await.is(404);
    }
}

both_engines! {
    async fn a_list_is_searched_narrowed_sorted_and_taken_as_csv(world) {
        let (cy, ana) = (world.in_browser("cy").await, world.in_browser("ana").await);
        let cx = world.cx("cy");
        for n in 0..230 {
            let new = stint_server::identity::NewUser {
                name: if n == 7 { "=cmd|' /C calc'!A0".to_owned() } else { format!("Person {n:03}") },
                email: format!("p{n:03}@example.net"),
                password: None,
                roles: Vec::new(),
            };
            stint_server::identity::create_user(&cx, new).await.expect("a user");
        }
        let rows = |page: &str| page.matches("<tr><td>").count();

        // Sorted by its headings, from both ends, page after page.
        let first = html(cy.get("/people?q=example.net&sort=-name").await);
        assert!(first.contains("aria-sort=\"descending\"") && rows(&first) == 50, "{first}");
        assert!(first.find("Person 229").expect("first") < first.find("Person 228").expect("next"));
        let next = places(&first, "href").into_iter().find(|p| p.contains("cursor="));
        let next = next.expect("more");
        assert!(next.contains("q=example.net") && next.contains("sort=-name"), "{next}");
        let second = html(cy.get(&next).await);
        assert!(second.contains("Person 179") && !second.contains("Person 180"));

        // What was asked stands in the form; nothing found leads back.
        let page = html(cy.get("/people?role=super_admin&state=active&q=cy%20adeyemi").await);
        assert!(rows(&page) == 1 && page.contains("value=\"cy adeyemi\""), "{page}");
        assert!(page.contains("<option value=\"super_admin\" selected>"));
        assert!(page.contains("<a href=\"/people\">Clear</a>"));
        let none = html(cy.get("/people?state=deactivated&sort=name").await);
        assert!(none.contains("Nothing matches these filters") && none.contains("href=\"/people?sort=name\""));

        // Words the list does not know are refused with a way back.
        for wrong in ["sort=shoe", "role=king", "cursor=bm90"] {
            let page = cy.get(&format!("/people?{wrong}")).await.is(422).text();
            assert!(page.contains("href=\"/people\">Show the whole list"), "{page}");
        }

        // The same as CSV, all pages of it, and no cell that is a formula.
        let whole = cy.get("/people?q=example.net&sort=name&format=csv").await.is(200);
        assert!(whole.header("content-type").starts_with("text/csv"));
        assert_eq!(whole.header("content-disposition"), "attachment; filename=\"stint-users.csv\"");
        let text = whole.text();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 231);
        assert_eq!(lines[0], "Name,E-mail,Roles,State,Created,Deactivated");
        assert!(lines[1].starts_with("\"'=cmd|' /C calc'!A0\",p007@example.net,"), "{}", lines[1]);
        assert!(lines[230].starts_with("Person 229,"));

        // Who may not list may not take it away either, nor learn which words there are.
        ana.get("/people?format=csv").await.is(403);
        ana.get("/people?role=king").await.is(403);
    }
}
