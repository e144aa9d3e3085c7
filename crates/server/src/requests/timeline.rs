//! What happened to a request and to what it gave, as its page, the API and the shell tell it.

use stint_domain::Time;
use stint_domain::request::{Handover, Passed, Question, State};

use super::read::{Approver, Line, Names, Who, gave, who};
use super::{Comment, Decision, Request};
use crate::grants;

/// One thing that happened to a request or to what it gave.
#[derive(Debug, Clone)]
pub struct Happening {
    /// When.
    pub at: Time,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone)]
pub enum What {
    /// Somebody asked, and for whom where that is somebody else.
    Asked(Who, Option<Who>),
    /// Approved at submission, by the policy alone.
    AutoApproved,
    /// Somebody approved or denied.
    Decided(Approver, Decision),
    /// Those who could decide at the step of this name, and had not, were reminded.
    Reminded(String),
    /// The step of this name was late: those who stand in might approve it as well from then on.
    Late(String),
    /// Somebody handed on a place in the step of this name.
    HandedOn(HandedOn),
    /// Time moved it on.
    MovedOn(Moved),
    /// Nobody decided in time, or it could no longer be given: why.
    TimedOut(String),
    /// Somebody took it back.
    Cancelled(Who),
    /// Somebody said something about it.
    Said(Who, Comment),
    /// Something happened to the grant, or in AWS.
    Grant(grants::Moment),
}

/// That a place in a step was handed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandedOn {
    /// Whose it was; nobody's where an administrator named somebody beside those who were asked.
    pub from: Option<Who>,
    /// Who has it since.
    pub to: Who,
    /// Who handed it on.
    pub by: Who,
    /// Whether as an administrator.
    pub administrator: bool,
    /// The step's name.
    pub step: String,
    /// Why.
    pub reason: String,
    /// When.
    pub at: Time,
}

impl HandedOn {
    /// Without the reason: `Bo handed on their place in “Platform” to Mei`.
    pub fn words(&self) -> String {
        let (by, to, step) = (&self.by.name, &self.to.name, &self.step);
        match &self.from {
            None => format!("{by} named {to} to decide “{step}”, beside those who are asked"),
            Some(from) if from.id == self.by.id => {
                format!("{by} handed on their place in “{step}” to {to}")
            }
            Some(from) => format!(
                "{by} handed on the place of {} in “{step}” to {to}",
                from.name
            ),
        }
    }
}

/// What was handed on in a request, with names, oldest first.
pub(super) fn handed_on(request: &Request, names: &Names) -> Vec<(usize, HandedOn)> {
    let question = &request.rules.question;
    let shown = |it: &Handover| {
        let step = question.step(it.step).map(|step| step.name.clone());
        let shown = HandedOn {
            from: it.from.map(|id| who(names, id)),
            to: who(names, it.to),
            by: who(names, it.by),
            administrator: it.administrator,
            step: step.unwrap_or_default(),
            reason: it.reason.clone(),
            at: it.at,
        };
        (it.step, shown)
    };
    request.rules.handed.iter().map(shown).collect()
}

/// That time moved a request on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// The name of the step that began.
    pub to: String,
    /// The step before it, where that only waited.
    pub waited: Option<String>,
    /// The other policy under which it went on, where it did.
    pub policy: Option<String>,
    /// How many approvals were needed there beside its own.
    pub carried: u32,
}

/// What happened to a request and to what it gave, oldest first: `passed` is what the clock did.
pub(super) fn timeline(
    line: &Line,
    names: &Names,
    said: Vec<Comment>,
    passed: Vec<(Time, Passed)>,
    moments: Vec<grants::Moment>,
) -> Vec<Happening> {
    let request = &line.request;
    let mut all = vec![Happening {
        at: request.submitted_at(),
        what: What::Asked(
            line.requester.clone(),
            line.is_for_another().then(|| line.beneficiary.clone()),
        ),
    }];
    // Before anything is decided the clock does what its time has come for, at the same moment.
    all.extend(passed.into_iter().filter_map(|(at, passed)| {
        let what = by_time(&request.rules.question, passed)?;
        Some(Happening { at, what })
    }));
    all.extend(
        handed_on(request, names)
            .into_iter()
            .map(|(_, it)| Happening {
                at: it.at,
                what: What::HandedOn(it),
            }),
    );
    for decision in &request.decisions {
        all.push(Happening {
            at: decision.at,
            what: What::Decided(gave(names, decision), decision.clone()),
        });
    }
    match &request.rules.state {
        State::Approved { at, approvals } if approvals.is_empty() => all.push(Happening {
            at: *at,
            what: What::AutoApproved,
        }),
        State::Denied {
            at,
            by: None,
            reason,
            ..
        } => all.push(Happening {
            at: *at,
            what: What::TimedOut(reason.clone()),
        }),
        State::Cancelled { at, by, .. } => all.push(Happening {
            at: *at,
            what: What::Cancelled(who(names, *by)),
        }),
        State::Pending { .. } | State::Approved { .. } | State::Denied { .. } => {}
    }
    all.extend(said.into_iter().map(|comment| Happening {
        at: comment.at,
        what: What::Said(who(names, comment.by), comment),
    }));
    all.extend(moments.into_iter().map(|moment| Happening {
        at: moment.at,
        what: What::Grant(moment),
    }));
    // Stable: what happened at the same moment stays in the order it was put together.
    all.sort_by_key(|happening| happening.at);
    all
}

