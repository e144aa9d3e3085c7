//! The handle: one simulated AWS and what its owner may do with it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;
use stint_iam_policy::{Document, Kind as PolicyKind, ParseError, Policy, trust_policy};

use crate::access::Moment;
use crate::clock::{SimClock, wall_micros};
use crate::estate::{AccountState, EstateError};
use crate::events::EventRule;
use crate::facts::Facts;
use crate::fault::{Effect, Faults, Seen};
use crate::held;
use crate::history::{By, Changed, Row};
use crate::journal::{Answered, Call as Entry, Party};
use crate::ops::ConsoleSession;
use crate::options::{Knobs, SimOptions};
use crate::pages::{self, Page};
use crate::sign_in::{AFTERLIFE, Said};
use crate::wire::{Answer, Call, Incoming, Reply, Service};
use crate::world::World;

/// One simulated AWS. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Sim {
    world: Arc<Mutex<World>>,
    clock: SimClock,
    faults: Faults,
}

/// Why an owner's wish cannot be fulfilled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// Nothing has this name or id.
    #[error("no {what} `{id}` in this simulated AWS")]
    Unknown {
        /// `role`, `account` or `user`.
        what: &'static str,
        /// As given.
        id: String,
    },
    /// The text is no policy, or none for this purpose.
    #[error("policy: {0}")]
    Policy(#[from] ParseError),
    /// Nobody can sign in this way.
    #[error("{0}")]
    SignIn(String),
}

/// One account assignment, as the owner sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AssignmentRow {
    /// Twelve digits.
    pub account_id: String,
    /// `prod-payments`
    pub account: String,
    /// `arn:aws:sso:::permissionSet/…`
    pub permission_set_arn: String,
    /// `prod-admin`
    pub permission_set: String,
    /// `USER` or `GROUP`
    pub principal_type: String,
    /// The identity store's id.
    pub principal_id: String,
    /// `ana.moreno`, or the group's name.
    pub principal: String,
}

/// One IAM user in one IAM group, as the owner sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IamMembershipRow {
    /// Twelve digits.
    pub account_id: String,
    /// The group's name.
    pub group: String,
    /// The user's name.
    pub user: String,
    /// `AGPA…`
    pub group_id: String,
    /// `AIDA…`
    pub user_id: String,
}

/// Milliseconds between two looks into an empty queue.
const A_LOOK: u64 = 50;
/// For how many microseconds the machine's own clock lets a call look: as long as SQS lets anybody
/// wait, however the virtual clock is moved meanwhile.
const PATIENCE: i64 = 20_000_000;

/// What became of a request.
pub(crate) enum Outcome {
    /// Answer this.
    Reply(Reply),
    /// Break the connection.
    Lost,
}

impl Sim {
    /// Generates an estate and everything around it. Fails when the counts cannot be met.
    pub fn new(options: SimOptions) -> Result<Sim, EstateError> {
        let mut world = World::new(&options.estate, options.knobs)?;
        world.lag_turned();
        Ok(Sim {
            faults: world.faults.clone(),
            world: Arc::new(Mutex::new(world)),
            clock: options.clock,
        })
    }

    /// The clock it lives by.
    pub fn clock(&self) -> &SimClock {
        &self.clock
    }

    /// The script of what goes wrong.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Keys, names and ids.
    pub fn facts(&self) -> Facts {
        self.lock().facts.clone()
    }

    /// Turns its manners.
    pub fn knobs(&self, turn: impl FnOnce(&mut Knobs)) {
        let mut world = self.caught_up();
        turn(&mut world.knobs);
        world.lag_turned();
    }

    /// How many calls have arrived so far, answered or not.
    pub fn calls(&self) -> u64 {
        self.lock().journal.total()
    }

    /// How many of them were signed with this party's keys.
    pub fn calls_by(&self, party: Party) -> u64 {
        self.lock().journal.total_by(party)
    }

    /// The calls so far, oldest first; of very many only the newest.
    pub fn journal(&self) -> Vec<Entry> {
        self.journal_since(0)
    }

    /// The calls after the one with this number.
    pub fn journal_since(&self, no: u64) -> Vec<Entry> {
        self.lock().journal.since(no)
    }

