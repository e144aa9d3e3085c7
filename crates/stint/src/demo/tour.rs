//! `stint demo --tour`: the main journey in the terminal. Every step that claims something
//! about AWS is *seen* there first ([`Watcher`]); the first that is not ends the tour, naming
//! the step.

use std::future::Future;
use std::pin::Pin;

use anyhow::{Context as _, Result, anyhow, ensure};
use stint_aws_sim::EstateSpec;
use stint_domain::entitlement::EntitlementKey;
use stint_domain::{EntitlementId, RequestId, Span};
use stint_server::requests::{self, NewRequest, Probe};
use stint_server::{audit, connections, directory};

use super::organization::{self, Organization};
use super::people::People;
use super::stage::{self, Stage};
use super::watcher::{Seen, Watcher};
use crate::clock::Wall;
use crate::exit::{Exit, Failure};
use stint_domain::{Clock as _, Time};

/// The estate of the tour: small enough to be read in a second, large enough for every list
/// to have more than one page where AWS pages at twenty.
const ESTATE: EstateSpec = EstateSpec {
    seed: 7,
    accounts: 24,
    permission_sets: 8,
    users: 120,
    groups: 10,
    memberships: 160,
    assignments: 140,
    iam_users: 8,
    iam_groups: 4,
    iam_roles: 0,
    iam_memberships: 8,
};

/// What a test may do to the world between two steps.
pub type Between = Box<
    dyn for<'a> Fn(&'a str, &'a Stage) -> Pin<Box<dyn Future<Output = Result<()>> + Send + 'a>>
        + Send
        + Sync,
>;

/// How to walk.
pub struct Tour {
    /// Whether the background work runs. Without it nothing is ever done in AWS.
    pub worker: bool,
    /// Called with the name of each step before it.
    pub before: Option<Between>,
    /// An empty database to walk on; a temporary one otherwise.
    pub database: Option<String>,
    /// Where the lines go.
    pub print: fn(&str) -> std::io::Result<()>,
}

/// The step that did not come true.
#[derive(Debug, thiserror::Error)]
#[error("the tour stopped at “{step}”: {why:#}")]
pub struct Stopped {
    /// Its name.
    pub step: &'static str,
    /// What was not as it should be.
    pub why: anyhow::Error,
}

/// Walks in the terminal.
pub(crate) async fn run(database: Option<String>) -> Result<(), Failure> {
    let tour = Tour {
        worker: true,
        before: None,
        database,
        print: |text| {
            use std::io::Write as _;
            let mut out = std::io::stdout().lock();
            writeln!(out, "{text}").and_then(|()| out.flush())
        },
    };
    tour.walk()
        .await
        .map_err(|stopped| Failure::new(Exit::Failed, stopped.to_string()))
}

impl Tour {
    /// Walks the journey.
    ///
    /// # Errors
    /// The first step whose claim was not seen.
    pub async fn walk(self) -> Result<(), Stopped> {
        let mut walk = Walk {
            tour: self,
            step: "set up",
            began: Wall.now(),
            steps: 0,
        };
        match walk.all().await {
            Ok(()) => Ok(()),
            Err(why) => Err(Stopped {
                step: walk.step,
                why,
            }),
        }
    }
}

struct Walk {
    tour: Tour,
    step: &'static str,
    began: Time,
    steps: u32,
}

/// One pair of the journey, as Stint and as AWS call it.
struct Wish {
    name: String,
    entitlement: EntitlementId,
    key: EntitlementKey,
}

impl Walk {
    fn say(&self, text: &str) -> Result<()> {
        (self.tour.print)(text).context("printing")
    }

    async fn begin(&mut self, step: &'static str, stage: &Stage) -> Result<()> {
        self.step = step;
        self.steps += 1;
        match &self.tour.before {
            Some(before) => before(step, stage).await,
            None => Ok(()),
        }
    }

    fn done(&self, what: &str, seen: Option<&Seen>) -> Result<()> {
        let proof = seen.map_or_else(String::new, |s| {
            format!("\n      seen in AWS, request {}", s.request_id)
        });
        self.say(&format!("{:>3}  {what}{proof}", self.steps))
    }

