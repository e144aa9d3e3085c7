//! Rules in words, and what one version changes about another.

use std::collections::{BTreeMap, BTreeSet};

use stint_db::Query;
use stint_domain::policy::{PolicyBody, Route, Step};
use stint_domain::{GroupId, UserId};

use crate::identity;
use crate::web::time::words;

/// Whom versions name, by their ids.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Names {
    users: BTreeMap<UserId, String>,
    groups: BTreeMap<GroupId, String>,
}

impl Names {
    /// Everybody and every group these versions name.
    pub(crate) async fn of(
        q: &mut impl Query,
        bodies: impl IntoIterator<Item = &PolicyBody>,
    ) -> stint_db::Result<Self> {
        let (mut users, mut groups) = (BTreeSet::new(), BTreeSet::new());
        for body in bodies {
            let (more_users, more_groups) = body.sources();
            users.extend(more_users);
            groups.extend(more_groups);
        }
        let mut names = Self::default();
        let ids: Vec<UserId> = users.into_iter().collect();
        for user in identity::users(q, &ids).await? {
            names.users.insert(user.id, user.name);
        }
        for (id, group) in identity::groups_by_id(q, groups).await? {
            names.groups.insert(id, group.name);
        }
        Ok(names)
    }

    /// The text with names in place of the ids it has.
    pub(crate) fn put_into(&self, text: &str) -> String {
        let users = self.users.iter().map(|(id, name)| (id.to_string(), name));
        let groups = self.groups.iter().map(|(id, name)| (id.to_string(), name));
        users
            .chain(groups)
            .fold(text.to_owned(), |text, (id, name)| text.replace(&id, name))
    }

    fn user(&self, id: UserId) -> String {
        self.users
            .get(&id)
            .cloned()
            .unwrap_or_else(|| id.to_string())
    }

    fn group(&self, id: GroupId) -> String {
        let name = self.groups.get(&id).cloned();
        name.unwrap_or_else(|| id.to_string())
    }
}

/// One rule: what it is about, and what it says.
pub(crate) type Rule = (String, String);

/// The rules of a version, in the order of the form.
pub(crate) fn rules(body: &PolicyBody, names: &Names) -> Vec<Rule> {
    let mut rules = Vec::new();
    match &body.route {
        Route::AutoApprove => rules.push((
            "Approval".to_owned(),
            "by nobody: it is approved at once".to_owned(),
        )),
        Route::Steps(steps) => {
            for (step, number) in steps.iter().zip(1..) {
                rules.push((format!("Step {number}"), step_words(step, names)));
            }
        }
    }
    rules.push(("Longest access".to_owned(), words(body.max_duration)));
    let reason = match (body.reason.required, body.reason.min_length) {
        (false, _) => "not needed".to_owned(),
        (true, 0 | 1) => "needed".to_owned(),
        (true, n) => format!("needed, of at least {n} characters"),
    };
    rules.push(("Reason".to_owned(), reason));
    let own = if body.allow_self_approval {
        "may be decided by who asks, where they are an approver"
    } else {
        "are never decided by who asks"
    };
    rules.push(("Own requests".to_owned(), own.to_owned()));
    rules
}

fn step_words(step: &Step, names: &Names) -> String {
    let mut who: Vec<String> = (step.groups.iter())
        .map(|id| format!("the members of {}", names.group(*id)))
        .collect();
    who.sort();
    let mut people: Vec<String> = step.users.iter().map(|id| names.user(*id)).collect();
    people.sort();
    who.extend(people);
    let who = if who.is_empty() {
        "nobody".to_owned()
    } else {
        who.join(", ")
    };
    format!("“{}”: {} of {who}", step.name, step.needed)
}

/// The way a request goes, in a few words.
pub(crate) fn way(body: &PolicyBody) -> String {
    let steps: Vec<String> = (body.steps().iter())
        .map(|step| format!("{} of {}", step.needed, step.name))
        .collect();
    if steps.is_empty() {
        "approved at once".to_owned()
    } else {
        steps.join(", then ")
    }
}

/// What one version changes about another: what about, before, after; empty where there was
/// or will be no such rule.
pub(crate) fn changes(before: &[Rule], after: &[Rule]) -> Vec<(String, String, String)> {
    let of = |rules: &[Rule], label: &str| {
        let found = rules.iter().find(|(at, _)| at == label);
        found.map(|(_, says)| says.clone()).unwrap_or_default()
    };
    let mut labels: Vec<&String> = after.iter().map(|(label, _)| label).collect();
    // What is gone stands where it stood.
    for (at, (label, _)) in before.iter().enumerate() {
        if !labels.contains(&label) {
            labels.insert(at.min(labels.len()), label);
        }
    }
    labels
        .into_iter()
        .map(|label| (label.clone(), of(before, label), of(after, label)))
        .filter(|(_, before, after)| before != after)
        .collect()
}

#[cfg(test)]
mod tests {
    use stint_domain::Span;
    use stint_domain::policy::ReasonRule;

    use super::*;

    fn body(route: Route) -> PolicyBody {
        PolicyBody {
            route,
            max_duration: Span::hours(4),
            reason: ReasonRule {
                required: true,
                min_length: 10,
            },
            allow_self_approval: false,
        }
    }

    #[test]
    fn a_version_is_told_in_words_and_compared() {
        let bo = UserId(uuid::Uuid::from_u128(1));
        let group = GroupId(uuid::Uuid::from_u128(2));
        let mut names = Names::default();
        names.users.insert(bo, "Bo Lindqvist".to_owned());
        names.groups.insert(group, "Platform".to_owned());
        let step = Step {
            name: "On call".to_owned(),
            users: BTreeSet::from([bo]),
            groups: BTreeSet::from([group]),
            needed: 1,
        };
        let before = rules(&body(Route::AutoApprove), &names);
        let mut wider = body(Route::Steps(vec![step]));
        wider.max_duration = Span::hours(8);
        let after = rules(&wider, &names);
        let line = |(label, before, after): (&str, &str, &str)| {
            (label.to_owned(), before.to_owned(), after.to_owned())
        };
        assert_eq!(
            changes(&before, &after),
            [
                ("Approval", "by nobody: it is approved at once", ""),
                (
                    "Step 1",
                    "",
                    "“On call”: 1 of the members of Platform, Bo Lindqvist"
                ),
                ("Longest access", "4 h", "8 h"),
            ]
            .map(line)
        );
        assert!(changes(&after, &after).is_empty());
        assert_eq!(way(&wider), "1 of On call");
        let said = names.put_into(&format!("step 1 names {bo}, who is away"));
        assert_eq!(said, "step 1 names Bo Lindqvist, who is away");
    }
}
