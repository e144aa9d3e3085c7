//! Who people are: users, their product roles, groups of users, local sign-in, API tokens.
//!
//! **Tables**: `users`, `user_roles`, `groups`, `group_members`, `sign_ins`,
//! `sign_in_failures`, `api_tokens`, `delegations`. **Audit events**: `user.created`, `user.changed`,
//! `user.profile_set`, `user.manager_set`, `user.password_set`, `user.roles_set`, `user.deactivated`, `user.reactivated`,
//! `group.created`, `group.changed`, `group.member_added`, `group.member_removed`,
//! `sign_in.started`, `sign_in.refused`, `sign_in.proved`, `sign_in.proof_refused`, `sign_in.ended`,
//! `token.issued`, `token.revoked`,
//! `delegation.created`, `delegation.ended`.
//! **Outbox**: `user.deactivated`, `user.reactivated`, `delegation.created`, `delegation.ended`.
//!
//! What it promises: of a cookie, a token or a password only a hash is stored. A wrong
//! address, a wrong password and a deactivated user answer alike, after the same work.
//! Whoever is deactivated is signed out, and their tokens are dead, in the same
//! transaction. There is always an active Super Admin once there was one.
//!
//! What it does not do: say what a role may do (`stint_domain::rights`), know AWS
//! principals (`directory`), or sign people in through somebody else's directory.
//!
//! Sign-ins, the lock-out and tokens run on the wall clock (`App::wall`), so that moving
//! the demo's clock signs nobody out. Everything else is at `Cx::now`.

mod check;
mod cookie;
mod delegations;
mod demo;
mod error;
mod groups;
mod http;
mod lockout;
pub(crate) mod pages;
mod password;
mod proof;
mod secret;
mod sign_ins;
mod store;
mod tokens;
mod users;

#[cfg(test)]
pub(crate) mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use stint_db::{Query, Tx};
use stint_domain::condition::Person;
use stint_domain::rights::{Answer, Relation, Role, Verb, allowed};
use stint_domain::{GroupId, SignInId, Time, TokenId, UserId};

use crate::cx::Cx;

pub use delegations::{
    Delegation, DelegationFilter, DelegationShown, DelegationState, NewDelegation, delegate,
    delegated_by, delegated_to, delegation, end_delegation, get_delegation, list_delegations,
};
pub use demo::{DemoCaller, PERSONAS, Persona, demo_sign_in};
pub use error::Error;
pub use groups::{
    GROUP_SORTS, GroupChange, GroupFilter, MEMBER_SORTS, MemberFilter, NewGroup, add_member,
    create_group, first_members, get_group, list_groups, list_members, remove_member, update_group,
};
pub use password::{HashError, PasswordFault};
pub use proof::{PROVEN_AHEAD, PROVEN_FOR, Unproved, prove, unproved};
pub use sign_ins::{
    ABSOLUTE, IDLE, StartedSignIn, actor, actor_from_cookie, actor_from_token, clear_cookie,
    end_sign_in, list_sign_ins, sign_in, sign_out,
};
pub use tokens::{IssuedToken, NewToken, issue_token, list_tokens, revoke_token};
pub use users::{
    NewAdmin, NewUser, ROLES, USER_SORTS, UserChange, UserFilter, active_under, change_password,
    create_admin, create_user, deactivate_user, get_user, groups_of_user, initialised, list_users,
    me, reactivate_user, set_roles, update_user,
};

pub(crate) use http::routes;
pub(crate) use pages::{
    choose_groups, choose_users, group_items, meanwhile, people_tabs, routes as page_routes,
    sign_in_rows, token_rows, view,
};
pub(crate) use secret::base32;
pub(crate) use store::STATEMENTS;

/// A user: a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Its id.
    pub id: UserId,
    /// As people call them.
    pub name: String,
    /// As they wrote it; unique whatever the capitals.
    pub email: String,
    /// Their department, where it is known.
    pub department: Option<String>,
    /// Their title, where it is known.
    pub title: Option<String>,
    /// Who decides on what they ask for, where a policy asks managers.
    pub manager: Option<UserId>,
    /// Whether they may sign in and use tokens.
    pub active: bool,
    /// Roles that hold everywhere; [`Role::User`] is not listed, everybody has it.
    pub roles: Vec<Role>,
    /// When they were created.
    pub created_at: Time,
    /// When they were deactivated, if they are not active.
    pub deactivated_at: Option<Time>,
    /// Grows with every change.
    pub version: i64,
}

