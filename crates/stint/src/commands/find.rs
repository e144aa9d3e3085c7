//! Names where ids are asked: the one thing that is meant, or a sentence that says why it is
//! not known which.

use serde_json::Value;

use crate::client::Client;
use crate::exit::{Exit, Failure};
use crate::out;

/// A request by its id and nothing else. `see` tells which command lists them.
pub(crate) fn request<'a>(id: &'a str, see: &str) -> Result<&'a str, Failure> {
    if is_id("req", id) {
        return Ok(id);
    }
    Err(Failure::usage(format!(
        "`{id}` is not a request: its id is req_ and 26 characters; {see}"
    )))
}

/// The most things that are looked through for a name.
const MOST: usize = 10_000;

/// A kind of thing that can be named.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kind {
    /// Of its ids, without `_`.
    prefix: &'static str,
    /// In words.
    what: &'static str,
    /// Where they are listed.
    list: &'static str,
    /// The fields that name one.
    keys: &'static [&'static str],
    /// The command that lists them.
    see: &'static str,
}

/// Users, by address or name.
pub(crate) const USER: Kind = Kind {
    prefix: "usr",
    what: "user",
    list: "/api/v1/users",
    keys: &["email", "name"],
    see: "stint users list",
};
/// Stint's groups.
pub(crate) const GROUP: Kind = Kind {
    prefix: "grp",
    what: "group",
    list: "/api/v1/groups",
    keys: &["name"],
    see: "stint groups list",
};
/// Connections.
pub(crate) const CONNECTION: Kind = Kind {
    prefix: "con",
    what: "connection",
    list: "/api/v1/connections",
    keys: &["name"],
    see: "stint connections list",
};
/// Applications.
pub(crate) const APPLICATION: Kind = Kind {
    prefix: "app",
    what: "application",
    list: "/api/v1/applications",
    keys: &["name"],
    see: "stint connections list",
};
/// Catalogs.
pub(crate) const CATALOG: Kind = Kind {
    prefix: "cat",
    what: "catalog",
    list: "/api/v1/catalogs",
    keys: &["name"],
    see: "stint catalogs list",
};
/// Policies.
pub(crate) const POLICY: Kind = Kind {
    prefix: "pol",
    what: "policy",
    list: "/api/v1/policies",
    keys: &["name"],
    see: "stint policies list",
};

/// Duty rules.
pub(crate) const DUTY: Kind = Kind {
    prefix: "dut",
    what: "duty rule",
    list: "/api/v1/duties",
    keys: &["name"],
    see: "stint duties list",
};

/// Whether the text is an id of this kind.
pub(crate) fn is_id(prefix: &str, text: &str) -> bool {
    text.strip_prefix(prefix)
        .and_then(|rest| rest.strip_prefix('_'))
        .is_some_and(|rest| rest.len() == 26 && rest.bytes().all(|b| b.is_ascii_alphanumeric()))
}

/// The thing that is named, as its list shows it. An id is looked up by itself.
///
/// # Errors
/// When nothing has that name, or several things have.
pub(crate) async fn one(client: &Client, kind: Kind, given: &str) -> Result<Value, Failure> {
    if is_id(kind.prefix, given) {
        return client.get(&format!("{}/{given}", kind.list), &[]).await;
    }
    let all: Vec<Value> = client.list(kind.list, &[("q", given)], MOST).await?;
    chosen(kind.what, kind.see, kind.keys, given, all)
}

/// The id of what is named.
pub(crate) async fn id(client: &Client, kind: Kind, given: &str) -> Result<String, Failure> {
    if is_id(kind.prefix, given) {
        return Ok(given.to_owned());
    }
    Ok(out::field(&one(client, kind, given).await?, "id"))
}

/// The ids of what is named.
pub(crate) async fn ids(
    client: &Client,
    kind: Kind,
    given: &[String],
) -> Result<Vec<String>, Failure> {
    let mut ids = Vec::new();
    for given in given {
        ids.push(id(client, kind, given).await?);
    }
    Ok(ids)
}

/// An entitlement of any connection the caller may see, in a catalog or not.
pub(crate) async fn entitlement(client: &Client, given: &str) -> Result<String, Failure> {
    let see = "stint connections entitlements CONNECTION";
    let list = "/api/v1/entitlements";
    anywhere(
        client,
        ("ent", "entitlement"),
        (list, see),
        &["name"],
        given,
    )
    .await
}

/// A principal of any connection.
pub(crate) async fn principal(client: &Client, given: &str) -> Result<String, Failure> {
    let see = "stint connections principals CONNECTION";
    let list = "/api/v1/principals";
    let keys = &["name", "email", "display_name"];
    anywhere(client, ("prn", "principal"), (list, see), keys, given).await
}

/// Something of which every connection has a list of its own: its prefix and word, where it is
/// listed and by which command, and what names it.
async fn anywhere(
    client: &Client,
    (prefix, what): (&str, &str),
    (list, see): (&str, &str),
    keys: &[&str],
    given: &str,
) -> Result<String, Failure> {
    if is_id(prefix, given) {
        return Ok(given.to_owned());
    }
    let mut all = Vec::new();
    for connection in connections(client).await? {
        let query = [("connection", connection.as_str()), ("q", given)];
        let found: Vec<Value> = client.list(list, &query, MOST).await?;
        all.extend(found);
    }
    let found = chosen(what, see, keys, given, all)?;
    Ok(out::field(&found, "id"))
}

