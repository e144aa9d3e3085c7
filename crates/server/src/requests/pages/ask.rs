//! Asking: the form with who will have to approve beside it, and sending it.

use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;
use stint_domain::policy::{
    ExplainedOther, ExplainedStep, Hindrance, Reassign, Refusal, SHORTEST, Then,
};
use stint_domain::{EntitlementId, RequestId, Span, UserId};

use super::super::read::{Approver, approvers};
use super::super::{Error, Hurdle, NewRequest, Preview, Probe, Request, get, preview};
use super::whose::{self, Whose};
use super::{href, number, people, sentence, step_up, ticket, view};
use crate::cx::{Cx, Denied};
use crate::http::{Failure, Fault as _, Form, Path, Query};
use crate::web::time::{input_value, parse_input, words};
use crate::web::{
    self, Chain, ChainLink, Fact, Facts, Flash, Frame, Mistakes, Note, Sent, Stage, When,
};
use crate::{catalog, directory};

/// Lengths people ask for, in minutes.
const USUAL: [i64; 12] = [
    15, 30, 60, 120, 240, 480, 720, 1_440, 2_880, 4_320, 10_080, 43_200,
];
/// How many of them are offered at once, the longest allowed always among them.
const OFFERED: usize = 5;
/// What is chosen at first, if allowed.
const FIRST: Span = Span::hours(1);
/// What the form sends for until it is revoked.
const UNTIL_REVOKED: &str = "until_revoked";
/// How many approvers of a step are named.
const NAMED: usize = 6;

/// What the form sends, and what it is filled with again when something is wrong.
#[derive(Debug, Clone, Default)]
struct AskForm {
    whose: Whose,
    /// Somebody else for whom it is.
    beneficiary: Option<UserId>,
    emergency: bool,
    duration: String,
    hours: String,
    minutes: String,
    reason: String,
    ticket: String,
    when: String,
    start: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Again {
    again: Option<RequestId>,
    #[serde(default)]
    emergency: String,
    #[serde(default)]
    beneficiary: String,
}

pub(super) async fn form(
    cx: Cx,
    frame: Frame,
    Path(id): Path<EntitlementId>,
    Query(asked): Query<Again>,
) -> Result<Response, Failure> {
    let mut filled = match asked.again {
        Some(before) => AskForm::again(&get(&cx, before).await?.line.request),
        None => AskForm::default(),
    };
    filled.emergency = asked.emergency == "yes";
    if let Some(whom) = people::named(&asked.beneficiary)? {
        filled.beneficiary = Some(whom);
        // What they may not ask for does not exist for them, and is named nowhere.
        if let Err(catalog::Error::NotFound | catalog::Error::Denied(Denied::Invisible)) =
            catalog::offer_for(&cx, Some(whom), id).await
            && may_ask_for(&cx, whom).await?
        {
            let none =
                Flash::failed("That is in none of their catalogs. This is what they may ask for.");
            return Ok(web::go_with(&people::ask_for(None, whom), &none));
        }
    }
    page(&cx, &frame, id, filled, Mistakes::none(), StatusCode::OK).await
}

pub(super) async fn submit(
    cx: Cx,
    frame: Frame,
    Path(id): Path<EntitlementId>,
    Form(sent): Form<Sent>,
) -> Result<Response, Failure> {
    let mut form = AskForm::sent(&sent);
    form.beneficiary = people::named(sent.text("beneficiary"))?;
    // Words that wait in the search for a group count only where it is for one.
    let own = form.whose.for_group != Some(true) && sent.pressed().is_none();
    if !own && !sent.to_save() {
        return page(&cx, &frame, id, form, Mistakes::none(), StatusCode::OK).await;
    }
    let wrong = StatusCode::UNPROCESSABLE_ENTITY;
    let new = match form.read(id) {
        Ok(new) => new,
        Err(mistakes) => return page(&cx, &frame, id, form, mistakes, wrong).await,
    };
    if let Some(mistakes) = step_up::given(&cx, sent.secret(step_up::FIELD)).await? {
        return page(&cx, &frame, id, form, mistakes, wrong).await;
    }
    match stint_db::retrying(|| super::super::submit(&cx, new.clone())).await {
        Ok(request) if request.state() == "approved" => Ok(web::go_with(
            &href(request.id),
            &Flash::done("Approved by the policy. It is being set up in AWS now."),
        )),
        Ok(request) if request.emergency().is_some() => Ok(web::go_with(
            &href(request.id),
            &Flash::done(
                "Sent. Those who may decide see it, and those who are told of emergencies know.",
            ),
        )),
        Ok(request) => Ok(web::go_with(
            &href(request.id),
            &Flash::done("Sent. Those who may decide see it in their approvals."),
        )),
        Err(Error::Refused(why)) => page(&cx, &frame, id, form, mistakes(&why), wrong).await,
        Err(Error::StepUp(why)) => page(&cx, &frame, id, form, step_up::missing(why), wrong).await,
        Err(
            error @ (Error::NoLinkedPrincipal { .. }
            | Error::PrincipalGone { .. }
            | Error::OwnedByDirectory { .. }
            | Error::IamSwitchedOff
            | Error::NoEmergency
            | Error::EmergencyWaits(_)
            | Error::EmergencyTwice
            | Error::RaiseInstead(_)
            | Error::Apart(_)
            | Error::Closed(_)),
        ) => {
            let mistakes = Mistakes::at("", sentence(&error.detail()));
            if matches!(error, Error::NoEmergency) {
                form.emergency = false;
            }
            page(&cx, &frame, id, form, mistakes, wrong).await
        }
        Err(error) => page(&cx, &frame, id, form, whose::mistake(error)?, wrong).await,
    }
}

impl AskForm {
    fn sent(sent: &Sent) -> Self {
        let text = |name| sent.text(name).to_owned();
        Self {
            whose: Whose::sent(sent),
            beneficiary: None,
            emergency: sent.ticked("emergency"),
            duration: text("duration"),
            hours: text("hours"),
            minutes: text("minutes"),
            reason: text("reason"),
            ticket: text("ticket"),
            when: text("when"),
            start: text("start"),
        }
    }

