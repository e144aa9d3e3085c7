//! Identity Center: bringing a changed permission set into the accounts it is in (AWS reference
//! §1.3).

use serde_json::{Value, json};

use super::organizations::{find as find_account, id_at};
use super::permission_sets::{arn_at, authorize_in_instance, find, not_over_management};
use super::shapes::{ACCOUNT_ID, PERMISSION_SET_ARN, REQUEST_ID};
use super::{InJson, PAGE, object, place_of, seconds};
use crate::estate::AccountState;
use crate::fault::Effect;
use crate::options::OverLimit;
use crate::wire::ApiError;
use crate::world::{Cx, World};
use crate::writes::{EVERY_ACCOUNT, Fate, Kind, State, Write};

/// What is served here.
pub(super) const OPERATIONS: &[(&str, InJson)] = &[
    ("ProvisionPermissionSet", |world, cx| provision(world, cx)),
    ("DescribePermissionSetProvisioningStatus", |world, cx| {
        describe(world, cx)
    }),
    ("ListPermissionSetProvisioningStatus", |world, cx| {
        list(world, cx)
    }),
];

fn provision(world: &mut World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    authorize_in_instance(world, cx)?;
    let input = cx.input();
    let set = find(
        world,
        input.required("PermissionSetArn", PERMISSION_SET_ARN)?,
    )?;
    let target = input.required_word("TargetType", &["AWS_ACCOUNT", "ALL_PROVISIONED_ACCOUNTS"])?;
    let account = match target {
        "AWS_ACCOUNT" => find_account(world, input.required("TargetId", ACCOUNT_ID)?)?,
        _ => EVERY_ACCOUNT,
    };
    not_over_management(world, cx, set)?;
    let known = world.estate.accounts.get(account as usize);
    let suspended = known.is_some_and(|known| known.state != AccountState::Active);
    if suspended || world.writes.busy(account, set) {
        return Err(ApiError::conflict(format!(
            "A previous operation on permission set {} is still in progress. Please try again later.",
            arn_at(world, set)
        )));
    }
    if world.writes.outstanding() >= world.knobs.outstanding_writes {
        return Err(match world.knobs.over_outstanding {
            OverLimit::Throttling => ApiError::throttled(cx.call.service, 1),
            OverLimit::Conflict => {
                ApiError::conflict("Too many operations are in progress. Please try again later.")
            }
        });
    }
    let mut fate = Fate {
        failure: None,
        applies: true,
    };
    let settle = world.knobs.settle;
    let (mut polls, mut micros) = (Some(settle.polls), settle.micros);
    match cx.effect {
        Some(Effect::FailLater { reason, applied }) => {
            fate = Fate {
                failure: Some(reason.clone()),
                applies: *applied,
            };
        }
        Some(Effect::Slow { micros: slow }) => (polls, micros) = (None, *slow),
        _ => {}
    }
    let created_at = cx.moment.at;
    let id = world.fresh("provisioning").uuid();
    let place = world.writes.accept(Write {
        id,
        kind: Kind::Provision,
        account,
        set,
        principal_kind: "",
        principal_id: String::new(),
        principal: None,
        created_at,
        ends_at: created_at.saturating_add(micros),
        polls,
        fate,
        by: cx.by(),
        state: State::InProgress,
    });
    if polls == Some(0) || micros <= 0 {
        world.end_write(place, created_at);
    }
    Ok(status(world, place))
}

fn describe(world: &mut World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    authorize_in_instance(world, cx)?;
    let id = cx
        .input()
        .required("ProvisionPermissionSetRequestId", REQUEST_ID)?;
    let place = world
        .writes
        .find(id, Kind::Provision)
        .ok_or_else(|| ApiError::not_found(format!("Request {id} was not found")))?;
    if world.writes.poll(place, world.knobs.serial_per_account) {
        world.end_write(place, cx.moment.at);
    }
    Ok(status(world, place))
}

fn list(world: &World, cx: &Cx<'_>) -> Result<Value, ApiError> {
    authorize_in_instance(world, cx)?;
    let wanted = match cx.input().object("Filter")? {
        None => None,
        Some(filter) => filter.word("Status", &["IN_PROGRESS", "FAILED", "SUCCEEDED"])?,
    };
    let pager = cx.pager(world, PAGE)?;
    let below = if pager.first {
        usize::MAX
    } else {
        pager.from[0] as usize + 1
    };
    let rows = world
        .writes
        .newest_first(Kind::Provision, below)
        .filter(|(_, write)| wanted.is_none_or(|status| status == write.state.name()));
    let (page, next) = pager.take(rows, |(place, _)| [place_of(*place), 0, 0]);
    let rows: Vec<Value> = page
        .into_iter()
        .map(|(_, write)| {
            json!({
                "Status": write.state.name(),
                "RequestId": write.id,
                "CreatedDate": seconds(write.created_at),
            })
        })
        .collect();
    Ok(object([
        ("PermissionSetsProvisioningStatus", json!(rows)),
        ("NextToken", json!(next)),
    ]))
}

fn status(world: &World, place: usize) -> Value {
    let Some(write) = world.writes.get(place) else {
        return Value::Null;
    };
    let reason = match &write.state {
        State::Failed(reason) => Some(reason),
        State::InProgress | State::Succeeded => None,
    };
    let account = (write.account != EVERY_ACCOUNT).then(|| id_at(world, write.account));
    json!({ "PermissionSetProvisioningStatus": object([
        ("Status", json!(write.state.name())),
        ("RequestId", json!(write.id)),
        ("AccountId", json!(account)),
        ("PermissionSetArn", json!(arn_at(world, write.set))),
        ("FailureReason", json!(reason)),
        ("CreatedDate", seconds(write.created_at)),
    ])})
}

impl World {
    /// Ends a provisioning: what the accounts' roles hold is what the set says now.
    pub(crate) fn end_provisioning(&mut self, write: &Write) -> State {
        if let Some(reason) = &write.fate.failure {
            if write.fate.applies {
                let _ = self.provision_all(write.account, write.set);
            }
            return State::Failed(reason.clone());
        }
        match self.provision_all(write.account, write.set) {
            Ok(()) => State::Succeeded,
            Err(reason) => State::Failed(reason),
        }
    }

    fn provision_all(&mut self, account: u32, set: u32) -> Result<(), String> {
        let all: Vec<u32> = self.relations().accounts_with(set, 0).collect();
        if account == EVERY_ACCOUNT {
            return all
                .into_iter()
                .try_for_each(|account| self.provision(account, set));
        }
        if !all.contains(&account) {
            // Seen of this call [R].
            return Err("Received a 404 status error: Assignment not found.".to_owned());
        }
        self.provision(account, set)
    }
}
