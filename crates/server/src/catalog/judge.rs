//! Whether somebody may ask for one thing, and why: by the statements and conditions of now.
//!
//! The statements are the same whatever the answer is, and whether there is such a thing at all.

use stint_domain::condition::{About, Many, Person, Thing};

use super::stock::{Terms, admits, compiled};
use super::store::conditions as rows;
use super::*;
use crate::identity::User;

/// What is known of an entitlement and somebody, before it is said what they may.
pub(super) struct Found {
    entitlement: Option<(Entitlement, Thing)>,
    control: Option<AccessControl>,
    catalogs: Vec<rows::Candidate>,
    known: Vec<(User, Person)>,
}

/// How often it is looked again where something changed meanwhile.
const LOOKS: usize = 3;

/// Looks everything up, as it was at one moment: always the same statements.
pub(super) async fn look(
    q: &mut impl Query,
    user: UserId,
    id: EntitlementId,
) -> Result<Found, stint_db::Error> {
    let mut before = rows::version(q).await?;
    for _ in 1..LOOKS {
        let found = once(q, user, id).await?;
        let after = rows::version(q).await?;
        if before == after {
            return Ok(found);
        }
        before = after;
    }
    once(q, user, id).await
}

async fn once(
    q: &mut impl Query,
    user: UserId,
    id: EntitlementId,
) -> Result<Found, stint_db::Error> {
    let known = identity::somebody(q, user).await?;
    let groups = (known.iter().find(|(it, _)| it.id == user))
        .map(|(_, person)| person.groups.clone())
        .unwrap_or_default();
    Ok(Found {
        catalogs: rows::judged(q, groups, id).await?,
        control: store::access_control(q, id).await?,
        entitlement: directory::offerable(q, id).await?,
        known,
    })
}

impl Found {
    /// The catalogs of theirs that hold it, as they stand before each other. What is gone from AWS is
    /// in none.
    fn holding(&self, user: UserId) -> Vec<&rows::Candidate> {
        let there = self.entitlement.as_ref();
        let there = there.filter(|(it, _)| it.gone_at.is_none());
        // Every condition is asked of something, whatever there is: nobody learns by how long it
        // takes that something is there which they may not ask for.
        let stand_in = Thing::nothing();
        let thing = there.map_or(&stand_in, |(_, thing)| thing);
        let many = Many::things([thing]).ok();
        // What a directory decides about is in no catalog by a condition.
        let ruled = there.is_some_and(|(it, _)| it.owned_by.is_none());
        let mut holding = Vec::new();
        for it in &self.catalogs {
            let by_rule = by_rule(&it.rules, many.as_ref());
            let admitted = (it.rules.audience_when.as_ref())
                .is_some_and(|when| admits(when, &self.known, user));
            let holds = it.listed || (by_rule && ruled);
            if there.is_some() && holds && (it.admitted || admitted) {
                holding.push(it);
            }
        }
        holding
    }

    /// What they may ask for, and how: nothing where no catalog of theirs holds it, or nothing says
    /// how.
    pub(super) fn offered(self, user: UserId) -> Option<(Entitlement, Terms)> {
        let holding = self.holding(user);
        if holding.is_empty() {
            return None;
        }
        let terms = match &self.control {
            Some(control) => Terms::own(control),
            None => holding.iter().find_map(|it| {
                let terms = it.rules.terms.as_ref()?;
                Some(Terms::of(it.id, terms))
            })?,
        };
        let (entitlement, _) = self.entitlement?;
        Some((entitlement, terms))
    }
}

/// Whether a condition over entitlements is true of this one thing.
fn by_rule(rules: &Rules, many: Option<&Many>) -> bool {
    let Some(many) = many else {
        return false;
    };
    let compiled = (rules.contents.iter()).filter_map(|rule| compiled(&rule.when, About::Contents));
    let found = compiled.map(|rule| rule.holds_of_each(many));
    // All of them: see above.
    let found: Vec<bool> = (found.map(|holds| holds.first() == Some(&true))).collect();
    found.contains(&true)
}

