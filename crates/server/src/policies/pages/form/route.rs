//! How an answer comes about, in the form: of the policy itself, or of one of its rules.

use stint_domain::condition::Condition;
use stint_domain::policy::{Approvers, Deadline, MAX_STEPS, Reassign, Role, Route, Step, Then};
use stint_domain::{PolicyId, Span};

use super::super::view;
use crate::cx::Cx;
use crate::identity;
use crate::web::fields::{Choice, Choose, Field, Length, Part, Several, Tick};
use crate::web::{Mistakes, Picked, Sent};

/// What stands in the form of a route. `at` stands before the names of its fields: nothing, or
/// `rule0.`.
#[derive(Clone, Default)]
pub(super) struct RouteFilled {
    at: String,
    way: String,
    deny: String,
    pub(super) steps: Vec<StepFilled>,
}

#[derive(Clone, Default)]
pub(super) struct StepFilled {
    name: String,
    needed: String,
    each: bool,
    approvers: Who,
    fallback: Who,
    remind: Time,
    late: Time,
    deadline: Time,
    then: String,
    /// The policy it goes on under then.
    other: String,
    wait: Time,
    /// Who may hand on a place in it.
    reassign: String,
}

/// The policies to which a deadline may lead, by name.
pub(super) type Others = [(PolicyId, String)];

/// Where approvers come from.
#[derive(Clone, Default)]
struct Who {
    users: Picked,
    groups: Picked,
    roles: Vec<String>,
    who: String,
}

/// A length of time that may be absent, as it was filled.
#[derive(Clone)]
struct Time {
    shown: (String, String),
    read: Result<Option<Span>, &'static str>,
}

impl Default for Time {
    fn default() -> Self {
        Self::of(None)
    }
}

impl Time {
    fn of(span: Option<Span>) -> Self {
        Self {
            shown: Length::values(span),
            read: Ok(span),
        }
    }

    fn sent(sent: &Sent, name: &str) -> Self {
        let unit = sent.text(&format!("{name}.unit")).to_owned();
        Self {
            shown: (sent.text(name).to_owned(), unit),
            read: sent.length(name),
        }
    }

    fn read(&self, name: &str, mistakes: &mut Mistakes) -> Option<Span> {
        self.read.unwrap_or_else(|why| {
            mistakes.add(name.to_owned(), why);
            None
        })
    }
}

impl Who {
    fn of(it: &Approvers) -> Self {
        Self {
            users: Picked::of(&it.users),
            groups: Picked::of(&it.groups),
            roles: it
                .roles
                .iter()
                .map(|role| role.as_str().to_owned())
                .collect(),
            who: it.who.as_ref().map(ToString::to_string).unwrap_or_default(),
        }
    }

    fn sent(sent: &Sent, at: &str) -> Self {
        let field = |name: &str| format!("{at}{name}");
        Self {
            users: sent.picked(&field("users"), false),
            groups: sent.picked(&field("groups"), false),
            roles: sent.all(&field("roles")).map(str::to_owned).collect(),
            who: sent.text(&field("who")).to_owned(),
        }
    }

    fn read(&self) -> Approvers {
        Approvers {
            users: self.users.read().into_iter().collect(),
            groups: self.groups.read().into_iter().collect(),
            roles: (self.roles.iter())
                .filter_map(|role| Role::parse(role))
                .collect(),
            who: (!self.who.is_empty()).then(|| Condition::new(&self.who)),
        }
    }

