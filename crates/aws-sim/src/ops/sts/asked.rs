//! What calls of STS ask for, with AWS's constraints and words (the shapes file [M]).

use serde_json::Value;
use stint_iam_policy::{Context, Document, Kind, Policy};

use super::{PACKED, form};
use crate::wire::{ApiError, Service};

/// What AssumeRole and GetFederationToken have in common.
pub(super) struct Extras<'a> {
    pub(super) tags: Vec<(&'a str, &'a str)>,
    pub(super) policy_text: Option<&'a str>,
    pub(super) policy: Option<Policy>,
    pub(super) policy_arns: Vec<&'a str>,
}

impl<'a> Extras<'a> {
    fn read(input: &'a Value) -> Result<Extras<'a>, ApiError> {
        let keys = form::list(input, "Tags", ".Key");
        let mut tags: Vec<(&str, &str)> = Vec::new();
        for (n, key) in (1..).zip(keys) {
            let value = form::text(input, &format!("Tags.member.{n}.Value")).unwrap_or("");
            length(&format!("tags.{n}.member.key"), key, 1, 128)?;
            length(&format!("tags.{n}.member.value"), value, 0, 256)?;
            let start = key.get(..4).unwrap_or("");
            if start.eq_ignore_ascii_case("aws:") {
                return Err(invalid(
                    "The tag keys cannot start with the reserved prefix aws:",
                ));
            }
            if tags
                .iter()
                .any(|(known, _)| known.eq_ignore_ascii_case(key))
            {
                return Err(invalid(
                    "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
                ));
            }
            tags.push((key, value));
        }
        if tags.len() > 50 {
            return Err(breach(
                "tags",
                &format!("[{} entries]", tags.len()),
                "Member must have length less than or equal to 50",
            ));
        }
        let policy_arns = form::list(input, "PolicyArns", ".arn");
        if policy_arns.len() > 10 {
            return Err(breach(
                "policyArns",
                &format!("[{} entries]", policy_arns.len()),
                "Member must have length less than or equal to 10",
            ));
        }
        let policy_text = form::text(input, "Policy");
        let named: usize = policy_arns.iter().map(|arn| arn.len()).sum();
        // Both together (AWS reference §4 [D]).
        if policy_text.map_or(0, str::len) + named > 2_048 {
            return Err(ApiError::new(
                "PackedPolicyTooLarge",
                "Packed policy consumes more than 100% of allotted space, please use smaller policy.",
            ));
        }
        let policy = match policy_text {
            None => None,
            Some(text) => {
                let malformed = |wrong: stint_iam_policy::ParseError| {
                    ApiError::new("MalformedPolicyDocument", wrong.to_string())
                };
                let document = Document::read(text, Kind::Session).map_err(malformed)?;
                Some(document.into_policy())
            }
        };
        Ok(Extras {
            tags,
            policy_text,
            policy,
            policy_arns,
        })
    }

    /// The percentage of the room for them that they take; none without any.
    pub(super) fn packed(&self) -> Result<Option<usize>, ApiError> {
        if self.policy_text.is_none() && self.policy_arns.is_empty() && self.tags.is_empty() {
            return Ok(None);
        }
        let tags: usize = self
            .tags
            .iter()
            .map(|(key, value)| key.len() + value.len())
            .sum();
        let arns: usize = self.policy_arns.iter().map(|arn| arn.len()).sum();
        let size = self.policy_text.map_or(0, str::len) + arns + tags;
        let percent = (size * 100 / PACKED).max(1);
        if percent > 100 {
            return Err(ApiError::new(
                "PackedPolicyTooLarge",
                format!("Packed size of session tags consumes {percent}% of allotted space."),
            ));
        }
        Ok(Some(percent))
    }

    pub(super) fn owned_tags(&self) -> Vec<(String, String)> {
        let tags = self.tags.iter();
        tags.map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    /// Adds what conditions can ask of the tags.
    pub(super) fn describe(&self, context: &mut Context) {
        for (key, value) in &self.tags {
            context.set(&format!("aws:RequestTag/{key}"), [(*value).to_owned()]);
        }
        if !self.tags.is_empty() {
            context.set(
                "aws:TagKeys",
                self.tags.iter().map(|(key, _)| (*key).to_owned()),
            );
        }
    }
}

pub(super) struct AsRole<'a> {
    pub(super) role_arn: &'a str,
    pub(super) session_name: &'a str,
    external_id: Option<&'a str>,
    pub(super) source_identity: Option<&'a str>,
    pub(super) seconds: Option<i64>,
    pub(super) extras: Extras<'a>,
    pub(super) transitive: Vec<&'a str>,
    pub(super) mfa: Option<(&'a str, &'a str)>,
}

impl<'a> AsRole<'a> {
    pub(super) fn read(input: &'a Value) -> Result<AsRole<'a>, ApiError> {
        let text = |name: &str| form::text(input, name);
        let role_arn = text("RoleArn").ok_or_else(|| null("roleArn"))?;
        length("roleArn", role_arn, 20, 2_048)?;
        let session_name = text("RoleSessionName").ok_or_else(|| null("roleSessionName"))?;
        length("roleSessionName", session_name, 2, 64)?;
        characters("roleSessionName", session_name, NAME, r"[\w+=,.@-]*")?;
        if let Some(id) = text("ExternalId") {
            length("externalId", id, 2, 1_224)?;
            characters("externalId", id, "+=,.@:/-", r"[\w+=,.@:\/-]*")?;
        }
        if let Some(source) = text("SourceIdentity") {
            length("sourceIdentity", source, 2, 64)?;
            characters("sourceIdentity", source, NAME, r"[\w+=,.@-]*")?;
        }
        let seconds = match text("DurationSeconds") {
            None => None,
            Some(text) => Some(duration(text, 43_200)?),
        };
        let extras = Extras::read(input)?;
        let transitive = form::list(input, "TransitiveTagKeys", "");
        for key in &transitive {
            let mut tags = extras.tags.iter();
            if !tags.any(|(known, _)| known.eq_ignore_ascii_case(key)) {
                return Err(invalid(
                    "The specified transitive tag key must be included in the requested tags.",
                ));
            }
        }
        let mfa = mfa(input)?;
        if !is_role_arn(role_arn) {
            return Err(ApiError::validation(
                Service::Sts,
                format!("{role_arn} is invalid"),
            ));
        }
        Ok(AsRole {
            role_arn,
            session_name,
            external_id: text("ExternalId"),
            source_identity: text("SourceIdentity"),
            seconds,
            extras,
            transitive,
            mfa,
        })
    }

    pub(super) fn context(&self, base: Context) -> Context {
        let mut context = base
            .with("sts:RoleSessionName", self.session_name)
            .with_option("sts:ExternalId", self.external_id)
            .with_option("sts:SourceIdentity", self.source_identity)
            .with_option(
                "sts:DurationSeconds",
                self.seconds.map(|seconds| seconds.to_string()),
            );
        self.extras.describe(&mut context);
        if !self.transitive.is_empty() {
            context.set(
                "sts:TransitiveTagKeys",
                self.transitive.iter().map(|key| (*key).to_owned()),
            );
        }
        context
    }
}

pub(super) struct AsFederated<'a> {
    pub(super) name: &'a str,
    pub(super) seconds: i64,
    pub(super) extras: Extras<'a>,
}

impl<'a> AsFederated<'a> {
    pub(super) fn read(input: &'a Value) -> Result<AsFederated<'a>, ApiError> {
        let name = form::text(input, "Name").ok_or_else(|| null("name"))?;
        length("name", name, 2, 32)?;
        characters("name", name, NAME, r"[\w+=,.@-]*")?;
        Ok(AsFederated {
            name,
            seconds: long(input)?,
            extras: Extras::read(input)?,
        })
    }
}

pub(super) struct AsSession<'a> {
    pub(super) seconds: i64,
    pub(super) mfa: Option<(&'a str, &'a str)>,
}

impl<'a> AsSession<'a> {
    pub(super) fn read(input: &'a Value) -> Result<AsSession<'a>, ApiError> {
        Ok(AsSession {
            seconds: long(input)?,
            mfa: mfa(input)?,
        })
    }
}

pub(super) fn key_id(input: &Value) -> Result<&str, ApiError> {
    let id = form::text(input, "AccessKeyId").ok_or_else(|| null("accessKeyId"))?;
    length("accessKeyId", id, 16, 128)?;
    characters("accessKeyId", id, "", r"[\w]*")?;
    Ok(id)
}

/// A quarter of an hour to a day and a half, half a day unless told.
fn long(input: &Value) -> Result<i64, ApiError> {
    match form::text(input, "DurationSeconds") {
        None => Ok(43_200),
        Some(text) => duration(text, 129_600),
    }
}

fn mfa(input: &Value) -> Result<Option<(&str, &str)>, ApiError> {
    let serial = form::text(input, "SerialNumber");
    let code = form::text(input, "TokenCode");
    if let Some(serial) = serial {
        length("serialNumber", serial, 9, 256)?;
        characters("serialNumber", serial, "+=/:,.@-", r"[\w+=/:,.@-]*")?;
    }
    if let Some(code) = code {
        length("tokenCode", code, 6, 6)?;
    }
    match (serial, code) {
        (None, None) => Ok(None),
        (Some(serial), Some(code)) => Ok(Some((serial, code))),
        _ => Err(ApiError::new(
            "AccessDenied",
            "MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code.",
        )
        .status(403)),
    }
}

fn invalid(message: &str) -> ApiError {
    ApiError::new("InvalidParameterValue", message)
}

const NAME: &str = "+=,.@-";

fn breach(member: &str, value: &str, constraint: &str) -> ApiError {
    ApiError::validation(
        Service::Sts,
        format!(
            "1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: {constraint}"
        ),
    )
}

fn null(member: &str) -> ApiError {
    ApiError::validation(
        Service::Sts,
        format!(
            "1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member must not be null"
        ),
    )
}

fn length(member: &str, value: &str, least: usize, most: usize) -> Result<(), ApiError> {
    let length = value.chars().count();
    if length < least {
        return Err(breach(
            member,
            value,
            &format!("Member must have length greater than or equal to {least}"),
        ));
    }
    if length > most {
        return Err(breach(
            member,
            value,
            &format!("Member must have length less than or equal to {most}"),
        ));
    }
    Ok(())
}

fn characters(member: &str, value: &str, more: &str, pattern: &str) -> Result<(), ApiError> {
    let fine = value
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || c == '_' || more.contains(c));
    if fine {
        Ok(())
    } else {
        Err(breach(
            member,
            value,
            &format!("Member must satisfy regular expression pattern: {pattern}"),
        ))
    }
}

fn duration(text: &str, most: i64) -> Result<i64, ApiError> {
    let seconds: i64 = text
        .parse()
        .map_err(|_| ApiError::new("MalformedInput", "Invalid DurationSeconds"))?;
    if seconds < 900 {
        return Err(breach(
            "durationSeconds",
            text,
            "Member must have value greater than or equal to 900",
        ));
    }
    if seconds > most {
        return Err(breach(
            "durationSeconds",
            text,
            &format!("Member must have value less than or equal to {most}"),
        ));
    }
    Ok(seconds)
}

fn is_role_arn(text: &str) -> bool {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    matches!(parts.as_slice(), ["arn", "aws", "iam", "", account, name]
        if account.len() == 12
            && account.bytes().all(|b| b.is_ascii_digit())
            && name.strip_prefix("role/").is_some_and(|rest| !rest.is_empty()))
}