impl User {
    /// Their roles with [`Role::User`], as `stint_domain::rights` wants them.
    pub fn all_roles(&self) -> Vec<Role> {
        let mut roles = self.roles.clone();
        roles.push(Role::User);
        roles
    }

    /// Whether their roles let them decide on what a policy, or who is away, asks them.
    pub fn decides(&self) -> bool {
        allowed(&self.all_roles(), Verb::ApproveRequest, Relation::Involved) == Answer::Yes
    }

    /// Whether their roles let them close a review of emergency access.
    pub fn reviews(&self) -> bool {
        allowed(&self.all_roles(), Verb::CloseReview, Relation::Involved) == Answer::Yes
    }

    /// Whether their roles let them say that access until it is revoked is still needed.
    pub fn answers(&self) -> bool {
        allowed(&self.all_roles(), Verb::AnswerKept, Relation::Involved) == Answer::Yes
    }
}

/// A group: Stint's set of users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its id.
    pub id: GroupId,
    /// Unique whatever the capitals.
    pub name: String,
    /// For people.
    pub description: String,
    /// How many users are in it, active or not.
    pub members: i64,
    /// When it was created.
    pub created_at: Time,
    /// Grows with every change, of its members too.
    pub version: i64,
}

/// A user in a group, as the group's list shows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Who.
    pub user: UserId,
    /// Their name.
    pub name: String,
    /// Their address.
    pub email: String,
    /// Whether they may sign in.
    pub active: bool,
    /// Since when they are in it.
    pub added_at: Time,
    /// Who added them; nobody when Stint itself did.
    pub added_by: Option<UserId>,
}

/// A group somebody is in, since when, and by whom: what decides whether they let
/// themselves in after a request was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Membership {
    /// The group.
    pub group: GroupId,
    /// When they were added; anew when removed and added again. The clock of `Cx::now`.
    pub since: Time,
    /// Who added them; nobody when Stint itself did.
    pub added_by: Option<UserId>,
}

/// How somebody signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// With a local password.
    Password,
    /// As a persona of the demo.
    Demo,
}

impl Method {
    /// The stable word, as stored and sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Demo => "demo",
        }
    }

    /// Whether signing in like this shows that it is the user who does, as giving the password again
    /// does. A persona of the demo has no password to give: choosing it is all there is.
    pub const fn proves(self) -> bool {
        match self {
            Self::Password | Self::Demo => true,
        }
    }
}

impl FromStr for Method {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Password, Self::Demo]
            .into_iter()
            .find(|method| method.as_str() == text)
            .ok_or_else(|| format!("`{text}` is no way to sign in"))
    }
}

/// A sign-in: somebody's session with Stint. Times are of the wall clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignIn {
    /// Its id.
    pub id: SignInId,
    /// Whose.
    pub user: UserId,
    /// How it began.
    pub method: Method,
    /// When it began.
    pub created_at: Time,
    /// When it was last used, to the minute.
    pub seen_at: Time,
    /// When its user last gave their password with it; never since the password was changed.
    pub proved_at: Option<Time>,
    /// When it ends whatever is done.
    pub ends_at: Time,
    /// When somebody ended it.
    pub ended_at: Option<Time>,
}

impl SignIn {
    /// Whether it can be used at that moment of the wall clock.
    pub fn is_live(&self, wall: Time) -> bool {
        self.ended_at.is_none() && wall < self.ends_at && wall < self.seen_at + IDLE
    }

    /// Whether its user gave their password with it within the last [`PROVEN_FOR`], at that moment of
    /// the wall clock. Up to [`PROVEN_AHEAD`] later will do, since the clocks of two servers differ; what
    /// is said to have been given later still was not: a clock was set back.
    pub fn is_proved(&self, wall: Time) -> bool {
        let given = |at: Time| at <= wall + PROVEN_AHEAD && wall < at + PROVEN_FOR;
        self.is_live(wall) && self.proved_at.is_some_and(given)
    }
}

