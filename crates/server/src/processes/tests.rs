#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::sync::atomic::{AtomicI64, Ordering as Order};

use stint_aws::{BudgetStore as _, Held, Lane, OpenWrite, WriteRules};
use stint_domain::{Clock, Time};

use super::*;
use crate::identity::tests::fixture::Room;

fn write(scope: &str, account: &str, holder: &str, lane: Lane, now: Time) -> OpenWrite {
    OpenWrite {
        scope: scope.to_owned(),
        account: account.to_owned(),
        holder: holder.to_owned(),
        lane,
        until: now + Span::seconds(60),
    }
}

fn rules(now: Time) -> WriteRules {
    WriteRules {
        outstanding: 3,
        reserved_for_revoke: 1,
        now,
    }
}

/// Two processes on one database.
async fn two(room: &Room) -> [SharedBudget; 2] {
    let one = |_| {
        SharedBudget::new(
            room.app.db.clone(),
            Processes::new(room.app.new_id::<Uuid>()),
        )
    };
    [one(0), one(1)]
}

#[tokio::test]
async fn two_processes_never_have_two_writes_on_one_account() {
    let room = Room::new().await;
    let [a, b] = two(&room).await;
    let now = room.app.clock.now();
    let rules = rules(now);
    // Both name their calls alike: a process must not free the other's slot.
    let first = write("con", "111111111111", "call-1", Lane::Provision, now);
    let other = write("con", "222222222222", "call-1", Lane::Provision, now);
    assert_eq!(a.open_write(&first, rules).await, Ok(()));
    assert_eq!(b.open_write(&first, rules).await, Err(Held::AccountBusy));
    assert_eq!(b.open_write(&other, rules).await, Ok(()));
    b.close_write("con", "call-1").await;
    assert_eq!(b.open_write(&first, rules).await, Err(Held::AccountBusy));
    // AWS's id frees it, whoever asks.
    let until = now + Span::minutes(10);
    a.accepted("con", "call-1", "request-1", until).await;
    b.close_write("con", "request-1").await;
    assert_eq!(b.open_write(&first, rules).await, Ok(()));
    // Another estate is none of its business.
    let elsewhere = write("con2", "111111111111", "call-9", Lane::Provision, now);
    assert_eq!(a.open_write(&elsewhere, rules).await, Ok(()));
}

#[tokio::test]
async fn the_estate_has_so_many_slots_and_one_is_for_revocations() {
    let room = Room::new().await;
    let [a, b] = two(&room).await;
    let now = room.app.clock.now();
    let account = |n: u32| format!("{n:012}");
    for (n, budget) in [(1, &a), (2, &b)] {
        let open = write("con", &account(n), "call-1", Lane::Provision, now);
        assert_eq!(budget.open_write(&open, rules(now)).await, Ok(()));
    }
    let third = write("con", &account(3), "call-2", Lane::Provision, now);
    assert_eq!(
        a.open_write(&third, rules(now)).await,
        Err(Held::WritesOutstanding)
    );
    let revoke = write("con", &account(3), "call-3", Lane::Revoke, now);
    assert_eq!(b.open_write(&revoke, rules(now)).await, Ok(()));
    let fourth = write("con", &account(4), "call-4", Lane::Revoke, now);
    assert_eq!(
        a.open_write(&fourth, rules(now)).await,
        Err(Held::WritesOutstanding)
    );
    // What a dead process held lapses.
    let later = now + Span::seconds(61);
    assert_eq!(a.open_write(&fourth, rules(later)).await, Ok(()));
}

#[tokio::test]
async fn a_revocation_that_was_refused_is_next_whatever_process_it_is_of() {
    let room = Room::new().await;
    let [a, b] = two(&room).await;
    let now = room.app.clock.now();
    let on = |holder, lane| write("con", "111111111111", holder, lane, now);
    assert_eq!(
        a.open_write(&on("call-1", Lane::Provision), rules(now))
            .await,
        Ok(())
    );
    let busy = Err(Held::AccountBusy);
    assert_eq!(
        b.open_write(&on("call-1", Lane::Revoke), rules(now)).await,
        busy
    );
    a.close_write("con", "call-1").await;
    assert_eq!(
        a.open_write(&on("call-2", Lane::Provision), rules(now))
            .await,
        busy
    );
    assert_eq!(
        b.open_write(&on("call-2", Lane::Revoke), rules(now)).await,
        Ok(())
    );
    b.close_write("con", "call-2").await;
    assert_eq!(
        a.open_write(&on("call-3", Lane::Provision), rules(now))
            .await,
        Ok(())
    );
}

