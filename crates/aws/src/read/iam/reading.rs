//! The IAM of one account, read whole by the cheapest calls that are permitted.
//!
//! Three listings give the same ([`Listing`]); one whose action AWS refuses is left for the next
//! cheapest, and whatever else goes wrong, failing credentials above all, ends the reading.
//!
//! Where AWS tells names only, a name counts where a list from before and the answer agree on
//! whose it is: names move, and come back for others.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use stint_domain::Time;
use stint_domain::sync::iam::{Counts, Listing, Weighed};

use super::account::ALIASES;
use super::details::Detail;
use super::report::{GENERATE, GET};
use super::roles::ROLES;
use super::{CredentialReport, GROUP, IamGroup, IamRole, IamUser, OTHER_GROUP, USERS};
use crate::error::{AwsError, ErrorKind};
use crate::estate::Estate;
use crate::governor::Lane;
use crate::pages::Pages;

/// What is known of an account's IAM before it is read.
#[derive(Debug, Clone, Default)]
pub struct IamKnown {
    /// How much it had; none where it was never read.
    pub counts: Option<Counts>,
    /// Whose each name of a group was: ids by names.
    pub groups: HashMap<String, String>,
    /// Actions AWS refused lately: not asked for while there is another way.
    pub denied: BTreeSet<String>,
}

/// A row, and when the call that showed it began at the latest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen<T> {
    /// The row.
    pub what: T,
    /// When the call began.
    pub began: Time,
}

/// That a user is in a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    /// `AGPA…`
    pub group: String,
    /// `AIDA…`
    pub user: String,
    /// When the call that showed it began.
    pub began: Time,
}

/// What an account's IAM holds.
#[derive(Debug, Clone)]
pub struct IamReading {
    /// How it was read.
    pub listing: Listing,
    /// Every user.
    pub users: Vec<Seen<IamUser>>,
    /// When the list of users began: who was there then is in it.
    pub users_began: Time,
    /// Every group.
    pub groups: Vec<Seen<IamGroup>>,
    /// When the list of groups began.
    pub groups_began: Time,
    /// Who is in which group.
    pub joined: Vec<Joined>,
    /// The groups (by id) all of whose members are in `joined`, and when reading them began. Of
    /// others nobody knows who left.
    pub whole: BTreeMap<String, Time>,
    /// The users (by id) whose groups are not known this time, whatever `whole` says.
    pub unread: BTreeSet<String>,
    /// Every role, and when the list began. None where it may not be read.
    pub roles: Option<(Vec<Seen<IamRole>>, Time)>,
    /// What the credential report says. None where it may not be read, or was not made in time.
    pub report: Option<CredentialReport>,
    /// Whether there is none because AWS refuses it, now or lately.
    pub report_refused: bool,
    /// The alias of the account: none of them, or none that may be read.
    pub alias: Option<Option<String>>,
    /// The actions AWS refused this time.
    pub denied: BTreeSet<&'static str>,
    /// The calls that each listing takes where as much is known as now, and whether AWS refuses it, now
    /// or lately.
    pub costs: Vec<(Listing, u64, bool)>,
}

/// Users and groups, as their lists give them.
struct Lists {
    users: Vec<Seen<IamUser>>,
    users_began: Time,
    groups: Vec<Seen<IamGroup>>,
    groups_began: Time,
}

impl Lists {
    fn counts(&self, roles: u64) -> Counts {
        let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        Counts {
            users: count(self.users.len()),
            groups: count(self.groups.len()),
            roles,
        }
    }
}

/// Who is in which group; see [`IamReading`].
#[derive(Default)]
struct Members {
    joined: Vec<Joined>,
    whole: BTreeMap<String, Time>,
    unread: BTreeSet<String>,
}

/// What a listing gives.
struct Body {
    lists: Lists,
    members: Members,
    roles: Vec<Seen<IamRole>>,
}

/// The rows of a list, and when its first page began.
type Rows<T> = (Vec<Seen<T>>, Time);

/// What a first reading is planned with where not even lists may be read.
const USUAL: Counts = Counts {
    users: 200,
    groups: 20,
    roles: 100,
};

struct Reader<'a> {
    estate: &'a Estate,
    lane: Lane,
    /// Refused lately or now.
    avoided: BTreeSet<String>,
    denied: BTreeSet<&'static str>,
    /// What AWS said the first time.
    first: Option<AwsError>,
}

