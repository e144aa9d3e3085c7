mod asking;
mod deciding;
mod reading;

use stint_domain::policy::{PolicyBody, Step};
use stint_domain::rights::Role;
use stint_domain::{CatalogId, ConnectionId, EntitlementId, GroupId, PolicyId, Span};

use super::*;
use crate::http::{Fault as _, Paging};
use crate::identity::User;
use crate::policies::tests::house::{House, body, of_group, of_users};
use crate::policies::{NewPolicy, NewVersion};
use crate::{catalog, policies};

/// A house where Ana may ask for one thing, and Bo and Bea of Platform decide.
struct Scene {
    house: House,
    ana: User,
    bo: User,
    bea: User,
    cy: User,
    platform: GroupId,
    devs: GroupId,
    estate: ConnectionId,
    catalog: CatalogId,
    policy: PolicyId,
    admin: EntitlementId,
}

impl Scene {
    /// One of Platform must approve.
    async fn new() -> Self {
        Self::with(|platform, _| body(vec![of_group("Platform", platform, 1)])).await
    }

    /// Under rules made of the group Platform and Bo.
    async fn with(rules: impl FnOnce(GroupId, &User) -> PolicyBody) -> Self {
        let house = House::new().await;
        let [ana, bo, bea] = [
            house.user("Ana", &[]).await,
            house.user("Bo", &[]).await,
            house.user("Bea", &[]).await,
        ];
        let cy = house.user("Cy", &[Role::SuperAdmin]).await;
        let devs = house.group("Devs", &[&ana]).await;
        let platform = house.group("Platform", &[&bo, &bea]).await;
        let estate = house.connection().await;
        house.linked(estate, &ana).await;
        let admin = house.entitlement(estate, "Admin on prod").await;
        let cx = house.system();
        let rules = rules(platform, &bo);
        let policy = policies::create(
            &cx,
            NewPolicy {
                name: "Prod".into(),
                first: version(rules),
            },
        );
        let policy = policy.await.expect("a policy").id;
        let new = catalog::NewCatalog {
            name: "Prod".into(),
            description: String::new(),
            audience: [devs].into(),
            ..catalog::NewCatalog::default()
        };
        let catalog = catalog::create(&cx, new).await.expect("a catalog").id;
        let scene = Self {
            house,
            ana,
            bo,
            bea,
            cy,
            platform,
            devs,
            estate,
            catalog,
            policy,
            admin,
        };
        scene.offer(admin, policy).await;
        scene
    }

    async fn offer(&self, id: EntitlementId, policy: PolicyId) {
        let cx = self.house.system();
        catalog::add(&cx, self.catalog, &[id]).await.expect("added");
        let set = catalog::set_access_control(&cx, id, policy, None, None).await;
        set.expect("set");
    }

    fn ask(&self) -> NewRequest {
        NewRequest {
            entitlement: self.admin,
            duration: Span::hours(2),
            reason: "release 4711".into(),
            ticket: None,
            beneficiary: None,
            start: None,
            principal: None,
            emergency: false,
            until_revoked: false,
        }
    }

    /// Ana asks.
    async fn asked(&self) -> Request {
        let made = submit(&self.house.by(&self.ana), self.ask()).await;
        made.expect("submitted")
    }

    /// What an approval comes to: the state, or the code of the refusal.
    async fn approve(&self, by: &User, id: RequestId) -> &'static str {
        let done = super::approve(&self.house.by(by), id, "").await;
        done.map_or_else(|e| e.code(), |request| request.state())
    }

    async fn detail(&self, by: &User, id: RequestId) -> Detail {
        get(&self.house.by(by), id).await.expect("visible")
    }
}

fn version(body: PolicyBody) -> NewVersion {
    NewVersion {
        body,
        note: String::new(),
    }
}

fn two_steps(first: Step, second: Step) -> PolicyBody {
    body(vec![first, second])
}