    async fn pass(&self, stage: &Stage, time: Span) -> Result<()> {
        if self.tour.worker {
            stage.advance(time).await
        } else {
            stage.clock.advance(time.as_micros());
            Ok(())
        }
    }

    async fn all(&mut self) -> Result<()> {
        let sim = stage::free_port(8481).await?;
        let stage = Stage::set(
            ESTATE,
            Wall.now(),
            "http://127.0.0.1:8480".to_owned(),
            sim,
            self.tour.database.clone(),
        )
        .await?;
        let watcher = Watcher::new(&stage.sim_url, &stage.facts);
        self.say(&format!(
            "A simulated AWS at {} and an empty Stint.\n",
            stage.sim_url
        ))?;

        let people = People::arrive(&stage.app).await?;
        let organization = self.connect(&stage, people).await?;
        self.production(&stage, &organization, &watcher).await?;
        self.group(&stage, &organization, &watcher).await?;
        self.iam_group(&stage, &organization, &watcher).await?;
        self.overlap(&stage, &organization, &watcher).await?;
        self.standing(&stage, &organization, &watcher).await?;

        self.begin("verify the audit log", &stage).await?;
        let report = audit::verify(&stage.app.db).await?;
        self.done(
            &format!(
                "The audit log is whole: {} events, each chained to the one before",
                report.events
            ),
            None,
        )?;
        let took = Wall.now().since(self.began);
        self.say(&format!(
            "\nEverything was seen in AWS. {} steps in {}.{} s.",
            self.steps,
            took.as_seconds(),
            took.as_micros() / 100_000 % 10
        ))
    }

    async fn connect(&mut self, stage: &Stage, people: People) -> Result<Organization> {
        self.begin("connect", stage).await?;
        let connection = organization::connect(stage, &people).await?;
        let cy = people.cx(&stage.app, "cy")?;
        let shown = connections::get(&cy, connection).await?;
        self.done(
            &format!(
                "Cy connects {} by role and External ID; the test passes",
                shown.management_account.unwrap_or_default()
            ),
            None,
        )?;

        self.begin("sync", stage).await?;
        let run = super::progress::sync(stage, &cy, connection, self.tour.print).await?;
        self.done(&run, None)?;
        organization::open_for_requests(stage, people, connection).await
    }

    async fn wish(&self, stage: &Stage, organization: &Organization, name: &str) -> Result<Wish> {
        let id = organization.entitlement(name)?;
        let found = directory::entitlement(&mut stage.app.db.reader().await?, id).await?;
        let found = found.ok_or_else(|| anyhow!("{name} is not in the directory"))?;
        Ok(Wish {
            name: name.to_owned(),
            entitlement: id,
            key: found.key,
        })
    }

    async fn look(&self, stage: &Stage, watcher: &Watcher, wish: &Wish) -> Result<Seen> {
        let ana = stage
            .facts
            .ana
            .as_ref()
            .ok_or_else(|| anyhow!("the estate has no Ana"))?;
        match &wish.key {
            EntitlementKey::AccountAssignment {
                account,
                permission_set,
            } => {
                watcher
                    .assignment(account, permission_set, &ana.user_id)
                    .await
            }
            EntitlementKey::GroupMembership { group } => {
                watcher.membership(group, &ana.user_id).await
            }
            EntitlementKey::IamGroupMembership { .. } => {
                let group = wish.name.trim_start_matches("IAM group ");
                watcher.iam_membership(group, &ana.user_name).await
            }
        }
    }

    async fn expect(
        &self,
        stage: &Stage,
        watcher: &Watcher,
        wish: &Wish,
        there: bool,
    ) -> Result<Seen> {
        let seen = self.look(stage, watcher, wish).await?;
        let word = |b: bool| if b { "there" } else { "not there" };
        ensure!(
            seen.there == there,
            "{} should be {} for Ana, but AWS says it is {} (request {})",
            wish.name,
            word(there),
            word(seen.there),
            seen.request_id
        );
        Ok(seen)
    }

