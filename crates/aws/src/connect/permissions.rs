//! Which of the actions that are needed the credential may call, one by one; and what it may do
//! besides.
//!
//! AWS is asked to simulate (AWS reference §6.2) where the credential may ask that; elsewhere the
//! actions that change nothing are tried. A simulation takes no notice of a session's policy and
//! of what is not told to it, and a call that changes something is never made to find out: what
//! cannot be told is said to be so.

use std::collections::BTreeSet;

use aws_sdk_iam::types::{
    ContextEntry, ContextKeyTypeEnum, EvaluationResult, PolicyEvaluationDecisionType,
};
use aws_types::request_id::RequestId;
use stint_iam_policy::{Features, Own, Part, Policy, Statement, Version, Weight, table};

use super::probes::{Probe, Samples};
use super::{Outcome, TestReport};
use crate::error::{AwsError, ErrorKind};
use crate::estate::{Estate, Session};
use crate::governor::{Lane, Service};
use crate::queue::Queue;
use crate::reach::Reach;

const SIMULATE: &str = "iam:SimulatePrincipalPolicy";
const ROLE: &str = "iam:GetRole";

/// What nothing of Stint's ever needs, some of every kind: who may do these on everything has an
/// administrator's rights, or nearly.
const EXCESS: &[&str] = &[
    "iam:AttachRolePolicy",
    "iam:AttachUserPolicy",
    "iam:CreateAccessKey",
    "iam:CreatePolicyVersion",
    "iam:PassRole",
    "iam:PutGroupPolicy",
    "iam:UpdateAssumeRolePolicy",
    "ec2:RunInstances",
    "kms:ScheduleKeyDeletion",
    "organizations:LeaveOrganization",
    "s3:GetObject",
    "secretsmanager:GetSecretValue",
    "sso:DeletePermissionSet",
    "sso:PutInlinePolicyToPermissionSet",
    "sts:AssumeRole",
];

/// Whether an action may be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Able {
    /// It may.
    Works,
    /// It may not.
    Missing,
    /// It cannot be told without changing something.
    Unknown,
}

impl Able {
    /// The stable word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Works => "works",
            Self::Missing => "missing",
            Self::Unknown => "unknown",
        }
    }
}

/// One action that is needed for what is switched on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActionCheck {
    /// `sso:ListPermissionSets`
    pub action: String,
    /// On what, as the policy of the connection has it.
    pub resources: Vec<String>,
    /// The name of the statement that allows it there.
    pub statement: String,
    /// What it is for.
    pub purpose: &'static str,
    /// How much it matters.
    pub weight: Weight,
    /// Whether it may be called.
    pub able: Able,
    /// Why it may not, or cannot be told, where there is more to say.
    pub note: Option<String>,
}

/// What a simulation found besides.
#[derive(Default)]
struct Found {
    actions: Vec<ActionCheck>,
    request_ids: Vec<String>,
    /// Condition keys a policy waits for and no request ever carries.
    never: BTreeSet<String>,
    /// Whether AWS simulates for this credential.
    simulates: bool,
    /// Why it does not.
    refused: Option<AwsError>,
}

impl Estate {
    /// The table of what is needed, and the warnings that follow from it; with what the queue needs that
    /// tells of changes.
    pub(super) async fn test_permissions(
        &self,
        report: &mut TestReport,
        samples: Samples,
        queue: Option<&Queue>,
    ) {
        let mut features = self.spec().features.clone();
        if let Some(queue) = queue {
            features.change_events = Some(queue.arn());
        }
        let Some(principal) = self.principal(report, &features).await else {
            return;
        };
        // Who it is, is known by now: what it may do to itself is asked for its own ARN.
        if let Own::User { arn, .. } = &mut features.own
            && principal.contains(":user/")
        {
            *arn = Some(principal.clone());
        }
        let features = &features;
        let mut parts = features.parts();
        if let Some(queue) = queue.map(Queue::arn) {
            // Without it full syncs find what changes: nothing fails.
            let of_queue = |part: &&mut Part| *patterns(&part.statement) == [queue.as_str()];
            for part in parts.iter_mut().filter(of_queue) {
                part.weight = Weight::Faster;
            }
        }
        if parts.is_empty() {
            return;
        }
        let mut found = Found {
            simulates: true,
            ..Found::default()
        };
        let samples = samples.of(&principal, report);
        // What is judged on the same things is asked about at once: AWS takes few simulations.
        let mut groups: Vec<Group<'_>> = Vec::new();
        for part in &parts {
            let of = Group::of(part, &samples);
            match groups.iter_mut().find(|it| it.asks_as(&of)) {
                Some(group) => group.parts.extend(of.parts),
                None => groups.push(of),
            }
        }
        for group in &groups {
            self.judge(&mut found, group, &principal, &samples).await;
        }
        let place = |it: &ActionCheck| {
            let sid = Some(&it.statement);
            parts
                .iter()
                .position(|part| part.statement.sid.as_ref() == sid)
        };
        found.actions.sort_by_key(place);
        if found.simulates {
            self.test_excess(report, &mut found, &principal, features)
                .await;
        } else {
            found
                .never
                .extend(self.keys_that_never_are(&principal).await);
        }
        self.test_groups(report, &mut found, &principal, features)
            .await;
        told(report, &found, self.who());
        conditions(report, &found);
        report.actions = found.actions;
    }