    /// The fields: groups and people, then the others.
    async fn parts(
        &self,
        cx: &Cx,
        at: &str,
        form: (&str, &Mistakes),
        words: (&'static str, &'static str),
    ) -> Result<(Vec<Part>, Vec<Part>), identity::Error> {
        let (action, mistakes) = form;
        let (of_groups, of_users) = words;
        let field = |name: &str| format!("{at}{name}");
        let groups = Choose::new(field("groups"), of_groups, "groups", action)
            .hint("Whoever is in them when somebody decides.")
            .nothing("No group.")
            .wrong(mistakes);
        let users = Choose::new(field("users"), of_users, "people", action)
            .hint("By name, beside the groups.")
            .nothing("Nobody by name.")
            .wrong(mistakes);
        let roles = [
            (Role::Manager, "The manager of whoever would hold it"),
            (Role::ApplicationOwner, "Owners of the application"),
            (Role::ConnectionOwner, "Owners of the connection"),
        ];
        let roles = roles.map(|(role, word)| {
            let chosen = self.roles.iter().any(|had| had == role.as_str());
            Choice::new(role.as_str(), word).chosen(chosen)
        });
        Ok((
            vec![
                identity::choose_groups(cx, groups, &self.groups).await?.into(),
                identity::choose_users(cx, users, &self.users).await?.into(),
            ],
            vec![
                Several::of(field("roles"), "Also", roles.into())
                    .wrong(mistakes)
                    .into(),
                Field::text(field("who"), "Everybody of whom this is true")
                    .hint("A condition in Cedar, in which principal is the person: principal has title && principal.title == \"Team lead\"")
                    .value(&self.who)
                    .longest(stint_domain::condition::LONGEST)
                    .mono()
                    .wrong(mistakes)
                    .into(),
            ],
        ))
    }
}

impl StepFilled {
    fn fresh() -> Self {
        Self {
            needed: "1".to_owned(),
            ..Self::default()
        }
    }

    fn of(step: &Step) -> Self {
        Self {
            name: step.name.clone(),
            needed: step.needed.to_string(),
            each: step.each_group,
            approvers: Who::of(&step.approvers),
            fallback: Who::of(&step.fallback),
            remind: Time::of(step.remind),
            late: Time::of(step.late),
            deadline: Time::of(step.deadline.map(|it| it.after)),
            then: step
                .deadline
                .map_or("deny", |it| it.then.as_str())
                .to_owned(),
            other: (step.deadline.and_then(|it| it.then.policy()))
                .map_or_else(String::new, |id| id.to_string()),
            wait: Time::of(step.wait),
            reassign: step.reassign.as_str().to_owned(),
        }
    }

    fn sent(sent: &Sent, at: &str) -> Self {
        let field = |name: &str| format!("{at}{name}");
        let text = |name: &str| sent.text(&field(name)).to_owned();
        Self {
            name: text("name"),
            needed: text("needed"),
            each: sent.ticked(&field("each")),
            approvers: Who::sent(sent, at),
            fallback: Who::sent(sent, &field("fallback.")),
            remind: Time::sent(sent, &field("remind")),
            late: Time::sent(sent, &field("late")),
            deadline: Time::sent(sent, &field("deadline")),
            then: text("then"),
            other: text("other"),
            wait: Time::sent(sent, &field("wait")),
            reassign: text("reassign"),
        }
    }

    fn read(&self, at: &str, mistakes: &mut Mistakes) -> Step {
        let field = |name: &str| format!("{at}{name}");
        let approvers = self.approvers.read();
        let wait = self.wait.read(&field("wait"), mistakes);
        // Nobody is asked where a step only waits: the number that stands there means nothing.
        let waits = wait.is_some() && approvers.is_empty();
        let needed = match self.needed.as_str() {
            "" => 0,
            _ if waits => 0,
            text => text.parse().unwrap_or_else(|_| {
                mistakes.add(field("needed"), "Give a whole number.");
                1
            }),
        };
        let after = self.deadline.read(&field("deadline"), mistakes);
        Step {
            name: self.name.clone(),
            approvers,
            needed,
            each_group: self.each,
            fallback: self.fallback.read(),
            remind: self.remind.read(&field("remind"), mistakes),
            late: self.late.read(&field("late"), mistakes),
            deadline: after.map(|after| Deadline {
                after,
                then: self.then(&field("other"), mistakes),
            }),
            wait,
            reassign: self.hands_on(),
        }
    }

    fn then(&self, field: &str, mistakes: &mut Mistakes) -> Then {
        let policy = match self.then.as_str() {
            "other_policy" => self.other.parse().ok(),
            _ => None,
        };
        let then = Then::parse(&self.then, policy);
        if then.is_none() && self.then == "other_policy" {
            mistakes.add(field.to_owned(), "Choose the policy it goes on under.");
        }
        then.unwrap_or(Then::Deny)
    }

    fn hands_on(&self) -> Reassign {
        Reassign::parse(&self.reassign).unwrap_or_default()
    }

