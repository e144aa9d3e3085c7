//! The roles Identity Center keeps in the accounts: derived, never stored.
//!
//! One is there while its permission set has an assignment in the account. With the last one it
//! goes, and comes back under another suffix and id (AWS reference §1.3 [D]).

use stint_iam_policy::{Actions, Effect, Policy, PrincipalEntry, Principals, Statement, Version};

use crate::estate::SetBoundary;
use crate::held::{Document, Held, managed_arn};
use crate::iam::{Entity, IamRole, RESERVED};
use crate::ids::Seeded;
use crate::world::{REGION, World};

impl World {
    /// The role of a permission set in an account, were it there.
    pub(crate) fn reserved_role(&self, account: u32, set: u32) -> Option<IamRole> {
        let of = self.estate.accounts.get(account as usize)?;
        let known = self.estate.sets.get(set as usize)?;
        let round = self.rounds.get(&(account, set)).copied();
        let (_, since) = round.unwrap_or((0, known.created_at.max(of.joined_at)));
        let (suffix, id) = self.reserved_ids(account, set)?;
        let instance = self.estate.instance.trim_start_matches("ssoins-");
        Some(IamRole {
            entity: Entity {
                account: of.id.clone(),
                // No region in us-east-1 (AWS reference §1.3 [K]).
                path: format!("{RESERVED}{REGION}/"),
                name: format!("AWSReservedSSO_{}_{suffix}", known.name),
                id,
                created_at: since,
                removed: false,
            },
            trust: Document::of(trust(&format!(
                "arn:aws:iam::{}:saml-provider/AWSSSO_{instance}_DO_NOT_DELETE",
                of.id
            ))),
            description: Some(known.description.clone()).filter(|text| !text.is_empty()),
            longest_session: 43_200,
            tags: Vec::new(),
        })
    }

    /// The suffix of that role's name, and its id.
    fn reserved_ids(&self, account: u32, set: u32) -> Option<(String, String)> {
        let of = self.estate.accounts.get(account as usize)?;
        let known = self.estate.sets.get(set as usize)?;
        let round = self
            .rounds
            .get(&(account, set))
            .map_or(0, |(round, _)| *round);
        let label = format!("reserved role {} {}", of.id, known.arn);
        let mut stream = Seeded::new(self.estate.seed, &label, round);
        Some((stream.hex(16), format!("AROA{}", stream.upper(17))))
    }

    /// Brings every permission set into the accounts a fresh estate has it in.
    pub(crate) fn provision_estate(&mut self) {
        let pairs: Vec<(u32, u32)> = self.relations().provisioned_pairs().collect();
        for (account, set) in pairs {
            // Of AWS's own policies an account lacks none.
            let _ = self.provision(account, set);
        }
    }