    /// The user or role whose policies decide. A session is none (AWS reference §6.2).
    async fn principal(&self, report: &TestReport, features: &Features) -> Option<String> {
        let me = report.principal.clone()?;
        match (&self.spec().reach, &features.own) {
            (Reach::Role { role_arn, .. }, _) => Some(role_arn.trim().to_owned()),
            (_, Own::User { .. }) => Some(me),
            _ if me.contains(":role/") => {
                // The path is lost in a session's ARN, and only IAM knows it.
                let name = me.rsplit('/').next().unwrap_or_default().to_owned();
                let get = |s: &Session| s.iam.get_role().role_name(&name).send();
                let lane = Lane::Interactive;
                match self.look(lane, Service::Iam, ROLE, get).await {
                    Ok(answer) => answer.role().map(|role| role.arn().to_owned()).or(Some(me)),
                    Err(_) => Some(me),
                }
            }
            _ => Some(me),
        }
    }

    /// Judges every action of statements on the same things.
    async fn judge(
        &self,
        found: &mut Found,
        group: &Group<'_>,
        principal: &str,
        samples: &Samples,
    ) {
        let parts = group.parts.iter();
        let each: Vec<(&Part, String)> = parts
            .flat_map(|part| (part.statement.actions.patterns.iter()).map(|it| (*part, it.clone())))
            .collect();
        if found.simulates {
            let actions = each.iter().map(|(_, action)| action.clone()).collect();
            let (resources, context) = (group.resources.clone(), group.context.clone());
            match self.simulate(principal, actions, resources, context).await {
                Ok((results, request_ids)) => {
                    found.request_ids.extend(request_ids);
                    for (part, action) in &each {
                        let (able, note) = verdict(&results, action, &mut found.never);
                        found.actions.push(line(part, action, able, note));
                    }
                    return;
                }
                Err(error) => {
                    found.request_ids.extend(error.request_id.clone());
                    found.simulates = false;
                    found.refused = Some(error);
                }
            }
        }
        for (part, action) in each {
            let (able, note) = self.tried(found, &action, samples).await;
            found.actions.push(line(part, &action, able, note));
        }
    }

    /// Whether an action may be called, by calling it where that changes nothing.
    async fn tried(
        &self,
        found: &mut Found,
        action: &str,
        samples: &Samples,
    ) -> (Able, Option<String>) {
        if action == SIMULATE {
            return match &found.refused {
                Some(error) if error.kind != ErrorKind::Denied => {
                    (Able::Unknown, Some(error.to_string()))
                }
                _ => (Able::Missing, None),
            };
        }
        match self.probe(action, samples).await {
            Probe::Works(request_id) => {
                found.request_ids.extend(request_id);
                (Able::Works, None)
            }
            Probe::Denied(error) => {
                found.request_ids.extend(error.request_id.clone());
                (Able::Missing, super::kms_note(&error))
            }
            Probe::Failed(error) => {
                found.request_ids.extend(error.request_id.clone());
                (Able::Unknown, Some(error.to_string()))
            }
            Probe::Untried => (Able::Unknown, None),
        }
    }

