//! How many calls somebody may make: a budget each for reads, writes and tries to sign in.
//!
//! A budget is a bucket (GCRA): it holds as many calls as a minute has, and fills evenly. Who
//! is counted is the API token or the sign-in, so that what a script or a thief of a token
//! does takes nothing from the same person at a page; callers who are nobody are counted by
//! address.
//!
//! **Taking access away is never refused here**: an administrator in a hurry, or the script
//! of one, must not be told to wait. What [`takes_away`] lists draws from no budget once the
//! caller is known. It costs the same rights as ever, and each is an audit event.
//!
//! **Memory is bounded**: a bucket that is full again is the same as none and is dropped when
//! room is needed; when there is no room all the same, new addresses share one larger bucket,
//! the crowd's. Callers who are known are kept apart, so that a million addresses change
//! nothing for them.
//!
//! What it does not do: guess passwords' worth (`identity` locks an account out), or span
//! several processes: each counts for itself.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use stint_domain::rights::Verb;
use stint_domain::{SignInId, Time, TokenId};

use super::failure::{Failure, Kind};
use super::networks::Networks;

/// The numbers. 0 stands for no limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Reads a minute, of each token and each sign-in.
    pub reads: u32,
    /// Writes a minute, of each token and each sign-in.
    pub writes: u32,
    /// Tries to sign in a minute, from each address; and as many to give one's password again, of each
    /// sign-in.
    pub sign_ins: u32,
    /// Other calls a minute of callers who are nobody, from each address.
    pub anonymous: u32,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub proxies: Networks,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            reads: 1_200,
            writes: 240,
            sign_ins: 30,
            anonymous: 300,
            proxies: Networks::default(),
        }
    }
}

impl Limits {
    /// Nobody is limited: the demo, and tests of something else.
    pub fn off() -> Self {
        Self {
            reads: 0,
            writes: 0,
            sign_ins: 0,
            anonymous: 0,
            proxies: Networks::default(),
        }
    }
}

/// How often a crowd of addresses beyond what is remembered may call, as a multiple of one.
const CROWD: u32 = 20;
/// How many callers of a kind are remembered.
const REMEMBERED: usize = 20_000;
/// The shortest time between two looks for buckets that are full again.
const SWEEP_EVERY: i64 = 1_000_000;
const MINUTE: i64 = 60_000_000;

/// Who is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Caller {
    /// An API token.
    Token(TokenId),
    /// A sign-in.
    SignIn(SignInId),
    /// Nobody, at an address.
    Address(IpAddr),
}

/// Which budget a call draws from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Budget {
    /// What changes nothing.
    Reads,
    /// What may change something.
    Writes,
    /// Tries to sign in, and to give one's password again.
    SignIns,
    /// What callers do who are nobody.
    Anonymous,
}

impl Budget {
    const fn word(self) -> &'static str {
        match self {
            Self::Reads => "reads",
            Self::Writes => "writes",
            Self::SignIns => "sign-ins",
            Self::Anonymous => "anonymous",
        }
    }
}

/// Whether a verb only takes away: access, a way in, or a question that is open.
pub(crate) const fn takes_away(verb: Verb) -> bool {
    matches!(
        verb,
        Verb::RevokeGrant
            | Verb::CutOff
            | Verb::RetryGrant
            | Verb::ReturnRequest
            | Verb::DenyRequest
            | Verb::CancelRequest
            | Verb::DeactivateUser
            | Verb::EndSignIn
            | Verb::RevokeToken
            | Verb::RemoveMember
            | Verb::RemoveLink
            | Verb::SignOut
    )
}

/// What a call was told about its budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Told {
    budget: Budget,
    quota: u32,
    /// Calls left at this moment.
    left: u32,
    /// Whole seconds until the budget is full again.
    full_in: i64,
    /// Whole seconds until the next call; none when this one may go on.
    wait: Option<i64>,
}

/// The buckets.
pub(crate) struct Limiter {
    limits: Limits,
    known: Mutex<Table>,
    addresses: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    /// When each bucket will be full, in microseconds.
    full_at: HashMap<(Caller, Budget), i64>,
    crowd: HashMap<Budget, i64>,
    swept_at: i64,
}

