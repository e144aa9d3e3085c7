//! STS: temporary credentials, and who somebody is (AWS reference §4).
//!
//! What it does not do: federation by web identity or SAML, AssumeRoot, encoded
//! authorization messages.

mod asked;

use std::sync::Arc;

use super::InXml;
use super::iam::mfa_shows;
use crate::access::{Holder, Key, Secret};
use crate::clock;
use crate::held::Document;
use crate::wire::{ApiError, Service, Xml, form};
use crate::world::{Cx, World};
use asked::{AsFederated, AsRole, AsSession, Extras};

/// What a role session that opens another may ask for (AWS reference §4).
const CHAINED_SECONDS: i64 = 3_600;

/// What a session token's utilization is a percentage of (AWS reference §4 [M]).
const LONGEST_TOKEN: usize = 4_096;

/// Policies, their ARNs and tags of a session together; AWS packs them in a way of its own, so
/// that what fits there may not fit here, and the other way round (AWS reference §4 [M]).
const PACKED: usize = 2_048;

/// What is served here.
pub(super) const OPERATIONS: &[&[(&str, InXml)]] = &[&[
    ("AssumeRole", |world, cx| assume_role(world, cx)),
    ("GetAccessKeyInfo", |world, cx| access_key_info(world, cx)),
    ("GetCallerIdentity", |_, cx| get_caller_identity(cx)),
    ("GetFederationToken", |world, cx| federate(world, cx)),
    ("GetSessionToken", |world, cx| session_token(world, cx)),
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
    let asked = AsRole::read(&cx.call.input)?;
    let denied = || ApiError::may_not_assume(cx.key.arn(), asked.role_arn);
    let own_session = matches!(cx.key.holder, Holder::Federated { .. });
    if own_session {
        return Err(denied());
    }
    let mfa = match asked.mfa {
        Some((serial, code)) => {
            shown(world, cx, serial, code)?;
            true
        }
        None => false,
    };
    let role = world.role_by_arn(asked.role_arn).ok_or_else(denied)?;
    let in_organization = world.accounts_by_id.contains_key(cx.key.account());
    let organization = in_organization.then_some(world.estate.organization_id.as_str());
    let mut context = asked.context(cx.key.context(organization, cx.now()));
    if mfa {
        context.set("aws:MultiFactorAuthPresent", ["true".to_owned()]);
        context.set("aws:MultiFactorAuthAge", ["0".to_owned()]);
    }
    // Tags that came along from the session before (AWS documentation: transitive).
    let inherited: Vec<(String, String)> = cx
        .key
        .tags
        .iter()
        .filter(|(key, _)| among(&cx.key.transitive, key))
        .cloned()
        .collect();
    if let Some((key, _)) = asked
        .extras
        .tags
        .iter()
        .find(|(key, _)| among(&cx.key.transitive, key))
    {
        return Err(ApiError::new(
            "InvalidParameterValue",
            format!(
                "One or more of the tags passed in are transitive tags of the calling session: {key}"
            ),
        ));
    }
    let mut actions = vec!["sts:AssumeRole"];
    if !asked.extras.tags.is_empty() || !inherited.is_empty() {
        actions.push("sts:TagSession");
    }
    let source = match (&cx.key.source_identity, asked.source_identity) {
        // Once set it cannot be changed (AWS reference §4 [D]).
        (Some(old), Some(new)) if old != new => return Err(denied()),
        (Some(old), _) => Some(old.clone()),
        (None, new) => new.map(str::to_owned),
    };
    if source.is_some() {
        actions.push("sts:SetSourceIdentity");
    }
    for action in actions {
        // Named by ARN in its own account, a caller needs nothing else; otherwise the
        // caller's own policies must allow it too (AWS reference §6.1 [D]).
        let verdict = world.verdict_on_role(cx.key, action, &role, &context);
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
    let narrower = narrowed(world, &asked.extras, &role.entity.account)?;
    let packed = asked.extras.packed()?;
    let (account, id) = (&role.entity.account, &role.entity.id);
    let name = asked.session_name;
    let session = format!(
        "arn:aws:sts::{account}:assumed-role/{}/{name}",
        role.entity.name
    );
    let user_id = format!("{id}:{name}");
    let mut transitive = cx.key.transitive.clone();
    transitive.extend(asked.transitive.iter().map(|key| (*key).to_owned()));
    let mut tags = inherited;
    tags.extend(asked.extras.owned_tags());
    let key = Key {
        holder: Holder::Session {
            role: asked.role_arn.to_owned(),
            arn: session.clone(),
            account: account.clone(),
        },
        user_id: user_id.clone(),
        session_policies: narrower,
        source_identity: source.clone(),
        tags,
        transitive,
        mfa_at: None,
        chained: cx.key.is_session(),
        ..temporary(cx.key)
    };
    let mut xml = Xml::new();
    xml.element("AssumedRoleUser", |xml| {
        xml.text("AssumedRoleId", &user_id).text("Arn", &session);
    });
    let length = hand_out(world, cx, &mut xml, key, seconds);
    sizes(&mut xml, packed, length);
    if let Some(source) = &source {
        xml.text("SourceIdentity", source);
    }
    Ok(Some(xml))
}

/// Credentials for somebody an IAM user vouches for: what the user may, as far as the session
/// policies allow it (AWS reference §4).
fn federate(world: &mut World, cx: &Cx<'_>) -> Output {
    let asked = AsFederated::read(&cx.call.input)?;
    own_keys(cx, "GetFederationToken")?;
    let account = cx.key.account().to_owned();
    let arn = format!("arn:aws:sts::{account}:federated-user/{}", asked.name);
    let mut context = cx
        .key
        .context(Some(&world.estate.organization_id), cx.now());
    asked.extras.describe(&mut context);
    let mut actions = vec!["sts:GetFederationToken"];
    if !asked.extras.tags.is_empty() {
        actions.push("sts:TagSession");
    }
    for action in actions {
        let verdict = world.verdict(cx.key, action, &arn, &context);
        if !verdict.is_allowed() {
            return Err(ApiError::access_denied(
                Service::Sts,
                cx.key.arn(),
                action,
                &arn,
                verdict.refusal(action),
            ));
        }
    }
    let narrower = narrowed(world, &asked.extras, &account)?;
    let packed = asked.extras.packed()?;
    let user_id = format!("{account}:{}", asked.name);
    let key = Key {
        holder: Holder::Federated {
            arn: arn.clone(),
            account,
            user: cx.key.user_id.clone(),
            user_arn: cx.key.arn().to_owned(),
        },
        user_id: user_id.clone(),
        session_policies: narrower,
        tags: asked.extras.owned_tags(),
        ..temporary(cx.key)
    };
    let mut xml = Xml::new();
    let length = hand_out(world, cx, &mut xml, key, asked.seconds);
    xml.element("FederatedUser", |xml| {
        xml.text("FederatedUserId", &user_id).text("Arn", &arn);
    });
    sizes(&mut xml, packed, length);
    Ok(Some(xml))
}

/// The user once more, for a while, perhaps with a device shown. No policy can refuse it (AWS
/// reference §4).
fn session_token(world: &mut World, cx: &Cx<'_>) -> Output {
    let asked = AsSession::read(&cx.call.input)?;
    own_keys(cx, "GetSessionToken")?;
    let mut key = temporary(cx.key);
    if let Some((serial, code)) = asked.mfa {
        shown(world, cx, serial, code)?;
        key.mfa_at = Some(cx.now());
    }
    let mut xml = Xml::new();
    let length = hand_out(world, cx, &mut xml, key, asked.seconds);
    sizes(&mut xml, None, length);
    Ok(Some(xml))
}

/// Whose account a key is in, whether it is in use or not.
fn access_key_info(world: &World, cx: &Cx<'_>) -> Output {
    let id = asked::key_id(&cx.call.input)?;
    let context = cx
        .key
        .context(Some(&world.estate.organization_id), cx.now());
    let action = "sts:GetAccessKeyInfo";
    let verdict = world.verdict(cx.key, action, "*", &context);
    if !verdict.is_allowed() {
        let why = verdict.refusal(action);
        return Err(ApiError::access_denied(
            Service::Sts,
            cx.key.arn(),
            action,
            "*",
            why,
        ));
    }
    let known = world.access.keys.get(id).ok_or_else(|| {
        ApiError::validation(Service::Sts, format!("The access key {id} is not valid."))
    })?;
    let mut xml = Xml::new();
    xml.text("Account", known.account());
    Ok(Some(xml))
}

/// Refuses whoever has temporary credentials (AWS reference §4).
fn own_keys(cx: &Cx<'_>, operation: &str) -> Result<(), ApiError> {
    if cx.key.is_long_term() {
        return Ok(());
    }
    Err(ApiError::new(
        "AccessDenied",
        format!("Cannot call {operation} with session credentials"),
    )
    .status(403))
}

/// Refuses unless the caller's own device shows these digits now.
fn shown(world: &World, cx: &Cx<'_>, serial: &str, code: &str) -> Result<(), ApiError> {
    let user = match &cx.key.holder {
        Holder::User { .. } => world.user_place_by_id(cx.key.account(), &cx.key.user_id),
        Holder::Session { .. } | Holder::Federated { .. } => None,
    };
    if user.is_some_and(|user| mfa_shows(world, user, serial, code, cx.now())) {
        return Ok(());
    }
    Err(ApiError::new(
        "AccessDenied",
        "MultiFactorAuthentication failed with invalid MFA one time pass code.",
    )
    .status(403))
}

/// The session policies: the one that was given, and the managed ones that were named.
fn narrowed(
    world: &World,
    extras: &Extras<'_>,
    account: &str,
) -> Result<Option<Vec<Document>>, ApiError> {
    let mut all: Vec<Document> = Vec::new();
    if let (Some(text), Some(policy)) = (extras.policy_text, &extras.policy) {
        all.push(Document {
            text: text.into(),
            policy: Arc::new(policy.clone()),
        });
    }
    for arn in &extras.policy_arns {
        let known = world.access.managed.get(arn);
        let known = known.filter(|known| known.account.as_deref().is_none_or(|of| of == account));
        let document = known.and_then(|known| known.document());
        let document = document.ok_or_else(|| {
            ApiError::validation(
                Service::Sts,
                format!("The policy {arn} does not exist or is in another account."),
            )
        })?;
        all.push(document.clone());
    }
    Ok((!all.is_empty()).then_some(all))
}

/// A key like this one, to be handed out anew.
fn temporary(from: &Key) -> Key {
    Key {
        secret: Secret(String::new()),
        last_used: None,
        session_token: None,
        expires_at: None,
        session_policies: None,
        tags: Vec::new(),
        transitive: Vec::new(),
        chained: false,
        store_user: None,
        ..from.clone()
    }
}

/// Credentials that were handed out just now.
pub(super) struct Handed {
    pub(super) access_key: String,
    pub(super) secret: String,
    pub(super) token: String,
    pub(super) expires_at: i64,
}

impl World {
    /// Lets temporary credentials be used from now on, for so many seconds.
    pub(super) fn hand_out(&mut self, label: &str, mut key: Key, now: i64, seconds: i64) -> Handed {
        let mut stream = self.fresh(label);
        let access_key = format!("ASIA{}", stream.upper(16));
        let secret = stream.mixed(40);
        let token = format!("IQoJb3JpZ2luX2Vj{}", stream.mixed(332));
        // As the wire says it, in whole seconds.
        let expires_at = now + seconds * 1_000_000;
        let expires_at = expires_at - expires_at.rem_euclid(1_000_000);
        key.secret = Secret(secret.clone());
        key.created_at = now;
        key.issued_at = Some(now);
        key.session_token = Some(token.clone());
        key.expires_at = Some(expires_at);
        self.access.keys.insert(access_key.clone(), key);
        Handed {
            access_key,
            secret,
            token,
            expires_at,
        }
    }
}

/// Writes `Credentials`, and lets them be used from now on; gives the token's length.
fn hand_out(world: &mut World, cx: &Cx<'_>, xml: &mut Xml, key: Key, seconds: i64) -> usize {
    let handed = world.hand_out("session", key, cx.now(), seconds);
    xml.element("Credentials", |xml| {
        xml.text("AccessKeyId", &handed.access_key)
            .text("SecretAccessKey", &handed.secret)
            .text("SessionToken", &handed.token)
            .text("Expiration", &clock::iso(handed.expires_at));
    });
    handed.token.len()
}

fn sizes(xml: &mut Xml, packed: Option<usize>, token: usize) {
    if let Some(packed) = packed {
        xml.text("PackedPolicySize", &packed.to_string());
    }
    xml.text("SessionTokenSize", &token.to_string()).text(
        "SessionTokenUtilization",
        &(token * 100 / LONGEST_TOKEN).to_string(),
    );
}

fn among(keys: &[String], key: &str) -> bool {
    keys.iter().any(|known| known.eq_ignore_ascii_case(key))
}
