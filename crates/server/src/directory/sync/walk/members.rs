//! Who is in which Identity Center group.

use futures::FutureExt as _;
use stint_aws::Lane;
use stint_domain::entitlement::{EntitlementKey, PrincipalKind};
use stint_domain::sync::plan::{Known, Listing, Question};
use stint_domain::{PrincipalId, Time};

use super::super::super::Error;
use super::super::super::store::bulk::Seen;
use super::super::super::store::estate;
use super::{Asking, Holder, Lists, Scope, Turn, Walk, each};

const PHASE: &str = "memberships";

impl Walk<'_> {
    /// Reads the members of every group, from whichever side is cheaper.
    pub(super) async fn memberships(&self, lists: &Lists) -> Result<(), Error> {
        let id = self.run().await.connection;
        let mut q = self.cx.read().await?;
        let kind = PrincipalKind::IdentityCenterGroup;
        let groups = estate::principals(&mut q, id, kind, lists.groups).await?;
        let kind = PrincipalKind::IdentityCenterUser;
        let users = estate::principals(&mut q, id, kind, lists.users).await?;
        let memberships = estate::memberships(&mut q, id).await?;
        drop(q);
        let count = |all: &[(PrincipalId, String)]| u64::try_from(all.len()).unwrap_or(u64::MAX);
        let known = Known {
            groups: count(&groups),
            users: count(&users),
            memberships: Some(memberships),
            ..Known::default()
        };
        let mut asking = Asking::of(Question::Members);
        loop {
            let listing = self.cheapest(&mut asking, &known).await?;
            let read = match listing {
                Listing::GroupsByMember => self.by_member(users.clone(), lists).await,
                _ => each(groups.clone(), |group| self.members_of(group.1).boxed()).await,
            };
            let read = self.unless_refused(&mut asking, listing, read).await?;
            if read.is_some() {
                return self.flush().await;
            }
        }
    }

    /// Asks every user. One that is deleted is in no group any more (AWS reference §1.2 [K]).
    async fn by_member(
        &self,
        users: Vec<(PrincipalId, String)>,
        lists: &Lists,
    ) -> Result<(), Error> {
        each(users, |user| self.groups_of(user).boxed()).await?;
        let id = self.run().await.connection;
        let mut q = self.cx.read().await?;
        let gone = estate::unlisted_members(&mut q, id, lists.users).await?;
        drop(q);
        for principal in gone {
            self.whole(Scope::Joined(principal), lists.users).await?;
        }
        Ok(())
    }

    async fn members_of(&self, group: String) -> Result<(), Error> {
        let key = EntitlementKey::GroupMembership {
            group: group.clone(),
        };
        if self.is_read(&key).await {
            return Ok(());
        }
        let mut pages = (self.estate).memberships(&self.store, &group, None, Lane::Sync);
        let mut first = None;
        loop {
            let page = match self.turn(PHASE, &mut pages).await? {
                Turn::Page(page) => page,
                Turn::End => break,
                Turn::Gone => return Ok(()),
            };
            first = first.or(Some(page.began));
            let holders = page.items.into_iter().map(|m| Holder {
                kind: PrincipalKind::IdentityCenterUser,
                aws_id: m.user,
                membership: Some(m.id),
            });
            self.seen(&key, holders.collect(), page.began).await?;
        }
        self.scope_read(&key, first).await
    }

    async fn groups_of(&self, (principal, user): (PrincipalId, String)) -> Result<(), Error> {
        let scope = Scope::Joined(principal);
        if self.done(scope).await.is_some() {
            return Ok(());
        }
        let mut pages = (self.estate).memberships_of(&self.store, &user, None, Lane::Sync);
        let mut first: Option<Time> = None;
        loop {
            let page = match self.turn(PHASE, &mut pages).await? {
                Turn::Page(page) => page,
                Turn::End => break,
                Turn::Gone => return Ok(()),
            };
            first = first.or(Some(page.began));
            let mut sink = self.sink.lock().await;
            let rows = page.items.into_iter().filter_map(|m| {
                Some(Seen {
                    principal,
                    entitlement: sink.keys.place("", &m.group)?,
                    began: page.began,
                    membership: Some(m.id),
                    absent_before: sink.absent_before(principal),
                })
            });
            let rows = rows.collect();
            sink.seen(self.cx, &self.estate, scope, rows).await?;
        }
        match first {
            Some(first) => self.whole(scope, first).await,
            None => Ok(()),
        }
    }
}
