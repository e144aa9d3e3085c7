//! Where accounts are in the organization: by the ids of `Paths`, or of the tree where AWS does not
//! send them, and by the names of its units.
//!
//! The names are read again when an account is in a unit that is not known, and once a day.

use std::collections::HashMap;

use stint_aws::{Account, AwsError, ErrorKind, Lane, OrganizationTree, Unit};
use stint_domain::{Span, Time};

use super::super::super::Error;
use super::super::super::classes::Class;
use super::super::super::store::{facts, iam};
use super::{CHUNK, Walk};

/// How long the names of units are believed.
const NAMED_FOR: Span = Span::hours(24);

/// How long a tree that AWS refused is not asked for.
const DENIED_FOR: Span = Span::hours(6);

impl Walk<'_> {
    /// Notes where these accounts, all there are, stand. Nothing that is not known stops a sync.
    pub(super) async fn places(&self, accounts: &[Account]) -> Result<(), Error> {
        let connection = self.run().await.connection;
        let now = self.cx.app.clock.now();
        let mut q = self.cx.read().await?;
        let known = facts::units(&mut q, connection).await?;
        let denied = iam::denied(&mut q, connection, "", now - DENIED_FOR).await?;
        drop(q);
        let mut units: HashMap<String, Unit> = (known.iter())
            .map(|(unit, _)| (unit.id.clone(), unit.clone()))
            .collect();
        let mut placed = HashMap::new();
        let unplaced = accounts.iter().any(|account| ids(account).is_none());
        let mut came = known.iter().map(|(_, seen)| *seen).min().map(Ok);
        let needed = unplaced || stale(accounts, &known, now);
        if needed && let Some(action) = denied.first() {
            came = Some(Err(format!("AWS refused {action}.")));
        } else if needed {
            match self.estate.organization_tree(unplaced, Lane::Sync).await {
                Ok(tree) => {
                    self.write_units(&tree, now).await?;
                    came = Some(Ok(now));
                    units = (tree.units.into_iter())
                        .map(|unit| (unit.id.clone(), unit))
                        .collect();
                    placed = tree.accounts;
                }
                Err(error) if error.ends_everything() => {
                    return Err(self.aws("accounts", error).await);
                }
                Err(error) => {
                    came = Some(Err(format!("{error}.")));
                    self.no_tree(&error, now).await?;
                }
            }
        }
        if let Some(came) = came {
            self.came(Class::Units, came).await?;
        }
        for chunk in accounts.chunks(CHUNK) {
            let (sink, mut tx) = self.write().await?;
            for account in chunk {
                let path = ids(account).or_else(|| climb(placed.get(&account.id)?, &units));
                let place = facts::Place {
                    units: path.as_deref().and_then(|path| names(path, &units)),
                    path: path.map(|path| path.join("/")),
                };
                facts::see_place(&mut tx, connection, account, &place).await?;
            }
            self.moved((sink, tx)).await?;
        }
        Ok(())
    }

    async fn write_units(&self, tree: &OrganizationTree, now: Time) -> Result<(), Error> {
        let connection = self.run().await.connection;
        for chunk in tree.units.chunks(CHUNK) {
            let (sink, mut tx) = self.write().await?;
            for unit in chunk {
                facts::see_unit(&mut tx, connection, unit, now).await?;
            }
            self.moved((sink, tx)).await?;
        }
        let (sink, mut tx) = self.write().await?;
        facts::units_gone(&mut tx, connection, now).await?;
        self.moved((sink, tx)).await
    }

    async fn no_tree(&self, error: &AwsError, now: Time) -> Result<(), Error> {
        let connection = self.run().await.connection;
        tracing::info!(connection.id = %connection, error = %error, "sync.no_tree");
        if error.kind == ErrorKind::Denied {
            let of = (connection, "");
            let (sink, mut tx) = self.write().await?;
            iam::deny(&mut tx, of, error.operation, now).await?;
            self.moved((sink, tx)).await?;
        }
        Ok(())
    }
}

/// Whether the names known do not say where these accounts are, or are old.
fn stale(accounts: &[Account], known: &[(Unit, Time)], now: Time) -> bool {
    let named: HashMap<&str, Time> = (known.iter())
        .map(|(unit, at)| (unit.id.as_str(), *at))
        .collect();
    accounts.iter().filter_map(ids).flatten().any(|id| {
        let seen = named.get(id.as_str());
        seen.is_none_or(|seen| *seen <= now - NAMED_FOR)
    })
}

/// The root and units above an account, outermost first, where AWS sent them:
/// `o-…/r-…/ou-…/ou-…/`.
pub(in crate::directory) fn ids(account: &Account) -> Option<Vec<String>> {
    let path = account.paths.first()?;
    let ids = path.split('/');
    let ids = ids.filter(|id| id.starts_with("r-") || id.starts_with("ou-"));
    let ids: Vec<String> = ids.map(str::to_owned).collect();
    (!ids.is_empty()).then_some(ids)
}

/// From a unit up to the root, outermost first.
fn climb(from: &str, units: &HashMap<String, Unit>) -> Option<Vec<String>> {
    let mut path = vec![from.to_owned()];
    let mut at = units.get(from)?;
    // Units are five deep (AWS reference §2); a ring would be no organization.
    while let Some(parent) = &at.parent
        && path.len() < 32
    {
        path.push(parent.clone());
        at = units.get(parent)?;
    }
    path.reverse();
    Some(path)
}

/// The same by names, where all are known.
pub(in crate::directory) fn names(
    path: &[String],
    units: &HashMap<String, Unit>,
) -> Option<String> {
    let names: Option<Vec<&str>> = path
        .iter()
        .map(|id| units.get(id).map(|unit| unit.name.as_str()))
        .collect();
    names.map(|names| names.join("/"))
}

#[cfg(test)]
mod tests {
    use stint_aws::AccountState;

    use super::*;

    fn account(paths: &[&str]) -> Account {
        Account {
            id: "111122223333".into(),
            arn: "arn:aws:organizations::444455556666:account/o-a/111122223333".into(),
            name: "prod".into(),
            email: None,
            state: AccountState::Active,
            paths: paths.iter().map(|path| (*path).to_owned()).collect(),
        }
    }

    fn unit(id: &str, name: &str, parent: Option<&str>) -> (String, Unit) {
        let unit = Unit {
            id: id.into(),
            name: name.into(),
            parent: parent.map(str::to_owned),
        };
        (id.to_owned(), unit)
    }

    #[test]
    fn a_path_is_read_climbed_and_named() {
        let units: HashMap<String, Unit> = [
            unit("r-1", "Root", None),
            unit("ou-1-a", "Workloads", Some("r-1")),
            unit("ou-1-b", "Prod", Some("ou-1-a")),
        ]
        .into();
        let told = account(&["o-a/r-1/ou-1-a/ou-1-b/111122223333/"]);
        let path = ids(&told).expect("a path");
        assert_eq!(path, ["r-1", "ou-1-a", "ou-1-b"]);
        assert_eq!(climb("ou-1-b", &units), Some(path.clone()));
        assert_eq!(names(&path, &units).as_deref(), Some("Root/Workloads/Prod"));
        assert_eq!(ids(&account(&[])), None);
        assert_eq!(names(&["ou-9".into()], &units), None, "nothing is made up");
        let ring: HashMap<String, Unit> = [unit("ou-1", "A", Some("ou-1"))].into();
        assert_eq!(climb("ou-1", &ring).map(|path| path.len()), Some(32));
    }
}
