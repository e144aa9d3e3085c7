//! What holds for all assets: contrasts that can be read, and a sprite that has what is used
//! and nothing else.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::assets::text;

/// The tokens of the stylesheet that are colours: light and dark.
fn tokens() -> BTreeMap<String, [String; 2]> {
    text("stint.css")
        .lines()
        .filter_map(|line| {
            let (name, rest) = line.trim().strip_prefix("--st-")?.split_once(':')?;
            let pair = rest
                .trim()
                .strip_prefix("light-dark(")?
                .strip_suffix(");")?;
            let (light, dark) = pair.split_once(", ")?;
            let hex = light.starts_with('#') && dark.starts_with('#');
            hex.then(|| (name.to_owned(), [light.to_owned(), dark.to_owned()]))
        })
        .collect()
}

/// Relative luminance as WCAG 2.2 defines it.
fn luminance(colour: &str) -> f64 {
    let part = |at: usize| {
        let byte = u8::from_str_radix(&colour[at..at + 2], 16).expect("two digits");
        let part = f64::from(byte) / 255.0;
        if part <= 0.040_45 {
            part / 12.92
        } else {
            ((part + 0.055) / 1.055).powf(2.4)
        }
    };
    0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5)
}

fn contrast(one: &str, other: &str) -> f64 {
    let (one, other) = (luminance(one) + 0.05, luminance(other) + 0.05);
    one.max(other) / one.min(other)
}

#[test]
fn every_pair_of_colours_in_use_can_be_read() {
    let tokens = tokens();
    let text_on = [
        ("ink", &["paper", "ground", "accent-wash", "soon-wash"][..]),
        ("ink-2", &["paper", "ground", "idle-wash", "accent-wash"]),
        ("ink-3", &["paper", "ground"]),
        ("accent", &["paper", "ground", "accent-wash"]),
        ("accent-ink", &["accent"]),
        ("stop-ink", &["stop"]),
        ("live", &["accent-wash"]),
        ("soon", &["paper", "soon-wash"]),
        ("stop", &["paper", "stop-wash"]),
        ("wait", &["wait-wash"]),
    ];
    for (front, backs) in text_on {
        for back in backs {
            for (theme, word) in ["light", "dark"].iter().enumerate() {
                let found = contrast(&tokens[front][theme], &tokens[*back][theme]);
                assert!(
                    found >= 4.5,
                    "{word}: {front} on {back} is {found:.2}, text needs 4.5"
                );
            }
        }
    }
    for back in ["paper", "ground"] {
        for (theme, word) in ["light", "dark"].iter().enumerate() {
            let found = contrast(&tokens["edge"][theme], &tokens[back][theme]);
            assert!(
                found >= 3.0,
                "{word}: the edge of a field on {back} is {found:.2}"
            );
        }
    }
}

/// Everything a page can be made of: templates and the sources that fill them.
fn everything_written(folder: &Path, out: &mut String) {
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            everything_written(&path, out);
        } else if path
            .extension()
            .is_some_and(|kind| kind == "html" || kind == "rs" || kind == "js")
        {
            out.push_str(&fs::read_to_string(&path).expect("it is text"));
        }
    }
}

#[test]
fn the_sprite_has_what_is_used_and_nothing_else() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut written = String::new();
    for folder in ["src", "templates", "assets"] {
        everything_written(&here.join(folder), &mut written);
    }
    let sprite = text("icons.svg");
    let there: Vec<&str> = sprite
        .split("<symbol id=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect();
    assert!(there.is_sorted(), "in alphabetical order");
    for name in &there {
        let used =
            written.contains(&format!("\"{name}\"")) || written.contains(&format!("#{name}\""));
        assert!(used, "`{name}` is in the sprite and not used");
    }
    for name in written
        .split("\"|icon")
        .filter_map(|before| before.rsplit('"').next())
    {
        let literal = !name.is_empty()
            && name
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        assert!(
            !literal || there.contains(&name),
            "`{name}` is used and not in the sprite"
        );
    }
}

#[test]
fn what_is_vendored_is_listed_with_its_licence() {
    let list = text("VENDORED.md");
    for file in ["modern-normalize.css", "htmx.min.js", "icons.svg"] {
        assert!(list.contains(&format!("`{file}`")), "{file}");
    }
    for licence in ["modern-normalize", "htmx", "tabler-icons"] {
        assert!(!text(&format!("licenses/{licence}.txt")).is_empty());
    }
}
