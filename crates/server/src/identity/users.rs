//! Verbs about users: create, change, give roles, deactivate.

use secrecy::SecretString;
use serde_json::json;
use stint_db::{Priority, Query, Tx};
use stint_domain::rights::{Relation, Role, Verb};
use stint_domain::{SignInId, UserId};

use super::lockout::Tries;
use super::store::{groups, sign_ins, tokens, users};
use super::{Error, Group, User, actor_id, check, password, relation};
use crate::cx::{Actor, App, Cx, Via};
use crate::http::{Page, Paging, sorted};
use crate::outbox;

/// A user to be.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// As people call them.
    pub name: String,
    /// Unique whatever the capitals.
    pub email: String,
    /// Without one they cannot sign in with a password.
    pub password: Option<SecretString>,
    /// Roles to begin with.
    pub roles: Vec<Role>,
}

/// The first administrator, or one more when nobody can sign in any longer.
#[derive(Debug, Clone)]
pub struct NewAdmin {
    /// As people call them; the part before the `@` when absent.
    pub name: Option<String>,
    /// Unique whatever the capitals.
    pub email: String,
    /// To sign in with.
    pub password: SecretString,
}

/// What to change of a user; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct UserChange {
    /// A new name.
    pub name: Option<String>,
    /// A new address.
    pub email: Option<String>,
    /// A new password, of somebody else. Ends their sign-ins and forgives failed ones.
    pub password: Option<SecretString>,
    /// A new department; empty for none.
    pub department: Option<String>,
    /// A new title; empty for none.
    pub title: Option<String>,
    /// A new manager, or none.
    pub manager: Option<Option<UserId>>,
}

/// Whether there is any user. Until then pages and API answer [`Error::NotInitialised`].
pub async fn initialised(app: &App) -> Result<bool, Error> {
    Ok(users::any(&mut app.db.reader().await?).await?)
}

/// Creates a user. Only a Super Admin may, so only a Super Admin gives roles here.
pub async fn create_user(cx: &Cx, new: NewUser) -> Result<User, Error> {
    cx.authorize(Verb::CreateUser, Relation::None)?;
    if !new.roles.is_empty() {
        cx.authorize(Verb::SetRoles, Relation::None)?;
    }
    let name = check::name(&new.name)?;
    let email = check::email(&new.email)?;
    let hash = match new.password {
        Some(password) => Some(hashed(cx, password, &email).await?),
        None => None,
    };
    let id: UserId = cx.app.ids.new_id();
    let mut tx = cx.begin(Priority::Interactive).await?;
    users::insert(&mut tx, id, (&name, &email), hash, cx.now)
        .await
        .map_err(email_taken)?;
    let mut roles = stored(new.roles);
    roles.dedup();
    for role in &roles {
        users::give_role(&mut tx, id, *role, cx.now, actor_id(cx)).await?;
    }
    let user = there(users::get(&mut tx, id).await?)?;
    let facts = json!({ "name": name, "email": email, "roles": roles });
    tx.audit(cx.event("user.created", [id.into()], facts));
    tx.commit().await?;
    Ok(user)
}

/// Creates a Super Admin who can sign in: what `stint users create-admin` does on the
/// machine, also when nobody can sign in any longer.
pub async fn create_admin(cx: &Cx, new: NewAdmin) -> Result<User, Error> {
    let local = new.email.split('@').next().unwrap_or_default().to_owned();
    let user = NewUser {
        name: new.name.unwrap_or(local),
        email: new.email,
        password: Some(new.password),
        roles: vec![Role::SuperAdmin],
    };
    create_user(cx, user).await
}

/// The caller, and the groups they are in.
pub async fn me(cx: &Cx) -> Result<(User, Vec<Group>), Error> {
    let id = cx.person()?.id;
    cx.authorize(Verb::Me, Relation::Own)?;
    let mut reader = cx.read().await?;
    let user = there(users::get(&mut reader, id).await?)?;
    Ok((user, groups::of_user(&mut reader, id).await?))
}

/// One user.
pub async fn get_user(cx: &Cx, id: UserId) -> Result<User, Error> {
    cx.authorize(Verb::GetUser, relation(cx, id))?;
    users::get(&mut cx.read().await?, id)
        .await?
        .ok_or(Error::NotFound)
}

/// The groups of a user, by name.
pub async fn groups_of_user(cx: &Cx, id: UserId) -> Result<Vec<Group>, Error> {
    cx.authorize(Verb::GetUser, relation(cx, id))?;
    Ok(groups::of_user(&mut cx.read().await?, id).await?)
}

