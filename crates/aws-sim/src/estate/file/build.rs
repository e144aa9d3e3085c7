//! An estate built from its file, thing by thing, by the operations that AWS has for it.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value, json};
use serde_saphyr::Spanned;

use super::super::{BEGINNING, generate};
use super::shapes::{Assignment, Group, Name, Paper, Person, Set, Shape, Unit};
use super::{FileError, as_it_is, bare, refused};
use crate::access::{Holder, Key, Moment};
use crate::history::{By, History};
use crate::ops;
use crate::options::Knobs;
use crate::relations::{Change, Principal};
use crate::wire::{Answer, ApiError, Call, Service};
use crate::world::{Cx, World};

/// Whoever builds: the estate's administrator, in whichever account it is about.
pub(super) struct Builder {
    pub(super) world: World,
    admin: Key,
    units: HashMap<String, u32>,
}

pub(super) fn world(shape: &Shape, knobs: Knobs) -> Result<World, FileError> {
    let mut estate =
        generate(&bare(shape.seed, shape.accounts.len() + 1)?).map_err(|e| as_it_is(&e))?;
    let mut ids = HashSet::new();
    let given = std::iter::once(&shape.management).chain(&shape.accounts);
    for (account, given) in estate.accounts.iter_mut().zip(given) {
        account.name.clone_from(&given.name.value);
        account.email = match &given.email {
            Some(email) => email.clone(),
            None => format!("aws+{}@acme.example", given.name.value),
        };
        account.state = given.state.into();
        account.tags.clear();
        if let Some(id) = &given.id {
            if id.value.len() != 12 || !id.value.bytes().all(|b| b.is_ascii_digit()) {
                let wrong = "an account's id has 12 digits; in quotes, if it begins with 0";
                return Err(FileError::of(id, wrong));
            }
            account.id.clone_from(&id.value);
        }
        if !ids.insert(account.id.clone()) {
            let of = given.id.as_ref().unwrap_or(&given.name);
            let wrong = format!("two accounts have the id {}", account.id);
            return Err(FileError::of(of, wrong));
        }
    }
    let world = World::founded(estate, knobs);
    let key = world.facts.admin.access_key_id.clone();
    let admin = world.access.keys.get(&key).cloned();
    let Some(admin) = admin else {
        return Err(FileError::of(
            &shape.management.name,
            "nobody administers it",
        ));
    };
    let mut builder = Builder {
        world,
        admin,
        units: HashMap::new(),
    };
    builder.build(shape)?;
    let mut world = builder.world;
    world.meet_people();
    // What an estate begins with nobody did.
    world.history = History::default();
    Ok(world)
}

impl Builder {
    fn build(&mut self, shape: &Shape) -> Result<(), FileError> {
        self.world.tree.units.clear();
        for parent in &mut self.world.tree.parents {
            *parent = None;
        }
        let root = self.world.estate.root_id.clone();
        for unit in &shape.units {
            self.unit(unit, "", &root)?;
        }
        for (place, account) in shape.accounts.iter().enumerate() {
            let Some(path) = &account.unit else { continue };
            let unit = self.units.get(&path.value).copied();
            let unknown = || {
                FileError::of(
                    path,
                    format!(
                        "no unit `{}`: list it under `units`, and write its path with `/`",
                        path.value
                    ),
                )
            };
            let unit = unit.ok_or_else(unknown)?;
            // The management account is the first.
            if let Some(parent) = self.world.tree.parents.get_mut(place + 1) {
                *parent = Some(unit);
            }
        }
        if let Some(unit) = &shape.management.unit {
            return Err(FileError::of(
                unit,
                "the management account stays at the root here",
            ));
        }
        for delegate in &shape.delegated_administrators {
            let id = self.account(&delegate.account)?;
            let input = json!({ "AccountId": id, "ServicePrincipal": delegate.service.value });
            let asked = self.ask(
                Service::Organizations,
                "RegisterDelegatedAdministrator",
                input,
            );
            asked.map_err(|e| {
                refused(
                    &delegate.account,
                    "delegated administrator",
                    &delegate.account.value,
                    &e,
                )
            })?;
        }
        let accounts = std::iter::once(&shape.management).chain(&shape.accounts);
        for (place, account) in accounts.enumerate() {
            let known = self.world.estate.accounts.get(place);
            let Some(id) = known
                .map(|it| it.id.clone())
                .filter(|_| !account.tags.is_empty())
            else {
                continue;
            };
            let input = json!({ "ResourceId": id, "Tags": tags(&account.tags) });
            let asked = self.ask(Service::Organizations, "TagResource", input);
            asked.map_err(|e| {
                refused(
                    &account.name,
                    "the tags of account",
                    &account.name.value,
                    &e,
                )
            })?;
        }
        for within in &shape.iam {
            self.iam(within)?;
        }
        for set in &shape.permission_sets {
            self.set(set)?;
        }
        for person in &shape.people {
            self.person(person)?;
        }
        for group in &shape.groups {
            self.group(group)?;
        }
        for assignment in &shape.assignments {
            self.assignment(assignment)?;
        }
        // Last, so that no policy of the file keeps its builder out.
        self.scps(shape, &root)
    }

