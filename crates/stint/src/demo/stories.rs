//! What happened in the demo before it is opened: over forty requests over nine days, made by
//! the real verbs on the moved clock, in every state there is.

use anyhow::{Context as _, Result};
use stint_aws_sim::{Effect, Fault};
use stint_domain::{Clock as _, ConnectionId, RequestId, Span, Time};
use stint_server::directory;
use stint_server::requests::{self, NewRequest};
use tokio::net::TcpListener;

use super::organization::{self, Organization};
use super::people::People;
use super::stage::{self, Stage};
use crate::clock::Wall;

/// How a story goes on after somebody asked.
#[derive(Debug, Clone, Copy)]
enum Then {
    /// Nobody answers.
    Waits,
    /// These people approve, one after the other, half an hour later.
    Approved(&'static [&'static str]),
    /// That person denies, with these words.
    Denied(&'static str, &'static str),
    /// The requester takes it back.
    Cancelled,
    /// Approved, and given back after so many minutes.
    Returned(&'static [&'static str], i64),
    /// Policy approves by itself.
    Auto,
}

/// One story.
struct Story {
    /// Hours before the demo opens.
    ago: i64,
    who: &'static str,
    what: &'static str,
    minutes: i64,
    why: &'static str,
    then: Then,
}

const fn story(
    ago: i64,
    who: &'static str,
    what: &'static str,
    minutes: i64,
    why: &'static str,
    then: Then,
) -> Story {
    Story {
        ago,
        who,
        what,
        minutes,
        why,
        then,
    }
}

use Then::{Approved, Auto, Cancelled, Denied, Returned, Waits};

