//! `users` and `user_roles`.

use std::collections::BTreeMap;

use stint_db::{Query, Result, Row, Tx, Val, args};
use stint_domain::rights::Role;
use stint_domain::{Time, UserId};

use super::super::{Answerable, User, UserFilter};
use super::fold;
use crate::http::like;

/// The columns of a [`User`]; the roles are those that hold everywhere.
macro_rules! columns {
    () => {
        "select id, name, email, department, title, manager_id, active, created_at, deactivated_at, version, \
         (select string_agg(role, ',') from user_roles \
          where user_id = users.id and scope_id is null) as roles from users "
    };
}

/// A page in one order, narrowed.
macro_rules! listed {
    ($key:literal, $beyond:literal, $direction:literal) => {
        concat!(
            columns!(),
            "where ($1 is null or ",
            $key,
            " ",
            $beyond,
            " $1) and search_text like $2 escape '\\' and ($3 is null or active = $3) \
             and ($4 is null or exists (select 1 from user_roles r \
             where r.user_id = users.id and r.role = $4 and r.scope_id is null)) \
             and ($6 is null or manager_id = $6) and ($7 is null or id <> $7) order by ",
            $key,
            $direction,
            " limit $5"
        )
    };
}

stint_db::statements! {
    /// One user.
    BY_ID = (concat!(columns!(), "where id = $1"));
    /// Takes a user's row, for a verb that decides on it.
    LOCK = "select version from users where id = $1{lock}";
    /// The user with a folded address.
    BY_EMAIL = (concat!(columns!(), "where email_key = $1"));
    /// Of many addresses at once.
    BY_EMAILS = (concat!(columns!(), "where email_key in (select r.email from {rows $1 email:text} r)"));
    /// Several users.
    BY_IDS = (concat!(columns!(), "where id in {ids $1} order by email_key"));
    /// A page of users by address.
    BY_EMAIL_UP = (listed!("email_key", ">", ""));
    /// The same from its other end.
    BY_EMAIL_DOWN = (listed!("email_key", "<", " desc"));
    /// A page of users by name.
    BY_NAME_UP = (listed!("search_text", ">", ""));
    /// The same from its other end.
    BY_NAME_DOWN = (listed!("search_text", "<", " desc"));
    /// A page of users, the first made first.
    BY_AGE_UP = (listed!("id", ">", ""));
    /// The last made first.
    BY_AGE_DOWN = (listed!("id", "<", " desc"));
    /// Active holders of a role.
    WITH_ROLE = "select u.id from user_roles r join users u on u.id = r.user_id \
        where r.role = $1 and r.scope_id is null and u.active = $2";
    /// Whether there is any user at all.
    ANY = "select id from users limit 1";
    /// What a password is compared with, for an active user.
    PASSWORD = "select id, password_hash from users where email_key = $1 and active";
    /// The same by id.
    PASSWORD_OF = "select email, password_hash from users where id = $1 and active";
    /// A new user.
    INSERT = "insert into users \
        (id, name, email, email_key, search_text, active, password_hash, created_at, version) \
        values ($1, $2, $3, $4, $5, true, $6, $7, 1)";
    /// Name and address.
    UPDATE = "update users set name = $2, email = $3, email_key = $4, search_text = $5, \
        version = version + 1 where id = $1";
    /// What is known of them beside name and address.
    SET_PROFILE = "update users set department = $2, title = $3, profile_set_at = $4, profile_set_by = $5, version = version + 1 where id = $1";
    /// A new manager, or none.
    SET_MANAGER = "update users set manager_id = $2, manager_set_at = $3, manager_set_by = $4, \
        version = version + 1 where id = $1";
    /// Somebody's manager.
    MANAGER_OF = "select manager_id, manager_set_at, manager_set_by from users \
        where id = $1 and manager_id is not null";
    /// When somebody last changed themselves what is known of them, or whose manager they are.
    CHANGED_OWN = "select max(at) as at from ( \
            select profile_set_at as at from users where id = $1 and profile_set_by = $1 \
            union all select manager_set_at as at from users where manager_set_by = $1 and (id = $1 or manager_id = $1) \
            union all select others_set_at as at from users where id = $1 \
            union all select added_at as at from group_members where user_id = $1 and added_by = $1) own";
    /// When somebody last changed who others are.
    CHANGED_OTHERS = "select others_set_at from users where id = $1";
    /// That somebody did, now.
    CHANGES_OTHERS = "update users set others_set_at = $2 where id = $1";
    /// Those whose manager this is.
    MANAGED_BY = "select id from users where manager_id = $1 order by id";
    /// Everybody who is active.
    ACTIVE = (concat!(columns!(), "where active order by id"));
    /// A new password.
    SET_PASSWORD = "update users set password_hash = $2, version = version + 1 where id = $1";
    /// Active or not.
    SET_ACTIVE = "update users set active = $2, deactivated_at = $3, version = version + 1 where id = $1";
    /// A new version after something that belongs to a user changed.
    BUMP = "update users set version = version + 1 where id = $1";
    /// Gives a role everywhere.
    GIVE_ROLE = "insert into user_roles (user_id, role, granted_at, granted_by) values ($1, $2, $3, $4)";
    /// Takes a role that holds everywhere.
    TAKE_ROLE = "delete from user_roles where user_id = $1 and role = $2 and scope_id is null";
    /// Takes the rows of the Super Admins, in one order.
    LOCK_SUPER_ADMINS = "select id from users where id in \
        (select user_id from user_roles where role = 'super_admin' and scope_id is null) \
        order by id{lock}";
    /// The active Super Admins.
    SUPER_ADMINS = "select id from users where active and id in \
        (select user_id from user_roles where role = 'super_admin' and scope_id is null) \
        order by id";
}

