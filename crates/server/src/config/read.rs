//! From the text of files to what they say, with every mistake and where it stands.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use serde_saphyr::{Location, Spanned};
use stint_api::config::shape::{DOCUMENT, Field, Shape, Usual};

use super::{File, Kind, MOST_FILES, MOST_MISTAKES, MOST_THINGS, Mistake, Mistakes};

/// The longest name of a file, in characters.
const LONGEST_NAME: usize = 200;

/// Where something stands: line and column from 1, 0 where that is not known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) line: u64,
    pub(super) column: u64,
}

/// One thing that a file says, by names.
#[derive(Debug, Clone)]
pub(super) struct Stated {
    pub(super) kind: Kind,
    pub(super) file: String,
    /// Its fields, each of the shape its table wants.
    pub(super) value: Value,
    /// Where each of them stands, by its path; the thing itself at the empty one.
    pub(super) places: BTreeMap<String, Place>,
}

impl Stated {
    /// Where a field stands: itself, else the nearest that it is in.
    pub(super) fn place(&self, path: &str) -> Place {
        let mut path = path;
        loop {
            if let Some(place) = self.places.get(path) {
                return *place;
            }
            path = match path.rfind(['.', '[']) {
                Some(at) => path.get(..at).unwrap_or_default(),
                None if path.is_empty() => return Place::default(),
                None => "",
            };
        }
    }

    /// A mistake in it.
    pub(super) fn mistake(&self, path: &str, problem: impl Into<String>) -> Mistake {
        let place = self.place(path);
        Mistake {
            file: self.file.clone(),
            line: place.line,
            column: place.column,
            problem: problem.into(),
        }
    }

    /// The name it has in the file; empty for an access control.
    pub(super) fn name(&self) -> &str {
        let name = self.value.get("name").and_then(Value::as_str);
        name.unwrap_or_default()
    }
}

/// A YAML document before it is known what it says.
#[derive(Debug, Clone)]
enum Node {
    Null,
    Bool(bool),
    Int(i64),
    /// A number that is no whole one.
    Other,
    Text(String),
    List(Vec<Spanned<Node>>),
    Map(Vec<(Spanned<String>, Spanned<Node>)>),
}

impl Node {
    const fn what(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "true or false",
            Self::Int(_) | Self::Other => "a number",
            Self::Text(_) => "text",
            Self::List(_) => "a list",
            Self::Map(_) => "fields",
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text, a number, true or false, a list or fields")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_none<E: de::Error>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E: de::Error>(self, it: bool) -> Result<Node, E> {
        Ok(Node::Bool(it))
    }

    fn visit_i64<E: de::Error>(self, it: i64) -> Result<Node, E> {
        Ok(Node::Int(it))
    }

