//! A list takes the same number of SQL statements however many rows a page of it has.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _, SqliteConnection};
use stint_domain::entitlement::{EntitlementKey, PrincipalKind};
use stint_domain::policy::Route;
use stint_domain::rights::Role;
use stint_domain::{EntitlementId, PrincipalId, Span};
use stint_server::http::Paging;
use stint_server::{catalog, connections, directory, identity, outbox, policies, requests};
use stint_testkit::{Door, Engine, Organization, World, both_engines};

/// How many rows there are the first and the second time.
const FEW: usize = 5;
const MANY: usize = 50;

/// Who looks at which list; all grow with [`Growing::one_more`].
const LISTS: &[(&str, &str)] = &[
    ("ana", "/api/v1/offers"),
    ("ana", "/api/v1/requests"),
    ("ana", "/api/v1/grants/mine"),
    ("bo", "/api/v1/approvals"),
    ("bo", "/api/v1/notices"),
    ("bo", "/api/v1/emergency-reviews"),
    ("cy", "/api/v1/applications"),
    ("cy", "/api/v1/catalogs"),
    ("cy", "/api/v1/catalogs/{catalog}/entitlements"),
    ("cy", "/api/v1/catalogs/{catalog}/contents"),
    ("cy", "/api/v1/connections"),
    ("cy", "/api/v1/grants"),
    ("cy", "/api/v1/groups"),
    ("cy", "/api/v1/groups/{everyone}/members"),
    ("cy", "/api/v1/links"),
    ("cy", "/api/v1/policies"),
    ("cy", "/api/v1/policies/{approved}/entitlements"),
    ("cy", "/api/v1/policies/{approved}/versions"),
    ("cy", "/api/v1/requests/all"),
    ("cy", "/api/v1/requests/people"),
    ("cy", "/api/v1/users"),
];

/// Lists that are long from the beginning: these are asked for few rows, and for many.
const LONG: &[&str] = &[
    "/api/v1/assignments?",
    "/api/v1/audit-events?",
    "/api/v1/entitlements?connection={connection}",
    "/api/v1/permission-sets?connection={connection}",
    "/api/v1/principals?connection={connection}",
    "/api/v1/principals/{principal}/inherited?",
    "/api/v1/requests/groups?entitlement={offered}",
];

/// What is sorted after all, by what another table says or two columns at once: the members of
/// one group, the links by their principals' names, one person's own requests, what one catalog
/// or policy holds.
const SORTED: &[&str] = &[
    "groups::MEMBERS_BY_",
    "links::BY_NAME_",
    "requests::store::MINE_",
    "things::ENTITLEMENTS_NAMED_",
];

/// Who looks at which page with such a list.
const PAGES: &[(&str, &str)] = &[
    ("ana", "/"),
    ("ana", "/request"),
    ("ana", "/requests"),
    ("bo", "/notices"),
    ("cy", "/applications"),
    ("cy", "/catalogs"),
    ("cy", "/catalogs/{catalog}"),
    ("cy", "/catalogs/{catalog}/contents"),
    ("cy", "/connections"),
    ("cy", "/emergency-reviews"),
    ("cy", "/grants"),
    ("cy", "/people"),
    ("cy", "/people/groups"),
    ("cy", "/people/groups/{everyone}"),
    ("cy", "/people/links?show=confirmed"),
    ("cy", "/people/users/{ana}"),
    ("cy", "/policies"),
    ("cy", "/request/people"),
    ("cy", "/requests?show=all"),
];

