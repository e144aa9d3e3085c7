//! The form of a version: read from what was sent, and shown again as it was filled.

use axum::response::Response;
use http::StatusCode;
use stint_domain::Span;
use stint_domain::policy::{MAX_STEPS, PolicyBody, ReasonRule, Route, Step};

use super::super::{Error, LONGEST_NAME, LONGEST_NOTE, NewVersion, Policy, PolicyVersion};
use super::{href, mistake, view, words};
use crate::cx::Cx;
use crate::http::Failure;
use crate::identity;
use crate::web::fields::{Choice, Choose, Field, Length, Meanwhile, Part, Several, Tick};
use crate::web::{self, Frame, Mistakes, Picked, Sent};

/// What stands in the form.
#[derive(Clone, Default)]
pub(super) struct Filled {
    pub(super) name: String,
    auto: bool,
    steps: Vec<StepFilled>,
    max: (String, String),
    length: Option<Result<Option<Span>, &'static str>>,
    reason: bool,
    min_length: String,
    own: bool,
    note: String,
}

#[derive(Clone, Default)]
struct StepFilled {
    name: String,
    needed: String,
    users: Picked,
    groups: Picked,
}

impl StepFilled {
    fn fresh() -> Self {
        Self {
            needed: "1".to_owned(),
            ..Self::default()
        }
    }
}

/// The name of a field of a step, counted from 0.
fn of_step(at: usize, field: &str) -> String {
    format!("step{at}.{field}")
}

/// The field of the form for one of the API.
pub(super) fn field_of(api: &str) -> String {
    let step = api
        .strip_prefix("steps[")
        .and_then(|rest| rest.split_once("]."));
    match (step, api) {
        (Some((at, field)), _) => format!("step{at}.{field}"),
        (None, "max_duration_seconds") => "max".to_owned(),
        (None, "reason.min_length") => "min_length".to_owned(),
        (None, other) => other.to_owned(),
    }
}

impl Filled {
    /// A new policy: one step to be filled, a reason wanted.
    pub(super) fn fresh() -> Self {
        Self {
            steps: vec![StepFilled::fresh()],
            max: ("4".to_owned(), "hours".to_owned()),
            reason: true,
            ..Self::default()
        }
    }

    /// As the latest version is; its note is the next author's to write.
    pub(super) fn of(version: &PolicyVersion) -> Self {
        let body = &version.body;
        Self {
            name: version.name.clone(),
            auto: body.route == Route::AutoApprove,
            steps: (body.steps().iter())
                .map(|step| StepFilled {
                    name: step.name.clone(),
                    needed: step.needed.to_string(),
                    users: Picked::of(&step.users),
                    groups: Picked::of(&step.groups),
                })
                .collect(),
            max: Length::values(Some(body.max_duration)),
            length: None,
            reason: body.reason.required,
            min_length: match body.reason.min_length {
                0 => String::new(),
                n => n.to_string(),
            },
            own: body.allow_self_approval,
            note: String::new(),
        }
    }

    pub(super) fn sent(sent: &Sent) -> Self {
        let count: usize = sent.text("steps").parse().unwrap_or(0);
        let mut steps: Vec<StepFilled> = (0..count.min(MAX_STEPS))
            .map(|at| StepFilled {
                name: sent.text(&of_step(at, "name")).to_owned(),
                needed: sent.text(&of_step(at, "needed")).to_owned(),
                users: sent.picked(&of_step(at, "users"), false),
                groups: sent.picked(&of_step(at, "groups"), false),
            })
            .collect();
        if let Some((what, at)) = sent.pressed() {
            let at: usize = at.parse().unwrap_or(usize::MAX);
            match what {
                "steps.add" if steps.len() < MAX_STEPS => steps.push(StepFilled::fresh()),
                "steps.drop" if at < steps.len() => {
                    steps.remove(at);
                }
                "steps.up" if at > 0 && at < steps.len() => steps.swap(at - 1, at),
                "steps.down" if at.checked_add(1).is_some_and(|next| next < steps.len()) => {
                    steps.swap(at, at + 1);
                }
                _ => {}
            }
        }
        Self {
            name: sent.text("name").to_owned(),
            auto: sent.text("route") == "auto",
            steps,
            max: (
                sent.text("max").to_owned(),
                sent.text("max.unit").to_owned(),
            ),
            length: Some(sent.length("max")),
            reason: sent.ticked("reason"),
            min_length: sent.text("min_length").to_owned(),
            own: sent.ticked("own"),
            note: sent.text("note").to_owned(),
        }
    }

