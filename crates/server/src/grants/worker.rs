//! One claimed binding, worked on until there is nothing to do for now.
//!
//! Each turn is a transaction that plans and writes down; then at most one call to AWS, with
//! no transaction open; then a transaction that writes down what it said. A worker that dies
//! anywhere leaves rows from which the next one goes on.

use stint_aws::{Estate, Held, InProgress, Lane, Leave, PairKey, Polled, Written};
use stint_db::Priority;
use stint_domain::binding::{
    Action, Answer, Attempt, AttemptKind, BindingKind, Claim, Config, Ledger, Lost, Reading, Wanted,
};
use stint_domain::{BindingId, Span, Time};

use super::crowd::Crowd;
use super::store::ledgers;
use super::{Error, tell};
use crate::connections;
use crate::cx::{App, Cx};
use crate::directory::{self, Observed};
use crate::http::{Fault as _, failure_chain};
use crate::outbox;

/// More turns in one claim than any sensible history needs.
const MOST_TURNS: usize = 64;

pub(super) struct Worker<'a> {
    app: &'a App,
    task: &'static str,
    crowd: &'a Crowd,
    binding: BindingId,
    claim: Claim,
    config: Config,
}

/// What the worker needs to call AWS about one pair.
struct Way {
    estate: Estate,
    key: PairKey,
}

/// How the worker goes on after a turn.
enum Turned {
    /// Nothing more for now.
    Rest,
    /// Only a clock asks for this removal, and the clocks disagree by so much.
    Held(Span),
    /// A write of assignments is next, in this lane; nothing is written down before it may
    /// leave. With what was wanted when it was asked for.
    Write(Lane, Wanted),
    /// This call is next.
    Call(Action, Lane),
}

impl<'a> Worker<'a> {
    pub(super) const fn new(
        app: &'a App,
        task: &'static str,
        crowd: &'a Crowd,
        binding: BindingId,
        claim: Claim,
        config: Config,
    ) -> Self {
        Self {
            app,
            task,
            crowd,
            binding,
            claim,
            config,
        }
    }

    /// Works until the binding rests, the claim is lost, or AWS cannot be asked.
    pub(super) async fn work(&self) -> Result<(), Error> {
        self.crowd.leave(self.binding);
        let mut leave = None;
        let worked = self.turns(&mut leave).await;
        if let Some(unused) = leave {
            unused.give_back().await;
        }
        worked
    }

    /// `leave` is what was got for a write that was not made yet.
    async fn turns(&self, leave: &mut Option<Leave>) -> Result<(), Error> {
        // The AWS request behind what the next turn finds: that of the newest reading.
        let mut seen_by: Option<String> = None;
        for _ in 0..MOST_TURNS {
            if self.app.stopping.begun() {
                return self.hand_over().await;
            }
            let (action, lane) = match self.turn(seen_by.as_deref(), leave.is_some()).await? {
                Turned::Rest => return Ok(()),
                Turned::Write(lane, wanted) => {
                    let way = match self.way().await? {
                        Ok(way) => way,
                        Err(why) => return self.put_off(&why).await,
                    };
                    match way.estate.leave(&way.key, lane).await {
                        Ok(got) => *leave = Some(got),
                        Err(held) => return self.wait_for_turn(&way.key, held, wanted).await,
                    }
                    continue;
                }
                Turned::Held(apart) => {
                    let why = format!(
                        "this machine's clock and the database's differ by {apart}: a removal that only a clock asks for waits until they agree"
                    );
                    return self.put_off(&why).await;
                }
                Turned::Call(action, lane) => (action, lane),
            };
            // Got for a write that is not wanted any more: a look must not wait behind it.
            if !matches!(action, Action::Send(_))
                && let Some(unused) = leave.take()
            {
                unused.give_back().await;
            }
            let way = match self.way().await? {
                Ok(way) => way,
                Err(why) => return self.put_off(&why).await,
            };
            let went = match action {
                Action::Rest => return Ok(()),
                Action::Read => self.read(&way, lane, &mut seen_by).await?,
                Action::Poll(attempt) => self.poll(&way, &attempt, lane).await?,
                Action::ListCreations => self.list(&way, lane).await?,
                Action::Send(attempt) => {
                    let leave = leave.take().unwrap_or_else(|| lane.into());
                    self.send(&way, &attempt, leave).await?
                }
            };
            if let Err(why) = went {
                return self.put_off(&why).await;
            }
        }
        self.put_off("it did not come to rest").await
    }

    fn cx(&self) -> Cx {
        Cx::system(self.app, self.task)
    }

