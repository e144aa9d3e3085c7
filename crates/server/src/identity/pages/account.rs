//! One's own page: who one is here, sign-ins, API tokens, the password.

use axum::response::Response;
use http::{Method, StatusCode};
use secrecy::ExposeSecret as _;
use stint_domain::UserId;
use stint_domain::rights::{Relation, Verb};

use super::super::{
    Error, Method as How, NewToken, SignIn, Token, TokenState, change_password, issue_token,
    list_sign_ins, list_tokens, me,
};
use super::view;
use crate::cx::{Cx, Via};
use crate::http::{Failure, Fault as _, Form, Paging, Query, Routes};
use crate::web::fields::{Choice, Field, FormPage};
use crate::web::form::sentence;
use crate::web::{
    self, Chip, Copyable, Empty, Fact, Facts, Flash, Frame, Listing, Mistakes, Sent, Tone, When,
};

/// How many tokens a page shows.
const ROWS: i64 = 50;
/// How many days a token may be asked to last on the page, and what that is called.
const LENGTHS: [(&str, &str); 4] = [
    ("7", "7 days"),
    ("30", "30 days"),
    ("90", "90 days"),
    ("366", "a year"),
];

pub(super) fn routes() -> Routes {
    Routes::new()
        .page(Verb::Me, Method::GET, "/account", show)
        .page(
            Verb::ChangePassword,
            Method::GET,
            "/account/password",
            password_page,
        )
        .page(
            Verb::ChangePassword,
            Method::POST,
            "/account/password",
            set_password,
        )
        .page(
            Verb::IssueToken,
            Method::GET,
            "/account/tokens/new",
            token_page,
        )
        .page(Verb::IssueToken, Method::POST, "/account/tokens/new", issue)
}

async fn show(cx: Cx, frame: Frame, Query(asked): Query<Listing>) -> Result<Response, Failure> {
    let (user, groups) = me(&cx).await?;
    let page = list_tokens(&cx, user.id, &asked.paging(ROWS)).await?;
    let roles: Vec<&str> = user.roles.iter().map(|role| role.title()).collect();
    let names: Vec<String> = groups.into_iter().map(|group| group.name).collect();
    let facts = vec![
        Fact::new("Name", &user.name),
        Fact::new("E-mail address", &user.email),
        Fact::new(
            "Roles",
            if roles.is_empty() {
                "User".to_owned()
            } else {
                roles.join(", ")
            },
        ),
        Fact::new(
            "Groups",
            if names.is_empty() {
                "none".to_owned()
            } else {
                names.join(", ")
            },
        ),
        Fact::new("Id", "").copy(Copyable::new(user.id.to_string(), "your id")),
    ];
    let view = view::Account {
        facts: Facts { facts },
        sign_ins: sign_in_rows(&cx, user.id).await?,
        pager: asked.pager("/account", page.next.as_deref()),
        tokens: token_rows(&cx, page.items),
        no_tokens: Empty::new(
            "key",
            "No API token yet",
            "A program that acts as you, such as the stint command, signs in with a token.",
        )
        .leading_to("/account/tokens/new", "New token"),
        back: "/account".to_owned(),
    };
    Ok(web::page(&frame, "Your account", &view))
}

/// The sign-ins of a user that are not over. Their times are of the wall clock.
pub(crate) async fn sign_in_rows(cx: &Cx, user: UserId) -> Result<Vec<view::SignInRow>, Error> {
    let may_end = cx.authorize(Verb::EndSignIn, super::super::relation(cx, user));
    let wall = cx.app.wall.now();
    let this = match cx.person()?.via {
        Via::Page(id) => Some(id),
        Via::Token(_) => None,
    };
    let row = |it: SignIn| view::SignInRow {
        how: match it.method {
            How::Password => "with a password",
            How::Demo => "as a persona of the demo",
        },
        this: this == Some(it.id),
        began: When::both(it.created_at, wall),
        seen: When::relative(it.seen_at, wall),
        end: may_end
            .is_ok()
            .then(|| format!("/people/sign-ins/{}/end", it.id)),
    };
    Ok(list_sign_ins(cx, user)
        .await?
        .into_iter()
        .map(row)
        .collect())
}

