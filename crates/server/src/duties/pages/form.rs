//! The form of a duty rule.

use axum::response::Response;
use http::{Method, StatusCode};
use stint_domain::condition::{Condition, LONGEST};
use stint_domain::duty::Action;
use stint_domain::rights::{Relation, Verb};
use stint_domain::{DutyId, EntitlementId, GroupId};

use super::super::{Change, Duty, Error, LONGEST_MESSAGE, LONGEST_NAME, NewDuty, Side};
use super::href;
use crate::cx::Cx;
use crate::http::{Failure, Fault as _, Form, Paging, Path, Routes};
use crate::web::fields::{Choice, Choose, Field, FormPage, Item, Meanwhile, Part, Tick};
use crate::web::form::sentence;
use crate::web::{self, Flash, Frame, Mistakes, Note, Picked, Sent};
use crate::{connections, directory, identity};

/// How many entitlements are shown at once; whoever wants another one adds a word.
const FOUND: usize = 8;

pub(super) fn routes() -> Routes {
    Routes::new()
        .page(Verb::CreateDuty, Method::GET, "/duties/new", new_page)
        .page(Verb::CreateDuty, Method::POST, "/duties/new", create)
        .page(
            Verb::UpdateDuty,
            Method::GET,
            "/duties/{id}/edit",
            edit_page,
        )
        .page(Verb::UpdateDuty, Method::POST, "/duties/{id}/edit", edit)
}

/// What stands in it.
#[derive(Clone, Default)]
struct Filled {
    name: String,
    message: String,
    first: SideFilled,
    second: SideFilled,
    action: String,
    group: Picked,
    emergency_passes: bool,
    active: bool,
}

#[derive(Clone, Default)]
struct SideFilled {
    name: String,
    entitlements: Picked,
    when: String,
}

impl SideFilled {
    fn of(side: &Side) -> Self {
        Self {
            name: side.name.clone(),
            entitlements: Picked::of(&side.entitlements),
            when: side
                .when
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default(),
        }
    }

    fn sent(sent: &Sent, which: &str) -> Self {
        Self {
            name: sent.text(&format!("{which}.name")).to_owned(),
            entitlements: sent.picked(&format!("{which}.entitlements"), false),
            when: sent.text(&format!("{which}.when")).to_owned(),
        }
    }

    fn read(&self) -> Side {
        let when = Condition::new(&self.when);
        Side {
            name: self.name.clone(),
            entitlements: self
                .entitlements
                .read::<EntitlementId>()
                .into_iter()
                .collect(),
            when: (!when.as_str().is_empty()).then_some(when),
        }
    }
}

impl Filled {
    fn of(duty: &Duty) -> Self {
        Self {
            name: duty.name.clone(),
            message: duty.message.clone(),
            first: SideFilled::of(&duty.first),
            second: SideFilled::of(&duty.second),
            action: duty.action.as_str().to_owned(),
            group: Picked::of(duty.group),
            emergency_passes: duty.emergency_passes,
            active: duty.active,
        }
    }

    fn sent(sent: &Sent) -> Self {
        Self {
            name: sent.text("name").to_owned(),
            message: sent.text("message").to_owned(),
            first: SideFilled::sent(sent, "first"),
            second: SideFilled::sent(sent, "second"),
            action: sent.text("action").to_owned(),
            group: sent.picked("group", true),
            emergency_passes: sent.ticked("emergency_passes"),
            active: sent.ticked("active"),
        }
    }

    fn read(&self) -> Result<NewDuty, Mistakes> {
        let Some(action) = Action::parse(&self.action) else {
            return Err(Mistakes::at("action", "Choose what happens."));
        };
        Ok(NewDuty {
            name: self.name.clone(),
            message: self.message.clone(),
            first: self.first.read(),
            second: self.second.read(),
            action,
            group: self.group.read::<GroupId>().first().copied(),
            emergency_passes: self.emergency_passes,
            active: self.active,
        })
    }
}

async fn new_page(cx: Cx, frame: Frame) -> Result<Response, Failure> {
    cx.authorize(Verb::CreateDuty, Relation::None)?;
    let filled = Filled {
        action: Action::Block.as_str().to_owned(),
        active: true,
        ..Filled::default()
    };
    let shown = Shown::new(filled);
    form(&cx, &frame, None, shown, StatusCode::OK).await
}

