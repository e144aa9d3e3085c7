//! What a permission set allows: the policies in it, as a sync read them.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use stint_aws::SetPolicies;
use stint_db::Query;
use stint_domain::rights::{Relation, Verb};
use stint_domain::{ConnectionId, Time};

use super::store::estate;
use super::{Entitlement, Error};
use crate::cx::Cx;
use crate::http::{Page, Paging};
use crate::web::Fact;
use stint_domain::entitlement::EntitlementKey;

/// A permission set, as last seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PermissionSet {
    /// Its ARN.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// What somebody wrote about it.
    pub description: Option<String>,
    /// How long its sessions live, as ISO 8601 says it (`PT4H`).
    pub session_duration: Option<String>,
    /// What it allows, and when that was read; absent before, and where AWS does not tell.
    pub policies: Option<(Policies, Time)>,
    /// Since when AWS no longer has it.
    pub gone_at: Option<Time>,
}

/// The policies of a permission set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Policies {
    /// ARNs of AWS's own policies.
    pub managed: Vec<String>,
    /// Policies that each account has to have itself, by path and name (`/team/readers`).
    pub customer: Vec<String>,
    /// The inline policy, as text.
    pub inline: Option<String>,
    /// The permissions boundary: an ARN of AWS's own, or path and name.
    pub boundary: Option<String>,
}

impl From<SetPolicies> for Policies {
    fn from(read: SetPolicies) -> Self {
        let customer = read.customer.into_iter();
        Self {
            managed: read.managed,
            customer: customer.map(|(path, name)| path + &name).collect(),
            inline: read.inline,
            boundary: read.boundary,
        }
    }
}

impl Policies {
    pub(super) fn write(&self) -> Value {
        // Texts are always JSON.
        serde_json::to_value(self).unwrap_or_default()
    }

    pub(super) fn read(stored: Value) -> Self {
        serde_json::from_value(stored).unwrap_or_default()
    }

    /// In words, for who decides.
    fn words(&self) -> Vec<String> {
        let name = |arn: &String| arn.rsplit('/').next().unwrap_or(arn).to_owned();
        let mut words: Vec<String> = self.managed.iter().map(name).collect();
        let theirs = self.customer.iter();
        words.extend(theirs.map(|path| format!("{path}, which the account has itself")));
        if let Some(inline) = &self.inline {
            words.push(match stint_iam_policy::Policy::parse(inline) {
                Ok(policy) if policy.statements.len() == 1 => {
                    "an inline policy of one statement".to_owned()
                }
                Ok(policy) => format!("an inline policy of {} statements", policy.statements.len()),
                Err(_) => "an inline policy".to_owned(),
            });
        }
        words
    }
}

/// The permission sets of an estate, by name; also those AWS no longer has.
pub async fn permission_sets(
    cx: &Cx,
    connection: ConnectionId,
    search: &str,
    paging: &Paging,
) -> Result<Page<PermissionSet>, Error> {
    cx.authorize(Verb::ListEntitlements, Relation::None)?;
    let after = paging.after::<(String, String)>()?;
    let mut q = cx.read().await?;
    let found = estate::list_sets(&mut q, connection, search, after, paging.fetch()).await?;
    Ok(paging.page(found, |set| (set.name.clone(), set.arn.clone())))
}

/// What an entitlement's permission set allows and how long its sessions last, as facts for people.
/// None for another entitlement, and where nothing is known.
pub(crate) async fn set_facts(
    q: &mut impl Query,
    entitlement: &Entitlement,
) -> stint_db::Result<Vec<Fact>> {
    let EntitlementKey::AccountAssignment { permission_set, .. } = &entitlement.key else {
        return Ok(Vec::new());
    };
    let set = estate::set(q, entitlement.connection, permission_set).await?;
    let Some(set) = set else {
        return Ok(Vec::new());
    };
    let mut facts = Vec::new();
    if let Some((policies, _)) = &set.policies {
        let words = policies.words();
        let allows = match words.is_empty() {
            true => "nothing: it has no policies".to_owned(),
            false => words.join("; "),
        };
        let boundary = policies.boundary.as_ref();
        let boundary = boundary.map(|it| format!("within the boundary {it}"));
        facts.push(Fact::new("Allows", allows).faint(boundary.unwrap_or_default()));
    }
    if let Some(length) = &set.session_duration {
        facts.push(Fact::new("Sessions last", length_words(length)));
    }
    Ok(facts)
}

/// `PT4H30M` as `4 h 30 min`; what is not understood stays as it is.
fn length_words(iso: &str) -> String {
    let Some(time) = iso.strip_prefix("PT") else {
        return iso.to_owned();
    };
    let units = [('H', "h"), ('M', "min"), ('S', "s")];
    let (mut words, mut digits) = (Vec::new(), String::new());
    for letter in time.chars() {
        let unit = units.iter().find(|(it, _)| *it == letter);
        match unit {
            Some((_, unit)) if !digits.is_empty() => {
                words.push(format!("{} {unit}", std::mem::take(&mut digits)));
            }
            None if letter.is_ascii_digit() => digits.push(letter),
            _ => return iso.to_owned(),
        }
    }
    match (words.is_empty(), digits.is_empty()) {
        (false, true) => words.join(" "),
        _ => iso.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_said_in_words_or_as_they_are() {
        for (iso, words) in [
            ("PT4H", "4 h"),
            ("PT1H30M", "1 h 30 min"),
            ("PT900S", "900 s"),
            ("P1D", "P1D"),
            ("PT", "PT"),
            ("PTH", "PTH"),
            ("PT4", "PT4"),
        ] {
            assert_eq!(length_words(iso), words);
        }
    }

    #[test]
    fn policies_are_read_as_written_and_said_in_words() {
        let policies = Policies {
            managed: vec!["arn:aws:iam::aws:policy/job-function/ViewOnlyAccess".to_owned()],
            customer: vec!["/team/readers".to_owned()],
            inline: Some(
                r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#
                    .to_owned(),
            ),
            boundary: None,
        };
        assert_eq!(Policies::read(policies.write()), policies);
        let words = [
            "ViewOnlyAccess",
            "/team/readers, which the account has itself",
            "an inline policy of one statement",
        ];
        assert_eq!(policies.words(), words);
    }
}
