//! The rooms of the Stint server.
//!
//! Lower rows never know upper rows; a room calls only rooms on lower rows, only through
//! what their `mod.rs` offers. News goes up as outbox events.

// Row 0: what every room stands on.
pub mod cx;
pub mod http;
pub mod processes;
pub mod sealed;
pub mod tasks;
pub mod web;
// Row 1
pub mod audit;
pub mod outbox;
// Row 2
pub mod identity;
// Row 3
pub mod connections;
// Row 4
pub mod directory;
pub mod policies;
// Row 5
pub mod catalog;
pub mod grants;
// Row 6
pub mod duties;
pub mod mend;
// Row 7
pub mod objects;
pub mod requests;
// Row 8
pub mod config;
pub mod demo;
pub mod draining;
pub mod notices;
// Row 9
pub mod overview;
// Row 10
pub mod routes;

use std::sync::Arc;

use stint_db::Sql;

/// Every statement of every room: one line each.
pub fn statements() -> Vec<&'static [&'static Sql]> {
    let mut all = vec![
        http::STATEMENTS,
        processes::STATEMENTS,
        audit::STATEMENTS,
        outbox::STATEMENTS,
    ];
    all.extend(identity::STATEMENTS);
    all.push(connections::STATEMENTS);
    all.push(connections::FEED_STATEMENTS);
    all.extend(directory::STATEMENTS);
    all.push(policies::STATEMENTS);
    all.push(catalog::STATEMENTS);
    all.push(catalog::CONDITION_STATEMENTS);
    all.extend(grants::STATEMENTS);
    all.push(duties::STATEMENTS);
    all.extend(objects::STATEMENTS);
    all.push(requests::STATEMENTS);
    all.push(requests::REVIEW_STATEMENTS);
    all.push(requests::MOMENT_STATEMENTS);
    all.push(requests::HANDED_STATEMENTS);
    all.push(requests::UNTIL_STATEMENTS);
    all.push(notices::STATEMENTS);
    all.push(config::STATEMENTS);
    all
}

/// Every background task of every room: one line each.
pub fn tasks() -> Vec<Arc<dyn tasks::Task>> {
    let mut all: Vec<Arc<dyn tasks::Task>> = vec![Arc::new(http::Forget)];
    all.extend(outbox::tasks(vec![requests::sink(), notices::sink()]));
    all.extend(directory::tasks());
    all.extend(grants::tasks());
    all.extend(objects::tasks());
    all.extend(notices::tasks());
    all.extend(requests::tasks());
    all
}

/// The whole program as an axum router.
pub fn router(app: cx::App) -> axum::Router {
    routes::router(app)
}
