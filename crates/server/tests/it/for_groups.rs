//! Access asked for on behalf of an Identity Center group: who may ask, who sees whom, that
//! nobody in the group decides, and that AWS holds it for the group and no longer.

use serde_json::{Value, json};
use stint_db::{Priority, args};
use stint_domain::{ConnectionId, EntitlementId, PrincipalId, RequestId, Span};
use stint_server::{directory, identity, requests};
use stint_testkit::sim::{Effect, Fault, Party};
use stint_testkit::{Organization, World, both_engines};

const REQUESTS: &str = "/api/v1/requests";
const PREVIEW: &str = "/api/v1/requests/preview";

stint_db::statements! {
    quiet ELSEWHERE = "insert into principals (id, connection_id, kind, aws_id, name, sort_key, first_seen, last_seen) \
        values ($1, $2, 'identity_center_group', 'elsewhere', 'elsewhere', 'elsewhere', 1, 1)";
    quiet ODD = "update requests set principal_kind = 'role' where id = $1";
    quiet GONE = "update principals set gone_at = 1 where id = $1";
}

/// Ana owns the application; Bo and Bea decide, and Bea is a member of the group.
pub(crate) struct Scene {
    pub(crate) org: Organization,
    pub(crate) admin: EntitlementId,
    pub(crate) group: PrincipalId,
    pub(crate) aws_group: String,
    pub(crate) name: String,
}

async fn principal(world: &World, connection: ConnectionId, aws_id: &str) -> PrincipalId {
    let mut q = world.app().db.reader().await.expect("a reader");
    let found = directory::principal_by_aws_id(&mut q, connection, aws_id).await;
    found.expect("read").expect("seen by the sync").id
}

impl Scene {
    pub(crate) async fn set(world: &mut World) -> Self {
        world.add_person("bea", &[]).await;
        let org = world.organize().await;
        let admin = org.entitlement(world, "prod-payments", "prod-admin").await;
        org.offer(world, admin, org.approved).await;
        let held: Vec<String> = (world.sim().assignments().into_iter())
            .filter(|row| row.account == "prod-payments" && row.permission_set == "prod-admin")
            .map(|row| row.principal_id)
            .collect();
        let mut q = world.app().db.reader().await.expect("a reader");
        let all = directory::all_entitlements(&mut q, org.connection).await;
        drop(q);
        let mut found = None;
        for e in all.expect("read") {
            let crate::estate::Place::Group(group) = crate::estate::place(&e) else {
                continue;
            };
            let members = world.aws().members(group).await;
            if !held.iter().any(|id| id == group) && !members.is_empty() {
                found = Some((group.to_owned(), members));
                break;
            }
        }
        let (aws_group, members) = found.expect("a group with members");
        let bea = world.person("bea").id;
        for stints in [org.everyone, org.platform] {
            let added = identity::add_member(&world.cx("cy"), stints, bea).await;
            added.expect("a member");
        }
        world.link(org.connection, "bea", &members[0]).await;
        let group = principal(world, org.connection, &aws_group).await;
        let mut q = world.app().db.reader().await.expect("a reader");
        let known = directory::principal(&mut q, group).await.expect("read");
        let name = known.expect("known").name;
        drop(q);
        Self {
            org,
            admin,
            group,
            aws_group,
            name,
        }
    }

    fn ask(&self, principal: &str) -> Value {
        json!({"entitlement": self.admin, "duration_seconds": 7200, "reason": "INC-2291",
            "principal": principal})
    }

    pub(crate) async fn own_the_application(&self, world: &World) {
        let cy = world.as_user("cy");
        let place = format!("/api/v1/connections/{}", self.org.connection);
        let application = cy.get(&place).await.ok()["application_id"].clone();
        let place = format!(
            "/api/v1/applications/{}",
            application.as_str().expect("an id")
        );
        cy.patch(&place, json!({"owners": [world.person("ana").id]}))
            .await
            .ok();
    }

