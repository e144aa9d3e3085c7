//! Whether users are active, from Identity Center's SCIM endpoint, where the identity store does not
//! say: older stores list users without `UserStatus` (AWS reference §1.2, §1.7).
//!
//! Only `active` is read. Asked only when a page of users comes with one whose status is missing, and
//! then once for all of them. AWS's list goes on from a cursor, a hundred at a time; where it does
//! not, and is cut short, those it left out are asked for one by one. A failure leaves the status as
//! it was, and is shown on the connection's page: it is no reason to read nothing else.
//!
//! What it does not do: write to the endpoint, read groups.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use stint_aws::{Ask, IdentityUser, Lane, Pace as _, Service, WallPace};
use stint_db::Priority;
use stint_domain::ConnectionId;

use crate::connections::{self, ScimOnFile};
use crate::cx::Cx;
use crate::http::{Answered, Fault as _, Outgoing};

/// How many one page has at most (AWS reference §1.7).
const PAGE: usize = 100;
/// How many pages are read at most: AWS bears 100,000 users in a store.
const PAGES: usize = 2_000;
/// How many are asked for one by one at most, in one reading.
const SINGLE: usize = 5_000;
/// How often a call is made before its failure counts.
const TRIES: u32 = 5;
/// The longest that is waited because AWS asks to.
const PATIENCE: Duration = Duration::from_secs(60);

/// The statuses of a connection's users, asked for when they are first needed. Make one for each
/// reading.
#[derive(Debug, Default)]
pub(super) struct Statuses {
    asked: Option<Known>,
    /// Only a few users are read: nobody is listed for them.
    few: bool,
}

#[derive(Debug)]
enum Known {
    /// What the endpoint listed, and the way to ask for those it left out; none where it left out
    /// nobody.
    Listed(BTreeMap<String, bool>, Option<Box<Endpoint>>),
    /// There is no endpoint, or it does not answer.
    Nothing,
}

/// Why statuses are not known, in words for people.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Unread(String);

#[derive(Debug)]
struct Endpoint {
    cx: CxParts,
    url: String,
    token: secrecy::SecretString,
    out: Outgoing,
    single: usize,
}

/// What of an operation a call needs.
struct CxParts {
    governor: stint_aws::Governor,
    scope: String,
}

impl std::fmt::Debug for CxParts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("CxParts").field(&self.scope).finish()
    }
}

/// A page of users, of which nothing else matters.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    #[serde(default, rename = "Resources")]
    resources: Vec<Resource>,
    #[serde(default)]
    total_results: Option<usize>,
    #[serde(default)]
    next_cursor: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Resource {
    id: String,
    #[serde(default)]
    active: Option<bool>,
}

impl Statuses {
    /// For a reading of single users: they are asked for one by one.
    pub(super) fn one() -> Self {
        Self {
            asked: None,
            few: true,
        }
    }

    /// Fills in who is active of those users whose status the identity store left out. Without an
    /// endpoint, or when it does not answer, they stay as they came.
    pub(super) async fn fill(
        &mut self,
        cx: &Cx,
        connection: ConnectionId,
        users: &mut [IdentityUser],
    ) -> stint_db::Result<()> {
        if users.iter().all(|user| user.active.is_some()) {
            return Ok(());
        }
        if self.asked.is_none() {
            self.asked = Some(ask(cx, connection, self.few).await?);
        }
        let Some(Known::Listed(known, more)) = &mut self.asked else {
            return Ok(());
        };
        for user in users.iter_mut().filter(|user| user.active.is_none()) {
            user.active = known.get(&user.id).copied();
            let Some(endpoint) = more
                .as_mut()
                .filter(|it| user.active.is_none() && it.single > 0)
            else {
                continue;
            };
            endpoint.single -= 1;
            match endpoint.one(&user.id).await {
                Ok(active) => user.active = active,
                Err(why) => {
                    note(cx, connection, Some(why.to_string())).await?;
                    *more = None;
                }
            }
        }
        Ok(())
    }
}

/// Lists everybody, once; nobody where only a few are read.
async fn ask(cx: &Cx, connection: ConnectionId, few: bool) -> stint_db::Result<Known> {
    let feeds = connections::feeds(&mut cx.read().await?, connection).await?;
    let Some(scim) = feeds.scim else {
        return Ok(Known::Nothing);
    };
    let listed = async {
        let endpoint = Endpoint::of(cx, connection, &scim)?;
        let (known, whole) = match few {
            true => (BTreeMap::new(), false),
            false => endpoint.all().await?,
        };
        Ok::<_, Unread>((known, (!whole).then(|| Box::new(endpoint))))
    };
    Ok(match listed.await {
        Ok((known, more)) => {
            // Where only a few are asked for, nothing was asked yet.
            if !few {
                note(cx, connection, None).await?;
            }
            Known::Listed(known, more)
        }
        Err(why) => {
            tracing::warn!(connection.id = %connection, error = %why, "scim.unread");
            note(cx, connection, Some(why.to_string())).await?;
            Known::Nothing
        }
    })
}

