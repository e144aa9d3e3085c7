//! The baseline: what a transaction costs that does nothing but write one audit event.
//!
//! Every change Stint makes takes the head of the audit chain and holds it until its commit,
//! so this is the most any verb can reach on this database and this disk.

use serde_json::json;
use stint_db::{Priority, retrying};
use stint_domain::UserId;
use stint_server::cx::Cx;
use stint_testkit::World;

use crate::said::seconds;

/// How long `count` bare audited transactions of `callers` at once take, in seconds.
pub(crate) async fn audited(world: &World, callers: usize, count: usize) -> f64 {
    let cx = world.cx("cy");
    let about = world.person("cy").id;
    seconds(callers, (0..count).collect(), move |number| {
        let cx = cx.clone();
        async move {
            retrying(|| once(&cx, about, number))
                .await
                .expect("an event is written");
        }
    })
    .await
}

async fn once(cx: &Cx, about: UserId, number: usize) -> stint_db::Result<()> {
    let mut tx = cx.begin(Priority::Interactive).await?;
    let facts = json!({ "number": number });
    tx.audit(cx.event("bench.nothing", [about.into()], facts));
    tx.commit().await
}
