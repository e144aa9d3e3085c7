//! Where a run's readings are written down: gathered, and a few hundred rows in one transaction,
//! so that nobody waits long for the writer.

use std::collections::HashMap;

use aws_lc_rs::digest;
use stint_aws::Estate;
use stint_db::{Priority, Tx};
use stint_domain::entitlement::PrincipalKind;
use stint_domain::{EntitlementId, PrincipalId, Span, Time};

use super::super::super::store::bulk::{self, Seen};
use super::super::super::store::{endings, runs, scopes, things};
use super::super::super::{Error, SyncRun};
use super::super::{begin, seen_until};
use super::keys::Keys;
use crate::cx::Cx;

/// How many rows are written in one transaction: a few milliseconds.
const CHUNK: usize = 500;
/// How often the same rows are written before the database's refusal counts.
const TRIES: u32 = 4;
/// A run that reads slowly is moved on at least so often: others see that it is alive.
const ALIVE: Span = Span::seconds(5);

/// What is read whole or not at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Scope {
    /// A list of the estate.
    List(List),
    /// Who holds an entitlement.
    Holders(EntitlementId),
    /// That a permission set is not on an account: nobody holds it there.
    Unprovisioned(EntitlementId),
    /// What a principal holds on accounts.
    Held(PrincipalId),
    /// The Identity Center groups a user is in.
    Joined(PrincipalId),
}

/// A list of an estate. What it does not have is gone, once the run that read it is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::directory) enum List {
    /// Accounts.
    Accounts,
    /// Permission sets.
    Sets,
    /// Identity Center users.
    Users,
    /// Identity Center groups.
    Groups,
}

impl List {
    pub(in crate::directory) const ALL: [Self; 4] =
        [Self::Accounts, Self::Sets, Self::Users, Self::Groups];

    /// As it stands among the scopes.
    pub(in crate::directory) const fn as_str(self) -> &'static str {
        match self {
            Self::Accounts => "list:accounts",
            Self::Sets => "list:permission_sets",
            Self::Users => "list:users",
            Self::Groups => "list:groups",
        }
    }
}

const HELD: &str = "held:";
const JOINED: &str = "joined:";

impl Scope {
    fn word(self) -> String {
        match self {
            Self::List(list) => list.as_str().to_owned(),
            Self::Holders(id) => format!("holders:{}", id.0.simple()),
            Self::Unprovisioned(id) => format!("unprovisioned:{}", id.0.simple()),
            Self::Held(id) => format!("{HELD}{}", id.0.simple()),
            Self::Joined(id) => format!("{JOINED}{}", id.0.simple()),
        }
    }
}

/// The sum of the digests of rows: the same whatever order they are read in, and by whichever
/// listings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Sum([u8; 32]);

impl Sum {
    fn of(line: &str) -> Self {
        let digest = digest::digest(&digest::SHA256, line.as_bytes());
        Self(digest.as_ref().try_into().unwrap_or_default())
    }

    fn add(&mut self, other: Self) {
        let mut carry = 0_u16;
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            let sum = u16::from(*mine) + u16::from(theirs) + carry;
            *mine = u8::try_from(sum & 0xff).unwrap_or(0);
            carry = sum >> 8;
        }
    }

    fn hex(self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn parse(hex: &str) -> Self {
        let mut sum = Self::default();
        for (at, byte) in sum.0.iter_mut().enumerate() {
            let digits = hex.get(2 * at..2 * at + 2).unwrap_or_default();
            *byte = u8::from_str_radix(digits, 16).unwrap_or(0);
        }
        sum
    }
}

/// What a run has read and not written yet, and how far it is.
pub(super) struct Sink {
    pub(super) run: SyncRun,
    pub(super) keys: Keys,
    /// Calls of whoever had the run before, and the estate's when this one began.
    calls_before: (i64, u64),
    previous: Option<Time>,
    done: HashMap<String, Time>,
    /// Whether principals were asked for what they hold.
    by_holder: bool,
    total: Sum,
    under_way: HashMap<Scope, (Sum, i64)>,
    rows: Vec<Seen>,
    whole: Vec<(Scope, Time)>,
}

