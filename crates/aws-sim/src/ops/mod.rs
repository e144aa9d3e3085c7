//! The operations, one module per noun.

mod account_tags;
mod assignments;
mod console;
mod directory;
mod iam;
mod memberships;
mod new_accounts;
mod oidc;
mod organizations;
mod people;
mod permission_sets;
mod portal;
mod provisioning;
mod queues;
mod resources;
mod scim;
mod scps;
mod set_changes;
mod set_papers;
mod shapes;
mod sts;
mod units;

use serde_json::{Map, Value, json};

use stint_iam_policy::{Context, table};

use crate::access::Holder;
use crate::history::By;
use crate::wire::{Answer, ApiError, Input, Pager, Service, Xml};
use crate::world::{Cx, Unsigned, World};

pub use console::ConsoleSession;
pub(crate) use console::Consoles;
pub(crate) use new_accounts::AccountRequest;
pub(crate) use oidc::is_registered;

/// What Identity Center and the identity store list on one page at most.
const PAGE: u64 = 100;

/// What serves one operation of a service that speaks JSON.
type InJson = fn(&mut World, &Cx<'_>) -> Result<Value, ApiError>;

/// The same of long lists, as the text of their JSON: to build them first costs more than
/// everything else about a call.
type InText = fn(&mut World, &Cx<'_>) -> Result<String, ApiError>;

/// What serves one operation of a service that speaks XML: its output, or nothing where it has
/// none.
type InXml = fn(&mut World, &Cx<'_>) -> Result<Option<Xml>, ApiError>;

/// What serves one operation that nobody signs.
type Unguarded = fn(&mut World, &Unsigned<'_>) -> Result<Value, ApiError>;

/// Serves a call that nobody signed.
pub(crate) fn dispatch_unsigned(world: &mut World, cx: &Unsigned<'_>) -> Result<Answer, ApiError> {
    let service = cx.call.service;
    if service == Service::Scim {
        scim::admitted(world, cx)?;
    }
    let mut all = unguarded(service).iter();
    let (_, serve) = all
        .find(|(name, _)| *name == cx.call.operation)
        .ok_or_else(|| ApiError::unknown_operation(service, &cx.call.operation, ""))?;
    match serve(world, cx) {
        // What is not of the right type is an invalid request like any other here.
        Err(error) if error.code == "SerializationException" => {
            Err(ApiError::validation(service, error.message))
        }
        other => other.map(Answer::Json),
    }
}

fn unguarded(service: Service) -> &'static [(&'static str, Unguarded)] {
    match service {
        Service::SsoOidc => oidc::OPERATIONS,
        Service::Portal => portal::OPERATIONS,
        Service::Signin => console::OPERATIONS,
        Service::Scim => scim::OPERATIONS,
        _ => &[],
    }
}

/// Serves a call by somebody who is known.
pub(crate) fn dispatch(world: &mut World, cx: &Cx<'_>) -> Result<Answer, ApiError> {
    let service = cx.call.service;
    let operation = cx.call.operation.as_str();
    let unknown = |version| ApiError::unknown_operation(service, operation, version);
    barred(cx)?;
    let mut lists = lists(service).iter();
    if let Some((_, serve)) = lists.find(|(name, _)| *name == operation) {
        return serve(world, cx).map(Answer::Text);
    }
    match service {
        Service::Iam => in_xml(iam::OPERATIONS, operation)
            .ok_or_else(|| unknown("2010-05-08"))
            .and_then(|serve| serve(world, cx))
            .map(|inside| Answer::Xml(inside.map(Xml::into_text))),
        Service::Sts => in_xml(sts::OPERATIONS, operation)
            .ok_or_else(|| unknown("2011-06-15"))
            .and_then(|serve| serve(world, cx))
            .map(|inside| Answer::Xml(inside.map(Xml::into_text))),
        Service::Organizations
        | Service::Sso
        | Service::IdentityStore
        | Service::Sqs
        | Service::SsoOidc
        | Service::Portal
        | Service::Signin
        | Service::Scim
        | Service::Nobody => tables(service)
            .iter()
            .flat_map(|table| table.iter())
            .find(|(name, _)| *name == operation)
            .ok_or_else(|| unknown(""))
            .and_then(|(_, serve)| serve(world, cx))
            .map(Answer::Json),
    }
}

/// Some temporary credentials are of no use for some services (AWS reference §4): federated
/// users' for IAM and most of STS, those of GetSessionToken without a device for IAM.
fn barred(cx: &Cx<'_>) -> Result<(), ApiError> {
    let (service, operation) = (cx.call.service, cx.call.operation.as_str());
    let user_session = matches!(cx.key.holder, Holder::User { .. }) && !cx.key.is_long_term();
    let federated = matches!(cx.key.holder, Holder::Federated { .. });
    match service {
        Service::Iam if federated || (user_session && cx.key.mfa_at.is_none()) => {
            Err(ApiError::unknown_key(service))
        }
        Service::Sts if federated && operation != "GetCallerIdentity" => Err(ApiError::new(
            "AccessDenied",
            format!("Cannot call {operation} with session credentials"),
        )
        .status(403)),
        Service::Sts
            if user_session && !["AssumeRole", "GetCallerIdentity"].contains(&operation) =>
        {
            Err(ApiError::new(
                "AccessDenied",
                format!("Cannot call {operation} with session credentials"),
            )
            .status(403))
        }
        _ => Ok(()),
    }
}

fn in_xml(tables: &[&[(&str, InXml)]], operation: &str) -> Option<InXml> {
    tables
        .iter()
        .flat_map(|table| table.iter())
        .find(|(name, _)| *name == operation)
        .map(|(_, serve)| *serve)
}

fn tables(service: Service) -> &'static [&'static [(&'static str, InJson)]] {
    match service {
        Service::Organizations => &[
            organizations::OPERATIONS,
            account_tags::OPERATIONS,
            new_accounts::OPERATIONS,
            units::OPERATIONS,
            scps::OPERATIONS,
        ],
        Service::Sso => &[
            permission_sets::OPERATIONS,
            set_changes::OPERATIONS,
            set_papers::OPERATIONS,
            provisioning::OPERATIONS,
            assignments::OPERATIONS,
        ],
        Service::IdentityStore => &[
            directory::OPERATIONS,
            people::OPERATIONS,
            memberships::OPERATIONS,
        ],
        Service::Sqs => &[queues::OPERATIONS],
        Service::Sts
        | Service::Iam
        | Service::SsoOidc
        | Service::Portal
        | Service::Signin
        | Service::Scim
        | Service::Nobody => &[],
    }
}

fn lists(service: Service) -> &'static [(&'static str, InText)] {
    match service {
        Service::Sso => assignments::LISTS,
        _ => &[],
    }
}

/// Everything the simulator serves, as policies name it (`iam:ListUsers`), in order. What is
/// not here is refused as AWS refuses what it does not know.
pub(crate) fn all() -> Vec<String> {
    let named = |service: Service, name: &str| format!("{}:{name}", service.scope());
    let mut all = Vec::new();
    for (service, tables) in [
        (Service::Iam, iam::OPERATIONS),
        (Service::Sts, sts::OPERATIONS),
    ] {
        let names = tables.iter().flat_map(|table| table.iter());
        all.extend(names.map(|(name, _)| named(service, name)));
    }
    for service in [
        Service::Organizations,
        Service::Sso,
        Service::IdentityStore,
        Service::Sqs,
    ] {
        let names = tables(service).iter().flat_map(|table| table.iter());
        all.extend(names.map(|(name, _)| named(service, name)));
        let names = lists(service).iter();
        all.extend(names.map(|(name, _)| named(service, name)));
    }
    for service in [
        Service::SsoOidc,
        Service::Portal,
        Service::Signin,
        Service::Scim,
    ] {
        let names = unguarded(service).iter();
        all.extend(names.map(|(name, _)| named(service, name)));
    }
    all.sort();
    all
}

impl<'a> Cx<'a> {
    /// Who is behind what this call changes.
    pub(crate) fn by(&self) -> By {
        By {
            party: self.key.party,
            call: Some(self.no),
        }
    }

    fn input(&self) -> Input<'a> {
        // Every input is an object: the wire makes it one.
        static NOTHING: std::sync::LazyLock<Map<String, Value>> =
            std::sync::LazyLock::new(Map::new);
        let members = self.call.input.as_object().unwrap_or(&NOTHING);
        Input::new(self.call.service, members)
    }

    fn pager(&self, world: &World, most: u64) -> Result<Pager, ApiError> {
        Pager::read(
            &self.input(),
            &self.call.operation,
            most,
            world.estate.seed,
            self.no,
        )
    }

    /// A page of somebody's tags.
    fn tags(&self, world: &World, most: u64, tags: &[(String, String)]) -> Result<Value, ApiError> {
        let pager = self.pager(world, most)?;
        let [from, ..] = pager.from;
        let rows = (from..).zip(tags.iter().skip(from as usize));
        let (page, next) = pager.take(rows, |(n, _)| [*n, 0, 0]);
        let tags: Vec<Value> = page
            .into_iter()
            .map(|(_, (key, value))| json!({ "Key": key, "Value": value }))
            .collect();
        Ok(object([("Tags", json!(tags)), ("NextToken", json!(next))]))
    }

    fn now(&self) -> i64 {
        self.moment.by(self.key.judge)
    }
}

