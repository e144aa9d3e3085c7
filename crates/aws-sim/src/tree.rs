//! The organization as a tree: its root, units and accounts, the policies attached to them, and
//! the accounts that administer a service for all.

use std::collections::{BTreeMap, HashMap};

use stint_iam_policy::{OrganizationLevel, Origin, Source};

use crate::estate::Estate;
use crate::held::Document;
use crate::ids::Seeded;
use crate::world::World;

/// Units below the root at most (AWS reference §2 [D]).
pub(crate) const DEEPEST: usize = 5;
/// Policies attached to one root, unit or account (AWS reference §2 [D]).
pub(crate) const SCPS_EACH: usize = 5;
/// Characters of a service control policy (AWS reference §2 [D]).
pub(crate) const SCP_SIZE: usize = 5_120;

/// The policy every root, unit and account begins with.
pub(crate) const FULL_ACCESS: &str = "p-FullAWSAccess";

#[derive(Debug, Clone)]
pub(crate) struct Unit {
    /// `ou-…`
    pub(crate) id: String,
    pub(crate) name: String,
    /// The place of the unit it is in; none for the root.
    pub(crate) parent: Option<u32>,
    pub(crate) removed: bool,
}

/// A service control policy.
#[derive(Debug, Clone)]
pub(crate) struct Scp {
    /// `p-…`
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) document: Document,
    pub(crate) of_aws: bool,
    pub(crate) removed: bool,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Tree {
    pub(crate) units: Vec<Unit>,
    /// The unit of each account, by the account's place; none for the root.
    pub(crate) parents: Vec<Option<u32>>,
    pub(crate) scps: Vec<Scp>,
    /// Ids of policies by the id of what they are attached to; the one of AWS where nothing is
    /// noted.
    pub(crate) attached: HashMap<String, Vec<String>>,
    /// Account and service to when it was registered.
    pub(crate) delegated: BTreeMap<(String, String), i64>,
}

impl Tree {
    /// One unit for each kind of account there is.
    pub(crate) fn of(estate: &Estate) -> Tree {
        let mut tree = Tree::default();
        let suffix = estate.root_id.strip_prefix("r-").unwrap_or("root");
        for (place, account) in estate.accounts.iter().enumerate() {
            if place == 0 {
                tree.parents.push(None);
                continue;
            }
            let known = tree.units.iter().position(|unit| unit.name == account.unit);
            let unit = known.unwrap_or_else(|| {
                let mut stream = Seeded::new(estate.seed, account.unit, 0);
                tree.units.push(Unit {
                    id: format!("ou-{suffix}-{}", stream.lower(8)),
                    name: account.unit.to_owned(),
                    parent: None,
                    removed: false,
                });
                tree.units.len() - 1
            });
            tree.parents.push(u32::try_from(unit).ok());
        }
        let text = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
        if let Ok(document) = Document::parse(text) {
            tree.scps.push(Scp {
                id: FULL_ACCESS.to_owned(),
                name: "FullAWSAccess".to_owned(),
                description: "Allows access to every operation".to_owned(),
                document,
                of_aws: true,
                removed: false,
            });
        }
        tree
    }

    pub(crate) fn unit(&self, place: u32) -> Option<&Unit> {
        self.units.get(place as usize)
    }

    pub(crate) fn unit_by_id(&self, id: &str) -> Option<u32> {
        let found = self
            .units
            .iter()
            .position(|unit| !unit.removed && unit.id == id)?;
        u32::try_from(found).ok()
    }

    pub(crate) fn scp(&self, id: &str) -> Option<&Scp> {
        self.scps.iter().find(|scp| !scp.removed && scp.id == id)
    }

    /// The units above something in this unit, the nearest first, that one included.
    pub(crate) fn above(&self, unit: Option<u32>) -> Vec<u32> {
        let mut chain = Vec::new();
        let mut at = unit;
        while let Some(place) = at {
            chain.push(place);
            at = self.unit(place).and_then(|unit| unit.parent);
        }
        chain
    }

    /// Ids of the policies attached to a root, unit or account.
    pub(crate) fn attached_to(&self, target: &str) -> Vec<String> {
        let noted = self.attached.get(target).cloned();
        noted.unwrap_or_else(|| vec![FULL_ACCESS.to_owned()])
    }

    /// Whether an account administers this service, or any.
    pub(crate) fn is_delegate(&self, account: &str, service: Option<&str>) -> bool {
        let mut all = self.delegated.keys();
        all.any(|(of, known)| of == account && service.is_none_or(|service| service == known))
    }
}

impl World {
    /// The service control policies over an account, level by level from the root down; none
    /// over the management account, and none outside the organization (AWS reference §6.1,
    /// §7).
    pub(crate) fn scps_over(&self, account: &str) -> Vec<OrganizationLevel<'_>> {
        let Some(place) = self.accounts_by_id.get(account).copied() else {
            return Vec::new();
        };
        if account == self.estate.management() {
            return Vec::new();
        }
        let unit = self.tree.parents.get(place as usize).copied().flatten();
        let mut targets = vec![self.estate.root_id.as_str()];
        let units = self.tree.above(unit);
        let units = units.iter().rev().filter_map(|unit| self.tree.unit(*unit));
        targets.extend(units.map(|unit| unit.id.as_str()));
        let own = self.estate.accounts.get(place as usize);
        targets.extend(own.map(|own| own.id.as_str()));
        targets
            .into_iter()
            .map(|target| OrganizationLevel {
                name: target,
                policies: self
                    .tree
                    .attached_to(target)
                    .iter()
                    .filter_map(|id| self.tree.scp(id))
                    .map(|scp| Source::of(&scp.id, Origin::None, &scp.document.policy))
                    .collect(),
            })
            .collect()
    }
}
