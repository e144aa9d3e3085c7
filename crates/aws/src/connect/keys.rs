//! What is looked at where no role is assumed: an access key, or the host's own credentials.

use aws_sdk_iam::types::StatusType;
use aws_types::request_id::RequestId;
use stint_domain::Span;

use super::{Outcome, TestReport, base_mend};
use crate::base::CallerIdentity;
use crate::clock::time_of;
use crate::error::{AwsError, ErrorKind};
use crate::estate::{Estate, Session};
use crate::governor::{Lane, Service};
use crate::reach::{AccessKey, access_key_id};

const LOGIN_PROFILE: &str = "iam:GetLoginProfile";
const ACCESS_KEYS: &str = "iam:ListAccessKeys";

/// From when on a key counts as old.
const OLD: i64 = 90;

impl Estate {
    /// Whether the credentials work, in the account they are for; and what about them should
    /// be looked at. False when there is no use in looking further.
    pub(super) async fn test_keys(
        &self,
        report: &mut TestReport,
        account: &str,
        key: Option<&AccessKey>,
    ) -> bool {
        if let Some(Err(error)) = key.map(|key| access_key_id(&key.id)) {
            let check = report.add("access_key", Outcome::Failed, error.to_string());
            check.mend("Correct the Access Key ID of this connection.");
            return false;
        }
        let me = match self.own_identity().await {
            Ok(me) => me,
            Err(error) => {
                let mend = match key {
                    Some(key) => key_mend(&error, key),
                    None => base_mend(&error).to_owned(),
                };
                report.failed("identity", &error, mend);
                return false;
            }
        };
        let whom = format!("Stint calls AWS as {} (account {})", me.arn, me.account);
        if me.is_root() {
            let what = format!(
                "{whom}: the root user of that account, who may do everything and cannot be limited"
            );
            let mend = "Create an IAM user (or a role) for Stint with the permission policy of this \
                        connection, use its credentials instead, and delete the root user's access key.";
            let check = report.add("identity", Outcome::Warning, what);
            check.mend(mend).asked(me.request_id.clone());
        } else {
            let check = report.add("identity", Outcome::Ok, whom);
            check.asked(me.request_id.clone());
        }
        if me.account != account {
            let what = format!(
                "these credentials belong to AWS account {}, but the connection is to account {account}",
                me.account
            );
            let mend = format!(
                "Use credentials of account {account}, or correct the account of this connection. Until then \
                 Stint makes no other call with them."
            );
            report.add("account", Outcome::Failed, what).mend(mend);
            return false;
        }
        let what = format!("account {account} is the one this connection is to");
        report.add("account", Outcome::Ok, what);
        report.account = Some(me.account.clone());
        report.principal = Some(me.trusted_arn());
        if me.is_user() {
            self.test_console(report, &me).await;
            if let Some(key) = key {
                self.test_age(report, key).await;
            }
        }
        true
    }

    /// An identity for a program needs no way into the console.
    async fn test_console(&self, report: &mut TestReport, me: &CallerIdentity) {
        let get = |s: &Session| s.iam.get_login_profile().send();
        let lane = Lane::Interactive;
        match self.look(lane, Service::Iam, LOGIN_PROFILE, get).await {
            Ok(answer) => {
                let what = format!("{} has a password and can sign in to the console", me.arn);
                let mend = "Delete the user's login profile (console password), or make a user for Stint alone: \
                            whoever signs in as this one has all of Stint's rights.";
                let check = report.add("console", Outcome::Warning, what);
                check
                    .mend(mend)
                    .asked(answer.request_id().map(str::to_owned));
            }
            Err(error) if error.kind == ErrorKind::NotFound => {
                let what = "the user has no password for the console";
                report
                    .add("console", Outcome::Ok, what)
                    .asked(error.request_id);
            }
            Err(error) if error.kind == ErrorKind::Denied => {
                let what = "whether the user can sign in to the console was not looked at: \
                            iam:GetLoginProfile on itself is not allowed";
                report
                    .add("console", Outcome::Ok, what)
                    .asked(error.request_id);
            }
            Err(error) => {
                let what =
                    format!("could not see whether the user can sign in to the console: {error}");
                let check = report.add("console", Outcome::Warning, what);
                check
                    .mend("Test the connection again.")
                    .asked(error.request_id);
            }
        }
    }

