//! Who holds which permission set on which account.
//!
//! First which sets are on which accounts, from the cheaper side; that tells what it costs to ask
//! each of these pairs for its holders, against asking every group and user for what it holds.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use futures::FutureExt as _;
use stint_aws::Lane;
use stint_domain::entitlement::{EntitlementKey, PrincipalKind};
use stint_domain::sync::plan::{Known, Listing, Question, pages};
use stint_domain::{EntitlementId, PrincipalId, Time};
use tokio::sync::Mutex;

use super::super::super::Error;
use super::super::super::classes::Class;
use super::super::super::store::bulk::Seen;
use super::super::super::store::estate;
use super::{Asking, Holder, Lists, Scope, Turn, Walk, each, refused, refuses};

const PHASE: &str = "assignments";

/// The accounts and permission sets of a run, and which sets are on which accounts: by their
/// places in the two lists.
struct Board {
    accounts: Vec<String>,
    sets: Vec<String>,
    pairs: HashSet<(u32, u32)>,
    /// When each account, or each set, was asked.
    asked: Asked,
}

enum Asked {
    Accounts(HashMap<u32, Time>),
    Sets(HashMap<u32, Time>),
}

/// The pairs found so far, and when each was asked.
type Found = Mutex<(HashSet<(u32, u32)>, HashMap<u32, Time>)>;

/// The places of names in a list.
fn places(names: &[String]) -> HashMap<&str, u32> {
    let names = names.iter().map(String::as_str);
    names.zip(0_u32..).collect()
}

fn count<T>(all: &[T]) -> u64 {
    u64::try_from(all.len()).unwrap_or(u64::MAX)
}

impl Board {
    fn pair(&self, (account, set): (u32, u32)) -> Option<EntitlementKey> {
        let name = |list: &[String], at: u32| list.get(usize::try_from(at).ok()?).cloned();
        Some(EntitlementKey::AccountAssignment {
            account: name(&self.accounts, account)?,
            permission_set: name(&self.sets, set)?,
        })
    }

    /// When a pair was looked for, if its account and its set are among those asked for.
    fn asked(&self, (account, set): (u32, u32)) -> Option<Time> {
        match &self.asked {
            Asked::Accounts(at) => at.get(&account).copied(),
            Asked::Sets(at) => at.get(&set).copied(),
        }
    }
}

