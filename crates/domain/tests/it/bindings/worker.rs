//! Two workers that read, sleep, write and die, in the way the grants room does it.

use stint_domain::AttemptId;
use stint_domain::binding::{Action, Answer, Attempt, AttemptKind, Claim, Reading};

use super::aws::{HOUR, Kind, MINUTE, Reply, SECOND, Status};
use super::run::History;

/// What happens next, somewhere.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Event {
    Person,
    Admin,
    Deny(bool),
    Calm,
    /// An idle worker looks whether the binding is due.
    Wake,
    /// The worker opens its next transaction.
    Turn {
        worker: usize,
        run: u64,
    },
    /// A read reaches AWS.
    Serve {
        worker: usize,
        run: u64,
        began: i64,
    },
    /// What the read found, as far as it was understood, comes back.
    Found {
        worker: usize,
        run: u64,
        began: i64,
        row: Option<Option<usize>>,
    },
    /// The worker sends a write.
    Send {
        worker: usize,
        run: u64,
        attempt: AttemptId,
    },
    /// A write reaches AWS.
    Arrive {
        worker: usize,
        run: u64,
        attempt: AttemptId,
        signed: i64,
        lost: bool,
    },
    /// AWS comes to the end of a write.
    Finish {
        request: String,
    },
    /// The answer to an attempt is recorded.
    Record {
        worker: usize,
        run: u64,
        attempt: AttemptId,
        answer: Said,
    },
    /// A look at an asynchronous write reaches AWS.
    Poll {
        worker: usize,
        run: u64,
        attempt: AttemptId,
        request: String,
    },
    /// A listing of creations reaches AWS.
    List {
        worker: usize,
        run: u64,
        began: i64,
    },
}

/// An answer, in a form the queue can order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Said {
    Accepted(String),
    Succeeded(Option<String>),
    Failed(bool),
    NotFound,
    Held,
    Refused(bool, &'static str),
    Silence,
    InProgress,
    StatusLost,
}

pub(super) struct Worker {
    claim: Option<Claim>,
    run: u64,
}

impl Worker {
    pub(super) fn idle() -> Self {
        Self {
            claim: None,
            run: 0,
        }
    }
}

impl History {
    pub(super) fn work(&mut self, event: Event) {
        match event {
            Event::Wake => self.wake(),
            Event::Turn { worker, run } => {
                if self.is_running(worker, run) {
                    self.turn(worker);
                }
            }
            Event::Serve { worker, run, began } => {
                let row = (!self.is_lost()).then(|| self.aws.read(self.now, &mut self.rng));
                let back = self.now + self.transit();
                self.at(
                    back,
                    Event::Found {
                        worker,
                        run,
                        began,
                        row,
                    },
                );
            }
            Event::Found {
                worker,
                run,
                began,
                row,
            } => {
                if self.is_running(worker, run) {
                    self.found(worker, began, row);
                }
            }
            Event::Send {
                worker,
                run,
                attempt,
            } => {
                if self.is_running(worker, run) {
                    self.send(worker, run, attempt);
                }
            }
            Event::Arrive {
                worker,
                run,
                attempt,
                signed,
                lost,
            } => {
                self.arrive(worker, run, attempt, signed, lost);
            }
            Event::Finish { request } => {
                if let Some(effect) = self.aws.finish(&request, self.now) {
                    self.oracle.effect(&effect, self.now);
                }
            }
            Event::Record {
                worker,
                run,
                attempt,
                answer,
            } => {
                if self.is_running(worker, run) {
                    self.record(worker, attempt, answer);
                }
            }
            Event::Poll {
                worker,
                run,
                attempt,
                request,
            } => {
                self.poll(worker, run, attempt, &request);
            }
            Event::List { worker, run, began } => {
                if self.is_running(worker, run) {
                    let found = self.aws.in_progress();
                    let ledger = self
                        .load(None)
                        .creations(stint_domain::Time::from_micros(began), found);
                    self.store(ledger, &[]);
                    self.next_turn(worker);
                }
            }
            Event::Person | Event::Admin | Event::Deny(_) | Event::Calm => {}
        }
    }

    fn is_running(&self, worker: usize, run: u64) -> bool {
        self.workers[worker].claim.is_some() && self.workers[worker].run == run
    }

    fn stop(&mut self, worker: usize) {
        self.workers[worker].claim = None;
        self.workers[worker].run += 1;
        let due = self
            .binding
            .due
            .map_or(self.now, stint_domain::Time::micros);
        let lease = self
            .binding
            .lease_until
            .map_or(0, stint_domain::Time::micros);
        if self.binding.due.is_some() {
            let wake = due.max(lease).max(self.now) + SECOND;
            self.at(wake, Event::Wake);
        }
    }

    fn is_lost(&mut self) -> bool {
        let lossy = self.lossy;
        self.rng.chance(lossy)
    }

    fn transit(&mut self) -> i64 {
        if !self.quiet && self.rng.chance(30) {
            self.rng.millis(1_000, 18_000)
        } else {
            self.rng.millis(10, 400)
        }
    }