both_engines! {
    async fn a_page_takes_as_many_statements_with_many_rows_as_with_few(world) {
        let mut growing = Growing::new(&mut world).await;
        let mut before = Vec::new();
        for number in 0..MANY {
            if number == FEW {
                before = growing.look(&world).await;
            }
            growing.one_more(&mut world, number).await;
        }
        let after = growing.look(&world).await;
        let mut wrong = Vec::new();
        for (few, many) in before.iter().zip(&after) {
            // At most fifty rows; of a page its links are counted.
            let grown = many.rows >= MANY.min(few.rows + MANY - FEW) && many.rows > few.rows;
            assert!(grown, "{}: {} and {} rows", few.place, few.rows, many.rows);
            if few.statements != many.statements {
                wrong.push(format!("{few:?}, {many:?}"));
            }
        }
        for place in LONG {
            let few = growing.count(&world, "cy", &format!("{place}&limit={FEW}")).await;
            let many = growing.count(&world, "cy", &format!("{place}&limit={MANY}")).await;
            assert!(few.rows == FEW && many.rows >= 2 * FEW, "{few:?}, {many:?}");
            if few.statements != many.statements {
                wrong.push(format!("{few:?}, {many:?}"));
            }
        }
        assert!(wrong.is_empty(), "not the same for few rows and for many:\n{}", wrong.join("\n"));
        let lists = before.len() + LONG.len();
        println!("{lists} lists on {}", world.engine().as_str());
    }
}

/// An organization in which everything becomes more.
struct Growing {
    there: Organization,
    /// Account assignments, of which two are offered each time.
    entitlements: std::vec::IntoIter<EntitlementId>,
    /// Identity Center users who are nobody's yet.
    spare: std::vec::IntoIter<String>,
    /// Somebody who holds things through groups in AWS.
    principal: PrincipalId,
    /// What Cy may ask for.
    offered: Option<EntitlementId>,
    /// Who looks at pages.
    browsers: BTreeMap<&'static str, Door>,
}

/// What a look at a list took.
#[derive(Debug)]
struct Look {
    place: String,
    rows: usize,
    statements: u64,
}

impl Growing {
    async fn new(world: &mut World) -> Self {
        let there = world.organize().await;
        let cy = world.cx("cy");
        let mut q = cy.read().await.expect("reads");
        let all = directory::all_entitlements(&mut q, there.connection).await;
        let page = Paging::first(200);
        let principals = directory::principals(&cy, there.connection, "", &page).await;
        let facts = world.facts();
        let taken = [&facts.ana, &facts.bo, &facts.cy, &facts.dee];
        let taken = |id: &str| (taken.iter().copied().flatten()).any(|it| it.user_id == id);
        let (mut principal, mut most, mut spare) = (None, 0, Vec::new());
        for it in principals.expect("principals").items {
            if it.kind == PrincipalKind::IdentityCenterUser && !taken(&it.aws_id) {
                spare.push(it.aws_id);
            }
            let held = directory::inherited(&cy, it.id, &Paging::first(200)).await;
            let count = held.expect("what groups hold").items.len();
            if count > most {
                (principal, most) = (Some(it.id), count);
            }
        }
        let management = world.facts().management_account;
        let entitlements: Vec<_> = (all.expect("entitlements").into_iter())
            .filter(|it| match &it.key {
                EntitlementKey::AccountAssignment { account, .. } => *account != management,
                _ => false,
            })
            .map(|it| it.id)
            .collect();
        let mut browsers = BTreeMap::new();
        for (word, _) in PAGES {
            if !browsers.contains_key(word) {
                browsers.insert(*word, world.in_browser(word).await);
            }
        }
        Self {
            there,
            entitlements: entitlements.into_iter(),
            spare: spare.into_iter(),
            principal: principal.expect("somebody is in a group"),
            offered: None,
            browsers,
        }
    }