    /// Plans, and writes down what needs no call, an intent included. A lost claim drops it all.
    ///
    /// A write of assignments is intended only once it `may_leave`: of a thousand that wait for
    /// one account none is on record before its turn.
    async fn turn(&self, seen_by: Option<&str>, may_leave: bool) -> Result<Turned, Error> {
        stint_db::retrying(|| self.turn_once(seen_by, may_leave)).await
    }

    async fn turn_once(&self, seen_by: Option<&str>, may_leave: bool) -> Result<Turned, Error> {
        let cx = self.cx();
        let mut tx = cx.begin(Priority::Revoke).await?;
        let Some(was) = ledgers::load(&mut tx, self.binding, cx.now, &self.config).await? else {
            return Ok(Turned::Rest);
        };
        if let Some(apart) = self.app.trust.paused()
            && was.by_time_alone(cx.now)
        {
            return Ok(Turned::Held(apart));
        }
        let turn = match was
            .clone()
            .advance(&self.claim, self.app.new_id(), cx.now, &self.config)
        {
            Ok(turn) => turn,
            Err(lost) => {
                self.lost(lost);
                return Ok(Turned::Rest);
            }
        };
        // What the turn decided counts: a provision that failed is a removal from here on.
        let lane = match turn.ledger.wanted(cx.now) {
            Wanted::Absent => Lane::Revoke,
            _ => Lane::Provision,
        };
        // A turn that decided more than this call is written down at once, the intent with it.
        if matches!(turn.action, Action::Send(_))
            && turn.facts.len() <= 1
            && was.binding.kind == BindingKind::AccountAssignment
            && !may_leave
        {
            return Ok(Turned::Write(lane, was.wanted(cx.now)));
        }
        ledgers::save(&mut tx, &was, &turn.ledger, None).await?;
        if let Action::Send(attempt) = &turn.action
            && attempt.kind == AttemptKind::Create
            && was.binding.kind == BindingKind::IamGroupMembership
            && let Some(user) = directory::principal(&mut tx, was.binding.pair.principal).await?
        {
            ledgers::send_as(&mut tx, attempt.id, &user.name).await?;
        }
        tell::facts(&cx, &mut tx, &turn.ledger, &turn.facts, seen_by).await?;
        tx.commit().await?;
        if !turn.facts.is_empty() {
            self.app.nudge(outbox::DELIVER);
        }
        Ok(match turn.action {
            Action::Rest => Turned::Rest,
            action => Turned::Call(action, lane),
        })
    }

    fn lost(&self, lost: Lost) {
        tracing::info!(binding.id = %self.binding, why = %lost, "claim.lost");
    }

    /// How to reach AWS about the pair, or why that cannot be for now.
    async fn way(&self) -> Result<Result<Way, String>, Error> {
        let unknown = || {
            Ok(Err(
                "the connection's Identity Center instance is not known".to_owned(),
            ))
        };
        let mut q = self.app.db.reader().await?;
        let Some(binding) = ledgers::look(&mut q, self.binding).await? else {
            return unknown();
        };
        let Some(connection) = connections::connection(&mut q, binding.pair.connection).await?
        else {
            return unknown();
        };
        let key = directory::pair_key(&mut q, &binding.pair, &connection).await?;
        let Some(key) = key else {
            return unknown();
        };
        Ok(match connections::estate(self.app, &connection) {
            Ok(estate) => Ok(Way { estate, key }),
            Err(error) => Err(error.detail()),
        })
    }

    /// Reads the pair. A failed read writes nothing but when to look again.
    async fn read(
        &self,
        way: &Way,
        lane: Lane,
        seen_by: &mut Option<String>,
    ) -> Result<Result<(), String>, Error> {
        let read = match way.estate.read(&way.key, lane).await {
            Ok(read) => read,
            Err(error) => return Ok(Err(failure_chain(&error).to_string())),
        };
        *seen_by = read.request_ids.last().cloned();
        stint_db::retrying(|| self.seen(&read)).await?;
        Ok(Ok(()))
    }

    async fn seen(&self, read: &stint_aws::Reading) -> Result<(), Error> {
        let cx = self.cx();
        let mut tx = cx.begin(Priority::Revoke).await?;
        let Some(was) = ledgers::load(&mut tx, self.binding, cx.now, &self.config).await? else {
            return Ok(());
        };
        let before = was
            .binding
            .observation
            .as_ref()
            .filter(|o| !o.present)
            .map(|o| o.read_began);
        let reading = Reading {
            began: read.began,
            present: read.present,
            membership: read.membership_id.clone(),
        };
        let is = was.clone().observe(reading);
        ledgers::save(&mut tx, &was, &is, None).await?;
        let observed = Observed {
            began: read.began,
            present: read.present,
            membership: read.membership_id.clone(),
            absent_before: before,
        };
        directory::observe(self.app, &mut tx, &was.binding.pair, &observed).await?;
        Ok(tx.commit().await?)
    }

