//! The IAM users, groups and roles of every account, by their places; who is in which group is with
//! the other relations.
//!
//! Places are never reused: of something deleted a mark stays behind, so that a page token
//! made before still tells where to go on.

mod credentials;
mod roles;

use std::collections::{BTreeMap, HashMap};

use crate::access::Judge;
use crate::journal::Party;
use crate::past::{Book, Shelf};

pub(crate) use credentials::{
    CERTIFICATES_PER_USER, Certificate, Credentials, Login, MFA_PER_USER, Mfa,
    SERVICE_CREDENTIALS_PER_USER, SSH_KEYS_PER_USER, ServiceCredential, SshKey, VirtualMfa,
    code_at, is_code,
};
pub(crate) use roles::{IamRole, RESERVED, ROLES_PER_ACCOUNT, SERVICE_LINKED};

/// What an account may have (AWS reference §1.1 [D]).
pub(crate) const USERS_PER_ACCOUNT: usize = 5_000;
pub(crate) const GROUPS_PER_ACCOUNT: usize = 300;
/// The one limit nobody can have raised.
pub(crate) const GROUPS_PER_USER: usize = 10;
pub(crate) const KEYS_PER_USER: usize = 2;
pub(crate) const TAGS_PER_USER: usize = 50;

/// What users and groups have in common.
#[derive(Debug, Clone)]
pub(crate) struct Entity {
    pub(crate) account: String,
    /// `/` or `/…/`
    pub(crate) path: String,
    pub(crate) name: String,
    /// `AIDA…` or `AGPA…`: a name may come back, an id never does.
    pub(crate) id: String,
    pub(crate) created_at: i64,
    pub(crate) removed: bool,
}

impl Entity {
    /// `arn:aws:iam::<account>:<kind><path><name>`
    fn arn(&self, kind: &str) -> String {
        arn(&self.account, kind, &self.path, &self.name)
    }
}

/// Account and name of a role's ARN.
pub(crate) fn of_role_arn(arn: &str) -> Option<(&str, &str)> {
    let (account, rest) = arn.strip_prefix("arn:aws:iam::")?.split_once(':')?;
    let name = rest.strip_prefix("role/")?;
    Some((account, name.rsplit('/').next().unwrap_or(name)))
}

/// The ARN something of this kind has, or would have.
pub(crate) fn arn(account: &str, kind: &str, path: &str, name: &str) -> String {
    format!("arn:aws:iam::{account}:{kind}{path}{name}")
}

#[derive(Debug, Clone)]
pub(crate) struct IamUser {
    pub(crate) entity: Entity,
    /// Keys and values, in the order they were set.
    pub(crate) tags: Vec<(String, String)>,
    /// Ids of access keys, oldest first; what is known of each is with the other keys.
    pub(crate) keys: Vec<String>,
    pub(crate) credentials: Credentials,
    /// By which clock signatures made with its keys are judged.
    pub(crate) judge: Judge,
    pub(crate) party: Party,
}

impl IamUser {
    pub(crate) fn arn(&self) -> String {
        self.entity.arn("user")
    }
}

#[derive(Debug, Clone)]
pub(crate) struct IamGroup {
    pub(crate) entity: Entity,
}

impl IamGroup {
    pub(crate) fn arn(&self) -> String {
        self.entity.arn("group")
    }
}

/// Account and name in lower case: names are unique whatever their case, and without regard
/// to paths (AWS reference §1.1 [D]).
type NameKey = (String, String);

fn name_key(account: &str, name: &str) -> NameKey {
    (account.to_owned(), name.to_ascii_lowercase())
}

