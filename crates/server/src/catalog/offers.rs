//! What a user may ask for.

use stint_db::Reader;

use super::*;

/// Something a user may ask for.
#[derive(Debug, Clone)]
pub struct Offer {
    /// What.
    pub entitlement: Entitlement,
    /// The policy version it would be asked under now.
    pub policy: PolicyVersion,
    /// The limit of its own, or of the catalog that says how it is asked for, if there is one.
    pub entitlement_max: Option<Span>,
    /// The lower of that limit and the policy's, in whatever case; where a deadline leads to another policy,
    /// whoever asks may find it lower.
    pub max_duration: Span,
    /// Whether it may be asked for until it is revoked: its time limit is off, and the policy allows
    /// that in some case. Where a deadline leads to another policy, that must allow it too.
    pub until_revoked: bool,
    /// The policy version for emergency access, where that may be asked for.
    pub emergency: Option<PolicyVersion>,
}

impl Offer {
    /// The longest one may have it in an emergency: the lower of what both policies and the
    /// entitlement's own limit allow, in whatever case. What those allow to which deadlines of the ordinary
    /// policy lead says nothing about emergencies; where a deadline of the policy for emergencies leads to
    /// another, whoever asks may find it lower. Nothing where emergency access is off.
    pub fn emergency_max(&self) -> Option<Span> {
        let emergency = self.emergency.as_ref()?;
        Some(emergency.body.longest().min(self.max_duration))
    }

    /// The same as it is asked for in an emergency; nothing where emergency access is off.
    pub fn in_an_emergency(self) -> Option<Self> {
        let max_duration = self.emergency_max()?;
        Some(Self {
            policy: self.emergency?,
            // No rule of the policy for emergencies allows more than some case of the ordinary one does.
            entitlement_max: Some(self.max_duration),
            max_duration,
            until_revoked: false,
            emergency: None,
            entitlement: self.entitlement,
        })
    }
}

/// A page of what somebody may ask for.
#[derive(Debug, Clone)]
pub struct Offers {
    /// By name.
    pub page: Page<Offer>,
    /// How much there is on all pages together.
    pub total: usize,
}

/// What the caller may ask for, by name; `search` narrows it to what has all its words, of which 16
/// count.
pub async fn offers(cx: &Cx, search: &str, paging: &Paging) -> Result<Offers, Error> {
    offers_for(cx, None, search, paging).await
}

/// The same of somebody for whom the caller may ask; fails as if there were nobody like that where
/// they may not.
pub async fn offers_for(
    cx: &Cx,
    whom: Option<UserId>,
    search: &str,
    paging: &Paging,
) -> Result<Offers, Error> {
    cx.authorize(Verb::ListOffers, Relation::Own)?;
    let after = paging.after::<(String, EntitlementId)>()?;
    let fetch = usize::try_from(paging.fetch()).unwrap_or(0);
    let user = asks_for(cx, &mut cx.read().await?, whom).await?;
    let user = user.ok_or(Error::NotFound)?;
    let (stock, mut q) = stock::now(cx).await?;
    let known = identity::somebody(&mut q, user).await?;
    let mine = stock.seen_by(&known, user);
    let (found, total) = stock.offered(&mine, search, after.as_ref(), fetch);
    let shown = found.iter().map(|(_, id, _)| *id);
    let mut entitlements = directory::entitlements_by_id(&mut q, shown).await?;
    let asked: BTreeSet<PolicyId> = (found.iter())
        .flat_map(|(_, _, terms)| [Some(terms.policy), terms.emergency])
        .flatten()
        .collect();
    let policies = policies::currents(&mut q, asked).await?;
    let rows = found.into_iter().filter_map(|(key, id, terms)| {
        let entitlement = entitlements.remove(&id)?;
        let policy = policies.get(&terms.policy)?.clone();
        let emergency = terms.emergency.and_then(|id| policies.get(&id).cloned());
        let offer = offered_as(entitlement, policy, &terms, emergency);
        Some((key, id, offer))
    });
    let page = paging.page(rows.collect(), |(key, id, _)| (key.clone(), *id));
    Ok(Offers {
        page: page.map(|(_, _, offer)| offer),
        total,
    })
}

/// Everything the caller may ask for, by name, and the moment it was seen at.
pub async fn offered(cx: &Cx) -> Result<(Vec<EntitlementId>, Reader), Error> {
    cx.authorize(Verb::ListOffers, Relation::Own)?;
    let user = cx.person()?.id;
    let (stock, mut q) = stock::now(cx).await?;
    let known = identity::somebody(&mut q, user).await?;
    let mine = stock.seen_by(&known, user);
    let (found, _) = stock.offered(&mine, "", None, usize::MAX);
    Ok((found.into_iter().map(|(_, id, _)| id).collect(), q))
}

/// One thing the caller may ask for. What is in none of their catalogs does not exist.
pub async fn offer(cx: &Cx, id: EntitlementId) -> Result<Offer, Error> {
    offer_for(cx, None, id).await
}

/// The same of somebody for whom the caller may ask.
pub async fn offer_for(cx: &Cx, whom: Option<UserId>, id: EntitlementId) -> Result<Offer, Error> {
    let mut q = cx.read().await?;
    let user = asks_for(cx, &mut q, whom).await?.ok_or(Error::NotFound)?;
    let found = requestable(&mut q, user, id).await?;
    let relation = if found.is_some() {
        Relation::Own
    } else {
        Relation::OutOfCatalog
    };
    cx.authorize(Verb::GetOffer, relation)?;
    found.ok_or(Error::NotFound)
}

/// What this user may ask for under this id: nothing if no catalog of theirs has it, or nothing
/// says how it is asked for, or it is gone from AWS. Where it is nothing the statements are the same,
/// whatever the reason.
pub async fn requestable(
    q: &mut impl Query,
    user: UserId,
    id: EntitlementId,
) -> Result<Option<Offer>, stint_db::Error> {
    let found = judge::look(q, user, id).await?;
    let Some((entitlement, terms)) = found.offered(user) else {
        return Ok(None);
    };
    let policy = policies::current(q, terms.policy).await?;
    let emergency = match terms.emergency {
        Some(id) => policies::current(q, id).await?,
        None => None,
    };
    Ok(policy.map(|policy| offered_as(entitlement, policy, &terms, emergency)))
}

/// Takes the row of an entitlement's access control: who asks for it in an emergency comes one
/// after the other.
pub async fn hold(tx: &mut Tx, id: EntitlementId) -> Result<(), stint_db::Error> {
    store::lock_access_control(tx, id).await.map(drop)
}

fn offered_as(
    entitlement: Entitlement,
    policy: PolicyVersion,
    terms: &stock::Terms,
    emergency: Option<PolicyVersion>,
) -> Offer {
    let own = terms.max_duration;
    Offer {
        until_revoked: terms.until_revoked && policy.body.may_last_until_revoked(),
        emergency: emergency.filter(|it| it.body.emergency.is_some()),
        entitlement,
        max_duration: own.map_or(policy.body.longest(), |own| own.min(policy.body.longest())),
        entitlement_max: own,
        policy,
    }
}
