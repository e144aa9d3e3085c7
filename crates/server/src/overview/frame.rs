//! The frame of one request: who is signed in, where they may go, what waits for them.

use http::HeaderMap;
use stint_domain::Time;
use stint_domain::rights::{Relation, Role, Verb};

use crate::cx::{Actor, App, Cx};
use crate::http::Paging;
use crate::web::{Area, DemoBar, Frame, FramePerson, When};
use crate::{grants, notices, requests};

/// How many waiting requests are counted: one more than is shown as a number.
const COUNTED: i64 = 10;

/// The frame around the answer to a request for `target` (path and query).
///
/// Nothing here fails: what cannot be read is left out, and the page's own verbs say why.
pub(crate) async fn frame(app: &App, actor: &Actor, target: &str, headers: &HeaderMap) -> Frame {
    let cx = Cx::new(app, actor.clone(), String::new());
    let mut frame = Frame::new(target, headers);
    if let Actor::User(person) = actor {
        let mut areas: Vec<(Area, u64)> = Vec::new();
        for area in Area::ALL {
            // Everybody explores what they hold themselves.
            let relation = if area == Area::Explore {
                Relation::Own
            } else {
                Relation::None
            };
            if cx.authorize(verb(area), relation).is_ok() {
                let count = match area {
                    Area::Approvals => waiting(&cx).await,
                    Area::Notices => unread(&cx).await,
                    _ => 0,
                };
                areas.push((area, count));
            }
        }
        let role = Role::ALL.iter().find(|role| person.has(**role));
        frame = frame.with_person(
            FramePerson {
                name: person.name.clone(),
                email: person.email.clone(),
                role: role.unwrap_or(&Role::User).title().to_owned(),
            },
            &areas,
        );
    }
    if app.config.demo {
        let next_end = next_end(&cx).await.map(|end| When::short(end, cx.now));
        frame = frame.with_demo(DemoBar {
            clock: When::exact(cx.now),
            next_end,
        });
    }
    frame
}

/// How many requests wait for this person, as far as a number in the navigation goes.
async fn waiting(cx: &Cx) -> u64 {
    let found = requests::inbox(cx, &Paging::first(COUNTED)).await;
    found.map_or(0, |page| u64::try_from(page.items.len()).unwrap_or(0))
}

/// How many notices are new to this person, as far as a number in the navigation goes.
async fn unread(cx: &Cx) -> u64 {
    let found = notices::unread(cx, COUNTED).await;
    found.map_or(0, |count| u64::try_from(count).unwrap_or(0))
}

async fn next_end(cx: &Cx) -> Option<Time> {
    let mut q = cx.read().await.ok()?;
    grants::next_end(&mut q, cx.now).await.ok().flatten()
}

/// What one has to be allowed to be shown the area.
const fn verb(area: Area) -> Verb {
    match area {
        Area::Home => Verb::Home,
        Area::Request => Verb::ListOffers,
        Area::MyRequests => Verb::MyRequests,
        Area::Approvals => Verb::Inbox,
        Area::Notices => Verb::MyNotices,
        Area::Explore => Verb::ListAssignments,
        Area::Grants => Verb::ListGrants,
        Area::People => Verb::ListUsers,
        Area::Catalogs => Verb::ListCatalogs,
        Area::Policies => Verb::ListPolicies,
        Area::Duties => Verb::ListDuties,
        Area::Connections => Verb::ListConnections,
        Area::Audit => Verb::ListAudit,
    }
}