    /// Bo, as the estate knows him.
    pub(crate) async fn person(&self, world: &World) -> String {
        let bo = world.facts().bo.expect("Bo").user_id;
        principal(world, self.org.connection, &bo).await.to_string()
    }

    fn held(&self, world: &World) -> bool {
        (world.sim().assignments().iter()).any(|row| {
            (row.account.as_str(), row.permission_set.as_str()) == ("prod-payments", "prod-admin")
                && (row.principal_type.as_str(), &row.principal_id) == ("GROUP", &self.aws_group)
        })
    }

    pub(crate) async fn read_again(&self, world: &World) {
        world.advance(Span::minutes(3)).await;
        directory::sync(&world.cx("cy"), self.org.connection)
            .await
            .expect("read");
    }
}

fn lines(page: &Value) -> Vec<String> {
    let items = page["items"].as_array().expect("items");
    items
        .iter()
        .map(|item| item["id"].as_str().expect("an id").to_owned())
        .collect()
}

both_engines! {
    async fn a_group_is_asked_for_seen_approved_given_and_taken(world) {
        let scene = Scene::set(&mut world).await;
        scene.own_the_application(&world).await;
        let (ana, bo, bea) = (world.as_user("ana"), world.as_user("bo"), world.as_user("bea"));
        let ask = scene.ask(&scene.group.to_string());
        let seen = ana.post(PREVIEW, ask.clone()).await.ok();
        assert_eq!(seen["verdict"], "needs_approval", "{seen:#}");
        let approvers = seen["steps"][0]["approvers"].as_array().expect("approvers").clone();
        let hindrance = |word: &str| {
            let id = world.person(word).id.to_string();
            let found = approvers.iter().find(|a| a["user"]["id"] == id.as_str());
            found.expect("an approver")["hindrance"].clone()
        };
        assert_eq!((hindrance("bea"), hindrance("bo")), (json!("own_request"), Value::Null));
        let in_aws = world.aws().members(&scene.aws_group).await;
        assert_eq!(seen["group"], json!({"id": scene.group, "name": scene.name}));
        assert_eq!(seen["group_members"]["count"], in_aws.len());
        let own = ana.post(PREVIEW, json!({"entitlement": scene.admin})).await.ok();
        assert!(own.get("group").is_none() && own.get("group_members").is_none(), "{own:#}");

        let made = ana.post(REQUESTS, ask).await.ok();
        let id = made["id"].as_str().expect("an id").to_owned();
        let place = format!("{REQUESTS}/{id}");
        assert_eq!(made["group"], json!({"id": scene.group, "name": scene.name}));
        assert_eq!(lines(&bo.get("/api/v1/approvals").await.ok()), std::slice::from_ref(&id));
        assert!(lines(&bea.get("/api/v1/approvals").await.ok()).is_empty(), "she would hold it");
        let asks = format!("for the Identity Center group {}", scene.name);
        let home = world.in_browser("bo").await.get("/").await.is(200).text();
        assert!(home.contains(&format!("asks for prod-admin on prod-payments {asks}")), "{home}");
        let members = world.aws().members(&scene.aws_group).await;
        let shown = bo.get(&place).await.ok();
        assert_eq!(shown["group_members"]["count"], members.len());
        let users: Vec<_> = shown["group_members"]["members"].as_array().expect("members").iter()
            .filter_map(|member| member["user"].as_str()).collect();
        assert_eq!(users, [world.person("bea").id.to_string()]);
        let page = world.in_browser("bo").await.get(&format!("/requests/{id}")).await.is(200).text();
        let first = shown["group_members"]["members"][0]["name"].as_str().expect("a name");
        assert!(page.contains(&format!("Identity Center group {}", scene.name)) && page.contains(first), "{page}");
        let list = ana.get(REQUESTS).await.ok();
        assert_eq!(list["items"][0]["group"]["name"], scene.name.as_str());

        let told = bea.post(&format!("{place}/approve"), json!({})).await.refused(403, "member_of_the_group");
        assert!(told["detail"].as_str().expect("words").contains("no member must decide"));
        bea.post(&format!("{place}/deny"), json!({"reason": "no"})).await.refused(403, "member_of_the_group");
        // Whoever comes into the group while it waits benefits as well; who leaves does not.
        let facts = world.facts();
        let in_aws = facts.bo.expect("Bo").user_id;
        world.aws().join(&scene.aws_group, &in_aws).await;
        scene.read_again(&world).await;
        bo.post(&format!("{place}/approve"), json!({})).await.refused(403, "member_of_the_group");
        let shown = ana.get(&place).await.ok();
        assert_eq!((&shown["waiting"]["stuck"], &shown["group_members"]["count"]), (&json!(true), &json!(members.len() + 1)));
        world.aws().leave(&scene.aws_group, &in_aws).await;
        scene.read_again(&world).await;
        assert!(!scene.held(&world), "nobody has approved");
        bo.post(&format!("{place}/approve"), json!({})).await.ok();
        world.settle().await;
        assert!(scene.held(&world));
        let shown = ana.get(&place).await.ok();
        assert_eq!((&shown["grants"][0]["status"], &shown["may"]), (&json!("active"), &json!(["return", "extend"])));

        // What Ana answers for is not shown as her own access.
        let mine = ana.get("/api/v1/grants/mine").await.ok();
        assert_eq!(mine["items"][0]["group"]["name"], scene.name.as_str());
        let words = format!("Identity Center group {}", scene.name);
        let home = world.in_browser("ana").await.get("/").await.is(200).text();
        assert!(home.contains(&format!("for {words}")) && home.contains(&format!("away from {words}")), "{home}");
        let all = world.in_browser("cy").await.get("/grants").await.is(200).text();
        assert!(all.contains(&format!("for {words}")), "{all}");

        // Who looks sees the group's own row, and the members' as through it.
        scene.read_again(&world).await;
        let cy = world.as_user("cy");
        let rows = |through: &str| format!("/api/v1/assignments?entitlement={}&principal={}&through={through}", scene.admin, scene.group);
        let own = cy.get(&rows("own")).await.ok();
        assert_eq!(own["items"].as_array().expect("rows").len(), 1, "{own:#}");
        let bea_in_aws = principal(&world, scene.org.connection, &members[0]).await;
        let through = format!("/api/v1/assignments?entitlement={}&principal={bea_in_aws}&through=group", scene.admin);
        let through = cy.get(&through).await.ok();
        assert_eq!(through["items"][0]["through"]["name"], scene.name.as_str(), "{through:#}");
        assert!(!world.aws().has(&world.sim().account_id("prod-payments").expect("known"),
            &world.sim().permission_set_arn("prod-admin").expect("known"), &members[0]).await);

        world.advance(Span::minutes(100)).await;
        assert!(scene.held(&world), "its time is not over");
        world.advance(Span::minutes(30)).await;
        assert!(!scene.held(&world));
        let over = ana.get(&place).await.ok();
        assert_eq!(over["grants"][0]["status"], "ended");
        // Who is in the group today is nobody's business any more.
        assert_eq!((&over["group"]["name"], &over["group_members"]), (&json!(scene.name), &Value::Null));
        let page = world.in_browser("ana").await.get(&format!("/requests/{id}")).await.is(200).text();
        assert!(!page.contains("Who would hold it"), "{page}");
    }
}

