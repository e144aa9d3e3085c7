//! What somebody may not ask for they cannot see, guess or infer: for random catalogs (lists and
//! conditions) and people, every door answers for what is in none of theirs as for what does not exist,
//! and the same statements are run.
//!
//! The oracle knows what it put into the catalogs and what the conditions mean; it asks no function of
//! the room.

use std::collections::{BTreeMap, BTreeSet};

use http::Method;
use serde_json::{Value, json};
use stint_db::{Priority, args};
use stint_domain::EntitlementId;
use stint_server::identity::{self, UserChange};
use stint_testkit::{Answer, Organization, World, both_engines};

use crate::simulation::rng::Rng;

/// How many times everything is thrown anew.
const ROUNDS: u64 = 4;
const PEOPLE: [&str; 4] = ["ana", "bo", "bea", "dee"];
const DEPARTMENTS: [&str; 3] = ["Platform", "Audit", ""];

stint_db::statements! {
    quiet GONE = "update entitlements set gone_at = $2 where id = $1";
    quiet BACK = "update entitlements set gone_at = null where id = $1";
    quiet RENAMED = "update entitlements set name = name || ' (renamed)', sort_key = sort_key || ' (renamed)' where id = $1";
}

/// What changes something that conditions ask about.
mod moves {
    stint_db::statements! {
        quiet ENTITLEMENT = "update entitlements set name = name || '!'";
        quiet SORTED = "update entitlements set sort_key = sort_key || '!'";
        quiet AWS_NAME = "update entitlements set aws_name = 'other'";
        quiet OWNED = "update entitlements set owned_by = 'a directory'";
        quiet GONE = "update entitlements set gone_at = 7 where gone_at is null";
        quiet BACK = "update entitlements set gone_at = null";
        quiet ACCOUNT = "update accounts set name = name || '!'";
        quiet TAGS = "update accounts set tags = '{}'";
        quiet PATH = "update account_facts set path = 'r-1/ou-moved'";
        quiet NO_PATH = "delete from account_facts";
        quiet SET = "update permission_sets set name = name || '!'";
        quiet GROUP = "update principals set name = name || '!' where kind = 'identity_center_group'";
        quiet CONNECTION = "update connections set name = name || '!'";
        quiet SCOPE = "update connections set scope = '{}'";
        quiet APPLICATION = "update applications set name = name || '!'";
    }
}

/// What changes nothing of it.
mod stays {
    stint_db::statements! {
        quiet SEEN = "update entitlements set last_seen = last_seen + 1, gone_at = case when gone_at is null then null else 9 end";
        quiet ACCOUNTS = "update accounts set last_seen = last_seen + 1, name = name";
        quiet READ_AGAIN = "update accounts set tags_read_at = 9, tags = tags";
        quiet PLACES = "update account_facts set iam = 'read', path = path";
        quiet SETS = "update permission_sets set last_seen = last_seen + 1, description = 'other'";
        quiet USERS = "update principals set name = name || '!' where kind = 'identity_center_user'";
        quiet STATUS = "update connections set status_detail = 'fine', scope = scope";
        quiet NONE = "update entitlements set name = 'x' where connection_id is null";
    }
}

/// An entitlement, as the oracle knows it.
struct Thing {
    id: EntitlementId,
    name: String,
    account: Option<String>,
    set: Option<String>,
    gone: bool,
}

/// A condition, and what it means.
#[derive(Clone)]
enum Means {
    Account(String),
    NotAccount(String),
    SetBegins(String),
    NameHas(String),
    Everything,
}

impl Means {
    fn text(&self) -> String {
        match self {
            Self::Account(id) => {
                format!("resource has account && resource.account == Account::\"{id}\"")
            }
            Self::NotAccount(id) => {
                format!("!(resource has account && resource.account == Account::\"{id}\")")
            }
            Self::SetBegins(word) => {
                format!("resource has permission_set && resource.permission_set like \"{word}*\"")
            }
            Self::NameHas(word) => format!("resource.name like \"*{word}*\""),
            Self::Everything => "true".to_owned(),
        }
    }

    fn holds(&self, it: &Thing) -> bool {
        match self {
            Self::Account(id) => it.account.as_ref() == Some(id),
            Self::NotAccount(id) => it.account.as_ref() != Some(id),
            Self::SetBegins(word) => it.set.as_ref().is_some_and(|set| set.starts_with(word)),
            Self::NameHas(word) => it.name.contains(word),
            Self::Everything => true,
        }
    }
}