    /// Every row of access that came or went, oldest first, and by whose key; of very many
    /// only the newest. What the estate was generated with is not in it.
    pub fn history(&self) -> Vec<Changed> {
        self.caught_up().history.all()
    }

    /// The names that the group and the user of an IAM membership have now; none for another
    /// row, and where one of the two is gone.
    pub fn iam_names(&self, row: &Row) -> Option<(String, String)> {
        let Row::IamMembership { group, user } = row else {
            return None;
        };
        let world = self.lock();
        let iam = &world.estate.iam;
        let group = (iam.groups.iter()).find(|it| !it.entity.removed && it.entity.id == *group)?;
        let user = (iam.users.iter()).find(|it| !it.entity.removed && it.entity.id == *user)?;
        Some((group.entity.name.clone(), user.entity.name.clone()))
    }

    /// Every assignment there is at this moment, without any lag.
    pub fn assignments(&self) -> Vec<AssignmentRow> {
        let world = self.caught_up();
        let rows = world.relations().all_rows();
        rows.filter_map(|(account, set, who)| {
            let account = world.estate.accounts.get(account as usize)?;
            let set = world.estate.sets.get(set as usize)?;
            let place = who.place() as usize;
            let principal = if who.is_group() {
                &world.estate.groups.get(place)?.name
            } else {
                &world.estate.users.get(place)?.user_name
            };
            Some(AssignmentRow {
                account_id: account.id.clone(),
                account: account.name.clone(),
                permission_set_arn: set.arn.clone(),
                permission_set: set.name.clone(),
                principal_type: who.kind().to_owned(),
                principal_id: world.principal_id(who).to_owned(),
                principal: principal.clone(),
            })
        })
        .collect()
    }

    /// Every IAM membership there is at this moment, without any lag.
    pub fn iam_memberships(&self) -> Vec<IamMembershipRow> {
        let world = self.caught_up();
        let rows = world.relations().iam_memberships();
        rows.filter_map(|(group, user)| {
            let group = &world.estate.iam.group(group)?.entity;
            let user = &world.estate.iam.user(user)?.entity;
            Some(IamMembershipRow {
                account_id: group.account.clone(),
                group: group.name.clone(),
                user: user.name.clone(),
                group_id: group.id.clone(),
                user_id: user.id.clone(),
            })
        })
        .collect()
    }

    /// The id of the account with this name.
    pub fn account_id(&self, name: &str) -> Option<String> {
        let world = self.lock();
        let found = world
            .estate
            .accounts
            .iter()
            .find(|account| account.name == name);
        found.map(|account| account.id.clone())
    }

    /// The ARN of the permission set with this name.
    pub fn permission_set_arn(&self, name: &str) -> Option<String> {
        let world = self.lock();
        let found = world.estate.sets.iter().find(|set| set.name == name);
        found.map(|set| set.arn.clone())
    }

    /// The id of the group with this name.
    pub fn group_id(&self, name: &str) -> Option<String> {
        let world = self.lock();
        let found = world.estate.groups.iter().find(|group| group.name == name);
        found.map(|group| group.id.clone())
    }

    /// The id of the user with this user name.
    pub fn user_id(&self, user_name: &str) -> Option<String> {
        let world = self.lock();
        let found = world
            .estate
            .users
            .iter()
            .find(|user| user.user_name == user_name);
        found.map(|user| user.id.clone())
    }

    /// Makes the connector's role trust the Stint host with this External ID: what an
    /// administrator does who pastes the trust policy Stint shows.
    pub fn trust_connector(&self, external_id: &str) {
        let mut world = self.lock();
        let trust = trust_policy(&world.facts.host.arn, external_id);
        let role = world.facts.connector_role_arn.clone();
        if let Some(role) = world.estate.iam.role_by_arn_mut(&role) {
            role.trust = held::Document::of(trust);
        }
    }

    /// Replaces a role's trust policy.
    pub fn put_trust_policy(&self, role_arn: &str, policy: &str) -> Result<(), ControlError> {
        let policy = checked(policy, PolicyKind::Trust)?;
        let mut world = self.lock();
        let role = world.estate.iam.role_by_arn_mut(role_arn);
        role.ok_or_else(|| unknown("role", role_arn))?.trust = held::Document::of(policy);
        Ok(())
    }