    /// Asks for one operation, in the management account.
    pub(super) fn ask(
        &mut self,
        service: Service,
        operation: &str,
        input: Value,
    ) -> Result<Value, ApiError> {
        let account = self.world.estate.management().to_owned();
        self.ask_in(&account, service, operation, input)
    }

    /// The same in any account.
    pub(super) fn ask_in(
        &mut self,
        account: &str,
        service: Service,
        operation: &str,
        input: Value,
    ) -> Result<Value, ApiError> {
        let mut key = self.admin.clone();
        if let Holder::User {
            account: of, arn, ..
        } = &mut key.holder
        {
            *arn = arn.replace(of.as_str(), account);
            account.clone_into(of);
        }
        let call = Call {
            service,
            operation: operation.to_owned(),
            input,
            authorization: Err(ApiError::missing_authentication(service)),
            bearer: None,
            base: String::new(),
            broken: None,
        };
        let moment = Moment {
            at: BEGINNING,
            wall: BEGINNING,
        };
        let cx = Cx {
            call: &call,
            key: &key,
            moment,
            effect: None,
            no: 0,
        };
        match ops::dispatch(&mut self.world, &cx)? {
            Answer::Json(value) => Ok(value),
            Answer::Xml(_) | Answer::Text(_) => Ok(Value::Null),
        }
    }

    fn unit(&mut self, unit: &Unit, above: &str, parent: &str) -> Result<(), FileError> {
        let input = json!({ "ParentId": parent, "Name": unit.name.value });
        let made = self.ask(Service::Organizations, "CreateOrganizationalUnit", input);
        let made = made.map_err(|e| refused(&unit.name, "unit", &unit.name.value, &e))?;
        let id = text(&made, &["OrganizationalUnit", "Id"]);
        let path = if above.is_empty() {
            unit.name.value.clone()
        } else {
            format!("{above}/{}", unit.name.value)
        };
        if let Some(place) = self.world.tree.unit_by_id(&id) {
            self.units.insert(path.clone(), place);
        }
        for inside in &unit.units {
            self.unit(inside, &path, &id)?;
        }
        Ok(())
    }

    fn scps(&mut self, shape: &Shape, root: &str) -> Result<(), FileError> {
        let mut known = HashMap::new();
        for scp in &shape.service_control_policies {
            let name = &scp.name;
            let input = json!({
                "Name": name.value, "Description": scp.description, "Type": "SERVICE_CONTROL_POLICY",
                "Content": document(&scp.policy),
            });
            let made = self.ask(Service::Organizations, "CreatePolicy", input);
            let kind = "service control policy";
            let made = made.map_err(|e| refused(&scp.policy, kind, &name.value, &e))?;
            let id = text(&made, &["Policy", "PolicySummary", "Id"]);
            known.insert(name.value.clone(), id);
        }
        self.attach(&known, &shape.root_policies, root)?;
        for unit in &shape.units {
            self.attach_below(&known, unit, "")?;
        }
        for account in std::iter::once(&shape.management).chain(&shape.accounts) {
            if !account.policies.is_empty() {
                let id = self.account(&account.name)?;
                self.attach(&known, &account.policies, &id)?;
            }
        }
        Ok(())
    }

