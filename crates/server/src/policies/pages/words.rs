//! Rules in words, and what one version changes about another.

use std::collections::{BTreeMap, BTreeSet};

use stint_db::Query;
use stint_domain::condition::Compiled;
use stint_domain::policy::{
    Approvers, Emergency, PolicyBody, ReasonRule, Reassign, Role, Route, Step, StepUp, Then,
    TicketAsked, TicketRule, UntilRevoked,
};
use stint_domain::{GroupId, PolicyId, UserId};

use super::super::store;
use crate::identity;
use crate::web::time::words;

/// Whom versions name, by their ids.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Names {
    users: BTreeMap<UserId, String>,
    groups: BTreeMap<GroupId, String>,
    policies: BTreeMap<PolicyId, String>,
}

impl Names {
    /// Everybody, every group and every other policy these versions name.
    pub(crate) async fn of(
        q: &mut impl Query,
        bodies: impl IntoIterator<Item = &PolicyBody>,
    ) -> stint_db::Result<Self> {
        let (mut users, mut groups) = (BTreeSet::new(), BTreeSet::new());
        let mut policies = BTreeSet::new();
        for body in bodies {
            policies.extend(body.others());
            let named = body.sources();
            users.extend(named.users);
            groups.extend(named.groups);
            groups.extend(body.emergency.iter().flat_map(Emergency::groups));
            for (condition, about) in body.conditions() {
                if let Ok(compiled) = Compiled::of(condition, about) {
                    groups.extend(compiled.groups().iter().copied());
                }
            }
        }
        let mut names = Self::default();
        let ids: Vec<UserId> = users.into_iter().collect();
        for user in identity::users(q, &ids).await? {
            names.users.insert(user.id, user.name);
        }
        for (id, group) in identity::groups_by_id(q, groups).await? {
            names.groups.insert(id, group.name);
        }
        for (id, policy) in store::several(q, policies).await? {
            names.policies.insert(id, policy.name);
        }
        Ok(names)
    }

    /// The text with names in place of the ids it has.
    pub(crate) fn put_into(&self, text: &str) -> String {
        let users = self.users.iter().map(|(id, name)| (id.to_string(), name));
        let groups = self.groups.iter().map(|(id, name)| (id.to_string(), name));
        let policies = self
            .policies
            .iter()
            .map(|(id, name)| (id.to_string(), name));
        users
            .chain(groups)
            .chain(policies)
            .fold(text.to_owned(), |text, (id, name)| text.replace(&id, name))
    }

    fn user(&self, id: UserId) -> String {
        self.users
            .get(&id)
            .cloned()
            .unwrap_or_else(|| id.to_string())
    }

    fn policy(&self, id: PolicyId) -> String {
        let name = self.policies.get(&id).cloned();
        name.unwrap_or_else(|| id.to_string())
    }

    fn group(&self, id: GroupId) -> String {
        let name = self.groups.get(&id).cloned();
        name.unwrap_or_else(|| id.to_string())
    }
}

/// One rule: what it is about, and what it says.
pub(crate) type Rule = (String, String);

/// The rules of a version, in the order of the form.
pub(crate) fn rules(body: &PolicyBody, names: &Names) -> Vec<Rule> {
    let mut rules = Vec::new();
    for (rule, number) in body.rules.iter().zip(1..) {
        let of = format!("Rule {number}");
        let when = names.put_into(rule.when.as_str());
        rules.push((of.clone(), format!("“{}”: when {when}", rule.name)));
        let of = format!("{of}, ");
        route_words(&rule.route, &of, names, &mut rules);
        if let Some(max) = rule.max_duration {
            rules.push((format!("{of}longest access"), words(max)));
        }
        if let Some(said) = rule.until_revoked {
            rules.push((format!("{of}until revoked"), until_revoked_words(said)));
        }
        if let Some(reason) = rule.reason {
            rules.push((format!("{of}reason"), reason_words(reason)));
        }
        if let Some(ticket) = &rule.ticket {
            rules.push((format!("{of}ticket"), ticket_words(ticket)));
        }
        if let Some(step_up) = rule.step_up {
            rules.push((format!("{of}password"), step_up_words(step_up).to_owned()));
        }
    }
    let of = if body.rules.is_empty() {
        ""
    } else {
        "Otherwise, "
    };
    route_words(&body.route, of, names, &mut rules);
    rules.push(("Longest access".to_owned(), words(body.max_duration)));
    if !body.until_revoked.is_never() {
        let said = until_revoked_words(body.until_revoked);
        rules.push(("Until revoked".to_owned(), said));
    }
    rules.push(("Reason".to_owned(), reason_words(body.reason)));
    if !body.ticket.is_default() {
        rules.push(("Ticket".to_owned(), ticket_words(&body.ticket)));
    }
    if !body.step_up.is_no() {
        let said = step_up_words(body.step_up).to_owned();
        rules.push(("Password".to_owned(), said));
    }
    let open = format!("{} after they were asked", words(body.open_for()));
    rules.push(("Unanswered requests expire".to_owned(), open));
    let own = if body.allow_self_approval {
        "may be decided by who asks, where they are an approver"
    } else {
        "are never decided by who asks"
    };
    rules.push(("Own requests".to_owned(), own.to_owned()));
    if body.zone != "UTC" {
        rules.push(("Time zone".to_owned(), body.zone.clone()));
    }
    if let Some(emergency) = &body.emergency {
        let told = group_words(&emergency.tell, names);
        rules.push((
            "Emergency access".to_owned(),
            format!("{told} are told at once"),
        ));
        let review = group_words(emergency.reviewers(), names);
        let within = words(emergency.within);
        rules.push((
            "Reviewed afterwards".to_owned(),
            format!("by one of {review}, within {within}"),
        ));
    }
    rules
}

