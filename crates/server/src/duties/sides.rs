//! On which sides of rules things are: by their lists, and by their conditions.

use std::collections::BTreeMap;
use std::sync::Arc;

use stint_domain::condition::{About, Compiled, Thing};
use stint_domain::duty::Sides;
use stint_domain::{ConnectionId, EntitlementId};

use super::{Duty, Error, Side};

/// Of each of these rules, in their order, what of these things is on a side of it.
///
/// Conditions are asked only about what comes in. What one asks of an account that is not known, where it
/// is or its tags, is taken to be true of what is on it: what may be kept apart is not given together.
/// Fails where a condition cannot be read.
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
            false => {
                Compiled::may_hold_of_things(&conditions, &things).map_err(Error::Unreadable)?
            }
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

#[cfg(test)]
mod tests {
    use stint_domain::condition::Condition;
    use stint_domain::duty::Action;
    use stint_domain::entitlement::EntitlementKey;
    use stint_domain::{ApplicationId, DutyId, Time};
    use uuid::Uuid;

    use super::*;

    fn thing(lost: bool) -> Thing {
        Thing {
            id: EntitlementId(Uuid::from_u128(7)),
            name: "Admin on prod".to_owned(),
            key: EntitlementKey::AccountAssignment {
                account: "111122223333".to_owned(),
                permission_set: "arn".to_owned(),
            },
            lost,
            application: ApplicationId(Uuid::from_u128(8)),
            ..Thing::nothing()
        }
    }

    #[test]
    fn what_may_be_in_a_unit_is_kept_apart_while_nobody_knows_where_it_is() {
        let side = |name: &str, when: &str| Side {
            name: name.to_owned(),
            when: Some(Condition::new(when)),
            ..Side::default()
        };
        let rule = Duty {
            id: DutyId(Uuid::from_u128(1)),
            name: "Four eyes".to_owned(),
            message: "Ask the other team.".to_owned(),
            first: side(
                "Production",
                "resource has account && resource.account in OrganizationalUnit::\"ou-ab12-prod\"",
            ),
            second: side("Readers", "resource.name like \"Read*\""),
            action: Action::Block,
            group: None,
            emergency_passes: false,
            active: true,
            created_at: Time::default(),
            version: 1,
        };
        let of = |rule: &Duty, lost: bool| {
            let connection = ConnectionId(Uuid::from_u128(9));
            let things = BTreeMap::from([(connection, vec![thing(lost)])]);
            let found = all(std::slice::from_ref(rule), &things).expect("asked");
            found[0].get(&thing(lost).id).copied().unwrap_or_default()
        };
        let on = |lost| of(&rule, lost);
        assert!(
            !on(false).any(),
            "an account in no organization is in no unit"
        );
        let lost = on(true);
        assert!(lost.first && !lost.second, "{lost:?}");
        // What else it says holds as ever.
        let readers = Duty {
            first: side(
                "Readers in production",
                "resource has account && resource.account in OrganizationalUnit::\"ou-ab12-prod\" && resource.name like \"Read*\"",
            ),
            ..rule.clone()
        };
        assert!(!of(&readers, true).any());
    }

    #[test]
    fn what_may_have_a_tag_is_kept_apart_while_nobody_has_read_it() {
        let tagged = "resource has account && resource.account.hasTag(\"env\") && resource.account.getTag(\"env\") == \"prod\"";
        let rule = Duty {
            id: DutyId(Uuid::from_u128(1)),
            name: "Four eyes".to_owned(),
            message: "Ask the other team.".to_owned(),
            first: Side {
                name: "Production".to_owned(),
                when: Some(Condition::new(tagged)),
                ..Side::default()
            },
            second: Side::default(),
            action: Action::Block,
            group: None,
            emergency_passes: false,
            active: true,
            created_at: Time::default(),
            version: 1,
        };
        let env = |value: &str| Some([("env".to_owned(), value.to_owned())].into());
        for (tags, kept) in [
            (None, true),
            (env("prod"), true),
            (env("dev"), false),
            (Some(BTreeMap::new()), false),
        ] {
            let one = Thing {
                tags,
                ..thing(false)
            };
            let connection = ConnectionId(Uuid::from_u128(9));
            let things = BTreeMap::from([(connection, vec![one.clone()])]);
            let found = all(std::slice::from_ref(&rule), &things).expect("asked");
            let sides = found[0].get(&one.id).copied().unwrap_or_default();
            assert_eq!(sides.first, kept, "{:?}", one.tags);
        }
    }
}