/// A catalog, as the oracle knows it.
struct Catalog {
    listed: BTreeSet<EntitlementId>,
    contents: Vec<Means>,
    group: bool,
    department: Option<&'static str>,
    terms: bool,
}

struct Judge {
    things: Vec<Thing>,
    catalogs: Vec<Catalog>,
    /// What has an access control of its own.
    own: BTreeSet<EntitlementId>,
    /// Who is in the group of all catalogs that have one.
    members: BTreeSet<&'static str>,
    departments: BTreeMap<&'static str, &'static str>,
}

impl Judge {
    fn offered(&self, who: &'static str) -> BTreeSet<String> {
        let department = self.departments.get(who).copied().unwrap_or_default();
        let seen: Vec<&Catalog> = (self.catalogs.iter())
            .filter(|it| {
                (it.group && self.members.contains(who))
                    || it.department.is_some_and(|wanted| wanted == department)
            })
            .collect();
        let offered = self.things.iter().filter(|it| {
            let mut held = seen.iter().filter(|catalog| {
                catalog.listed.contains(&it.id)
                    || catalog.contents.iter().any(|when| when.holds(it))
            });
            let any = held.clone().next().is_some();
            !it.gone && any && (self.own.contains(&it.id) || held.any(|catalog| catalog.terms))
        });
        offered.map(|it| it.id.to_string()).collect()
    }
}

/// Everything of the estate, as the database has it.
async fn things(world: &World, org: &Organization) -> Vec<Thing> {
    let mut cursor = String::new();
    let mut all = Vec::new();
    loop {
        let path = format!(
            "/api/v1/entitlements?connection={}&limit=200&cursor={cursor}",
            org.connection
        );
        let page = world.as_user("cy").get(&path).await.ok();
        for it in page["items"].as_array().expect("rows") {
            let name = it["name"].as_str().expect("a name").to_owned();
            let account = it["account"].as_str().filter(|it| !it.is_empty());
            all.push(Thing {
                id: it["id"].as_str().expect("an id").parse().expect("an id"),
                set: account.and_then(|_| Some(name.split_once(" on ")?.0.to_owned())),
                account: account.map(str::to_owned),
                gone: !it["gone_at"].is_null(),
                name,
            });
        }
        match page["next"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => return all,
        }
    }
}

/// What one is shown, on all pages together.
async fn listed(world: &World, who: &str, q: &str) -> BTreeSet<String> {
    let (mut all, mut cursor) = (BTreeSet::new(), String::new());
    loop {
        let path = format!("/api/v1/offers?q={q}&limit=7&cursor={cursor}");
        let page = world.as_user(who).get(&path).await.ok();
        for it in page["items"].as_array().expect("rows") {
            all.insert(it["entitlement"]["id"].as_str().expect("an id").to_owned());
        }
        let next = page["next"].as_str().map(str::to_owned);
        match next {
            Some(next) => cursor = next,
            None => {
                assert_eq!(page["total"], all.len(), "{who} counts {q:?}");
                return all;
            }
        }
    }
}

/// Every way to name an entitlement that one may not know of.
const DOORS: [(&str, &str); 9] = [
    ("GET", "/api/v1/offers/{id}"),
    ("POST", "/api/v1/requests"),
    ("POST", "/api/v1/requests/preview"),
    ("POST", "/api/v1/submissions"),
    ("GET", "/api/v1/requests/groups?entitlement={id}"),
    ("GET", "/request/{id}"),
    ("POST", "/request/{id}"),
    ("POST", "/request"),
    ("GET", "/request/{id}?again="),
];

