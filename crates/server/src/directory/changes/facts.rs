//! What else is known of IAM in the credential's own account: roles, what users sign in and call with,
//! and the account's alias. IAM is asked by names; the name of a role is never another's while it is
//! there, that of a user may be.
//!
//! Where one role, or the credentials of one user, may not be looked at, AWS's refusal is believed for
//! some hours: roles are then read by their list, once for all that events told of, and of credentials
//! the next credential report tells.

use stint_aws::{AwsError, IamRole, KeyUse, Object};
use stint_db::Priority;
use stint_domain::entitlement::PrincipalKind;
use stint_domain::{Span, Time};

use super::super::Error;
use super::super::facts::KeyFacts;
use super::super::store::{facts, iam, reread};
use super::super::trust::trusted;
use super::apply::{CHUNK, LANE, Reading, Way, absent, denied};
use super::reread::Came;

/// How long an action that AWS refused is not asked for.
const DENIED_FOR: Span = Span::hours(6);

const ROLE: &str = "iam:GetRole";
/// The actions that tell of a user's credentials.
const CREDENTIALS: &[&str] = &[
    "iam:ListAccessKeys",
    "iam:GetLoginProfile",
    "iam:ListMFADevices",
];

impl Reading<'_> {
    /// Whether AWS refused one of these actions in the account lately.
    async fn refused_lately(&self, account: &str, actions: &[&str]) -> Result<bool, Error> {
        let since = self.now() - DENIED_FOR;
        let mut q = self.cx().read().await?;
        let known = iam::denied(&mut q, self.connection.id, account, since).await?;
        Ok(actions.iter().any(|action| known.contains(*action)))
    }

    /// Notes that AWS refused an action in the account.
    async fn note_refusal(&self, account: &str, error: &AwsError) -> Result<(), Error> {
        let mut tx = self.cx().begin(Priority::Sync).await?;
        let of = (self.connection.id, account);
        iam::deny(&mut tx, of, error.operation, self.now()).await?;
        Ok(tx.commit().await?)
    }

    async fn saw_roles(&self, account: &str, roles: &[IamRole], began: Time) -> Result<(), Error> {
        for chunk in roles.chunks(CHUNK) {
            let mut tx = self.write().await?;
            for role in chunk {
                let of = (self.connection.id, account);
                iam::see_role(&mut tx, of, role, &trusted(role), began).await?;
            }
            tx.commit().await?;
        }
        Ok(())
    }

    /// The role of this name.
    pub(super) async fn iam_role(
        &self,
        way: &Way,
        account: &str,
        name: &str,
    ) -> Result<Came, Error> {
        if !self.is_own(way, account).await? {
            return Ok(Came::Instead(Vec::new()));
        }
        let list = || {
            let account = account.to_owned();
            Came::Instead(vec![Object::IamRoles { account }])
        };
        if self.refused_lately(account, &[ROLE]).await? {
            return Ok(list());
        }
        let began = self.now();
        let found = match way.estate.iam_role(name, LANE).await {
            Ok(found) => found,
            Err(error) if denied(&error) => {
                self.note_refusal(account, &error).await?;
                return Ok(list());
            }
            Err(error) => return Err(self.aws("IAM roles", error)),
        };
        if let Some(role) = &found {
            self.saw_roles(account, std::slice::from_ref(role), began)
                .await?;
        }
        let bearer = found.map(|role| role.id).unwrap_or_default();
        let absence = self.absence(began);
        let mut tx = self.write().await?;
        let of = (self.connection.id, account);
        let fresh = reread::iam_role_gone(&mut tx, of, name, &bearer, absence).await?;
        tx.commit().await?;
        Ok(match fresh {
            Some(seen) => Came::Again(self.believable(seen)),
            None => Came::Read(began),
        })
    }

    /// All roles: which are there, and which are gone.
    pub(super) async fn iam_roles(&self, way: &Way, account: &str) -> Result<Came, Error> {
        if !self.is_own(way, account).await? {
            return Ok(Came::Instead(Vec::new()));
        }
        let mut pages = way.estate.iam_roles(None, LANE);
        let (mut first, mut listed) = (None, 0_usize);
        loop {
            let page = match pages.next().await {
                Ok(Some(page)) => page,
                Ok(None) => break,
                // The sync says what is missing.
                Err(error) if denied(&error) => return Ok(Came::Instead(Vec::new())),
                Err(error) => return Err(self.aws("IAM roles", error)),
            };
            first = first.or(Some(page.began));
            listed += page.items.len();
            self.saw_roles(account, &page.items, page.began).await?;
        }
        self.list_read(account, iam::ROLE_LIST, first, listed).await
    }

    /// Password, MFA and access keys of the user of this name. When keys were last used stays as it was
    /// last told.
    pub(super) async fn iam_credentials(
        &self,
        way: &Way,
        account: &str,
        name: &str,
    ) -> Result<Came, Error> {
        if !self.is_own(way, account).await? || self.refused_lately(account, CREDENTIALS).await? {
            return Ok(Came::Instead(Vec::new()));
        }
        let this = || Object::IamUser {
            account: account.to_owned(),
            name: name.to_owned(),
        };
        let began = self.now();
        let user = match way.estate.iam_user(name, LANE).await {
            Ok(Some(user)) => user,
            // Its own reading tells what became of it.
            Ok(None) => return Ok(Came::Instead(vec![this()])),
            // Whose they would be is not told.
            Err(error) if denied(&error) => return Ok(Came::Instead(Vec::new())),
            Err(error) => return Err(self.aws("IAM users", error)),
        };
        let mut told = match way.estate.iam_credentials(&user, LANE).await {
            Ok(told) => told,
            Err(error) if absent(&error) => return Ok(Came::Instead(vec![this()])),
            Err(error) if denied(&error) => {
                self.note_refusal(account, &error).await?;
                return Ok(Came::Instead(Vec::new()));
            }
            Err(error) => return Err(self.aws("credentials of IAM users", error)),
        };
        // They were listed by the name: it may have become another's meanwhile.
        let after = way.estate.iam_user(name, LANE).await;
        let after = after.map_err(|error| self.aws("IAM users", error))?;
        if after.is_none_or(|after| after.id != user.id) {
            return Ok(Came::Again(self.believable(self.now())));
        }
        let connection = self.connection.id;
        let mut tx = self.write().await?;
        let kind = PrincipalKind::IamUser;
        let Some(known) = reread::principal(&mut tx, connection, kind, &user.id).await? else {
            return Ok(Came::After(vec![this()]));
        };
        let before = facts::keys(&mut tx, known.id).await?;
        told.keys = used_as_before(told.keys, before);
        iam::see_credentials(&mut tx, known.id, &user, Some((&told, began))).await?;
        tx.commit().await?;
        Ok(Came::Read(began))
    }

    /// What the account's sign-in page is called.
    pub(super) async fn iam_alias(&self, way: &Way, account: &str) -> Result<Came, Error> {
        if !self.is_own(way, account).await? {
            return Ok(Came::Instead(Vec::new()));
        }
        let began = self.now();
        let alias = match way.estate.account_alias(LANE).await {
            Ok(alias) => alias,
            Err(error) if denied(&error) => return Ok(Came::Instead(Vec::new())),
            Err(error) => return Err(self.aws("account aliases", error)),
        };
        let mut tx = self.write().await?;
        facts::see_alias(&mut tx, self.connection.id, account, alias).await?;
        tx.commit().await?;
        Ok(Came::Read(began))
    }
}

