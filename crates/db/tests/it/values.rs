//! Every type goes in and comes out, null or not, on both engines.

use serde_json::{Value, json};
use stint_db::{Priority, Query as _, Val, args};
use stint_domain::{GrantId, Span, Time};
use uuid::Uuid;

use crate::both;

stint_db::statements! {
    quiet MAKE_THINGS = {
        sqlite: "create table things (id blob not null primary key, name text not null unique, \
                 n integer, flag integer, at integer, data blob, body text, check (n >= 0)) strict",
        postgres: "create table things (id uuid not null primary key, name text not null unique, \
                   n bigint, flag boolean, at bigint, data bytea, body jsonb, check (n >= 0))",
    };
    quiet MAKE_PARTS = {
        sqlite: "create table parts (id blob not null primary key, \
                 thing blob not null references things (id), a text not null, b text not null, \
                 unique (a, b)) strict",
        postgres: "create table parts (id uuid not null primary key, \
                   thing uuid not null references things (id), a text not null, b text not null, \
                   unique (a, b))",
    };
    quiet INSERT = "insert into things (id, name, n, flag, at, data, body) \
        values ($1, $2, $3, $4, $5, $6, $7)";
    STATE_INSERT = "insert into things (id, name) values ($1, $2)";
    STATE_UPDATE = "update things set name = $2 where id = $1 returning name";
    quiet PART = "insert into parts (id, thing, a, b) values ($1, $2, $3, $4)";
    GET = "select id, name, n, flag, at, data, body from things where id = $1{lock}";
    COUNT = "select count(*) as n from things";
    AMONG = "select name from things where id in {ids $1} and name <> $2 order by name";
    quiet MANY = "insert into things (id, name, n, flag, at) \
        select r.id, r.name, r.n, r.flag, r.at from {rows $1 id:uuid name:text n:int flag:bool at:int} r where r.name <> $2";
    NAMES = "select name from things where $1 is null or name = $1 order by name";
}

mod wrong {
    stint_db::statements! {
        WRONG = "select nothing from things where id = $1";
    }
}

fn id(n: u128) -> GrantId {
    GrantId(Uuid::from_u128(n))
}

both!(every_type_reads_back, |fresh| {
    fresh.things().await;
    let mut tx = fresh.db.begin(Priority::Interactive).await.expect("begins");
    let body = json!({"a": [1, null, "ü"], "b": {"c": true}});
    let at = Time::from_micros(-5);
    let data = vec![0_u8, 255, 7];
    tx.run(
        &INSERT,
        args![id(1), "full", 7_i64, true, at, data.clone(), body.clone()],
    )
    .await
    .expect("inserts");
    let nothing = args![
        id(2),
        "empty",
        None::<i64>,
        None::<bool>,
        None::<Time>,
        None::<Vec<u8>>,
        None::<Value>
    ];
    tx.run(&INSERT, nothing).await.expect("inserts nulls");
    let full = tx.one(&GET, args![id(1)]).await.expect("is there");
    assert_eq!(full.get::<GrantId>("id").expect("an id"), id(1));
    assert_eq!(
        full.get::<Option<GrantId>>("id").expect("an id"),
        Some(id(1))
    );
    assert_eq!(full.get::<String>("name").expect("a text"), "full");
    assert_eq!(full.get::<i64>("n").expect("a number"), 7);
    assert_eq!(full.get::<Span>("n").expect("a span"), Span::micros(7));
    assert!(full.get::<bool>("flag").expect("a bool"));
    assert_eq!(full.get::<Time>("at").expect("a time"), at);
    assert_eq!(full.get::<Vec<u8>>("data").expect("bytes"), data);
    assert_eq!(full.get::<Value>("body").expect("JSON"), body);
    assert!(
        full.get::<[u8; 32]>("data").is_err(),
        "three bytes are not 32"
    );
    assert!(full.get::<i64>("nothing").is_err(), "no such column");
    assert!(full.parse::<i64>("name").is_err(), "not a number");
    let empty = tx.one(&GET, args![id(2)]).await.expect("is there");
    assert_eq!(empty.get::<Option<i64>>("n").expect("null"), None);
    assert_eq!(empty.get::<Option<bool>>("flag").expect("null"), None);
    assert_eq!(empty.get::<Option<Value>>("body").expect("null"), None);
    assert_eq!(empty.get::<Option<Vec<u8>>>("data").expect("null"), None);
    let why = empty
        .get::<i64>("n")
        .expect_err("null is not a number")
        .to_string();
    assert!(why.contains("`n`") && why.contains("null"), "{why}");
    assert_eq!(
        tx.one(&COUNT, args![])
            .await
            .expect("counts")
            .get::<i64>("n")
            .expect("i64"),
        2
    );
    let named = tx.all(&NAMES, args!["full"]).await.expect("reads");
    assert_eq!(named.len(), 1);
    assert_eq!(
        tx.all(&NAMES, args![None::<String>])
            .await
            .expect("reads")
            .len(),
        2
    );
});

