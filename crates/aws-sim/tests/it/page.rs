//! The page at `/_sim/`: what it shows, what its forms do, and whom it lets in.

use serde_json::{Value, json};
use stint_aws_sim::{Effect, Fault};

use crate::rig::{MINUTE, Rig, START, small};
use crate::wire::send;

/// Status, headers and body of a page.
async fn get(rig: &Rig, path: &str) -> (u16, Vec<String>, String) {
    ask(rig, &format!("GET {path}"), "", "").await
}

async fn ask(rig: &Rig, start: &str, headers: &str, body: &str) -> (u16, Vec<String>, String) {
    let head = format!("{start} HTTP/1.1\r\nHost: {}{headers}", rig.address());
    let (status, headers, body) = send(rig.address(), &head, body).await;
    let status = status.split(' ').nth(1).unwrap().parse().unwrap();
    (status, headers, body)
}

/// Sends a form as the page's own; status, where it leads, and the page.
async fn post(rig: &Rig, act: &str, body: &str) -> (u16, String, String) {
    let own = format!(
        "\r\nOrigin: http://{}\r\nSec-Fetch-Site: same-origin\r\nContent-Type: application/x-www-form-urlencoded",
        rig.address()
    );
    let (status, headers, page) = ask(rig, &format!("POST /_sim/page/{act}"), &own, body).await;
    let to = headers
        .iter()
        .find_map(|header| header.strip_prefix("location: "));
    (status, to.unwrap_or_default().to_owned(), page)
}

#[tokio::test]
async fn every_page_shows_what_there_is_and_what_there_is_not() {
    let rig = Rig::over_tcp(small()).await;
    for (path, words) in [
        ("/_sim/", "2026-01-02T03:04:05Z"),
        ("/_sim/", "Nobody has called yet."),
        ("/_sim/page/weather", "All is well"),
        ("/_sim/page/journal", "Nobody has called yet."),
        ("/_sim/page/estate", "Permission sets"),
        ("/_sim/page/rules", "No rule yet"),
        ("/_sim/page/snapshots", "No snapshot yet"),
        ("/_sim/page/estate/iam-groups", "There are none."),
    ] {
        let (status, headers, page) = get(&rig, path).await;
        assert_eq!(status, 200, "{path}");
        assert!(page.contains(words), "{path} without {words}: {page}");
        assert!(
            !page.contains("<script") && !page.contains("//cdn"),
            "{path}"
        );
        let policy = headers
            .iter()
            .find(|it| it.starts_with("content-security-policy: "));
        assert!(
            policy.is_some_and(|it| it.contains("default-src 'none'")),
            "{headers:?}"
        );
    }
    assert_eq!(get(&rig, "/_sim/page/nothing").await.0, 404);
    assert_eq!(get(&rig, "/_sim/page/estate/nothing").await.0, 404);
    assert_eq!(get(&rig, "/_sim/page/estate/users?id=nobody").await.0, 404);
    let (status, headers, _) = get(&rig, "/_sim").await;
    assert!(status == 303 && headers.contains(&"location: /_sim/".to_owned()));

    // Every kind is listed, and whoever is listed has a page.
    let (_, _, kinds) = get(&rig, "/_sim/page/estate").await;
    let lists: Vec<&str> = kinds.split("/_sim/page/estate/").skip(1).collect();
    assert_eq!(lists.len(), 11);
    for list in lists {
        let kind = list.split('"').next().unwrap();
        let (status, _, page) = get(&rig, &format!("/_sim/page/estate/{kind}")).await;
        assert_eq!(status, 200, "{kind}");
        let mut things = page.split("href=\"/_sim/page/estate/").skip(1);
        if let Some(thing) = things.find(|it| it.contains("?id=")) {
            let thing = thing.split('"').next().unwrap();
            let (status, _, page) = get(&rig, &format!("/_sim/page/estate/{thing}")).await;
            assert!(
                status == 200 && page.contains("<h2>About</h2>"),
                "{thing}: {page}"
            );
        }
    }
    let ana = rig.facts.ana.as_ref().unwrap();
    let (_, _, page) = get(&rig, "/_sim/page/estate/users?q=MORENO").await;
    assert!(page.contains(&ana.user_name));
    assert!(!page.contains(&rig.facts.bo.as_ref().unwrap().user_name));
    let (_, _, page) = get(&rig, "/_sim/page/estate/users?q=nobody-at-all").await;
    assert!(page.contains("Search for less"));
}

