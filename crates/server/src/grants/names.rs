//! The names of what and who grants are about, looked up together for all that a page shows.

use std::collections::BTreeMap;

use stint_db::Query;
use stint_domain::entitlement::PrincipalKind;
use stint_domain::{EntitlementId, PrincipalId, UserId};

use super::Grant;
use crate::directory::{Entitlement, Principal};
use crate::identity::User;
use crate::{directory, identity};

/// Entitlements, principals and users of some grants.
pub(crate) struct Names {
    entitlements: BTreeMap<EntitlementId, Entitlement>,
    principals: BTreeMap<PrincipalId, Principal>,
    users: BTreeMap<UserId, User>,
}

impl Names {
    /// Those of these grants.
    pub(crate) async fn of(q: &mut impl Query, grants: &[Grant]) -> stint_db::Result<Self> {
        let pairs = || grants.iter().map(|grant| grant.pair);
        Ok(Self {
            entitlements: directory::entitlements_by_id(q, pairs().map(|it| it.entitlement))
                .await?,
            principals: directory::principals_by_id(q, pairs().map(|it| it.principal)).await?,
            users: identity::users_by_id(q, grants.iter().map(|grant| grant.user)).await?,
        })
    }

    /// What a grant gives.
    pub(crate) fn entitlement(&self, grant: &Grant) -> Option<&Entitlement> {
        self.entitlements.get(&grant.pair.entitlement)
    }

    /// Who holds it in AWS.
    pub(crate) fn principal(&self, grant: &Grant) -> Option<&Principal> {
        self.principals.get(&grant.pair.principal)
    }

    /// The Identity Center group that holds it, where one does.
    pub(crate) fn group(&self, grant: &Grant) -> Option<&Principal> {
        (self.principal(grant)).filter(|it| it.kind == PrincipalKind::IdentityCenterGroup)
    }

    /// For whom it is.
    pub(crate) fn user(&self, grant: &Grant) -> Option<&User> {
        self.users.get(&grant.user)
    }
}
