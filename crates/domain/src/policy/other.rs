//! Another policy, under which a request goes on where a deadline leads to it.
//!
//! Which version of it that is, and which of its rules applies, is said when the request is
//! submitted: by the question as it was then, once. Nothing is asked again when the deadline comes.
//!
//! What keeps that safe:
//! - **One move.** A policy to which a deadline leads has no deadline that leads to a further one, so
//!   that there are no circles ([`PolicyBody::check_others`]).
//! - **Silence approves nothing.** Where the other policy would approve by itself the request is
//!   denied, and where it denies by itself it is denied with its message ([`Other::denies`]).
//! - **What is needed never falls.** See [`goes_on`].
//! - **What is asked for is within both.** A request longer than the other policy allows is not asked
//!   at all ([`PolicyBody::leading_to`]), whether or not it would ever come there. Nor is access until it
//!   is revoked, unless the other policy allows that too; it is reviewed as often as either wants.
//! - **Both must let people approve their own** where somebody is to.
//!
//! What must be said when asking (reason, ticket), how long a request stays open and whether it is an
//! emergency remain the first policy's.

use std::collections::{BTreeMap, BTreeSet};

use super::check::{Wrong, differs};
use super::{
    Ask, BodyFault, ExplainedStep, Outcome, Part, People, PolicyBody, Route, Step, Then,
    UntilRevoked, short_parts,
};
use crate::{PolicyId, PolicyVersionId, Span};

/// A policy to which a deadline leads, as it is pinned with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Other {
    /// Which.
    pub policy: PolicyId,
    /// Its version.
    pub version: PolicyVersionId,
    /// What it is called.
    pub name: String,
    /// The version's number, from 1.
    pub number: i64,
    /// The version.
    pub body: PolicyBody,
    /// Which of its rules applied when the request was submitted, from 0; none where none did.
    pub rule: Option<usize>,
}

/// What happens under another policy, for those who want to know before they ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExplainedOther {
    /// Which.
    pub policy: PolicyId,
    /// What it is called.
    pub name: String,
    /// The version's number, from 1.
    pub number: i64,
    /// The rule of it that applies, if one does.
    pub rule: Option<String>,
    /// Who would have to approve then, beside what the first policy was short of.
    pub steps: Vec<ExplainedStep>,
    /// Why a request that comes there is denied, where it is.
    pub denies: Option<String>,
}

impl Other {
    /// What it says to the request.
    pub fn outcome(&self) -> Outcome<'_> {
        self.body.outcome(self.rule)
    }

    /// Its steps; none where it asks nobody.
    pub fn steps(&self) -> &[Step] {
        self.outcome().steps()
    }

    /// Why a request that comes here is denied at once, where it is: it denies by itself, or would
    /// approve by itself.
    pub fn denies(&self) -> Option<String> {
        let name = &self.name;
        match self.outcome().route {
            Route::AutoDeny(message) => Some(format!(
                "Nobody decided in time, and the policy “{name}” denies it then: {message}"
            )),
            Route::AutoApprove => Some(format!(
                "Nobody decided in time, and the policy “{name}”, under which it would go on, asks nobody: silence approves nothing."
            )),
            Route::Steps(_) => None,
        }
    }

    /// The same where more steps come after its own, as [`PolicyBody::followed_by`] has it; what asks
    /// nobody asks nobody then either.
    #[must_use]
    pub fn followed_by(mut self, more: Vec<Step>) -> Self {
        if matches!(self.outcome().route, Route::Steps(_)) {
            self.body = self.body.followed_by(self.rule, more);
        }
        self
    }

    /// What would happen here, after a deadline of what `first` says. `people` are those its own steps
    /// name.
    pub fn explain(&self, first: &Outcome<'_>, ask: &Ask, people: &People) -> ExplainedOther {
        let own = self.outcome();
        let own = Outcome {
            allow_self_approval: own.allow_self_approval && first.allow_self_approval,
            ..own
        };
        ExplainedOther {
            policy: self.policy,
            name: self.name.clone(),
            number: self.number,
            rule: own.rule.map(|rule| rule.name.clone()),
            steps: own.explain(ask, people),
            denies: self.denies(),
        }
    }
}

/// To which policies the deadlines of these steps lead, each once, in the order of the steps.
pub fn others<'a>(steps: impl IntoIterator<Item = &'a Step>) -> Vec<PolicyId> {
    let mut found = Vec::new();
    for step in steps {
        if let Some(Then::OtherPolicy(policy)) = step.deadline.map(|it| it.then)
            && !found.contains(&policy)
        {
            found.push(policy);
        }
    }
    found
}

