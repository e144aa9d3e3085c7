//! Many things, or many people, of which one condition after the other is asked.

use std::collections::HashMap;

use cedar_policy::{Context, Entities, Entity, EntityUid, PolicySet, Request};

use super::About;
use super::scene::{Doubt, Person, Thing, uid, user};

/// Things of one estate, or people, as conditions of catalogs see them. What they share (accounts,
/// units, applications) stands in it once.
#[derive(Debug, Clone)]
pub struct Many {
    entities: Entities,
    asked: Vec<EntityUid>,
    /// What is not known of some, by their places.
    doubts: HashMap<usize, Doubt>,
}

impl Many {
    /// Things of one connection: what two connections know of one account may differ.
    ///
    /// Fails where facts contradict each other.
    pub fn things<'a>(things: impl IntoIterator<Item = &'a Thing>) -> Result<Self, String> {
        let mut all: HashMap<EntityUid, Entity> = HashMap::new();
        let (mut asked, mut doubts) = (Vec::new(), HashMap::new());
        for thing in things {
            let doubt = thing.doubt();
            if doubt != Doubt::default() {
                doubts.insert(asked.len(), doubt);
            }
            asked.push(uid("Entitlement", &thing.id.to_string()));
            for entity in thing.entities()? {
                all.entry(entity.uid()).or_insert(entity);
            }
        }
        Self::of(all, asked, doubts)
    }

    /// People of whom it is asked, and others they lead to: managers.
    ///
    /// Fails where facts contradict each other.
    pub fn people<'a>(
        people: impl IntoIterator<Item = &'a Person>,
        others: impl IntoIterator<Item = &'a Person>,
    ) -> Result<Self, String> {
        let mut all: HashMap<EntityUid, Entity> = HashMap::new();
        let mut asked = Vec::new();
        for person in people {
            asked.push(user(person.id));
            all.insert(user(person.id), person.entity()?);
        }
        for person in others {
            let entity = person.entity()?;
            all.entry(entity.uid()).or_insert(entity);
        }
        Self::of(all, asked, HashMap::new())
    }

    fn of(
        all: HashMap<EntityUid, Entity>,
        asked: Vec<EntityUid>,
        doubts: HashMap<usize, Doubt>,
    ) -> Result<Self, String> {
        Ok(Self {
            entities: Entities::from_entities(all.into_values(), None)
                .map_err(|why| why.to_string())?,
            asked,
            doubts,
        })
    }

    pub(super) const fn entities(&self) -> &Entities {
        &self.entities
    }

    /// What is not known of the `nth`, from 0.
    pub(super) fn doubt(&self, nth: usize) -> Doubt {
        self.doubts.get(&nth).copied().unwrap_or_default()
    }

    /// Whether a condition over entitlements is true of the `nth` thing, from 0.
    pub(super) fn holds(&self, set: &PolicySet, nth: usize) -> bool {
        let request = self.request(About::Contents, nth);
        request.is_some_and(|request| super::asked(set, &self.entities, &request) == Ok(true))
    }

    fn request(&self, about: About, nth: usize) -> Option<Request> {
        let one = self.asked.get(nth)?.clone();
        let catalog = uid("Catalog", "catalog");
        let (principal, resource) = match about {
            About::Rule | About::Contents => (catalog, one),
            About::Candidate | About::Audience => (one, catalog),
        };
        Request::new(principal, about.uid(), resource, Context::empty(), None).ok()
    }

    /// A question of each.
    pub(super) fn requests(&self, about: About) -> impl Iterator<Item = Option<Request>> {
        (0..self.asked.len()).map(move |nth| self.request(about, nth))
    }
}
