//! The tokens of the SCIM endpoint, which AWS makes and deletes in its console.

use super::{ControlError, Sim, unknown};
use crate::scim::ScimToken;

impl Sim {
    /// Makes a token of the SCIM endpoint and tells its secret, this once. It lasts as long as
    /// [`crate::Knobs::scim_token_micros`] says. There are two at most.
    pub fn create_scim_token(&self) -> Result<(ScimToken, String), ControlError> {
        let now = self.clock.now_micros();
        let mut world = self.caught_up();
        let lasts = world.knobs.scim_token_micros;
        let stream = world.fresh("scim token");
        let made = world.scim.add(stream, now, lasts);
        made.ok_or(ControlError::Full(
            "the instance has 2 SCIM tokens, which is all it may have: delete one first",
        ))
    }

    /// Deletes a token by its id: what still shows it is unauthorized.
    pub fn delete_scim_token(&self, id: &str) -> Result<(), ControlError> {
        let deleted = self.caught_up().scim.delete(id);
        deleted
            .then_some(())
            .ok_or_else(|| unknown("SCIM token", id))
    }

    /// The tokens there are, oldest first, with those that ran out.
    pub fn scim_tokens(&self) -> Vec<ScimToken> {
        self.lock().scim.tokens().cloned().collect()
    }
}