/// Which users to list, and how.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserFilter {
    /// Words in name and address, in their order.
    pub q: String,
    /// Only those who are active, or only those who are not.
    pub active: Option<bool>,
    /// Only those who hold this product role everywhere.
    pub role: Option<Role>,
    /// Only those whose manager this is.
    pub manager: Option<UserId>,
    /// Not this one.
    pub but: Option<UserId>,
    /// One of [`USER_SORTS`]; the first when absent.
    pub sort: Option<String>,
}

/// The orders a list of users has.
pub const USER_SORTS: &[&str] = &["email", "-email", "name", "-name", "created", "-created"];

/// The roles a list of users can be narrowed to: `user` is everybody's and not stored.
pub const ROLES: &[&str] = &[
    "super_admin",
    "connection_admin",
    "policy_admin",
    "helpdesk",
    "auditor",
];

/// Users, a page at a time.
pub async fn list_users(
    cx: &Cx,
    filter: &UserFilter,
    paging: &Paging,
) -> Result<Page<User>, Error> {
    cx.authorize(Verb::ListUsers, Relation::None)?;
    listed(&mut cx.read().await?, filter, paging).await
}

/// Active users by name, with these words in name or address: everybody, or whose manager is named;
/// `but` is left out.
/// For rooms that know that the caller may know of them.
pub async fn active_under(
    q: &mut impl Query,
    manager: Option<UserId>,
    but: UserId,
    search: &str,
    paging: &Paging,
) -> Result<Page<User>, Error> {
    let filter = UserFilter {
        q: search.to_owned(),
        active: Some(true),
        manager,
        but: Some(but),
        sort: Some("name".to_owned()),
        ..UserFilter::default()
    };
    listed(q, &filter, paging).await
}

async fn listed(
    q: &mut impl Query,
    filter: &UserFilter,
    paging: &Paging,
) -> Result<Page<User>, Error> {
    let sort = sorted(filter.sort.as_deref(), USER_SORTS)?;
    let after = paging.after_key::<UserId>(sort)?;
    let rows = users::list(q, filter, sort, after, paging.fetch()).await?;
    Ok(paging.page_key(
        sort,
        rows,
        |user| user.id,
        |user| {
            if sort.ends_with("name") {
                users::search_text(&user.name, &user.email)
            } else {
                super::store::fold(&user.email)
            }
        },
    ))
}

/// Changes name, address, password, or what policies ask about a person: department, title and
/// manager.
///
/// Nobody sets their own password here ([`Error::OwnPassword`]): whoever came by a token or a sign-in
/// of theirs would then know it. [`change_password`] asks for the present one.
pub async fn update_user(
    cx: &Cx,
    id: UserId,
    change: UserChange,
    expected: Option<i64>,
) -> Result<User, Error> {
    cx.authorize(Verb::UpdateUser, relation(cx, id))?;
    if change.password.is_some() && actor_id(cx) == Some(id) {
        return Err(Error::OwnPassword);
    }
    let name = change.name.as_deref().map(check::name).transpose()?;
    let email = change.email.as_deref().map(check::email).transpose()?;
    let department = (change.department.as_deref())
        .map(check::profile)
        .transpose()?;
    let title = change.title.as_deref().map(check::profile).transpose()?;
    let hash = match change.password {
        Some(password) => {
            let known = users::get(&mut cx.read().await?, id).await?;
            let address = email.clone().or(known.map(|user| user.email));
            Some(hashed(cx, password, &address.ok_or(Error::NotFound)?).await?)
        }
        None => None,
    };
    let mut tx = cx.begin(Priority::Interactive).await?;
    let before = found(users::lock(&mut tx, id).await?, expected)?;
    let name = name.unwrap_or_else(|| before.name.clone());
    let email = email.unwrap_or_else(|| before.email.clone());
    if (&name, &email) != (&before.name, &before.email) {
        users::update(&mut tx, id, &name, &email)
            .await
            .map_err(email_taken)?;
        let facts = json!({
            "before": { "name": before.name, "email": before.email },
            "after": { "name": name, "email": email },
        });
        tx.audit(cx.event("user.changed", [id.into()], facts));
    }
    let department = department.unwrap_or_else(|| before.department.clone());
    let title = title.unwrap_or_else(|| before.title.clone());
    if (&department, &title) != (&before.department, &before.title) {
        let profile = (department.as_deref(), title.as_deref());
        users::set_profile(&mut tx, id, profile, cx.now, actor_id(cx)).await?;
        super::changes_others(cx, &mut tx).await?;
        let facts = json!({
            "before": { "department": before.department, "title": before.title },
            "after": { "department": department, "title": title },
        });
        tx.audit(cx.event("user.profile_set", [id.into()], facts));
    }
    if let Some(manager) = change.manager.filter(|it| *it != before.manager) {
        set_manager(cx, &mut tx, &before, manager).await?;
    }
    if let Some(hash) = hash {
        set_password(cx, &mut tx, &before, hash).await?;
    }
    let after = there(users::get(&mut tx, id).await?)?;
    tx.commit().await?;
    Ok(after)
}

