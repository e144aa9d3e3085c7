//! Provisioning from outside: the tokens an identity provider's SCIM client shows, and whose
//! they are (AWS reference §1.7).
//!
//! AWS makes and deletes tokens in its console only; here the owner of the simulator does.

use serde::Serialize;

use crate::ids::Seeded;

/// How long a token lasts unless a knob says otherwise: a year [D].
pub(crate) const YEAR: i64 = 365 * 24 * 60 * 60 * 1_000_000;

/// How many tokens an instance has at most, those that ran out with them [K].
pub(crate) const MOST: usize = 2;

/// A token of the SCIM endpoint as the owner sees it. The secret is told once, when it is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ScimToken {
    /// What it is deleted by.
    pub id: String,
    /// The virtual time, in microseconds, when it was made.
    pub created_at: i64,
    /// When it stops to open anything.
    pub expires_at: i64,
}

#[derive(Debug, Clone)]
pub(crate) struct Scim {
    /// Where the endpoint is: `/<tenant>/scim/v2/`.
    pub(crate) tenant: String,
    tokens: Vec<(String, ScimToken)>,
}

impl Scim {
    pub(crate) fn new(seed: u64) -> Self {
        // As tenants read in addresses clients logged [R ssosync#274].
        let tenant = format!("f3v{}", Seeded::new(seed, "scim tenant", 0).uuid());
        Self {
            tenant,
            tokens: Vec::new(),
        }
    }

    /// Who gives the ids that come with what is provisioned [R: the host; K: what follows].
    pub(crate) fn issuer(&self) -> String {
        format!("https://scim.aws.com/{}", self.tenant)
    }

    pub(crate) fn tokens(&self) -> impl Iterator<Item = &ScimToken> {
        self.tokens.iter().map(|(_, token)| token)
    }

    /// Keeps a new token; nothing where there are as many as may be.
    pub(crate) fn add(
        &mut self,
        mut stream: Seeded,
        at: i64,
        lasts: i64,
    ) -> Option<(ScimToken, String)> {
        if self.tokens.len() >= MOST {
            return None;
        }
        let token = ScimToken {
            id: stream.uuid(),
            created_at: at,
            expires_at: at.saturating_add(lasts),
        };
        let secret = format!(
            "{}:{}:{}={}=",
            stream.uuid(),
            stream.uuid(),
            stream.mixed(171),
            stream.mixed(86)
        );
        self.tokens.push((secret.clone(), token.clone()));
        Some((token, secret))
    }

    /// Answers whether there was one.
    pub(crate) fn delete(&mut self, id: &str) -> bool {
        let before = self.tokens.len();
        self.tokens.retain(|(_, token)| token.id != id);
        self.tokens.len() < before
    }

    /// Whether there is such a token, running or run out.
    pub(crate) fn knows(&self, secret: &str) -> bool {
        self.tokens.iter().any(|(known, _)| known == secret)
    }

    /// The id of a token that is good now.
    pub(crate) fn admitted(&self, secret: &str, now: i64) -> Option<&str> {
        let mut all = self.tokens.iter();
        let good = all.find(|(known, token)| known == secret && now < token.expires_at);
        good.map(|(_, token)| token.id.as_str())
    }

    /// Whether a token opens this tenant now.
    pub(crate) fn admits(&self, tenant: &str, secret: &str, now: i64) -> bool {
        tenant == self.tenant && self.admitted(secret, now).is_some()
    }
}