both!(many_rows_are_one_value, |fresh| {
    fresh.things().await;
    let mut tx = fresh.db.begin(Priority::Interactive).await.expect("begins");
    let at = Time::from_micros(1_795_000_000_123_456);
    let nothing = || (None::<i64>, None::<bool>, None::<Time>);
    let (n, flag, when) = nothing();
    let rows = [
        args![id(1), "full ü \"quoted\"", i64::MAX, true, at],
        args![id(2), "empty", n, flag, when],
        args![id(3), "left out", 1_i64, false, at],
    ];
    let made = tx.run(&MANY, args![Val::rows(rows), "left out"]).await;
    assert_eq!(made.expect("inserts"), 2);
    let full = tx.one(&GET, args![id(1)]).await.expect("is there");
    assert_eq!(
        full.get::<String>("name").expect("a text"),
        "full ü \"quoted\""
    );
    assert_eq!(full.get::<i64>("n").expect("a number"), i64::MAX);
    assert!(full.get::<bool>("flag").expect("a bool"));
    assert_eq!(full.get::<Time>("at").expect("a time"), at);
    let empty = tx.one(&GET, args![id(2)]).await.expect("is there");
    assert_eq!(empty.get::<Option<i64>>("n").expect("null"), None);
    assert_eq!(empty.get::<Option<bool>>("flag").expect("null"), None);
    let made = tx.run(&MANY, args![Val::rows([]), ""]).await;
    assert_eq!(made.expect("inserts nothing"), 0);
});

both!(a_wrong_number_of_values_is_refused, |fresh| {
    fresh.things().await;
    let mut reader = fresh.db.reader().await.expect("reads");
    let error = reader
        .all(&GET, args![])
        .await
        .err()
        .expect("one value is missing");
    assert_eq!(error.to_string(), "GET takes 1 values and was given 0");
});

both!(every_statement_of_these_tests_is_prepared, |fresh| {
    fresh.things().await;
    for sql in STATEMENTS
        .iter()
        .filter(|sql| !sql.name().starts_with("MAKE_"))
    {
        assert!(fresh.db.prepare(sql).await.is_ok(), "{}", sql.name());
    }
    assert!(
        fresh.db.prepare(&wrong::WRONG).await.is_err(),
        "there is no such column"
    );
});

both!(a_list_of_ids_finds_its_rows, |fresh| {
    fresh.things().await;
    let mut tx = fresh.db.begin(Priority::Interactive).await.expect("begins");
    let nothing = || None::<Value>;
    for (n, name) in [(1, "one"), (2, "two"), (3, "three"), (4, "four")] {
        let values = args![
            id(n),
            name,
            None::<i64>,
            None::<bool>,
            None::<Time>,
            None::<Vec<u8>>,
            nothing()
        ];
        tx.run(&INSERT, values).await.expect("inserts");
    }
    for (ids, found) in [
        (
            vec![id(1), id(3), id(4), id(9), id(1)],
            vec!["one", "three"],
        ),
        (vec![], vec![]),
    ] {
        let rows = tx.all(&AMONG, args![Val::ids(ids), "four"]).await;
        let names: Vec<String> = (rows.expect("reads").iter())
            .map(|row| row.get("name").expect("a name"))
            .collect();
        assert_eq!(names, found);
    }
});