#[tokio::test]
async fn what_others_wrote_is_shown_and_not_believed() {
    let rig = Rig::over_tcp(small()).await;
    let admin = rig.admin();
    let store = &rig.facts.identity_store_id;
    let evil = "<script>alert(1)</script>\"'&";
    let made = admin
        .store
        .create_group()
        .identity_store_id(store)
        .display_name(evil)
        .send();
    made.await.unwrap();
    let quoted = "&lt;script&gt;alert(1)&lt;/script&gt;&quot;";
    for path in ["/_sim/page/estate/groups?q=script", "/_sim/page/journal"] {
        let page = get(&rig, path).await.2;
        assert!(!page.contains("<script"), "{path}");
        assert!(
            page.contains(quoted) || page.contains("&lt;script&gt;"),
            "{path}: {page}"
        );
    }
    let asked = "/_sim/page/journal?operation=%22%3E%3Cscript%3E";
    let page = get(&rig, asked).await.2;
    assert!(
        page.contains("No call is like this") && !page.contains("<script"),
        "{page}"
    );
    let (status, _, page) = post(&rig, "snapshots/take", "name=%3Cb%3E").await;
    assert!(
        status == 400 && page.contains("&lt;b&gt;") && page.contains("letters, digits"),
        "{page}"
    );
    // Only what the page itself says is said.
    let page = get(&rig, "/_sim/?done=%3Cb%3EYou+are+done").await.2;
    assert!(!page.contains("You are done"));
    assert!(
        get(&rig, "/_sim/?done=clock")
            .await
            .2
            .contains("The clock was moved.")
    );
}

#[tokio::test]
async fn forms_do_what_the_api_does() {
    let rig = Rig::over_tcp(small()).await;
    let moved = (303, "/_sim/?done=clock".to_owned());
    let (status, to, _) = post(&rig, "clock/advance", "seconds=60").await;
    assert_eq!((status, to), moved);
    assert_eq!(rig.clock.now_micros(), START + MINUTE);
    let (status, _, _) = post(&rig, "clock/set", "at=2027-01-01T00%3A00%3A00Z").await;
    assert_eq!(
        (status, rig.clock.now_micros()),
        (303, 1_798_761_600_000_000)
    );
    let (status, _, page) = post(&rig, "clock/set", "at=tomorrow").await;
    assert!(
        status == 400 && page.contains("role=\"alert\"") && page.contains("2026-11-23T14:05:00Z")
    );

    let fault = "operation=sso%3A*&party=&turn=nth&number=3&effect=refuse&code=ConflictException&seconds=&millis=";
    assert_eq!(post(&rig, "faults/add", fault).await.0, 303);
    let page = get(&rig, "/_sim/page/weather").await.2;
    assert!(
        page.contains("call 3")
            && page.contains("refused: ConflictException")
            && page.contains("0 of 0")
    );
    let wrong = "operation=sso%3A*&turn=nth&number=&effect=delay";
    let (status, _, page) = post(&rig, "faults/add", wrong).await;
    assert!(
        status == 400 && page.contains("Give its number") && page.contains("value=\"sso:*\""),
        "{page}"
    );
    assert_eq!(
        post(&rig, "faults/add", "operation=iam%3A*&effect=delay")
            .await
            .0,
        400
    );
    assert_eq!(post(&rig, "faults/remove", "id=1").await.0, 303);
    assert!(
        get(&rig, "/_sim/page/weather")
            .await
            .2
            .contains("All is well")
    );
    assert_eq!(
        post(&rig, "knobs", "settle.polls=7&reads=fresh&empty_pages=true")
            .await
            .0,
        303
    );
    rig.sim.knobs(|knobs| {
        assert!(knobs.settle.polls == 7 && knobs.empty_pages && knobs.serial_per_account)
    });
    let (status, _, page) = post(&rig, "knobs", "settle.polls=many").await;
    assert!(
        status == 400 && page.contains("settle.polls` must be a number"),
        "{page}"
    );

    assert_eq!(post(&rig, "snapshots/take", "name=before").await.0, 303);
    assert!(
        get(&rig, "/_sim/page/snapshots")
            .await
            .2
            .contains(">before<")
    );
    rig.clock.advance(MINUTE);
    assert_eq!(post(&rig, "snapshots/restore", "name=before").await.0, 303);
    assert_eq!(rig.clock.now_micros(), 1_798_761_600_000_000);
    assert_eq!(post(&rig, "snapshots/delete", "name=before").await.0, 303);
    assert_eq!(post(&rig, "snapshots/restore", "name=before").await.0, 400);

    let (status, _, page) = post(&rig, "tokens/create", "").await;
    let token = rig.sim.scim_tokens().remove(0);
    assert!(status == 200 && page.contains(&token.id) && page.contains("shown this once"));
    assert!(!get(&rig, "/_sim/").await.2.contains("<pre>"));
    assert_eq!(
        post(&rig, "tokens/delete", &format!("id={}", token.id))
            .await
            .0,
        303
    );
    let queue = crate::queues::Owner::new(&rig, "changes", json!({})).await;
    let arn = queue.attribute("QueueArn").await;
    let rule = format!(
        "name=stint&queue_arn={}&sources=aws.iam%2C+aws.sso",
        arn.replace(':', "%3A")
    );
    assert_eq!(post(&rig, "rules/put", &rule).await.0, 303);
    assert_eq!(rig.sim.event_rules()[0].sources, ["aws.iam", "aws.sso"]);
    assert!(
        get(&rig, "/_sim/page/rules")
            .await
            .2
            .contains("aws.iam, aws.sso")
    );
    let (status, _, page) = post(&rig, "rules/put", "name=x&queue_arn=nowhere").await;
    assert!(
        status == 400 && page.contains("no queue `nowhere`"),
        "{page}"
    );
    assert_eq!(post(&rig, "nothing", "").await.0, 404);
}