    /// A worker's pause between two things it does: mostly none, sometimes very long.
    fn pause(&mut self) -> i64 {
        let sleepy = self.sleepy;
        if !self.rng.chance(sleepy) {
            return self.rng.millis(1, 20);
        }
        match self.rng.range(0, 3) {
            0 => self.rng.range(SECOND, MINUTE),
            1 => self.rng.range(MINUTE, 25 * MINUTE),
            _ => self.rng.range(10 * MINUTE, 2 * HOUR),
        }
    }

    /// The worker is gone before its next step.
    fn dies(&mut self, worker: usize) -> bool {
        let mortal = self.mortal;
        let dead = self.rng.chance(mortal);
        if dead {
            self.oracle.note(self.now, format!("worker {worker} dies"));
            self.stop(worker);
        }
        dead
    }

    fn wake(&mut self) {
        let Some((claimed, claim)) = self.binding.clone().claim(self.time(), &self.config) else {
            return;
        };
        let first = usize::try_from(self.rng.range(0, 2)).unwrap();
        let idle = [first, 1 - first]
            .into_iter()
            .find(|&w| self.workers[w].claim.is_none());
        let Some(worker) = idle else {
            let later = self.now + 5 * SECOND;
            self.at(later, Event::Wake);
            return;
        };
        self.binding = claimed;
        self.workers[worker].claim = Some(claim);
        let lapse = claim.began + self.config.lease;
        self.at(lapse.micros() + 1, Event::Wake);
        self.next_turn(worker);
    }

    fn next_turn(&mut self, worker: usize) {
        if self.dies(worker) {
            return;
        }
        let run = self.workers[worker].run;
        let when = self.now + self.pause();
        self.at(when, Event::Turn { worker, run });
    }

    fn turn(&mut self, worker: usize) {
        let claim = self.workers[worker].claim.expect("running");
        let id = AttemptId(self.new_id());
        let turned = self
            .load(None)
            .advance(&claim, id, self.time(), &self.config);
        let Ok(turn) = turned else {
            self.oracle.counts.lost_claims += 1;
            self.oracle
                .note(self.now, format!("worker {worker} has lost its claim"));
            self.stop(worker);
            return;
        };
        self.store(turn.ledger, &turn.facts);
        self.act(worker, turn.action);
    }

    fn act(&mut self, worker: usize, action: Action) {
        if action == Action::Rest {
            self.stop(worker);
            return;
        }
        if self.dies(worker) {
            return;
        }
        let run = self.workers[worker].run;
        match action {
            Action::Rest => {}
            Action::Read => {
                let began = self.now;
                let served = self.now + self.transit();
                self.at(served, Event::Serve { worker, run, began });
            }
            Action::Poll(Attempt { id, request_id, .. }) => {
                let request = request_id.expect("an accepted attempt has a request id");
                let served = self.now + self.transit();
                self.at(
                    served,
                    Event::Poll {
                        worker,
                        run,
                        attempt: id,
                        request,
                    },
                );
            }
            Action::ListCreations => {
                let began = self.now;
                let served = self.now + self.transit();
                self.at(served, Event::List { worker, run, began });
            }
            Action::Send(attempt) => {
                let when = self.now + self.pause();
                self.at(
                    when,
                    Event::Send {
                        worker,
                        run,
                        attempt: attempt.id,
                    },
                );
            }
        }
    }

    fn found(&mut self, worker: usize, began: i64, row: Option<Option<usize>>) {
        let began = stint_domain::Time::from_micros(began);
        let claim = self.workers[worker].claim.expect("running");
        let Some(row) = row else {
            let why = "the read failed";
            let put_off = self
                .load(None)
                .put_off(&claim, why, self.time(), &self.config);
            match put_off {
                Ok((ledger, facts)) => self.store(ledger, &facts),
                Err(_) => self.oracle.counts.lost_claims += 1,
            }
            self.stop(worker);
            return;
        };
        self.oracle.note(
            self.now,
            format!("worker {worker} read {row:?}, begun {began:?}"),
        );
        if let Some(no) = row {
            self.oracle.saw(no, self.now);
        }
        let reading = Reading {
            began,
            present: row.is_some(),
            membership: row
                .filter(|_| self.aws.memberships)
                .map(|no| no.to_string()),
        };
        let ledger = self.load(None).observe(reading);
        self.store(ledger, &[]);
        self.next_turn(worker);
    }

