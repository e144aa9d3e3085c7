//! What the rotation of a connection's access key needs of its connection.

use secrecy::SecretString;
use serde_json::json;
use stint_aws::AccessKey;
use stint_db::Tx;
use stint_domain::ConnectionId;

use super::credential::record;
use super::{Connection, Credential, Error, KeyOnFile, store, testing};
use crate::cx::{App, Cx};
use crate::sealed::{self, Sealed};

/// Seals the secret of an access key for a connection.
pub fn seal_key(
    app: &App,
    connection: ConnectionId,
    access_key_id: &str,
    secret: &SecretString,
) -> Result<Sealed, sealed::Error> {
    app.keys.seal(&record(connection, access_key_id), secret)
}

/// An access key whose secret was sealed for this connection.
pub fn access_key(
    app: &App,
    connection: &Connection,
    access_key_id: &str,
    sealed: &Sealed,
) -> Result<AccessKey, sealed::Error> {
    Ok(AccessKey {
        id: access_key_id.to_owned(),
        secret: app
            .keys
            .open(&record(connection.id, access_key_id), sealed)?,
        account: connection.credential.account(),
    })
}

/// Has a connection enter by another key of the same user from now on. The caller's transaction
/// holds the connection's row, and knows that AWS takes the key.
pub async fn switch_key(
    cx: &Cx,
    tx: &mut Tx,
    connection: &Connection,
    access_key_id: &str,
    sealed: Sealed,
) -> Result<(), Error> {
    let after = Credential::AccessKey(KeyOnFile {
        id: access_key_id.to_owned(),
        account: connection.credential.account(),
        set_at: cx.now,
        sealed: Some(sealed),
    });
    store::set_credential(tx, connection.id, &after)
        .await
        .map_err(Error::taken)?;
    let facts = json!({ "before": connection.credential.facts(), "after": after.facts() });
    tx.audit(cx.event("connection.key_switched", [connection.id.into()], facts));
    Ok(())
}

/// Tests a connection again after its credential was replaced by the system.
pub async fn retest(cx: &Cx, id: ConnectionId) -> Result<Connection, Error> {
    testing::run(cx, id).await
}

/// Whether an IAM user of this name and path is this connection's business; else why not.
pub fn iam_user_allowed(connection: &Connection, path: &str, name: &str) -> Result<(), String> {
    let scope = connection.features().iam;
    if scope.is_none_or(|scope| scope.has_user(path, name)) {
        return Ok(());
    }
    Err(format!(
        "“{path}{name}” is outside the limits in the settings of the connection “{}”; widen them there, or choose \
         another name or path.",
        connection.name
    ))
}