#[tokio::test]
async fn of_many_at_once_no_more_get_a_slot_than_there_are() {
    let room = Room::new().await;
    let [a, b] = two(&room).await;
    let budgets = [Arc::new(a), Arc::new(b)];
    let now = room.app.clock.now();
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..12_u32 {
        let budget = Arc::clone(&budgets[n as usize % 2]);
        tasks.spawn(async move {
            let open = write(
                "con",
                &format!("{n:012}"),
                &format!("call-{n}"),
                Lane::Provision,
                now,
            );
            budget.open_write(&open, rules(now)).await.is_ok()
        });
    }
    let mut got = 0;
    while let Some(done) = tasks.join_next().await {
        got += usize::from(done.unwrap());
    }
    assert_eq!(got, 2, "three slots, one of them for revocations");
}

#[tokio::test]
async fn the_rates_are_divided_by_those_who_are_there() {
    let room = Room::new().await;
    let mut other = room.app.clone();
    other.processes = Processes::new(room.app.new_id::<Uuid>());
    beat(&room.app).await.unwrap();
    assert_eq!(room.app.processes.count(), 1);
    beat(&other).await.unwrap();
    beat(&room.app).await.unwrap();
    assert_eq!(
        (room.app.processes.count(), other.processes.count()),
        (2, 2)
    );
    let budget = SharedBudget::new(room.app.db.clone(), room.app.processes.clone());
    let whole = stint_aws::Limit {
        per_second: 18.0,
        burst: 20.0,
        concurrent: 10,
    };
    let half = budget
        .share("con", stint_aws::Service::IdentityCenter, whole)
        .await;
    assert_eq!(
        (half.per_second, half.burst, half.concurrent),
        (9.0, 10.0, 5)
    );
    leave(&other).await.unwrap();
    beat(&room.app).await.unwrap();
    assert_eq!(room.app.processes.count(), 1);
    // One that died without a word is gone after a while.
    beat(&other).await.unwrap();
    room.clock.forward(ALIVE + Span::seconds(1));
    beat(&room.app).await.unwrap();
    assert_eq!(room.app.processes.count(), 1);
}

struct Hand(AtomicI64);

impl Clock for Hand {
    fn now(&self) -> Time {
        Time::from_micros(self.0.load(Order::SeqCst))
    }
}

#[tokio::test]
async fn the_databases_clock_is_the_clock_and_a_large_difference_is_an_alarm() {
    let room = Room::new().await;
    let hand = |micros| Arc::new(Hand(AtomicI64::new(micros)));
    // An hour behind the year 2026, wherever the database is.
    let there = measure(&room.app.db, hand(0).as_ref())
        .await
        .unwrap()
        .offset;
    let local = hand(there.as_micros() - Span::hours(1).as_micros());
    let measured = measure(&room.app.db, local.as_ref()).await.unwrap();
    let apart = Span::micros(measured.offset.as_micros() - Span::hours(1).as_micros());
    assert!(apart.as_micros().abs() < 60_000_000, "{measured:?}");
    let clock = DatabaseClock::new(local.clone(), measured);
    assert_eq!(clock.now(), local.now() + measured.offset);

    let trust = Trust::default();
    assert_eq!(trust.paused(), None);
    trust.judge(measured);
    assert!(trust.paused().expect("an alarm") > Span::minutes(59));
    let agreed = Measured {
        offset: Span::seconds(-3),
        within: Span::millis(1),
    };
    trust.judge(agreed);
    assert_eq!(trust.paused(), None);
    // What the question took is nobody's disagreement.
    let slow = Measured {
        offset: Span::seconds(-14),
        within: Span::seconds(5),
    };
    trust.judge(slow);
    assert_eq!(trust.paused(), None);
    trust.judge(Measured {
        within: Span::seconds(1),
        ..slow
    });
    assert_eq!(trust.paused(), Some(Span::seconds(14)));
}