/// Keeps how the last reading went.
async fn note(cx: &Cx, connection: ConnectionId, why: Option<String>) -> stint_db::Result<()> {
    let mut tx = cx.begin(Priority::Sync).await?;
    connections::scim_read(&mut tx, connection, cx.app.clock.now(), why).await?;
    tx.commit().await
}

impl Endpoint {
    fn of(cx: &Cx, connection: ConnectionId, scim: &ScimOnFile) -> Result<Self, Unread> {
        let token = connections::scim_token(&cx.app, connection, scim);
        Ok(Self {
            url: scim.endpoint.clone(),
            token: token.map_err(|error| Unread(error.detail()))?,
            out: Outgoing::new(cx.app.aws.is_simulated())
                .map_err(|error| Unread(error.to_string()))?,
            single: SINGLE,
            cx: CxParts {
                governor: cx.app.aws.governor().clone(),
                scope: connection.to_string(),
            },
        })
    }

    /// Everybody that is listed, and whether that is everybody.
    async fn all(&self) -> Result<(BTreeMap<String, bool>, bool), Unread> {
        let mut known = BTreeMap::new();
        let mut cursor = String::new();
        for _ in 0..PAGES {
            let path = format!("Users?count={PAGE}&cursor={}", escaped(&cursor));
            let page: Listed = read(&self.get(&path).await?)?;
            let here = page.resources.len();
            let active = page.resources.into_iter();
            known.extend(active.filter_map(|it| Some((it.id, it.active?))));
            match page.next_cursor.filter(|next| !next.is_empty()) {
                Some(next) if next != cursor => cursor = next,
                // The same cursor again would never end.
                Some(_) => return Ok((known, false)),
                None => {
                    // Without cursors AWS lists 50, or 100, and does not say that there are more.
                    let first = cursor.is_empty();
                    let short = page.total_results.is_some_and(|all| all > here);
                    return Ok((known, !(first && (short || here == 50 || here == PAGE))));
                }
            }
        }
        Ok((known, false))
    }

    /// Whether one user is active; none where the endpoint does not know them.
    async fn one(&self, id: &str) -> Result<Option<bool>, Unread> {
        let answer = self.get(&format!("Users/{}", escaped(id))).await;
        match answer {
            Ok(answer) if answer.status == 404 => Ok(None),
            Ok(answer) => Ok(read::<Resource>(&answer)?.active),
            Err(error) => Err(error),
        }
    }

    /// One answer: again while AWS says that there were too many calls, or fails.
    async fn get(&self, path: &str) -> Result<Answered, Unread> {
        let url = format!("{}{path}", self.url);
        let pace = WallPace::new();
        for tried in 1..=TRIES {
            let ask = Ask {
                scope: &self.cx.scope,
                lane: Lane::Sync,
                service: Service::Scim,
                account: None,
            };
            let permit = self.cx.governor.admit(ask).await;
            let permit = permit.map_err(|held| Unread(held.to_string()))?;
            let answer = self.out.get(&url, &self.token).await;
            let answer = answer
                .map_err(|error| Unread(format!("The SCIM endpoint did not answer: {error}.")))?;
            let again = answer.status == 429 || answer.status >= 500;
            let wait = answer.retry_after.map_or_else(
                || Duration::from_millis(500).saturating_mul(1 << tried),
                Duration::from_secs,
            );
            if answer.status == 429 {
                permit.throttled(None);
            }
            drop(permit);
            match answer.status {
                200 | 404 => return Ok(answer),
                401 => {
                    return Err(Unread(connections::TOKEN_REFUSED.to_owned()));
                }
                _ if again && tried < TRIES && wait <= PATIENCE => pace.wait(wait).await,
                status => return Err(Unread(format!("The SCIM endpoint answered {status}."))),
            }
        }
        Err(Unread("The SCIM endpoint takes no calls now.".to_owned()))
    }
}

fn read<T: for<'a> Deserialize<'a>>(answer: &Answered) -> Result<T, Unread> {
    if answer.status != 200 {
        return Err(Unread(connections::NO_ENDPOINT.to_owned()));
    }
    serde_json::from_slice(&answer.body)
        .map_err(|_| Unread("The SCIM endpoint answered something else than users.".to_owned()))
}

/// What stands in a query or a path, byte by byte.
fn escaped(text: &str) -> String {
    let mut whole = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            whole.push(char::from(byte));
        } else {
            whole.push_str(&format!("%{byte:02X}"));
        }
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn nothing_in_a_cursor_ends_the_query() {
        assert_eq!(escaped("a&b=c/d e+f"), "a%26b%3Dc%2Fd%20e%2Bf");
        assert_eq!(escaped("90677c608a-aa_bb.~"), "90677c608a-aa_bb.~");
    }
}
