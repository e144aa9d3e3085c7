//! What is called, how urgently, and how much of it AWS bears.

use stint_domain::Span;

/// How urgent a call is; the first is the most urgent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// Taking access away, and looking whether it is gone.
    Revoke,
    /// Giving access.
    Provision,
    /// Somebody is waiting at a page.
    Interactive,
    /// Reading an estate.
    Sync,
}

impl Lane {
    /// All lanes, most urgent first.
    pub const ALL: [Lane; 4] = [Lane::Revoke, Lane::Provision, Lane::Interactive, Lane::Sync];

    /// The word for it, as shown and measured.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Revoke => "revoke",
            Self::Provision => "provision",
            Self::Interactive => "interactive",
            Self::Sync => "sync",
        }
    }

    pub(super) fn rank(self) -> u32 {
        match self {
            Self::Revoke => 0,
            Self::Provision => 1,
            Self::Interactive => 2,
            Self::Sync => 3,
        }
    }
}

/// A service with its own budget at AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    /// IAM of one account.
    Iam,
    /// STS.
    Sts,
    /// Organizations.
    Organizations,
    /// IAM Identity Center's administration API (`sso`).
    IdentityCenter,
    /// The identity store behind Identity Center.
    IdentityStore,
    /// SQS: the queue change events come by.
    Sqs,
    /// Identity Center's SCIM endpoint: no service of the SDK's, and a budget all the same.
    Scim,
}

impl Service {
    /// The name AWS signs and names actions with.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Iam => "iam",
            Self::Sts => "sts",
            Self::Organizations => "organizations",
            Self::IdentityCenter => "sso",
            Self::IdentityStore => "identitystore",
            Self::Sqs => "sqs",
            Self::Scim => "scim",
        }
    }
}

/// What one service of one estate bears.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limit {
    /// Calls per second, sustained.
    pub per_second: f64,
    /// Calls at once after a rest.
    pub burst: f64,
    /// Calls under way at the same time.
    pub concurrent: u32,
}

/// Every limit the governor keeps. The defaults are AWS reference §2: what is documented
/// where anything is, else what others measured, with room for whoever shares the limits.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// IAM: nothing published; 10–20 reads a second are borne [R]; we stay below.
    pub iam: Limit,
    /// STS: 600 a second, by the caller's account [K]; we stay far below.
    pub sts: Limit,
    /// Organizations: nothing published; throttles at 3–5 concurrent workers [R].
    pub organizations: Limit,
    /// Identity Center: 20 a second over all operations [D].
    pub identity_center: Limit,
    /// Identity store: nothing published; 10–20 a second is borne [R].
    pub identity_store: Limit,
    /// SQS: thousands a second are borne; polls wait long, so that many may be under way.
    pub sqs: Limit,
    /// The SCIM endpoint: nothing published; answers 429 (AWS reference §2).
    pub scim: Limit,
    /// Assignment writes open at once in an estate: 10 [D].
    pub outstanding_writes: usize,
    /// Of those, how many only the revoke lane may take.
    pub reserved_for_revoke: usize,
    /// How long a write nobody polls counts as open.
    pub write_forgotten_after: Span,
}

impl Default for Limits {
    fn default() -> Self {
        let limit = |per_second, burst, concurrent| Limit {
            per_second,
            burst,
            concurrent,
        };
        Self {
            iam: limit(8.0, 15.0, 5),
            sts: limit(50.0, 100.0, 20),
            organizations: limit(4.0, 8.0, 2),
            identity_center: limit(18.0, 20.0, 10),
            identity_store: limit(15.0, 20.0, 10),
            sqs: limit(20.0, 40.0, 20),
            scim: limit(5.0, 10.0, 2),
            outstanding_writes: 10,
            reserved_for_revoke: 2,
            write_forgotten_after: Span::minutes(10),
        }
    }
}

impl Limits {
    /// What one service bears.
    pub fn of(&self, service: Service) -> Limit {
        match service {
            Service::Iam => self.iam,
            Service::Sts => self.sts,
            Service::Organizations => self.organizations,
            Service::IdentityCenter => self.identity_center,
            Service::IdentityStore => self.identity_store,
            Service::Sqs => self.sqs,
            Service::Scim => self.scim,
        }
    }
}