/// All IAM users and groups there are.
#[derive(Debug, Clone, Default)]
pub(crate) struct Iam {
    pub(crate) users: Shelf<IamUser>,
    pub(crate) groups: Shelf<IamGroup>,
    pub(crate) roles: Shelf<IamRole>,
    pub(crate) virtual_mfas: Shelf<VirtualMfa>,
    /// By account.
    pub(crate) aliases: BTreeMap<String, String>,
    /// Credential reports by account.
    pub(crate) reports: HashMap<String, Report>,
    /// Jobs that find out who used what, by their ids.
    pub(crate) use_jobs: HashMap<String, UseJob>,
    pub(crate) user_names: Book<NameKey, u32>,
    pub(crate) group_names: Book<NameKey, u32>,
    pub(crate) role_names: Book<NameKey, u32>,
}

/// A credential report, under way or made.
#[derive(Debug, Clone)]
pub(crate) struct Report {
    pub(crate) ready_at: i64,
    /// Questions still to be answered that it is under way.
    pub(crate) polls: u32,
    /// The CSV, and when it was made.
    pub(crate) body: Option<(String, i64)>,
}

/// A search for the services somebody used.
#[derive(Debug, Clone)]
pub(crate) struct UseJob {
    pub(crate) account: String,
    /// Ids and ARNs of those it is about.
    pub(crate) ids: Vec<(String, String)>,
    pub(crate) created_at: i64,
    pub(crate) ready_at: i64,
    pub(crate) polls: u32,
    pub(crate) done_at: Option<i64>,
}

impl Iam {
    /// Adds a user, whose name the caller has found to be free; gives its place.
    pub(crate) fn add_user(&mut self, user: IamUser) -> u32 {
        let place = place_of(self.users.len());
        let key = name_key(&user.entity.account, &user.entity.name);
        self.user_names.insert(key, place);
        self.users.push(user);
        place
    }

    /// Adds a group, whose name the caller has found to be free; gives its place.
    pub(crate) fn add_group(&mut self, group: IamGroup) -> u32 {
        let place = place_of(self.groups.len());
        let key = name_key(&group.entity.account, &group.entity.name);
        self.group_names.insert(key, place);
        self.groups.push(group);
        place
    }

    pub(crate) fn user_place(&self, account: &str, name: &str) -> Option<u32> {
        self.user_names.get(&name_key(account, name)).copied()
    }

    pub(crate) fn group_place(&self, account: &str, name: &str) -> Option<u32> {
        self.group_names.get(&name_key(account, name)).copied()
    }

    pub(crate) fn user(&self, place: u32) -> Option<&IamUser> {
        self.users.get(place as usize)
    }

    pub(crate) fn user_mut(&mut self, place: u32) -> Option<&mut IamUser> {
        self.users.get_mut(place as usize)
    }

    pub(crate) fn group(&self, place: u32) -> Option<&IamGroup> {
        self.groups.get(place as usize)
    }

    /// Adds a role, whose name the caller has found to be free; gives its place.
    pub(crate) fn add_role(&mut self, role: IamRole) -> u32 {
        let place = place_of(self.roles.len());
        let key = name_key(&role.entity.account, &role.entity.name);
        self.role_names.insert(key, place);
        self.roles.push(role);
        place
    }

    pub(crate) fn role_place(&self, account: &str, name: &str) -> Option<u32> {
        self.role_names.get(&name_key(account, name)).copied()
    }

    pub(crate) fn role(&self, place: u32) -> Option<&IamRole> {
        self.roles.get(place as usize)
    }

    pub(crate) fn role_mut(&mut self, place: u32) -> Option<&mut IamRole> {
        self.roles.get_mut(place as usize)
    }

    /// The role somebody made with this ARN.
    pub(crate) fn role_by_arn(&self, arn: &str) -> Option<&IamRole> {
        let (account, name) = of_role_arn(arn)?;
        let role = self.role(self.role_place(account, name)?)?;
        (role.arn() == arn).then_some(role)
    }

    /// The same, to change it.
    pub(crate) fn role_by_arn_mut(&mut self, arn: &str) -> Option<&mut IamRole> {
        let (account, name) = of_role_arn(arn)?;
        let place = self.role_place(account, name)?;
        self.role_mut(place).filter(|role| role.arn() == arn)
    }

