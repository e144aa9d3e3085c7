//! Configuration as code: `stint plan`, `stint apply`, `stint export`, `stint config schema`.

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use stint_api::config::{
    AppliedConfig, ApplyConfig, ByHand, ConfigChange, ConfigFile, ConfigPlan, PlanConfig,
    SeenChange, shape,
};

use super::short;
use crate::client::{Client, Server};
use crate::exit::{Exit, Failure};
use crate::out;

/// What files would change. Ends with 0 where they change nothing, with 2 where they do.
#[derive(Debug, Args)]
pub(crate) struct Plan {
    #[command(flatten)]
    server: Server,
    /// Files, and folders whose files that end in .yaml or .yml are meant, with those in folders inside.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
}

/// Change what files say.
#[derive(Debug, Args)]
pub(crate) struct Apply {
    #[command(flatten)]
    server: Server,
    /// Files, and folders whose files that end in .yaml or .yml are meant, with those in folders inside.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Without asking.
    #[arg(long)]
    yes: bool,
    /// Write over what was changed by hand since it was applied.
    #[arg(long)]
    overwrite: bool,
}

/// Write down what there is.
#[derive(Debug, Args)]
pub(crate) struct Export {
    #[command(flatten)]
    server: Server,
    /// Into this file [default: standard output].
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// The files themselves.
#[derive(Debug, Subcommand)]
pub(crate) enum Config {
    /// Print the JSON Schema of files of configuration, for editors.
    Schema,
}

/// `stint config …`.
pub(crate) fn config(what: &Config) -> Result<(), Failure> {
    match what {
        Config::Schema => out::json(&shape::schema()),
    }
}

/// `stint plan …`.
pub(crate) async fn plan(args: Plan) -> Result<(), Failure> {
    let files = files(&args.paths)?;
    let client = Client::new(&args.server)?;
    let plan = planned(&client, files).await?;
    if args.server.json {
        out::json(&plan)?;
    }
    no_mistakes(&plan)?;
    if !args.server.json {
        show(&plan)?;
    }
    match plan.changes.is_empty() {
        true => Ok(()),
        // Said by the plan; the exit code is for scripts.
        false => Err(Failure::new(Exit::Usage, "")),
    }
}

/// `stint apply …`.
pub(crate) async fn apply(args: Apply) -> Result<(), Failure> {
    let files = files(&args.paths)?;
    let client = Client::new(&args.server)?;
    let plan = planned(&client, files.clone()).await?;
    no_mistakes(&plan)?;
    if !args.server.json {
        show(&plan)?;
    }
    let by_hand = plan.changes.iter().filter(|it| it.by_hand.is_some());
    let by_hand: Vec<_> = by_hand.map(|it| it.name.as_str()).collect();
    if !by_hand.is_empty() && !args.overwrite {
        let names = plain(&by_hand.join(", "));
        let words = format!(
            "changed by hand since it was applied: {names}. Take that over into the files, or give --overwrite"
        );
        return Err(Failure::new(Exit::Conflict, words));
    }
    if !plan.changes.is_empty() && !args.yes {
        agreed()?;
    }
    let seen = plan.changes.into_iter();
    let body = ApplyConfig {
        files,
        plan: plan.digest,
        seen: seen
            .map(|it| SeenChange {
                kind: it.kind,
                name: it.name,
                digest: it.digest,
            })
            .collect(),
        overwrite: args.overwrite,
    };
    // The digest of the plan is what makes a repeat harmless.
    let applied: AppliedConfig = client.post_long("/api/v1/config/apply", &body).await?;
    if args.server.json {
        out::json(&applied)?;
    } else {
        for it in &applied.outcomes {
            let what = format!("{} {}", words(&it.kind), it.name);
            let why = match (&it.detail, &it.code) {
                (Some(detail), Some(code)) => format!(": {detail} ({code})"),
                _ => String::new(),
            };
            out::line(&plain(&format!("{:<6}  {what}{why}", it.outcome)))?;
        }
    }
    match applied.complete {
        true => Ok(()),
        false => Err(Failure::new(
            Exit::Failed,
            "not all of it is done: plan again to see what is left; applying that finishes it",
        )),
    }
}

/// `stint export …`.
pub(crate) async fn export(args: Export) -> Result<(), Failure> {
    let client = Client::new(&args.server)?;
    let text = client.text("/api/v1/config/export").await?;
    match args.out {
        Some(file) => {
            std::fs::write(&file, text).map_err(|why| unreadable(&file, &why))?;
            out::remark(&format!("Written to {}.", file.display()));
            Ok(())
        }
        None => out::line(text.trim_end_matches('\n')),
    }
}

async fn planned(client: &Client, files: Vec<ConfigFile>) -> Result<ConfigPlan, Failure> {
    let body = PlanConfig { files };
    client.post_long("/api/v1/config/plan", &body).await
}

fn no_mistakes(plan: &ConfigPlan) -> Result<(), Failure> {
    if plan.mistakes.is_empty() {
        return Ok(());
    }
    for it in &plan.mistakes {
        let place = match (it.file.as_str(), it.line) {
            ("", _) => String::new(),
            (file, 0) => format!("{file}: "),
            (file, line) => format!("{file}:{line}:{}: ", it.column),
        };
        out::remark(&plain(&format!("{place}{}", it.problem)));
    }
    let many = match plan.mistakes.len() {
        1 => "one mistake".to_owned(),
        many => format!("{many} mistakes"),
    };
    Err(Failure::new(
        Exit::Failed,
        format!("{many}: nothing was changed"),
    ))
}

/// Asks at a terminal; elsewhere nobody could answer.
fn agreed() -> Result<(), Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::usage(
            "nobody can be asked here: look at the plan, and give --yes",
        ));
    }
    let mut err = std::io::stderr();
    write!(err, "Apply this? [y/N] ")?;
    err.flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    match answer.trim().to_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(Failure::new(Exit::Failed, "nothing was changed")),
    }
}