/// What came of asking about one catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// About an entitlement, where one was named that is known.
    pub entitlement: Option<Held>,
    /// What is in the catalog's way of offering it: gone from AWS, or decided by a directory.
    pub never: Option<String>,
    /// Whether it is in the catalog.
    pub holds: bool,
    /// What each of its conditions says of it, in their order; none where it cannot be told.
    pub rules: Vec<(String, Option<bool>)>,
    /// About somebody, where somebody was named who is known.
    pub person: Option<Seen>,
    /// Where both were named: whether this person may ask for it, and which catalogs of theirs hold
    /// it, as they stand before each other.
    pub offered: Option<(bool, Vec<(CatalogId, String)>)>,
}

/// Whether, and why, somebody sees a catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Who.
    pub user: UserId,
    /// What they are called.
    pub name: String,
    /// Whether they see it.
    pub sees: bool,
    /// The groups of its audience that they are in.
    pub groups: Vec<String>,
    /// What its condition says of them; nothing where it has none.
    pub condition: Option<bool>,
}

/// Whether an entitlement is in a catalog, and whether somebody sees it, and why: what is asked about
/// is named, either or both.
pub async fn judge(
    cx: &Cx,
    id: CatalogId,
    entitlement: Option<EntitlementId>,
    user: Option<UserId>,
) -> Result<Judgement, Error> {
    cx.authorize(Verb::GetCatalog, Relation::Others)?;
    let mut q = cx.read().await?;
    let catalog = store::get(&mut q, id).await?.ok_or(Error::NotFound)?;
    let mut judgement = Judgement {
        entitlement: None,
        never: None,
        holds: false,
        rules: Vec::new(),
        person: None,
        offered: None,
    };
    if let Some(asked) = entitlement {
        let (it, thing) = directory::offerable(&mut q, asked)
            .await?
            .ok_or(Error::UnknownEntitlement(asked))?;
        let many = Many::things([&thing]).ok();
        judgement.never = match (&it.gone_at, &it.owned_by) {
            (Some(_), _) => Some("it is gone from AWS".to_owned()),
            (None, Some(owner)) => Some(directory::owned_words(&it.name, owner)),
            (None, None) => None,
        };
        let listed = store::is_listed(&mut q, id, asked).await?;
        let mut by = Vec::new();
        for (at, rule) in catalog.rules.contents.iter().enumerate() {
            let compiled = compiled(&rule.when, About::Contents);
            let holds = match (&compiled, &many) {
                (Some(compiled), Some(many)) if !compiled.leaves_open(&thing) => {
                    compiled.holds_of_each(many).first().copied()
                }
                _ => None,
            };
            if holds == Some(true) {
                by.push(at);
            }
            judgement.rules.push((rule.name.clone(), holds));
        }
        judgement.holds =
            it.gone_at.is_none() && (listed || (!by.is_empty() && it.owned_by.is_none()));
        let control = store::access_control(&mut q, asked).await?;
        judgement.entitlement = Some(Held {
            listed,
            rules: by
                .iter()
                .filter_map(|at| catalog.rules.contents.get(*at))
                .map(|rule| rule.name.clone())
                .collect(),
            default: catalog.rules.terms.filter(|_| control.is_none()),
            access_control: control,
            entitlement: it,
        });
    }
    if let Some(asked) = user {
        let known = identity::somebody(&mut q, asked).await?;
        let (who, person) =
            (known.iter().find(|(it, _)| it.id == asked)).ok_or(Error::UnknownUser(asked))?;
        let mine = catalog.audience.intersection(&person.groups).copied();
        let mine = identity::groups_by_id(&mut q, mine).await?;
        let condition =
            (catalog.rules.audience_when.as_ref()).map(|when| admits(when, &known, asked));
        let active = who.active;
        judgement.person = Some(Seen {
            user: asked,
            name: who.name.clone(),
            sees: !mine.is_empty() || condition == Some(true),
            groups: mine.into_values().map(|group| group.name).collect(),
            condition,
        });
        if let Some(entitlement) = entitlement {
            let found = look(&mut q, asked, entitlement).await?;
            let holding = found.holding(asked).into_iter();
            let holding = holding.map(|it| (it.id, it.name.clone())).collect();
            let offered = active && judgement.never.is_none() && found.offered(asked).is_some();
            judgement.offered = Some((offered, holding));
        }
    }
    Ok(judgement)
}
