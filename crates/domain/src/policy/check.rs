//! What is checked when a version is saved: every fault at once, so that a form can show
//! them beside their fields.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::{
    Approvers, LONGEST, LONGEST_TEXT, Part, PartOf, People, PolicyBody, ReasonRule, Route,
    SHORTEST, Step, Then, emergency, short_parts, ticket, until,
};
use crate::condition::{self, About, Compiled, Condition};
use crate::{GroupId, PolicyId, Span, UserId};

/// The most steps a policy may have.
pub const MAX_STEPS: usize = 8;
/// The most rules a policy may have.
pub const MAX_RULES: usize = 16;
/// The longest name of a step or a rule, in characters.
const LONGEST_NAME: usize = 80;
/// The longest message to whoever is refused, in characters.
const LONGEST_MESSAGE: usize = 500;
/// The longest a step may wait, and the latest deadline.
const LONGEST_WAIT: Span = Span::hours(24 * 30);

/// What is wrong with one way an answer comes about, or with the version around it. Steps are
/// counted from 1, as people see them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Wrong {
    /// Steps were chosen and none is given.
    #[error("a policy needs at least one step, or says that it approves by itself")]
    NoSteps,
    /// More steps than anybody would wait for.
    #[error("{steps} steps are more than the {MAX_STEPS} a policy may have")]
    TooManySteps {
        /// How many.
        steps: usize,
    },
    /// A step without a name, or with an endless one.
    #[error("step {step} needs a name of 1 to 80 characters")]
    StepName {
        /// Which.
        step: usize,
    },
    /// A step names nobody.
    #[error("step {step} names no approver: add a user, a group, a role or a condition")]
    NoApprover {
        /// Which.
        step: usize,
    },
    /// A step needs no approval at all.
    #[error("step {step} needs nobody's approval: need at least 1, or remove the step")]
    NeedsNobody {
        /// Which.
        step: usize,
    },
    /// A step names a user who cannot decide.
    #[error(
        "step {step} names {user}, who is no active user or has a role that decides nothing (Helpdesk, Auditor)"
    )]
    UserUnable {
        /// Which.
        step: usize,
        /// Where: among the approvers, or among those who stand in.
        list: &'static str,
        /// Whom.
        user: UserId,
    },
    /// A step names a group that does not exist.
    #[error("step {step} names {group}, which does not exist")]
    UnknownGroup {
        /// Which.
        step: usize,
        /// Where: among the approvers, or among those who stand in.
        list: &'static str,
        /// What.
        group: GroupId,
    },
    /// A step needs more people than it names.
    #[error(
        "step {step} needs {needed} approvals and has {possible} active approvers: need fewer or add approvers"
    )]
    NeedsTooMany {
        /// Which.
        step: usize,
        /// How many it needs.
        needed: u32,
        /// How many there are.
        possible: usize,
    },
    /// Each step has enough people, but they are the same ones.
    #[error(
        "steps {steps} together need {needed} different people and have {possible}: nobody counts for two steps"
    )]
    StepsShareApprovers {
        /// Which, as people would write it ("1 and 2").
        steps: String,
        /// How many they need together.
        needed: u32,
        /// How many there are.
        possible: usize,
    },
    /// A longest duration below the shortest or beyond a year.
    #[error("the longest duration must be between {SHORTEST} and {LONGEST}")]
    Duration,
    /// A time between two reviews that is out of bounds.
    #[error("it is asked again after 1 to 365 whole days whether it is still needed")]
    UntilRevokedInterval,
    /// Emergency access until it is revoked.
    #[error("emergency access always ends by itself: it cannot be had until it is revoked")]
    UntilRevokedEmergency,
    /// A reason longer than is kept, or a length without a reason.
    #[error(
        "the shortest reason must be at most {LONGEST_TEXT} characters, and 0 where no reason is required"
    )]
    ReasonLength,
    /// What is said about tickets cannot be used.
    #[error("the {field} of a ticket: {why}")]
    Ticket {
        /// Which part: `pattern`, `hint` or `link`.
        field: &'static str,
        /// What is wrong, and where.
        why: Cow<'static, str>,
    },
    /// A step that waits has approvers, or does not wait.
    #[error(
        "step {step} only waits: it names nobody, needs nobody, and waits between a minute and 30 days"
    )]
    Wait {
        /// Which.
        step: usize,
    },
    /// A time of a step is out of bounds, or comes to nothing.
    #[error("step {step}: {why}")]
    Times {
        /// Which.
        step: usize,
        /// Which of its times.
        field: &'static str,
        /// What is wrong.
        why: &'static str,
    },
    /// The deadline of a step leads to a policy under which the request cannot go on.
    #[error("the deadline of step {step} leads to {policy}: {why}")]
    OtherPolicy {
        /// Which.
        step: usize,
        /// Where to.
        policy: PolicyId,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Each group is asked, and there is none.
    #[error("step {step} asks each of its groups: name at least one, or ask all together")]
    NoGroups {
        /// Which.
        step: usize,
    },
    /// A condition cannot be saved.
    #[error("the condition: {fault}")]
    Condition {
        /// The field, as the API names it.
        field: String,
        /// What is wrong, and where.
        fault: condition::Fault,
    },
    /// More rules than anybody could follow.
    #[error("{rules} rules are more than the {MAX_RULES} a policy may have")]
    TooManyRules {
        /// How many.
        rules: usize,
    },
    /// A rule without a name, with an endless one, or with that of another.
    #[error("a rule needs a name of its own, of 1 to 80 characters")]
    RuleName,
    /// A rule that can never be reached.
    #[error("rule {before} applies whenever this one would: it would never be asked")]
    Unreachable {
        /// The one before it, from 1.
        before: usize,
    },
    /// What is said to those who are refused is empty or endless.
    #[error("say why it is denied, in at most 500 characters: whoever asks reads it")]
    DenyMessage,
    /// Requests would expire at once, hardly ever, or before a step that waits is over.
    #[error(
        "a request may wait from an hour to 366 days for its answer, and longer than the {waits} its steps wait by themselves"
    )]
    OpenFor {
        /// The longest that the steps of one way to an answer wait by themselves.
        waits: Span,
    },
    /// A policy for emergencies wants no reason.
    #[error("emergency access always needs a reason: require one")]
    EmergencyReason,
    /// A policy for emergencies names a group that does not exist.
    #[error("it names {group}, which does not exist")]
    EmergencyGroup {
        /// Where: among those that are told, or that review.
        field: &'static str,
        /// What.
        group: GroupId,
    },
    /// Nobody would be told of it, or could review it.
    #[error(
        "name at least one group with an active member: emergency access is told at once and reviewed afterwards"
    )]
    EmergencyNobody {
        /// Where: among those that are told, or that review.
        field: &'static str,
    },
    /// Somebody is in the groups that review, and nobody of them may.
    #[error(
        "nobody in these groups may close a review: Helpdesk and Auditors decide nothing. Put somebody else into one of them, or name another group"
    )]
    EmergencyUnable {
        /// Where: among those that are told, or that review.
        field: &'static str,
    },
    /// The time for the review is out of bounds.
    #[error("a review is closed within 1 h to 30 days, in whole minutes")]
    EmergencyWithin,
    /// There is no such time zone.
    #[error("there is no time zone “{zone}”: write it as Europe/Berlin, America/New_York or UTC")]
    Zone {
        /// What was written.
        zone: String,
    },
}