    /// Whether anything stands in the fields that are folded away.
    fn has_more(&self, at: &str, mistakes: &Mistakes) -> bool {
        let set = |time: &Time| !time.shown.0.is_empty();
        let wrong = [
            "roles",
            "who",
            "fallback.who",
            "fallback.users",
            "fallback.groups",
            "remind",
            "late",
            "deadline",
            "then",
            "other",
            "wait",
        ];
        self.each
            || !self.hands_on().is_default()
            || !self.approvers.roles.is_empty()
            || !self.approvers.who.is_empty()
            || !self.fallback.read().is_empty()
            || self.fallback.users.search
            || self.fallback.groups.search
            || [&self.remind, &self.late, &self.deadline, &self.wait]
                .into_iter()
                .any(set)
            || wrong
                .iter()
                .any(|name| mistakes.has(&format!("{at}{name}")))
    }

    async fn form(
        &self,
        cx: &Cx,
        place: (&str, usize, bool),
        action: &str,
        mistakes: &Mistakes,
        others: &Others,
    ) -> Result<view::StepForm, identity::Error> {
        let (of, index, last) = place;
        let at = format!("{of}step{index}.");
        let field = |name: &str| format!("{at}{name}");
        let form = (action, mistakes);
        let (who, mut more) = (self.approvers)
            .parts(cx, &at, form, ("Groups", "People"))
            .await?;
        let mut parts: Vec<Part> = vec![
            Field::line(field("name"), "Name of the step")
                .hint("What people see, such as “Platform on call”.")
                .value(&self.name)
                .needed()
                .longest(80)
                .wrong(mistakes)
                .into(),
            Field::number(field("needed"), "How many must approve")
                .value(&self.needed)
                .needed()
                .wrong(mistakes)
                .into(),
        ];
        parts.extend(who);
        more.push(
            Tick::new(field("each"), "So many of each of the groups", self.each)
                .hint("Instead of all together; whoever else is named counts as one more group.")
                .into(),
        );
        let (fallback, fallback_more) = (self.fallback)
            .parts(
                cx,
                &field("fallback."),
                form,
                ("Groups that stand in", "People who stand in"),
            )
            .await?;
        more.extend(fallback);
        more.extend(fallback_more);
        let length = |name: &str, label: &str, hint: &str, time: &Time| -> Part {
            Length::new(field(name), label)
                .hint(hint)
                .value(time.shown.clone())
                .wrong(mistakes)
                .into()
        };
        more.push(length(
            "late",
            "Late after",
            "Then those who stand in may approve as well. Before that they may only where too few of the others could.",
            &self.late,
        ));
        more.push(length(
            "remind",
            "Remind after",
            "Once, those who have not decided.",
            &self.remind,
        ));
        more.push(length(
            "deadline",
            "Over after",
            "Empty: the step waits until somebody decides.",
            &self.deadline,
        ));
        more.push(
            Several::one(
                field("then"),
                "Once it is over",
                vec![
                    Choice::new("deny", "The request is denied")
                        .chosen(!["next_step", "other_policy"].contains(&self.then.as_str())),
                    Choice::new("next_step", "The next step decides in its place")
                        .hint("What this one is short of is needed there, too.")
                        .chosen(self.then == "next_step"),
                    Choice::new("other_policy", "It goes on under another policy")
                        .hint("At its first step. The larger number of approvals of the two is needed from there on.")
                        .chosen(self.then == "other_policy"),
                ],
            )
            .wrong(mistakes)
            .into(),
        );
        let none = Choice::new("", "None").chosen(self.other.is_empty());
        let choices = others.iter().map(|(id, name)| {
            let id = id.to_string();
            let chosen = self.other == id;
            Choice::new(id, name.as_str()).chosen(chosen)
        });
        more.push(
            Field::one_of(
                field("other"),
                "The other policy",
                [none].into_iter().chain(choices).collect(),
            )
            .hint("Counts only where it goes on under another. Its version and its rule are pinned when somebody asks.")
            .wrong(mistakes)
            .into(),
        );
        let handed = [
            (Reassign::Approvers, "Its approvers, and administrators"),
            (
                Reassign::Administrators,
                "Policy Admins and Super Admins alone",
            ),
            (Reassign::Nobody, "Nobody"),
        ];
        let handed =
            handed.map(|(it, word)| Choice::new(it.as_str(), word).chosen(self.hands_on() == it));
        more.push(
            Several::one(field("reassign"), "Who may hand on a place", handed.into())
                .wrong(mistakes)
                .into(),
        );
        more.push(length(
            "wait",
            "Only wait",
            "A step that asks nobody: the request goes on by itself after so long.",
            &self.wait,
        ));
        Ok(view::StepForm {
            id: format!("{of}step{index}"),
            press: format!("{of}steps"),
            at: index,
            number: index + 1,
            last,
            parts,
            open: self.has_more(&at, mistakes),
            more,
        })
    }
}