/// Makes somebody the manager of a user, or nobody.
async fn set_manager(
    cx: &Cx,
    tx: &mut Tx,
    before: &User,
    manager: Option<UserId>,
) -> Result<(), Error> {
    if let Some(id) = manager {
        let found = users::get(tx, id).await?.filter(|user| user.active);
        if found.is_none() || id == before.id {
            return Err(Error::Manager);
        }
    }
    users::set_manager(tx, before.id, manager, cx.now, actor_id(cx)).await?;
    super::changes_others(cx, tx).await?;
    let facts = json!({ "before": before.manager, "after": manager });
    let subjects = std::iter::once(before.id).chain(manager).map(Into::into);
    tx.audit(cx.event("user.manager_set", subjects, facts));
    Ok(())
}

/// Changes the caller's own password. Wrong tries are counted with those of [`prove`](super::prove), and as
/// there an API token makes none: whoever stole one keeps nobody from giving theirs. Fails for one
/// ([`Error::TokenProof`]).
pub async fn change_password(
    cx: &Cx,
    current: SecretString,
    new: SecretString,
) -> Result<(), Error> {
    let me = cx.person()?.id;
    cx.authorize(Verb::ChangePassword, Relation::Own)?;
    super::proof::sign_in(cx)?;
    let mut tx = cx.begin(Priority::Interactive).await?;
    let (email, stored) = users::password_of(&mut tx, me)
        .await?
        .ok_or(Error::NotFound)?;
    super::sign_ins::count_try(cx, &mut tx, Tries::Own(me)).await?;
    tx.commit().await?;
    if !password::matches(stored.clone(), current).await? {
        return Err(Error::WrongPassword);
    }
    let hash = hashed(cx, new, &email).await?;
    let mut tx = cx.begin(Priority::Interactive).await?;
    let user = users::lock(&mut tx, me).await?.filter(|user| user.active);
    let user = user.ok_or(Error::NotFound)?;
    if users::password_of(&mut tx, me).await?.map(|(_, hash)| hash) != Some(stored) {
        return Err(Error::WrongPassword);
    }
    set_password(cx, &mut tx, &user, hash).await?;
    tx.commit().await?;
    Ok(())
}

/// Stores the hash, ends the user's sign-ins but the one this is done with, and forgives. What was
/// given with that one was the password before: it proves nothing any more.
async fn set_password(cx: &Cx, tx: &mut Tx, user: &User, hash: String) -> Result<(), Error> {
    users::set_password(tx, user.id, hash).await?;
    let wall = cx.app.wall.now();
    let ended = sign_ins::end_all(
        tx,
        user.id,
        wall,
        "password_changed",
        own_sign_in(cx, user.id),
    )
    .await?;
    sign_ins::unprove(tx, user.id).await?;
    sign_ins::forgive(tx, Tries::SignIn(&user.email)).await?;
    sign_ins::forgive(tx, Tries::Own(user.id)).await?;
    let facts = json!({ "sign_ins_ended": ended });
    tx.audit(cx.event("user.password_set", [user.id.into()], facts));
    Ok(())
}

fn own_sign_in(cx: &Cx, user: UserId) -> Option<SignInId> {
    match &cx.actor {
        Actor::User(person) if person.id == user => match person.via {
            Via::Page(id) => Some(id),
            Via::Token(_) => None,
        },
        _ => None,
    }
}