/// Why a version cannot be saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BodyFault {
    /// The rule it is about, from 0; none where it is what holds otherwise.
    pub rule: Option<usize>,
    /// What is wrong.
    pub wrong: Wrong,
}

impl std::fmt::Display for BodyFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.rule {
            Some(rule) => write!(f, "rule {}: {}", rule + 1, self.wrong),
            None => self.wrong.fmt(f),
        }
    }
}

impl Wrong {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoSteps => "no_steps",
            Self::TooManySteps { .. } => "too_many_steps",
            Self::StepName { .. } => "step_name",
            Self::NoApprover { .. } => "no_approver",
            Self::NeedsNobody { .. } => "needs_nobody",
            Self::UserUnable { .. } => "approver_unable",
            Self::UnknownGroup { .. } => "unknown_group",
            Self::NeedsTooMany { .. } => "needs_too_many",
            Self::StepsShareApprovers { .. } => "steps_share_approvers",
            Self::Duration => "policy_duration",
            Self::UntilRevokedInterval => "until_revoked_interval",
            Self::UntilRevokedEmergency => "until_revoked_emergency",
            Self::ReasonLength => "reason_length",
            Self::Ticket { .. } => "ticket_rule",
            Self::Wait { .. } => "step_wait",
            Self::Times { .. } => "step_times",
            Self::OtherPolicy { .. } => "other_policy",
            Self::NoGroups { .. } => "no_groups",
            Self::Condition { .. } => "invalid_condition",
            Self::TooManyRules { .. } => "too_many_rules",
            Self::RuleName => "rule_name",
            Self::Unreachable { .. } => "unreachable_rule",
            Self::DenyMessage => "deny_message",
            Self::OpenFor { .. } => "open_for",
            Self::EmergencyReason => "emergency_reason",
            Self::EmergencyGroup { .. } => "unknown_group",
            Self::EmergencyNobody { .. } => "emergency_nobody",
            Self::EmergencyUnable { .. } => "emergency_unable",
            Self::EmergencyWithin => "emergency_within",
            Self::Zone { .. } => "unknown_zone",
        }
    }

    fn field(&self) -> String {
        match self {
            Self::NoSteps | Self::TooManySteps { .. } | Self::StepsShareApprovers { .. } => {
                "steps".to_owned()
            }
            Self::StepName { step } => format!("steps[{}].name", step - 1),
            Self::NoApprover { step } => format!("steps[{}].users", step - 1),
            Self::UserUnable { step, list, .. } => format!("steps[{}].{list}users", step - 1),
            Self::UnknownGroup { step, list, .. } => format!("steps[{}].{list}groups", step - 1),
            Self::NoGroups { step } => format!("steps[{}].groups", step - 1),
            Self::NeedsNobody { step } | Self::NeedsTooMany { step, .. } => {
                format!("steps[{}].needed", step - 1)
            }
            Self::Wait { step } => format!("steps[{}].wait_seconds", step - 1),
            Self::OtherPolicy { step, .. } => format!("steps[{}].deadline.policy", step - 1),
            Self::Times { step, field, .. } => format!("steps[{}].{field}", step - 1),
            Self::Condition { field, .. } => field.clone(),
            Self::Duration => "max_duration_seconds".to_owned(),
            Self::UntilRevokedInterval | Self::UntilRevokedEmergency => {
                "until_revoked.review_every_days".to_owned()
            }
            Self::ReasonLength => "reason.min_length".to_owned(),
            Self::Ticket { field, .. } => format!("ticket.{field}"),
            Self::TooManyRules { .. } => "rules".to_owned(),
            Self::RuleName => "name".to_owned(),
            Self::Unreachable { .. } => "when".to_owned(),
            Self::DenyMessage => "auto_deny".to_owned(),
            Self::OpenFor { .. } => "open_for_seconds".to_owned(),
            Self::EmergencyReason => "reason.required".to_owned(),
            Self::EmergencyGroup { field, .. }
            | Self::EmergencyNobody { field }
            | Self::EmergencyUnable { field } => (*field).to_owned(),
            Self::EmergencyWithin => "emergency.within_seconds".to_owned(),
            Self::Zone { .. } => "zone".to_owned(),
        }
    }
}