both_engines! {
    async fn who_may_not_ask_for_a_group_and_what_is_no_group_is_refused(world) {
        let scene = Scene::set(&mut world).await;
        let (ana, bo) = (world.as_user("ana"), world.as_user("bo"));
        let group = scene.group.to_string();
        for principal in [group.clone(), world.app().new_id::<PrincipalId>().to_string()] {
            let ask = scene.ask(&principal);
            ana.post(REQUESTS, ask.clone()).await.refused(403, "forbidden");
            ana.post(PREVIEW, ask).await.refused(403, "forbidden");
        }
        scene.own_the_application(&world).await;
        let unknown = world.app().new_id::<PrincipalId>().to_string();
        let person = scene.person(&world).await;
        // Another estate's group is as unknown here as one that does not exist.
        let cy = world.as_user("cy");
        let connection = format!("/api/v1/connections/{}", scene.org.connection);
        let application = cy.get(&connection).await.ok()["application_id"].clone();
        let other = cy.post("/api/v1/connections", json!({"application_id": application, "name": "other",
            "region": "eu-central-1", "role_arn": "arn:aws:iam::123456789012:role/other"})).await.ok();
        let other: ConnectionId = other["id"].as_str().expect("an id").parse().expect("an id");
        let elsewhere: PrincipalId = world.app().new_id();
        let mut tx = world.cx("cy").begin(Priority::Interactive).await.expect("begun");
        tx.run(&ELSEWHERE, args![elsewhere, other]).await.expect("written");
        tx.commit().await.expect("committed");
        for (principal, code) in [
            (unknown.as_str(), "unknown_principal"),
            (&elsewhere.to_string(), "unknown_principal"),
            (&person, "not_a_group"),
            ("prn_x", "invalid_value"),
        ] {
            ana.post(REQUESTS, scene.ask(principal)).await.refused(422, code);
        }
        let seen = ana.post(PREVIEW, scene.ask(&person)).await.ok();
        assert_eq!((&seen["verdict"], &seen["refusals"][0]["code"]), (&json!("refused"), &json!("not_a_group")));
        let membership = scene.org.membership(&world, &scene.name).await;
        scene.org.offer(&world, membership, scene.org.approved).await;
        let mut ask = scene.ask(&group);
        ask["entitlement"] = json!(membership);
        ana.post(REQUESTS, ask).await.refused(422, "not_for_groups");

        // The group goes while the request waits: nothing is given, and nobody asks again.
        let made = ana.post(REQUESTS, scene.ask(&group)).await.ok();
        let id: RequestId = made["id"].as_str().expect("an id").parse().expect("an id");
        let mut tx = world.cx("cy").begin(Priority::Interactive).await.expect("begun");
        assert!(tx.run(&ODD, args![id]).await.is_err(), "held by no such kind of principal");
        drop(tx);
        let mut tx = world.cx("cy").begin(Priority::Interactive).await.expect("begun");
        tx.run(&GONE, args![scene.group]).await.expect("written");
        tx.commit().await.expect("committed");
        let place = format!("{REQUESTS}/{}", made["id"].as_str().expect("an id"));
        bo.post(&format!("{place}/approve"), json!({})).await.refused(409, "group_gone");
        assert_eq!(ana.get(&place).await.ok()["state"], "pending");
        ana.post(REQUESTS, scene.ask(&group)).await.refused(409, "group_gone");
        // A Connection Admin needs no ownership, and gets as far.
        world.as_user("cy").post(REQUESTS, scene.ask(&group)).await.refused(409, "group_gone");
        assert!(!scene.held(&world));
    }
}