fn words(kind: &str) -> String {
    kind.replace('_', " ")
}

/// Without what a terminal would obey.
fn plain(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() && c != '\n' { ' ' } else { c })
        .collect()
}

/// A field with its sign; of several lines each has its own.
fn field(sign: char, name: &str, text: &str) -> Vec<String> {
    let text = plain(text);
    if !text.contains('\n') {
        return vec![format!("    {sign} {name}: {text}")];
    }
    let lines = text.split('\n').map(|line| format!("    {sign}   {line}"));
    std::iter::once(format!("    {sign} {name}:"))
        .chain(lines)
        .collect()
}

fn by_hand(it: &ByHand) -> String {
    let by = |who: &Option<String>| match who {
        Some(who) => format!(" by {who}"),
        None => String::new(),
    };
    let changed = match &it.changed_at {
        Some(at) => format!(", last{} on {}", by(&it.changed_by), short(at)),
        None => String::new(),
    };
    plain(&format!(
        "    ! changed by hand since it was applied on {}{}{changed}",
        short(&it.applied_at),
        by(&it.applied_by)
    ))
}

fn lines(change: &ConfigChange) -> Vec<String> {
    let sign = if change.action == "create" { '+' } else { '~' };
    let what = format!("{} {}", words(&change.kind), change.name);
    let mut lines = vec![plain(&format!(
        "{sign} {what}  ({}:{})",
        change.file, change.line
    ))];
    lines.extend(change.by_hand.as_ref().map(by_hand));
    for it in &change.fields {
        let before = it.before.iter();
        lines.extend(before.flat_map(|text| field('-', &it.field, text)));
        let after = it.after.iter();
        lines.extend(after.flat_map(|text| field('+', &it.field, text)));
    }
    lines
}

fn show(plan: &ConfigPlan) -> Result<(), Failure> {
    for change in &plan.changes {
        for line in lines(change) {
            out::line(&line)?;
        }
    }
    let new = plan.changes.iter().filter(|it| it.action == "create");
    let new = new.count();
    out::line(&format!(
        "{new} to create, {} to change, {} as they are.",
        plan.changes.len() - new,
        plan.same
    ))
}