fn group_words(groups: &BTreeSet<GroupId>, names: &Names) -> String {
    let mut who: Vec<String> = (groups.iter())
        .map(|id| format!("the members of {}", names.group(*id)))
        .collect();
    who.sort();
    who.join(", ")
}

fn until_revoked_words(said: UntilRevoked) -> String {
    match said.every() {
        Some(every) => format!(
            "where the time limit is off; every {} its owners are asked whether it is still needed",
            words(every)
        ),
        None => "never".to_owned(),
    }
}

fn reason_words(reason: ReasonRule) -> String {
    match (reason.required, reason.min_length) {
        (false, _) => "not needed".to_owned(),
        (true, 0 | 1) => "needed".to_owned(),
        (true, n) => format!("needed, of at least {n} characters"),
    }
}

fn ticket_words(ticket: &TicketRule) -> String {
    let mut said = match ticket.asked {
        TicketAsked::No => "not asked for",
        TicketAsked::Optional => "may be given",
        TicketAsked::Required => "needed",
    }
    .to_owned();
    if let Some(pattern) = &ticket.pattern {
        said.push_str(&format!(", all of it matching {pattern}"));
    }
    if let Some(hint) = &ticket.hint {
        said.push_str(&format!(", “{hint}”"));
    }
    if let Some(link) = &ticket.link {
        said.push_str(&format!(", to be looked up at {link}"));
    }
    said
}

const fn step_up_words(step_up: StepUp) -> &'static str {
    match step_up {
        StepUp::No => "not given again",
        StepUp::Asking => "given again by whoever asks",
        StepUp::Approving => "given again by whoever approves",
        StepUp::Both => "given again by whoever asks, and by whoever approves",
    }
}

fn route_words(route: &Route, of: &str, names: &Names, rules: &mut Vec<Rule>) {
    let label = |word: &str| {
        if of.is_empty() {
            word.to_owned()
        } else {
            format!("{of}{}", word.to_lowercase())
        }
    };
    match route {
        Route::AutoApprove => rules.push((
            label("Approval"),
            "by nobody: it is approved at once".to_owned(),
        )),
        Route::AutoDeny(message) => rules.push((
            label("Approval"),
            format!("never: it is refused at once with “{message}”"),
        )),
        Route::Steps(steps) => {
            for (step, number) in steps.iter().zip(1..) {
                rules.push((label(&format!("Step {number}")), step_words(step, names)));
            }
        }
    }
}

fn step_words(step: &Step, names: &Names) -> String {
    if let Some(wait) = step.wait {
        return format!("“{}”: waits {}", step.name, words(wait));
    }
    let who = approver_words(&step.approvers, names);
    let each = if step.each_group { " of each" } else { "" };
    let mut said = format!("“{}”: {}{each} of {who}", step.name, step.needed);
    if !step.fallback.is_empty() {
        let late = step.late.map(|late| format!(", or after {}", words(late)));
        said.push_str(&format!(
            "; {} where too few of them could{}",
            approver_words(&step.fallback, names),
            late.unwrap_or_default()
        ));
    }
    match step.reassign {
        Reassign::Approvers => {}
        Reassign::Administrators => {
            said.push_str("; only administrators hand on a place in it");
        }
        Reassign::Nobody => said.push_str("; nobody hands on a place in it"),
    }
    if let Some(remind) = step.remind {
        said.push_str(&format!("; reminded after {}", words(remind)));
    }
    if let Some(deadline) = step.deadline {
        let then = match deadline.then {
            Then::Deny => "denied".to_owned(),
            Then::NextStep => "the next step decides in its place".to_owned(),
            Then::OtherPolicy(id) => format!("it goes on under “{}”", names.policy(id)),
        };
        said.push_str(&format!("; after {} {then}", words(deadline.after)));
    }
    said
}