impl BodyFault {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        self.wrong.code()
    }

    /// The field it belongs to, as the API names it.
    pub fn field(&self) -> String {
        let field = self.wrong.field();
        match self.rule {
            Some(rule) => format!("rules[{rule}].{field}"),
            None => field,
        }
    }
}

impl PolicyBody {
    /// Whether this may be saved, with the people there are now. All faults, in the order
    /// of the fields.
    ///
    /// Who is a manager or an owner differs from question to question: a step that names them is
    /// taken to find somebody, and whoever asks is told before they ask if it does not.
    pub fn check(&self, people: &People) -> Result<(), Vec<BodyFault>> {
        let mut faults = Vec::new();
        let mut add = |rule: Option<usize>, found: Vec<Wrong>| {
            faults.extend(found.into_iter().map(|wrong| BodyFault { rule, wrong }));
        };
        if self.rules.len() > MAX_RULES {
            let rules = self.rules.len();
            add(None, vec![Wrong::TooManyRules { rules }]);
        }
        for (at, rule) in self.rules.iter().enumerate().take(MAX_RULES) {
            let mut found = Vec::new();
            let name = rule.name.trim();
            let before = || self.rules.iter().take(at);
            let taken = before().any(|it| it.name.trim().to_lowercase() == name.to_lowercase());
            if taken || name.is_empty() || name.chars().count() > LONGEST_NAME {
                found.push(Wrong::RuleName);
            }
            check_condition(&rule.when, About::Rule, "when", people, &mut found);
            let shadows = |it: &super::Rule| it.when == rule.when || is_true(&it.when);
            if let Some(before) = before().position(shadows) {
                let before = before + 1;
                found.push(Wrong::Unreachable { before });
            }
            check_route(&rule.route, people, &mut found);
            let max = rule.max_duration.unwrap_or(SHORTEST);
            check_limits(max, rule.reason.unwrap_or_default(), &mut found);
            let own = rule.until_revoked.unwrap_or_default();
            until::check(own, self.emergency.is_some(), &mut found);
            if let Some(own) = &rule.ticket {
                ticket::check(own, &mut found);
            }
            if self.emergency.is_some() {
                emergency::check_reason(rule.reason, &mut found);
            }
            add(Some(at), found);
        }
        let mut found = Vec::new();
        check_route(&self.route, people, &mut found);
        check_limits(self.max_duration, self.reason, &mut found);
        until::check(self.until_revoked, self.emergency.is_some(), &mut found);
        ticket::check(&self.ticket, &mut found);
        let waits = self.waits();
        let open_for = self.open_for();
        if open_for < Span::hours(1) || open_for > Span::hours(24 * 366) || open_for <= waits {
            found.push(Wrong::OpenFor { waits });
        }
        if !condition::is_zone(&self.zone) {
            let zone = self.zone.clone();
            found.push(Wrong::Zone { zone });
        }
        emergency::check(self, people, &mut found);
        add(None, found);
        if faults.is_empty() {
            Ok(())
        } else {
            Err(faults)
        }
    }
}

