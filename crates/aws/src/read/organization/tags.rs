//! The tags of an account.
//!
//! Organizations tells them of one account at a time (botocore's model [M]); what else lists tags of
//! many things at once does not list accounts of an organization, as far as the AWS reference knows.

use std::collections::BTreeMap;

use super::tree::next;
use crate::error::AwsError;
use crate::estate::{Estate, Session};
use crate::governor::{Lane, Service};

const TAGS: &str = "organizations:ListTagsForResource";

impl Estate {
    /// The tags of an account, by their keys, whose capitals count. One call where they are one page;
    /// all of them, or it fails.
    pub async fn account_tags(
        &self,
        account: &str,
        lane: Lane,
    ) -> Result<BTreeMap<String, String>, AwsError> {
        let (mut found, mut token) = (BTreeMap::new(), None::<String>);
        loop {
            let send = |s: &Session| {
                let list = s.organizations.list_tags_for_resource();
                let list = list.resource_id(account);
                list.set_next_token(token.clone()).send()
            };
            let answer = self.look(lane, Service::Organizations, TAGS, send).await?;
            for tag in answer.tags() {
                found.insert(tag.key().to_owned(), tag.value().to_owned());
            }
            token = next(TAGS, &token, answer.next_token())?;
            if token.is_none() {
                return Ok(found);
            }
        }
    }
}