    fn attach_below(
        &mut self,
        known: &HashMap<String, String>,
        unit: &Unit,
        above: &str,
    ) -> Result<(), FileError> {
        let path = if above.is_empty() {
            unit.name.value.clone()
        } else {
            format!("{above}/{}", unit.name.value)
        };
        let place = self.units.get(&path).copied();
        let id = place.and_then(|place| self.world.tree.unit(place));
        let id = id.map(|unit| unit.id.clone()).unwrap_or_default();
        self.attach(known, &unit.policies, &id)?;
        for inside in &unit.units {
            self.attach_below(known, inside, &path)?;
        }
        Ok(())
    }

    fn attach(
        &mut self,
        known: &HashMap<String, String>,
        names: &[Name],
        target: &str,
    ) -> Result<(), FileError> {
        for name in names {
            let policy = known.get(&name.value);
            let policy = policy.ok_or_else(|| {
                unknown(name, "service control policy", "service_control_policies")
            })?;
            let input = json!({ "PolicyId": policy, "TargetId": target });
            let done = self.ask(Service::Organizations, "AttachPolicy", input);
            done.map_err(|e| refused(name, "service control policy", &name.value, &e))?;
        }
        Ok(())
    }

    /// The id of an account by its name or id.
    pub(super) fn account(&self, name: &Name) -> Result<String, FileError> {
        let accounts = &self.world.estate.accounts;
        let mut found = accounts
            .iter()
            .filter(|account| account.name == name.value || account.id == name.value);
        match (found.next(), found.next()) {
            (Some(one), None) => Ok(one.id.clone()),
            (Some(_), Some(_)) => {
                let wrong = format!("several accounts are called `{}`: give the id", name.value);
                Err(FileError::of(name, wrong))
            }
            (None, _) => Err(unknown(name, "account", "accounts")),
        }
    }

    fn set(&mut self, set: &Set) -> Result<(), FileError> {
        let name = set.name.value.clone();
        let instance = self.world.estate.instance_arn();
        let mut input = json!({ "InstanceArn": instance, "Name": name });
        let tags: Vec<Value> = tags(&set.tags);
        for (member, value) in [
            ("Description", json!(set.description)),
            (
                "SessionDuration",
                json!(set.session.as_ref().map(|it| &it.value)),
            ),
            ("RelayState", json!(set.relay_state)),
            (
                "Tags",
                if tags.is_empty() {
                    Value::Null
                } else {
                    json!(tags)
                },
            ),
        ] {
            put(&mut input, member, value);
        }
        let kind = "permission set";
        let made = self.ask(Service::Sso, "CreatePermissionSet", input);
        let made = made.map_err(|e| refused(&set.name, kind, &name, &e))?;
        let arn = text(&made, &["PermissionSet", "PermissionSetArn"]);
        let with = |member: &str, value: Value| {
            let mut input = json!({ "InstanceArn": instance, "PermissionSetArn": arn });
            put(&mut input, member, value);
            input
        };
        for policy in &set.managed {
            let of_aws = self.policy_arn("", policy)?;
            let input = with("ManagedPolicyArn", json!(of_aws));
            let done = self.ask(Service::Sso, "AttachManagedPolicyToPermissionSet", input);
            done.map_err(|e| refused(policy, kind, &name, &e))?;
        }
        for policy in &set.customer_managed {
            let (path, own) = match policy.value.rsplit_once('/') {
                Some((path, own)) => (format!("{path}/"), own),
                None => ("/".to_owned(), policy.value.as_str()),
            };
            let reference = json!({ "Name": own, "Path": path });
            let input = with("CustomerManagedPolicyReference", reference);
            let operation = "AttachCustomerManagedPolicyReferenceToPermissionSet";
            let done = self.ask(Service::Sso, operation, input);
            done.map_err(|e| refused(policy, kind, &name, &e))?;
        }
        if let Some(inline) = &set.inline {
            let input = with("InlinePolicy", json!(document(inline)));
            let done = self.ask(Service::Sso, "PutInlinePolicyToPermissionSet", input);
            done.map_err(|e| refused(inline, kind, &name, &e))?;
        }
        if let Some(boundary) = &set.boundary {
            let of_aws = self.policy_arn("", boundary)?;
            let input = with("PermissionsBoundary", json!({ "ManagedPolicyArn": of_aws }));
            let done = self.ask(Service::Sso, "PutPermissionsBoundaryToPermissionSet", input);
            done.map_err(|e| refused(boundary, kind, &name, &e))?;
        }
        Ok(())
    }

