//! The worker of a key rotation.

use stint_aws::{Estate, KeysReading, Lane, MadeKey, UserRef};
use stint_db::{Priority, Tx};
use stint_domain::ObjectId;
use stint_domain::binding::Claim;
use stint_domain::managed::PROPAGATION;
use stint_domain::managed::rotation::{Action, RotationLedger, Seen, Tried, Using};
use stint_domain::managed::{Answer, Attempt, Change, Fact};

use super::super::rotations::place;
use super::super::store::{attempts, rotations};
use super::super::{Error, KeyRotation, WORK, tell};
use super::{MOST_TURNS, lost, understood, unread};
use crate::connections::{self, Connection};
use crate::cx::{App, Cx};
use crate::http::Fault as _;
use crate::outbox;
use crate::sealed::Sealed;

/// What AWS says of an access key that is deleted, or inactive (AWS reference §1.0).
const NO_SUCH_KEY: &str = "InvalidClientTokenId";

pub(super) struct Worker<'a> {
    app: &'a App,
    id: ObjectId,
    claim: Claim,
}

/// How to reach AWS about the keys.
struct Way {
    estate: Estate,
    of: KeyRotation,
    connection: Connection,
    using: Using,
}

/// What became of a reading or a trial.
enum Looked {
    /// It was taken in.
    Yes(Option<(Seen, Option<String>)>),
    /// It failed: later.
    Later(String),
    /// The rotation cannot go on by any key it has.
    ShutOut(String),
}

/// A key that was just made, its secret sealed.
struct Kept {
    id: String,
    sealed: Sealed,
}

/// Which key the connection enters by.
fn using(of: &KeyRotation, connection: Option<&Connection>) -> Using {
    let key = connection.and_then(|it| it.credential.key());
    match key.map(|key| key.id.as_str()) {
        Some(id) if id == of.rotation.old_key => Using::Old,
        Some(id) if of.rotation.new_key.as_deref() == Some(id) => Using::New,
        _ => Using::Other,
    }
}

impl<'a> Worker<'a> {
    pub(super) const fn new(app: &'a App, id: ObjectId, claim: Claim) -> Self {
        Self { app, id, claim }
    }

    /// Works until the rotation rests, the claim is lost, or AWS cannot be asked.
    pub(super) async fn work(&self) -> Result<(), Error> {
        let mut seen: Option<Seen> = None;
        let mut seen_by: Option<String> = None;
        for _ in 0..MOST_TURNS {
            if self.app.stopping.begun() {
                return self.hand_over().await;
            }
            if let Some(apart) = self.app.trust.paused() {
                // Only a clock says when the old key goes.
                let why = format!(
                    "this machine's clock and the database's differ by {apart}: a key is not deleted until \
                     they agree"
                );
                return self.put_off(&why).await;
            }
            let action = self.turn(seen.as_ref(), seen_by.as_deref()).await?;
            if action == Action::Rest {
                return Ok(());
            }
            let way = match self.way().await? {
                Ok(way) => way,
                Err(why) => return self.put_off(&why).await,
            };
            let looked = match action {
                Action::Rest => return Ok(()),
                Action::Read => self.read(&way).await?,
                Action::Test => self.test(&way).await?,
                Action::Send(attempt) => {
                    self.send(&way, &attempt).await?;
                    Looked::Yes(None)
                }
            };
            match looked {
                Looked::Yes(Some((reading, by))) => (seen, seen_by) = (Some(reading), by),
                Looked::Yes(None) => {}
                Looked::Later(why) => return self.put_off(&why).await,
                Looked::ShutOut(why) => return self.shut_out(&why).await,
            }
        }
        self.put_off("it did not come to rest").await
    }

    fn cx(&self) -> Cx {
        Cx::system(self.app, WORK)
    }

    /// The rotation as it stands, its row held, with what its connection enters by.
    async fn load(
        &self,
        cx: &Cx,
        tx: &mut Tx,
    ) -> Result<Option<(KeyRotation, Option<Connection>, RotationLedger)>, Error> {
        let loaded = rotations::load(tx, self.id, cx.now, &self.app.model).await?;
        let Some((of, mut ledger)) = loaded else {
            return Ok(None);
        };
        let connection = connections::connection(tx, of.connection).await?;
        ledger.using = using(&of, connection.as_ref());
        Ok(Some((of, connection, ledger)))
    }

