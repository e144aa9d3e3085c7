//! The IAM of accounts: users, groups and who is in which, roles, what the credential report says.
//!
//! The connection's own account first, with its own credentials; then the organization's others,
//! several at a time, each by its own role. Rows go by ids: a name may be another's at the next
//! sync, and then belongs to another row.
//!
//! An account that does not let itself be read is noted with the reason, and nothing else of it
//! changes: what is not read is never taken for gone. Credentials of the connection itself that
//! fail end the run.

use std::collections::HashMap;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use futures::stream::{self, StreamExt as _};
use stint_aws::{AwsError, Estate, IamKnown, IamReading, Joined, Lane, UserReport};
use stint_domain::entitlement::EntitlementKey;
use stint_domain::sync::iam::Listing as Way;
use stint_domain::sync::plan::{Choice, Denied, Known, Listing, Question};
use stint_domain::{ConnectionId, EntitlementId, PrincipalId, Span, Time};

use super::super::super::store::things::{self, SeenEntitlement};
use super::super::super::store::{bulk, endings, iam, runs};
use super::super::super::trust::trusted;
use super::super::super::{Error, Plan};
use super::super::seen_until;
use super::sink::read;
use super::{CHUNK, Seen, Walk};

/// How many member accounts are read at a time: each has a budget of its own at AWS, and what was
/// read of it is held in memory until it is written.
const AT_A_TIME: usize = 8;

/// How often a run says that it is alive while AWS answers slowly.
const BEAT: Duration = Duration::from_secs(30);

/// How long an action that AWS refused is not asked for, while there is another way.
pub(super) const DENIED_FOR: Span = Span::hours(6);

/// An account whose IAM is read.
struct Of<'a> {
    account: &'a str,
    /// Its name, where it is not the connection's own.
    name: Option<&'a str>,
}