both_engines! {
    async fn who_is_on_the_way_into_the_group_does_not_decide(world) {
        let scene = Scene::set(&mut world).await;
        scene.own_the_application(&world).await;
        let (ana, bo) = (world.as_user("ana"), world.as_user("bo"));
        let made = ana.post(REQUESTS, scene.ask(&scene.group.to_string())).await.ok();
        let place = format!("{REQUESTS}/{}", made["id"].as_str().expect("an id"));
        // Bo has membership by a grant that AWS does not show.
        let join = Fault::on("identitystore:CreateGroupMembership").by(Party::Stint);
        world.sim().faults().add(join, Effect::LoseBefore);
        let membership = scene.org.membership(&world, &scene.name).await;
        scene.org.offer(&world, membership, scene.org.auto).await;
        let own = world.ask("bo", membership, Span::hours(2)).await;
        world.settle().await;
        let in_aws = world.facts().bo.expect("Bo").user_id;
        assert!(!world.aws().members(&scene.aws_group).await.contains(&in_aws));
        bo.post(&format!("{place}/approve"), json!({})).await.refused(403, "member_of_the_group");
        assert!(lines(&bo.get("/api/v1/approvals").await.ok()).is_empty());
        assert_eq!(ana.get(&place).await.ok()["waiting"]["stuck"], true);
        let seen = ana.post(PREVIEW, scene.ask(&scene.group.to_string())).await.ok();
        let approvers = seen["steps"][0]["approvers"].as_array().expect("approvers").clone();
        assert!(approvers.len() >= 2 && approvers.iter().all(|a| a["hindrance"] == "own_request"), "{approvers:#?}");
        // He gives it back, and once that is proved he benefits no more.
        world.sim().faults().clear();
        requests::return_early(&world.cx("bo"), own).await.expect("returned");
        world.advance(Span::hours(1)).await;
        bo.post(&format!("{place}/approve"), json!({})).await.ok();
    }
}

