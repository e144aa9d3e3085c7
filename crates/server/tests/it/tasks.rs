//! Background work: rounds, failures, nudges, the driver.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use stint_domain::Span;
use stint_server::cx::App;
use stint_server::tasks::{Driver, NotSettled, Ran, Task, TaskError, run_until_idle};
use stint_testkit::World;
use tokio::sync::Notify;

/// Counts its rounds, works while told so, fails while told so.
#[derive(Default)]
struct Probe {
    rounds: AtomicU64,
    work: AtomicU64,
    fail: AtomicBool,
    panic: AtomicBool,
    ran: Notify,
}

struct Shared(Arc<Probe>);

#[async_trait::async_trait]
impl Task for Shared {
    fn name(&self) -> &'static str {
        "test.probe"
    }

    fn period(&self) -> Span {
        Span::hours(1)
    }

    async fn run(&self, app: &App) -> Result<Ran, TaskError> {
        let probe = &self.0;
        probe.rounds.fetch_add(1, Ordering::SeqCst);
        probe.ran.notify_one();
        assert!(!probe.panic.swap(false, Ordering::SeqCst), "boom");
        if probe.fail.load(Ordering::SeqCst) {
            return Err("it was told to".into());
        }
        let left = probe
            .work
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
        let ran = if left.is_ok() {
            Ran::worked()
        } else {
            Ran::idle()
        };
        Ok(ran.due(Some(app.clock.now() + Span::minutes(5))))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rounds_go_on_until_nothing_worked_and_say_what_falls_due() {
    let mut world = World::new_sqlite().await;
    let probe = Arc::new(Probe {
        work: AtomicU64::new(3),
        ..Probe::default()
    });
    let tasks: Vec<Arc<dyn Task>> = vec![Arc::new(Shared(Arc::clone(&probe)))];
    let due = run_until_idle(world.app(), &tasks).await.unwrap();
    assert_eq!(due, Some(world.now() + Span::minutes(5)));
    assert_eq!(probe.rounds.load(Ordering::SeqCst), 4);
    probe.fail.store(true, Ordering::SeqCst);
    let error = run_until_idle(world.app(), &tasks).await.unwrap_err();
    assert!(matches!(
        error,
        NotSettled::Failed {
            task: "test.probe",
            ..
        }
    ));
    let status = world.app().status.all()["test.probe"].clone();
    assert_eq!((status.runs, status.failures, status.failing), (5, 1, true));
    assert_eq!(status.last_failure.unwrap().1, "it was told to");
    probe.fail.store(false, Ordering::SeqCst);
    probe.work.store(u64::MAX, Ordering::SeqCst);
    let error = run_until_idle(world.app(), &tasks).await.unwrap_err();
    assert!(matches!(
        error,
        NotSettled::Restless {
            task: "test.probe",
            ..
        }
    ));
    world.expect_failures();
}

#[tokio::test(flavor = "multi_thread")]
#[should_panic(expected = "task test.probe failed 1 times, last: it was told to")]
async fn a_failed_task_fails_its_world() {
    let world = World::new_sqlite().await;
    let probe = Arc::new(Probe {
        fail: AtomicBool::new(true),
        ..Probe::default()
    });
    let _ = run_until_idle(world.app(), &[Arc::new(Shared(probe)) as Arc<dyn Task>]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_driver_runs_at_once_when_nudged_and_stops() {
    let world = World::new_sqlite().await;
    let probe = Arc::new(Probe::default());
    let driver = Driver::start(world.app(), vec![Arc::new(Shared(Arc::clone(&probe)))]);
    probe.ran.notified().await;
    world.app().nudge("test.probe");
    probe.ran.notified().await;
    world.app().nudge("test.other");
    world.app().nudges.nudge_all();
    probe.ran.notified().await;
    assert!(driver.stop(std::time::Duration::from_secs(20)).await);
    assert_eq!(probe.rounds.load(Ordering::SeqCst), 3);
    world.app().nudge("test.probe");
    assert_eq!(
        probe.rounds.load(Ordering::SeqCst),
        3,
        "nobody runs it any more"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_panics_has_failed_and_goes_on() {
    let mut world = World::new_sqlite().await;
    let probe = Arc::new(Probe {
        panic: AtomicBool::new(true),
        ..Probe::default()
    });
    let driver = Driver::start(world.app(), vec![Arc::new(Shared(Arc::clone(&probe)))]);
    probe.ran.notified().await;
    world.app().nudge("test.probe");
    probe.ran.notified().await;
    assert!(driver.stop(std::time::Duration::from_secs(20)).await);
    let status = world.app().status.all()["test.probe"].clone();
    assert_eq!(
        (status.runs, status.failures, status.failing),
        (2, 1, false)
    );
    assert_eq!(
        status.last_failure.expect("a failure").1,
        "it panicked: boom"
    );
    world.expect_failures();
}
