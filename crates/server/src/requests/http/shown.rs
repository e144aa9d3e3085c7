//! Requests, as the API shows them.

use std::collections::BTreeSet;

use stint_api::requests as wire;
use stint_domain::policy::{Deadline, ExplainedOther, ExplainedStep, Hindrance, Tried};
use stint_domain::rights::{Relation, Verb};
use stint_domain::{Span, Time};

use super::super::read::{Approver, Who};
use super::super::timeline::{HandedOn, What};
use super::super::{Detail, Happening, Line, Preview, StepView, emergency};
use super::{group_members, holder_group};
use crate::catalog::named;
use crate::cx::Cx;
use crate::grants;
use crate::policies::PolicyVersion;

pub(in crate::requests) fn line(it: Line) -> wire::RequestLine {
    let request = it.request;
    wire::RequestLine {
        ticket_link: request.ticket_link(),
        id: request.id.to_string(),
        entitlement: named(&it.entitlement),
        requester: who(&it.requester),
        beneficiary: who(&it.beneficiary),
        group: it.group.as_ref().map(holder_group),
        state: request.state().to_owned(),
        submitted_at: request.submitted_at().to_string(),
        closed_at: request.rules.state.closed_at().map(|at| at.to_string()),
        duration_seconds: request.duration.as_seconds(),
        review_every_seconds: request.review_every.map(Span::as_seconds),
        start: request.start.map(|at| at.to_string()),
        reason: request.reason,
        ticket: request.ticket,
        submission: request.submission.map(|id| id.to_string()),
        extends: request.extends.map(|id| id.to_string()),
        emergency: request.policy.body.emergency.is_some(),
        raised_from: request.raised_from.map(|id| id.to_string()),
    }
}

pub(super) fn shown(cx: &Cx, it: Detail) -> wire::Request {
    let group_members = it.members.as_deref().map(group_members);
    let conflicts = it.line.request.conflicts.iter();
    let conflicts = conflicts.map(crate::duties::conflict_shown).collect();
    let others = it.line.request.rules.question.others.iter();
    let others = others.map(|it| wire::PolicyName {
        id: it.policy.to_string(),
        name: it.name.clone(),
        number: it.number,
    });
    let others = others.collect();
    wire::Request {
        group_members,
        policy: policy(&it.line.request.policy),
        rule: it.line.request.rule().map(str::to_owned),
        step_up: super::super::step_up::word(it.line.request.step_up()),
        version: it.line.request.version,
        line: line(it.line),
        steps: it.steps.into_iter().map(step).collect(),
        others,
        waiting: it.waiting.map(|waiting| wire::Waiting {
            stuck: waiting.rules.stuck(),
            until: waiting.rules.until.map(|at| at.to_string()),
            expires: waiting.rules.expires.to_string(),
            step: waiting.rules.name,
            still: waiting.rules.still,
            who: waiting.who.iter().map(approver).collect(),
        }),
        extension: it.extension.map(|it| it.id.to_string()),
        raised_to: it.raised_to.map(|id| id.to_string()),
        conflicts,
        review: (it.review.as_ref()).map(|review| emergency::in_short(cx, review)),
        grants: it.grants.iter().map(|grant| given(cx, grant)).collect(),
        timeline: it.timeline.into_iter().map(happening).collect(),
        may: (it.may.iter())
            .filter_map(|verb| verb.as_str().split_once('.'))
            .map(|(_, word)| word.to_owned())
            .collect(),
    }
}

pub(super) fn step(it: StepView) -> wire::RequestStep {
    wire::RequestStep {
        name: it.name,
        needed: it.needed,
        policy: it.policy,
        deadline: it.deadline.map(deadline),
        state: it.standing.as_str().to_owned(),
        handed: it.handed.iter().map(handed).collect(),
        decisions: (it.decisions.into_iter())
            .map(|(by, decision)| wire::Decision {
                by: who(&by.who),
                on_behalf_of: by.on_behalf_of.as_ref().map(who),
                answer: if decision.approved { "approve" } else { "deny" }.to_owned(),
                comment: decision.comment,
                at: decision.at.to_string(),
            })
            .collect(),
    }
}

