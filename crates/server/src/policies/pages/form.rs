//! The form of a version: read from what was sent, and shown again as it was filled.

use axum::response::Response;
use http::StatusCode;
use stint_domain::condition::Condition;
use stint_domain::policy::{MAX_RULES, PolicyBody, ReasonRule, Rule, UntilRevoked};
use stint_domain::{PolicyId, Span};

use super::super::{Error, LONGEST_NAME, LONGEST_NOTE, NewVersion, Policy, PolicyVersion};
use super::{href, mistake, view, words};
use crate::cx::Cx;
use crate::http::Failure;
use crate::identity;
use crate::web::fields::{Choice, Field, Length, Meanwhile, Part, Several, Tick};
use crate::web::{self, Frame, Mistakes, Sent};
use emergency::EmergencyFilled;
use route::RouteFilled;
use step_up::StepUpFilled;
use ticket::TicketFilled;

mod emergency;
mod route;
mod step_up;
mod ticket;

/// What stands in the form.
#[derive(Clone, Default)]
pub(super) struct Filled {
    pub(super) name: String,
    rules: Vec<RuleFilled>,
    route: RouteFilled,
    max: (String, String),
    length: Option<Result<Option<Span>, &'static str>>,
    until: String,
    reason: bool,
    min_length: String,
    ticket: TicketFilled,
    step_up: StepUpFilled,
    own: bool,
    open: (String, String),
    open_for: Option<Result<Option<Span>, &'static str>>,
    zone: String,
    emergency: EmergencyFilled,
    note: String,
}

/// What stands in the form of a rule.
#[derive(Clone)]
struct RuleFilled {
    name: String,
    when: String,
    route: RouteFilled,
    max: (String, String),
    length: Result<Option<Span>, &'static str>,
    until: String,
    reason: String,
    min_length: String,
    ticket: TicketFilled,
    step_up: StepUpFilled,
}

impl Default for RuleFilled {
    fn default() -> Self {
        Self {
            name: String::new(),
            when: String::new(),
            route: RouteFilled::default(),
            max: Length::values(None),
            length: Ok(None),
            until: String::new(),
            reason: String::new(),
            min_length: String::new(),
            ticket: TicketFilled::default(),
            step_up: StepUpFilled::default(),
        }
    }
}

/// What stands before the names of a rule's fields.
fn of_rule(at: usize) -> String {
    format!("rule{at}.")
}

/// Moves and removes what a button says.
fn arrange<T>(all: &mut Vec<T>, what: &str, at: &str) {
    let at: usize = at.parse().unwrap_or(usize::MAX);
    match what {
        "drop" if at < all.len() => {
            all.remove(at);
        }
        "up" if at > 0 && at < all.len() => all.swap(at - 1, at),
        "down" if at.checked_add(1).is_some_and(|next| next < all.len()) => all.swap(at, at + 1),
        _ => {}
    }
}

/// The field of the form for one of the API.
pub(super) fn field_of(api: &str) -> String {
    let indexed = |text: &str, word: &str| {
        let rest = text.strip_prefix(word)?.strip_prefix('[')?;
        let (at, rest) = rest.split_once("].")?;
        Some((at.to_owned(), rest.to_owned()))
    };
    let (mut out, mut rest) = (String::new(), api.to_owned());
    if let Some((at, inner)) = indexed(&rest, "rules") {
        out = format!("rule{at}.");
        rest = inner;
    }
    if let Some((at, inner)) = indexed(&rest, "steps") {
        out = format!("{out}step{at}.");
        rest = inner;
    }
    let word = match rest.as_str() {
        "max_duration_seconds" => "max",
        "until_revoked.review_every_days" => "until",
        "open_for_seconds" => "open",
        "reason.min_length" => "min_length",
        "reason.required" => "reason",
        "emergency.tell" => "tell",
        "emergency.review" => "review",
        "emergency.within_seconds" => "within",
        "auto_deny" => "deny",
        "ticket.pattern" => "ticket_pattern",
        "ticket.hint" => "ticket_hint",
        "ticket.link" => "ticket_link",
        "wait_seconds" => "wait",
        "remind_seconds" => "remind",
        "late_seconds" => "late",
        "deadline.after_seconds" => "deadline",
        "deadline.then" => "then",
        "deadline.policy" => "other",
        other => other,
    };
    format!("{out}{word}")
}