/// What the clock did, where nothing else says it.
fn by_time(question: &Question, passed: Passed) -> Option<What> {
    let named = |step: usize| question.step(step).map(|step| step.name.clone());
    Some(match passed {
        Passed::Remind { step } => What::Reminded(named(step)?),
        Passed::Late { step } => What::Late(named(step)?),
        Passed::Step { next, carried } => {
            let policy = question.begins(next).map(|other| other.name.clone());
            let before = match policy {
                None => next.checked_sub(1).and_then(|it| question.step(it)),
                Some(_) => None,
            };
            What::MovedOn(Moved {
                to: named(next)?,
                waited: (before.filter(|it| it.wait.is_some())).map(|it| it.name.clone()),
                policy,
                carried,
            })
        }
        Passed::Approved | Passed::Denied => return None,
    })
}

impl Moved {
    fn text(&self) -> String {
        let to = &self.to;
        let mut text = match (&self.policy, &self.waited) {
            (Some(policy), _) => {
                format!("Nobody decided in time: it went on under “{policy}”, at “{to}”")
            }
            (None, Some(waited)) => format!("“{waited}” was over: it went on to “{to}”"),
            (None, None) => format!("Nobody decided in time: it moved on to “{to}”"),
        };
        match self.carried {
            0 => {}
            1 => text.push_str("; one approval more is needed there"),
            n => text.push_str(&format!("; {n} approvals more are needed there")),
        }
        text
    }
}

impl Happening {
    /// In a sentence.
    pub fn text(&self) -> String {
        match &self.what {
            What::Asked(who, None) => format!("{} asked", who.name),
            What::Asked(who, Some(whom)) => format!("{} asked for {}", who.name, whom.name),
            What::AutoApproved => "Approved by the policy; nobody had to decide".to_owned(),
            What::Decided(who, d) => {
                let verb = if d.approved { "approved" } else { "denied" };
                let mut text = format!("{} {verb}", who.who.name);
                if let Some(whom) = &who.on_behalf_of {
                    text.push_str(&format!(" for {}", whom.name));
                }
                if !d.comment.is_empty() {
                    text.push_str(&format!(": “{}”", d.comment));
                }
                text
            }
            What::Reminded(step) => format!("Those who could decide “{step}” were reminded"),
            What::Late(step) => {
                format!("“{step}” is late: those who stand in may approve it as well")
            }
            What::HandedOn(it) => format!("{}: “{}”", it.words(), it.reason),
            What::MovedOn(moved) => moved.text(),
            What::TimedOut(why) => why.trim_end_matches('.').to_owned(),
            What::Cancelled(who) => format!("{} took it back", who.name),
            What::Said(who, comment) => {
                let verb = if comment.question { "asked" } else { "said" };
                format!("{} {verb}: “{}”", who.name, comment.text)
            }
            What::Grant(moment) => moment.text.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_time_did_is_told_in_a_sentence() {
        let moved = |waited: Option<&str>, policy: Option<&str>, carried| {
            let moved = Moved {
                to: "Cy".to_owned(),
                waited: waited.map(str::to_owned),
                policy: policy.map(str::to_owned),
                carried,
            };
            moved.text()
        };
        for (text, said) in [
            (
                moved(None, None, 2),
                "Nobody decided in time: it moved on to “Cy”; 2 approvals more are needed there",
            ),
            (
                moved(Some("Cool off"), None, 0),
                "“Cool off” was over: it went on to “Cy”",
            ),
            (
                moved(None, Some("Leads"), 1),
                "Nobody decided in time: it went on under “Leads”, at “Cy”; one approval more is needed there",
            ),
        ] {
            assert_eq!(text, said);
        }
    }
}
