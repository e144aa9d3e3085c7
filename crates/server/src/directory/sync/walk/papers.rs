//! What permission sets allow. Read once a day: it changes rarely, and costs four calls a set.

use futures::{FutureExt as _, TryFutureExt as _};
use stint_aws::{ErrorKind, Lane};
use stint_domain::Span;
use tokio::sync::Mutex;

use super::super::super::Error;
use super::super::super::classes::Class;
use super::super::super::papers::Policies;
use super::super::super::store::estate;
use super::{Lists, Walk, each};

/// How old what is known may be.
const OLDEST: Span = Span::hours(24);

impl Walk<'_> {
    /// Reads the policies of the sets whose were not read for a day. What AWS does not tell stays as it
    /// is: who holds what is known without it.
    pub(super) async fn set_policies(&self, lists: &Lists) -> Result<(), Error> {
        let id = self.run().await.connection;
        let since = self.cx.app.clock.now() - OLDEST;
        let mut q = self.cx.read().await?;
        let sets = estate::unread_sets(&mut q, id, lists.sets, since).await?;
        drop(q);
        let failed = Mutex::new(None);
        self.read_policies(sets, &failed).await?;
        let came = match failed.into_inner() {
            Some(why) => Err(why),
            None => {
                let mut q = self.cx.read().await?;
                let first = estate::policies_since(&mut q, id, lists.sets).await?;
                Ok(first.unwrap_or(lists.sets))
            }
        };
        self.came(Class::Policies, came).await
    }

    async fn read_policies(
        &self,
        sets: Vec<String>,
        failed: &Mutex<Option<String>>,
    ) -> Result<(), Error> {
        let mut sets = sets.into_iter();
        // What is refused for the first is, mostly, for all.
        let Some(first) = sets.next() else {
            return Ok(());
        };
        if !self.policies_of(first, failed).await? {
            return Ok(());
        }
        each(sets, |arn| {
            self.policies_of(arn, failed).map_ok(drop).boxed()
        })
        .await
    }

    /// Whether AWS lets this set's policies be read; why these were not stands in `failed`. Failing
    /// credentials fail the run.
    async fn policies_of(
        &self,
        arn: String,
        failed: &Mutex<Option<String>>,
    ) -> Result<bool, Error> {
        let began = self.cx.app.clock.now();
        let read = self.estate.set_policies(&self.instance, &arn, Lane::Sync);
        let policies: Policies = match read.await {
            Ok(read) => read.into(),
            Err(error) if matches!(error.kind, ErrorKind::Credentials | ErrorKind::Expired) => {
                return Err(self.aws("permission sets", error).await);
            }
            Err(error) => {
                tracing::info!(error = %error, "sync.policies_not_read");
                // Deleted since it was listed: there is nothing to read.
                if error.kind != ErrorKind::NotFound {
                    failed.lock().await.get_or_insert(error.to_string());
                }
                return Ok(error.kind != ErrorKind::Denied);
            }
        };
        let (sink, mut tx) = self.write().await?;
        let id = sink.run.connection;
        estate::set_policies(&mut tx, id, &arn, policies.write(), began).await?;
        self.moved((sink, tx)).await?;
        Ok(true)
    }
}
