//! Policies: Stint's rules that route a question to the people who may answer it.
//!
//! A [`PolicyBody`] is one immutable version. It is checked when it is saved
//! ([`PolicyBody::check`]), asked before and when a request is submitted
//! ([`PolicyBody::choose`], then [`Outcome::evaluate`]) and then pinned to that request with the
//! rule that applied: [`crate::request`] decides by the pinned version, whatever is written later.
//! Who is in a group is never part of a version; it comes in as [`People`], read at the moment of
//! the question.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::condition::{About, Compiled, Condition, Scene};
use crate::{GroupId, PolicyId, Span, Time, UserId};

mod approvers;
mod check;
mod emergency;
mod other;
mod reassign;
mod refusal;
mod step_up;
#[cfg(test)]
mod tests;
mod ticket;
mod until;

pub use approvers::{Approvers, Part, PartOf, Role, Through};
pub(crate) use approvers::{filled, short_parts};
pub use check::{BodyFault, MAX_RULES, MAX_STEPS};
pub use emergency::{Closer, Emergency, NotReviewer, REVIEW_WITHIN, Reviewer, Reviewing};
pub(crate) use other::goes_on;
pub use other::{ExplainedOther, Other, others};
pub use reassign::Reassign;
pub use refusal::Refusal;
pub use step_up::StepUp;
pub use ticket::{
    LONGEST_HINT, LONGEST_LINK, LONGEST_PATTERN, LONGEST_TICKET, PLACE, Ticket, TicketAsked,
    TicketRule, Tickets, trimmed,
};
pub use until::{Answerers, NotAsked, UntilRevoked, first_length};

/// The shortest duration that may be asked for.
pub const SHORTEST: Span = Span::minutes(1);
/// The longest a policy may allow.
pub const LONGEST: Span = Span::hours(24 * 365);
/// How long a request waits for its answer where its policy says nothing.
pub const OPEN_FOR: Span = Span::hours(24 * 30);
/// How far ahead a start may lie.
pub const FARTHEST_START: Span = Span::hours(24 * 90);
/// The longest reason or comment, in characters.
pub const LONGEST_TEXT: usize = 2_000;

/// One version of a policy. Immutable once saved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyBody {
    /// Asked in this order; the first whose condition is true says what holds. Where none
    /// is, what follows here does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Rule>,
    /// How the answer comes about.
    pub route: Route,
    /// The longest access it allows.
    pub max_duration: Span,
    /// Whether access may be had until it is revoked, and how often it is asked then whether it is
    /// still needed. Never in an emergency.
    #[serde(default, skip_serializing_if = "UntilRevoked::is_never")]
    pub until_revoked: UntilRevoked,
    /// What must be said when asking.
    #[serde(default)]
    pub reason: ReasonRule,
    /// How the reference to a ticket is given.
    #[serde(default, skip_serializing_if = "TicketRule::is_default")]
    pub ticket: TicketRule,
    /// When people give their password again, moments before.
    #[serde(default, skip_serializing_if = "StepUp::is_no")]
    pub step_up: StepUp,
    /// Whether requester and beneficiary may decide too, where they are approvers.
    #[serde(default)]
    pub allow_self_approval: bool,
    /// How long after it was asked a request that nobody has answered expires, whatever step it
    /// waits at; [`OPEN_FOR`] where it says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_for: Option<Span>,
    /// The time zone in which conditions mean their hours and weekdays (`Europe/Berlin`).
    #[serde(default = "utc", skip_serializing_if = "is_utc")]
    pub zone: String,
    /// That it is for emergencies: who is told at once, and who reviews it afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emergency: Option<Emergency>,
}

/// What holds where a condition is true.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// What people see ("Production at night").
    pub name: String,
    /// When it applies.
    pub when: Condition,
    /// How the answer comes about.
    pub route: Route,
    /// The longest access it allows; the policy's where it says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_duration: Option<Span>,
    /// Whether access may be had until it is revoked; what the policy says where it says nothing, but
    /// not where it approves by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_revoked: Option<UntilRevoked>,
    /// What must be said when asking; what the policy says where it says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<ReasonRule>,
    /// Whether a ticket is asked for; what the policy says where it says nothing. Of pattern, hint
    /// and link the policy's hold where it has none of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<TicketRule>,
    /// When people give their password again; what the policy says where it says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step_up: Option<StepUp>,
}

