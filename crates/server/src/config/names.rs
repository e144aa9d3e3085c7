//! What files call things by, and their ids: users by address, groups and policies by name,
//! entitlements by the names of what they are.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use stint_api::config::shape::Shape;
use stint_domain::EntitlementId;
use stint_domain::condition::Thing;
use stint_domain::entitlement::EntitlementKey;

use super::{Error, PAGE};
use crate::cx::Cx;
use crate::http::Paging;
use crate::identity::{GroupFilter, UserFilter};
use crate::policies::Policy;
use crate::{connections, directory, identity, policies};

/// What a name is one of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum What {
    Person,
    Group,
    Policy,
}

impl What {
    /// What stands in such a place, if it names something.
    pub(super) const fn of(shape: &Shape) -> Option<Self> {
        match shape {
            Shape::Person => Some(Self::Person),
            Shape::Group => Some(Self::Group),
            Shape::Policy => Some(Self::Policy),
            _ => None,
        }
    }
}

/// Names and ids of users, groups and policies.
#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    ids: BTreeMap<(What, String), String>,
    names: BTreeMap<String, String>,
    inactive: BTreeSet<String>,
    /// The ids that stand for what the files make.
    coming: BTreeSet<String>,
}

/// What names of policies and catalogs are unique by.
pub(super) fn fold(name: &str) -> String {
    tidy(name).to_lowercase()
}

