//! Waiting by a clock that stands still: while nothing else is going on, the clock jumps to the
//! end of the shortest wait.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use stint_aws::Pace;
use stint_domain::{Clock as _, Span, Time};
use tokio::sync::oneshot;

use crate::clock::RulesClock;

type Timers = BTreeMap<(Time, u64), oneshot::Sender<()>>;

#[derive(Default)]
struct Waiting {
    timers: Timers,
    next: u64,
}

/// The pace of a governor by the rules' clock.
#[derive(Clone)]
pub struct VirtualPace {
    clock: RulesClock,
    start: Time,
    waiting: Arc<Mutex<Waiting>>,
}

impl VirtualPace {
    pub(crate) fn new(clock: RulesClock) -> Self {
        Self {
            start: clock.now(),
            clock,
            waiting: Arc::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the clock jump whenever `busy` has said the same for a moment, until the answer is
    /// dropped.
    pub fn jump_while_idle(&self, busy: impl Fn() -> u64 + Send + 'static) -> Jumping {
        let (pace, stop) = (self.clone(), Arc::new(AtomicBool::new(false)));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let (mut before, mut quiet) = (u64::MAX, 0_u32);
            while !stopped.load(Ordering::Relaxed) {
                std::thread::sleep(QUIET / LOOKS);
                let now = busy();
                quiet = if now == before { quiet + 1 } else { 0 };
                before = now;
                if quiet >= LOOKS && pace.jump() {
                    quiet = 0;
                }
            }
        });
        Jumping {
            stop,
            thread: Some(thread),
        }
    }

    /// Ends the shortest wait, if anybody waits.
    fn jump(&self) -> bool {
        let mut waiting = self.lock();
        let Some(((at, _), told)) = waiting.timers.pop_first() else {
            return false;
        };
        drop(waiting);
        if at > self.clock.now() {
            self.clock.set(at);
        }
        // Who no longer waits is not there.
        let _ = told.send(());
        true
    }
}

/// How long nothing happens before the clock jumps.
const QUIET: Duration = Duration::from_micros(600);
/// How often is looked meanwhile.
const LOOKS: u32 = 3;

/// A wait, taken out when it is given up.
struct Place<'a> {
    pace: &'a VirtualPace,
    key: (Time, u64),
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.pace.lock().timers.remove(&self.key);
    }
}

#[async_trait::async_trait]
impl Pace for VirtualPace {
    fn now(&self) -> Duration {
        let micros = self.clock.now().since(self.start).as_micros();
        Duration::from_micros(u64::try_from(micros).unwrap_or(0))
    }

    async fn wait(&self, length: Duration) {
        let micros = i64::try_from(length.as_micros()).unwrap_or(i64::MAX / 4);
        let (tell, told) = oneshot::channel();
        let at = self.clock.now() + Span::micros(micros.min(i64::MAX / 4));
        let key = {
            let mut waiting = self.lock();
            waiting.next += 1;
            let key = (at, waiting.next);
            waiting.timers.insert(key, tell);
            key
        };
        let _place = Place { pace: self, key };
        // The sender is dropped only with the timer.
        let _ = told.await;
    }
}

/// The clock jumps until this is dropped.
pub struct Jumping {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Jumping {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