impl Walk<'_> {
    pub(super) async fn assignments(&self, lists: &Lists) -> Result<(), Error> {
        let id = self.run().await.connection;
        let mut q = self.cx.read().await?;
        let accounts = estate::accounts(&mut q, id, lists.accounts).await?;
        let sets = estate::sets(&mut q, id, lists.sets).await?;
        let kind = PrincipalKind::IdentityCenterUser;
        let users = estate::principals(&mut q, id, kind, lists.users).await?;
        let kind = PrincipalKind::IdentityCenterGroup;
        let groups = estate::principals(&mut q, id, kind, lists.groups).await?;
        drop(q);
        let held = self.held().await?;
        let mut known = Known {
            accounts: count(&accounts),
            sets: count(&sets),
            users: count(&users),
            groups: count(&groups),
            pairs: (!held.is_empty()).then(|| count(&held)),
            ..Known::default()
        };
        let board = match self.pairs(&known, &accounts, &sets).await {
            Ok(board) => board,
            // Neither side may be asked. Whoever may ask principals sees all but what deleted
            // ones hold.
            Err(pairs) if refused(&pairs) => {
                tracing::info!("sync.pairs_refused");
                self.choose(Question::Holders, &known).await?;
                let people = People::of(lists, &users, &groups, &accounts, known);
                return match self.by_principal(&people, None).await {
                    Err(error) if refuses(Listing::HoldersByPrincipal, &error) => Err(pairs),
                    Err(error) => Err(error),
                    Ok(_) => {
                        self.flush().await?;
                        let why = "AWS does not let Stint see which permission set is on which account: \
                                   what deleted users and groups hold is not seen.";
                        self.came(Class::Assignments, Err(why.to_owned())).await
                    }
                };
            }
            Err(error) => return Err(error),
        };
        known.pairs = Some(u64::try_from(board.pairs.len()).unwrap_or(u64::MAX));
        known.by_pair = Some(by_pair(&board, &held));
        self.not_provisioned(&board, &held).await?;
        let people = count(&users).saturating_add(count(&groups));
        if people < known.by_pair.unwrap_or(u64::MAX) {
            let (groups, users) = estate::further_pages(&mut self.cx.read().await?, id).await?;
            known.by_principal = Some(people.saturating_add(groups).saturating_add(users));
        }
        let people = People::of(lists, &users, &groups, &accounts, known);
        let mut asking = Asking::of(Question::Holders);
        loop {
            let known = *people.known.lock().await;
            let listing = self.cheapest(&mut asking, &known).await?;
            let read = match listing {
                Listing::HoldersByPair => self.by_pair(&board).await.map(|()| Read::All),
                _ => self.by_principal(&people, Some(&board)).await,
            };
            match self.unless_refused(&mut asking, listing, read).await? {
                Some(Read::All) => {
                    self.flush().await?;
                    return self.held_whole(Class::Assignments, lists).await;
                }
                // It costs more than was thought: the plan is made anew, with what is known now.
                Some(Read::Dearer) | None => {}
            }
        }
    }

    /// Which sets are on which accounts, from the cheaper side.
    async fn pairs(
        &self,
        known: &Known,
        accounts: &[String],
        sets: &[String],
    ) -> Result<Board, Error> {
        let mut asking = Asking::of(Question::Pairs);
        loop {
            let listing = self.cheapest(&mut asking, known).await?;
            let by_account = listing == Listing::SetsByAccount;
            let read = self.board(by_account, accounts, sets).await;
            if let Some(board) = self.unless_refused(&mut asking, listing, read).await? {
                return Ok(board);
            }
        }
    }

    /// What is known to be held on accounts, from before.
    async fn held(&self) -> Result<Vec<estate::HeldPair>, Error> {
        let id = self.run().await.connection;
        let mut q = self.cx.read().await?;
        let mut all: Vec<estate::HeldPair> = Vec::new();
        loop {
            let after = all.last().map(|it| it.entitlement);
            let page = estate::held_pairs(&mut q, id, after).await?;
            if page.is_empty() {
                return Ok(all);
            }
            all.extend(page);
        }
    }

    /// Which sets are on which accounts.
    async fn board(
        &self,
        by_account: bool,
        accounts: &[String],
        sets: &[String],
    ) -> Result<Board, Error> {
        let found = Found::default();
        let (asked, others) = if by_account {
            (accounts, sets)
        } else {
            (sets, accounts)
        };
        let others = places(others);
        let asked: Vec<(String, u32)> = asked.iter().cloned().zip(0_u32..).collect();
        each(asked, |it| {
            self.side(by_account, it, &others, &found).boxed()
        })
        .await?;
        let (pairs, at) = found.into_inner();
        Ok(Board {
            accounts: accounts.to_vec(),
            sets: sets.to_vec(),
            pairs,
            asked: if by_account {
                Asked::Accounts(at)
            } else {
                Asked::Sets(at)
            },
        })
    }

    /// The permission sets of an account, or the accounts of a permission set.
    async fn side(
        &self,
        by_account: bool,
        (name, place): (String, u32),
        others: &HashMap<&str, u32>,
        found: &Found,
    ) -> Result<(), Error> {
        let mut pages = if by_account {
            (self.estate).provisioned_sets(&self.instance, &name, None, Lane::Sync)
        } else {
            (self.estate).accounts_of_set(&self.instance, &name, None, Lane::Sync)
        };
        let mut first = None;
        loop {
            let page = match self.turn(PHASE, &mut pages).await? {
                Turn::Page(page) => page,
                Turn::End => break,
                Turn::Gone => return Ok(()),
            };
            first = first.or(Some(page.began));
            let (pairs, _) = &mut *found.lock().await;
            // What is on no list came since, or is of an account that cannot be used.
            let listed = page.items.iter().filter_map(|it| others.get(it.as_str()));
            pairs.extend(listed.map(|other| match by_account {
                true => (place, *other),
                false => (*other, place),
            }));
        }
        if let Some(first) = first {
            found.lock().await.1.insert(place, first);
        }
        self.alive().await
    }

    /// A set that is not on an account is held by nobody there.
    async fn not_provisioned(&self, board: &Board, held: &[estate::HeldPair]) -> Result<(), Error> {
        let (accounts, sets) = (places(&board.accounts), places(&board.sets));
        for it in held {
            let pair = (
                accounts.get(it.account.as_str()),
                sets.get(it.permission_set.as_str()),
            );
            let (Some(account), Some(set)) = pair else {
                continue;
            };
            let pair = (*account, *set);
            if board.pairs.contains(&pair) {
                continue;
            }
            if let Some(began) = board.asked(pair) {
                self.whole(Scope::Unprovisioned(it.entitlement), began)
                    .await?;
            }
        }
        Ok(())
    }

    async fn by_pair(&self, board: &Board) -> Result<(), Error> {
        let pairs: BTreeSet<(u32, u32)> = board.pairs.iter().copied().collect();
        let keys = pairs.into_iter().filter_map(|pair| board.pair(pair));
        each(keys, |key| self.holders_of(key).boxed()).await
    }

    async fn holders_of(&self, key: EntitlementKey) -> Result<(), Error> {
        let EntitlementKey::AccountAssignment {
            account,
            permission_set,
        } = &key
        else {
            return Ok(());
        };
        if self.is_read(&key).await {
            return Ok(());
        }
        let mut pages =
            (self.estate).assignments(&self.instance, account, permission_set, None, Lane::Sync);
        let mut first = None;
        loop {
            let page = match self.turn(PHASE, &mut pages).await? {
                Turn::Page(page) => page,
                Turn::End => break,
                Turn::Gone => return Ok(()),
            };
            first = first.or(Some(page.began));
            let holders = page.items.into_iter().map(|row| Holder {
                kind: row.principal_kind,
                aws_id: row.principal_id,
                membership: None,
            });
            self.seen(&key, holders.collect(), page.began).await?;
        }
        self.scope_read(&key, first).await
    }

    async fn by_principal(
        &self,
        people: &People<'_>,
        board: Option<&Board>,
    ) -> Result<Read, Error> {
        let since = self.run().await.started_at;
        let kind = PrincipalKind::IdentityCenterGroup;
        let groups = people.groups.to_vec();
        each(groups, |group| self.held_by(people, kind, group).boxed()).await?;
        // What users hold through groups comes with them: what that costs is known once groups and
        // their members are.
        let mut known_members = self.members_known.subscribe();
        // The sender lives as long as the walk.
        drop(known_members.wait_for(|known| *known).await);
        self.flush().await?;
        let id = self.run().await.connection;
        let (groups, users) = estate::further_pages(&mut self.cx.read().await?, id).await?;
        {
            let mut known = people.known.lock().await;
            // What groups cost is paid.
            let users = known.users.saturating_add(users);
            let all = (known.groups.saturating_add(groups)).saturating_add(users);
            let dearer = board.is_some() && known.by_pair.is_some_and(|by_pair| by_pair < users);
            if dearer && known.by_principal != Some(all) {
                known.by_principal = Some(all);
                return Ok(Read::Dearer);
            }
        }
        let kind = PrincipalKind::IdentityCenterUser;
        let users = people.users.to_vec();
        each(users, |user| self.held_by(people, kind, user).boxed()).await?;
        self.flush().await?;
        if let Some(board) = board {
            self.complement(board, people.lists, since).await?;
        }
        Ok(Read::All)
    }

    async fn held_by(
        &self,
        people: &People<'_>,
        kind: PrincipalKind,
        (principal, aws_id): (PrincipalId, String),
    ) -> Result<(), Error> {
        let scope = Scope::Held(principal);
        if self.done(scope).await.is_some() {
            return Ok(());
        }
        let mut pages = (self.estate).held_by(&self.instance, (kind, &aws_id), None, Lane::Sync);
        let mut first = None;
        loop {
            let page = match self.turn(PHASE, &mut pages).await? {
                Turn::Page(page) => page,
                Turn::End => break,
                Turn::Gone => return Ok(()),
            };
            first = first.or(Some(page.began));
            let mut sink = self.sink.lock().await;
            let mut rows: BTreeMap<EntitlementId, Seen> = BTreeMap::new();
            for row in page.items {
                // What a group holds is read with the group.
                if row.principal_kind != kind || row.principal_id != aws_id {
                    continue;
                }
                // An account that cannot be used is asked by nobody, from either side.
                if !people.accounts.contains(row.account.as_str()) {
                    continue;
                }
                if let Some(entitlement) = sink.keys.place(&row.account, &row.permission_set) {
                    let seen = Seen {
                        principal,
                        entitlement,
                        began: page.began,
                        membership: None,
                        absent_before: sink.absent_before(principal),
                    };
                    rows.insert(entitlement, seen);
                }
            }
            let rows = rows.into_values().collect();
            sink.seen(self.cx, &self.estate, scope, rows).await?;
        }
        match first {
            Some(first) => self.whole(scope, first).await,
            None => Ok(()),
        }
    }

    /// What asking principals cannot show: assignments of deleted ones. A pair that nobody was
    /// seen to hold is somebody's whom no list has, or nobody's; and one that such a principal was
    /// seen to hold before may be so still.
    async fn complement(&self, board: &Board, lists: &Lists, since: Time) -> Result<(), Error> {
        let id = self.run().await.connection;
        let mut q = self.cx.read().await?;
        let mut seen: HashSet<EntitlementId> = HashSet::new();
        let mut after = None;
        loop {
            let page = estate::seen_pairs(&mut q, id, since, after).await?;
            let Some(last) = page.last() else { break };
            after = Some(*last);
            seen.extend(page);
        }
        let unlisted = estate::held_by_unlisted(&mut q, id, (lists.users, lists.groups)).await?;
        let unlisted: HashSet<EntitlementId> = unlisted.into_iter().collect();
        drop(q);
        let mut ask = Vec::new();
        {
            let sink = self.sink.lock().await;
            let pairs: BTreeSet<(u32, u32)> = board.pairs.iter().copied().collect();
            for key in pairs.into_iter().filter_map(|pair| board.pair(pair)) {
                let id = sink.keys.entitlement(&key);
                if id.is_some_and(|id| !seen.contains(&id) || unlisted.contains(&id)) {
                    ask.push(key);
                }
            }
        }
        match each(ask, |key| self.holders_of(key).boxed()).await {
            // What principals themselves hold is complete without it.
            Err(error) if refused(&error) => {
                let now = self.cx.app.clock.now();
                let mut sink = self.sink.lock().await;
                sink.run.plan.refuse(Listing::HoldersByPair, now);
                self.note_plan(&mut sink).await
            }
            other => other,
        }
    }

    /// Others see that the run is alive.
    pub(super) async fn alive(&self) -> Result<(), Error> {
        let mut sink = self.sink.lock().await;
        sink.flush_when_full(self.cx, &self.estate).await
    }
}

