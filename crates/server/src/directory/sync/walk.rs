//! The reading itself: lists side by side, and then who holds what, by the cheapest listings that
//! the credentials allow.
//!
//! What was read is written down by one [`Sink`], a few hundred rows at a time. Each scope (a list,
//! the holders of an entitlement, what a principal holds) is noted once it was read whole:
//! whoever takes the run over goes on behind it.

mod classes;
mod holders;
mod iam;
mod keys;
mod members;
mod papers;
pub(in crate::directory) mod places;
mod sink;
pub(super) mod tags;

use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt as _, StreamExt as _};
use stint_aws::{AwsError, ErrorKind, Estate, Lane, Page, Pages};
use stint_db::{Priority, Tx};
use stint_domain::Time;
use stint_domain::entitlement::{EntitlementKey, PrincipalKind};
use stint_domain::sync::plan::{Choice, Known, Listing, Question};
use tokio::sync::{Mutex, MutexGuard, watch};

use super::super::classes::Class;
use super::super::scim::Statuses;
use super::super::store::bulk::{self, Seen, SeenPrincipal};
use super::super::store::things::{self, SeenEntitlement};
use super::super::store::{estate, runs};
use super::super::{Error, SyncRun};
use crate::cx::Cx;
use keys::Keys;
pub(in crate::directory) use sink::List;
use sink::{Scope, Sink};

/// Calls under way at once of one service: what its budget bears, less than the governor's
/// bound, so that others come through.
const AT_ONCE: usize = 8;
/// How many principals are written in one transaction.
const CHUNK: usize = 500;

pub(super) struct Walk<'a> {
    cx: &'a Cx,
    estate: Estate,
    instance: String,
    store: String,
    iam: bool,
    member_accounts: bool,
    tags: bool,
    tested: Option<Time>,
    sink: Mutex<Sink>,
    /// Whether the members of all groups are known.
    members_known: watch::Sender<bool>,
}

/// What of an estate is read.
pub(super) struct Estates {
    /// The Identity Center instance.
    pub(super) instance: String,
    /// Its identity store.
    pub(super) store: String,
    /// Whether IAM users and groups of the role's own account are read, too.
    pub(super) iam: bool,
    /// Whether those of the organization's other accounts are.
    pub(super) members: bool,
    /// Whether the tags of accounts are.
    pub(super) tags: bool,
    /// When the connection was last tested: what was refused before may be allowed since.
    pub(super) tested: Option<Time>,
}

/// When the readings of the lists began.
struct Lists {
    accounts: Time,
    sets: Time,
    users: Time,
    groups: Time,
}

/// Somebody who holds something, as AWS lists it.
struct Holder {
    kind: PrincipalKind,
    aws_id: String,
    membership: Option<String>,
}

/// Whether AWS refuses the action itself: another listing may be allowed. Failing credentials
/// refuse nothing; they fail the run.
fn refused(error: &Error) -> bool {
    matches!(error, Error::Aws { source, .. } if source.kind == ErrorKind::Denied)
}

/// The same of one listing: asking by principal is not there for everybody who asks, whatever the
/// permissions (AWS reference §3.3: from a delegated administrator, in an account's own instance).
fn refuses(listing: Listing, error: &Error) -> bool {
    let by_principal = listing == Listing::HoldersByPrincipal;
    let invalid = matches!(error, Error::Aws { source, .. } if source.kind == ErrorKind::Invalid);
    refused(error) || (by_principal && invalid)
}

/// What comes next of a list.
enum Turn<T> {
    /// A page.
    Page(Page<T>),
    /// Nothing: it was read whole.
    End,
    /// What was asked about is deleted, since the list that had it: nothing was read. The next
    /// run's lists say so.
    Gone,
}

