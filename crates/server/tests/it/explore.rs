//! Explore: who holds what, through which groups, standing or granted, now and as of a moment;
//! who may look; and that a page of a large estate follows an index.

use sqlx::{AssertSqlSafe, Connection as _, Row as _, SqliteConnection};
use stint_domain::Span;
use stint_server::directory::{self, Entitlement};
use stint_testkit::{World, both_engines};

use crate::estate::{Estate, Place, place};

fn rows(page: &str) -> usize {
    page.matches("<tr><td>").count()
}

/// A permission set on an account that a group holds in which Ana is not, and being in it.
async fn held_by_a_group(world: &World, estate: &Estate) -> (Entitlement, Entitlement) {
    let cx = world.system();
    let mut q = cx.read().await.expect("a reader");
    for what in &estate.assignments {
        for holder in directory::holders(&mut q, what.id, 100)
            .await
            .expect("read")
        {
            let name = format!("Identity Center group {}", holder.name);
            if let Some(group) = estate.groups.iter().find(|group| group.name == name) {
                return (what.clone(), group.clone());
            }
        }
    }
    panic!("no group holds anything")
}

both_engines! {
    async fn who_holds_what_is_found_by_every_way(world) {
        let estate = Estate::connect(&world).await;
        let dee = world.in_browser("dee").await;
        let ana = world.person("ana").id;

        // A group that holds something, which Ana gets into by a grant.
        let (what, group) = held_by_a_group(&world, &estate).await;
        let Place::Set(account, _) = place(&what) else { panic!("a permission set") };
        let before = world.now();
        world.advance(Span::hours(1)).await;
        estate.grant(&world, group.id, Span::hours(4)).await;
        world.settle().await;

        let page = dee.get(&format!("/explore?user={ana}&sort=what")).await.is(200).text();
        assert!(page.contains("Ana Moreno") && page.contains("<span class=\"faint\">User</span>"), "{page}");
        let entitlement = format!("/explore?entitlement={}", what.id);
        let page = dee.get(&entitlement).await.is(200).text();
        assert!(page.contains("Ana Moreno") && page.contains("Granted membership"), "{page}");
        assert!(page.contains("through <a") && page.contains("directly"));
        assert!(page.contains("organizations/v2/home/accounts/") && page.contains("data-copy=\"arn:aws:sso:::permissionSet/"));
        let only = dee.get(&format!("{entitlement}&through=group")).await.is(200).text();
        assert!(rows(&only) >= 1 && !only.contains(">directly<"));
        let by_account = dee.get(&format!("/explore?account={account}&sort=-what")).await.is(200).text();
        assert!(rows(&by_account) > 1 && by_account.contains("Account</span>"));
        let none = dee.get("/explore?q=nonsense").await.is(200).text();
        assert!(none.contains("Nothing found for “nonsense”"));

        // As of a moment: before the grant the membership was not there; before the first sync
        // nothing is known.
        let at = |time: stint_domain::Time| stint_server::web::time::input_value(time);
        let then = dee.get(&format!("{entitlement}&as_of={}", at(before))).await.is(200).text();
        assert!(!then.contains("Ana Moreno") && then.contains("As of "), "{then}");
        let long_ago = world.now() - Span::hours(24 * 30);
        let ago = dee.get(&format!("/explore?as_of={}", at(long_ago))).await.is(200).text();
        assert!(ago.contains("Nothing is known of prod at that moment") && rows(&ago) == 0, "{ago}");
        dee.get("/explore?as_of=yesterday").await.is(422);
        dee.get("/explore?sort=shoe").await.is(422);
        dee.get("/explore?user=nobody").await.is(422);

        // The same over the API.
        let api = world.as_user("dee");
        let found = api.get(&format!("/api/v1/assignments?entitlement={}&through=group", what.id)).await.ok();
        let found = found["items"].as_array().expect("items");
        let hers = found.iter().find(|row| row["user_id"] == ana.to_string()).expect("Ana's");
        assert_eq!(hers["through"]["name"], group.name.trim_start_matches("Identity Center group "));
        let moment = before.to_string();
        let then = api.get(&format!("/api/v1/assignments?entitlement={}&through=any&as_of={moment}", what.id)).await.ok();
        let then = then["items"].as_array().expect("items");
        assert!(!then.is_empty() && then.iter().all(|row| row["user_id"] != ana.to_string()));
        assert!(then.iter().any(|row| row["certain"] == true));

        // Every page of every order gives every row once.
        let all = dee.get("/explore?format=csv").await.is(200).text();
        let all = all.lines().count() - 1;
        for sort in ["who", "-who", "what", "-what", "since", "-since"] {
            for narrowed in [String::new(), format!("&account={account}&through=any")] {
                let mut seen = std::collections::BTreeSet::new();
                let mut cursor = String::new();
                loop {
                    let place = format!("/api/v1/assignments?sort={sort}&limit=7{narrowed}{cursor}");
                    let page = api.get(&place).await.ok();
                    for row in page["items"].as_array().expect("items") {
                        let key = format!("{} {} {}", row["id"], row["principal"]["id"], row["through"]["principal_id"]);
                        assert!(seen.insert(key), "twice under {sort}{narrowed}");
                    }
                    match page["next"].as_str() {
                        Some(next) => cursor = format!("&cursor={next}"),
                        None => break,
                    }
                }
                assert!(!narrowed.is_empty() || seen.len() == all, "{sort}: {} of {all}", seen.len());
            }
        }
        let csv = dee.get(&format!("/explore?entitlement={}&format=csv", what.id)).await.is(200).text();
        assert!(csv.lines().any(|line| line.starts_with("Ana Moreno,") && line.contains("Granted membership")), "{csv}");

        // History of one pair, with what is not known for sure.
        let page = dee.get(&format!("/explore/history?principal={}&entitlement={}", estate.principal, group.id)).await.is(200).text();
        assert!(page.contains("Began between"), "{page}");
        dee.get(&format!("/explore/history?principal={}", estate.principal)).await.is(404);
    }
}