    /// What AWS says these policies come to.
    async fn simulate(
        &self,
        principal: &str,
        actions: Vec<String>,
        resources: Vec<String>,
        context: Vec<(String, Vec<String>)>,
    ) -> Result<(Vec<EvaluationResult>, Vec<String>), AwsError> {
        let mut results = Vec::new();
        let mut request_ids = Vec::new();
        let mut marker: Option<String> = None;
        loop {
            let send = |s: &Session| {
                let mut ask = s
                    .iam
                    .simulate_principal_policy()
                    .policy_source_arn(principal)
                    .set_action_names(Some(actions.clone()))
                    .set_resource_arns(Some(resources.clone()))
                    .max_items(1000)
                    .set_marker(marker.clone());
                // A user's own name is in every request of its own; a simulation has what it is told.
                if let Some((_, rest)) = principal.split_once(":user/") {
                    let name = rest.rsplit('/').next().unwrap_or(rest);
                    let entry = ContextEntry::builder()
                        .context_key_name("aws:username")
                        .context_key_values(name)
                        .context_key_type(ContextKeyTypeEnum::String);
                    ask = ask.context_entries(entry.build());
                }
                for (key, values) in &context {
                    let entry = ContextEntry::builder()
                        .context_key_name(key)
                        .set_context_key_values(Some(values.clone()))
                        .context_key_type(ContextKeyTypeEnum::String);
                    ask = ask.context_entries(entry.build());
                }
                ask.send()
            };
            let lane = Lane::Interactive;
            let answer = self.look(lane, Service::Iam, SIMULATE, send).await?;
            request_ids.extend(answer.request_id().map(str::to_owned));
            results.extend(answer.evaluation_results().iter().cloned());
            match answer.marker().filter(|_| answer.is_truncated()) {
                Some(next) if marker.as_deref() != Some(next) => marker = Some(next.to_owned()),
                _ => return Ok((results, request_ids)),
            }
        }
    }

    /// Whether it may do what Stint never does.
    async fn test_excess(
        &self,
        report: &mut TestReport,
        found: &mut Found,
        principal: &str,
        features: &Features,
    ) {
        let needed = features.actions();
        let asked: Vec<String> = (EXCESS.iter())
            .filter(|action| !needed.iter().any(|it| it == *action))
            .map(|action| (*action).to_owned())
            .collect();
        let everything = vec!["*".to_owned()];
        let simulated = self
            .simulate(principal, asked.clone(), everything, Vec::new())
            .await;
        let Ok((results, request_ids)) = simulated else {
            return;
        };
        let may: Vec<&str> = (asked.iter())
            .filter(|action| verdict(&results, action, &mut found.never).0 == Able::Works)
            .map(String::as_str)
            .collect();
        if may.is_empty() {
            let what = format!("{principal} has no rights on everything that Stint does not need");
            report.add("least_privilege", Outcome::Ok, what).request_ids = request_ids;
            return;
        }
        let kind = if may.len() > asked.len() / 2 {
            "an administrator's rights or nearly"
        } else {
            "more rights than Stint needs"
        };
        let what = format!(
            "{principal} has {kind}: it may do {} on everything",
            list(&may)
        );
        let check = report.add("least_privilege", Outcome::Warning, what);
        check.request_ids = request_ids;
        check.mend(
            "Whoever gets hold of Stint has these rights too. Detach the policies that give them \
             (AdministratorAccess, IAMFullAccess, PowerUserAccess or your own) and leave the permission \
             policy of this connection.",
        );
    }

    /// Whether the members of any group may be changed, an administrators' too.
    async fn test_groups(
        &self,
        report: &mut TestReport,
        found: &mut Found,
        principal: &str,
        features: &Features,
    ) {
        const ADD: &str = "iam:AddUserToGroup";
        let Some(scope) = features.iam.as_ref().filter(|scope| scope.changes) else {
            return;
        };
        let unnamed = format!(
            "arn:{}:iam::{}:group/any-group-that-nobody-named",
            features.partition, features.account
        );
        let mut request_ids = Vec::new();
        let mut every = scope.has_every_group();
        if found.simulates {
            let action = vec![ADD.to_owned()];
            let simulated = self.simulate(principal, action, vec![unnamed], Vec::new());
            if let Ok((results, ids)) = simulated.await {
                request_ids = ids;
                every = verdict(&results, ADD, &mut found.never).0 == Able::Works;
            }
        }
        if every {
            let what = "Stint may add anybody, itself too, to every IAM group of the account, also to one of \
                        administrators";
            let check = report.add("iam_groups", Outcome::Warning, what);
            check.request_ids = request_ids;
            check.mend(
                "Name the groups people may ask for in the settings of this connection, and replace its \
                 permission policy: StintChangesIamGroupMembers then names them instead of group/*.",
            );
        } else {
            let what = "members are changed of the named IAM groups only";
            report.add("iam_groups", Outcome::Ok, what).request_ids = request_ids;
        }
    }
}

/// Statements that one simulation tells of: about the same things, under the same conditions.
struct Group<'a> {
    resources: Vec<String>,
    context: Vec<(String, Vec<String>)>,
    parts: Vec<&'a Part>,
}