    fn visit_u64<E: de::Error>(self, it: u64) -> Result<Node, E> {
        Ok(i64::try_from(it).map_or(Node::Other, Node::Int))
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Node, E> {
        Ok(Node::Other)
    }

    fn visit_str<E: de::Error>(self, it: &str) -> Result<Node, E> {
        Ok(Node::Text(it.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Node::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = map.next_entry()? {
            fields.push(field);
        }
        Ok(Node::Map(fields))
    }
}

fn placed(location: Location) -> Place {
    if location == Location::UNKNOWN {
        return Place::default();
    }
    Place {
        line: location.line(),
        column: location.column(),
    }
}

/// Everything the files say, in the order of files and lines. What is wrong with them is added to
/// `mistakes`.
pub(super) fn files(files: &[File], mistakes: &mut Mistakes) -> Vec<Stated> {
    let mut all = Vec::new();
    if files.is_empty() || files.len() > MOST_FILES {
        let problem = format!("give 1 to {MOST_FILES} files, not {}", files.len());
        mistakes.whole(problem);
        return all;
    }
    let mut names = BTreeSet::new();
    for file in files {
        let length = file.name.chars().count();
        if !(1..=LONGEST_NAME).contains(&length) || file.name.chars().any(char::is_control) {
            let problem = format!(
                "a file's name has 1 to {LONGEST_NAME} characters, none of which is invisible"
            );
            mistakes.whole(problem);
            continue;
        }
        if !names.insert(file.name.as_str()) {
            mistakes.whole(format!("there are two files called {}", file.name));
            continue;
        }
        one(file, &mut all, mistakes);
        if all.len() > MOST_THINGS {
            mistakes.whole(format!(
                "at most {MOST_THINGS} things are planned together: plan some of the files, then the others"
            ));
            all.clear();
            return all;
        }
    }
    all
}

/// How a file is read. What aliases repeat counts as if it were written out: what a file says is about
/// as long as the file is. Fields that stand there twice are told of where all others are, and `<<` is no
/// field.
fn options(text: &str) -> serde_saphyr::Options {
    const MOST_NODES: usize = 250_000;
    let most = text.len().saturating_mul(4).saturating_add(4_096);
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_nodes: most.min(MOST_NODES),
            max_total_scalar_bytes: most,
        },
        duplicate_keys: serde_saphyr::DuplicateKeyPolicy::PassThrough,
        merge_keys: serde_saphyr::MergeKeyPolicy::AsOrdinary,
        with_snippet: false,
    }
}

fn one(file: &File, all: &mut Vec<Stated>, mistakes: &mut Mistakes) {
    let read: Result<Spanned<Node>, _> =
        serde_saphyr::from_str_with_options(&file.text, options(&file.text));
    let read = match read {
        Ok(read) => read,
        Err(wrong) => {
            let place = placed(wrong.location().unwrap_or(Location::UNKNOWN));
            let problem = wrong.to_string();
            // Said once, in front.
            let said = [" at line ", " (defined at ", " (used at "]
                .into_iter()
                .fold(problem.as_str(), |said, place| {
                    said.split(place).next().unwrap_or(said)
                });
            mistakes.add(Mistake {
                file: file.name.clone(),
                line: place.line,
                column: place.column,
                problem: said.to_owned(),
            });
            return;
        }
    };
    let mut walk = Walk {
        file: &file.name,
        places: BTreeMap::new(),
        mistakes,
    };
    let Some(whole) = walk.read(&Shape::Map(DOCUMENT), &read, "") else {
        return;
    };
    let places = std::mem::take(&mut walk.places);
    for kind in Kind::ALL {
        let list = whole.get(kind.list()).and_then(Value::as_array);
        for (at, value) in list.into_iter().flatten().enumerate() {
            let path = format!("{}[{at}]", kind.list());
            let inside = format!("{path}.");
            let mut own = BTreeMap::new();
            if let Some(place) = places.get(&path) {
                own.insert(String::new(), *place);
            }
            // In their order all that begin like that stand together.
            let from = places.range(inside.clone()..);
            for (place, found) in from.take_while(|(it, _)| it.starts_with(&inside)) {
                let rest = place.get(inside.len()..).unwrap_or_default();
                own.insert(rest.to_owned(), *found);
            }
            all.push(Stated {
                kind,
                file: file.name.clone(),
                value: value.clone(),
                places: own,
            });
        }
    }
}

struct Walk<'a> {
    file: &'a str,
    places: BTreeMap<String, Place>,
    mistakes: &'a mut Mistakes,
}

