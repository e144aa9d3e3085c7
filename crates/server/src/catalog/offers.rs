//! What a user may ask for.

use super::*;

/// Something a user may ask for.
#[derive(Debug, Clone)]
pub struct Offer {
    /// What.
    pub entitlement: Entitlement,
    /// The policy version it would be asked under now.
    pub policy: PolicyVersion,
    /// The entitlement's own limit, if it has one.
    pub entitlement_max: Option<Span>,
    /// The lower of its limit and the policy's.
    pub max_duration: Span,
    /// The policy version for emergency access, where that may be asked for.
    pub emergency: Option<PolicyVersion>,
}

impl Offer {
    /// The longest one may have it in an emergency: the lower of what both policies and the
    /// entitlement's own limit allow. Nothing where emergency access is off.
    pub fn emergency_max(&self) -> Option<Span> {
        let emergency = self.emergency.as_ref()?;
        Some(emergency.body.longest().min(self.max_duration))
    }

    /// The same as it is asked for in an emergency; nothing where emergency access is off.
    pub fn in_an_emergency(self) -> Option<Self> {
        let max_duration = self.emergency_max()?;
        Some(Self {
            policy: self.emergency?,
            // No rule of the policy for emergencies allows more than is had ordinarily.
            entitlement_max: Some(self.max_duration),
            max_duration,
            emergency: None,
            entitlement: self.entitlement,
        })
    }
}

/// What the caller may ask for, by name; `search` narrows it to what has all its words.
pub async fn offers(cx: &Cx, search: &str, paging: &Paging) -> Result<Page<Offer>, Error> {
    cx.authorize(Verb::ListOffers, Relation::Own)?;
    let user = cx.person()?.id;
    let mut q = cx.read().await?;
    let groups = identity::groups_of(&mut q, user).await?;
    let controls = store::offered(&mut q, &groups).await?;
    let controls: BTreeMap<EntitlementId, AccessControl> = (controls.into_iter())
        .map(|control| (control.entitlement, control))
        .collect();
    let ids: Vec<_> = controls.keys().copied().collect();
    let after = paging.after::<(String, EntitlementId)>()?;
    let found = directory::givable(&mut q, &ids, search, after, paging.fetch()).await?;
    let control = |it: &Entitlement| controls.get(&it.id);
    let asked: BTreeSet<PolicyId> = (found.iter())
        .filter_map(|(_, it)| control(it))
        .flat_map(|control| [Some(control.policy), control.emergency])
        .flatten()
        .collect();
    let policies = policies::currents(&mut q, asked).await?;
    let mut rows = Vec::new();
    for (sort, entitlement) in found {
        let Some(control) = control(&entitlement) else {
            continue;
        };
        if let Some(policy) = policies.get(&control.policy) {
            let id = entitlement.id;
            let emergency = control.emergency.and_then(|id| policies.get(&id).cloned());
            let offer = offered(entitlement, policy.clone(), control.max_duration, emergency);
            rows.push((sort, id, offer));
        }
    }
    let page = paging.page(rows, |(sort, id, _)| (sort.clone(), *id));
    Ok(Page {
        items: page.items.into_iter().map(|(_, _, offer)| offer).collect(),
        next: page.next,
    })
}

/// One thing the caller may ask for. What is in none of their catalogs does not exist.
pub async fn offer(cx: &Cx, id: EntitlementId) -> Result<Offer, Error> {
    let user = cx.person()?.id;
    let mut q = cx.read().await?;
    let found = requestable(&mut q, user, id).await?;
    let relation = if found.is_some() {
        Relation::Own
    } else {
        Relation::OutOfCatalog
    };
    cx.authorize(Verb::GetOffer, relation)?;
    found.ok_or(Error::NotFound)
}

/// What this user may ask for under this id: nothing if no catalog of theirs has it, or it
/// has no access control, or it is gone from AWS.
pub async fn requestable(
    q: &mut impl Query,
    user: UserId,
    id: EntitlementId,
) -> Result<Option<Offer>, stint_db::Error> {
    let groups = identity::groups_of(q, user).await?;
    if !store::sees(q, &groups, id).await? {
        return Ok(None);
    }
    let Some(control) = store::access_control(q, id).await? else {
        return Ok(None);
    };
    let found = directory::entitlement(q, id).await?;
    let Some(entitlement) = found.filter(|it| it.gone_at.is_none()) else {
        return Ok(None);
    };
    let policy = policies::current(q, control.policy).await?;
    let emergency = match control.emergency {
        Some(id) => policies::current(q, id).await?,
        None => None,
    };
    Ok(policy.map(|policy| offered(entitlement, policy, control.max_duration, emergency)))
}

/// Takes the row of an entitlement's access control: who asks for it in an emergency comes one
/// after the other.
pub async fn hold(tx: &mut Tx, id: EntitlementId) -> Result<(), stint_db::Error> {
    store::lock_access_control(tx, id).await.map(drop)
}

fn offered(
    entitlement: Entitlement,
    policy: PolicyVersion,
    own: Option<Span>,
    emergency: Option<PolicyVersion>,
) -> Offer {
    Offer {
        emergency: emergency.filter(|it| it.body.emergency.is_some()),
        entitlement,
        max_duration: own.map_or(policy.body.longest(), |own| own.min(policy.body.longest())),
        entitlement_max: own,
        policy,
    }
}