async fn create(cx: Cx, frame: Frame, Form(sent): Form<Sent>) -> Result<Response, Failure> {
    cx.authorize(Verb::CreateDuty, Relation::None)?;
    let mut shown = Shown::new(Filled::sent(&sent));
    if !sent.to_save() {
        return form(&cx, &frame, None, shown, StatusCode::OK).await;
    }
    let made = match shown.filled.read() {
        Ok(new) => super::super::create(&cx, new).await.map_err(mistake),
        Err(mistakes) => Err(Ok(mistakes)),
    };
    match made {
        Ok(made) => Ok(web::go_with(
            &href(made.id),
            &Flash::done("Written. It is asked from now on."),
        )),
        Err(mistakes) => {
            shown.mistakes = mistakes?;
            form(&cx, &frame, None, shown, StatusCode::UNPROCESSABLE_ENTITY).await
        }
    }
}

async fn edit_page(cx: Cx, frame: Frame, Path(id): Path<DutyId>) -> Result<Response, Failure> {
    cx.authorize(Verb::UpdateDuty, Relation::Others)?;
    let now = super::super::get(&cx, id).await?;
    let shown = Shown::new(Filled::of(&now));
    form(&cx, &frame, Some(&now), shown, StatusCode::OK).await
}

async fn edit(
    cx: Cx,
    frame: Frame,
    Path(id): Path<DutyId>,
    Form(sent): Form<Sent>,
) -> Result<Response, Failure> {
    cx.authorize(Verb::UpdateDuty, Relation::Others)?;
    let mut now = super::super::get(&cx, id).await?;
    let mut shown = Shown::new(Filled::sent(&sent));
    // The version the person began with stays: what was changed since is still found.
    let version = sent.version();
    if !sent.to_save() {
        now.version = version.unwrap_or(now.version);
        return form(&cx, &frame, Some(&now), shown, StatusCode::OK).await;
    }
    let wrong = StatusCode::UNPROCESSABLE_ENTITY;
    let new = match shown.filled.read() {
        Ok(new) => new,
        Err(mistakes) => {
            now.version = version.unwrap_or(0);
            shown.mistakes = mistakes;
            return form(&cx, &frame, Some(&now), shown, wrong).await;
        }
    };
    let change = Change {
        name: Some(new.name),
        message: Some(new.message),
        first: Some(new.first),
        second: Some(new.second),
        action: Some(new.action),
        group: Some(new.group),
        emergency_passes: Some(new.emergency_passes),
        active: Some(new.active),
    };
    match super::super::update(&cx, id, change, version.or(Some(0))).await {
        Ok(_) => Ok(web::go_with(&href(id), &Flash::done("Saved."))),
        Err(Error::Stale { .. }) => {
            let now = super::super::get(&cx, id).await?;
            shown.meanwhile = Some(changed_meanwhile(&cx, &now, &shown.filled).await?);
            let late = StatusCode::PRECONDITION_FAILED;
            form(&cx, &frame, Some(&now), shown, late).await
        }
        Err(error) => {
            now.version = version.unwrap_or(0);
            shown.mistakes = mistake(error)?;
            form(&cx, &frame, Some(&now), shown, wrong).await
        }
    }
}

/// The form with what is to be said about it.
struct Shown {
    filled: Filled,
    mistakes: Mistakes,
    meanwhile: Option<Meanwhile>,
}

impl Shown {
    fn new(filled: Filled) -> Self {
        Self {
            filled,
            mistakes: Mistakes::none(),
            meanwhile: None,
        }
    }
}