impl Limiter {
    /// With all buckets full.
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            known: Mutex::default(),
            addresses: Mutex::default(),
        }
    }

    /// The proxies that are believed.
    pub(crate) fn proxies(&self) -> &Networks {
        &self.limits.proxies
    }

    /// Takes one call out of a budget; none where there is no limit.
    pub(crate) fn take(&self, caller: Caller, budget: Budget, now: Time) -> Option<Told> {
        let quota = match budget {
            Budget::Reads => self.limits.reads,
            Budget::Writes => self.limits.writes,
            Budget::SignIns => self.limits.sign_ins,
            Budget::Anonymous => self.limits.anonymous,
        };
        if quota == 0 {
            return None;
        }
        let (table, caller) = match caller {
            Caller::Address(address) => (&self.addresses, Caller::Address(neighbourhood(address))),
            known => (&self.known, known),
        };
        let mut table = table.lock().unwrap_or_else(PoisonError::into_inner);
        Some(table.take(caller, budget, quota, now.micros()))
    }

    #[cfg(test)]
    fn remembered(&self) -> usize {
        let of = |table: &Mutex<Table>| {
            let table = table.lock().unwrap_or_else(PoisonError::into_inner);
            table.full_at.len() + table.crowd.len()
        };
        of(&self.known) + of(&self.addresses)
    }
}

impl Table {
    fn take(&mut self, caller: Caller, budget: Budget, quota: u32, now: i64) -> Told {
        let key = (caller, budget);
        if !self.full_at.contains_key(&key) && self.full_at.len() >= REMEMBERED {
            self.sweep(now);
            if self.full_at.len() >= REMEMBERED {
                let quota = quota.saturating_mul(CROWD);
                return draw(self.crowd.entry(budget).or_insert(now), budget, quota, now);
            }
        }
        draw(self.full_at.entry(key).or_insert(now), budget, quota, now)
    }

    /// Drops the buckets that are full again.
    fn sweep(&mut self, now: i64) {
        if now < self.swept_at.saturating_add(SWEEP_EVERY) && now >= self.swept_at {
            return;
        }
        self.swept_at = now;
        self.full_at.retain(|_, full_at| *full_at > now);
    }
}

fn draw(full_at: &mut i64, budget: Budget, quota: u32, now: i64) -> Told {
    let each = (MINUTE / i64::from(quota)).max(1);
    // A clock that was set back must not lock anybody out for longer than a minute.
    let missing = full_at.saturating_sub(now).clamp(0, MINUTE);
    let after = missing.saturating_add(each);
    let wait = (after > MINUTE).then(|| whole_seconds(after - MINUTE));
    let missing = if wait.is_some() { missing } else { after };
    *full_at = now.saturating_add(missing);
    let left = (MINUTE - missing).max(0) / each;
    Told {
        budget,
        quota,
        left: u32::try_from(left).unwrap_or(u32::MAX).min(quota),
        full_in: whole_seconds(missing),
        wait,
    }
}

/// Never too few.
fn whole_seconds(micros: i64) -> i64 {
    micros.saturating_add(999_999) / 1_000_000
}

/// Who has one IPv6 address has 2⁶⁴ of them: they count as one.
fn neighbourhood(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let prefix = u128::from(v6) & (u128::MAX << 64);
            IpAddr::V6(prefix.into())
        }
        v4 => v4,
    }
}

/// `RateLimit-Policy` and `RateLimit`, as the IETF's draft has them.
pub(super) static HEADERS: [HeaderName; 2] = [
    HeaderName::from_static("ratelimit-policy"),
    HeaderName::from_static("ratelimit"),
];

impl Told {
    /// The refusal, when the budget is spent.
    pub(crate) fn refusal(&self) -> Option<Response> {
        let wait = self.wait?;
        let what = match self.budget {
            Budget::Reads => "reads",
            Budget::Writes => "changes",
            Budget::SignIns => "tries at a password",
            Budget::Anonymous => "calls from your address",
        };
        let detail = format!(
            "More than {} {what} in a minute. Wait {wait} s and go on; a program \
             should heed `Retry-After`. Revoking and returning access is never limited.",
            self.quota
        );
        let mut refused = Failure::new(Kind::TooMany, "too_many_requests", detail).into_response();
        let headers = refused.headers_mut();
        headers.insert(header::RETRY_AFTER, HeaderValue::from(wait));
        self.tell(headers);
        Some(refused)
    }