/// How many approvals are needed at the first step of another policy beside its own, where a deadline
/// leads there that was `short` of some and has these steps `behind` it, which are not asked then.
///
/// The larger number of the two is needed from there on: of what was still needed where it comes from
/// (`short`, and all of what is behind it), and of what all steps of the other policy need. Where the
/// first is larger, the difference is what this answers: anybody of that step may give it. What was
/// approved before stays a record, and whoever approved does not count a second time.
pub(crate) fn goes_on(short: u32, behind: &[Step], there: &[Step]) -> u32 {
    let total = |steps: &[Step]| {
        let steps = steps.iter();
        steps.fold(0u32, |sum, step| sum.saturating_add(step.total()))
    };
    (short.saturating_add(total(behind))).saturating_sub(total(there))
}

impl PolicyBody {
    /// The policies to which its deadlines lead, in whatever case.
    pub fn others(&self) -> BTreeSet<PolicyId> {
        let steps = self.routes().flat_map(Route::steps);
        others(steps).into_iter().collect()
    }

    /// The same for a request to which this rule applies and whose deadlines lead to these: it allows
    /// no longer access than each of those that would ask somebody, and access until it is revoked only
    /// where each of them does, reviewed as often as any of them wants.
    #[must_use]
    pub fn leading_to(mut self, rule: Option<usize>, others: &[Other]) -> Self {
        let asking = others.iter().filter(|it| it.denies().is_none());
        let asking: Vec<Outcome<'_>> = asking.map(Other::outcome).collect();
        let Some(limit) = asking.iter().map(|it| it.max_duration).min() else {
            return self;
        };
        let own = self.outcome(rule);
        let longest = own.max_duration.min(limit);
        let every = (asking.iter().map(|it| it.until_revoked))
            .fold(own.until_revoked, |own, there| Some(own?.min(there?)));
        let said = UntilRevoked::of(every);
        match rule.and_then(|at| self.rules.get_mut(at)) {
            Some(rule) => {
                rule.max_duration = Some(longest);
                rule.until_revoked = Some(said);
            }
            None => {
                self.max_duration = longest;
                self.until_revoked = said;
            }
        }
        self
    }

    /// Whether its deadlines may lead where they do. All faults, in the order of the fields.
    ///
    /// `own` is which policy it is a version of, where that is there already, and `led_to` whether a
    /// deadline of another leads to it. `known` are the latest versions of those its own lead to, and
    /// `people` those whom any of these name.
    pub fn check_others(
        &self,
        own: Option<PolicyId>,
        led_to: bool,
        known: &BTreeMap<PolicyId, &Self>,
        people: &People,
    ) -> Result<(), Vec<BodyFault>> {
        let rules = self.rules.iter().enumerate();
        let routes = rules.map(|(at, rule)| (Some(at), &rule.route));
        let mut faults = Vec::new();
        for (rule, route) in routes.chain([(None, &self.route)]) {
            let steps = route.steps();
            for (at, step) in steps.iter().enumerate() {
                let Some(Then::OtherPolicy(policy)) = step.deadline.map(|it| it.then) else {
                    continue;
                };
                let why = if own == Some(policy) {
                    Some("a deadline cannot lead to the policy it is of")
                } else if led_to {
                    Some(
                        "a deadline of another policy leads to this one, and a request moves once at most: deny, or let the next step decide",
                    )
                } else {
                    match known.get(&policy) {
                        None => Some("there is no such policy"),
                        Some(other) => unfit(other, steps, at, people)
                            .or_else(|| self.expires_there(other, steps, at)),
                    }
                };
                faults.extend(why.map(|why| BodyFault {
                    rule,
                    wrong: Wrong::OtherPolicy {
                        step: at + 1,
                        policy,
                        why,
                    },
                }));
            }
        }
        match faults.is_empty() {
            true => Ok(()),
            false => Err(faults),
        }
    }

    /// Why a request of its own that this step's deadline leads to that policy would expire before anybody
    /// there could have the last word.
    fn expires_there(&self, other: &Self, steps: &[Step], at: usize) -> Option<&'static str> {
        let begins =
            (steps.get(at).and_then(|step| step.deadline)).map_or(Span::ZERO, |it| it.after);
        let before = steps.iter().take(at).filter_map(|step| step.wait);
        let over = before.fold(begins + other.waits(), |sum, wait| sum + wait);
        (over >= self.open_for())
            .then_some("a request expires before the steps that only wait there are over")
    }

    /// How long its steps that only wait take together, in whichever case takes longest.
    pub(super) fn waits(&self) -> Span {
        let of = |route: &super::Route| {
            let waits = route.steps().iter().filter_map(|step| step.wait);
            waits.fold(Span::ZERO, |sum, wait| sum + wait)
        };
        self.routes().map(of).fold(Span::ZERO, Span::max)
    }
}

