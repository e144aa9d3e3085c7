//! What there is, for whoever looks: lists of every kind of thing, narrowed and a page at a time,
//! and one thing with what hangs on it. Secrets are not told.

use serde::Serialize;

use crate::clock::iso;
use crate::estate::{SetBoundary, User};
use crate::iam::Entity;
use crate::relations::Principal;
use crate::world::World;

/// Rows of one table of a thing; there may be more, which a list of their own tells.
const SHOWN: usize = 200;

/// The kinds of things there are, as addresses and as people say it.
pub(crate) const KINDS: &[(&str, &str)] = &[
    ("accounts", "Accounts"),
    ("units", "Organizational units"),
    ("scps", "Service control policies"),
    ("permission-sets", "Permission sets"),
    ("users", "Identity Center users"),
    ("groups", "Identity Center groups"),
    ("iam-users", "IAM users"),
    ("iam-groups", "IAM groups"),
    ("iam-roles", "IAM roles"),
    ("iam-policies", "IAM policies"),
    ("queues", "Queues"),
];

/// A text, and which thing it leads to.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Cell {
    pub(crate) text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct Table {
    pub(crate) title: String,
    pub(crate) columns: &'static [&'static str],
    pub(crate) rows: Vec<Vec<Cell>>,
    /// Whether there are rows beyond these.
    pub(crate) more: bool,
}

/// One thing.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Thing {
    pub(crate) kind: &'static str,
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) facts: Vec<(&'static str, String)>,
    /// Policies, by what they are.
    pub(crate) documents: Vec<(String, String)>,
    pub(crate) tables: Vec<Table>,
}

/// Which rows of a list are asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asked {
    /// A text in one of the cells, in any case.
    pub(crate) text: String,
    pub(crate) from: usize,
    pub(crate) limit: usize,
}

fn plain(text: impl Into<String>) -> Cell {
    Cell {
        text: text.into(),
        kind: None,
        id: None,
    }
}

fn to(kind: &'static str, id: &str, text: &str) -> Cell {
    Cell {
        text: text.to_owned(),
        kind: Some(kind),
        id: Some(id.to_owned()),
    }
}

type Rows<'a> = Box<dyn Iterator<Item = Vec<Cell>> + 'a>;

impl World {
    /// How many there are of each kind.
    pub(crate) fn shelves(&self) -> Vec<(&'static str, &'static str, usize)> {
        KINDS
            .iter()
            .map(|(kind, title)| (*kind, *title, self.count(kind)))
            .collect()
    }

    fn count(&self, kind: &str) -> usize {
        let there = |removed: bool| !removed;
        let iam = &self.estate.iam;
        match kind {
            "accounts" => self.estate.accounts.len(),
            "units" => self
                .tree
                .units
                .iter()
                .filter(|it| there(it.removed))
                .count(),
            "scps" => self.tree.scps.iter().filter(|it| there(it.removed)).count(),
            "permission-sets" => self
                .estate
                .sets
                .iter()
                .filter(|it| there(it.removed))
                .count(),
            "users" => self
                .estate
                .users
                .iter()
                .filter(|it| there(it.removed))
                .count(),
            "groups" => self
                .estate
                .groups
                .iter()
                .filter(|it| there(it.removed))
                .count(),
            "iam-users" => iam
                .users
                .iter()
                .filter(|it| there(it.entity.removed))
                .count(),
            "iam-groups" => iam
                .groups
                .iter()
                .filter(|it| there(it.entity.removed))
                .count(),
            "iam-roles" => iam
                .roles
                .iter()
                .filter(|it| there(it.entity.removed))
                .count(),
            "iam-policies" => self
                .access
                .managed
                .list
                .iter()
                .filter(|it| there(it.removed))
                .count(),
            "queues" => self.queues.all.len(),
            _ => 0,
        }
    }

