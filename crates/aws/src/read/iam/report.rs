//! The credential report: passwords, MFA and access keys of every user of an account, as AWS
//! writes it down at most every four hours (AWS documentation).
//!
//! A report names users by name, and is hours old: a line is a user's only where name *and* time
//! of making are theirs.

use csv::StringRecord;
use stint_domain::Time;

use crate::clock::time_of;
use crate::error::AwsError;
use crate::estate::{Estate, Session};
use crate::governor::{Lane, Service};

pub(crate) const GET: &str = "iam:GetCredentialReport";
pub(crate) const GENERATE: &str = "iam:GenerateCredentialReport";

/// How often a report that is being made is asked for, ever more slowly: some minutes in all.
const LOOKS: u32 = 40;

/// What AWS wrote down of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialReport {
    /// When it was made: what it says was so then.
    pub made_at: Time,
    /// Of the root user.
    pub root: Option<RootUse>,
    /// Of each IAM user.
    pub users: Vec<UserReport>,
}

/// What is known of an account's root user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootUse {
    /// Whether it has MFA.
    pub mfa: bool,
    /// Whether it has an active access key, which nobody should have.
    pub keys: bool,
    /// When it last signed in, where AWS tells.
    pub signed_in_at: Option<Time>,
}

/// What is known of an IAM user's credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserReport {
    /// The name it had when the report was made.
    pub name: String,
    /// When the user was made.
    pub made_at: Time,
    /// Whether it has a password; none where AWS does not tell.
    pub password: Option<bool>,
    /// When that last signed in to the console; none: never, or AWS does not tell.
    pub signed_in_at: Option<Time>,
    /// Whether it has MFA.
    pub mfa: bool,
    /// Its access keys, active or not, the first of the two first.
    pub keys: Vec<KeyUse>,
}

/// An access key. The report does not tell its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyUse {
    /// Whether it can be used.
    pub active: bool,
    /// When it was made, or last changed between active and not.
    pub rotated_at: Time,
    /// When it was last used; none: never, or not since AWS keeps that.
    pub used_at: Option<Time>,
    /// With which service.
    pub service: Option<String>,
    /// In which region.
    pub region: Option<String>,
}

impl Estate {
    /// The report that is there, if it is not too old to be given; else AWS is asked to make one,
    /// if it `may` be. With it, whether one is being made.
    pub(super) async fn begin_report(
        &self,
        may: bool,
        lane: Lane,
    ) -> Result<(Option<CredentialReport>, bool), AwsError> {
        match self.get_report(lane).await {
            Ok(report) => return Ok((Some(report), false)),
            Err(error) if error.code == IN_PROGRESS => return Ok((None, true)),
            Err(error) if !absent(&error) => return Err(error),
            Err(_) if !may => return Ok((None, false)),
            Err(_) => {}
        }
        let send = |s: &Session| s.iam.generate_credential_report().send();
        self.look(lane, Service::Iam, GENERATE, send).await?;
        Ok((None, true))
    }