    fn send(&mut self, worker: usize, run: u64, attempt: AttemptId) {
        let signed = self.attempts[&attempt].sign_at.micros();
        let lost = self.is_lost();
        if !lost {
            let arrives = self.now + self.transit();
            self.at(
                arrives,
                Event::Arrive {
                    worker,
                    run,
                    attempt,
                    signed,
                    lost,
                },
            );
            return;
        }
        // The worker hears nothing. The call arrives at once, late, very late, or never.
        match self.rng.range(0, 5) {
            0 => {}
            1 | 2 => {
                let arrives = self.now + self.transit();
                self.at(
                    arrives,
                    Event::Arrive {
                        worker,
                        run,
                        attempt,
                        signed,
                        lost,
                    },
                );
            }
            3 => {
                let arrives = self.now + self.rng.range(20 * SECOND, 14 * MINUTE);
                self.at(
                    arrives,
                    Event::Arrive {
                        worker,
                        run,
                        attempt,
                        signed,
                        lost,
                    },
                );
            }
            _ => {
                let arrives = self.now + self.rng.range(10 * MINUTE, 3 * HOUR);
                self.at(
                    arrives,
                    Event::Arrive {
                        worker,
                        run,
                        attempt,
                        signed,
                        lost,
                    },
                );
            }
        }
        let gives_up = self.now + 20 * SECOND + self.pause();
        self.at(
            gives_up,
            Event::Record {
                worker,
                run,
                attempt,
                answer: Said::Silence,
            },
        );
    }

    fn arrive(&mut self, worker: usize, run: u64, attempt: AttemptId, signed: i64, lost: bool) {
        let stored = &self.attempts[&attempt];
        let no = attempt.0.as_u128() >> 64;
        let kind = match stored.kind {
            AttemptKind::Create => Kind::Create,
            AttemptKind::Delete => Kind::Delete,
        };
        let membership = stored.membership.clone();
        let (reply, effect) = self.aws.arrive(
            kind,
            no,
            membership.as_deref(),
            signed,
            self.now,
            &mut self.rng,
        );
        self.oracle.note(
            self.now,
            format!("AWS: {kind:?} {no} arrives: {reply:?}, lost: {lost}"),
        );
        if let Some(effect) = effect {
            self.oracle.effect(&effect, self.now);
        }
        let answer = match reply {
            Reply::Accepted(request) => {
                let ends = self.aws.writes.last().expect("just accepted").finish_at;
                self.at(
                    ends,
                    Event::Finish {
                        request: request.clone(),
                    },
                );
                Said::Accepted(request)
            }
            Reply::Succeeded(membership) => Said::Succeeded(membership),
            Reply::NotFound => Said::NotFound,
            Reply::Conflict => Said::Refused(false, "conflict"),
            Reply::Denied => Said::Refused(true, "access denied"),
            Reply::TooOld => Said::Refused(false, "signature expired"),
            Reply::Held => Said::Held,
            Reply::Throttled => Said::Refused(false, "throttled"),
        };
        if !lost {
            let back = self.now + self.transit() + self.pause();
            self.at(
                back,
                Event::Record {
                    worker,
                    run,
                    attempt,
                    answer,
                },
            );
        }
    }

    fn poll(&mut self, worker: usize, run: u64, attempt: AttemptId, request: &str) {
        let odds = if self.quiet {
            0
        } else {
            self.rng.range(0, 100)
        };
        let write = self.aws.writes.iter().find(|w| w.request == request);
        let answer = match write.map(|w| w.status) {
            _ if odds == 1 => Said::StatusLost,
            None => Said::StatusLost,
            Some(Status::InProgress) => Said::InProgress,
            Some(Status::Succeeded) => Said::Succeeded(None),
            Some(Status::Failed { gone }) => Said::Failed(gone),
        };
        let back = self.now + self.transit() + self.pause();
        self.at(
            back,
            Event::Record {
                worker,
                run,
                attempt,
                answer,
            },
        );
    }

    /// Outcomes are written whatever has become of the claim.
    fn record(&mut self, worker: usize, attempt: AttemptId, said: Said) {
        let no = attempt.0.as_u128() >> 64;
        self.oracle.note(self.now, format!("record {no}: {said:?}"));
        match &said {
            Said::Refused(..) | Said::Held => self.oracle.answered(no, true, true, self.now),
            Said::Succeeded(_) => self.oracle.answered(no, false, true, self.now),
            Said::Failed(_) => self.oracle.answered(no, false, false, self.now),
            _ => {}
        }
        let answer = match said {
            Said::Accepted(request_id) => Answer::Accepted { request_id },
            Said::Succeeded(membership) => Answer::Succeeded { membership },
            Said::Failed(gone) => Answer::Failed {
                gone,
                permanent: false,
                why: "the write was given up".to_owned(),
            },
            Said::NotFound => Answer::NotFound,
            Said::Held => Answer::Held {
                why: "another write is open".to_owned(),
            },
            Said::Refused(permanent, why) => Answer::Refused {
                permanent,
                why: why.to_owned(),
            },
            Said::Silence => Answer::Unknown {
                why: "no answer in 20 s".to_owned(),
            },
            Said::InProgress => Answer::InProgress,
            Said::StatusLost => Answer::StatusLost {
                why: "no such request".to_owned(),
            },
        };
        let recorded = self
            .load(Some(attempt))
            .record(attempt, answer, self.time());
        let (ledger, facts) = recorded.expect("the attempt is loaded");
        self.store(ledger, &facts);
        self.next_turn(worker);
    }
}