/// A name as the rooms keep it: one blank where there are several.
pub(super) fn tidy(name: &str) -> String {
    name.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What names of that kind are unique by, as their room has it.
fn key(what: What, name: &str) -> String {
    match what {
        What::Policy => fold(name),
        What::Person | What::Group => name.trim().to_lowercase(),
    }
}

impl Names {
    pub(super) fn put(&mut self, what: What, name: &str, id: String) {
        self.names.insert(id.clone(), name.to_owned());
        self.ids.insert((what, key(what, name)), id);
    }

    /// Of what is not there yet: an id that stands for it until it has its own.
    pub(super) fn put_coming(&mut self, what: What, name: &str, id: String) {
        self.coming.insert(id.clone());
        self.put(what, name, id);
    }

    /// Whether this id stands for something that is not there yet.
    pub(super) fn is_coming(&self, id: &str) -> bool {
        self.coming.contains(id)
    }

    /// Whose name it is.
    pub(super) fn id(&self, what: What, name: &str) -> Option<&str> {
        self.ids.get(&(what, key(what, name))).map(String::as_str)
    }

    /// What that is called.
    pub(super) fn name(&self, id: &str) -> Option<&str> {
        self.names.get(id).map(String::as_str)
    }

    pub(super) fn is_inactive(&self, user: &str) -> bool {
        self.inactive.contains(user)
    }

    /// Everybody, every group and every policy there is, and the groups and policies themselves.
    pub(super) async fn read(cx: &Cx) -> Result<(Self, Vec<identity::Group>, Vec<Policy>), Error> {
        let mut names = Self::default();
        let mut paging = Paging::first(PAGE);
        loop {
            let page = identity::list_users(cx, &UserFilter::default(), &paging).await?;
            for user in page.items {
                let id = user.id.to_string();
                if !user.active {
                    names.inactive.insert(id.clone());
                }
                names.put(What::Person, &user.email, id);
            }
            match page.next {
                Some(next) => paging = Paging::after_cursor(PAGE, Some(next)),
                None => break,
            }
        }
        let mut groups = Vec::new();
        let mut paging = Paging::first(PAGE);
        loop {
            let page = identity::list_groups(cx, &GroupFilter::default(), &paging).await?;
            groups.extend(page.items);
            match page.next {
                Some(next) => paging = Paging::after_cursor(PAGE, Some(next)),
                None => break,
            }
        }
        for group in &groups {
            names.put(What::Group, &group.name, group.id.to_string());
        }
        let policies = policies::all(cx).await?;
        for policy in &policies {
            names.put(What::Policy, &policy.name, policy.id.to_string());
        }
        Ok((names, groups, policies))
    }

    /// Puts names in the place of ids.
    pub(super) fn in_names(&self, shape: &Shape, value: &mut Value) {
        each(shape, value, "", &mut |shape, _, text| {
            let named = match shape {
                Shape::Condition => Some(regroup(text, &mut |id| self.name(id).map(str::to_owned))),
                _ => self.name(text).map(str::to_owned),
            };
            if let Some(named) = named {
                *text = named;
            }
        });
    }

    /// Puts ids in the place of names; answers what was named. A name of nothing stays, and is told
    /// with its path.
    pub(super) fn in_ids(
        &self,
        shape: &Shape,
        value: &mut Value,
        unknown: &mut dyn FnMut(&str, String),
    ) -> BTreeSet<String> {
        let mut named = BTreeSet::new();
        each(shape, value, "", &mut |shape, path, text| {
            let Some(what) = What::of(shape) else {
                *text = regroup(text, &mut |name| {
                    let known = self.id(What::Group, name);
                    let known = known.or_else(|| self.name(name).map(|_| name));
                    match known {
                        Some(id) => {
                            named.insert(id.to_owned());
                            Some(id.to_owned())
                        }
                        None => {
                            unknown(path, missing(What::Group, name));
                            None
                        }
                    }
                });
                return;
            };
            match self.id(what, text) {
                Some(id) => {
                    named.insert(id.to_owned());
                    *text = id.to_owned();
                }
                None => unknown(path, missing(what, text)),
            }
        });
        named
    }
}

fn missing(what: What, name: &str) -> String {
    match what {
        What::Person => {
            format!("nobody has the address {name}: make the user first, or correct it")
        }
        What::Group => format!(
            "there is no group “{name}”, neither here nor in the files: add it, or correct the name"
        ),
        What::Policy => format!(
            "there is no policy “{name}”, neither here nor in the files: add it, or correct the name"
        ),
    }
}

/// Every text that names something, and every condition, with its path.
fn each(
    shape: &Shape,
    value: &mut Value,
    path: &str,
    found: &mut dyn FnMut(&Shape, &str, &mut String),
) {
    match (shape, value) {
        (Shape::Person | Shape::Group | Shape::Policy | Shape::Condition, Value::String(text)) => {
            found(shape, path, text)
        }
        (Shape::List(item) | Shape::Set(item), Value::Array(items)) => {
            for (at, inner) in items.iter_mut().enumerate() {
                each(item, inner, &format!("{path}[{at}]"), found);
            }
        }
        (Shape::Map(fields), Value::Object(has)) => {
            for field in *fields {
                if let Some(inner) = has.get_mut(field.name) {
                    let path = match path {
                        "" => field.name.to_owned(),
                        path => format!("{path}.{}", field.name),
                    };
                    each(&field.shape, inner, &path, found);
                }
            }
        }
        _ => {}
    }
}

/// A value in the one form in which equal things are the same text: what is as it is anyway left out,
/// fields in the order of their table, and what has no order in the order of its texts.
pub(super) fn canonical(shape: &Shape, value: &mut Value) {
    match (shape, value) {
        (Shape::Map(fields), Value::Object(has)) => {
            let mut rest = std::mem::take(has);
            // In the order of the table, in which they are written and hashed.
            for field in *fields {
                let Some(mut inner) = rest.remove(field.name) else {
                    continue;
                };
                canonical(&field.shape, &mut inner);
                if !inner.is_null() && !field.usual.is(&inner) {
                    has.insert(field.name.to_owned(), inner);
                }
            }
        }
        (Shape::List(item), Value::Array(items)) => {
            for inner in items {
                canonical(item, inner);
            }
        }
        (Shape::Set(item), Value::Array(items)) => {
            for inner in items.iter_mut() {
                canonical(item, inner);
            }
            items.sort_by_cached_key(ToString::to_string);
            items.dedup();
        }
        _ => {}
    }
}

/// A condition with other ids of groups in it: `Group::"…"`, outside of texts and remarks. Where
/// `turn` gives nothing it stays.
pub(super) fn regroup(text: &str, turn: &mut dyn FnMut(&str) -> Option<String>) -> String {
    let mut out = String::new();
    let mut rest = text;
    loop {
        let quote = rest.find('"');
        let remark = rest.find("//");
        let Some(at) = [quote, remark].into_iter().flatten().min() else {
            out.push_str(rest);
            return out;
        };
        let (before, after) = rest.split_at(at);
        out.push_str(before);
        if quote != Some(at) {
            let end = after.find('\n').unwrap_or(after.len());
            let (remark, beyond) = after.split_at(end);
            out.push_str(remark);
            rest = beyond;
            continue;
        }
        let Some((literal, said, beyond)) = literal(after) else {
            out.push_str(after);
            return out;
        };
        let turned = if is_group(&out) { turn(&said) } else { None };
        match turned {
            Some(new) => {
                out.push('"');
                out.push_str(&new.replace('\\', "\\\\").replace('"', "\\\""));
                out.push('"');
            }
            None => out.push_str(literal),
        }
        rest = beyond;
    }
}

/// Whether the type of what follows is a group's.
fn is_group(before: &str) -> bool {
    let Some(rest) = before.trim_end().strip_suffix("::") else {
        return false;
    };
    let Some(rest) = rest.trim_end().strip_suffix("Group") else {
        return false;
    };
    !rest.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':')
}