async fn knock(world: &World, who: &str, door: (&str, &str), id: &str) -> Answer {
    let path = door.1.replace("{id}", id);
    let one = json!({ "entitlement": id, "duration_seconds": 3600, "reason": "INC-2291" });
    if !path.starts_with("/api/") {
        let browser = world.in_browser(who).await;
        let _ = world.app().db.recorded();
        return match (door.0, path.as_str()) {
            ("GET", _) => browser.get(&path).await,
            (_, "/request") => browser.form(&path, &[("what", id)]).await,
            _ => {
                let fields = [("for", "me"), ("duration", "3600"), ("reason", "INC-2291")];
                browser.form(&path, &fields).await
            }
        };
    }
    let as_user = world.as_user(who);
    let body: Option<Value> = match path.as_str() {
        _ if door.0 == "GET" => None,
        "/api/v1/submissions" => Some(json!({ "items": [one] })),
        "/api/v1/requests/preview" => Some(json!({ "entitlement": id })),
        _ => Some(one),
    };
    let _ = world.app().db.recorded();
    as_user
        .send(door.0.parse::<Method>().expect("a method"), &path, body)
        .await
}

/// What is answered and what is done for it, without the name that was asked for.
async fn told(world: &World, who: &str, door: (&str, &str), id: &str) -> (String, Vec<String>) {
    // The first time may note when somebody was last there.
    knock(world, who, door, id).await;
    let answer = knock(world, who, door, id).await;
    let done = world.app().db.recorded();
    let mut text = format!("{} {}", answer.status, answer.text());
    for word in ["request-id", "x-request-id"] {
        let id = answer.header(word);
        if !id.is_empty() {
            text = text.replace(&id, "");
        }
    }
    (text.replace(id, "<id>"), done)
}

async fn put(world: &World, gone: &[EntitlementId], back: &[EntitlementId]) {
    let mut tx = (world.app().db.begin(Priority::Interactive).await).expect("a transaction");
    for id in gone {
        tx.run(&GONE, args![*id, world.now()]).await.expect("gone");
    }
    for id in back {
        tx.run(&BACK, args![*id]).await.expect("back");
    }
    tx.commit().await.expect("committed");
}

async fn department(world: &World, who: &str, department: &str) {
    let change = UserChange {
        department: Some(department.to_owned()),
        ..UserChange::default()
    };
    identity::update_user(&world.cx("cy"), world.person(who).id, change, None)
        .await
        .expect("changed");
}

/// Catalogs as they are thrown, replacing what those of the round before say.
async fn thrown(
    world: &World,
    rng: &mut Rng,
    judge: &mut Judge,
    ids: &mut Vec<String>,
    org: &Organization,
    group: &str,
) {
    let cy = world.as_user("cy");
    judge.catalogs.clear();
    for number in 0..4 {
        let pick = |rng: &mut Rng, of: &[Thing]| {
            rng.pick(of)
                .map(|it| (it.account.clone(), it.set.clone(), it.name.clone()))
                .expect("some")
        };
        let mut contents = Vec::new();
        for _ in 0..rng.range(0, 3) {
            let (account, set, name) = pick(rng, &judge.things);
            let word: String = name.chars().take(5).collect();
            contents.push(match (rng.range(0, 5), account, set) {
                (0, Some(account), _) => Means::Account(account),
                (1, Some(account), _) => Means::NotAccount(account),
                (2, _, Some(set)) => Means::SetBegins(set.chars().take(4).collect()),
                (3, _, _) if rng.chance(200) => Means::Everything,
                _ => Means::NameHas(word),
            });
        }
        let catalog = Catalog {
            listed: BTreeSet::new(),
            group: rng.chance(400),
            department: rng
                .chance(500)
                .then(|| *rng.pick(&DEPARTMENTS[..2]).expect("some")),
            terms: rng.chance(600),
            contents,
        };
        let when = catalog
            .department
            .map(|it| format!("principal has department && principal.department == \"{it}\""));
        let rules: Vec<Value> = (catalog.contents.iter().enumerate())
            .map(|(n, it)| json!({ "name": format!("rule {n}"), "when": it.text() }))
            .collect();
        let mut body = json!({
            "name": format!("Catalog {number}"),
            "audience": if catalog.group { vec![group] } else { vec![] },
            "audience_when": when.unwrap_or_default(),
            "contents": rules,
            "default_terms": if catalog.terms { json!({ "policy": org.approved.to_string() }) } else { json!({}) },
            "rank": rng.range(1, 1001),
        });
        match ids.get(number) {
            Some(id) => {
                cy.patch(&format!("/api/v1/catalogs/{id}"), body).await.ok();
            }
            None => {
                if !catalog.terms
                    && let Some(body) = body.as_object_mut()
                {
                    body.remove("default_terms");
                }
                let made = cy.post("/api/v1/catalogs", body).await.ok();
                ids.push(made["id"].as_str().expect("an id").to_owned());
            }
        }
        judge.catalogs.push(catalog);
    }
    // Lists only grow here; the oracle reads them back from what was put in.
    for (catalog, id) in judge.catalogs.iter_mut().zip(ids.iter()) {
        let page = cy
            .get(&format!("/api/v1/catalogs/{id}/entitlements?limit=200"))
            .await
            .ok();
        for it in page["items"].as_array().expect("rows") {
            catalog.listed.insert(
                it["entitlement"]["id"]
                    .as_str()
                    .expect("an id")
                    .parse()
                    .expect("an id"),
            );
        }
        for _ in 0..rng.range(0, 3) {
            let thing = rng.pick(&judge.things).expect("some");
            let path = format!("/api/v1/catalogs/{id}/entitlements");
            if !thing.gone {
                let body = json!({ "entitlements": [thing.id.to_string()] });
                let added = cy.post(&path, body).await;
                if added.status == 200 {
                    catalog.listed.insert(thing.id);
                }
            }
        }
    }
}