both_engines! {
    async fn who_may_ask_for_a_group_finds_it_by_its_name(world) {
        let scene = Scene::set(&mut world).await;
        let groups = |more: &str| format!("{REQUESTS}/groups?entitlement={}{more}", scene.admin);
        let (ana, bo) = (world.as_user("ana"), world.as_user("bo"));
        let hidden = scene.org.entitlement(&world, "prod-payments", "ReadOnlyAccess").await;
        let hidden = format!("{REQUESTS}/groups?entitlement={hidden}");
        for door in [&ana, &bo] {
            door.get(&groups("")).await.refused(403, "forbidden");
            door.get(&hidden).await.is(404);
        }
        scene.own_the_application(&world).await;
        bo.get(&groups("")).await.refused(403, "forbidden");
        // A Connection Admin needs no ownership; what nobody may ask for is there for nobody.
        for who in ["ana", "cy"] {
            let door = world.as_user(who);
            door.get(&hidden).await.is(404);
            let all = door.get(&groups("&limit=200")).await.ok();
            let found = all["items"].as_array().expect("items");
            assert!(found.contains(&json!({"id": scene.group, "name": scene.name})), "{all:#}");
            assert!(!lines(&all).contains(&scene.person(&world).await), "people are no groups");
            let mut walked = Vec::new();
            let mut next = String::new();
            loop {
                let page = door.get(&groups(&format!("&limit=3{next}"))).await.ok();
                walked.extend(lines(&page));
                match page["next"].as_str() {
                    Some(cursor) => next = format!("&cursor={cursor}"),
                    None => break,
                }
            }
            assert_eq!(walked, lines(&all));
        }
        // Words in their order, not one phrase, and nothing in them is a pattern.
        let (first, last) = (&scene.name[..2], &scene.name[scene.name.len() - 2..]);
        let own = |page: &Value| lines(page).contains(&scene.group.to_string());
        assert!(own(&ana.get(&groups(&format!("&q={first}%20{last}"))).await.ok()), "{}", scene.name);
        for none in ["%25", "_", "zzz-nothing"] {
            assert!(!own(&ana.get(&groups(&format!("&q={none}"))).await.ok()), "{none}");
        }
        let unknown = world.app().new_id::<PrincipalId>().to_string();
        let told = ana.post(REQUESTS, scene.ask(&unknown)).await.refused(422, "unknown_principal");
        assert!(told["detail"].as_str().expect("words").contains("GET /api/v1/requests/groups"), "{told}");
        let mut tx = world.cx("cy").begin(Priority::Interactive).await.expect("begun");
        tx.run(&GONE, args![scene.group]).await.expect("written");
        tx.commit().await.expect("committed");
        assert!(!own(&ana.get(&groups("&limit=200")).await.ok()), "it is gone from AWS");
    }
}
