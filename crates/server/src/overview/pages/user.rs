//! A user's page: who they are here, who they are in AWS, what they hold, how they sign in;
//! and taking them off, which says what becomes of each of these.

use axum::response::Response;
use http::Method;
use stint_domain::UserId;
use stint_domain::rights::{Relation, Verb};

use super::view;
use crate::cx::Cx;
use crate::directory;
use crate::grants::{self, Origin};
use crate::http::{Failure, Fault as _, Paging, Path, Query, Routes};
use crate::identity::{self, User};
use crate::web::fields::ConfirmPage;
use crate::web::{self, Chip, Copyable, Empty, Fact, Facts, Flash, Frame, Listing, Tone, When};

/// How many tokens and how many links a page shows.
const ROWS: i64 = 50;

pub(super) fn routes() -> Routes {
    Routes::new()
        .page(Verb::GetUser, Method::GET, "/people/users/{id}", show)
        .page(
            Verb::DeactivateUser,
            Method::GET,
            "/people/users/{id}/deactivate",
            ask,
        )
        .page(
            Verb::DeactivateUser,
            Method::POST,
            "/people/users/{id}/deactivate",
            deactivate,
        )
        .page(
            Verb::ReactivateUser,
            Method::POST,
            "/people/users/{id}/reactivate",
            reactivate,
        )
}

/// The page of a user.
fn href(id: UserId) -> String {
    format!("/people/users/{id}")
}

/// How the caller stands to this user.
fn relation(cx: &Cx, id: UserId) -> Relation {
    if cx.actor.user() == Some(id) {
        Relation::Own
    } else {
        Relation::Others
    }
}

async fn show(
    cx: Cx,
    frame: Frame,
    Path(id): Path<UserId>,
    Query(asked): Query<Listing>,
) -> Result<Response, Failure> {
    let user = identity::get_user(&cx, id).await?;
    let may = |verb| cx.authorize(verb, relation(&cx, id)).is_ok();
    let path = href(id);
    let held = if relation(&cx, id) == Relation::Own || may(Verb::ListGrants) {
        Some(held(&cx, id).await?)
    } else {
        None
    };
    let links = if cx.authorize(Verb::ListLinks, Relation::None).is_ok() {
        let linked = directory::LinkFilter {
            user: Some(id),
            ..directory::LinkFilter::default()
        };
        let page = directory::links(&cx, &linked, &Paging::first(ROWS)).await?;
        Some(directory::link_rows(&cx, page.items).await?)
    } else {
        None
    };
    let sign_ins = if may(Verb::ListSignIns) {
        Some(identity::sign_in_rows(&cx, id).await?)
    } else {
        None
    };
    let (tokens, pager) = if may(Verb::ListTokens) {
        let page = identity::list_tokens(&cx, id, &asked.paging(ROWS)).await?;
        let pager = asked.pager(&path, page.next.as_deref());
        (Some(identity::token_rows(&cx, page.items)), pager)
    } else {
        (None, web::Pager::default())
    };
    let view = view::ShowUser {
        chip: match user.active {
            true => Chip::active(),
            false => Chip::new(Tone::Idle, "ban", "Deactivated"),
        },
        facts: facts(&cx, &user).await?,
        change: may(Verb::UpdateUser).then(|| format!("{path}/edit")),
        // One's own is changed where the present one is asked for.
        password: may(Verb::UpdateUser).then(|| match cx.actor.user() == Some(id) {
            true => "/account/password".to_owned(),
            false => format!("{path}/password"),
        }),
        roles: may(Verb::SetRoles).then(|| format!("{path}/roles")),
        deactivate: (may(Verb::DeactivateUser) && user.active)
            .then(|| format!("{path}/deactivate")),
        reactivate: (may(Verb::ReactivateUser) && !user.active)
            .then(|| format!("{path}/reactivate")),
        propose: (cx.authorize(Verb::ProposeLink, Relation::None).is_ok() && user.active)
            .then(|| format!("/people/links/new?user={id}")),
        nothing_held: Empty::new(
            "clock",
            "Holds no access through Stint",
            "What was granted and has not ended shows here.",
        ),
        held,
        links,
        sign_ins,
        tokens,
        pager,
        name: user.name,
        back: path,
    };
    Ok(web::page(&frame, &view.name, &view))
}

async fn facts(cx: &Cx, user: &User) -> Result<Facts, identity::Error> {
    let roles: Vec<&str> = user.roles.iter().map(|role| role.title()).collect();
    let groups = identity::groups_of_user(cx, user.id).await?;
    let groups: Vec<String> = groups.into_iter().map(|group| group.name).collect();
    let or = |words: String, none: &str| {
        if words.is_empty() {
            none.to_owned()
        } else {
            words
        }
    };
    let mut facts = vec![
        Fact::new("E-mail address", &user.email),
        Fact::new("Roles", or(roles.join(", "), "User")),
        Fact::new("Groups", or(groups.join(", "), "none")),
        Fact::new("Since", "").when(When::both(user.created_at, cx.now)),
    ];
    let mut known = Vec::new();
    if let Some(department) = &user.department {
        known.push(Fact::new("Department", department));
    }
    if let Some(title) = &user.title {
        known.push(Fact::new("Title", title));
    }
    if let Some(manager) = user.manager {
        let found = identity::user(&mut cx.read().await?, manager).await?;
        let name = found.map_or_else(|| manager.to_string(), |it| it.name);
        known.push(Fact::new("Manager", name));
    }
    facts.splice(1..1, known);
    if let Some(at) = user.deactivated_at {
        facts.push(Fact::new("Deactivated", "").when(When::both(at, cx.now)));
    }
    facts.push(Fact::new("Id", "").copy(Copyable::new(user.id.to_string(), "the user's id")));
    Ok(Facts { facts })
}

