//! The whole state behind the wire, and how time changes it.

use std::collections::HashMap;

use crate::access::{Access, Founding, Key, Moment};
use crate::estate::{Estate, EstateError, EstateSpec, generate, populate_iam};
use crate::events::Events;
use crate::facts::{Facts, Person};
use crate::fault::{Effect, Faults, Met};
use crate::history::{By, Changed, History, Row};
use crate::ids::Seeded;
use crate::journal::{Answered, Call as Entry, Journal, Party};
use crate::lag::Lagging;
use crate::ops::{self, AccountRequest, Consoles};
use crate::options::Knobs;
use crate::past::Stamp;
use crate::queues::Queues;
use crate::relations::{Change, Principal, Relations};
use crate::scim::Scim;
use crate::sign_in::SignIns;
use crate::throttle::{Asked, Buckets};
use crate::tree::Tree;
use crate::wire::{Answer, ApiError, Call};
use crate::writes::{Kind, State, Writes};

/// Where the Identity Center instance of every estate lives.
pub(crate) const REGION: &str = "eu-central-1";

#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) estate: Estate,
    pub(crate) tree: Tree,
    pub(crate) access: Access,
    pub(crate) facts: Facts,
    pub(crate) knobs: Knobs,
    pub(crate) journal: Journal,
    pub(crate) history: History,
    pub(crate) writes: Writes,
    pub(crate) accounts_by_id: HashMap<String, u32>,
    pub(crate) sets_by_arn: HashMap<String, u32>,
    pub(crate) users_by_id: HashMap<String, u32>,
    pub(crate) groups_by_id: HashMap<String, u32>,
    /// How often a permission set came back into an account, and when it last did.
    pub(crate) rounds: HashMap<(u32, u32), (u64, i64)>,
    /// Which revision of a permission set an account has; the first where nothing is noted.
    pub(crate) have: HashMap<(u32, u32), u64>,
    pub(crate) sign_ins: SignIns,
    pub(crate) scim: Scim,
    pub(crate) queues: Queues,
    pub(crate) consoles: Consoles,
    pub(crate) events: Events,
    /// Accounts that were asked for, oldest first.
    pub(crate) account_requests: Vec<AccountRequest>,
    pub(crate) faults: Faults,
    buckets: Buckets,
    /// How many calls of each account Organizations has in hand.
    pub(crate) in_hand: HashMap<String, u32>,
    /// Whether the call to be served found too many of them when it came.
    pub(crate) crowded: bool,
    /// By which time things change.
    pub(crate) stamp: Stamp,
    pub(crate) lagging: Option<Lagging>,
    late: Vec<Late>,
    pub(crate) reads: u64,
    issued: u64,
    /// What the call met besides the script of faults.
    pub(crate) met: Vec<&'static str>,
    /// The customer's own key that Identity Center is encrypted with, by its ARN.
    pub(crate) center_key: Option<String>,
}

/// A request under way whose caller has given up.
#[derive(Debug, Clone)]
struct Late {
    due: i64,
    met: Met,
    call: Call,
}

/// What an operation knows about the call it serves.
pub(crate) struct Cx<'a> {
    pub(crate) call: &'a Call,
    pub(crate) key: &'a Key,
    pub(crate) moment: Moment,
    pub(crate) effect: Option<&'a Effect>,
    /// Different for every call; seeds page tokens and new ids.
    pub(crate) no: u64,
}

/// The same of a call that nobody signed.
pub(crate) struct Unsigned<'a> {
    pub(crate) call: &'a Call,
    pub(crate) moment: Moment,
    pub(crate) no: u64,
}

impl World {
    pub(crate) fn new(spec: &EstateSpec, knobs: Knobs) -> Result<World, EstateError> {
        let mut estate = generate(spec)?;
        let founding = Founding::of(&mut estate);
        populate_iam(&mut estate, spec)?;
        Ok(World::around(estate, founding, knobs))
    }

