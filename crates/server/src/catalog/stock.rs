//! What is in every catalog now, of everything at once: lists are made from it.
//!
//! It is found once and kept in memory as long as two versions stay, which the database counts by
//! itself: that of the directory (names, places, what comes and goes) and that of catalogs and access
//! controls. Both are read first, and each time; so an answer is never older than the reader's moment,
//! whichever process changed something. What somebody asks for is not looked up here (`judge`).

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use stint_db::Reader;
use stint_domain::condition::{About, Compiled, Condition, Many, Person, Thing};

use super::bits::Bits;
use super::store::conditions as rows;
use super::*;
use crate::connections;
use crate::identity::User;

/// How many entitlements are looked at together.
const CHUNK: i64 = 2_000;
/// How many words of a search count. Each is looked for in every name.
const MOST_WORDS: usize = 16;

/// The stock of a program.
#[derive(Default)]
pub(super) struct Shelf {
    now: Mutex<Option<Arc<Stock>>>,
    filling: Arc<tokio::sync::Mutex<()>>,
}

/// What is in every catalog.
pub(super) struct Stock {
    directory: i64,
    catalogs: i64,
    things: Arc<Things>,
    matched: HashMap<Condition, Arc<Bits>>,
    /// By rank; among equals the older first.
    stocked: Vec<Stocked>,
    controls: Vec<Option<Terms>>,
}

/// Everything that may be given, by (sort key, id).
#[derive(Default)]
struct Things {
    all: Vec<(String, EntitlementId)>,
    places: HashMap<EntitlementId, usize>,
}

/// A catalog with what is in it.
pub(super) struct Stocked {
    pub(super) catalog: Catalog,
    listed: Bits,
    whole: Bits,
}

/// How something is asked for, and where that is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Terms {
    pub(super) policy: PolicyId,
    pub(super) max_duration: Option<Span>,
    /// Whether the time limit is off.
    pub(super) until_revoked: bool,
    /// In an emergency; a catalog says nothing of that.
    pub(super) emergency: Option<PolicyId>,
    /// The catalog that says it; none where it is an access control of its own.
    pub(super) from: Option<CatalogId>,
}

impl Terms {
    pub(super) const fn own(control: &AccessControl) -> Self {
        Self {
            policy: control.policy,
            max_duration: control.max_duration,
            until_revoked: control.until_revoked,
            emergency: control.emergency,
            from: None,
        }
    }

    pub(super) const fn of(catalog: CatalogId, terms: &DefaultTerms) -> Self {
        Self {
            policy: terms.policy,
            max_duration: terms.max_duration,
            until_revoked: terms.until_revoked,
            emergency: None,
            from: Some(catalog),
        }
    }
}

/// The versions of the directory, and of catalogs and access controls.
type Versions = (i64, i64);

async fn versions(q: &mut impl Query) -> Result<Versions, Error> {
    Ok((directory::version(q).await?, rows::version(q).await?))
}

impl Shelf {
    fn kept(&self) -> Option<Arc<Stock>> {
        let now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        now.clone()
    }

    /// What is as new as that, or newer: it is nearer to now.
    fn fresh(&self, (directory, catalogs): Versions) -> Option<Arc<Stock>> {
        let fresh = |it: &Arc<Stock>| it.directory >= directory && it.catalogs >= catalogs;
        self.kept().filter(fresh)
    }
}

/// The stock, no older than the moment this was asked, and a reader that is no older than the stock.
///
/// Who waits for another to fill it holds no reader meanwhile: however many wait, the rest of the
/// program goes on. Who goes away while it fills leaves the others what was found.
pub(super) async fn now(cx: &Cx) -> Result<(Arc<Stock>, Reader), Error> {
    let shelf = cx.app.kept.of::<Shelf>();
    let mut q = cx.read().await?;
    let asked = versions(&mut q).await?;
    if let Some(found) = shelf.fresh(asked) {
        return Ok((found, q));
    }
    drop(q);
    let turn = Arc::clone(&shelf.filling).lock_owned().await;
    if let Some(found) = shelf.fresh(asked) {
        drop(turn);
        return Ok((found, cx.read().await?));
    }
    let own = cx.clone();
    let filling = tokio::spawn(async move {
        let _turn = turn;
        let mut q = own.read().await?;
        let (directory, catalogs) = versions(&mut q).await?;
        let old = shelf.kept().filter(|it| it.directory == directory);
        let stock = Arc::new(filled(&mut q, directory, catalogs, old).await?);
        let mut now = shelf.now.lock().unwrap_or_else(PoisonError::into_inner);
        *now = Some(Arc::clone(&stock));
        Ok::<_, Error>(stock)
    });
    let stock = filling.await.map_err(|_| Error::Stopped)??;
    Ok((stock, cx.read().await?))
}