    /// Identity Center's roles in an account, from the set at `from` on, with its place.
    pub(crate) fn reserved_roles(
        &self,
        account: &str,
        from: u32,
    ) -> impl Iterator<Item = (u32, IamRole)> + '_ {
        let place = self.accounts_by_id.get(account).copied();
        place.into_iter().flat_map(move |account| {
            self.relations()
                .sets_in(account, from)
                .filter_map(move |set| Some((set, self.reserved_role(account, set)?)))
        })
    }

    /// The one with this name, if it is there now.
    pub(crate) fn reserved_role_named(&self, account: &str, name: &str) -> Option<IamRole> {
        if !name.get(..15)?.eq_ignore_ascii_case("AWSReservedSSO_") {
            return None;
        }
        let mut roles = self.reserved_roles(account, 0);
        roles
            .find(|(_, role)| role.entity.name.eq_ignore_ascii_case(name))
            .map(|(_, role)| role)
    }

    /// Whether an account has a permission set as it is now.
    pub(crate) fn is_latest(&self, account: u32, set: u32) -> bool {
        let have = self.have.get(&(account, set)).copied().unwrap_or(0);
        let known = self.estate.sets.get(set as usize);
        known.is_none_or(|known| known.revision == have)
    }

    /// Why an assignment cannot be carried out: the account lacks a policy the set refers to.
    pub(crate) fn lacks(&self, write: &crate::writes::Write) -> Option<String> {
        self.held_by_role(write.account, write.set).err()
    }

    /// Brings a permission set as it is now into an account it is in.
    pub(crate) fn provision(&mut self, account: u32, set: u32) -> Result<(), String> {
        let held = self.held_by_role(account, set)?;
        if let Some((_, id)) = self.reserved_ids(account, set) {
            let empty = held.inline.is_empty() && held.attached.is_empty();
            if empty && held.boundary.is_none() {
                self.access.held.remove(&id);
            } else {
                self.access.held.insert(id, held);
            }
        }
        if let Some(known) = self.estate.sets.get(set as usize) {
            self.have.insert((account, set), known.revision);
        }
        Ok(())
    }

    /// What the role of a permission set holds in an account, or what the account lacks for it.
    fn held_by_role(&self, account: u32, set: u32) -> Result<Held, String> {
        let of = self.estate.accounts.get(account as usize);
        let known = self.estate.sets.get(set as usize);
        let (Some(of), Some(known)) = (of, known) else {
            return Ok(Held::default());
        };
        let here = |path: &str, name: &str| {
            let arn = managed_arn(&of.id, path, name);
            match self.access.managed.get(&arn) {
                Some(_) => Ok(arn),
                // Seen for a policy the account does not have [R].
                None => Err(format!(
                    "Received a 404 status error: Not supported policy {arn}."
                )),
            }
        };
        let mut held = Held::default();
        if let Some(inline) = &known.papers.inline {
            held.inline
                .insert("AwsSSOInlinePolicy".to_owned(), inline.clone());
        }
        held.attached.clone_from(&known.papers.managed);
        for (path, name) in &known.papers.customer {
            held.attached.push(here(path, name)?);
        }
        held.boundary = match &known.papers.boundary {
            None => None,
            Some(SetBoundary::Managed(arn)) => Some(arn.clone()),
            Some(SetBoundary::Customer(path, name)) => Some(here(path, name)?),
        };
        Ok(held)
    }

    /// Notes that a permission set came into an account it was not in: another role from now on,
    /// unless it is the first.
    pub(crate) fn provisioned_anew(&mut self, account: u32, set: u32, at: i64) {
        let next = self
            .rounds
            .get(&(account, set))
            .map_or(1, |(round, _)| round + 1);
        self.rounds.insert((account, set), (next, at));
    }

    /// Whether an ARN names a user or role of an account that is here, and there is none.
    pub(crate) fn is_nobody(&self, arn: &str) -> bool {
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        let ["arn", "aws", "iam", "", account, name] = parts.as_slice() else {
            return false;
        };
        if !self.accounts_by_id.contains_key(*account) {
            return false;
        }
        let iam = &self.estate.iam;
        let last = name.rsplit('/').next().unwrap_or(name);
        match name.split('/').next() {
            Some("user") => {
                let place = iam.user_place(account, last);
                place
                    .and_then(|place| iam.user(place))
                    .is_none_or(|user| user.arn() != arn)
            }
            Some("role") => {
                let place = iam.role_place(account, last);
                let own = place.and_then(|place| iam.role(place));
                own.is_none_or(|role| role.arn() != arn)
                    && self
                        .reserved_role_named(account, last)
                        .is_none_or(|role| role.arn() != arn)
            }
            _ => false,
        }
    }

    /// Ids and ARNs of whoever an ARN of this account stands for: one user, role or the members
    /// of a group, or whoever bears a policy.
    pub(crate) fn ids_behind(&self, account: &str, arn: &str) -> Option<Vec<(String, String)>> {
        let iam = &self.estate.iam;
        if let Some(user) = iam
            .user_by_arn(arn)
            .filter(|user| user.entity.account == account)
        {
            return Some(vec![(user.entity.id.clone(), user.arn())]);
        }
        if let Some(role) = self
            .role_by_arn(arn)
            .filter(|role| role.entity.account == account)
        {
            return Some(vec![(role.entity.id.clone(), role.arn())]);
        }
        let mut groups = iam.groups_of(account, "/", 0);
        if let Some((place, _)) = groups.find(|(_, group)| group.arn() == arn) {
            let members = self.relations().iam_members_of(place, 0);
            let members = members.filter_map(|user| iam.user(user));
            return Some(
                members
                    .map(|user| (user.entity.id.clone(), user.arn()))
                    .collect(),
            );
        }
        let policy = self.access.managed.get(arn)?;
        let bears = |id: &str| {
            let held = self.access.held.get(id);
            held.is_some_and(|held| held.attached.contains(&policy.arn))
        };
        let users = iam
            .users_of(account, "/", 0)
            .map(|(_, user)| (&user.entity.id, user.arn()));
        let roles = iam
            .roles_of(account, "/", 0)
            .map(|(_, role)| (&role.entity.id, role.arn()));
        let both = users.chain(roles).filter(|(id, _)| bears(id));
        Some(both.map(|(id, arn)| (id.clone(), arn)).collect())
    }

    /// Trust policies go on naming whoever is gone, but by id: a namesake is not trusted (AWS
    /// documentation [D]).
    pub(crate) fn forget_principal(&mut self, arn: &str, id: &str) {
        let (named, by_id) = (format!("\"{arn}\""), format!("\"{id}\""));
        let roles = &mut self.estate.iam.roles;
        for role in roles.each_mut(|role| role.trust.text.contains(&named)) {
            if let Ok(trust) = Document::parse(&role.trust.text.replace(&named, &by_id)) {
                role.trust = trust;
            }
        }
    }

    /// The place of the user with this id.
    pub(crate) fn user_place_by_id(&self, account: &str, id: &str) -> Option<u32> {
        let mut users = self.estate.iam.users_of(account, "/", 0);
        users
            .find(|(_, user)| user.entity.id == id)
            .map(|(place, _)| place)
    }

    /// The role with this ARN, Identity Center's included.
    pub(crate) fn role_by_arn(&self, arn: &str) -> Option<IamRole> {
        if let Some(role) = self.estate.iam.role_by_arn(arn) {
            return Some(role.clone());
        }
        let (account, name) = crate::iam::of_role_arn(arn)?;
        self.reserved_role_named(account, name)
            .filter(|role| role.arn() == arn)
    }
}

/// Whom Identity Center's roles let in.
fn trust(provider: &str) -> Policy {
    Policy {
        version: Version::V2012,
        id: None,
        statements: vec![Statement {
            sid: None,
            effect: Effect::Allow,
            principals: Some(Principals {
                negated: false,
                entries: vec![PrincipalEntry::Federated(provider.to_owned())],
            }),
            actions: Actions {
                negated: false,
                patterns: vec![
                    "sts:AssumeRoleWithSAML".to_owned(),
                    "sts:TagSession".to_owned(),
                ],
            },
            resources: None,
            conditions: Vec::new(),
        }],
    }
}
