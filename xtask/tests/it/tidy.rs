//! Each rule is shown failing on a tree that breaks it, and silent on one that does not.

use xtask::tidy::{self, Report, Tree};

const ARCHITECTURE: &str = "\
# House
### Rooms and rows
| row | rooms |
|---|---|
| 0 | `cx` · `http` |
| 1 | `audit` |
| 2 | `identity` |
| 3 | `grants` |
| 4 | `routes` |

## Invariants
1. One. Test: `stint-server::grants::tests::one`.
2. Two. not yet: `broker`, with its sessions.
";

/// A tree in order; each test adds or replaces files.
const HOUSE: &[(&str, &str)] = &[
    ("ARCHITECTURE.md", ARCHITECTURE),
    (
        "crates/server/Cargo.toml",
        "[package]\nname = \"stint-server\"\n",
    ),
    (
        "crates/domain/Cargo.toml",
        "[package]\nname = \"stint-domain\"\n[dependencies]\nserde = \"1\"\n",
    ),
    (
        "crates/server/src/lib.rs",
        "pub mod cx; pub mod grants; fn all() { crate::grants::store::STATEMENTS; }",
    ),
    ("crates/server/src/cx.rs", "use crate::http::Kind;"),
    (
        "crates/server/src/http/mod.rs",
        "fn r() { axum().route(\"/\", x); }",
    ),
    ("crates/server/src/audit/mod.rs", ""),
    (
        "crates/server/src/identity/mod.rs",
        "mod store; use crate::cx::Cx;",
    ),
    (
        "crates/server/src/identity/store.rs",
        "statements! { USERS = \"select id from users u join tokens t on t.user = u.id\"; }",
    ),
    (
        "crates/server/src/identity/http.rs",
        "use super::{User, store};",
    ),
    (
        "crates/server/src/grants/mod.rs",
        "//! Says \"select a from b\".\nuse crate::{cx::Cx, identity::{self, User as U}};",
    ),
    (
        "crates/server/src/grants/store.rs",
        "const A: &str = \"insert into grants (id) values ($1)\";",
    ),
    (
        "crates/server/src/grants/tests.rs",
        "use crate::routes::all; #[test] fn one() { sql(\"delete from users\"); }",
    ),
    (
        "crates/server/src/routes.rs",
        "use crate::grants::http::routes;",
    ),
    (
        "migrations/sqlite/0001_identity.sql",
        "create table users (id blob);\ncreate table tokens (id blob);",
    ),
    (
        "migrations/postgres/0001_identity.sql",
        "create table users (id uuid);\ncreate table tokens (id uuid);",
    ),
    (
        "migrations/sqlite/0002_work.sql",
        "-- room: audit\ncreate table audit_events (id blob);\n-- room: grants\ncreate table grants (id blob);",
    ),
    (
        "migrations/postgres/0002_work.sql",
        "-- room: audit\ncreate table audit_events (id uuid);\n-- room: grants\ncreate table grants (id uuid);",
    ),
    (
        "docs/a.md",
        "# A title\n[up](../ARCHITECTURE.md#invariants) [self](#a-title)",
    ),
];

fn with(changes: &[(&str, &str)]) -> Report {
    let mut files: Vec<(&str, &str)> = HOUSE.to_vec();
    for (path, text) in changes {
        files.retain(|(there, _)| there != path);
        files.push((path, text));
    }
    tidy::files(&Tree::of(&files))
}

#[track_caller]
fn fails(changes: &[(&str, &str)], expected: &str) {
    let report = with(changes);
    let said: Vec<String> = report.problems.iter().map(ToString::to_string).collect();
    assert_eq!(said.len(), 1, "one problem: {said:#?}");
    assert!(said.concat().contains(expected), "{said:#?}");
}

#[track_caller]
fn passes(changes: &[(&str, &str)]) {
    let report = with(changes);
    assert_eq!(report.problems, [], "no problem");
}

#[test]
fn a_house_in_order_is_tidy() {
    let report = with(&[]);
    assert_eq!(report.problems, []);
    assert_eq!(
        report.notes,
        ["invariant 2, not yet: `broker`, with its sessions."]
    );
}

