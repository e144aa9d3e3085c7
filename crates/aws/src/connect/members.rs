//! Whether the organization's other accounts can be entered, tried with some of them.

use aws_types::request_id::RequestId as _;

use super::{Outcome, TestReport};
use crate::error::{AwsError, ErrorKind};
use crate::estate::{Estate, Session};
use crate::governor::{Lane, Service};
use crate::read::{Account, AccountState};

/// How many accounts are tried: a test is a matter of seconds, and the next sync tries them all.
const TRIED: usize = 3;

impl Estate {
    /// Tries the role of member accounts, where those are Stint's business, with the first accounts
    /// AWS lists: becomes it, and asks for one user. A refusal is a warning: that account is left
    /// out, and nothing else suffers.
    pub(super) async fn test_members(&self, report: &mut TestReport) {
        // Switched off they are entered only to take away what was given.
        let on = self.spec().features.member_role.is_some();
        let Some(members) = self.spec().members.clone().filter(|_| on) else {
            return;
        };
        let lane = Lane::Interactive;
        // A page may hold none that is in use, and none at all (AWS reference §1.4).
        let own = report.account.clone();
        let (mut others, mut request_ids) = (Vec::new(), Vec::new());
        let mut pages = self.accounts(None, lane);
        while others.len() < TRIED {
            // That accounts cannot be listed is said by the check of the organization.
            let Ok(page) = pages.next().await else {
                return;
            };
            let Some(page) = page else { break };
            request_ids.extend(page.request_id);
            let others_of =
                |it: &Account| own.as_ref() != Some(&it.id) && it.state == AccountState::Active;
            others.extend(page.items.into_iter().filter(others_of));
        }
        others.truncate(TRIED);
        let (mut entered, mut refused) = (Vec::new(), Vec::new());
        for account in others {
            match self.try_member(&account.id).await {
                Ok(request_id) => {
                    request_ids.extend(request_id);
                    entered.push(account.id);
                }
                Err(error) => {
                    request_ids.extend(error.request_id.clone());
                    refused.push((account.id, error));
                }
            }
        }
        let role = &members.role;
        let (outcome, what) = match (entered.is_empty(), refused.first()) {
            (true, None) => (
                Outcome::Ok,
                "the organization has no other active account to enter".to_owned(),
            ),
            (false, None) => (
                Outcome::Ok,
                format!(
                    "the role {role} can be assumed, and reads IAM, in {}",
                    entered.join(", ")
                ),
            ),
            (_, Some((account, error))) => (
                Outcome::Warning,
                format!(
                    "of {} accounts that were tried, {} could not be read by the role {role}; account \
                     {account}: {error}",
                    entered.len() + refused.len(),
                    refused.len()
                ),
            ),
        };
        let lacking = refused.iter().any(|(_, error)| lacks_set_up(error));
        let check = report.add("member_accounts", outcome, what);
        check.request_ids = request_ids;
        if lacking {
            check.mend(format!(
                "Make the role {role} there as the set-up of member accounts has it (with a StackSet in all of \
                 them at once): it trusts this connection, asks for the External ID of that very account, and \
                 reads IAM. The connection itself needs the statement StintEntersMemberAccounts. Accounts that \
                 refuse are listed on the connection's page after a sync and spoil nothing else."
            ));
        }
    }

    /// Becomes the role in an account and asks for one user there.
    async fn try_member(&self, account: &str) -> Result<Option<String>, AwsError> {
        let entered = self
            .member(account)
            .ok_or_else(|| AwsError::unreadable("sts:AssumeRole", "a member account"))?;
        // Tested again, the role is asked again.
        self.forget_member(account);
        let list = |s: &Session| s.iam.list_users().max_items(1).send();
        let listed = entered.look(Lane::Interactive, Service::Iam, "iam:ListUsers", list);
        let listed = listed.await;
        self.forget_member(account);
        Ok(listed?.request_id().map(str::to_owned))
    }
}

/// Whether the set-up is what lacks: an answer that never came says nothing of it.
fn lacks_set_up(error: &AwsError) -> bool {
    let kind = error.cause().map_or(error.kind, |cause| cause.kind);
    matches!(kind, ErrorKind::Denied | ErrorKind::NotFound)
}
