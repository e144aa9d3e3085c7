//! Change events: what EventBridge puts into a queue when somebody changes the estate (AWS
//! reference §1.8).
//!
//! [`hear`] says which object a message is about, and nothing else: an event is a *hint* to read
//! that object again. Nothing it claims is believed, neither that something came nor that it went;
//! it may come twice, late, in another order, or never.
//!
//! Two forms are read: CloudTrail's record of a call, and what the identity store sends by itself.
//! What it does not do: call AWS, keep anything.

mod native;
mod trail;

use serde::Deserialize;
use serde_json::Value;

/// The longest message that is read, in bytes: as much as SQS takes (AWS reference §1.8).
pub const LONGEST_MESSAGE: usize = 1 << 20;

/// What of an estate changed, perhaps.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Object {
    /// It cannot be told more exactly.
    Everything,
    /// The list of accounts.
    Accounts,
    /// The tags of an account, by its twelve digits.
    AccountTags(String),
    /// The units of the organization: their names, and where accounts stand.
    Units,
    /// A permission set, by its ARN.
    PermissionSet(String),
    /// Who holds a permission set on an account.
    Assignments {
        /// Twelve digits.
        account: String,
        /// Its ARN.
        permission_set: String,
    },
    /// The list of Identity Center users: one came, and the event does not say which.
    Users,
    /// An Identity Center user, by its id.
    User(String),
    /// The list of Identity Center groups.
    Groups,
    /// An Identity Center group, by its id.
    Group(String),
    /// Who is in an Identity Center group, by its id.
    Members(String),
    /// A membership, by its own id: the event of its end names nothing else.
    Membership(String),
    /// The list of IAM users: no event names it, it stands for those that may not be looked at alone.
    IamUsers {
        /// Twelve digits.
        account: String,
    },
    /// An IAM user, by its name.
    IamUser {
        /// Twelve digits.
        account: String,
        /// Its name at the time.
        name: String,
    },
    /// What an IAM user signs in and calls with: password, MFA and access keys. By its name.
    IamCredentials {
        /// Twelve digits.
        account: String,
        /// Its name at the time.
        name: String,
    },
    /// An IAM group and who is in it, by its name.
    IamGroup {
        /// Twelve digits.
        account: String,
        /// Its name at the time.
        name: String,
    },
    /// The list of IAM roles: no event names it, it stands for those that may not be looked at alone.
    IamRoles {
        /// Twelve digits.
        account: String,
    },
    /// An IAM role, by its name, which is never another's while it is there.
    IamRole {
        /// Twelve digits.
        account: String,
        /// Its name.
        name: String,
    },
    /// Something of an account's IAM that belongs to nobody in it: its alias.
    IamAccount {
        /// Twelve digits.
        account: String,
    },
}

/// That an object may have changed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hint {
    /// Which.
    pub object: Object,
    /// Whether AWS carries the change out after it has answered: a reading at once would be too
    /// early (AWS reference §1.3, asynchronous model).
    pub asynchronous: bool,
}

impl Hint {
    fn now(object: Object) -> Self {
        Self {
            object,
            asynchronous: false,
        }
    }

    fn later(object: Object) -> Self {
        Self {
            object,
            asynchronous: true,
        }
    }
}

/// What a message came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// These may have changed.
    Hints(Vec<Hint>),
    /// A call that changed nothing: AWS refused it, it only reads, or it is about nothing that is
    /// read.
    Nothing,
    /// About another account, organization or Identity Center instance.
    Foreign,
    /// An event this version does not know: `source: name`.
    Unknown(String),
    /// No event at all, or too long to be one.
    Malformed,
}

/// Whose events are heard.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listener {
    /// The accounts in which changes of the organization and of Identity Center are made: the
    /// management account, and that of Stint's own credential.
    pub accounts: Vec<String>,
    /// The accounts whose IAM is read.
    pub iam: Vec<String>,
    /// The Identity Center instance.
    pub instance: Option<String>,
    /// Its identity store.
    pub store: Option<String>,
}

impl Listener {
    fn is_home(&self, account: &str) -> bool {
        self.accounts.iter().any(|ours| ours == account)
    }

    fn reads_iam_of(&self, account: &str) -> bool {
        self.iam.iter().any(|ours| ours == account)
    }
}

/// What EventBridge puts around every event.
#[derive(Deserialize)]
struct Envelope {
    source: String,
    #[serde(rename = "detail-type")]
    kind: String,
    account: String,
    #[serde(default)]
    resources: Vec<Value>,
    detail: Value,
}

/// What a message says may have changed. Never fails, whatever it is given.
pub fn hear(body: &str, by: &Listener) -> Heard {
    if body.len() > LONGEST_MESSAGE {
        return Heard::Malformed;
    }
    let Ok(event) = serde_json::from_str::<Envelope>(body) else {
        return Heard::Malformed;
    };
    // `AWS API Call via CloudTrail`, `AWS Service Event via CloudTrail`; in China `Amazon …`.
    if event.kind.ends_with(" via CloudTrail") {
        trail::hear(&event, by)
    } else if event.source == "aws.identitystore" {
        native::hear(&event, by)
    } else {
        unknown(&event.source, &event.kind)
    }
}

fn unknown(source: &str, name: &str) -> Heard {
    let word = |text: &str| -> String {
        let fits = |c: &char| c.is_ascii_alphanumeric() || " .-_:".contains(*c);
        text.chars().filter(fits).take(64).collect()
    };
    Heard::Unknown(format!("{}: {}", word(source), word(name)))
}

/// Some hints; nothing recognisable in an event that should name an object is unknown.
fn hints(event: &Envelope, name: &str, found: Option<Vec<Hint>>) -> Heard {
    match found {
        Some(found) => Heard::Hints(found),
        None => unknown(&event.source, name),
    }
}

// What is taken over from an event goes into calls and keys: only what AWS can have written.

/// Twelve digits.
fn account_id(text: &str) -> Option<String> {
    (text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.to_owned())
}

/// The id of something in the identity store.
fn store_id(text: &str) -> Option<String> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    ((1..=47).contains(&text.len()) && text.bytes().all(fits)).then(|| text.to_owned())
}

/// The name of an IAM user, group or role.
fn iam_name(text: &str) -> Option<String> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b);
    ((1..=128).contains(&text.len()) && text.bytes().all(fits)).then(|| text.to_owned())
}

/// The ARN of a permission set.
fn set_arn(text: &str) -> Option<String> {
    let fits = text.len() <= 1224 && text.bytes().all(|b| b.is_ascii_graphic());
    (fits && text.starts_with("arn:") && text.contains(":permissionSet/")).then(|| text.to_owned())
}

#[cfg(test)]
mod tests;