/// The text in quotes that this begins with: as it is written, what it says, and what comes after.
fn literal(text: &str) -> Option<(&str, String, &str)> {
    let mut said = String::new();
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => {
                let (whole, beyond) = text.split_at(at + 1);
                return Some((whole, said, beyond));
            }
            '\\' => match chars.next()? {
                (_, quoted @ ('"' | '\\')) => said.push(quoted),
                (_, other) => {
                    said.push('\\');
                    said.push(other);
                }
            },
            c => said.push(c),
        }
    }
    None
}

/// Names and ids of entitlements.
#[derive(Debug, Default)]
pub(super) struct Things {
    names: BTreeMap<EntitlementId, Value>,
    ids: BTreeMap<String, BTreeSet<EntitlementId>>,
}

/// Which of the three kinds it is, and where it is looked for.
fn look_up(connection: &str, account: Option<&str>, kind: &str, target: &str) -> String {
    json!([connection, account, kind, target]).to_string()
}

const FIELDS: [&str; 3] = ["permission_set", "group", "iam_group"];

impl Things {
    /// Every entitlement of every connection that AWS has.
    pub(super) async fn read(cx: &Cx) -> Result<Self, Error> {
        const ROWS: i64 = 1_000;
        let mut q = cx.read().await?;
        let connections = connections::names(&mut q).await?;
        let mut all = Vec::new();
        for id in connections.keys() {
            let mut after = None;
            loop {
                let page = directory::all_things(&mut q, *id, &connections, after, ROWS).await?;
                let Some(last) = page.last() else { break };
                after = Some(last.id);
                all.extend(page);
            }
        }
        let mut things = Self::default();
        for thing in &all {
            for (account, target) in called(thing) {
                let (kind, _) = kind_of(thing);
                let key = look_up(&thing.connection, account.as_deref(), kind, &target);
                things.ids.entry(key).or_default().insert(thing.id);
            }
        }
        for thing in &all {
            let (kind, _) = kind_of(thing);
            // The first that means it alone: names before ids.
            let own = called(thing).into_iter().find(|(account, target)| {
                let key = look_up(&thing.connection, account.as_deref(), kind, target);
                things.ids.get(&key).is_some_and(|found| found.len() == 1)
            });
            if let Some((account, target)) = own {
                let mut name = json!({ "connection": thing.connection, kind: target });
                if let (Some(account), Some(name)) = (account, name.as_object_mut()) {
                    name.insert("account".to_owned(), account.into());
                }
                things.names.insert(thing.id, name);
            }
        }
        Ok(things)
    }

    /// What it is called; nothing where AWS does not have it any more.
    pub(super) fn name(&self, id: EntitlementId) -> Option<&Value> {
        self.names.get(&id)
    }

    /// Which entitlement that is; else why that cannot be told.
    pub(super) fn id(&self, named: &Value) -> Result<EntitlementId, String> {
        let text = |name: &str| named.get(name).and_then(Value::as_str);
        let given: Vec<_> = (FIELDS.into_iter())
            .filter_map(|kind| Some((kind, text(kind)?)))
            .collect();
        let [(kind, target)] = given.as_slice() else {
            return Err("name one of permission_set, group and iam_group".to_owned());
        };
        let account = text("account");
        match (*kind, account) {
            ("group", Some(_)) => {
                return Err("a group of Identity Center is in no account: leave it out".to_owned());
            }
            ("permission_set" | "iam_group", None) => {
                return Err(format!("say on which account: {kind} goes with account"));
            }
            _ => {}
        }
        let connection = text("connection").unwrap_or_default();
        let found = self.ids.get(&look_up(connection, account, kind, target));
        let mut found = found.into_iter().flatten();
        match (found.next(), found.next()) {
            (Some(id), None) => Ok(*id),
            (Some(_), Some(_)) => Err(format!(
                "{} means several: name account and {kind} by their ids",
                label(named)
            )),
            (None, _) => Err(format!(
                "there is no entitlement {} in AWS: sync its connection first, or correct the name",
                label(named)
            )),
        }
    }
}