    async fn ask(
        &self,
        stage: &Stage,
        organization: &Organization,
        wish: &Wish,
        duration: Span,
        reason: &str,
    ) -> Result<RequestId> {
        let ana = organization.people.cx(&stage.app, "ana")?;
        let new = NewRequest {
            entitlement: wish.entitlement,
            duration,
            reason: reason.to_owned(),
            ticket: None,
            beneficiary: None,
            start: None,
            principal: None,
            emergency: false,
            until_revoked: false,
        };
        Ok(requests::submit(&ana, new).await.context("asking")?.id)
    }

    async fn approve(
        &self,
        stage: &Stage,
        organization: &Organization,
        who: &str,
        request: RequestId,
    ) -> Result<()> {
        let cx = organization.people.cx(&stage.app, who)?;
        requests::approve(&cx, request, "")
            .await
            .with_context(|| format!("{who} approving"))?;
        Ok(())
    }

    /// Ana asks, Cy and Bo approve, and a minute later she has it.
    async fn in_two_steps(
        &self,
        stage: &Stage,
        organization: &Organization,
        watcher: &Watcher,
        wish: &Wish,
        duration: Span,
        reason: &str,
    ) -> Result<(RequestId, Seen)> {
        let request = self
            .ask(stage, organization, wish, duration, reason)
            .await?;
        for who in ["cy", "bo"] {
            self.approve(stage, organization, who, request).await?;
        }
        self.pass(stage, Span::minutes(1)).await?;
        let seen = self.expect(stage, watcher, wish, true).await?;
        Ok((request, seen))
    }

    /// Ana gets production for two hours.
    async fn production(
        &mut self,
        stage: &Stage,
        organization: &Organization,
        watcher: &Watcher,
    ) -> Result<()> {
        let wish = self
            .wish(stage, organization, "prod-admin on prod-payments")
            .await?;
        self.begin("ask for prod-admin", stage).await?;
        let before = self.expect(stage, watcher, &wish, false).await?;
        let ana = organization.people.cx(&stage.app, "ana")?;
        let probe = Probe {
            entitlement: wish.entitlement,
            duration: Some(Span::hours(2)),
            reason: None,
            ticket: None,
            beneficiary: None,
            start: None,
            principal: None,
            emergency: false,
            until_revoked: false,
        };
        let preview = requests::preview(&ana, probe).await?;
        let who: Vec<String> = preview
            .steps
            .iter()
            .map(|s| format!("{} of {}", s.needed, s.name))
            .collect();
        let request = self
            .ask(
                stage,
                organization,
                &wish,
                Span::hours(2),
                "INC-2291: payments stuck",
            )
            .await?;
        self.done(
            &format!(
                "Ana asks for {} for 2 h; policy says {}",
                wish.name,
                who.join(", then ")
            ),
            Some(&before),
        )?;

        self.begin("approve", stage).await?;
        self.approve(stage, organization, "bo", request).await?;
        self.done("Bo approves", None)?;

        self.begin("the assignment exists", stage).await?;
        self.pass(stage, Span::minutes(1)).await?;
        let seen = self.expect(stage, watcher, &wish, true).await?;
        self.done("The assignment exists in AWS", Some(&seen))?;

        self.begin("still there before the end", stage).await?;
        self.pass(stage, Span::minutes(115)).await?;
        let seen = self.expect(stage, watcher, &wish, true).await?;
        self.done("1 h 56 min later it is still there", Some(&seen))?;

        self.begin("the assignment is gone", stage).await?;
        self.pass(stage, Span::minutes(6)).await?;
        let seen = self.expect(stage, watcher, &wish, false).await?;
        self.done("2 h have passed: it is gone", Some(&seen))
    }

