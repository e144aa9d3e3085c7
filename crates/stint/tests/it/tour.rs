//! The tour ends with an error that names the step as soon as a claim does not come true.

use std::pin::Pin;

use stint::demo::{Between, Stage, Stopped, Tour};
use stint_aws_sim::{Effect, Fault, Party};

fn silent(_: &str) -> std::io::Result<()> {
    Ok(())
}

/// Something done to the world.
type Act = for<'a> fn(&'a Stage) -> Pin<Box<dyn Future<Output = anyhow::Result<()>> + Send + 'a>>;

/// Does something to the world before the step of that name.
fn before(wanted: &'static str, act: Act) -> Option<Between> {
    Some(Box::new(move |step, stage| {
        if step == wanted {
            act(stage)
        } else {
            Box::pin(async { Ok(()) })
        }
    }))
}

async fn stopped(tour: Tour) -> Stopped {
    match tour.walk().await {
        Ok(()) => Stopped {
            step: "nowhere",
            why: anyhow::anyhow!("the tour went through"),
        },
        Err(stopped) => stopped,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tour_goes_through() {
    let tour = Tour {
        worker: true,
        before: None,
        database: None,
        print: silent,
    };
    tour.walk().await.expect("every step is seen in AWS");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_worker_nothing_is_done_in_aws() {
    let stopped = stopped(Tour {
        worker: false,
        before: None,
        database: None,
        print: silent,
    })
    .await;
    assert_eq!(stopped.step, "the assignment exists", "{stopped}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_aws_that_ignores_deletes_is_noticed() {
    fn ignore(stage: &Stage) -> Pin<Box<dyn Future<Output = anyhow::Result<()>> + Send + '_>> {
        let fault = Fault::on("sso:DeleteAccountAssignment").by(Party::Stint);
        stage.sim.faults().add(fault, Effect::IgnoreDelete);
        Box::pin(async { Ok(()) })
    }
    let stopped = stopped(Tour {
        worker: true,
        before: before("connect", ignore),
        database: None,
        print: silent,
    })
    .await;
    assert_eq!(stopped.step, "the assignment is gone", "{stopped}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_audit_row_is_noticed() {
    fn forge(stage: &Stage) -> Pin<Box<dyn Future<Output = anyhow::Result<()>> + Send + '_>> {
        Box::pin(async move {
            use sqlx::Connection as _;
            let url = format!("sqlite://{}", stage.database.display());
            let mut raw = sqlx::SqliteConnection::connect(&url).await?;
            let done = sqlx::query("update audit_events set body = replace(body, 'Bo Lindqvist', 'Ana Moreno') where seq = 30")
                .execute(&mut raw)
                .await?;
            anyhow::ensure!(done.rows_affected() == 1, "there is no event 30");
            let forged = sqlx::query("update audit_events set body = body || ' ' where seq = 30")
                .execute(&mut raw)
                .await?;
            anyhow::ensure!(forged.rows_affected() == 1, "there is no event 30");
            Ok(())
        })
    }
    let stopped = stopped(Tour {
        worker: true,
        before: before("verify the audit log", forge),
        database: None,
        print: silent,
    })
    .await;
    assert_eq!(stopped.step, "verify the audit log", "{stopped}");
    assert!(
        stopped.to_string().contains("30"),
        "the event is named: {stopped}"
    );
}