fn user(row: &Row) -> Result<User> {
    let words: Option<String> = row.get("roles")?;
    let mut roles: Vec<Role> = (words.iter().flat_map(|words| words.split(',')))
        .filter_map(|word| word.parse().ok())
        .collect();
    roles.sort_unstable();
    Ok(User {
        id: row.get("id")?,
        name: row.get("name")?,
        email: row.get("email")?,
        department: row.get("department")?,
        title: row.get("title")?,
        manager: row.get("manager_id")?,
        active: row.get("active")?,
        roles,
        created_at: row.get("created_at")?,
        deactivated_at: row.get("deactivated_at")?,
        version: row.get("version")?,
    })
}

pub(in super::super) async fn get(q: &mut impl Query, id: UserId) -> Result<Option<User>> {
    q.maybe(&BY_ID, args![id])
        .await?
        .as_ref()
        .map(user)
        .transpose()
}

/// Takes the row; nothing if there is none.
pub(in super::super) async fn lock(tx: &mut Tx, id: UserId) -> Result<Option<User>> {
    match tx.maybe(&LOCK, args![id]).await? {
        Some(_) => get(tx, id).await,
        None => Ok(None),
    }
}

pub(in super::super) async fn by_email(q: &mut impl Query, email: &str) -> Result<Option<User>> {
    let row = q.maybe(&BY_EMAIL, args![fold(email)]).await?;
    row.as_ref().map(user).transpose()
}

/// Those who have these addresses, by the address as it was given.
pub(in super::super) async fn by_emails<'e>(
    q: &mut impl Query,
    emails: &[&'e str],
) -> Result<BTreeMap<&'e str, User>> {
    if emails.is_empty() {
        return Ok(BTreeMap::new());
    }
    let rows = Val::rows(emails.iter().map(|email| args![fold(email)]));
    let found = q.all(&BY_EMAILS, args![rows]).await?;
    let found = found.iter().map(user).collect::<Result<Vec<User>>>()?;
    let known: BTreeMap<String, User> = (found.into_iter())
        .map(|user| (fold(&user.email), user))
        .collect();
    let each = emails.iter();
    Ok(each
        .filter_map(|email| Some((*email, known.get(&fold(email))?.clone())))
        .collect())
}

pub(in super::super) async fn several(q: &mut impl Query, ids: &[UserId]) -> Result<Vec<User>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let rows = q.all(&BY_IDS, args![Val::ids(ids.iter().copied())]).await?;
    rows.iter().map(user).collect()
}

pub(in super::super) async fn list(
    q: &mut impl Query,
    filter: &UserFilter,
    sort: &str,
    after: Val,
    limit: i64,
) -> Result<Vec<User>> {
    let statement = match sort {
        "-email" => &BY_EMAIL_DOWN,
        "name" => &BY_NAME_UP,
        "-name" => &BY_NAME_DOWN,
        "created" => &BY_AGE_UP,
        "-created" => &BY_AGE_DOWN,
        _ => &BY_EMAIL_UP,
    };
    let role = filter.role.map(Role::as_str);
    let (words, manager) = (like(&filter.q), filter.manager);
    let values = args![
        after,
        words,
        filter.active,
        role,
        limit,
        manager,
        filter.but
    ];
    q.all(statement, values).await?.iter().map(user).collect()
}

pub(in super::super) async fn any(q: &mut impl Query) -> Result<bool> {
    Ok(q.maybe(&ANY, args![]).await?.is_some())
}

/// Who has this address and is active, with the stored hash.
pub(in super::super) async fn password(
    q: &mut impl Query,
    email: &str,
) -> Result<Option<(UserId, Option<String>)>> {
    let row = q.maybe(&PASSWORD, args![fold(email)]).await?;
    row.map(|row| Ok((row.get("id")?, row.get("password_hash")?)))
        .transpose()
}

/// An active user's address and stored hash.
pub(in super::super) async fn password_of(
    q: &mut impl Query,
    id: UserId,
) -> Result<Option<(String, Option<String>)>> {
    let row = q.maybe(&PASSWORD_OF, args![id]).await?;
    row.map(|row| Ok((row.get("email")?, row.get("password_hash")?)))
        .transpose()
}

pub(in super::super) fn search_text(name: &str, email: &str) -> String {
    format!("{} {}", fold(name), fold(email))
}

