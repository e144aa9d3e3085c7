//! One object, read again and written down.

use std::collections::BTreeSet;

use aws_lc_rs::digest;
use serde_json::json;
use stint_aws::{AwsError, ErrorKind, Estate, Lane, Object};
use stint_db::Tx;
use stint_domain::entitlement::{EntitlementKey, Pair, PrincipalKind};
use stint_domain::{EntitlementId, PrincipalId, Time};

use super::super::Error;
use super::super::observe::{Change, Observed, observe};
use super::super::store::reread::{self, Absence};
use super::super::store::{changes as rows, runs, things};
use super::READ;
use super::reread::Came;
use crate::connections::{self, Connection};
use crate::cx::{App, Cx};

/// How many rows are written in one transaction: a few milliseconds.
pub(super) const CHUNK: usize = 200;

/// The readings of one connection.
pub(super) struct Reading<'a> {
    pub(super) app: &'a App,
    pub(super) connection: &'a Connection,
}

/// Somebody who holds something, as AWS lists it.
pub(super) struct Holder {
    pub(super) kind: PrincipalKind,
    pub(super) aws_id: String,
    pub(super) membership: Option<String>,
    /// When the page with it began.
    pub(super) began: Time,
}

/// The names by which AWS's calls reach the estate.
pub(super) struct Way {
    pub(super) estate: Estate,
    pub(super) instance: String,
    pub(super) store: String,
}

impl<'a> Reading<'a> {
    pub(super) fn new(app: &'a App, connection: &'a Connection) -> Self {
        Self { app, connection }
    }

    /// Reads the object again, and writes down what AWS said.
    pub(super) async fn read(&self, object: &Object) -> Result<Came, Error> {
        let of = self.connection;
        let names = of.instance_arn.clone().zip(of.identity_store_id.clone());
        let (instance, store) = names.ok_or(Error::NotReady(of.id))?;
        let estate = connections::estate(self.app, self.connection)
            .map_err(|error| Error::Connection(Box::new(error)))?;
        let way = Way {
            estate,
            instance,
            store,
        };
        match object {
            Object::Accounts => self.accounts(&way).await,
            Object::AccountTags(account) if self.connection.scope.account_tags => {
                self.account_tags(&way, account).await
            }
            Object::Units => self.units(&way).await,
            Object::PermissionSet(arn) => self.permission_set(&way, arn).await,
            Object::Assignments {
                account,
                permission_set,
            } => self.assignments(&way, account, permission_set).await,
            Object::Users => self.users(&way).await,
            Object::User(id) => self.user(&way, id).await,
            Object::Groups => self.groups(&way).await,
            Object::Group(id) => self.group(&way, id).await,
            Object::Members(id) => self.members(&way, id).await,
            Object::Membership(id) => self.membership(id).await,
            Object::IamUsers { account } if self.connection.iam => {
                self.iam_users(&way, account).await
            }
            Object::IamUser { account, name } if self.connection.iam => {
                self.iam_user(&way, account, name).await
            }
            Object::IamGroup { account, name } if self.connection.iam => {
                self.iam_group(&way, account, name).await
            }
            Object::IamCredentials { account, name } if self.connection.iam => {
                self.iam_credentials(&way, account, name).await
            }
            Object::IamRoles { account } if self.connection.iam => {
                self.iam_roles(&way, account).await
            }
            Object::IamRole { account, name } if self.connection.iam => {
                self.iam_role(&way, account, name).await
            }
            Object::IamAccount { account } if self.connection.iam => {
                self.iam_alias(&way, account).await
            }
            // It was switched off since; everything is another's work.
            Object::AccountTags(_)
            | Object::IamUsers { .. }
            | Object::IamUser { .. }
            | Object::IamGroup { .. }
            | Object::IamCredentials { .. }
            | Object::IamRoles { .. }
            | Object::IamRole { .. }
            | Object::IamAccount { .. }
            | Object::Everything => Ok(Came::Instead(Vec::new())),
        }
    }

