//! `/_sim/faults` and `/_sim/knobs`: what goes wrong, and in which of its manners the simulated
//! AWS behaves, from outside the process.
//!
//! What it does not do: gates and matchers of one's own, which are for tests in the process.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::fault::{Effect, Fault, FaultId};
use crate::journal::Party;
use crate::options::Knobs;
use crate::sim::Sim;

/// A fault as it is asked for: which calls, and what becomes of them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// `sso:DeleteAccountAssignment`, `sso:*` or `*`.
    operation: String,
    party: Option<Party>,
    /// Only the n-th of them from now on.
    nth: Option<u64>,
    /// Only the first n.
    first: Option<u64>,
    /// The n-th and all after it.
    from: Option<u64>,
    /// So many of them: 0 for none, 1 for all.
    odds: Option<f64>,
    /// Where those are drawn from.
    seed: Option<u64>,
    /// Only from this virtual time on.
    since: Option<jiff::Timestamp>,
    /// Only before this one.
    until: Option<jiff::Timestamp>,
    effect: What,
    code: Option<String>,
    message: Option<String>,
    seconds: Option<i64>,
    millis: Option<u64>,
    up_to_millis: Option<u64>,
    #[serde(default)]
    applied: bool,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum What {
    Refuse,
    Throttle,
    Broken,
    Unavailable,
    Expire,
    LoseBefore,
    LoseAfter,
    ResetBefore,
    ResetAfter,
    ArriveLate,
    IgnoreDelete,
    Slow,
    FailLater,
    Stale,
    Delay,
    Advance,
    Twice,
}

impl Wanted {
    fn fault(&self) -> Result<Fault, String> {
        let mut fault = Fault::on(&self.operation);
        if let Some(party) = self.party {
            fault = fault.by(party);
        }
        if let Some(since) = self.since {
            fault = fault.since(since.as_microsecond());
        }
        if let Some(until) = self.until {
            fault = fault.until(until.as_microsecond());
        }
        if self.seed.is_some() && self.odds.is_none() {
            return Err("`seed` goes with `odds`".to_owned());
        }
        let turn = (self.nth, self.first, self.from, self.odds);
        match turn {
            (None, None, None, None) => Ok(fault),
            (Some(n), None, None, None) => Ok(fault.nth(n)),
            (None, Some(n), None, None) => Ok(fault.first(n)),
            (None, None, Some(n), None) => Ok(fault.from(n)),
            (None, None, None, Some(odds)) if (0.0..=1.0).contains(&odds) => {
                Ok(fault.odds(odds, self.seed.unwrap_or(1)))
            }
            (None, None, None, Some(_)) => Err(ODDS.to_owned()),
            _ => Err("give one of `nth`, `first`, `from` and `odds`".to_owned()),
        }
    }

    fn micros(&self) -> Result<i64, String> {
        let micros = self.seconds.and_then(|it| it.checked_mul(1_000_000));
        micros.ok_or_else(|| "this effect takes `seconds`".to_owned())
    }

    fn effect(&self) -> Result<Effect, String> {
        Ok(match self.effect {
            What::Refuse => {
                let code = self.code.as_deref().ok_or("`refuse` takes a `code`")?;
                match (&self.message, Effect::refuse(code)) {
                    (Some(message), _) => Effect::Refuse {
                        code: code.to_owned(),
                        message: message.clone(),
                    },
                    (None, usual) => usual,
                }
            }
            What::Throttle => Effect::Throttle,
            What::Broken => Effect::Broken,
            What::Unavailable => Effect::Unavailable,
            What::Expire => Effect::Expire,
            What::ResetBefore => Effect::ResetBefore,
            What::ResetAfter => Effect::ResetAfter,
            What::LoseBefore => Effect::LoseBefore,
            What::LoseAfter => Effect::LoseAfter,
            What::ArriveLate => Effect::ArriveLate {
                micros: self.micros()?,
            },
            What::IgnoreDelete => Effect::IgnoreDelete,
            What::Slow => Effect::Slow {
                micros: self.micros()?,
            },
            What::FailLater => Effect::FailLater {
                reason: self
                    .message
                    .clone()
                    .ok_or("`fail_later` takes a `message`")?,
                applied: self.applied,
            },
            What::Stale => Effect::Stale,
            What::Delay => {
                let millis = self.millis.ok_or("`delay` takes `millis`")?;
                match self.up_to_millis {
                    None => Effect::Delay { millis },
                    Some(most) if most >= millis => Effect::DelayBetween {
                        least: millis,
                        most,
                    },
                    Some(_) => return Err("`up_to_millis` is less than `millis`".to_owned()),
                }
            }
            What::Advance => Effect::Advance {
                micros: self.micros()?,
            },
            What::Twice => Effect::Twice,
        })
    }
}

const ODDS: &str = "odds are between 0 for no call and 1 for every call";