impl Walk<'_> {
    fn wrong(&mut self, location: Location, problem: String) {
        let place = placed(location);
        self.mistakes.add(Mistake {
            file: self.file.to_owned(),
            line: place.line,
            column: place.column,
            problem,
        });
    }

    /// What stands there, where it is of that shape; else what is wrong is told. Of a list or of
    /// fields everything is looked at, so that all mistakes are found at once.
    fn read(&mut self, shape: &Shape, node: &Spanned<Node>, path: &str) -> Option<Value> {
        // Whoever writes much that is wrong is told the first of it.
        if self.mistakes.count() >= MOST_MISTAKES {
            return None;
        }
        self.places.insert(path.to_owned(), placed(node.referenced));
        let wanted = match (shape, &node.value) {
            (Shape::Map(fields), Node::Map(found)) => {
                return self.fields(fields, found, node.referenced, path);
            }
            (Shape::List(item) | Shape::Set(item), Node::List(found)) => {
                let ordered = matches!(shape, Shape::List(_));
                return self.items(item, found, ordered, path);
            }
            // `step_up: no` is what somebody writes who means the word.
            (Shape::Word(words), Node::Bool(false)) if words.contains(&"no") => {
                return Some("no".into());
            }
            (Shape::Word(words), Node::Text(text)) if words.contains(&text.as_str()) => {
                return Some(text.as_str().into());
            }
            (Shape::Word(words), _) => format!("one of {}", words.join(", ")),
            (Shape::Bool, Node::Bool(it)) => return Some((*it).into()),
            (Shape::Bool, _) => "true or false".to_owned(),
            (Shape::Int, Node::Int(it)) => return Some((*it).into()),
            (Shape::Int, _) => "a whole number".to_owned(),
            (
                Shape::Text | Shape::Person | Shape::Group | Shape::Policy | Shape::Condition,
                Node::Text(text),
            ) => return Some(text.as_str().into()),
            (
                Shape::Text | Shape::Person | Shape::Group | Shape::Policy | Shape::Condition,
                Node::Int(_) | Node::Other | Node::Bool(_),
            ) => "text: put it in quotes".to_owned(),
            (Shape::Text | Shape::Person | Shape::Group | Shape::Policy | Shape::Condition, _) => {
                "text".to_owned()
            }
            (Shape::List(_) | Shape::Set(_), _) => "a list".to_owned(),
            (Shape::Map(_), _) => "fields".to_owned(),
        };
        let name = path.rsplit('.').next().unwrap_or_default();
        let name = if name.is_empty() { "the file" } else { name };
        let problem = format!("{name}: wanted is {wanted}, not {}", node.value.what());
        self.wrong(node.referenced, problem);
        None
    }

    fn items(
        &mut self,
        item: &Shape,
        found: &[Spanned<Node>],
        ordered: bool,
        path: &str,
    ) -> Option<Value> {
        let mut items = Vec::new();
        let mut whole = true;
        let mut seen = BTreeSet::new();
        for (at, node) in found.iter().enumerate() {
            match self.read(item, node, &format!("{path}[{at}]")) {
                Some(read) if !ordered && !seen.insert(read.to_string()) => {
                    whole = false;
                    let name = path.rsplit('.').next().unwrap_or_default();
                    let problem = format!("{name}: this stands there twice");
                    self.wrong(node.referenced, problem);
                }
                Some(read) => items.push(read),
                None => whole = false,
            }
        }
        whole.then_some(Value::Array(items))
    }

    fn fields(
        &mut self,
        fields: &[Field],
        found: &[(Spanned<String>, Spanned<Node>)],
        location: Location,
        path: &str,
    ) -> Option<Value> {
        let mut read = Map::new();
        let mut whole = true;
        let mut seen = BTreeSet::new();
        for (name, node) in found {
            let Some(field) = fields.iter().find(|it| it.name == name.value) else {
                whole = false;
                let known: Vec<_> = fields.iter().map(|it| it.name).collect();
                let problem = format!(
                    "there is no field {}: known here are {}",
                    name.value,
                    known.join(", ")
                );
                self.wrong(name.referenced, problem);
                continue;
            };
            if !seen.insert(field.name) {
                whole = false;
                self.wrong(
                    name.referenced,
                    format!("{} stands there twice", field.name),
                );
                continue;
            }
            // As if it were left out.
            if matches!(node.value, Node::Null) && field.usual != Usual::Required {
                continue;
            }
            let inner = match path {
                "" => field.name.to_owned(),
                path => format!("{path}.{}", field.name),
            };
            match self.read(&field.shape, node, &inner) {
                Some(value) => {
                    read.insert(field.name.to_owned(), value);
                }
                None => whole = false,
            }
        }
        for field in fields {
            if field.usual == Usual::Required && !seen.contains(field.name) {
                whole = false;
                self.wrong(location, format!("{} is missing", field.name));
            }
        }
        whole.then_some(Value::Object(read))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<String> {
        let file = File {
            name: "a.yaml".to_owned(),
            text: text.to_owned(),
        };
        let mut mistakes = Mistakes::default();
        let read = files(&[file], &mut mistakes);
        assert!(read.is_empty() || mistakes.0.is_empty());
        mistakes.0.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_says_far_more_than_it_is_long_or_goes_too_deep_is_not_read_on() {
        let mut laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
        for at in 1..9 {
            let again = vec![format!("*a{}", at - 1); 9].join(", ");
            laughs.push_str(&format!("a{at}: &a{at} [{again}]\n"));
        }
        let long = format!(
            "a: &a {}\nb: [{}]\n",
            "x".repeat(100_000),
            ["*a"; 60].join(", ")
        );
        let deep = format!("stint: {}", "[".repeat(10_000));
        for text in [laughs, long, deep] {
            let found = told(&text);
            let [found] = found.as_slice() else {
                panic!("one mistake: {found:?}");
            };
            assert!(!found.contains("there is no field"), "{found}");
        }
        // Within reason it may say a thing once and name it again.
        let text = "stint: v1\ngroups:\n  - name: &it Ops\n    description: *it\n    members: []\n";
        assert_eq!(told(text), Vec::<String>::new());
    }

    #[test]
    fn what_stands_there_twice_is_told_at_its_place_and_merge_keys_are_no_fields() {
        let found = told("stint: v1\nstint: v1\n");
        assert_eq!(found, ["a.yaml:2:1: stint stands there twice"]);
        let found = told("stint: v1\n<<: {}\n");
        assert!(
            found.len() == 1
                && found
                    .iter()
                    .all(|it| it.starts_with("a.yaml:2:1: there is no field <<")),
            "{found:?}"
        );
    }
}