impl Walk<'_> {
    /// Reads the IAM of the connection's own account, and of the organization's others where they
    /// are Stint's business: those of the list of accounts begun at `accounts`.
    pub(super) async fn iam(&self, accounts: Time) -> Result<(), Error> {
        let own = self.iam_account().await?;
        let connection = {
            let mut sink = self.sink.lock().await;
            sink.run.unread = 0;
            sink.run.connection
        };
        if !self.iam_is_read(&own).await {
            let known = self.known(connection, &own).await?;
            let estate = self.estate.clone();
            let reading = async move { estate.iam_reading(&known, Lane::Sync).await };
            let reading = match self.while_alive(reading.boxed()).await? {
                Ok(reading) => reading,
                Err(error) => return Err(self.aws("IAM", error).await),
            };
            let of = Of {
                account: &own,
                name: None,
            };
            self.write_iam(&of, &reading).await?;
        }
        if self.member_accounts {
            self.read_members(connection, accounts, &own).await?;
        }
        self.iam_came(accounts, &own).await
    }

    async fn read_members(
        &self,
        connection: ConnectionId,
        accounts: Time,
        own: &str,
    ) -> Result<(), Error> {
        let all = iam::accounts(&mut self.cx.read().await?, connection, accounts).await?;
        let mut ways: Vec<BoxFuture<'static, ReadMember>> = Vec::new();
        for (account, name) in all {
            if account == own || self.iam_is_read(&account).await {
                continue;
            }
            if let Some(estate) = self.estate.member(&account) {
                let known = self.known(connection, &account).await?;
                ways.push(read_member((account, name), estate, known).boxed());
            }
        }
        let mut readings = stream::iter(ways).buffered(AT_A_TIME).boxed();
        while let Some(((account, name), reading)) =
            self.while_alive(readings.next().boxed()).await?
        {
            self.estate.forget_member(&account);
            match reading {
                Ok(reading) => {
                    let of = Of {
                        account: &account,
                        name: Some(&name),
                    };
                    self.write_iam(&of, &reading).await?;
                }
                Err(error) if error.ends_everything() => {
                    return Err(self.aws("IAM of member accounts", error).await);
                }
                Err(error) => self.refused(&account, &error).await?,
            }
        }
        Ok(())
    }

    /// Whether whoever had the run before read this account.
    async fn iam_is_read(&self, account: &str) -> bool {
        self.sink.lock().await.iam_done(account)
    }

    /// Awaits what takes long, and says now and then that the run is not dead.
    pub(super) async fn while_alive<T>(&self, mut work: BoxFuture<'_, T>) -> Result<T, Error> {
        loop {
            if let Ok(done) = tokio::time::timeout(BEAT, &mut work).await {
                return Ok(done);
            }
            self.flush().await?;
        }
    }

    /// The account to be read: the one read before. Another would have none of what is known,
    /// and everything would be taken for gone.
    async fn iam_account(&self) -> Result<String, Error> {
        let now = match self.estate.account(Lane::Sync).await {
            Ok(now) => now,
            Err(error) => return Err(self.aws("IAM", error).await),
        };
        let connection = self.run().await.connection;
        let known = iam::own(&mut self.cx.read().await?, connection).await?;
        match known.into_iter().find(|known| *known != now) {
            Some(was) => Err(Error::OtherAccount { was, now }),
            None => Ok(now),
        }
    }

    async fn known(&self, connection: ConnectionId, account: &str) -> Result<IamKnown, Error> {
        let since = self.cx.app.clock.now() - DENIED_FOR;
        let mut q = self.cx.read().await?;
        let was_read = iam::read_at(&mut q, connection, account).await?.is_some();
        let counts = match was_read {
            true => Some(iam::counts(&mut q, connection, account).await?),
            false => None,
        };
        let groups = iam::groups(&mut q, connection, account).await?;
        Ok(IamKnown {
            counts,
            groups: (groups.into_iter())
                .map(|(id, known)| (known.name, id))
                .collect(),
            denied: iam::denied(&mut q, connection, account, since).await?,
        })
    }

    /// Notes that an account was not read, and why.
    async fn refused(&self, account: &str, error: &AwsError) -> Result<(), Error> {
        let (code, why) = why_not(error);
        let now = self.cx.app.clock.now();
        let (mut sink, mut tx) = self.write().await?;
        let of = (sink.run.connection, account);
        iam::refused(&mut tx, of, code, &why, now).await?;
        sink.run.unread = sink.run.unread.saturating_add(1);
        self.moved((sink, tx)).await
    }

    async fn write_iam(&self, of: &Of<'_>, reading: &IamReading) -> Result<(), Error> {
        let connection = self.run().await.connection;
        let at = (connection, of.account);
        let before = {
            let mut q = self.cx.read().await?;
            iam::read_at(&mut q, connection, of.account).await?
        };
        let users = self.write_users(at, reading).await?;
        let groups = self.write_groups(at, of, reading).await?;
        let rows = joined(&reading.joined, &users, &groups, before);
        for chunk in rows.chunks(CHUNK) {
            let (mut sink, mut tx) = self.write().await?;
            let id = || self.cx.app.new_id();
            let new = bulk::seen(&mut tx, connection, chunk, id).await?;
            let count = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
            sink.run.appeared = sink.run.appeared.saturating_add(count(new));
            let seen = i64::try_from(chunk.len()).unwrap_or(i64::MAX);
            sink.run.seen = sink.run.seen.saturating_add(seen);
            self.moved((sink, tx)).await?;
        }
        self.end_members(reading, &users, &groups).await?;
        self.write_roles(at, reading).await?;
        self.write_credentials(reading, &users).await?;
        let since = whole_since(reading);
        let now = self.cx.app.clock.now();
        let mut parts = vec![
            (iam::USER_LIST, reading.users_began),
            (iam::GROUP_LIST, reading.groups_began),
        ];
        parts.extend((reading.roles.as_ref()).map(|(_, began)| (iam::ROLE_LIST, *began)));
        parts.extend(since.map(|began| (iam::WHOLE, began)));
        parts.extend((reading.report.as_ref()).map(|report| (iam::REPORT, report.made_at)));
        let (mut sink, mut tx) = self.write().await?;
        note_costs(&mut sink.run.plan, of.name.is_none(), reading);
        runs::planned(&mut tx, &sink.run).await?;
        iam::was_read(&mut tx, at, of.name.is_none(), reading, since, now).await?;
        let began = reading.users_began;
        sink.iam_read(&mut tx, of.account, &parts, &rows, began)
            .await?;
        self.moved((sink, tx)).await
    }

    async fn write_users(
        &self,
        at: (ConnectionId, &str),
        reading: &IamReading,
    ) -> Result<HashMap<String, PrincipalId>, Error> {
        for chunk in reading.users.chunks(CHUNK) {
            let (sink, mut tx) = self.write().await?;
            for user in chunk {
                let id = self.cx.app.new_id();
                iam::see_user(&mut tx, id, at, &user.what, user.began).await?;
            }
            self.moved((sink, tx)).await?;
        }
        let mut q = self.cx.read().await?;
        Ok(iam::users(&mut q, at.0, at.1).await?)
    }

    async fn write_groups(
        &self,
        at: (ConnectionId, &str),
        of: &Of<'_>,
        reading: &IamReading,
    ) -> Result<HashMap<String, EntitlementId>, Error> {
        for chunk in reading.groups.chunks(CHUNK) {
            let (sink, mut tx) = self.write().await?;
            for group in chunk {
                let key = EntitlementKey::IamGroupMembership {
                    account: of.account.to_owned(),
                    group: group.what.id.clone(),
                };
                let name = match of.name {
                    None => format!("IAM group {}", group.what.name),
                    Some(account) => format!("IAM group {} in {account}", group.what.name),
                };
                let seen = SeenEntitlement {
                    key: &key,
                    name: &name,
                    aws_name: Some(&group.what.name),
                    owned_by: None,
                };
                let id = self.cx.app.new_id();
                things::see_entitlement(&mut tx, id, at.0, &seen, group.began).await?;
            }
            self.moved((sink, tx)).await?;
        }
        let began = reading.groups_began;
        let (mut sink, mut tx) = self.write().await?;
        let (sync, until) = (sink.run.id, seen_until(self.cx, began));
        let ending = iam::end_groups(&mut tx, sync, at, began, until).await?;
        sink.ending(ending);
        self.moved((sink, tx)).await?;
        let mut q = self.cx.read().await?;
        let known = iam::groups(&mut q, at.0, at.1).await?;
        Ok((known.into_iter())
            .map(|(id, known)| (id, known.entitlement))
            .collect())
    }

    /// Notes as to end what groups that were read whole no longer have, but for users of whom
    /// nothing is known this time.
    async fn end_members(
        &self,
        reading: &IamReading,
        users: &HashMap<String, PrincipalId>,
        groups: &HashMap<String, EntitlementId>,
    ) -> Result<(), Error> {
        let whole: Vec<endings::Read<EntitlementId>> = (reading.whole.iter())
            .filter_map(|(id, began)| Some(read(self.cx, *groups.get(id)?, *began)))
            .collect();
        let unread = reading.unread.iter();
        let unread: Vec<PrincipalId> = unread.filter_map(|id| users.get(id).copied()).collect();
        for chunk in whole.chunks(CHUNK) {
            let (mut sink, mut tx) = self.write().await?;
            let sync = sink.run.id;
            let mut ending = endings::of_entitlements(&mut tx, sync, chunk).await?;
            for some in unread.chunks(CHUNK) {
                ending = ending.saturating_sub(iam::spare(&mut tx, sync, some).await?);
            }
            sink.ending(ending);
            self.moved((sink, tx)).await?;
        }
        Ok(())
    }

    async fn write_roles(
        &self,
        at: (ConnectionId, &str),
        reading: &IamReading,
    ) -> Result<(), Error> {
        let Some((roles, _)) = &reading.roles else {
            return Ok(());
        };
        for chunk in roles.chunks(CHUNK) {
            let (sink, mut tx) = self.write().await?;
            for role in chunk {
                let trust = trusted(&role.what);
                iam::see_role(&mut tx, at, &role.what, &trust, role.began).await?;
            }
            self.moved((sink, tx)).await?;
        }
        Ok(())
    }

    async fn write_credentials(
        &self,
        reading: &IamReading,
        users: &HashMap<String, PrincipalId>,
    ) -> Result<(), Error> {
        // A name may have been another's when the report was made; nobody else was made then.
        let lines: HashMap<(&str, i64), &UserReport> = (reading.report.iter())
            .flat_map(|report| &report.users)
            .map(|line| ((line.name.as_str(), second(line.made_at)), line))
            .collect();
        for chunk in reading.users.chunks(CHUNK) {
            let (sink, mut tx) = self.write().await?;
            for user in chunk.iter().map(|it| &it.what) {
                let Some(principal) = users.get(&user.id).copied() else {
                    continue;
                };
                let line = lines.get(&(user.name.as_str(), second(user.made_at)));
                let made = reading.report.as_ref().map(|report| report.made_at);
                let told = line.copied().zip(made);
                iam::see_credentials(&mut tx, principal, user, told).await?;
            }
            self.moved((sink, tx)).await?;
        }
        Ok(())
    }
}