    /// As it was asked before; from now on, since that start is past.
    fn again(before: &Request) -> Self {
        let minutes = before.duration.as_seconds() / 60;
        let until = before.review_every.is_some();
        let usual = USUAL.contains(&minutes);
        Self {
            whose: Whose::again(before.is_for_a_group().then_some(before.pair.principal)),
            beneficiary: (before.beneficiary() != before.requester()).then(|| before.beneficiary()),
            duration: match (until, usual) {
                (true, _) => UNTIL_REVOKED.to_owned(),
                (false, true) => before.duration.as_seconds().to_string(),
                (false, false) => "other".to_owned(),
            },
            hours: match until {
                true => String::new(),
                false => (minutes / 60).to_string(),
            },
            minutes: match until {
                true => String::new(),
                false => (minutes % 60).to_string(),
            },
            reason: before.reason.clone(),
            ticket: before.ticket.clone().unwrap_or_default(),
            ..Self::default()
        }
    }

    fn read(&self, entitlement: EntitlementId) -> Result<NewRequest, Mistakes> {
        let mut mistakes = Mistakes::none();
        let duration = self.duration().unwrap_or_else(|why| {
            mistakes.add("duration", why);
            Span::ZERO
        });
        let later = self.when == "later";
        let start = later.then(|| parse_input(&self.start)).flatten();
        if later && start.is_none() {
            mistakes.add("start", "Give the day and the time, in UTC.");
        }
        let principal = self.whose.read(&mut mistakes);
        if mistakes.any() {
            return Err(mistakes);
        }
        Ok(NewRequest {
            entitlement,
            duration,
            reason: self.reason.clone(),
            ticket: Some(self.ticket.clone()),
            start,
            principal: principal.filter(|_| self.beneficiary.is_none()),
            beneficiary: self.beneficiary,
            emergency: self.emergency,
            until_revoked: self.until_revoked(),
        })
    }

    fn until_revoked(&self) -> bool {
        self.duration == UNTIL_REVOKED
    }

    /// For how long; means nothing where it is until it is revoked.
    fn duration(&self) -> Result<Span, &'static str> {
        if self.until_revoked() {
            return Ok(Span::ZERO);
        }
        if self.duration != "other" {
            let seconds: i64 = self.duration.parse().map_err(|_| "Choose for how long.")?;
            return Ok(Span::seconds(seconds));
        }
        let whole = |text: &str| match text.trim() {
            "" => Some(0),
            text => text
                .parse::<i64>()
                .ok()
                .filter(|n| (0..=100_000).contains(n)),
        };
        match (whole(&self.hours), whole(&self.minutes)) {
            (Some(0), Some(0)) => Err("Give hours, minutes or both."),
            (Some(hours), Some(minutes)) => Ok(Span::hours(hours) + Span::minutes(minutes)),
            _ => Err("Hours and minutes are whole numbers, as in 1 h 30 min."),
        }
    }
}