    fn person(&mut self, person: &Person) -> Result<(), FileError> {
        let store = self.world.estate.store.clone();
        let (given, family) = (&person.given_name, &person.family_name);
        let display = person.display_name.clone();
        let mut input = json!({
            "IdentityStoreId": store,
            "UserName": person.user_name.value,
            "DisplayName": display.unwrap_or_else(|| format!("{given} {family}")),
            "Name": { "GivenName": given, "FamilyName": family },
        });
        put(&mut input, "Title", json!(person.title));
        if let Some(email) = &person.email {
            let email = json!([{ "Value": email, "Type": "work", "Primary": true }]);
            put(&mut input, "Emails", email);
        }
        let made = self.ask(Service::IdentityStore, "CreateUser", input);
        let name = &person.user_name;
        made.map_err(|e| refused(name, "person", &name.value, &e))?;
        let issuer = self.world.scim.issuer();
        let users = &mut self.world.estate.users;
        if let Some(user) = users.get_mut(users.len().saturating_sub(1)) {
            user.enabled = !person.disabled;
            let id = person.external_id.iter().cloned();
            user.external_ids.extend(id.map(|id| (issuer.clone(), id)));
        }
        Ok(())
    }

    fn group(&mut self, group: &Group) -> Result<(), FileError> {
        let store = self.world.estate.store.clone();
        let name = &group.name;
        let mut input = json!({ "IdentityStoreId": store, "DisplayName": name.value });
        put(&mut input, "Description", json!(group.description));
        let made = self.ask(Service::IdentityStore, "CreateGroup", input);
        let made = made.map_err(|e| refused(name, "group", &name.value, &e))?;
        let id = text(&made, &["GroupId"]);
        let issuer = self.world.scim.issuer();
        let groups = &mut self.world.estate.groups;
        if let Some(known) = groups.get_mut(groups.len().saturating_sub(1)) {
            let own = group.external_id.iter().cloned();
            known
                .external_ids
                .extend(own.map(|own| (issuer.clone(), own)));
        }
        for member in &group.members {
            let user = self.user_id(member)?;
            let input = json!({
                "IdentityStoreId": store, "GroupId": id, "MemberId": { "UserId": user },
            });
            let done = self.ask(Service::IdentityStore, "CreateGroupMembership", input);
            done.map_err(|e| refused(member, "member", &member.value, &e))?;
        }
        Ok(())
    }

    fn user_place(&self, name: &Name) -> Result<u32, FileError> {
        let found = self.world.person_named(&name.value);
        found.ok_or_else(|| unknown(name, "person", "people"))
    }

    fn user_id(&self, name: &Name) -> Result<String, FileError> {
        let place = self.user_place(name)?;
        let user = self.world.estate.users.get(place as usize);
        Ok(user.map(|user| user.id.clone()).unwrap_or_default())
    }

