//! Who waits for a turn on an AWS account. AWS takes one write of assignments on an account at
//! a time: of a thousand that end at once each asks again later the more there are, so that
//! they come one after the other instead of all at once. Memory only: whoever is forgotten asks
//! a little early, and who does not come back is forgotten.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use stint_aws::{Held, PairKey};
use stint_domain::{BindingId, Time};

/// An Identity Center instance and one of its accounts; none while all of it is busy.
type Place = (String, Option<String>);

/// Where each waits, and by when it asks again or is counted no more.
#[derive(Default)]
pub(super) struct Crowd(Mutex<HashMap<BindingId, (Place, Time)>>);

impl Crowd {
    /// The binding waits, until then at most; answers how many wait for the same, itself
    /// included.
    pub(super) fn join(
        &self,
        binding: BindingId,
        key: &PairKey,
        held: Held,
        now: Time,
        until: Time,
    ) -> usize {
        let PairKey::Assignment {
            instance_arn,
            account,
            ..
        } = key
        else {
            return 1;
        };
        let account = match held {
            Held::AccountBusy => Some(account.clone()),
            Held::WritesOutstanding => None,
        };
        let place = (instance_arn.clone(), account);
        let mut waiting = self.waiting();
        waiting.retain(|_, (_, until)| *until > now);
        waiting.insert(binding, (place.clone(), until));
        waiting.values().filter(|(at, _)| *at == place).count()
    }

    /// It asks again by then.
    pub(super) fn comes_by(&self, binding: BindingId, until: Time) {
        if let Some((_, known)) = self.waiting().get_mut(&binding) {
            *known = until;
        }
    }

    /// It no longer waits, or asks anew.
    pub(super) fn leave(&self, binding: BindingId) {
        self.waiting().remove(&binding);
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<BindingId, (Place, Time)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use stint_domain::Span;
    use stint_domain::entitlement::PrincipalKind;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn who_does_not_come_back_is_not_counted_for_ever() {
        let crowd = Crowd::default();
        let key = |account: &str| PairKey::Assignment {
            instance_arn: "arn:aws:sso:::instance/ssoins-1".to_owned(),
            account: account.to_owned(),
            permission_set: String::new(),
            principal_kind: PrincipalKind::IdentityCenterUser,
            principal_id: String::new(),
        };
        let id = |n| BindingId(Uuid::from_u128(n));
        let at = |seconds| Time::default() + Span::seconds(seconds);
        let busy = Held::AccountBusy;
        for n in 1..=5 {
            let waiting = crowd.join(id(n), &key("1"), busy, at(0), at(100));
            assert_eq!(u128::try_from(waiting), Ok(n));
        }
        assert_eq!(crowd.join(id(6), &key("2"), busy, at(0), at(100)), 1);
        let all = Held::WritesOutstanding;
        assert_eq!(crowd.join(id(7), &key("1"), all, at(0), at(100)), 1);
        assert_eq!(crowd.join(id(8), &key("2"), all, at(0), at(100)), 2);
        // One goes, one says when it comes, the others are taken over by somebody else.
        crowd.leave(id(1));
        crowd.comes_by(id(2), at(300));
        assert_eq!(crowd.join(id(9), &key("1"), busy, at(50), at(150)), 5);
        assert_eq!(crowd.join(id(9), &key("1"), busy, at(200), at(260)), 2);
    }
}
