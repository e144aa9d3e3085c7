//! The reviews of access that is had until it is revoked.

use clap::Subcommand;
use stint_api::until_revoked::{AnswerKept, KeptReview, KeptReviewLine};

use crate::client::{Client, Server};
use crate::exit::Failure;
use crate::out;

use super::{MOST, find, short, whose};

/// Reviews of access that is had until it is revoked.
#[derive(Debug, Subcommand)]
pub(crate) enum UntilRevoked {
    /// Reviews: those of what you own; for auditors and Super Admins all.
    List {
        #[command(flatten)]
        server: Server,
        /// Only those in this state; `over`: nobody answered in time, or the access was ended otherwise.
        #[arg(long, value_name = "STATE", value_parser = ["open", "kept", "closed", "over"])]
        state: Option<String>,
    },
    /// The latest of a request, with who can answer it.
    Show {
        #[command(flatten)]
        server: Server,
        /// The request it is about, as `req_…`.
        request: String,
    },
    /// It is still needed: it goes on, until its next review.
    Keep {
        #[command(flatten)]
        server: Server,
        /// The request it is about, as `req_…`.
        request: String,
        /// Why.
        #[arg(long)]
        note: String,
        /// The grant whose review it is about, as `grt_…`: `show` has it. An answer to that one is none
        /// to a later one; absent: the latest as it stands when this begins.
        #[arg(long)]
        grant: Option<String>,
        /// Read your password from standard input, where the policy wants it again.
        #[arg(long)]
        password_stdin: bool,
    },
    /// It is not needed any more: it is revoked at once.
    Close {
        #[command(flatten)]
        server: Server,
        /// The request it is about, as `req_…`.
        request: String,
        /// Why.
        #[arg(long)]
        note: String,
        /// The grant whose review it is about, as `grt_…`: `show` has it. An answer to that one is none
        /// to a later one; absent: the latest as it stands when this begins.
        #[arg(long)]
        grant: Option<String>,
    },
}

/// `stint until-revoked …`.
pub(crate) async fn until_revoked(what: UntilRevoked) -> Result<(), Failure> {
    match what {
        UntilRevoked::List { server, state } => {
            let client = Client::new(&server)?;
            let query: Vec<_> = (state.as_deref().map(|state| ("state", state)))
                .into_iter()
                .collect();
            let all: Vec<KeptReviewLine> = client
                .list("/api/v1/until-revoked-reviews", &query, MOST)
                .await?;
            if server.json {
                return out::json(&all);
            }
            let rows: Vec<_> = (all.iter())
                .map(|it| {
                    [
                        it.request.id.clone(),
                        it.state.clone(),
                        it.request.entitlement.name.clone(),
                        whose(&it.request),
                        short(&it.review_at),
                        short(&it.due_at),
                    ]
                })
                .collect();
            let head = [
                "request",
                "answer",
                "what",
                "whose",
                "review (UTC)",
                "ends unless kept (UTC)",
            ];
            out::table(head, &rows, "Nothing to answer.")
        }
        UntilRevoked::Show { server, request } => {
            let client = Client::new(&server)?;
            let id = find::request(&request, "`stint until-revoked list` has them")?;
            let path = format!("/api/v1/until-revoked-reviews/{id}");
            let review: KeptReview = client.get(&path, &[]).await?;
            show(&server, &review)
        }
        UntilRevoked::Keep {
            server,
            request,
            note,
            grant,
            password_stdin,
        } => answer(&server, &request, "keep", note, grant, password_stdin).await,
        UntilRevoked::Close {
            server,
            request,
            note,
            grant,
        } => answer(&server, &request, "close", note, grant, false).await,
    }
}

async fn answer(
    server: &Server,
    request: &str,
    verb: &str,
    note: String,
    grant: Option<String>,
    password_stdin: bool,
) -> Result<(), Failure> {
    let client = Client::new(server)?;
    let id = find::request(request, "`stint until-revoked list` has them")?;
    let path = format!("/api/v1/until-revoked-reviews/{id}");
    // Named, so that repeating the call answers no later review.
    let grant = match grant {
        Some(grant) if find::is_id("grt", &grant) => grant,
        Some(other) => {
            return Err(Failure::usage(format!(
                "`{other}` is not a grant: its id is grt_ and 26 characters; `stint until-revoked show {id}` has it"
            )));
        }
        None => client.get::<KeptReview>(&path, &[]).await?.line.grant,
    };
    let body = AnswerKept {
        note,
        grant: Some(grant),
    };
    let review: KeptReview = client
        .post_proved(&format!("{path}/{verb}"), &body, password_stdin)
        .await?;
    show(server, &review)
}

fn show(server: &Server, it: &KeptReview) -> Result<(), Failure> {
    if server.json {
        return out::json(it);
    }
    let line = &it.line;
    let names: Vec<&str> = it.answerers.iter().map(|who| who.name.as_str()).collect();
    let able = match (line.state.as_str(), names.as_slice()) {
        ("open", []) => "nobody: make somebody an owner of the connection".to_owned(),
        ("open", names) => names.join(", "),
        _ => String::new(),
    };
    let answered_by = line.answered_by.as_ref().map(|who| who.name.clone());
    out::facts(&[
        ("request", line.request.id.clone()),
        ("what", line.request.entitlement.name.clone()),
        ("whose", whose(&line.request)),
        ("reason", line.request.reason.clone()),
        ("grant", line.grant.clone()),
        ("answer", line.state.clone()),
        ("review", short(&line.review_at)),
        ("ends unless kept", short(&line.due_at)),
        ("answered by", answered_by.unwrap_or_default()),
        ("note", line.note.clone().unwrap_or_default()),
        ("can answer it", able),
    ])
}
