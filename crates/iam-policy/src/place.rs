//! Where in a document something stands, as a path and as line and column.

use std::fmt;

use crate::json::{Json, Node, Position};

/// A step into a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    Member(String),
    Item(usize),
}

/// A path such as `Statement[0].Condition.StringEquals`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Path(Vec<Step>);

impl Path {
    pub(crate) fn statement(n: usize) -> Path {
        Path::default().member("Statement").item(n)
    }

    pub(crate) fn member(mut self, name: &str) -> Path {
        self.0.push(Step::Member(name.to_owned()));
        self
    }

    pub(crate) fn item(mut self, n: usize) -> Path {
        self.0.push(Step::Item(n));
        self
    }

    /// The value it leads to, and where its name begins. The first item of what is no list is
    /// the thing itself; a path that leads further than the document ends where that does.
    pub(crate) fn find<'a>(&self, root: &'a Node) -> (&'a Node, Position) {
        let (mut node, mut at) = (root, root.from);
        for step in &self.0 {
            let found = match (step, &node.value) {
                (Step::Member(name), Json::Object(members)) => members
                    .iter()
                    .find(|member| member.name == *name)
                    .map(|member| (&member.node, member.at)),
                (Step::Item(n), Json::List(items)) => items.get(*n).map(|item| (item, item.from)),
                (Step::Item(0), _) => Some((node, node.from)),
                _ => None,
            };
            let Some((next, from)) = found else {
                break;
            };
            (node, at) = (next, from);
        }
        (node, at)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, step) in self.0.iter().enumerate() {
            match step {
                Step::Member(name) if n == 0 => f.write_str(name)?,
                Step::Member(name) => write!(f, ".{name}")?,
                Step::Item(item) => write!(f, "[{item}]")?,
            }
        }
        Ok(())
    }
}

/// The same while reading: made of borrowed steps, written out only for an error.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    before: Option<&'a Place<'a>>,
    step: At<'a>,
}

#[derive(Clone, Copy)]
enum At<'a> {
    Root,
    Member(&'a str),
    Item(usize),
}

impl<'a> Place<'a> {
    pub(crate) const ROOT: Place<'static> = Place {
        before: None,
        step: At::Root,
    };

    pub(crate) fn member(&'a self, name: &'a str) -> Place<'a> {
        Place {
            before: Some(self),
            step: At::Member(name),
        }
    }

    pub(crate) fn item(&'a self, n: usize) -> Place<'a> {
        Place {
            before: Some(self),
            step: At::Item(n),
        }
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(before) = self.before else {
            return Ok(());
        };
        before.fmt(f)?;
        match self.step {
            At::Root => Ok(()),
            At::Member(name) if before.before.is_none() => f.write_str(name),
            At::Member(name) => write!(f, ".{name}"),
            At::Item(n) => write!(f, "[{n}]"),
        }
    }
}
