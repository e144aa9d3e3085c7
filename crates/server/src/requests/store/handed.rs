//! All SQL of places in the steps of requests that were handed on.

use std::collections::BTreeMap;

use stint_db::{Query, Result, Row, Tx, Val, args};
use stint_domain::request::Handover;
use stint_domain::{HandoverId, RequestId};

use super::unreadable;

stint_db::statements! {
    /// A place is handed on: the how-manyth in the request is $3.
    HAND = "insert into request_handovers \
            (id, request_id, number, step, from_id, to_id, by_id, administrator, parts, reason, via, handed_at) \
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
    /// Those of several requests, oldest first.
    HANDED_ON = "select request_id, step, from_id, to_id, by_id, administrator, parts, reason, handed_at \
        from request_handovers where request_id in {ids $1} order by request_id, number";
}

/// Writes down that a place was handed on, the `number`th time in this request, and whom the step names
/// by that.
pub(in crate::requests) async fn hand(
    tx: &mut Tx,
    handover: HandoverId,
    id: RequestId,
    number: usize,
    it: &Handover,
    via: &str,
) -> Result<()> {
    let number = i64::try_from(number).unwrap_or(i64::MAX);
    let step = i64::try_from(it.step).unwrap_or(i64::MAX);
    let parts = serde_json::to_string(&it.parts);
    let parts = parts.map_err(|why| unreadable("parts", why.to_string()))?;
    let values = args![
        handover,
        id,
        number,
        step,
        it.from,
        it.to,
        it.by,
        it.administrator,
        parts,
        it.reason.as_str(),
        via,
        it.at
    ];
    tx.run(&HAND, values).await?;
    super::name(tx, id, step, Some(it.to), None, None).await
}

/// What was handed on in these requests, oldest first.
pub(super) async fn on(
    q: &mut impl Query,
    ids: &[RequestId],
) -> Result<BTreeMap<RequestId, Vec<Handover>>> {
    let mut all: BTreeMap<RequestId, Vec<Handover>> = BTreeMap::new();
    for row in q
        .all(&HANDED_ON, args![Val::ids(ids.iter().copied())])
        .await?
    {
        let on = all.entry(row.get("request_id")?).or_default();
        on.push(handover(&row)?);
    }
    Ok(all)
}

fn handover(row: &Row) -> Result<Handover> {
    Ok(Handover {
        step: super::index(row)?,
        from: row.get("from_id")?,
        to: row.get("to_id")?,
        by: row.get("by_id")?,
        administrator: row.get("administrator")?,
        parts: serde_json::from_str(&row.get::<String>("parts")?)
            .map_err(|why| unreadable("parts", why.to_string()))?,
        reason: row.get("reason")?,
        at: row.get("handed_at")?,
    })
}