    /// The report that was begun, as soon as it is made. None: AWS takes too long for it.
    pub(super) async fn end_report(
        &self,
        lane: Lane,
    ) -> Result<Option<CredentialReport>, AwsError> {
        for look in 0..LOOKS {
            match self.get_report(lane).await {
                Ok(report) => return Ok(Some(report)),
                Err(error) if error.code == IN_PROGRESS || absent(&error) => {
                    self.governor().back_off(look).await;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    async fn get_report(&self, lane: Lane) -> Result<CredentialReport, AwsError> {
        let send = |s: &Session| s.iam.get_credential_report().send();
        let answer = self.look(lane, Service::Iam, GET, send).await?;
        let made_at = answer.generated_time().map(time_of);
        let made_at = made_at.ok_or_else(|| AwsError::unreadable(GET, "GeneratedTime"))?;
        let content = answer.content().map(AsRef::as_ref);
        let content = content.ok_or_else(|| AwsError::unreadable(GET, "Content"))?;
        parse(content, made_at).map_err(|what| AwsError::unreadable(GET, &what))
    }
}

const IN_PROGRESS: &str = "ReportInProgress";

fn absent(error: &AwsError) -> bool {
    matches!(error.code.as_str(), "ReportNotPresent" | "ReportExpired")
}

/// Reads a report. Fails, saying where, on anything it does not know: a guess would be shown as
/// what AWS said.
fn parse(content: &[u8], made_at: Time) -> Result<CredentialReport, String> {
    let mut reader = csv::ReaderBuilder::new()
        .flexible(false)
        .from_reader(content);
    let head = reader.headers().map_err(|e| e.to_string())?.clone();
    let mut report = CredentialReport {
        made_at,
        root: None,
        users: Vec::new(),
    };
    for record in reader.records() {
        let record = record.map_err(|e| e.to_string())?;
        let line = Line {
            head: &head,
            record: &record,
        };
        let name = line.cell("user")?;
        if name == ROOT {
            report.root = Some(RootUse {
                mfa: line.flag("mfa_active")?.unwrap_or(false),
                keys: line.flag("access_key_1_active")? == Some(true)
                    || line.flag("access_key_2_active")? == Some(true),
                signed_in_at: line.time("password_last_used")?,
            });
        } else {
            report.users.push(line.user(name)?);
        }
    }
    Ok(report)
}

const ROOT: &str = "<root_account>";

struct Line<'a> {
    head: &'a StringRecord,
    record: &'a StringRecord,
}

impl<'a> Line<'a> {
    fn cell(&self, column: &str) -> Result<&'a str, String> {
        let at = self.head.iter().position(|name| name == column);
        let cell = at.and_then(|at| self.record.get(at));
        cell.ok_or_else(|| format!("the column {column}"))
    }

    fn known(&self, column: &str) -> Result<Option<&'a str>, String> {
        Ok(match self.cell(column)? {
            "N/A" | "no_information" | "not_supported" | "" => None,
            told => Some(told),
        })
    }

    fn flag(&self, column: &str) -> Result<Option<bool>, String> {
        match self.known(column)?.map(str::to_ascii_lowercase).as_deref() {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(other) => Err(format!("true or false in {column}: `{other}`")),
        }
    }

    fn time(&self, column: &str) -> Result<Option<Time>, String> {
        let told = self.known(column)?;
        let time = told.map(|told| {
            told.parse::<Time>()
                .map_err(|_| format!("a time in {column}: `{told}`"))
        });
        time.transpose()
    }

    fn user(&self, name: &str) -> Result<UserReport, String> {
        let made_at = self.time("user_creation_time")?;
        let mut keys = Vec::new();
        for n in ["access_key_1", "access_key_2"] {
            // A slot that was never used, or whose key was deleted, has no time.
            let Some(rotated_at) = self.time(&format!("{n}_last_rotated"))? else {
                continue;
            };
            let told = |what: &str| self.known(&format!("{n}_last_used_{what}"));
            keys.push(KeyUse {
                active: self.flag(&format!("{n}_active"))?.unwrap_or(false),
                rotated_at,
                used_at: self.time(&format!("{n}_last_used_date"))?,
                service: told("service")?.map(str::to_owned),
                region: told("region")?.map(str::to_owned),
            });
        }
        Ok(UserReport {
            name: name.to_owned(),
            made_at: made_at.ok_or_else(|| format!("when {name} was made"))?,
            password: self.flag("password_enabled")?,
            signed_in_at: self.time("password_last_used")?,
            mfa: self.flag("mfa_active")?.unwrap_or(false),
            keys,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,password_next_rotation,mfa_active,access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,access_key_1_last_used_region,access_key_1_last_used_service,access_key_2_active,access_key_2_last_rotated,access_key_2_last_used_date,access_key_2_last_used_region,access_key_2_last_used_service,cert_1_active,cert_1_last_rotated,cert_2_active,cert_2_last_rotated";

    fn read(lines: &[&str]) -> Result<CredentialReport, String> {
        let text = [&[HEAD], lines].concat().join("\n");
        parse(text.as_bytes(), at("2026-11-23T08:00:00Z"))
    }

    fn at(text: &str) -> Time {
        text.parse().expect("a time")
    }

    #[test]
    fn every_word_of_a_report_is_understood() {
        let report = read(&[
            "<root_account>,arn:aws:iam::111122223333:root,2020-01-01T00:00:00+00:00,not_supported,2026-10-01T09:00:00+00:00,not_supported,not_supported,true,false,N/A,N/A,N/A,N/A,true,2020-02-01T00:00:00+00:00,N/A,N/A,N/A,false,N/A,false,N/A",
            "ana,arn:aws:iam::111122223333:user/ana,2024-05-06T07:08:09+00:00,true,no_information,2024-05-06T07:08:09+00:00,N/A,false,true,2024-05-07T00:00:00+00:00,2026-11-01T00:00:00+00:00,eu-central-1,s3,false,2025-01-01T00:00:00+00:00,N/A,N/A,N/A,false,N/A,false,N/A",
            "\"svc,build\",arn:aws:iam::111122223333:user/svc,2024-05-06T07:08:09+00:00,FALSE,N/A,N/A,N/A,false,false,N/A,N/A,N/A,N/A,false,N/A,N/A,N/A,N/A,false,N/A,false,N/A",
        ])
        .expect("read");
        let root = report.root.expect("the root user");
        assert!(root.mfa && root.keys);
        assert_eq!(root.signed_in_at, Some(at("2026-10-01T09:00:00Z")));
        let [ana, robot] = report.users.as_slice() else {
            panic!("two users: {:?}", report.users)
        };
        assert_eq!((ana.password, ana.mfa), (Some(true), false));
        assert_eq!(ana.signed_in_at, None, "no information is no time");
        assert_eq!(ana.made_at, at("2024-05-06T07:08:09Z"));
        let [first, second] = ana.keys.as_slice() else {
            panic!("two keys: {:?}", ana.keys)
        };
        assert!(first.active && !second.active);
        assert_eq!(first.service.as_deref(), Some("s3"));
        assert_eq!(second.used_at, None);
        assert_eq!(
            (robot.name.as_str(), robot.password),
            ("svc,build", Some(false))
        );
        assert!(robot.keys.is_empty(), "a slot without a time holds no key");
    }

    #[test]
    fn what_is_not_understood_is_no_report() {
        for (line, says) in [
            ("ana,arn", "found record with 2 fields"),
            (
                "ana,arn,yesterday,true,N/A,N/A,N/A,false,false,N/A,N/A,N/A,N/A,false,N/A,N/A,N/A,N/A,false,N/A,false,N/A",
                "a time in user_creation_time",
            ),
            (
                "ana,arn,2024-05-06T07:08:09+00:00,perhaps,N/A,N/A,N/A,false,false,N/A,N/A,N/A,N/A,false,N/A,N/A,N/A,N/A,false,N/A,false,N/A",
                "true or false in password_enabled",
            ),
            (
                "ana,arn,N/A,true,N/A,N/A,N/A,false,false,N/A,N/A,N/A,N/A,false,N/A,N/A,N/A,N/A,false,N/A,false,N/A",
                "when ana was made",
            ),
        ] {
            let error = read(&[line]).expect_err("refused");
            assert!(error.contains(says), "{error}");
        }
        let other = parse(b"user,arn\nana,arn", at("2026-11-23T08:00:00Z"));
        assert!(other.expect_err("refused").contains("the column"));
    }
}
