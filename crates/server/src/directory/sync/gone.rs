//! What the lists of a run no longer have: noted as gone once the run is believed, by itself or by a
//! person. Until then everything stays where it is.

use stint_db::Tx;
use stint_domain::Time;
use stint_domain::entitlement::PrincipalKind;

use super::super::store::things::{self, Gone};
use super::super::store::{estate, iam, runs, scopes};
use super::super::{Error, SyncRun};
use super::{List, seen_until};
use crate::cx::Cx;

/// Who notes it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// The worker that read the run, as long as nobody has taken it over.
    Reader,
    /// Whoever writes down what a person accepted.
    Decision,
}

/// A transaction, for as long as the run is the reader's.
async fn begin(cx: &Cx, run: &SyncRun, by: By) -> Result<Tx, Error> {
    let mut tx = super::begin(cx, run.connection).await?;
    if by == By::Reader && !runs::moved(&mut tx, run).await? {
        return Err(Error::Running {
            connection: run.connection,
            since: run.started_at,
        });
    }
    Ok(tx)
}

/// Notes it. Whatever was seen since a list was read stays.
pub(super) async fn write(cx: &Cx, run: &SyncRun, by: By) -> Result<(), Error> {
    let read = scopes::lists(&mut cx.read().await?, run.id).await?;
    let began = |list: List| {
        let found = read.iter().find(|(word, _)| word == list.as_str());
        found.map(|(_, began)| *began)
    };
    let until = |began: Time| seen_until(cx, began);
    for list in List::ALL {
        let Some(began) = began(list) else { continue };
        let what: &[Gone] = match list {
            List::Accounts => &[Gone::Accounts],
            List::Sets => &[Gone::Sets],
            List::Users => &[Gone::Principals(PrincipalKind::IdentityCenterUser)],
            List::Groups => &[
                Gone::Principals(PrincipalKind::IdentityCenterGroup),
                Gone::Entitlements("group_membership"),
            ],
        };
        let mut tx = begin(cx, run, by).await?;
        for what in what {
            things::gone(&mut tx, run.connection, *what, (began, until(began))).await?;
        }
        tx.commit().await?;
    }
    for (part, account, began) in scopes::iam(&mut cx.read().await?, run.id).await? {
        if !iam::is_list(&part) {
            continue;
        }
        let mut tx = begin(cx, run, by).await?;
        let at = (began, until(began));
        iam::gone(&mut tx, &part, (run.connection, &account), at).await?;
        tx.commit().await?;
    }
    match (began(List::Accounts), began(List::Sets)) {
        (Some(accounts), Some(sets)) => withdraw(cx, run, by, (accounts, sets)).await,
        _ => Ok(()),
    }
}

/// What can no longer be asked for: permission sets on accounts of which one is gone, or of an
/// account that cannot be used.
async fn withdraw(cx: &Cx, run: &SyncRun, by: By, lists: (Time, Time)) -> Result<(), Error> {
    let seen = (seen_until(cx, lists.0), seen_until(cx, lists.1));
    let mut after = None;
    loop {
        let mut q = cx.read().await?;
        let ids = estate::withdrawn(&mut q, run.connection, seen, after).await?;
        drop(q);
        let Some(last) = ids.last() else {
            return Ok(());
        };
        after = Some(*last);
        let mut tx = begin(cx, run, by).await?;
        things::withdraw(&mut tx, &ids, lists.0.max(lists.1)).await?;
        tx.commit().await?;
    }
}