/// An Identity Center group for which the caller may ask for this entitlement.
pub(crate) async fn identity_group(
    client: &Client,
    entitlement: &str,
    given: &str,
) -> Result<String, Failure> {
    if is_id("prn", given) {
        return Ok(given.to_owned());
    }
    let query = [("entitlement", entitlement), ("q", given)];
    let all: Vec<Value> = client.list("/api/v1/requests/groups", &query, MOST).await?;
    let see = "GET /api/v1/requests/groups";
    let found = chosen("Identity Center group", see, &["name"], given, all)?;
    Ok(out::field(&found, "id"))
}

/// Somebody for whom the caller may ask: an id as it is; otherwise the one whose name or address fits.
pub(crate) async fn beneficiary(client: &Client, given: &str) -> Result<String, Failure> {
    if is_id("usr", given) {
        return Ok(given.to_owned());
    }
    let all: Vec<Value> = (client.list("/api/v1/requests/people", &[("q", given)], MOST)).await?;
    let see = "GET /api/v1/requests/people";
    let found = chosen(
        "person you may ask for",
        see,
        &["name", "email"],
        given,
        all,
    )?;
    Ok(out::field(&found, "id"))
}

async fn connections(client: &Client) -> Result<Vec<String>, Failure> {
    let all: Vec<Value> = client.list(CONNECTION.list, &[], MOST).await?;
    Ok(all.iter().map(|it| out::field(it, "id")).collect())
}

/// The one that is meant by `given`: named exactly so, whatever the capitals; else the only
/// one with all of its words in a name.
///
/// # Errors
/// When there is none, or more than one.
pub(crate) fn chosen(
    what: &str,
    see: &str,
    keys: &[&str],
    given: &str,
    all: Vec<Value>,
) -> Result<Value, Failure> {
    let wanted = given.trim().to_lowercase();
    if wanted.is_empty() {
        return Err(Failure::usage(format!("name a {what}; `{see}` lists them")));
    }
    let names = |it: &Value| -> Vec<String> {
        let names = keys.iter().map(|key| out::field(it, key).to_lowercase());
        names.filter(|name| !name.is_empty()).collect()
    };
    let exact: Vec<_> = (all.iter())
        .filter(|it| names(it).contains(&wanted))
        .collect();
    let fits: Vec<_> = if exact.is_empty() {
        let has_all = |name: &String| wanted.split_whitespace().all(|word| name.contains(word));
        (all.iter())
            .filter(|it| names(it).iter().any(has_all))
            .collect()
    } else {
        exact
    };
    match fits.as_slice() {
        [one] => Ok((*one).clone()),
        [] => Err(Failure::new(
            Exit::NotFound,
            format!("no {what} is called `{given}`; `{see}` lists what there is"),
        )),
        many => {
            let lines: Vec<_> = (many.iter().take(8))
                .map(|it| {
                    let names: Vec<_> = keys.iter().map(|key| out::field(it, key)).collect();
                    format!(
                        "  {}  {}",
                        out::field(it, "id"),
                        names.join("  ").trim_end()
                    )
                })
                .collect();
            let more = many.len().saturating_sub(lines.len());
            let rest = match more {
                0 => String::new(),
                more => format!("\n  and {more} more"),
            };
            Err(Failure::usage(format!(
                "`{given}` fits several:\n{}{rest}\nName one of them, or give its id.",
                lines.join("\n")
            )))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn people() -> Vec<Value> {
        vec![
            json!({"id": "usr_1", "name": "Ana Moreno", "email": "ana@example.com"}),
            json!({"id": "usr_2", "name": "Ana Moreno-Diaz", "email": "diaz@example.com"}),
            json!({"id": "usr_3", "name": "Bo Lindqvist", "email": "bo@example.com"}),
        ]
    }

    fn find(given: &str) -> Result<String, Failure> {
        let found = chosen(
            "user",
            "stint users list",
            &["email", "name"],
            given,
            people(),
        );
        found.map(|it| out::field(&it, "id"))
    }

    #[test]
    fn an_exact_name_wins_and_words_have_to_fit_one_only() {
        assert_eq!(find("ana moreno").expect("exact"), "usr_1");
        assert_eq!(find("diaz ana").expect("words"), "usr_2");
        assert_eq!(find("BO@example.com").expect("by address"), "usr_3");
        let several = find("ana").expect_err("two");
        assert_eq!(several.exit, Exit::Usage);
        assert!(several.message.contains("usr_1") && several.message.contains("usr_2"));
        assert_eq!(find("cy").expect_err("none").exit, Exit::NotFound);
        assert_eq!(find(" ").expect_err("nothing").exit, Exit::Usage);
    }

    #[test]
    fn only_what_looks_like_an_id_is_one() {
        assert!(is_id("usr", "usr_00000000000000000000000001"));
        assert!(!is_id("usr", "usr_1"));
        assert!(!is_id("usr", "grp_00000000000000000000000001"));
        assert!(!is_id("usr", "usr_0000000000000000000000/../"));
    }
}
