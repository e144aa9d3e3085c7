//! Users, groups and memberships of the identity store.

use stint_aws::{IdentityGroup, IdentityUser, Object};
use stint_db::Tx;
use stint_domain::Time;
use stint_domain::entitlement::{EntitlementKey, PrincipalKind};

use super::super::Error;
use super::super::scim::Statuses;
use super::super::store::bulk::{self, SeenPrincipal};
use super::super::store::changes as rows;
use super::super::store::reread::{self, Orphaned};
use super::super::store::things::{self, SeenEntitlement, owner};
use super::apply::{Holder, LANE, Reading, Way, absent, denied};
use super::reread::Came;

const USER: PrincipalKind = PrincipalKind::IdentityCenterUser;
const GROUP: PrincipalKind = PrincipalKind::IdentityCenterGroup;
/// The kind of the entitlements that are membership of a group.
const MEMBERSHIP: &str = "group_membership";

fn membership_of(group: &str) -> EntitlementKey {
    EntitlementKey::GroupMembership {
        group: group.to_owned(),
    }
}

impl Reading<'_> {
    /// One user. AWS takes those who are deleted out of their groups without a word (AWS reference
    /// §1.2 [K]): these are read, too.
    pub(super) async fn user(&self, way: &Way, id: &str) -> Result<Came, Error> {
        let began = self.now();
        let found = match way.estate.user(&way.store, id, LANE).await {
            Err(error) if denied(&error) => return Ok(Came::Instead(vec![Object::Users])),
            found => found.map_err(|error| self.aws("users", error))?,
        };
        if let Some(user) = found {
            let statuses = &mut Statuses::one();
            self.saw_users(statuses, &mut [user], began).await?;
            return Ok(Came::Read(began));
        }
        let absence = self.absence(began);
        let mut tx = self.write().await?;
        let known = reread::principal(&mut tx, self.connection.id, USER, id).await?;
        let Some(known) = known.filter(|it| it.there) else {
            return Ok(Came::Read(began));
        };
        if known.last_seen > absence.until {
            return Ok(self.too_fresh(known.last_seen, began));
        }
        reread::principal_gone(&mut tx, self.connection.id, USER, id, absence).await?;
        self.hear_groups_of_gone(&mut tx, began).await?;
        tx.commit().await?;
        Ok(Came::Read(began))
    }

    /// Seen before the reading began, and too late to be believed gone: look again. Seen by a later
    /// reading: that one counts.
    pub(super) fn too_fresh(&self, last_seen: Time, began: Time) -> Came {
        if last_seen < began {
            Came::Again(self.believable(last_seen))
        } else {
            Came::Read(began)
        }
    }

    /// The groups of those who were found gone by the reading that began then are read, too: noted
    /// with what makes that needed.
    async fn hear_groups_of_gone(&self, tx: &mut Tx, began: Time) -> Result<(), Error> {
        for group in reread::groups_of_gone(tx, self.connection.id, began).await? {
            self.hear(tx, &Object::Members(group)).await?;
        }
        Ok(())
    }

    async fn hear(&self, tx: &mut Tx, object: &Object) -> Result<(), Error> {
        let (id, now) = (self.connection.id, self.now());
        rows::hear(tx, id, object, now, now, super::MOST).await?;
        Ok(())
    }

    async fn saw_users(
        &self,
        statuses: &mut Statuses,
        users: &mut [IdentityUser],
        began: Time,
    ) -> Result<(), Error> {
        statuses.fill(&self.cx(), self.connection.id, users).await?;
        let mut tx = self.write().await?;
        let seen: Vec<SeenPrincipal> = users
            .iter()
            .map(|user| SeenPrincipal::user(user.clone(), began))
            .collect();
        let new = || self.app.new_id();
        bulk::principals(&mut tx, self.connection.id, USER, &seen, new).await?;
        Ok(tx.commit().await?)
    }

    /// All users.
    pub(super) async fn users(&self, way: &Way) -> Result<Came, Error> {
        let mut pages = way.estate.users(&way.store, None, LANE);
        let (mut first, mut seen, mut statuses) = (None, 0_usize, Statuses::default());
        while let Some(mut page) = pages
            .next()
            .await
            .map_err(|error| self.aws("users", error))?
        {
            first = first.or(Some(page.began));
            seen += page.items.len();
            self.saw_users(&mut statuses, &mut page.items, page.began)
                .await?;
        }
        let began = first.unwrap_or_else(|| self.now());
        let absence = self.absence(began);
        let mut tx = self.write().await?;
        let id = self.connection.id;
        let missing = reread::principals_missing(&mut tx, id, USER, absence).await?;
        if self.too_many(missing, seen) {
            return Ok(Came::Whole);
        }
        let fresh = reread::principal_fresh(&mut tx, self.connection.id, USER, absence).await?;
        self.hear_groups_of_gone(&mut tx, began).await?;
        tx.commit().await?;
        Ok(match fresh {
            Some(seen) => Came::Again(self.believable(seen)),
            None => Came::Read(began),
        })
    }

    async fn saw_groups(&self, groups: &[IdentityGroup], began: Time) -> Result<(), Error> {
        let id = self.connection.id;
        let mut tx = self.write().await?;
        for group in groups {
            let seen = [SeenPrincipal::group(group, began)];
            bulk::principals(&mut tx, id, GROUP, &seen, || self.app.new_id()).await?;
            let key = membership_of(&group.id);
            let known = reread::entitlement(&mut tx, id, &key).await?;
            if known.is_none_or(|(_, there)| !there) {
                // It may have been filled before it was known here.
                self.hear(&mut tx, &Object::Members(group.id.clone()))
                    .await?;
            }
            let owned_by = owner(group);
            let named = group.name.as_deref().unwrap_or(&group.id);
            let name = format!("Identity Center group {named}");
            let seen = SeenEntitlement {
                key: &key,
                name: &name,
                aws_name: None,
                owned_by: owned_by.as_deref(),
            };
            things::see_entitlement(&mut tx, self.app.new_id(), id, &seen, began).await?;
        }
        Ok(tx.commit().await?)
    }

    /// One group.
    pub(super) async fn group(&self, way: &Way, id: &str) -> Result<Came, Error> {
        let began = self.now();
        let found = match way.estate.group(&way.store, id, LANE).await {
            Err(error) if denied(&error) => return Ok(Came::Instead(vec![Object::Groups])),
            found => found.map_err(|error| self.aws("groups", error))?,
        };
        if let Some(group) = found {
            self.saw_groups(&[group], began).await?;
            return Ok(Came::Read(began));
        }
        let absence = self.absence(began);
        let connection = self.connection.id;
        let mut tx = self.write().await?;
        let known = reread::principal(&mut tx, connection, GROUP, id).await?;
        if let Some(known) = known.filter(|it| it.there) {
            if known.last_seen > absence.until {
                return Ok(self.too_fresh(known.last_seen, began));
            }
            reread::principal_gone(&mut tx, connection, GROUP, id, absence).await?;
        }
        let entitlement = reread::entitlement(&mut tx, connection, &membership_of(id)).await?;
        let Some((entitlement, _)) = entitlement else {
            tx.commit().await?;
            return Ok(Came::Read(began));
        };
        reread::entitlement_gone(&mut tx, entitlement, absence).await?;
        // Nobody is in a group that no longer exists; its id never comes back.
        if !self.end_in(&mut tx, &[entitlement], absence).await? {
            return Ok(Came::Whole);
        }
        let fresh = reread::held_fresh(&mut tx, entitlement, absence).await?;
        tx.commit().await?;
        Ok(match fresh {
            Some(seen) => Came::Again(self.believable(seen)),
            None => Came::Read(began),
        })
    }

    /// All groups.
    pub(super) async fn groups(&self, way: &Way) -> Result<Came, Error> {
        let mut pages = way.estate.groups(&way.store, None, LANE);
        let (mut first, mut listed) = (None, 0_usize);
        while let Some(page) = pages
            .next()
            .await
            .map_err(|error| self.aws("groups", error))?
        {
            first = first.or(Some(page.began));
            listed += page.items.len();
            self.saw_groups(&page.items, page.began).await?;
        }
        let began = first.unwrap_or_else(|| self.now());
        let absence = self.absence(began);
        let connection = self.connection.id;
        let mut tx = self.write().await?;
        let missing = reread::principals_missing(&mut tx, connection, GROUP, absence).await?;
        reread::entitlements_missing(&mut tx, connection, MEMBERSHIP, absence).await?;
        let fresh = reread::principal_fresh(&mut tx, connection, GROUP, absence).await?;
        let orphaned = Orphaned::Groups;
        let held = reread::orphaned(&mut tx, connection, orphaned).await?;
        if self.too_many(missing, listed) || !self.end_in(&mut tx, &held, absence).await? {
            return Ok(Came::Whole);
        }
        tx.commit().await?;
        Ok(match fresh {
            Some(seen) => Came::Again(self.believable(seen)),
            None => Came::Read(began),
        })
    }

    /// Who is in a group.
    pub(super) async fn members(&self, way: &Way, group: &str) -> Result<Came, Error> {
        let Some(entitlement) = self.known(&membership_of(group)).await? else {
            // Its own reading asks for its members, if there is such a group.
            return Ok(Came::Instead(vec![Object::Group(group.to_owned())]));
        };
        let mut pages = way.estate.memberships(&way.store, group, None, LANE);
        let (mut first, mut holders) = (None, Vec::new());
        loop {
            let page = match pages.next().await {
                Ok(Some(page)) => page,
                Ok(None) => break,
                Err(error) if absent(&error) => {
                    return Ok(Came::Instead(vec![Object::Group(group.to_owned())]));
                }
                Err(error) => return Err(self.aws("memberships", error)),
            };
            first = first.or(Some(page.began));
            holders.extend(page.items.into_iter().map(|it| Holder {
                kind: USER,
                aws_id: it.user,
                membership: Some(it.id),
                began: page.began,
            }));
        }
        let began = first.unwrap_or_else(|| self.now());
        self.holders(entitlement, holders, began).await
    }

    /// One membership: who holds it is found by its group. One that is not known has never been
    /// seen: if it is there, the event of its begin has named its group.
    pub(super) async fn membership(&self, id: &str) -> Result<Came, Error> {
        let mut q = self.cx().read().await?;
        let group = reread::group_of_membership(&mut q, self.connection.id, id).await?;
        Ok(Came::Instead(
            group.into_iter().map(Object::Members).collect(),
        ))
    }
}
