//! What reads see while reads lag behind writes: memberships and assignments from a copy that
//! follows at a distance, everything else by going back (AWS reference §9.2).
//!
//! What it does not do: lag for what decides whether a call may be made at all (keys, sign-ins,
//! sessions), for reads that count as polls, and for Organizations.

use std::collections::VecDeque;

use crate::fault::Effect;
use crate::options::Reads;
use crate::past::Past;
use crate::relations::{Change, Relations};
use crate::wire::{Call, Service};
use crate::world::World;

/// A copy of the relations that follows the live ones at a distance.
#[derive(Debug, Clone)]
pub(crate) struct Lagging {
    relations: Relations,
    to_come: VecDeque<(i64, Change)>,
}

impl Lagging {
    pub(crate) fn comes(&mut self, at: i64, change: Change) {
        self.to_come.push_back((at, change));
    }
}

impl World {
    /// Must be called after the lag was turned.
    pub(crate) fn lag_turned(&mut self) {
        if self.knobs.read_lag_micros <= 0 {
            self.lagging = None;
        } else if self.lagging.is_none() {
            self.lagging = Some(Lagging {
                relations: self.estate.relations.clone(),
                to_come: VecDeque::new(),
            });
        }
        let lag = self.knobs.entity_lag_micros.max(0);
        self.stamp.keep(lag);
        let stamp = self.stamp.clone();
        for past in self.past() {
            past.follow(&stamp);
            if lag == 0 {
                past.forget();
            }
        }
    }

    pub(crate) fn follow(&mut self, now: i64) {
        let lag = self.knobs.read_lag_micros;
        let Some(lagging) = &mut self.lagging else {
            return;
        };
        while let Some((at, _)) = lagging.to_come.front()
            && at.saturating_add(lag) <= now
        {
            if let Some((_, change)) = lagging.to_come.pop_front() {
                lagging.relations.apply(&change);
            }
        }
    }

    /// The memberships and assignments one read sees.
    pub(crate) fn read(&mut self, effect: Option<&Effect>) -> &Relations {
        let lags = self.lags(effect);
        match &self.lagging {
            Some(lagging) if lags => {
                if !lagging.to_come.is_empty() {
                    self.met.push(LAG);
                }
                &lagging.relations
            }
            _ => &self.estate.relations,
        }
    }

    /// Lets a call look at users, groups, roles, policies, keys and permission sets as it sees
    /// them.
    pub(crate) fn looking<R>(
        &mut self,
        call: &Call,
        effect: Option<&Effect>,
        now: i64,
        look: impl FnOnce(&mut World) -> R,
    ) -> R {
        let lag = self.knobs.entity_lag_micros;
        if lag <= 0 || !only_looks(call) || !self.lags(effect) {
            return look(self);
        }
        let then = now.saturating_sub(lag);
        let mut differs = false;
        for past in self.past() {
            differs |= past.back(then);
        }
        let seen = look(self);
        for past in self.past() {
            past.forth();
        }
        if differs && !self.met.contains(&LAG) {
            self.met.push(LAG);
        }
        seen
    }

    /// Whether this read is one that lags.
    fn lags(&mut self, effect: Option<&Effect>) -> bool {
        self.reads += 1;
        let lags = match self.knobs.reads {
            Reads::Lagging => true,
            Reads::Alternating => self.reads % 2 == 1,
            Reads::Fresh => false,
        };
        lags || matches!(effect, Some(Effect::Stale))
    }

    fn past(&mut self) -> [&mut dyn Past; 14] {
        let (estate, access) = (&mut self.estate, &mut self.access);
        [
            &mut estate.users,
            &mut estate.groups,
            &mut estate.sets,
            &mut estate.iam.users,
            &mut estate.iam.groups,
            &mut estate.iam.roles,
            &mut estate.iam.virtual_mfas,
            &mut estate.iam.user_names,
            &mut estate.iam.group_names,
            &mut estate.iam.role_names,
            &mut access.keys,
            &mut access.held,
            &mut access.managed.list,
            &mut access.managed.by_arn,
        ]
    }
}

/// What the journal says of a read that answered from an older state.
const LAG: &str = "lag";

/// Whether a call is a read of what can lag, and changes nothing.
fn only_looks(call: &Call) -> bool {
    let service = matches!(
        call.service,
        Service::Iam | Service::Sso | Service::IdentityStore
    );
    let verbs = ["Get", "List", "Describe", "Is", "Simulate"];
    let counts = ["GetCredentialReport", "GetServiceLastAccessedDetails"];
    let operation = call.operation.as_str();
    service
        && verbs.iter().any(|verb| operation.starts_with(verb))
        && !counts.contains(&operation)
        && !operation.ends_with("Status")
}