/// How the answer comes about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Route {
    /// Approved at submission, by nobody.
    AutoApprove,
    /// Refused at submission, with these words to whoever asks.
    AutoDeny(String),
    /// Every step, in this order. No person counts for two steps.
    Steps(Vec<Step>),
}

/// One step: enough of these people must approve; one of them denying ends the request. A step
/// that names nobody and needs nobody waits: it is complete when its time is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// What people see ("Platform").
    pub name: String,
    /// Who may approve it.
    #[serde(default)]
    pub approvers: Approvers,
    /// How many different people must approve.
    pub needed: u32,
    /// Whether so many must approve of each of its groups (and of the others it names), instead
    /// of all together.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub each_group: bool,
    /// Who may approve as well once too few of the approvers could, or once it is late.
    #[serde(default, skip_serializing_if = "Approvers::is_empty")]
    pub fallback: Approvers,
    /// How long after its begin its approvers are reminded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remind: Option<Span>,
    /// How long after its begin it is late: the fallback approvers may approve as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub late: Option<Span>,
    /// What happens when it has not been approved in time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Deadline>,
    /// How long the request waits here, where nobody needs to approve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<Span>,
    /// Who may hand a place in it on to somebody else.
    #[serde(default, skip_serializing_if = "Reassign::is_default")]
    pub reassign: Reassign,
}

/// What happens to a step that has not been approved in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deadline {
    /// How long after its begin.
    pub after: Span,
    /// What.
    pub then: Then,
}

/// What happens at a deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Then {
    /// The request is denied.
    Deny,
    /// The approvers of the next step decide in its place: what it is short of is needed there, too.
    NextStep,
    /// The request goes on under another policy, at its first step: see [`Other`]. The larger number
    /// of approvals of the two is needed there ([`goes_on`]).
    OtherPolicy(PolicyId),
}

/// What must be said when asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReasonRule {
    /// Whether a reason must be given at all.
    pub required: bool,
    /// The shortest reason accepted, in characters, when one is required.
    #[serde(default)]
    pub min_length: u32,
}

/// Who could decide, as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct People {
    /// Members of every group the policy names. A group that does not exist is absent.
    pub groups: BTreeMap<GroupId, BTreeSet<UserId>>,
    /// Who is what to whoever asks and to what is asked for.
    pub roles: BTreeMap<Role, BTreeSet<UserId>>,
    /// Of whom each condition is true.
    pub matching: BTreeMap<Condition, BTreeSet<UserId>>,
    /// Of all users concerned: those who are active and whose roles let them decide.
    pub able: BTreeSet<UserId>,
    /// The people in the Identity Center group it is for, where it is for one.
    pub benefiting: BTreeSet<UserId>,
    /// To whom somebody who asks or would hold it delegates: they do not approve it, and are not
    /// missing by that.
    pub delegates: BTreeSet<UserId>,
    /// Of the members of the groups that review emergency access: those who are active and whose
    /// roles let them close a review.
    pub reviewing: BTreeSet<UserId>,
    /// Of those who hold a place that was handed on: who can decide no more.
    pub gone: BTreeSet<UserId>,
}

/// What somebody asks for, as far as a policy cares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// Who asks.
    pub requester: UserId,
    /// Who would hold the access.
    pub beneficiary: UserId,
    /// Who would hold it as well: the people in the Identity Center group it is for.
    pub members: BTreeSet<UserId>,
    /// For how long; [`LONGEST`] where it is asked for until it is revoked, so that a condition about the
    /// length takes it for the longest there is.
    pub duration: Span,
    /// Whether it is asked for until it is revoked.
    pub until_revoked: bool,
    /// From when; at once if absent.
    pub start: Option<Time>,
    /// Why.
    pub reason: String,
    /// The ticket it is about, if one is given.
    pub ticket: Option<String>,
    /// The entitlement's own limit, where it has one below the policy's.
    pub entitlement_max: Option<Span>,
    /// Whether what says how the entitlement is asked for leaves the time limit off.
    pub entitlement_until_revoked: bool,
}

/// What was found of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// Its name.
    pub name: String,
    /// What it asks.
    pub when: Condition,
    /// Whether it is true, or why that cannot be told.
    pub holds: Result<bool, String>,
}