/// What is true of everything, as far as can be told without asking: written so.
fn is_true(condition: &Condition) -> bool {
    condition.as_str() == "true"
}

fn check_limits(max_duration: Span, reason: ReasonRule, faults: &mut Vec<Wrong>) {
    if max_duration < SHORTEST || max_duration > LONGEST {
        faults.push(Wrong::Duration);
    }
    let min_length = usize::try_from(reason.min_length).unwrap_or(usize::MAX);
    if min_length > LONGEST_TEXT || (min_length > 0 && !reason.required) {
        faults.push(Wrong::ReasonLength);
    }
}

fn check_route(route: &Route, people: &People, faults: &mut Vec<Wrong>) {
    match route {
        Route::AutoApprove => {}
        Route::AutoDeny(message) => {
            let length = message.trim().chars().count();
            if length == 0 || length > LONGEST_MESSAGE {
                faults.push(Wrong::DenyMessage);
            }
        }
        Route::Steps(steps) => check_steps(steps, people, faults),
    }
}

/// Checks a condition and that the groups it names exist.
fn check_condition(
    condition: &Condition,
    about: About,
    field: &str,
    people: &People,
    faults: &mut Vec<Wrong>,
) {
    let mut wrong = |fault| {
        let field = field.to_owned();
        faults.push(Wrong::Condition { field, fault });
    };
    match Compiled::of(condition, about) {
        Err(found) => found.into_iter().for_each(wrong),
        Ok(compiled) => {
            for group in compiled.groups() {
                if !people.groups.contains_key(group) {
                    wrong(condition::Fault {
                        line: 1,
                        column: 1,
                        message: format!("it names {group}, which does not exist"),
                    });
                }
            }
        }
    }
}