impl<'a> Group<'a> {
    fn of(part: &'a Part, samples: &Samples) -> Self {
        let statement = &part.statement;
        Self {
            resources: (patterns(statement).iter())
                .map(|pattern| samples.fill(pattern))
                .collect(),
            context: (statement.conditions.iter())
                .map(|it| (it.key.clone(), it.values.clone()))
                .collect(),
            parts: vec![part],
        }
    }

    fn asks_as(&self, other: &Self) -> bool {
        self.resources == other.resources && self.context == other.context
    }
}

fn line(part: &Part, action: &str, able: Able, note: Option<String>) -> ActionCheck {
    ActionCheck {
        action: action.to_owned(),
        resources: patterns(&part.statement).to_vec(),
        statement: part.statement.sid.clone().unwrap_or_default(),
        purpose: part.purpose,
        weight: part.weight,
        able,
        note,
    }
}

fn patterns(statement: &Statement) -> &[String] {
    statement
        .resources
        .as_ref()
        .map_or(&[], |resources| &resources.patterns)
}

/// What the results say of one action, over all the resources that were asked about. Both
/// generations of the answer are read (AWS reference §6.2): one result for each action, with
/// those of the resources inside it, or one for each action and resource.
fn verdict(
    results: &[EvaluationResult],
    action: &str,
    never: &mut BTreeSet<String>,
) -> (Able, Option<String>) {
    let mut able = Able::Works;
    let mut note = None;
    let mut seen = false;
    for result in results.iter().filter(|it| it.eval_action_name() == action) {
        seen = true;
        let inner = result.resource_specific_results();
        let all: Vec<(&PolicyEvaluationDecisionType, &[String])> = if inner.is_empty() {
            vec![(result.eval_decision(), result.missing_context_values())]
        } else {
            (inner.iter())
                .map(|it| (it.eval_resource_decision(), it.missing_context_values()))
                .collect()
        };
        for (decision, missing) in all {
            if *decision == PolicyEvaluationDecisionType::Allowed {
                continue;
            }
            let outer = result.missing_context_values();
            let (real, unreal): (Vec<&String>, Vec<&String>) =
                (missing.iter().chain(outer)).partition(|key| table().key(key.as_str()).is_some());
            never.extend(unreal.into_iter().cloned());
            if *decision == PolicyEvaluationDecisionType::ImplicitDeny && !real.is_empty() {
                let keys: BTreeSet<&str> = real.into_iter().map(String::as_str).collect();
                let keys: Vec<&str> = keys.into_iter().collect();
                note = Some(format!(
                    "a condition on {} decides when it is called",
                    list(&keys)
                ));
                if able == Able::Works {
                    able = Able::Unknown;
                }
                continue;
            }
            able = Able::Missing;
            note = denied_by(result).or(note);
        }
    }
    if seen {
        (able, note)
    } else {
        (Able::Unknown, None)
    }
}

/// What else than a missing permission denies it.
fn denied_by(result: &EvaluationResult) -> Option<String> {
    let organization = result.organizations_decision_detail();
    let boundary = result.permissions_boundary_decision_detail();
    if organization.is_some_and(|it| !it.allowed_by_organizations()) {
        Some("a service control policy of the organization forbids it".to_owned())
    } else if boundary.is_some_and(|it| !it.allowed_by_permissions_boundary()) {
        Some("the permissions boundary does not allow it".to_owned())
    } else if *result.eval_decision() == PolicyEvaluationDecisionType::ExplicitDeny {
        Some("a statement of its policies denies it".to_owned())
    } else {
        None
    }
}

/// `a, b and 3 more`
fn list(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] if names.len() <= 6 => format!("{} and {last}", first.join(", ")),
        [a, b, c, d, e, rest @ ..] => {
            format!("{a}, {b}, {c}, {d}, {e} and {} more", rest.len())
        }
        many => many.join(", "),
    }
}