/// What holds for one question: what the rule says that applies, or the policy where none does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome<'a> {
    /// The rule that applies, if one does.
    pub rule: Option<&'a Rule>,
    /// How the answer comes about.
    pub route: &'a Route,
    /// The longest access it allows.
    pub max_duration: Span,
    /// How often it is asked whether access is still needed that is had until it is revoked; nothing
    /// where that may not be.
    pub until_revoked: Option<Span>,
    /// What must be said when asking.
    pub reason: ReasonRule,
    /// How the reference to a ticket is given.
    pub ticket: Ticket<'a>,
    /// When people give their password again, moments before.
    pub step_up: StepUp,
    allow_self_approval: bool,
}

/// What a policy says to an [`Ask`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Nobody needs to approve.
    AutoApproved,
    /// These steps, in order; enough people could decide each of them.
    NeedsSteps(Vec<ExplainedStep>),
    /// It cannot be asked like this: every reason there is, never empty.
    Refused(Vec<Refusal>),
}

/// A step with the people behind it, for those who want to know before they ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExplainedStep {
    /// The step's name.
    pub name: String,
    /// How many different people must approve.
    pub needed: u32,
    /// Everybody the step names, directly or through groups, in the order of their ids.
    pub approvers: Vec<Approver>,
    /// Its parts, with whoever could decide and counts for each.
    pub parts: Vec<Part>,
    /// Who may approve as well once it is late, of those who could.
    pub fallback: BTreeSet<UserId>,
    /// When its approvers are reminded, after its begin.
    pub remind: Option<Span>,
    /// When the fallback approvers may approve as well, after its begin.
    pub late: Option<Span>,
    /// What happens when it has not been approved in time.
    pub deadline: Option<Deadline>,
    /// How long it waits, where nobody has to approve.
    pub wait: Option<Span>,
    /// Who may hand a place in it on to somebody else.
    pub reassign: Reassign,
}

/// Somebody a step names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approver {
    /// Who.
    pub user: UserId,
    /// By what.
    pub through: Through,
    /// Why they could not decide on this one after all.
    pub hindrance: Option<Hindrance>,
}

/// Why somebody a step names could not decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hindrance {
    /// Whoever asked, or would hold it, delegates to them, and the policy lets nobody approve their
    /// own request.
    Delegate,
    /// They ask, or it is for them, and the policy does not allow that.
    OwnRequest,
    /// They are not active, or a role of theirs decides nothing.
    Unable,
}

fn utc() -> String {
    "UTC".to_owned()
}

fn is_utc(zone: &str) -> bool {
    zone == "UTC"
}

impl Route {
    /// The steps; none where nobody is asked.
    pub fn steps(&self) -> &[Step] {
        match self {
            Self::AutoApprove | Self::AutoDeny(_) => &[],
            Self::Steps(steps) => steps,
        }
    }
}

impl Then {
    /// The stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deny => "deny",
            Self::NextStep => "next_step",
            Self::OtherPolicy(_) => "other_policy",
        }
    }

    /// What this word stands for, with the policy that is named beside it, if anything: one is named
    /// where it goes on under another, and nowhere else.
    pub fn parse(word: &str, policy: Option<PolicyId>) -> Option<Self> {
        match (word, policy) {
            ("deny", None) => Some(Self::Deny),
            ("next_step", None) => Some(Self::NextStep),
            ("other_policy", Some(policy)) => Some(Self::OtherPolicy(policy)),
            _ => None,
        }
    }

    /// The policy under which it goes on, where it does.
    pub const fn policy(self) -> Option<PolicyId> {
        match self {
            Self::OtherPolicy(policy) => Some(policy),
            Self::Deny | Self::NextStep => None,
        }
    }
}

impl Step {
    /// A step that these people approve.
    pub fn new(name: &str, approvers: Approvers, needed: u32) -> Self {
        Self {
            name: name.to_owned(),
            approvers,
            needed,
            each_group: false,
            fallback: Approvers::default(),
            remind: None,
            late: None,
            deadline: None,
            wait: None,
            reassign: Reassign::Approvers,
        }
    }
}

impl PolicyBody {
    /// A policy without rules of its own for special cases.
    pub fn new(route: Route, max_duration: Span) -> Self {
        Self {
            rules: Vec::new(),
            route,
            max_duration,
            until_revoked: UntilRevoked::Never,
            reason: ReasonRule::default(),
            ticket: TicketRule::default(),
            step_up: StepUp::No,
            allow_self_approval: false,
            open_for: None,
            zone: utc(),
            emergency: None,
        }
    }