    async fn turn(&self, seen: Option<&Seen>, seen_by: Option<&str>) -> Result<Action, Error> {
        let (action, switched) = stint_db::retrying(|| self.turn_once(seen, seen_by)).await?;
        if let Some(connection) = switched {
            // Tested again as after every change of a credential. What it finds is shown with the
            // connection; the rotation goes on, its own test was made before.
            let tested = connections::retest(&self.cx(), connection).await;
            if let Err(error) = tested {
                tracing::warn!(object.id = %self.id, why = %error.detail(), "connection.not_retested");
            }
        }
        Ok(action)
    }

    async fn turn_once(
        &self,
        seen: Option<&Seen>,
        seen_by: Option<&str>,
    ) -> Result<(Action, Option<stint_domain::ConnectionId>), Error> {
        let cx = self.cx();
        let config = &self.app.model;
        let mut tx = cx.begin(Priority::Interactive).await?;
        let Some((of, connection, mut was)) = self.load(&cx, &mut tx).await? else {
            return Ok((Action::Rest, None));
        };
        was.seen = seen.cloned();
        let turned = was
            .clone()
            .advance(&self.claim, self.app.new_id(), cx.now, config);
        let turn = match turned {
            Ok(turn) => turn,
            Err(why) => {
                lost(self.id, why);
                return Ok((Action::Rest, None));
            }
        };
        // With what this turn learnt of whose keys they are.
        let here = place(&KeyRotation {
            rotation: turn.ledger.rotation.clone(),
            ..of.clone()
        });
        rotations::save(&mut tx, &here, &was, &turn.ledger).await?;
        let mut switched = None;
        if turn.switch {
            let key = of.rotation.new_key.as_ref().zip(of.sealed.clone());
            let (key, sealed) = key.ok_or(Error::NotFound)?;
            // The last row taken: from here to the commit nobody gives it another credential.
            let locked = connections::lock(&mut tx, of.connection).await?;
            let locked = locked.ok_or(Error::NotFound)?;
            if using(&of, Some(&locked)) != Using::Old {
                // Somebody did, a moment ago: planned anew.
                return Err(stint_db::Error::Busy(None).into());
            }
            connections::switch_key(&cx, &mut tx, &locked, key, sealed).await?;
            switched = connection.map(|it| it.id);
        }
        if turn.ledger.rotation.ended_at.is_some() && of.sealed.is_some() {
            rotations::set_secret(&mut tx, self.id, None).await?;
        }
        let about = (self.id, of.connection);
        tell::facts(&cx, &mut tx, about, &turn.facts, seen_by).await?;
        tx.commit().await?;
        if !turn.facts.is_empty() {
            self.app.nudge(outbox::DELIVER);
        }
        Ok((turn.action, switched))
    }

    /// How to reach AWS: as the connection does; or by the new key, where the connection was
    /// given another credential meanwhile.
    async fn way(&self) -> Result<Result<Way, String>, Error> {
        let mut q = self.app.db.reader().await?;
        let Some(of) = rotations::rotation(&mut q, self.id).await? else {
            return Ok(Err("the rotation is not on record".to_owned()));
        };
        let Some(connection) = connections::connection(&mut q, of.connection).await? else {
            return Ok(Err("the connection is not on record".to_owned()));
        };
        let using = using(&of, Some(&connection));
        let entered = connections::estate(self.app, &connection);
        let own = of.rotation.new_key.as_ref().zip(of.sealed.as_ref());
        let estate = match (using, own) {
            (Using::Other, Some((id, sealed))) => {
                match connections::access_key(self.app, &connection, id, sealed) {
                    Ok(key) => entered.map(|estate| estate.entered_by(key)),
                    Err(error) => return Ok(Err(error.detail())),
                }
            }
            _ => entered,
        };
        Ok(match estate {
            Ok(estate) => Ok(Way {
                estate,
                of,
                connection,
                using,
            }),
            Err(error) => Err(error.detail()),
        })
    }

    /// A failure of a look: where only the new key could go on, and AWS does not take it, that
    /// is the end.
    ///
    /// Everything that hinders a sign-in says so, a lost connection too: only AWS's own word counts
    /// that there is no such key, and that not while a new key is still on its way everywhere.
    fn failed(&self, way: &Way, error: &stint_aws::AwsError) -> Looked {
        let known = way.of.rotation.added_at;
        let young = known.is_some_and(|at| self.app.clock.now() < at + PROPAGATION);
        let refused = error.code == NO_SUCH_KEY;
        if way.using == Using::Other && refused && !young {
            return Looked::ShutOut(unread(error));
        }
        Looked::Later(unread(error))
    }