async fn held(cx: &Cx, id: UserId) -> Result<Vec<view::HeldBy>, Failure> {
    let grants = grants::now_of(cx, id).await?;
    let mut q = cx.read().await?;
    let names = grants::Names::of(&mut q, &grants).await?;
    let mut rows = Vec::with_capacity(grants.len());
    for grant in grants {
        let Some(entitlement) = names.entitlement(&grant) else {
            continue;
        };
        let place = directory::place(entitlement);
        let Origin::Request(request) = grant.origin;
        rows.push(view::HeldBy {
            href: format!("/requests/{request}"),
            place: match names.group(&grant) {
                Some(group) => format!("{place} · for {}", directory::called(group)),
                None => place,
            },
            what: entitlement.name.clone(),
            chip: grants::chip(&grant, cx.now),
            left: grants::time_left(&grant, cx.now),
        });
    }
    Ok(rows)
}

/// Asks once, and says what becomes of sign-ins, tokens and access.
async fn ask(cx: Cx, frame: Frame, Path(id): Path<UserId>) -> Result<Response, Failure> {
    cx.authorize(Verb::DeactivateUser, relation(&cx, id))?;
    let page = question(&cx, id, None).await?;
    Ok(web::page(&frame, &page.title, &page))
}

async fn question(cx: &Cx, id: UserId, refused: Option<String>) -> Result<ConfirmPage, Failure> {
    let user = identity::get_user(cx, id).await?;
    let sign_ins = identity::list_sign_ins(cx, id).await?.len();
    let grants = grants::now_of(cx, id).await?.len();
    let wall = cx.app.wall.now();
    let tokens = identity::list_tokens(cx, id, &Paging::first(200)).await?;
    let live = |token: &&identity::Token| token.state(wall) == identity::TokenState::Active;
    let tokens = tokens.items.iter().filter(live).count();
    let mut stays = vec![
        "Groups, roles, links and what they did stay on record. They can be made active again; old sign-ins and tokens stay dead.".to_owned(),
    ];
    stays.insert(
        0,
        match grants {
            0 => "They hold no access through Stint. Access they have in AWS outside Stint is not touched.".to_owned(),
            1 => "The 1 grant of access they hold stays in AWS until its own end: revoke it under Grants where that is too late.".to_owned(),
            n => format!("The {n} grants of access they hold stay in AWS until their own ends: revoke them under Grants where that is too late."),
        },
    );
    Ok(ConfirmPage {
        crumb: (href(id), user.name.clone()),
        title: format!("Deactivate {}?", user.name),
        changes: vec![
            match sign_ins {
                0 => format!("{} can no longer sign in.", user.name),
                1 => format!(
                    "{} can no longer sign in: 1 sign-in ends at once.",
                    user.name
                ),
                n => format!(
                    "{} can no longer sign in: {n} sign-ins end at once.",
                    user.name
                ),
            },
            match tokens {
                0 => "They have no active API token.".to_owned(),
                1 => "1 active API token is revoked, for good.".to_owned(),
                n => format!("{n} active API tokens are revoked, for good."),
            },
            "They can ask for nothing and decide about nothing, whatever names them.".to_owned(),
        ],
        stays,
        refused,
        action: format!("{}/deactivate", href(id)),
        hidden: Vec::new(),
        word: "Deactivate",
        danger: true,
        back: href(id),
    })
}

async fn deactivate(cx: Cx, frame: Frame, Path(id): Path<UserId>) -> Result<Response, Failure> {
    match identity::deactivate_user(&cx, id).await {
        Ok(user) => Ok(web::go_with(
            &href(id),
            &Flash::done(format!("{} is deactivated.", user.name)),
        )),
        Err(error @ identity::Error::LastSuperAdmin) => {
            let status = error.kind().status();
            let page = question(&cx, id, Some(error.detail())).await?;
            Ok(web::page_with(status, &frame, &page.title, &page))
        }
        Err(error) => Err(error.into()),
    }
}

async fn reactivate(cx: Cx, Path(id): Path<UserId>) -> Result<Response, Failure> {
    let user = identity::reactivate_user(&cx, id).await?;
    Ok(web::go_with(
        &href(id),
        &Flash::done(format!(
            "{} is active again, and can sign in. Sign-ins and tokens from before stay dead.",
            user.name
        )),
    ))
}