fn check_steps(steps: &[Step], people: &People, faults: &mut Vec<Wrong>) {
    if steps.is_empty() {
        faults.push(Wrong::NoSteps);
    }
    if steps.len() > MAX_STEPS {
        faults.push(Wrong::TooManySteps { steps: steps.len() });
        return;
    }
    let before = faults.len();
    let mut parts: Vec<(usize, Part)> = Vec::new();
    for (step, number) in steps.iter().zip(1..) {
        let next = steps.get(number);
        let next_waits = next.is_some_and(|next| next.wait.is_some());
        check_times(step, number, (next.is_none(), next_waits), faults);
        if step.wait.is_some() {
            continue;
        }
        let found = check_step(step, number, people, faults);
        parts.extend(found.into_iter().map(|part| (number, part)));
    }
    if steps.iter().all(|step| step.wait.is_some()) && !steps.is_empty() {
        // Nobody at all would be asked: that is approving by itself, and is to be said so.
        faults.push(Wrong::NoApprover { step: 1 });
    }
    if faults.len() > before {
        return;
    }
    check_carried(steps, people, faults);
    let wants: Vec<_> = parts
        .iter()
        .map(|(_, part)| (part.needed, &part.who))
        .collect();
    if let Some(short) = short_parts(&wants) {
        let chosen = || parts.iter().enumerate().filter(|(i, _)| short.contains(i));
        let there: BTreeSet<_> = chosen().flat_map(|(_, (_, part))| &part.who).collect();
        let numbers: BTreeSet<usize> = chosen().map(|(_, (number, _))| *number).collect();
        let numbers: Vec<_> = numbers.iter().map(ToString::to_string).collect();
        faults.push(Wrong::StepsShareApprovers {
            steps: numbers.join(" and "),
            needed: chosen().fold(0, |sum, (_, (_, part))| sum.saturating_add(part.needed)),
            possible: there.len(),
        });
    }
}

/// Whether what a step is short of at its deadline could be given at the next one.
fn check_carried(steps: &[Step], people: &People, faults: &mut Vec<Wrong>) {
    let mut carried = 0u32;
    for ((step, next), number) in steps.iter().zip(steps.iter().skip(1)).zip(1..) {
        let moves = step.deadline.is_some_and(|it| it.then == Then::NextStep);
        if !moves {
            carried = 0;
            continue;
        }
        carried = carried.saturating_add(step.total());
        if differs(&next.approvers) || differs(&next.fallback) {
            continue;
        }
        let parts = next.parts(people, |user| people.able.contains(&user), carried, true);
        let wants: Vec<_> = parts.iter().map(|part| (part.needed, &part.who)).collect();
        if short_parts(&wants).is_some() {
            faults.push(Wrong::Times {
                step: number,
                field: "deadline.then",
                why: "the next step has too few people to give what this one may be short of beside its own",
            });
        }
    }
}

/// Whether who these are differs from question to question.
pub(super) fn differs(it: &Approvers) -> bool {
    !it.roles.is_empty() || it.who.is_some()
}

