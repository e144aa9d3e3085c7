//! What there is now, in the form in which files say it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use stint_api::config::shape::{ACCESS_CONTROL, CATALOG, GROUP, POLICY, Shape};
use stint_domain::policy::PolicyBody;
use stint_domain::{EntitlementId, Span};

use super::Error;
use super::PAGE;
use super::names::{Names, Things, canonical};
use crate::catalog::{self, AccessControl, Catalog, EntryFilter, Filter};
use crate::cx::Cx;
use crate::http::Paging;
use crate::identity::{self, Group, MemberFilter};
use crate::policies::{self, Policy};

/// A thing as it is now.
#[derive(Debug, Clone)]
pub(super) struct Now {
    /// Its id; of an access control that of its entitlement.
    pub(super) id: String,
    /// Counts its changes.
    pub(super) version: i64,
    /// Its fields, by names.
    pub(super) value: Value,
}

/// Reads what there is.
pub(super) struct State<'a> {
    cx: &'a Cx,
    names: &'a Names,
    things: &'a Things,
    left_out: BTreeSet<String>,
}

/// The fields of a policy, by names.
pub(super) fn policy(names: &Names, name: &str, body: PolicyBody) -> Result<Value, Error> {
    let shape = Shape::Map(POLICY);
    let mut value = serde_json::to_value(policies::shown(body)).map_err(|_| Error::Unwritable)?;
    if let Some(fields) = value.as_object_mut() {
        fields.insert("name".to_owned(), name.into());
    }
    names.in_names(&shape, &mut value);
    canonical(&shape, &mut value);
    Ok(value)
}

impl<'a> State<'a> {
    pub(super) const fn new(cx: &'a Cx, names: &'a Names, things: &'a Things) -> Self {
        Self {
            cx,
            names,
            things,
            left_out: BTreeSet::new(),
        }
    }

    /// What could not be told of.
    pub(super) const fn left_out(&self) -> &BTreeSet<String> {
        &self.left_out
    }

    pub(super) async fn group(&self, group: &Group) -> Result<Now, Error> {
        let mut members = Vec::new();
        let mut paging = Paging::first(PAGE);
        loop {
            let filter = MemberFilter::default();
            let page = identity::list_members(self.cx, group.id, &filter, &paging).await?;
            members.extend(page.items.into_iter().map(|it| it.email));
            match page.next {
                Some(next) => paging = Paging::after_cursor(PAGE, Some(next)),
                None => break,
            }
        }
        let mut value = json!({
            "name": group.name,
            "description": group.description.replace("\r\n", "\n"),
            "members": members,
        });
        canonical(&Shape::Map(GROUP), &mut value);
        Ok(Now {
            id: group.id.to_string(),
            version: group.version,
            value,
        })
    }

    pub(super) fn policy(&self, it: &Policy) -> Result<Now, Error> {
        Ok(Now {
            id: it.id.to_string(),
            version: it.version,
            value: policy(self.names, &it.name, it.latest.body.clone())?,
        })
    }

    /// Every catalog.
    pub(super) async fn catalogs(&self) -> Result<Vec<Catalog>, Error> {
        let mut all = Vec::new();
        let mut paging = Paging::first(PAGE);
        loop {
            let page = catalog::list(self.cx, &Filter::default(), &paging).await?;
            all.extend(page.items);
            match page.next {
                Some(next) => paging = Paging::after_cursor(PAGE, Some(next)),
                None => return Ok(all),
            }
        }
    }

    /// With its list, but for what AWS no longer has: that is left alone.
    pub(super) async fn catalog(&mut self, it: &Catalog) -> Result<Now, Error> {
        let mut entitlements = Vec::new();
        let mut paging = Paging::first(PAGE);
        loop {
            let filter = EntryFilter::default();
            let page = catalog::entries(self.cx, it.id, &filter, &paging).await?;
            for entry in page.items {
                match self.things.name(entry.entitlement.id) {
                    Some(name) => entitlements.push(name.clone()),
                    None => {
                        let (what, id) = (&entry.entitlement.name, entry.entitlement.id);
                        let place = &it.name;
                        self.left_out
                            .insert(format!("{what} ({id}) in the list of the catalog {place}"));
                    }
                }
            }
            match page.next {
                Some(next) => paging = Paging::after_cursor(PAGE, Some(next)),
                None => break,
            }
        }
        let contents: Vec<_> = (it.rules.contents.iter())
            .map(|rule| json!({ "name": rule.name, "when": rule.when.as_str() }))
            .collect();
        let mut value = json!({
            "name": it.name,
            "description": it.description.replace("\r\n", "\n"),
            "audience": it.audience.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "audience_when": it.rules.audience_when.as_ref().map(ToString::to_string),
            "contents": contents,
            "entitlements": entitlements,
            "default_terms": it.rules.terms.map(|terms| json!({
                "policy": terms.policy.to_string(),
                "max_duration_seconds": terms.max_duration.map(Span::as_seconds),
                "until_revoked": terms.until_revoked,
            })),
            "rank": it.rules.rank,
        });
        let shape = Shape::Map(CATALOG);
        self.names.in_names(&shape, &mut value);
        canonical(&shape, &mut value);
        Ok(Now {
            id: it.id.to_string(),
            version: it.version,
            value,
        })
    }

    /// Nothing where the entitlement has no name.
    fn control(&self, it: &AccessControl) -> Option<Now> {
        let mut value = self.things.name(it.entitlement)?.clone();
        let fields = value.as_object_mut()?;
        fields.insert("policy".to_owned(), it.policy.to_string().into());
        let most = it.max_duration.map(Span::as_seconds);
        fields.insert("max_duration_seconds".to_owned(), most.into());
        fields.insert("until_revoked".to_owned(), it.until_revoked.into());
        let emergency = it.emergency.map(|id| id.to_string());
        fields.insert("emergency_policy".to_owned(), emergency.into());
        let shape = Shape::Map(ACCESS_CONTROL);
        self.names.in_names(&shape, &mut value);
        canonical(&shape, &mut value);
        Some(Now {
            id: it.entitlement.to_string(),
            version: it.version,
            value,
        })
    }

    /// The access controls of these entitlements, as far as they have one.
    pub(super) async fn controls(
        &self,
        ids: impl IntoIterator<Item = EntitlementId>,
    ) -> Result<BTreeMap<EntitlementId, Now>, Error> {
        let found = catalog::access_controls(self.cx, ids).await?;
        let named = found.iter();
        Ok(named
            .filter_map(|(id, it)| Some((*id, self.control(it)?)))
            .collect())
    }

    /// Every access control there is.
    pub(super) async fn all_controls(&mut self, policies: &[Policy]) -> Result<Vec<Value>, Error> {
        let mut all = Vec::new();
        for policy in policies {
            let mut paging = Paging::first(PAGE);
            loop {
                let filter = EntryFilter::default();
                let page = catalog::under_policy(self.cx, policy.id, &filter, &paging).await?;
                for entry in page.items {
                    // What has the policy for emergencies only comes with its ordinary one.
                    let Some(control) = entry.access_control else {
                        continue;
                    };
                    if control.policy != policy.id {
                        continue;
                    }
                    match self.control(&control) {
                        Some(now) => all.push(now.value),
                        None => {
                            let (what, id) = (&entry.entitlement.name, entry.entitlement.id);
                            let left = format!("the access control of {what} ({id})");
                            self.left_out.insert(left);
                        }
                    }
                }
                match page.next {
                    Some(next) => paging = Paging::after_cursor(PAGE, Some(next)),
                    None => break,
                }
            }
        }
        Ok(all)
    }
}
