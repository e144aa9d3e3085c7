//! What people do to IAM users.

use serde_json::json;
use stint_db::{Priority, Tx};
use stint_domain::managed::user::{Origin, User};
use stint_domain::rights::{Relation, Verb};
use stint_domain::{ConnectionId, ObjectId};

use super::store::users as rows;
use super::{Error, ManagedUser, Moment, Place, nudge, store, tell};
use crate::connections;
use crate::cx::Cx;
use crate::http::{Page, Paging, chosen, sorted};

/// A user to be, or one that is there and is to be looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewManagedUser {
    /// Its name.
    pub name: String,
    /// Its path; `/` when empty.
    pub path: String,
    /// The policy that is its permissions boundary, by ARN.
    pub boundary: Option<String>,
    /// It is there, and Stint did not make it: look at it, change nothing.
    pub existing: bool,
    /// Why.
    pub reason: String,
}

/// Which users to list, and how. What is absent does not narrow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserFilter {
    /// Words in the name, in their order.
    pub q: String,
    /// In this state, one of the words of `managed::user::State`.
    pub state: Option<String>,
    /// One of [`SORTS`]; the first when absent.
    pub sort: Option<String>,
}

/// The orders a list of users has: by name.
pub const SORTS: &[&str] = &["name", "-name"];

/// The words of `managed::user::State`.
const STATES: &[&str] = &[
    "looking",
    "found",
    "creating",
    "active",
    "disabling",
    "disabled",
    "deleting",
    "deleted",
    "failed",
    "gone",
    "stuck",
];

/// A connection's managed users, by name.
pub async fn list_users(
    cx: &Cx,
    connection: ConnectionId,
    filter: &UserFilter,
    paging: &Paging,
) -> Result<Page<ManagedUser>, Error> {
    cx.authorize(Verb::ListIamUsers, Relation::Others)?;
    let sort = sorted(filter.sort.as_deref(), SORTS)?;
    chosen("state", filter.state.as_deref(), STATES)?;
    let after = paging.after_in::<(String, ObjectId)>(sort)?;
    let mut q = cx.read().await?;
    let known = connections::connection(&mut q, connection).await?;
    known.ok_or(Error::NotFound)?;
    let order = (sort == "-name", after);
    let found = rows::list(&mut q, connection, filter, order, paging.fetch()).await?;
    let page = paging.page_in(sort, found, |(key, it)| (key.clone(), it.user.id));
    Ok(Page {
        items: page.items.into_iter().map(|(_, it)| it).collect(),
        next: page.next,
    })
}

/// One user, with what happened to it.
pub async fn get_user(cx: &Cx, id: ObjectId) -> Result<(ManagedUser, Vec<Moment>), Error> {
    cx.authorize(Verb::GetIamUser, Relation::Others)?;
    let mut q = cx.read().await?;
    let found = rows::user(&mut q, id).await?.ok_or(Error::NotFound)?;
    let moments = super::timeline(&mut q, id).await?;
    Ok((found, moments))
}

/// Asks for an IAM user; or has one looked at that Stint did not make. Makes no call to AWS:
/// that is the background work's.
pub async fn create(
    cx: &Cx,
    connection: ConnectionId,
    new: NewManagedUser,
) -> Result<ManagedUser, Error> {
    cx.authorize(Verb::CreateIamUser, Relation::Others)?;
    let name = check::name(&new.name)?;
    let path = check::path(&new.path)?;
    let boundary = check::boundary(new.boundary.as_deref())?;
    let reason = said(&new.reason)?;
    let mut tx = cx.begin(Priority::Interactive).await?;
    let known = connections::lock(&mut tx, connection).await?;
    let known = known.ok_or(Error::NotFound)?;
    if !known.iam {
        return Err(Error::IamOff);
    }
    // One that is there may be looked at, and taken away, also while the connection is drained.
    if !new.existing
        && let Some(closed) = connections::closed(&mut tx, &known).await?
    {
        return Err(Error::Closed(Box::new(closed)));
    }
    if known.removed_at.is_some() {
        return Err(Error::NotFound);
    }
    connections::iam_user_allowed(&known, &path, &name).map_err(|why| Error::bad("name", why))?;
    // AWS lets Stint make no user without the one the connection names.
    let boundary = match &known.scope.iam_user_boundary {
        Some(asked) if !new.existing => {
            if boundary.as_ref().is_some_and(|given| given != asked) {
                let why = format!(
                    "IAM users of this connection are made with the permissions boundary {asked}. Leave it \
                     out, or change what Stint does in this account."
                );
                return Err(Error::bad("boundary", why));
            }
            Some(asked.clone())
        }
        _ => boundary,
    };
    let id: ObjectId = cx.app.new_id();
    let user = if new.existing {
        User::to_find(id, name, cx.now)
    } else {
        User::to_make(id, name, cx.now)
    };
    let made = ManagedUser {
        user,
        place: Place {
            connection,
            account: known.credential.account(),
        },
        path,
        boundary,
        created_by: cx.actor.user(),
        created_at: cx.now,
        reason,
        hanging: None,
    };
    rows::insert(&mut tx, &made).await.map_err(taken)?;
    let facts = json!({
        "name": made.user.name, "path": made.path, "account": made.place.account, "origin": made.user.origin,
        "boundary": made.boundary, "reason": made.reason,
    });
    let text = match made.user.origin {
        Origin::Made => format!(
            "The IAM user {} was asked for: {}",
            made.user.name, made.reason
        ),
        Origin::Found => format!(
            "Stint was told of the IAM user {}, which it did not make: {}",
            made.user.name, made.reason
        ),
    };
    tell::by_hand(
        cx,
        &mut tx,
        (id, connection),
        "iam_user.requested",
        &text,
        facts,
    )
    .await?;
    tx.commit().await?;
    nudge(&cx.app);
    Ok(made)
}

