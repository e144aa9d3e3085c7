//! STS: AssumeRole and GetCallerIdentity.

use serde_json::Value;
use stint_iam_policy::{Context, Document, Kind, Policy};

use super::InXml;
use crate::access::{Holder, Key, Secret};
use crate::clock;
use crate::wire::{ApiError, Service, Xml, form};
use crate::world::{Cx, World};

/// What a role session that opens another may ask for (AWS reference §4).
const CHAINED_SECONDS: i64 = 3_600;

/// What a session token's utilization is a percentage of (AWS reference §4 [M]).
const LONGEST_TOKEN: usize = 4_096;

/// What is served here.
pub(super) const OPERATIONS: &[&[(&str, InXml)]] = &[&[
    ("AssumeRole", |world, cx| assume_role(world, cx)),
    ("GetCallerIdentity", |_, cx| get_caller_identity(cx)),
]];

type Output = Result<Option<Xml>, ApiError>;

fn get_caller_identity(cx: &Cx<'_>) -> Output {
    let mut xml = Xml::new();
    xml.text("Arn", cx.key.arn())
        .text("UserId", &cx.key.user_id)
        .text("Account", cx.key.account());
    Ok(Some(xml))
}

fn assume_role(world: &mut World, cx: &Cx<'_>) -> Output {
    let asked = Asked::read(&cx.call.input)?;
    let denied = || ApiError::may_not_assume(cx.key.arn(), asked.role_arn);
    if asked.mfa {
        return Err(ApiError::new(
            "AccessDenied",
            "MultiFactorAuthentication failed with invalid MFA one time pass code.",
        )
        .status(403));
    }
    let role = world
        .access
        .roles
        .get(asked.role_arn)
        .cloned()
        .ok_or_else(denied)?;
    let in_organization = world.accounts_by_id.contains_key(cx.key.account());
    let organization = in_organization.then_some(world.estate.organization_id.as_str());
    let context = asked.context(cx.key.context(organization, cx.now()));
    let mut actions = vec!["sts:AssumeRole"];
    if !asked.tags.is_empty() {
        actions.push("sts:TagSession");
    }
    if asked.source_identity.is_some() {
        actions.push("sts:SetSourceIdentity");
    }
    for action in actions {
        let verdict =
            world
                .access
                .verdict_on_role(cx.key, action, (asked.role_arn, &role), &context);
        if !verdict.is_allowed() {
            return Err(denied());
        }
    }
    if cx.key.is_session()
        && asked
            .seconds
            .is_some_and(|seconds| seconds > CHAINED_SECONDS)
    {
        return Err(ApiError::validation(
            Service::Sts,
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
        ));
    }
    let seconds = asked.seconds.unwrap_or(3_600);
    if seconds > role.longest_session {
        return Err(ApiError::validation(
            Service::Sts,
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        ));
    }

    let mut stream = world.fresh("session");
    let access_key = format!("ASIA{}", stream.upper(16));
    let secret = stream.mixed(40);
    let token = format!("IQoJb3JpZ2luX2Vj{}", stream.mixed(332));
    let expires_at = cx.now() + seconds * 1_000_000;
    let session = format!(
        "arn:aws:sts::{}:assumed-role/{}/{}",
        role.account, role.name, asked.session_name
    );
    let user_id = format!("{}:{}", role.id, asked.session_name);
    let source = asked
        .source_identity
        .map(str::to_owned)
        .or_else(|| cx.key.source_identity.clone());
    let packed = (asked.policy_text.is_some() || !asked.tags.is_empty()).then(|| {
        let tags: usize = asked
            .tags
            .iter()
            .map(|(key, value)| key.len() + value.len())
            .sum();
        let size = asked.policy_text.map_or(0, str::len) + tags;
        (size * 100 / 2_048).clamp(1, 100).to_string()
    });
    let mut xml = Xml::new();
    xml.element("AssumedRoleUser", |xml| {
        xml.text("AssumedRoleId", &user_id).text("Arn", &session);
    })
    .element("Credentials", |xml| {
        xml.text("AccessKeyId", &access_key)
            .text("SecretAccessKey", &secret)
            .text("SessionToken", &token)
            .text("Expiration", &clock::iso(expires_at));
    });
    if let Some(packed) = packed {
        xml.text("PackedPolicySize", &packed);
    }
    xml.text("SessionTokenSize", &token.len().to_string()).text(
        "SessionTokenUtilization",
        &(token.len() * 100 / LONGEST_TOKEN).to_string(),
    );
    if let Some(source) = &source {
        xml.text("SourceIdentity", source);
    }
    let key = Key {
        secret: Secret(secret),
        judge: cx.key.judge,
        party: cx.key.party,
        holder: Holder::Session {
            role: asked.role_arn.to_owned(),
            arn: session,
            account: role.account,
        },
        user_id,
        active: true,
        created_at: cx.now(),
        last_used: None,
        session_token: Some(token),
        // As the wire says it, in whole seconds.
        expires_at: Some(expires_at - expires_at.rem_euclid(1_000_000)),
        session_policy: asked.policy,
        source_identity: source,
    };
    world.access.keys.insert(access_key, key);
    Ok(Some(xml))
}