async fn changed_meanwhile(cx: &Cx, now: &Duty, typed: &Filled) -> Result<Meanwhile, Failure> {
    let found = Filled::of(now);
    let row =
        |label: &str, now: &str, typed: &str| (label.to_owned(), now.to_owned(), typed.to_owned());
    let names = async |picked: &Picked| -> Result<String, Failure> {
        let items = items(cx, picked).await?;
        Ok(items
            .into_iter()
            .map(|it| it.title)
            .collect::<Vec<_>>()
            .join(", "))
    };
    let groups = async |picked: &Picked| -> Result<String, Failure> {
        let items = identity::group_items(cx, picked).await?;
        Ok(items
            .into_iter()
            .map(|it| it.title)
            .collect::<Vec<_>>()
            .join(", "))
    };
    let word = |yes: bool| if yes { "yes" } else { "no" };
    let mut rows = vec![
        row("Name", &found.name, &typed.name),
        row("What people are told", &found.message, &typed.message),
    ];
    for (now, typed) in [(&found.first, &typed.first), (&found.second, &typed.second)] {
        rows.push(row("A side", &now.name, &typed.name));
        let (held, wanted) = (
            names(&now.entitlements).await?,
            names(&typed.entitlements).await?,
        );
        rows.push(row("What it lists", &held, &wanted));
        rows.push(row("Its condition", &now.when, &typed.when));
    }
    rows.push(row("What happens", &found.action, &typed.action));
    let (now_by, typed_by) = (groups(&found.group).await?, groups(&typed.group).await?);
    rows.push(row("Who makes exceptions", &now_by, &typed_by));
    let (is, was) = (word(found.emergency_passes), word(typed.emergency_passes));
    rows.push(row("Emergencies pass", is, was));
    rows.push(row("In force", word(found.active), word(typed.active)));
    rows.retain(|(_, now, typed)| now != typed);
    Ok(identity::meanwhile(cx, &now.id.to_string(), "duty.changed", rows).await?)
}

/// At which field a refusal is said.
fn mistake(error: Error) -> Result<Mistakes, Error> {
    let field = match &error {
        Error::NameTaken(_) => "name",
        Error::TooMany => "",
        Error::Faults(faults) => {
            let mut mistakes = Mistakes::none();
            for fault in faults {
                mistakes.add(fault.field.clone(), sentence(&fault.message));
            }
            return Ok(mistakes);
        }
        _ => return Err(error),
    };
    Ok(Mistakes::at(field, sentence(&error.detail())))
}

/// The entitlements with these ids, in that order.
async fn items(cx: &Cx, picked: &Picked) -> Result<Vec<Item>, Failure> {
    let ids = picked.read::<EntitlementId>();
    let mut found = directory::entitlements_by_id(&mut cx.read().await?, ids).await?;
    let items = picked.ids.iter().map(|id| {
        let known = id.parse().ok().and_then(|id| found.remove(&id));
        known.map_or_else(
            || Item {
                id: id.clone(),
                title: id.clone(),
                faint: "no such entitlement: remove it".to_owned(),
            },
            item,
        )
    });
    Ok(items.collect())
}

fn item(it: directory::Entitlement) -> Item {
    Item {
        id: it.id.to_string(),
        faint: match it.gone_at {
            Some(_) => "gone from AWS".to_owned(),
            None => directory::place(&it),
        },
        title: it.name,
    }
}

/// A control that chooses entitlements of every connection.
async fn entitlements(cx: &Cx, control: Choose, picked: &Picked) -> Result<Choose, Failure> {
    let chosen = items(cx, picked).await?;
    if !picked.search {
        return Ok(control.with(picked, chosen, None, false));
    }
    let names = connections::names(&mut cx.read().await?).await?;
    let most = FOUND + picked.ids.len();
    let mut found = Vec::new();
    let mut more = false;
    for connection in names.keys() {
        let limit = i64::try_from(most).unwrap_or(i64::MAX);
        let paging = Paging::first(limit);
        let page = directory::list_entitlements(cx, *connection, &picked.q, &paging).await?;
        more |= page.next.is_some();
        found.extend(
            page.items
                .into_iter()
                .filter(|it| it.gone_at.is_none())
                .map(item),
        );
    }
    more |= found.len() > most;
    found.truncate(most);
    Ok(control.with(picked, chosen, Some(found), more))
}