    /// Replaces what a role may do; calls after this one are judged by it.
    pub fn put_role_permissions(&self, role_arn: &str, policy: &str) -> Result<(), ControlError> {
        let policy = checked(policy, PolicyKind::Identity)?;
        let mut world = self.lock();
        let role = world.estate.iam.role_by_arn(role_arn);
        let id = role
            .map(|role| role.entity.id.clone())
            .ok_or_else(|| unknown("role", role_arn))?;
        world.access.permit(&id, policy);
        Ok(())
    }

    /// Replaces what an IAM user may do; calls after this one are judged by it.
    pub fn put_user_permissions(&self, user_arn: &str, policy: &str) -> Result<(), ControlError> {
        let policy = checked(policy, PolicyKind::Identity)?;
        let mut world = self.lock();
        let user = world.estate.iam.user_by_arn(user_arn);
        let id = user
            .map(|user| user.entity.id.clone())
            .ok_or_else(|| unknown("user", user_arn))?;
        world.access.permit(&id, policy);
        Ok(())
    }

    /// Changes the state of an account.
    pub fn set_account_state(
        &self,
        account_id: &str,
        state: AccountState,
    ) -> Result<(), ControlError> {
        let mut world = self.lock();
        let account = world
            .estate
            .accounts
            .iter_mut()
            .find(|account| account.id == account_id);
        account.ok_or_else(|| unknown("account", account_id))?.state = state;
        Ok(())
    }

    /// Disables a user: listed as such, cannot sign in any more, and what came of earlier
    /// sign-ins lives on for a while (AWS reference §5.3). Access stays as it is.
    pub fn disable_user(&self, user_id: &str) -> Result<(), ControlError> {
        let now = self.clock.now_micros();
        let mut world = self.lock();
        if let Some(place) = world.users_by_id.get(user_id).copied() {
            let afterlife = world.knobs.portal_afterlife_micros;
            world.sign_ins.close(place, now, afterlife);
        }
        let user = world
            .estate
            .users
            .iter_mut()
            .find(|user| user.id == user_id && !user.removed);
        let user = user.ok_or_else(|| unknown("user", user_id))?;
        user.enabled = false;
        user.updated_at = now;
        user.revision += 1;
        world.disabled(user_id, now);
        Ok(())
    }

    /// Gives a user or group of the directory an identity provider's own id, as provisioning by
    /// SCIM would.
    pub fn put_external_id(
        &self,
        principal_id: &str,
        issuer: &str,
        id: &str,
    ) -> Result<(), ControlError> {
        let mut world = self.lock();
        let world = &mut *world;
        let users = world.estate.users.iter_mut().filter(|user| !user.removed);
        let users = users.map(|user| (&user.id, &mut user.external_ids));
        let groups = world
            .estate
            .groups
            .iter_mut()
            .filter(|group| !group.removed);
        let groups = groups.map(|group| (&group.id, &mut group.external_ids));
        let mut all = users.chain(groups);
        let known = all.find(|(known, _)| *known == principal_id);
        let (_, ids) = known.ok_or_else(|| unknown("user or group", principal_id))?;
        ids.retain(|(of, _)| of != issuer);
        ids.push((issuer.to_owned(), id.to_owned()));
        Ok(())
    }

    /// Removes a user from the directory and from every group. Assignments stay behind and
    /// go on naming the dead id, as in AWS (AWS reference §1.2 [R]).
    pub fn remove_user(&self, user_id: &str) -> Result<(), ControlError> {
        let now = self.clock.now_micros();
        let mut world = self.caught_up();
        let place = world.users_by_id.get(user_id).copied();
        let user = place.and_then(|place| world.estate.users.get_mut(place as usize));
        let (Some(place), Some(user)) = (place, user) else {
            return Err(unknown("user", user_id));
        };
        if user.removed {
            return Err(unknown("user", user_id));
        }
        world.remove_person(place, now, By::OWNER);
        Ok(())
    }

