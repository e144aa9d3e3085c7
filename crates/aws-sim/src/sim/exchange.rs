//! One request from its arrival to its answer, with whatever the script has in store for it.

use std::time::Duration;

use serde_json::Value;

use super::Sim;
use crate::access::Moment;
use crate::fault::{Effect, Met, Seen};
use crate::journal::Answered;
use crate::queues::{SECOND, of_url};
use crate::wire::{Answer, Call, Incoming, Reply, Service};
use crate::world::World;

/// Milliseconds between two looks into an empty queue.
const A_LOOK: u64 = 50;

/// For how many microseconds the machine's own clock lets a call look: as long as SQS lets anybody
/// wait, however the virtual clock is moved meanwhile.
const PATIENCE: i64 = 20_000_000;

/// What became of a request.
pub(crate) enum Outcome {
    /// Answer this.
    Reply(Reply),
    /// End the connection without an answer.
    Lost,
    /// Reset the connection.
    Reset,
}

impl Outcome {
    /// What becomes of the connection where no answer arrives.
    fn broken(effect: Option<&Effect>) -> Option<Outcome> {
        match effect? {
            Effect::LoseBefore | Effect::LoseAfter | Effect::ArriveLate { .. } => {
                Some(Outcome::Lost)
            }
            Effect::ResetBefore | Effect::ResetAfter => Some(Outcome::Reset),
            _ => None,
        }
    }
}

impl Sim {
    /// Serves one request, with whatever the script has in store for it.
    pub(crate) async fn exchange(&self, incoming: &Incoming<'_>) -> Outcome {
        let call = Call::read(incoming);
        let epoch = self.snapshots.epoch();
        let in_hand = self.take_in_hand(&call);
        let met = self.meet(&call);
        if met.millis > 0 {
            pause(met.millis).await;
        }
        match &met.effect {
            Some(Effect::Hold(gate)) => gate.pass().await,
            Some(Effect::Advance { micros }) => self.clock.advance(*micros),
            _ => {}
        }
        // Who calls, and whether they signed it in time, is judged by when the call arrived.
        let arrival = self.moment();
        let mut moment = arrival;
        loop {
            match self.attempt(&call, &met, in_hand.crowded, arrival, moment, epoch) {
                Some(outcome) => return outcome,
                // Nothing in the queue yet.
                None => pause(A_LOOK).await,
            }
            moment = self.moment();
        }
    }

    /// Counts a call of Organizations for as long as it is in hand.
    fn take_in_hand(&self, call: &Call) -> InHand {
        if call.service != Service::Organizations {
            return InHand::default();
        }
        let mut world = self.lock();
        let throttling = &world.knobs.throttling;
        let most = throttling.organizations_at_once.filter(|_| throttling.on);
        let account = world.signer(call).map(|key| key.account().to_owned());
        let (Some(most), Some(account)) = (most, account) else {
            return InHand::default();
        };
        let many = world.in_hand.entry(account.clone()).or_default();
        *many += 1;
        let crowded = *many > most;
        drop(world);
        InHand {
            of: Some((self.clone(), account)),
            crowded,
        }
    }

    /// What the script has in store for a call.
    fn meet(&self, call: &Call) -> Met {
        if self.faults.are_none() {
            return Met::default();
        }
        let operation = call.name();
        let at = self.clock.now_micros();
        let world = self.lock();
        self.faults.meet(&Seen {
            operation: &operation,
            party: world.party(call),
            caller_arn: world.signer(call).map(|key| key.arn()),
            input: &call.input,
            at,
        })
    }