both_engines! {
    async fn a_user_explores_what_is_theirs_and_nothing_else(world) {
        let estate = Estate::connect(&world).await;
        let ana = world.in_browser("ana").await;
        let bo = world.in_browser("bo").await;
        let me = world.person("ana").id;
        let page = ana.get("/explore").await.is(200).text();
        assert!(page.contains("What you hold") && rows(&page) > 0, "{page}");
        assert!(!page.contains("/explore/history"));
        // Whatever the address says.
        let others = world.person("bo").id;
        let whose = ana.get(&format!("/explore?user={others}")).await.is(200).text();
        assert_eq!(rows(&whose), rows(&page));
        let held = ana.get(&format!("/explore?principal={}", estate.principal)).await.is(200).text();
        assert_eq!(rows(&held), rows(&page));
        let none = bo.get(&format!("/explore?principal={}", estate.principal)).await.is(200).text();
        assert!(rows(&none) == 0 && none.contains("You hold nothing in AWS"), "{none}");
        assert_eq!(bo.get("/explore?format=csv").await.is(200).text().lines().count(), 1);
        ana.get("/explore/history").await.is(403);

        let api = world.as_user("ana");
        assert_eq!(api.get("/api/v1/assignments").await.code(), "forbidden");
        assert_eq!(api.get(&format!("/api/v1/assignments?user={others}")).await.code(), "forbidden");
        let own = api.get(&format!("/api/v1/assignments?user={me}&through=any")).await.ok();
        assert!(!own["items"].as_array().expect("items").is_empty());
    }
}

/// What SQLite means to do, for every statement of the list: no table is read from end to end
/// without an index, and where nothing narrows, an index gives the order, so that a page costs
/// a page however large the estate is.
#[tokio::test]
async fn a_page_of_a_large_estate_follows_an_index() {
    if stint_testkit::engine_left_out(stint_db::Engine::Sqlite) {
        return;
    }
    let world = World::new_sqlite().await;
    let mut conn = SqliteConnection::connect(world.database_url())
        .await
        .expect("opened");
    let mut looked_at = 0;
    for sql in stint_server::statements().into_iter().flatten() {
        if !sql.module().ends_with("store::holdings") {
            continue;
        }
        looked_at += 1;
        let text = format!("explain query plan {}", sql.text(stint_db::Engine::Sqlite));
        let plan = sqlx::query(AssertSqlSafe(text))
            .fetch_all(&mut conn)
            .await
            .expect("planned");
        let plan: Vec<String> = plan.iter().map(|row| row.get("detail")).collect();
        for step in &plan {
            let whole = step.starts_with("SCAN ") && !step.contains("USING");
            let derived = ["SCAN x", "SCAN chosen"].contains(&step.as_str())
                || step.contains("subquery")
                || step.contains("CONSTANT ROW");
            assert!(
                !whole || derived,
                "{}: {step}\n{}",
                sql.name(),
                plan.join("\n")
            );
        }
        if sql.name().starts_with("EVERY") {
            let sorts = plan
                .iter()
                .any(|step| step == "USE TEMP B-TREE FOR ORDER BY");
            assert!(
                !sorts,
                "{} sorts everything:\n{}",
                sql.name(),
                plan.join("\n")
            );
        }
    }
    assert_eq!(looked_at, 18);
    world.finish().await;
}
