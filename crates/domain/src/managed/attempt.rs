//! One try to change something of IAM, committed before the call, with what became of it.

use crate::AttemptId;
use crate::time::Time;

/// What a call changes. Each is a call of IAM of nearly that name; the user it is about is the
/// object's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Change {
    /// Makes the user, with the tag that marks it.
    CreateUser,
    /// Makes an access key inactive.
    DeactivateKey(String),
    /// Takes the console password away.
    DeleteLoginProfile,
    /// Deletes an access key.
    DeleteKey(String),
    /// Deletes a signing certificate.
    DeleteCertificate(String),
    /// Deletes an SSH key.
    DeleteSshKey(String),
    /// Deletes a credential for one service.
    DeleteServiceCredential(String),
    /// Takes an MFA device off the user.
    DeactivateMfa(String),
    /// Deletes a virtual MFA device that was taken off.
    DeleteVirtualMfa(String),
    /// Deletes an inline policy.
    DeleteInlinePolicy(String),
    /// Detaches a managed policy.
    DetachPolicy(String),
    /// Takes the user out of a group.
    LeaveGroup(String),
    /// Deletes the user.
    DeleteUser,
    /// Makes an access key for the user.
    CreateKey,
}

impl Change {
    /// The stable word and what it is about, as stored.
    pub fn parts(&self) -> (&'static str, Option<&str>) {
        match self {
            Self::CreateUser => ("create_user", None),
            Self::DeactivateKey(key) => ("deactivate_key", Some(key)),
            Self::DeleteLoginProfile => ("delete_login_profile", None),
            Self::DeleteKey(key) => ("delete_key", Some(key)),
            Self::DeleteCertificate(id) => ("delete_certificate", Some(id)),
            Self::DeleteSshKey(id) => ("delete_ssh_key", Some(id)),
            Self::DeleteServiceCredential(id) => ("delete_service_credential", Some(id)),
            Self::DeactivateMfa(serial) => ("deactivate_mfa", Some(serial)),
            Self::DeleteVirtualMfa(serial) => ("delete_virtual_mfa", Some(serial)),
            Self::DeleteInlinePolicy(name) => ("delete_inline_policy", Some(name)),
            Self::DetachPolicy(arn) => ("detach_policy", Some(arn)),
            Self::LeaveGroup(name) => ("leave_group", Some(name)),
            Self::DeleteUser => ("delete_user", None),
            Self::CreateKey => ("create_key", None),
        }
    }

    /// The change these two stand for, if any.
    pub fn parse(word: &str, of: Option<String>) -> Option<Self> {
        Some(match (word, of) {
            ("create_user", None) => Self::CreateUser,
            ("deactivate_key", Some(of)) => Self::DeactivateKey(of),
            ("delete_login_profile", None) => Self::DeleteLoginProfile,
            ("delete_key", Some(of)) => Self::DeleteKey(of),
            ("delete_certificate", Some(of)) => Self::DeleteCertificate(of),
            ("delete_ssh_key", Some(of)) => Self::DeleteSshKey(of),
            ("delete_service_credential", Some(of)) => Self::DeleteServiceCredential(of),
            ("deactivate_mfa", Some(of)) => Self::DeactivateMfa(of),
            ("delete_virtual_mfa", Some(of)) => Self::DeleteVirtualMfa(of),
            ("delete_inline_policy", Some(of)) => Self::DeleteInlinePolicy(of),
            ("detach_policy", Some(of)) => Self::DetachPolicy(of),
            ("leave_group", Some(of)) => Self::LeaveGroup(of),
            ("delete_user", None) => Self::DeleteUser,
            ("create_key", None) => Self::CreateKey,
            _ => return None,
        })
    }

    /// In words, as part of a sentence that begins "Stint is going to".
    pub fn words(&self) -> String {
        match self {
            Self::CreateUser => "create the IAM user".to_owned(),
            Self::DeactivateKey(key) => format!("make the access key {key} inactive"),
            Self::DeleteLoginProfile => "take the console password away".to_owned(),
            Self::DeleteKey(key) => format!("delete the access key {key}"),
            Self::DeleteCertificate(id) => format!("delete the signing certificate {id}"),
            Self::DeleteSshKey(id) => format!("delete the SSH key {id}"),
            Self::DeleteServiceCredential(id) => {
                format!("delete the service-specific credential {id}")
            }
            Self::DeactivateMfa(serial) => format!("take the MFA device {serial} off"),
            Self::DeleteVirtualMfa(serial) => format!("delete the virtual MFA device {serial}"),
            Self::DeleteInlinePolicy(name) => format!("delete the inline policy {name}"),
            Self::DetachPolicy(arn) => format!("detach the policy {arn}"),
            Self::LeaveGroup(name) => format!("take the user out of the IAM group {name}"),
            Self::DeleteUser => "delete the IAM user".to_owned(),
            Self::CreateKey => "make a second access key".to_owned(),
        }
    }