async fn compared(world: &World, judge: &Judge, rng: &mut Rng, seed: u64) {
    let absent = "ent_00000000000000000000000009";
    for who in PEOPLE {
        let offered = judge.offered(who);
        assert_eq!(listed(world, who, "").await, offered, "{who}, seed {seed}");
        // A search finds of it what has the words, and counts no more than that.
        let word = rng
            .pick(&judge.things)
            .map(|it| it.name.clone())
            .expect("some");
        let word: String = word
            .chars()
            .filter(char::is_ascii_alphabetic)
            .take(4)
            .collect();
        let found: BTreeSet<String> = (judge.things.iter())
            .filter(|it| it.name.to_lowercase().contains(&word.to_lowercase()))
            .map(|it| it.id.to_string())
            .filter(|id| offered.contains(id))
            .collect();
        assert_eq!(
            listed(world, who, &word).await,
            found,
            "{who} searches {word}, seed {seed}"
        );
        // Not each of some hundreds each time: another lot the next time.
        let lot = rng.range(0, 8);
        for (_, thing) in (judge.things.iter().enumerate())
            .filter(|(at, _)| i64::try_from(*at).is_ok_and(|at| at % 8 == lot))
        {
            let id = thing.id.to_string();
            let there = world
                .as_user(who)
                .get(&format!("/api/v1/offers/{id}"))
                .await
                .status;
            assert_eq!(
                there == 200,
                offered.contains(&id),
                "{who}, {}, seed {seed}",
                thing.name
            );
        }
        let hidden: Vec<&Thing> = (judge.things.iter())
            .filter(|it| !offered.contains(&it.id.to_string()))
            .collect();
        for door in DOORS {
            let Some(thing) = rng.pick(&hidden) else {
                continue;
            };
            let invisible = told(world, who, door, &thing.id.to_string()).await;
            let missing = told(world, who, door, absent).await;
            assert_eq!(
                invisible, missing,
                "{who} at {door:?}, {}, seed {seed}",
                thing.name
            );
            assert!(!invisible.1.is_empty(), "{door:?} looked nothing up");
            assert!(
                !invisible.0.contains(&thing.name),
                "{door:?}: {}",
                invisible.0
            );
        }
    }
}

