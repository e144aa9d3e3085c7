//! Asking for somebody else: for whom the caller may.
//!
//! A manager asks for those whose manager they are, a Super Admin for everybody who is active. What
//! may be asked for is what the other may ask for themselves. Of somebody for whom one may not ask one
//! learns nothing, not even whether there is such a person: the statements are the same.

use stint_domain::rights::{Answer, allowed};

use super::*;
use crate::identity::User;

/// How somebody stands to a person they would ask for.
fn relation(asker: UserId, whom: &User) -> Relation {
    if whom.manager == Some(asker) || whom.id == asker {
        Relation::Own
    } else {
        Relation::Others
    }
}

/// For whom the caller asks: themselves where nobody is named. Nothing where they may not ask for
/// whoever is named, or there is nobody like that who is active.
pub async fn asks_for(
    cx: &Cx,
    q: &mut impl Query,
    named: Option<UserId>,
) -> Result<Option<UserId>, Error> {
    let me = cx.person()?.id;
    let Some(id) = named.filter(|id| *id != me) else {
        return Ok(Some(me));
    };
    let found = identity::user(q, id).await?.filter(|it| it.active);
    let may = |it: &User| cx.authorize(Verb::AskForAnother, relation(me, it)).is_ok();
    Ok(found.filter(may).map(|it| it.id))
}

/// Whether somebody may ask for another now, whoever is calling. Whether the other is active is not
/// asked: what is given to them is another's question.
pub async fn may_ask_for(
    q: &mut impl Query,
    asker: UserId,
    whom: UserId,
) -> Result<bool, stint_db::Error> {
    let found = identity::users_by_id(q, [asker, whom]).await?;
    let (Some(asks), Some(whom)) = (found.get(&asker), found.get(&whom)) else {
        return Ok(false);
    };
    let answer = allowed(
        &asks.all_roles(),
        Verb::AskForAnother,
        relation(asker, whom),
    );
    Ok(asks.active && answer == Answer::Yes)
}

/// Whether there is anybody for whom the caller may ask beside themselves.
pub async fn asks_for_others(cx: &Cx, q: &mut impl Query) -> Result<bool, Error> {
    let me = cx.person()?.id;
    if cx.authorize(Verb::AskForAnother, Relation::Others).is_ok() {
        return Ok(true);
    }
    Ok(!identity::managed_by(q, me).await?.is_empty())
}

/// Those for whom the caller may ask beside themselves, by name: active, and with all words of `search` in name or
/// address.
pub async fn people(cx: &Cx, search: &str, paging: &Paging) -> Result<Page<User>, identity::Error> {
    cx.authorize(Verb::PreviewRequest, Relation::Own)?;
    let me = cx.person()?.id;
    let everybody = cx.authorize(Verb::AskForAnother, Relation::Others).is_ok();
    let manager = (!everybody).then_some(me);
    let mut q = cx.read().await?;
    identity::active_under(&mut q, manager, me, search, paging).await
}