    /// How long a request under it waits for its answer at most.
    pub fn open_for(&self) -> Span {
        self.open_for.unwrap_or(OPEN_FOR)
    }

    /// The same as a policy for emergencies, which wants a reason.
    #[must_use]
    pub fn for_emergencies(mut self, emergency: Emergency) -> Self {
        self.reason.required = true;
        self.emergency = Some(emergency);
        self
    }

    /// Every way an answer can come about, the rules' first.
    pub fn routes(&self) -> impl Iterator<Item = &Route> {
        self.rules
            .iter()
            .map(|rule| &rule.route)
            .chain([&self.route])
    }

    /// Every condition in it, with what it is asked for.
    pub fn conditions(&self) -> impl Iterator<Item = (&Condition, About)> {
        let rules = self.rules.iter().map(|rule| (&rule.when, About::Rule));
        let steps = self.routes().flat_map(Route::steps);
        let who = candidates(steps).into_iter();
        rules.chain(who.map(|condition| (condition, About::Candidate)))
    }

    /// Everybody and every group any step names: what [`People`] must be read for.
    pub fn sources(&self) -> Approvers {
        sources(self.routes().flat_map(Route::steps))
    }

    /// Which rule applies to this question: the first whose condition is true, and what was found
    /// of those before it. None where no rule does.
    ///
    /// Fails, with what was found so far, where a condition cannot be answered: what it would have
    /// said is not known, so nothing may be concluded from those behind it.
    pub fn choose(&self, scene: &Scene) -> Result<(Option<usize>, Vec<Tried>), Vec<Tried>> {
        let mut tried = Vec::new();
        for (at, rule) in self.rules.iter().enumerate() {
            let compiled = Compiled::saved(&rule.when, About::Rule);
            let holds = compiled.and_then(|it| it.holds(scene));
            let found = holds.clone();
            tried.push(Tried {
                name: rule.name.clone(),
                when: rule.when.clone(),
                holds,
            });
            match found {
                Ok(false) => {}
                Ok(true) => return Ok((Some(at), tried)),
                Err(_) => return Err(tried),
            }
        }
        Ok((None, tried))
    }

    /// What holds where this rule applies, counted from 0; what the policy says otherwise where
    /// none does.
    pub fn outcome(&self, rule: Option<usize>) -> Outcome<'_> {
        let rule = rule.and_then(|at| self.rules.get(at));
        Outcome {
            rule,
            route: rule.map_or(&self.route, |rule| &rule.route),
            max_duration: rule
                .and_then(|rule| rule.max_duration)
                .unwrap_or(self.max_duration),
            until_revoked: until::every(self, rule),
            reason: rule.and_then(|rule| rule.reason).unwrap_or(self.reason),
            ticket: (self.ticket).with(rule.and_then(|rule| rule.ticket.as_ref())),
            step_up: rule.and_then(|rule| rule.step_up).unwrap_or(self.step_up),
            allow_self_approval: self.allow_self_approval,
        }
    }

    /// Whether a ticket is asked for, in whatever case; and how, where none is in particular.
    pub fn asks_for_ticket(&self) -> Option<Ticket<'_>> {
        let cases = (0..self.rules.len()).map(Some).chain([None]);
        let mut cases = cases.map(|rule| self.outcome(rule).ticket);
        let otherwise = self.outcome(None).ticket;
        match otherwise.is_asked() {
            true => Some(otherwise),
            false => cases.find(Ticket::is_asked),
        }
    }

    /// Whether whoever asks gives their password again, in whatever case.
    pub fn may_step_up_at_asking(&self) -> bool {
        let cases = (0..self.rules.len()).map(Some).chain([None]);
        let mut cases = cases.map(|rule| self.outcome(rule).step_up);
        cases.any(StepUp::at_asking)
    }

    /// The same where more steps come after those of the rule that applies, counted from 0. What
    /// would be approved at once waits for them too; what is denied stays denied. Nobody decides then
    /// on what is theirs, whatever the policy says: what the steps are for is not one's own to allow.
    pub fn followed_by(mut self, rule: Option<usize>, more: Vec<Step>) -> Self {
        if more.is_empty() {
            return self;
        }
        let said = UntilRevoked::of(self.outcome(rule).until_revoked);
        let rule = rule.and_then(|at| self.rules.get_mut(at));
        let route = match rule {
            Some(rule) => {
                // As it was before: what it asks now is no longer for it alone to allow.
                rule.until_revoked = Some(said);
                &mut rule.route
            }
            None => &mut self.route,
        };
        match route {
            Route::AutoDeny(_) => {}
            Route::AutoApprove => *route = Route::Steps(more),
            Route::Steps(own) => own.extend(more),
        }
        self.allow_self_approval = false;
        self
    }

    /// The longest that any rule allows.
    pub fn longest(&self) -> Span {
        let rules = self.rules.iter().filter_map(|rule| rule.max_duration);
        rules.fold(self.max_duration, Span::max)
    }

    /// Whether access may be had until it is revoked, in whatever case.
    pub fn may_last_until_revoked(&self) -> bool {
        let mut cases = (0..self.rules.len()).map(Some).chain([None]);
        cases.any(|rule| self.outcome(rule).until_revoked.is_some())
    }
}

