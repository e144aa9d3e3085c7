//! The commands of people: ask, answer, look, give back. All of them over the API.

use serde_json::json;
use stint_api::catalog::{EntitlementName, Offer};
use stint_api::emergency::Raise;
use stint_api::policies::Deadline;
use stint_api::requests::{
    Approve, Deny, Extend, NewComment, NewRequest, NewSubmission, OtherPolicy, PolicyName, Preview,
    PreviewRequest, PreviewStep, Reassign, Request, RequestLine, Submission,
};
use stint_domain::Span;

use crate::cli::Ask;
use crate::client::{Client, Server, pause};
use crate::exit::{Exit, Failure};
use crate::out;

use super::{MOST, find, short};

mod shown;

use shown::{both, given_by, holder, how_long, listed, marked, show};

/// `stint entitlements [search]`.
pub(crate) async fn entitlements(
    server: &Server,
    search: Option<&str>,
    for_user: Option<&str>,
) -> Result<(), Failure> {
    let client = Client::new(server)?;
    let whom = match for_user {
        Some(given) => Some(find::beneficiary(&client, given).await?),
        None => None,
    };
    let offers = offers(&client, search.unwrap_or_default(), whom.as_deref()).await?;
    if server.json {
        return out::json(&offers);
    }
    let rows: Vec<_> = offers
        .iter()
        .map(|o| {
            let who = if o.auto_approve { "nobody" } else { "somebody" };
            let emergency =
                (o.emergency.as_ref()).map(|it| Span::seconds(it.max_duration_seconds).to_string());
            let most = Span::seconds(o.max_duration_seconds);
            [
                o.entitlement.name.clone(),
                match o.until_revoked {
                    true => format!("{most}, or until revoked"),
                    false => most.to_string(),
                },
                who.to_owned(),
                emergency.unwrap_or_default(),
                o.entitlement.id.clone(),
            ]
        })
        .collect();
    out::table(
        ["what", "at most", "approved by", "in an emergency", "id"],
        &rows,
        "Nothing fits. Ask whoever runs Stint which catalog it should be in.",
    )
}

async fn offers(client: &Client, search: &str, whom: Option<&str>) -> Result<Vec<Offer>, Failure> {
    let mut query = vec![("q", search)];
    query.extend(whom.map(|id| ("beneficiary", id)));
    client.list("/api/v1/offers", &query, MOST).await
}

/// `stint request`.
pub(crate) async fn request(ask: &Ask) -> Result<(), Failure> {
    let client = Client::new(&ask.server)?;
    if let [_, _, ..] = ask.entitlement.as_slice() {
        return together(&client, ask).await;
    }
    let body = asked(&client, ask, ask.entitlement.first()).await?;
    if ask.preview {
        return preview(&client, ask, body).await;
    }
    let mut request: Request = client
        .post_proved("/api/v1/requests", &body, ask.password_stdin)
        .await?;
    if let Some(seconds) = ask.wait {
        request = wait(&client, request, ask, seconds).await?;
    }
    show(&ask.server, &request)
}

/// What is to be asked for: what is said, over what an earlier request said.
async fn asked(client: &Client, ask: &Ask, what: Option<&String>) -> Result<NewRequest, Failure> {
    let before: Option<RequestLine> = match &ask.again {
        Some(id) => {
            let id = find::request(id, "`stint requests` lists them")?;
            let found: Request = client.get(&format!("/api/v1/requests/{id}"), &[]).await?;
            Some(found.line)
        }
        None => None,
    };
    let whom = match &ask.for_user {
        Some(given) => Some(find::beneficiary(client, given).await?),
        None => None,
    };
    let had_whom = (before.as_ref())
        .filter(|it| it.beneficiary.id != it.requester.id && it.group.is_none())
        .map(|it| it.beneficiary.id.clone());
    let (entitlement, group) = match (&before, what) {
        (Some(before), _) => (
            before.entitlement.id.clone(),
            before.group.as_ref().map(|group| group.id.clone()),
        ),
        (None, what) => {
            let what = what.map_or("", String::as_str);
            let entitlement = find(client, what, whom.as_deref()).await?.id;
            let group = match &ask.for_group {
                Some(given) => Some(find::identity_group(client, &entitlement, given).await?),
                None => None,
            };
            (entitlement, group)
        }
    };
    let lasted = before.as_ref().map(|it| it.review_every_seconds.is_some());
    let until_revoked =
        ask.until_revoked || (ask.duration.is_none() && !ask.emergency && lasted == Some(true));
    let had_for = (before.as_ref())
        .filter(|it| it.review_every_seconds.is_none())
        .map(|it| it.duration_seconds);
    let duration = ask.duration.or(had_for).filter(|_| !until_revoked);
    let had = before.as_ref().and_then(|it| it.ticket.clone());
    let reason = ask.reason.clone().or(before.map(|it| it.reason));
    Ok(NewRequest {
        entitlement,
        duration_seconds: duration,
        until_revoked,
        reason: reason.unwrap_or_default(),
        ticket: ask.ticket.clone().or(had),
        start: ask.start.clone(),
        principal: group,
        beneficiary: whom.or(had_whom),
        emergency: ask.emergency,
    })
}

