//! Organizations: accounts made, which takes its time (AWS documentation: CreateAccount; botocore's
//! model).
//!
//! What it does not do: accounts for GovCloud, closing and inviting accounts, access of IAM users to
//! billing, tags given with the call.

use serde_json::{Value, json};

use super::shapes::{ACCOUNT_NAME, CREATE_REQUEST, EMAIL, ROLE_NAME};
use super::units::PAGE;
use super::{InJson, authorize, object, place_of, seconds};
use crate::estate::{Account, AccountState};
use crate::held::Document;
use crate::iam::{Entity, IamRole};
use crate::wire::ApiError;
use crate::world::{Cx, World};

pub(super) const OPERATIONS: &[(&str, InJson)] = &[
    ("CreateAccount", |world, cx| create(world, cx)),
    ("DescribeCreateAccountStatus", |world, cx| {
        describe(world, cx)
    }),
    ("ListCreateAccountStatus", |world, cx| list(world, cx)),
];

/// What trusts the management account in an account it made, unless told another name [M].
const ROLE: &str = "OrganizationAccountAccessRole";
const ADMINISTRATOR: &str = "arn:aws:iam::aws:policy/AdministratorAccess";

/// An account that was asked for.
#[derive(Debug, Clone)]
pub(crate) struct AccountRequest {
    /// `car-…`
    id: String,
    name: String,
    email: String,
    role: String,
    requested_at: i64,
    ends_at: i64,
    /// Questions still to be answered that it is under way.
    polls: u32,
    /// The account, or why there is none, and since when.
    ended: Option<(i64, Result<String, &'static str>)>,
}

impl AccountRequest {
    fn state(&self) -> &'static str {
        match &self.ended {
            None => "IN_PROGRESS",
            Some((_, Ok(_))) => "SUCCEEDED",
            Some((_, Err(_))) => "FAILED",
        }
    }

    fn told(&self) -> Value {
        let ended = self.ended.as_ref();
        let account = ended.and_then(|(_, result)| result.as_ref().ok());
        let reason = ended.and_then(|(_, result)| result.as_ref().err());
        object([
            ("Id", json!(self.id)),
            ("AccountName", json!(self.name)),
            ("State", json!(self.state())),
            ("RequestedTimestamp", seconds(self.requested_at)),
            (
                "CompletedTimestamp",
                ended.map_or(Value::Null, |(at, _)| seconds(*at)),
            ),
            ("AccountId", json!(account)),
            ("FailureReason", json!(reason)),
        ])
    }
}

fn create(world: &mut World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    authorize(world, cx, "*", false)?;
    let input = cx.input();
    let email = input.required("Email", EMAIL)?.to_owned();
    let name = input.required("AccountName", ACCOUNT_NAME)?.to_owned();
    let role = input.text("RoleName")?.unwrap_or(ROLE).to_owned();
    input.fits("RoleName", &role, ROLE_NAME)?;
    let settle = world.knobs.settle;
    let id = format!("car-{}", world.fresh("account request").lower(32));
    let at = cx.moment.at;
    world.account_requests.push(AccountRequest {
        id,
        name,
        email,
        role,
        requested_at: at,
        ends_at: at.saturating_add(settle.micros),
        polls: settle.polls,
        ended: None,
    });
    let place = world.account_requests.len() - 1;
    if settle.polls == 0 {
        world.end_account(place, at);
    }
    let told = world.account_requests.get(place);
    Ok(json!({ "CreateAccountStatus": told.map(AccountRequest::told) }))
}

fn describe(world: &mut World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    authorize(world, cx, "*", false)?;
    let id = cx
        .input()
        .required("CreateAccountRequestId", CREATE_REQUEST)?;
    let place = world.account_requests.iter().position(|it| it.id == id);
    let place = place.ok_or_else(|| {
        ApiError::new(
            "CreateAccountStatusNotFoundException",
            "You specified a create account request ID that doesn't exist.",
        )
    })?;
    if let Some(request) = world.account_requests.get_mut(place) {
        match (request.ended.is_some(), request.polls.checked_sub(1)) {
            (true, _) => {}
            (false, Some(left)) => request.polls = left,
            (false, None) => world.end_account(place, cx.moment.at),
        }
    }
    let told = world.account_requests.get(place);
    Ok(json!({ "CreateAccountStatus": told.map(AccountRequest::told) }))
}

fn list(world: &World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    authorize(world, cx, "*", false)?;
    let states = cx.input().list("States")?.unwrap_or_default();
    let pager = cx.pager(world, PAGE)?;
    let [from, ..] = pager.from;
    let rows = (from..)
        .zip(world.account_requests.iter().skip(from as usize))
        .filter(|(_, it)| states.is_empty() || states.contains(&json!(it.state())));
    let (page, next) = pager.take(rows, |(place, _)| [*place, 0, 0]);
    let rows: Vec<Value> = page.iter().map(|(_, it)| it.told()).collect();
    Ok(object([
        ("CreateAccountStatuses", json!(rows)),
        ("NextToken", json!(next)),
    ]))
}

impl World {
    /// Ends the requests whose time has come.
    pub(crate) fn end_accounts(&mut self, now: i64) {
        let due = (0..).zip(&self.account_requests);
        let due = due.filter(|(_, it)| it.ended.is_none() && it.ends_at <= now);
        let due: Vec<(usize, i64)> = due.map(|(place, it)| (place, it.ends_at)).collect();
        for (place, at) in due {
            self.end_account(place, at);
        }
    }

    /// Makes the account, at the root, with the role by which the management account gets in.
    fn end_account(&mut self, place: usize, at: i64) {
        let Some(request) = self.account_requests.get(place).cloned() else {
            return;
        };
        let accounts = &self.estate.accounts;
        let taken = accounts
            .iter()
            .any(|account| account.email.eq_ignore_ascii_case(&request.email));
        let result = if taken {
            Err("EMAIL_ALREADY_EXISTS")
        } else {
            Ok(self.found_account(&request, at))
        };
        if let Some(known) = self.account_requests.get_mut(place) {
            known.ended = Some((at, result));
        }
    }

    fn found_account(&mut self, request: &AccountRequest, at: i64) -> String {
        let mut stream = self.fresh("account made");
        let mut id = stream.account();
        while self.accounts_by_id.contains_key(&id) {
            id = stream.account();
        }
        let place = place_of(self.estate.accounts.len());
        self.estate.accounts.push(Account {
            id: id.clone(),
            name: request.name.clone(),
            email: request.email.clone(),
            state: AccountState::Active,
            unit: "",
            joined_at: at,
            tags: Vec::new(),
        });
        self.accounts_by_id.insert(id.clone(), place);
        self.tree.parents.push(None);
        let trust = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::{}:root"}},"Action":"sts:AssumeRole"}}]}}"#,
            self.estate.management()
        );
        if let Ok(trust) = Document::parse(&trust) {
            let role_id = format!("AROA{}", stream.upper(17));
            let held = self.access.held.get_or_default(role_id.clone());
            held.attached.push(ADMINISTRATOR.to_owned());
            self.estate.iam.add_role(IamRole {
                entity: Entity {
                    account: id.clone(),
                    path: "/".to_owned(),
                    name: request.role.clone(),
                    id: role_id,
                    created_at: at,
                    removed: false,
                },
                trust,
                description: None,
                longest_session: 3_600,
                tags: Vec::new(),
            });
        }
        id
    }
}
