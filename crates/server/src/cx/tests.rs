use std::collections::BTreeSet;
use std::sync::Arc;

use stint_domain::{Clock, GrantId, Time};

use super::*;

struct Still(i64);

impl Clock for Still {
    fn now(&self) -> Time {
        Time::from_micros(self.0)
    }
}

#[test]
fn ids_are_version_7_carry_the_time_and_sort_as_made() {
    let ids = IdSource::seeded(Arc::new(Still(1_700_000_000_123_456)), 7);
    let made: Vec<GrantId> = (0..10_000).map(|_| ids.new_id()).collect();
    let sorted: BTreeSet<GrantId> = made.iter().copied().collect();
    assert_eq!(made, sorted.into_iter().collect::<Vec<_>>());
    for id in &made {
        assert_eq!(id.0.get_version(), Some(uuid::Version::SortRand));
        assert_eq!(id.0.get_variant(), uuid::Variant::RFC4122);
        assert_eq!(id.0.as_u128() >> 80, 1_700_000_000_123);
    }
}

#[test]
fn a_seed_repeats_its_ids_and_secrets_and_the_product_does_not() {
    let clock = || Arc::new(Still(5_000_000));
    let seeded = || IdSource::seeded(clock(), 7);
    assert_eq!(seeded().new_id::<GrantId>(), seeded().new_id::<GrantId>());
    assert_eq!(seeded().bytes::<32>(), seeded().bytes::<32>());
    let product = || IdSource::new(clock());
    assert_ne!(product().new_id::<GrantId>(), product().new_id::<GrantId>());
    assert_ne!(product().bytes::<32>(), product().bytes::<32>());
}