    /// Serves a request now; nothing where it receives from an empty queue and has patience left.
    /// A clock that stands still, or was set back since, leaves nothing to wait for.
    fn attempt(
        &self,
        call: &Call,
        met: &Met,
        crowded: bool,
        arrival: Moment,
        moment: Moment,
        epoch: u64,
    ) -> Option<Outcome> {
        let mut world = self.lock();
        if self.snapshots.epoch() != epoch {
            // It came to a world that is gone.
            return Some(Outcome::Lost);
        }
        world.catch_up(moment);
        let request_id = world.request_id(world.journal.next_no());
        let effect = met.effect.as_ref();
        let broken = Outcome::broken(effect);
        if let Some(Effect::LoseBefore | Effect::ResetBefore | Effect::ArriveLate { .. }) = effect {
            let answer = Answered::Lost {
                done: false,
                code: None,
            };
            world.record(call, moment.at, request_id, answer, met);
            if let Some(Effect::ArriveLate { micros }) = effect {
                let due = moment.at.saturating_add(*micros);
                world.arrive_later(due, met.clone(), call.clone());
            }
            return broken;
        }
        let witnessed = world.witnessed(call, arrival);
        world.crowded = crowded;
        let mut result = world.perform(call, arrival, moment, effect);
        if call.service == Service::Sqs && call.operation == "ReceiveMessage" {
            let empty = |answer: &Answer| matches!(answer, Answer::Json(it) if it.get("Messages").is_none());
            let patient = may_wait(arrival, moment, world.patience(call));
            if result.as_ref().is_ok_and(empty) && patient && !self.clock.is_frozen() {
                return None;
            }
        }
        if let Some(witnessed) = witnessed {
            world.happened(witnessed, call, &result, &request_id, moment.at);
        }
        let judged = world
            .signer(call)
            .map_or(moment.at, |key| moment.by(key.judge));
        let reply = Reply::of(call, &mut result, &request_id, judged);
        let answer = match (&result, broken.is_some()) {
            (Ok(_), false) => Answered::Ok,
            (Err(error), false) => Answered::Error {
                status: error.status,
                code: error.code.clone(),
            },
            (Ok(_), true) => Answered::Lost {
                done: true,
                code: None,
            },
            (Err(error), true) => Answered::Lost {
                done: false,
                code: Some(error.code.clone()),
            },
        };
        world.record(call, moment.at, request_id, answer, met);
        broken.or(Some(Outcome::Reply(reply)))
    }
}

/// A call that is counted until this is dropped, however it ends.
#[derive(Default)]
struct InHand {
    of: Option<(Sim, String)>,
    /// Whether there were too many already.
    crowded: bool,
}

impl Drop for InHand {
    fn drop(&mut self) {
        let Some((sim, account)) = self.of.take() else {
            return;
        };
        let mut world = sim.lock();
        if let Some(many) = world.in_hand.get_mut(&account) {
            *many = many.saturating_sub(1);
            if *many == 0 {
                world.in_hand.remove(&account);
            }
        }
    }
}

/// Whether a call that arrived then and has so much patience may look once more.
fn may_wait(arrival: Moment, moment: Moment, patience: i64) -> bool {
    let until = arrival.at.saturating_add(patience);
    (arrival.at..until).contains(&moment.at) && moment.wall < arrival.wall.saturating_add(PATIENCE)
}

impl World {
    /// How long a receiving that found nothing goes on, in microseconds.
    fn patience(&self, call: &Call) -> i64 {
        let asked = call.input.get("WaitTimeSeconds").and_then(Value::as_i64);
        let own = || {
            let url = call.input.get("QueueUrl").and_then(Value::as_str)?;
            let (account, name) = of_url(url)?;
            let queue = self.queues.get(account, name)?;
            Some(queue.number("ReceiveMessageWaitTimeSeconds"))
        };
        asked.or_else(own).unwrap_or_default().clamp(0, 20) * SECOND
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a scripted delay takes real time by definition"
)]
async fn pause(millis: u64) {
    tokio::time::sleep(Duration::from_millis(millis)).await;
}

#[cfg(test)]
mod tests {
    use super::{Moment, may_wait};

    #[test]
    fn nobody_looks_for_longer_than_by_either_clock() {
        let at = |at: i64, wall: i64| Moment {
            at: at * 1_000_000,
            wall: wall * 1_000_000,
        };
        let looks = |moment| may_wait(at(1_000, 50), moment, 10_000_000);
        assert!(looks(at(1_000, 50)) && looks(at(1_009, 59)));
        assert!(!looks(at(1_010, 51)), "as long as it was told");
        assert!(!looks(at(999, 51)), "not back in time");
        // Of a clock that is set back now and then, but never far enough.
        assert!(looks(at(1_001, 69)));
        assert!(!looks(at(1_001, 70)));
        assert!(!may_wait(at(1_000, 50), at(1_000, 50), 0));
    }
}