impl RouteFilled {
    /// A route of one step that is to be filled.
    pub(super) fn fresh(at: &str) -> Self {
        Self {
            at: at.to_owned(),
            way: "steps".to_owned(),
            deny: String::new(),
            steps: vec![StepFilled::fresh()],
        }
    }

    pub(super) fn of(at: &str, route: &Route) -> Self {
        let (way, deny) = match route {
            Route::AutoApprove => ("auto", ""),
            Route::AutoDeny(message) => ("deny", message.as_str()),
            Route::Steps(_) => ("steps", ""),
        };
        Self {
            at: at.to_owned(),
            way: way.to_owned(),
            deny: deny.to_owned(),
            steps: route.steps().iter().map(StepFilled::of).collect(),
        }
    }

    pub(super) fn sent(sent: &Sent, at: &str) -> Self {
        let field = |name: &str| format!("{at}{name}");
        let count: usize = sent.text(&field("steps")).parse().unwrap_or(0);
        let mut steps: Vec<StepFilled> = (0..count.min(MAX_STEPS))
            .map(|index| StepFilled::sent(sent, &field(&format!("step{index}."))))
            .collect();
        let own = field("steps.");
        if let Some((what, index)) = sent.pressed()
            && let Some(what) = what.strip_prefix(&own)
        {
            if what == "add" && steps.len() < MAX_STEPS {
                steps.push(StepFilled::fresh());
            } else {
                super::arrange(&mut steps, what, index);
            }
        }
        Self {
            at: at.to_owned(),
            way: sent.text(&field("route")).to_owned(),
            deny: sent.text(&field("deny")).to_owned(),
            steps,
        }
    }

    pub(super) fn read(&self, mistakes: &mut Mistakes) -> Route {
        match self.way.as_str() {
            "auto" => Route::AutoApprove,
            "deny" => Route::AutoDeny(self.deny.clone()),
            _ => {
                let steps = self.steps.iter().enumerate();
                let read = steps
                    .map(|(index, step)| step.read(&format!("{}step{index}.", self.at), mistakes));
                Route::Steps(read.collect())
            }
        }
    }

    /// The same under another name: its rule was moved.
    pub(super) fn rename(&mut self, at: &str) {
        at.clone_into(&mut self.at);
    }

    pub(super) async fn form(
        &self,
        cx: &Cx,
        action: &str,
        mistakes: &Mistakes,
        others: &Others,
    ) -> Result<view::RouteForm, identity::Error> {
        let field = |name: &str| format!("{}{name}", self.at);
        let way = if self.way.is_empty() {
            "steps"
        } else {
            &self.way
        };
        let ways = Several::one(
            field("route"),
            "How a request is answered",
            vec![
                Choice::new("steps", "By people, step by step")
                    .hint("Each step must be approved, in this order. One denial ends the request.")
                    .chosen(way == "steps"),
                Choice::new("auto", "At once, by nobody")
                    .hint("Whoever sees it in a catalog has it within seconds of asking.")
                    .chosen(way == "auto"),
                Choice::new("deny", "Not at all")
                    .hint("It is refused at once, and whoever asks reads why.")
                    .chosen(way == "deny"),
            ],
        );
        let deny = Field::text(field("deny"), "What they read")
            .hint("Why, and what to do instead.")
            .value(&self.deny)
            .longest(500)
            .wrong(mistakes);
        let mut steps = Vec::with_capacity(self.steps.len());
        for (index, step) in self.steps.iter().enumerate() {
            let place = (self.at.as_str(), index, index + 1 == self.steps.len());
            steps.push(step.form(cx, place, action, mistakes, others).await?);
        }
        Ok(view::RouteForm {
            at: self.at.clone(),
            ways: ways.into(),
            deny: deny.into(),
            wrong: mistakes
                .all_of(&field("steps"))
                .map(str::to_owned)
                .collect(),
            may_add: steps.len() < MAX_STEPS,
            steps,
        })
    }
}