#[test]
fn a_room_may_not_import_an_upper_room() {
    let upper = "`identity` (row 2) names `grants` (row 3)";
    for import in [
        "use crate::grants::Grant;",
        "use crate::{cx::Cx, grants::Grant};",
        "use super::grants::Grant;",
        "fn f() -> crate::grants::Grant { x }",
        "mod inner { use super::super::grants::Grant; }",
        "my_macro! { crate::grants::open() }",
        "#[utoipa::path(body = crate::grants::Grant)] fn f() {}",
    ] {
        fails(&[("crates/server/src/identity/mod.rs", import)], upper);
    }
    fails(
        &[("crates/server/src/cx.rs", "use crate::audit::Hook;")],
        "crates/server/src/cx.rs:1: rooms: `cx` (row 0) names `audit` (row 1)",
    );
    passes(&[
        (
            "crates/server/src/identity/mod.rs",
            "#[cfg(test)]\nmod preview;",
        ),
        (
            "crates/server/src/identity/preview.rs",
            "use crate::grants::Grant;",
        ),
    ]);
    fails(
        &[
            ("crates/server/src/identity/mod.rs", "mod preview;"),
            (
                "crates/server/src/identity/preview.rs",
                "use crate::grants::Grant;",
            ),
        ],
        upper,
    );
    // The same in test code is how a journey is set up.
    passes(&[(
        "crates/server/src/identity/mod.rs",
        "#[cfg(test)] mod tests { use crate::grants::Grant; }",
    )]);
}

#[test]
fn rooms_of_one_row_do_not_know_each_other_except_on_the_ground_floor() {
    let rows = ARCHITECTURE.replace("`identity` |", "`identity` · `groups` |");
    let beside = ("crates/server/src/groups.rs", "use crate::identity::User;");
    fails(
        &[("ARCHITECTURE.md", rows.as_str()), beside],
        "`groups` (row 2) names `identity` (row 2)",
    );
    passes(&[("crates/server/src/http/mod.rs", "use crate::cx::Cx;")]);
}

#[test]
fn a_room_is_entered_through_its_sign() {
    let into = "`crate::identity::store` is a file of another room";
    for import in [
        "use crate::identity::store::USERS;",
        "use crate::identity::{User, store};",
        "use super::super::identity::store;",
    ] {
        fails(&[("crates/server/src/grants/http.rs", import)], into);
    }
}

#[test]
fn what_the_crate_shows_to_others_is_no_way_round() {
    fails(
        &[("crates/server/src/identity/mod.rs", "use crate::Grant;")],
        "`crate::Grant` is no room",
    );
}

#[test]
fn a_room_without_a_row_is_named() {
    fails(
        &[("crates/server/src/attic/mod.rs", "")],
        "the room `attic` stands in no row",
    );
}

#[test]
fn a_room_may_not_touch_anothers_table() {
    let touches = "`grants` names the table `users`, which belongs to `identity`";
    for sql in [
        "select g.id from grants g join users u on u.id = g.user_id",
        "select g.id from grants g, users u",
        "select id from grants where user_id in (select id from users)",
        "update users set name = $1",
        "insert into users (id) values ($1)",
        "delete from users where id = $1",
        "with x as (select id from users) select id from x",
    ] {
        let store = format!("statements! {{ quiet A = \"{sql}\"; }}");
        fails(&[("crates/server/src/grants/store.rs", &store)], touches);
    }
    let pieces = "const A: &str = concat!(\"select id from \", \"users\", \" where id = $1\");";
    fails(&[("crates/server/src/grants/store.rs", pieces)], touches);
    fails(
        &[(
            "crates/db/src/lib.rs",
            "const A: &str = \"delete from grants\";",
        )],
        "`db` names the table `grants`",
    );
}

#[test]
fn sql_stands_in_stores() {
    let where_ = "SQL stands only in a room's store.rs";
    let text = "fn f() { q(\"select id from grants\"); }";
    fails(&[("crates/server/src/grants/http.rs", text)], where_);
    fails(&[("crates/stint/src/main.rs", text)], where_);
    passes(&[("crates/server/src/grants/store/pages.rs", text)]);
}

#[test]
fn routes_are_made_in_http() {
    fails(
        &[(
            "crates/server/src/grants/http.rs",
            "fn r() { router().route(\"/x\", get(x)) }",
        )],
        "`.route(` outside http",
    );
}