/// The field it is named by, and its account.
fn kind_of(thing: &Thing) -> (&'static str, Option<&str>) {
    match &thing.key {
        EntitlementKey::AccountAssignment { account, .. } => {
            ("permission_set", Some(account.as_str()))
        }
        EntitlementKey::GroupMembership { .. } => ("group", None),
        EntitlementKey::IamGroupMembership { account, .. } => ("iam_group", Some(account.as_str())),
    }
}

/// What a thing may be called: by account and by what it is there, names first, ids last.
fn called(thing: &Thing) -> Vec<(Option<String>, String)> {
    let (_, account) = kind_of(thing);
    let (target, name) = match &thing.key {
        EntitlementKey::AccountAssignment { permission_set, .. } => {
            (permission_set, &thing.permission_set)
        }
        EntitlementKey::GroupMembership { group }
        | EntitlementKey::IamGroupMembership { group, .. } => (group, &thing.group),
    };
    let targets = || name.iter().chain([target]);
    let Some(account) = account else {
        return targets().map(|target| (None, target.clone())).collect();
    };
    let accounts = thing.account_name.as_deref().into_iter().chain([account]);
    let accounts: Vec<_> = accounts.collect();
    (targets())
        .flat_map(|target| {
            let each = accounts.iter();
            each.map(move |account| (Some((*account).to_owned()), target.clone()))
        })
        .collect()
}

/// An entitlement by its names, on one line.
pub(super) fn label(named: &Value) -> String {
    let text = |name: &str| named.get(name).and_then(Value::as_str).unwrap_or("?");
    let what = FIELDS.into_iter().find(|kind| named.get(*kind).is_some());
    match what {
        Some("permission_set") => format!(
            "{} on {} ({})",
            text("permission_set"),
            text("account"),
            text("connection")
        ),
        Some("iam_group") => format!(
            "IAM group {} in {} ({})",
            text("iam_group"),
            text("account"),
            text("connection")
        ),
        Some(_) => format!("group {} ({})", text("group"), text("connection")),
        None => format!("? ({})", text("connection")),
    }
}

#[cfg(test)]
mod tests {
    use stint_api::config::shape::{CATALOG, POLICY};

    use super::*;

    #[test]
    fn groups_in_conditions_are_found_and_nothing_else_is() {
        let text = "principal in Group::\"a \\\"b\\\"\" && x == \"Group::\" // Group::\"c\"\n \
                    || principal in Group :: \"d\" || MyGroup::\"e\" == \"\\\"Group::\"";
        let mut seen = Vec::new();
        let same = regroup(text, &mut |name| {
            seen.push(name.to_owned());
            None
        });
        assert_eq!(same, text);
        assert_eq!(seen, ["a \"b\"", "d"]);
        let turned = regroup("Group::\"grp\"", &mut |_| Some("a \"b\" \\ c".to_owned()));
        assert_eq!(turned, "Group::\"a \\\"b\\\" \\\\ c\"");
        let back = regroup(&turned, &mut |name| {
            assert_eq!(name, "a \"b\" \\ c");
            Some("grp".to_owned())
        });
        assert_eq!(back, "Group::\"grp\"");
        assert_eq!(regroup("x \"open", &mut |_| None), "x \"open");
    }

    #[test]
    fn what_is_as_it_is_anyway_is_left_out_and_an_empty_rule_is_not() {
        let mut policy = json!({
            "name": "p", "auto_approve": false, "max_duration_seconds": 60, "step_up": null,
            "reason": { "required": false, "min_length": 0 },
            "rules": [{ "name": "r", "when": "true", "until_revoked": {}, "reason": { "required": false } }],
            "steps": [{ "name": "s", "needed": 1, "users": [], "roles": ["manager", "application_owner"] },
                { "name": "w", "needed": 0, "wait_seconds": 60 }],
        });
        canonical(&Shape::Map(POLICY), &mut policy);
        let wanted = json!({
            "name": "p", "max_duration_seconds": 60,
            "rules": [{ "name": "r", "when": "true", "until_revoked": {}, "reason": {} }],
            "steps": [{ "name": "s", "roles": ["application_owner", "manager"] },
                { "name": "w", "needed": 0, "wait_seconds": 60 }],
        });
        assert_eq!(policy, wanted);
        let mut catalog = json!({ "name": "c", "rank": 100, "audience": ["b", "a"] });
        canonical(&Shape::Map(CATALOG), &mut catalog);
        assert_eq!(catalog, json!({ "name": "c", "audience": ["a", "b"] }));
    }
}