/// Waits until nobody else looks at everything, and keeps others from it.
pub(super) async fn turn(cx: &Cx) -> tokio::sync::OwnedMutexGuard<()> {
    let shelf = cx.app.kept.of::<Shelf>();
    Arc::clone(&shelf.filling).lock_owned().await
}

/// `old` is of the same directory: what was found of its things holds.
async fn filled(
    q: &mut impl Query,
    directory: i64,
    catalogs: i64,
    old: Option<Arc<Stock>>,
) -> Result<Stock, Error> {
    let all = rows::all(q).await?;
    let wanted = all.iter().flat_map(|it| &it.rules.contents);
    let wanted: BTreeSet<&Condition> = wanted.map(|rule| &rule.when).collect();
    let mut matched = HashMap::new();
    let mut unknown: Vec<Condition> = Vec::new();
    for condition in wanted {
        let known = old.as_ref().and_then(|old| old.matched.get(condition));
        match known {
            Some(bits) => {
                matched.insert(condition.clone(), Arc::clone(bits));
            }
            None => unknown.push(condition.clone()),
        }
    }
    let things = match old {
        Some(old) if unknown.is_empty() => Arc::clone(&old.things),
        _ => {
            let (things, found) = looked_at(q, &unknown).await?;
            matched.extend(unknown.into_iter().zip(found.into_iter().map(Arc::new)));
            Arc::new(things)
        }
    };
    let count = things.all.len();
    let mut listed: HashMap<CatalogId, Bits> = HashMap::new();
    for (catalog, id) in rows::all_listed(q).await? {
        if let Some(place) = things.places.get(&id) {
            let bits = listed.entry(catalog).or_insert_with(|| Bits::none(count));
            bits.set(*place);
        }
    }
    let mut controls = vec![None; count];
    for (id, control) in rows::all_controls(q).await? {
        let place = things.places.get(&id).copied();
        if let Some(slot) = place.and_then(|place| controls.get_mut(place)) {
            *slot = Some(Terms::own(&control));
        }
    }
    let stocked = all.into_iter().map(|catalog| {
        let listed = listed.remove(&catalog.id);
        let listed = listed.unwrap_or_else(|| Bits::none(count));
        let mut whole = listed.clone();
        for rule in &catalog.rules.contents {
            if let Some(bits) = matched.get(&rule.when) {
                whole.join(bits);
            }
        }
        Stocked {
            catalog,
            listed,
            whole,
        }
    });
    let stocked = stocked.collect();
    Ok(Stock {
        directory,
        catalogs,
        things,
        matched,
        stocked,
        controls,
    })
}

/// Everything that may be given, and which of it each condition is true of.
async fn looked_at(
    q: &mut impl Query,
    conditions: &[Condition],
) -> Result<(Things, Vec<Bits>), Error> {
    let compiled: Vec<Option<Compiled>> = (conditions.iter())
        .map(|condition| compiled(condition, About::Contents))
        .collect();
    let compiled = Arc::new(compiled);
    let names = connections::names(q).await?;
    let mut found: Vec<(String, EntitlementId, Bits)> = Vec::new();
    for connection in names.keys() {
        let mut after = None;
        loop {
            let page = directory::all_offerable(q, *connection, &names, after, CHUNK).await?;
            let Some((key, last)) = page.last() else {
                break;
            };
            after = Some((key.clone(), last.id));
            let compiled = Arc::clone(&compiled);
            // Much of this would keep others waiting.
            let judged = tokio::task::spawn_blocking(move || each(page, &compiled)).await;
            found.extend(judged.map_err(|_| Error::Stopped)?);
        }
    }
    found.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
    let mut bits = vec![Bits::none(found.len()); conditions.len()];
    let mut things = Things::default();
    for (place, (key, id, holds)) in found.into_iter().enumerate() {
        for (_, bits) in bits.iter_mut().enumerate().filter(|(at, _)| holds.has(*at)) {
            bits.set(place);
        }
        things.places.insert(id, place);
        things.all.push((key, id));
    }
    Ok((things, bits))
}