    /// The same around accounts that are there, and nothing else.
    pub(crate) fn founded(mut estate: Estate, knobs: Knobs) -> World {
        let founding = Founding::of(&mut estate);
        World::around(estate, founding, knobs)
    }

    fn around(estate: Estate, founding: Founding, knobs: Knobs) -> World {
        let seed = estate.seed;
        let index = |ids: &mut dyn Iterator<Item = &String>| -> HashMap<String, u32> {
            ids.cloned().zip(0_u32..).collect()
        };
        let accounts_by_id = index(&mut estate.accounts.iter().map(|account| &account.id));
        let sets_by_arn = index(&mut estate.sets.iter().map(|set| &set.arn));
        let users_by_id = index(&mut estate.users.iter().map(|user| &user.id));
        let groups_by_id = index(&mut estate.groups.iter().map(|group| &group.id));
        let facts = Facts {
            admin: founding.admin,
            host: founding.host,
            connector_user: founding.connector_user,
            management_account: estate.management().to_owned(),
            organization_id: estate.organization_id.clone(),
            instance_arn: estate.instance_arn(),
            identity_store_id: estate.store.clone(),
            scim_tenant_id: Scim::new(seed).tenant,
            region: REGION.to_owned(),
            connector_role_arn: founding.connector_role,
            connector_external_id: founding.connector_external_id,
            member_role_arn: founding.member_role,
            ana: None,
            bo: None,
            cy: None,
            dee: None,
        };
        let mut world = World {
            tree: Tree::of(&estate),
            access: founding.access,
            facts,
            knobs,
            journal: Journal::default(),
            history: History::default(),
            writes: Writes::default(),
            accounts_by_id,
            sets_by_arn,
            users_by_id,
            groups_by_id,
            rounds: HashMap::new(),
            have: HashMap::new(),
            sign_ins: SignIns::default(),
            scim: Scim::new(seed),
            queues: Queues::default(),
            consoles: Consoles::default(),
            events: Events::default(),
            account_requests: Vec::new(),
            faults: Faults::default(),
            buckets: Buckets::default(),
            in_hand: HashMap::new(),
            crowded: false,
            stamp: Stamp::default(),
            lagging: None,
            late: Vec::new(),
            reads: 0,
            issued: 0,
            met: Vec::new(),
            center_key: None,
            estate,
        };
        world.meet_people();
        world.provision_estate();
        world
    }

    /// Tells of the first four users there are.
    pub(crate) fn meet_people(&mut self) {
        let mut people = self.estate.users.iter().map(|user| Person {
            user_id: user.id.clone(),
            user_name: user.user_name.clone(),
            display_name: format!("{} {}", user.given, user.family),
            email: user.email.clone(),
        });
        self.facts.ana = people.next();
        self.facts.bo = people.next();
        self.facts.cy = people.next();
        self.facts.dee = people.next();
    }

    /// A stream of characters for the next new id of this kind.
    pub(crate) fn fresh(&mut self, label: &str) -> Seeded {
        self.issued += 1;
        Seeded::new(self.estate.seed, label, self.issued)
    }

    pub(crate) fn request_id(&self, no: u64) -> String {
        Seeded::new(self.estate.seed, "request id", no).uuid()
    }

    /// Whose key a call was signed with, as far as the key alone tells.
    pub(crate) fn signer(&self, call: &Call) -> Option<&Key> {
        if let Some(id) = self.consoles.access_key(call) {
            return self.access.keys.get(&id);
        }
        let authorization = call.authorization.as_ref().ok()?;
        self.access.keys.get(&authorization.access_key)
    }

    pub(crate) fn party(&self, call: &Call) -> Party {
        match self.signer(call) {
            Some(key) => key.party,
            None if self.person(call).is_some() || self.provisions(call) => Party::User,
            None => Party::Nobody,
        }
    }

