//! From news to notices: who is told what, and what is settled.
//!
//! What a piece of news says is taken as a hint about its thing; who is told follows from how
//! the thing stands now. News that comes late, twice or beside other news so leads to the same.

mod trouble;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use stint_db::Tx;
use stint_domain::rights::Role;
use stint_domain::{BindingId, DelegationId, GrantId, RequestId, UserId};

use super::store::{self, Telling};
use super::{Error, Kind, Thing};
use crate::cx::Cx;
use crate::grants::{CloseReason, Grant, Origin};
use crate::identity::DelegationShown;
use crate::outbox::{News, Sink};
use crate::requests::Request;
use crate::tasks::TaskError;
use crate::{connections, grants, identity, requests};

/// Reads the outbox for this room.
pub(super) struct Inbox;

#[async_trait::async_trait]
impl Sink for Inbox {
    fn wants(&self, kind: &str) -> bool {
        kind.starts_with("request.")
            || kind.starts_with("emergency.")
            || kind.starts_with("until_revoked.")
            || matches!(
                kind,
                "delegation.created"
                    | "delegation.ended"
                    | "grant.confirmed"
                    | "grant.ending"
                    | "grant.closed"
                    | "grant.ended"
                    | "binding.stuck"
                    | "binding.taken_away"
                    | "connection.tested"
                    | "connection.owners_changed"
                    | "connection.removed"
                    | "sync.completed"
                    | "sync.failed"
                    | "sync.held"
                    | "sync.accepted"
                    | "sync.set_aside"
                    | "sync.overdue"
            )
    }

    async fn take(&self, cx: &Cx, tx: &mut Tx, news: &News) -> Result<(), TaskError> {
        Taking { cx, tx, news }.take().await.map_err(Into::into)
    }
}

/// One piece of news in hand.
struct Taking<'a> {
    cx: &'a Cx,
    tx: &'a mut Tx,
    news: &'a News,
}

