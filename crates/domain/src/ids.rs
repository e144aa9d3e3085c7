//! Identifiers: one newtype per thing, so that a grant's id is never taken for a request's.
//!
//! On the wire an id is its prefix, `_`, and the 26 lower-case Crockford base32 characters
//! of a UUID version 7 (`req_01jd4n7k…`). Ids are made by the server's one source of
//! randomness; this crate only shapes, prints and parses them.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

/// Crockford's base32 alphabet in lower case (no i, l, o, u).
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Why a text is not an id of the kind asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not {kind} id: expected `{prefix}_` followed by 26 characters of 0-9 and a-z without i, l, o, u"
)]
pub struct IdError {
    /// What was given.
    pub text: String,
    /// The kind asked for, with its article ("a request").
    pub kind: &'static str,
    /// The prefix that kind has.
    pub prefix: &'static str,
}

fn encode(id: Uuid) -> String {
    let value = id.as_u128();
    (0..26u32)
        .rev()
        .map(|i| {
            let index = usize::try_from((value >> (i * 5)) & 31).unwrap_or(0);
            char::from(ALPHABET.get(index).copied().unwrap_or(b'0'))
        })
        .collect()
}

fn decode(text: &str) -> Option<Uuid> {
    if text.len() != 26 {
        return None;
    }
    let mut value: u128 = 0;
    for (i, c) in text.bytes().enumerate() {
        let digit = ALPHABET.iter().position(|&a| a == c)?;
        // 26 × 5 = 130 bits: the first character carries only three.
        if i == 0 && digit > 7 {
            return None;
        }
        value = (value << 5) | u128::try_from(digit).ok()?;
    }
    Some(Uuid::from_u128(value))
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident, $prefix:literal, $kind:literal;)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
            pub struct $name(pub Uuid);

            impl $name {
                /// The prefix of this kind on the wire, without the underscore.
                pub const PREFIX: &'static str = $prefix;
            }

            impl From<Uuid> for $name {
                fn from(id: Uuid) -> Self {
                    Self(id)
                }
            }

            impl From<$name> for Uuid {
                fn from(id: $name) -> Self {
                    id.0
                }
            }

            impl fmt::Display for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    write!(f, concat!($prefix, "_{}"), encode(self.0))
                }
            }

            impl fmt::Debug for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    fmt::Display::fmt(self, f)
                }
            }

            impl FromStr for $name {
                type Err = IdError;

                fn from_str(text: &str) -> Result<Self, IdError> {
                    text.strip_prefix(concat!($prefix, "_"))
                        .and_then(decode)
                        .map(Self)
                        .ok_or_else(|| IdError { text: text.to_owned(), kind: $kind, prefix: $prefix })
                }
            }

            impl serde::Serialize for $name {
                fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                    s.collect_str(self)
                }
            }

            impl<'de> serde::Deserialize<'de> for $name {
                fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                    let text = <std::borrow::Cow<'de, str>>::deserialize(d)?;
                    text.parse().map_err(serde::de::Error::custom)
                }
            }
        )*

        /// Every prefix in use, alphabetical, each once.
        pub const PREFIXES: &[&str] = &[$($prefix),*];
    };
}

ids! {
    /// An AWS account as Stint's directory knows it.
    AccountId, "acc", "an account";
    /// An Application: what requesters see.
    ApplicationId, "app", "an application";
    /// An Assignment: the observed fact that a Principal holds an Entitlement.
    AssignmentId, "asg", "an assignment";
    /// An Attempt: one try to change AWS.
    AttemptId, "att", "an attempt";
    /// An event in the audit log.
    AuditId, "aud", "an audit event";
    /// A Binding: one Principal × Entitlement pair that Stint manages.
    BindingId, "bnd", "a binding";
    /// A Catalog: which Entitlements may be requested by whom.
    CatalogId, "cat", "a catalog";
    /// A comment on a request.
    CommentId, "cmt", "a comment";
    /// A Connection: one AWS estate.
    ConnectionId, "con", "a connection";
    /// A Decision on a request.
    DecisionId, "dec", "a decision";
    /// A delegation: who decides for somebody who is away.
    DelegationId, "dlg", "a delegation";
    /// A rule about duties that are kept apart.
    DutyId, "dut", "a duty rule";
    /// An Entitlement: something a Principal can hold.
    EntitlementId, "ent", "an entitlement";
    /// A Grant: the intended access of one User to one Entitlement.
    GrantId, "grt", "a grant";
    /// A Group: Stint's set of Users.
    GroupId, "grp", "a group";
    /// That a place in a step of a request was handed on.
    HandoverId, "hnd", "a handing on";
    /// A Link between a User and a Principal.
    LinkId, "lnk", "a link";
    /// A managed object beside bindings: an IAM user, a key rotation.
    ObjectId, "mob", "a managed object";
    /// A notice: what one person is told in Stint.
    NoticeId, "ntc", "a notice";
    /// An event waiting in the outbox.
    OutboxId, "out", "an outbox event";
    /// A Policy.
    PolicyId, "pol", "a policy";
    /// One immutable version of a Policy.
    PolicyVersionId, "pov", "a policy version";
    /// A Principal: an AWS identity that can hold access.
    PrincipalId, "prn", "a principal";
    /// A Request.
    RequestId, "req", "a request";
    /// A sign-in: a person's session with Stint.
    SignInId, "ses", "a sign-in";
    /// Several requests that were made together.
    SubmissionId, "sub", "a submission";
    /// One run of a sync.
    SyncId, "syn", "a sync run";
    /// An API token.
    TokenId, "tok", "an API token";
    /// A User: a person.
    UserId, "usr", "a user";
}

/// Hands the names of all id types to another macro: `for_each_id!(my_macro)` becomes
/// `my_macro! { AccountId ApplicationId … }`. For crates that must treat every id alike.
#[macro_export]
macro_rules! for_each_id {
    ($callback:ident) => {
        $callback! {
            AccountId ApplicationId AssignmentId AttemptId AuditId BindingId CatalogId
            CommentId ConnectionId DecisionId DelegationId DutyId EntitlementId GrantId GroupId HandoverId LinkId NoticeId ObjectId OutboxId PolicyId
            PolicyVersionId PrincipalId RequestId SignInId SubmissionId SyncId TokenId UserId
        }
    };
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_id_reads_back_as_itself(bits: u128) {
            let id = RequestId(Uuid::from_u128(bits));
            prop_assert_eq!(id.to_string().len(), 4 + 26);
            prop_assert_eq!(id.to_string().parse::<RequestId>(), Ok(id));
        }
    }

    #[test]
    fn another_kind_or_a_stray_character_is_refused() {
        let grant = GrantId(Uuid::from_u128(7)).to_string();
        assert!(grant.parse::<RequestId>().is_err());
        assert!(grant.replace('0', "i").parse::<GrantId>().is_err());
        assert!("grt_zzzzzzzzzzzzzzzzzzzzzzzzzz".parse::<GrantId>().is_err());
        assert!("grt_".parse::<GrantId>().is_err());
    }

    #[test]
    fn prefixes_are_alphabetical_by_name_and_unique() {
        let mut sorted = PREFIXES.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted.len(), PREFIXES.len());
    }
}