/// An API token, without its secret. Times are of the wall clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Its id.
    pub id: TokenId,
    /// Whose.
    pub user: UserId,
    /// What its owner calls it.
    pub name: String,
    /// When it was issued.
    pub created_at: Time,
    /// From when on it is refused.
    pub expires_at: Time,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Time>,
    /// When it was revoked.
    pub revoked_at: Option<Time>,
}

/// What has become of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenState {
    /// It can be used.
    Active,
    /// Its time is over.
    Expired,
    /// Somebody revoked it.
    Revoked,
}

impl Token {
    /// What has become of it at that moment of the wall clock.
    pub fn state(&self, wall: Time) -> TokenState {
        if self.revoked_at.is_some() {
            TokenState::Revoked
        } else if self.expires_at <= wall {
            TokenState::Expired
        } else {
            TokenState::Active
        }
    }
}

impl fmt::Display for TokenState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Active => "active",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        })
    }
}

// ---- what other rooms read, inside their own transaction

/// One user, active or not.
pub async fn user(q: &mut impl Query, id: UserId) -> stint_db::Result<Option<User>> {
    store::users::get(q, id).await
}

/// Those of these users that exist, by address.
pub async fn users(q: &mut impl Query, ids: &[UserId]) -> stint_db::Result<Vec<User>> {
    store::users::several(q, ids).await
}

/// The same by their ids: one look-up for all that a page shows.
pub async fn users_by_id(
    q: &mut impl Query,
    ids: impl IntoIterator<Item = UserId>,
) -> stint_db::Result<BTreeMap<UserId, User>> {
    let mut ids: Vec<UserId> = ids.into_iter().collect();
    ids.sort_unstable();
    ids.dedup();
    let found = store::users::several(q, &ids).await?;
    Ok(found.into_iter().map(|user| (user.id, user)).collect())
}

/// The user with this address, whatever the capitals, active or not.
pub async fn user_by_email(q: &mut impl Query, email: &str) -> stint_db::Result<Option<User>> {
    store::users::by_email(q, email).await
}

/// The users with these addresses, whatever the capitals, by the address as it was given: one look-up
/// for all.
pub async fn users_by_emails<'e>(
    q: &mut impl Query,
    emails: &[&'e str],
) -> stint_db::Result<BTreeMap<&'e str, User>> {
    store::users::by_emails(q, emails).await
}

/// The active users who hold one of these roles everywhere.
pub async fn with_roles(q: &mut impl Query, roles: &[Role]) -> stint_db::Result<BTreeSet<UserId>> {
    let mut found = BTreeSet::new();
    for role in roles {
        found.extend(store::users::with_role(q, *role).await?);
    }
    Ok(found)
}

/// One group.
pub async fn group(q: &mut impl Query, id: GroupId) -> stint_db::Result<Option<Group>> {
    store::groups::get(q, id).await
}

/// Those of these groups that exist: one look-up for all that a page shows.
pub async fn groups_by_id(
    q: &mut impl Query,
    ids: impl IntoIterator<Item = GroupId>,
) -> stint_db::Result<BTreeMap<GroupId, Group>> {
    store::groups::by_id(q, ids).await
}

/// The ids of the groups a user is in.
pub async fn groups_of(q: &mut impl Query, id: UserId) -> stint_db::Result<Vec<GroupId>> {
    let memberships = store::groups::memberships(q, id).await?;
    Ok(memberships.into_iter().map(|m| m.group).collect())
}

/// The groups a user is in, since when and by whom.
pub async fn memberships(q: &mut impl Query, id: UserId) -> stint_db::Result<Vec<Membership>> {
    store::groups::memberships(q, id).await
}

/// The members of a group who are active.
pub async fn active_members(q: &mut impl Query, id: GroupId) -> stint_db::Result<Vec<UserId>> {
    store::groups::active_members(q, id).await
}

/// The members of several groups who are active, once for each group: since when they are in it, and
/// by whom.
pub async fn active_memberships(
    q: &mut impl Query,
    ids: impl IntoIterator<Item = GroupId>,
) -> stint_db::Result<Vec<(UserId, Membership)>> {
    store::groups::active_memberships(q, ids).await
}

