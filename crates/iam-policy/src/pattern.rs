//! Wildcards (`*`, `?`) and policy variables (`${aws:username}`).

use crate::context::Context;

/// Does `text` match `pattern`, where `*` stands for any run of characters (also none, also
/// across `/` and `:`) and `?` for exactly one? Case-sensitive.
pub fn glob(pattern: &str, text: &str) -> bool {
    let pieces: Vec<Piece> = pattern.chars().map(Piece::wild).collect();
    matches(&pieces, text)
}

/// One character of a pattern after its variables were put in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Piece {
    Run,
    One,
    Literal(char),
}

impl Piece {
    fn wild(c: char) -> Piece {
        match c {
            '*' => Piece::Run,
            '?' => Piece::One,
            other => Piece::Literal(other),
        }
    }
}

/// Two walking positions and one to fall back to: linear in practice, never exponential.
pub(crate) fn matches(pattern: &[Piece], text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    let (mut p, mut t) = (0, 0);
    let mut fallback: Option<(usize, usize)> = None;
    while let Some(c) = text.get(t) {
        match pattern.get(p) {
            Some(Piece::Run) => {
                fallback = Some((p, t));
                p += 1;
                continue;
            }
            Some(Piece::One) => {
                p += 1;
                t += 1;
                continue;
            }
            Some(Piece::Literal(wanted)) if wanted == c => {
                p += 1;
                t += 1;
                continue;
            }
            _ => {}
        }
        let Some((run, from)) = fallback else {
            return false;
        };
        fallback = Some((run, from + 1));
        p = run + 1;
        t = from + 1;
    }
    pattern
        .get(p..)
        .is_some_and(|rest| rest.iter().all(|piece| *piece == Piece::Run))
}

/// The pattern with its variables put in. `None` when a variable has neither a value nor a
/// default: such a pattern matches nothing. With `variables` false (policies older than
/// 2012-10-17) `${` is ordinary text.
pub(crate) fn compile(text: &str, context: &Context, variables: bool) -> Option<Vec<Piece>> {
    let mut pieces = Vec::with_capacity(text.len());
    let mut rest = text;
    loop {
        let (before, variable, after) = match rest.find("${") {
            Some(start) if variables => {
                let (before, from) = rest.split_at(start);
                match from.find('}') {
                    Some(end) => (before, from.get(2..end)?, from.get(end + 1..)?),
                    None => (rest, "", ""),
                }
            }
            _ => (rest, "", ""),
        };
        pieces.extend(before.chars().map(Piece::wild));
        if before.len() == rest.len() {
            return Some(pieces);
        }
        let value = value_of(variable, context)?;
        pieces.extend(value.chars().map(Piece::Literal));
        rest = after;
    }
}

/// The same for operators without wildcards: the text itself.
pub(crate) fn expand(text: &str, context: &Context, variables: bool) -> Option<String> {
    Some(
        compile(text, context, variables)?
            .into_iter()
            .map(|piece| match piece {
                Piece::Run => '*',
                Piece::One => '?',
                Piece::Literal(c) => c,
            })
            .collect(),
    )
}

fn value_of(variable: &str, context: &Context) -> Option<String> {
    if let "*" | "?" | "$" = variable {
        return Some(variable.to_owned());
    }
    let (key, default) = match variable.split_once(',') {
        Some((key, default)) => (key.trim(), Some(default.trim().trim_matches('\''))),
        None => (variable.trim(), None),
    };
    match context.get(key) {
        Some([one]) => Some(one.clone()),
        // Keys with several values cannot be variables.
        Some(_) => None,
        None => default.map(str::to_owned),
    }
}