fn unreadable(path: &Path, why: &std::io::Error) -> Failure {
    Failure::new(Exit::Failed, format!("{}: {why}", path.display()))
}

/// The files that are meant, each folder's in the order of their names.
fn files(paths: &[PathBuf]) -> Result<Vec<ConfigFile>, Failure> {
    let mut found = Vec::new();
    for path in paths {
        let before = found.len();
        gather(path, true, 0, &mut found)?;
        if found.len() == before {
            let words = format!("{}: no file in it ends in .yaml or .yml", path.display());
            return Err(Failure::new(Exit::Failed, words));
        }
    }
    (found.iter())
        .map(|path| {
            Ok(ConfigFile {
                name: path.display().to_string(),
                text: std::fs::read_to_string(path).map_err(|why| unreadable(path, &why))?,
            })
        })
        .collect()
}

fn gather(path: &Path, named: bool, depth: usize, found: &mut Vec<PathBuf>) -> Result<(), Failure> {
    const DEEPEST: usize = 16;
    if !path.is_dir() {
        let fits = path
            .extension()
            .is_some_and(|it| it == "yaml" || it == "yml");
        if named || fits {
            found.push(path.to_owned());
        }
        return Ok(());
    }
    if depth > DEEPEST {
        return Ok(());
    }
    let mut inside = Vec::new();
    for entry in std::fs::read_dir(path).map_err(|why| unreadable(path, &why))? {
        let entry = entry.map_err(|why| unreadable(path, &why))?;
        // What begins with a dot is somebody else's: .git, an editor's.
        if !entry.file_name().to_string_lossy().starts_with('.') {
            inside.push(entry.path());
        }
    }
    inside.sort();
    for path in inside {
        gather(&path, false, depth + 1, found)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use stint_api::config::ConfigField;

    use super::*;

    #[test]
    fn a_change_reads_like_a_difference_and_nothing_in_it_moves_the_cursor() {
        let change = ConfigChange {
            kind: "access_control".to_owned(),
            name: "Admin on prod\u{1b}[2J".to_owned(),
            action: "change".to_owned(),
            fields: vec![ConfigField {
                field: "rules[0].when".to_owned(),
                before: Some("true".to_owned()),
                after: Some("a\n  && b".to_owned()),
            }],
            by_hand: Some(ByHand {
                applied_at: "2026-11-23T14:05:09.5Z".to_owned(),
                applied_by: Some("cy@acme.example".to_owned()),
                changed_at: Some("2026-11-24T08:00:00Z".to_owned()),
                changed_by: Some("Bo".to_owned()),
            }),
            file: "a.yaml".to_owned(),
            line: 3,
            digest: String::new(),
        };
        assert_eq!(
            lines(&change),
            [
                "~ access control Admin on prod [2J  (a.yaml:3)",
                "    ! changed by hand since it was applied on 2026-11-23 14:05:09 by cy@acme.example, last by Bo on 2026-11-24 08:00:00",
                "    - rules[0].when: true",
                "    + rules[0].when:",
                "    +   a",
                "    +     && b",
            ]
        );
    }

    #[test]
    fn of_a_folder_the_yaml_is_read_in_the_order_of_names_and_what_is_named_whatever_it_is_called()
    {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["b.yml", "a.yaml", "c.txt", ".d.yaml", "inner/e.yaml"] {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            std::fs::write(&path, name).expect("written");
        }
        let texts = |paths: &[PathBuf]| -> Vec<String> {
            let read = files(paths).expect("read");
            read.into_iter().map(|it| it.text).collect()
        };
        let all = [folder.path().to_owned()];
        assert_eq!(texts(&all), ["a.yaml", "b.yml", "inner/e.yaml"]);
        assert_eq!(texts(&[folder.path().join("c.txt")]), ["c.txt"]);
        assert!(files(&[folder.path().join("none.yaml")]).is_err());
    }
}