    /// Sends events of changes to a queue, as a rule of EventBridge in the queue's account would:
    /// those from these sources (`aws.iam`), or all. The queue's policy must let
    /// `events.amazonaws.com` send.
    pub fn put_event_rule(
        &self,
        name: &str,
        queue_arn: &str,
        sources: &[&str],
    ) -> Result<(), ControlError> {
        let mut world = self.caught_up();
        let queue = world.queues.by_arn(queue_arn);
        let account = queue.map(|queue| queue.account.clone());
        let account = account.ok_or_else(|| unknown("queue", queue_arn))?;
        let rule = EventRule {
            name: name.to_owned(),
            account_id: account,
            queue_arn: queue_arn.to_owned(),
            sources: sources.iter().map(|source| (*source).to_owned()).collect(),
            delivered: 0,
            refused: 0,
            lost: 0,
        };
        let rules = &mut world.events.rules;
        match rules
            .iter_mut()
            .find(|known| known.name == name && known.account_id == rule.account_id)
        {
            Some(known) => {
                known.queue_arn = rule.queue_arn;
                known.sources = rule.sources;
            }
            None => rules.push(rule),
        }
        Ok(())
    }

    /// The rules there are, and what became of their events.
    pub fn event_rules(&self) -> Vec<EventRule> {
        self.caught_up().events.rules.clone()
    }

    /// Every sign-in to the console so far.
    pub fn console_sessions(&self) -> Vec<ConsoleSession> {
        self.lock().consoles.sessions.clone()
    }

    /// Says for a person, by user name, that the device that shows this code may sign in.
    pub fn approve_device(&self, user_code: &str, user_name: &str) -> Result<(), ControlError> {
        let mut world = self.caught_up();
        let user = world.person_named(user_name);
        let user = user.ok_or_else(|| unknown("user", user_name))?;
        self.answer_device(&mut world, user_code, Said::Yes(user))
    }

    /// Says that the device that shows this code may not.
    pub fn deny_device(&self, user_code: &str) -> Result<(), ControlError> {
        let mut world = self.caught_up();
        self.answer_device(&mut world, user_code, Said::No)
    }

    fn answer_device(
        &self,
        world: &mut World,
        user_code: &str,
        said: Said,
    ) -> Result<(), ControlError> {
        let now = self.clock.now_micros();
        pages::answer_device(world, now, user_code, said).map_err(ControlError::SignIn)
    }

    /// Ends the sign-ins of a person, as an administrator does in the console: tokens already
    /// handed out live on for up to an hour (AWS reference §5.4).
    pub fn end_sign_ins(&self, user_id: &str) -> Result<(), ControlError> {
        let now = self.clock.now_micros();
        let mut world = self.caught_up();
        let place = world.users_by_id.get(user_id).copied();
        let place = place.ok_or_else(|| unknown("user", user_id))?;
        world.sign_ins.close(place, now, AFTERLIFE);
        Ok(())
    }

    /// A page for a person's browser.
    pub(crate) fn page(&self, asked: [&str; 3], body: &[u8]) -> Page {
        let moment = self.moment();
        pages::answer(&mut self.caught_up(), moment, asked, body)
    }

    /// Serves one request, with whatever the script has in store for it.
    pub(crate) async fn exchange(&self, incoming: &Incoming<'_>) -> Outcome {
        let call = Call::read(incoming);
        let met = {
            let world = self.lock();
            let operation = call.name();
            self.faults.meet(&Seen {
                operation: &operation,
                party: world.party(&call),
                caller_arn: world.signer(&call).map(|key| key.arn()),
                input: &call.input,
            })
        };
        let (fault, effect) = met.unzip();
        match &effect {
            Some(Effect::Delay { millis }) => pause(*millis).await,
            Some(Effect::Hold(gate)) => gate.pass().await,
            Some(Effect::Advance { micros }) => self.clock.advance(*micros),
            _ => {}
        }
        // Who calls, and whether they signed it in time, is judged by when the call arrived.
        let arrival = self.moment();
        let mut moment = arrival;
        loop {
            match self.attempt(&call, (fault, effect.as_ref()), arrival, moment) {
                Some(outcome) => return outcome,
                // Nothing in the queue yet.
                None => pause(A_LOOK).await,
            }
            moment = self.moment();
        }
    }

