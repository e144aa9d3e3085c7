//! The pages of this room: IAM users of a connection, one of them, and a connection's access key.

pub(crate) mod view;

use std::collections::BTreeMap;

use axum::response::Response;
use http::Method;
use serde::Deserialize;
use stint_domain::managed::rotation::State as RotationState;
use stint_domain::managed::user::{Origin, State};
use stint_domain::rights::{Relation, Verb};
use stint_domain::{ConnectionId, ObjectId, Time, UserId};

use super::{
    Error, KeyRotation, ManagedUser, Moment, NewManagedUser, UserFilter, key_too_old,
    rotation_title,
};
use crate::connections;
use crate::cx::Cx;
use crate::http::{Failure, Fault as _, Form, Kind, Paging, Path, Query, Routes};
use crate::identity::{self, User};
use crate::web::time::words;
use crate::web::{
    self, Chip, Column, Copyable, Deed, Empty, Fact, Facts, Filter, Flash, Frame, List, Listing,
    Note, Timeline, Tone, When,
};

/// How many rows a page of a list has.
const ROWS: i64 = 50;
/// How many rotations the page of a key names.
const ROTATIONS: i64 = 10;
/// Seconds between two looks at what is under way.
const LOOK: u32 = 3;

pub(crate) fn routes() -> Routes {
    let list = "/connections/{id}/iam-users";
    let (get, post) = (Method::GET, Method::POST);
    Routes::new()
        .page(Verb::ListIamUsers, get.clone(), list, users)
        .page(Verb::CreateIamUser, post.clone(), list, create)
        .page(Verb::GetIamUser, get.clone(), "/iam-users/{id}", user)
        .page(
            Verb::DisableIamUser,
            post.clone(),
            "/iam-users/{id}/disable",
            disable,
        )
        .page(
            Verb::DeleteIamUser,
            post.clone(),
            "/iam-users/{id}/delete",
            delete,
        )
        .page(
            Verb::RetryIamUser,
            post.clone(),
            "/iam-users/{id}/retry",
            retry,
        )
        .page(Verb::GetRotation, get, "/connections/{id}/key", key)
        .page(
            Verb::RotateKey,
            post.clone(),
            "/connections/{id}/rotate-key",
            rotate,
        )
        .page(
            Verb::RotateKey,
            post.clone(),
            "/key-rotations/{id}/retry",
            retry_rotation,
        )
        .page(
            Verb::RotateKey,
            post,
            "/key-rotations/{id}/cancel",
            cancel_rotation,
        )
}

/// The headings of the list.
pub(crate) const COLUMNS: &[Column] = &[
    Column::by("IAM user", "name"),
    Column::plain("State"),
    Column::plain("Asked for by"),
    Column::plain("Since"),
];

async fn users(
    cx: Cx,
    frame: Frame,
    Path(id): Path<ConnectionId>,
    Query(asked): Query<Listing>,
) -> Result<Response, Failure> {
    cx.authorize(Verb::ListIamUsers, Relation::Others)?;
    let connection = connections::get(&cx, id).await?;
    let sort = asked.sort_or("name");
    let filter = UserFilter {
        q: asked.words().to_owned(),
        state: asked.value("state").map(str::to_owned),
        sort: Some(sort.clone()),
    };
    if asked.csv() {
        let head = [
            "IAM user",
            "Path",
            "Account",
            "State",
            "AWS id",
            "Asked for",
            "Reason",
        ];
        let fetch = move |paging: Paging| {
            let (cx, filter) = (cx.clone(), filter.clone());
            async move {
                let page = super::list_users(&cx, id, &filter, &paging).await?;
                Ok(page.map(|it| {
                    let state = it.user.state().to_string();
                    let user_id = it.user.user_id.unwrap_or_default();
                    let (name, since) = (it.user.name, it.created_at.to_string());
                    vec![
                        name,
                        it.path,
                        it.place.account,
                        state,
                        user_id,
                        since,
                        it.reason,
                    ]
                }))
            }
        };
        return web::csv("iam-users", &head, fetch).await;
    }
    let page = super::list_users(&cx, id, &filter, &asked.paging(ROWS)).await?;
    let path = format!("/connections/{id}/iam-users");
    let open = connection.iam && connection.removed_at.is_none();
    let may = cx.authorize(Verb::CreateIamUser, Relation::Others).is_ok();
    let empty = Empty::new(
        "users",
        "No IAM user yet",
        "Stint makes IAM users, locks them out and deletes them with everything that hangs on them. Those it did not make it only looks at, until somebody names them.",
    );
    let states = State::ALL
        .iter()
        .map(|state| (state.as_str(), title(*state)));
    let list = List::new(&path, &asked, COLUMNS, empty)
        .search("Name of the IAM user")
        .filter(Filter::choice("state", "State", "Any state", states))
        .sorted(&sort)
        .answered(&page);
    let people = people(&cx, page.items.iter().filter_map(|it| it.created_by)).await?;
    let rows = page.items.into_iter().map(|it| view::UserRow {
        href: href(it.user.id),
        chip: chip(it.user.state()),
        why: why(&it),
        by: by(&people, it.created_by),
        since: When::both(it.created_at, cx.now),
        path: it.path,
        name: it.user.name,
    });
    let view = view::IamUsers {
        rows: rows.collect(),
        list,
        note: (!connection.iam).then(|| {
            Note::info("IAM is switched off for this connection: switch it on in its set-up to have users made.")
        }),
        add: (may && open).then_some(path),
        href: format!("/connections/{id}"),
        connection: connection.name,
    };
    Ok(web::page(&frame, "IAM users", &view))
}

