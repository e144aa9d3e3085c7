//! Users, as an identity provider makes and changes them.

use serde_json::{Map, Value, json};

use super::patch;
use super::{
    ENTERPRISE, absent, body, by, external_id, filter, id, invalid, meta, page, put_external_id,
    taken, text,
};
use crate::estate::{User, store_id};
use crate::ops::directory::find_user;
use crate::ops::people::{EACH, free_user};
use crate::ops::place_of;
use crate::wire::ApiError;
use crate::world::{Unsigned, World};

const CORE: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
/// How long texts may be (AWS reference, the shapes of the identity store [M]).
const NAME: usize = 128;
const TEXT: usize = 1024;
/// What the endpoint does not take (AWS documentation: CreateUser).
const REFUSED: &[&str] = &[
    "ims",
    "photos",
    "x509Certificates",
    "entitlements",
    "password",
    "groups",
];
/// Single texts that are kept as they come.
const TEXTS: &[&str] = &[
    "nickName",
    "profileUrl",
    "userType",
    "preferredLanguage",
    "locale",
    "timezone",
];
/// Lists that hold one entry at most, and what of an entry is kept.
const LISTS: &[(&str, &[&str])] = &[
    (
        "addresses",
        &[
            "formatted",
            "streetAddress",
            "locality",
            "region",
            "postalCode",
            "country",
            "type",
        ],
    ),
    ("phoneNumbers", &["value", "type"]),
    ("roles", &["value", "type"]),
];
/// Parts of a name beside the two that must be there.
const PARTS: &[&str] = &[
    "formatted",
    "middleName",
    "honorificPrefix",
    "honorificSuffix",
];
const ENTERPRISES: &[&str] = &[
    "employeeNumber",
    "costCenter",
    "organization",
    "division",
    "department",
];

/// What is said of a user, read and found to be fine.
struct Told {
    external_id: Option<String>,
    user_name: String,
    given: String,
    family: String,
    name: Map<String, Value>,
    display: String,
    title: String,
    email: String,
    enabled: bool,
    more: Map<String, Value>,
    enterprise: Map<String, Value>,
}

pub(super) fn create(world: &mut World, cx: &Unsigned<'_>) -> Result<Value, ApiError> {
    let told = read(body(cx)?, true)?;
    free(world, &told, None)?;
    let there = world.estate.users.iter().filter(|user| !user.removed);
    if there.count() >= EACH {
        // No error of the endpoint's is for this; what the identity store says is not among its
        // own [K].
        return Err(invalid());
    }
    let store = world.estate.store.clone();
    let id = store_id(&store, &mut world.fresh("user made"));
    let at = cx.moment.at;
    let place = place_of(world.estate.users.len());
    let mut user = User {
        id: id.clone(),
        user_name: String::new(),
        given: String::new(),
        family: String::new(),
        display: None,
        email: String::new(),
        title: String::new(),
        enabled: true,
        removed: false,
        created_at: at,
        updated_at: at,
        revision: 0,
        external_ids: Vec::new(),
        more: Map::new(),
        name: Map::new(),
        enterprise: Map::new(),
    };
    told.write(world, &mut user, at);
    let answer = shown(world, &user);
    world.estate.users.push(user);
    world.users_by_id.insert(id, place);
    Ok(answer)
}

pub(super) fn get(world: &World, cx: &Unsigned<'_>) -> Result<Value, ApiError> {
    let (_, user) = find(world, id(cx))?;
    Ok(shown(world, user))
}

/// Writes the user anew: what the body does not say is gone.
pub(super) fn put(world: &mut World, cx: &Unsigned<'_>) -> Result<Value, ApiError> {
    let (place, _) = find(world, id(cx))?;
    let told = read(body(cx)?, true)?;
    write(world, cx, place, told)
}