/// Several things at once. What is to be awaited or looked at beforehand is one thing's.
async fn together(client: &Client, ask: &Ask) -> Result<(), Failure> {
    if ask.preview || ask.wait.is_some() {
        return Err(Failure::usage(
            "--preview and --wait go with one thing only".to_owned(),
        ));
    }
    let mut items = Vec::new();
    for what in &ask.entitlement {
        items.push(asked(client, ask, Some(what)).await?);
    }
    let body = NewSubmission { items };
    let made: Submission = client
        .post_proved("/api/v1/submissions", &body, ask.password_stdin)
        .await?;
    if ask.server.json {
        return out::json(&made);
    }
    out::line(&made.id)?;
    for line in &made.requests {
        out::line(&format!("{}  {}  {}", line.id, marked(line), both(line)))?;
    }
    Ok(())
}

/// `stint comment`.
pub(crate) async fn comment(
    server: &Server,
    request: &str,
    text: String,
    question: bool,
) -> Result<(), Failure> {
    let client = Client::new(server)?;
    let id = find::request(request, "`stint requests` lists them")?;
    let body = NewComment { text, question };
    let request: Request = client
        .post(&format!("/api/v1/requests/{id}/comments"), &body)
        .await?;
    show(server, &request)
}

/// An id as it is; otherwise the one offer that fits the words, preferring an exact name.
async fn find(client: &Client, what: &str, whom: Option<&str>) -> Result<EntitlementName, Failure> {
    if find::is_id("ent", what) {
        return Ok(EntitlementName {
            id: what.to_owned(),
            kind: String::new(),
            name: what.to_owned(),
            connection: String::new(),
        });
    }
    let found = offers(client, what, whom).await?;
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
                "`{what}` fits several:\n{}{rest}\nName one of them, or give its id.",
                names.join("\n")
            )))
        }
    }
}

async fn preview(client: &Client, ask: &Ask, asked: NewRequest) -> Result<(), Failure> {
    let body = PreviewRequest {
        entitlement: asked.entitlement,
        duration_seconds: asked.duration_seconds,
        until_revoked: asked.until_revoked,
        reason: Some(asked.reason),
        ticket: Some(asked.ticket.unwrap_or_default()),
        start: asked.start,
        principal: asked.principal,
        beneficiary: asked.beneficiary,
        emergency: asked.emergency,
    };
    let preview: Preview = client.post("/api/v1/requests/preview", &body).await?;
    if ask.server.json {
        return out::json(&preview);
    }
    let rule = preview.rule.as_ref().map(|rule| format!(", rule “{rule}”"));
    out::line(&format!(
        "policy {} (version {}){}",
        preview.policy.name,
        preview.policy.number,
        rule.unwrap_or_default()
    ))?;
    for refusal in &preview.refusals {
        out::line(&format!(
            "not like this: {} ({})",
            refusal.detail, refusal.code
        ))?;
    }
    if let Some(it) = &preview.ticket {
        let asked = if it.required {
            "a ticket is needed (--ticket)"
        } else {
            "a ticket may be given (--ticket)"
        };
        let like = it.hint.as_ref().or(it.pattern.as_ref());
        let like = like.map_or_else(String::new, |like| format!(": {like}"));
        out::line(&format!("{asked}{like}"))?;
    }
    if let Some(when) = &preview.step_up {
        out::line(&format!("the password again: {}", given_by(when)))?;
    }
    if let Some(who) = &preview.beneficiary {
        out::line(&format!("for {}", who.name))?;
    }
    if let (Some(group), Some(members)) = (&preview.group, &preview.group_members) {
        out::line(&format!(
            "for the group {}: {} in it would hold it",
            group.name, members.count
        ))?;
    }
    if let (Some(told), Some(within)) = (preview.told, preview.review_within_seconds) {
        out::line(&format!(
            "emergency access: {told} told at once; reviewed within {}",
            Span::seconds(within)
        ))?;
    }
    if let Some(every) = preview.review_every_seconds {
        out::line(&format!(
            "until revoked (--until-revoked): every {} its owners are asked whether it is still needed",
            Span::seconds(every)
        ))?;
    }
    if let Some(it) = &preview.emergency {
        out::line(&format!(
            "in an emergency (--emergency): policy {}, at most {}",
            it.policy,
            Span::seconds(it.max_duration_seconds)
        ))?;
    }
    if preview.verdict == "auto_approved" {
        out::line("nobody has to approve; it is given at once")?;
    }
    steps(&preview.steps, &preview.others)?;
    for other in &preview.others {
        let policy = &other.policy;
        out::line(&format!(
            "under the policy {} (version {}), once a deadline leads there:",
            policy.name, policy.number
        ))?;
        if other.denies.is_some() {
            out::line("denied: nobody is asked there")?;
        }
        steps(&other.steps, &[])?;
    }
    Ok(())
}