#[derive(Debug, Deserialize)]
struct Filled {
    #[serde(default)]
    name: String,
    #[serde(default)]
    path: String,
    #[serde(default)]
    boundary: String,
    #[serde(default)]
    existing: String,
    #[serde(default)]
    reason: String,
}

async fn create(
    cx: Cx,
    Path(id): Path<ConnectionId>,
    Form(filled): Form<Filled>,
) -> Result<Response, Failure> {
    let new = NewManagedUser {
        name: filled.name,
        path: filled.path,
        boundary: Some(filled.boundary),
        existing: filled.existing == "yes",
        reason: filled.reason,
    };
    match super::create(&cx, id, new).await {
        Ok(made) => {
            let words = match made.user.origin {
                Origin::Made => "Stint is making it in AWS now.",
                Origin::Found => "Stint is looking at it in AWS now.",
            };
            Ok(web::go_with(&href(made.user.id), &Flash::done(words)))
        }
        Err(error) => refused(error, &format!("/connections/{id}/iam-users")),
    }
}

/// Back to where it was asked, with why it was not done.
fn refused(error: Error, back: &str) -> Result<Response, Failure> {
    if matches!(
        error.kind(),
        Kind::Conflict | Kind::Invalid | Kind::NotReady
    ) {
        return Ok(web::go_with(back, &Flash::failed(error.detail())));
    }
    Err(error.into())
}

fn href(id: ObjectId) -> String {
    format!("/iam-users/{id}")
}

async fn people(
    cx: &Cx,
    ids: impl IntoIterator<Item = UserId>,
) -> Result<BTreeMap<UserId, User>, Failure> {
    Ok(identity::users_by_id(&mut cx.read().await?, ids).await?)
}

fn by(people: &BTreeMap<UserId, User>, id: Option<UserId>) -> String {
    match id {
        Some(id) => people
            .get(&id)
            .map_or_else(|| id.to_string(), |user| user.name.clone()),
        None => "Stint".to_owned(),
    }
}

const fn title(state: State) -> &'static str {
    match state {
        State::Looking => "Being looked at",
        State::Found => "Not made by Stint",
        State::Creating => "Being made",
        State::Active => "There",
        State::Disabling => "Being locked out",
        State::Disabled => "Locked out",
        State::Deleting => "Being deleted",
        State::Deleted => "Deleted",
        State::Failed => "Not made",
        State::Gone => "Gone from AWS",
        State::Stuck => "Stuck",
    }
}

fn chip(state: State) -> Chip {
    let (tone, icon) = match state {
        State::Looking | State::Creating | State::Disabling | State::Deleting => {
            (Tone::Wait, "refresh")
        }
        State::Active => (Tone::Live, "circle-check"),
        State::Found => (Tone::Idle, "info-circle"),
        State::Disabled => (Tone::Idle, "ban"),
        State::Deleted => (Tone::Idle, "flag"),
        State::Gone => (Tone::Soon, "alert-triangle"),
        State::Failed => (Tone::Stop, "circle-x"),
        State::Stuck => return Chip::stuck(),
    };
    Chip::new(tone, icon, title(state))
}

