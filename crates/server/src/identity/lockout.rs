//! When a person may try a password: ten tries are free, then each failure doubles the wait.
//!
//! A try is counted *before* the password is looked at and forgiven when it was right, so
//! that a hundred tries at once are no more than ten. Signing in is counted by address typed,
//! whether somebody has it or not: being locked out says nothing about who exists. What somebody
//! who is signed in gives of their own password is counted by user, apart from that: nobody who is
//! not can keep them from giving it. Times are of the wall clock.

use stint_domain::{Span, Time, UserId};

/// Failures after which one has to wait.
pub(crate) const FREE: i64 = 10;
/// How long after the last try the count begins anew.
pub(crate) const FORGET_AFTER: Span = Span::hours(24);

const FIRST_WAIT: Span = Span::minutes(1);
const LONGEST_WAIT: Span = Span::hours(1);

/// What tries are counted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tries<'a> {
    /// Signing in with this address.
    SignIn(&'a str),
    /// Giving one's own password while one is signed in: again, or to change it.
    Own(UserId),
}

/// The tries since the last success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Failures {
    pub(crate) count: i64,
    pub(crate) last_at: Time,
    pub(crate) locked_until: Option<Time>,
}

/// Whether this try may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Try {
    /// Yes; store this before looking at the password.
    Go(Failures),
    /// No, not before that moment.
    Locked { until: Time },
}

/// Counts a try that begins now.
pub(crate) fn begin(before: Option<Failures>, now: Time) -> Try {
    let before = before.filter(|f| now < f.last_at + FORGET_AFTER);
    if let Some(until) = before.and_then(|f| f.locked_until).filter(|u| now < *u) {
        return Try::Locked { until };
    }
    let count = before.map_or(0, |f| f.count).saturating_add(1);
    Try::Go(Failures {
        count,
        last_at: now,
        locked_until: wait(count).map(|wait| now + wait),
    })
}

/// How long one waits after this many failures: nothing, then 1, 2, 4 … 60 minutes.
fn wait(count: i64) -> Option<Span> {
    let over = u32::try_from(count.saturating_sub(FREE).min(16)).ok()?;
    let wait = FIRST_WAIT.as_micros().saturating_mul(1 << over);
    Some(Span::micros(wait.min(LONGEST_WAIT.as_micros())))
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Time = Time::from_micros(1_700_000_000_000_000);

    fn fail(times: usize) -> (Option<Failures>, Time) {
        let (mut failures, mut now) = (None, START);
        for _ in 0..times {
            now = now + Span::seconds(1);
            match begin(failures, now) {
                Try::Go(counted) => failures = Some(counted),
                Try::Locked { until } => {
                    now = until;
                    let Try::Go(counted) = begin(failures, now) else {
                        panic!("still locked at the end of the wait");
                    };
                    failures = Some(counted);
                }
            }
        }
        (failures, now)
    }

    #[test]
    fn ten_tries_are_free_and_the_eleventh_waits_a_minute() {
        let (failures, now) = fail(9);
        let Try::Go(tenth) = begin(failures, now) else {
            panic!("the tenth try is free");
        };
        assert_eq!(
            begin(Some(tenth), now),
            Try::Locked {
                until: now + Span::minutes(1)
            }
        );
        let later = now + Span::minutes(1);
        assert!(matches!(begin(Some(tenth), later), Try::Go(_)));
    }

    #[test]
    fn waits_grow_to_an_hour_and_no_further() {
        let waits: Vec<_> = (9..=18).map(wait).collect();
        let minutes = [1, 2, 4, 8, 16, 32, 60, 60].map(|m| Some(Span::minutes(m)));
        assert_eq!(waits[0], None);
        assert_eq!(waits[1..9], minutes);
        assert_eq!(wait(i64::MAX), Some(Span::hours(1)));
    }

    #[test]
    fn a_day_without_a_try_is_a_new_beginning() {
        let (failures, now) = fail(14);
        let Try::Go(fresh) = begin(failures, now + FORGET_AFTER) else {
            panic!("no wait lasts a day");
        };
        assert_eq!((fresh.count, fresh.locked_until), (1, None));
    }
}
