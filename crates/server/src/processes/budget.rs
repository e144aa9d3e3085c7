//! AWS's budget, shared by every process on one database.

use async_trait::async_trait;
use stint_aws::{BudgetStore, Held, Lane, Limit, OpenWrite, Service, TURN, WriteRules};
use stint_db::{Db, Priority, Tx};
use stint_domain::Time;

use super::{Processes, store};
use crate::http::failure_chain;

/// Slots in the database, and this process's part of the rates.
pub struct SharedBudget {
    db: Db,
    processes: Processes,
}

impl SharedBudget {
    /// On this database, among these processes.
    pub fn new(db: Db, processes: Processes) -> Self {
        Self { db, processes }
    }

    async fn open(&self, write: &OpenWrite, rules: WriteRules) -> stint_db::Result<Option<Held>> {
        let mut tx = self.begin(write.lane).await?;
        // Who counts holds the estate's row: two counts cannot both find the last slot.
        store::hold_scope(&mut tx, &write.scope).await?;
        store::lapse(&mut tx, &write.scope, rules.now).await?;
        let revoke = write.lane == Lane::Revoke;
        let open = store::open_writes(&mut tx, &write.scope).await?;
        let busy = open.contains(&write.account);
        let waited_for = store::turn(&mut tx, &write.scope, &write.account, rules.now).await?;
        let room = if revoke {
            rules.outstanding
        } else {
            rules.outstanding.saturating_sub(rules.reserved_for_revoke)
        };
        let held = if busy || (!revoke && waited_for) {
            if revoke {
                let until = rules.now + TURN;
                store::want_turn(&mut tx, &write.scope, &write.account, until).await?;
            }
            Some(Held::AccountBusy)
        } else if open.len() >= room {
            Some(Held::WritesOutstanding)
        } else {
            store::had_turn(&mut tx, &write.scope, &write.account).await?;
            store::take(&mut tx, write, &self.holder(&write.holder)).await?;
            None
        };
        tx.commit().await?;
        Ok(held)
    }

    /// A call under way is numbered by its process; AWS's request ids are everybody's.
    fn holder(&self, holder: &str) -> String {
        if holder.starts_with("call-") {
            format!("{} {holder}", self.processes.id)
        } else {
            holder.to_owned()
        }
    }

    async fn begin(&self, lane: Lane) -> stint_db::Result<Tx> {
        self.db
            .begin(match lane {
                Lane::Revoke => Priority::Revoke,
                Lane::Provision | Lane::Interactive => Priority::Interactive,
                Lane::Sync => Priority::Sync,
            })
            .await
    }

    async fn pass_on(
        &self,
        scope: &str,
        holder: &str,
        request_id: &str,
        until: Time,
    ) -> stint_db::Result<()> {
        let mut tx = self.begin(Lane::Revoke).await?;
        store::pass_on(&mut tx, scope, &self.holder(holder), request_id, until).await?;
        tx.commit().await
    }

    async fn close(&self, scope: &str, holder: &str) -> stint_db::Result<()> {
        let mut tx = self.begin(Lane::Revoke).await?;
        store::close(&mut tx, scope, &self.holder(holder)).await?;
        tx.commit().await
    }
}

#[async_trait]
impl BudgetStore for SharedBudget {
    async fn share(&self, _: &str, _: Service, whole: Limit) -> Limit {
        let n = self.processes.count();
        let part = f64::from(n);
        Limit {
            per_second: whole.per_second / part,
            burst: (whole.burst / part).max(1.0),
            concurrent: (whole.concurrent / n).max(1),
        }
    }

    async fn open_write(&self, write: &OpenWrite, rules: WriteRules) -> Result<(), Held> {
        match stint_db::retrying(|| self.open(write, rules)).await {
            Ok(None) => Ok(()),
            Ok(Some(held)) => Err(held),
            Err(error) => {
                // Nothing was sent, and nothing is known about the slot.
                tracing::warn!(error = %failure_chain(&error), "budget.unreachable");
                Err(Held::AccountBusy)
            }
        }
    }

    async fn accepted(&self, scope: &str, holder: &str, request_id: &str, until: Time) {
        let kept = stint_db::retrying(|| self.pass_on(scope, holder, request_id, until)).await;
        if let Err(error) = kept {
            // It lapses by itself; AWS refuses a second write meanwhile.
            tracing::warn!(error = %failure_chain(&error), "budget.unreachable");
        }
    }

    async fn close_write(&self, scope: &str, holder: &str) {
        if let Err(error) = stint_db::retrying(|| self.close(scope, holder)).await {
            tracing::warn!(error = %failure_chain(&error), "budget.unreachable");
        }
    }
}
