#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use async_trait::async_trait;
use stint_domain::Time;
use tokio::task::yield_now;

use super::*;

/// The product's clock, which stands still in these tests.
struct Still;

impl Clock for Still {
    fn now(&self) -> Time {
        Time::from_micros(1_000_000)
    }
}

struct Moved(Mutex<Time>);

impl Clock for Moved {
    fn now(&self) -> Time {
        *self.0.lock().unwrap()
    }
}

/// A pacing clock that jumps to the end of every wait.
#[derive(Default)]
struct Jumping(Mutex<Duration>);

#[async_trait]
impl Pace for Jumping {
    fn now(&self) -> Duration {
        *self.0.lock().unwrap()
    }

    async fn wait(&self, length: Duration) {
        // Let everybody who can go, go first.
        for _ in 0..20 {
            yield_now().await;
        }
        *self.0.lock().unwrap() += length;
    }
}

/// A pacing clock that only the test moves.
#[derive(Default)]
struct Stopped(Mutex<Duration>, Notify);

impl Stopped {
    fn advance(&self, by: Duration) {
        *self.0.lock().unwrap() += by;
        self.1.notify_waiters();
    }
}

#[async_trait]
impl Pace for Stopped {
    fn now(&self) -> Duration {
        *self.0.lock().unwrap()
    }

    async fn wait(&self, length: Duration) {
        let until = self.now() + length;
        while self.now() < until {
            let moved = self.1.notified();
            if self.now() < until {
                moved.await;
            }
        }
    }
}

fn governor(pace: Arc<dyn Pace>, limit: Limit) -> Governor {
    let limits = Limits {
        identity_center: limit,
        ..Limits::default()
    };
    let options = GovernorOptions {
        limits,
        pace,
        ..GovernorOptions::default()
    };
    Governor::new(options, Arc::new(Still))
}

fn read(lane: Lane) -> Ask<'static> {
    Ask {
        scope: "con_1",
        lane,
        service: Service::IdentityCenter,
        account: None,
    }
}