/// Why the deadline of this step of `steps` cannot lead to that policy.
fn unfit(other: &PolicyBody, steps: &[Step], at: usize, people: &People) -> Option<&'static str> {
    if other.emergency.is_some() {
        return Some("it is for emergency access, which is asked for as such");
    }
    if !other.others().is_empty() {
        return Some("its own deadlines lead to another policy, and a request moves once at most");
    }
    if other
        .routes()
        .any(|route| matches!(route, Route::AutoApprove))
    {
        return Some("it approves by itself in some case, and silence approves nothing");
    }
    if other.check(people).is_err() {
        return Some("it could not be saved as it is now: mend it first");
    }
    let asking = other.routes().map(Route::steps);
    let mut asking = asking.filter(|there| !there.is_empty());
    (!asking.all(|there| enough(steps, at, there, people))).then_some(
        "it has too few different people to give what may be needed there: nobody counts twice, and the number still needed does not fall",
    )
}

/// Whether there are different people enough to come to the deadline of this step and then approve all
/// of `there`, however many approved in time on the way: at each step that may move on nobody or all,
/// and at this one nobody or all but one. Of everything in between one of these needs as much. What
/// differs from question to question is taken to find somebody.
fn enough(steps: &[Step], at: usize, there: &[Step], people: &People) -> bool {
    let Some((step, behind)) = steps.get(at..).and_then(<[Step]>::split_first) else {
        return true;
    };
    let before = steps.get(..at).unwrap_or_default();
    ways(before, 0, people).iter().all(|way| {
        let here = parts(step, way.carried, people);
        // What was given at this step, and how many it was short of then.
        let nobody = (Vec::new(), way.carried.saturating_add(step.total()));
        let but_one = (0..here.len()).map(|missing| (all_but_one(&here, missing), 1));
        [nobody].into_iter().chain(but_one).all(|(given, short)| {
            let extra = goes_on(short, behind, there);
            ways(there, extra, people).iter().all(|then| {
                let wants = way.wants.iter().chain(&given).chain(&then.wants);
                let wants: Vec<_> = wants.map(|it| (it.needed, &it.who)).collect();
                short_parts(&wants).is_none()
            })
        })
    })
}

/// One way to come through steps.
struct Way {
    /// What people were needed for.
    wants: Vec<Part>,
    /// How many approvals are still needed beside those of what comes next.
    carried: u32,
    /// Whether nobody has approved since the last step that does not move on.
    silent: bool,
}

/// The ways through these steps, the first of which needs so many more than its own. Where several
/// move on one into the other, nobody approves at the first of them, however many that are; from there
/// on everybody does: nothing else needs more.
fn ways(steps: &[Step], carried: u32, people: &People) -> Vec<Way> {
    let mut ways = vec![Way {
        wants: Vec::new(),
        carried,
        silent: true,
    }];
    // What only waits hands on what is still needed.
    for step in steps.iter().filter(|step| step.wait.is_none()) {
        let moves = step.deadline.is_some_and(|it| it.then == Then::NextStep);
        let mut found = Vec::with_capacity(ways.len());
        for way in ways {
            if moves && way.silent {
                found.push(Way {
                    wants: way.wants.clone(),
                    carried: way.carried.saturating_add(step.total()),
                    silent: true,
                });
            }
            let mut wants = way.wants;
            wants.extend(parts(step, way.carried, people));
            found.push(Way {
                wants,
                carried: 0,
                silent: !moves,
            });
        }
        ways = found;
    }
    ways
}

/// What was given where nothing but one approval of this part is missing.
fn all_but_one(parts: &[Part], missing: usize) -> Vec<Part> {
    let given = parts.iter().cloned().enumerate().map(|(at, part)| Part {
        needed: part.needed.saturating_sub(u32::from(at == missing)),
        ..part
    });
    given.filter(|part| part.needed > 0).collect()
}

/// The parts of a step with whoever could decide, those who stand in among them; none where who that
/// is differs from question to question.
fn parts(step: &Step, carried: u32, people: &People) -> Vec<Part> {
    if step.wait.is_some() || differs(&step.approvers) || differs(&step.fallback) {
        return Vec::new();
    }
    step.parts(people, |user| people.able.contains(&user), carried, true)
}

#[cfg(test)]
mod tests;
