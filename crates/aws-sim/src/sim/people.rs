//! What the owner does to people of the directory and their sign-ins.

use super::{ControlError, Sim, unknown};
use crate::history::By;
use crate::pages::{self, Page};
use crate::sign_in::{AFTERLIFE, Said};
use crate::world::World;

impl Sim {
    /// Disables a user: listed as such, cannot sign in any more, and what came of earlier
    /// sign-ins lives on for a while (AWS reference §5.3). Access stays as it is.
    pub fn disable_user(&self, user_id: &str) -> Result<(), ControlError> {
        let now = self.clock.now_micros();
        let mut world = self.lock();
        if let Some(place) = world.users_by_id.get(user_id).copied() {
            let afterlife = world.knobs.portal_afterlife_micros;
            world.sign_ins.close(place, now, afterlife);
        }
        let users = &mut world.estate.users;
        let mut users = users.each_mut(|user| user.id == user_id && !user.removed);
        let user = users.next().ok_or_else(|| unknown("user", user_id))?;
        user.enabled = false;
        user.updated_at = now;
        user.revision += 1;
        drop(users);
        world.disabled(user_id, now);
        Ok(())
    }

    /// Encrypts Identity Center with a key of the customer's own, or no longer: whoever asks it
    /// anything then needs `kms:Decrypt` on that key too.
    pub fn encrypt_identity_center(&self, key_arn: Option<&str>) {
        self.lock().center_key = key_arn.map(str::to_owned);
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
        let users = &mut world.estate.users;
        let users = users.each_mut(|user| !user.removed && user.id == principal_id);
        let users = users.map(|user| (&user.id, &mut user.external_ids));
        let groups = &mut world.estate.groups;
        let groups = groups.each_mut(|group| !group.removed && group.id == principal_id);
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
}
