//! What a condition is asked about, as Cedar's entities and context.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use cedar_policy::{
    Context, Entities, Entity, EntityId, EntityTypeName, EntityUid, Request, RestrictedExpression,
};
use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::About;
use crate::entitlement::EntitlementKey;
use crate::{ApplicationId, EntitlementId, GroupId, Span, Time, UserId};

/// A person, as conditions see them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Who.
    pub id: UserId,
    /// As people call them.
    pub name: String,
    /// Their address.
    pub email: String,
    /// Their department, where it is known.
    pub department: Option<String>,
    /// Their title, where it is known.
    pub title: Option<String>,
    /// Their manager, where one is known.
    pub manager: Option<UserId>,
    /// The groups they are in now.
    pub groups: BTreeSet<GroupId>,
}

/// What is asked for, as conditions see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thing {
    /// Which.
    pub id: EntitlementId,
    /// What people see.
    pub name: String,
    /// What it is in AWS.
    pub key: EntitlementKey,
    /// The account's name, where it is on one.
    pub account_name: Option<String>,
    /// The root and the organizational units above the account, outermost first.
    pub path: Vec<String>,
    /// Whether it is not known where in its organization the account is: what asks for a unit cannot
    /// be told of it then.
    pub lost: bool,
    /// The tags of the account, where it is on one; absent while they are not known: what asks for
    /// tags cannot be told of it then. An account without tags has none of them, and that is known.
    pub tags: Option<BTreeMap<String, String>>,
    /// The permission set's name, where it is one.
    pub permission_set: Option<String>,
    /// The group's name, where it is membership of one.
    pub group: Option<String>,
    /// The application it belongs to.
    pub application: ApplicationId,
    /// That application's name.
    pub application_name: String,
    /// The name of its connection.
    pub connection: String,
}

/// What may not be known: of a thing, that it is not; of a condition, that it asks for it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Doubt {
    /// Where the account is in its organization.
    pub(super) units: bool,
    /// The tags of the account.
    pub(super) tags: bool,
}

impl Doubt {
    /// Whether something is in both.
    pub(super) const fn meets(self, other: Self) -> bool {
        (self.units && other.units) || (self.tags && other.tags)
    }
}

/// How it is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Circumstances {
    /// For how long.
    pub duration: Span,
    /// From when; at once if absent.
    pub start: Option<Time>,
    /// Whether an Identity Center group would hold it.
    pub for_group: bool,
    /// When it is asked.
    pub now: Time,
    /// The zone in which the policy means its hours and weekdays; UTC where there is no such zone.
    pub zone: String,
}

/// Whether there is such a time zone (`Europe/Berlin`).
pub fn is_zone(name: &str) -> bool {
    zone(name).is_some()
}

fn zone(name: &str) -> Option<TimeZone> {
    // The one this was built with: what a policy means does not depend on the machine.
    TimeZoneDatabase::bundled().get(name).ok()
}

/// Everything one question is about.
#[derive(Debug, Clone)]
pub struct Scene {
    entities: Entities,
    principal: EntityUid,
    resource: EntityUid,
    context: Context,
    doubt: Doubt,
}

impl Scene {
    /// Of what is asked by whom for whom. `others` are people the question leads to beside
    /// them: their managers.
    ///
    /// Fails where facts contradict each other (one person twice, with different facts).
    pub fn new(
        requester: &Person,
        beneficiary: &Person,
        others: &[Person],
        thing: &Thing,
        how: &Circumstances,
    ) -> Result<Self, String> {
        let mut people: BTreeMap<UserId, &Person> = BTreeMap::new();
        for person in others.iter().chain([beneficiary, requester]) {
            people.insert(person.id, person);
        }
        let mut entities = Vec::new();
        for person in people.values() {
            entities.push(person.entity()?);
        }
        entities.extend(thing.entities()?);
        let entities = Entities::from_entities(entities, None).map_err(|why| why.to_string())?;
        Ok(Self {
            entities,
            principal: user(requester.id),
            resource: uid("Entitlement", &thing.id.to_string()),
            context: how.context(requester.id, beneficiary.id)?,
            doubt: thing.doubt(),
        })
    }