/// Refusals of the policy, each at its field.
fn mistakes(why: &[Refusal]) -> Mistakes {
    let mut mistakes = Mistakes::none();
    for refusal in why {
        let field = match refusal {
            Refusal::DurationOverPolicy { .. }
            | Refusal::DurationTooShort { .. }
            | Refusal::UntilRevoked { .. } => "duration",
            Refusal::ReasonRequired
            | Refusal::ReasonTooShort { .. }
            | Refusal::ReasonTooLong { .. } => "reason",
            Refusal::TicketRequired { .. }
            | Refusal::TicketMismatch { .. }
            | Refusal::TicketMalformed => "ticket",
            Refusal::StartInPast { .. }
            | Refusal::StartTooFar { .. }
            | Refusal::StartInEmergency => "start",
            Refusal::NoPossibleApprover { .. }
            | Refusal::NobodyTold
            | Refusal::AutoDenied { .. }
            | Refusal::Unanswered { .. } => "",
        };
        mistakes.add(field, sentence(&refusal.to_string()));
    }
    mistakes
}

/// The form, as it was filled, with what the policy says about it.
async fn page(
    cx: &Cx,
    frame: &Frame,
    id: EntitlementId,
    mut filled: AskForm,
    mut mistakes: Mistakes,
    status: StatusCode,
) -> Result<Response, Failure> {
    let for_a_time = !filled.duration.is_empty() && !filled.until_revoked();
    let length = for_a_time.then(|| filled.duration());
    let mut probe = Probe {
        entitlement: id,
        duration: length.and_then(Result::ok),
        reason: None,
        ticket: None,
        start: None,
        principal: filled
            .whose
            .group()
            .filter(|_| filled.beneficiary.is_none()),
        beneficiary: filled.beneficiary,
        emergency: filled.emergency,
        until_revoked: filled.until_revoked(),
    };
    let mut found = preview(cx, probe.clone()).await?;
    let special = !found.offer.policy.body.rules.is_empty();
    if special && probe.duration.is_none() && !probe.until_revoked {
        // Which rule applies may hang on the length: the one that is chosen at first.
        let all = choices(found.offer.max_duration, "");
        let first = all.iter().find(|choice| choice.chosen);
        let seconds = first.and_then(|choice| choice.value.parse().ok());
        probe.duration = seconds.map(Span::seconds);
        found = preview(cx, probe).await?;
    }
    let hurdle = found.hurdles.iter().find(|hurdle| stops(hurdle));
    let mut blocked = None;
    if let Some(hurdle) = hurdle {
        if found.for_groups && of_the_holder(hurdle) {
            // Another holder may be chosen.
            if filled.whose.group().is_some() {
                if !mistakes.has("group") {
                    mistakes.add("group", hurdle.detail.clone());
                }
            } else if filled.whose.for_group.is_none() {
                filled.whose.for_group = Some(true);
            } else if filled.whose.for_group == Some(false) && !mistakes.has("") {
                mistakes.add("", sentence(&hurdle.detail));
            }
        } else {
            // Under a policy with rules another length, or another holder, may be allowed.
            if special && of_the_rules(hurdle) {
                if !mistakes.has("") {
                    mistakes.add("", sentence(&hurdle.detail));
                }
            } else {
                blocked = Some(Note::refusal(sentence(&hurdle.detail)));
            }
        }
    }
    let whose = filled.whose.control(cx, id, &found, &mistakes).await?;
    let people = approvers(cx, &found.steps, &found.others).await?;
    let password = step_up::field(cx, found.step_up.at_asking(), &mistakes).await?;
    // Another length, or another start, may be under another rule: of this policy, or of one to which a
    // deadline leads.
    let ruled = special || found.others.iter().any(|other| other.rule.is_some());
    let longest = match ruled {
        true => found.offer.max_duration,
        false => found.longest.max(SHORTEST),
    };
    let may_last = found.offer.until_revoked && (ruled || found.until_revoked.is_some());
    let other = filled.duration == "other";
    let entitlement = &found.offer.entitlement;
    let view = view::Ask {
        action: format!("/request/{id}"),
        emergency: emergency_note(&found),
        way_in: (found.offer.emergency_max()).map(|longest| {
            let whom = found.beneficiary.as_ref();
            let whom = whom.map_or_else(String::new, |it| format!("&beneficiary={}", it.id));
            (format!("/request/{id}?emergency=yes{whom}"), words(longest))
        }),
        whom: people::whom(&found),
        others: found.for_others.then(|| people::place(Some(id))),
        what: entitlement.name.clone(),
        longest: words(found.longest.max(SHORTEST)),
        special,
        choices: choices(longest, &filled.duration),
        may_last,
        until_revoked: filled.until_revoked(),
        other,
        hours: filled.hours,
        minutes: filled.minutes,
        reason_wanted: found.reason.required,
        ticket: ticket::field(&found.ticket.alone(), &filled.ticket, &mistakes),
        password,
        reason: filled.reason,
        later: filled.when == "later",
        start: filled.start,
        earliest: input_value(cx.now),
        now: When::exact(cx.now),
        mistakes,
        whose,
        verdict: verdict(&found, &people, cx),
        facts: Facts {
            facts: facts(&found),
        },
        blocked,
    };
    Ok(web::page_with(status, frame, "Request access", &view))
}

