//! People and groups in the identity store.

use aws_sdk_identitystore::types::{MemberId, UserStatus};
use aws_types::request_id::RequestId;

use crate::estate::{Estate, Session};
use crate::governor::{Lane, Service};
use crate::pages::{Page, Pages};

/// An Identity Center user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityUser {
    /// The id assignments and memberships name.
    pub id: String,
    /// The name to sign in with.
    pub user_name: Option<String>,
    /// The name to show.
    pub display_name: Option<String>,
    /// The primary address, or the only one.
    pub email: Option<String>,
    /// Whether the user may sign in; absent on older stores (AWS reference §1.2).
    pub active: Option<bool>,
}

/// An Identity Center group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityGroup {
    /// The id assignments and memberships name.
    pub id: String,
    /// The name to show.
    pub name: Option<String>,
    /// What somebody wrote about it.
    pub description: Option<String>,
    /// Who gave it ids of their own: a directory that provisions it, by SCIM or otherwise,
    /// and so decides who is in it (AWS reference §1.2 `ExternalIds`).
    pub issuers: Vec<String>,
}

/// A user in a group. Groups have no groups in them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// What it is deleted by.
    pub id: String,
    /// The group.
    pub group: String,
    /// The user.
    pub user: String,
}

const USERS: &str = "identitystore:ListUsers";
const GROUPS: &str = "identitystore:ListGroups";
const MEMBERSHIPS: &str = "identitystore:ListGroupMemberships";
const OF_MEMBER: &str = "identitystore:ListGroupMembershipsForMember";
/// The most AWS gives (AWS reference §1.2).
const PAGE: i32 = 100;

impl Estate {
    /// Every user of the identity store, a hundred a page.
    pub fn users(&self, store: &str, from: Option<String>, lane: Lane) -> Pages<IdentityUser> {
        let (estate, store) = (self.clone(), store.to_owned());
        Pages::new(USERS, from, move |token| {
            let (estate, store) = (estate.clone(), store.clone());
            async move {
                let began = estate.now();
                let send = |s: &Session| {
                    let list = s
                        .store
                        .list_users()
                        .identity_store_id(&store)
                        .max_results(PAGE);
                    list.set_next_token(token.clone()).send()
                };
                let answer = estate
                    .look(lane, Service::IdentityStore, USERS, send)
                    .await?;
                let items = answer.users().iter().map(user).collect();
                let next = answer.next_token().map(str::to_owned);
                let request_id = answer.request_id().map(str::to_owned);
                Ok(Page {
                    items,
                    began,
                    next,
                    request_id,
                })
            }
        })
    }

    /// Every group of the identity store, a hundred a page.
    pub fn groups(&self, store: &str, from: Option<String>, lane: Lane) -> Pages<IdentityGroup> {
        let (estate, store) = (self.clone(), store.to_owned());
        Pages::new(GROUPS, from, move |token| {
            let (estate, store) = (estate.clone(), store.clone());
            async move {
                let began = estate.now();
                let send = |s: &Session| {
                    let list = s
                        .store
                        .list_groups()
                        .identity_store_id(&store)
                        .max_results(PAGE);
                    list.set_next_token(token.clone()).send()
                };
                let answer = estate
                    .look(lane, Service::IdentityStore, GROUPS, send)
                    .await?;
                let rows = answer.groups().iter().map(|row| IdentityGroup {
                    id: row.group_id().to_owned(),
                    name: row.display_name().map(str::to_owned),
                    description: row.description().map(str::to_owned),
                    issuers: row
                        .external_ids()
                        .iter()
                        .map(|id| id.issuer().to_owned())
                        .collect(),
                });
                let next = answer.next_token().map(str::to_owned);
                let request_id = answer.request_id().map(str::to_owned);
                Ok(Page {
                    items: rows.collect(),
                    began,
                    next,
                    request_id,
                })
            }
        })
    }

    /// Every member of a group, a hundred a page. Members that are no users are left out:
    /// AWS has none today.
    pub fn memberships(
        &self,
        store: &str,
        group: &str,
        from: Option<String>,
        lane: Lane,
    ) -> Pages<Membership> {
        let (estate, store, group) = (self.clone(), store.to_owned(), group.to_owned());
        Pages::new(MEMBERSHIPS, from, move |token| {
            let (estate, store, group) = (estate.clone(), store.clone(), group.clone());
            async move {
                let began = estate.now();
                let send = |s: &Session| {
                    let list = s.store.list_group_memberships().identity_store_id(&store);
                    let list = list.group_id(&group).max_results(PAGE);
                    list.set_next_token(token.clone()).send()
                };
                let answer = estate
                    .look(lane, Service::IdentityStore, MEMBERSHIPS, send)
                    .await?;
                let rows = answer.group_memberships().iter();
                let rows = rows.filter_map(|row| match row.member_id() {
                    Some(MemberId::UserId(user)) => Some(Membership {
                        id: row.membership_id().to_owned(),
                        group: group.clone(),
                        user: user.clone(),
                    }),
                    _ => None,
                });
                let next = answer.next_token().map(str::to_owned);
                let request_id = answer.request_id().map(str::to_owned);
                Ok(Page {
                    items: rows.collect(),
                    began,
                    next,
                    request_id,
                })
            }
        })
    }

    /// Every group a user is in, a hundred a page.
    pub fn memberships_of(
        &self,
        store: &str,
        user: &str,
        from: Option<String>,
        lane: Lane,
    ) -> Pages<Membership> {
        let (estate, store, user) = (self.clone(), store.to_owned(), user.to_owned());
        Pages::new(OF_MEMBER, from, move |token| {
            let (estate, store, user) = (estate.clone(), store.clone(), user.clone());
            async move {
                let began = estate.now();
                let send = |s: &Session| {
                    let list = s.store.list_group_memberships_for_member();
                    let list = list.identity_store_id(&store);
                    let list = list.member_id(MemberId::UserId(user.clone()));
                    list.max_results(PAGE).set_next_token(token.clone()).send()
                };
                let answer = estate
                    .look(lane, Service::IdentityStore, OF_MEMBER, send)
                    .await?;
                let rows = answer.group_memberships().iter();
                let rows = rows.filter_map(|row| {
                    let (id, group) = (row.membership_id(), row.group_id()?);
                    Some(Membership {
                        id: id.to_owned(),
                        group: group.to_owned(),
                        user: user.clone(),
                    })
                });
                let next = answer.next_token().map(str::to_owned);
                let request_id = answer.request_id().map(str::to_owned);
                Ok(Page {
                    items: rows.collect(),
                    began,
                    next,
                    request_id,
                })
            }
        })
    }
}

fn user(row: &aws_sdk_identitystore::types::User) -> IdentityUser {
    let emails = row.emails();
    let email = emails.iter().find(|e| e.primary()).or(emails.first());
    IdentityUser {
        id: row.user_id().to_owned(),
        user_name: row.user_name().map(str::to_owned),
        display_name: row.display_name().map(str::to_owned),
        email: email.and_then(|e| e.value()).map(str::to_owned),
        active: row.user_status().map(|s| *s == UserStatus::Enabled),
    }
}