    /// The same with these people in it: who might approve, and whom they lead to.
    pub fn with(&self, people: &[Person]) -> Result<Self, String> {
        let mut scene = self.clone();
        let mut new = Vec::new();
        for person in people {
            if scene.entities.get(&user(person.id)).is_none() {
                new.push(person.entity()?);
            }
        }
        let all = std::mem::replace(&mut scene.entities, Entities::empty());
        scene.entities = all.add_entities(new, None).map_err(|why| why.to_string())?;
        Ok(scene)
    }

    pub(super) const fn entities(&self) -> &Entities {
        &self.entities
    }

    /// What is not known of what it is about.
    pub(super) const fn doubt(&self) -> Doubt {
        self.doubt
    }

    pub(super) fn request(&self, about: About) -> Result<Request, String> {
        self.by(about, self.principal.clone())
    }

    pub(super) fn request_of(&self, about: About, person: UserId) -> Result<Request, String> {
        self.by(about, user(person))
    }

    fn by(&self, about: About, principal: EntityUid) -> Result<Request, String> {
        let resource = self.resource.clone();
        Request::new(principal, about.uid(), resource, self.context.clone(), None)
            .map_err(|why| why.to_string())
    }
}

pub(super) fn uid(kind: &str, id: &str) -> EntityUid {
    let kind: EntityTypeName = kind
        .parse()
        .expect("the kinds of entities are names: they are written here");
    EntityUid::from_type_name_and_id(kind, EntityId::new(id))
}

pub(super) fn user(id: UserId) -> EntityUid {
    uid("User", &id.to_string())
}

fn text(value: &str) -> RestrictedExpression {
    RestrictedExpression::new_string(value.to_owned())
}

type Attributes = HashMap<String, RestrictedExpression>;

fn entity(
    uid: EntityUid,
    attributes: Attributes,
    parents: HashSet<EntityUid>,
) -> Result<Entity, String> {
    Entity::new(uid, attributes, parents).map_err(|why| why.to_string())
}

impl Person {
    /// A manager stands in it also where nothing more is known of them: that somebody has one is
    /// known, and what asks for more of them cannot be answered.
    pub(super) fn entity(&self) -> Result<Entity, String> {
        let mut attributes: Attributes = [
            ("name".to_owned(), text(&self.name)),
            ("email".to_owned(), text(&self.email)),
        ]
        .into();
        let optional = [("department", &self.department), ("title", &self.title)];
        for (name, value) in optional {
            if let Some(value) = value {
                attributes.insert(name.to_owned(), text(value));
            }
        }
        if let Some(manager) = self.manager {
            let manager = RestrictedExpression::new_entity_uid(user(manager));
            attributes.insert("manager".to_owned(), manager);
        }
        let groups = self.groups.iter().map(|id| uid("Group", &id.to_string()));
        entity(user(self.id), attributes, groups.collect())
    }
}

impl Thing {
    /// Something that stands in where there is nothing.
    pub fn nothing() -> Self {
        Self {
            id: EntitlementId(uuid::Uuid::nil()),
            name: String::new(),
            key: EntitlementKey::AccountAssignment {
                account: String::new(),
                permission_set: String::new(),
            },
            account_name: None,
            path: Vec::new(),
            lost: false,
            tags: Some(BTreeMap::new()),
            permission_set: None,
            group: None,
            application: ApplicationId(uuid::Uuid::nil()),
            application_name: String::new(),
            connection: String::new(),
        }
    }

    /// What is not known of it. What is on no account leaves nothing open: it is nowhere, and has no
    /// tags.
    pub(super) const fn doubt(&self) -> Doubt {
        let account = !matches!(self.key, EntitlementKey::GroupMembership { .. });
        Doubt {
            units: account && self.lost,
            tags: account && self.tags.is_none(),
        }
    }