fn why(of: &ManagedUser) -> String {
    let stuck = of.user.hold.stuck.as_ref().map(|it| it.reason.clone());
    stuck
        .or_else(|| of.user.failure.clone())
        .unwrap_or_default()
}

async fn user(cx: Cx, frame: Frame, Path(id): Path<ObjectId>) -> Result<Response, Failure> {
    let (found, moments) = super::get_user(&cx, id).await?;
    let connection = connections::get(&cx, found.place.connection).await?;
    let people = people(&cx, found.created_by).await?;
    let state = found.user.state();
    let may = |verb| cx.authorize(verb, Relation::Others).is_ok();
    let path = href(id);
    let act = |verb: &str, says: String| view::Act {
        action: format!("{path}/{verb}"),
        says,
        confirm: (found.user.origin == Origin::Found).then(|| found.user.name.clone()),
    };
    let name = &found.user.name;
    let can_disable = found.user.clone().disable(cx.now).is_ok();
    let can_delete = found.user.clone().delete(cx.now).is_ok();
    let view = view::IamUser {
        list: format!("/connections/{}/iam-users", found.place.connection),
        connection: connection.name,
        chip: chip(state),
        notes: notes(&found, state, cx.now),
        facts: facts(&found, &people, cx.now),
        timeline: timeline(&moments),
        retry: (state == State::Stuck && may(Verb::RetryIamUser)).then(|| format!("{path}/retry")),
        disable: (can_disable && may(Verb::DisableIamUser)).then(|| {
            let says = format!(
                "Stint makes every access key of {name} inactive and takes its console password away. Sessions that are open already last until their own end."
            );
            act("disable", says)
        }),
        delete: (can_delete && may(Verb::DeleteIamUser)).then(|| {
            let says = format!(
                "Stint locks {name} out, removes its keys, certificates, MFA devices, policies and groups, and deletes it. That cannot be undone."
            );
            act("delete", says)
        }),
        hanging: found.hanging.clone(),
        poll: (found.user.settled.is_none() && state != State::Stuck).then_some(LOOK),
        name: found.user.name.clone(),
        path: path.clone(),
    };
    let frame = frame.refreshing(view.poll);
    Ok(web::page(&frame, &view.name, &view))
}

fn notes(of: &ManagedUser, state: State, now: Time) -> Vec<Note> {
    let mut notes = Vec::new();
    if let Some(failure) = &of.user.failure {
        notes.push(Note::refusal(format!("It was not made: {failure}")));
    }
    if let Some(stuck) = &of.user.hold.stuck {
        let next = of.user.hold.due.map(|due| due.max(now));
        let next = next.map_or_else(|| "soon".to_owned(), |at| web::time::relative(at, now));
        notes.push(Note::refusal(format!("{}. Next try {next}.", stuck.reason)));
    }
    match state {
        State::Found => notes.push(Note::info(
            "Stint did not make this user and has changed nothing. To lock it out or delete it, it asks you for the name.",
        )),
        State::Gone => notes.push(Note::warning(
            "AWS has no such user any more, and Stint did not delete it.",
        )),
        _ => {}
    }
    notes
}

fn facts(of: &ManagedUser, people: &BTreeMap<UserId, User>, now: Time) -> Facts {
    let mut facts = vec![
        Fact::new("Account", of.place.account.as_str()),
        Fact::new("Path", of.path.as_str()),
    ];
    if let Some(id) = &of.user.user_id {
        facts.push(Fact::new("AWS id", "").copy(Copyable::new(id, "the AWS id")));
    }
    if let Some(boundary) = &of.boundary {
        facts.push(Fact::new("Boundary", "").copy(Copyable::new(boundary, "the ARN")));
    }
    facts.push(
        Fact::new("Asked for by", by(people, of.created_by)).when(When::both(of.created_at, now)),
    );
    facts.push(Fact::new("Why", of.reason.as_str()));
    if of.user.origin == Origin::Made {
        let tag = format!("{} = {}", stint_aws::MARK, of.user.id);
        facts.push(Fact::new("Tag", "").copy(Copyable::new(tag, "the tag")));
    }
    Facts { facts }
}