pub(super) fn approver(it: &Approver) -> wire::Approver {
    let wire::Who { id, name } = who(&it.who);
    wire::Approver {
        id,
        name,
        on_behalf_of: it.on_behalf_of.as_ref().map(who),
        away: it.away.as_ref().map(away),
        handed: it.handed.as_deref().map(handed),
    }
}

fn handed(it: &HandedOn) -> wire::Handover {
    wire::Handover {
        from: it.from.as_ref().map(who),
        to: who(&it.to),
        by: who(&it.by),
        administrator: it.administrator,
        reason: it.reason.clone(),
        at: it.at.to_string(),
    }
}

pub(super) fn away((until, delegate): &(Time, Who)) -> wire::Away {
    wire::Away {
        until: until.to_string(),
        delegate: who(delegate),
    }
}

pub(super) fn given(cx: &Cx, grant: &grants::Grant) -> wire::RequestGrant {
    wire::RequestGrant {
        id: grant.id.to_string(),
        status: grant.status(cx.now).to_string(),
        start: grant.start.to_string(),
        end: grant.end().map(|at| at.to_string()),
        until_revoked: grants::kept(grant),
    }
}

pub(super) fn happening(it: Happening) -> wire::Happening {
    let text = it.text();
    let (what, by, aws_request_id) = match it.what {
        What::Asked(by, _) => ("request.submitted".to_owned(), Some(by), None),
        What::AutoApproved => ("request.approved".to_owned(), None, None),
        What::Decided(by, d) if d.approved => ("request.decided".to_owned(), Some(by.who), None),
        What::Decided(by, _) => ("request.denied".to_owned(), Some(by.who), None),
        What::Reminded(_) => ("request.reminded".to_owned(), None, None),
        What::Late(_) => ("request.late".to_owned(), None, None),
        What::HandedOn(it) => ("request.reassigned".to_owned(), Some(it.by), None),
        What::MovedOn(_) => ("request.moved_on".to_owned(), None, None),
        What::TimedOut(_) => ("request.denied".to_owned(), None, None),
        What::Cancelled(by) => ("request.cancelled".to_owned(), Some(by), None),
        What::Said(by, _) => ("request.commented".to_owned(), Some(by), None),
        What::Grant(moment) => (moment.what, None, moment.aws_request_id),
    };
    wire::Happening {
        at: it.at.to_string(),
        what,
        text,
        by: by.as_ref().map(who),
        aws_request_id,
    }
}

pub(in crate::requests) fn who(it: &Who) -> wire::Who {
    wire::Who {
        id: it.id.to_string(),
        name: it.name.clone(),
    }
}

pub(super) fn policy(it: &PolicyVersion) -> wire::PolicyName {
    wire::PolicyName {
        id: it.policy.to_string(),
        name: it.name.clone(),
        number: it.number,
    }
}

