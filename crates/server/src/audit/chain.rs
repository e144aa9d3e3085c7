//! Writing events onto the chain, as the last thing before a commit.

use stint_db::{BeforeCommit, Hand, Result};
use stint_domain::audit::{Event, Hash, chain};

use super::store;
use crate::cx::IdSource;

/// SHA-256, by aws-lc-rs.
pub fn sha256(bytes: &[u8]) -> Hash {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    let mut hash = [0; 32];
    for (to, from) in hash.iter_mut().zip(digest.as_ref()) {
        *to = *from;
    }
    hash
}

/// The hook given to the database.
#[derive(Debug, Clone)]
pub struct Chain {
    ids: IdSource,
}

impl Chain {
    /// Ids of events come from this source.
    pub const fn new(ids: IdSource) -> Self {
        Self { ids }
    }
}

#[async_trait::async_trait]
impl BeforeCommit for Chain {
    async fn before_commit(&self, hand: &mut Hand<'_>, events: Vec<Event>) -> Result<()> {
        let mut head = store::head(hand).await?;
        for event in &events {
            let id = self.ids.new_id();
            let link = chain(head, event, id, &sha256);
            store::insert(hand, id, event, &link).await?;
            head = link.head();
        }
        store::move_head(hand, head).await
    }
}