    pub(crate) fn remove_role(&mut self, place: u32) {
        if let Some(role) = self.roles.get_mut(place as usize) {
            role.entity.removed = true;
            let key = name_key(&role.entity.account, &role.entity.name);
            self.role_names.remove(&key);
        }
    }

    /// Roles of an account under a path, as [`Iam::users_of`].
    pub(crate) fn roles_of<'a>(
        &'a self,
        account: &'a str,
        prefix: &'a str,
        from: u32,
    ) -> impl Iterator<Item = (u32, &'a IamRole)> {
        (from..)
            .zip(self.roles.iter().skip(from as usize))
            .filter(move |(_, role)| is_under(&role.entity, account, prefix))
    }

    /// The virtual device with this ARN.
    pub(crate) fn virtual_mfa(&self, arn: &str) -> Option<&VirtualMfa> {
        let mut devices = self.virtual_mfas.iter();
        devices.find(|known| !known.removed && known.arn == arn)
    }

    /// The user with this ARN.
    pub(crate) fn user_by_arn(&self, arn: &str) -> Option<&IamUser> {
        self.users
            .iter()
            .find(|user| !user.entity.removed && user.arn() == arn)
    }

    /// Gives a user another name or path; the caller has found the name to be free.
    pub(crate) fn move_user(&mut self, place: u32, path: Option<&str>, name: Option<&str>) {
        if let Some(user) = self.users.get_mut(place as usize) {
            relocate(&mut self.user_names, &mut user.entity, place, path, name);
        }
    }

    /// Gives a group another name or path; the caller has found the name to be free.
    pub(crate) fn move_group(&mut self, place: u32, path: Option<&str>, name: Option<&str>) {
        if let Some(group) = self.groups.get_mut(place as usize) {
            relocate(&mut self.group_names, &mut group.entity, place, path, name);
        }
    }

    pub(crate) fn remove_user(&mut self, place: u32) {
        if let Some(user) = self.users.get_mut(place as usize) {
            user.entity.removed = true;
            let key = name_key(&user.entity.account, &user.entity.name);
            self.user_names.remove(&key);
        }
    }

    pub(crate) fn remove_group(&mut self, place: u32) {
        if let Some(group) = self.groups.get_mut(place as usize) {
            group.entity.removed = true;
            let key = name_key(&group.entity.account, &group.entity.name);
            self.group_names.remove(&key);
        }
    }

    /// Users of an account under a path, from the one at `from` on, in the order they were
    /// made; AWS promises none.
    pub(crate) fn users_of<'a>(
        &'a self,
        account: &'a str,
        prefix: &'a str,
        from: u32,
    ) -> impl Iterator<Item = (u32, &'a IamUser)> {
        (from..)
            .zip(self.users.iter().skip(from as usize))
            .filter(move |(_, user)| is_under(&user.entity, account, prefix))
    }

    /// The same for groups.
    pub(crate) fn groups_of<'a>(
        &'a self,
        account: &'a str,
        prefix: &'a str,
        from: u32,
    ) -> impl Iterator<Item = (u32, &'a IamGroup)> {
        (from..)
            .zip(self.groups.iter().skip(from as usize))
            .filter(move |(_, group)| is_under(&group.entity, account, prefix))
    }
}

fn is_under(entity: &Entity, account: &str, prefix: &str) -> bool {
    !entity.removed && entity.account == account && entity.path.starts_with(prefix)
}

fn relocate(
    names: &mut Book<NameKey, u32>,
    entity: &mut Entity,
    place: u32,
    path: Option<&str>,
    name: Option<&str>,
) {
    if let Some(path) = path {
        path.clone_into(&mut entity.path);
    }
    if let Some(name) = name {
        names.remove(&name_key(&entity.account, &entity.name));
        name.clone_into(&mut entity.name);
        names.insert(name_key(&entity.account, name), place);
    }
}

fn place_of(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