impl Sink {
    /// Goes on with a run where it stands.
    pub(super) async fn open(
        cx: &Cx,
        estate: &Estate,
        run: SyncRun,
        previous: Option<Time>,
    ) -> Result<Self, Error> {
        let known = scopes::all(&mut cx.read().await?, run.id).await?;
        let mut total = Sum::default();
        for (_, digest) in known.values() {
            total.add(Sum::parse(digest));
        }
        Ok(Self {
            calls_before: (run.calls, estate.calls()),
            run,
            by_holder: (known.keys()).any(|it| it.starts_with(HELD) || it.starts_with(JOINED)),
            keys: Keys::default(),
            previous,
            done: known
                .into_iter()
                .map(|(word, (at, _))| (word, at))
                .collect(),
            total,
            under_way: HashMap::new(),
            rows: Vec::new(),
            whole: Vec::new(),
        })
    }

    /// When the reading began that read this whole, if it was.
    pub(super) fn done(&self, scope: Scope) -> Option<Time> {
        self.done.get(&scope.word()).copied()
    }

    /// Whether the IAM of this account was read in this run.
    pub(super) fn iam_done(&self, account: &str) -> bool {
        self.done.contains_key(&iam_word(account))
    }

    /// The IAM of an account was read and written down: whoever takes the run over goes on behind
    /// it. What its lists (`parts`, each with when it began) no longer have is gone once the run is
    /// believed.
    pub(super) async fn iam_read(
        &mut self,
        tx: &mut stint_db::Tx,
        account: &str,
        parts: &[(&'static str, Time)],
        rows: &[Seen],
        began: Time,
    ) -> Result<(), Error> {
        let mut sum = Sum::default();
        for row in rows {
            sum.add(Sum::of(&format!("{} {}", row.entitlement, row.principal)));
        }
        self.total.add(sum);
        let mut done: Vec<scopes::Done> = (parts.iter())
            .map(|(part, began)| scopes::Done {
                scope: format!("{part}:{account}"),
                began: *began,
                digest: String::new(),
            })
            .collect();
        done.push(scopes::Done {
            scope: iam_word(account),
            began,
            digest: sum.hex(),
        });
        self.done.insert(iam_word(account), began);
        Ok(scopes::done(tx, self.run.id, &done).await?)
    }

    /// When the first reading began of who holds what, or is in which group, of those that are done.
    pub(super) fn first_held(&self) -> Option<Time> {
        let lists = |word: &str| word.starts_with("list:") || word.starts_with("iam");
        let held = self.done.iter().filter(|(word, _)| !lists(word));
        held.map(|(_, began)| *began).min()
    }

    /// Of everything that was read whole.
    pub(super) fn digest(&self) -> String {
        self.total.hex()
    }

    /// Notes who holds what, on one page of a scope. A pair counts once in a run.
    pub(super) async fn seen(
        &mut self,
        cx: &Cx,
        estate: &Estate,
        scope: Scope,
        rows: Vec<Seen>,
    ) -> Result<(), Error> {
        let (mut sum, mut count) = self.under_way.remove(&scope).unwrap_or_default();
        for row in rows.iter().filter(|row| !self.counted(scope, row)) {
            sum.add(Sum::of(&format!("{} {}", row.entitlement, row.principal)));
            count += 1;
        }
        self.under_way.insert(scope, (sum, count));
        self.rows.extend(rows);
        self.flush_when_full(cx, estate).await
    }

    /// Whether a row of an entitlement's holders was counted with what its holder holds already.
    fn counted(&self, scope: Scope, row: &Seen) -> bool {
        let by_holder = match row.membership {
            Some(_) => Scope::Joined(row.principal),
            None => Scope::Held(row.principal),
        };
        matches!(scope, Scope::Holders(_)) && self.by_holder && self.done(by_holder).is_some()
    }

    /// A scope was read whole by a reading begun at `began`: what it no longer has is to end.
    pub(super) async fn whole(
        &mut self,
        cx: &Cx,
        estate: &Estate,
        scope: Scope,
        began: Time,
    ) -> Result<(), Error> {
        self.whole.push((scope, began));
        self.flush_when_full(cx, estate).await
    }

    /// Writes down what is gathered when it is much, or when the run has not moved for long.
    pub(super) async fn flush_when_full(&mut self, cx: &Cx, estate: &Estate) -> Result<(), Error> {
        let full = self.rows.len() >= CHUNK || self.whole.len() >= CHUNK;
        if full || self.run.moved_at + ALIVE <= cx.app.clock.now() {
            self.flush(cx, estate).await?;
        }
        Ok(())
    }

    /// Writes down what is gathered, and how far the run is. What is not committed stays gathered:
    /// a failure, or a caller that gives up, loses nothing.
    pub(super) async fn flush(&mut self, cx: &Cx, estate: &Estate) -> Result<(), Error> {
        let mut left = TRIES;
        loop {
            left -= 1;
            match self.written(cx, estate).await {
                Err(Error::Db(error)) if error.is_retryable() && left > 0 => {}
                other => return other,
            }
        }
    }

    async fn written(&mut self, cx: &Cx, estate: &Estate) -> Result<(), Error> {
        let mut tx = begin(cx, self.run.connection).await?;
        let mut rows = self.rows.clone();
        rows.sort_unstable();
        // Of two readings of a pair the newer stays.
        rows.reverse();
        rows.dedup_by_key(|row| (row.principal, row.entitlement));
        rows.reverse();
        let (sync, connection) = (self.run.id, self.run.connection);
        let (mut appeared, mut ending) = (0, 0);
        for chunk in rows.chunks(CHUNK) {
            appeared += bulk::seen(&mut tx, connection, chunk, || cx.app.new_id()).await?;
        }
        let whole = self.whole.clone();
        let (mut held, mut joined, mut holders) = (Vec::new(), Vec::new(), Vec::new());
        let mut done = Vec::with_capacity(whole.len());
        for (scope, began) in &whole {
            let began = *began;
            match *scope {
                Scope::Holders(id) | Scope::Unprovisioned(id) => {
                    holders.push(read(cx, id, began));
                }
                Scope::Held(id) => held.push(read(cx, id, began)),
                Scope::Joined(id) => joined.push(read(cx, id, began)),
                Scope::List(list) => {
                    ending += self.list_read(cx, &mut tx, list, began).await?;
                }
            }
            let (sum, _) = self.under_way.get(scope).copied().unwrap_or_default();
            done.push(scopes::Done {
                scope: scope.word(),
                began,
                digest: sum.hex(),
            });
        }
        let accounts = self.done(Scope::List(List::Accounts));
        let accounts = accounts.unwrap_or(self.run.started_at);
        ending += endings::of_entitlements(&mut tx, sync, &holders).await?;
        ending += endings::of_holders(&mut tx, sync, accounts, &held).await?;
        ending += endings::of_members(&mut tx, sync, &joined).await?;
        scopes::done(&mut tx, sync, &done).await?;
        let before = (self.run.seen, self.run.appeared, self.run.ended);
        let count = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        for (scope, _) in &whole {
            let (_, seen) = self.under_way.get(scope).copied().unwrap_or_default();
            self.run.seen = self.run.seen.saturating_add(seen);
        }
        self.run.appeared = self.run.appeared.saturating_add(count(appeared));
        self.run.ended = self.run.ended.saturating_add(count(ending));
        let written = match self.moved(&mut tx, cx, estate).await {
            Ok(()) => tx.commit().await.map_err(Error::from),
            Err(error) => Err(error),
        };
        if written.is_err() {
            (self.run.seen, self.run.appeared, self.run.ended) = before;
            return written;
        }
        self.rows.clear();
        self.whole.clear();
        for (scope, began) in whole {
            let (sum, _) = self.under_way.remove(&scope).unwrap_or_default();
            self.total.add(sum);
            self.by_holder |= matches!(scope, Scope::Held(_) | Scope::Joined(_));
            self.done.insert(scope.word(), began);
        }
        Ok(())
    }

    /// A list was read whole: nobody holds anything of what it does not have.
    async fn list_read(&self, cx: &Cx, tx: &mut Tx, list: List, began: Time) -> Result<u64, Error> {
        let of = (self.run.id, self.run.connection);
        let until = seen_until(cx, began);
        Ok(match list {
            List::Accounts => endings::accounts(tx, of, began, until).await?,
            List::Groups => endings::groups(tx, of, "group_membership", began, until).await?,
            List::Sets | List::Users => 0,
        })
    }

    /// Notes rows that are to end.
    pub(super) fn ending(&mut self, rows: u64) {
        let rows = i64::try_from(rows).unwrap_or(i64::MAX);
        self.run.ended = self.run.ended.saturating_add(rows);
    }

    /// When the last complete run before this one began.
    pub(super) const fn previous(&self) -> Option<Time> {
        self.previous
    }

    /// A reading that began then did not see what this principal holds now, if that is new. Whom no
    /// list has may have held it all the time, unseen.
    pub(super) fn absent_before(&self, principal: PrincipalId) -> Option<Time> {
        self.previous.filter(|_| !self.keys.is_unlisted(principal))
    }

    /// How far the run is, as part of a transaction. Somebody who took the run over ends it.
    pub(super) async fn moved(
        &mut self,
        tx: &mut Tx,
        cx: &Cx,
        estate: &Estate,
    ) -> Result<(), Error> {
        let (earlier, before) = self.calls_before;
        let calls = estate.calls().saturating_sub(before);
        self.run.calls = earlier.saturating_add(i64::try_from(calls).unwrap_or(i64::MAX));
        self.run.done = self.run.calls;
        self.run.expected = self.run.expected.max(self.run.done);
        self.run.moved_at = cx.app.clock.now();
        if !runs::moved(tx, &self.run).await? {
            return Err(Error::Running {
                connection: self.run.connection,
                since: self.run.started_at,
            });
        }
        Ok(())
    }

    /// Ours for a principal that holds something. One that no list has is noted as gone: AWS
    /// leaves assignments of deleted users behind (AWS reference §1.2 [R]).
    pub(super) async fn principal(
        &mut self,
        cx: &Cx,
        kind: PrincipalKind,
        aws_id: &str,
        began: Time,
    ) -> Result<PrincipalId, Error> {
        if let Some(id) = self.keys.principal(kind, aws_id) {
            return Ok(id);
        }
        let connection = self.run.connection;
        let id = cx.app.new_id();
        let mut tx = cx.begin(Priority::Sync).await?;
        things::stand_in(&mut tx, id, connection, kind, aws_id, began).await?;
        // It may have been there: then it keeps its id.
        let found = things::principal_by_aws_id(&mut tx, connection, aws_id).await?;
        tx.commit().await?;
        let id = found.map_or(id, |it| it.id);
        self.keys.unlisted(id);
        self.keys.met(kind, aws_id.to_owned(), id);
        Ok(id)
    }
}

fn iam_word(account: &str) -> String {
    format!("iam:{account}")
}

pub(super) fn read<I>(cx: &Cx, id: I, began: Time) -> endings::Read<I> {
    endings::Read {
        id,
        began,
        seen_until: seen_until(cx, began),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_does_not_depend_on_the_order_and_reads_back() {
        let (mut one, mut other) = (Sum::default(), Sum::default());
        for line in ["a", "b", "c", "d"] {
            one.add(Sum::of(line));
        }
        for line in ["d", "b", "a", "c"] {
            other.add(Sum::of(line));
        }
        assert_eq!(one, other);
        assert_eq!(Sum::parse(&one.hex()), one);
        let mut parts = Sum::of("a");
        parts.add(Sum::of("b"));
        let mut rest = Sum::of("c");
        rest.add(Sum::of("d"));
        parts.add(rest);
        assert_eq!(parts, one);
        one.add(Sum::of("a"));
        assert_ne!(parts, one);
        assert_eq!(Sum::parse(""), Sum::default());
    }
}