impl RuleFilled {
    fn of(at: usize, rule: &Rule) -> Self {
        Self {
            name: rule.name.clone(),
            when: rule.when.to_string(),
            route: RouteFilled::of(&of_rule(at), &rule.route),
            max: Length::values(rule.max_duration),
            length: Ok(rule.max_duration),
            until: rule.until_revoked.map(days).unwrap_or_default(),
            reason: match rule.reason {
                None => "policy",
                Some(reason) if reason.required => "needed",
                Some(_) => "not_needed",
            }
            .to_owned(),
            min_length: shortest(rule.reason.unwrap_or_default()),
            ticket: TicketFilled::of(rule.ticket.as_ref()),
            step_up: StepUpFilled::of(rule.step_up),
        }
    }

    fn sent(sent: &Sent, at: usize) -> Self {
        let of = of_rule(at);
        let text = |name: &str| sent.text(&format!("{of}{name}")).to_owned();
        Self {
            name: text("name"),
            when: text("when"),
            route: RouteFilled::sent(sent, &of),
            max: (text("max"), text("max.unit")),
            length: sent.length(&format!("{of}max")),
            until: text("until"),
            reason: text("reason"),
            min_length: text("min_length"),
            ticket: TicketFilled::sent(sent, &of),
            step_up: StepUpFilled::sent(sent, &of),
        }
    }

    fn read(&self, at: usize, mistakes: &mut Mistakes) -> Rule {
        let of = of_rule(at);
        let max_duration = self.length.unwrap_or_else(|why| {
            mistakes.add(format!("{of}max"), why);
            None
        });
        let min_length = whole(&self.min_length, &format!("{of}min_length"), mistakes);
        let until_revoked = until(&self.until, &format!("{of}until"), mistakes);
        Rule {
            name: self.name.clone(),
            when: Condition::new(&self.when),
            route: self.route.read(mistakes),
            max_duration,
            until_revoked,
            reason: match self.reason.as_str() {
                "needed" => Some(ReasonRule {
                    required: true,
                    min_length,
                }),
                "not_needed" => Some(ReasonRule::default()),
                _ => None,
            },
            ticket: self.ticket.read(),
            step_up: self.step_up.read(&of, mistakes),
        }
    }

    async fn form(
        &self,
        cx: &Cx,
        at: usize,
        last: bool,
        action: &str,
        mistakes: &Mistakes,
        others: &route::Others,
    ) -> Result<view::RuleForm, identity::Error> {
        let of = of_rule(at);
        let field = |name: &str| format!("{of}{name}");
        let reason = [
            ("policy", "As the policy says"),
            ("needed", "Needed"),
            ("not_needed", "Not needed"),
        ];
        let reason = reason.map(|(word, said)| {
            let chosen = self.reason == word || (word == "policy" && self.reason.is_empty());
            Choice::new(word, said).chosen(chosen)
        });
        Ok(view::RuleForm {
            at,
            number: at + 1,
            last,
            parts: vec![
                Field::line(field("name"), "Name of the rule")
                    .hint("What people see, such as “Production at night”.")
                    .value(&self.name)
                    .needed()
                    .longest(80)
                    .wrong(mistakes)
                    .into(),
                Field::text(field("when"), "It applies when")
                    .hint("A condition in Cedar: resource.name like \"* on prod-*\" && context.minutes > 60. principal is who asks, resource what is asked for; the guide lists what there is.")
                    .value(&self.when)
                    .needed()
                    .longest(stint_domain::condition::LONGEST)
                    .mono()
                    .wrong(mistakes)
                    .into(),
            ],
            route: self.route.form(cx, action, mistakes, others).await?,
            rest: vec![
                Length::new(field("max"), "Longest access")
                    .hint("Empty: as the policy says.")
                    .value(self.max.clone())
                    .wrong(mistakes)
                    .into(),
                Field::number(field("until"), "Until revoked, asked again every so many days")
                    .hint("1 to 365; 0: not here. Empty: as the policy says, but not where it is approved at once.")
                    .value(&self.until)
                    .wrong(mistakes)
                    .into(),
                Several::one(field("reason"), "A reason", reason.into())
                    .wrong(mistakes)
                    .into(),
                Field::number(field("min_length"), "Shortest reason, in characters")
                    .hint("Counts only where one is needed here.")
                    .value(&self.min_length)
                    .wrong(mistakes)
                    .into(),
                self.step_up.form(&of, mistakes).into(),
            ],
            ticket: self.ticket.form(&of, mistakes),
        })
    }
}

/// The least number of characters as it stands in a field.
fn shortest(reason: ReasonRule) -> String {
    match reason.min_length {
        0 => String::new(),
        n => n.to_string(),
    }
}