/// Of each of these things of one connection, which conditions are true of it.
fn each(
    page: Vec<(String, Thing)>,
    compiled: &[Option<Compiled>],
) -> Vec<(String, EntitlementId, Bits)> {
    let things: Vec<&Thing> = page.iter().map(|(_, thing)| thing).collect();
    let readable: Vec<&Compiled> = compiled.iter().flatten().collect();
    let found = Compiled::hold_of_things(&readable, &things).unwrap_or_else(|why| {
        tracing::warn!(error = %why, "catalog.undescribable");
        Vec::new()
    });
    let mut found = found.into_iter();
    // What an older program cannot read is true of nothing.
    let columns: Vec<Vec<bool>> = (compiled.iter())
        .map(|one| (one.as_ref().and_then(|_| found.next())).unwrap_or_default())
        .collect();
    (page.into_iter().enumerate())
        .map(|(at, (key, thing))| {
            let mut holds = Bits::none(columns.len());
            let held = columns.iter().enumerate();
            for (nth, _) in held.filter(|(_, of)| of.get(at) == Some(&true)) {
                holds.set(nth);
            }
            (key, thing.id, holds)
        })
        .collect()
}

/// A saved condition, or one that was checked; none where an older program cannot read it, and
/// then nothing is in a catalog by it.
pub(super) fn compiled(condition: &Condition, about: About) -> Option<Compiled> {
    Compiled::saved(condition, about)
        .inspect_err(|why| tracing::warn!(error = %why, "catalog.condition_unreadable"))
        .ok()
}

/// Whether a condition over people is true of this one. `known` are they and whom they lead to.
pub(super) fn admits(condition: &Condition, known: &[(User, Person)], user: UserId) -> bool {
    let one = known.iter().map(|(_, it)| it).filter(|it| it.id == user);
    let Some(compiled) = compiled(condition, About::Audience) else {
        return false;
    };
    Many::people(one, known.iter().map(|(_, it)| it))
        .is_ok_and(|many| compiled.holds_of_each(&many).first() == Some(&true))
}

impl Stock {
    /// The catalogs that somebody sees, by rank.
    pub(super) fn seen_by(&self, known: &[(User, Person)], user: UserId) -> Vec<&Stocked> {
        let Some((_, person)) = known.iter().find(|(it, _)| it.id == user) else {
            return Vec::new();
        };
        let sees = |it: &&Stocked| {
            !it.catalog.audience.is_disjoint(&person.groups)
                || (it.catalog.rules.audience_when.as_ref())
                    .is_some_and(|when| admits(when, known, user))
        };
        self.stocked.iter().filter(sees).collect()
    }

    pub(super) fn catalog(&self, id: CatalogId) -> Option<&Stocked> {
        self.stocked.iter().find(|it| it.catalog.id == id)
    }

    /// The catalogs that hold it.
    pub(super) fn matching(&self, id: EntitlementId) -> impl Iterator<Item = &Catalog> {
        let place = self.things.places.get(&id).copied();
        let stocked = self.stocked.iter();
        let stocked = stocked.filter(move |it| place.is_some_and(|place| it.whole.has(place)));
        stocked.map(|it| &it.catalog)
    }

