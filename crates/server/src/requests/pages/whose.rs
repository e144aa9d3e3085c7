//! For whom something is asked: oneself, or, by whoever may ask for one, an Identity Center
//! group.

use stint_domain::entitlement::PrincipalKind;
use stint_domain::{EntitlementId, PrincipalId};

use super::super::{Error, Preview, groups};
use super::show::{counted, member_names};
use super::view;
use crate::cx::Cx;
use crate::directory::{self, Principal};
use crate::http::{Fault as _, Paging};
use crate::web::fields::{Choose, Item};
use crate::web::{Fact, Mistakes, Picked, Sent};

/// How many groups are offered at once.
const FOUND: i64 = 8;

/// What was chosen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Whose {
    /// Whether it is for a group; nothing where nothing was said yet.
    pub(super) for_group: Option<bool>,
    picked: Picked,
}

impl Whose {
    pub(super) fn sent(sent: &Sent) -> Self {
        let for_group = match sent.text("for") {
            "group" => Some(true),
            "me" => Some(false),
            _ => None,
        };
        Self {
            for_group,
            picked: sent.picked("group", true),
        }
    }

    /// As it was before: this group, or oneself.
    pub(super) fn again(group: Option<PrincipalId>) -> Self {
        Self {
            for_group: Some(group.is_some()),
            picked: Picked::of(group),
        }
    }

    fn is_for_a_group(&self) -> bool {
        self.for_group == Some(true)
    }

    /// The group that is to hold it; nothing where it is for oneself, or none is chosen yet.
    pub(super) fn group(&self) -> Option<PrincipalId> {
        let chosen = self.picked.read().into_iter().next();
        chosen.filter(|_| self.is_for_a_group())
    }

    /// The same for a form that is to be saved: a group has to be chosen.
    pub(super) fn read(&self, mistakes: &mut Mistakes) -> Option<PrincipalId> {
        let group = self.group();
        if self.is_for_a_group() && group.is_none() {
            mistakes.add("group", "Search for the group and choose it.");
        }
        group
    }

    /// The control, for who may ask for a group.
    pub(super) async fn control(
        &self,
        cx: &Cx,
        entitlement: EntitlementId,
        found: &Preview,
        mistakes: &Mistakes,
    ) -> Result<Option<view::Whose>, Error> {
        if !found.for_groups {
            return Ok(None);
        }
        let mut chosen = Vec::new();
        for id in self.picked.read::<PrincipalId>() {
            let it = directory::principal(&mut cx.read().await?, id).await?;
            let group = PrincipalKind::IdentityCenterGroup;
            let here = found.offer.entitlement.connection;
            let it = it.filter(|it| it.kind == group && it.connection == here);
            chosen.extend(it.map(item));
        }
        // The one that is chosen is left out of what was found.
        let most = Paging::first(FOUND + 2);
        let mut there = groups(cx, entitlement, &self.picked.q, &most).await?.items;
        there.retain(|it| !self.picked.ids.contains(&it.id.to_string()));
        let shown = usize::try_from(FOUND).unwrap_or(usize::MAX);
        let more = there.len() > shown;
        there.truncate(shown);
        let offered = chosen.is_empty() || self.picked.search;
        let there = offered.then(|| there.into_iter().map(item).collect());
        let group = Choose::new("group", "Which group?", "groups", format!("/request/{entitlement}"))
            .hint("Everybody in it gets the access, and you answer for it. Nobody who is in it decides about it.")
            .nothing("None chosen yet.")
            .one()
            .required()
            .with(&self.picked, chosen, there, more)
            .wrong(mistakes);
        Ok(Some(view::Whose {
            for_group: self.is_for_a_group(),
            group,
        }))
    }
}

fn item(it: Principal) -> Item {
    Item {
        id: it.id.to_string(),
        faint: it.display_name.unwrap_or_default(),
        title: it.name,
    }
}

/// Who would hold it, where that is a group.
pub(super) fn facts(found: &Preview) -> Vec<Fact> {
    let Some((group, members)) = &found.group else {
        return Vec::new();
    };
    vec![
        Fact::new("For", directory::called(group)).faint("you are answerable"),
        Fact::new("Who would hold it", counted(members.len())).faint(member_names(members)),
    ]
}

/// What is wrong with the group itself, in the words of a page; the rest is given back.
pub(super) fn mistake(error: Error) -> Result<Mistakes, Error> {
    let text = match &error {
        Error::UnknownGroup { .. } => {
            "There is no such group on this connection: choose another one.".to_owned()
        }
        Error::NotAGroup { name, kind } => {
            format!("“{name}” is an {kind}: choose an Identity Center group.")
        }
        Error::GroupGone { .. } | Error::NotForGroups => error.detail(),
        _ => return Err(error),
    };
    Ok(Mistakes::at("group", text))
}