/// The check that sums the table up, with the statements that would mend it.
fn told(report: &mut TestReport, found: &Found, who: &str) {
    let missing = |weight: Weight| -> Vec<&ActionCheck> {
        (found.actions.iter())
            .filter(|it| it.able == Able::Missing && it.weight == weight)
            .collect()
    };
    let names = |lines: &[&ActionCheck]| {
        let names: Vec<&str> = lines.iter().map(|it| it.action.as_str()).collect();
        list(&names)
    };
    let (needed, changes) = (missing(Weight::Needed), missing(Weight::Changes));
    let faster = missing(Weight::Faster);
    let works = (found.actions.iter())
        .filter(|it| it.able == Able::Works)
        .count();
    let unknown = (found.actions.iter())
        .filter(|it| it.able == Able::Unknown)
        .count();
    let mut said = vec![format!(
        "{works} of {} actions that are switched on may be called",
        found.actions.len()
    )];
    if !needed.is_empty() {
        said.push(format!(
            "what is switched on cannot be read without {}",
            names(&needed)
        ));
    }
    if !changes.is_empty() {
        said.push(format!(
            "not everything can be given or taken without {}",
            names(&changes)
        ));
    }
    if !faster.is_empty() {
        said.push(format!(
            "reading takes more calls, or tells less, without {}",
            names(&faster)
        ));
    }
    if unknown > 0 {
        said.push(if found.simulates {
            format!("of {unknown} it cannot be told")
        } else {
            format!(
                "of {unknown} it cannot be told by calls that change nothing, and {who} is not allowed {SIMULATE}"
            )
        });
    }
    let outcome = match (needed.is_empty(), changes.is_empty() && faster.is_empty()) {
        (false, _) => Outcome::Failed,
        (true, false) => Outcome::Warning,
        (true, true) => Outcome::Ok,
    };
    let lacking = [needed, changes, faster].concat();
    let mend = mending(&lacking);
    let check = report.add("permissions", outcome, said.join("; "));
    check.request_ids.clone_from(&found.request_ids);
    if let Some(policy) = mend {
        check.mend(format!(
            "Add these statements to the permissions of {who}, or replace its policy by that of this \
             connection:\n{}",
            policy.to_text()
        ));
    }
}

/// The statements that allow exactly these.
fn mending(lacking: &[&ActionCheck]) -> Option<Policy> {
    use stint_iam_policy::{Actions, Effect, Resources};
    let mut statements: Vec<Statement> = Vec::new();
    for line in lacking {
        let sid = Some(line.statement.clone());
        if let Some(known) = statements.iter_mut().find(|it| it.sid == sid) {
            known.actions.patterns.push(line.action.clone());
            continue;
        }
        statements.push(Statement {
            sid,
            effect: Effect::Allow,
            principals: None,
            actions: Actions {
                negated: false,
                patterns: vec![line.action.clone()],
            },
            resources: Some(Resources {
                negated: false,
                patterns: line.resources.clone(),
            }),
            conditions: Vec::new(),
        });
    }
    (!statements.is_empty()).then_some(Policy {
        version: Version::V2012,
        id: None,
        statements,
    })
}

/// Says which conditions can never hold.
fn conditions(report: &mut TestReport, found: &Found) {
    let keys: Vec<&str> = found.never.iter().map(String::as_str).collect();
    let missing = found.actions.iter().any(|it| it.able == Able::Missing);
    if keys.is_empty() {
        let all = |it: &ActionCheck| it.action.starts_with("iam:") && it.able != Able::Works;
        let iam = found
            .actions
            .iter()
            .filter(|it| it.action.starts_with("iam:"));
        let nothing = iam.clone().count() > 1 && iam.clone().all(all);
        if !found.simulates && missing && nothing {
            let what = "AWS allows none of the IAM actions, although a policy may be attached";
            let check = report.add("conditions", Outcome::Warning, what);
            check.mend(
                "Look whether the statement has a Condition. One on iam:UserName never holds, because IAM knows \
                 no such key: the statement then allows nothing at all. Remove it; users are limited by their \
                 ARNs in Resource (arn:aws:iam::<account>:user/app-*), as in the permission policy of this \
                 connection. Otherwise no policy is attached, or a boundary or service control policy forbids it.",
            );
        }
        return;
    }
    let what = format!(
        "a policy has a condition on {}, and no request ever carries that: where the condition stands, the \
         statement allows nothing",
        list(&keys)
    );
    let mend = if keys
        .iter()
        .any(|key| key.eq_ignore_ascii_case("iam:UserName"))
    {
        "IAM has no condition key iam:UserName. Remove the condition, and limit users by their ARNs in Resource \
         instead (arn:aws:iam::<account>:user/app-*), as the permission policy of this connection does; who is \
         put into a group no policy can limit, so Stint holds to the prefix in the settings of this connection."
    } else {
        "Correct the key or remove the condition; AWS's list of condition keys for the service has the ones that \
         exist."
    };
    report.add("conditions", Outcome::Warning, what).mend(mend);
}

#[cfg(test)]
mod tests;