/// Does something for many, some at once. After a failure nothing more is begun, but what is under
/// way ends: it may be writing down what others have read. The first goes ahead alone: what AWS
/// refuses for one it mostly refuses for all.
async fn each<'a, T: Send>(
    all: impl IntoIterator<Item = T, IntoIter: Send>,
    run: impl Fn(T) -> BoxFuture<'a, Result<(), Error>> + Send,
) -> Result<(), Error> {
    let mut all = all.into_iter();
    if let Some(first) = all.next() {
        run(first).await?;
    }
    let mut under_way = FuturesUnordered::new();
    let mut done = Ok(());
    loop {
        while under_way.len() < AT_ONCE && done.is_ok() {
            match all.next() {
                Some(item) => under_way.push(run(item)),
                None => break,
            }
        }
        match under_way.next().await {
            Some(Ok(())) => {}
            // The first is told.
            Some(Err(error)) => done = done.and(Err(error)),
            None => return done,
        }
    }
}

/// A question that is being asked, from one side after the other where AWS refuses.
struct Asking {
    question: Question,
    /// What it refused now.
    refused: Vec<Listing>,
    error: Option<Error>,
}

impl Asking {
    const fn of(question: Question) -> Self {
        Self {
            question,
            refused: Vec::new(),
            error: None,
        }
    }
}

impl<'a> Walk<'a> {
    pub(super) async fn new(
        cx: &'a Cx,
        estate: Estate,
        run: SyncRun,
        of: Estates,
        previous: Option<Time>,
    ) -> Result<Self, Error> {
        let sink = Sink::open(cx, &estate, run, previous).await?;
        Ok(Self {
            cx,
            estate,
            instance: of.instance,
            store: of.store,
            iam: of.iam,
            member_accounts: of.members,
            tags: of.tags,
            tested: of.tested,
            sink: Mutex::new(sink),
            members_known: watch::Sender::new(false),
        })
    }

    /// The run as far as it came, and the digest of what was seen.
    pub(super) async fn parts(&self) -> (SyncRun, String) {
        let sink = self.sink.lock().await;
        (sink.run.clone(), sink.digest())
    }

    /// Goes on with the run as whoever weighed it has left it.
    pub(super) async fn go_on(&self, run: &SyncRun) {
        self.sink.lock().await.run.clone_from(run);
    }

    /// Reads what nobody's access waits for, once what has ended is written down or held.
    pub(super) async fn rest(&self) -> Result<(), Error> {
        self.account_tags().await
    }

    pub(super) async fn all(&self) -> Result<(), Error> {
        self.begin("lists").await?;
        let (accounts, sets, (users, groups)) =
            futures::try_join!(self.accounts(), self.permission_sets(), async {
                Ok((self.users().await?, self.groups().await?))
            },)?;
        let lists = Lists {
            accounts,
            sets,
            users,
            groups,
        };
        self.offer(&lists).await?;
        let id = self.run().await.connection;
        let keys = Keys::load(&mut self.cx.read().await?, id).await?;
        self.sink.lock().await.keys = keys;
        self.begin("who holds what").await?;
        futures::try_join!(
            async {
                self.memberships(&lists).await?;
                self.members_known.send_replace(true);
                self.held_whole(Class::Memberships, &lists).await
            },
            self.assignments(&lists),
            self.set_policies(&lists),
            async {
                match self.iam {
                    true => self.iam(lists.accounts).await,
                    false => Ok(()),
                }
            },
        )?;
        self.flush().await
    }

    async fn run(&self) -> SyncRun {
        self.sink.lock().await.run.clone()
    }

    async fn begin(&self, phase: &'static str) -> Result<(), Error> {
        let mut sink = self.sink.lock().await;
        phase.clone_into(&mut sink.run.phase);
        sink.flush(self.cx, &self.estate).await
    }

    async fn flush(&self) -> Result<(), Error> {
        self.sink.lock().await.flush(self.cx, &self.estate).await
    }

    async fn aws(&self, phase: &'static str, source: AwsError) -> Error {
        Error::Aws {
            connection: self.sink.lock().await.run.connection,
            phase,
            source: Box::new(source),
        }
    }

