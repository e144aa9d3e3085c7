//! What people do to the rotation of an access key.

use serde_json::json;
use stint_db::{Priority, Tx};
use stint_domain::managed::rotation::Rotation;
use stint_domain::rights::{Relation, Verb};
use stint_domain::{ConnectionId, ObjectId};

use super::store::rotations as rows;
use super::users::said;
use super::{Error, KeyRotation, Moment, Place, nudge, tell};
use crate::connections::{self, Connection};
use crate::cx::Cx;
use crate::http::{Page, Paging};

/// A connection's rotations, newest first.
pub async fn list_rotations(
    cx: &Cx,
    connection: ConnectionId,
    paging: &Paging,
) -> Result<Page<KeyRotation>, Error> {
    cx.authorize(Verb::GetRotation, Relation::Others)?;
    let mut q = cx.read().await?;
    let known = connections::connection(&mut q, connection).await?;
    known.ok_or(Error::NotFound)?;
    let found = rows::list(&mut q, connection, paging.after()?, paging.fetch()).await?;
    Ok(paging.page(found, |it| it.rotation.id))
}

/// One rotation, with what happened.
pub async fn get_rotation(cx: &Cx, id: ObjectId) -> Result<(KeyRotation, Vec<Moment>), Error> {
    cx.authorize(Verb::GetRotation, Relation::Others)?;
    let mut q = cx.read().await?;
    let found = rows::rotation(&mut q, id).await?.ok_or(Error::NotFound)?;
    let moments = super::timeline(&mut q, id).await?;
    Ok((found, moments))
}

/// Begins to rotate the access key of a connection. Makes no call to AWS: that is the background
/// work's. Fails with [`Error::Sealed`] where the new secret could not be kept.
pub async fn begin(cx: &Cx, connection: ConnectionId) -> Result<KeyRotation, Error> {
    cx.authorize(Verb::RotateKey, Relation::Others)?;
    let mut tx = cx.begin(Priority::Interactive).await?;
    let known = connections::lock(&mut tx, connection).await?;
    let known = known.ok_or(Error::NotFound)?;
    let begun = open(cx, &mut tx, &known).await?;
    tx.commit().await?;
    nudge(&cx.app);
    Ok(begun)
}

/// Begins it in the caller's transaction, which holds the connection's row.
async fn open(cx: &Cx, tx: &mut Tx, known: &Connection) -> Result<KeyRotation, Error> {
    if known.removed_at.is_some() {
        return Err(Error::NotFound);
    }
    let key = known.credential.key().ok_or(Error::NoKey)?;
    if rows::open_on(tx, known.id).await?.is_some() {
        return Err(Error::UnderWay);
    }
    // Better now than when there is a key whose secret cannot be kept.
    connections::seal_key(&cx.app, known.id, &key.id, &"0".repeat(40).into())?;
    let id: ObjectId = cx.app.new_id();
    let begun = KeyRotation {
        rotation: Rotation::begin(id, key.id.clone(), cx.app.key_rules.settle, cx.now),
        connection: known.id,
        began_by: cx.actor.user(),
        sealed: None,
    };
    rows::insert(tx, &begun).await?;
    let facts =
        json!({ "old_key": key.id, "settle_seconds": cx.app.key_rules.settle.as_seconds() });
    let by = cx.person().map(|person| person.name.clone());
    let text = match by {
        Ok(name) => format!("{name} began to rotate the access key {}", key.id),
        Err(_) => format!(
            "The access key {} has come of age: Stint rotates it",
            key.id
        ),
    };
    tell::by_hand(cx, tx, (id, known.id), "key_rotation.begun", &text, facts).await?;
    Ok(begun)
}

/// Begins the rotations whose time has come by itself. Answers how many.
pub async fn begin_due(cx: &Cx) -> Result<usize, Error> {
    let Some(after) = cx.app.key_rules.rotate_after else {
        return Ok(0);
    };
    let all = connections::connections(&mut cx.read().await?).await?;
    let mut begun = 0;
    for connection in all {
        let old = |it: &Connection| {
            let set_at = it.credential.key().map(|key| key.set_at);
            set_at.is_some_and(|at| at + after <= cx.now)
        };
        if !old(&connection) || connection.draining.is_some() {
            continue;
        }
        let mut tx = cx.begin(Priority::Interactive).await?;
        let Some(known) = connections::lock(&mut tx, connection.id).await? else {
            continue;
        };
        if !old(&known) {
            continue;
        }
        // One that was given up lately is not begun again every hour.
        let last = rows::list(&mut tx, known.id, None, 1).await?;
        let lately = last.first().is_some_and(|it| {
            let ended = it.rotation.ended_at;
            ended.is_none_or(|at| cx.now < at + stint_domain::Span::hours(24))
        });
        if lately {
            continue;
        }
        open(cx, &mut tx, &known).await?;
        tx.commit().await?;
        begun += 1;
    }
    Ok(begun)
}

/// Calls a rotation off: what was begun is taken back. Not after the switch.
pub async fn cancel(cx: &Cx, id: ObjectId, reason: &str) -> Result<KeyRotation, Error> {
    cx.authorize(Verb::RotateKey, Relation::Others)?;
    let reason = said(reason)?;
    let mut tx = cx.begin(Priority::Revoke).await?;
    let (found, was) = rows::load(&mut tx, id, cx.now, &cx.app.model)
        .await?
        .ok_or(Error::NotFound)?;
    let mut is = was.clone();
    let by = cx.person().map(|person| person.name.clone());
    let why = format!(
        "called off by {}: {reason}",
        by.unwrap_or_else(|_| "Stint".to_owned())
    );
    is.rotation = is.rotation.cancel(why.clone(), cx.now)?;
    rows::save(&mut tx, &place(&found), &was, &is).await?;
    let about = (id, found.connection);
    let facts = json!({ "reason": reason });
    tell::by_hand(cx, &mut tx, about, "key_rotation.cancelled", &why, facts).await?;
    finish(cx, tx, id).await
}

/// Tries again at once what AWS refuses.
pub async fn retry_rotation(cx: &Cx, id: ObjectId) -> Result<KeyRotation, Error> {
    cx.authorize(Verb::RotateKey, Relation::Others)?;
    let mut tx = cx.begin(Priority::Revoke).await?;
    let (found, was) = rows::load(&mut tx, id, cx.now, &cx.app.model)
        .await?
        .ok_or(Error::NotFound)?;
    let mut is = was.clone();
    is.rotation = is.rotation.retry(cx.now)?;
    rows::save(&mut tx, &place(&found), &was, &is).await?;
    tell::retried(cx, &mut tx, (id, found.connection)).await?;
    finish(cx, tx, id).await
}

/// The account a rotation's attempts are kept under: that of the user whose keys they are.
pub(super) fn place(of: &KeyRotation) -> Place {
    let arn = of.rotation.user_arn.as_deref().unwrap_or_default();
    Place {
        connection: of.connection,
        account: arn.split(':').nth(4).unwrap_or_default().to_owned(),
    }
}

async fn finish(cx: &Cx, mut tx: Tx, id: ObjectId) -> Result<KeyRotation, Error> {
    let after = rows::rotation(&mut tx, id).await?.ok_or(Error::NotFound)?;
    tx.commit().await?;
    nudge(&cx.app);
    Ok(after)
}
