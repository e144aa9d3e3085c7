//! Who waits for a turn on an AWS account. AWS takes one write of assignments on an account at
//! a time: of a thousand that end at once each asks again later the more there are, so that
//! they come one after the other instead of all at once. Memory only: whoever is forgotten asks
//! a little early.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use stint_aws::PairKey;
use stint_domain::BindingId;

/// An Identity Center instance and one of its accounts.
type Place = (String, String);

#[derive(Default)]
pub(super) struct Crowd(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    places: HashMap<BindingId, Place>,
    counts: HashMap<Place, usize>,
}

impl Crowd {
    /// The binding waits for its account; answers how many do, itself included.
    pub(super) fn join(&self, binding: BindingId, key: &PairKey) -> usize {
        let PairKey::Assignment {
            instance_arn,
            account,
            ..
        } = key
        else {
            return 1;
        };
        let place = (instance_arn.clone(), account.clone());
        let mut waiting = self.waiting();
        waiting.leave(binding);
        waiting.places.insert(binding, place.clone());
        let count = waiting.counts.entry(place).or_default();
        *count += 1;
        *count
    }

    /// It no longer waits, or asks anew.
    pub(super) fn leave(&self, binding: BindingId) {
        self.waiting().leave(binding);
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn leave(&mut self, binding: BindingId) {
        let Some(place) = self.places.remove(&binding) else {
            return;
        };
        if let Some(count) = self.counts.get_mut(&place) {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&place);
            }
        }
    }
}
