//! Calls each second: pages of a hundred assignments, and writes, over loopback from a second
//! process and in this one. Signatures are verified and IAM is enforced, with no more than the
//! connector's own permissions.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use axum::body::to_bytes;
use bytes::Bytes;
use serde_json::{Value, json};
use stint_aws_sim::{AssignmentRow, EstateSpec, Facts, Knobs, Settle, Sim, SimClock, SimOptions};
use tower::ServiceExt;

use crate::load::{CONNECTIONS, For, from_outside};
use crate::server::{constant, serve_constant, simulated};
use crate::signed::Signed;
use crate::{figure, now};

/// Two hundred assignments for each pair of account and permission set, on average.
const ESTATE: EstateSpec = EstateSpec {
    seed: 1,
    accounts: 21,
    permission_sets: 10,
    users: 2_000,
    groups: 50,
    memberships: 4_000,
    assignments: 40_000,
    iam_users: 0,
    iam_groups: 0,
    iam_roles: 0,
    iam_memberships: 0,
};

/// Writes of a round: an assignment is removed and made again.
const WRITES: usize = 320 * CONNECTIONS;

/// Calls in this process for each second over loopback.
const IN_PROCESS: usize = 4_000;

pub(crate) fn measure(rounds: u32, seconds: u64) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(of_all(rounds, seconds))
}

async fn of_all(rounds: u32, seconds: u64) -> Result<()> {
    eprintln!("calls: an estate of {} assignments", ESTATE.assignments);
    let sim = Sim::new(SimOptions {
        estate: ESTATE,
        clock: SimClock::wall_plus_offset(),
        knobs: Knobs {
            // A write ends within its call: how many are under way is no limit.
            settle: Settle {
                polls: 0,
                micros: 0,
            },
            ..Knobs::default()
        },
    })?;
    let address = simulated(&sim).await?;
    let asked = Asked::of(&sim, &address)?;
    let page = answer(&sim, &asked.lists[0]).await?;
    let many = serde_json::from_slice::<Value>(&page)?["AccountAssignments"]
        .as_array()
        .map_or(0, Vec::len);
    ensure!(many == 100, "a full page: {many}");
    let mut written = Bytes::new();
    for write in asked.writes(&sim, 2, &address)? {
        written = answer(&sim, &write).await?;
    }
    let of_pages = serve_constant(page.clone()).await?;
    let of_writes = serve_constant(written.clone()).await?;

    let mut sums: BTreeMap<(&str, &str), [f64; 2]> = BTreeMap::new();
    let mut add = |case, figure, value: f64, against: f64| {
        let sum = sums.entry((case, figure)).or_default();
        sum[0] += value;
        sum[1] += against;
    };
    // The first round warms up and does not count.
    for round in 0..=rounds {
        eprintln!("calls: round {round} of {rounds}");
        let time = For::Seconds(if round == 0 { 1 } else { seconds });
        let outside = async |to: &str, what: &[Signed], time| {
            let (to, what) = (to.to_owned(), what.to_vec());
            tokio::task::spawn_blocking(move || from_outside(&to, &what, time)).await?
        };
        let lists = outside(&address, &asked.lists, time).await?;
        let bare_lists = outside(&of_pages, &asked.lists, time).await?;
        let list = asked.writes(&sim, WRITES, &address)?;
        let writes = outside(&address, &list, For::OnceEach).await?;
        let bare_writes = outside(&of_writes, &list, For::OnceEach).await?;
        let many = IN_PROCESS * usize::try_from(seconds)?;
        let inside_lists = inside(sim.router(), &asked.lists, many).await?;
        let inside_bare = inside(constant(page.clone()), &asked.lists, many).await?;
        let list = asked.writes(&sim, WRITES, &address)?;
        let inside_writes = inside(sim.router(), &list, WRITES).await?;
        let inside_bare_writes = inside(constant(written.clone()), &list, WRITES).await?;
        if round > 0 {
            add("loopback", "list_calls_per_s", lists, bare_lists);
            add("loopback", "write_calls_per_s", writes, bare_writes);
            add("in_process", "list_calls_per_s", inside_lists, inside_bare);
            add(
                "in_process",
                "write_calls_per_s",
                inside_writes,
                inside_bare_writes,
            );
        }
    }
    let rounds = f64::from(rounds);
    for ((case, name), [value, against]) in sums {
        figure(case, name, value / rounds, "1/s", against / rounds);
    }
    ensure!(
        sim.assignments().len() == ESTATE.assignments as usize,
        "what was removed was made again"
    );
    Ok(())
}

