//! When each kind of object was last read whole.

use stint_db::{Query, Result, Tx, args};
use stint_domain::{ConnectionId, Time};

use super::super::SyncRun;
use super::super::classes::Class;

stint_db::statements! {
    /// A moment only moves on; the newest run says whether it was the last, and why not.
    quiet TELL = "insert into class_readings (connection_id, class, read_at, why, told_at) values ($1, $2, $3, $4, $5) \
        on conflict (connection_id, class) do update set \
        read_at = case when excluded.read_at is null or class_readings.read_at > excluded.read_at then class_readings.read_at else excluded.read_at end, \
        why = case when excluded.told_at >= class_readings.told_at then excluded.why else class_readings.why end, \
        told_at = case when excluded.told_at >= class_readings.told_at then excluded.told_at else class_readings.told_at end";
    ALL = "select class, read_at, why from class_readings where connection_id = $1 order by class";
    quiet RETIRE = "delete from class_readings where connection_id = $1";
}

/// What is known of a class.
pub(in crate::directory) struct Reading {
    pub(in crate::directory) class: Class,
    /// When the last reading of all of it began.
    pub(in crate::directory) read_at: Option<Time>,
    /// Why the last sync did not read all of it.
    pub(in crate::directory) why: Option<String>,
}

/// Notes what a run came to of a class: when reading all of it began, or why it did not.
pub(in crate::directory) async fn tell(
    tx: &mut Tx,
    run: &SyncRun,
    class: Class,
    read_at: Option<Time>,
    why: Option<&str>,
) -> Result<()> {
    let why = why.map(str::to_owned);
    let values = args![run.connection, class.as_str(), read_at, why, run.started_at];
    tx.run(&TELL, values).await.map(drop)
}

/// Every class of which a run of this connection has said anything. Words of later versions are left
/// out.
pub(in crate::directory) async fn all(
    q: &mut impl Query,
    connection: ConnectionId,
) -> Result<Vec<Reading>> {
    let mut found = Vec::new();
    for row in &q.all(&ALL, args![connection]).await? {
        let word: String = row.get("class")?;
        if let Some(class) = Class::parse(&word) {
            found.push(Reading {
                class,
                read_at: row.get("read_at")?,
                why: row.get("why")?,
            });
        }
    }
    Ok(found)
}

/// A connection was removed.
pub(in crate::directory) async fn retire(tx: &mut Tx, connection: ConnectionId) -> Result<()> {
    tx.run(&RETIRE, args![connection]).await.map(drop)
}
