//! SimulatePrincipalPolicy and SimulateCustomPolicy (AWS reference §6.2 [M]): the answers of the
//! code that judges every call here.
//!
//! What is not given is not known: a simulation carries the condition keys it was handed and no
//! other. The organization's policies count for a principal, but are never among the statements
//! that matched.
//!
//! What it does not do: policies left out (PolicyExclusionList), organizations of the asker's own
//! (OrderedOrganizationPolicyInputList), scenarios of EC2 (ResourceHandlingOption).

use serde_json::Value;
use stint_iam_policy::{
    Caller, Context, Document, Evaluation, Identity, Kind, Layers, Matched, Origin, ResourceKind,
    ResourcePolicy, Simulation, Source, simulate,
};

use super::{Output, authorize, authorize_on, close_page, marker, shapes};
use crate::wire::{ApiError, Service, Xml, form};
use crate::world::{Cx, World};

/// How many actions, and how many resources, one question may name here; AWS tells no number.
const MOST: usize = 1_000;

/// What was asked.
struct Asked {
    actions: Vec<String>,
    resources: Vec<String>,
    context: Context,
    /// Beside, or instead of, those of a principal; each under its name.
    policies: Vec<(String, Document)>,
    boundary: Option<(String, Document)>,
    resource: Option<Document>,
    caller: Option<String>,
}

impl Asked {
    fn read(cx: &Cx<'_>) -> Result<Asked, ApiError> {
        let input = cx.input();
        for (name, first) in [
            ("PolicyExclusionList", "PolicyExclusionList.member.1"),
            (
                "OrderedOrganizationPolicyInputList",
                "OrderedOrganizationPolicyInputList.member.1",
            ),
            ("ResourceHandlingOption", "ResourceHandlingOption"),
        ] {
            let given = input.members().keys().any(|key| key.starts_with(first));
            if given {
                let words = format!("{name} is not part of this simulated AWS.");
                return Err(ApiError::validation(Service::Iam, &words));
            }
        }
        let texts = |name: &str| -> Vec<String> {
            let all = form::list(&cx.call.input, name, "");
            all.into_iter().map(str::to_owned).collect()
        };
        let actions = texts("ActionNames");
        if actions.is_empty() {
            return Err(ApiError::validation(
                Service::Iam,
                "1 validation error detected: Value null at 'actionNames' failed to satisfy constraint: Member must not be null",
            ));
        }
        let resources = texts("ResourceArns");
        if actions.len() > MOST || resources.len() > MOST {
            let words = format!("More than {MOST} actions or resources at once.");
            return Err(ApiError::iam("InvalidInput", words));
        }
        for action in &actions {
            let named = action.split_once(':');
            if named.is_none_or(|(service, name)| service.is_empty() || name.is_empty()) {
                let words = format!("Invalid Entity Argument: {action}");
                return Err(ApiError::iam("InvalidInput", words));
            }
        }
        let mut boundaries = documents(cx, "PermissionsBoundaryPolicyInputList", Kind::Identity)?;
        if boundaries.len() > 1 {
            let words = "Only one permissions boundary may be given.";
            return Err(ApiError::iam("InvalidInput", words));
        }
        let resource = input.text("ResourcePolicy")?;
        let resource = resource.map(|text| document(text, "ResourcePolicy", Kind::Resource));
        Ok(Asked {
            actions,
            resources,
            context: context(&cx.call.input)?,
            policies: documents(cx, "PolicyInputList", Kind::Identity)?,
            boundary: boundaries.pop(),
            resource: resource.transpose()?,
            caller: input.text("CallerArn")?.map(str::to_owned),
        })
    }

    /// Judges every action, as that caller, by the asker's policies and these.
    fn answer<'a>(&'a self, mut layers: Layers<'a>, caller: &Caller) -> Vec<Evaluation> {
        let given = self.policies.iter();
        let given = given.map(|(name, it)| Source::written(name, Origin::None, it));
        layers.identity.extend(given);
        if let Some((name, it)) = &self.boundary {
            layers.boundary = Some(Source::written(name, Origin::None, it));
        }
        layers.resource = self.resource.as_ref().map(|it| ResourcePolicy {
            source: Source::written("ResourcePolicy", Origin::Resource, it),
            kind: ResourceKind::Ordinary,
        });
        simulate(&Simulation {
            layers: &layers,
            caller,
            actions: &self.actions,
            resources: &self.resources,
            context: &self.context,
        })
    }
}

/// Of a user, a group or a role of the account, by everything that hangs on it.
pub(super) fn principal(world: &mut World, cx: &Cx<'_>) -> Output {
    let source = cx.input().required("PolicySourceArn", shapes::ARN)?;
    authorize_on(world, cx, source)?;
    let asked = Asked::read(cx)?;
    let account = cx.key.account();
    let layers = world.layers_at(account, source).ok_or_else(|| {
        let words = format!("The entity with ARN {source} cannot be found.");
        ApiError::iam("NoSuchEntity", words)
    })?;
    let caller = caller(asked.caller.as_deref().unwrap_or(source), account)?;
    written(world, cx, asked.answer(layers, &caller))
}

/// Of policies that are handed over, and of nobody.
pub(super) fn custom(world: &mut World, cx: &Cx<'_>) -> Output {
    authorize(world, cx, &cx.call.name(), "*", "*")?;
    let asked = Asked::read(cx)?;
    if asked.policies.is_empty() {
        return Err(ApiError::validation(
            Service::Iam,
            "1 validation error detected: Value null at 'policyInputList' failed to satisfy constraint: Member must not be null",
        ));
    }
    let account = cx.key.account();
    let caller = match asked.caller.as_deref() {
        Some(arn) => caller(arn, account)?,
        None => Caller {
            account: account.to_owned(),
            identity: Identity::User {
                arn: format!("arn:aws:iam::{account}:user/nobody"),
            },
        },
    };
    written(world, cx, asked.answer(Layers::default(), &caller))
}

