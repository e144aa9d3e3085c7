//! Every statement of every room is understood by both engines, and few are spelled twice.

use stint_testkit::both_engines;

both_engines! {
    async fn every_statement_is_prepared(world) {
        let mut wrong = Vec::new();
        let mut count = 0;
        for sql in stint_server::statements().into_iter().flatten() {
            count += 1;
            if let Err(error) = world.app().db.prepare(sql).await {
                wrong.push(format!("{}::{}: {error:?}", sql.module(), sql.name()));
            }
        }
        assert!(wrong.is_empty(), "{} of {count} do not prepare:\n{}", wrong.len(), wrong.join("\n"));
        println!("{count} statements on {}", world.engine().as_str());
    }
}

#[test]
fn names_are_unique_in_a_room_and_few_statements_are_spelled_for_each_engine() {
    let lists = stint_server::statements();
    let mut names: Vec<_> = lists
        .iter()
        .flat_map(|list| list.iter())
        .map(|sql| (sql.module(), sql.name()))
        .collect();
    names.sort_unstable();
    let all = names.len();
    names.dedup();
    assert_eq!(names.len(), all);
    let differ = stint_db::variants(&lists);
    println!("{differ} of {all} statements are spelled for each engine");
    assert!(
        differ * 20 <= all,
        "{differ} of {all}: more than one in twenty"
    );
}