/// What happens at a deadline, with the names of the policies it may lead to.
fn at_deadline<'a>(it: &Deadline, others: impl IntoIterator<Item = &'a PolicyName>) -> String {
    match it.then.as_str() {
        "next_step" => "the next step decides in its place".to_owned(),
        "other_policy" => {
            let mut others = others.into_iter();
            let other = others.find(|other| Some(&other.id) == it.policy.as_ref());
            let name = other.map_or("another policy", |other| other.name.as_str());
            format!("it goes on under {name}")
        }
        _ => "denied".to_owned(),
    }
}

/// Who would have to approve, step by step, and what happens at each deadline.
fn steps(all: &[PreviewStep], others: &[OtherPolicy]) -> Result<(), Failure> {
    for step in all {
        if let Some(wait) = step.wait_seconds {
            out::line(&format!("{}: waits {}", step.name, Span::seconds(wait)))?;
            continue;
        }
        let names: Vec<&str> = step
            .approvers
            .iter()
            .filter(|a| a.hindrance.is_none())
            .map(|a| a.user.name.as_str())
            .collect();
        let stand_in: Vec<&str> = step.fallback.iter().map(|who| who.name.as_str()).collect();
        let stand_in = match (stand_in.is_empty(), step.late_seconds) {
            (true, _) => String::new(),
            (false, None) => format!("; {} where too few of them could", listed(&stand_in)),
            (false, Some(late)) => format!(
                "; {} where too few of them could, or after {}",
                listed(&stand_in),
                Span::seconds(late)
            ),
        };
        let over = step.deadline.as_ref().map(|it| {
            let then = at_deadline(it, others.iter().map(|other| &other.policy));
            format!("; after {} {then}", Span::seconds(it.after_seconds))
        });
        out::line(&format!(
            "{}: {} of {}{stand_in}{}",
            step.name,
            step.needed,
            listed(&names),
            over.unwrap_or_default()
        ))?;
    }
    Ok(())
}

/// Asks again every second until it is decided and, when approved, the access is there. What
/// changes meanwhile is said on standard error.
async fn wait(
    client: &Client,
    mut request: Request,
    ask: &Ask,
    seconds: i64,
) -> Result<Request, Failure> {
    let mut told = String::new();
    for _ in 0..seconds {
        if let Some(ended) = arrived(&request, ask.start.is_some()) {
            return ended.map(|()| request);
        }
        let now = standing(&request);
        if now != told {
            out::remark(&format!("{}: {now}", request.line.id));
            told = now;
        }
        pause(1).await;
        request = client
            .get(&format!("/api/v1/requests/{}", request.line.id), &[])
            .await?;
    }
    match arrived(&request, ask.start.is_some()) {
        Some(ended) => ended.map(|()| request),
        None => Err(Failure::new(
            Exit::TimedOut,
            format!(
                "{}: {}, after {}. It goes on without you; `stint requests {}` tells more, and `stint cancel {}` takes it back while nobody has answered",
                request.line.id,
                standing(&request),
                Span::seconds(seconds),
                request.line.id,
                request.line.id
            ),
        )),
    }
}

