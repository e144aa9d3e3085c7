//! A model of one pair in AWS: what stands, since when and through whom; writes that are
//! accepted now and take effect later; reads of the recent past. Times are microseconds.

use super::rng::Rng;

pub(super) const SECOND: i64 = 1_000_000;
pub(super) const MINUTE: i64 = 60 * SECOND;
pub(super) const HOUR: i64 = 60 * MINUTE;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// Our attempt, by its number.
    Us(u128),
    Admin,
}

#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) no: usize,
    pub(super) by: By,
    pub(super) added_at: i64,
}

/// What changed, for the judge.
#[derive(Debug, Clone)]
pub(super) enum Effect {
    Added(Row),
    Removed(Row, By),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Create,
    Delete,
}

/// A write AWS accepted.
#[derive(Debug, Clone)]
pub(super) struct Write {
    pub(super) request: String,
    pub(super) kind: Kind,
    pub(super) attempt: u128,
    pub(super) finish_at: i64,
    pub(super) fate: Fate,
    pub(super) status: Status,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Done,
    FailsAfterEffect,
    FailsWithoutEffect,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    InProgress,
    Succeeded,
    Failed { gone: bool },
}

/// What AWS answers to a write.
#[derive(Debug, Clone)]
pub(super) enum Reply {
    Accepted(String),
    Succeeded(Option<String>),
    NotFound,
    Conflict,
    Denied,
    TooOld,
    Throttled,
    /// Not AWS's: our own governor held the call back.
    Held,
}

pub(super) struct Aws {
    pub(super) memberships: bool,
    /// As IAM does it: at once, and success whether there was anything to do or not.
    pub(super) iam: bool,
    pub(super) only_404: bool,
    /// How long a signature is really accepted.
    pub(super) fence: i64,
    /// How far a read may really be behind.
    pub(super) lag: i64,
    pub(super) denying: bool,
    pub(super) row: Option<Row>,
    pub(super) writes: Vec<Write>,
    /// What stood from when on, oldest first.
    past: Vec<(i64, Option<usize>)>,
    rows: usize,
}

impl Aws {
    pub(super) fn new(memberships: bool, iam: bool, only_404: bool, fence: i64, lag: i64) -> Self {
        Self {
            memberships,
            iam,
            only_404,
            fence,
            lag,
            denying: false,
            row: None,
            writes: Vec::new(),
            past: vec![(0, None)],
            rows: 0,
        }
    }

    pub(super) fn add(&mut self, by: By, now: i64) -> Option<Effect> {
        if self.row.is_some() {
            return None;
        }
        self.rows += 1;
        let row = Row {
            no: self.rows,
            by,
            added_at: now,
        };
        self.past.push((now, Some(row.no)));
        self.row = Some(row.clone());
        Some(Effect::Added(row))
    }

    pub(super) fn remove(&mut self, by: By, now: i64) -> Option<Effect> {
        let row = self.row.take()?;
        self.past.push((now, None));
        Some(Effect::Removed(row, by))
    }

    pub(super) fn busy(&self) -> bool {
        self.writes.iter().any(|w| w.status == Status::InProgress)
    }

    /// A read served now shows what stood at some moment of the last `lag`.
    pub(super) fn read(&self, now: i64, rng: &mut Rng) -> Option<usize> {
        let back = if rng.chance(500) {
            0
        } else {
            rng.range(0, self.lag.max(1))
        };
        let at = now - back;
        let standing = self.past.iter().rev().find(|(since, _)| *since <= at);
        standing.and_then(|(_, row)| *row)
    }

    /// Something stood at some moment since then.
    pub(super) fn stood_since(&self, from: i64) -> bool {
        let mut standing_at_from = None;
        let mut later = false;
        for (at, row) in &self.past {
            if *at <= from {
                standing_at_from = *row;
            } else {
                later |= row.is_some();
            }
        }
        later || standing_at_from.is_some()
    }