fn timeline(moments: &[Moment]) -> Timeline {
    let line = |it: &Moment| {
        let deed = match it.what.as_str() {
            "object.intended" => Deed::Asked,
            "object.answered" if it.text.starts_with("AWS did not") => Deed::AwsRefused,
            "object.answered" if it.text.starts_with("No answer") => Deed::Warned,
            "object.answered" => Deed::Answered,
            "object.stuck" | "iam_user.not_made" | "key_rotation.failed" => Deed::AwsRefused,
            "iam_user.settled"
            | "iam_user.pinned"
            | "key_rotation.tested"
            | "key_rotation.deactivated" => Deed::Seen,
            "key_rotation.lost_key" => Deed::Warned,
            "key_rotation.over" => Deed::Ended,
            _ => Deed::Said,
        };
        let (text, detail) = match (deed, it.text.split_once(": ")) {
            (Deed::AwsRefused | Deed::Warned, Some((text, rest))) => (text, rest),
            _ => (it.text.as_str(), ""),
        };
        web::Moment {
            day: web::time::day(it.at),
            at: When::clock(it.at),
            deed,
            text: text.to_owned(),
            detail: detail.to_owned(),
            aws_request_id: (it.aws_request_id.as_ref())
                .map(|id| Copyable::new(id, "the AWS request id")),
        }
    };
    Timeline {
        moments: moments.iter().map(line).collect(),
    }
}

#[derive(Debug, Deserialize)]
struct Because {
    #[serde(default)]
    reason: String,
    #[serde(default)]
    confirm: String,
}

async fn disable(
    cx: Cx,
    Path(id): Path<ObjectId>,
    Form(form): Form<Because>,
) -> Result<Response, Failure> {
    let done = super::disable(&cx, id, &form.reason, Some(&form.confirm)).await;
    said(
        done.map(drop),
        &href(id),
        "Stint is locking it out in AWS now.",
    )
}

async fn delete(
    cx: Cx,
    Path(id): Path<ObjectId>,
    Form(form): Form<Because>,
) -> Result<Response, Failure> {
    let done = super::delete(&cx, id, &form.reason, Some(&form.confirm)).await;
    said(
        done.map(drop),
        &href(id),
        "Stint is deleting it in AWS now.",
    )
}

async fn retry(cx: Cx, Path(id): Path<ObjectId>) -> Result<Response, Failure> {
    let done = super::retry_user(&cx, id).await;
    said(done.map(drop), &href(id), "Stint is trying again now.")
}

fn said(done: Result<(), Error>, back: &str, words: &str) -> Result<Response, Failure> {
    match done {
        Ok(()) => Ok(web::go_with(back, &Flash::done(words))),
        Err(error) => refused(error, back),
    }
}

fn key_page(id: ConnectionId) -> String {
    format!("/connections/{id}/key")
}

async fn key(cx: Cx, frame: Frame, Path(id): Path<ConnectionId>) -> Result<Response, Failure> {
    let page = super::list_rotations(&cx, id, &Paging::first(ROTATIONS)).await?;
    let connection = connections::get(&cx, id).await?;
    let may = cx.authorize(Verb::RotateKey, Relation::Others).is_ok();
    let mut all = page.items.into_iter();
    let newest = all.next();
    let under_way = newest
        .as_ref()
        .is_some_and(|it| it.rotation.ended_at.is_none());
    let mut notes = Vec::new();
    if connection.credential.key().is_none() {
        notes.push(Note::info(
            "This connection enters by no access key: there is nothing to rotate.",
        ));
    }
    if let Some(age) = key_too_old(&cx.app, &connection, cx.now) {
        notes.push(Note::warning(format!(
            "The key is {} old. Rotate it: Stint does all of it.",
            words(age)
        )));
    }
    let mut facts = Vec::new();
    if let Some(key) = connection.credential.key() {
        facts.push(Fact::new("Access key", "").copy(Copyable::new(&key.id, "the access key id")));
        facts.push(Fact::new("In use since", "").when(When::both(key.set_at, cx.now)));
    }
    facts.push(match cx.app.key_rules.rotate_after {
        Some(after) => Fact::new("Rotated by itself", format!("after {}", words(after))),
        None => Fact::new("Rotated by itself", "never"),
    });
    let earlier = all.map(|it| view::RotationRow {
        began: When::both(it.rotation.began_at, cx.now),
        chip: rotation_chip(it.rotation.state(cx.now)),
        keys: keys(&it),
        why: it.rotation.failure.clone().unwrap_or_default(),
    });
    let earlier = earlier.collect();
    let newest = match newest {
        Some(it) => Some(rotation(&cx, it, may).await?),
        None => None,
    };
    let path = key_page(id);
    let view = view::AccessKey {
        href: format!("/connections/{id}"),
        rotate: (may
            && !under_way
            && connection.credential.key().is_some()
            && connection.removed_at.is_none())
        .then(|| format!("/connections/{id}/rotate-key")),
        connection: connection.name,
        notes,
        facts: Facts { facts },
        newest,
        earlier,
        poll: under_way.then_some(LOOK),
        path,
    };
    let frame = frame.refreshing(view.poll);
    Ok(web::page(&frame, "Access key", &view))
}

