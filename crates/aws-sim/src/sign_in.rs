//! People signing in: clients that registered, devices that wait, the sessions and tokens that
//! came of it (AWS reference §5, §11).
//!
//! What it does not know: passwords. Whoever opens the page says who they are.

use std::collections::{BTreeMap, HashMap};

/// How long a registration lasts: 90 days [K].
pub(crate) const REGISTRATION: i64 = 90 * 24 * HOUR;
/// How long a device may wait for its person [R].
pub(crate) const DEVICE: i64 = 10 * MINUTE;
/// How long a code of the PKCE flow lasts [K].
pub(crate) const CODE: i64 = 10 * MINUTE;
/// How long a token lasts that can be refreshed [R].
pub(crate) const TOKEN: i64 = HOUR;
/// How long the tokens of a session live on that was ended, or whose person may no longer sign
/// in (AWS reference §5.3, §5.4 [D]).
pub(crate) const AFTERLIFE: i64 = HOUR;

/// How long after its end something is still told apart from what never was.
const REMEMBERED: i64 = 24 * HOUR;

const MINUTE: i64 = 60_000_000;
const HOUR: i64 = 60 * MINUTE;

/// A program that registered itself.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub(crate) secret: String,
    pub(crate) name: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) redirects: Vec<String>,
    /// Empty where none were named: then any but the authorization code.
    pub(crate) grants: Vec<String>,
    pub(crate) expires_at: i64,
}

/// What a person said about a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Said {
    Nothing,
    Yes(u32),
    No,
}

/// A device that waits for somebody to approve it.
#[derive(Debug, Clone)]
pub(crate) struct Device {
    pub(crate) user_code: String,
    pub(crate) client: String,
    pub(crate) expires_at: i64,
    /// Microseconds that must lie between two questions.
    pub(crate) interval: i64,
    pub(crate) asked_at: Option<i64>,
    pub(crate) said: Said,
    pub(crate) used: bool,
}

/// A code that was handed to a client by way of the browser.
#[derive(Debug, Clone)]
pub(crate) struct Code {
    pub(crate) client: String,
    pub(crate) redirect: String,
    pub(crate) challenge: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) user: u32,
    pub(crate) expires_at: i64,
    pub(crate) used: bool,
}

/// One sign-in of a person.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub(crate) user: u32,
    pub(crate) ends_at: i64,
    /// Signed out, ended, or its person disabled: nothing new comes of it.
    pub(crate) closed: bool,
    /// Until when tokens handed out before go on working.
    pub(crate) tokens_until: i64,
}

/// What a client shows for a person to the portal.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    pub(crate) session: u64,
    pub(crate) scopes: Vec<String>,
    pub(crate) expires_at: i64,
}

/// What a client shows to get the next token.
#[derive(Debug, Clone)]
pub(crate) struct Refresher {
    /// As the next one will be, but that it lasts as long as this does.
    pub(crate) token: Token,
    pub(crate) client: String,
    pub(crate) used: bool,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct SignIns {
    pub(crate) clients: HashMap<String, Client>,
    /// By device code.
    pub(crate) devices: HashMap<String, Device>,
    pub(crate) codes: HashMap<String, Code>,
    /// By number.
    pub(crate) sessions: BTreeMap<u64, Session>,
    begun: u64,
    pub(crate) tokens: HashMap<String, Token>,
    pub(crate) refreshers: HashMap<String, Refresher>,
}

impl SignIns {
    /// The device somebody was shown this code on; blanks, dashes and case do not matter.
    pub(crate) fn device(&mut self, user_code: &str) -> Option<&mut Device> {
        let plain = |text: &str| -> String {
            let letters = text.chars().filter(char::is_ascii_alphanumeric);
            letters.map(|c| c.to_ascii_uppercase()).collect()
        };
        let wanted = plain(user_code);
        let mut all = self.devices.values_mut();
        all.find(|device| plain(&device.user_code) == wanted)
    }

    /// Begins a session; gives its number.
    pub(crate) fn begin(&mut self, user: u32, now: i64, ends_at: i64) -> u64 {
        self.forget(now);
        self.begun += 1;
        let session = Session {
            user,
            ends_at,
            closed: false,
            tokens_until: ends_at,
        };
        self.sessions.insert(self.begun, session);
        self.begun
    }

    /// Forgets what ended so long ago that nobody asks for it any more.
    pub(crate) fn forget(&mut self, now: i64) {
        let lately = |ends_at: i64| now < ends_at.saturating_add(REMEMBERED);
        self.clients.retain(|_, it| lately(it.expires_at));
        self.devices.retain(|_, it| lately(it.expires_at));
        self.codes.retain(|_, it| lately(it.expires_at));
        self.sessions.retain(|_, it| lately(it.ends_at));
        self.tokens.retain(|_, it| lately(it.expires_at));
        self.refreshers.retain(|_, it| lately(it.token.expires_at));
    }

    /// Ends the sessions of a person: nothing new comes of them, and what they handed out lives
    /// on for a while.
    pub(crate) fn close(&mut self, user: u32, now: i64, afterlife: i64) {
        for session in self.sessions.values_mut().filter(|it| it.user == user) {
            session.closed = true;
            session.tokens_until = session.tokens_until.min(now.saturating_add(afterlife));
        }
    }

    /// Signs out: the session and its tokens end now.
    pub(crate) fn sign_out(&mut self, number: u64, now: i64) {
        if let Some(session) = self.sessions.get_mut(&number) {
            session.closed = true;
            session.tokens_until = session.tokens_until.min(now);
        }
    }

    /// Whose token this is, whether it is still good or not.
    pub(crate) fn person_of(&self, token: &str) -> Option<u32> {
        let token = self.tokens.get(token)?;
        self.sessions
            .get(&token.session)
            .map(|session| session.user)
    }

    /// The number of the session behind a token that is good now, and its person.
    pub(crate) fn good(&self, token: &str, now: i64) -> Option<(u64, u32)> {
        let token = self.tokens.get(token)?;
        let session = self.sessions.get(&token.session)?;
        let may = token.scopes.is_empty() || token.scopes.iter().any(|it| it == ACCOUNT_ACCESS);
        let good = may && now < token.expires_at && now < session.tokens_until;
        good.then_some((token.session, session.user))
    }
}

/// The scope that opens the portal [K].
pub(crate) const ACCOUNT_ACCESS: &str = "sso:account:access";
