//! A refusal of AWS is pasted, and what mends it named: of what one may ask for, and of nothing else.

use serde_json::{Value, json};
use stint_server::catalog;
use stint_testkit::both_engines;

const MEND: &str = "/api/v1/mend";

fn names(found: &Value) -> Vec<(String, String)> {
    let all = found["found"].as_array().expect("a list");
    let text = |it: &Value| it.as_str().expect("text").to_owned();
    all.iter()
        .map(|it| (text(&it["entitlement"]["name"]), text(&it["verdict"])))
        .collect()
}

fn refusal(account: &str, action: &str, resource: &str, because: &str) -> String {
    format!(
        "An error occurred (AccessDenied) when calling the operation: User: arn:aws:sts::{account}:assumed-role/AWSReservedSSO_ReadOnlyAccess_0123456789abcdef/ana is not authorized to perform: {action} on resource: {resource} {because}"
    )
}

both_engines! {
    async fn what_mends_a_refusal_is_what_one_may_ask_for_the_narrowest_first(world) {
        let org = world.organize().await;
        let account = world.sim().account_id("prod-payments").expect("an account");
        let admin = org.entitlement(&world, "prod-payments", "prod-admin").await;
        let read = org.entitlement(&world, "prod-payments", "ReadOnlyAccess").await;
        let elsewhere = org.entitlement(&world, "dev-sandbox", "ReadOnlyAccess").await;
        for it in [admin, elsewhere] {
            org.offer(&world, it, org.approved).await;
        }
        let ana = world.as_user("ana");
        let no = "because no identity-based policy allows the s3:GetObject action";
        let text = refusal(&account, "s3:GetObject", "arn:aws:s3:::reports/2026.csv", no);
        let body = json!({ "message": text });
        let found = ana.post(MEND, body.clone()).await.ok();
        let admins = ("prod-admin on prod-payments".to_owned(), "allows".to_owned());
        // What is in no catalog of hers would mend it too, and is not named.
        assert_eq!(names(&found), std::slice::from_ref(&admins), "{found:#}");
        assert_eq!(found["who"]["permission_set"], "ReadOnlyAccess");
        assert_eq!((&found["account"], &found["because"]), (&json!(account), &json!("not_allowed")));
        org.offer(&world, read, org.approved).await;
        let found = ana.post(MEND, body.clone()).await.ok();
        // What was refused just now is no help; to somebody else it may be.
        assert_eq!(names(&found), std::slice::from_ref(&admins), "{found:#}");
        let readers = ("ReadOnlyAccess on prod-payments".to_owned(), "may_allow".to_owned());
        let bare = json!({ "message": "s3:GetObject", "account": account });
        let found = ana.post(MEND, bare).await.ok();
        assert_eq!(names(&found), [admins.clone(), readers], "{found:#}");
        // Who reads only does not write.
        let text = refusal(&account, "s3:PutObject", "arn:aws:s3:::reports/2026.csv", "");
        let found = ana.post(MEND, json!({ "message": text })).await.ok();
        assert_eq!(names(&found), [admins], "{found:#}");
        // Of somebody who sees no catalog nothing is named.
        catalog::update(&world.cx("cy"), org.catalog, catalog::Change {
            audience: Some([org.platform].into()),
            ..catalog::Change::default()
        }, None).await.expect("changed");
        assert_eq!(names(&ana.post(MEND, body).await.ok()), []);
    }

    async fn what_no_access_mends_is_said_to_be_so(world) {
        let org = world.organize().await;
        let account = world.sim().account_id("prod-payments").expect("an account");
        let admin = org.entitlement(&world, "prod-payments", "prod-admin").await;
        org.offer(&world, admin, org.approved).await;
        let ana = world.as_user("ana");
        for (because, word) in [
            ("with an explicit deny in a service control policy", "by_organization"),
            ("with an explicit deny in an identity-based policy", "denied"),
            ("because no permissions boundary allows the s3:GetObject action", "by_boundary"),
            ("because no session policy allows the s3:GetObject action", "by_session"),
        ] {
            let text = refusal(&account, "s3:GetObject", "arn:aws:s3:::reports/2026.csv", because);
            let found = ana.post(MEND, json!({ "message": text })).await.ok();
            assert_eq!(found["because"], word);
            assert_eq!(names(&found), [], "{found:#}");
        }
        // The account may be named beside; an action alone is enough.
        let found = ana.post(MEND, json!({ "message": "s3:GetObject", "account": account })).await.ok();
        assert_eq!(names(&found).len(), 1, "{found:#}");
        let found = ana.post(MEND, json!({ "message": "s3:GetObject" })).await.ok();
        assert_eq!((&found["account"], names(&found).len()), (&Value::Null, 0));
        ana.post(MEND, json!({ "message": "Access Denied" })).await.refused(422, "message_unreadable");
        let encoded = "You are not authorized to perform this operation. Encoded authorization failure message: gk3V";
        ana.post(MEND, json!({ "message": encoded })).await.refused(422, "message_encoded");
        ana.post(MEND, json!({ "message": "s3:GetObject", "account": "12" })).await.refused(422, "invalid_account");
    }

    async fn joining_a_group_that_holds_it_mends_it_too(world) {
        let org = world.organize().await;
        let cy = world.cx("cy");
        let account = world.sim().account_id("prod-payments").expect("an account");
        let group = world.sim().group_id("platform").expect("a group");
        let row = stint_testkit::sim::Row::Assignment {
            account: account.clone(),
            permission_set: world.sim().permission_set_arn("prod-admin").expect("a permission set"),
            principal_type: "GROUP".to_owned(),
            principal: group,
        };
        world.aws().add(&row).await;
        world.advance(stint_domain::Span::minutes(3)).await;
        stint_server::directory::sync(&cy, org.connection).await.expect("read");
        let membership = org.membership(&world, "platform").await;
        org.offer(&world, membership, org.approved).await;
        let text = format!("s3:GetObject arn:aws:sqs:eu-central-1:{account}:queue");
        let found = world.as_user("ana").post(MEND, json!({ "message": &text })).await.ok();
        assert_eq!(found["found"][0]["entitlement"]["id"], membership.to_string(), "{found:#}");
        // What they hold is named only to who may ask for that, too.
        let one = &found["found"][0];
        assert_eq!((&one["through"], one["verdict"].as_str()), (&Value::Null, Some("allows")));
        assert!(!found.to_string().contains("prod-admin"), "{found:#}");
        let admin = org.entitlement(&world, "prod-payments", "prod-admin").await;
        org.offer(&world, admin, org.approved).await;
        let found = world.as_user("ana").post(MEND, json!({ "message": text })).await.ok();
        let all = found["found"].as_array().expect("a list");
        let joined = all.iter().find(|it| it["entitlement"]["id"] == membership.to_string());
        assert_eq!(joined.expect("still")["through"]["name"], "prod-admin on prod-payments");
    }

    async fn the_page_reads_lists_and_keeps_nothing(world) {
        let org = world.organize().await;
        let account = world.sim().account_id("prod-payments").expect("an account");
        let admin = org.entitlement(&world, "prod-payments", "prod-admin").await;
        org.offer(&world, admin, org.approved).await;
        let ana = world.in_browser("ana").await;
        assert!(ana.get("/request").await.text().contains("href=\"/mend\""));
        let text = refusal(&account, "s3:GetObject", "arn:aws:s3:::reports/2026.csv", "");
        let page = ana.form("/mend", &[("message", text.as_str()), ("account", "")]).await.is(200).text();
        for part in ["Allows it", "prod-admin on prod-payments", "arn:aws:s3:::reports/2026.csv", &format!("/request/{admin}")] {
            assert!(page.contains(part), "{part}: {page}");
        }
        let page = ana.form("/mend", &[("message", "Access Denied"), ("account", "")]).await.is(422).text();
        assert!(page.contains("names no action of AWS"), "{page}");
        // Nowhere in what is kept, not in the audit log either.
        assert!(!ana.get("/mend").await.text().contains("2026.csv"));
        let log = world.as_user("cy").get("/api/v1/audit-events?limit=200").await.ok();
        assert!(!log.to_string().contains("2026.csv"), "{log:#}");
    }
}