    async fn poll(
        &self,
        way: &Way,
        attempt: &Attempt,
        lane: Lane,
    ) -> Result<Result<(), String>, Error> {
        let Some(request_id) = attempt.request_id.as_deref() else {
            return Ok(Err("an accepted attempt without AWS's id".to_owned()));
        };
        let (answer, aws) = match way
            .estate
            .poll(&way.key, attempt.kind, request_id, lane)
            .await
        {
            Ok(poll) => {
                let answer = match poll.state {
                    Polled::InProgress => Answer::InProgress,
                    Polled::Succeeded => Answer::Succeeded { membership: None },
                    Polled::Failed {
                        reason,
                        gone,
                        transient,
                    } => Answer::Failed {
                        gone,
                        permanent: !transient,
                        why: explained(reason),
                    },
                };
                (answer, poll.aws_request_id)
            }
            // Not allowed to ask says nothing about what became of it: unknown, as when AWS has
            // forgotten it, so that readings and later writes tell.
            Err(error)
                if matches!(
                    error.kind,
                    stint_aws::ErrorKind::NotFound | stint_aws::ErrorKind::Denied
                ) =>
            {
                let aws = error.request_id.clone();
                (
                    Answer::StatusLost {
                        why: error.to_string(),
                    },
                    aws,
                )
            }
            Err(error) => return Ok(Err(failure_chain(&error).to_string())),
        };
        self.record(attempt, answer, aws.as_deref()).await?;
        Ok(Ok(()))
    }

    async fn list(&self, way: &Way, lane: Lane) -> Result<Result<(), String>, Error> {
        let began = self.app.clock.now();
        let listed = match way.estate.creations_in_progress(&way.key, lane).await {
            Ok(listed) => listed,
            Err(error) => return Ok(Err(failure_chain(&error).to_string())),
        };
        stint_db::retrying(|| self.listed(began, &listed)).await?;
        Ok(Ok(()))
    }

    async fn listed(&self, began: Time, listed: &InProgress) -> Result<(), Error> {
        let cx = self.cx();
        let mut tx = cx.begin(Priority::Revoke).await?;
        let Some(was) = ledgers::load(&mut tx, self.binding, cx.now, &self.config).await? else {
            return Ok(());
        };
        let is = was.clone().creations(began, listed.request_ids.clone());
        ledgers::save(&mut tx, &was, &is, None).await?;
        for attempt in &is.attempts {
            if was
                .attempts
                .iter()
                .any(|a| a.id == attempt.id && a.outcome != attempt.outcome)
            {
                tell::answered(
                    &cx,
                    &mut tx,
                    &is,
                    attempt,
                    listed.aws_request_ids.last().map(String::as_str),
                )
                .await?;
            }
        }
        Ok(tx.commit().await?)
    }

    /// Sends an intended call, signed with the time of its intent.
    async fn send(
        &self,
        way: &Way,
        attempt: &Attempt,
        leave: Leave,
    ) -> Result<Result<(), String>, Error> {
        // Only saves a call: what makes a late one harmless is its signature.
        if self.app.clock.now() >= attempt.sign_at + self.config.fence {
            let why = "never sent: the worker slept past the signature's time".to_owned();
            self.record(
                attempt,
                Answer::Refused {
                    permanent: false,
                    why,
                },
                None,
            )
            .await?;
            leave.give_back().await;
            return Ok(Ok(()));
        }
        if let Some(why) = self.name_is_held(way, attempt).await? {
            self.record(attempt, Answer::Held { why }, None).await?;
            return Ok(Ok(()));
        }
        let written = match attempt.kind {
            AttemptKind::Create => way.estate.create(&way.key, attempt.sign_at, leave).await,
            AttemptKind::Delete => {
                way.estate
                    .delete(
                        &way.key,
                        attempt.membership.as_deref(),
                        attempt.sign_at,
                        leave,
                    )
                    .await
            }
        };
        let Written {
            answer,
            aws_request_id,
        } = written;
        let answer = match self.suspended(way, &answer).await? {
            Some(why) => Answer::Refused {
                permanent: true,
                why,
            },
            None => understood(attempt.kind, answer),
        };
        self.record(attempt, answer, aws_request_id.as_deref())
            .await?;
        Ok(Ok(()))
    }