/// What emergency access means, where it is asked for.
fn emergency_note(found: &Preview) -> Option<Note> {
    let emergency = found.offer.policy.body.emergency.as_ref()?;
    let told = match found
        .told
        .as_ref()
        .map_or(0, std::collections::BTreeSet::len)
    {
        1 => "One person is told at once".to_owned(),
        n => format!("{n} people are told at once"),
    };
    Some(Note::warning(format!(
        "You ask for emergency access. {told}, with your reason, and somebody reviews within {} whether it was justified.",
        words(emergency.within)
    )))
}

/// The usual lengths that are allowed, the longest allowed always among them.
fn choices(longest: Span, chosen: &str) -> Vec<view::Choice> {
    let mut lengths: Vec<Span> = USUAL
        .iter()
        .map(|minutes| Span::minutes(*minutes))
        .collect();
    lengths.retain(|length| *length < longest && *length >= SHORTEST);
    let skip = lengths.len().saturating_sub(OFFERED - 1);
    let mut lengths: Vec<Span> = lengths.into_iter().skip(skip).collect();
    lengths.push(longest);
    let first = lengths.iter().rev().find(|length| **length <= FIRST);
    let first = first.or(lengths.first()).copied().unwrap_or(longest);
    lengths
        .into_iter()
        .map(|length| {
            let value = length.as_seconds().to_string();
            view::Choice {
                chosen: if chosen.is_empty() {
                    length == first
                } else {
                    value == chosen
                },
                word: words(length),
                value,
            }
        })
        .collect()
}

/// Whether the caller may ask for this person.
async fn may_ask_for(cx: &Cx, whom: UserId) -> Result<bool, Error> {
    let found = catalog::asks_for(cx, &mut cx.read().await?, Some(whom)).await;
    Ok(found.is_ok_and(|it| it.is_some()))
}

/// Whether it stops everything: what a field of the form can mend does not.
fn stops(hurdle: &Hurdle) -> bool {
    !(hurdle.code.starts_with("reason_")
        || hurdle.code.starts_with("ticket_")
        || hurdle.code.starts_with("duration_")
        || hurdle.code.starts_with("start_"))
}

/// Whether it hangs on the rule that applies, and so on what is asked for.
fn of_the_rules(hurdle: &Hurdle) -> bool {
    matches!(
        hurdle.code,
        "denied_by_policy" | "rule_unanswered" | "no_possible_approver"
    )
}

/// Whether it is about who would hold it, so that somebody else could.
fn of_the_holder(hurdle: &Hurdle) -> bool {
    matches!(
        hurdle.code,
        "no_linked_principal"
            | "duties_apart"
            | "principal_gone"
            | "no_possible_approver"
            | "unknown_principal"
            | "not_a_group"
            | "group_gone"
    )
}

fn facts(found: &Preview) -> Vec<Fact> {
    let mut facts = whose::facts(found);
    if let Some(every) = found.until_revoked {
        let said = format!("reviewed every {}", words(every));
        facts.push(Fact::new("Until revoked", said).faint(
            "its owners say then whether it is still needed; it ends where they do not within 14 days",
        ));
    }
    facts.extend(people::fact(found));
    facts.extend(directory::entitlement_facts(&found.offer.entitlement));
    facts
}