fn write(lane: Lane, account: &'static str) -> Ask<'static> {
    Ask {
        account: Some(account),
        ..read(lane)
    }
}

const TEN_A_SECOND: Limit = Limit {
    per_second: 10.0,
    burst: 10.0,
    concurrent: 100,
};

#[tokio::test]
async fn calls_leave_no_faster_than_the_limit() {
    let pace = Arc::new(Jumping::default());
    let governor = governor(pace.clone(), TEN_A_SECOND);
    for _ in 0..110 {
        drop(governor.admit(read(Lane::Revoke)).await.unwrap());
    }
    let took = pace.now().as_secs_f64();
    assert!(
        (9.9..11.0).contains(&took),
        "ten at once, a hundred at ten a second: {took} s"
    );
    assert_eq!(
        governor.counts(),
        [Count {
            service: Service::IdentityCenter,
            lane: Lane::Revoke,
            calls: 110
        }]
    );
}

#[tokio::test]
async fn an_unlimited_governor_counts_and_never_waits() {
    let governor = Governor::unlimited(Arc::new(Still));
    for _ in 0..10_000 {
        drop(governor.admit(read(Lane::Sync)).await.unwrap());
    }
    assert_eq!(governor.counts()[0].calls, 10_000);
}

#[tokio::test]
async fn who_is_more_urgent_goes_first_however_late_it_came() {
    let pace = Arc::new(Stopped::default());
    let governor = governor(pace.clone(), TEN_A_SECOND);
    // Used up.
    for _ in 0..10 {
        drop(governor.admit(read(Lane::Revoke)).await.unwrap());
    }
    let order = Arc::new(Mutex::new(Vec::new()));
    let mut waiting = Vec::new();
    for lane in [Lane::Sync, Lane::Interactive, Lane::Provision, Lane::Revoke] {
        let (governor, order) = (governor.clone(), order.clone());
        waiting.push(tokio::spawn(async move {
            let permit = governor.admit(read(lane)).await.unwrap();
            order.lock().unwrap().push(lane);
            drop(permit);
        }));
        yield_now().await;
    }
    for _ in 0..40 {
        pace.advance(Duration::from_millis(50));
        for _ in 0..20 {
            yield_now().await;
        }
    }
    for task in waiting {
        task.await.unwrap();
    }
    assert_eq!(*order.lock().unwrap(), Lane::ALL);
}

#[tokio::test]
async fn a_share_is_kept_for_the_urgent() {
    let pace = Arc::new(Stopped::default());
    let governor = governor(pace.clone(), TEN_A_SECOND);
    // A sync takes what it may.
    let mut taken = 0;
    loop {
        let admitted = tokio::select! {
            biased;
            permit = governor.admit(read(Lane::Sync)) => { drop(permit.unwrap()); true }
            () = yield_now() => false,
        };
        if !admitted {
            break;
        }
        taken += 1;
    }
    assert_eq!(taken, 7, "ten, less the share of three more urgent lanes");
    // A revocation goes at once all the same.
    drop(governor.admit(read(Lane::Revoke)).await.unwrap());
}

#[tokio::test]
async fn no_more_calls_at_once_than_allowed() {
    let pace = Arc::new(Stopped::default());
    let governor = governor(
        pace,
        Limit {
            concurrent: 2,
            ..TEN_A_SECOND
        },
    );
    let first = governor.admit(read(Lane::Sync)).await.unwrap();
    let _second = governor.admit(read(Lane::Sync)).await.unwrap();
    let third = tokio::spawn({
        let governor = governor.clone();
        async move { drop(governor.admit(read(Lane::Revoke)).await.unwrap()) }
    });
    for _ in 0..20 {
        yield_now().await;
    }
    assert!(!third.is_finished());
    drop(first);
    third.await.unwrap();
}

#[tokio::test]
async fn throttling_slows_everybody_down_and_passes() {
    let pace = Arc::new(Jumping::default());
    let governor = governor(pace.clone(), TEN_A_SECOND);
    let permit = governor.admit(read(Lane::Revoke)).await.unwrap();
    permit.throttled(Some(Span::seconds(3)));
    drop(permit);
    let before = pace.now();
    drop(governor.admit(read(Lane::Revoke)).await.unwrap());
    assert!(
        pace.now() - before >= Duration::from_secs(3),
        "AWS asked for three seconds"
    );
    // After enough calls the full pace is back: ten a second.
    for _ in 0..60 {
        drop(governor.admit(read(Lane::Revoke)).await.unwrap());
    }
    let before = pace.now();
    for _ in 0..20 {
        drop(governor.admit(read(Lane::Revoke)).await.unwrap());
    }
    let took = (pace.now() - before).as_secs_f64();
    assert!((1.9..2.1).contains(&took), "{took} s");
}

#[tokio::test]
async fn one_open_write_per_account_until_its_status_is_final() {
    let governor = Governor::unlimited(Arc::new(Still));
    let permit = governor
        .admit(write(Lane::Provision, "111111111111"))
        .await
        .unwrap();
    assert_eq!(
        governor
            .admit(write(Lane::Provision, "111111111111"))
            .await
            .err(),
        Some(Held::AccountBusy)
    );
    permit.accepted("req-1").await;
    assert_eq!(
        governor
            .admit(write(Lane::Provision, "111111111111"))
            .await
            .err(),
        Some(Held::AccountBusy)
    );
    // Another account is free, and so is another estate.
    governor
        .admit(write(Lane::Provision, "222222222222"))
        .await
        .unwrap()
        .ended()
        .await;
    let elsewhere = Ask {
        scope: "con_2",
        ..write(Lane::Provision, "111111111111")
    };
    governor.admit(elsewhere).await.unwrap().ended().await;
    governor.finished("con_1", "req-1").await;
    governor
        .admit(write(Lane::Provision, "111111111111"))
        .await
        .unwrap()
        .ended()
        .await;
    // A write that ended at once frees the account too.
    governor
        .admit(write(Lane::Provision, "111111111111"))
        .await
        .unwrap()
        .ended()
        .await;
}

#[tokio::test]
async fn a_revocation_that_was_held_is_next() {
    let governor = Governor::unlimited(Arc::new(Still));
    let open = governor
        .admit(write(Lane::Provision, "111111111111"))
        .await
        .unwrap();
    assert!(
        governor
            .admit(write(Lane::Revoke, "111111111111"))
            .await
            .is_err()
    );
    open.ended().await;
    assert!(
        governor
            .admit(write(Lane::Provision, "111111111111"))
            .await
            .is_err()
    );
    governor
        .admit(write(Lane::Revoke, "111111111111"))
        .await
        .unwrap()
        .ended()
        .await;
    governor
        .admit(write(Lane::Provision, "111111111111"))
        .await
        .unwrap()
        .ended()
        .await;
}

#[tokio::test]
async fn ten_open_writes_of_which_two_are_for_revocations() {
    const ACCOUNTS: [&str; 11] = [
        "100000000001",
        "100000000002",
        "100000000003",
        "100000000004",
        "100000000005",
        "100000000006",
        "100000000007",
        "100000000008",
        "100000000009",
        "100000000010",
        "100000000011",
    ];
    let governor = Governor::unlimited(Arc::new(Still));
    for account in &ACCOUNTS[..8] {
        governor
            .admit(write(Lane::Provision, account))
            .await
            .unwrap()
            .accepted(account)
            .await;
    }
    assert_eq!(
        governor
            .admit(write(Lane::Provision, ACCOUNTS[8]))
            .await
            .err(),
        Some(Held::WritesOutstanding)
    );
    for account in &ACCOUNTS[8..10] {
        governor
            .admit(write(Lane::Revoke, account))
            .await
            .unwrap()
            .accepted(account)
            .await;
    }
    assert_eq!(
        governor
            .admit(write(Lane::Revoke, ACCOUNTS[10]))
            .await
            .err(),
        Some(Held::WritesOutstanding)
    );
}

#[tokio::test]
async fn a_write_nobody_polls_is_forgotten_in_time() {
    let clock = Arc::new(Moved(Mutex::new(Time::from_micros(0))));
    let governor = Governor::unlimited(clock.clone());
    let permit = governor
        .admit(write(Lane::Provision, "111111111111"))
        .await
        .unwrap();
    permit.accepted("req-1").await;
    *clock.0.lock().unwrap() = Time::from_micros(0) + Span::minutes(9);
    assert!(
        governor
            .admit(write(Lane::Revoke, "111111111111"))
            .await
            .is_err()
    );
    *clock.0.lock().unwrap() = Time::from_micros(0) + Span::minutes(11);
    assert!(
        governor
            .admit(write(Lane::Revoke, "111111111111"))
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn an_abandoned_wait_leaves_the_line() {
    let pace = Arc::new(Stopped::default());
    let governor = governor(
        pace.clone(),
        Limit {
            concurrent: 1,
            ..TEN_A_SECOND
        },
    );
    let open = governor.admit(read(Lane::Sync)).await.unwrap();
    let waiting = tokio::spawn({
        let governor = governor.clone();
        async move { drop(governor.admit(read(Lane::Revoke)).await.unwrap()) }
    });
    for _ in 0..20 {
        yield_now().await;
    }
    waiting.abort();
    assert!(waiting.await.is_err());
    drop(open);
    drop(governor.admit(read(Lane::Sync)).await.unwrap());
}