    /// Why AWS keeps answering that another write is under way: on a suspended account none ever
    /// ends (AWS reference §1.3, §7 [R]). As the last sync saw the account.
    async fn suspended(
        &self,
        way: &Way,
        answer: &stint_aws::Answer,
    ) -> Result<Option<String>, Error> {
        let (PairKey::Assignment { account, .. }, stint_aws::Answer::Refused { code, .. }) =
            (&way.key, answer)
        else {
            return Ok(None);
        };
        if code != "ConflictException" {
            return Ok(None);
        }
        let mut q = self.app.db.reader().await?;
        let connection = way.estate.spec().connection;
        let state = directory::account_state(&mut q, connection, account).await?;
        Ok((state.as_deref() == Some("suspended")).then(|| {
            format!(
                "the AWS account {account} is suspended, and AWS changes nothing there (it answers \
                 {code}) until it is active again"
            )
        }))
    }

    /// Why an IAM user may not be added under its name now. The call of an add goes by the name;
    /// while one of another user under the same name may be under way, what is in the group
    /// afterwards could be theirs or ours. Likewise when a sync gave it another name since the
    /// intent.
    async fn name_is_held(&self, way: &Way, attempt: &Attempt) -> Result<Option<String>, Error> {
        let (AttemptKind::Create, PairKey::IamMembership { user_name, .. }) =
            (attempt.kind, &way.key)
        else {
            return Ok(None);
        };
        let mut q = self.app.db.reader().await?;
        if ledgers::sent_as(&mut q, attempt.id).await? != Some(user_name.to_lowercase()) {
            return Ok(Some(format!(
                "the IAM user is called {user_name} since a moment ago"
            )));
        }
        let Some(binding) = ledgers::look(&mut q, self.binding).await? else {
            return Ok(None);
        };
        let fenced = self.app.clock.now() - self.config.fence;
        let held = ledgers::name_in_flight(&mut q, &binding.pair, user_name, fenced).await?;
        Ok(held.then(|| {
            format!(
                "somebody else was called {user_name} until lately, and putting them into a group may still \
                 be under way in AWS: waiting until that can no longer happen"
            )
        }))
    }

    /// Writes an answer into its own attempt, whatever became of the claim meanwhile.
    async fn record(
        &self,
        attempt: &Attempt,
        answer: Answer,
        aws: Option<&str>,
    ) -> Result<(), Error> {
        stint_db::retrying(|| self.record_once(attempt, answer.clone(), aws)).await
    }

    async fn record_once(
        &self,
        attempt: &Attempt,
        answer: Answer,
        aws: Option<&str>,
    ) -> Result<(), Error> {
        let cx = self.cx();
        let mut tx = cx.begin(Priority::Revoke).await?;
        let Some(mut was) = ledgers::load(&mut tx, self.binding, cx.now, &self.config).await?
        else {
            return Ok(());
        };
        if was.attempts.iter().all(|a| a.id != attempt.id)
            && let Some(old) = ledgers::attempt_of(&mut tx, attempt.id).await?
        {
            // Brought by a worker that slept so long that the rules no longer load it.
            was.attempts.push(old);
        }
        let (is, facts) = was.clone().record(attempt.id, answer, cx.now)?;
        ledgers::save(&mut tx, &was, &is, None).await?;
        if let Some(changed) = changed(&was, &is, attempt) {
            tell::answered(&cx, &mut tx, &is, changed, aws).await?;
        }
        tell::facts(&cx, &mut tx, &is, &facts, aws).await?;
        tx.commit().await?;
        self.app.nudge(outbox::DELIVER);
        Ok(())
    }

    /// The process stops: gives the claim back at once.
    async fn hand_over(&self) -> Result<(), Error> {
        stint_db::retrying(|| self.hand_over_once()).await
    }

    async fn hand_over_once(&self) -> Result<(), Error> {
        let cx = self.cx();
        let mut tx = cx.begin(Priority::Revoke).await?;
        let Some(was) = ledgers::load(&mut tx, self.binding, cx.now, &self.config).await? else {
            return Ok(());
        };
        match was.clone().hand_over(&self.claim, cx.now) {
            Ok(is) => {
                ledgers::save(&mut tx, &was, &is, None).await?;
                tx.commit().await?;
                tracing::info!(binding.id = %self.binding, "claim.handed_over");
            }
            Err(lost) => self.lost(lost),
        }
        Ok(())
    }

    /// Others write on that account: gives the claim back until its turn may have come.
    async fn wait_for_turn(&self, key: &PairKey, held: Held, asked: Wanted) -> Result<(), Error> {
        let now = self.app.clock.now();
        let until = now + self.config.turn_most + self.config.lease;
        let waiting = self.crowd.join(self.binding, key, held, now, until);
        tracing::debug!(binding.id = %self.binding, waiting, why = %held, "binding.waits_for_turn");
        let due = stint_db::retrying(|| self.wait_for_turn_once(asked, waiting)).await?;
        self.crowd.comes_by(self.binding, due + self.config.lease);
        Ok(())
    }