/// How often it is asked again as it stands in a field: in days, 0 for never.
fn days(said: UntilRevoked) -> String {
    let every = said.every().unwrap_or(Span::ZERO);
    (every.as_seconds() / Span::hours(24).as_seconds()).to_string()
}

/// What such a field says; nothing where nothing stands.
fn until(text: &str, field: &str, mistakes: &mut Mistakes) -> Option<UntilRevoked> {
    if text.is_empty() {
        return None;
    }
    let every = match whole(text, field, mistakes) {
        0 => None,
        days => Some(Span::hours(i64::from(days).saturating_mul(24))),
    };
    Some(UntilRevoked::of(every))
}

/// A whole number; 0 where nothing stands.
fn whole(text: &str, field: &str, mistakes: &mut Mistakes) -> u32 {
    if text.is_empty() {
        return 0;
    }
    text.parse().unwrap_or_else(|_| {
        mistakes.add(field.to_owned(), "Give a whole number, or leave it empty.");
        0
    })
}

impl Filled {
    /// A new policy: one step to be filled, a reason wanted.
    pub(super) fn fresh() -> Self {
        Self {
            route: RouteFilled::fresh(""),
            max: ("4".to_owned(), "hours".to_owned()),
            open: Length::values(None),
            reason: true,
            zone: "UTC".to_owned(),
            ..Self::default()
        }
    }

    /// As the latest version is; its note is the next author's to write.
    pub(super) fn of(version: &PolicyVersion) -> Self {
        let body = &version.body;
        let rules = body.rules.iter().enumerate();
        Self {
            name: version.name.clone(),
            rules: rules.map(|(at, rule)| RuleFilled::of(at, rule)).collect(),
            route: RouteFilled::of("", &body.route),
            max: Length::values(Some(body.max_duration)),
            length: None,
            until: match body.until_revoked {
                UntilRevoked::Never => String::new(),
                said => days(said),
            },
            reason: body.reason.required,
            min_length: shortest(body.reason),
            ticket: TicketFilled::of(Some(&body.ticket)),
            step_up: StepUpFilled::of(Some(body.step_up)),
            own: body.allow_self_approval,
            open: Length::values(body.open_for),
            open_for: None,
            zone: body.zone.clone(),
            emergency: EmergencyFilled::of(body.emergency.as_ref()),
            note: String::new(),
        }
    }

    pub(super) fn sent(sent: &Sent) -> Self {
        let count: usize = sent.text("rules").parse().unwrap_or(0);
        let mut rules: Vec<RuleFilled> = (0..count.min(MAX_RULES))
            .map(|at| RuleFilled::sent(sent, at))
            .collect();
        if let Some((what, at)) = sent.pressed()
            && let Some(what) = what.strip_prefix("rules.")
        {
            if what == "add" && rules.len() < MAX_RULES {
                rules.push(RuleFilled {
                    route: RouteFilled::fresh(&of_rule(rules.len())),
                    ..RuleFilled::default()
                });
            } else {
                arrange(&mut rules, what, at);
                for (at, rule) in rules.iter_mut().enumerate() {
                    rule.route.rename(&of_rule(at));
                }
            }
        }
        Self {
            name: sent.text("name").to_owned(),
            rules,
            route: RouteFilled::sent(sent, ""),
            max: (
                sent.text("max").to_owned(),
                sent.text("max.unit").to_owned(),
            ),
            length: Some(sent.length("max")),
            until: sent.text("until").to_owned(),
            reason: sent.ticked("reason"),
            min_length: sent.text("min_length").to_owned(),
            ticket: TicketFilled::sent(sent, ""),
            step_up: StepUpFilled::sent(sent, ""),
            own: sent.ticked("own"),
            open: (
                sent.text("open").to_owned(),
                sent.text("open.unit").to_owned(),
            ),
            open_for: Some(sent.length("open")),
            zone: sent.text("zone").to_owned(),
            emergency: EmergencyFilled::sent(sent),
            note: sent.text("note").to_owned(),
        }
    }