#[test]
fn files_have_a_length() {
    let lines = |n: usize| "fn f() {}\n".repeat(n);
    fails(
        &[("crates/server/src/grants/long.rs", &lines(801))],
        "801 lines without tests",
    );
    let tests = format!("{}#[cfg(test)] mod t {{\n{}}}", lines(300), lines(900));
    passes(&[("crates/server/src/grants/long.rs", &tests)]);
    passes(&[(
        "crates/server/src/grants/tests.rs",
        &format!("#[test] fn one() {{}}\n{}", lines(900)),
    )]);
    let report = with(&[("crates/server/src/grants/long.rs", &lines(401))]);
    assert!(
        report
            .notes
            .iter()
            .any(|note| note.contains("has 401 lines"))
    );
}

#[test]
fn pure_crates_stay_pure_and_layers_stay_layers() {
    let manifest = |name: &str, dependency: &str| {
        format!("[package]\nname = \"{name}\"\n[dependencies]\n{dependency}.workspace = true\n")
    };
    fails(
        &[(
            "crates/domain/Cargo.toml",
            &manifest("stint-domain", "tokio"),
        )],
        "depends on `tokio`: rules are pure",
    );
    fails(
        &[(
            "crates/server/Cargo.toml",
            &manifest("stint-server", "aws-sdk-sts"),
        )],
        "only crates/aws talks to AWS",
    );
    fails(
        &[(
            "crates/aws-sim/Cargo.toml",
            &manifest("stint-aws-sim", "stint-aws"),
        )],
        "shares no code with the connector",
    );
}

#[test]
fn a_migration_has_a_twin_with_the_same_tables() {
    fails(
        &[(
            "migrations/sqlite/0003_grants.sql",
            "create index x on grants (id);",
        )],
        "migrations/sqlite/0003_grants.sql: migrations: has no twin",
    );
    fails(
        &[(
            "migrations/postgres/0001_identity.sql",
            "create table users (id uuid);",
        )],
        "has no table `tokens` of `identity`",
    );
}

#[test]
fn a_table_has_a_room() {
    let report = with(&[
        (
            "migrations/sqlite/0003_base.sql",
            "create table x (id blob);",
        ),
        (
            "migrations/postgres/0003_base.sql",
            "create table x (id uuid);",
        ),
    ]);
    assert_eq!(report.problems.len(), 1);
    assert!(report.problems[0].what.contains("`x` belongs to no room"));
}

#[test]
fn links_lead_somewhere() {
    fails(
        &[("docs/a.md", "[x](b.md)")],
        "docs/a.md:1: links: links to b.md, which is not there",
    );
    fails(
        &[("docs/a.md", "# A\n[x](../ARCHITECTURE.md#cellar)")],
        "ARCHITECTURE.md has no heading for #cellar",
    );
    passes(&[(
        "docs/a.md",
        "[x](https://example.com/y) [y](../crates/server/src)",
    )]);
}

#[test]
fn an_invariant_names_a_test_that_is_there() {
    let architecture =
        |item: &str| ARCHITECTURE.replace("2. Two. not yet: `broker`, with its sessions.", item);
    let fails = |item: &str, expected: &str| {
        fails(&[("ARCHITECTURE.md", &architecture(item))], expected);
    };
    fails(
        "2. Two. Test: `grants::tests::gone`.",
        "invariant 2 names the test `grants::tests::gone`, which is not there",
    );
    // A function with that name that is no test does not do.
    fails("2. Two. Tests: `one`, `sql`.", "names the test `sql`");
    // The right name in the wrong package neither.
    fails(
        "2. Two. Test: `stint-db::grants::tests::one`.",
        "which is not there",
    );
    fails("2. Two.", "invariant 2 names no test");
    fails(
        "2. Two. not yet: `identity`.",
        "waits for `identity`, which is there",
    );
    fails("2. Two. not yet:", "not yet what?");
    fails("3. Three. Test: `one`.", "should be number 2");
}

