//! What a command prints: tables for people, JSON for programs, both on standard output.

use std::io::{self, Write as _};

use serde::Serialize;

use crate::exit::Failure;

/// Prints one line.
pub(crate) fn line(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        // `stint requests | head` is not an error.
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        done => done.map_err(Failure::from),
    }
}

/// Prints a value as JSON, indented.
pub(crate) fn json(value: &impl Serialize) -> Result<(), Failure> {
    let text =
        serde_json::to_string_pretty(value).map_err(|e| Failure::from(anyhow::Error::from(e)))?;
    line(&text)
}

/// Prints rows under a heading, columns aligned; with no rows, `empty` instead.
pub(crate) fn table<const N: usize>(
    head: [&str; N],
    rows: &[[String; N]],
    empty: &str,
) -> Result<(), Failure> {
    if rows.is_empty() {
        return line(empty);
    }
    let widths: Vec<usize> = (0..N)
        .map(|i| {
            let column = rows
                .iter()
                .filter_map(|row| row.get(i))
                .map(|cell| cell.chars().count());
            column
                .chain(head.get(i).map(|h| h.chars().count()))
                .max()
                .unwrap_or(0)
        })
        .collect();
    let render = |cells: &[String]| {
        let padded = cells
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    line(&render(&head.map(str::to_uppercase)))?;
    for row in rows {
        line(&render(row))?;
    }
    Ok(())
}