    pub(super) fn cx(&self) -> Cx {
        Cx::system(self.app, READ)
    }

    pub(super) async fn write(&self) -> Result<Tx, Error> {
        super::super::sync::begin(&self.cx(), self.connection.id).await
    }

    pub(super) fn now(&self) -> Time {
        self.app.clock.now()
    }

    /// What a reading begun then may take for gone.
    pub(super) fn absence(&self, began: Time) -> Absence {
        Absence {
            began,
            until: began - self.app.model.lag,
        }
    }

    /// When what was last seen then may be looked for again.
    pub(super) fn believable(&self, last_seen: Time) -> Time {
        last_seen + self.app.model.lag
    }

    pub(super) fn aws(&self, phase: &'static str, source: AwsError) -> Error {
        Error::Aws {
            connection: self.connection.id,
            phase,
            source: Box::new(source),
        }
    }

    /// Who holds an entitlement, read whole by a reading that began then: those who do are written
    /// down, and the others have ended. Whoever is not known is to be read, too.
    pub(super) async fn holders(
        &self,
        entitlement: EntitlementId,
        holders: Vec<Holder>,
        began: Time,
    ) -> Result<Came, Error> {
        let id = self.connection.id;
        let before = rows::read_whole(&mut self.cx().read().await?, id).await?;
        let mut strangers = BTreeSet::new();
        for chunk in holders.chunks(CHUNK) {
            let mut tx = self.write().await?;
            let mut appeared = 0_u64;
            let mut digest = digest::Context::new(&digest::SHA256);
            for holder in chunk {
                let (principal, known) = self.principal(&mut tx, holder).await?;
                if !known {
                    strangers.insert((holder.kind, holder.aws_id.clone()));
                }
                let pair = Pair {
                    connection: id,
                    principal,
                    entitlement,
                };
                let line = format!("{entitlement} {} {}\n", holder.kind.as_str(), holder.aws_id);
                digest.update(line.as_bytes());
                let observed = Observed {
                    began: holder.began,
                    present: true,
                    membership: holder.membership.clone(),
                    absent_before: before.filter(|at| *at <= holder.began),
                };
                if observe(self.app, &mut tx, &pair, &observed).await? == Change::Appeared {
                    appeared += 1;
                }
            }
            if appeared > 0 {
                self.tell(&mut tx, [entitlement], appeared, 0, &hex(digest));
            }
            tx.commit().await?;
        }
        if !strangers.is_empty() {
            self.look_at(strangers).await?;
        }
        let absence = self.absence(began);
        if !self.end(&[entitlement], absence).await? {
            return Ok(Came::Whole);
        }
        let mut q = self.cx().read().await?;
        Ok(
            match reread::held_fresh(&mut q, entitlement, absence).await? {
                Some(seen) => Came::Again(self.believable(seen)),
                None => Came::Read(began),
            },
        )
    }

    /// Whoever is not known is to be read.
    async fn look_at(&self, strangers: BTreeSet<(PrincipalKind, String)>) -> Result<(), Error> {
        let now = self.now();
        let mut tx = self.write().await?;
        for (kind, aws_id) in strangers {
            let object = match kind {
                PrincipalKind::IdentityCenterUser => Object::User(aws_id),
                PrincipalKind::IdentityCenterGroup => Object::Group(aws_id),
                // A reading of an IAM group tells their names.
                _ => continue,
            };
            rows::hear(&mut tx, self.connection.id, &object, now, now, super::MOST).await?;
        }
        Ok(tx.commit().await?)
    }

    async fn principal(&self, tx: &mut Tx, holder: &Holder) -> Result<(PrincipalId, bool), Error> {
        let connection = self.connection.id;
        let found = reread::principal(tx, connection, holder.kind, &holder.aws_id).await?;
        if let Some(found) = found {
            return Ok((found.id, true));
        }
        let id = self.app.new_id();
        things::stand_in(
            tx,
            id,
            connection,
            holder.kind,
            &holder.aws_id,
            holder.began,
        )
        .await?;
        let found = reread::principal(tx, connection, holder.kind, &holder.aws_id).await?;
        Ok((found.map_or(id, |it| it.id), false))
    }