    /// One more of everything: a person who is linked and asks for two things, of which they
    /// and Ana get one at once while the other waits for Bo; and what it takes to ask for them. One
    /// of them is had in an emergency as well.
    async fn one_more(&mut self, world: &mut World, number: usize) {
        let there = &self.there;
        let word = format!("p{number:02}");
        let person = world.add_person(&word, &[Role::ConnectionAdmin]).await.id;
        let cx = world.cx("cy");
        let everyone = identity::add_member(&cx, there.everyone, person).await;
        everyone.expect("a member");
        let aws_user = self.spare.next().expect("the estate has enough users");
        world.link(there.connection, &word, &aws_user).await;
        let group = world.group(&format!("Group {number}"), &[]).await;
        let called = format!("Policy {number}");
        let policy = world
            .policy(&called, Route::AutoApprove, Span::hours(8))
            .await;
        let new = catalog::NewCatalog {
            name: format!("Catalog {number}"),
            description: String::new(),
            audience: BTreeSet::from([group]),
            ..catalog::NewCatalog::default()
        };
        catalog::create(&cx, new).await.expect("a catalog");
        let current = policies::get(&cx, there.approved).await.expect("a policy");
        let version = policies::NewVersion {
            body: current.latest.body,
            note: format!("as before, {number}"),
        };
        policies::new_version(&cx, there.approved, version, None)
            .await
            .expect("a version");
        let application = connections::NewApplication {
            name: format!("Application {number}"),
            description: String::new(),
            owners: vec![person],
        };
        let application = connections::create_application(&cx, application).await;
        let connection = connections::NewConnection {
            application: application.expect("an application").id,
            name: format!("connection {number}"),
            credential: connections::NewCredential::role(format!(
                "arn:aws:iam::1234567890{number:02}:role/Stint"
            )),
            region: world.facts().region,
            iam: false,
            owners: vec![person],
        };
        connections::create(&cx, connection)
            .await
            .expect("a connection");
        let mut next = || self.entitlements.next().expect("the estate has enough");
        let (given, asked) = (next(), next());
        self.offered = Some(given);
        there.offer(world, given, policy).await;
        there.offer(world, asked, there.approved).await;
        for who in ["ana", &word] {
            world.ask(who, given, Span::hours(4)).await;
        }
        world.ask(&word, asked, Span::hours(1)).await;
        let (name, hour) = (format!("Emergency {number}"), Span::hours(1));
        let (route, told) = (Route::AutoApprove, there.platform);
        let emergency = crate::emergency::policy(world, &name, route, hour, told).await;
        crate::emergency::terms(world, given, policy, Some(emergency)).await;
        let new = requests::NewRequest {
            entitlement: given,
            duration: hour,
            reason: "INC-2291".to_owned(),
            ticket: None,
            beneficiary: None,
            start: None,
            principal: None,
            emergency: true,
            until_revoked: false,
        };
        let given = requests::submit(&world.cx(&word), new).await;
        given.expect("emergency access");
    }

    /// Every list, looked at.
    async fn look(&self, world: &World) -> Vec<Look> {
        // What is told is delivered; nothing else goes on.
        let mut tasks = stint_server::tasks().into_iter();
        let deliver = tasks
            .find(|it| it.name() == outbox::DELIVER)
            .expect("it is there");
        while outbox::waiting(&world.app().db).await.expect("counted") > 0 {
            deliver.run(world.app()).await.expect("delivered");
        }
        let mut looks = Vec::new();
        for (who, place) in LISTS.iter().chain(PAGES) {
            looks.push(self.count(world, who, place).await);
        }
        looks
    }

    /// How many statements a list takes, and how many rows it has. Looked at twice: the first
    /// time may note when somebody was last there.
    async fn count(&self, world: &World, who: &'static str, place: &str) -> Look {
        let of = &self.there;
        let place = (place.replace("{ana}", &world.person("ana").id.to_string()))
            .replace("{everyone}", &of.everyone.to_string())
            .replace("{catalog}", &of.catalog.to_string())
            .replace("{approved}", &of.approved.to_string())
            .replace(
                "{offered}",
                &self.offered.map(|it| it.to_string()).unwrap_or_default(),
            )
            .replace("{connection}", &of.connection.to_string())
            .replace("{principal}", &self.principal.to_string());
        let api = place.starts_with("/api/");
        let door = match self.browsers.get(who) {
            Some(browser) if !api => browser.clone(),
            _ => world.as_user(who),
        };
        door.get(&place).await.is(200);
        let before = world.app().db.statements();
        let answer = door.get(&place).await.is(200);
        let statements = world.app().db.statements() - before;
        let rows = match api {
            true => answer.json()["items"].as_array().expect("rows").len(),
            false => answer.text().matches(" href=").count(),
        };
        Look {
            place,
            rows,
            statements,
        }
    }
}