impl Estate {
    /// Reads the IAM of this estate's account. Fails when users, groups or memberships can be
    /// read in no way; what else may not be read is not known then.
    pub async fn iam_reading(&self, known: &IamKnown, lane: Lane) -> Result<IamReading, AwsError> {
        let mut reader = Reader {
            estate: self,
            lane,
            avoided: known.denied.clone(),
            denied: BTreeSet::new(),
            first: None,
        };
        reader.whole(known).await
    }
}

impl Reader<'_> {
    async fn whole(&mut self, known: &IamKnown) -> Result<IamReading, AwsError> {
        // AWS makes it while the rest is read.
        let (mut report, begun) = self.begin_report().await?;
        let (listing, mut body) = self.body(known, report.is_some() || begun).await?;
        let listed = self.estate.iam_roles(None, self.lane);
        let listed = self.may(ROLES, listed).await?;
        if begun {
            let made = self.estate.end_report(self.lane).await;
            report = self.unless_denied(made)?.flatten();
        }
        if report.is_none() && listing == Listing::Details {
            self.signed_in(&mut body).await?;
        }
        let alias = if self.avoided.contains(ALIASES) {
            None
        } else {
            let told = self.estate.account_alias(self.lane).await;
            self.unless_denied(told)?
        };
        let roles = merged(listed, body.roles);
        let count = roles.as_ref().map_or(0, |(roles, _)| roles.len());
        let weighed = Weighed {
            counts: body.lists.counts(u64::try_from(count).unwrap_or(u64::MAX)),
            listed: false,
            report: report.is_some(),
        };
        let report_refused =
            report.is_none() && [GET, GENERATE].iter().any(|it| self.avoided.contains(*it));
        let refused = |it: Listing| it.actions().iter().any(|a| self.avoided.contains(*a));
        let costs = Listing::ALL.into_iter();
        let costs = costs
            .map(|it| (it, weighed.calls(it), refused(it)))
            .collect();
        Ok(IamReading {
            listing,
            users: body.lists.users,
            users_began: body.lists.users_began,
            groups: body.lists.groups,
            groups_began: body.lists.groups_began,
            joined: body.members.joined,
            whole: body.members.whole,
            unread: body.members.unread,
            roles,
            report,
            report_refused,
            alias,
            denied: std::mem::take(&mut self.denied),
            costs,
        })
    }

    /// The report that is there, and whether one is being made.
    async fn begin_report(&mut self) -> Result<(Option<CredentialReport>, bool), AwsError> {
        if self.avoided.contains(GET) {
            return Ok((None, false));
        }
        let may = !self.avoided.contains(GENERATE);
        let begun = self.estate.begin_report(may, self.lane).await;
        Ok(self.unless_denied(begun)?.unwrap_or((None, false)))
    }

    /// Users, groups and memberships, by the cheapest listing that is permitted.
    async fn body(&mut self, known: &IamKnown, report: bool) -> Result<(Listing, Body), AwsError> {
        let mut lists: Option<Lists> = None;
        let mut forgave = false;
        loop {
            let permitted = |it: Listing| !it.actions().iter().any(|a| self.avoided.contains(*a));
            // Where nothing is known, the lists say what the rest would cost.
            let look = known.counts.is_none() && lists.is_none();
            if look && (permitted(Listing::ByGroup) || permitted(Listing::ByUser)) {
                let read = self.lists().await;
                lists = self.unless_denied(read)?;
                continue;
            }
            let weighed = Weighed {
                counts: lists
                    .as_ref()
                    .map_or(known.counts.unwrap_or(USUAL), |read| {
                        read.counts(known.counts.unwrap_or(USUAL).roles)
                    }),
                listed: lists.is_some(),
                report,
            };
            match (weighed.choose(permitted).map(|it| it.0), lists.as_mut()) {
                (Some(Listing::Details), read) => {
                    let body = self.details(read.as_deref(), &known.groups).await;
                    if let Some(body) = self.unless_denied(body)? {
                        return Ok((Listing::Details, body));
                    }
                }
                (Some(listing), Some(read)) => {
                    let members = match listing {
                        Listing::ByUser => self.by_user(read).await,
                        _ => self.by_group(read).await,
                    };
                    if let Some(members) = self.unless_denied(members)?
                        && let Some(lists) = lists.take()
                    {
                        let body = Body {
                            lists,
                            members,
                            roles: Vec::new(),
                        };
                        return Ok((listing, body));
                    }
                }
                (Some(_), None) => {
                    let read = self.lists().await;
                    lists = self.unless_denied(read)?;
                }
                // What was refused lately may be permitted by now.
                (None, _) if self.first.is_none() && !forgave => {
                    forgave = true;
                    for action in Listing::ALL.iter().flat_map(|it| it.actions()) {
                        self.avoided.remove(*action);
                    }
                }
                (None, _) => {
                    let none = || AwsError::unreadable(USERS, "any users or groups");
                    return Err(self.first.clone().unwrap_or_else(none));
                }
            }
        }
    }

    async fn lists(&self) -> Result<Lists, AwsError> {
        let (users, users_began) = seen(self.estate.iam_users(None, self.lane)).await?;
        let (groups, groups_began) = seen(self.estate.iam_groups(None, self.lane)).await?;
        Ok(Lists {
            users,
            users_began,
            groups,
            groups_began,
        })
    }

    async fn by_group(&self, lists: &mut Lists) -> Result<Members, AwsError> {
        let mut known: BTreeSet<String> = lists.users.iter().map(|it| it.what.id.clone()).collect();
        let mut found = Members::default();
        for group in &lists.groups {
            let Some((members, began)) = self.members(&group.what).await? else {
                continue;
            };
            found.whole.insert(group.what.id.clone(), began);
            for member in members {
                found.joined.push(Joined {
                    group: group.what.id.clone(),
                    user: member.what.id.clone(),
                    began: member.began,
                });
                // Made since the list of users was read.
                if known.insert(member.what.id.clone()) {
                    lists.users.push(member);
                }
            }
        }
        Ok(found)
    }

    /// The members of a group. None where the group went, or its name is another's by now: it
    /// is read next time.
    async fn members(&self, group: &IamGroup) -> Result<Option<Rows<IamUser>>, AwsError> {
        match seen(self.estate.iam_members(group, None, self.lane)).await {
            Ok(read) => Ok(Some(read)),
            Err(error) if error.kind == ErrorKind::NotFound || error.code == OTHER_GROUP => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    async fn by_user(&self, lists: &mut Lists) -> Result<Members, AwsError> {
        let began = self.estate.now();
        let mut found = Members::default();
        for user in &lists.users {
            let groups = seen(self.estate.iam_groups_of(&user.what, None, self.lane)).await;
            match groups {
                Ok((groups, _)) => found.joined.extend(groups.into_iter().map(|group| Joined {
                    group: group.what.id,
                    user: user.what.id.clone(),
                    began: group.began,
                })),
                Err(error) if error.kind == ErrorKind::NotFound => {
                    found.unread.insert(user.what.id.clone());
                }
                Err(error) => return Err(error),
            }
        }
        // The answers said nothing of whose the names were.
        let (again, _) = seen(self.estate.iam_users(None, self.lane)).await?;
        let after: HashMap<&str, &str> = again
            .iter()
            .map(|it| (it.what.id.as_str(), it.what.name.as_str()))
            .collect();
        let moved = lists.users.iter().map(|it| &it.what);
        let moved = moved.filter(|it| after.get(it.id.as_str()) != Some(&it.name.as_str()));
        found.unread.extend(moved.map(|it| it.id.clone()));
        // Who is renamed while the list is read may be on none of its pages.
        let listed: BTreeSet<String> = lists.users.iter().map(|it| it.what.id.clone()).collect();
        for missed in again {
            if !listed.contains(&missed.what.id) {
                found.unread.insert(missed.what.id.clone());
                lists.users.push(missed);
            }
        }
        let Members { joined, unread, .. } = &mut found;
        joined.retain(|it| !unread.contains(&it.user));
        let groups = lists.groups.iter();
        found.whole = groups.map(|it| (it.what.id.clone(), began)).collect();
        Ok(found)
    }

    async fn details(
        &mut self,
        lists: Option<&Lists>,
        before: &HashMap<String, String>,
    ) -> Result<Body, AwsError> {
        let names: HashMap<&str, &str> = match lists {
            Some(read) => (read.groups.iter())
                .map(|it| (it.what.name.as_str(), it.what.id.as_str()))
                .collect(),
            None => (before.iter())
                .map(|(name, id)| (name.as_str(), id.as_str()))
                .collect(),
        };
        let (rows, began) = seen(self.estate.iam_details(true, self.lane)).await?;
        let (mut users, mut groups, mut roles) = (Vec::new(), Vec::new(), Vec::new());
        let mut named: Vec<(String, String, Time)> = Vec::new();
        for Seen { what, began } in rows {
            match what {
                Detail::User(user, of) => {
                    let of = of.into_iter().map(|name| (user.id.clone(), name, began));
                    named.extend(of);
                    users.push(Seen { what: user, began });
                }
                Detail::Group(what) => groups.push(Seen { what, began }),
                Detail::Role(what) => roles.push(Seen { what, began }),
            }
        }
        // Whose a name was before, and is now: where that is not the same, it may have moved
        // between the page of a user and that of its groups.
        let (steady, moved): (Vec<_>, Vec<_>) = groups
            .iter()
            .map(|it| &it.what)
            .partition(|it| names.get(it.name.as_str()) == Some(&it.id.as_str()));
        let mut whole: BTreeMap<String, Time> =
            steady.iter().map(|it| (it.id.clone(), began)).collect();
        let ids: HashMap<&str, &str> = steady
            .iter()
            .map(|it| (it.name.as_str(), it.id.as_str()))
            .collect();
        let joined = named.into_iter().filter_map(|(user, name, began)| {
            let group = ids.get(name.as_str())?.to_string();
            Some(Joined { group, user, began })
        });
        let mut joined: Vec<Joined> = joined.collect();
        for group in moved {
            if self.avoided.contains(GROUP) {
                break;
            }
            let members = self.members(group).await;
            let Some(Some((members, began))) = self.unless_denied(members)? else {
                continue;
            };
            whole.insert(group.id.clone(), began);
            joined.extend(members.into_iter().map(|member| Joined {
                group: group.id.clone(),
                user: member.what.id,
                began: member.began,
            }));
        }
        if let Some(lists) = lists {
            let signed_in = lists.users.iter().map(|it| &it.what);
            fill(&mut users, signed_in);
        }
        Ok(Body {
            lists: Lists {
                users,
                users_began: began,
                groups,
                groups_began: began,
            },
            members: Members {
                joined,
                whole,
                unread: BTreeSet::new(),
            },
            roles,
        })
    }

    /// When everybody last signed in, which the details do not tell.
    async fn signed_in(&mut self, body: &mut Body) -> Result<(), AwsError> {
        let known = body.lists.users.iter();
        if known.clone().any(|it| it.what.signed_in_at.is_some()) {
            return Ok(());
        }
        let listed = self.estate.iam_users(None, self.lane);
        if let Some((users, _)) = self.may(USERS, listed).await? {
            fill(&mut body.lists.users, users.iter().map(|it| &it.what));
        }
        Ok(())
    }

    /// A whole list. None where AWS refuses it, or did lately.
    async fn may<T: Send + 'static>(
        &mut self,
        action: &str,
        pages: Pages<T>,
    ) -> Result<Option<Rows<T>>, AwsError> {
        if self.avoided.contains(action) {
            return Ok(None);
        }
        let read = seen(pages).await;
        self.unless_denied(read)
    }

    /// What AWS answered; none where it refused this very action. Nothing else is a reason to go
    /// another way, least of all credentials that fail.
    fn unless_denied<T>(&mut self, answer: Result<T, AwsError>) -> Result<Option<T>, AwsError> {
        match answer {
            Ok(told) => Ok(Some(told)),
            Err(error) if error.kind == ErrorKind::Denied => {
                self.avoided.insert(error.operation.to_owned());
                self.denied.insert(error.operation);
                self.first.get_or_insert(error);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

/// Every row of a list, and when its first page began.
async fn seen<T: Send + 'static>(mut pages: Pages<T>) -> Result<Rows<T>, AwsError> {
    let (mut rows, mut first) = (Vec::new(), None);
    while let Some(page) = pages.next().await? {
        let began = page.began;
        first = first.or(Some(began));
        rows.extend(page.items.into_iter().map(|what| Seen { what, began }));
    }
    let first = first.ok_or_else(|| AwsError::unreadable(USERS, "a first page"))?;
    Ok((rows, first))
}

fn fill<'a>(users: &mut [Seen<IamUser>], from: impl Iterator<Item = &'a IamUser>) {
    let told: HashMap<&str, Time> = from
        .filter_map(|it| Some((it.id.as_str(), it.signed_in_at?)))
        .collect();
    for user in users {
        user.what.signed_in_at = told.get(user.what.id.as_str()).copied();
    }
}

/// The list of roles, with boundary and last use where the details told them; the details alone
/// where the list may not be read. None where neither was.
fn merged(listed: Option<Rows<IamRole>>, details: Vec<Seen<IamRole>>) -> Option<Rows<IamRole>> {
    let Some((mut roles, began)) = listed else {
        let began = details.iter().map(|it| it.began).min()?;
        return Some((details, began));
    };
    let mut more: HashMap<String, IamRole> = details
        .into_iter()
        .map(|it| (it.what.id.clone(), it.what))
        .collect();
    for role in &mut roles {
        if let Some(told) = more.remove(&role.what.id) {
            role.what.boundary = told.boundary;
            role.what.used_at = told.used_at;
            role.what.used_in = told.used_in;
            role.what.whole = true;
        }
    }
    Some((roles, began))
}