    /// The id of the person whose token a call carries.
    fn person(&self, call: &Call) -> Option<&str> {
        let place = self.sign_ins.person_of(call.bearer.as_deref()?)?;
        (self.estate.users.get(place as usize)).map(|user| user.id.as_str())
    }

    /// Whether a call shows a token of the SCIM endpoint, running or run out.
    fn provisions(&self, call: &Call) -> bool {
        let token = call.bearer.as_deref().unwrap_or_default();
        self.scim.knows(token)
    }

    /// Serves one call that arrived then. The caller sees to it that time has been brought up to
    /// `moment`.
    pub(crate) fn perform(
        &mut self,
        call: &Call,
        arrival: Moment,
        moment: Moment,
        effect: Option<&Effect>,
    ) -> Result<Answer, ApiError> {
        let service = call.service;
        self.met.clear();
        let crowded = std::mem::take(&mut self.crowded);
        self.stamp.set(moment.at);
        match effect {
            Some(Effect::Throttle) => return Err(ApiError::throttled(service, 1)),
            Some(Effect::Broken) => return Err(ApiError::internal(service)),
            Some(Effect::Unavailable) => return Err(ApiError::unavailable(service)),
            Some(Effect::Refuse { code, message }) => {
                return Err(ApiError::coded(service, code.clone(), message.clone()));
            }
            _ => {}
        }
        if service.is_unsigned() {
            if let Some(broken) = &call.broken {
                return Err(broken.clone());
            }
            let no = self.journal.next_no();
            return ops::dispatch_unsigned(self, &Unsigned { call, moment, no });
        }
        let authorization = call.authorization.as_ref().map_err(ApiError::clone)?;
        let window = self.knobs.signature_window_micros;
        let key = self
            .access
            .authenticate(service, authorization, arrival, window)?
            .clone();
        if matches!(effect, Some(Effect::Expire)) && !key.is_long_term() {
            let ended = self
                .access
                .keys
                .get_mut_unnoticed(&authorization.access_key);
            if let Some(ended) = ended {
                ended.expires_at = Some(moment.by(key.judge));
            }
            return Err(ApiError::expired_token(service));
        }
        self.access
            .used(authorization, service, moment.by(key.judge));
        // A call that waits for a message was counted when it came.
        if arrival == moment {
            if crowded {
                self.met.push("at_once");
                return Err(ApiError::another_in_progress());
            }
            let asked = Asked {
                service,
                operation: &call.operation,
                account: key.account(),
                region: &authorization.region,
            };
            let taken = self.buckets.take(&self.knobs.throttling, asked, moment.at);
            taken.map_err(|seconds| {
                self.met.push("rate");
                ApiError::throttled(service, seconds)
            })?;
        }
        if let Some(broken) = &call.broken {
            return Err(broken.clone());
        }
        let no = self.journal.next_no();
        let cx = Cx {
            call,
            key: &key,
            moment,
            effect,
            no,
        };
        self.looking(call, effect, moment.at, |world| ops::dispatch(world, &cx))
    }

    /// Writes a call into the journal.
    pub(crate) fn record(
        &mut self,
        call: &Call,
        at: i64,
        request_id: String,
        answer: Answered,
        met: &Met,
    ) {
        let mut weather = met.names.clone();
        weather.append(&mut self.met);
        let signer = self.signer(call);
        let person = self.person(call);
        let authorization = call.authorization.as_ref().ok();
        let entry = Entry {
            no: 0,
            at,
            operation: call.name(),
            party: self.party(call),
            account: (signer.map(|key| key.account().to_owned())).or_else(|| {
                (person.is_some() || self.provisions(call))
                    .then(|| self.estate.management().to_owned())
            }),
            caller_arn: (signer.map(|key| key.arn().to_owned()))
                .or_else(|| person.map(|id| format!("arn:aws:identitystore:::user/{id}"))),
            access_key_id: authorization.map(|known| known.access_key.clone()),
            request_id,
            signed_at: authorization.map(|known| known.signed_at),
            input: told(&call.input),
            answer,
            fault: met.fault,
            weather,
        };
        self.journal.write(entry);
    }