    /// Writes the headers that say how things stand.
    pub(crate) fn tell(&self, headers: &mut HeaderMap) {
        let name = self.budget.word();
        let [policy, state] = &HEADERS;
        let values = [
            (policy, format!("\"{name}\";q={};w=60", self.quota)),
            (
                state,
                format!("\"{name}\";r={};t={}", self.left, self.full_in),
            ),
        ];
        for (header, value) in values {
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.insert(header.clone(), value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use stint_domain::Span;

    use super::*;

    fn at(seconds: i64) -> Time {
        Time::from_micros(1_795_420_800_000_000) + Span::seconds(seconds)
    }

    fn address(n: u32) -> Caller {
        Caller::Address(IpAddr::V4(n.into()))
    }

    fn limiter(quota: u32) -> Limiter {
        Limiter::new(Limits {
            anonymous: quota,
            sign_ins: 5,
            ..Limits::default()
        })
    }

    fn passes(limiter: &Limiter, caller: Caller, now: Time) -> bool {
        let told = limiter
            .take(caller, Budget::Anonymous, now)
            .expect("a limit");
        told.wait.is_none()
    }

    #[test]
    fn a_budget_holds_a_minutes_calls_and_fills_evenly() {
        let limiter = limiter(60);
        let passed = (0..100)
            .filter(|_| passes(&limiter, address(1), at(0)))
            .count();
        assert_eq!(passed, 60);
        // One a second comes back, and not two.
        assert!(passes(&limiter, address(1), at(1)));
        assert!(!passes(&limiter, address(1), at(1)));
        // Refused calls cost nothing: after 30 s there are 30, not fewer.
        let passed = (0..100)
            .filter(|_| passes(&limiter, address(1), at(31)))
            .count();
        assert_eq!(passed, 30);
        // After a long pause there is a minute's worth, and not more.
        let passed = (0..100)
            .filter(|_| passes(&limiter, address(1), at(9_999)))
            .count();
        assert_eq!(passed, 60);
    }

    #[test]
    fn what_is_told_can_be_relied_on() {
        let limiter = limiter(60);
        let first = limiter
            .take(address(1), Budget::Anonymous, at(0))
            .expect("a limit");
        assert_eq!((first.left, first.wait), (59, None));
        for _ in 0..59 {
            passes(&limiter, address(1), at(0));
        }
        let last = limiter
            .take(address(1), Budget::Anonymous, at(0))
            .expect("a limit");
        assert_eq!((last.left, last.wait, last.full_in), (0, Some(1), 60));
        // Who waits as long as they were told may go on.
        assert!(passes(&limiter, address(1), at(1)));
    }

    #[test]
    fn budgets_and_callers_are_apart() {
        let limiter = limiter(1);
        assert!(passes(&limiter, address(1), at(0)));
        assert!(!passes(&limiter, address(1), at(0)));
        assert!(passes(&limiter, address(2), at(0)));
        let other = limiter
            .take(address(1), Budget::SignIns, at(0))
            .expect("a limit");
        assert_eq!(other.wait, None);
    }

    #[test]
    fn one_neighbourhood_of_ipv6_is_one_caller_and_mapped_ipv4_is_ipv4() {
        let limiter = limiter(1);
        let v6 = |text: &str| Caller::Address(text.parse().expect("an address"));
        assert!(passes(&limiter, v6("2001:db8:1:2::1"), at(0)));
        assert!(!passes(&limiter, v6("2001:db8:1:2:ffff::9"), at(0)));
        assert!(passes(&limiter, v6("2001:db8:1:3::1"), at(0)));
        assert!(passes(&limiter, v6("::ffff:10.0.0.1"), at(0)));
        assert!(!passes(&limiter, v6("10.0.0.1"), at(0)));
    }

    #[test]
    fn a_million_addresses_take_bounded_memory_and_nothing_from_those_who_are_known() {
        let limiter = limiter(60);
        let token = Caller::Token(TokenId::from(uuid::Uuid::from_u128(7)));
        let mut passed = 0_u32;
        for n in 0..1_000_000 {
            passed += u32::from(passes(&limiter, address(n), at(0)));
        }
        assert!(
            limiter.remembered() <= REMEMBERED + 1,
            "{}",
            limiter.remembered()
        );
        // The first of them have a bucket each, all others share the crowd's.
        assert_eq!(
            passed,
            u32::try_from(REMEMBERED).expect("small") + 60 * CROWD
        );
        let told = limiter.take(token, Budget::Reads, at(0)).expect("a limit");
        assert_eq!((told.wait, told.left), (None, told.quota - 1));
        // When the flood is over there is room again.
        assert!(passes(&limiter, address(2_000_000), at(61)));
        assert!(limiter.remembered() < 10, "{}", limiter.remembered());
    }

    #[test]
    fn a_clock_that_is_set_back_locks_nobody_out() {
        let limiter = limiter(60);
        for _ in 0..60 {
            passes(&limiter, address(1), at(100_000));
        }
        assert!(!passes(&limiter, address(1), at(0)));
        assert!(passes(&limiter, address(1), at(2)));
    }

    #[test]
    fn no_limit_is_no_limit() {
        let limiter = Limiter::new(Limits::off());
        assert_eq!(limiter.take(address(1), Budget::Anonymous, at(0)), None);
        assert_eq!(limiter.remembered(), 0);
    }
}
