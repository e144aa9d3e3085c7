//! The commands of people: ask, answer, look, give back. All of them over the API.

use serde_json::json;
use stint_api::catalog::{EntitlementName, Offer};
use stint_api::grants::Grant;
use stint_api::identity::Me;
use stint_api::requests::{
    Approve, Deny, NewRequest, Preview, PreviewRequest, Request, RequestLine,
};
use stint_domain::{Span, Time};

use crate::cli::Ask;
use crate::client::{Client, Server};
use crate::exit::{Exit, Failure};
use crate::out;

/// The most rows a list prints.
const MOST: usize = 1_000;

/// `stint whoami`.
pub(crate) async fn whoami(server: &Server) -> Result<(), Failure> {
    let me: Me = Client::new(server)?.get("/api/v1/me", &[]).await?;
    if server.json {
        return out::json(&me);
    }
    let groups: Vec<&str> = me.groups.iter().map(|g| g.name.as_str()).collect();
    out::line(&format!(
        "{} <{}>  {}",
        me.user.name, me.user.email, me.user.id
    ))?;
    out::line(&format!(
        "roles   {}",
        listed(&me.user.roles.iter().map(String::as_str).collect::<Vec<_>>())
    ))?;
    out::line(&format!("groups  {}", listed(&groups)))
}

/// `stint entitlements [search]`.
pub(crate) async fn entitlements(server: &Server, search: Option<&str>) -> Result<(), Failure> {
    let offers = offers(&Client::new(server)?, search.unwrap_or_default()).await?;
    if server.json {
        return out::json(&offers);
    }
    let rows: Vec<_> = offers
        .iter()
        .map(|o| {
            let who = if o.auto_approve { "nobody" } else { "somebody" };
            [
                o.entitlement.name.clone(),
                Span::seconds(o.max_duration_seconds).to_string(),
                who.to_owned(),
                o.entitlement.id.clone(),
            ]
        })
        .collect();
    out::table(
        ["what", "at most", "approved by", "id"],
        &rows,
        "Nothing fits. Ask whoever runs Stint which catalog it should be in.",
    )
}

async fn offers(client: &Client, search: &str) -> Result<Vec<Offer>, Failure> {
    client
        .list("/api/v1/offers", &[("search", search)], MOST)
        .await
}

/// `stint request`.
pub(crate) async fn request(ask: &Ask) -> Result<(), Failure> {
    let client = Client::new(&ask.server)?;
    let entitlement = find(&client, &ask.entitlement).await?;
    if ask.preview {
        return preview(&client, ask, &entitlement).await;
    }
    let body = NewRequest {
        entitlement: entitlement.id,
        duration_seconds: ask.duration,
        reason: ask.reason.clone(),
        start: ask.start.clone(),
    };
    let mut request: Request = client.post("/api/v1/requests", &body).await?;
    if let Some(seconds) = ask.wait {
        request = wait(&client, request, seconds).await?;
    }
    show(&ask.server, &request)
}

/// An id as it is; otherwise the one offer that fits the words, preferring an exact name.
async fn find(client: &Client, what: &str) -> Result<EntitlementName, Failure> {
    if what.starts_with("ent_") {
        return Ok(EntitlementName {
            id: what.to_owned(),
            kind: String::new(),
            name: what.to_owned(),
            connection: String::new(),
        });
    }
    let found = offers(client, what).await?;
    let exact = found
        .iter()
        .find(|o| o.entitlement.name.eq_ignore_ascii_case(what));
    match (exact, found.as_slice()) {
        (Some(one), _) | (None, [one]) => Ok(one.entitlement.clone()),
        (None, []) => Err(Failure::new(
            Exit::NotFound,
            format!(
                "nothing you may ask for fits `{what}`; `stint entitlements` lists what there is"
            ),
        )),
        (None, many) => {
            let names: Vec<_> = many
                .iter()
                .take(8)
                .map(|o| format!("  {}", o.entitlement.name))
                .collect();
            let more = many.len().saturating_sub(names.len());
            let rest = if more > 0 {
                format!("\n  and {more} more")
            } else {
                String::new()
            };
            Err(Failure::usage(format!(
                "`{what}` fits several:\n{}{rest}\nName one of them.",
                names.join("\n")
            )))
        }
    }
}