fn approver_words(approvers: &Approvers, names: &Names) -> String {
    let mut who: Vec<String> = (approvers.groups.iter())
        .map(|id| format!("the members of {}", names.group(*id)))
        .collect();
    who.sort();
    let mut people: Vec<String> = approvers.users.iter().map(|id| names.user(*id)).collect();
    people.sort();
    who.extend(people);
    who.extend(
        approvers
            .roles
            .iter()
            .map(|role| role_words(*role).to_owned()),
    );
    if let Some(condition) = &approvers.who {
        let condition = names.put_into(condition.as_str());
        who.push(format!("everybody of whom {condition} is true"));
    }
    if who.is_empty() {
        "nobody".to_owned()
    } else {
        who.join(", ")
    }
}

/// What somebody is to what is asked, in words.
pub(crate) const fn role_words(role: Role) -> &'static str {
    match role {
        Role::Manager => "their manager",
        Role::ApplicationOwner => "the owners of the application",
        Role::ConnectionOwner => "the owners of the connection",
    }
}

/// The way a request goes, in a few words.
pub(crate) fn way(body: &PolicyBody) -> String {
    let mut otherwise = route_way(&body.route);
    if body.emergency.is_some() {
        otherwise = format!("for emergencies: {otherwise}");
    }
    match body.rules.len() {
        0 => otherwise,
        1 => format!("{otherwise}; one rule for special cases"),
        n => format!("{otherwise}; {n} rules for special cases"),
    }
}

fn route_way(route: &Route) -> String {
    let steps: Vec<String> = (route.steps().iter())
        .map(|step| match step.wait {
            Some(wait) => format!("a wait of {}", words(wait)),
            None => format!("{} of {}", step.total(), step.name),
        })
        .collect();
    match route {
        Route::AutoApprove => "approved at once".to_owned(),
        Route::AutoDeny(_) => "refused at once".to_owned(),
        Route::Steps(_) => steps.join(", then "),
    }
}

/// What one version changes about another: what about, before, after; empty where there was
/// or will be no such rule.
pub(crate) fn changes(before: &[Rule], after: &[Rule]) -> Vec<(String, String, String)> {
    let of = |rules: &[Rule], label: &str| {
        let found = rules.iter().find(|(at, _)| at == label);
        found.map(|(_, says)| says.clone()).unwrap_or_default()
    };
    let mut labels: Vec<&String> = after.iter().map(|(label, _)| label).collect();
    // What is gone stands where it stood.
    for (at, (label, _)) in before.iter().enumerate() {
        if !labels.contains(&label) {
            labels.insert(at.min(labels.len()), label);
        }
    }
    labels
        .into_iter()
        .map(|label| (label.clone(), of(before, label), of(after, label)))
        .filter(|(_, before, after)| before != after)
        .collect()
}

#[cfg(test)]
mod tests {
    use stint_domain::Span;

    use super::*;

    fn body(route: Route) -> PolicyBody {
        PolicyBody {
            reason: ReasonRule {
                required: true,
                min_length: 10,
            },
            ..PolicyBody::new(route, Span::hours(4))
        }
    }

    #[test]
    fn a_version_is_told_in_words_and_compared() {
        let bo = UserId(uuid::Uuid::from_u128(1));
        let group = GroupId(uuid::Uuid::from_u128(2));
        let mut names = Names::default();
        names.users.insert(bo, "Bo Lindqvist".to_owned());
        names.groups.insert(group, "Platform".to_owned());
        let approvers = Approvers {
            users: BTreeSet::from([bo]),
            groups: BTreeSet::from([group]),
            ..Approvers::default()
        };
        let step = Step::new("On call", approvers, 1);
        let before = rules(&body(Route::AutoApprove), &names);
        let mut wider = body(Route::Steps(vec![step]));
        wider.max_duration = Span::hours(8);
        let after = rules(&wider, &names);
        let line = |(label, before, after): (&str, &str, &str)| {
            (label.to_owned(), before.to_owned(), after.to_owned())
        };
        assert_eq!(
            changes(&before, &after),
            [
                ("Approval", "by nobody: it is approved at once", ""),
                (
                    "Step 1",
                    "",
                    "“On call”: 1 of the members of Platform, Bo Lindqvist"
                ),
                ("Longest access", "4 h", "8 h"),
            ]
            .map(line)
        );
        assert!(changes(&after, &after).is_empty());
        assert_eq!(way(&wider), "1 of On call");
        let said = names.put_into(&format!("step 1 names {bo}, who is away"));
        assert_eq!(said, "step 1 names Bo Lindqvist, who is away");
    }
}