/// Replaces the roles a user holds everywhere. The last active Super Admin keeps theirs.
pub async fn set_roles(
    cx: &Cx,
    id: UserId,
    roles: Vec<Role>,
    expected: Option<i64>,
) -> Result<User, Error> {
    cx.authorize(Verb::SetRoles, relation(cx, id))?;
    let mut wanted = stored(roles);
    wanted.dedup();
    let mut tx = cx.begin(Priority::Interactive).await?;
    let admins = users::super_admins(&mut tx).await?;
    let before = found(users::lock(&mut tx, id).await?, expected)?;
    let given: Vec<_> = wanted
        .iter()
        .filter(|r| !before.roles.contains(r))
        .copied()
        .collect();
    let taken: Vec<_> = before
        .roles
        .iter()
        .filter(|r| !wanted.contains(r))
        .copied()
        .collect();
    if given.is_empty() && taken.is_empty() {
        return Ok(before);
    }
    if taken.contains(&Role::SuperAdmin) && admins == [id] {
        return Err(Error::LastSuperAdmin);
    }
    for role in &given {
        users::give_role(&mut tx, id, *role, cx.now, actor_id(cx)).await?;
    }
    for role in &taken {
        users::take_role(&mut tx, id, *role).await?;
    }
    super::changes_others(cx, &mut tx).await?;
    users::bump(&mut tx, id).await?;
    let after = there(users::get(&mut tx, id).await?)?;
    let facts = json!({ "before": before.roles, "after": after.roles });
    tx.audit(cx.event("user.roles_set", [id.into()], facts));
    tx.commit().await?;
    Ok(after)
}

/// Deactivates a user: from this moment their sign-ins and tokens are dead. The last active
/// Super Admin cannot be.
pub async fn deactivate_user(cx: &Cx, id: UserId) -> Result<User, Error> {
    cx.authorize(Verb::DeactivateUser, relation(cx, id))?;
    let wall = cx.app.wall.now();
    let mut tx = cx.begin(Priority::Interactive).await?;
    let admins = users::super_admins(&mut tx).await?;
    let before = found(users::lock(&mut tx, id).await?, None)?;
    if !before.active {
        return Ok(before);
    }
    if admins == [id] {
        return Err(Error::LastSuperAdmin);
    }
    users::deactivate(&mut tx, id, cx.now).await?;
    super::changes_others(cx, &mut tx).await?;
    let ended = sign_ins::end_all(&mut tx, id, wall, "deactivated", None).await?;
    let revoked = tokens::revoke_all(&mut tx, id, wall).await?;
    let after = there(users::get(&mut tx, id).await?)?;
    let facts = json!({ "sign_ins_ended": ended, "tokens_revoked": revoked });
    tx.audit(cx.event("user.deactivated", [id.into()], facts));
    outbox::emit(&mut tx, cx, "user.deactivated", json!({ "user": id })).await?;
    tx.commit().await?;
    cx.app.nudge(outbox::DELIVER);
    Ok(after)
}

/// Makes a user active again. Their old sign-ins and tokens stay dead.
pub async fn reactivate_user(cx: &Cx, id: UserId) -> Result<User, Error> {
    cx.authorize(Verb::ReactivateUser, relation(cx, id))?;
    let mut tx = cx.begin(Priority::Interactive).await?;
    let before = found(users::lock(&mut tx, id).await?, None)?;
    if before.active {
        return Ok(before);
    }
    users::reactivate(&mut tx, id).await?;
    let after = there(users::get(&mut tx, id).await?)?;
    tx.audit(cx.event("user.reactivated", [id.into()], json!({})));
    outbox::emit(&mut tx, cx, "user.reactivated", json!({ "user": id })).await?;
    tx.commit().await?;
    cx.app.nudge(outbox::DELIVER);
    Ok(after)
}

/// Checks a new password and hashes it.
async fn hashed(cx: &Cx, password: SecretString, email: &str) -> Result<String, Error> {
    password::check_new(&password, email)?;
    Ok(password::hash(password, cx.app.ids.bytes()).await?)
}

/// Sorted, without [`Role::User`], which everybody has.
fn stored(mut roles: Vec<Role>) -> Vec<Role> {
    roles.retain(|role| *role != Role::User);
    roles.sort_unstable();
    roles
}

fn found(user: Option<User>, expected: Option<i64>) -> Result<User, Error> {
    let user = user.ok_or(Error::NotFound)?;
    match expected {
        Some(version) if version != user.version => Err(Error::Stale {
            version: user.version,
        }),
        _ => Ok(user),
    }
}

fn there(user: Option<User>) -> Result<User, Error> {
    user.ok_or(Error::NotFound)
}

fn email_taken(error: stint_db::Error) -> Error {
    Error::taken(error, "users.email_key", Error::EmailTaken)
}
