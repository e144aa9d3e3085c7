//! Throttling: how often AWS takes calls, and what it takes no more.
//!
//! A token bucket for each rate, account and Region: every call takes a token, a call that finds
//! none is refused with its service's own throttling error and takes nothing. Buckets fill by the
//! virtual clock. What it does not do: count callers that cannot be told, and calls nobody signs
//! (AWS reference §2 has no rates for those).

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use crate::wire::Service;

/// How many calls a bucket lets through.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// So many calls each second, for ever.
    pub per_second: f64,
    /// So many at once after a pause.
    pub burst: u32,
}

impl Rate {
    /// So many each second, and no more at once.
    pub const fn every_second(calls: u32) -> Self {
        Self {
            per_second: calls as f64,
            burst: calls,
        }
    }

    /// Reads `20` and `0.5/5`: calls each second, and how many at once.
    pub fn read(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{text}` is no rate: write calls each second, as 20, or with a burst, as 20/40"
            )
        };
        let (rate, burst) = match text.split_once('/') {
            Some((rate, burst)) => (rate, Some(burst.parse().map_err(|_| wrong())?)),
            None => (text, None),
        };
        let per_second: f64 = rate.parse().map_err(|_| wrong())?;
        if !(0.0..=MOST).contains(&per_second) {
            return Err(wrong());
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 0 and a million"
        )]
        let a_second = per_second.ceil().max(1.0) as u32;
        let rate = Self {
            per_second,
            burst: burst.unwrap_or(a_second),
        };
        rate.check().map(|()| rate)
    }

    fn check(self) -> Result<(), String> {
        if !(0.0..=MOST).contains(&self.per_second) {
            return Err(format!("`per_second` must be between 0 and {MOST}"));
        }
        if self.burst == 0 {
            return Err("`burst` must be at least 1: else no call ever gets through".to_owned());
        }
        Ok(())
    }
}

/// More than any service takes.
const MOST: f64 = 1_000_000.0;

/// How often each service takes calls (AWS reference §2). What has no rate is never throttled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Throttling {
    /// Whether calls are throttled at all.
    pub on: bool,
    /// Identity Center, all operations together \[D\].
    pub sso: Option<Rate>,
    /// The identity store, all operations together \[K\].
    pub identitystore: Option<Rate>,
    /// IAM: each operation that reads, by itself \[R\].
    pub iam_reads: Option<Rate>,
    /// IAM: each operation that changes something, by itself \[R\].
    pub iam_writes: Option<Rate>,
    /// STS, all operations together \[K\].
    pub sts: Option<Rate>,
    /// Organizations, all operations together \[R\].
    pub organizations: Option<Rate>,
    /// How many calls of an account Organizations takes at once; one more is told that another is
    /// in progress \[R\].
    pub organizations_at_once: Option<u32>,
    /// Operations with a bucket of their own, as `iam:SimulatePrincipalPolicy`, which take no
    /// token from that of their service.
    pub operations: BTreeMap<String, Rate>,
}

impl Default for Throttling {
    /// Off, with AWS's rates.
    fn default() -> Self {
        // Known to be "much tighter" [D]; how tight is not [K].
        let tight = [
            "iam:GenerateServiceLastAccessedDetails",
            "iam:SimulatePrincipalPolicy",
        ];
        let tight = tight.map(|name| (name.to_owned(), Rate::every_second(2)));
        Self {
            on: false,
            sso: Some(Rate::every_second(20)),
            identitystore: Some(Rate::every_second(20)),
            iam_reads: Some(Rate::every_second(15)),
            iam_writes: Some(Rate::every_second(3)),
            sts: Some(Rate::every_second(600)),
            organizations: Some(Rate::every_second(5)),
            organizations_at_once: Some(2),
            operations: BTreeMap::from(tight),
        }
    }
}

impl Throttling {
    /// On, with AWS's rates.
    pub fn of_aws() -> Self {
        Self {
            on: true,
            ..Self::default()
        }
    }

    /// Sets one rate, as `sso=40`, `iam_reads=20/100`, `iam:ListUsers=5` or `sts=none`.
    pub fn set(&mut self, text: &str) -> Result<(), String> {
        let (name, rate) = text.split_once('=').ok_or_else(|| {
            format!("`{text}` is no rate: write what it is for and how much, as sso=20")
        })?;
        let rate = match rate {
            "none" => None,
            rate => Some(Rate::read(rate)?),
        };
        let known = match name {
            "sso" => &mut self.sso,
            "identitystore" => &mut self.identitystore,
            "iam_reads" => &mut self.iam_reads,
            "iam_writes" => &mut self.iam_writes,
            "sts" => &mut self.sts,
            "organizations" => &mut self.organizations,
            operation => {
                if !crate::operations().iter().any(|known| known == operation) {
                    return Err(unknown(operation));
                }
                match rate {
                    Some(rate) => self.operations.insert(operation.to_owned(), rate),
                    None => self.operations.remove(operation),
                };
                return Ok(());
            }
        };
        *known = rate;
        Ok(())
    }

    /// Whether every rate is one.
    pub(crate) fn check(&self) -> Result<(), String> {
        let services = [
            self.sso,
            self.identitystore,
            self.iam_reads,
            self.iam_writes,
            self.sts,
            self.organizations,
        ];
        let own = self.operations.values().copied();
        (services.into_iter().flatten().chain(own)).try_for_each(Rate::check)
    }

    /// The bucket a call takes its token from: whose it is, and how it fills.
    fn bucket<'a>(&self, service: Service, operation: &'a str) -> Option<(Of<'a>, Rate)> {
        if let Some(rate) = self.own(service, operation) {
            return Some((Of::Operation(operation), rate));
        }
        let all = |rate: Option<Rate>| rate.map(|rate| (Of::Service, rate));
        match service {
            Service::Sso => all(self.sso),
            Service::IdentityStore => all(self.identitystore),
            Service::Sts => all(self.sts),
            Service::Organizations => all(self.organizations),
            Service::Iam => {
                let reads = ["Get", "List", "Simulate"];
                let rate = match reads.iter().any(|verb| operation.starts_with(verb)) {
                    true => self.iam_reads,
                    false => self.iam_writes,
                };
                rate.map(|rate| (Of::Operation(operation), rate))
            }
            Service::Sqs
            | Service::Scim
            | Service::SsoOidc
            | Service::Portal
            | Service::Signin
            | Service::Nobody => None,
        }
    }

    fn own(&self, service: Service, operation: &str) -> Option<Rate> {
        if self.operations.is_empty() {
            return None;
        }
        let name = format!("{}:{operation}", service.scope());
        self.operations.get(&name).copied()
    }
}

fn unknown(name: &str) -> String {
    format!(
        "`{name}` has no rate: give sso, identitystore, iam_reads, iam_writes, sts, organizations or an operation such as iam:ListUsers"
    )
}

/// Whose tokens are in a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Of<'a> {
    Service,
    Operation(&'a str),
}

/// Service, the operation or nothing, the caller's account, and the Region or nothing.
type Name = (&'static str, String, String, String);

#[derive(Debug, Clone, Copy)]
struct Level {
    tokens: f64,
    at: i64,
}

/// Every bucket somebody took from so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Buckets(HashMap<Name, Level>);

/// A call as the buckets see it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) service: Service,
    pub(crate) operation: &'a str,
    pub(crate) account: &'a str,
    /// As signed for.
    pub(crate) region: &'a str,
}

impl Buckets {
    /// Takes one token; else says in how many seconds there will be one.
    pub(crate) fn take(
        &mut self,
        throttling: &Throttling,
        asked: Asked<'_>,
        at: i64,
    ) -> Result<(), u64> {
        if !throttling.on {
            return Ok(());
        }
        let Some((of, rate)) = throttling.bucket(asked.service, asked.operation) else {
            return Ok(());
        };
        let name = (
            asked.service.scope(),
            match of {
                Of::Service => String::new(),
                Of::Operation(operation) => operation.to_owned(),
            },
            asked.account.to_owned(),
            // One endpoint serves every Region (AWS reference §1.0.1).
            match asked.service {
                Service::Iam | Service::Organizations => String::new(),
                _ => asked.region.to_owned(),
            },
        );
        let most = f64::from(rate.burst);
        let level = self.0.entry(name).or_insert(Level { tokens: most, at });
        // A clock that is set back takes no token away.
        let passed = at.saturating_sub(level.at).max(0);
        #[expect(
            clippy::cast_precision_loss,
            reason = "a longer pause fills every bucket anyhow"
        )]
        let filled = level.tokens + passed as f64 * rate.per_second / 1e6;
        *level = Level {
            tokens: filled.min(most),
            at,
        };
        if level.tokens + TOLERANCE >= 1.0 {
            level.tokens -= 1.0;
            return Ok(());
        }
        let seconds = (1.0 - level.tokens) / rate.per_second;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a whole number of seconds, and at most an hour"
        )]
        let seconds = seconds.ceil().clamp(1.0, 3600.0) as u64;
        Err(seconds)
    }
}

/// What adding up fractions may lose.
const TOLERANCE: f64 = 1e-6;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::{Asked, Buckets, Rate, Service, Throttling};

    fn asked(operation: &str) -> Asked<'_> {
        Asked {
            service: Service::Iam,
            operation,
            account: "111122223333",
            region: "us-east-1",
        }
    }

    #[test]
    fn no_more_than_the_rate_ever_gets_through() {
        let throttling = Throttling {
            iam_reads: Some(Rate {
                per_second: 3.0,
                burst: 7,
            }),
            ..Throttling::of_aws()
        };
        let mut buckets = Buckets::default();
        let mut through = 0;
        // A minute of calls every 10 milliseconds.
        for n in 0..6_000_i64 {
            through += i64::from(
                buckets
                    .take(&throttling, asked("ListUsers"), n * 10_000)
                    .is_ok(),
            );
        }
        // 7 at once, then 3 each second; the last of them just after the minute.
        assert_eq!(through, 7 + 3 * 60 - 1);
        // Back in time nothing is lost and nothing is won.
        assert!(buckets.take(&throttling, asked("ListUsers"), 0).is_err());
        assert_eq!(
            buckets.take(&throttling, asked("ListUsers"), 1_000_000),
            Ok(())
        );
    }

    #[test]
    fn rates_are_read_and_wrong_ones_refused() {
        let mut throttling = Throttling::default();
        throttling.set("sso=40").unwrap();
        throttling.set("iam_reads=0.5/5").unwrap();
        throttling.set("sts=none").unwrap();
        throttling.set("iam:ListUsers=7").unwrap();
        assert_eq!(throttling.sso, Some(Rate::every_second(40)));
        let slow = Rate {
            per_second: 0.5,
            burst: 5,
        };
        assert_eq!(throttling.iam_reads, Some(slow));
        assert_eq!(throttling.sts, None);
        assert_eq!(
            throttling.operations.get("iam:ListUsers"),
            Some(&Rate::every_second(7))
        );
        for (wrong, why) in [
            ("sso", "write what it is for"),
            ("sso=fast", "is no rate"),
            ("sso=-1", "is no rate"),
            ("sso=NaN", "is no rate"),
            ("sso=5/0", "at least 1"),
            ("iam:Nothing=5", "has no rate"),
            ("iam=5", "has no rate"),
        ] {
            let said = throttling.set(wrong).unwrap_err();
            assert!(said.contains(why), "{wrong}: {said}");
        }
    }
}