    /// The version it stands for; whether it may be written is asked afterwards.
    pub(super) fn read(&self) -> Result<NewVersion, Mistakes> {
        let mut mistakes = Mistakes::none();
        let number = |text: &str, empty: u32| match text {
            "" => Ok(empty),
            text => text.parse::<u32>(),
        };
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
        let min_length = number(&self.min_length, 0).unwrap_or_else(|_| {
            mistakes.add("min_length", "Give a whole number, or leave it empty.");
            0
        });
        let mut steps = Vec::new();
        if !self.auto {
            for (at, step) in self.steps.iter().enumerate() {
                let needed = number(&step.needed, 0).unwrap_or_else(|_| {
                    mistakes.add(of_step(at, "needed"), "Give a whole number.");
                    1
                });
                steps.push(Step {
                    name: step.name.clone(),
                    users: step.users.read().into_iter().collect(),
                    groups: step.groups.read().into_iter().collect(),
                    needed,
                });
            }
        }
        if mistakes.any() {
            return Err(mistakes);
        }
        Ok(NewVersion {
            body: PolicyBody {
                route: if self.auto {
                    Route::AutoApprove
                } else {
                    Route::Steps(steps)
                },
                max_duration,
                reason: ReasonRule {
                    required: self.reason,
                    // A length without a reason says nothing: a box that is not ticked wins.
                    min_length: if self.reason { min_length } else { 0 },
                },
                allow_self_approval: self.own,
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
        if let Err(error) = super::super::check_version(cx, &new).await {
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
        let mut steps = Vec::with_capacity(filled.steps.len());
        for (at, step) in filled.steps.iter().enumerate() {
            steps.push(view::StepForm {
                at,
                number: at + 1,
                last: at + 1 == filled.steps.len(),
                parts: step_parts(cx, at, step, &action, &mistakes).await?,
            });
        }
        let name = of.is_none().then(|| {
            Field::line("name", "Name")
                .hint("As administrators and requesters read it, such as “Production admin”.")
                .value(&filled.name)
                .required()
                .longest(LONGEST_NAME)
                .wrong(&mistakes)
                .into()
        });
        let route = Several::one(
            "route",
            "How a request is answered",
            vec![
                Choice::new("steps", "By people, step by step")
                    .hint("Each step must be approved, in this order. One denial ends the request.")
                    .chosen(!filled.auto),
                Choice::new("auto", "At once, by nobody")
                    .hint("Whoever sees it in a catalog has it within seconds of asking.")
                    .chosen(filled.auto),
            ],
        );
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
            exists: of.is_some(),
            version: of.map(|policy| policy.version),
            steps_wrong: mistakes.all_of("steps").map(str::to_owned).collect(),
            may_add: steps.len() < MAX_STEPS,
            rest: rest(&filled, &mistakes),
            route: route.into(),
            action,
            mistakes,
            meanwhile,
            preview,
            name,
            steps,
            back,
        };
        Ok(web::page_with(status, frame, &page.title, &page))
    }
}

async fn step_parts(
    cx: &Cx,
    at: usize,
    step: &StepFilled,
    action: &str,
    mistakes: &Mistakes,
) -> Result<Vec<Part>, identity::Error> {
    let groups = Choose::new(of_step(at, "groups"), "Groups", "groups", action)
        .hint("Whoever is in them when somebody decides.")
        .nothing("No group.")
        .required()
        .wrong(mistakes);
    let users = Choose::new(of_step(at, "users"), "People", "people", action)
        .hint("By name, beside the groups.")
        .nothing("Nobody by name.")
        .required()
        .wrong(mistakes);
    Ok(vec![
        Field::line(of_step(at, "name"), "Name of the step")
            .hint("What people see, such as “Platform on call”.")
            .value(&step.name)
            .needed()
            .longest(80)
            .wrong(mistakes)
            .into(),
        Field::number(of_step(at, "needed"), "How many must approve")
            .value(&step.needed)
            .needed()
            .wrong(mistakes)
            .into(),
        identity::choose_groups(cx, groups, &step.groups)
            .await?
            .into(),
        identity::choose_users(cx, users, &step.users).await?.into(),
    ])
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
            ("reason.min_length", "min_length"),
        ] {
            assert_eq!(field_of(api), field);
        }
    }
}