    /// Answers when it asks again.
    async fn wait_for_turn_once(&self, asked: Wanted, waiting: usize) -> Result<Time, Error> {
        let cx = self.cx();
        let salt = u128::from_be_bytes(self.app.ids.bytes());
        let mut tx = cx.begin(Priority::Revoke).await?;
        let Some(was) = ledgers::load(&mut tx, self.binding, cx.now, &self.config).await? else {
            return Ok(cx.now);
        };
        let (claim, config) = (&self.claim, &self.config);
        let waits = was.clone();
        match waits.wait_for_turn(claim, asked, waiting, salt, cx.now, config) {
            Ok(is) => {
                ledgers::save(&mut tx, &was, &is, None).await?;
                tx.commit().await?;
                Ok(is.binding.due.unwrap_or(cx.now))
            }
            Err(lost) => {
                self.lost(lost);
                Ok(cx.now)
            }
        }
    }

    /// AWS could not be asked: gives the claim back until later.
    async fn put_off(&self, why: &str) -> Result<(), Error> {
        tracing::warn!(binding.id = %self.binding, why, "binding.put_off");
        stint_db::retrying(|| self.put_off_once(why)).await
    }

    async fn put_off_once(&self, why: &str) -> Result<(), Error> {
        let cx = self.cx();
        let mut tx = cx.begin(Priority::Revoke).await?;
        let Some(was) = ledgers::load(&mut tx, self.binding, cx.now, &self.config).await? else {
            return Ok(());
        };
        match was.clone().put_off(&self.claim, why, cx.now, &self.config) {
            Ok((is, facts)) => {
                ledgers::save(&mut tx, &was, &is, None).await?;
                tell::facts(&cx, &mut tx, &is, &facts, None).await?;
                tx.commit().await?;
            }
            Err(lost) => self.lost(lost),
        }
        Ok(())
    }
}

/// The attempt as it is now, if anything about it but a look changed.
fn changed<'l>(was: &Ledger, is: &'l Ledger, attempt: &Attempt) -> Option<&'l Attempt> {
    let now = is.attempts.iter().find(|a| a.id == attempt.id)?;
    let before = was.attempts.iter().find(|a| a.id == attempt.id)?;
    let looked = |a: &Attempt, polled_at: Option<Time>| Attempt {
        polled_at,
        ..a.clone()
    };
    (looked(before, now.polled_at) != *now).then_some(now)
}

/// Why AWS gave an accepted write up. In the management account Identity Center does what it
/// does with the permissions of whoever asked it (AWS reference §7): the missing one is named,
/// with what to add.
fn explained(reason: String) -> String {
    match stint_aws::Missing::of(&reason) {
        Some(missing) => format!(
            "{missing} is not allowed to Stint, as whom Identity Center acts there. Add this statement to \
             the IAM policy of the connection's credential, and ask again: {}. AWS said: {reason}",
            missing.statement()
        ),
        None => reason,
    }
}

/// The connector's words in the rules' words.
fn understood(kind: AttemptKind, answer: stint_aws::Answer) -> Answer {
    match answer {
        stint_aws::Answer::Accepted { request_id } => Answer::Accepted { request_id },
        stint_aws::Answer::Succeeded { membership_id } => Answer::Succeeded {
            membership: membership_id,
        },
        stint_aws::Answer::NotFound if kind == AttemptKind::Delete => Answer::NotFound,
        stint_aws::Answer::NotFound => Answer::Refused {
            permanent: true,
            why: "AWS has no such account, permission set, user or group".to_owned(),
        },
        // Membership existed before: not ours (docs/grants.md, Kinds).
        stint_aws::Answer::AlreadyThere => Answer::Refused {
            permanent: false,
            why: "AWS already has it".to_owned(),
        },
        // The governor's words: nothing was sent, another write has to end first. The leave
        // was got before the intent; only a second try with fresh credentials meets this.
        stint_aws::Answer::Refused { code, message, .. }
            if matches!(code.as_str(), "account_busy" | "writes_outstanding") =>
        {
            Answer::Held { why: message }
        }
        stint_aws::Answer::Refused {
            code,
            message,
            permanent,
        } => Answer::Refused {
            permanent,
            why: format!("{code}: {message}"),
        },
        stint_aws::Answer::Unknown { why } => Answer::Unknown { why },
    }
}