pub(super) fn patch(world: &mut World, cx: &Unsigned<'_>) -> Result<Value, ApiError> {
    let (place, user) = find(world, id(cx))?;
    let mut now = shown(world, user);
    let members = now.as_object_mut().ok_or_else(invalid)?;
    patch::apply(members, body(cx)?)?;
    let told = read(members, false)?;
    write(world, cx, place, told)
}

pub(super) fn delete(world: &mut World, cx: &Unsigned<'_>) -> Result<Value, ApiError> {
    let (place, _) = find(world, id(cx))?;
    world.remove_person(place, cx.moment.at, by(cx));
    Ok(Value::Null)
}

pub(super) fn list(world: &World, cx: &Unsigned<'_>) -> Result<Value, ApiError> {
    let users = &world.estate.users;
    let there = (0..)
        .zip(users)
        .filter(|(_, user)| !user.removed)
        .map(|(place, _)| place);
    let show = |place: u32| users.get(place as usize).map(|user| shown(world, user));
    let Some(wanted) = filter::asked(cx)? else {
        return page(world, cx, there, show);
    };
    let fits = |fits: &dyn Fn(&User) -> bool| -> Vec<u32> {
        let fitting = there
            .clone()
            .filter(|place| users.get(*place as usize).is_some_and(fits));
        fitting.collect()
    };
    let found = if let Some(name) = filter::alone(&wanted, "userName") {
        fits(&|user| user.user_name.eq_ignore_ascii_case(name))
    } else if let Some(wanted) = filter::alone(&wanted, "externalId") {
        fits(&|user| external_id(world, &user.external_ids) == Some(wanted))
    } else if let Some(group) = filter::alone(&wanted, "groups.value") {
        let group = world.groups_by_id.get(group).copied();
        let members = group.map(|group| world.relations().members_of(group, 0));
        members
            .into_iter()
            .flatten()
            .map(|(user, _)| user)
            .collect()
    } else if let Some((id, manager)) = filter::with_id(&wanted, "manager") {
        let known = find_user(world, id).ok().into_iter();
        let managed = |place: &u32| {
            let user = users.get(*place as usize);
            let of = user.and_then(|user| user.enterprise.get("manager")?.get("value")?.as_str());
            manager.is_none_or(|manager| of == Some(manager))
        };
        known.filter(managed).collect()
    } else {
        return Err(invalid());
    };
    page(world, cx, found.into_iter(), show)
}

fn find<'a>(world: &'a World, id: &str) -> Result<(u32, &'a User), ApiError> {
    let place = find_user(world, id).map_err(|_| absent("user"))?;
    let user = world.estate.users.get(place as usize);
    Ok((place, user.ok_or_else(|| absent("user"))?))
}

fn write(world: &mut World, cx: &Unsigned<'_>, place: u32, told: Told) -> Result<Value, ApiError> {
    free(world, &told, Some(place))?;
    let user = world.estate.users.get(place as usize).cloned();
    let mut user = user.ok_or_else(|| absent("user"))?;
    let disabled = user.enabled && !told.enabled;
    told.write(world, &mut user, cx.moment.at);
    let answer = shown(world, &user);
    if disabled {
        let afterlife = world.knobs.portal_afterlife_micros;
        world.sign_ins.close(place, cx.moment.at, afterlife);
    }
    if let Some(known) = world.estate.users.get_mut(place as usize) {
        *known = user;
    }
    Ok(answer)
}

/// Name, e-mail address and the provider's own id belong to one user each.
fn free(world: &World, told: &Told, but: Option<u32>) -> Result<(), ApiError> {
    let email = Some(told.email.as_str()).filter(|email| !email.is_empty());
    free_user(world, &told.user_name, email, but).map_err(|_| taken("User"))?;
    let Some(id) = told.external_id.as_deref() else {
        return Ok(());
    };
    let mut others = (0..).zip(&world.estate.users);
    let same = others.any(|(place, user)| {
        !user.removed && Some(place) != but && external_id(world, &user.external_ids) == Some(id)
    });
    if same { Err(taken("User")) } else { Ok(()) }
}

