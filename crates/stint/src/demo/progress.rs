//! A sync with its progress in the terminal.

use anyhow::{Context as _, Result};
use stint_domain::ConnectionId;
use stint_server::cx::Cx;
use stint_server::directory::{self, SyncRun};
use stint_server::http::Paging;

use super::stage::Stage;

/// Syncs, printing a line whenever another list is read, and answers with what was seen.
pub(crate) async fn sync(
    stage: &Stage,
    cx: &Cx,
    connection: ConnectionId,
    print: fn(&str) -> std::io::Result<()>,
) -> Result<String> {
    let reading = directory::sync(cx, connection);
    tokio::pin!(reading);
    let mut shown = String::new();
    let run = loop {
        tokio::select! {
            run = &mut reading => break run.context("the sync")?,
            () = pause() => {
                let runs = directory::sync_runs(cx, connection, None, &Paging::default()).await?;
                if let Some(run) = runs.items.first().filter(|run| run.phase != shown) {
                    print(&format!("       {}", bar(run))).context("printing")?;
                    shown.clone_from(&run.phase);
                }
            }
        }
    };
    stage.settle().await?;
    Ok(format!(
        "Synced: {} holdings of accounts, permission sets, users and groups in {} calls",
        run.seen, run.calls
    ))
}

/// `[#####·····] users, 100 read, 12 calls`
fn bar(run: &SyncRun) -> String {
    const WIDTH: i64 = 20;
    let filled = if run.expected > 0 {
        (run.done.saturating_mul(WIDTH) / run.expected).clamp(0, WIDTH)
    } else {
        0
    };
    let part = |n: i64, c: &str| c.repeat(usize::try_from(n).unwrap_or(0));
    format!(
        "[{}{}] {}, {} of {}, {} calls",
        part(filled, "#"),
        part(WIDTH - filled, "·"),
        run.phase,
        run.done,
        run.expected,
        run.calls
    )
}

#[expect(
    clippy::disallowed_methods,
    reason = "how often a terminal is painted is no moment anybody decides by"
)]
async fn pause() {
    tokio::time::sleep(std::time::Duration::from_millis(60)).await;
}
