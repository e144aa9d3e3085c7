//! What the owner looks at: lists of what there is, and single things.

use super::Sim;
use crate::browse::{Asked, Table, Thing};

impl Sim {
    /// Every kind of thing, what people call it, and how many there are.
    pub(crate) fn shelves(&self) -> Vec<(&'static str, &'static str, usize)> {
        self.caught_up().shelves()
    }

    /// A list of one kind; nothing of a kind there is not.
    pub(crate) fn shelf(&self, kind: &str, asked: &Asked) -> Option<Table> {
        self.caught_up().shelf(kind, asked)
    }

    /// One thing.
    pub(crate) fn thing(&self, kind: &str, id: &str) -> Option<Thing> {
        self.caught_up().thing(kind, id)
    }
}
