//! As much of Markdown as tidy needs: headings and their anchors, sections, links, code words.

/// The lines of a text with their numbers (from 1), without those in code fences.
pub(super) fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    (text.lines().enumerate()).filter_map(move |(no, line)| {
        let fence = line.trim_start();
        if fence.starts_with("```") || fence.starts_with("~~~") {
            fenced = !fenced;
            return None;
        }
        (!fenced).then_some((no + 1, line))
    })
}

/// The lines under a heading of this name (any level), up to the next heading of its level or
/// above.
pub(super) fn section<'a>(text: &'a str, name: &str) -> impl Iterator<Item = (usize, &'a str)> {
    let mut inside = None;
    let mut lines = Vec::new();
    for (no, line) in prose(text) {
        if let Some((level, title)) = heading(line) {
            if inside.is_some_and(|within| level <= within) {
                inside = None;
            }
            if title == name {
                inside = Some(level);
                continue;
            }
        }
        if inside.is_some() {
            lines.push((no, line));
        }
    }
    lines.into_iter()
}

/// A heading's level and title.
pub(super) fn heading(line: &str) -> Option<(usize, &str)> {
    let level = line.bytes().take_while(|b| *b == b'#').count();
    let title = line.get(level..)?;
    ((1..=6).contains(&level) && title.starts_with(' ')).then(|| (level, title.trim()))
}

/// The words between single backticks.
pub(super) fn code_words(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2).filter(|w| !w.is_empty())
}

/// The anchors a document offers: its headings as the usual slugs, repeated ones numbered, and
/// `id="…"` or `name="…"` in HTML.
pub(super) fn anchors(text: &str) -> Vec<String> {
    let mut anchors: Vec<String> = Vec::new();
    for (_, line) in prose(text) {
        if let Some((_, title)) = heading(line) {
            let plain = slug(title);
            let mut anchor = plain.clone();
            let mut n = 0;
            while anchors.contains(&anchor) {
                n += 1;
                anchor = format!("{plain}-{n}");
            }
            anchors.push(anchor);
        }
        for mark in ["id=\"", "name=\""] {
            let ids = line.split(mark).skip(1).filter_map(|s| s.split('"').next());
            anchors.extend(ids.map(str::to_owned));
        }
    }
    anchors
}

fn slug(title: &str) -> String {
    // A link in a heading counts with its text only.
    let mut plain = String::new();
    let mut rest = title;
    while let Some((before, after)) = rest.split_once("](") {
        plain.push_str(before);
        rest = after.split_once(')').map_or("", |(_, rest)| rest);
    }
    plain.push_str(rest);
    plain
        .to_lowercase()
        .chars()
        .filter_map(|c| match c {
            ' ' | '-' => Some('-'),
            '_' => Some('_'),
            c if c.is_alphanumeric() => Some(c),
            _ => None,
        })
        .collect()
}

/// The targets of links: `[text](target)`, `[name]: target` and `href="…"`, with their lines.
pub(super) fn links(text: &str) -> Vec<(usize, String)> {
    let mut links = Vec::new();
    for (no, line) in prose(text) {
        let line = without_code(line);
        for after in line.split("](").skip(1) {
            if let Some(target) = after.split(')').next() {
                // A title may follow the target.
                let target = target.split_whitespace().next().unwrap_or_default();
                links.push((no, target.trim_matches(['<', '>']).to_owned()));
            }
        }
        if let Some(rest) = line.strip_prefix('[')
            && let Some((name, target)) = rest.split_once("]: ")
            && !name.contains(']')
        {
            links.push((no, target.trim().to_owned()));
        }
        for after in line.split("href=\"").skip(1) {
            links.extend(
                after
                    .split('"')
                    .next()
                    .map(|target| (no, target.to_owned())),
            );
        }
    }
    links
}

fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_links_and_anchors() {
        let text = "# A `b` & c!\n[x](y.md#z \"t\") `[no](no)` [u]: v\n[r]: ../r.md\n\
                    ```\n[n](n)\n```\n## A b  c\n## A b  c\n### [Linked](x.md) title";
        let found: Vec<_> = links(text).into_iter().map(|(_, target)| target).collect();
        assert_eq!(found, ["y.md#z", "../r.md", "x.md"]);
        assert_eq!(
            anchors(text),
            ["a-b--c", "a-b--c-1", "a-b--c-2", "linked-title"]
        );
    }

    #[test]
    fn a_section_ends_at_the_next_heading_of_its_level() {
        let text = "## One\na\n### Deeper\nb\n## Two\nc";
        let lines: Vec<_> = section(text, "One").map(|(_, line)| line).collect();
        assert_eq!(lines, ["a", "### Deeper", "b"]);
    }
}
