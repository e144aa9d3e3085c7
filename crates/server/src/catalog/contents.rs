//! What a catalog holds now, by its list and by its conditions, and what conditions would be true
//! of before they are saved.

use std::collections::BTreeMap;

use stint_domain::condition::{About, Compiled, Many};

use super::stock::Stock;
use super::*;

/// One thing that a catalog holds, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// What.
    pub entitlement: Entitlement,
    /// Whether it is in the catalog's list.
    pub listed: bool,
    /// The names of the conditions that are true of it.
    pub rules: Vec<String>,
    /// How it is asked for, in whichever catalog.
    pub access_control: Option<AccessControl>,
    /// How it is asked for where this catalog says it: where it has no access control.
    pub default: Option<DefaultTerms>,
}

/// Which of it to list, and how.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContentFilter {
    /// Words that must all be in the name.
    pub q: String,
    /// Only what this condition, from 0, is true of.
    pub rule: Option<usize>,
    /// One of [`CONTENT_SORTS`]; the first when absent.
    pub sort: Option<String>,
}

/// The orders that list has.
pub const CONTENT_SORTS: &[&str] = &["name", "-name"];

/// What a catalog holds now and could give, a page at a time, and how much that is: nothing that is
/// gone from AWS, or that a directory decides about.
pub async fn contents(
    cx: &Cx,
    id: CatalogId,
    filter: &ContentFilter,
    paging: &Paging,
) -> Result<(Page<Held>, usize), Error> {
    cx.authorize(Verb::GetCatalog, Relation::Others)?;
    let sort = sorted(filter.sort.as_deref(), CONTENT_SORTS)?;
    let after = paging.after_in::<(String, EntitlementId)>(sort)?;
    let fetch = usize::try_from(paging.fetch()).unwrap_or(0);
    let (stock, mut q) = stock::now(cx).await?;
    let stocked = stock.catalog(id).ok_or(Error::NotFound)?;
    let down = sort.starts_with('-');
    let (found, total) = stock.contents(stocked, filter, down, after.as_ref(), fetch);
    let shown = || found.iter().map(|(_, id, _)| *id);
    let mut entitlements = directory::entitlements_by_id(&mut q, shown()).await?;
    let mut controls = store::access_controls(&mut q, shown()).await?;
    let names = &stocked.catalog.rules.contents;
    let rows = found.into_iter().filter_map(|(key, id, standing)| {
        let access_control = controls.remove(&id);
        let name = |at: usize| names.get(at).map(|rule| rule.name.clone());
        let held = Held {
            entitlement: entitlements.remove(&id)?,
            listed: standing.listed,
            rules: standing.rules.into_iter().filter_map(name).collect(),
            default: stocked
                .catalog
                .rules
                .terms
                .filter(|_| access_control.is_none()),
            access_control,
        };
        Some((key, held))
    });
    let page = paging.page_in(sort, rows.collect(), |(key, held): &(String, Held)| {
        (key.clone(), held.entitlement.id)
    });
    Ok((page.map(|(_, held)| held), total))
}

/// How much a catalog holds now, and how much of it by each of its conditions, in their order.
pub async fn count_matched(cx: &Cx, id: CatalogId) -> Result<(usize, Vec<usize>), Error> {
    cx.authorize(Verb::GetCatalog, Relation::Others)?;
    let (stock, _) = stock::now(cx).await?;
    let stocked = stock.catalog(id).ok_or(Error::NotFound)?;
    Ok(stock.counts(stocked))
}

/// What conditions are true of now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Matches<T> {
    /// How many.
    pub count: usize,
    /// The first of them, by name.
    pub first: Vec<T>,
}

/// What rules are, before they are saved.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checked {
    /// Everything that is wrong with them; the rest is then empty.
    pub faults: Vec<RuleFault>,
    /// Of each condition over entitlements, in their order.
    pub contents: Vec<Matches<String>>,
    /// Of the condition over people, who are active, where there is one.
    pub audience: Option<Matches<String>>,
}

/// How many of what a condition is true of are named.
const FIRST: usize = 8;

/// Says what rules would be true of now, and what is wrong with them.
pub async fn check(cx: &Cx, rules: &Rules) -> Result<Checked, Error> {
    cx.authorize(Verb::CreateCatalog, Relation::None)?;
    let _turn = stock::turn(cx).await;
    let mut q = cx.read().await?;
    let faults = rules::faults(&mut q, rules).await?;
    let mut checked = Checked {
        faults,
        ..Checked::default()
    };
    if !checked.faults.is_empty() {
        return Ok(checked);
    }
    let conditions: Vec<Condition> = (rules.contents.iter())
        .map(|rule| rule.when.clone())
        .collect();
    if !conditions.is_empty() {
        let found = Stock::tried(&mut q, &conditions, FIRST).await?;
        let shown: BTreeSet<EntitlementId> = (found.iter())
            .flat_map(|(_, ids)| ids.iter().copied())
            .collect();
        let names: BTreeMap<_, _> = directory::entitlements_by_id(&mut q, shown).await?;
        let name = |id: &EntitlementId| names.get(id).map(|it| it.name.clone());
        checked.contents = (found.into_iter())
            .map(|(count, ids)| Matches {
                count,
                first: ids.iter().filter_map(name).collect(),
            })
            .collect();
    }
    if let Some(when) = &rules.audience_when {
        checked.audience = Some(people(&mut q, when).await?);
    }
    Ok(checked)
}

/// Of whom a condition over people is true, of those who are active.
async fn people(q: &mut impl Query, when: &Condition) -> Result<Matches<String>, Error> {
    let everybody = identity::everybody(q).await?;
    // Their managers lead to more, whoever is active: as where it is asked of one.
    let known: BTreeSet<UserId> = everybody.iter().map(|(user, _)| user.id).collect();
    let managers = everybody.iter().filter_map(|(_, person)| person.manager);
    let managers: BTreeSet<UserId> = managers.filter(|id| !known.contains(id)).collect();
    let others = identity::some_people(q, &managers).await?;
    let compiled = Compiled::of(when, About::Audience);
    let judged = tokio::task::spawn_blocking(move || {
        let people = everybody.iter().map(|(_, person)| person);
        let holds = match (
            compiled,
            Many::people(people, others.iter().map(|(_, it)| it)),
        ) {
            (Ok(compiled), Ok(many)) => compiled.holds_of_each(&many),
            _ => Vec::new(),
        };
        let found = everybody.into_iter().zip(holds).filter(|(_, holds)| *holds);
        let mut names: Vec<String> = found.map(|((user, _), _)| user.name).collect();
        names.sort();
        names
    });
    let mut first = judged.await.map_err(|_| Error::Stopped)?;
    let count = first.len();
    first.truncate(FIRST);
    Ok(Matches { count, first })
}