    /// The version it stands for; whether it may be written is asked afterwards.
    pub(super) fn read(&self) -> Result<NewVersion, Mistakes> {
        let mut mistakes = Mistakes::none();
        let max_duration = match self.length {
            Some(Ok(Some(span))) => span,
            Some(Ok(None)) | None => {
                mistakes.add("max", "Give the longest time access may last.");
                Span::ZERO
            }
            Some(Err(why)) => {
                mistakes.add("max", why);
                Span::ZERO
            }
        };
        let open_for = self.open_for.unwrap_or(Ok(None)).unwrap_or_else(|why| {
            mistakes.add("open", why);
            None
        });
        let min_length = whole(&self.min_length, "min_length", &mut mistakes);
        let until_revoked = until(&self.until, "until", &mut mistakes).unwrap_or_default();
        let rules = self.rules.iter().enumerate();
        let rules = rules
            .map(|(at, rule)| rule.read(at, &mut mistakes))
            .collect();
        let route = self.route.read(&mut mistakes);
        let emergency = self.emergency.read(&mut mistakes);
        let step_up = self.step_up.read("", &mut mistakes);
        // Emergency access always needs one: a box that is not ticked says nothing then.
        let required = self.reason || emergency.is_some();
        if mistakes.any() {
            return Err(mistakes);
        }
        Ok(NewVersion {
            body: PolicyBody {
                rules,
                route,
                max_duration,
                until_revoked,
                reason: ReasonRule {
                    required,
                    // A length without a reason says nothing: a box that is not ticked wins.
                    min_length: if required { min_length } else { 0 },
                },
                ticket: self.ticket.read().unwrap_or_default(),
                step_up: step_up.unwrap_or_default(),
                allow_self_approval: self.own,
                open_for,
                zone: match self.zone.as_str() {
                    "" => "UTC".to_owned(),
                    zone => zone.to_owned(),
                },
                emergency,
            },
            note: self.note.clone(),
        })
    }
}

/// What `after` changes about `before`, in words.
pub(super) async fn compared(
    cx: &Cx,
    before: &PolicyBody,
    after: &PolicyBody,
) -> Result<Vec<(String, String, String)>, Error> {
    let names = words::Names::of(&mut cx.read().await?, [before, after]).await?;
    Ok(words::changes(
        &words::rules(before, &names),
        &words::rules(after, &names),
    ))
}

/// The form with what is to be said about it.
pub(super) struct Shown {
    pub(super) filled: Filled,
    pub(super) mistakes: Mistakes,
    pub(super) meanwhile: Option<Meanwhile>,
    preview: Option<Vec<(String, String, String)>>,
}

impl Shown {
    pub(super) fn new(filled: Filled) -> Self {
        Self {
            filled,
            mistakes: Mistakes::none(),
            meanwhile: None,
            preview: None,
        }
    }

    /// Where a look at what it changes was asked for: that, and what is wrong with it.
    pub(super) async fn look(
        &mut self,
        cx: &Cx,
        sent: &Sent,
        now: Option<&Policy>,
    ) -> Result<(), Error> {
        if sent.pressed().is_none_or(|(what, _)| what != "look") {
            return Ok(());
        }
        let new = match self.filled.read() {
            Ok(new) => new,
            Err(mistakes) => {
                self.mistakes = mistakes;
                return Ok(());
            }
        };
        let changes = match now {
            Some(now) => compared(cx, &now.latest.body, &new.body).await?,
            None => {
                let names = words::Names::of(&mut cx.read().await?, [&new.body]).await?;
                words::changes(&[], &words::rules(&new.body, &names))
            }
        };
        self.preview = Some(changes);
        if let Err(error) = super::super::check_version(cx, now.map(|now| now.id), &new).await {
            self.mistakes = mistake(cx, error, &self.filled).await?;
        }
        Ok(())
    }

