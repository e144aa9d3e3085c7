//! The access keys of the IAM user whose key an estate is entered by.

use std::fmt;

use aws_sdk_iam::types::StatusType;
use aws_types::request_id::RequestId;
use secrecy::SecretString;
use stint_domain::Time;
use stint_domain::binding::AttemptKind;
use stint_domain::managed::rotation::{Key, Seen, name_in};

use crate::change::{Answer, Written, refused};
use crate::error::{AwsError, ErrorKind};
use crate::estate::{Estate, Session};
use crate::governor::{Lane, Service};
use crate::reach::AccessKey;
use crate::read::more;
use crate::users::{done, made_at, signed};

const LIST: &str = "iam:ListAccessKeys";
const CREATE: &str = "iam:CreateAccessKey";

/// A reading, with AWS's ids of the calls it took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeysReading {
    /// What was found.
    pub seen: Seen,
    /// AWS's ids of the calls.
    pub request_ids: Vec<String>,
}

/// A key that was just made. `Debug` hides the secret, which is in no other answer of AWS.
pub struct MadeKey {
    /// `AKIA…`.
    pub id: String,
    /// The secret to it.
    pub secret: SecretString,
}

impl fmt::Debug for MadeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MadeKey").field(&self.id).finish()
    }
}

impl Estate {
    /// As whom the credential speaks, and the access keys of that user. Of a credential that is
    /// no IAM user's nothing is listed.
    pub async fn own_keys(&self, lane: Lane) -> Result<KeysReading, AwsError> {
        let began = self.now();
        let me = self.identity_in(lane).await?;
        let mut request_ids: Vec<String> = me.request_id.clone().into_iter().collect();
        let user_arn = me.is_user().then(|| me.arn.clone());
        let mut keys = Vec::new();
        if let Some(arn) = &user_arn {
            let name = name_in(arn);
            let mut marker: Option<String> = None;
            loop {
                let send = |s: &Session| {
                    let list = s.iam.list_access_keys().user_name(name);
                    list.set_marker(marker.clone()).send()
                };
                let answer = self.look(lane, Service::Iam, LIST, send).await?;
                request_ids.extend(answer.request_id().map(str::to_owned));
                for row in answer.access_key_metadata() {
                    let id = row.access_key_id();
                    let id = id.ok_or_else(|| AwsError::unreadable(LIST, "AccessKeyId"))?;
                    keys.push(Key {
                        id: id.to_owned(),
                        active: row.status() != Some(&StatusType::Inactive),
                        created_at: made_at(row.create_date()),
                    });
                }
                marker = more(LIST, answer.is_truncated(), answer.marker())?;
                if marker.is_none() {
                    break;
                }
            }
        }
        Ok(KeysReading {
            seen: Seen {
                began,
                user_arn,
                caller_arn: me.arn,
                keys,
            },
            request_ids,
        })
    }

    /// Makes the user of this name an access key. Signed with `sign_at`, as every write.
    pub async fn create_key(
        &self,
        user_name: &str,
        sign_at: Time,
        lane: Lane,
    ) -> (Written, Option<MadeKey>) {
        let send = |s: &Session| {
            let create = s.iam.create_access_key().user_name(user_name);
            create.customize().config_override(signed(sign_at)).send()
        };
        match self.send(lane, Service::Iam, CREATE, send).await {
            Ok((answer, _)) => {
                let id = answer.request_id().map(str::to_owned);
                match answer.access_key() {
                    Some(key) => {
                        let made = MadeKey {
                            id: key.access_key_id().to_owned(),
                            secret: key.secret_access_key().to_owned().into(),
                        };
                        (done(id), Some(made))
                    }
                    None => {
                        let why = "AWS made a key without telling it".to_owned();
                        let written = Written {
                            answer: Answer::Unknown { why },
                            aws_request_id: id,
                        };
                        (written, None)
                    }
                }
            }
            Err(error) => (refused(AttemptKind::Create, error), None),
        }
    }

    /// Whose this access key is, by ARN. An error of kind `Credentials`: AWS does not know it,
    /// or not yet.
    pub async fn whose(&self, key: &AccessKey) -> Result<String, AwsError> {
        let me = self.identity_of(key).await?;
        if me.account != key.account {
            return Err(AwsError::ours(
                ErrorKind::Other,
                "sts:GetCallerIdentity",
                "account_mismatch",
                format!("the key belongs to AWS account {}", me.account),
            ));
        }
        Ok(me.arn)
    }
}