impl Told {
    fn write(self, world: &World, user: &mut User, at: i64) {
        user.user_name = self.user_name;
        user.given = self.given;
        user.family = self.family;
        user.name = self.name;
        user.display = Some(self.display);
        user.title = self.title;
        user.email = self.email;
        user.enabled = self.enabled;
        user.more = self.more;
        user.enterprise = self.enterprise;
        put_external_id(world, &mut user.external_ids, self.external_id);
        user.updated_at = at;
        user.revision += 1;
    }
}

/// Reads a user. A new one's e-mail address must be marked as its primary one (AWS documentation:
/// CreateUser and PutUser; of PatchUser it is not said).
fn read(body: &Map<String, Value>, whole: bool) -> Result<Told, ApiError> {
    let given = |name: &str| body.get(name).filter(|value| !value.is_null());
    let nothing = |value: &Value| value.as_array().is_some_and(Vec::is_empty);
    if REFUSED
        .iter()
        .filter_map(|name| given(name))
        .any(|value| !nothing(value))
    {
        return Err(invalid());
    }
    let needed = |text: Option<String>| text.ok_or_else(invalid);
    let name = given("name").and_then(Value::as_object);
    let name = name.ok_or_else(invalid)?;
    let mut more = Map::new();
    for member in TEXTS {
        if let Some(text) = text(body, member, TEXT)? {
            more.insert(large(member), json!(text));
        }
    }
    for (list, parts) in LISTS {
        if let Some(entry) = only(body, list)? {
            let mut kept = texts(entry, parts)?;
            if let Some(primary) = entry.get("primary").filter(|it| !it.is_null()) {
                let primary = primary.as_bool().ok_or_else(invalid)?;
                kept.insert("primary".to_owned(), json!(primary));
            }
            let kept = kept.into_iter().map(|(name, value)| (large(&name), value));
            let kept: Map<String, Value> = kept.collect();
            more.insert(large(list), json!([kept]));
        }
    }
    let email = match only(body, "emails")? {
        None => None,
        Some(entry) => {
            if whole && entry.get("primary") != Some(&json!(true)) {
                return Err(invalid());
            }
            let kind = text(entry, "type", TEXT)?;
            let kind = kind.unwrap_or_else(|| "work".to_owned());
            let address = needed(text(entry, "value", TEXT)?)?;
            // The identity store's list of addresses, of which there is one.
            let list = json!([{ "Value": address, "Type": kind, "Primary": true }]);
            more.insert("Emails".to_owned(), list);
            Some(address)
        }
    };
    let enterprise = match given(ENTERPRISE) {
        None => Map::new(),
        Some(Value::Object(given)) => enterprise(given)?,
        Some(_) => return Err(invalid()),
    };
    let parts = texts(name, PARTS)?;
    Ok(Told {
        external_id: text(body, "externalId", TEXT)?,
        user_name: needed(text(body, "userName", NAME)?)?,
        given: needed(text(name, "givenName", TEXT)?)?,
        family: needed(text(name, "familyName", TEXT)?)?,
        name: parts
            .into_iter()
            .map(|(it, value)| (large(&it), value))
            .collect(),
        display: needed(text(body, "displayName", TEXT)?)?,
        title: text(body, "title", TEXT)?.unwrap_or_default(),
        email: email.unwrap_or_default(),
        enabled: active(given("active"))?,
        more,
        enterprise,
    })
}

/// The one entry of a list that may have no second one. `display` is not taken.
fn only<'a>(
    body: &'a Map<String, Value>,
    list: &str,
) -> Result<Option<&'a Map<String, Value>>, ApiError> {
    match body.get(list) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Array(entries)) => match entries.as_slice() {
            [] => Ok(None),
            [Value::Object(one)] if !one.contains_key("display") => Ok(Some(one)),
            _ => Err(invalid()),
        },
        Some(_) => Err(invalid()),
    }
}

