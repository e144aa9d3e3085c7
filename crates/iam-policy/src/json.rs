//! JSON as it was written: where every value stands, members in order, and a member named twice
//! is an error.
//!
//! A general reader keeps the last of two equal members and forgets the places; a policy whose
//! reader and whose judge see different members is a hole, and an error without its place helps
//! nobody. Reading takes time in proportion to the text, whatever stands in it.

use std::collections::BTreeSet;

/// A place in a text: line and column, both from 1, the column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
}

/// A value and where it stands: from its first character to the one after its last.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    pub(crate) from: Position,
    pub(crate) to: Position,
    pub(crate) value: Json,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    /// As it was written.
    Number(String),
    Text(String),
    List(Vec<Node>),
    Object(Vec<Member>),
}

/// One `"name": value` of an object; the place is that of the name.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) at: Position,
    pub(crate) node: Node,
}

/// A text that is no JSON.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Broken {
    pub(crate) at: Position,
    pub(crate) problem: String,
}

/// No policy is nested deeper than six.
const DEEPEST: usize = 64;

impl Json {
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Json::Null => "null",
            Json::Bool(_) => "true or false",
            Json::Number(_) => "a number",
            Json::Text(_) => "a text",
            Json::List(_) => "a list",
            Json::Object(_) => "an object",
        }
    }
}

impl Node {
    /// Reads a whole text.
    pub(crate) fn read(text: &str) -> Result<Node, Broken> {
        let mut reader = Reader {
            rest: text.strip_prefix('\u{feff}').unwrap_or(text),
            at: Position { line: 1, column: 1 },
        };
        let node = reader.value(0)?;
        reader.space();
        match reader.peek() {
            None => Ok(node),
            Some(_) => Err(reader.broken("something follows the end of the document")),
        }
    }
}

struct Reader<'a> {
    rest: &'a str,
    at: Position,
}

impl<'a> Reader<'a> {
    fn broken(&self, problem: impl Into<String>) -> Broken {
        Broken {
            at: self.at,
            problem: problem.into(),
        }
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let mut rest = self.rest.chars();
        let c = rest.next()?;
        self.rest = rest.as_str();
        if c == '\n' {
            self.at.line += 1;
            self.at.column = 1;
        } else {
            self.at.column += 1;
        }
        Some(c)
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(' ' | '\t' | '\n' | '\r')) {
            self.next();
        }
    }

    fn take(&mut self, wanted: char) -> bool {
        let there = self.peek() == Some(wanted);
        if there {
            self.next();
        }
        there
    }

    fn ended(&self, what: &str) -> Broken {
        match self.peek() {
            None => self.broken("the text ends too early"),
            Some(_) => self.broken(format!("expected {what}")),
        }
    }

    fn value(&mut self, depth: usize) -> Result<Node, Broken> {
        self.space();
        if depth > DEEPEST {
            return Err(self.broken("nested too deeply"));
        }
        let from = self.at;
        let value = match self.peek() {
            Some('{') => Json::Object(self.object(depth)?),
            Some('[') => Json::List(self.list(depth)?),
            Some('"') => Json::Text(self.text()?),
            Some('-' | '0'..='9') => Json::Number(self.number()?),
            Some('t') => self.word("true", Json::Bool(true))?,
            Some('f') => self.word("false", Json::Bool(false))?,
            Some('n') => self.word("null", Json::Null)?,
            _ => return Err(self.ended("a value")),
        };
        Ok(Node {
            from,
            to: self.at,
            value,
        })
    }

    fn word(&mut self, word: &str, value: Json) -> Result<Json, Broken> {
        if !self.rest.starts_with(word) {
            return Err(self.ended("a value"));
        }
        for _ in word.chars() {
            self.next();
        }
        Ok(value)
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Node>, Broken> {
        self.next();
        let mut items = Vec::new();
        self.space();
        if self.take(']') {
            return Ok(items);
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.space();
            if self.take(']') {
                return Ok(items);
            }
            if !self.take(',') {
                return Err(self.ended("a comma or `]`"));
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Vec<Member>, Broken> {
        self.next();
        let mut members: Vec<Member> = Vec::new();
        let mut names: BTreeSet<String> = BTreeSet::new();
        self.space();
        if self.take('}') {
            return Ok(members);
        }
        loop {
            self.space();
            let at = self.at;
            if self.peek() != Some('"') {
                return Err(self.ended("a name in double quotes"));
            }
            let name = self.text()?;
            if !names.insert(name.clone()) {
                return Err(Broken {
                    at,
                    problem: format!("`{name}` is written twice"),
                });
            }
            self.space();
            if !self.take(':') {
                return Err(self.ended("a colon"));
            }
            let node = self.value(depth + 1)?;
            members.push(Member { name, at, node });
            self.space();
            if self.take('}') {
                return Ok(members);
            }
            if !self.take(',') {
                return Err(self.ended("a comma or `}`"));
            }
        }
    }

    fn number(&mut self) -> Result<String, Broken> {
        let start = self.rest;
        self.take('-');
        if !self.take('0') {
            self.digits()?;
        }
        if self.take('.') {
            self.digits()?;
        }
        if matches!(self.peek(), Some('e' | 'E')) {
            self.next();
            if matches!(self.peek(), Some('+' | '-')) {
                self.next();
            }
            self.digits()?;
        }
        let length = start.len() - self.rest.len();
        Ok(start.get(..length).unwrap_or_default().to_owned())
    }

    fn digits(&mut self) -> Result<(), Broken> {
        if !matches!(self.peek(), Some('0'..='9')) {
            return Err(self.ended("a digit"));
        }
        while matches!(self.peek(), Some('0'..='9')) {
            self.next();
        }
        Ok(())
    }

    fn text(&mut self) -> Result<String, Broken> {
        let start = self.at;
        self.next();
        let mut text = String::new();
        loop {
            let here = self.at;
            match self.next() {
                None => {
                    return Err(Broken {
                        at: start,
                        problem: "this text is never closed: a double quote is missing".to_owned(),
                    });
                }
                Some('"') => return Ok(text),
                Some('\\') => text.push(self.escaped(here)?),
                Some(c) if c < ' ' => {
                    return Err(Broken {
                        at: here,
                        problem: "a line break or control character stands inside a text"
                            .to_owned(),
                    });
                }
                Some(c) => text.push(c),
            }
        }
    }

    fn escaped(&mut self, at: Position) -> Result<char, Broken> {
        let wrong = || Broken {
            at,
            problem: "there is no such escape".to_owned(),
        };
        Ok(match self.next() {
            Some(c @ ('"' | '\\' | '/')) => c,
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('u') => {
                let first = self.four(at)?;
                if (0xd800..0xdc00).contains(&first) {
                    if !(self.take('\\') && self.take('u')) {
                        return Err(wrong());
                    }
                    let second = self.four(at)?;
                    if !(0xdc00..0xe000).contains(&second) {
                        return Err(wrong());
                    }
                    let code = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                    char::from_u32(code).ok_or_else(wrong)?
                } else {
                    char::from_u32(first).ok_or_else(wrong)?
                }
            }
            _ => return Err(wrong()),
        })
    }

    fn four(&mut self, at: Position) -> Result<u32, Broken> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = self.next().and_then(|c| c.to_digit(16));
            code = code * 16
                + digit.ok_or_else(|| Broken {
                    at,
                    problem: "four hexadecimal digits follow \\u".to_owned(),
                })?;
        }
        Ok(code)
    }
}