/// Whether there is nothing more to wait for, and whether that is good.
fn arrived(request: &Request, later: bool) -> Option<Result<(), Failure>> {
    let failed = |exit, why: String| Some(Err(Failure::new(exit, why)));
    let id = &request.line.id;
    match request.line.state.as_str() {
        "pending" => None,
        "approved" => {
            let states: Vec<_> = request.grants.iter().map(|g| g.status.as_str()).collect();
            if states.contains(&"active") {
                return Some(Ok(()));
            }
            if later && states.contains(&"scheduled") {
                return Some(Ok(()));
            }
            if !states.is_empty()
                && states
                    .iter()
                    .all(|s| matches!(*s, "failed" | "ended" | "ending" | "stuck"))
            {
                let last = request.timeline.last().map(|it| it.text.as_str());
                let why = last.unwrap_or("its grant is over");
                return failed(
                    Exit::Failed,
                    format!("{id} was approved, but gives nothing: {why}"),
                );
            }
            None
        }
        state => {
            let mut decisions = request.steps.iter().flat_map(|step| &step.decisions);
            let denied = decisions.find(|it| it.answer == "deny");
            let told = request.timeline.iter().rev();
            let mut told = told.filter(|it| it.what == "request.denied");
            let why = match (denied, told.next()) {
                (Some(it), _) => format!(" by {}: {}", it.by.name, it.comment),
                // By nobody: a deadline, or a policy to which one led.
                (None, Some(it)) => format!(": {}", it.text),
                (None, None) => String::new(),
            };
            failed(Exit::Denied, format!("{id} was {state}{why}"))
        }
    }
}

/// How it stands, in a few words.
fn standing(request: &Request) -> String {
    match (&request.waiting, request.grants.first()) {
        (Some(waiting), _) => {
            let who: Vec<&str> = waiting.who.iter().map(|w| w.name.as_str()).collect();
            let stuck = if waiting.stuck {
                "; fewer people can approve than are needed: tell whoever runs Stint"
            } else {
                ""
            };
            format!(
                "waits for {} of {} ({}){stuck}",
                waiting.still,
                listed(&who),
                waiting.step
            )
        }
        (None, Some(grant)) => format!("{}, {}", request.line.state, grant.status),
        (None, None) => request.line.state.clone(),
    }
}

