//! What a person's browser shows: the page on which a device is approved, and the one a program
//! sends its person to (AWS reference §11). Whoever opens them says who they are: there are no
//! passwords here.

use serde_json::{Map, Value};

use crate::access::Moment;
use crate::ops::is_registered;
use crate::sign_in::{CODE, Code, Said};
use crate::wire::{escape, form_decode};
use crate::world::World;

/// A page, or the way to another one.
pub(crate) enum Page {
    /// A status and what to show.
    Shown(u16, String),
    /// Where the browser goes.
    Elsewhere(String),
}

/// Whether this path is one of the pages; `device.sso.…` has its own at the root.
pub(crate) fn is_page(method: &str, path: &str, host: &str) -> bool {
    let asked = ["GET", "POST"].contains(&method);
    asked
        && (["/start/device", "/authorize"].contains(&path)
            || (path == "/" && host.starts_with("device.sso.")))
}

/// Answers a page.
pub(crate) fn answer(
    world: &mut World,
    moment: Moment,
    [method, path, query]: [&str; 3],
    body: &[u8],
) -> Page {
    let asked = form_decode(if method == "POST" {
        body
    } else {
        query.as_bytes()
    });
    match (path, method) {
        ("/authorize", "POST") => authorized(world, moment, &asked),
        ("/authorize", _) => authorize(world, moment, &asked),
        (_, "POST") => device_answered(world, moment, &asked),
        _ => {
            let code = text(&asked, "user_code");
            Page::Shown(200, device_page(world, code))
        }
    }
}

fn text<'a>(asked: &'a Map<String, Value>, name: &str) -> &'a str {
    asked.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// A device that waits is told what its person said.
pub(crate) fn answer_device(
    world: &mut World,
    now: i64,
    user_code: &str,
    said: Said,
) -> Result<(), String> {
    if let Said::Yes(user) = said
        && !world.may_sign_in(user)
    {
        return Err("This person may not sign in.".to_owned());
    }
    let device = world.sign_ins.device(user_code);
    let device = device.filter(|device| now < device.expires_at && !device.used);
    let Some(device) = device else {
        return Err("There is no device with this code, or it has waited too long.".to_owned());
    };
    if device.said != Said::Nothing {
        return Err("This code was used before.".to_owned());
    }
    device.said = said;
    Ok(())
}

fn device_answered(world: &mut World, moment: Moment, asked: &Map<String, Value>) -> Page {
    let said = match text(asked, "answer") {
        "deny" => Said::No,
        _ => match world.person_named(text(asked, "user")) {
            Some(user) => Said::Yes(user),
            None => return problem("There is nobody of this name."),
        },
    };
    match answer_device(world, moment.at, text(asked, "user_code"), said) {
        Ok(()) if said == Said::No => shown("Request denied", "<p>You can close this window.</p>"),
        Ok(()) => shown("Request approved", "<p>You can close this window.</p>"),
        Err(wrong) => problem(&wrong),
    }
}

fn device_page(world: &World, user_code: &str) -> String {
    let form = format!(
        "<p>A program asks to sign in for you. Allow it only if it shows this code.</p>\
         <form method=\"post\"><p><label>Code <input name=\"user_code\" value=\"{}\" required></label></p>{}</form>",
        escape(user_code),
        who(world),
    );
    page("Authorization requested", &form)
}

/// What a request to authorize must have, or why it has nowhere to go back to.
struct Wanted<'a> {
    client: &'a str,
    redirect: &'a str,
    state: &'a str,
    challenge: &'a str,
    scopes: Vec<String>,
}

fn wanted<'a>(
    world: &World,
    moment: Moment,
    asked: &'a Map<String, Value>,
) -> Result<Wanted<'a>, Page> {
    let (id, redirect) = (text(asked, "client_id"), text(asked, "redirect_uri"));
    let client = world.sign_ins.clients.get(id);
    let client = client.filter(|client| moment.at < client.expires_at);
    let Some(client) = client else {
        return Err(problem("No program with this client_id is registered."));
    };
    if !is_registered(client, redirect) {
        return Err(problem("The program did not register this redirect_uri."));
    }
    let state = text(asked, "state");
    let error = |code: &str| Page::Elsewhere(back(redirect, &[("error", code), ("state", state)]));
    if text(asked, "response_type") != "code" {
        return Err(error("unsupported_response_type"));
    }
    if !client.grants.iter().any(|it| it == "authorization_code") {
        return Err(error("unauthorized_client"));
    }
    let challenge = text(asked, "code_challenge");
    if challenge.is_empty() || text(asked, "code_challenge_method") != "S256" {
        return Err(error("invalid_request"));
    }
    // The aws command says `scopes`, OAuth says `scope` [R].
    let scopes = [text(asked, "scopes"), text(asked, "scope")].join(" ");
    let mut scopes: Vec<String> = scopes.split_whitespace().map(str::to_owned).collect();
    if scopes.iter().any(|scope| !client.scopes.contains(scope)) {
        return Err(error("invalid_scope"));
    }
    if scopes.is_empty() {
        scopes.clone_from(&client.scopes);
    }
    Ok(Wanted {
        client: id,
        redirect,
        state,
        challenge,
        scopes,
    })
}