    /// Serves a request now; nothing where it receives from an empty queue and has patience left.
    /// A clock that stands still, or was set back since, leaves nothing to wait for.
    fn attempt(
        &self,
        call: &Call,
        (fault, effect): (Option<u64>, Option<&Effect>),
        arrival: Moment,
        moment: Moment,
    ) -> Option<Outcome> {
        let mut world = self.lock();
        world.catch_up(moment);
        let request_id = world.request_id(world.journal.next_no());
        match effect {
            Some(Effect::LoseBefore) => {
                let answer = Answered::Lost {
                    done: false,
                    code: None,
                };
                world.record(call, moment.at, request_id, answer, fault);
                return Some(Outcome::Lost);
            }
            Some(Effect::ArriveLate { micros }) => {
                let answer = Answered::Lost {
                    done: false,
                    code: None,
                };
                world.record(call, moment.at, request_id, answer, fault);
                let due = moment.at.saturating_add(*micros);
                world.arrive_later(due, fault.unwrap_or_default(), call.clone());
                return Some(Outcome::Lost);
            }
            _ => {}
        }
        let witnessed = world.witnessed(call, arrival);
        let result = world.perform(call, arrival, moment, effect);
        if call.service == Service::Sqs && call.operation == "ReceiveMessage" {
            let empty = |answer: &Answer| matches!(answer, Answer::Json(it) if it.get("Messages").is_none());
            let patient = may_wait(arrival, moment, world.patience(call));
            if result.as_ref().is_ok_and(empty) && patient && !self.clock.is_frozen() {
                return None;
            }
        }
        if let Some(witnessed) = witnessed {
            world.happened(witnessed, call, &result, &request_id, moment.at);
        }
        let judged = world
            .signer(call)
            .map_or(moment.at, |key| moment.by(key.judge));
        let reply = Reply::of(call, &result, &request_id, judged);
        let lost = matches!(effect, Some(Effect::LoseAfter));
        let answer = match (&result, lost) {
            (Ok(_), false) => Answered::Ok,
            (Err(error), false) => Answered::Error {
                status: error.status,
                code: error.code.clone(),
            },
            (Ok(_), true) => Answered::Lost {
                done: true,
                code: None,
            },
            (Err(error), true) => Answered::Lost {
                done: false,
                code: Some(error.code.clone()),
            },
        };
        world.record(call, moment.at, request_id, answer, fault);
        Some(if lost {
            Outcome::Lost
        } else {
            Outcome::Reply(reply)
        })
    }

    fn moment(&self) -> Moment {
        Moment {
            at: self.clock.now_micros(),
            wall: wall_micros(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn caught_up(&self) -> MutexGuard<'_, World> {
        let mut world = self.lock();
        world.catch_up(self.moment());
        world
    }
}

fn unknown(what: &'static str, id: &str) -> ControlError {
    ControlError::Unknown {
        what,
        id: id.to_owned(),
    }
}

fn checked(text: &str, kind: PolicyKind) -> Result<Policy, ParseError> {
    Ok(Document::read(text, kind)?.into_policy())
}

/// Whether a call that arrived then and has so much patience may look once more.
fn may_wait(arrival: Moment, moment: Moment, patience: i64) -> bool {
    let until = arrival.at.saturating_add(patience);
    (arrival.at..until).contains(&moment.at) && moment.wall < arrival.wall.saturating_add(PATIENCE)
}

#[expect(
    clippy::disallowed_methods,
    reason = "a scripted delay takes real time by definition"
)]
async fn pause(millis: u64) {
    tokio::time::sleep(Duration::from_millis(millis)).await;
}

#[cfg(test)]
mod tests {
    use super::{Moment, may_wait};

    #[test]
    fn nobody_looks_for_longer_than_by_either_clock() {
        let at = |at: i64, wall: i64| Moment {
            at: at * 1_000_000,
            wall: wall * 1_000_000,
        };
        let looks = |moment| may_wait(at(1_000, 50), moment, 10_000_000);
        assert!(looks(at(1_000, 50)) && looks(at(1_009, 59)));
        assert!(!looks(at(1_010, 51)), "as long as it was told");
        assert!(!looks(at(999, 51)), "not back in time");
        // Of a clock that is set back now and then, but never far enough.
        assert!(looks(at(1_001, 69)));
        assert!(!looks(at(1_001, 70)));
        assert!(!may_wait(at(1_000, 50), at(1_000, 50), 0));
    }
}