/// The conditions of a version's rules, read once, for many questions.
#[derive(Debug, Clone)]
pub struct Chooser {
    rules: Vec<Compiled>,
}

impl Chooser {
    /// Of a version that was checked.
    ///
    /// Fails with what Cedar says where a condition is none.
    pub fn of(body: &PolicyBody) -> Result<Self, String> {
        let rules = body.rules.iter();
        let rules = rules.map(|rule| Compiled::saved(&rule.when, About::Rule));
        Ok(Self {
            rules: rules.collect::<Result<_, _>>()?,
        })
    }

    /// The first rule whose condition is true, from 0; none where none is. As
    /// [`PolicyBody::choose`] answers.
    ///
    /// Fails with the rule that cannot be asked, and why.
    pub fn choose(&self, scene: &Scene) -> Result<Option<usize>, (usize, String)> {
        for (at, rule) in self.rules.iter().enumerate() {
            if rule.holds(scene).map_err(|why| (at, why))? {
                return Ok(Some(at));
            }
        }
        Ok(None)
    }
}

/// Everybody these steps name, in one.
pub fn sources<'a>(steps: impl IntoIterator<Item = &'a Step>) -> Approvers {
    let mut all = Approvers::default();
    for step in steps {
        for of in [&step.approvers, &step.fallback] {
            all.users.extend(of.users.iter().copied());
            all.groups.extend(of.groups.iter().copied());
            all.roles.extend(of.roles.iter().copied());
        }
    }
    all
}

/// The conditions by which these steps find approvers.
pub fn candidates<'a>(steps: impl IntoIterator<Item = &'a Step>) -> BTreeSet<&'a Condition> {
    let steps = steps.into_iter();
    let of = |step: &'a Step| [&step.approvers, &step.fallback];
    steps
        .flat_map(of)
        .filter_map(|it| it.who.as_ref())
        .collect()
}