/// Refuses callers without permission on what the call is about, and callers from other accounts than the management
/// account unless `members_may`.
fn authorize(
    world: &World,
    cx: &Cx<'_>,
    resource: &str,
    members_may: bool,
) -> Result<(), ApiError> {
    let action = cx.call.name();
    let denied = |resource: &str, why: Option<String>| {
        ApiError::access_denied(cx.call.service, cx.key.arn(), &action, resource, why)
    };
    let delegate = match cx.call.service {
        // Whoever administers any service reads the organization (AWS reference §7).
        Service::Organizations => {
            let reads = ["List", "Describe"];
            let reads = reads.iter().any(|verb| cx.call.operation.starts_with(verb));
            reads && world.tree.is_delegate(cx.key.account(), None)
        }
        _ => world
            .tree
            .is_delegate(cx.key.account(), Some("sso.amazonaws.com")),
    };
    if !members_may && !delegate && cx.key.account() != world.estate.management() {
        return Err(denied(resource, None));
    }
    let mut context = cx
        .key
        .context(Some(&world.estate.organization_id), cx.now());
    resources::describe(world, cx, &mut context);
    for resource in resources::of(world, cx) {
        let verdict = world.verdict(cx.key, &action, &resource, &context);
        if !verdict.is_allowed() {
            return Err(denied(&resource, verdict.refusal(&action)));
        }
    }
    decrypts(world, cx, &action, &context)
}