/// Locks a user out: keys inactive, console password gone. `confirm`: its name, where Stint did
/// not make it.
pub async fn disable(
    cx: &Cx,
    id: ObjectId,
    reason: &str,
    confirm: Option<&str>,
) -> Result<ManagedUser, Error> {
    cx.authorize(Verb::DisableIamUser, Relation::Others)?;
    let asked = (
        User::disable as Wish,
        "iam_user.disable_asked",
        "to lock it out",
    );
    wish(cx, id, reason, confirm, asked).await
}

/// Deletes a user with everything that hangs on it. `confirm`: its name, where Stint did not
/// make it.
pub async fn delete(
    cx: &Cx,
    id: ObjectId,
    reason: &str,
    confirm: Option<&str>,
) -> Result<ManagedUser, Error> {
    cx.authorize(Verb::DeleteIamUser, Relation::Others)?;
    let asked = (
        User::delete as Wish,
        "iam_user.delete_asked",
        "to delete it",
    );
    wish(cx, id, reason, confirm, asked).await
}

type Wish = fn(User, stint_domain::Time) -> Result<User, stint_domain::managed::Refused>;

async fn wish(
    cx: &Cx,
    id: ObjectId,
    reason: &str,
    confirm: Option<&str>,
    (wish, event, words): (Wish, &'static str, &str),
) -> Result<ManagedUser, Error> {
    let reason = said(reason)?;
    let mut tx = cx.begin(Priority::Revoke).await?;
    let (found, was) = rows::load(&mut tx, id, cx.now, &cx.app.model)
        .await?
        .ok_or(Error::NotFound)?;
    if found.user.origin == Origin::Found && confirm.map(str::trim) != Some(&found.user.name) {
        return Err(Error::NotNamed {
            name: found.user.name,
        });
    }
    let mut is = was.clone();
    is.user = wish(is.user, cx.now)?;
    rows::save(&mut tx, &found.place, &was, &is).await?;
    let facts = json!({
        "name": found.user.name, "account": found.place.account, "user_id": found.user.user_id,
        "origin": found.user.origin, "reason": reason,
    });
    let by = cx.person().map(|person| person.name.clone());
    let text = format!(
        "{} asked {words}: {reason}",
        by.unwrap_or_else(|_| "Stint".to_owned())
    );
    let about = (id, found.place.connection);
    tell::by_hand(cx, &mut tx, about, event, &text, facts).await?;
    finish(cx, tx, id).await
}

/// Tries again at once what AWS refuses.
pub async fn retry_user(cx: &Cx, id: ObjectId) -> Result<ManagedUser, Error> {
    cx.authorize(Verb::RetryIamUser, Relation::Others)?;
    let mut tx = cx.begin(Priority::Revoke).await?;
    let (found, was) = rows::load(&mut tx, id, cx.now, &cx.app.model)
        .await?
        .ok_or(Error::NotFound)?;
    let mut is = was.clone();
    is.user = is.user.retry(cx.now)?;
    rows::save(&mut tx, &found.place, &was, &is).await?;
    tell::retried(cx, &mut tx, (id, found.place.connection)).await?;
    finish(cx, tx, id).await
}

async fn finish(cx: &Cx, mut tx: Tx, id: ObjectId) -> Result<ManagedUser, Error> {
    let after = rows::user(&mut tx, id).await?.ok_or(Error::NotFound)?;
    tx.commit().await?;
    nudge(&cx.app);
    Ok(after)
}

pub(super) fn said(reason: &str) -> Result<String, Error> {
    let reason = reason.trim();
    if reason.is_empty() {
        return Err(Error::NoReason);
    }
    if reason.chars().count() > LONGEST_REASON {
        return Err(Error::bad(
            "reason",
            format!("Use at most {LONGEST_REASON} characters."),
        ));
    }
    Ok(reason.to_owned())
}

const LONGEST_REASON: usize = 1_000;

/// Two that are not over do not share a name.
const NAME_INDEX: &str =
    "managed_users.connection_id, managed_users.account, managed_users.name_key";

fn taken(error: stint_db::Error) -> Error {
    if error.is_unique(NAME_INDEX) {
        Error::NameTaken
    } else {
        Error::Db(error)
    }
}

/// What AWS takes for names (AWS reference §1.1 [M]).
mod check {
    use super::Error;

    pub(super) fn name(text: &str) -> Result<String, Error> {
        let text = text.trim();
        let plain = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
        if (1..=64).contains(&text.len()) && text.chars().all(plain) {
            return Ok(text.to_owned());
        }
        let why = "Use 1 to 64 letters, digits and _ + = , . @ -, as AWS does.";
        Err(Error::bad("name", why))
    }

    /// Slash to slash, 512 characters at most, visible ones.
    pub(super) fn path(text: &str) -> Result<String, Error> {
        let text = text.trim();
        if text.is_empty() {
            return Ok("/".to_owned());
        }
        let plain = text.bytes().all(|b| b.is_ascii_graphic());
        if plain
            && text.len() <= 512
            && text.starts_with('/')
            && text.ends_with('/')
            && !text.contains("//")
        {
            return Ok(text.to_owned());
        }
        let why = "Write a path as AWS does: / alone, or words between slashes, /stint/robots/.";
        Err(Error::bad("path", why))
    }

    pub(super) fn boundary(text: Option<&str>) -> Result<Option<String>, Error> {
        let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else {
            return Ok(None);
        };
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        match parts.as_slice() {
            ["arn", partition, "iam", "", _, policy]
                if !partition.is_empty() && policy.starts_with("policy/") && text.len() <= 2048 =>
            {
                Ok(Some(text.to_owned()))
            }
            _ => Err(Error::bad(
                "boundary",
                "Give the ARN of an IAM policy: arn:aws:iam::123456789012:policy/limits.",
            )),
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn names_paths_and_boundaries_are_as_aws_takes_them() {
            for good in ["deploy", "a", "build+bot@example.com", "X_=,.-"] {
                assert_eq!(name(good).expect("a name"), good);
            }
            let long = "x".repeat(65);
            for bad in ["", "two words", "ümlaut", "a/b", long.as_str(), "*"] {
                assert!(name(bad).is_err(), "{bad}");
            }
            assert_eq!(path("").expect("none"), "/");
            for good in ["/", "/stint/", "/a/b/"] {
                assert_eq!(path(good).expect("a path"), good);
            }
            for bad in ["stint", "/stint", "stint/", "//", "/a b/"] {
                assert!(path(bad).is_err(), "{bad}");
            }
            assert_eq!(boundary(Some(" ")).expect("none"), None);
            assert!(boundary(Some("arn:aws:iam::123456789012:policy/limits")).is_ok());
            for bad in [
                "limits",
                "arn:aws:iam::1:role/limits",
                "arn:aws:s3:::bucket",
            ] {
                assert!(boundary(Some(bad)).is_err(), "{bad}");
            }
        }

        #[test]
        fn every_state_can_be_filtered_by() {
            let words: Vec<&str> = stint_domain::managed::user::State::ALL
                .iter()
                .map(|s| s.as_str())
                .collect();
            assert_eq!(words, super::super::STATES);
        }
    }
}

/// Until when a call for another user under this name may be under way in AWS.
pub(super) async fn name_fenced(
    tx: &mut Tx,
    of: &ManagedUser,
    now: stint_domain::Time,
    fence: stint_domain::Span,
) -> Result<Option<stint_domain::Time>, Error> {
    let (connection, account) = (of.place.connection, of.place.account.as_str());
    let name = of.user.name.as_str();
    let since = now - fence;
    let ours =
        store::attempts::name_in_flight(tx, of.user.id, connection, account, name, since).await?;
    let adds = crate::grants::name_in_flight(tx, connection, name, since).await?;
    Ok(ours.max(adds).map(|at| at + fence))
}