fn verdict(found: &Preview, people: &[Approver], cx: &Cx) -> view::Verdict {
    let policy = &found.offer.policy;
    let asked = found.steps.iter().filter(|step| step.wait.is_none());
    let needed: u32 = asked.map(|step| step.needed).sum();
    let title = match (found.steps.len(), needed) {
        (0, _) if found.auto => "Nobody: it is approved at once".to_owned(),
        (0, _) => "Nobody: it cannot be asked for like this".to_owned(),
        (_, 1) => "One person".to_owned(),
        (1, n) => format!("{} people", sentence(&number(n)).trim_end_matches('.')),
        (_, n) => format!(
            "{} people, step by step",
            sentence(&number(n)).trim_end_matches('.')
        ),
    };
    let mut notes = super::apart::notes(&found.conflicts);
    notes.extend(step_up::note(found.step_up));
    notes.extend(other_notes(&found.others, people, cx));
    view::Verdict {
        title,
        why: match &found.group {
            Some((group, _)) => format!(
                "The policy “{}”, version {}, decides about this. Nobody in the group {} does.",
                policy.name, policy.number, group.name
            ),
            None => format!(
                "The policy “{}”, version {}, decides about this{}.",
                policy.name,
                policy.number,
                match &found.rule {
                    Some(rule) => format!(", by its rule “{rule}”"),
                    None => String::new(),
                }
            ),
        },
        chain: chain(&found.steps, &found.others, people, cx),
        notes,
    }
}

/// Who would have to approve, step by step.
pub(in crate::requests) fn chain(
    steps: &[ExplainedStep],
    others: &[ExplainedOther],
    people: &[Approver],
    cx: &Cx,
) -> Chain {
    let links = steps.iter().enumerate();
    Chain {
        links: links
            .map(|(at, step)| chain_link(at, step, others, people, cx))
            .collect(),
    }
}

/// What happens under each policy to which a deadline leads.
pub(in crate::requests) fn other_notes(
    others: &[ExplainedOther],
    people: &[Approver],
    cx: &Cx,
) -> Vec<Note> {
    let note = |it: &ExplainedOther| {
        let name = &it.name;
        if it.denies.is_some() {
            return format!(
                "Where a deadline leads to the policy “{name}”, it is denied: nobody is asked there."
            );
        }
        let steps: Vec<String> = (it.steps.iter().enumerate())
            .map(|(at, step)| {
                let link = chain_link(at, step, &[], people, cx);
                let more = [link.who, link.detail].into_iter();
                let more: Vec<String> = more.filter(|it| !it.is_empty()).collect();
                match more.is_empty() {
                    true => link.title,
                    false => format!("{} ({})", link.title, more.join("; ")),
                }
            })
            .collect();
        format!(
            "Where a deadline leads to the policy “{name}”, version {}, it goes on there: {}. As many approvals are needed from there on as the larger of the two policies wants; nobody counts twice.",
            it.number,
            steps.join(", then ")
        )
    };
    others.iter().map(|it| Note::info(note(it))).collect()
}

/// What happens in a step, and when by itself.
fn step_detail(step: &ExplainedStep, own: bool, others: &[ExplainedOther]) -> String {
    let mut said = Vec::new();
    if own {
        said.push("not you: nobody decides about their own request".to_owned());
    }
    match step.reassign {
        Reassign::Approvers => {}
        Reassign::Administrators => said.push("only administrators hand it on".to_owned()),
        Reassign::Nobody => said.push("nobody hands it on".to_owned()),
    }
    if let Some(late) = step.late {
        said.push(format!("others too after {}", words(late)));
    }
    if let Some(deadline) = step.deadline {
        said.push(format!(
            "{} after {}",
            match deadline.then {
                Then::Deny => "denied".to_owned(),
                Then::NextStep => "moves on".to_owned(),
                Then::OtherPolicy(policy) => {
                    let other = others.iter().find(|it| it.policy == policy);
                    let name = other.map_or("another policy", |it| it.name.as_str());
                    format!("goes on under “{name}”")
                }
            },
            words(deadline.after)
        ));
    }
    said.join("; ")
}