/// In the order they happened.
const STORIES: &[Story] = &[
    story(
        212,
        "ana",
        "prod-admin on prod-payments",
        120,
        "INC-2204: card payments time out",
        Approved(&["bo"]),
    ),
    story(
        209,
        "bo",
        "ReadOnlyAccess on prod-data",
        480,
        "Look at yesterday's load",
        Auto,
    ),
    story(
        205,
        "ana",
        "data-read on prod-data",
        240,
        "Numbers for the quarterly review",
        Auto,
    ),
    story(
        198,
        "cy",
        "prod-deploy on prod-web",
        60,
        "Release 4.0",
        Approved(&["bo"]),
    ),
    story(
        190,
        "ana",
        "AdministratorAccess on prod-ledger",
        240,
        "Want to look around",
        Denied(
            "bo",
            "Read-only is enough for looking: ask for ReadOnlyAccess",
        ),
    ),
    story(
        189,
        "ana",
        "ReadOnlyAccess on prod-ledger",
        240,
        "Look around",
        Auto,
    ),
    story(
        182,
        "bo",
        "prod-admin on prod-web",
        120,
        "Rotate certificates",
        Approved(&["cy"]),
    ),
    story(
        176,
        "ana",
        "logs-read on prod-web",
        480,
        "Trace a slow page",
        Auto,
    ),
    story(
        168,
        "ana",
        "prod-deploy on prod-payments",
        60,
        "Release 4.0.1",
        Returned(&["bo"], 25),
    ),
    story(
        165,
        "cy",
        "billing-read on prod-data",
        480,
        "Cost of the data platform",
        Auto,
    ),
    story(
        158,
        "ana",
        "prod-admin on prod-eu",
        60,
        "Wrong account, sorry",
        Cancelled,
    ),
    story(
        157,
        "ana",
        "prod-admin on prod-data",
        60,
        "INC-2217: replication lag",
        Approved(&["cy"]),
    ),
    story(
        150,
        "bo",
        "data-read on data-lake",
        480,
        "Check the backfill",
        Auto,
    ),
    story(
        144,
        "ana",
        "Identity Center group data",
        480,
        "On the data team this week",
        Approved(&["cy", "bo"]),
    ),
    story(
        142,
        "ana",
        "IAM group Operators",
        120,
        "The old pipeline still deploys with IAM keys",
        Approved(&["cy", "bo"]),
    ),
    story(
        140,
        "cy",
        "prod-deploy on prod-payments",
        120,
        "Release 4.1",
        Approved(&["bo"]),
    ),
    story(
        133,
        "ana",
        "prod-readonly-read on prod-payments",
        480,
        "Support case 8812",
        Auto,
    ),
    story(
        126,
        "ana",
        "prod-breakglass on prod-ledger",
        60,
        "Practice for the game day",
        Denied("cy", "Use the staging account for the game day"),
    ),
    story(
        120,
        "bo",
        "prod-admin on prod-ledger",
        180,
        "Restore test",
        Returned(&["cy"], 70),
    ),
    story(
        112,
        "ana",
        "ReadOnlyAccess on staging-eu",
        480,
        "Compare settings",
        Auto,
    ),
    story(
        104,
        "ana",
        "prod-admin on prod-payments",
        120,
        "INC-2251: double bookings",
        Approved(&["bo"]),
    ),
    story(
        101,
        "cy",
        "logs-read on prod-payments",
        480,
        "Follow INC-2251",
        Auto,
    ),
    story(
        96,
        "ana",
        "Identity Center group security",
        240,
        "Audit preparation",
        Denied("bo", "Ask Dee for the report instead"),
    ),
    story(
        90,
        "bo",
        "prod-deploy on prod-eu",
        60,
        "Release 4.1.1",
        Approved(&["cy"]),
    ),
    story(
        82,
        "ana",
        "data-read on prod-payments",
        240,
        "Chargebacks in October",
        Auto,
    ),
    story(
        77,
        "cy",
        "ReadOnlyAccess on log-archive",
        480,
        "Retention check",
        Auto,
    ),
    story(
        72,
        "ana",
        "prod-deploy on prod-web",
        90,
        "Release 4.2",
        Approved(&["bo"]),
    ),
    story(
        66,
        "bo",
        "AdministratorAccess on dev-sandbox",
        240,
        "Rebuild the sandbox",
        Approved(&["cy"]),
    ),
    story(
        54,
        "ana",
        "prod-admin on prod-web",
        60,
        "INC-2270: broken redirect",
        Returned(&["cy"], 20),
    ),
    story(
        49,
        "ana",
        "logs-read on prod-eu",
        480,
        "Follow INC-2270",
        Auto,
    ),
    story(
        44,
        "ana",
        "Identity Center group data",
        240,
        "Hand over the pipeline",
        Cancelled,
    ),
    story(
        36,
        "ana",
        "prod-admin on prod-ledger",
        120,
        "Month-end correction",
        Approved(&["bo"]),
    ),
    story(
        30,
        "bo",
        "data-read on prod-ledger",
        480,
        "Check the correction",
        Auto,
    ),
    story(
        26,
        "ana",
        "prod-deploy on prod-payments",
        60,
        "Release 4.2.1",
        Approved(&["cy"]),
    ),
    story(
        5,
        "ana",
        "prod-readonly-read on prod-payments",
        480,
        "INC-2291: payments stuck",
        Auto,
    ),
    story(
        3,
        "bo",
        "prod-admin on prod-web",
        240,
        "Certificate renewal",
        Approved(&["cy"]),
    ),
    // AWS refuses this one: assignments in the management account need rights the role lacks.
    story(
        3,
        "cy",
        "billing-read on acme-management",
        60,
        "Invoice of November",
        Auto,
    ),
    story(
        2,
        "ana",
        "prod-admin on prod-payments",
        130,
        "INC-2291: payments stuck",
        Approved(&["bo"]),
    ),
    story(
        2,
        "ana",
        "IAM group Billing",
        240,
        "Invoices of the accounts from before Identity Center",
        Approved(&["cy", "bo"]),
    ),
    story(1, "cy", "prod-deploy on prod-web", 60, "Release 4.3", Waits),
    story(
        1,
        "ana",
        "prod-deploy on prod-payments",
        60,
        "Release 4.3",
        Waits,
    ),
    story(
        1,
        "ana",
        "Identity Center group support",
        240,
        "Cover for the night shift",
        Waits,
    ),
];

/// How long before now the story begins.
const BEFORE: Span = Span::hours(220);