async fn side(
    cx: &Cx,
    which: &'static str,
    title: &str,
    filled: &SideFilled,
    action: &str,
    mistakes: &Mistakes,
) -> Result<Vec<Part>, Failure> {
    let listed = format!("{which}.entitlements");
    let control = Choose::new(listed, "What it lists", "entitlements", action)
        .hint(
            "Permission sets on accounts, and groups. Or say by a condition what is on this side.",
        )
        .nothing("Nothing listed.")
        .wrong(mistakes);
    Ok(vec![
        Field::line(format!("{which}.name"), title)
            .hint("As people know it, such as “Payments: release”.")
            .value(&filled.name)
            .required()
            .longest(LONGEST_NAME)
            .wrong(mistakes)
            .into(),
        entitlements(cx, control, &filled.entitlements).await?.into(),
        Field::text(format!("{which}.when"), "Also whatever this is true of")
            .hint("A condition in Cedar over resource: resource has permission_set && resource.permission_set like \"Release*\". The guide lists what there is.")
            .value(&filled.when)
            .longest(LONGEST)
            .mono()
            .wrong(mistakes)
            .into(),
    ])
}

async fn form(
    cx: &Cx,
    frame: &Frame,
    of: Option<&Duty>,
    shown: Shown,
    status: StatusCode,
) -> Result<Response, Failure> {
    let Shown {
        filled,
        mistakes,
        meanwhile,
    } = shown;
    let (action, back) = of.map_or_else(
        || ("/duties/new".to_owned(), "/duties".to_owned()),
        |duty| (format!("{}/edit", href(duty.id)), href(duty.id)),
    );
    let mut parts: Vec<Part> = vec![
        Field::line("name", "Name")
            .hint("Such as “Four eyes on payments”.")
            .value(&filled.name)
            .required()
            .longest(LONGEST_NAME)
            .wrong(&mistakes)
            .into(),
        Field::text("message", "What people are told")
            .hint(
                "Whoever is stopped reads this: why these are kept apart, and what to do instead.",
            )
            .value(&filled.message)
            .required()
            .longest(LONGEST_MESSAGE)
            .wrong(&mistakes)
            .into(),
    ];
    parts.extend(side(cx, "first", "One side", &filled.first, &action, &mistakes).await?);
    parts.extend(
        side(
            cx,
            "second",
            "The other side",
            &filled.second,
            &action,
            &mistakes,
        )
        .await?,
    );
    let choices = vec![
        Choice::new("block", "It cannot be asked for"),
        Choice::new("exception", "It needs an exception"),
    ];
    parts.push(
        Field::one_of("action", "Who would hold something of both", choices)
            .value(&filled.action)
            .required()
            .wrong(&mistakes)
            .into(),
    );
    let group = Choose::new("group", "Who makes exceptions", "groups", &action)
        .hint("One more step after the policy's own: a member of this group has to approve, and to say why.")
        .nothing("No group: needed where it needs an exception.")
        .one()
        .wrong(&mistakes);
    parts.push(
        identity::choose_groups(cx, group, &filled.group)
            .await?
            .into(),
    );
    parts.push(
        Tick::new(
            "emergency_passes",
            "What is asked in an emergency passes",
            filled.emergency_passes,
        )
        .hint("It stands on the request then, and whoever reviews it sees it.")
        .into(),
    );
    parts.push(
        Tick::new("active", "In force", filled.active)
            .hint("Switched off, it is asked about nothing.")
            .into(),
    );
    if let Some(text) = mistakes.of("") {
        parts.insert(0, Note::refusal(text.to_owned()).into());
    }
    let page = FormPage {
        crumb: of.map_or_else(
            || ("/duties".to_owned(), "Duties".to_owned()),
            |duty| (back.clone(), duty.name.clone()),
        ),
        title: match of {
            Some(_) => "Change the rule".to_owned(),
            None => "New duty rule".to_owned(),
        },
        lead: String::new(),
        version: of.map(|duty| duty.version),
        meanwhile,
        parts,
        mistakes,
        save: match of {
            Some(_) => "Save",
            None => "Write the rule",
        },
        back,
        aside: Some((
            "What counts as held",
            vec![
                "What AWS shows, standing or given, also through an Identity Center group.".to_owned(),
                "What a grant gives or will give at the same time, and what was asked for and nobody has answered.".to_owned(),
                "Of what is asked for a group, what each of its members holds.".to_owned(),
                "Whoever holds both already keeps it, and is listed under Conflicts.".to_owned(),
            ],
        )),
        action,
    };
    Ok(web::page_with(status, frame, &page.title, &page))
}