/// Reads weather by seed as a command line gives it: `broken=0.01`, `lose_after=0.02@iam:*`,
/// `delay=0.3`. What happens, to how many calls, and to which (all of them by default).
///
/// Says what is wrong with it.
pub fn forecast(text: &str, seed: u64) -> Result<(Fault, Effect), String> {
    let wrong = || {
        format!(
            "`{text}` is no weather: write what happens and how often, as broken=0.01 or lose_after=0.02@iam:*"
        )
    };
    let (name, rest) = text.split_once('=').ok_or_else(wrong)?;
    let (odds, operation) = rest.split_once('@').unwrap_or((rest, "*"));
    let odds: f64 = odds.parse().map_err(|_| wrong())?;
    if !(0.0..=1.0).contains(&odds) {
        return Err(format!("`{text}`: {ODDS}"));
    }
    let known = |known: &String| match operation.strip_suffix('*') {
        Some(start) => known.starts_with(start),
        None => known == operation,
    };
    if !operation.starts_with("events:") && !crate::operations().iter().any(known) {
        return Err(format!("`{text}`: no operation is called `{operation}`"));
    }
    let effect = match name {
        "throttle" => Effect::Throttle,
        "broken" => Effect::Broken,
        "unavailable" => Effect::Unavailable,
        "expire" => Effect::Expire,
        "lose_before" => Effect::LoseBefore,
        "lose_after" => Effect::LoseAfter,
        "reset_before" => Effect::ResetBefore,
        "reset_after" => Effect::ResetAfter,
        "stale" => Effect::Stale,
        "twice" => Effect::Twice,
        "delay" => Effect::DelayBetween {
            least: 50,
            most: 1_000,
        },
        "arrive_late" => Effect::ArriveLate { micros: A_MINUTE },
        "slow" => Effect::Slow { micros: A_MINUTE },
        _ => {
            return Err(format!(
                "`{text}`: what happens is one of throttle, broken, unavailable, expire, lose_before, lose_after, reset_before, reset_after, stale, twice, delay, arrive_late and slow"
            ));
        }
    };
    Ok((Fault::on(operation).odds(odds, seed), effect))
}

const A_MINUTE: i64 = 60_000_000;

/// Every fault there is.
pub(crate) fn all(sim: &Sim) -> Value {
    json!({ "faults": sim.faults().all() })
}

/// Adds a fault; tells its number.
pub(crate) fn add(sim: &Sim, input: Value) -> Result<Value, String> {
    let wanted: Wanted = serde_json::from_value(input).map_err(|wrong| wrong.to_string())?;
    let FaultId(id) = sim.faults().add(wanted.fault()?, wanted.effect()?);
    Ok(json!({ "id": id }))
}

/// How often a fault has acted.
pub(crate) fn hits(sim: &Sim, id: u64) -> Value {
    json!({ "id": id, "hits": sim.faults().hits(FaultId(id)) })
}

/// Takes one fault away, or all.
pub(crate) fn remove(sim: &Sim, id: Option<u64>) -> Value {
    match id {
        Some(id) => sim.faults().remove(FaultId(id)),
        None => sim.faults().clear(),
    }
    json!({})
}

/// The manners as they are.
pub(crate) fn knobs(sim: &Sim) -> Value {
    let mut now = Knobs::default();
    sim.knobs(|knobs| now.clone_from(knobs));
    json!(now)
}

/// Writes over what is named, member by member, however deep.
fn merge(into: &mut Value, given: &Map<String, Value>) {
    let Some(members) = into.as_object_mut() else {
        return;
    };
    for (name, value) in given {
        match (members.get_mut(name), value) {
            (Some(known @ Value::Object(_)), Value::Object(given)) => merge(known, given),
            _ => {
                members.insert(name.clone(), value.clone());
            }
        }
    }
}

/// Turns those that are named; the rest stays.
pub(crate) fn turn(sim: &Sim, input: &Value) -> Result<(), String> {
    let given = input.as_object().ok_or("the body must be an object")?;
    let mut turned = Ok(());
    // Read and written at once: of two that turn different knobs, both are heard.
    sim.knobs(|knobs| {
        let mut all = json!(knobs);
        merge(&mut all, given);
        let read: Result<Knobs, _> = serde_json::from_value(all);
        let read = read.map_err(|wrong| wrong.to_string());
        match read.and_then(|all| all.throttling.check().map(|()| all)) {
            Ok(all) => *knobs = all,
            Err(wrong) => turned = Err(wrong),
        }
    });
    turned
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{EstateSpec, SimClock, SimOptions};

    #[test]
    fn of_two_who_turn_manners_both_are_heard() {
        let spec = EstateSpec::tiny();
        let sim = Sim::new(SimOptions::new(spec, SimClock::frozen(0))).unwrap();
        let heard = |name: &str| {
            (1..=2_000).all(|n| {
                turn(&sim, &json!({ name: n })).unwrap();
                knobs(&sim)[name] == n
            })
        };
        let both = std::thread::scope(|scope| {
            let other = scope.spawn(|| heard("portal_session_micros"));
            (heard("event_delay_micros"), other.join().unwrap())
        });
        assert_eq!(both, (true, true));
    }
}
