//! `stint notices`: what Stint has to tell, and what it is to tell.

use reqwest::Method;
use serde_json::json;
use stint_api::notices::{MarkedRead, Notice, NoticeKind};

use crate::client::{Client, Server};
use crate::exit::Failure;
use crate::out;

use super::{MOST, find, short};

/// Which notices, or what to do with them.
#[derive(Debug, clap::Args)]
pub(crate) struct Notices {
    #[command(flatten)]
    pub server: Server,
    /// Those that were read or settled too.
    #[arg(long)]
    all: bool,
    /// Only of this kind; `--kinds` lists them.
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
    /// Mark one (`ntc_…`) as read, or `all`.
    #[arg(long, value_name = "NOTICE", conflicts_with_all = ["all", "kind", "kinds", "on", "off"])]
    read: Option<String>,
    /// The kinds there are, and which of them you get.
    #[arg(long, conflicts_with_all = ["all", "kind", "on", "off"])]
    kinds: bool,
    /// Get this kind from now on.
    #[arg(long, value_name = "KIND", conflicts_with_all = ["all", "kind", "off"])]
    on: Option<String>,
    /// Do not get this kind any more.
    #[arg(long, value_name = "KIND", conflicts_with_all = ["all", "kind"])]
    off: Option<String>,
}

/// `stint notices`.
pub(crate) async fn notices(args: Notices) -> Result<(), Failure> {
    let client = Client::new(&args.server)?;
    if let Some(which) = &args.read {
        return read(&client, &args.server, which).await;
    }
    if let Some((kind, on)) =
        (args.on.as_ref().map(|kind| (kind, true))).or(args.off.as_ref().map(|kind| (kind, false)))
    {
        set(&client, kind, on).await?;
        return kinds(&client, &args.server).await;
    }
    if args.kinds {
        return kinds(&client, &args.server).await;
    }
    let mut query = Vec::new();
    if !args.all {
        query.push(("state", "new"));
    }
    if let Some(kind) = &args.kind {
        query.push(("kind", kind.as_str()));
    }
    let found: Vec<Notice> = client.list("/api/v1/notices", &query, MOST).await?;
    if args.server.json {
        return out::json(&found);
    }
    let rows: Vec<_> = found
        .iter()
        .map(|it| {
            let state = match (&it.settled_at, &it.read_at) {
                (Some(_), _) => "settled",
                (None, Some(_)) => "read",
                (None, None) => "new",
            };
            let text = match it.times {
                1 => it.text.clone(),
                n => format!("{} ({n} times)", it.text),
            };
            [
                it.id.clone(),
                state.to_owned(),
                it.title.clone(),
                text,
                short(&it.last_at),
            ]
        })
        .collect();
    let empty = if args.all {
        "Nothing to tell you yet."
    } else {
        "Nothing new. `stint notices --all` shows what you have read."
    };
    out::table(
        ["notice", "state", "what", "more", "when (UTC)"],
        &rows,
        empty,
    )
}

async fn read(client: &Client, server: &Server, which: &str) -> Result<(), Failure> {
    let count = if which == "all" {
        let place = "/api/v1/notices/read";
        let done = client.change(Method::POST, place, None, None).await?;
        serde_json::from_value::<MarkedRead>(done).map_or(0, |done| done.count)
    } else if find::is_id("ntc", which) {
        let place = format!("/api/v1/notices/{which}/read");
        client.change(Method::POST, &place, None, None).await?;
        1
    } else {
        return Err(Failure::usage(format!(
            "`{which}` is not a notice: give its id (ntc_ and 26 characters; `stint notices` lists them), or all"
        )));
    };
    if server.json {
        return out::json(&json!({ "count": count }));
    }
    out::line(&format!("{count} marked as read"))
}

async fn set(client: &Client, kind: &str, on: bool) -> Result<(), Failure> {
    let body = json!({ "kind": kind, "on": on });
    client
        .change(Method::PUT, "/api/v1/notices/kinds", Some(&body), None)
        .await
        .map(drop)
}

async fn kinds(client: &Client, server: &Server) -> Result<(), Failure> {
    let all: Vec<NoticeKind> = client.get("/api/v1/notices/kinds", &[]).await?;
    if server.json {
        return out::json(&all);
    }
    let rows: Vec<_> = (all.iter())
        .map(|it| {
            let on = if it.on { "on" } else { "off" };
            [
                it.kind.clone(),
                on.to_owned(),
                it.title.clone(),
                it.about.clone(),
            ]
        })
        .collect();
    out::table(
        ["kind", "you get it", "what", "when"],
        &rows,
        "There is none.",
    )
}
