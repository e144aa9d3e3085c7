//! The one source of ids and of randomness.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use rand::rngs::StdRng;
use rand::{RngCore as _, SeedableRng as _};
use stint_domain::Clock;
use uuid::Uuid;

/// Makes ids (UUID version 7, so that they sort by the time they were made) and secrets.
///
/// In the product the bits come from the operating system through aws-lc-rs. In tests they
/// come from a seed, so that a run can be repeated: [`IdSource::seeded`].
#[derive(Clone)]
pub struct IdSource {
    clock: Arc<dyn Clock>,
    state: Arc<Mutex<State>>,
}

struct State {
    /// The millisecond and the 74 bits of the last id: ids of one millisecond count up.
    last: (u64, u128),
    seeded: Option<StdRng>,
}

impl fmt::Debug for IdSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdSource")
    }
}

/// The random part of a version 7 UUID, without version and variant.
const BITS: u32 = 74;

impl State {
    fn fill(&mut self, bytes: &mut [u8]) {
        match &mut self.seeded {
            Some(rng) => rng.fill_bytes(bytes),
            None => aws_lc_rs::rand::fill(bytes)
                .expect("the operating system gives random bytes; without them nothing is safe"),
        }
    }

    fn bits(&mut self) -> u128 {
        let mut bytes = [0; 16];
        self.fill(&mut bytes);
        // The highest bit stays clear, as room to count up.
        u128::from_be_bytes(bytes) >> (128 - BITS + 1)
    }
}

impl IdSource {
    /// Ids by this clock with the operating system's randomness.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self::with(clock, None)
    }

    /// Ids by this clock that are the same on every run. For tests and the demo's data.
    pub fn seeded(clock: Arc<dyn Clock>, seed: u64) -> Self {
        Self::with(clock, Some(StdRng::seed_from_u64(seed)))
    }

    fn with(clock: Arc<dyn Clock>, seeded: Option<StdRng>) -> Self {
        Self {
            clock,
            state: Arc::new(Mutex::new(State {
                last: (0, 0),
                seeded,
            })),
        }
    }

    /// A new id of any kind. Those of one source sort in the order they were made, unless
    /// its clock is set back.
    pub fn new_id<T: From<Uuid>>(&self) -> T {
        let millis = u64::try_from(self.clock.now().micros().div_euclid(1_000)).unwrap_or(0);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let bits = match state.last {
            (then, bits) if then == millis => bits + 1 + (state.bits() >> (BITS - 32)),
            _ => state.bits(),
        };
        state.last = (millis, bits);
        // 12 bits after the version, 62 after the variant.
        let high = u128::from(millis) << 80 | (bits >> 62 & 0xfff) << 64;
        let low = bits & ((1 << 62) - 1);
        let mut builder = uuid::Builder::from_u128(high | low);
        builder.set_variant(uuid::Variant::RFC4122);
        builder.set_version(uuid::Version::SortRand);
        T::from(builder.into_uuid())
    }

    /// Random bytes for a secret: a token, an External ID, a salt.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .fill(&mut bytes);
        bytes
    }
}