pub(in super::super) async fn insert(
    tx: &mut Tx,
    id: UserId,
    (name, email): (&str, &str),
    password_hash: Option<String>,
    at: Time,
) -> Result<()> {
    let search = search_text(name, email);
    let values = args![id, name, email, fold(email), search, password_hash, at];
    tx.run(&INSERT, values).await.map(drop)
}

pub(in super::super) async fn update(
    tx: &mut Tx,
    id: UserId,
    name: &str,
    email: &str,
) -> Result<()> {
    let values = args![id, name, email, fold(email), search_text(name, email)];
    tx.run(&UPDATE, values).await.map(drop)
}

pub(in super::super) async fn set_profile(
    tx: &mut Tx,
    id: UserId,
    (department, title): (Option<&str>, Option<&str>),
    at: Time,
    by: Option<UserId>,
) -> Result<()> {
    tx.run(&SET_PROFILE, args![id, department, title, at, by])
        .await
        .map(drop)
}

pub(in super::super) async fn set_manager(
    tx: &mut Tx,
    id: UserId,
    manager: Option<UserId>,
    at: Time,
    by: Option<UserId>,
) -> Result<()> {
    tx.run(&SET_MANAGER, args![id, manager, at, by])
        .await
        .map(drop)
}

pub(in super::super) async fn manager_of(
    q: &mut impl Query,
    id: UserId,
) -> Result<Option<Answerable>> {
    let row = q.maybe(&MANAGER_OF, args![id]).await?;
    row.map(|row| {
        Ok(Answerable {
            user: row.get("manager_id")?,
            since: row.get("manager_set_at")?,
            by: row.get("manager_set_by")?,
        })
    })
    .transpose()
}

pub(in super::super) async fn changed_own(q: &mut impl Query, id: UserId) -> Result<Option<Time>> {
    q.one(&CHANGED_OWN, args![id]).await?.get("at")
}

pub(in super::super) async fn changed_others(
    q: &mut impl Query,
    id: UserId,
) -> Result<Option<Time>> {
    let row = q.maybe(&CHANGED_OTHERS, args![id]).await?;
    Ok(row
        .map(|row| row.get("others_set_at"))
        .transpose()?
        .flatten())
}

pub(in super::super) async fn changes_others(tx: &mut Tx, id: UserId, at: Time) -> Result<()> {
    tx.run(&CHANGES_OTHERS, args![id, at]).await.map(drop)
}

pub(in super::super) async fn managed_by(q: &mut impl Query, id: UserId) -> Result<Vec<UserId>> {
    let rows = q.all(&MANAGED_BY, args![id]).await?;
    rows.iter().map(|row| row.get("id")).collect()
}

pub(in super::super) async fn active(q: &mut impl Query) -> Result<Vec<User>> {
    q.all(&ACTIVE, args![]).await?.iter().map(user).collect()
}

pub(in super::super) async fn set_password(tx: &mut Tx, id: UserId, hash: String) -> Result<()> {
    tx.run(&SET_PASSWORD, args![id, hash]).await.map(drop)
}

pub(in super::super) async fn deactivate(tx: &mut Tx, id: UserId, at: Time) -> Result<()> {
    tx.run(&SET_ACTIVE, args![id, false, at]).await.map(drop)
}

pub(in super::super) async fn reactivate(tx: &mut Tx, id: UserId) -> Result<()> {
    tx.run(&SET_ACTIVE, args![id, true, None::<Time>])
        .await
        .map(drop)
}

pub(in super::super) async fn with_role(q: &mut impl Query, role: Role) -> Result<Vec<UserId>> {
    let rows = q.all(&WITH_ROLE, args![role.as_str(), true]).await?;
    rows.iter().map(|row| row.get("id")).collect()
}

pub(in super::super) async fn give_role(
    tx: &mut Tx,
    id: UserId,
    role: Role,
    at: Time,
    by: Option<UserId>,
) -> Result<()> {
    tx.run(&GIVE_ROLE, args![id, role.as_str(), at, by])
        .await
        .map(drop)
}

pub(in super::super) async fn take_role(tx: &mut Tx, id: UserId, role: Role) -> Result<()> {
    tx.run(&TAKE_ROLE, args![id, role.as_str()]).await.map(drop)
}

pub(in super::super) async fn bump(tx: &mut Tx, id: UserId) -> Result<()> {
    tx.run(&BUMP, args![id]).await.map(drop)
}

/// Takes the rows of all Super Admins, so that of two who remove each other at once the
/// second sees what the first did, and answers the active ones. Two statements: on
/// PostgreSQL the one that waited still looks at `user_roles` as it was before the wait.
pub(in super::super) async fn super_admins(tx: &mut Tx) -> Result<Vec<UserId>> {
    tx.all(&LOCK_SUPER_ADMINS, args![]).await?;
    let rows = tx.all(&SUPER_ADMINS, args![]).await?;
    rows.iter().map(|row| row.get("id")).collect()
}
