//! On which sides of rules things are: by their lists, and by their conditions.

use std::collections::BTreeMap;
use std::sync::Arc;

use stint_domain::condition::{About, Compiled, Thing};
use stint_domain::duty::Sides;
use stint_domain::{ConnectionId, EntitlementId};

use super::{Duty, Error, Side};

/// Of each of these rules, in their order, what of these things is on a side of it.
///
/// Conditions are asked only about what comes in. Fails where one cannot be asked: then nothing is
/// known of what the rule keeps apart, and nothing is to be given past it.
pub(super) async fn of(
    rules: &Arc<Vec<Duty>>,
    things: BTreeMap<ConnectionId, Vec<Thing>>,
) -> Result<Vec<BTreeMap<EntitlementId, Sides>>, Error> {
    let rules = Arc::clone(rules);
    // Much of this would keep others waiting.
    let found = tokio::task::spawn_blocking(move || all(&rules, &things)).await;
    found.map_err(|why| Error::Unreadable(why.to_string()))?
}

fn all(
    rules: &[Duty],
    things: &BTreeMap<ConnectionId, Vec<Thing>>,
) -> Result<Vec<BTreeMap<EntitlementId, Sides>>, Error> {
    let mut conditions = Vec::new();
    let mut place = |side: &Side| -> Result<Option<usize>, Error> {
        let Some(when) = &side.when else {
            return Ok(None);
        };
        let compiled = Compiled::saved(when, About::Contents).map_err(Error::Unreadable)?;
        conditions.push(compiled);
        Ok(Some(conditions.len() - 1))
    };
    let mut places = Vec::with_capacity(rules.len());
    for rule in rules {
        places.push((place(&rule.first)?, place(&rule.second)?));
    }
    let conditions: Vec<&Compiled> = conditions.iter().collect();
    let mut found = vec![BTreeMap::new(); rules.len()];
    for things in things.values() {
        let things: Vec<&Thing> = things.iter().collect();
        let holds = match conditions.is_empty() {
            true => Vec::new(),
            false => Compiled::hold_of_things(&conditions, &things).map_err(Error::Unreadable)?,
        };
        let is = |side: &Side, place: Option<usize>, at: usize, id: EntitlementId| {
            let by_condition = place
                .and_then(|place| holds.get(place))
                .and_then(|column| column.get(at));
            side.entitlements.contains(&id) || by_condition == Some(&true)
        };
        for ((rule, (first, second)), found) in rules.iter().zip(&places).zip(&mut found) {
            for (at, thing) in things.iter().enumerate() {
                let sides = Sides {
                    first: is(&rule.first, *first, at, thing.id),
                    second: is(&rule.second, *second, at, thing.id),
                };
                if sides.any() {
                    found.insert(thing.id, sides);
                }
            }
        }
    }
    Ok(found)
}