    pub(crate) fn arrive_later(&mut self, due: i64, met: Met, call: Call) {
        self.late.push(Late { due, met, call });
    }

    /// Lets everything happen that is due by now, in its order: writes end, late requests
    /// arrive.
    pub(crate) fn catch_up(&mut self, moment: Moment) {
        loop {
            let end = self.writes.next_end().filter(|(at, _)| *at <= moment.at);
            let arrival = self
                .late
                .iter()
                .enumerate()
                .map(|(place, late)| (late.due, place))
                .min()
                .filter(|(at, _)| *at <= moment.at);
            match (end, arrival) {
                (None, None) => break,
                (Some((at, place)), None) => self.end_write(place, at),
                (Some((at, place)), Some((due, _))) if at <= due => self.end_write(place, at),
                (_, Some((due, place))) => {
                    let late = self.late.remove(place);
                    let then = Moment {
                        at: due,
                        wall: moment.wall,
                    };
                    let request_id = self.request_id(self.journal.next_no());
                    let witnessed = self.witnessed(&late.call, then);
                    let result = self.perform(&late.call, then, then, None);
                    if let Some(witnessed) = witnessed {
                        self.happened(witnessed, &late.call, &result, &request_id, due);
                    }
                    let code = result.err().map(|error| error.code);
                    let answer = Answered::Lost {
                        done: code.is_none(),
                        code,
                    };
                    self.record(&late.call, due, request_id, answer, &late.met);
                }
            }
        }
        self.end_accounts(moment.at);
        self.deliver(moment.at);
        self.follow(moment.at);
    }

    /// Carries out an asynchronous write.
    pub(crate) fn end_write(&mut self, place: usize, at: i64) {
        let Some(write) = self.writes.get(place).cloned() else {
            return;
        };
        self.stamp.set(at);
        if write.kind == Kind::Provision {
            let state = self.end_provisioning(&write);
            self.writes.end(place, state);
            return;
        }
        let principal = write
            .principal
            .filter(|principal| self.is_there(*principal));
        let absent = || {
            State::Failed(format!(
                "Received a 404 status error: the {} assignee {} was not found in directory {}",
                write.principal_kind, write.principal_id, self.estate.store
            ))
        };
        let (state, change) = match (&write.fate.failure, principal) {
            (Some(reason), known) => (
                State::Failed(reason.clone()),
                known.filter(|_| write.fate.applies),
            ),
            (None, None) => (absent(), None),
            (None, Some(principal))
                if write.kind == Kind::Delete
                    && write.fate.applies
                    && !self.relations().has(write.account, write.set, principal) =>
            {
                (
                    State::Failed("Received a 404 status error: Assignment not found.".to_owned()),
                    None,
                )
            }
            (None, Some(_)) if write.kind == Kind::Create && self.lacks(&write).is_some() => {
                (State::Failed(self.lacks(&write).unwrap_or_default()), None)
            }
            (None, Some(principal)) => (State::Succeeded, write.fate.applies.then_some(principal)),
        };
        if let Some(principal) = change {
            let change = match write.kind {
                Kind::Create | Kind::Provision => {
                    Change::Assign(write.account, write.set, principal)
                }
                Kind::Delete => Change::Unassign(write.account, write.set, principal),
            };
            self.change(change, at, write.by);
        }
        self.writes.end(place, state);
    }

    pub(crate) fn is_there(&self, principal: Principal) -> bool {
        let place = principal.place() as usize;
        if principal.is_group() {
            self.estate
                .groups
                .get(place)
                .is_some_and(|group| !group.removed)
        } else {
            self.estate
                .users
                .get(place)
                .is_some_and(|user| !user.removed)
        }
    }