/// The calls that a credential report takes: it is asked for, made, and asked for again.
const REPORT_CALLS: u64 = 3;

/// Notes how an account's IAM was read, what the other listings cost, and what AWS refuses.
fn note_costs(plan: &mut Plan, own: bool, reading: &IamReading) {
    let (mut known, mut denied) = (Known::default(), Denied::default());
    for (way, calls, refused) in &reading.costs {
        let (at, listing) = match (way, own) {
            (Way::ByGroup, true) => (0, Listing::IamByGroup),
            (Way::ByGroup, false) => (0, Listing::MemberIamByGroup),
            (Way::ByUser, true) => (1, Listing::IamByUser),
            (Way::ByUser, false) => (1, Listing::MemberIamByUser),
            (Way::Details, true) => (2, Listing::IamDetails),
            (Way::Details, false) => (2, Listing::MemberIamDetails),
        };
        if let Some(slot) = known.iam.get_mut(at) {
            *slot = *calls;
        }
        if *refused {
            denied.add(listing);
        }
    }
    if !own {
        plan.add(&Choice::of(Question::MemberIam, &known, &denied));
        return;
    }
    plan.choose(Choice::of(Question::Iam, &known, &denied));
    known.report = REPORT_CALLS;
    if reading.report_refused {
        denied.add(Listing::CredentialReport);
    }
    plan.choose(Choice::of(Question::Report, &known, &denied));
}