    /// A list of one kind; nothing of a kind there is not.
    pub(crate) fn shelf(&self, kind: &str, asked: &Asked) -> Option<Table> {
        let (_, title) = KINDS.iter().find(|(known, _)| *known == kind)?;
        let (columns, rows) = self.rows(kind)?;
        let wanted = asked.text.trim().to_lowercase();
        let fits = |row: &Vec<Cell>| {
            let mut cells = row.iter();
            wanted.is_empty() || cells.any(|cell| cell.text.to_lowercase().contains(&wanted))
        };
        let rows = rows.filter(fits).skip(asked.from);
        let mut rows: Vec<_> = rows.take(asked.limit.saturating_add(1)).collect();
        let more = rows.len() > asked.limit;
        rows.truncate(asked.limit);
        Some(Table {
            title: (*title).to_owned(),
            columns,
            rows,
            more,
        })
    }

    fn rows(&self, kind: &str) -> Option<(&'static [&'static str], Rows<'_>)> {
        let estate = &self.estate;
        let iam = &estate.iam;
        Some(match kind {
            "accounts" => (
                &["Name", "Account", "State", "Unit"],
                Box::new((0..).zip(&estate.accounts).map(|(place, account)| {
                    let unit = self.tree.parents.get(place).copied().flatten();
                    let unit = unit.and_then(|unit| self.tree.unit(unit));
                    vec![
                        to("accounts", &account.id, &account.name),
                        plain(&account.id),
                        plain(account.state.name()),
                        unit.map_or_else(|| plain("Root"), |it| to("units", &it.id, &it.name)),
                    ]
                })),
            ),
            "units" => (
                &["Name", "Id", "In"],
                Box::new(self.tree.units.iter().filter(|it| !it.removed).map(|unit| {
                    let parent = unit.parent.and_then(|place| self.tree.unit(place));
                    vec![
                        to("units", &unit.id, &unit.name),
                        plain(&unit.id),
                        parent.map_or_else(|| plain("Root"), |it| to("units", &it.id, &it.name)),
                    ]
                })),
            ),
            "scps" => (
                &["Name", "Id", "Description"],
                Box::new(self.tree.scps.iter().filter(|it| !it.removed).map(|scp| {
                    vec![
                        to("scps", &scp.id, &scp.name),
                        plain(&scp.id),
                        plain(&scp.description),
                    ]
                })),
            ),
            "permission-sets" => (
                &["Name", "Session", "ARN"],
                Box::new(estate.sets.iter().filter(|it| !it.removed).map(|set| {
                    vec![
                        to("permission-sets", &set.arn, &set.name),
                        plain(&set.session_duration),
                        plain(&set.arn),
                    ]
                })),
            ),
            "users" => (
                &["User name", "Name", "Status", "Made by", "Id"],
                Box::new(estate.users.iter().filter(|it| !it.removed).map(|user| {
                    vec![
                        to("users", &user.id, &user.user_name),
                        plain(called(user)),
                        plain(if user.enabled { "ENABLED" } else { "DISABLED" }),
                        plain(provider(&user.external_ids)),
                        plain(&user.id),
                    ]
                })),
            ),
            "groups" => (
                &["Name", "Made by", "Id"],
                Box::new(estate.groups.iter().filter(|it| !it.removed).map(|group| {
                    vec![
                        to("groups", &group.id, &group.name),
                        plain(provider(&group.external_ids)),
                        plain(&group.id),
                    ]
                })),
            ),
            "iam-users" => (
                &["Name", "Account", "Path", "Id"],
                Box::new(entities("iam-users", iam.users.iter().map(|it| &it.entity))),
            ),
            "iam-groups" => (
                &["Name", "Account", "Path", "Id"],
                Box::new(entities(
                    "iam-groups",
                    iam.groups.iter().map(|it| &it.entity),
                )),
            ),
            "iam-roles" => (
                &["Name", "Account", "Path", "Id"],
                Box::new(entities("iam-roles", iam.roles.iter().map(|it| &it.entity))),
            ),
            "iam-policies" => (
                &["Name", "Account", "ARN"],
                Box::new(
                    (self.access.managed.list.iter())
                        .filter(|it| !it.removed)
                        .map(|policy| {
                            let account = policy.account.as_deref().unwrap_or("AWS");
                            vec![
                                to("iam-policies", &policy.arn, &policy.name),
                                plain(account),
                                plain(&policy.arn),
                            ]
                        }),
                ),
            ),
            "queues" => (
                &["Name", "Account", "Messages", "ARN"],
                Box::new(self.queues.all.values().map(|queue| {
                    vec![
                        to("queues", &queue.arn, &queue.name),
                        plain(&queue.account),
                        plain(queue.messages.len().to_string()),
                        plain(&queue.arn),
                    ]
                })),
            ),
            _ => return None,
        })
    }

    /// One thing; nothing where there is none of this kind and id.
    pub(crate) fn thing(&self, kind: &str, id: &str) -> Option<Thing> {
        match kind {
            "accounts" => self.account_thing(id),
            "units" => self.unit_thing(id),
            "scps" => self.scp_thing(id),
            "permission-sets" => self.set_thing(id),
            "users" => self.user_thing(id),
            "groups" => self.group_thing(id),
            "iam-users" => self.iam_user_thing(id),
            "iam-groups" => self.iam_group_thing(id),
            "iam-roles" => self.iam_role_thing(id),
            "iam-policies" => self.policy_thing(id),
            "queues" => self.queue_thing(id),
            _ => None,
        }
    }

    fn account_thing(&self, id: &str) -> Option<Thing> {
        let place = *self.accounts_by_id.get(id)?;
        let account = self.estate.accounts.get(place as usize)?;
        let unit = self.tree.parents.get(place as usize).copied().flatten();
        let unit = unit.and_then(|unit| self.tree.unit(unit));
        let rows = self.relations().sets_in(place, 0).flat_map(|set| {
            let rows = self.relations().rows_of(place, set, 0);
            rows.map(move |who| vec![self.set_cell(set), self.principal_cell(who)])
        });
        let roles = self.reserved_roles(id, 0);
        let roles = roles.map(|(_, role)| vec![plain(role.arn())]);
        Some(Thing {
            kind: "accounts",
            id: id.to_owned(),
            name: account.name.clone(),
            facts: vec![
                ("Account", account.id.clone()),
                ("E-mail", account.email.clone()),
                ("State", account.state.name().to_owned()),
                (
                    "Unit",
                    unit.map_or("Root", |it| it.name.as_str()).to_owned(),
                ),
                ("Joined", iso(account.joined_at)),
            ],
            documents: Vec::new(),
            tables: vec![
                table("Assignments", &["Permission set", "Principal"], rows),
                table("Identity Center's roles", &["ARN"], roles),
                self.scps_of(id),
            ],
        })
    }

    fn scps_of(&self, target: &str) -> Table {
        let ids = self.tree.attached_to(target);
        let rows = ids.iter().filter_map(|id| self.tree.scp(id));
        let rows = rows.map(|scp| vec![to("scps", &scp.id, &scp.name)]);
        table("Service control policies attached", &["Policy"], rows)
    }

    fn unit_thing(&self, id: &str) -> Option<Thing> {
        let place = self.tree.unit_by_id(id)?;
        let unit = self.tree.unit(place)?;
        let inside = (self.tree.units.iter())
            .filter(|it| !it.removed && it.parent == Some(place))
            .map(|it| vec![to("units", &it.id, &it.name)]);
        let accounts = (self.estate.accounts.iter())
            .zip(&self.tree.parents)
            .filter(|(_, parent)| **parent == Some(place))
            .map(|(it, _)| vec![to("accounts", &it.id, &it.name)]);
        Some(Thing {
            kind: "units",
            id: id.to_owned(),
            name: unit.name.clone(),
            facts: vec![("Id", id.to_owned())],
            documents: Vec::new(),
            tables: vec![
                table("Units in it", &["Unit"], inside),
                table("Accounts in it", &["Account"], accounts),
                self.scps_of(id),
            ],
        })
    }

    fn scp_thing(&self, id: &str) -> Option<Thing> {
        let scp = self.tree.scp(id)?;
        let mut targets: Vec<&String> = (self.tree.attached.iter())
            .filter(|(_, ids)| ids.iter().any(|known| known == id))
            .map(|(target, _)| target)
            .collect();
        targets.sort();
        let rows = targets.into_iter().map(|target| {
            let kind = if target.starts_with("ou-") {
                "units"
            } else {
                "accounts"
            };
            let is_root = target.starts_with("r-");
            vec![if is_root {
                plain("Root")
            } else {
                to(kind, target, target)
            }]
        });
        Some(Thing {
            kind: "scps",
            id: id.to_owned(),
            name: scp.name.clone(),
            facts: vec![
                ("Id", id.to_owned()),
                ("Description", scp.description.clone()),
            ],
            documents: vec![("Policy".to_owned(), scp.document.text.to_string())],
            tables: vec![table("Attached to", &["Target"], rows)],
        })
    }

    fn set_thing(&self, arn: &str) -> Option<Thing> {
        let place = *self.sets_by_arn.get(arn)?;
        let set = self
            .estate
            .sets
            .get(place as usize)
            .filter(|set| !set.removed)?;
        let papers = &set.papers;
        let mut policies: Vec<Vec<Cell>> = (papers.managed.iter())
            .map(|arn| vec![plain("AWS managed"), to("iam-policies", arn, arn)])
            .collect();
        policies.extend(
            papers.customer.iter().map(|(path, name)| {
                vec![plain("Customer managed"), plain(format!("{path}{name}"))]
            }),
        );
        match &papers.boundary {
            None => {}
            Some(SetBoundary::Managed(arn)) => policies.push(vec![plain("Boundary"), plain(arn)]),
            Some(SetBoundary::Customer(path, name)) => {
                policies.push(vec![plain("Boundary"), plain(format!("{path}{name}"))]);
            }
        }
        let inline = papers.inline.iter();
        let inline = inline.map(|it| ("Inline policy".to_owned(), it.text.to_string()));
        let rows = self
            .relations()
            .accounts_with(place, 0)
            .flat_map(|account| {
                let rows = self.relations().rows_of(account, place, 0);
                rows.map(move |who| vec![self.account_cell(account), self.principal_cell(who)])
            });
        Some(Thing {
            kind: "permission-sets",
            id: arn.to_owned(),
            name: set.name.clone(),
            facts: vec![
                ("ARN", set.arn.clone()),
                ("Description", set.description.clone()),
                ("Session", set.session_duration.clone()),
                ("Made", iso(set.created_at)),
            ],
            documents: inline.collect(),
            tables: vec![
                table("Policies", &["Kind", "Policy"], policies.into_iter()),
                table("Assignments", &["Account", "Principal"], rows),
            ],
        })
    }

    fn user_thing(&self, id: &str) -> Option<Thing> {
        let place = *self.users_by_id.get(id)?;
        let user = self
            .estate
            .users
            .get(place as usize)
            .filter(|it| !it.removed)?;
        let groups = self.relations().groups_of(place, 0);
        let groups = groups.map(|group| vec![self.principal_cell(Principal::group(group))]);
        let own = self.held_rows(Principal::user(place), None);
        let through = self.relations().groups_of(place, 0).flat_map(|group| {
            let group = Principal::group(group);
            self.held_rows(group, Some(group))
        });
        Some(Thing {
            kind: "users",
            id: id.to_owned(),
            name: user.user_name.clone(),
            facts: vec![
                ("Id", user.id.clone()),
                ("Name", called(user)),
                ("E-mail", user.email.clone()),
                (
                    "Status",
                    if user.enabled { "ENABLED" } else { "DISABLED" }.to_owned(),
                ),
                ("Made by", provider(&user.external_ids)),
                ("Made", iso(user.created_at)),
            ],
            documents: Vec::new(),
            tables: vec![
                table("Groups", &["Group"], groups),
                table(
                    "Holds",
                    &["Account", "Permission set", "Through"],
                    own.chain(through),
                ),
            ],
        })
    }

    fn group_thing(&self, id: &str) -> Option<Thing> {
        let place = *self.groups_by_id.get(id)?;
        let group = self
            .estate
            .groups
            .get(place as usize)
            .filter(|it| !it.removed)?;
        let members = self.relations().members_of(place, 0);
        let members = members.map(|(user, _)| vec![self.principal_cell(Principal::user(user))]);
        let held = self.held_rows(Principal::group(place), None);
        Some(Thing {
            kind: "groups",
            id: id.to_owned(),
            name: group.name.clone(),
            facts: vec![
                ("Id", group.id.clone()),
                ("Description", group.description.clone()),
                ("Made by", provider(&group.external_ids)),
                ("Made", iso(group.created_at)),
            ],
            documents: Vec::new(),
            tables: vec![
                table("Members", &["User"], members),
                table("Holds", &["Account", "Permission set", "Through"], held),
            ],
        })
    }

    fn held_rows(
        &self,
        who: Principal,
        through: Option<Principal>,
    ) -> impl Iterator<Item = Vec<Cell>> + '_ {
        self.relations()
            .held_by(who, (0, 0))
            .map(move |(account, set)| {
                let way = through.map_or_else(|| plain("itself"), |it| self.principal_cell(it));
                vec![self.account_cell(account), self.set_cell(set), way]
            })
    }

    fn iam_user_thing(&self, id: &str) -> Option<Thing> {
        let iam = &self.estate.iam;
        let (place, user) = (0..)
            .zip(&iam.users)
            .find(|(_, it)| !it.entity.removed && it.entity.id == id)?;
        let groups = self.relations().iam_groups_of(place, 0);
        let groups = groups.filter_map(|group| iam.group(group));
        let groups = groups.map(|it| vec![to("iam-groups", &it.entity.id, &it.entity.name)]);
        let keys = user.keys.iter().map(|key| {
            let active = self.access.keys.get(key).is_some_and(|key| key.active);
            vec![
                plain(key),
                plain(if active { "Active" } else { "Inactive" }),
            ]
        });
        let login = user.credentials.login.is_some();
        let mut thing = self.entity_thing("iam-users", &user.entity, user.arn());
        let devices = user.credentials.mfa.len();
        thing
            .facts
            .push(("Password", if login { "yes" } else { "none" }.to_owned()));
        thing.facts.push(("MFA devices", devices.to_string()));
        thing.tables.push(table("Groups", &["Group"], groups));
        thing
            .tables
            .push(table("Access keys", &["Key", "Status"], keys));
        Some(thing)
    }

    fn iam_group_thing(&self, id: &str) -> Option<Thing> {
        let iam = &self.estate.iam;
        let (place, group) = (0..)
            .zip(&iam.groups)
            .find(|(_, it)| !it.entity.removed && it.entity.id == id)?;
        let members = self.relations().iam_members_of(place, 0);
        let members = members.filter_map(|user| iam.user(user));
        let members = members.map(|it| vec![to("iam-users", &it.entity.id, &it.entity.name)]);
        let mut thing = self.entity_thing("iam-groups", &group.entity, group.arn());
        thing.tables.push(table("Members", &["User"], members));
        Some(thing)
    }

    fn iam_role_thing(&self, id: &str) -> Option<Thing> {
        let mut all = self.estate.iam.roles.iter();
        let role = all.find(|it| !it.entity.removed && it.entity.id == id)?;
        let mut thing = self.entity_thing("iam-roles", &role.entity, role.arn());
        let trust = ("Trust policy".to_owned(), role.trust.text.to_string());
        thing.documents.insert(0, trust);
        let longest = format!("{} s", role.longest_session);
        thing.facts.push(("Longest session", longest));
        Some(thing)
    }

    /// What users, groups and roles of IAM have in common.
    fn entity_thing(&self, kind: &'static str, entity: &Entity, arn: String) -> Thing {
        let held = self.access.held(&entity.id);
        let inline = held.into_iter().flat_map(|held| &held.inline);
        let inline =
            inline.map(|(name, it)| (format!("Inline policy {name}"), it.text.to_string()));
        let attached = held.into_iter().flat_map(|held| &held.attached);
        let attached = attached.map(|arn| vec![to("iam-policies", arn, arn)]);
        Thing {
            kind,
            id: entity.id.clone(),
            name: entity.name.clone(),
            facts: vec![
                ("ARN", arn),
                ("Id", entity.id.clone()),
                ("Made", iso(entity.created_at)),
            ],
            documents: inline.collect(),
            tables: vec![table("Policies attached", &["Policy"], attached)],
        }
    }

    fn policy_thing(&self, arn: &str) -> Option<Thing> {
        let policy = self.access.managed.get(arn)?;
        let document = policy.document().map(|it| {
            let title = format!("Version {}, in force", policy.in_force);
            (title, it.text.to_string())
        });
        Some(Thing {
            kind: "iam-policies",
            id: arn.to_owned(),
            name: policy.name.clone(),
            facts: vec![
                ("ARN", arn.to_owned()),
                (
                    "Description",
                    policy.description.clone().unwrap_or_default(),
                ),
                ("Versions", policy.versions.len().to_string()),
            ],
            documents: document.into_iter().collect(),
            tables: Vec::new(),
        })
    }

    fn queue_thing(&self, arn: &str) -> Option<Thing> {
        let queue = self.queues.by_arn(arn)?;
        let policy = queue.policy.iter();
        let policy = policy.map(|it| ("Queue policy".to_owned(), it.text.to_string()));
        let messages = queue.messages.iter();
        let messages = messages.map(|it| vec![plain(iso(it.sent_at)), plain(it.body.as_str())]);
        Some(Thing {
            kind: "queues",
            id: arn.to_owned(),
            name: queue.name.clone(),
            facts: vec![
                ("ARN", arn.to_owned()),
                ("Made", iso(queue.created_at)),
                ("Messages", queue.messages.len().to_string()),
            ],
            documents: policy.collect(),
            tables: vec![table("Messages", &["Sent", "Body"], messages)],
        })
    }

    fn account_cell(&self, place: u32) -> Cell {
        let account = self.estate.accounts.get(place as usize);
        account.map_or_else(|| plain(""), |it| to("accounts", &it.id, &it.name))
    }

    fn set_cell(&self, place: u32) -> Cell {
        let set = self.estate.sets.get(place as usize);
        set.map_or_else(|| plain(""), |it| to("permission-sets", &it.arn, &it.name))
    }

    /// Of somebody who is gone, the id that stayed behind.
    fn principal_cell(&self, who: Principal) -> Cell {
        let id = self.principal_id(who);
        if !self.is_there(who) {
            return plain(format!("{id} (gone)"));
        }
        let place = who.place() as usize;
        if who.is_group() {
            let group = self.estate.groups.get(place);
            group.map_or_else(|| plain(id), |it| to("groups", &it.id, &it.name))
        } else {
            let user = self.estate.users.get(place);
            user.map_or_else(|| plain(id), |it| to("users", &it.id, &it.user_name))
        }
    }
}

fn table(
    title: &str,
    columns: &'static [&'static str],
    rows: impl Iterator<Item = Vec<Cell>>,
) -> Table {
    let mut rows: Vec<_> = rows.take(SHOWN + 1).collect();
    let more = rows.len() > SHOWN;
    rows.truncate(SHOWN);
    Table {
        title: title.to_owned(),
        columns,
        rows,
        more,
    }
}

fn entities<'a>(
    kind: &'static str,
    all: impl Iterator<Item = &'a Entity> + 'a,
) -> impl Iterator<Item = Vec<Cell>> + 'a {
    all.filter(|it| !it.removed).map(move |it| {
        vec![
            to(kind, &it.id, &it.name),
            plain(&it.account),
            plain(&it.path),
            plain(&it.id),
        ]
    })
}

fn called(user: &User) -> String {
    let display = user.display.clone();
    display.unwrap_or_else(|| format!("{} {}", user.given, user.family))
}

/// Who provisions somebody.
fn provider(ids: &[(String, String)]) -> String {
    let issuers: Vec<&str> = ids.iter().map(|(issuer, _)| issuer.as_str()).collect();
    if issuers.is_empty() {
        "Identity Center".to_owned()
    } else {
        issuers.join(", ")
    }
}
