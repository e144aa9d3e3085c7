//! The organization Stint is set up for in the demo: one connection, links, policies and a
//! catalog, all made by the real verbs.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, anyhow, ensure};
use stint_domain::entitlement::{EntitlementKey, PrincipalKind};
use stint_domain::policy::{Approvers, PolicyBody, ReasonRule, Route, Step};
use stint_domain::{ApplicationId, ConnectionId, EntitlementId, GroupId, PolicyId, Span};
use stint_server::catalog::{self, NewCatalog};
use stint_server::connections::{self, NewApplication, NewConnection, NewCredential};
use stint_server::directory;
use stint_server::http::Paging;
use stint_server::policies::{self, NewPolicy, NewVersion};

use super::people::People;
use super::stage::Stage;

/// What the stories speak of.
pub(crate) struct Organization {
    /// Who is there.
    pub people: People,
    /// Every entitlement of the estate by its name.
    pub entitlements: BTreeMap<String, EntitlementId>,
}

impl Organization {
    /// The names that begin like this, in their order.
    pub(crate) fn named<'a>(&'a self, beginning: &'a str) -> impl Iterator<Item = &'a str> {
        let names = self.entitlements.keys().map(String::as_str);
        names.filter(move |name| name.starts_with(beginning))
    }

    /// An entitlement by its name, as people see it.
    pub(crate) fn entitlement(&self, name: &str) -> Result<EntitlementId> {
        self.entitlements
            .get(name)
            .copied()
            .ok_or_else(|| anyhow!("the simulated organization has no {name}"))
    }
}

/// Makes the application and its connection, and lets the simulated AWS trust it: what an
/// administrator does by pasting the trust policy.
pub(crate) async fn connect(stage: &Stage, people: &People) -> Result<ConnectionId> {
    let cy = people.cx(&stage.app, "cy")?;
    let application: ApplicationId = connections::create_application(
        &cy,
        NewApplication {
            name: "AWS Acme".to_owned(),
            description: "Every AWS account of the company".to_owned(),
            owners: Vec::new(),
        },
    )
    .await
    .context("creating the application")?
    .id;
    let connection = connections::create(
        &cy,
        NewConnection {
            application,
            name: "Acme organization".to_owned(),
            credential: NewCredential::role(&stage.facts.connector_role_arn),
            region: stage.facts.region.clone(),
            iam: true,
            owners: Vec::new(),
        },
    )
    .await
    .context("creating the connection")?;
    stage.sim.trust_connector(&connection.external_id);
    let tested = connections::test(&cy, connection.id)
        .await
        .context("testing the connection")?;
    let passed = tested.last_test.as_ref().is_some_and(|t| t.passed);
    ensure!(
        passed,
        "the connection does not pass its test: {:?}",
        tested.last_test
    );
    Ok(connection.id)
}

/// After the first sync: links, policies, catalog.
pub(crate) async fn open_for_requests(
    stage: &Stage,
    people: People,
    connection: ConnectionId,
) -> Result<Organization> {
    let cy = people.cx(&stage.app, "cy")?;
    for (word, person) in [
        ("ana", &stage.facts.ana),
        ("bo", &stage.facts.bo),
        ("cy", &stage.facts.cy),
    ] {
        let person = person
            .as_ref()
            .ok_or_else(|| anyhow!("the estate has too few users for {word}"))?;
        let named =
            directory::principals(&cy, connection, &person.user_name, &Paging::default()).await?;
        for kind in [PrincipalKind::IdentityCenterUser, PrincipalKind::IamUser] {
            let principal = (named.items.iter())
                .find(|it| it.kind == kind && it.name == person.user_name)
                .ok_or_else(|| anyhow!("{} was not synced", person.user_name))?;
            let link = directory::propose_link(&cy, people.id(word)?, principal.id)
                .await
                .context("proposing a link")?;
            directory::confirm_link(&cy, link.id)
                .await
                .context("confirming a link")?;
        }
    }

    let platform = people.group("Platform")?;
    let data = people.group("Data owners")?;
    let production = policy(
        stage,
        &people,
        "Production",
        4,
        vec![step("Platform", platform)],
        true,
    )
    .await?;
    let reading = policy(stage, &people, "Reading", 8, Vec::new(), false).await?;
    let groups = policy(
        stage,
        &people,
        "Groups",
        8,
        vec![step("Platform", platform), step("Data owners", data)],
        true,
    )
    .await?;

    let mut names = BTreeMap::new();
    let mut controls: Vec<(EntitlementId, PolicyId)> = Vec::new();
    let mut q = cy.read().await?;
    for entitlement in directory::all_entitlements(&mut q, connection).await? {
        let name = entitlement.name.clone();
        let policy = match &entitlement.key {
            EntitlementKey::GroupMembership { .. } | EntitlementKey::IamGroupMembership { .. } => {
                Some(groups)
            }
            EntitlementKey::AccountAssignment { .. } => {
                let set = name.split(" on ").next().unwrap_or_default();
                if set.starts_with("prod-") && !set.ends_with("-read")
                    || set == "AdministratorAccess"
                {
                    Some(production)
                } else if set.ends_with("-read") || set.ends_with("ReadOnlyAccess") {
                    Some(reading)
                } else {
                    None
                }
            }
        };
        if let Some(policy) = policy {
            controls.push((entitlement.id, policy));
        }
        names.insert(name, entitlement.id);
    }
    drop(q);

    let audience = BTreeSet::from([people.group("Engineers")?]);
    let catalog = catalog::create(
        &cy,
        NewCatalog {
            name: "Engineering".to_owned(),
            description: "What engineers may ask for".to_owned(),
            audience,
            ..NewCatalog::default()
        },
    )
    .await
    .context("creating the catalog")?;
    let ids: Vec<EntitlementId> = controls.iter().map(|(id, _)| *id).collect();
    for chunk in ids.chunks(catalog::MOST_AT_ONCE) {
        catalog::add(&cy, catalog.id, chunk)
            .await
            .context("filling the catalog")?;
    }
    for (entitlement, policy) in controls {
        catalog::set_access_control(&cy, entitlement, policy, None, None)
            .await
            .context("setting an access control")?;
    }
    Ok(Organization {
        people,
        entitlements: names,
    })
}

fn step(name: &str, group: GroupId) -> Step {
    let approvers = Approvers {
        groups: BTreeSet::from([group]),
        ..Approvers::default()
    };
    Step::new(name, approvers, 1)
}

async fn policy(
    stage: &Stage,
    people: &People,
    name: &str,
    hours: i64,
    steps: Vec<Step>,
    reason: bool,
) -> Result<PolicyId> {
    let route = if steps.is_empty() {
        Route::AutoApprove
    } else {
        Route::Steps(steps)
    };
    let body = PolicyBody {
        reason: ReasonRule {
            required: reason,
            min_length: 0,
        },
        ..PolicyBody::new(route, Span::hours(hours))
    };
    let new = NewPolicy {
        name: name.to_owned(),
        first: NewVersion {
            body,
            note: String::new(),
        },
    };
    let cy = people.cx(&stage.app, "cy")?;
    Ok(policies::create(&cy, new)
        .await
        .with_context(|| format!("creating the policy {name}"))?
        .id)
}