fn chain_link(
    at: usize,
    step: &ExplainedStep,
    others: &[ExplainedOther],
    people: &[Approver],
    cx: &Cx,
) -> ChainLink {
    if let Some(wait) = step.wait {
        return ChainLink {
            stage: if at == 0 { Stage::Now } else { Stage::Later },
            title: step.name.clone(),
            who: String::new(),
            detail: format!("waits {}", words(wait)),
        };
    }
    let name = |user| {
        let found = people.iter().find(|it| it.who.id == user);
        found.map_or_else(|| user.to_string(), Approver::words)
    };
    let able = step
        .approvers
        .iter()
        .filter(|approver| approver.hindrance.is_none());
    let names: Vec<String> = able.map(|approver| name(approver.user)).collect();
    let mut who = names
        .iter()
        .take(NAMED)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    if names.len() > NAMED {
        who.push_str(&format!(" and {} more", names.len() - NAMED));
    }
    let me = cx.actor.user();
    let own = step.approvers.iter().any(|approver| {
        approver.hindrance == Some(Hindrance::OwnRequest) && Some(approver.user) == me
    });
    ChainLink {
        stage: if at == 0 { Stage::Now } else { Stage::Later },
        title: sentence(&super::step_words(step.needed, &step.name))
            .trim_end_matches('.')
            .to_owned(),
        who,
        detail: step_detail(step, own, others),
    }
}

/// For the tests: which lengths are offered.
#[cfg(test)]
fn offered(longest: Span) -> Vec<String> {
    choices(longest, "")
        .into_iter()
        .map(|choice| choice.word)
        .collect()
}

#[cfg(test)]
mod tests {
    use stint_domain::Time;

    use super::*;

    fn id() -> EntitlementId {
        EntitlementId(uuid::Uuid::from_u128(1))
    }

    #[test]
    fn the_longest_is_always_offered_and_nothing_longer() {
        assert_eq!(
            offered(Span::hours(4)),
            ["15 min", "30 min", "1 h", "2 h", "4 h"]
        );
        assert_eq!(
            offered(Span::hours(8)),
            ["30 min", "1 h", "2 h", "4 h", "8 h"]
        );
        assert_eq!(offered(Span::minutes(10)), ["10 min"]);
        assert_eq!(
            offered(Span::minutes(90)),
            ["15 min", "30 min", "1 h", "1 h 30 min"]
        );
    }

    #[test]
    fn one_choice_is_made_already() {
        let chosen = |longest, sent: &str| -> Vec<String> {
            let chosen = choices(longest, sent)
                .into_iter()
                .filter(|choice| choice.chosen);
            chosen.map(|choice| choice.word).collect()
        };
        assert_eq!(chosen(Span::hours(4), ""), ["1 h"]);
        assert_eq!(chosen(Span::minutes(10), ""), ["10 min"]);
        assert_eq!(chosen(Span::hours(4), "7200"), ["2 h"]);
        assert_eq!(chosen(Span::hours(4), "other"), Vec::<String>::new());
    }

    #[test]
    fn a_length_of_ones_own_is_read() {
        let form = |duration: &str, hours: &str, minutes: &str| AskForm {
            duration: duration.into(),
            hours: hours.into(),
            minutes: minutes.into(),
            ..AskForm::default()
        };
        assert_eq!(form("3600", "", "").duration(), Ok(Span::hours(1)));
        assert_eq!(form("other", "1", "30").duration(), Ok(Span::minutes(90)));
        assert_eq!(form("other", "", " 45 ").duration(), Ok(Span::minutes(45)));
        for (hours, minutes) in [("", ""), ("0", "0"), ("-1", ""), ("1.5", ""), ("x", "1")] {
            assert!(
                form("other", hours, minutes).duration().is_err(),
                "{hours} {minutes}"
            );
        }
        assert!(form("", "", "").duration().is_err());
    }

    #[test]
    fn a_later_start_needs_a_time() {
        let form = |start: &str| AskForm {
            duration: "3600".into(),
            when: "later".into(),
            start: start.into(),
            ..AskForm::default()
        };
        let start: Time = "2026-11-23T14:12:00Z".parse().expect("a time");
        let read = form("2026-11-23T14:12").read(id()).expect("it is sound");
        assert_eq!(read.start, Some(start));
        assert!(form("").read(id()).expect_err("no time").has("start"));
    }

    #[test]
    fn each_refusal_is_said_at_its_field() {
        let over = Refusal::DurationOverPolicy {
            asked: Span::hours(9),
            longest: Span::hours(4),
        };
        let said = mistakes(&[over, Refusal::ReasonRequired]);
        assert_eq!(
            said.of("duration"),
            Some("9 h is longer than the 4 h allowed here: ask for 4 h or less.")
        );
        assert!(said.has("reason"));
        assert!(!said.has("start"));
    }
}