    /// Ends what is held of these and was not seen since, all of it or nothing: false, and nothing
    /// has ended, where this and the readings before it together would end more than a sync may by
    /// itself. A full sync then shows it to a person.
    pub(super) async fn end(
        &self,
        entitlements: &[EntitlementId],
        absence: Absence,
    ) -> Result<bool, Error> {
        let mut tx = self.write().await?;
        let ended = self.end_in(&mut tx, entitlements, absence).await?;
        if ended {
            tx.commit().await?;
        }
        Ok(ended)
    }

    /// The same in a transaction of the caller's, who gives it up where it is false.
    pub(super) async fn end_in(
        &self,
        tx: &mut Tx,
        entitlements: &[EntitlementId],
        absence: Absence,
    ) -> Result<bool, Error> {
        let id = self.connection.id;
        let mut ending = 0_i64;
        for entitlement in entitlements {
            ending += reread::ending(tx, *entitlement, absence.until).await?;
        }
        if ending == 0 {
            return Ok(true);
        }
        // Of a run that waits for a person nothing is spent again.
        let whole = runs::last_complete(tx, id).await?;
        let all = rows::ended_since(tx, id, whole).await? + ending;
        let rule = self.app.hold;
        if count(all) >= rule.least {
            let open = reread::open(tx, id).await? + all - ending;
            if rule.holds(count(all), count(open)) {
                return Ok(false);
            }
        }
        let mut ended = 0;
        for entitlement in entitlements {
            ended += reread::end(tx, *entitlement, absence).await?;
        }
        rows::set_ended(tx, id, all, whole).await?;
        let digest = digest::Context::new(&digest::SHA256);
        self.tell(tx, entitlements.iter().copied(), 0, ended, &hex(digest));
        Ok(true)
    }

    /// Whether a list that no longer shows so many is to be shown to a person before it is
    /// believed.
    pub(super) fn too_many(&self, missing: u64, seen: usize) -> bool {
        let seen = u64::try_from(seen).unwrap_or(u64::MAX);
        self.app.hold.holds(missing, seen.saturating_add(missing))
    }

    /// What readings changed of who holds what: one event, in the transaction that writes it.
    fn tell(
        &self,
        tx: &mut Tx,
        entitlements: impl IntoIterator<Item = EntitlementId>,
        appeared: u64,
        ended: u64,
        digest: &str,
    ) {
        // Of very many the first; the digest is over those seen.
        let of: Vec<String> = entitlements
            .into_iter()
            .take(20)
            .map(|it| it.to_string())
            .collect();
        let facts =
            json!({ "entitlements": of, "appeared": appeared, "ended": ended, "digest": digest });
        tx.audit(
            self.cx()
                .event("changes.read", [self.connection.id.into()], facts),
        );
    }

    /// The entitlement, if AWS still has it as far as is known.
    pub(super) async fn known(&self, key: &EntitlementKey) -> Result<Option<EntitlementId>, Error> {
        let mut q = self.cx().read().await?;
        let found = reread::entitlement(&mut q, self.connection.id, key).await?;
        Ok(found.filter(|(_, there)| *there).map(|(id, _)| id))
    }
}

fn count(n: i64) -> u64 {
    u64::try_from(n).unwrap_or(0)
}

fn hex(digest: digest::Context) -> String {
    let bytes = digest.finish();
    bytes.as_ref().iter().map(|b| format!("{b:02x}")).collect()
}

/// Where the lane of these calls is: behind everything a person or a grant waits for.
pub(super) const LANE: Lane = Lane::Sync;

/// Whether AWS says there is none; every other failure leaves no reading.
pub(super) fn absent(error: &AwsError) -> bool {
    error.kind == ErrorKind::NotFound
}

/// Whether a narrower action is missing, and the list does it as well.
pub(super) fn denied(error: &AwsError) -> bool {
    error.kind == ErrorKind::Denied
}