    /// A group membership, two steps, returned early.
    async fn group(
        &mut self,
        stage: &Stage,
        organization: &Organization,
        watcher: &Watcher,
    ) -> Result<()> {
        self.begin("a group membership", stage).await?;
        let name = organization
            .named("Identity Center group ")
            .next()
            .context("the estate has no group")?;
        let wish = self.wish(stage, organization, name).await?;
        self.expect(stage, watcher, &wish, false).await?;
        let (request, seen) = self
            .in_two_steps(
                stage,
                organization,
                watcher,
                &wish,
                Span::hours(8),
                "Quarterly figures",
            )
            .await?;
        self.done(
            &format!("{}: Cy and Bo approve, Ana is in", wish.name),
            Some(&seen),
        )?;

        self.begin("returned early", stage).await?;
        let ana = organization.people.cx(&stage.app, "ana")?;
        requests::return_early(&ana, request)
            .await
            .context("returning")?;
        self.pass(stage, Span::minutes(2)).await?;
        let seen = self.expect(stage, watcher, &wish, false).await?;
        self.done("Ana returns it early: she is out", Some(&seen))
    }

    /// Membership of an IAM group, for an hour.
    async fn iam_group(
        &mut self,
        stage: &Stage,
        organization: &Organization,
        watcher: &Watcher,
    ) -> Result<()> {
        self.begin("an IAM group", stage).await?;
        let mut free = None;
        for name in organization.named("IAM group ") {
            let wish = self.wish(stage, organization, name).await?;
            if !self.look(stage, watcher, &wish).await?.there {
                free = Some(wish);
                break;
            }
        }
        let wish = free.context("Ana is in every IAM group of the estate")?;
        let (_, seen) = self
            .in_two_steps(
                stage,
                organization,
                watcher,
                &wish,
                Span::hours(1),
                "Mend the old pipeline",
            )
            .await?;
        self.done(
            &format!("{}: Cy and Bo approve, Ana's IAM user is in", wish.name),
            Some(&seen),
        )?;

        self.begin("the IAM group ends", stage).await?;
        self.pass(stage, Span::minutes(62)).await?;
        let seen = self.expect(stage, watcher, &wish, false).await?;
        self.done("1 h has passed: her IAM user is out", Some(&seen))
    }

    /// The last one out removes.
    async fn overlap(
        &mut self,
        stage: &Stage,
        organization: &Organization,
        watcher: &Watcher,
    ) -> Result<()> {
        let wish = self
            .wish(stage, organization, "prod-deploy on prod-payments")
            .await?;
        self.begin("two overlapping grants", stage).await?;
        for hours in [1, 3] {
            let request = self
                .ask(
                    stage,
                    organization,
                    &wish,
                    Span::hours(hours),
                    "Release 4.2",
                )
                .await?;
            self.approve(stage, organization, "bo", request).await?;
        }
        self.pass(stage, Span::minutes(1)).await?;
        let seen = self.expect(stage, watcher, &wish, true).await?;
        self.done(
            &format!("{} twice, for 1 h and for 3 h: one assignment", wish.name),
            Some(&seen),
        )?;

        self.begin("the first of two ends", stage).await?;
        self.pass(stage, Span::minutes(65)).await?;
        let seen = self.expect(stage, watcher, &wish, true).await?;
        self.done(
            "The first has ended; the access stays for the second",
            Some(&seen),
        )?;

        self.begin("the last of two ends", stage).await?;
        self.pass(stage, Span::minutes(120)).await?;
        let seen = self.expect(stage, watcher, &wish, false).await?;
        self.done("The last one out removes it", Some(&seen))
    }

    /// What stood before is left alone.
    async fn standing(
        &mut self,
        stage: &Stage,
        organization: &Organization,
        watcher: &Watcher,
    ) -> Result<()> {
        let wish = self
            .wish(stage, organization, "ReadOnlyAccess on prod-payments")
            .await?;
        self.begin("standing access", stage).await?;
        let before = self.expect(stage, watcher, &wish, true).await?;
        self.ask(stage, organization, &wish, Span::hours(1), "")
            .await?;
        self.pass(stage, Span::minutes(1)).await?;
        self.done(
            &format!(
                "Ana has always had {}; she asks for it all the same",
                wish.name
            ),
            Some(&before),
        )?;

        self.begin("standing access survives", stage).await?;
        self.pass(stage, Span::minutes(70)).await?;
        let seen = self.expect(stage, watcher, &wish, true).await?;
        self.done(
            "The grant has ended; her standing access is untouched",
            Some(&seen),
        )
    }
}
