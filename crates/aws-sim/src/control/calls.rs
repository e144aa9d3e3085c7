//! `/_sim/journal`: the calls so far, narrowed and a page at a time.

use serde_json::{Map, Value, json};

use crate::journal::Wanted;
use crate::sim::Sim;

/// What a query asks for. Names that are not known are refused: a filter nobody applied is worse
/// than none.
pub(crate) fn wanted(query: &Map<String, Value>) -> Result<Wanted, String> {
    let mut wanted = Wanted::default();
    for (name, value) in query {
        let text = value.as_str().unwrap_or_default().trim();
        if text.is_empty() && name != "after" {
            // A form's field that nobody filled in.
            continue;
        }
        let number = || {
            text.parse::<u64>()
                .map_err(|_| format!("`{name}` must be the number of a call"))
        };
        let word = || Value::String(text.to_owned());
        match name.as_str() {
            "after" => wanted.after = Some(number()?),
            "before" => wanted.before = Some(number()?),
            "limit" => {
                let limit = text
                    .parse::<usize>()
                    .ok()
                    .filter(|n| (1..=1_000).contains(n));
                let limit = limit.ok_or("`limit` must be a number from 1 to 1000")?;
                wanted.limit = Some(limit);
            }
            "order" => match text {
                "newest" => wanted.newest = true,
                "oldest" => wanted.newest = false,
                _ => return Err("`order` must be newest or oldest".to_owned()),
            },
            "operation" => wanted.operation = Some(text.to_owned()),
            "party" => {
                let party = serde_json::from_value(word());
                let known = "`party` must be stint, admin, user or nobody";
                wanted.party = Some(party.map_err(|_| known.to_owned())?);
            }
            "account" => wanted.account = Some(text.to_owned()),
            "caller" => wanted.caller = Some(text.to_owned()),
            "outcome" => {
                let outcome = serde_json::from_value(word());
                let known = "`outcome` must be ok, error or lost";
                wanted.outcome = Some(outcome.map_err(|_| known.to_owned())?);
            }
            "code" => wanted.code = Some(text.to_owned()),
            "fault" => {
                let fault = text
                    .parse()
                    .map_err(|_| "`fault` must be a fault's number")?;
                wanted.fault = Some(fault);
            }
            "input" => wanted.input = Some(text.to_owned()),
            other => {
                return Err(format!(
                    "`{other}` is no filter: there are after, before, limit, order, operation, party, account, caller, outcome, code, fault and input"
                ));
            }
        }
    }
    Ok(wanted)
}

pub(crate) fn answer(sim: &Sim, query: &Map<String, Value>) -> Result<Value, String> {
    let wanted = wanted(query)?;
    let (calls, next) = sim.calls_wanted(&wanted);
    let mut told = json!({ "calls": calls });
    if let (Some(next), Some(told)) = (next, told.as_object_mut()) {
        let onward = if wanted.newest { "before" } else { "after" };
        told.insert("next".to_owned(), json!({ onward: next }));
    }
    Ok(told)
}