/// Whether everything was read.
enum Read {
    All,
    Dearer,
}

/// Whom to ask, and what that costs as far as is known.
struct People<'a> {
    lists: &'a Lists,
    users: &'a [(PrincipalId, String)],
    groups: &'a [(PrincipalId, String)],
    /// The accounts that can be used.
    accounts: HashSet<&'a str>,
    known: Mutex<Known>,
}

impl<'a> People<'a> {
    fn of(
        lists: &'a Lists,
        users: &'a [(PrincipalId, String)],
        groups: &'a [(PrincipalId, String)],
        accounts: &'a [String],
        known: Known,
    ) -> Self {
        Self {
            lists,
            users,
            groups,
            accounts: accounts.iter().map(String::as_str).collect(),
            known: Mutex::new(known),
        }
    }
}

/// Calls to ask every pair, by what was held before.
fn by_pair(board: &Board, held: &[estate::HeldPair]) -> u64 {
    let (accounts, sets) = (places(&board.accounts), places(&board.sets));
    let further = held.iter().filter(|it| {
        let place = (
            accounts.get(it.account.as_str()),
            sets.get(it.permission_set.as_str()),
        );
        matches!(place, (Some(a), Some(s)) if board.pairs.contains(&(*a, *s)))
    });
    let further: u64 = further.map(|it| pages(it.holders) - 1).sum();
    u64::try_from(board.pairs.len()).unwrap_or(u64::MAX) + further
}
