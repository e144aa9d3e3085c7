//! Roles: those somebody made, and those Identity Center keeps in each account.
//!
//! A role of Identity Center is not stored: it is there as long as its permission set has an
//! assignment in the account, and its name follows from the two and from how often it came back
//! (AWS reference §1.3).

use super::Entity;
use crate::held::Document;

/// What an account may have (AWS reference §1.1 [D]).
pub(crate) const ROLES_PER_ACCOUNT: usize = 1_000;

#[derive(Debug, Clone)]
pub(crate) struct IamRole {
    /// Its id is `AROA…`.
    pub(crate) entity: Entity,
    pub(crate) trust: Document,
    pub(crate) description: Option<String>,
    /// In seconds.
    pub(crate) longest_session: i64,
    pub(crate) tags: Vec<(String, String)>,
}

impl IamRole {
    pub(crate) fn arn(&self) -> String {
        self.entity.arn("role")
    }
}

/// Where Identity Center keeps its roles.
pub(crate) const RESERVED: &str = "/aws-reserved/sso.amazonaws.com/";

/// Where AWS's services keep theirs.
pub(crate) const SERVICE_LINKED: &str = "/aws-service-role/";