both_engines! {
    async fn what_is_in_no_catalog_of_ones_own_is_like_what_does_not_exist(world) {
        let seed: u64 = std::env::var("STINT_VISIBILITY_SEED").ok()
            .and_then(|seed| seed.parse().ok())
            .unwrap_or_else(|| u64::from(rand_seed()));
        println!("STINT_VISIBILITY_SEED={seed}");
        let mut rng = Rng::new(seed);
        world.add_person("bea", &[]).await;
        let org = world.organize().await;
        let group = world.group("Asking", &[]).await;
        let mut judge = Judge {
            things: things(&world, &org).await,
            catalogs: Vec::new(),
            own: BTreeSet::new(),
            members: BTreeSet::new(),
            departments: BTreeMap::new(),
        };
        // Estates have groups that a directory decides about: in no catalog by a condition.
        let owned = stint_server::directory::all_entitlements(
            &mut world.app().db.reader().await.expect("a reader"),
            org.connection,
        ).await.expect("read");
        let owned: BTreeSet<EntitlementId> = owned.into_iter()
            .filter(|it| it.owned_by.is_some()).map(|it| it.id).collect();
        judge.things.retain(|it| !owned.contains(&it.id));
        assert!(judge.things.len() >= 10);
        world.app().db.record();
        let mut ids = Vec::new();
        let mut visible = 0;
        for round in 0..ROUNDS {
            thrown(&world, &mut rng, &mut judge, &mut ids, &org, &group.to_string()).await;
            for who in PEOPLE {
                let of = DEPARTMENTS[usize::try_from(rng.range(0, 3)).expect("small")];
                department(&world, who, of).await;
                judge.departments.insert(who, of);
                let cy = world.as_user("cy");
                let path = format!("/api/v1/groups/{group}/members");
                let user = world.person(who).id.to_string();
                if rng.chance(500) {
                    if judge.members.insert(who) {
                        let added = cy.post(&path, json!({ "user_id": user })).await;
                        assert!(added.status.is_success(), "{}", added.text());
                    }
                } else if judge.members.remove(who) {
                    cy.delete(&format!("{path}/{user}")).await.is(200);
                }
            }
            for thing in &mut judge.things {
                if rng.chance(60) && !judge.own.contains(&thing.id) {
                    let path = format!("/api/v1/entitlements/{}/access-control", thing.id);
                    let body = json!({ "policy": org.auto.to_string() });
                    world.as_user("cy").put(&path, body).await.ok();
                    judge.own.insert(thing.id);
                }
                if rng.chance(50) {
                    let (gone, back) = if thing.gone { (vec![], vec![thing.id]) } else { (vec![thing.id], vec![]) };
                    put(&world, &gone, &back).await;
                    thing.gone = !thing.gone;
                }
            }
            if let Some(thing) = rng.pick(&judge.things).map(|it| it.id) {
                let mut tx = world.app().db.begin(Priority::Interactive).await.expect("a transaction");
                tx.run(&RENAMED, args![thing]).await.expect("renamed");
                tx.commit().await.expect("committed");
                let found = judge.things.iter_mut().find(|it| it.id == thing).expect("there");
                found.name.push_str(" (renamed)");
            }
            visible += PEOPLE.iter().map(|who| judge.offered(who).len()).sum::<usize>();
            compared(&world, &judge, &mut rng, seed + round).await;
        }
        println!("{visible} visible");
        assert!(visible > 0, "nothing was ever offered: seed {seed}");
    }

    async fn what_conditions_ask_about_moves_the_version_and_nothing_else(world) {
        world.organize().await;
        let run = async |sql: &'static stint_db::Sql| {
            let version = async || {
                let mut q = world.app().db.reader().await.expect("a reader");
                stint_server::directory::version(&mut q).await.expect("read")
            };
            let before = version().await;
            let mut tx = world.app().db.begin(Priority::Interactive).await.expect("begun");
            tx.run(sql, args![]).await.expect("changed");
            tx.commit().await.expect("committed");
            version().await - before
        };
        for sql in stays::STATEMENTS {
            assert_eq!(run(sql).await, 0, "{} moved it", sql.name());
        }
        for sql in moves::STATEMENTS {
            assert!(run(sql).await > 0, "{} did not move it", sql.name());
        }
    }

    async fn another_process_sees_a_change_at_its_next_look(world) {
        let org = world.organize().await;
        let admin = org.entitlement(&world, "prod-payments", "prod-admin").await;
        let mut other = world.app().clone();
        other.kept = stint_server::cx::Kept::default();
        let count = async |app: &stint_server::cx::App| {
            let mut cx = world.cx("ana");
            cx.app = app.clone();
            let found = stint_server::catalog::offers(&cx, "", &stint_server::http::Paging::default()).await;
            found.expect("offers").total
        };
        assert_eq!((count(world.app()).await, count(&other).await), (0, 0));
        org.offer(&world, admin, org.auto).await;
        assert_eq!((count(world.app()).await, count(&other).await), (1, 1));
        put(&world, &[admin], &[]).await;
        assert_eq!((count(&other).await, count(world.app()).await), (0, 0));
    }
}

/// Another seed each time.
fn rand_seed() -> u32 {
    use std::hash::{BuildHasher as _, RandomState};
    u32::try_from(RandomState::new().hash_one(0) % 1_000_000).expect("below a million")
}
