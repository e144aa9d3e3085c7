//! The organization's root and units, and which accounts are where.
//!
//! One call for the units below each place, and one for its accounts where `Paths` does not tell
//! (AWS reference §3.4): far fewer than asking every account for its parents.

use std::collections::HashMap;

use super::PAGE;
use crate::error::AwsError;
use crate::estate::{Estate, Session, required};
use crate::governor::{Lane, Service};

const ROOTS: &str = "organizations:ListRoots";
const UNITS: &str = "organizations:ListOrganizationalUnitsForParent";
const ACCOUNTS: &str = "organizations:ListAccountsForParent";

/// The root of an organization, or a unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// `r-…` or `ou-…`
    pub id: String,
    /// What people call it; `Root` for the root.
    pub name: String,
    /// What it is in; none for the root.
    pub parent: Option<String>,
}

/// An organization as a tree.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OrganizationTree {
    /// The root, then units; each after what it is in.
    pub units: Vec<Unit>,
    /// In what each account is: unit or root by account, where that was asked.
    pub accounts: HashMap<String, String>,
}

impl Estate {
    /// Reads the tree, with the accounts in each place where `accounts` says so.
    pub async fn organization_tree(
        &self,
        accounts: bool,
        lane: Lane,
    ) -> Result<OrganizationTree, AwsError> {
        let mut tree = OrganizationTree {
            units: self.roots(lane).await?,
            accounts: HashMap::new(),
        };
        let mut at = 0;
        while let Some(place) = tree.units.get(at) {
            let id = place.id.clone();
            if accounts {
                for account in self.accounts_in(&id, lane).await? {
                    tree.accounts.insert(account, id.clone());
                }
            }
            tree.units.extend(self.units_in(&id, lane).await?);
            at += 1;
        }
        Ok(tree)
    }

    async fn roots(&self, lane: Lane) -> Result<Vec<Unit>, AwsError> {
        let (mut found, mut token) = (Vec::new(), None::<String>);
        loop {
            let send = |s: &Session| {
                let list = s.organizations.list_roots();
                list.set_next_token(token.clone()).send()
            };
            let answer = self.look(lane, Service::Organizations, ROOTS, send).await?;
            for root in answer.roots() {
                found.push(Unit {
                    id: required(root.id(), ROOTS, "Id")?,
                    name: root.name().unwrap_or("Root").to_owned(),
                    parent: None,
                });
            }
            token = next(ROOTS, &token, answer.next_token())?;
            if token.is_none() {
                return Ok(found);
            }
        }
    }

    async fn units_in(&self, parent: &str, lane: Lane) -> Result<Vec<Unit>, AwsError> {
        let (mut found, mut token) = (Vec::new(), None::<String>);
        loop {
            let send = |s: &Session| {
                let list = s.organizations.list_organizational_units_for_parent();
                let list = list.parent_id(parent).max_results(PAGE);
                list.set_next_token(token.clone()).send()
            };
            let answer = self.look(lane, Service::Organizations, UNITS, send).await?;
            for unit in answer.organizational_units() {
                let id = required(unit.id(), UNITS, "Id")?;
                found.push(Unit {
                    name: unit.name().unwrap_or(&id).to_owned(),
                    parent: Some(parent.to_owned()),
                    id,
                });
            }
            token = next(UNITS, &token, answer.next_token())?;
            if token.is_none() {
                return Ok(found);
            }
        }
    }

    async fn accounts_in(&self, parent: &str, lane: Lane) -> Result<Vec<String>, AwsError> {
        let (mut found, mut token) = (Vec::new(), None::<String>);
        loop {
            let send = |s: &Session| {
                let list = s.organizations.list_accounts_for_parent();
                let list = list.parent_id(parent).max_results(PAGE);
                list.set_next_token(token.clone()).send()
            };
            let answer = self
                .look(lane, Service::Organizations, ACCOUNTS, send)
                .await?;
            for account in answer.accounts() {
                found.push(required(account.id(), ACCOUNTS, "Id")?);
            }
            token = next(ACCOUNTS, &token, answer.next_token())?;
            if token.is_none() {
                return Ok(found);
            }
        }
    }
}

/// The token of the next page. The same once more would never end.
pub(super) fn next(
    operation: &'static str,
    before: &Option<String>,
    now: Option<&str>,
) -> Result<Option<String>, AwsError> {
    if now.is_some() && before.as_deref() == now {
        return Err(AwsError::unreadable(operation, "a new page token"));
    }
    Ok(now.map(str::to_owned))
}
