//! What the owner lets roles and users do.

use stint_iam_policy::{Document, Kind as PolicyKind, ParseError, Policy, trust_policy};

use super::{ControlError, Sim, unknown};
use crate::held;

impl Sim {
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
}

fn checked(text: &str, kind: PolicyKind) -> Result<Policy, ParseError> {
    Ok(Document::read(text, kind)?.into_policy())
}