async fn preview(client: &Client, ask: &Ask, entitlement: &EntitlementName) -> Result<(), Failure> {
    let body = PreviewRequest {
        entitlement: entitlement.id.clone(),
        duration_seconds: Some(ask.duration),
        reason: Some(ask.reason.clone()),
        start: ask.start.clone(),
    };
    let preview: Preview = client.post("/api/v1/requests/preview", &body).await?;
    if ask.server.json {
        return out::json(&preview);
    }
    out::line(&format!(
        "policy {} (version {})",
        preview.policy.name, preview.policy.number
    ))?;
    for refusal in &preview.refusals {
        out::line(&format!(
            "not like this: {} ({})",
            refusal.detail, refusal.code
        ))?;
    }
    if preview.verdict == "auto_approved" {
        out::line("nobody has to approve; it is given at once")?;
    }
    for step in &preview.steps {
        let names: Vec<&str> = step
            .approvers
            .iter()
            .filter(|a| a.hindrance.is_none())
            .map(|a| a.user.name.as_str())
            .collect();
        out::line(&format!(
            "{}: {} of {}",
            step.name,
            step.needed,
            listed(&names)
        ))?;
    }
    Ok(())
}

/// Asks again every second until it is decided and, when approved, the access is there.
async fn wait(client: &Client, mut request: Request, seconds: i64) -> Result<Request, Failure> {
    for _ in 0..seconds {
        match request.line.state.as_str() {
            "denied" | "cancelled" => {
                return Err(Failure::new(
                    Exit::Denied,
                    format!("{} was {}", request.line.id, request.line.state),
                ));
            }
            "approved"
                if request
                    .grants
                    .iter()
                    .all(|g| g.status != "provisioning" && g.status != "scheduled") =>
            {
                return Ok(request);
            }
            _ => {}
        }
        #[expect(
            clippy::disallowed_methods,
            reason = "a client command waits on the wall, not on Stint's clock"
        )]
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        request = client
            .get(&format!("/api/v1/requests/{}", request.line.id), &[])
            .await?;
    }
    Err(Failure::new(
        Exit::TimedOut,
        format!(
            "{} is still {}; `stint requests {}` tells more",
            request.line.id, request.line.state, request.line.id
        ),
    ))
}

/// `stint requests [id]`.
pub(crate) async fn requests(
    server: &Server,
    id: Option<&str>,
    waiting: bool,
    all: bool,
) -> Result<(), Failure> {
    let client = Client::new(server)?;
    if let Some(id) = id {
        let request: Request = client.get(&format!("/api/v1/requests/{id}"), &[]).await?;
        return show(server, &request);
    }
    let (path, query, empty): (_, &[(&str, &str)], _) = match (waiting, all) {
        (true, _) => ("/api/v1/approvals", &[], "Nothing waits for you."),
        (_, true) => (
            "/api/v1/requests",
            &[("scope", "all")],
            "Nobody has asked for anything yet.",
        ),
        _ => (
            "/api/v1/requests",
            &[],
            "You have not asked for anything yet. `stint entitlements` lists what you may ask for.",
        ),
    };
    let lines: Vec<RequestLine> = client.list(path, query, MOST).await?;
    if server.json {
        return out::json(&lines);
    }
    let rows: Vec<_> = lines
        .iter()
        .map(|l| {
            [
                l.id.clone(),
                l.state.clone(),
                l.entitlement.name.clone(),
                l.beneficiary.name.clone(),
                Span::seconds(l.duration_seconds).to_string(),
                short(&l.submitted_at),
            ]
        })
        .collect();
    out::table(
        [
            "request",
            "state",
            "what",
            "for whom",
            "how long",
            "asked (UTC)",
        ],
        &rows,
        empty,
    )
}

