//! What an account is called.

use crate::error::AwsError;
use crate::estate::{Estate, Session};
use crate::governor::{Lane, Service};

pub(crate) const ALIASES: &str = "iam:ListAccountAliases";

impl Estate {
    /// The alias of the account, where it has one; AWS allows one at most (AWS reference §1.1).
    pub async fn account_alias(&self, lane: Lane) -> Result<Option<String>, AwsError> {
        let send = |s: &Session| s.iam.list_account_aliases().send();
        let answer = self.look(lane, Service::Iam, ALIASES, send).await?;
        Ok(answer.account_aliases().first().cloned())
    }
}