/// Tokens as rows. Their times are of the wall clock.
pub(crate) fn token_rows(cx: &Cx, tokens: Vec<Token>) -> Vec<view::TokenRow> {
    let wall = cx.app.wall.now();
    let row = |it: Token| {
        let state = it.state(wall);
        let relation = super::super::relation(cx, it.user);
        let may_revoke = cx.authorize(Verb::RevokeToken, relation).is_ok();
        view::TokenRow {
            key: format!("revoke-{}", it.id),
            chip: match state {
                TokenState::Active => Chip::new(Tone::Live, "circle-check", "Active"),
                TokenState::Expired => Chip::new(Tone::Idle, "clock", "Expired"),
                TokenState::Revoked => Chip::new(Tone::Idle, "ban", "Revoked"),
            },
            until: When::both(it.revoked_at.unwrap_or(it.expires_at), wall),
            used: it.last_used_at.map(|at| When::relative(at, wall)),
            revoke: (may_revoke && state == TokenState::Active)
                .then(|| format!("/people/tokens/{}/revoke", it.id)),
            name: it.name,
        }
    };
    tokens.into_iter().map(row).collect()
}

// ---- the password

async fn password_page(cx: Cx, frame: Frame) -> Result<Response, Failure> {
    cx.authorize(Verb::ChangePassword, Relation::Own)?;
    Ok(password_form(&frame, Mistakes::none(), StatusCode::OK))
}

async fn set_password(cx: Cx, frame: Frame, Form(sent): Form<Sent>) -> Result<Response, Failure> {
    cx.authorize(Verb::ChangePassword, Relation::Own)?;
    let typed = |name| sent.secret(name).unwrap_or_default();
    let (new, again) = (typed("new"), typed("again"));
    let wrong = StatusCode::UNPROCESSABLE_ENTITY;
    if new.expose_secret() != again.expose_secret() {
        let mistakes = Mistakes::at("again", "It is not the same as the new password above.");
        return Ok(password_form(&frame, mistakes, wrong));
    }
    let (field, error) = match change_password(&cx, typed("current"), new).await {
        Ok(()) => {
            return Ok(web::go_with(
                "/account",
                &Flash::done("Your password is changed, and your other sign-ins have ended."),
            ));
        }
        Err(error @ (Error::WrongPassword | Error::LockedOut { .. })) => ("current", error),
        Err(error @ Error::Password(_)) => ("new", error),
        Err(error) => return Err(error.into()),
    };
    let status = error.kind().status();
    let mistakes = Mistakes::at(field, sentence(&error.detail()));
    Ok(password_form(&frame, mistakes, status))
}

fn password_form(frame: &Frame, mistakes: Mistakes, status: StatusCode) -> Response {
    let page = FormPage {
        crumb: ("/account".to_owned(), "Your account".to_owned()),
        title: "Change your password".to_owned(),
        lead: String::new(),
        action: "/account/password".to_owned(),
        version: None,
        meanwhile: None,
        parts: vec![
            Field::password("current", "Current password", "current-password")
                .required()
                .wrong(&mistakes)
                .into(),
            Field::password("new", "New password", "new-password")
                .hint("At least 12 characters; several words are easier to keep in mind than signs.")
                .required()
                .wrong(&mistakes)
                .into(),
            Field::password("again", "The new one again", "new-password")
                .required()
                .wrong(&mistakes)
                .into(),
        ],
        mistakes,
        save: "Change the password",
        back: "/account".to_owned(),
        aside: Some((
            "What this changes",
            vec![
                "You stay signed in here; every other sign-in of yours ends at once.".to_owned(),
                "Your API tokens stay as they are. Passwords are never sent back: after a mistake you type them again.".to_owned(),
            ],
        )),
    };
    web::page_with(status, frame, &page.title, &page)
}