    pub(super) async fn answer(
        self,
        cx: &Cx,
        frame: &Frame,
        of: Option<&Policy>,
        status: StatusCode,
    ) -> Result<Response, Failure> {
        let (action, back) = of.map_or_else(
            || ("/policies/new".to_owned(), "/policies".to_owned()),
            |policy| (format!("{}/edit", href(policy.id)), href(policy.id)),
        );
        let Self {
            filled,
            mistakes,
            meanwhile,
            preview,
        } = self;
        // What is for emergencies, and the policy itself, are no places to go on.
        let others: Vec<(PolicyId, String)> = (super::super::all(cx).await?.into_iter())
            .filter(|it| it.latest.body.emergency.is_none())
            .filter(|it| of.is_none_or(|own| own.id != it.id))
            .map(|it| (it.id, it.name))
            .collect();
        let mut rules = Vec::with_capacity(filled.rules.len());
        for (at, rule) in filled.rules.iter().enumerate() {
            let last = at + 1 == filled.rules.len();
            let form = rule.form(cx, at, last, &action, &mistakes, &others);
            rules.push(form.await?);
        }
        let route = (filled.route.form(cx, &action, &mistakes, &others)).await?;
        let exists = of.is_some();
        let was = of.is_some_and(|policy| policy.latest.body.emergency.is_some());
        let emergency = match exists && !was {
            true => Vec::new(),
            false => {
                let of = &filled.emergency;
                of.form(cx, exists, &action, &mistakes).await?
            }
        };
        let name = of.is_none().then(|| {
            Field::line("name", "Name")
                .hint("As administrators and requesters read it, such as “Production admin”.")
                .value(&filled.name)
                .required()
                .longest(LONGEST_NAME)
                .wrong(&mistakes)
                .into()
        });
        let page = view::PolicyForm {
            crumb: of.map_or_else(
                || ("/policies".to_owned(), "Policies".to_owned()),
                |policy| (back.clone(), policy.name.clone()),
            ),
            title: if of.is_some() {
                "New version".to_owned()
            } else {
                "New policy".to_owned()
            },
            exists,
            replay: of.map(|policy| format!("{}/replay", href(policy.id))),
            for_emergencies: was,
            emergency,
            version: of.map(|policy| policy.version),
            rules_wrong: mistakes.all_of("rules").map(str::to_owned).collect(),
            may_add_rule: rules.len() < MAX_RULES,
            rest: rest(&filled, &mistakes),
            ticket: filled.ticket.form("", &mistakes),
            rules,
            route,
            action,
            mistakes,
            meanwhile,
            preview,
            name,
            back,
        };
        Ok(web::page_with(status, frame, &page.title, &page))
    }
}

/// The fields below the steps.
fn rest(filled: &Filled, mistakes: &Mistakes) -> Vec<Part> {
    vec![
        Length::new("max", "Longest access")
            .hint("Nobody can ask for more under this policy. An entitlement can have a shorter limit of its own.")
            .value(filled.max.clone())
            .required()
            .wrong(mistakes)
            .into(),
        Field::number("until", "Until revoked, asked again every so many days")
            .hint("1 to 365. Empty: access is had for a time only. Otherwise it may be had until it is revoked where the time limit of what is asked for is off; so often its owners are asked whether it is still needed, and it ends where nobody says so within 14 days. Not for emergency access.")
            .value(&filled.until)
            .wrong(mistakes)
            .into(),
        Tick::new("reason", "A reason must be given", filled.reason)
            .hint("Who decides reads it, and it stays in the audit log.")
            .into(),
        Field::number("min_length", "Shortest reason, in characters")
            .hint("Counts only where a reason must be given.")
            .value(&filled.min_length)
            .wrong(mistakes)
            .into(),
        Tick::new(
            "own",
            "Who asks may decide about their own request",
            filled.own,
        )
        .hint("Only where they are an approver anyhow. Leave it off, unless one person alone is on call.")
        .into(),
        filled.step_up.form("", mistakes).into(),
        Length::new("open", "A request expires unanswered after")
            .hint("From when it was asked, whatever step it waits at: 30 days, unless you say otherwise. How long access lasts is another matter.")
            .value(filled.open.clone())
            .wrong(mistakes)
            .into(),
        Field::line("zone", "Time zone")
            .hint("In which conditions mean their hours and weekdays: Europe/Berlin, America/New_York or UTC.")
            .value(&filled.zone)
            .longest(64)
            .wrong(mistakes)
            .into(),
        Field::text("note", "What changes, and why")
            .hint("Kept with the version, for whoever reads it later.")
            .value(&filled.note)
            .longest(LONGEST_NOTE)
            .wrong(mistakes)
            .into(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_said_at_the_field_it_is_about() {
        for (api, field) in [
            ("steps", "steps"),
            ("steps[0].name", "step0.name"),
            ("steps[2].needed", "step2.needed"),
            ("max_duration_seconds", "max"),
            ("open_for_seconds", "open"),
            ("rules[0].until_revoked.review_every_days", "rule0.until"),
            ("reason.min_length", "min_length"),
            ("rules[1].when", "rule1.when"),
            ("rules[0].steps[2].users", "rule0.step2.users"),
            ("rules[0].reason.min_length", "rule0.min_length"),
            ("steps[1].deadline.after_seconds", "step1.deadline"),
            ("rules[0].steps[1].deadline.policy", "rule0.step1.other"),
            ("steps[0].fallback.who", "step0.fallback.who"),
            ("emergency.tell", "tell"),
            ("ticket.link", "ticket_link"),
            ("rules[1].ticket.pattern", "rule1.ticket_pattern"),
            ("rules[1].step_up", "rule1.step_up"),
            ("emergency.within_seconds", "within"),
            ("rules[2].reason.required", "rule2.reason"),
        ] {
            assert_eq!(field_of(api), field);
        }
    }
}