    pub(super) fn entities(&self) -> Result<Vec<Entity>, String> {
        let unit = |id: &String| uid("OrganizationalUnit", id);
        let mut entities = Vec::new();
        for (at, id) in self.path.iter().enumerate() {
            let above = at.checked_sub(1).and_then(|at| self.path.get(at));
            let above = above.map(unit).into_iter().collect();
            entities.push(entity(unit(id), HashMap::new(), above)?);
        }
        let mut attributes: Attributes = [
            ("name".to_owned(), text(&self.name)),
            ("kind".to_owned(), text(self.key.kind())),
            ("application".to_owned(), text(&self.application_name)),
            ("connection".to_owned(), text(&self.connection)),
        ]
        .into();
        let account = match &self.key {
            EntitlementKey::AccountAssignment { account, .. }
            | EntitlementKey::IamGroupMembership { account, .. } => Some(account),
            EntitlementKey::GroupMembership { .. } => None,
        };
        if let Some(account) = account {
            let id = uid("Account", account);
            let name = self.account_name.as_deref().unwrap_or(account);
            let named: Attributes = [("name".to_owned(), text(name))].into();
            let above: HashSet<EntityUid> = self.path.last().map(unit).into_iter().collect();
            let tags = self.tags.iter().flatten();
            let tags = tags.map(|(key, value)| (key.clone(), text(value)));
            let account = Entity::new_with_tags(id.clone(), named, above, tags);
            entities.push(account.map_err(|why| why.to_string())?);
            let account = RestrictedExpression::new_entity_uid(id);
            attributes.insert("account".to_owned(), account);
        }
        let optional = [
            ("permission_set", &self.permission_set),
            ("group", &self.group),
        ];
        for (name, value) in optional {
            if let Some(value) = value {
                attributes.insert(name.to_owned(), text(value));
            }
        }
        let application = uid("Application", &self.application.to_string());
        let named = [("name".to_owned(), text(&self.application_name))].into();
        entities.push(entity(application.clone(), named, HashSet::new())?);
        let id = uid("Entitlement", &self.id.to_string());
        entities.push(entity(id, attributes, [application].into())?);
        Ok(entities)
    }
}

impl Circumstances {
    fn context(&self, requester: UserId, beneficiary: UserId) -> Result<Context, String> {
        let there = zone(&self.zone).unwrap_or(TimeZone::UTC);
        let stamp = jiff::Timestamp::from_microsecond(self.now.micros());
        let local = stamp
            .map_err(|why| why.to_string())?
            .to_zoned_datetime(there);
        let moment = |time: Time| {
            let stamp = jiff::Timestamp::from_microsecond(time.micros());
            let stamp = stamp.map_err(|why| why.to_string())?;
            // Cedar knows milliseconds.
            let text = stamp.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string();
            Ok::<_, String>(RestrictedExpression::new_datetime(text))
        };
        let weekday = match local.weekday() {
            jiff::civil::Weekday::Monday => "monday",
            jiff::civil::Weekday::Tuesday => "tuesday",
            jiff::civil::Weekday::Wednesday => "wednesday",
            jiff::civil::Weekday::Thursday => "thursday",
            jiff::civil::Weekday::Friday => "friday",
            jiff::civil::Weekday::Saturday => "saturday",
            jiff::civil::Weekday::Sunday => "sunday",
        };
        let person = |id| RestrictedExpression::new_entity_uid(user(id));
        // A minute that was begun counts: nothing passes a bound by seconds.
        let minutes = (self.duration.as_seconds() + 59) / 60;
        Context::from_pairs([
            ("requester".to_owned(), person(requester)),
            ("beneficiary".to_owned(), person(beneficiary)),
            (
                "minutes".to_owned(),
                RestrictedExpression::new_long(minutes),
            ),
            ("start".to_owned(), moment(self.start.unwrap_or(self.now))?),
            ("now".to_owned(), moment(self.now)?),
            (
                "hour".to_owned(),
                RestrictedExpression::new_long(i64::from(local.hour())),
            ),
            ("weekday".to_owned(), text(weekday)),
            (
                "for_group".to_owned(),
                RestrictedExpression::new_bool(self.for_group),
            ),
        ])
        .map_err(|why| why.to_string())
    }
}
