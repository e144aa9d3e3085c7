//! Events the identity store sends by itself: `User Created`, `Group Updated`, and those of
//! memberships, whose names are not certain (AWS reference §1.8, §10). They name what they are
//! about by ARNs in `resources`.

use serde_json::Value;

use super::{Envelope, Heard, Hint, Listener, Object, account_id, hints, store_id};

pub(super) fn hear(event: &Envelope, by: &Listener) -> Heard {
    let Some(account) = account_id(&event.account) else {
        return Heard::Malformed;
    };
    if !by.is_home(&account) {
        return Heard::Foreign;
    }
    let arns = || event.resources.iter().filter_map(Value::as_str);
    // `arn:aws:identitystore::111122223333:identitystore/d-…` says whose it is, where it is there.
    let store = arns().find_map(|arn| resource(arn, "identitystore"));
    let store = store.or_else(|| text(event, "identityStoreId"));
    if let (Some(named), Some(ours)) = (store, &by.store)
        && named != ours
    {
        return Heard::Foreign;
    }
    let of = |word: &str, field: &str| {
        let named = arns().find_map(|arn| resource(arn, word));
        named.or_else(|| text(event, field)).and_then(store_id)
    };
    let kind = event.kind.as_str();
    let found = if kind.contains("Membership") || kind.contains("Member ") {
        let one = of("membership", "membershipId").map(Object::Membership);
        of("group", "groupId").map(Object::Members).or(one)
    } else if kind.starts_with("User ") {
        of("user", "userId").map(Object::User)
    } else if kind.starts_with("Group ") {
        of("group", "groupId").map(Object::Group)
    } else {
        None
    };
    hints(event, kind, found.map(|object| vec![Hint::now(object)]))
}

/// The id in an ARN `…:<word>/<id>` of the identity store.
fn resource<'a>(arn: &'a str, word: &str) -> Option<&'a str> {
    let mut parts = arn.splitn(6, ':');
    if parts.nth(2)? != "identitystore" {
        return None;
    }
    let (kind, id) = parts.nth(2)?.split_once('/')?;
    (kind == word).then(|| id.rsplit('/').next().unwrap_or(id))
}

fn text<'a>(event: &'a Envelope, field: &str) -> Option<&'a str> {
    event.detail.get(field)?.as_str()
}