#[tokio::test]
async fn pages_of_other_sites_turn_nothing() {
    let rig = Rig::over_tcp(small()).await;
    let advance = r#"{"seconds": 60}"#;
    let own = format!("\r\nOrigin: http://{}", rig.address());
    for (headers, status) in [
        ("", 200),
        (own.as_str(), 200),
        ("\r\nOrigin: https://evil.example", 403),
        ("\r\nOrigin: null", 403),
        ("\r\nOrigin: http://127.0.0.1:1", 403),
        ("\r\nSec-Fetch-Site: cross-site", 403),
        ("\r\nSec-Fetch-Site: same-site", 403),
    ] {
        let answer = ask(&rig, "POST /_sim/clock/advance", headers, advance).await;
        assert_eq!(answer.0, status, "{headers}");
    }
    assert_eq!(rig.clock.now_micros(), START + 2 * MINUTE);
    let evil = "\r\nOrigin: https://evil.example";
    for start in [
        "POST /_sim/page/clock/advance",
        "DELETE /_sim/faults",
        "PUT /_sim/snapshots/x",
    ] {
        assert_eq!(ask(&rig, start, evil, "seconds=60").await.0, 403, "{start}");
    }
    // A name of theirs that was made to lead here.
    let head = "GET /_sim/facts HTTP/1.1\r\nHost: evil.example";
    assert!(send(rig.address(), head, "").await.0.contains("404"));
    let head = "GET /_sim/ HTTP/1.1\r\nHost: evil.example:8481";
    assert!(send(rig.address(), head, "").await.0.contains("404"));
    let (_, headers, _) = get(&rig, "/_sim/facts").await;
    assert!(
        headers.contains(&"cross-origin-resource-policy: same-origin".to_owned()),
        "{headers:?}"
    );
    assert!(
        !headers
            .iter()
            .any(|it| it.starts_with("access-control-allow")),
        "{headers:?}"
    );
}