impl Taking<'_> {
    async fn take(mut self) -> Result<(), Error> {
        match self.news.kind.as_str() {
            "grant.confirmed" => self.confirmed().await,
            "grant.ending" => self.ending().await,
            "grant.closed" => self.closed().await,
            "grant.ended" => self.ended().await,
            "binding.stuck" => self.stuck().await,
            "binding.taken_away" => self.taken_away().await,
            "delegation.created" | "delegation.ended" => self.delegation().await,
            kind if kind.starts_with("connection.") || kind.starts_with("sync.") => {
                self.trouble().await
            }
            kind if kind.starts_with("emergency.") => self.emergency().await,
            kind if kind.starts_with("until_revoked.") => self.until_revoked().await,
            _ => self.request().await,
        }
    }

    /// The id a field of the news names, where it names one.
    fn id<T: std::str::FromStr>(&self, field: &str) -> Option<T> {
        let text = self.news.body.get(field).and_then(Value::as_str)?;
        text.parse().ok()
    }

    async fn request(&mut self) -> Result<(), Error> {
        let Some(id) = self.id::<RequestId>("request") else {
            return Ok(());
        };
        let Some(request) = requests::find(self.tx, id).await? else {
            return Ok(());
        };
        if self.news.kind == "request.commented" {
            return self.commented(&request).await;
        }
        let another = request.requester() != request.beneficiary();
        match self.news.kind.as_str() {
            "request.submitted" if another => {
                let whom = BTreeSet::from([request.beneficiary()]);
                self.tell(Kind::AskedForMe, Thing::Request(id), 0, whom)
                    .await?;
            }
            "request.approved" | "request.denied" | "request.cancelled" if another => {
                self.settle(Kind::AskedForMe, Thing::Request(id)).await?;
            }
            _ => {}
        }
        self.approvers(&request).await?;
        let goes_on = matches!(request.state(), "pending" | "approved");
        if let Some(grant) = request.extends.filter(|_| goes_on) {
            self.settle(Kind::AccessEnding, Thing::Grant(grant)).await?;
        }
        if self.news.kind == "request.approved" && request.extends.is_none() {
            // What has become of it since was told, or is.
            let given = grants::of_request(self.tx, id).await?;
            if (given.iter()).any(|it| it.window.is_confirmed() || !it.is_open()) {
                return Ok(());
            }
        }
        let kind = match self.news.kind.as_str() {
            "request.denied" | "request.cancelled" if request.emergency().is_some() => {
                self.settle(Kind::EmergencyAsked, Thing::Request(id))
                    .await?;
                match request.state() {
                    "denied" => Kind::RequestDenied,
                    _ => Kind::RequestCancelled,
                }
            }
            "request.approved" => Kind::RequestApproved,
            "request.denied" => Kind::RequestDenied,
            "request.cancelled" => Kind::RequestCancelled,
            _ => return Ok(()),
        };
        self.tell(kind, Thing::Request(id), 0, askers(&request))
            .await
    }

    /// Those who are told of emergency access, and those who review it.
    async fn emergency(&mut self) -> Result<(), Error> {
        let Some(id) = self.id::<RequestId>("request") else {
            return Ok(());
        };
        let Some(request) = requests::find(self.tx, id).await? else {
            return Ok(());
        };
        let thing = Thing::Request(id);
        let review = Kind::EmergencyReview;
        match self.news.kind.as_str() {
            "emergency.asked" => {
                let who = requests::told_at_once(self.tx, &request).await?;
                self.tell(Kind::EmergencyAsked, thing, 0, who).await?;
                // News that comes late tells of what was, and asks for nobody's eyes any more.
                match request.state() {
                    "pending" => Ok(()),
                    _ => self.settle(Kind::EmergencyAsked, thing).await,
                }
            }
            "emergency.given" => {
                self.settle(Kind::EmergencyAsked, thing).await?;
                let who = requests::told_at_once(self.tx, &request).await?;
                self.tell(Kind::EmergencyGiven, thing, 0, who).await
            }
            "emergency.review_closed" => self.settle(review, thing).await,
            // It begins, or its time is over.
            _ => {
                let who = requests::reviewers(self.tx, &request, self.cx.now).await?;
                self.tell(review, thing, 0, who).await
            }
        }
    }

    /// Those who are asked whether access until it is revoked is still needed, and those whose it is.
    async fn until_revoked(&mut self) -> Result<(), Error> {
        let Some(id) = self.id::<RequestId>("request") else {
            return Ok(());
        };
        let Some(request) = requests::find(self.tx, id).await? else {
            return Ok(());
        };
        let thing = Thing::Request(id);
        if self.news.kind == "until_revoked.kept"
            && let Some(grant) = self.id::<GrantId>("grant")
        {
            // It goes on.
            self.settle(Kind::AccessEnding, Thing::Grant(grant)).await?;
        }
        let waits = requests::answerers(self.tx, &request, self.cx.now).await?;
        match (self.news.kind.as_str(), waits) {
            ("until_revoked.asked", Some(who)) => {
                self.tell(Kind::AccessReview, thing, 0, who).await?;
                let theirs = askers(&request);
                self.tell(Kind::AccessReviewed, thing, 0, theirs).await
            }
            ("until_revoked.reminded", Some(who)) => {
                self.tell(Kind::AccessReview, thing, 0, who).await
            }
            // News that comes late: another review waits by now.
            (_, Some(_)) => Ok(()),
            (_, None) => self.reviewed(thing).await,
        }
    }

    async fn reviewed(&mut self, thing: Thing) -> Result<(), Error> {
        self.settle(Kind::AccessReview, thing).await?;
        self.settle(Kind::AccessReviewed, thing).await
    }

    /// A question is for who asked; the others who have to do with it hear of it. What who asked
    /// says is the answer to what they were asked.
    async fn commented(&mut self, request: &Request) -> Result<(), Error> {
        let thing = Thing::Request(request.id);
        let mut who = requests::concerned(self.tx, request).await?;
        if self.news.actor == Some(request.requester()) {
            self.settle(Kind::RequestQuestion, thing).await?;
        } else if self.news.body.get("question") == Some(&Value::Bool(true)) {
            let asked = askers(request);
            who.retain(|user| !asked.contains(user));
            self.tell(Kind::RequestQuestion, thing, 0, asked).await?;
        }
        self.tell(Kind::RequestComment, thing, 0, who).await
    }

    /// Makes the approvers' notices agree with who can decide now: who can and was not told is
    /// told, and what was told to others is settled.
    async fn approvers(&mut self, request: &Request) -> Result<(), Error> {
        let kind = Kind::ApprovalWaiting;
        let thing = Thing::Request(request.id);
        let waiting = requests::deciders(self.tx, request, self.cx.now).await?;
        let (part, mut who) = match waiting {
            Some((step, who)) => (i64::try_from(step).unwrap_or(i64::MAX), who),
            None => (0, BTreeSet::new()),
        };
        who.remove(&request.requester());
        let mut settled = Vec::new();
        for open in store::open_about(self.tx, kind, thing).await? {
            if who.contains(&open.user) && open.part == part {
                // Reminded: whoever was told and has not decided is told once more.
                if self.news.kind != "request.reminded" {
                    who.remove(&open.user);
                }
            } else if !who.contains(&open.user) || open.read {
                settled.push(open.id);
            }
        }
        store::settle(self.tx, settled, self.cx.now).await?;
        self.tell(kind, thing, part, who).await
    }

    async fn confirmed(&mut self) -> Result<(), Error> {
        let Some(grant) = self.grant().await? else {
            return Ok(());
        };
        self.settle(Kind::RequestApproved, request_of(&grant))
            .await?;
        if !grant.is_open() || grant.window.is_over(self.cx.now) {
            return Ok(());
        }
        let who = self.people_of(&grant).await?;
        self.tell(Kind::AccessReady, Thing::Grant(grant.id), 0, who)
            .await
    }

    /// Only while it is so, and nothing goes on after it.
    async fn ending(&mut self) -> Result<(), Error> {
        let Some(grant) = self.grant().await? else {
            return Ok(());
        };
        let next = grants::successors(self.tx, [grant.id]).await?;
        if !grant.is_open() || grant.window.is_over(self.cx.now) || !next.is_empty() {
            return Ok(());
        }
        let who = BTreeSet::from([grant.user]);
        self.tell(Kind::AccessEnding, Thing::Grant(grant.id), 0, who)
            .await
    }

    async fn closed(&mut self) -> Result<(), Error> {
        let Some(grant) = self.grant().await? else {
            return Ok(());
        };
        let thing = Thing::Grant(grant.id);
        // Nobody can say yes to what would have gone on after it.
        if let Some(request) = requests::extending(self.tx, grant.id).await? {
            let asked = Thing::Request(request.id);
            self.settle(Kind::ApprovalWaiting, asked).await?;
        }
        self.settle(Kind::RequestApproved, request_of(&grant))
            .await?;
        self.settle(Kind::AccessReady, thing).await?;
        self.settle(Kind::AccessEnding, thing).await?;
        if grant.review_every.is_some() {
            self.reviewed(request_of(&grant)).await?;
        }
        // What was kept ends as a whole, and that is told once: by the grant it begins with.
        if grant.review_every.is_some() && self.is_told_by_another(&grant).await? {
            return Ok(());
        }
        let kind = match grant.window.closed.as_ref().map(|closed| closed.reason) {
            Some(CloseReason::Refused | CloseReason::NotConfirmed) => Kind::AccessFailed,
            _ => Kind::AccessRemoved,
        };
        let who = self.people_of(&grant).await?;
        self.tell(kind, thing, 0, who).await
    }

    /// Whether the grant this one goes on from was closed at the same moment.
    async fn is_told_by_another(&mut self, grant: &Grant) -> Result<bool, Error> {
        let at = |grant: &Grant| grant.window.closed.as_ref().map(|closed| closed.at);
        let Some(before) = grant.window.predecessor else {
            return Ok(false);
        };
        let before = grants::several(self.tx, [before]).await?.remove(&before);
        Ok(before.is_some_and(|before| at(&before).is_some() && at(&before) == at(grant)))
    }

    async fn ended(&mut self) -> Result<(), Error> {
        let Some(grant) = self.grant().await? else {
            return Ok(());
        };
        let thing = Thing::Grant(grant.id);
        self.settle(Kind::RequestApproved, request_of(&grant))
            .await?;
        for kind in [
            Kind::AccessReady,
            Kind::AccessEnding,
            Kind::AccessTakenAway,
            Kind::RemovalStuck,
        ] {
            self.settle(kind, thing).await?;
        }
        Ok(())
    }

    /// A refused removal is told once for its binding, by the oldest grant that is over.
    async fn stuck(&mut self) -> Result<(), Error> {
        let over =
            (self.of_binding().await?.into_iter()).find(|grant| grant.window.is_over(self.cx.now));
        let Some(grant) = over else { return Ok(()) };
        let mut who = connections::all_owners(self.tx, grant.pair.connection).await?;
        let admins = [Role::SuperAdmin, Role::ConnectionAdmin];
        who.extend(identity::with_roles(self.tx, &admins).await?);
        self.tell(Kind::RemovalStuck, Thing::Grant(grant.id), 0, who)
            .await
    }

    async fn taken_away(&mut self) -> Result<(), Error> {
        // Each person once for one piece of news: by the last of their grants.
        let mut last = BTreeMap::new();
        for grant in self.of_binding().await? {
            if grant.window.is_live(self.cx.now) {
                last.insert(grant.user, grant.id);
            }
        }
        for (user, grant) in last {
            let who = BTreeSet::from([user]);
            self.tell(Kind::AccessTakenAway, Thing::Grant(grant), 0, who)
                .await?;
        }
        Ok(())
    }

    /// Both hear of it but who wrote it down; nobody any more once it is ended.
    async fn delegation(&mut self) -> Result<(), Error> {
        let Some(id) = self.id::<DelegationId>("delegation") else {
            return Ok(());
        };
        let Some(DelegationShown { delegation, .. }) = identity::delegation(self.tx, id).await?
        else {
            return Ok(());
        };
        let thing = Thing::Delegation(id);
        if delegation.ended_at.is_some() {
            return self.settle(Kind::Delegation, thing).await;
        }
        let who = BTreeSet::from([delegation.user, delegation.delegate]);
        self.tell(Kind::Delegation, thing, 0, who).await
    }

    /// The grant the news is about.
    async fn grant(&mut self) -> Result<Option<Grant>, Error> {
        let Some(id) = self.id::<GrantId>("grant") else {
            return Ok(None);
        };
        Ok(grants::several(self.tx, [id]).await?.remove(&id))
    }

    async fn of_binding(&mut self) -> Result<Vec<Grant>, Error> {
        match self.id::<BindingId>("binding") {
            Some(id) => Ok(grants::of_binding(self.tx, id).await?),
            None => Ok(Vec::new()),
        }
    }

    /// Who holds it, and who asked for it.
    async fn people_of(&mut self, grant: &Grant) -> Result<BTreeSet<UserId>, Error> {
        let Origin::Request(request) = grant.origin;
        let request = requests::find(self.tx, request).await?;
        let mut who = request.as_ref().map(askers).unwrap_or_default();
        who.insert(grant.user);
        Ok(who)
    }

    async fn settle(&mut self, kind: Kind, thing: Thing) -> Result<(), Error> {
        Ok(store::settle_about(self.tx, kind, thing, self.cx.now).await?)
    }

    /// Tells these people: not who did it, not who does not want it, and nobody twice.
    async fn tell(
        &mut self,
        kind: Kind,
        thing: Thing,
        part: i64,
        mut who: BTreeSet<UserId>,
    ) -> Result<(), Error> {
        if let Some(actor) = self.news.actor {
            who.remove(&actor);
        }
        self.tell_all(kind, thing, part, who).await
    }

    /// The same, and who did it as well: what came of it is not their doing.
    async fn tell_all(
        &mut self,
        kind: Kind,
        thing: Thing,
        part: i64,
        mut who: BTreeSet<UserId>,
    ) -> Result<(), Error> {
        if who.is_empty() {
            return Ok(());
        }
        let told = store::told(self.tx, self.news.id).await?;
        let off = match kind.always() {
            true => BTreeSet::new(),
            false => store::off_among(self.tx, kind, &who).await?,
        };
        who.retain(|user| !told.contains(user) && !off.contains(user));
        if who.is_empty() {
            return Ok(());
        }
        let mut again = store::new_about(self.tx, kind, thing).await?;
        again.retain(|user, _| who.contains(user));
        let fresh = (who.iter())
            .filter(|user| !again.contains_key(user))
            .map(|user| (*user, self.cx.app.new_id()))
            .collect();
        let telling = Telling {
            news: self.news.id,
            kind,
            thing,
            part,
            at: self.news.at,
        };
        Ok(store::tell(self.tx, &telling, &again, &fresh).await?)
    }
}

/// Who asked, and for whom.
fn askers(request: &Request) -> BTreeSet<UserId> {
    BTreeSet::from([request.requester(), request.beneficiary()])
}

fn request_of(grant: &Grant) -> Thing {
    let Origin::Request(request) = grant.origin;
    Thing::Request(request)
}