pub(super) fn previewed(cx: &Cx, it: Preview, people: &[Approver]) -> wire::Preview {
    // What a rule asks tells of things and people that others may not know of.
    let sees_rules = cx.authorize(Verb::GetPolicy, Relation::Others).is_ok();
    let verdict = match (&it.hurdles[..], it.auto) {
        ([], true) => "auto_approved",
        ([], false) => "needs_approval",
        _ => "refused",
    };
    wire::Preview {
        verdict: verdict.to_owned(),
        refusals: (it.hurdles.into_iter())
            .map(|hurdle| wire::Refusal {
                code: hurdle.code.to_owned(),
                detail: hurdle.detail,
            })
            .collect(),
        steps: (it.steps.into_iter())
            .map(|step| explained(step, people))
            .collect(),
        others: (it.others.into_iter())
            .map(|it| other(it, people))
            .collect(),
        policy: policy(&it.offer.policy),
        beneficiary: it.beneficiary.as_ref().map(who),
        group: it.group.as_ref().map(|(group, _)| holder_group(group)),
        group_members: (it.group.as_ref()).map(|(_, members)| group_members(members)),
        max_duration_seconds: it.longest.as_seconds(),
        review_every_seconds: it.until_revoked.map(Span::as_seconds),
        reason_required: it.reason.required,
        reason_min_length: it.reason.min_length,
        ticket: super::super::ticket::asked(&it.ticket),
        step_up: super::super::step_up::word(it.step_up),
        rule: it.rule,
        emergency: crate::catalog::in_an_emergency(&it.offer),
        told: it.told.as_ref().map(BTreeSet::len),
        conflicts: (it.conflicts.iter())
            .map(crate::duties::conflict_shown)
            .collect(),
        review_within_seconds: (it.offer.policy.body.emergency.as_ref())
            .map(|emergency| emergency.within.as_seconds()),
        tried: (it.tried.into_iter())
            .map(|it| tried(it, sees_rules))
            .collect(),
    }
}

/// Of a rule; its condition only to those who see rules.
pub(in crate::requests) fn tried(it: Tried, sees_rules: bool) -> wire::TriedRule {
    wire::TriedRule {
        name: it.name,
        when: sees_rules.then(|| it.when.to_string()),
        applies: it.holds.as_ref().is_ok_and(|holds| *holds),
        problem: match it.holds {
            Ok(_) => None,
            Err(why) if sees_rules => Some(why),
            Err(_) => Some("It could not be asked.".to_owned()),
        },
    }
}

/// What happens under a policy to which a deadline leads.
pub(in crate::requests) fn other(it: ExplainedOther, people: &[Approver]) -> wire::OtherPolicy {
    wire::OtherPolicy {
        policy: wire::PolicyName {
            id: it.policy.to_string(),
            name: it.name,
            number: it.number,
        },
        rule: it.rule,
        steps: (it.steps.into_iter())
            .map(|step| explained(step, people))
            .collect(),
        denies: it.denies,
    }
}

pub(super) fn deadline(it: Deadline) -> stint_api::policies::Deadline {
    stint_api::policies::Deadline {
        after_seconds: it.after.as_seconds(),
        then: it.then.as_str().to_owned(),
        policy: it.then.policy().map(|id| id.to_string()),
    }
}

pub(in crate::requests) fn explained(it: ExplainedStep, people: &[Approver]) -> wire::PreviewStep {
    wire::PreviewStep {
        name: it.name,
        needed: it.needed,
        fallback: (people.iter())
            .filter(|it_is| it.fallback.contains(&it_is.who.id))
            .map(|it_is| who(&it_is.who))
            .collect(),
        remind_seconds: it.remind.map(Span::as_seconds),
        late_seconds: it.late.map(Span::as_seconds),
        deadline: it.deadline.map(deadline),
        wait_seconds: it.wait.map(Span::as_seconds),
        reassign: (!it.reassign.is_default()).then(|| it.reassign.as_str().to_owned()),
        approvers: (it.approvers.into_iter())
            .filter_map(|approver| {
                let user = people.iter().find(|it| it.who.id == approver.user)?;
                Some(wire::PreviewApprover {
                    user: who(&user.who),
                    away: user.away.as_ref().map(away),
                    named: approver.through.named,
                    groups: approver
                        .through
                        .groups
                        .iter()
                        .map(ToString::to_string)
                        .collect(),
                    roles: (approver.through.roles.iter())
                        .map(|role| role.as_str().to_owned())
                        .collect(),
                    condition: approver.through.condition,
                    hindrance: approver.hindrance.map(|hindrance| {
                        match hindrance {
                            Hindrance::OwnRequest => "own_request",
                            Hindrance::Delegate => "delegate_of_requester",
                            Hindrance::Unable => "unable",
                        }
                        .to_owned()
                    }),
                })
            })
            .collect(),
    }
}
