//! Rights: every route × every role × every relation, against a committed matrix.
//!
//! `rights-matrix.txt` says for every route, and for every way a caller can stand to the
//! thing it is about, what a holder of each role hears. It is read by people and changed by
//! people; nothing here asks `stint_domain::rights`. A route that is not in it fails, and so
//! does a line without a route. A thing a caller may not see answers byte for byte like one
//! that does not exist.
//!
//! What is sent is chosen to be harmless where it can be: any answer that is neither "who
//! are you" nor "you may not" nor "there is no such thing" counts as `yes`, also one that
//! finds fault with a value or a state, since finding that fault comes after asking for
//! rights.
#![allow(clippy::panic, clippy::indexing_slicing)]

mod asks;
mod matrix;
mod stage;

use stint_domain::rights::Role;
use stint_testkit::Answer;

use asks::{Ask, asks};
use matrix::{Line, Matrix};
use stage::Stage;

/// The columns, as the file's head names them.
pub(crate) const COLUMNS: [(&str, Option<Role>); 7] = [
    ("nobody", None),
    ("user", Some(Role::User)),
    ("helpdesk", Some(Role::Helpdesk)),
    ("auditor", Some(Role::Auditor)),
    ("policy", Some(Role::PolicyAdmin)),
    ("connection", Some(Role::ConnectionAdmin)),
    ("super", Some(Role::SuperAdmin)),
];

/// What an answer means for the matrix.
fn heard(ask: &Ask, answer: &Answer) -> String {
    let status = answer.status.as_u16();
    // A page sends whoever is not signed in to sign in.
    let to_sign_in = status == 303
        && ask.method == http::Method::GET
        && answer.header("location").starts_with("/sign-in");
    match status {
        401 => "401".to_owned(),
        303 if to_sign_in => "401".to_owned(),
        404 => "404".to_owned(),
        // Refused by a rule about this very thing, after the role was found good enough.
        403 if !ask.page && answer.code() != "forbidden" => answer.code(),
        403 => "403".to_owned(),
        405 | 500.. => panic!("{ask} answered {status}: {}", answer.text()),
        422 if !ask.page && ["invalid_body", "invalid_query"].contains(&&*answer.code()) => {
            panic!("{ask} was sent what it does not take: {}", answer.text())
        }
        _ => "yes".to_owned(),
    }
}

/// Everything one column hears, in the order of the asks.
async fn column(role: Option<Role>) -> Vec<Line> {
    let stage = Stage::new(role).await;
    let mut lines = Vec::new();
    for ask in asks(&stage).await {
        let answer = stage.send(&ask).await;
        let heard = heard(&ask, &answer);
        if heard == "404" {
            like_absent(&stage, &ask, &answer).await;
        }
        lines.push(Line {
            route: ask.route.clone(),
            relation: ask.relation.to_owned(),
            heard,
        });
    }
    stage.world.finish().await;
    lines.extend(stage::in_the_demo(role).await);
    lines
}

/// The same request for a thing that does not exist gets the same bytes and headers; a page
/// names the address one is at, which is the only difference there may be.
async fn like_absent(stage: &Stage, ask: &Ask, answer: &Answer) {
    let Some(other) = stage.send_for_absent(ask).await else {
        return;
    };
    assert_eq!(answer.status, other.status, "{ask}");
    assert_eq!(answer.headers, other.headers, "{ask}");
    if !ask.page {
        assert_eq!(answer.body, other.body, "{ask}");
        return;
    }
    let plain = |text: String, path: &str| {
        let encoded = path.replace('/', "%2F");
        text.replace(path, "(path)").replace(&encoded, "(path)")
    };
    let absent = ask.absent.as_ref().map_or("", |(path, _)| path);
    assert_eq!(
        plain(answer.text(), &ask.path),
        plain(other.text(), absent),
        "{ask}"
    );
}

async fn holds(name: &str) {
    let (_, role) = COLUMNS
        .iter()
        .find(|(column, _)| *column == name)
        .expect("a column");
    let matrix = Matrix::committed();
    let wrong = matrix.compare(name, &column(*role).await);
    assert!(
        wrong.is_empty(),
        "{} of the matrix's cells for `{name}` do not hold:\n{}\nIf that is meant, change \
         tests/it/rights-matrix.txt.",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn every_route_is_in_the_matrix_and_every_line_has_its_route() {
    let matrix = Matrix::committed();
    let mut wrong = matrix.faults();
    let listed = matrix.routes();
    let routes = matrix::recorded();
    for route in routes.keys().filter(|route| !listed.contains(*route)) {
        wrong.push(format!("{route} is registered and not in the matrix"));
    }
    for route in listed.iter().filter(|route| !routes.contains_key(*route)) {
        wrong.push(format!("{route} is in the matrix and not registered"));
    }
    assert!(
        wrong.is_empty(),
        "tests/it/rights-matrix.txt:\n{}",
        wrong.join("\n")
    );
}

macro_rules! columns {
    ($($test:ident: $name:literal;)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                holds($name).await;
            }
        )*
    };
}

columns! {
    nobody_hears_what_the_matrix_says: "nobody";
    a_user_hears_what_the_matrix_says: "user";
    helpdesk_hears_what_the_matrix_says: "helpdesk";
    an_auditor_hears_what_the_matrix_says: "auditor";
    a_policy_admin_hears_what_the_matrix_says: "policy";
    a_connection_admin_hears_what_the_matrix_says: "connection";
    a_super_admin_hears_what_the_matrix_says: "super";
}

/// Writes what is heard now, for a person to review line by line before it is committed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "writes tests/it/rights-matrix.txt; review every changed line"]
async fn write_the_matrix() {
    let mut all = Vec::new();
    for (name, role) in COLUMNS {
        all.push((name, column(role).await));
    }
    matrix::write(&all);
}