/// Where Identity Center is encrypted with a key of the customer's own, whoever asks needs that
/// key too, for every action that depends on it (AWS reference §1.0.1 [M/S]). The key's own policy
/// is taken to leave it to the account's.
fn decrypts(world: &World, cx: &Cx<'_>, action: &str, context: &Context) -> Result<(), ApiError> {
    const DECRYPT: &str = "kms:Decrypt";
    let depends = table()
        .action(action)
        .is_some_and(|it| it.dependent.iter().any(|other| other == DECRYPT));
    let Some(key) = world.center_key.as_deref().filter(|_| depends) else {
        return Ok(());
    };
    let verdict = world.verdict(cx.key, DECRYPT, key, context);
    match verdict.message(cx.key.arn(), DECRYPT, key) {
        None => Ok(()),
        Some(message) => Err(ApiError::new("AccessDeniedException", message)
            .with("Reason", "KMS_AccessDeniedException")),
    }
}

/// What a delegated administrator is told who may not (AWS reference §7 [R]).
fn denied_to_delegate(cx: &Cx<'_>, resource: &str) -> ApiError {
    ApiError::new(
        "AccessDeniedException",
        format!(
            "User: {} is not authorized to perform: {} on resource: {resource}",
            cx.key.arn(),
            cx.call.name()
        ),
    )
}

/// An object without the members that have no value.
fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    Value::Object(
        members
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
    )
}

/// Seconds since the epoch with milliseconds, as awsJson writes times.
fn seconds(micros: i64) -> Value {
    let millis = micros.div_euclid(1_000);
    #[expect(
        clippy::cast_precision_loss,
        reason = "milliseconds of our age fit 53 bits"
    )]
    let seconds = millis as f64 / 1_000.0;
    json!(seconds)
}

fn place_of(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
