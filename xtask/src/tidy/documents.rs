//! Links between documents: every relative link names a file or folder that is there, every
//! anchor a heading.

use super::{Report, Tree, markdown};

pub(super) fn look(tree: &Tree, report: &mut Report) {
    for (path, text) in tree.under("") {
        if !path.ends_with(".md") {
            continue;
        }
        for (line, target) in markdown::links(text) {
            if let Some(what) = wrong(tree, path, &target) {
                report.problem("links", format!("{path}:{line}"), what);
            }
        }
    }
}

fn wrong(tree: &Tree, path: &str, target: &str) -> Option<String> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (file, anchor) = match target.split_once('#') {
        Some((file, anchor)) => (file, Some(anchor)),
        None => (target, None),
    };
    let file = if file.is_empty() {
        path.to_owned()
    } else {
        resolve(path, file)?
    };
    if !tree.has(&file) {
        return Some(format!("links to {target}, which is not there"));
    }
    let anchor = anchor?;
    let anchors = markdown::anchors(tree.text(&file).unwrap_or_default());
    (!anchors.iter().any(|a| a == anchor))
        .then(|| format!("links to {target}, but {file} has no heading for #{anchor}"))
}

/// A relative link from a file, as a path from the root.
fn resolve(path: &str, link: &str) -> Option<String> {
    let mut parts: Vec<&str> = match link.strip_prefix('/') {
        Some(_) => Vec::new(),
        None => path.split('/').collect(),
    };
    if !link.starts_with('/') {
        parts.pop();
    }
    for part in link.trim_start_matches('/').split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}
