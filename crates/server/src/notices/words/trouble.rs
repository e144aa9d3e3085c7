//! What notices about connections say.

use std::collections::{BTreeMap, BTreeSet};

use stint_db::Query;
use stint_domain::ConnectionId;
use stint_domain::rights::{Relation, Verb};

use super::super::{Error, Kind};
use super::Words;
use crate::connections::{self, Connection, Outcome};
use crate::cx::Cx;
use crate::directory::{self, Trouble};
use crate::web::time::exact;

/// Connections the reader may see, with what is wrong with each.
pub(super) struct Connections(BTreeMap<ConnectionId, (Connection, Trouble)>);

impl Connections {
    pub(super) async fn visible(
        cx: &Cx,
        q: &mut impl Query,
        ids: BTreeSet<ConnectionId>,
    ) -> Result<Self, Error> {
        let mut found = BTreeMap::new();
        if ids.is_empty() || cx.authorize(Verb::GetConnection, Relation::Others).is_err() {
            return Ok(Self(found));
        }
        for (id, connection) in connections::connections_by_id(q, ids).await? {
            let trouble = directory::trouble(q, id).await?;
            found.insert(id, (connection, trouble));
        }
        Ok(Self(found))
    }

    pub(super) fn words(&self, kind: Kind, id: ConnectionId) -> Option<Words> {
        let (connection, trouble) = self.0.get(&id)?;
        let name = &connection.name;
        let page = format!("/connections/{id}");
        let mut link = page.clone();
        let (title, text) = match kind {
            Kind::TestFailed => (format!("{name} fails its test"), test(connection)),
            Kind::SyncHeld => {
                let title = format!("A sync of {name} waits for a decision");
                match &trouble.held {
                    Some(run) => {
                        link = format!("{page}/syncs/{}", run.id);
                        (title, run.error.clone().unwrap_or_default())
                    }
                    None => (title, "It waits no more.".to_owned()),
                }
            }
            Kind::SyncOverdue => (format!("{name} is out of date"), overdue(trouble)),
            Kind::ConnectionWorks => {
                let read = match connection.last_sync_at {
                    Some(at) => format!("Its last full sync was on {}.", exact(at)),
                    None => String::new(),
                };
                (format!("{name} works again"), read)
            }
            _ => {
                let why = trouble.failed().map(|run| run.error.clone());
                let said = why.map(Option::unwrap_or_default);
                let over = || "The newest sync did not fail.".to_owned();
                (
                    format!("The sync of {name} fails"),
                    said.unwrap_or_else(over),
                )
            }
        };
        Some(Words {
            title,
            text,
            link,
            extend: None,
        })
    }
}

/// What the last test found, and what would mend it.
fn test(of: &Connection) -> String {
    let Some(test) = &of.last_test else {
        return "It has another credential since, which was not tested yet.".to_owned();
    };
    if test.passed {
        return "It has passed since.".to_owned();
    }
    let failed = |it: &&connections::Check| it.outcome == Outcome::Failed;
    let words: Vec<String> = (test.checks.iter().filter(failed))
        .map(|it| match it.what.ends_with('.') {
            true => it.what.clone(),
            false => format!("{}.", it.what),
        })
        .collect();
    words.join(" ")
}

/// Since when nothing was read whole, and what is known of why.
fn overdue(trouble: &Trouble) -> String {
    let Some(late) = trouble.overdue else {
        return "There was a full sync since.".to_owned();
    };
    let mut text = format!("No full sync since {}.", exact(late.since));
    if let Some(began) = late.running {
        text.push_str(&format!(" One has been under way since {}.", exact(began)));
    } else if let Some(why) = trouble.failed().and_then(|run| run.error.as_ref()) {
        text.push_str(&format!(" The last one failed: {why}"));
    }
    text
}
