//! What else is known of an estate: its accounts and how reading each went, its IAM roles with who
//! may assume them, and the credentials of its IAM users.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use stint_domain::rights::{Relation, Verb};
use stint_domain::{ConnectionId, PrincipalId, Span, Time, UserId};

use super::store::facts as rows;
use super::{Error, Principal};
use crate::cx::Cx;
use crate::http::{Page, Paging, chosen, sorted};

/// An access key that is older than this counts as old.
pub const OLD_KEY: Span = Span::hours(90 * 24);

/// An account, and what a sync knows of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountFacts {
    /// The estate.
    pub connection: ConnectionId,
    /// Its twelve digits.
    pub id: String,
    /// Its name; the digits where there is no organization to tell it.
    pub name: String,
    /// The address of its root user.
    pub email: Option<String>,
    /// `active`, `suspended`, `pending` or `closed`, where the organization tells.
    pub state: Option<String>,
    /// What its sign-in page is called.
    pub alias: Option<String>,
    /// Root and units by their ids, outermost first, divided by `/`.
    pub path: Option<String>,
    /// The same by names.
    pub units: Option<String>,
    /// Its tags, where the connection reads them; none while they are not known.
    pub tags: Option<BTreeMap<String, String>>,
    /// When the reading of the tags began.
    pub tags_read_at: Option<Time>,
    /// When AWS last refused to tell its tags, unless it has told since.
    pub tags_refused_at: Option<Time>,
    /// `not_read`, `read`, or `refused`: what is known of its IAM is from before then.
    pub iam: String,
    /// Whether its IAM is read with the connection's own credentials.
    pub own: bool,
    /// Why it was not read, in a stable word: `role_refused`, `role_failed`, `read_refused` or
    /// `read_failed`.
    pub code: Option<String>,
    /// The same in a sentence.
    pub why: Option<String>,
    /// Since when it is read, or refuses.
    pub changed_at: Option<Time>,
    /// When the last reading of its IAM that left nothing out began.
    pub read_at: Option<Time>,
    /// How memberships were listed: `by_group`, `by_user` or `details`.
    pub listing: Option<String>,
    /// When its credential report was made.
    pub report_at: Option<Time>,
    /// Whether its root user has MFA.
    pub root_mfa: Option<bool>,
    /// Whether its root user has an active access key.
    pub root_keys: Option<bool>,
    /// When its root user last signed in, where AWS tells.
    pub root_signed_in_at: Option<Time>,
}

/// An IAM role, with who may assume it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleFacts {
    /// The estate.
    pub connection: ConnectionId,
    /// `AROA…`
    pub aws_id: String,
    /// The account it is in.
    pub account: String,
    /// That account's name.
    pub account_name: Option<String>,
    /// Its name.
    pub name: String,
    /// `/`, or `/path/`.
    pub path: String,
    /// Its ARN.
    pub arn: String,
    /// For people.
    pub description: Option<String>,
    /// Whom its trust policy lets in: ARNs, services, identity providers.
    pub trust: Vec<String>,
    /// The longest session it gives, in seconds.
    pub max_session: Option<i64>,
    /// Its permissions boundary, where that is known.
    pub boundary: Option<String>,
    /// When a session of it last called AWS, where that is known.
    pub used_at: Option<Time>,
    /// In which region.
    pub used_in: Option<String>,
    /// When it was made.
    pub made_at: Time,
    /// When it was last read.
    pub last_seen: Time,
}

/// An IAM user, and what is known of its credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IamUserFacts {
    /// Who.
    pub principal: Principal,
    /// The account it is in.
    pub account: String,
    /// That account's name.
    pub account_name: Option<String>,
    /// The person whose it is confirmed to be.
    pub user: Option<UserId>,
    /// `/`, or `/path/`.
    pub path: Option<String>,
    /// When it was made.
    pub made_at: Option<Time>,
    /// When its password last signed in to the console, where AWS tells.
    pub signed_in_at: Option<Time>,
    /// Whether it has a password. None, as in the following: no credential report tells.
    pub password: Option<bool>,
    /// Whether it has MFA.
    pub mfa: Option<bool>,
    /// Its access keys.
    pub keys: Option<Vec<KeyFacts>>,
    /// When the credential report was made; or, where a change event told of these since, when they
    /// were read again.
    pub report_at: Option<Time>,
}

