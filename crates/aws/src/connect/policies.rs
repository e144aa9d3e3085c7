//! Reading the policies of a credential, where it may: only to say which of their conditions can
//! never hold.

use std::collections::BTreeSet;

use stint_iam_policy::{Document, table};

use crate::error::AwsError;
use crate::estate::{Estate, Session};
use crate::governor::{Lane, Service};

/// How many policies are read at most.
const MOST: usize = 20;

impl Estate {
    /// The condition keys in the policies of this user or role that no request ever carries. None
    /// where they cannot be read.
    pub(super) async fn keys_that_never_are(&self, principal: &str) -> BTreeSet<String> {
        let name = principal.rsplit('/').next().unwrap_or_default();
        let is_role = principal.contains(":role/");
        let mut texts = Vec::new();
        if let Ok(names) = self.inline_names(is_role, name).await {
            for policy in names.into_iter().take(MOST) {
                texts.extend(self.inline(is_role, name, &policy).await.ok().flatten());
            }
        }
        if let Ok(arns) = self.attached(is_role, name).await {
            for arn in arns.into_iter().take(MOST) {
                texts.extend(self.managed(&arn).await.ok().flatten());
            }
        }
        texts
            .iter()
            .flat_map(|text| never(&decoded(text)))
            .collect()
    }

    async fn inline_names(&self, is_role: bool, name: &str) -> Result<Vec<String>, AwsError> {
        let lane = Lane::Interactive;
        if is_role {
            let list = |s: &Session| s.iam.list_role_policies().role_name(name).send();
            let listed = self.look(lane, Service::Iam, "iam:ListRolePolicies", list);
            Ok(listed.await?.policy_names().to_vec())
        } else {
            let list = |s: &Session| s.iam.list_user_policies().user_name(name).send();
            let listed = self.look(lane, Service::Iam, "iam:ListUserPolicies", list);
            Ok(listed.await?.policy_names().to_vec())
        }
    }

    async fn inline(
        &self,
        is_role: bool,
        name: &str,
        policy: &str,
    ) -> Result<Option<String>, AwsError> {
        let lane = Lane::Interactive;
        if is_role {
            let get = |s: &Session| {
                let get = s.iam.get_role_policy().role_name(name);
                get.policy_name(policy).send()
            };
            let got = self
                .look(lane, Service::Iam, "iam:GetRolePolicy", get)
                .await?;
            Ok(Some(got.policy_document().to_owned()))
        } else {
            let get = |s: &Session| {
                let get = s.iam.get_user_policy().user_name(name);
                get.policy_name(policy).send()
            };
            let got = self
                .look(lane, Service::Iam, "iam:GetUserPolicy", get)
                .await?;
            Ok(Some(got.policy_document().to_owned()))
        }
    }

    async fn attached(&self, is_role: bool, name: &str) -> Result<Vec<String>, AwsError> {
        let lane = Lane::Interactive;
        let attached = if is_role {
            let list = |s: &Session| s.iam.list_attached_role_policies().role_name(name).send();
            let listed = self.look(lane, Service::Iam, "iam:ListAttachedRolePolicies", list);
            listed.await?.attached_policies
        } else {
            let list = |s: &Session| s.iam.list_attached_user_policies().user_name(name).send();
            let listed = self.look(lane, Service::Iam, "iam:ListAttachedUserPolicies", list);
            listed.await?.attached_policies
        };
        let arns = attached.into_iter().flatten();
        Ok(arns.filter_map(|it| it.policy_arn).collect())
    }

    async fn managed(&self, arn: &str) -> Result<Option<String>, AwsError> {
        let lane = Lane::Interactive;
        let get = |s: &Session| s.iam.get_policy().policy_arn(arn).send();
        let got = self.look(lane, Service::Iam, "iam:GetPolicy", get).await?;
        let version = got.policy().and_then(|it| it.default_version_id());
        let Some(version) = version else {
            return Ok(None);
        };
        let get = |s: &Session| {
            let get = s.iam.get_policy_version().policy_arn(arn);
            get.version_id(version).send()
        };
        let got = self
            .look(lane, Service::Iam, "iam:GetPolicyVersion", get)
            .await?;
        Ok(got.policy_version.and_then(|it| it.document))
    }
}

/// The condition keys of a document that the table of AWS's services does not know, though it
/// knows their service.
fn never(text: &str) -> BTreeSet<String> {
    let Ok(document) = Document::parse(text) else {
        return BTreeSet::new();
    };
    let statements = document.policy().statements.iter();
    let keys = statements.flat_map(|it| it.conditions.iter().map(|it| it.key.clone()));
    keys.filter(|key| {
        let service = key.split(':').next().unwrap_or_default();
        table().key(key).is_none() && table().service(service).is_some()
    })
    .collect()
}

/// IAM writes documents percent-encoded (AWS reference §1.0).
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let hex = match (first, after) {
            (b'%', [a, b, ..]) => {
                let digits = [*a, *b];
                let digits = std::str::from_utf8(&digits).ok();
                digits.and_then(|it| u8::from_str_radix(it, 16).ok())
            }
            _ => None,
        };
        if let Some(byte) = hex {
            bytes.push(byte);
            rest = after.get(2..).unwrap_or_default();
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_read_as_iam_writes_it_and_its_odd_key_is_found() {
        let plain = r#"{"Statement":{"Effect":"Allow","Action":"iam:*","Resource":"*","Condition":{"StringLike":{"iam:UserName":"app-*","aws:username":"x","s3:prefix":"y"}}}}"#;
        let written: String = plain
            .bytes()
            .map(|byte| {
                if byte.is_ascii_alphanumeric() {
                    char::from(byte).to_string()
                } else {
                    format!("%{byte:02X}")
                }
            })
            .collect();
        assert_eq!(decoded(&written), plain);
        assert_eq!(decoded("100%"), "100%");
        assert_eq!(decoded("%zz%4"), "%zz%4");
        let found = never(&decoded(&written));
        assert_eq!(found, BTreeSet::from(["iam:UserName".to_owned()]));
        assert!(never("no policy").is_empty());
    }
}