    async fn read(&self, way: &Way) -> Result<Looked, Error> {
        let reading = match way.estate.own_keys(Lane::Provision).await {
            Ok(reading) => reading,
            Err(error) => return Ok(self.failed(way, &error)),
        };
        stint_db::retrying(|| self.seen(&reading)).await?;
        let by = reading.request_ids.last().cloned();
        Ok(Looked::Yes(Some((reading.seen, by))))
    }

    async fn seen(&self, reading: &KeysReading) -> Result<(), Error> {
        let cx = self.cx();
        let mut tx = cx.begin(Priority::Interactive).await?;
        let Some((of, _, was)) = self.load(&cx, &mut tx).await? else {
            return Ok(());
        };
        let (is, facts) = was.clone().observe(reading.seen.clone(), cx.now);
        let aws = reading.request_ids.last().map(String::as_str);
        self.keep(&cx, tx, &of, (&was, &is), &facts, aws).await
    }

    /// Asks AWS whose the new key is.
    async fn test(&self, way: &Way) -> Result<Looked, Error> {
        let own = way.of.rotation.new_key.as_ref().zip(way.of.sealed.as_ref());
        let Some((id, sealed)) = own else {
            return Ok(Looked::Later("the new key is not on record".to_owned()));
        };
        let key = match connections::access_key(self.app, &way.connection, id, sealed) {
            Ok(key) => key,
            Err(error) => return Ok(Looked::Later(error.detail())),
        };
        let tried = match way.estate.whose(&key).await {
            Ok(arn) => Tried::As(arn),
            Err(error) if error.kind == stint_aws::ErrorKind::Credentials => {
                Tried::NotYet(error.to_string())
            }
            Err(error) => return Ok(Looked::Later(unread(&error))),
        };
        stint_db::retrying(|| self.tried(tried.clone())).await?;
        Ok(Looked::Yes(None))
    }

    async fn tried(&self, tried: Tried) -> Result<(), Error> {
        let cx = self.cx();
        let mut tx = cx.begin(Priority::Interactive).await?;
        let Some((of, _, was)) = self.load(&cx, &mut tx).await? else {
            return Ok(());
        };
        let (is, facts) = was.clone().tried(tried, cx.now, &self.app.model);
        self.keep(&cx, tx, &of, (&was, &is), &facts, None).await
    }

    /// Sends an intended call, signed with the time of its intent. The secret of a key that is
    /// made is sealed before anything else is done with it.
    async fn send(&self, way: &Way, attempt: &Attempt) -> Result<(), Error> {
        // Only saves a call: what makes a late one harmless is its signature.
        if self.app.clock.now() >= attempt.sign_at + self.app.model.fence {
            let why = "never sent: the worker slept past the signature's time".to_owned();
            let answer = Answer::Refused {
                permanent: false,
                why,
            };
            return self.record(attempt, answer, None, None).await;
        }
        let (written, made) = if attempt.change == Change::CreateKey {
            let (name, lane) = (&attempt.sent_as, Lane::Provision);
            way.estate.create_key(name, attempt.sign_at, lane).await
        } else {
            let of = place(&way.of);
            let user = UserRef {
                account: &of.account,
                name: &attempt.sent_as,
                id: None,
            };
            let (change, sign_at) = (&attempt.change, attempt.sign_at);
            let change = (way.estate).change_user(user, change, None, sign_at, Lane::Provision);
            (change.await, None)
        };
        let kept = match made.map(|made| self.kept(way, made)) {
            Some(Ok(kept)) => Some(kept),
            // Nobody will know it: like a key whose answer was lost.
            Some(Err(error)) => {
                let why = format!(
                    "the secret of the new key could not be sealed: {}",
                    error.detail()
                );
                let aws = written.aws_request_id.as_deref();
                let answer = Answer::Unknown { why };
                return self.record(attempt, answer, None, aws).await;
            }
            None => None,
        };
        let aws = written.aws_request_id.as_deref();
        self.record(attempt, understood(written.answer), kept.as_ref(), aws)
            .await
    }

    fn kept(&self, way: &Way, made: MadeKey) -> Result<Kept, crate::sealed::Error> {
        let sealed = connections::seal_key(self.app, way.of.connection, &made.id, &made.secret)?;
        Ok(Kept {
            id: made.id,
            sealed,
        })
    }