/// What is sent.
struct Asked {
    facts: Facts,
    rows: Vec<AssignmentRow>,
    lists: Vec<Signed>,
}

impl Asked {
    fn of(sim: &Sim, address: &str) -> Result<Asked> {
        let (facts, rows) = (sim.facts(), sim.assignments());
        let mut pairs: BTreeMap<(&str, &str), usize> = BTreeMap::new();
        for row in &rows {
            let pair = (row.account_id.as_str(), row.permission_set_arn.as_str());
            *pairs.entry(pair).or_default() += 1;
        }
        let full = pairs.into_iter().filter(|(_, many)| *many >= 100);
        let date = date(sim)?;
        let lists: Vec<Signed> = full
            .map(|((account, set), _)| {
                let input = json!({
                    "InstanceArn": facts.instance_arn,
                    "AccountId": account,
                    "PermissionSetArn": set,
                    "MaxResults": 100,
                });
                let keys = &facts.connector_user;
                Signed::of(keys, address, &date, "ListAccountAssignments", &input)
            })
            .collect();
        ensure!(lists.len() >= 100, "enough pages are full: {}", lists.len());
        Ok(Asked { facts, rows, lists })
    }

    /// So many writes: rows are removed, and then made again.
    fn writes(&self, sim: &Sim, many: usize, address: &str) -> Result<Vec<Signed>> {
        let rows = many / 2;
        ensure!(rows <= self.rows.len(), "rows to write");
        // On every connection a row goes before it comes: one takes every n-th of all, and n divides
        // the half.
        let mut all = Vec::new();
        let date = date(sim)?;
        for operation in ["DeleteAccountAssignment", "CreateAccountAssignment"] {
            for row in &self.rows[..rows] {
                let input = json!({
                    "InstanceArn": self.facts.instance_arn,
                    "TargetId": row.account_id,
                    "TargetType": "AWS_ACCOUNT",
                    "PermissionSetArn": row.permission_set_arn,
                    "PrincipalType": row.principal_type,
                    "PrincipalId": row.principal_id,
                });
                let keys = &self.facts.connector_user;
                all.push(Signed::of(keys, address, &date, operation, &input));
            }
        }
        Ok(all)
    }
}

/// Now, as signatures say it.
fn date(sim: &Sim) -> Result<String> {
    let now = jiff::Timestamp::from_microsecond(sim.clock().now_micros())?;
    Ok(now.strftime("%Y%m%dT%H%M%SZ").to_string())
}

/// What one call is answered with.
async fn answer(sim: &Sim, signed: &Signed) -> Result<Bytes> {
    let answer = sim.router().oneshot(signed.request()).await?;
    let status = answer.status();
    let body = to_bytes(answer.into_body(), usize::MAX).await?;
    ensure!(
        status == 200,
        "{status}: {}",
        String::from_utf8_lossy(&body)
    );
    Ok(body)
}

/// Has one thread of this process ask a router so many times; how many were answered each second.
async fn inside(router: axum::Router, what: &[Signed], many: usize) -> Result<f64> {
    let requests: Vec<_> = (0..many).map(|n| what[n % what.len()].request()).collect();
    let began = now();
    for request in requests {
        let answer = router.clone().oneshot(request).await?;
        ensure!(answer.status() == 200, "{}", answer.status());
        to_bytes(answer.into_body(), usize::MAX)
            .await
            .context("a whole answer")?;
    }
    #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
    let many = many as f64;
    Ok(many / began.elapsed().as_secs_f64())
}
