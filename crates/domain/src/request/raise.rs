//! Raising a request to emergency access.

use super::{Refused, Request, Verb};
use crate::{Time, UserId};

impl Request {
    /// Takes the question back because its requester asks it anew under the policy for emergencies:
    /// what was approved does not count there. That it is still open is checked here.
    pub fn raise(self, by: UserId, now: Time) -> Result<Self, Refused> {
        self.current(Verb::Raise)?;
        self.cancel(by, now)
    }
}