/// When a reading that left nothing out began.
fn whole_since(reading: &IamReading) -> Option<Time> {
    let mut groups = reading.groups.iter();
    let all = groups.all(|it| reading.whole.contains_key(&it.what.id));
    (all && reading.unread.is_empty()).then(|| reading.users_began.min(reading.groups_began))
}

/// Who is in which group, each pair once, in the order rows are written in. A group that came since
/// its list was read is read next time.
fn joined(
    joined: &[Joined],
    users: &HashMap<String, PrincipalId>,
    groups: &HashMap<String, EntitlementId>,
    absent_before: Option<Time>,
) -> Vec<Seen> {
    let row = |it: &Joined| {
        Some(Seen {
            principal: *users.get(&it.user)?,
            entitlement: *groups.get(&it.group)?,
            began: it.began,
            membership: None,
            absent_before,
        })
    };
    let mut rows: Vec<Seen> = joined.iter().filter_map(row).collect();
    rows.sort_unstable();
    rows.dedup_by_key(|row| (row.principal, row.entitlement));
    rows
}

/// The number and name of an account, and what was read of it.
type ReadMember = ((String, String), Result<IamReading, AwsError>);

async fn read_member(account: (String, String), estate: Estate, known: IamKnown) -> ReadMember {
    let reading = estate.iam_reading(&known, Lane::Sync).await;
    (account, reading)
}

/// The report tells times by the second.
fn second(at: Time) -> i64 {
    at.micros().div_euclid(1_000_000)
}

/// Why an account's IAM was not read, in a stable word and in a sentence. Never more than AWS
/// told.
fn why_not(error: &AwsError) -> (&'static str, String) {
    if error.member().is_some() {
        let cause = error.cause().unwrap_or(error);
        return match cause.kind {
            stint_aws::ErrorKind::Denied => (
                "role_refused",
                format!(
                    "AWS did not let Stint become the member role in this account: {}. AWS does not say why; usually \
                     the role is not there yet, its trust policy names somebody else, or it asks for another External ID.",
                    cause.message
                ),
            ),
            _ => (
                "role_failed",
                format!("Becoming the member role failed: {cause}."),
            ),
        };
    }
    match error.kind {
        stint_aws::ErrorKind::Denied => (
            "read_refused",
            format!("The member role may not read the account's IAM: {error}."),
        ),
        _ => (
            "read_failed",
            format!("Reading the account's IAM failed: {error}."),
        ),
    }
}
