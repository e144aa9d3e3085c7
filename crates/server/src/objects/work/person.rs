//! The worker of an IAM user.

use stint_aws::{Estate, Lane, NewUser, UserReading, UserRef, Written};
use stint_db::Priority;
use stint_domain::ObjectId;
use stint_domain::binding::Claim;
use stint_domain::managed::user::{Action, Hanging, Origin, Scope, Seen, UserLedger, Wanted};
use stint_domain::managed::{Answer, Attempt};

use super::super::store::{attempts, users};
use super::super::users::name_fenced;
use super::super::{Error, ManagedUser, WORK, tell};
use super::{MOST_TURNS, lost, understood, unread};
use crate::connections::{self, Connection};
use crate::cx::{App, Cx};
use crate::http::Fault as _;
use crate::outbox;

pub(super) struct Worker<'a> {
    app: &'a App,
    id: ObjectId,
    claim: Claim,
}

/// How to reach AWS about the user.
struct Way {
    estate: Estate,
    of: ManagedUser,
    lane: Lane,
    /// The access key by which the connection enters, where it is one.
    own_key: Option<String>,
    connection: Connection,
}

/// Why nothing is done to such a user: every revocation of the connection would fail with it.
const OURSELVES: &str = "Stint enters AWS as this IAM user, by one of its access keys: it is not touched. Give the \
                         connection another credential first";

impl<'a> Worker<'a> {
    pub(super) const fn new(app: &'a App, id: ObjectId, claim: Claim) -> Self {
        Self { app, id, claim }
    }

    /// Works until the user rests, the claim is lost, or AWS cannot be asked.
    pub(super) async fn work(&self) -> Result<(), Error> {
        let mut seen: Option<Seen> = None;
        // The AWS request behind what the next turn finds: that of the newest reading.
        let mut seen_by: Option<String> = None;
        for _ in 0..MOST_TURNS {
            if self.app.stopping.begun() {
                return self.hand_over().await;
            }
            let action = self.turn(seen.as_ref(), seen_by.as_deref()).await?;
            if action == Action::Rest {
                return Ok(());
            }
            let way = match self.way().await? {
                Ok(way) => way,
                Err(why) => return self.put_off(&why).await,
            };
            match action {
                Action::Rest => return Ok(()),
                Action::Read(scope) => match self.read(&way, scope).await? {
                    Ok(reading) => {
                        seen_by = reading.request_ids.last().cloned();
                        seen = Some(reading.seen);
                    }
                    Err(why) => return self.put_off(&why).await,
                },
                Action::Send(attempt) => self.send(&way, &attempt).await?,
            }
        }
        self.put_off("it did not come to rest").await
    }

    fn cx(&self) -> Cx {
        Cx::system(self.app, WORK)
    }

    async fn turn(&self, seen: Option<&Seen>, seen_by: Option<&str>) -> Result<Action, Error> {
        stint_db::retrying(|| self.turn_once(seen, seen_by)).await
    }

    async fn turn_once(&self, seen: Option<&Seen>, seen_by: Option<&str>) -> Result<Action, Error> {
        let cx = self.cx();
        let config = &self.app.model;
        let mut tx = cx.begin(Priority::Revoke).await?;
        let Some((of, mut was)) = users::load(&mut tx, self.id, cx.now, config).await? else {
            return Ok(Action::Rest);
        };
        was.seen = seen.cloned();
        if of.user.wanted == Wanted::Active && of.user.settled.is_none() {
            was.name_fenced = name_fenced(&mut tx, &of, cx.now, config.fence).await?;
        }
        let turned = was
            .clone()
            .advance(&self.claim, self.app.new_id(), cx.now, config);
        let turn = match turned {
            Ok(turn) => turn,
            Err(why) => {
                lost(self.id, why);
                return Ok(Action::Rest);
            }
        };
        users::save(&mut tx, &of.place, &was, &turn.ledger).await?;
        let about = (self.id, of.place.connection);
        tell::facts(&cx, &mut tx, about, &turn.facts, seen_by).await?;
        tx.commit().await?;
        if !turn.facts.is_empty() {
            self.app.nudge(outbox::DELIVER);
        }
        Ok(turn.action)
    }