/// Who is taken to call: a user, a group or a role by its own ARN. A session's is refused, as AWS
/// does.
fn caller(arn: &str, account: &str) -> Result<Caller, ApiError> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let known = match parts.as_slice() {
        ["arn", _, "iam", "", of, rest] => rest
            .split_once('/')
            .filter(|(kind, _)| matches!(*kind, "user" | "group" | "role"))
            .map(|(kind, _)| (kind, *of)),
        _ => None,
    };
    let (kind, of) = known.ok_or_else(|| {
        let words =
            format!("Invalid Entity Arn: {arn} does not clearly define entity type and name.");
        ApiError::iam("InvalidInput", words)
    })?;
    let of = if of.is_empty() { account } else { of };
    let arn = arn.to_owned();
    Ok(Caller {
        account: of.to_owned(),
        identity: match kind {
            "role" => Identity::Session {
                session: arn.clone(),
                role: arn,
            },
            _ => Identity::User { arn },
        },
    })
}

fn documents(cx: &Cx<'_>, name: &str, kind: Kind) -> Result<Vec<(String, Document)>, ApiError> {
    let texts = form::list(&cx.call.input, name, "").into_iter();
    (1..)
        .zip(texts)
        .map(|(n, text)| {
            let name = format!("{name}.{n}");
            document(text, &name, kind).map(|it| (name, it))
        })
        .collect()
}

fn document(text: &str, name: &str, kind: Kind) -> Result<Document, ApiError> {
    Document::read(text, kind)
        .map_err(|why| ApiError::iam("InvalidInput", format!("{name}: {why}")))
}

/// The condition keys that were handed over.
fn context(input: &Value) -> Result<Context, ApiError> {
    let mut context = Context::new();
    for n in 1.. {
        let entry = format!("ContextEntries.member.{n}");
        let Some(key) = form::text(input, &format!("{entry}.ContextKeyName")) else {
            break;
        };
        let kind = form::text(input, &format!("{entry}.ContextKeyType")).unwrap_or_default();
        if !TYPES.contains(&kind) {
            let words = format!("Invalid context key type: {kind}");
            return Err(ApiError::iam("InvalidInput", words));
        }
        let values = form::list(input, &format!("{entry}.ContextKeyValues"), "");
        if values.is_empty() || (values.len() > 1 && !kind.ends_with("List")) {
            let words = format!("{key}: {} values of type {kind}", values.len());
            return Err(ApiError::iam("InvalidInput", words));
        }
        context.set(key, values.into_iter().map(str::to_owned));
    }
    Ok(context)
}

/// What a context key may be of (AWS reference §6.2 [M]).
const TYPES: &[&str] = &[
    "string",
    "stringList",
    "numeric",
    "numericList",
    "boolean",
    "booleanList",
    "ip",
    "ipList",
    "binary",
    "binaryList",
    "date",
    "dateList",
];

fn written(world: &World, cx: &Cx<'_>, all: Vec<Evaluation>) -> Output {
    let pager = marker(world, cx)?;
    let [from, ..] = pager.from;
    let rows = (from..).zip(all.into_iter().skip(from as usize));
    let (page, next) = pager.take(rows, |(n, _)| [*n, 0, 0]);
    let mut xml = Xml::new();
    xml.list("EvaluationResults", page, |xml, (_, it)| {
        xml.text("EvalActionName", &it.action)
            .text("EvalResourceName", &it.resource)
            .text("EvalDecision", it.decision.word());
        matched(xml, &it.matched);
        xml.words("MissingContextValues", &it.missing);
        detail(
            xml,
            "OrganizationsDecisionDetail",
            "AllowedByOrganizations",
            it.allowed_by_organization,
        );
        boundary(xml, it.allowed_by_boundary);
        if !it.by_resource.is_empty() {
            xml.list("ResourceSpecificResults", &it.by_resource, |xml, one| {
                xml.text("EvalResourceName", &one.resource)
                    .text("EvalResourceDecision", one.decision.word());
                matched(xml, &one.matched);
                xml.words("MissingContextValues", &one.missing);
                boundary(xml, one.allowed_by_boundary);
            });
        }
    });
    close_page(&mut xml, next.as_deref());
    Ok(Some(xml))
}

fn matched(xml: &mut Xml, all: &[Matched]) {
    xml.list("MatchedStatements", all, |xml, it| {
        xml.text("SourcePolicyId", &it.policy)
            .text("SourcePolicyType", it.origin.word());
        if let Some((start, end)) = it.span {
            for (name, at) in [("StartPosition", start), ("EndPosition", end)] {
                xml.element(name, |xml| {
                    xml.text("Line", &at.line.to_string())
                        .text("Column", &at.column.to_string());
                });
            }
        }
    });
}

fn boundary(xml: &mut Xml, allowed: Option<bool>) {
    let name = "PermissionsBoundaryDecisionDetail";
    detail(xml, name, "AllowedByPermissionsBoundary", allowed);
}

fn detail(xml: &mut Xml, name: &str, inside: &str, allowed: Option<bool>) {
    if let Some(allowed) = allowed {
        xml.element(name, |xml| {
            xml.text(inside, if allowed { "true" } else { "false" });
        });
    }
}