struct Asked<'a> {
    role_arn: &'a str,
    session_name: &'a str,
    external_id: Option<&'a str>,
    source_identity: Option<&'a str>,
    seconds: Option<i64>,
    tags: Vec<(&'a str, &'a str)>,
    policy_text: Option<&'a str>,
    policy: Option<Policy>,
    mfa: bool,
}

impl<'a> Asked<'a> {
    fn read(input: &'a Value) -> Result<Asked<'a>, ApiError> {
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
            Some(text) => Some(duration(text)?),
        };
        let keys = form::list(input, "Tags", ".Key");
        let values = form::list(input, "Tags", ".Value");
        if !form::list(input, "PolicyArns", ".arn").is_empty() {
            return Err(ApiError::validation(
                Service::Sts,
                "Managed session policies are not part of this simulated AWS; pass Policy.",
            ));
        }
        let policy_text = text("Policy");
        let policy = match policy_text {
            None => None,
            Some(text) if text.len() > 2_048 => {
                return Err(ApiError::new(
                    "PackedPolicyTooLarge",
                    "Packed policy consumes more than 100% of allotted space, please use smaller policy.",
                ));
            }
            Some(text) => Some(
                Document::read(text, Kind::Session)
                    .map_err(|wrong| ApiError::new("MalformedPolicyDocument", wrong.to_string()))?
                    .into_policy(),
            ),
        };
        if !is_role_arn(role_arn) {
            return Err(ApiError::validation(
                Service::Sts,
                format!("{role_arn} is invalid"),
            ));
        }
        Ok(Asked {
            role_arn,
            session_name,
            external_id: text("ExternalId"),
            source_identity: text("SourceIdentity"),
            seconds,
            tags: keys.into_iter().zip(values).collect(),
            policy_text,
            policy,
            mfa: text("SerialNumber").is_some() || text("TokenCode").is_some(),
        })
    }

    fn context(&self, base: Context) -> Context {
        let mut context = base
            .with("sts:RoleSessionName", self.session_name)
            .with_option("sts:ExternalId", self.external_id)
            .with_option("sts:SourceIdentity", self.source_identity);
        for (key, value) in &self.tags {
            context.set(&format!("aws:RequestTag/{key}"), [(*value).to_owned()]);
        }
        if !self.tags.is_empty() {
            context.set(
                "aws:TagKeys",
                self.tags.iter().map(|(key, _)| (*key).to_owned()),
            );
        }
        context
    }
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

fn duration(text: &str) -> Result<i64, ApiError> {
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
    if seconds > 43_200 {
        return Err(breach(
            "durationSeconds",
            text,
            "Member must have value less than or equal to 43200",
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
