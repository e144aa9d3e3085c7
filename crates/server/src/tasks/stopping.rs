//! That the background work is to come to an end.

use std::sync::Arc;

use tokio::sync::watch;

/// Told once, heard everywhere. Clones are the same.
#[derive(Clone, Debug)]
pub struct Stopping(Arc<watch::Sender<bool>>);

impl Default for Stopping {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }
}

impl Stopping {
    /// From now on nothing new is begun, and what is in hand is finished or handed over.
    pub fn begin(&self) {
        self.0.send_replace(true);
    }

    /// Whether it has begun.
    pub fn begun(&self) -> bool {
        *self.0.borrow()
    }

    /// Ends when it begins.
    pub async fn wait(&self) {
        let mut told = self.0.subscribe();
        // The sender is ours: it cannot be gone.
        let _ = told.wait_for(|begun| *begun).await;
    }
}
