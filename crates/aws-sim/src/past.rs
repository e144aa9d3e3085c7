//! Lists and maps that can be looked at as they were a while ago, for reads that lag behind writes.
//!
//! While something has to be remembered, every change leaves behind what it replaced. Going back
//! puts that in again, newest first, and coming forth undoes it: the cost is that of the changes
//! since then, whatever the size of the estate. What it does not do: change anything while it is
//! looked at as it was.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::mem;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

/// When what changes now changes, and for how long it is remembered; shared by everything that
/// is to be looked at as it was.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stamp(Arc<Times>);

#[derive(Debug, Default)]
struct Times {
    now: AtomicI64,
    /// Microseconds; 0 remembers nothing.
    kept: AtomicI64,
}

impl Stamp {
    pub(crate) fn set(&self, now: i64) {
        self.0.now.store(now, Relaxed);
    }

    pub(crate) fn keep(&self, micros: i64) {
        self.0.kept.store(micros, Relaxed);
    }

    /// Now, and until when what is older may be forgotten; nothing where all is forgotten.
    fn times(&self) -> Option<(i64, i64)> {
        let (now, kept) = (self.0.now.load(Relaxed), self.0.kept.load(Relaxed));
        (kept > 0).then(|| (now, now.saturating_sub(kept)))
    }
}

/// Something that can be looked at as it was.
pub(crate) trait Past {
    /// By which time it changes.
    fn follow(&mut self, stamp: &Stamp);
    /// As it was then; says whether that is different from now.
    fn back(&mut self, then: i64) -> bool;
    /// As it is.
    fn forth(&mut self);
    /// Remembers nothing any more.
    fn forget(&mut self);
}

/// What was replaced, where, and when; oldest first.
#[derive(Debug, Clone)]
struct Replaced<K, V> {
    list: VecDeque<(i64, K, Option<V>)>,
    stamp: Stamp,
    /// How many of the newest are exchanged.
    away: usize,
}

impl<K, V> Default for Replaced<K, V> {
    fn default() -> Self {
        Self {
            list: VecDeque::new(),
            stamp: Stamp::default(),
            away: 0,
        }
    }
}

impl<K, V> Replaced<K, V> {
    fn note(&mut self, what: impl FnOnce() -> (K, Option<V>)) {
        debug_assert_eq!(self.away, 0, "nothing changes in the past");
        let Some((now, oldest)) = self.stamp.times() else {
            return;
        };
        while self.list.front().is_some_and(|(at, ..)| *at < oldest) {
            self.list.pop_front();
        }
        let (place, before) = what();
        self.list.push_back((now, place, before));
    }

    fn back(&mut self, then: i64, mut exchange: impl FnMut(&K, &mut Option<V>)) -> bool {
        for (at, place, kept) in self.list.iter_mut().rev() {
            if *at <= then {
                break;
            }
            exchange(place, kept);
            self.away += 1;
        }
        self.away > 0
    }

    fn forth(&mut self, mut exchange: impl FnMut(&K, &mut Option<V>)) {
        let still = self.list.len() - self.away;
        for (_, place, kept) in self.list.iter_mut().skip(still) {
            exchange(place, kept);
        }
        self.away = 0;
    }
}

/// A list that only grows.
#[derive(Debug, Clone)]
pub(crate) struct Shelf<T> {
    list: Vec<T>,
    replaced: Replaced<usize, T>,
}

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Vec::new().into()
    }
}

impl<T> From<Vec<T>> for Shelf<T> {
    fn from(list: Vec<T>) -> Self {
        Self {
            list,
            replaced: Replaced::default(),
        }
    }
}

impl<T> Deref for Shelf<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.list
    }
}

impl<'a, T> IntoIterator for &'a Shelf<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.iter()
    }
}

impl<T: Clone> Shelf<T> {
    pub(crate) fn push(&mut self, item: T) {
        self.replaced.note(|| (self.list.len(), None));
        self.list.push(item);
    }

    pub(crate) fn get_mut(&mut self, place: usize) -> Option<&mut T> {
        let item = self.list.get_mut(place)?;
        self.replaced.note(|| (place, Some(item.clone())));
        Some(item)
    }

    /// Those for which this holds, to change them.
    pub(crate) fn each_mut(&mut self, holds: impl Fn(&T) -> bool) -> impl Iterator<Item = &mut T> {
        let Self { list, replaced } = self;
        let those = list.iter_mut().enumerate();
        those
            .filter(move |(_, item)| holds(item))
            .map(move |(place, item)| {
                replaced.note(|| (place, Some(item.clone())));
                item
            })
    }
}

/// Puts in what was kept and keeps what was there; the last item may come or go.
fn exchange_in_list<T>(list: &mut Vec<T>, place: usize, kept: &mut Option<T>) {
    match (list.get_mut(place), &mut *kept) {
        (Some(item), Some(other)) => mem::swap(item, other),
        (Some(_), None) => *kept = list.pop(),
        (None, _) => list.extend(kept.take()),
    }
}

impl<T> Past for Shelf<T> {
    fn follow(&mut self, stamp: &Stamp) {
        self.replaced.stamp = stamp.clone();
    }