    /// How old AWS says the key is, where the user may look. Says nothing where it may not.
    async fn test_age(&self, report: &mut TestReport, key: &AccessKey) {
        let list = |s: &Session| s.iam.list_access_keys().send();
        let lane = Lane::Interactive;
        let Ok(answer) = self.look(lane, Service::Iam, ACCESS_KEYS, list).await else {
            return;
        };
        let listed = answer.access_key_metadata();
        let Some(this) = listed.iter().find(|k| k.access_key_id() == Some(&key.id)) else {
            return;
        };
        let Some(created) = this.create_date().map(time_of) else {
            return;
        };
        let days = self.now().since(created).as_micros() / Span::hours(24).as_micros();
        let request_id = answer.request_id().map(str::to_owned);
        let others = listed
            .iter()
            .filter(|k| k.access_key_id() != Some(&key.id))
            .filter(|k| k.status() == Some(&StatusType::Active))
            .count();
        let what = format!("the access key {} is {days} days old", key.id);
        if days > OLD {
            let mend = format!(
                "Rotate it: create a second access key for this user, replace the key of this connection, \
                 test, then delete {}.",
                key.id
            );
            let check = report.add("access_key", Outcome::Warning, what);
            check.mend(mend).asked(request_id);
        } else if others > 0 {
            let what = format!("{what}, and the user has another active one");
            let check = report.add("access_key", Outcome::Warning, what);
            check
                .mend("Delete the other key if nothing uses it: a forgotten key is still a way in.")
                .asked(request_id);
        } else {
            report
                .add("access_key", Outcome::Ok, what)
                .asked(request_id);
        }
    }
}

/// What to do about a key AWS does not take.
fn key_mend(error: &AwsError, key: &AccessKey) -> String {
    let id = &key.id;
    match error.code.as_str() {
        // One answer for a deleted, an inactive and a mistyped key.
        "InvalidClientTokenId" | "UnrecognizedClientException" => format!(
            "AWS does not accept the access key {id}: it was deactivated or deleted, or is mistyped. Look at \
             the user's access keys in IAM: activate it, or create a new one and replace the key of this \
             connection."
        ),
        "SignatureDoesNotMatch" | "InvalidSignatureException" | "InvalidSignature"
            if error.kind != ErrorKind::ClockSkew =>
        {
            format!(
                "The Secret Access Key is not the one that belongs to {id}. Replace the key of this \
                 connection by an Access Key ID and a Secret Access Key from the same line."
            )
        }
        _ => match error.kind {
            ErrorKind::ClockSkew => {
                "This machine's clock is wrong. Set it, best with NTP.".to_owned()
            }
            ErrorKind::Expired => format!(
                "{id} has expired: it is a temporary key. Use an access key of an IAM user."
            ),
            ErrorKind::Unreachable => {
                "AWS did not answer. Check the network, proxy and endpoint of this machine."
                    .to_owned()
            }
            ErrorKind::Internal | ErrorKind::Throttled => {
                "AWS did not answer as it should. Test the connection again in a minute.".to_owned()
            }
            _ => "Correct what AWS names and test the connection again.".to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::kind_of;

    #[test]
    fn a_refused_key_is_told_what_to_do() {
        let key = AccessKey {
            id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
            secret: "hidden".into(),
            account: "123456789012".to_owned(),
        };
        let mended = |code: &str, message: &str| {
            let kind = kind_of(code, message, 403);
            key_mend(
                &AwsError::ours(kind, "sts:GetCallerIdentity", code, message),
                &key,
            )
        };
        let invalid = mended(
            "InvalidClientTokenId",
            "The security token included is invalid",
        );
        assert!(invalid.contains("deactivated or deleted"), "{invalid}");
        let secret = mended(
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided.",
        );
        assert!(
            secret.contains("Secret Access Key is not the one"),
            "{secret}"
        );
        let clock = mended(
            "SignatureDoesNotMatch",
            "Signature expired: 2026 is now earlier than",
        );
        assert!(clock.contains("clock"), "{clock}");
        let expired = mended("ExpiredToken", "expired");
        assert!(expired.contains("temporary"), "{expired}");
        for text in [invalid, secret, clock, expired] {
            assert!(!text.contains("hidden"));
        }
    }
}