    /// A write arrives. `signed` is the time its signature bears.
    pub(super) fn arrive(
        &mut self,
        kind: Kind,
        attempt: u128,
        membership: Option<&str>,
        signed: i64,
        now: i64,
        rng: &mut Rng,
    ) -> (Reply, Option<Effect>) {
        if now > signed + self.fence {
            return (Reply::TooOld, None);
        }
        if self.denying {
            return (Reply::Denied, None);
        }
        if rng.chance(20) {
            return (Reply::Throttled, None);
        }
        if rng.chance(20) {
            return (Reply::Held, None);
        }
        if self.memberships {
            return self.membership(kind, attempt, membership, now);
        }
        if self.iam {
            // Other implementations answer a removal of nothing otherwise; so may AWS one day.
            if kind == Kind::Delete && self.row.is_none() && rng.chance(200) {
                return (Reply::NotFound, None);
            }
            let effect = self.effect(kind, attempt, now);
            return (Reply::Succeeded(None), effect);
        }
        if self.busy() {
            return (Reply::Conflict, None);
        }
        if kind == Kind::Delete && self.row.is_none() && (self.only_404 || rng.chance(500)) {
            return (Reply::NotFound, None);
        }
        if rng.chance(100) && (kind == Kind::Create || self.row.is_some()) {
            let effect = self.effect(kind, attempt, now);
            return (Reply::Succeeded(None), effect);
        }
        let takes = match rng.range(0, 100) {
            0..70 => rng.millis(200, 4_000),
            70..96 => rng.millis(4_000, 60_000),
            _ => rng.range(MINUTE, 10 * MINUTE),
        };
        let fate = match rng.range(0, 100) {
            0..6 => Fate::FailsAfterEffect,
            6..12 => Fate::FailsWithoutEffect,
            _ => Fate::Done,
        };
        let request = format!("r{}", self.writes.len());
        self.writes.push(Write {
            request: request.clone(),
            kind,
            attempt,
            finish_at: now + takes,
            fate,
            status: Status::InProgress,
        });
        (Reply::Accepted(request), None)
    }

    fn membership(
        &mut self,
        kind: Kind,
        attempt: u128,
        membership: Option<&str>,
        now: i64,
    ) -> (Reply, Option<Effect>) {
        let standing = self.row.as_ref().map(|r| r.no.to_string());
        match kind {
            Kind::Create if standing.is_some() => (Reply::Conflict, None),
            Kind::Create => {
                let effect = self.add(By::Us(attempt), now);
                (Reply::Succeeded(Some(self.rows.to_string())), effect)
            }
            Kind::Delete if standing.is_some() && standing.as_deref() == membership => {
                let effect = self.remove(By::Us(attempt), now);
                (Reply::Succeeded(None), effect)
            }
            Kind::Delete => (Reply::NotFound, None),
        }
    }

    fn effect(&mut self, kind: Kind, attempt: u128, now: i64) -> Option<Effect> {
        match kind {
            Kind::Create => self.add(By::Us(attempt), now),
            Kind::Delete => self.remove(By::Us(attempt), now),
        }
    }

    /// An accepted write comes to its end.
    pub(super) fn finish(&mut self, request: &str, now: i64) -> Option<Effect> {
        let index = self.writes.iter().position(|w| w.request == request)?;
        let Write {
            kind,
            attempt,
            fate,
            ..
        } = self.writes[index].clone();
        let nothing_there = kind == Kind::Delete && self.row.is_none();
        let effect = if fate == Fate::FailsWithoutEffect {
            None
        } else {
            self.effect(kind, attempt, now)
        };
        self.writes[index].status = match fate {
            _ if nothing_there => Status::Failed { gone: true },
            Fate::Done => Status::Succeeded,
            _ => Status::Failed { gone: false },
        };
        effect
    }

    pub(super) fn in_progress(&self) -> Vec<String> {
        self.writes
            .iter()
            .filter(|w| w.kind == Kind::Create && w.status == Status::InProgress)
            .map(|w| w.request.clone())
            .collect()
    }
}
