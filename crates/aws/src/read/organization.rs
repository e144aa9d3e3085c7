//! Accounts of the organization, their tags, and its tree.

mod tags;
mod tree;

pub use tree::{OrganizationTree, Unit};

use aws_sdk_organizations::types::{AccountState as State, AccountStatus as Status};
use aws_types::request_id::RequestId;

use crate::error::AwsError;
use crate::estate::{Estate, Session, required};
use crate::governor::{Lane, Service};
use crate::pages::{Page, Pages};

/// An AWS account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its twelve digits.
    pub id: String,
    /// `arn:aws:organizations::<management account>:account/o-…/<id>`.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// The address of its root user.
    pub email: Option<String>,
    /// Whether it can be used.
    pub state: AccountState,
    /// Where it stands in the organization, where AWS says so.
    pub paths: Vec<String>,
}

impl Account {
    /// The organization's management account, as the ARN tells (AWS reference §1.4).
    pub fn management_account(&self) -> Option<&str> {
        self.arn.split(':').nth(4).filter(|id| id.len() == 12)
    }
}

/// Whether an account can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AccountState {
    /// In use; also where AWS does not say.
    Active,
    /// Being set up.
    Pending,
    /// Suspended: writes to it conflict for ever (AWS reference §7).
    Suspended,
    /// Being closed, or closed.
    Closed,
}

impl AccountState {
    /// The stable word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Pending => "pending",
            Self::Suspended => "suspended",
            Self::Closed => "closed",
        }
    }
}

const LIST: &str = "organizations:ListAccounts";
/// The most AWS gives (AWS reference §1.4).
const PAGE: i32 = 20;

impl Estate {
    /// Every account of the organization, twenty a page.
    pub fn accounts(&self, from: Option<String>, lane: Lane) -> Pages<Account> {
        let estate = self.clone();
        Pages::new(LIST, from, move |token| {
            let estate = estate.clone();
            async move {
                let began = estate.now();
                let send = |s: &Session| {
                    let list = s.organizations.list_accounts().max_results(PAGE);
                    list.set_next_token(token.clone()).send()
                };
                let answer = estate
                    .look(lane, Service::Organizations, LIST, send)
                    .await?;
                let rows = answer.accounts().iter().map(account);
                Ok(Page {
                    items: rows.collect::<Result<_, AwsError>>()?,
                    began,
                    next: answer.next_token().map(str::to_owned),
                    request_id: answer.request_id().map(str::to_owned),
                })
            }
        })
    }
}

fn account(row: &aws_sdk_organizations::types::Account) -> Result<Account, AwsError> {
    let id = required(row.id(), LIST, "Id")?;
    Ok(Account {
        arn: required(row.arn(), LIST, "Arn")?,
        name: row.name().unwrap_or(&id).to_owned(),
        email: row.email().map(str::to_owned),
        state: state(row.state(), row.status()),
        paths: row.paths().to_vec(),
        id,
    })
}

/// `State`, or `Status` where an older service sends only that (AWS reference §1.4, [M]).
fn state(state: Option<&State>, status: Option<&Status>) -> AccountState {
    match (state, status) {
        (Some(State::PendingActivation), _) => AccountState::Pending,
        (Some(State::Suspended), _) | (None, Some(Status::Suspended)) => AccountState::Suspended,
        (Some(State::PendingClosure | State::Closed), _) | (None, Some(Status::PendingClosure)) => {
            AccountState::Closed
        }
        _ => AccountState::Active,
    }
}