    /// The id of whoever stands at this place, also once removed.
    pub(crate) fn principal_id(&self, principal: Principal) -> &str {
        let place = principal.place() as usize;
        if principal.is_group() {
            self.estate
                .groups
                .get(place)
                .map_or("", |group| group.id.as_str())
        } else {
            self.estate
                .users
                .get(place)
                .map_or("", |user| user.id.as_str())
        }
    }

    /// The state as it is.
    pub(crate) fn relations(&self) -> &Relations {
        &self.estate.relations
    }

    /// Changes the state; a lagging copy follows later.
    pub(crate) fn change(&mut self, change: Change, at: i64, by: By) {
        if let Change::Assign(account, set, _) = change
            && self.relations().rows_of(account, set, 0).next().is_none()
        {
            self.provisioned_anew(account, set, at);
        }
        let comes = matches!(change, Change::Assign(account, set, _)
            if self.relations().rows_of(account, set, 0).next().is_none());
        let role = match change {
            Change::Unassign(account, set, _) => self.reserved_role(account, set),
            _ => None,
        };
        if self.estate.relations.apply(&change)
            && let Some((came, row)) = self.named(&change)
        {
            let (by, call) = (by.party, by.call);
            self.history.write(Changed {
                at,
                came,
                row,
                by,
                call,
            });
        }
        if let (Change::Assign(account, set, _), true) = (&change, comes) {
            // What an account must have for it was looked at before.
            let _ = self.provision(*account, *set);
        }
        if let (Change::Unassign(account, set, _), Some(role)) = (&change, role)
            && self.relations().rows_of(*account, *set, 0).next().is_none()
        {
            // The role is gone with the last assignment, and its sessions with it.
            self.access.gone(&role.entity.id);
        }
        if let Some(lagging) = &mut self.lagging {
            lagging.comes(at, change);
        }
    }

    /// Whether a change adds a row, and which row it is about.
    fn named(&self, change: &Change) -> Option<(bool, Row)> {
        let group = |place: u32| Some(self.estate.groups.get(place as usize)?.id.clone());
        let user = |place: u32| Some(self.estate.users.get(place as usize)?.id.clone());
        let came = matches!(
            change,
            Change::Assign(..) | Change::Join { .. } | Change::IamJoin { .. }
        );
        let row = match *change {
            Change::Assign(account, set, who) | Change::Unassign(account, set, who) => {
                Row::Assignment {
                    account: self.estate.accounts.get(account as usize)?.id.clone(),
                    permission_set: self.estate.sets.get(set as usize)?.arn.clone(),
                    principal_type: who.kind().to_owned(),
                    principal: self.principal_id(who).to_owned(),
                }
            }
            Change::Join {
                group: g, user: u, ..
            }
            | Change::Leave { group: g, user: u } => Row::Membership {
                group: group(g)?,
                user: user(u)?,
            },
            Change::IamJoin { group: g, user: u } | Change::IamLeave { group: g, user: u } => {
                Row::IamMembership {
                    group: self.estate.iam.group(g)?.entity.id.clone(),
                    user: self.estate.iam.user(u)?.entity.id.clone(),
                }
            }
        };
        Some((came, row))
    }
}

/// Members of inputs that are nobody's business.
const SECRETS: [&str; 10] = [
    "Session",
    "SigninToken",
    "Password",
    "OldPassword",
    "NewPassword",
    "clientSecret",
    "deviceCode",
    "code",
    "codeVerifier",
    "refreshToken",
];

/// An input as the journal tells it: without passwords.
pub(crate) fn told(input: &serde_json::Value) -> serde_json::Value {
    let mut input = input.clone();
    if let Some(members) = input.as_object_mut() {
        for name in SECRETS {
            if let Some(value) = members.get_mut(name) {
                *value = "…".into();
            }
        }
    }
    input
}
