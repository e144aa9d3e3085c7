//! Looking whether a pair is so.
//!
//! A read is complete or it fails: a page that does not come leaves no reading. Rows that a
//! principal has through a group are told apart from its own (AWS reference §3.3).

use aws_sdk_identitystore::types::MemberId;
use aws_sdk_ssoadmin::types::ListAccountAssignmentsFilter;
use aws_types::request_id::RequestId;
use stint_domain::entitlement::PrincipalKind;

use crate::error::{AwsError, ErrorKind};
use crate::estate::{Estate, Session};
use crate::governor::{Lane, Service};
use crate::iam::Member;
use crate::pair::{PairKey, Reading};
use crate::read::{kind, principal_type};

const FOR_PRINCIPAL: &str = "sso:ListAccountAssignmentsForPrincipal";
const MEMBERSHIP: &str = "identitystore:GetGroupMembershipId";

/// One assignment, borrowed.
#[derive(Clone, Copy)]
struct Wanted<'a> {
    instance: &'a str,
    account: &'a str,
    set: &'a str,
    kind: PrincipalKind,
    principal: &'a str,
}

impl Estate {
    /// Whether the pair is so. Fails, with no reading at all, when any call it takes fails.
    ///
    /// Where a role lacks the cheap action (`sso:ListAccountAssignmentsForPrincipal`,
    /// `identitystore:GetGroupMembershipId`) the listing by account and set, or by group, is
    /// read instead.
    pub async fn read(&self, key: &PairKey, lane: Lane) -> Result<Reading, AwsError> {
        let reading = Reading {
            began: self.now(),
            present: false,
            membership_id: None,
            request_ids: Vec::new(),
            via_groups: Vec::new(),
        };
        match key {
            PairKey::Assignment {
                instance_arn,
                account,
                permission_set,
                principal_kind,
                principal_id,
            } => {
                let wanted = Wanted {
                    instance: instance_arn,
                    account,
                    set: permission_set,
                    kind: *principal_kind,
                    principal: principal_id,
                };
                match self.by_principal(wanted, reading.clone(), lane).await {
                    Err(error) if narrower(&error) => self.by_account(wanted, reading, lane).await,
                    other => other,
                }
            }
            PairKey::Membership {
                identity_store,
                group,
                user,
            } => {
                let store = identity_store.as_str();
                match self
                    .membership(store, group, user, reading.clone(), lane)
                    .await
                {
                    Err(error) if error.kind == ErrorKind::Denied => {
                        self.by_group(store, group, user, reading, lane).await
                    }
                    other => other,
                }
            }
            PairKey::IamMembership {
                account,
                group,
                group_name,
                user,
                user_name,
            } => {
                let member = Member {
                    account,
                    group,
                    group_name,
                    user,
                    user_name,
                };
                self.read_member(member, reading, lane).await
            }
        }
    }

    async fn by_principal(
        &self,
        wanted: Wanted<'_>,
        mut reading: Reading,
        lane: Lane,
    ) -> Result<Reading, AwsError> {
        let mut token: Option<String> = None;
        loop {
            let send = |s: &Session| {
                let filter = ListAccountAssignmentsFilter::builder().account_id(wanted.account);
                s.sso
                    .list_account_assignments_for_principal()
                    .instance_arn(wanted.instance)
                    .principal_id(wanted.principal)
                    .principal_type(principal_type(wanted.kind))
                    .filter(filter.build())
                    .max_results(100)
                    .set_next_token(token.clone())
                    .send()
            };
            let page = self
                .look(lane, Service::IdentityCenter, FOR_PRINCIPAL, send)
                .await?;
            reading
                .request_ids
                .extend(page.request_id().map(str::to_owned));
            for row in page.account_assignments() {
                let here = row.account_id() == Some(wanted.account)
                    && row.permission_set_arn() == Some(wanted.set);
                if !here {
                    continue;
                }
                let holder = (kind(row.principal_type()), row.principal_id());
                if holder == (Some(wanted.kind), Some(wanted.principal)) {
                    reading.present = true;
                } else if let (Some(PrincipalKind::IdentityCenterGroup), Some(group)) = holder {
                    reading.via_groups.push(group.to_owned());
                }
            }
            token = advance(FOR_PRINCIPAL, token.as_deref(), page.next_token())?;
            if token.is_none() {
                return Ok(reading);
            }
        }
    }