/// `stint requests [id]`.
pub(crate) async fn requests(
    server: &Server,
    id: Option<&str>,
    waiting: bool,
    all: bool,
    state: Option<&str>,
    emergency: bool,
    ticket: Option<&str>,
) -> Result<(), Failure> {
    let client = Client::new(server)?;
    if let Some(id) = id {
        let id = find::request(id, "`stint requests` lists them")?;
        let request: Request = client.get(&format!("/api/v1/requests/{id}"), &[]).await?;
        return show(server, &request);
    }
    let mut query: Vec<_> = state.map(|state| ("state", state)).into_iter().collect();
    if emergency {
        query.push(("emergency", "true"));
    }
    query.extend(ticket.map(|ticket| ("ticket", ticket)));
    let narrowed = state.or(ticket);
    let (path, empty) = match (waiting, all, narrowed) {
        (true, _, _) => ("/api/v1/approvals", "Nothing waits for you."),
        (_, true, _) => ("/api/v1/requests/all", "No such request."),
        (_, _, Some(_)) => (MINE, "No such request of yours."),
        _ => (
            MINE,
            "You have not asked for anything yet. `stint entitlements` lists what you may ask for.",
        ),
    };
    let lines: Vec<RequestLine> = client.list(path, &query, MOST).await?;
    if server.json {
        return out::json(&lines);
    }
    let rows: Vec<_> = lines
        .iter()
        .map(|l| {
            [
                l.id.clone(),
                marked(l),
                l.entitlement.name.clone(),
                holder(l),
                how_long(l),
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

/// `stint approve`.
pub(crate) async fn approve(
    server: &Server,
    given: &str,
    comment: &str,
    password_stdin: bool,
) -> Result<(), Failure> {
    let body = Approve {
        comment: comment.to_owned(),
    };
    answer(server, given, &WAITING, "approve", &body, password_stdin).await
}

/// `stint deny`.
pub(crate) async fn deny(server: &Server, given: &str, reason: &str) -> Result<(), Failure> {
    let body = Deny {
        reason: reason.to_owned(),
    };
    answer(server, given, &WAITING, "deny", &body, false).await
}

/// `stint reassign`.
pub(crate) async fn reassign(
    server: &Server,
    given: &str,
    to: String,
    reason: String,
    from: Option<String>,
    password_stdin: bool,
) -> Result<(), Failure> {
    let body = Reassign { to, reason, from };
    answer(server, given, &WAITING, "reassign", &body, password_stdin).await
}

/// `stint cancel`.
pub(crate) async fn cancel(server: &Server, given: &str) -> Result<(), Failure> {
    let mine = Among {
        list: MINE,
        state: Some("pending"),
        what: "request of yours that waits",
        see: "stint requests",
    };
    answer(server, given, &mine, "cancel", &json!({}), false).await
}

/// `stint raise`.
pub(crate) async fn raise(
    server: &Server,
    given: &str,
    duration_seconds: Option<i64>,
    reason: Option<String>,
    ticket: Option<String>,
    password_stdin: bool,
) -> Result<(), Failure> {
    let mine = Among {
        list: MINE,
        state: Some("pending"),
        what: "request of yours that waits",
        see: "stint requests",
    };
    let body = Raise {
        duration_seconds,
        reason,
        ticket,
    };
    answer(server, given, &mine, "raise", &body, password_stdin).await
}

/// `stint extend`.
pub(crate) async fn extend(
    server: &Server,
    given: &str,
    duration_seconds: Option<i64>,
    reason: Option<String>,
    ticket: Option<String>,
    password_stdin: bool,
) -> Result<(), Failure> {
    let client = Client::new(server)?;
    let id = super::grants::mine(&client, given).await?;
    let body = Extend {
        duration_seconds,
        reason,
        ticket,
    };
    let request: Request = client
        .post_proved(
            &format!("/api/v1/grants/{id}/extend"),
            &body,
            password_stdin,
        )
        .await?;
    show(server, &request)
}

/// `stint return`.
pub(crate) async fn give_back(server: &Server, given: &str) -> Result<(), Failure> {
    let mine = Among {
        list: MINE,
        state: Some("approved"),
        what: "approved request of yours",
        see: "stint requests",
    };
    answer(server, given, &mine, "return", &json!({}), false).await
}

/// The caller's own requests.
const MINE: &str = "/api/v1/requests";

/// Among which requests words may mean one.
struct Among {
    list: &'static str,
    state: Option<&'static str>,
    what: &'static str,
    see: &'static str,
}

const WAITING: Among = Among {
    list: "/api/v1/approvals",
    state: None,
    what: "request that waits for you",
    see: "stint requests --waiting",
};

async fn answer(
    server: &Server,
    given: &str,
    among: &Among,
    verb: &str,
    body: &impl serde::Serialize,
    password_stdin: bool,
) -> Result<(), Failure> {
    let client = Client::new(server)?;
    let id = if given.starts_with("req_") {
        find::request(given, "`stint requests` lists them")?.to_owned()
    } else {
        meant(&client, given, among).await?
    };
    let request: Request = client
        .post_proved(
            &format!("/api/v1/requests/{id}/{verb}"),
            body,
            password_stdin,
        )
        .await?;
    show(server, &request)
}

/// The one request that the words fit: what it is about, and who would hold it.
async fn meant(client: &Client, given: &str, among: &Among) -> Result<String, Failure> {
    let query: Vec<_> = among
        .state
        .map(|state| ("state", state))
        .into_iter()
        .collect();
    let all: Vec<RequestLine> = client.list(among.list, &query, MOST).await?;
    let named = all
        .iter()
        .map(|it| json!({ "id": it.id, "both": both(it) }))
        .collect();
    let found = find::chosen(among.what, among.see, &["both"], given, named)?;
    out::remark(&format!(
        "{}: {}",
        out::field(&found, "id"),
        out::field(&found, "both")
    ));
    Ok(out::field(&found, "id"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_for_a_group_is_never_taken_for_one_of_a_person() {
        let mut line = json!({
            "id": "req_1", "reason": "INC-1", "duration_seconds": 3600, "state": "pending",
            "submitted_at": "2026-11-23T14:00:00Z",
            "entitlement": {"id": "ent_1", "kind": "account_assignment", "name": "prod-admin",
                "connection": "con_1"},
            "requester": {"id": "usr_1", "name": "Ana Moreno"},
            "beneficiary": {"id": "usr_1", "name": "Ana Moreno"},
        });
        let read = |line: &serde_json::Value| -> RequestLine {
            serde_json::from_value(line.clone()).expect("a request")
        };
        assert_eq!(both(&read(&line)), "prod-admin for Ana Moreno");
        line["group"] = json!({"id": "prn_1", "name": "payments"});
        assert_eq!(
            both(&read(&line)),
            "prod-admin for the group payments (asked by Ana Moreno)"
        );
    }
}