#[tokio::test]
async fn the_journal_is_narrowed_and_comes_a_page_at_a_time() {
    let rig = Rig::over_tcp(small()).await;
    let admin = rig.admin();
    let fault = Fault::on("iam:ListUsers").nth(2);
    let fault = rig.sim.faults().add(fault, Effect::LoseAfter);
    for _ in 0..3 {
        let _ = admin.iam.list_users().send().await;
    }
    let _ = admin.iam.get_user().user_name("nobody").send().await;
    let _ = rig.host().sts.get_caller_identity().send().await;
    let numbers = async |query: &str| -> Vec<u64> {
        let (status, _, body) = get(&rig, &format!("/_sim/journal?{query}")).await;
        assert_eq!(status, 200, "{query}: {body}");
        let told: Value = serde_json::from_str(&body).unwrap();
        let calls = told["calls"].as_array().unwrap();
        calls
            .iter()
            .map(|call| call["no"].as_u64().unwrap())
            .collect()
    };
    for (query, found) in [
        ("", vec![1, 2, 3, 4, 5]),
        ("after=3", vec![4, 5]),
        ("after=9", vec![]),
        ("before=3", vec![1, 2]),
        ("order=newest&limit=2", vec![5, 4]),
        ("order=newest&limit=2&before=4", vec![3, 2]),
        ("operation=iam:ListUsers", vec![1, 2, 3]),
        ("operation=iam:*", vec![1, 2, 3, 4]),
        ("party=stint", vec![5]),
        ("outcome=error", vec![4]),
        ("outcome=lost", vec![2]),
        ("code=NoSuchEntity", vec![4]),
        ("input=nobody", vec![4]),
        ("caller=estate-admin&outcome=ok", vec![1, 3]),
        ("operation=iam:*&order=newest&limit=1&outcome=ok", vec![3]),
    ] {
        assert_eq!(numbers(query).await, found, "{query}");
    }
    assert_eq!(numbers(&format!("fault={}", fault.0)).await, [2]);
    let account = &rig.facts.management_account;
    assert_eq!(numbers(&format!("account={account}")).await, [1, 2, 3, 4]);
    for (query, onward) in [
        ("limit=2", json!({ "after": 2 })),
        ("limit=2&order=newest", json!({ "before": 4 })),
        ("limit=5", Value::Null),
        ("limit=2&outcome=ok", json!({ "after": 3 })),
    ] {
        let body = get(&rig, &format!("/_sim/journal?{query}")).await.2;
        let told: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(told["next"], onward, "{query}");
    }
    for query in [
        "after=x",
        "limit=0",
        "limit=1001",
        "order=any",
        "party=x",
        "outcome=x",
        "fault=x",
        "colour=red",
    ] {
        assert_eq!(
            get(&rig, &format!("/_sim/journal?{query}")).await.0,
            400,
            "{query}"
        );
    }
    let page = get(&rig, "/_sim/page/journal?limit=2&operation=iam:*")
        .await
        .2;
    assert!(
        page.contains("before=3") && page.contains("404 NoSuchEntity"),
        "{page}"
    );
    assert_eq!(get(&rig, "/_sim/page/journal?party=x").await.0, 400);
}

#[tokio::test]
async fn what_there_is_is_told_as_json_too() {
    let rig = Rig::over_tcp(small()).await;
    let json =
        async |path: &str| -> Value { serde_json::from_str(&get(&rig, path).await.2).unwrap() };
    let things = json("/_sim/estate").await;
    assert_eq!(
        (&things["things"]["accounts"], &things["things"]["users"]),
        (&json!(12), &json!(40))
    );
    let list = json("/_sim/estate/users?limit=3&from=38").await;
    assert_eq!(
        (list["rows"].as_array().unwrap().len(), &list["more"]),
        (2, &json!(false))
    );
    let list = json("/_sim/estate/users?limit=3").await;
    assert_eq!(
        (list["rows"].as_array().unwrap().len(), &list["more"]),
        (3, &json!(true))
    );
    let ana = json(&format!("/_sim/estate/users?id={}", rig.ana())).await;
    let held = ana["tables"]
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["title"] == "Holds")
        .unwrap();
    assert_eq!(held["rows"][0][0]["text"], "prod-payments");
    assert_eq!(held["rows"][0][1]["text"], "ReadOnlyAccess");
    assert_eq!(get(&rig, "/_sim/estate/users?from=x").await.0, 400);
    assert_eq!(get(&rig, "/_sim/estate/nothing").await.0, 404);
    // No secret is among it.
    let user = json("/_sim/estate/iam-users").await;
    let id = user["rows"][0][0]["id"].as_str().unwrap().to_owned();
    let text = get(&rig, &format!("/_sim/estate/iam-users?id={id}"))
        .await
        .2;
    for keys in [&rig.facts.admin, &rig.facts.connector_user] {
        assert!(!text.contains(&keys.secret_access_key));
    }
}

#[tokio::test]
async fn the_help_names_what_there_is() {
    let rig = Rig::over_tcp(small()).await;
    let mut asked = 0;
    for line in stint_aws_sim::command::HELP.lines() {
        let mut words = line.split_whitespace();
        let (Some(method @ ("GET" | "POST" | "PUT" | "PATCH" | "DELETE")), Some(path)) =
            (words.next(), words.next())
        else {
            continue;
        };
        let path = path
            .replace("<kind>", "users")
            .replace("<name>", "kept")
            .replace("<id>", "none");
        let (status, _, _) = ask(&rig, &format!("{method} {path}"), "", "").await;
        assert_ne!(status, 404, "{method} {path}");
        asked += 1;
    }
    assert!(asked > 25, "{asked}");
}