/// Of a step what does not depend on people.
fn check_times(
    step: &Step,
    number: usize,
    (last, next_waits): (bool, bool),
    faults: &mut Vec<Wrong>,
) {
    let bad = |span: Span| span < SHORTEST || span > LONGEST_WAIT || span.as_seconds() % 60 != 0;
    let named = step.name.trim().chars().count();
    if named == 0 || named > LONGEST_NAME {
        faults.push(Wrong::StepName { step: number });
    }
    if let Some(wait) = step.wait {
        let asks = !step.approvers.is_empty() || !step.fallback.is_empty() || step.needed > 0;
        if bad(wait) || asks {
            faults.push(Wrong::Wait { step: number });
        }
    }
    let mut say = |field, why| {
        faults.push(Wrong::Times {
            step: number,
            field,
            why,
        });
    };
    let bounds = "give whole minutes, between one and 30 days";
    if step.remind.is_some_and(bad) {
        say("remind_seconds", bounds);
    }
    if step.late.is_some_and(bad) {
        say("late_seconds", bounds);
    }
    if step.late.is_some() && step.fallback.is_empty() {
        say(
            "late_seconds",
            "name whom it is then open to: fallback approvers",
        );
    }
    if let Some(deadline) = step.deadline {
        if bad(deadline.after) {
            say("deadline.after_seconds", bounds);
        }
        if deadline.then == Then::NextStep && last {
            say("deadline.then", "there is no next step: deny, or add one");
        }
        if deadline.then == Then::NextStep && next_waits {
            say(
                "deadline.then",
                "the next step only waits: put it before this one",
            );
        }
        let inside = |span: Option<Span>| span.is_none_or(|span| span < deadline.after);
        if !inside(step.remind) || !inside(step.late) {
            say(
                "deadline.after_seconds",
                "it comes before the reminder, or before it is late",
            );
        }
    }
    if step.wait.is_some()
        && (step.remind.is_some() || step.late.is_some() || step.deadline.is_some())
    {
        say("wait_seconds", "a step that waits has no other times");
    }
}

/// Its parts with whoever could decide, those left out that differ from question to question.
fn check_step(step: &Step, number: usize, people: &People, faults: &mut Vec<Wrong>) -> Vec<Part> {
    if step.approvers.is_empty() {
        faults.push(Wrong::NoApprover { step: number });
        return Vec::new();
    }
    check_approvers(&step.approvers, number, "", people, faults);
    check_approvers(&step.fallback, number, "fallback.", people, faults);
    if step.each_group && step.approvers.groups.is_empty() {
        faults.push(Wrong::NoGroups { step: number });
        return Vec::new();
    }
    if step.needed == 0 {
        faults.push(Wrong::NeedsNobody { step: number });
        return Vec::new();
    }
    let able = |user| people.able.contains(&user);
    let mut parts = step.parts(people, able, 0, false);
    let all_open = differs(&step.fallback);
    let by_group = |part: &Part| matches!(part.of, PartOf::Group(_));
    parts.retain(|part| !all_open && (by_group(part) || !differs(&step.approvers)));
    for part in &parts {
        if usize::try_from(part.needed).unwrap_or(usize::MAX) > part.who.len() {
            faults.push(Wrong::NeedsTooMany {
                step: number,
                needed: part.needed,
                possible: part.who.len(),
            });
        }
    }
    parts
}

fn check_approvers(
    approvers: &Approvers,
    number: usize,
    list: &'static str,
    people: &People,
    faults: &mut Vec<Wrong>,
) {
    for user in approvers.users.difference(&people.able) {
        faults.push(Wrong::UserUnable {
            step: number,
            list,
            user: *user,
        });
    }
    for group in &approvers.groups {
        if !people.groups.contains_key(group) {
            faults.push(Wrong::UnknownGroup {
                step: number,
                list,
                group: *group,
            });
        }
    }
    if let Some(who) = &approvers.who {
        let field = format!("steps[{}].{list}who", number - 1);
        check_condition(who, About::Candidate, &field, people, faults);
    }
}