    /// How to reach AWS, or why that cannot be for now.
    async fn way(&self) -> Result<Result<Way, String>, Error> {
        let mut q = self.app.db.reader().await?;
        let Some(of) = users::user(&mut q, self.id).await? else {
            return Ok(Err("the user is not on record".to_owned()));
        };
        let Some(connection) = connections::connection(&mut q, of.place.connection).await? else {
            return Ok(Err("the connection is not on record".to_owned()));
        };
        let lane = match of.user.wanted {
            Wanted::Disabled | Wanted::Deleted => Lane::Revoke,
            Wanted::Active | Wanted::Seen => Lane::Provision,
        };
        Ok(match connections::estate(self.app, &connection) {
            Ok(estate) => Ok(Way {
                estate,
                of,
                lane,
                own_key: connection.credential.key().map(|key| key.id.clone()),
                connection,
            }),
            Err(error) => Err(error.detail()),
        })
    }

    /// Reads the user. A failed read writes nothing but when to look again.
    async fn read(&self, way: &Way, scope: Scope) -> Result<Result<UserReading, String>, Error> {
        let user = UserRef {
            account: &way.of.place.account,
            name: &way.of.user.name,
            id: way.of.user.user_id.as_deref(),
        };
        let reading = match way.estate.read_user(user, scope, way.lane).await {
            Ok(reading) => reading,
            Err(error) => return Ok(Err(unread(&error))),
        };
        if let (Some(own), Some(found)) = (&way.own_key, &reading.seen.user) {
            let ours =
                |it: &Hanging| matches!(it, Hanging::Key(id) | Hanging::ActiveKey(id) if id == own);
            if found.hanging.iter().any(ours) {
                return Ok(Err(OURSELVES.to_owned()));
            }
        }
        // What was said of it when it was named is believed of no user that Stint did not make.
        // Once it is identified the limits no longer matter: narrowed since, they would keep the
        // access that is to be taken away.
        if way.of.user.origin == Origin::Found
            && way.of.user.user_id.is_none()
            && let (Some(path), Some(found)) = (&reading.path, &reading.seen.user)
            && let Err(why) = connections::iam_user_allowed(&way.connection, path, &found.name)
        {
            return Ok(Err(why));
        }
        stint_db::retrying(|| self.seen(&reading)).await?;
        Ok(Ok(reading))
    }

    async fn seen(&self, reading: &UserReading) -> Result<(), Error> {
        let cx = self.cx();
        let mut tx = cx.begin(Priority::Revoke).await?;
        let loaded = users::load(&mut tx, self.id, cx.now, &self.app.model).await?;
        let Some((of, was)) = loaded else {
            return Ok(());
        };
        let (is, facts) = was.clone().observe(reading.seen.clone(), cx.now);
        users::save(&mut tx, &of.place, &was, &is).await?;
        let found = reading.seen.user.as_ref();
        if reading.seen.scope == Scope::Everything
            && let Some(found) = found.filter(|found| is.user.is_it(found))
        {
            let mut words: Vec<String> = found.hanging.iter().filter_map(words).collect();
            words.extend(
                found
                    .unseen
                    .iter()
                    .map(|it| format!("not known: {it} is not allowed")),
            );
            words.sort();
            if of.hanging.as_ref() != Some(&words) {
                users::set_hanging(&mut tx, self.id, &words).await?;
            }
        }
        let about = (self.id, of.place.connection);
        let aws = reading.request_ids.last().map(String::as_str);
        tell::facts(&cx, &mut tx, about, &facts, aws).await?;
        Ok(tx.commit().await?)
    }