// ---- tokens

async fn token_page(cx: Cx, frame: Frame) -> Result<Response, Failure> {
    cx.authorize(Verb::IssueToken, Relation::Own)?;
    let none = Mistakes::none();
    Ok(token_form(&frame, "", "90", none, StatusCode::OK))
}

/// Issues a token and answers with its secret. Nothing keeps the secret: sending the form a
/// second time, as reloading that page does, finds the name taken and shows none.
async fn issue(cx: Cx, frame: Frame, Form(sent): Form<Sent>) -> Result<Response, Failure> {
    cx.authorize(Verb::IssueToken, Relation::Own)?;
    let (name, days) = (sent.text("name"), sent.text("days"));
    let wrong = StatusCode::UNPROCESSABLE_ENTITY;
    if has_token_called(&cx, name).await? {
        let mistakes = Mistakes::at(
            "name",
            "You have an active token of this name. Its secret was shown once and is not kept: revoke it if it is lost, or choose another name.",
        );
        return Ok(token_form(&frame, name, days, mistakes, wrong));
    }
    let new = NewToken {
        name: name.to_owned(),
        days: Some(days.parse().unwrap_or(0)),
    };
    match issue_token(&cx, new).await {
        Ok(issued) => {
            let wall = cx.app.wall.now();
            let view = view::Issued {
                until: When::both(issued.token.expires_at, wall),
                secret: Copyable::new(issued.secret.expose_secret(), "the token"),
                name: issued.token.name,
            };
            Ok(web::page(&frame, "Your new token", &view))
        }
        Err(error) => {
            let (field, text) = match &error {
                Error::Bad { field, why } => (*field, why.clone()),
                Error::TooManyTokens => ("", error.detail()),
                _ => return Err(error.into()),
            };
            let mistakes = Mistakes::at(field, text);
            Ok(token_form(&frame, name, days, mistakes, wrong))
        }
    }
}

async fn has_token_called(cx: &Cx, name: &str) -> Result<bool, Error> {
    let (user, wall) = (cx.person()?.id, cx.app.wall.now());
    let mut paging = Paging::first(200);
    loop {
        let page = list_tokens(cx, user, &paging).await?;
        let same = |it: &Token| it.state(wall) == TokenState::Active && it.name == name;
        if page.items.iter().any(same) {
            return Ok(true);
        }
        match page.next {
            Some(next) => paging = Paging::after_cursor(200, Some(next)),
            None => return Ok(false),
        }
    }
}

fn token_form(
    frame: &Frame,
    name: &str,
    days: &str,
    mistakes: Mistakes,
    status: StatusCode,
) -> Response {
    let lengths = LENGTHS.iter().map(|(days, word)| Choice::new(*days, *word));
    let page = FormPage {
        crumb: ("/account".to_owned(), "Your account".to_owned()),
        title: "New API token".to_owned(),
        lead: String::new(),
        action: "/account/tokens/new".to_owned(),
        version: None,
        meanwhile: None,
        parts: vec![
            Field::line("name", "Name")
                .hint("To know it again: what uses it, and where, such as “stint on my laptop”.")
                .value(name)
                .required()
                .longest(120)
                .wrong(&mistakes)
                .into(),
            Field::one_of("days", "Good for", lengths.collect())
                .value(days)
                .required()
                .wrong(&mistakes)
                .into(),
        ],
        mistakes,
        save: "Create the token",
        back: "/account".to_owned(),
        aside: Some((
            "What a token is",
            vec![
                "Whoever has it acts as you, with your roles, until it ends or is revoked.".to_owned(),
                "It is shown once, on the next page, and never again: Stint keeps only a fingerprint of it.".to_owned(),
            ],
        )),
    };
    web::page_with(status, frame, &page.title, &page)
}