    fn back(&mut self, then: i64) -> bool {
        let list = &mut self.list;
        self.replaced
            .back(then, |place, kept| exchange_in_list(list, *place, kept))
    }

    fn forth(&mut self) {
        let list = &mut self.list;
        self.replaced
            .forth(|place, kept| exchange_in_list(list, *place, kept));
    }

    fn forget(&mut self) {
        self.replaced.list.clear();
    }
}

/// A map.
#[derive(Debug, Clone)]
pub(crate) struct Book<K, V> {
    map: HashMap<K, V>,
    replaced: Replaced<K, V>,
}

impl<K, V> Default for Book<K, V> {
    fn default() -> Self {
        HashMap::new().into()
    }
}

impl<K, V> From<HashMap<K, V>> for Book<K, V> {
    fn from(map: HashMap<K, V>) -> Self {
        Self {
            map,
            replaced: Replaced::default(),
        }
    }
}

impl<K, V> Deref for Book<K, V> {
    type Target = HashMap<K, V>;

    fn deref(&self) -> &HashMap<K, V> {
        &self.map
    }
}

impl<K: Clone + Eq + Hash, V: Clone> Book<K, V> {
    pub(crate) fn insert(&mut self, key: K, value: V) {
        self.note(&key);
        self.map.insert(key, value);
    }

    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        self.note(key);
        self.map.remove(key)
    }

    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.note(key);
        self.map.get_mut(key)
    }

    /// To change what nobody looks at in the past.
    pub(crate) fn get_mut_unnoticed(&mut self, key: &K) -> Option<&mut V> {
        self.map.get_mut(key)
    }

    pub(crate) fn get_or_default(&mut self, key: K) -> &mut V
    where
        V: Default,
    {
        self.note(&key);
        self.map.entry(key).or_default()
    }

    /// Those for which this holds, to change them.
    pub(crate) fn each_mut(&mut self, holds: impl Fn(&V) -> bool) -> impl Iterator<Item = &mut V> {
        let Self { map, replaced } = self;
        let those = map.iter_mut();
        those
            .filter(move |(_, value)| holds(value))
            .map(move |(key, value)| {
                replaced.note(|| (key.clone(), Some(value.clone())));
                value
            })
    }

    fn note(&mut self, key: &K) {
        let Self { map, replaced } = self;
        replaced.note(|| (key.clone(), map.get(key).cloned()));
    }
}

/// Puts in what was kept and keeps what was there.
fn exchange_in_map<K: Clone + Eq + Hash, V>(
    map: &mut HashMap<K, V>,
    key: &K,
    kept: &mut Option<V>,
) {
    let there = map.remove(key);
    if let Some(value) = mem::replace(kept, there) {
        map.insert(key.clone(), value);
    }
}

impl<K: Clone + Eq + Hash, V> Past for Book<K, V> {
    fn follow(&mut self, stamp: &Stamp) {
        self.replaced.stamp = stamp.clone();
    }

    fn back(&mut self, then: i64) -> bool {
        let map = &mut self.map;
        self.replaced
            .back(then, |key, kept| exchange_in_map(map, key, kept))
    }

    fn forth(&mut self) {
        let map = &mut self.map;
        self.replaced
            .forth(|key, kept| exchange_in_map(map, key, kept));
    }

    fn forget(&mut self) {
        self.replaced.list.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::{Book, Past, Shelf, Stamp};

    proptest! {
        #[test]
        fn what_was_is_found_again(
            steps in prop::collection::vec((0..3_usize, 0..6_usize, 0..100_u32, 0..4_i64), 0..40),
            back in 0..200_i64,
        ) {
            let stamp = Stamp::default();
            let mut shelf = Shelf::from(vec![1, 2]);
            let mut book = Book::from(HashMap::from([(1, 10), (2, 20)]));
            shelf.follow(&stamp);
            book.follow(&stamp);
            stamp.keep(60);
            let mut now = 1_000;
            // What there was after each moment.
            let mut were = vec![(0, shelf.to_vec(), (*book).clone())];
            for (what, place, value, pause) in steps {
                now += pause;
                stamp.set(now);
                match what {
                    0 => {
                        shelf.push(value);
                        book.insert(place, value);
                    }
                    1 => {
                        if let Some(item) = shelf.get_mut(place) {
                            *item = value;
                        }
                        *book.get_or_default(place) += value;
                    }
                    _ => {
                        shelf.each_mut(|item| item % 2 == 0).for_each(|item| *item += 1);
                        book.remove(&place);
                    }
                }
                were.push((now, shelf.to_vec(), (*book).clone()));
            }
            let then = now - (back % 60);
            let was = were.iter().rev().find(|(at, ..)| *at <= then);
            let (_, list, map) = was.cloned().unwrap_or_default();
            let (_, list_now, map_now) = were.pop().unwrap_or_default();
            for _ in 0..2 {
                shelf.back(then);
                book.back(then);
                prop_assert_eq!(&*shelf, list.as_slice());
                prop_assert_eq!(&*book, &map);
                shelf.forth();
                book.forth();
                prop_assert_eq!(&*shelf, list_now.as_slice());
                prop_assert_eq!(&*book, &map_now);
            }
        }
    }
}