    /// Sends an intended call, signed with the time of its intent, by the name it was intended
    /// for.
    async fn send(&self, way: &Way, attempt: &Attempt) -> Result<(), Error> {
        // Only saves a call: what makes a late one harmless is its signature.
        if self.app.clock.now() >= attempt.sign_at + self.app.model.fence {
            let why = "never sent: the worker slept past the signature's time".to_owned();
            let answer = Answer::Refused {
                permanent: false,
                why,
            };
            return self.record(attempt, answer, None).await;
        }
        let user = UserRef {
            account: &way.of.place.account,
            name: &attempt.sent_as,
            id: None,
        };
        let mark = self.id.to_string();
        let new = NewUser {
            path: &way.of.path,
            mark: &mark,
            // As the connection asks by now: AWS lets Stint make no user without it.
            boundary: (way.connection.scope.iam_user_boundary.as_deref())
                .or(way.of.boundary.as_deref()),
        };
        let (change, sign_at) = (&attempt.change, attempt.sign_at);
        let Written {
            answer,
            aws_request_id,
        } = (way.estate)
            .change_user(user, change, Some(new), sign_at, way.lane)
            .await;
        let answer = understood(answer);
        self.record(attempt, answer, aws_request_id.as_deref())
            .await
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
        let loaded = users::load(&mut tx, self.id, cx.now, &self.app.model).await?;
        let Some((of, mut was)) = loaded else {
            return Ok(());
        };
        if was.attempts.iter().all(|a| a.id != attempt.id)
            && let Some(old) = attempts::one(&mut tx, attempt.id).await?
        {
            // Brought by a worker that slept so long that the rules no longer load it.
            was.attempts.push(old);
        }
        let (is, facts) = was.clone().record(attempt.id, answer, cx.now);
        users::save(&mut tx, &of.place, &was, &is).await?;
        let about = (self.id, of.place.connection);
        if let Some(now) = changed(&was, &is, attempt) {
            tell::answered(&cx, &mut tx, about, now, aws).await?;
        }
        tell::facts(&cx, &mut tx, about, &facts, aws).await?;
        tx.commit().await?;
        self.app.nudge(outbox::DELIVER);
        Ok(())
    }

    /// The process stops: gives the claim back at once.
    async fn hand_over(&self) -> Result<(), Error> {
        let cx = self.cx();
        let mut tx = cx.begin(Priority::Revoke).await?;
        let loaded = users::load(&mut tx, self.id, cx.now, &self.app.model).await?;
        let Some((of, was)) = loaded else {
            return Ok(());
        };
        let mut is = was.clone();
        match is.user.hold.hand_over(&self.claim, cx.now) {
            Ok(()) => {
                users::save(&mut tx, &of.place, &was, &is).await?;
                tx.commit().await?;
                tracing::info!(object.id = %self.id, "claim.handed_over");
            }
            Err(why) => lost(self.id, why),
        }
        Ok(())
    }

    /// AWS could not be asked: gives the claim back until later.
    async fn put_off(&self, why: &str) -> Result<(), Error> {
        tracing::warn!(object.id = %self.id, why, "object.put_off");
        stint_db::retrying(|| self.put_off_once(why)).await
    }

    async fn put_off_once(&self, why: &str) -> Result<(), Error> {
        let cx = self.cx();
        let config = &self.app.model;
        let mut tx = cx.begin(Priority::Revoke).await?;
        let Some((of, was)) = users::load(&mut tx, self.id, cx.now, config).await? else {
            return Ok(());
        };
        match was.clone().put_off(&self.claim, why, cx.now, config) {
            Ok((is, facts)) => {
                users::save(&mut tx, &of.place, &was, &is).await?;
                let about = (self.id, of.place.connection);
                tell::facts(&cx, &mut tx, about, &facts, None).await?;
                tx.commit().await?;
            }
            Err(why) => lost(self.id, why),
        }
        Ok(())
    }
}

/// The attempt as it is now, if anything about it changed.
fn changed<'l>(was: &UserLedger, is: &'l UserLedger, attempt: &Attempt) -> Option<&'l Attempt> {
    let now = is.attempts.iter().find(|a| a.id == attempt.id)?;
    let before = was.attempts.iter().find(|a| a.id == attempt.id)?;
    (before != now).then_some(now)
}

/// What hangs on a user, for people. An active key is told once.
fn words(hanging: &Hanging) -> Option<String> {
    Some(match hanging {
        Hanging::ActiveKey(id) => format!("access key {id} is active"),
        Hanging::LoginProfile => "console password".to_owned(),
        Hanging::Key(id) => format!("access key {id}"),
        Hanging::Certificate(id) => format!("signing certificate {id}"),
        Hanging::SshKey(id) => format!("SSH key {id}"),
        Hanging::ServiceCredential(id) => format!("service-specific credential {id}"),
        Hanging::Mfa(serial) => format!("MFA device {serial}"),
        Hanging::InlinePolicy(name) => format!("inline policy {name}"),
        Hanging::AttachedPolicy(arn) => format!("policy {arn}"),
        Hanging::Group(name) => format!("IAM group {name}"),
    })
}