    async fn by_account(
        &self,
        wanted: Wanted<'_>,
        mut reading: Reading,
        lane: Lane,
    ) -> Result<Reading, AwsError> {
        let mut pages = self.assignments(wanted.instance, wanted.account, wanted.set, None, lane);
        while let Some(page) = pages.next().await? {
            reading.request_ids.extend(page.request_id);
            reading.present |= page.items.iter().any(|row| {
                row.principal_kind == wanted.kind && row.principal_id == wanted.principal
            });
        }
        Ok(reading)
    }

    async fn membership(
        &self,
        store: &str,
        group: &str,
        user: &str,
        mut reading: Reading,
        lane: Lane,
    ) -> Result<Reading, AwsError> {
        let send = |s: &Session| {
            let get = s.store.get_group_membership_id().identity_store_id(store);
            get.group_id(group)
                .member_id(MemberId::UserId(user.to_owned()))
                .send()
        };
        match self
            .look(lane, Service::IdentityStore, MEMBERSHIP, send)
            .await
        {
            Ok(found) => {
                reading
                    .request_ids
                    .extend(found.request_id().map(str::to_owned));
                reading.present = true;
                reading.membership_id = Some(found.membership_id().to_owned());
                Ok(reading)
            }
            Err(error) => absent(error, reading),
        }
    }

    async fn by_group(
        &self,
        store: &str,
        group: &str,
        user: &str,
        mut reading: Reading,
        lane: Lane,
    ) -> Result<Reading, AwsError> {
        let mut pages = self.memberships(store, group, None, lane);
        loop {
            match pages.next().await {
                Ok(Some(page)) => {
                    reading.request_ids.extend(page.request_id);
                    if let Some(found) = page.items.into_iter().find(|m| m.user == user) {
                        reading.present = true;
                        reading.membership_id = Some(found.id);
                    }
                }
                Ok(None) => return Ok(reading),
                Err(error) => return absent(error, reading),
            }
        }
    }
}

/// Absence of a membership is only what AWS says about it, or about a user or group that no
/// longer exists. A store that is not found is a failed read.
fn absent(error: AwsError, reading: Reading) -> Result<Reading, AwsError> {
    let known = ["GROUP_MEMBERSHIP", "USER", "GROUP"];
    let resource = error.resource();
    if error.kind != ErrorKind::NotFound || !resource.is_some_and(|r| known.contains(&r)) {
        return Err(error);
    }
    let mut request_ids = reading.request_ids;
    request_ids.extend(error.request_id);
    Ok(Reading {
        present: false,
        membership_id: None,
        request_ids,
        ..reading
    })
}

/// Whether to ask by account instead: the role may not ask by principal, the instance does
/// not offer it, or the principal is gone while its row may remain (AWS reference §1.2, §3.3).
fn narrower(error: &AwsError) -> bool {
    matches!(
        error.kind,
        ErrorKind::Denied | ErrorKind::Invalid | ErrorKind::NotFound
    )
}

/// The token of the next page; an error when it is the one just used, since going on would
/// never end and stopping would pass for complete.
pub(crate) fn advance(
    operation: &'static str,
    used: Option<&str>,
    next: Option<&str>,
) -> Result<Option<String>, AwsError> {
    match next {
        Some(next) if used == Some(next) => {
            Err(AwsError::unreadable(operation, "a new page token"))
        }
        next => Ok(next.map(str::to_owned)),
    }
}
