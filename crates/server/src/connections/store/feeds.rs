//! All SQL of `connection_feeds`.

use std::collections::BTreeMap;

use stint_aws::Queue;
use stint_db::{Error, Query, Result, Row, Tx, args};
use stint_domain::{ConnectionId, Time};

use super::super::feeds::{Feeds, ScimOnFile};
use crate::sealed::Sealed;

stint_db::statements! {
    /// Of one connection.
    FEEDS = "select f.connection_id, f.queue_url, f.queue_set_at, f.scim_endpoint, f.scim_sealed, f.scim_sealed_by, f.scim_set_at, f.scim_read_at, f.scim_error, f.heard_at, c.region \
        from connection_feeds f join connections c on c.id = f.connection_id where f.connection_id = $1";
    /// Of every connection in service.
    ALL_FEEDS = "select f.connection_id, f.queue_url, f.queue_set_at, f.scim_endpoint, f.scim_sealed, f.scim_sealed_by, f.scim_set_at, f.scim_read_at, f.scim_error, f.heard_at, c.region \
        from connection_feeds f join connections c on c.id = f.connection_id where c.removed_at is null order by f.connection_id";
    /// A first setting.
    SET_QUEUE = "insert into connection_feeds (connection_id, queue_url, queue_set_at) values ($1, $2, $3) \
        on conflict (connection_id) do update set queue_url = excluded.queue_url, queue_set_at = excluded.queue_set_at";
    /// The endpoint, with its token.
    SET_SCIM = "insert into connection_feeds (connection_id, scim_endpoint, scim_sealed, scim_sealed_by, scim_set_at) values ($1, $2, $3, $4, $5) \
        on conflict (connection_id) do update set scim_endpoint = excluded.scim_endpoint, scim_sealed = excluded.scim_sealed, \
        scim_sealed_by = excluded.scim_sealed_by, scim_set_at = excluded.scim_set_at, scim_read_at = null, scim_error = null";
    /// A message came.
    quiet HEARD = "update connection_feeds set heard_at = $2 where connection_id = $1";
    /// How the last reading of the endpoint went.
    quiet SCIM_READ = "update connection_feeds set scim_read_at = $2, scim_error = $3 where connection_id = $1";
    /// The connection was removed.
    DROP_FEEDS = "delete from connection_feeds where connection_id = $1";
    /// The master keys that a token is sealed with.
    TOKEN_KEYS = "select distinct scim_sealed_by from connection_feeds where scim_sealed_by is not null \
        order by scim_sealed_by";
}

fn read(row: &Row) -> Result<Feeds> {
    let url: Option<String> = row.get("queue_url")?;
    let region: String = row.get("region")?;
    let queue = url.map(|url| Queue::parse_simulated(&url, &region));
    let endpoint: Option<String> = row.get("scim_endpoint")?;
    let bytes: Option<Vec<u8>> = row.get("scim_sealed")?;
    let key: Option<String> = row.get("scim_sealed_by")?;
    let set_at: Option<Time> = row.get("scim_set_at")?;
    let sealed = bytes.zip(key).map(|(bytes, key)| Sealed { key, bytes });
    Ok(Feeds {
        queue: queue.transpose().map_err(|why| Error::Column {
            column: "queue_url".to_owned(),
            why: why.to_string(),
        })?,
        queue_set_at: row.get("queue_set_at")?,
        heard_at: row.get("heard_at")?,
        scim: match (endpoint, sealed, set_at) {
            (Some(endpoint), Some(sealed), Some(set_at)) => Some(ScimOnFile {
                endpoint,
                sealed,
                set_at,
                read_at: row.get("scim_read_at")?,
                error: row.get("scim_error")?,
            }),
            _ => None,
        },
    })
}

pub(in crate::connections) async fn feeds(q: &mut impl Query, id: ConnectionId) -> Result<Feeds> {
    let row = q.maybe(&FEEDS, args![id]).await?;
    row.as_ref().map_or_else(|| Ok(Feeds::default()), read)
}

pub(in crate::connections) async fn all_feeds(
    q: &mut impl Query,
) -> Result<BTreeMap<ConnectionId, Feeds>> {
    let rows = q.all(&ALL_FEEDS, args![]).await?;
    rows.iter()
        .map(|row| Ok((row.get("connection_id")?, read(row)?)))
        .collect()
}

pub(in crate::connections) async fn set_queue(
    tx: &mut Tx,
    id: ConnectionId,
    queue: Option<&Queue>,
    at: Time,
) -> Result<()> {
    let url = queue.map(|queue| queue.url().to_owned());
    tx.run(&SET_QUEUE, args![id, url, at]).await.map(drop)
}

pub(in crate::connections) async fn set_scim(
    tx: &mut Tx,
    id: ConnectionId,
    scim: Option<&ScimOnFile>,
) -> Result<()> {
    let values = args![
        id,
        scim.map(|it| it.endpoint.clone()),
        scim.map(|it| it.sealed.bytes.clone()),
        scim.map(|it| it.sealed.key.clone()),
        scim.map(|it| it.set_at)
    ];
    tx.run(&SET_SCIM, values).await.map(drop)
}

pub(in crate::connections) async fn heard(tx: &mut Tx, id: ConnectionId, at: Time) -> Result<()> {
    tx.run(&HEARD, args![id, at]).await.map(drop)
}

pub(in crate::connections) async fn scim_read(
    tx: &mut Tx,
    id: ConnectionId,
    at: Time,
    why: Option<String>,
) -> Result<()> {
    tx.run(&SCIM_READ, args![id, at, why]).await.map(drop)
}

pub(in crate::connections) async fn drop_feeds(tx: &mut Tx, id: ConnectionId) -> Result<()> {
    tx.run(&DROP_FEEDS, args![id]).await.map(drop)
}

pub(in crate::connections) async fn token_keys(q: &mut impl Query) -> Result<Vec<String>> {
    let rows = q.all(&TOKEN_KEYS, args![]).await?;
    rows.iter().map(|row| row.get("scim_sealed_by")).collect()
}