/// True unless it says otherwise, also as a text: the documentation's example of a PATCH has one.
fn active(value: Option<&Value>) -> Result<bool, ApiError> {
    match value {
        None => Ok(true),
        Some(Value::Bool(active)) => Ok(*active),
        Some(Value::String(text)) if text.eq_ignore_ascii_case("true") => Ok(true),
        Some(Value::String(text)) if text.eq_ignore_ascii_case("false") => Ok(false),
        Some(_) => Err(invalid()),
    }
}

fn enterprise(given: &Map<String, Value>) -> Result<Map<String, Value>, ApiError> {
    let mut kept = texts(given, ENTERPRISES)?;
    let manager = given.get("manager").filter(|manager| !manager.is_null());
    // As a text from some clients [K].
    let manager = match manager {
        None => None,
        Some(Value::String(id)) => Some(id.clone()),
        Some(Value::Object(one)) if !one.contains_key("displayName") => text(one, "value", TEXT)?,
        Some(_) => return Err(invalid()),
    };
    if let Some(manager) = manager {
        kept.insert("manager".to_owned(), json!({ "value": manager }));
    }
    Ok(kept)
}

/// Those of these members that are there.
fn texts(of: &Map<String, Value>, names: &[&str]) -> Result<Map<String, Value>, ApiError> {
    let mut kept = Map::new();
    for name in names {
        if let Some(text) = text(of, name, TEXT)? {
            kept.insert((*name).to_owned(), json!(text));
        }
    }
    Ok(kept)
}

/// How the identity store spells a member: `StreetAddress`.
fn large(name: &str) -> String {
    let mut chars = name.chars();
    let first = chars.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(chars).collect()
}

/// A user as the endpoint tells it.
fn shown(world: &World, user: &User) -> Value {
    let mut schemas = vec![CORE];
    let mut name: Map<String, Value> = small(&Value::Object(user.name.clone()));
    name.insert("givenName".to_owned(), json!(user.given));
    name.insert("familyName".to_owned(), json!(user.family));
    let display = user.display.clone();
    let display = display.unwrap_or_else(|| format!("{} {}", user.given, user.family));
    let mut told = small(&Value::Object(user.more.clone()));
    // Of the identity store's attributes, those the endpoint knows.
    let lists = LISTS.iter().map(|(list, _)| *list);
    let known: Vec<&str> = lists
        .chain(TEXTS.iter().copied())
        .chain(["emails"])
        .collect();
    told.retain(|name, _| known.contains(&name.as_str()));
    if !user.email.is_empty() && !told.contains_key("emails") {
        let email = json!([{ "value": user.email, "type": "work", "primary": true }]);
        told.insert("emails".to_owned(), email);
    }
    let members = [
        ("id", json!(user.id)),
        ("externalId", json!(external_id(world, &user.external_ids))),
        ("meta", meta("User", user.created_at, user.updated_at)),
        ("userName", json!(user.user_name)),
        ("name", Value::Object(name)),
        ("displayName", json!(display)),
        (
            "title",
            json!(Some(&user.title).filter(|it| !it.is_empty())),
        ),
        ("active", json!(user.enabled)),
    ];
    let members = members.into_iter().filter(|(_, value)| !value.is_null());
    told.extend(members.map(|(name, value)| (name.to_owned(), value)));
    if !user.enterprise.is_empty() {
        schemas.push(ENTERPRISE);
        told.insert(ENTERPRISE.to_owned(), json!(user.enterprise));
    }
    told.insert("schemas".to_owned(), json!(schemas));
    Value::Object(told)
}

/// How SCIM spells what the identity store has.
fn small(value: &Value) -> Map<String, Value> {
    fn spelled(value: &Value) -> Value {
        match value {
            Value::Object(members) => members
                .iter()
                .map(|(name, value)| (crate::wire::member_name(name), spelled(value)))
                .collect(),
            Value::Array(items) => items.iter().map(spelled).collect(),
            other => other.clone(),
        }
    }
    match spelled(value) {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}