    /// How what stands at a place is asked for by somebody who sees these catalogs: by its own access
    /// control, else as the first of them says that holds it.
    fn terms<'a>(
        &self,
        place: usize,
        catalogs: impl IntoIterator<Item = &'a Stocked>,
    ) -> Option<Terms> {
        if let Some(Some(own)) = self.controls.get(place) {
            return Some(*own);
        }
        let mut saying = catalogs.into_iter().filter(|it| it.whole.has(place));
        saying.find_map(|it| {
            let terms = it.catalog.rules.terms.as_ref()?;
            Some(Terms::of(it.catalog.id, terms))
        })
    }

    /// What somebody who sees these catalogs may ask for: a page of what has all words of `search`,
    /// with how, and how much that is.
    pub(super) fn offered(
        &self,
        catalogs: &[&Stocked],
        search: &str,
        after: Option<&(String, EntitlementId)>,
        fetch: usize,
    ) -> (Vec<(String, EntitlementId, Terms)>, usize) {
        let mut any = Bits::none(self.things.all.len());
        for stocked in catalogs {
            any.join(&stocked.whole);
        }
        let words = words(search);
        let begin = self.begin(after);
        let (mut page, mut total) = (Vec::new(), 0);
        for (place, (key, id)) in self.things.all.iter().enumerate() {
            if !any.has(place) || !words.iter().all(|word| key.contains(word)) {
                continue;
            }
            let Some(terms) = self.terms(place, catalogs.iter().copied()) else {
                continue;
            };
            total += 1;
            if place >= begin && page.len() < fetch {
                page.push((key.clone(), *id, terms));
            }
        }
        (page, total)
    }

    /// A page of what a catalog holds, with whether it is listed and by which of its conditions it is
    /// in it, from after a key on or from the other end.
    pub(super) fn contents(
        &self,
        stocked: &Stocked,
        filter: &ContentFilter,
        down: bool,
        after: Option<&(String, EntitlementId)>,
        fetch: usize,
    ) -> (Vec<(String, EntitlementId, Standing)>, usize) {
        let words = words(&filter.q);
        let only = filter.rule.and_then(|at| {
            let rule = stocked.catalog.rules.contents.get(at)?;
            self.matched.get(&rule.when)
        });
        let wanted = |place: usize, key: &str| {
            stocked.whole.has(place)
                && (filter.rule.is_none() || only.is_some_and(|only| only.has(place)))
                && words.iter().all(|word| key.contains(word))
        };
        let (mut page, mut total) = (Vec::new(), 0);
        let mut look = |place: usize| {
            let Some((key, id)) = self.things.all.get(place) else {
                return;
            };
            if !wanted(place, key) {
                return;
            }
            total += 1;
            let beyond = after.is_none_or(|(last, last_id)| {
                let here = (key, *id).cmp(&(last, *last_id));
                if down { here.is_lt() } else { here.is_gt() }
            });
            if beyond && page.len() < fetch {
                page.push((key.clone(), *id, self.standing(place, stocked)));
            }
        };
        let places = 0..self.things.all.len();
        match down {
            true => places.rev().for_each(&mut look),
            false => places.for_each(&mut look),
        }
        (page, total)
    }

    fn standing(&self, place: usize, stocked: &Stocked) -> Standing {
        let rules = stocked.catalog.rules.contents.iter().enumerate();
        let holds = |when: &Condition| self.matched.get(when).is_some_and(|bits| bits.has(place));
        Standing {
            listed: stocked.listed.has(place),
            rules: rules
                .filter(|(_, rule)| holds(&rule.when))
                .map(|(at, _)| at)
                .collect(),
        }
    }

    /// Of a catalog: how much is in it, and how much by each of its conditions.
    pub(super) fn counts(&self, stocked: &Stocked) -> (usize, Vec<usize>) {
        let rules = stocked.catalog.rules.contents.iter();
        let by_rule = rules.map(|rule| self.matched.get(&rule.when).map_or(0, |it| it.count()));
        (stocked.whole.count(), by_rule.collect())
    }

    /// How much a condition is true of that no catalog may have yet, and the first of it by name.
    pub(super) async fn tried(
        q: &mut impl Query,
        conditions: &[Condition],
        first: usize,
    ) -> Result<Vec<(usize, Vec<EntitlementId>)>, Error> {
        let (things, found) = looked_at(q, conditions).await?;
        Ok((found.iter())
            .map(|bits| {
                let places = things.all.iter().enumerate();
                let held = places.filter(|(place, _)| bits.has(*place));
                let ids = held.map(|(_, (_, id))| *id).take(first).collect();
                (bits.count(), ids)
            })
            .collect())
    }

    /// The first place after a key.
    fn begin(&self, after: Option<&(String, EntitlementId)>) -> usize {
        let Some((key, id)) = after else {
            return 0;
        };
        let all = &self.things.all;
        all.partition_point(|(it, its)| (it, its) <= (key, id))
    }
}

/// The words that are looked for: the first of them, each once.
fn words(search: &str) -> BTreeSet<String> {
    let words = search.split_whitespace().map(str::to_lowercase);
    words.take(MOST_WORDS).collect()
}

/// Why something is in a catalog.
pub(super) struct Standing {
    pub(super) listed: bool,
    /// The conditions that are true of it, from 0.
    pub(super) rules: Vec<usize>,
}