impl<'a> Outcome<'a> {
    /// The steps; none where nobody is asked.
    pub fn steps(&self) -> &'a [Step] {
        self.route.steps()
    }

    /// What this says to somebody who asks now.
    pub fn evaluate(&self, ask: &Ask, people: &People, now: Time) -> Verdict {
        if let Route::AutoDeny(message) = self.route {
            return Verdict::Refused(vec![Refusal::AutoDenied {
                rule: self.rule.map(|rule| rule.name.clone()),
                message: message.clone(),
            }]);
        }
        let mut refusals = self.refusals(ask, now);
        let steps = self.explain(ask, people);
        refusals.extend(shortage(&steps));
        if !refusals.is_empty() {
            return Verdict::Refused(refusals);
        }
        match self.route {
            Route::AutoApprove | Route::AutoDeny(_) => Verdict::AutoApproved,
            Route::Steps(_) => Verdict::NeedsSteps(steps),
        }
    }

    /// Whether it asks the same of the same people at the same times, whatever its steps are called. When
    /// it wants passwords ([`Outcome::step_up`]) is compared apart: of whoever asks that is no step's.
    pub fn asks_as(&self, other: &Outcome<'_>) -> bool {
        let (own, others) = (self.steps(), other.steps());
        self.allow_self_approval == other.allow_self_approval
            && own.len() == others.len()
            && own.iter().zip(others).all(|(a, b)| a.asks_as(b))
    }

    /// Who would have to approve, and which of them could not. Empty where nobody has to.
    pub fn explain(&self, ask: &Ask, people: &People) -> Vec<ExplainedStep> {
        let own = |user| {
            !self.allow_self_approval
                && (user == ask.requester || user == ask.beneficiary || ask.members.contains(&user))
        };
        let of_theirs = |user| !self.allow_self_approval && people.delegates.contains(&user);
        let could = |user| !own(user) && people.able.contains(&user);
        let parts = |step: &Step| {
            // Whose delegate somebody is opens nothing to the fallback approvers.
            let mut parts = step.parts(people, could, 0, false);
            for part in &mut parts {
                part.who.retain(|user| !of_theirs(*user));
            }
            parts
        };
        (self.steps().iter())
            .map(|step| ExplainedStep {
                name: step.name.clone(),
                needed: step.total(),
                approvers: (step.approvers.everybody(people).into_iter())
                    .map(|(user, through)| Approver {
                        user,
                        through,
                        hindrance: if own(user) {
                            Some(Hindrance::OwnRequest)
                        } else if of_theirs(user) {
                            Some(Hindrance::Delegate)
                        } else if !people.able.contains(&user) {
                            Some(Hindrance::Unable)
                        } else {
                            None
                        },
                    })
                    .collect(),
                parts: parts(step),
                fallback: (step.fallback.everybody(people).into_keys())
                    .filter(|user| could(*user) && !of_theirs(*user))
                    .collect(),
                remind: step.remind,
                late: step.late,
                deadline: step.deadline,
                wait: step.wait,
                reassign: step.reassign,
            })
            .collect()
    }

    /// The longest that may be asked for where the entitlement has this limit of its own.
    pub fn longest(&self, entitlement_max: Option<Span>) -> Span {
        entitlement_max.map_or(self.max_duration, |max| max.min(self.max_duration))
    }

    fn refusals(&self, ask: &Ask, now: Time) -> Vec<Refusal> {
        let longest = self.longest(ask.entitlement_max);
        let length = ask.reason.trim().chars().count();
        let min_length = self.reason.min_length;
        let asked = ask.duration;
        let allowed = self.until_revoked.is_some() && ask.entitlement_until_revoked;
        let duration = if ask.until_revoked {
            (!allowed).then_some(Refusal::UntilRevoked { longest })
        } else if asked < SHORTEST {
            Some(Refusal::DurationTooShort { asked })
        } else {
            (asked > longest).then_some(Refusal::DurationOverPolicy { asked, longest })
        };
        let reason = if length == 0 {
            self.reason.required.then_some(Refusal::ReasonRequired)
        } else if length > LONGEST_TEXT {
            Some(Refusal::ReasonTooLong { length })
        } else {
            (self.reason.required && length < usize::try_from(min_length).unwrap_or(usize::MAX))
                .then_some(Refusal::ReasonTooShort { length, min_length })
        };
        let start = ask.start.and_then(|start| {
            if start < now {
                Some(Refusal::StartInPast { start })
            } else {
                (start > now + FARTHEST_START).then_some(Refusal::StartTooFar { start })
            }
        });
        let ticket = self.ticket.refusal(ask.ticket.as_deref());
        (duration.into_iter().chain(reason).chain(ticket))
            .chain(start)
            .collect()
    }
}

impl ExplainedStep {
    /// Those who could decide.
    pub fn possible(&self) -> BTreeSet<UserId> {
        self.parts
            .iter()
            .flat_map(|part| part.who.iter().copied())
            .collect()
    }
}

/// The steps that cannot all get enough *different* people, if any.
fn shortage(steps: &[ExplainedStep]) -> Option<Refusal> {
    let parts: Vec<(&ExplainedStep, &Part)> = (steps.iter())
        .flat_map(|step| step.parts.iter().map(move |part| (step, part)))
        .collect();
    let wants: Vec<_> = parts
        .iter()
        .map(|(_, part)| (part.needed, &part.who))
        .collect();
    let short = short_parts(&wants)?;
    let picked = || (parts.iter().enumerate()).filter(|(i, _)| short.contains(i));
    let mut names: Vec<String> = picked()
        .map(|(_, (step, _))| format!("“{}”", step.name))
        .collect();
    names.dedup();
    let possible: BTreeSet<_> = picked()
        .flat_map(|(_, (_, part))| part.who.iter())
        .collect();
    let needed = picked().fold(0u32, |sum, (_, (_, part))| sum.saturating_add(part.needed));
    Some(Refusal::NoPossibleApprover {
        names: names.join(" and "),
        needed,
        possible: u32::try_from(possible.len()).unwrap_or(u32::MAX),
    })
}
