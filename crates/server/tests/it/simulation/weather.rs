//! What goes wrong between Stint and AWS. Whether a call is met, and by what, follows from the
//! seed, the call and the moment, not from the order in which calls happen to arrive: the same
//! seed meets the same trouble.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, Mutex};

use stint_testkit::sim::{Effect, Fault, FaultId, Party, Sim, SimClock};

use super::rng::mix;

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;

/// Writes of access, by their names at AWS.
pub(super) const CREATES: [&str; 3] = [
    "sso:CreateAccountAssignment",
    "identitystore:CreateGroupMembership",
    "iam:AddUserToGroup",
];
pub(super) const DELETES: [&str; 3] = [
    "sso:DeleteAccountAssignment",
    "identitystore:DeleteGroupMembership",
    "iam:RemoveUserFromGroup",
];

/// Of a hundred calls that are met, how many by what.
fn mishaps() -> Vec<(u64, Effect)> {
    let late = |micros| Effect::ArriveLate { micros };
    let failed = |applied| Effect::FailLater {
        reason: "Received a 500 status error: internal failure".to_owned(),
        applied,
    };
    vec![
        (20, Effect::LoseBefore),
        (18, Effect::LoseAfter),
        (8, late(90 * SECOND)),
        (6, late(8 * MINUTE)),
        (6, late(14 * MINUTE + 30 * SECOND)),
        (4, late(16 * MINUTE)),
        (12, Effect::Throttle),
        (4, Effect::Broken),
        (
            5,
            Effect::Slow {
                micros: 40 * SECOND,
            },
        ),
        (3, Effect::Slow { micros: 4 * MINUTE }),
        (3, failed(true)),
        (3, failed(false)),
        (2, Effect::IgnoreDelete),
        (
            3,
            Effect::Advance {
                micros: 40 * SECOND,
            },
        ),
        (
            2,
            Effect::Advance {
                micros: 70 * SECOND,
            },
        ),
        (
            1,
            Effect::Advance {
                micros: 20 * MINUTE,
            },
        ),
    ]
}

/// Meets `per_mille` of Stint's calls.
pub(super) fn set(sim: &Sim, seed: u64, per_mille: u64) {
    let mut from = 0;
    for (share, effect) in mishaps() {
        let to = from + share * per_mille;
        let dice = Dice::new(seed, sim.clock().clone());
        let fault = Fault::on("*").by(Party::Stint);
        // In hundred thousandths: per mille of a hundred.
        let fault = fault.when(move |seen| {
            (from..to).contains(&dice.roll(seen.operation, &seen.input.to_string()))
        });
        sim.faults().add(fault, effect);
        from = to;
    }
}

/// AWS refuses writes of one direction.
pub(super) fn deny(sim: &Sim, creates: bool) -> Vec<FaultId> {
    let writes = if creates { CREATES } else { DELETES };
    (writes.iter())
        .map(|operation| {
            let code = if operation.starts_with("iam:") {
                "AccessDenied"
            } else {
                "AccessDeniedException"
            };
            let fault = Fault::on(operation).by(Party::Stint);
            sim.faults().add(fault, Effect::refuse(code))
        })
        .collect()
}

/// Falls the same way for the same call at the same moment, however often it is asked about
/// others in between.
struct Dice {
    seed: u64,
    clock: SimClock,
    rolled: Arc<Mutex<HashMap<u64, u64>>>,
}

impl Dice {
    fn new(seed: u64, clock: SimClock) -> Self {
        Self {
            seed,
            clock,
            rolled: Arc::default(),
        }
    }

    fn roll(&self, operation: &str, input: &str) -> u64 {
        let mut hasher = DefaultHasher::new();
        (operation, input, self.clock.now_micros()).hash(&mut hasher);
        let call = hasher.finish();
        let mut rolled = self.rolled.lock().expect("nobody panics here");
        let again = rolled.entry(call).or_default();
        *again += 1;
        mix(self.seed ^ call.wrapping_add(*again)) % 100_000
    }
}
