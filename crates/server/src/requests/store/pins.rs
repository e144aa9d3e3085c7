//! The policies pinned with a request beside its own: those to which its deadlines lead.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use stint_db::{Error, Result, Row};
use stint_domain::PolicyVersionId;
use stint_domain::policy::Other;

use crate::policies::PolicyVersion;

/// One of them, as it is stored.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Pin {
    version: PolicyVersionId,
    /// The rule of it that applied, from 0.
    rule: Option<usize>,
}

/// As a column has them.
pub(super) fn column(others: &[Other]) -> Value {
    let pins: Vec<Pin> = (others.iter())
        .map(|it| Pin {
            version: it.version,
            rule: it.rule,
        })
        .collect();
    serde_json::to_value(pins).unwrap_or_default()
}

/// Which versions a row pins beside its own.
pub(super) fn versions(row: &Row) -> Result<BTreeSet<PolicyVersionId>> {
    let pins: Vec<Pin> = row.json("others")?;
    Ok(pins.into_iter().map(|pin| pin.version).collect())
}

/// What a row pins beside its own, in its order.
pub(super) fn others(
    row: &Row,
    known: &BTreeMap<PolicyVersionId, PolicyVersion>,
) -> Result<Vec<Other>> {
    let pins: Vec<Pin> = row.json("others")?;
    (pins.into_iter())
        .map(|pin| {
            let version = known.get(&pin.version).ok_or(Error::Missing {
                statement: "policies::versions_by_id",
            })?;
            Ok(version.as_other(pin.rule))
        })
        .collect()
}