    /// Writes an answer into its own attempt, whatever became of the claim meanwhile.
    async fn record(
        &self,
        attempt: &Attempt,
        answer: Answer,
        made: Option<&Kept>,
        aws: Option<&str>,
    ) -> Result<(), Error> {
        stint_db::retrying(|| self.record_once(attempt, answer.clone(), made, aws)).await
    }

    async fn record_once(
        &self,
        attempt: &Attempt,
        answer: Answer,
        made: Option<&Kept>,
        aws: Option<&str>,
    ) -> Result<(), Error> {
        let cx = self.cx();
        let mut tx = cx.begin(Priority::Interactive).await?;
        let Some((of, _, mut was)) = self.load(&cx, &mut tx).await? else {
            return Ok(());
        };
        if was.attempts.iter().all(|a| a.id != attempt.id)
            && let Some(old) = attempts::one(&mut tx, attempt.id).await?
        {
            // Brought by a worker that slept so long that the rules no longer load it.
            was.attempts.push(old);
        }
        let key = made.map(|made| made.id.clone());
        let (is, facts) = was.clone().record(attempt.id, answer, key, cx.now);
        if let Some(made) = made
            && is.rotation.new_key.as_ref() == Some(&made.id)
            && was.rotation.new_key.is_none()
        {
            rotations::set_secret(&mut tx, self.id, Some(&made.sealed)).await?;
        }
        let about = (self.id, of.connection);
        let before = was.attempts.iter().find(|a| a.id == attempt.id);
        let now = is.attempts.iter().find(|a| a.id == attempt.id);
        if let (Some(before), Some(now)) = (before, now)
            && before != now
        {
            tell::answered(&cx, &mut tx, about, now, aws).await?;
        }
        self.keep(&cx, tx, &of, (&was, &is), &facts, aws).await
    }

    async fn keep(
        &self,
        cx: &Cx,
        mut tx: Tx,
        of: &KeyRotation,
        (was, is): (&RotationLedger, &RotationLedger),
        facts: &[Fact],
        aws: Option<&str>,
    ) -> Result<(), Error> {
        rotations::save(&mut tx, &place(of), was, is).await?;
        if is.rotation.ended_at.is_some() && of.sealed.is_some() {
            rotations::set_secret(&mut tx, self.id, None).await?;
        }
        tell::facts(cx, &mut tx, (self.id, of.connection), facts, aws).await?;
        tx.commit().await?;
        self.app.nudge(outbox::DELIVER);
        Ok(())
    }

    /// The connection was given another credential, and AWS does not take the new key.
    async fn shut_out(&self, why: &str) -> Result<(), Error> {
        stint_db::retrying(|| self.shut_out_once(why)).await
    }

    async fn shut_out_once(&self, why: &str) -> Result<(), Error> {
        let cx = self.cx();
        let mut tx = cx.begin(Priority::Interactive).await?;
        let Some((of, _, was)) = self.load(&cx, &mut tx).await? else {
            return Ok(());
        };
        let (is, facts) = was.clone().shut_out(why, cx.now);
        self.keep(&cx, tx, &of, (&was, &is), &facts, None).await
    }

    /// The process stops: gives the claim back at once.
    async fn hand_over(&self) -> Result<(), Error> {
        let cx = self.cx();
        let mut tx = cx.begin(Priority::Interactive).await?;
        let Some((of, _, was)) = self.load(&cx, &mut tx).await? else {
            return Ok(());
        };
        let mut is = was.clone();
        match is.rotation.hold.hand_over(&self.claim, cx.now) {
            Ok(()) => {
                tracing::info!(object.id = %self.id, "claim.handed_over");
                self.keep(&cx, tx, &of, (&was, &is), &[], None).await
            }
            Err(why) => {
                lost(self.id, why);
                Ok(())
            }
        }
    }

    /// AWS could not be asked: gives the claim back until later.
    async fn put_off(&self, why: &str) -> Result<(), Error> {
        tracing::warn!(object.id = %self.id, why, "object.put_off");
        stint_db::retrying(|| self.put_off_once(why)).await
    }

    async fn put_off_once(&self, why: &str) -> Result<(), Error> {
        let cx = self.cx();
        let config = &self.app.model;
        let mut tx = cx.begin(Priority::Interactive).await?;
        let Some((of, _, was)) = self.load(&cx, &mut tx).await? else {
            return Ok(());
        };
        match was.clone().put_off(&self.claim, why, cx.now, config) {
            Ok((is, facts)) => self.keep(&cx, tx, &of, (&was, &is), &facts, None).await,
            Err(why) => {
                lost(self.id, why);
                Ok(())
            }
        }
    }
}
