//! All SQL of configuration as code.

use std::collections::BTreeMap;

use stint_db::{Query, Result, Tx, args};
use stint_domain::{Time, UserId};

stint_db::statements! {
    /// How everything was applied last.
    ALL = "select object, digest, applied_at, applied_by from config_applied order by object";
    /// A thing was applied.
    PUT = "insert into config_applied (object, digest, applied_at, applied_by) values ($1, $2, $3, $4) \
        on conflict (object) do update set digest = excluded.digest, applied_at = excluded.applied_at, \
        applied_by = excluded.applied_by";
}

/// How a thing was applied last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Remembered {
    /// Of its fields, by names.
    pub(super) digest: String,
    pub(super) at: Time,
    pub(super) by: Option<UserId>,
}

/// By the things' ids.
pub(super) async fn all(q: &mut impl Query) -> Result<BTreeMap<String, Remembered>> {
    let rows = q.all(&ALL, args![]).await?;
    (rows.iter())
        .map(|row| {
            let remembered = Remembered {
                digest: row.get("digest")?,
                at: row.get("applied_at")?,
                by: row.get("applied_by")?,
            };
            Ok((row.get::<String>("object")?, remembered))
        })
        .collect()
}

pub(super) async fn put(tx: &mut Tx, object: &str, it: &Remembered) -> Result<()> {
    tx.run(&PUT, args![object, it.digest.as_str(), it.at, it.by])
        .await
        .map(drop)
}