    fn assignment(&mut self, assignment: &Assignment) -> Result<(), FileError> {
        let set = &assignment.permission_set;
        let mut sets = (0..).zip(&self.world.estate.sets);
        let place = sets.find(|(_, known)| known.name == set.value);
        let place = place.map(|(place, _)| place);
        let place = place.ok_or_else(|| unknown(set, "permission set", "permission_sets"))?;
        let mut who = Vec::new();
        for user in &assignment.users {
            who.push(Principal::user(self.user_place(user)?));
        }
        for group in &assignment.groups {
            let mut groups = (0..).zip(&self.world.estate.groups);
            let found = groups.find(|(_, known)| known.name.eq_ignore_ascii_case(&group.value));
            let found = found.map(|(place, _)| Principal::group(place));
            who.push(found.ok_or_else(|| unknown(group, "group", "groups"))?);
        }
        if who.is_empty() {
            return Err(FileError::of(
                set,
                "an assignment needs `users` or `groups`",
            ));
        }
        for name in &assignment.accounts {
            let id = self.account(name)?;
            let account = self.world.accounts_by_id.get(&id).copied().unwrap_or(0);
            for who in &who {
                let change = Change::Assign(account, place, *who);
                self.world.change(change, BEGINNING, By::OWNER);
            }
            // What an account lacks for a set would fail every assignment.
            let lacks = self.world.provision(account, place);
            lacks.map_err(|lacks| {
                let wrong = format!(
                    "permission set `{}` in `{}`: {lacks}",
                    set.value, name.value
                );
                FileError::of(name, wrong)
            })?;
        }
        Ok(())
    }

    /// The ARN of a managed policy by itself, or by the name of an account's own or of AWS's.
    pub(super) fn policy_arn(&self, account: &str, name: &Name) -> Result<String, FileError> {
        if name.value.starts_with("arn:") {
            return Ok(name.value.clone());
        }
        let all = || {
            self.world
                .access
                .managed
                .list
                .iter()
                .filter(|it| it.name == name.value)
        };
        let own = all().find(|it| it.account.as_deref() == Some(account));
        let found = own.or_else(|| all().find(|it| it.account.is_none()));
        let missing = || {
            let wrong = format!(
                "no policy `{}`: it is neither the account's own (list it under its `policies` first) nor one of AWS's that the simulator knows",
                name.value
            );
            FileError::of(name, wrong)
        };
        found.map(|it| it.arn.clone()).ok_or_else(missing)
    }
}

pub(super) fn unknown(name: &Name, kind: &str, list: &str) -> FileError {
    let wrong = format!("no {kind} `{}`: list it under `{list}`", name.value);
    FileError::of(name, wrong)
}

/// The text of a policy.
pub(super) fn document(paper: &Paper) -> String {
    match &paper.value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

pub(super) fn put(input: &mut Value, member: &str, value: Value) {
    if let (Some(members), false) = (input.as_object_mut(), value.is_null()) {
        members.insert(member.to_owned(), value);
    }
}

fn tags(tags: &std::collections::BTreeMap<String, String>) -> Vec<Value> {
    tags.iter()
        .map(|(key, value)| json!({ "Key": key, "Value": value }))
        .collect()
}

/// A text inside an answer.
fn text(answer: &Value, path: &[&str]) -> String {
    let found = path.iter().try_fold(answer, |at, name| at.get(name));
    found.and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// A form: texts by their names.
pub(super) fn form(members: &[(&str, Option<String>)]) -> Value {
    let members = members.iter().filter_map(|(name, value)| {
        let value = value.clone()?;
        Some(((*name).to_owned(), Value::String(value)))
    });
    Value::Object(members.collect::<Map<_, _>>())
}

/// Why something is not taken of a thing of this kind.
pub(super) fn not_of<T>(what: &Spanned<T>, kind: &str, member: &str) -> FileError {
    FileError::of(what, format!("an IAM {kind} has no `{member}`"))
}
