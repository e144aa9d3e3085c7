//! The reviews of emergency access.

use clap::Subcommand;
use stint_api::emergency::{CloseReview, Review, ReviewLine, ReviewState};

use crate::client::{Client, Server};
use crate::exit::Failure;
use crate::out;

use super::{MOST, find, short, whose};

/// Reviews of what was given in an emergency.
#[derive(Debug, Subcommand)]
pub(crate) enum Emergency {
    /// Reviews: those of your groups; for auditors and Super Admins all.
    List {
        #[command(flatten)]
        server: Server,
        /// Only those in this state; `overdue` are the open ones whose time is over.
        #[arg(long, value_name = "STATE", value_parser = ["open", "overdue", "closed"])]
        state: Option<String>,
    },
    /// One, with who can close it.
    Show {
        #[command(flatten)]
        server: Server,
        /// The request it is about, as `req_…`.
        request: String,
    },
    /// Close one with a verdict.
    Close {
        #[command(flatten)]
        server: Server,
        /// The request it is about, as `req_…`.
        request: String,
        /// It was justified.
        #[arg(
            long,
            conflicts_with = "not_justified",
            required_unless_present = "not_justified"
        )]
        justified: bool,
        /// It was not justified.
        #[arg(long)]
        not_justified: bool,
        /// What you found.
        #[arg(long)]
        note: String,
    },
}

/// `stint emergency …`.
pub(crate) async fn emergency(what: Emergency) -> Result<(), Failure> {
    match what {
        Emergency::List { server, state } => {
            let client = Client::new(&server)?;
            let query: Vec<_> = (state.as_deref().map(|state| ("state", state)))
                .into_iter()
                .collect();
            let all: Vec<ReviewLine> = client
                .list("/api/v1/emergency-reviews", &query, MOST)
                .await?;
            if server.json {
                return out::json(&all);
            }
            let rows: Vec<_> = (all.iter())
                .map(|it| {
                    [
                        it.request.id.clone(),
                        it.review.verdict.clone().unwrap_or(it.review.state.clone()),
                        it.request.entitlement.name.clone(),
                        whose(&it.request),
                        short(&it.review.opened_at),
                        short(&it.review.due_at),
                    ]
                })
                .collect();
            let head = [
                "request",
                "review",
                "what",
                "whose",
                "given (UTC)",
                "due (UTC)",
            ];
            out::table(head, &rows, "Nothing to review.")
        }
        Emergency::Show { server, request } => {
            let client = Client::new(&server)?;
            let id = find::request(&request, "`stint emergency list` has them")?;
            let path = format!("/api/v1/emergency-reviews/{id}");
            let review: Review = client.get(&path, &[]).await?;
            show(&server, &review)
        }
        Emergency::Close {
            server,
            request,
            justified,
            not_justified: _,
            note,
        } => {
            let client = Client::new(&server)?;
            let id = find::request(&request, "`stint emergency list` has them")?;
            let verdict = if justified {
                "justified"
            } else {
                "not_justified"
            };
            let body = CloseReview {
                verdict: verdict.to_owned(),
                note,
            };
            let path = format!("/api/v1/emergency-reviews/{id}/close");
            let review: Review = client.post(&path, &body).await?;
            show(&server, &review)
        }
    }
}

fn show(server: &Server, it: &Review) -> Result<(), Failure> {
    if server.json {
        return out::json(it);
    }
    let line = &it.line;
    let names: Vec<&str> = it.reviewers.iter().map(|who| who.name.as_str()).collect();
    let able = match (line.review.state.as_str(), names.as_slice()) {
        ("closed", _) => String::new(),
        (_, []) => "nobody: put somebody into the groups that review it".to_owned(),
        (_, names) => names.join(", "),
    };
    let closed_by = line.closed_by.as_ref().map(|who| who.name.clone());
    out::facts(&[
        ("request", line.request.id.clone()),
        ("what", line.request.entitlement.name.clone()),
        ("whose", whose(&line.request)),
        ("reason", line.request.reason.clone()),
        ("grant", line.grant.clone()),
        ("review", reviewed(&line.review)),
        ("closed by", closed_by.unwrap_or_default()),
        ("note", line.review.note.clone().unwrap_or_default()),
        ("can close it", able),
    ])
}

/// How far a review is, in a few words.
pub(super) fn reviewed(it: &ReviewState) -> String {
    match &it.verdict {
        Some(verdict) => format!("closed, {}", verdict.replace('_', " ")),
        None => format!("{}, due {}", it.state, short(&it.due_at)),
    }
}