/// An access key, as a credential report tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyFacts {
    /// Whether it can be used.
    pub active: bool,
    /// When it was made, or last switched on or off.
    pub rotated_at: Time,
    /// When it was last used.
    pub used_at: Option<Time>,
    /// With which service.
    pub service: Option<String>,
    /// In which region.
    pub region: Option<String>,
}

/// Which accounts, roles or users. What is absent does not narrow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FactsFilter {
    /// Words in the names, in their order; of an account also in its number, address, alias and
    /// the names of its units, of a role in whom it lets in.
    pub q: String,
    /// Of this estate.
    pub connection: Option<ConnectionId>,
    /// Of this account.
    pub account: Option<String>,
    /// Accounts below this root or unit (`r-…`, `ou-…`).
    pub under: Option<String>,
    /// Of accounts one of [`IAM_STATES`], of users one of [`USER_KINDS`].
    pub only: Option<String>,
    /// `name` (when absent), or `-name`.
    pub sort: Option<String>,
}

/// How reading an account's IAM went.
pub const IAM_STATES: &[&str] = &["read", "refused", "not_read"];
/// What a list of IAM users can be narrowed to: those with a password and no MFA, with active
/// access keys, with active keys older than [`OLD_KEY`].
pub const USER_KINDS: &[&str] = &["password_without_mfa", "active_keys", "old_keys"];
/// The orders of these lists.
pub const FACT_SORTS: &[&str] = &["name", "-name"];

/// Accounts that the organization has, by name.
pub async fn accounts(
    cx: &Cx,
    filter: &FactsFilter,
    paging: &Paging,
) -> Result<Page<AccountFacts>, Error> {
    cx.authorize(Verb::ListAccounts, Relation::None)?;
    let sort = sorted(filter.sort.as_deref(), FACT_SORTS)?;
    chosen("iam", filter.only.as_deref(), IAM_STATES)?;
    let after = paging.after_in::<rows::After>(sort)?;
    let down = sort.starts_with('-');
    let mut q = cx.read().await?;
    let found = rows::accounts(&mut q, filter, down, after, paging.fetch()).await?;
    let page = paging.page_in(sort, found, |(key, it)| {
        (key.clone(), (it.id.clone(), it.connection))
    });
    Ok(page.map(|(_, it)| it))
}

/// How many member accounts of a connection did not let themselves be read the last time.
pub async fn refusing(cx: &Cx, connection: ConnectionId) -> Result<i64, Error> {
    cx.authorize(Verb::ListSyncs, Relation::None)?;
    Ok(rows::refusing(&mut cx.read().await?, connection).await?)
}

/// IAM roles, by name.
pub async fn iam_roles(
    cx: &Cx,
    filter: &FactsFilter,
    paging: &Paging,
) -> Result<Page<RoleFacts>, Error> {
    cx.authorize(Verb::ListAccounts, Relation::None)?;
    let sort = sorted(filter.sort.as_deref(), FACT_SORTS)?;
    let after = paging.after_in::<rows::After>(sort)?;
    let down = sort.starts_with('-');
    let mut q = cx.read().await?;
    let found = rows::roles(&mut q, filter, down, after, paging.fetch()).await?;
    let page = paging.page_in(sort, found, |(key, it)| {
        (key.clone(), (it.aws_id.clone(), it.connection))
    });
    Ok(page.map(|(_, it)| it))
}

/// IAM users with what is known of their credentials, by name.
pub async fn iam_users(
    cx: &Cx,
    filter: &FactsFilter,
    paging: &Paging,
) -> Result<Page<IamUserFacts>, Error> {
    cx.authorize(Verb::ListAccounts, Relation::None)?;
    let sort = sorted(filter.sort.as_deref(), FACT_SORTS)?;
    chosen("only", filter.only.as_deref(), USER_KINDS)?;
    let after = paging.after_in::<(String, PrincipalId)>(sort)?;
    let down = sort.starts_with('-');
    let old = cx.now - OLD_KEY;
    let mut q = cx.read().await?;
    let found = rows::users(&mut q, filter, old, down, after, paging.fetch()).await?;
    let page = paging.page_in(sort, found, |(key, it)| (key.clone(), it.principal.id));
    Ok(page.map(|(_, it)| it))
}