/// The orders a list can be asked for each have an index: no page sorts everything to find its
/// first rows.
#[tokio::test(flavor = "multi_thread")]
async fn no_list_sorts_everything_on_sqlite() {
    if stint_testkit::engine_left_out(Engine::Sqlite) {
        return;
    }
    let world = World::new_sqlite().await;
    let mut conn = SqliteConnection::connect(world.database_url())
        .await
        .expect("opened");
    let (mut looked_at, mut wrong) = (0, Vec::new());
    for sql in stint_server::statements().into_iter().flatten() {
        let (name, ends) = (sql.name(), ["_UP", "_DOWN"]);
        // Who holds what is searched in three ways at once: `explore` looks at how.
        if sql.module().contains("holdings") || !ends.iter().any(|end| name.ends_with(end)) {
            continue;
        }
        looked_at += 1;
        let text = format!("explain query plan {}", sql.text(Engine::Sqlite));
        let plan = sqlx::query(AssertSqlSafe(text)).fetch_all(&mut conn).await;
        let plan: Vec<String> = (plan.expect("planned").iter())
            .map(|row| row.get("detail"))
            .collect();
        let called = format!("{}::{name}", sql.module());
        let sorts = plan.iter().any(|step| step.contains("ORDER BY"));
        if sorts != SORTED.iter().any(|some| called.contains(some)) {
            wrong.push(format!("{called}: sorts: {sorts}\n{}", plan.join("\n")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    println!("{looked_at} orders");
    assert!(looked_at >= 40);
    world.finish().await;
}

/// The same of users by name on PostgreSQL, where there are many and nobody knows how many.
#[tokio::test(flavor = "multi_thread")]
async fn users_by_name_come_from_an_index_on_postgres() {
    if stint_testkit::engine_left_out(Engine::Postgres) {
        return;
    }
    let world = World::builder().engine(Engine::Postgres).build().await;
    let mut conn = PgConnection::connect(world.database_url())
        .await
        .expect("opened");
    let many = "insert into users (id, name, email, email_key, search_text, active, created_at, version) \
        select gen_random_uuid(), 'n' || n, n || '@x', n || '@x', 'n' || md5(n::text), true, 0, 1 \
        from generate_series(1, 20000) n; analyze users";
    sqlx::raw_sql(many).execute(&mut conn).await.expect("many");
    for (name, first) in [("BY_NAME_UP", "'n1'"), ("BY_NAME_DOWN", "null")] {
        let sql = (stint_server::statements().into_iter().flatten())
            .find(|it| it.name() == name && it.module().contains("users"))
            .expect("a statement of this name");
        let mut text = sql.text(Engine::Postgres).to_owned();
        for (place, value) in [
            ("$1", first),
            ("$2", "'%'"),
            ("$3", "null"),
            ("$4", "null"),
            ("$5", "51"),
            ("$7", "null"),
            ("$6", "null"),
        ] {
            text = text.replace(place, value);
        }
        let plan = sqlx::query(AssertSqlSafe(format!("explain {text}"))).fetch_all(&mut conn);
        let plan: Vec<String> = (plan.await.expect("planned").iter())
            .map(|row| row.get(0))
            .collect();
        let plan = plan.join("\n");
        let found = plan.contains("users_search_text") && !plan.contains("Sort");
        assert!(found, "{name}:\n{plan}");
    }
    world.finish().await;
}