#[test]
fn an_invariant_may_name_a_test_that_a_macro_makes() {
    let kit = "macro_rules! both_engines { (async fn $name:ident($w:ident) $b:block) => { \
               mod $name { #[tokio::test] async fn sqlite() {} } } }";
    let journey = "both_engines! { async fn ana_gets_access(world) { go() } }";
    let named =
        |name: &str| ARCHITECTURE.replace("2. Two. not yet: `broker`, with its sessions.", name);
    let house = |architecture: &str| {
        with(&[
            ("ARCHITECTURE.md", architecture),
            (
                "crates/testkit/Cargo.toml",
                "[package]\nname = \"stint-testkit\"\n",
            ),
            ("crates/testkit/src/lib.rs", kit),
            ("crates/server/tests/it/journey.rs", journey),
        ])
    };
    let report = house(&named(
        "2. Two. Test: `stint-server::journey::ana_gets_access::sqlite`.",
    ));
    assert_eq!(report.problems, []);
    let report = house(&named("2. Two. Test: `journey::ana_gets_access`."));
    assert_eq!(report.problems, []);
    let report = house(&named("2. Two. Test: `ana_gets_access::postgres`."));
    assert_eq!(report.problems.len(), 1);
}

#[test]
fn a_document_without_invariants_is_noticed() {
    let without = ARCHITECTURE
        .split("1. One.")
        .next()
        .expect("has a beginning");
    fails(
        &[("ARCHITECTURE.md", without)],
        "has no numbered list under Invariants",
    );
}

const PATCH: &str = "\
# mutant: forgets
# breaks: Something is forgotten.
# kills: stint-server::grants::tests::one
--- a/crates/server/src/cx.rs
+++ b/crates/server/src/cx.rs
@@ -1 +1 @@
-use crate::http::Kind;
+use crate::http::Fault;
";

#[test]
fn a_mutant_names_its_test_and_stands_in_the_table() {
    let mutant = xtask::mutants::Mutant::read("mutants/forgets.patch", PATCH).expect("readable");
    let table = xtask::mutants::table(&[mutant]);
    let table = ("docs/mutants.md", table.as_str());
    passes(&[("mutants/forgets.patch", PATCH), table]);
    // The table is sorted by name, not by file: `-` sorts before `.`.
    let again = PATCH.replace("mutant: forgets", "mutant: forgets-again");
    let both = [("forgets", PATCH), ("forgets-again", again.as_str())].map(|(name, text)| {
        xtask::mutants::Mutant::read(&format!("mutants/{name}.patch"), text).expect("readable")
    });
    passes(&[
        ("mutants/forgets.patch", PATCH),
        ("mutants/forgets-again.patch", &again),
        ("docs/mutants.md", &xtask::mutants::table(&both)),
    ]);
    let no_test = PATCH.replace("::one", "::two");
    let report = with(&[("mutants/forgets.patch", &no_test), table]);
    let said: Vec<&str> = report.problems.iter().map(|p| p.what.as_str()).collect();
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].contains("run `cargo xtask mutants"));
    assert!(said[1].contains("names the test `stint-server::grants::tests::two`"));
    fails(
        &[("mutants/forgets.patch", PATCH)],
        "docs/mutants.md: mutants: is not what",
    );
    for (gone, expected) in [
        (
            "# breaks: Something is forgotten.\n",
            "needs one line `# breaks: …`",
        ),
        (
            "# kills: stint-server::grants::tests::one\n",
            "needs a line `# kills:",
        ),
        ("+++ b/crates/server/src/cx.rs\n", "changes no file"),
    ] {
        fails(
            &[("mutants/forgets.patch", &PATCH.replace(gone, ""))],
            expected,
        );
    }
    fails(&[("mutants/other.patch", PATCH)], "calls itself `forgets`");
}

#[test]
fn unfinished_work_is_not_committed() {
    let mark = ["TO", "DO"].concat();
    fails(
        &[("docs/a.md", &format!("{mark} later"))],
        "may not stand in the repository",
    );
}

#[test]
fn a_file_that_is_no_rust_is_named() {
    fails(
        &[("crates/server/src/cx.rs", "fn (")],
        "cannot be read as Rust",
    );
}

/// The rules hold for this very tree. `cargo xtask tidy` says the same with notes.
#[test]
fn the_repository_is_tidy() {
    let report = tidy::run(&xtask::root()).expect("tidy can look");
    let said: Vec<String> = report.problems.iter().map(ToString::to_string).collect();
    assert!(said.is_empty(), "{}", said.join("\n"));
}