/// These keys, with when each was last used as it was told `before`: a list of keys tells only when
/// they were made. One whose state is as it was keeps since when, too.
fn used_as_before(keys: Vec<KeyUse>, mut before: Vec<KeyFacts>) -> Vec<KeyUse> {
    let second = |at: Time| at.micros().div_euclid(1_000_000);
    // Those first that say by when they were made which they are.
    let mut found: Vec<Option<KeyFacts>> = Vec::with_capacity(keys.len());
    for key in &keys {
        let same = |it: &KeyFacts| second(it.rotated_at) == second(key.rotated_at);
        let at = before.iter().position(same);
        found.push(at.map(|at| before.remove(at)));
    }
    // One that was switched on or off since it was made is told by that moment: where one is left on
    // either side, it is that.
    let lacking: Vec<usize> = (found.iter().enumerate())
        .filter(|(_, it)| it.is_none())
        .map(|(at, _)| at)
        .collect();
    let one_left = before.len() == 1;
    if let [at] = lacking.as_slice()
        && one_left
        && let Some(key) = keys.get(*at)
        && let Some(slot) = found.get_mut(*at)
    {
        *slot = before.pop().filter(|it| it.rotated_at >= key.rotated_at);
    }
    let both = keys.into_iter().zip(found);
    both.map(|(key, before)| match before {
        Some(before) => KeyUse {
            active: key.active,
            rotated_at: before.rotated_at,
            used_at: before.used_at,
            service: before.service,
            region: before.region,
        },
        None => key,
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(active: bool, made: i64) -> KeyUse {
        KeyUse {
            active,
            rotated_at: Time::from_micros(made * 1_000_000),
            used_at: None,
            service: None,
            region: None,
        }
    }

    fn known(active: bool, rotated: i64, used: i64) -> KeyFacts {
        KeyFacts {
            active,
            rotated_at: Time::from_micros(rotated * 1_000_000),
            used_at: Some(Time::from_micros(used * 1_000_000)),
            service: Some("s3".to_owned()),
            region: None,
        }
    }

    #[test]
    fn a_key_keeps_when_it_was_used_and_a_new_one_was_not() {
        let used = |keys: &[KeyUse]| -> Vec<Option<i64>> {
            let all = keys.iter().map(|key| key.used_at);
            all.map(|at| at.map(|at| at.micros() / 1_000_000)).collect()
        };
        let now = used_as_before(vec![key(false, 5), key(true, 90)], vec![known(true, 5, 60)]);
        assert_eq!(used(&now), [Some(60), None]);
        assert_eq!(
            now.first().map(|key| key.active),
            Some(false),
            "switched off"
        );
        // One that was switched off at 40 is known by that moment.
        let now = used_as_before(vec![key(true, 5)], vec![known(false, 40, 30)]);
        assert_eq!(used(&now), [Some(30)]);
        assert_eq!(now.first().map(|key| key.active), Some(true));
        // Another was deleted, and this is new.
        let now = used_as_before(vec![key(true, 90)], vec![known(true, 40, 30)]);
        assert_eq!(used(&now), [None]);
        assert!(used_as_before(Vec::new(), vec![known(true, 5, 6)]).is_empty());
    }
}