fn authorize(world: &World, moment: Moment, asked: &Map<String, Value>) -> Page {
    if let Err(page) = wanted(world, moment, asked) {
        return page;
    }
    let client = world.sign_ins.clients.get(text(asked, "client_id"));
    let name = client.map_or("", |client| client.name.as_str());
    let hidden: String = asked
        .iter()
        .filter_map(|(name, value)| Some((name, value.as_str()?)))
        .map(|(name, value)| {
            let (name, value) = (escape(name), escape(value));
            format!("<input type=\"hidden\" name=\"{name}\" value=\"{value}\">")
        })
        .collect();
    let form = format!(
        "<p>{} asks to sign in for you.</p><form method=\"post\" action=\"/authorize\">{hidden}{}</form>",
        escape(name),
        who(world),
    );
    Page::Shown(200, page("Authorization requested", &form))
}

fn authorized(world: &mut World, moment: Moment, asked: &Map<String, Value>) -> Page {
    let wanted = match wanted(world, moment, asked) {
        Ok(wanted) => wanted,
        Err(page) => return page,
    };
    if text(asked, "answer") == "deny" {
        let told = [("error", "access_denied"), ("state", wanted.state)];
        return Page::Elsewhere(back(wanted.redirect, &told));
    }
    let user = world.person_named(text(asked, "user"));
    let Some(user) = user.filter(|user| world.may_sign_in(*user)) else {
        return problem("There is nobody of this name, or they may not sign in.");
    };
    world.sign_ins.forget(moment.at);
    let code = format!("aocAAAAAG{}", world.fresh("code").url_safe(86));
    world.sign_ins.codes.insert(
        code.clone(),
        Code {
            client: wanted.client.to_owned(),
            redirect: wanted.redirect.to_owned(),
            challenge: wanted.challenge.to_owned(),
            scopes: wanted.scopes,
            user,
            expires_at: moment.at + CODE,
            used: false,
        },
    );
    let told = [("code", code.as_str()), ("state", wanted.state)];
    Page::Elsewhere(back(wanted.redirect, &told))
}

/// An address with these in its query.
fn back(uri: &str, members: &[(&str, &str)]) -> String {
    let members: Vec<String> = members
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!("{name}={}", crate::wire::percent_encode(value)))
        .collect();
    let mark = if uri.contains('?') { '&' } else { '?' };
    format!("{uri}{mark}{}", members.join("&"))
}

/// Who it is, and what they say.
fn who(world: &World) -> String {
    let users = world.estate.users.iter().filter(|user| !user.removed);
    // Anybody can be named; a list of all would be a long page.
    let names: String = users
        .take(50)
        .map(|user| format!("<option value=\"{}\">", escape(&user.user_name)))
        .collect();
    format!(
        "<p><label>You are <input name=\"user\" list=\"people\" autocomplete=\"username\"></label>\
         <datalist id=\"people\">{names}</datalist></p>\
         <p><button name=\"answer\" value=\"allow\">Allow access</button> \
         <button name=\"answer\" value=\"deny\">Deny access</button></p>"
    )
}

fn problem(wrong: &str) -> Page {
    Page::Shown(
        400,
        page("This did not work", &format!("<p>{}</p>", escape(wrong))),
    )
}

fn shown(title: &str, inside: &str) -> Page {
    Page::Shown(200, page(title, inside))
}

fn page(title: &str, inside: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{title} - simulated AWS</title></head>\
         <body><main><h1>{title}</h1>{inside}</main></body></html>\n"
    )
}

impl World {
    /// The place of the person with this user name; names are the same whatever their case.
    pub(crate) fn person_named(&self, user_name: &str) -> Option<u32> {
        let mut people = self.estate.users.iter().zip(0_u32..);
        let found = people.find(|(user, _)| {
            !user.removed && user.user_name.eq_ignore_ascii_case(user_name.trim())
        });
        found.map(|(_, place)| place)
    }
}