fn keys(of: &KeyRotation) -> String {
    match &of.rotation.new_key {
        Some(new) => format!("{} → {new}", of.rotation.old_key),
        None => of.rotation.old_key.clone(),
    }
}

fn rotation_chip(state: RotationState) -> Chip {
    let (tone, icon) = match state {
        RotationState::Done => (Tone::Live, "circle-check"),
        RotationState::Failed => (Tone::Stop, "circle-x"),
        RotationState::Stuck => return Chip::stuck(),
        _ => (Tone::Wait, "refresh"),
    };
    Chip::new(tone, icon, rotation_title(state))
}

async fn rotation(cx: &Cx, of: KeyRotation, may: bool) -> Result<view::Rotation, Failure> {
    let moments = super::timeline(&mut cx.read().await?, of.rotation.id).await?;
    let people = people(cx, of.began_by).await?;
    let it = &of.rotation;
    let id = it.id;
    let mut facts = vec![
        Fact::new("Begun by", by(&people, of.began_by)).when(When::both(it.began_at, cx.now)),
        Fact::new("Old key", "").copy(Copyable::new(&it.old_key, "the access key id")),
    ];
    if let Some(key) = &it.new_key {
        facts.push(Fact::new("New key", "").copy(Copyable::new(key, "the access key id")));
    }
    if let Some(arn) = &it.user_arn {
        facts.push(Fact::new("User", "").copy(Copyable::new(arn, "the ARN")));
    }
    if let Some(at) = it.deletes_at().filter(|_| it.ended_at.is_none()) {
        facts.push(Fact::new("Old key is deleted", "").when(When::both(at, cx.now)));
    }
    if let Some(why) = &it.failure {
        facts.push(Fact::new("Given up", why.as_str()));
    }
    if let Some(stuck) = &it.hold.stuck {
        facts.push(Fact::new("Does not go on", stuck.reason.as_str()));
    }
    let stuck = it.ended_at.is_none() && it.hold.stuck.is_some();
    let can_cancel = it.clone().cancel(String::new(), cx.now).is_ok();
    Ok(view::Rotation {
        chip: rotation_chip(it.state(cx.now)),
        facts: Facts { facts },
        timeline: timeline(&moments),
        retry: (may && stuck).then(|| format!("/key-rotations/{id}/retry")),
        cancel: (may && can_cancel).then(|| format!("/key-rotations/{id}/cancel")),
    })
}

async fn rotate(cx: Cx, Path(id): Path<ConnectionId>) -> Result<Response, Failure> {
    let done = super::begin(&cx, id).await;
    said(
        done.map(drop),
        &key_page(id),
        "Stint is rotating the key now.",
    )
}

async fn retry_rotation(cx: Cx, Path(id): Path<ObjectId>) -> Result<Response, Failure> {
    let back = back_to_key(&cx, id).await?;
    let done = super::retry_rotation(&cx, id).await;
    said(done.map(drop), &back, "Stint is trying again now.")
}

async fn cancel_rotation(
    cx: Cx,
    Path(id): Path<ObjectId>,
    Form(form): Form<Because>,
) -> Result<Response, Failure> {
    let back = back_to_key(&cx, id).await?;
    let done = super::cancel(&cx, id, &form.reason).await;
    said(
        done.map(drop),
        &back,
        "Called off. Stint takes back what was begun.",
    )
}

async fn back_to_key(cx: &Cx, id: ObjectId) -> Result<String, Failure> {
    let (found, _) = super::get_rotation(cx, id).await?;
    Ok(key_page(found.connection))
}