/// Somebody's manager: since when they are, and who made them so.
pub async fn manager_of(q: &mut impl Query, id: UserId) -> stint_db::Result<Option<Answerable>> {
    store::users::manager_of(q, id).await
}

/// When somebody last changed themselves what conditions may ask about them: their department or
/// title, whose manager they are, the groups they are in, or who others are.
pub async fn changed_own(q: &mut impl Query, id: UserId) -> stint_db::Result<Option<Time>> {
    store::users::changed_own(q, id).await
}

/// When somebody last changed who others are: took them out of a group, deactivated them, took away
/// a role or what they own, set their profile or manager.
pub async fn changed_others(q: &mut impl Query, id: UserId) -> stint_db::Result<Option<Time>> {
    store::users::changed_others(q, id).await
}

/// Notes that the caller changes who others are, in the transaction that does. What Stint does by
/// itself is nobody's doing.
pub(crate) async fn changes_others(cx: &Cx, tx: &mut Tx) -> stint_db::Result<()> {
    match actor_id(cx) {
        Some(id) => store::users::changes_others(tx, id, cx.now).await,
        None => Ok(()),
    }
}

/// Those whose manager this is.
pub async fn managed_by(q: &mut impl Query, id: UserId) -> stint_db::Result<Vec<UserId>> {
    store::users::managed_by(q, id).await
}

/// These users, as conditions see them.
pub async fn persons(
    q: &mut impl Query,
    ids: impl IntoIterator<Item = UserId>,
) -> stint_db::Result<BTreeMap<UserId, Person>> {
    let users = users_by_id(q, ids).await?;
    let mut groups = store::groups::of_users(q, users.keys().copied()).await?;
    Ok((users.into_values())
        .map(|user| (user.id, person(user, &mut groups)))
        .collect())
}

/// Somebody and their manager, as conditions see them.
pub async fn somebody(q: &mut impl Query, id: UserId) -> stint_db::Result<Vec<(User, Person)>> {
    some_people(q, &BTreeSet::from([id])).await
}

/// These people and their managers, as conditions see them.
pub async fn some_people(
    q: &mut impl Query,
    ids: &BTreeSet<UserId>,
) -> stint_db::Result<Vec<(User, Person)>> {
    let named: Vec<UserId> = ids.iter().copied().collect();
    let found = store::users::several(q, &named).await?;
    let managers = found.iter().filter_map(|it| it.manager);
    let ids: BTreeSet<UserId> = named.into_iter().chain(managers).collect();
    let ids: Vec<UserId> = ids.into_iter().collect();
    let users = store::users::several(q, &ids).await?;
    let mut groups = store::groups::of_users(q, ids).await?;
    Ok((users.into_iter())
        .map(|user| (user.clone(), person(user, &mut groups)))
        .collect())
}

/// Everybody who is active, as conditions see them.
pub async fn everybody(q: &mut impl Query) -> stint_db::Result<Vec<(User, Person)>> {
    let users = store::users::active(q).await?;
    let mut groups = store::groups::all_memberships(q).await?;
    Ok((users.into_iter())
        .map(|user| (user.clone(), person(user, &mut groups)))
        .collect())
}

fn person(user: User, groups: &mut BTreeMap<UserId, BTreeSet<GroupId>>) -> Person {
    Person {
        groups: groups.remove(&user.id).unwrap_or_default(),
        id: user.id,
        name: user.name,
        email: user.email,
        department: user.department,
        title: user.title,
        manager: user.manager,
    }
}

/// Somebody who is answerable for something or somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answerable {
    /// Who.
    pub user: UserId,
    /// Since when.
    pub since: Time,
    /// Who made them so, where a person did.
    pub by: Option<UserId>,
}

/// Who is on record as having done it: the person, or nobody when Stint itself acts.
fn actor_id(cx: &Cx) -> Option<UserId> {
    cx.actor.user()
}

/// How the caller stands to what belongs to this user.
fn relation(cx: &Cx, owner: UserId) -> Relation {
    if actor_id(cx) == Some(owner) {
        Relation::Own
    } else {
        Relation::Others
    }
}
