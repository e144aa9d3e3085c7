//! What AWS's services know: actions, the resources each is judged on, condition keys.
//!
//! `services.txt` is generated (`cargo xtask iam-table`) and never edited; what it has wrong or
//! leaves out stands in [`corrections`] with the fact. A service that is not in it is unknown
//! here, and nothing is said about its actions.

mod corrections;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use crate::pattern::glob_any_case;

pub(crate) use corrections::{global_keys, needs_no_permission};

/// What an action does, as AWS groups them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Lists things.
    List,
    /// Reads one.
    Read,
    /// Changes tags only.
    Tagging,
    /// Changes something.
    Write,
    /// Changes who may do what.
    Permissions,
}

/// One action of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// `sso:CreateAccountAssignment`
    pub name: String,
    /// What it does.
    pub level: Level,
    /// The names of the resource types it is judged on, and whether each is always needed.
    /// Empty: it is judged on `*`.
    pub resources: Vec<(String, bool)>,
    /// The condition keys its requests may carry beside the global ones; tags end in
    /// `${TagKey}`.
    pub keys: BTreeSet<String>,
    /// What else the caller needs to be allowed.
    pub dependent: Vec<String>,
}

/// A kind of resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// `arn:${Partition}:iam::${Account}:user/${UserNameWithPath}`
    pub arn: String,
    /// The condition keys its requests may carry.
    pub keys: BTreeSet<String>,
}

impl Resource {
    /// The ARN with `*` for everything left open.
    pub fn pattern(&self) -> String {
        let mut pattern = String::new();
        let mut rest = self.arn.as_str();
        while let Some((before, from)) = rest.split_once("${") {
            pattern.push_str(before);
            pattern.push('*');
            rest = from.split_once('}').map_or("", |(_, after)| after);
        }
        pattern.push_str(rest);
        pattern
    }
}

/// One service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// `iam`
    pub prefix: String,
    /// For people.
    pub name: String,
    /// By their names in small letters, without the service.
    actions: BTreeMap<String, Action>,
    resources: BTreeMap<String, Resource>,
    keys: BTreeMap<String, KeyType>,
}

impl Service {
    /// The action of this name (without the service), in whatever case.
    pub fn action(&self, name: &str) -> Option<&Action> {
        self.actions.get(&name.to_ascii_lowercase())
    }

    /// The actions a pattern (without the service) matches.
    pub fn matching<'a>(&'a self, pattern: &'a str) -> impl Iterator<Item = &'a Action> {
        self.actions
            .iter()
            .filter(move |(name, _)| glob_any_case(pattern, name))
            .map(|(_, action)| action)
    }

    /// All of its actions.
    pub fn actions(&self) -> impl Iterator<Item = &Action> {
        self.actions.values()
    }

    /// The kind of resource of this name.
    pub fn resource(&self, name: &str) -> Option<&Resource> {
        self.resources.get(name)
    }

    /// The keys of this service and their types; tags end in `${TagKey}`.
    pub fn keys(&self) -> impl Iterator<Item = (&str, KeyType)> {
        self.keys.iter().map(|(key, kind)| (key.as_str(), *kind))
    }
}

/// What the values of a condition key are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyType {
    /// What one value is.
    pub value: ValueType,
    /// Whether a request may carry several.
    pub many: bool,
}

/// What one value of a condition key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueType {
    /// Any text.
    Text,
    /// An ARN.
    Arn,
    /// A number.
    Number,
    /// A moment.
    Date,
    /// True or false.
    Bool,
    /// An address.
    Address,
}

impl KeyType {
    fn read(word: &str) -> Option<KeyType> {
        let (word, many) = match word.strip_prefix("ArrayOf") {
            Some(word) => (word, true),
            None => (word, false),
        };
        let value = match word {
            "String" => ValueType::Text,
            "ARN" => ValueType::Arn,
            "Numeric" => ValueType::Number,
            "Date" => ValueType::Date,
            "Bool" => ValueType::Bool,
            "IPAddress" => ValueType::Address,
            _ => return None,
        };
        Some(KeyType { value, many })
    }
}

/// Everything that is known.
#[derive(Debug)]
pub struct Table {
    services: BTreeMap<String, Service>,
    prefixes: BTreeSet<&'static str>,
    /// Lines that were not understood: none, as a test sees to.
    pub(crate) unread: Vec<&'static str>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let mut table = Table::read(include_str!("table/services.txt"));
    corrections::apply(&mut table);
    table
});

/// The table of services.
pub fn table() -> &'static Table {
    &TABLE
}