    /// Whether the call is addressed to the user by its name.
    pub const fn names_the_user(&self) -> bool {
        !matches!(self, Self::DeleteVirtualMfa(_))
    }
}

/// One try. Its call carries a signature of `sign_at`, whenever it is really sent, so that AWS
/// itself refuses it once that is older than the fence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Its id.
    pub id: AttemptId,
    /// What it changes.
    pub change: Change,
    /// The name of the user its call goes by: as the reading it rests on had it. Names come back
    /// for others, so no other is ever used.
    pub sent_as: String,
    /// When it was intended, and the time its call is signed with.
    pub sign_at: Time,
    /// What became of it.
    pub outcome: Outcome,
    /// What AWS said about it.
    pub note: Option<String>,
}

/// What is known to have become of an attempt. `at` is when we learnt it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Committed, and nothing known: unsent, asleep or lost.
    Unknown,
    /// AWS says it is done.
    Succeeded {
        /// When we learnt it.
        at: Time,
    },
    /// There was nothing to remove.
    NotFound {
        /// When we learnt it.
        at: Time,
    },
    /// Definitely without effect.
    Refused {
        /// When we learnt it.
        at: Time,
        /// The same again would meet the same.
        permanent: bool,
    },
    /// Never heard of, and can no longer happen.
    Presumed {
        /// When that was established.
        at: Time,
    },
}

impl Outcome {
    /// The stable word, as stored and sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Succeeded { .. } => "succeeded",
            Self::NotFound { .. } => "not_found",
            Self::Refused {
                permanent: false, ..
            } => "refused",
            Self::Refused {
                permanent: true, ..
            } => "refused_for_good",
            Self::Presumed { .. } => "presumed",
        }
    }

    /// When we learnt it; nothing for what is still open.
    pub const fn at(self) -> Option<Time> {
        match self {
            Self::Unknown => None,
            Self::Succeeded { at }
            | Self::NotFound { at }
            | Self::Refused { at, .. }
            | Self::Presumed { at } => Some(at),
        }
    }

    /// The outcome these two columns stand for, if any.
    pub fn parse(word: &str, at: Option<Time>) -> Option<Self> {
        Some(match (word, at) {
            ("unknown", None) => Self::Unknown,
            ("succeeded", Some(at)) => Self::Succeeded { at },
            ("not_found", Some(at)) => Self::NotFound { at },
            ("refused", Some(at)) => Self::Refused {
                at,
                permanent: false,
            },
            ("refused_for_good", Some(at)) => Self::Refused {
                at,
                permanent: true,
            },
            ("presumed", Some(at)) => Self::Presumed { at },
            _ => return None,
        })
    }
}

/// What a call said about its attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Done.
    Succeeded,
    /// There was nothing to remove.
    NotFound,
    /// Definitely no effect.
    Refused {
        /// The same again would meet the same.
        permanent: bool,
        /// What AWS said.
        why: String,
    },
    /// No answer, or none that can be read: it may have had, or may yet have, an effect.
    Unknown {
        /// What happened instead.
        why: String,
    },
}

impl Attempt {
    /// When it was learnt that it is done, or that there was nothing to do.
    pub const fn done_at(&self) -> Option<Time> {
        match self.outcome {
            Outcome::Succeeded { at } | Outcome::NotFound { at } => Some(at),
            _ => None,
        }
    }

    /// Nothing is known of it.
    pub fn is_lost(&self) -> bool {
        self.outcome == Outcome::Unknown
    }

    /// Takes in an answer. What is known stays as it is; only a presumption gives way.
    pub(super) fn take_answer(&mut self, answer: Answer, now: Time) {
        if !matches!(self.outcome, Outcome::Unknown | Outcome::Presumed { .. }) {
            return;
        }
        match answer {
            Answer::Succeeded => self.outcome = Outcome::Succeeded { at: now },
            Answer::NotFound => self.outcome = Outcome::NotFound { at: now },
            Answer::Refused { permanent, why } => {
                self.outcome = Outcome::Refused { at: now, permanent };
                self.note = Some(why);
            }
            Answer::Unknown { why } => self.note = Some(why),
        }
    }
}