    async fn next<T: Send + 'static>(
        &self,
        phase: &'static str,
        pages: &mut Pages<T>,
    ) -> Result<Option<Page<T>>, Error> {
        match pages.next().await {
            Ok(page) => Ok(page),
            Err(error) => Err(self.aws(phase, error).await),
        }
    }

    /// The next of a list about something that may be deleted meanwhile.
    async fn turn<T: Send + 'static>(
        &self,
        phase: &'static str,
        pages: &mut Pages<T>,
    ) -> Result<Turn<T>, Error> {
        match pages.next().await {
            Ok(Some(page)) => Ok(Turn::Page(page)),
            Ok(None) => Ok(Turn::End),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(Turn::Gone),
            Err(error) => Err(self.aws(phase, error).await),
        }
    }

    /// A transaction of one chunk; nobody else writes for this run until it is over.
    async fn write(&self) -> Result<(MutexGuard<'_, Sink>, Tx), Error> {
        let sink = self.sink.lock().await;
        let tx = super::begin(self.cx, sink.run.connection).await?;
        Ok((sink, tx))
    }

    /// Ends a chunk: how far the run is goes with it.
    async fn moved(&self, (mut sink, mut tx): (MutexGuard<'_, Sink>, Tx)) -> Result<(), Error> {
        sink.moved(&mut tx, self.cx, &self.estate).await?;
        Ok(tx.commit().await?)
    }

    /// When the reading began that read this whole, if one did in this run.
    async fn done(&self, scope: Scope) -> Option<Time> {
        self.sink.lock().await.done(scope)
    }

    async fn whole(&self, scope: Scope, began: Time) -> Result<(), Error> {
        let mut sink = self.sink.lock().await;
        sink.whole(self.cx, &self.estate, scope, began).await
    }

    /// A list was read whole by a reading begun at `began`. Not at all: it began before anything.
    async fn listed(&self, list: List, began: Option<Time>) -> Result<Time, Error> {
        let began = match began {
            Some(began) => began,
            None => self.run().await.started_at,
        };
        let class = match list {
            List::Accounts => Class::Accounts,
            List::Sets => Class::Sets,
            List::Users => Class::Users,
            List::Groups => Class::Groups,
        };
        // First: whoever takes the run over does not read the list again once it is noted whole.
        self.came(class, Ok(began)).await?;
        self.whole(Scope::List(list), began).await?;
        Ok(began)
    }

    async fn accounts(&self) -> Result<Time, Error> {
        if let Some(began) = self.done(Scope::List(List::Accounts)).await {
            return Ok(began);
        }
        let mut pages = self.estate.accounts(None, Lane::Sync);
        let (mut all, mut began) = (Vec::new(), None);
        while let Some(page) = self.next("accounts", &mut pages).await? {
            began = began.or(Some(page.began));
            let (sink, mut tx) = self.write().await?;
            let (app, connection) = (&self.cx.app, sink.run.connection);
            for account in &page.items {
                let id = app.new_id();
                things::see_account(&mut tx, id, connection, account, page.began).await?;
            }
            self.moved((sink, tx)).await?;
            all.extend(page.items);
        }
        self.places(&all).await?;
        self.listed(List::Accounts, began).await
    }

    async fn permission_sets(&self) -> Result<Time, Error> {
        if let Some(began) = self.done(Scope::List(List::Sets)).await {
            return Ok(began);
        }
        let mut pages = self
            .estate
            .permission_sets(&self.instance, None, Lane::Sync);
        let (mut arns, mut began) = (Vec::new(), None);
        while let Some(page) = self.next("permission sets", &mut pages).await? {
            began = began.or(Some(page.began));
            arns.extend(page.items);
        }
        let started = self.run().await.started_at;
        // Seen in the list: that is the moment that counts for its absence.
        let at = began.unwrap_or(started);
        each(arns, |arn| self.permission_set(arn, at).boxed()).await?;
        self.listed(List::Sets, began).await
    }

    async fn permission_set(&self, arn: String, at: Time) -> Result<(), Error> {
        let set = self.estate.permission_set(&self.instance, &arn, Lane::Sync);
        let set = match set.await {
            Ok(set) => set,
            // Deleted since it was listed.
            Err(error) if error.kind == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(self.aws("permission sets", error).await),
        };
        let (sink, mut tx) = self.write().await?;
        things::see_set(&mut tx, sink.run.connection, &set, at).await?;
        self.moved((sink, tx)).await
    }

    /// Every permission set may be assigned on every active account.
    async fn offer(&self, lists: &Lists) -> Result<(), Error> {
        let connection = self.run().await.connection;
        let mut q = self.cx.read().await?;
        let accounts = estate::accounts(&mut q, connection, lists.accounts).await?;
        drop(q);
        for account in accounts {
            let mut q = self.cx.read().await?;
            let new = estate::unoffered(&mut q, connection, &account, lists.sets).await?;
            drop(q);
            for chunk in new.chunks(CHUNK) {
                let (sink, mut tx) = self.write().await?;
                let id = || self.cx.app.new_id();
                bulk::offered(&mut tx, connection, chunk, lists.accounts, id).await?;
                self.moved((sink, tx)).await?;
            }
        }
        Ok(())
    }

    async fn users(&self) -> Result<Time, Error> {
        if let Some(began) = self.done(Scope::List(List::Users)).await {
            return Ok(began);
        }
        let mut pages = self.estate.users(&self.store, None, Lane::Sync);
        let (mut began, mut read) = (None, Vec::with_capacity(CHUNK));
        let connection = self.run().await.connection;
        let mut statuses = Statuses::default();
        while let Some(mut page) = self.next("users", &mut pages).await? {
            began = began.or(Some(page.began));
            let filled = statuses.fill(self.cx, connection, &mut page.items);
            self.while_alive(filled.boxed()).await??;
            let users = page.items.into_iter();
            read.extend(users.map(|user| SeenPrincipal::user(user, page.began)));
            if read.len() >= CHUNK {
                self.met(PrincipalKind::IdentityCenterUser, &read).await?;
                read.clear();
            }
        }
        self.met(PrincipalKind::IdentityCenterUser, &read).await?;
        self.listed(List::Users, began).await
    }

    async fn met(&self, kind: PrincipalKind, read: &[SeenPrincipal]) -> Result<(), Error> {
        let (sink, mut tx) = self.write().await?;
        let id = || self.cx.app.new_id();
        bulk::principals(&mut tx, sink.run.connection, kind, read, id).await?;
        self.moved((sink, tx)).await
    }

    async fn groups(&self) -> Result<Time, Error> {
        if let Some(began) = self.done(Scope::List(List::Groups)).await {
            return Ok(began);
        }
        let mut pages = self.estate.groups(&self.store, None, Lane::Sync);
        let mut began = None;
        while let Some(page) = self.next("groups", &mut pages).await? {
            began = began.or(Some(page.began));
            let read: Vec<SeenPrincipal> = (page.items.iter())
                .map(|group| SeenPrincipal::group(group, page.began))
                .collect();
            self.met(PrincipalKind::IdentityCenterGroup, &read).await?;
            let (sink, mut tx) = self.write().await?;
            for group in &page.items {
                let key = EntitlementKey::GroupMembership {
                    group: group.id.clone(),
                };
                let owned_by = things::owner(group);
                let name = format!(
                    "Identity Center group {}",
                    group.name.as_deref().unwrap_or(&group.id)
                );
                let seen = SeenEntitlement {
                    key: &key,
                    name: &name,
                    aws_name: None,
                    owned_by: owned_by.as_deref(),
                };
                let (id, connection) = (self.cx.app.new_id(), sink.run.connection);
                things::see_entitlement(&mut tx, id, connection, &seen, page.began).await?;
            }
            self.moved((sink, tx)).await?;
        }
        self.listed(List::Groups, began).await
    }

    /// Notes one page of who holds an entitlement.
    async fn seen(
        &self,
        key: &EntitlementKey,
        holders: Vec<Holder>,
        began: Time,
    ) -> Result<(), Error> {
        let mut sink = self.sink.lock().await;
        // Something of an account or group that the lists before did not have: it came in
        // between, and the next run will know it.
        let Some(entitlement) = sink.keys.entitlement(key) else {
            return Ok(());
        };
        let mut rows = Vec::with_capacity(holders.len());
        for holder in holders {
            let principal = sink.principal(self.cx, holder.kind, &holder.aws_id, began);
            let principal = principal.await?;
            rows.push(Seen {
                principal,
                entitlement,
                began,
                membership: holder.membership,
                absent_before: sink.absent_before(principal),
            });
        }
        let scope = Scope::Holders(entitlement);
        sink.seen(self.cx, &self.estate, scope, rows).await
    }

    /// The holders of an entitlement were read whole: who was not among them is to end.
    async fn scope_read(&self, key: &EntitlementKey, first: Option<Time>) -> Result<(), Error> {
        let mut sink = self.sink.lock().await;
        match (sink.keys.entitlement(key), first) {
            (Some(entitlement), Some(first)) => {
                let scope = Scope::Holders(entitlement);
                sink.whole(self.cx, &self.estate, scope, first).await
            }
            _ => Ok(()),
        }
    }

    /// Whether the holders of an entitlement were read whole in this run already.
    async fn is_read(&self, key: &EntitlementKey) -> bool {
        let sink = self.sink.lock().await;
        let entitlement = sink.keys.entitlement(key);
        entitlement.is_some_and(|id| sink.done(Scope::Holders(id)).is_some())
    }

    /// Chooses a listing, and notes it on the run.
    async fn choose(&self, question: Question, known: &Known) -> Result<Choice, Error> {
        let mut sink = self.sink.lock().await;
        let choice = Choice::of(question, known, &sink.run.plan.denied());
        sink.run.plan.choose(choice.clone());
        self.note_plan(&mut sink).await?;
        Ok(choice)
    }

    async fn note_plan(&self, sink: &mut Sink) -> Result<(), Error> {
        let planned = i64::try_from(sink.run.plan.calls()).unwrap_or(i64::MAX);
        sink.run.expected = sink.run.calls.saturating_add(planned);
        let mut tx = self.cx.begin(Priority::Sync).await?;
        runs::planned(&mut tx, &sink.run).await?;
        sink.moved(&mut tx, self.cx, &self.estate).await?;
        Ok(tx.commit().await?)
    }

    /// The cheapest listing that AWS has not refused. Where it refuses all, the run fails with
    /// what it said last.
    async fn cheapest(&self, asking: &mut Asking, known: &Known) -> Result<Listing, Error> {
        loop {
            let choice = self.choose(asking.question, known).await?;
            if let Some(chosen) = choice.chosen {
                return Ok(chosen.listing);
            }
            // Believed of an earlier run: asked once more before the run fails.
            let mut sink = self.sink.lock().await;
            let believed = |it: &Listing| {
                asking.question.listings().contains(it) && !asking.refused.contains(it)
            };
            let before = sink.run.plan.refused.len();
            sink.run.plan.refused.retain(|(it, _)| !believed(it));
            if sink.run.plan.refused.len() == before
                && let Some(error) = asking.error.take()
            {
                return Err(error);
            }
        }
    }

    /// What a listing gave; none where AWS refused it, and the next is to be tried.
    async fn unless_refused<T>(
        &self,
        asking: &mut Asking,
        listing: Listing,
        read: Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        match read {
            Ok(read) => Ok(Some(read)),
            Err(error) if refuses(listing, &error) => {
                tracing::info!(aws.operation = listing.action(), "sync.listing_refused");
                let now = self.cx.app.clock.now();
                self.sink.lock().await.run.plan.refuse(listing, now);
                asking.refused.push(listing);
                asking.error = Some(error);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}