impl Table {
    /// A service with all of its actions, if the table has it.
    pub fn service(&self, prefix: &str) -> Option<&Service> {
        self.services.get(&prefix.to_ascii_lowercase())
    }

    /// All services the table has in full.
    pub fn services(&self) -> impl Iterator<Item = &Service> {
        self.services.values()
    }

    /// Whether AWS has a service of this prefix, even if the table knows no more of it.
    pub fn has_prefix(&self, prefix: &str) -> bool {
        self.prefixes.contains(prefix.to_ascii_lowercase().as_str())
    }

    pub(crate) fn prefixes(&self) -> impl Iterator<Item = &'static str> {
        self.prefixes.iter().copied()
    }

    /// An action by its whole name.
    pub fn action(&self, name: &str) -> Option<&Action> {
        let (service, name) = name.split_once(':')?;
        self.service(service)?.action(name)
    }

    /// The type of a condition key, if it is a global one or one of a service the table has.
    pub fn key(&self, key: &str) -> Option<KeyType> {
        if let Some(kind) = corrections::global_key(key) {
            return Some(kind);
        }
        self.services.values().find_map(|service| {
            let (_, kind) = service.keys.iter().find(|(own, _)| same_key(own, key))?;
            Some(*kind)
        })
    }

    /// Whether every request may carry a key, whatever it asks for.
    pub fn is_global_key(&self, key: &str) -> bool {
        corrections::global_key(key).is_some()
    }

    fn read(text: &'static str) -> Table {
        let mut table = Table {
            services: BTreeMap::new(),
            prefixes: BTreeSet::new(),
            unread: Vec::new(),
        };
        let mut current: Option<Service> = None;
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            let understood = match (word, &mut current) {
                ("prefixes", _) => {
                    table.prefixes.extend(rest.split(' '));
                    Some(())
                }
                ("service", _) => rest.split_once(' ').map(|(prefix, name)| {
                    let next = Service {
                        prefix: prefix.to_owned(),
                        name: name.to_owned(),
                        actions: BTreeMap::new(),
                        resources: BTreeMap::new(),
                        keys: BTreeMap::new(),
                    };
                    if let Some(done) = current.replace(next) {
                        table.services.insert(done.prefix.clone(), done);
                    }
                }),
                (_, Some(service)) => service.line(word, rest),
                (_, None) => None,
            };
            if understood.is_none() {
                table.unread.push(line);
            }
        }
        if let Some(done) = current {
            table.services.insert(done.prefix.clone(), done);
        }
        table
    }
}

impl Service {
    fn line(&mut self, word: &str, rest: &str) -> Option<()> {
        match word {
            "key" => {
                let (key, kind) = rest.split_once(' ')?;
                self.keys.insert(key.to_owned(), KeyType::read(kind)?);
            }
            "resource" => {
                let mut words = rest.split(' ');
                let (name, arn) = (words.next()?, words.next()?);
                let resource = Resource {
                    arn: arn.to_owned(),
                    keys: words.map(str::to_owned).collect(),
                };
                self.resources.insert(name.to_owned(), resource);
            }
            "action" => {
                let mut parts = rest.split('|');
                let mut words = parts.next()?.split_whitespace();
                let (name, level) = (words.next()?, words.next()?);
                let action = Action {
                    name: format!("{}:{name}", self.prefix),
                    level: match level {
                        "list" => Level::List,
                        "read" => Level::Read,
                        "tagging" => Level::Tagging,
                        "write" => Level::Write,
                        "permissions" => Level::Permissions,
                        _ => return None,
                    },
                    resources: words
                        .map(|word| match word.strip_suffix('*') {
                            Some(name) => (name.to_owned(), true),
                            None => (word.to_owned(), false),
                        })
                        .collect(),
                    keys: parts
                        .next()
                        .unwrap_or_default()
                        .split_whitespace()
                        .map(str::to_owned)
                        .collect(),
                    dependent: parts
                        .next()
                        .unwrap_or_default()
                        .split_whitespace()
                        .map(str::to_owned)
                        .collect(),
                };
                self.actions.insert(name.to_ascii_lowercase(), action);
            }
            _ => return None,
        }
        Some(())
    }
}

/// Whether a key of the table means the key as it is written: without case, and `…/${TagKey}`
/// for any tag.
pub(crate) fn same_key(known: &str, written: &str) -> bool {
    match known.split_once("${") {
        Some((prefix, _)) => written
            .get(..prefix.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(prefix) && written.len() > prefix.len()),
        None => known.eq_ignore_ascii_case(written),
    }
}