/// The stage with everything on it, its clock at the real time.
pub(crate) async fn populated(public_url: String, sim: TcpListener) -> Result<Stage> {
    let now = Wall.now();
    let mut stage = Stage::set(stage::ESTATE, now - BEFORE, public_url, sim, None).await?;
    let people = People::arrive(&stage.app).await?;
    let connection = organization::connect(&stage, &people).await?;
    let cy = people.cx(&stage.app, "cy")?;
    directory::sync(&cy, connection)
        .await
        .context("the first sync")?;
    let organization = organization::open_for_requests(&stage, people, connection).await?;
    stage.without_syncs();
    // Nor the look at every grant every ten minutes.
    let model = std::mem::take(&mut stage.app.model);
    stage.app.model = std::sync::Arc::new(stint_domain::binding::Config {
        drift: Span::hours(12),
        ..(*model).clone()
    });
    for story in STORIES {
        stage.advance_to(now - Span::hours(story.ago)).await?;
        tell(&stage, &organization, story, now)
            .await
            .with_context(|| format!("{} asks for {}", story.who, story.what))?;
    }
    for_a_group(&stage, &organization, connection).await?;
    refused(&stage, &organization).await?;
    stage.advance_to(Wall.now()).await?;
    stage.app.model = model;
    directory::sync(&organization.people.cx(&stage.app, "cy")?, connection)
        .await
        .context("the last sync")?;
    stage.settle().await?;
    Ok(stage)
}

async fn tell(
    stage: &Stage,
    organization: &Organization,
    story: &Story,
    opens: Time,
) -> Result<()> {
    let request = ask(
        stage,
        organization,
        story.who,
        story.what,
        story.minutes,
        story.why,
    )
    .await?;
    let app = &stage.app;
    let cx = |who| organization.people.cx(app, who);
    // Nothing of the past may reach into the demo's future.
    let soon = async |minutes: i64| {
        let target = (app.clock.now() + Span::minutes(minutes)).min(opens);
        stage.advance_to(target).await
    };
    match story.then {
        Waits | Auto => Ok(()),
        Approved(by) => {
            for who in by {
                soon(7).await?;
                requests::approve(&cx(who)?, request, "").await?;
            }
            Ok(())
        }
        Denied(who, words) => {
            soon(12).await?;
            requests::deny(&cx(who)?, request, words).await?;
            Ok(())
        }
        Cancelled => {
            soon(3).await?;
            requests::cancel(&cx(story.who)?, request).await?;
            Ok(())
        }
        Returned(by, minutes) => {
            for who in by {
                soon(5).await?;
                requests::approve(&cx(who)?, request, "").await?;
            }
            soon(minutes).await?;
            requests::return_early(&cx(story.who)?, request).await?;
            Ok(())
        }
    }
}

async fn ask(
    stage: &Stage,
    organization: &Organization,
    who: &str,
    what: &str,
    minutes: i64,
    why: &str,
) -> Result<RequestId> {
    let cx = organization.people.cx(&stage.app, who)?;
    let new = NewRequest {
        entitlement: organization.entitlement(what)?,
        duration: Span::minutes(minutes),
        reason: why.to_owned(),
        ticket: None,
        beneficiary: None,
        start: None,
        principal: None,
        emergency: false,
        until_revoked: false,
    };
    Ok(requests::submit(&cx, new).await?.id)
}

/// Cy asks for a whole group: everybody in it may read for a while, and Cy answers for it.
async fn for_a_group(
    stage: &Stage,
    organization: &Organization,
    connection: ConnectionId,
) -> Result<()> {
    let cy = organization.people.cx(&stage.app, "cy")?;
    let group = (stage.sim.group_id("support")).context("the estate has a group support")?;
    let mut q = stage.app.db.reader().await?;
    let group = directory::principal_by_aws_id(&mut q, connection, &group).await?;
    drop(q);
    let new = NewRequest {
        entitlement: organization.entitlement("logs-read on prod-payments")?,
        duration: Span::hours(8),
        reason: "INC-2291: support follows the payments".to_owned(),
        ticket: None,
        beneficiary: None,
        start: None,
        principal: Some(group.context("support was synced")?.id),
        emergency: false,
        until_revoked: false,
    };
    requests::submit(&cy, new).await?;
    stage
        .advance_to(stage.app.clock.now() + Span::seconds(40))
        .await
}

/// One grant that AWS refuses to provision, so that a failure is there to be looked at.
async fn refused(stage: &Stage, organization: &Organization) -> Result<()> {
    let fault = Fault::on("sso:CreateAccountAssignment").first(1);
    let fault = stage
        .sim
        .faults()
        .add(fault, Effect::refuse("AccessDeniedException"));
    let request = ask(
        stage,
        organization,
        "ana",
        "prod-deploy on prod-eu",
        60,
        "Release 4.3 in Europe",
    )
    .await?;
    requests::approve(&organization.people.cx(&stage.app, "bo")?, request, "").await?;
    stage
        .advance_to(stage.app.clock.now() + Span::seconds(20))
        .await?;
    stage.sim.faults().remove(fault);
    Ok(())
}