/// `stint grants`.
pub(crate) async fn grants(server: &Server, all: bool) -> Result<(), Failure> {
    let path = if all {
        "/api/v1/grants"
    } else {
        "/api/v1/grants/mine"
    };
    let grants: Vec<Grant> = Client::new(server)?.list(path, &[], MOST).await?;
    if server.json {
        return out::json(&grants);
    }
    let rows: Vec<_> = grants
        .iter()
        .map(|g| {
            let end = g
                .end
                .as_deref()
                .map_or_else(|| "until revoked".to_owned(), short);
            [
                g.id.clone(),
                g.status_title.clone(),
                g.entitlement_name.clone(),
                g.user_name.clone(),
                end,
            ]
        })
        .collect();
    out::table(
        ["grant", "state", "what", "whose", "ends (UTC)"],
        &rows,
        "No access through Stint.",
    )
}

/// `stint approve`, `deny`, `cancel`, `return`.
pub(crate) async fn approve(server: &Server, id: &str, comment: &str) -> Result<(), Failure> {
    answer(
        server,
        id,
        "approve",
        &Approve {
            comment: comment.to_owned(),
        },
    )
    .await
}

/// See [`approve`].
pub(crate) async fn deny(server: &Server, id: &str, reason: &str) -> Result<(), Failure> {
    answer(
        server,
        id,
        "deny",
        &Deny {
            reason: reason.to_owned(),
        },
    )
    .await
}

/// See [`approve`]. `verb` is the last part of the path.
pub(crate) async fn verb(server: &Server, id: &str, verb: &str) -> Result<(), Failure> {
    answer(server, id, verb, &json!({})).await
}

async fn answer(
    server: &Server,
    id: &str,
    verb: &str,
    body: &impl serde::Serialize,
) -> Result<(), Failure> {
    if !id.starts_with("req_") {
        return Err(Failure::usage(format!(
            "`{id}` is not a request: its id begins with req_"
        )));
    }
    let request: Request = Client::new(server)?
        .post(&format!("/api/v1/requests/{id}/{verb}"), body)
        .await?;
    show(server, &request)
}

fn show(server: &Server, request: &Request) -> Result<(), Failure> {
    if server.json {
        return out::json(request);
    }
    let line = &request.line;
    out::line(&format!("{}  {}", line.id, line.state))?;
    out::line(&format!(
        "{} for {}, {}",
        line.entitlement.name,
        line.beneficiary.name,
        Span::seconds(line.duration_seconds)
    ))?;
    if let Some(waiting) = &request.waiting {
        let who: Vec<&str> = waiting.who.iter().map(|w| w.name.as_str()).collect();
        let stuck = if waiting.stuck {
            "; fewer people can approve than are needed: tell whoever runs Stint"
        } else {
            ""
        };
        out::line(&format!(
            "waits for {} of {} ({}){stuck}",
            waiting.still,
            listed(&who),
            waiting.step
        ))?;
    }
    for grant in &request.grants {
        let end = grant
            .end
            .as_deref()
            .map_or_else(String::new, |e| format!(", ends {}", short(e)));
        out::line(&format!("{}  {}{end}", grant.id, grant.status))?;
    }
    for happening in &request.timeline {
        let aws = happening
            .aws_request_id
            .as_deref()
            .map_or_else(String::new, |id| format!("  [AWS {id}]"));
        out::line(&format!(
            "  {}  {}{aws}",
            short(&happening.at),
            happening.text
        ))?;
    }
    Ok(())
}

/// To the second, without the T and Z.
pub(crate) fn short(time: &str) -> String {
    match time.parse::<Time>() {
        Ok(t) => Time::from_micros(t.seconds().saturating_mul(1_000_000))
            .to_string()
            .replace('T', " ")
            .replace('Z', ""),
        Err(_) => time.to_owned(),
    }
}

fn listed(names: &[&str]) -> String {
    if names.is_empty() {
        "nobody".to_owned()
    } else {
        names.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_shown_to_the_second() {
        assert_eq!(short("2026-11-23T14:05:09.123456Z"), "2026-11-23 14:05:09");
        assert_eq!(short("soon"), "soon");
    }
}
