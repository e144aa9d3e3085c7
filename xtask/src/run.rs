//! Running other programs, and a list of steps with the time each took.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// Runs a command with this terminal; an exit code other than 0 is an error naming it.
///
/// # Errors
/// When the program cannot be started or does not end with 0.
pub fn run(command: &mut Command) -> Result<()> {
    let shown = shown(command);
    let status = (command.stdin(Stdio::null()).status())
        .with_context(|| format!("cannot start `{shown}`"))?;
    if !status.success() {
        bail!("`{shown}` ended with {status}");
    }
    Ok(())
}

/// Runs a command quietly; its standard output when it ends with 0.
///
/// # Errors
/// When the program cannot be started or fails: the error carries what it said.
pub fn output(command: &mut Command) -> Result<String> {
    let shown = shown(command);
    let out = (command.stdin(Stdio::null()).output())
        .with_context(|| format!("cannot start `{shown}`"))?;
    if !out.status.success() {
        let said = String::from_utf8_lossy(&out.stderr);
        bail!("`{shown}` ended with {}: {}", out.status, said.trim());
    }
    Ok(String::from_utf8_lossy(&out.stdout).into_owned())
}

/// Whether a command can be started and ends with 0; says nothing.
pub fn works(command: &mut Command) -> bool {
    (command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null()))
    .status()
    .is_ok_and(|status| status.success())
}

/// Runs a command, shows its standard error as it comes, and gives back the lines of it from
/// the last one that satisfies `from`; with the exit code (-1: ended by a signal).
///
/// # Errors
/// When the program cannot be started.
pub fn closing_lines(
    command: &mut Command,
    from: impl Fn(&str) -> bool,
) -> Result<(i32, Vec<String>)> {
    let shown = shown(command);
    let mut child = (command.stdin(Stdio::null()).stderr(Stdio::piped()))
        .spawn()
        .with_context(|| format!("cannot start `{shown}`"))?;
    let mut kept: Option<Vec<String>> = None;
    if let Some(stderr) = child.stderr.take() {
        let mut reader = BufReader::new(stderr);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line)? > 0 {
            std::io::stderr().write_all(&line)?;
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            if from(&text) {
                kept = Some(Vec::new());
            }
            if let Some(kept) = &mut kept {
                kept.push(text);
            }
            line.clear();
        }
    }
    let status = child.wait()?;
    Ok((status.code().unwrap_or(-1), kept.unwrap_or_default()))
}

/// A command as one would type it, without the folder of its program.
#[must_use]
pub fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str());
    let mut words = vec![name.to_string_lossy().into_owned()];
    words.extend(command.get_args().map(|a| a.to_string_lossy().into_owned()));
    words.join(" ")
}

/// How a step ended.
struct Step {
    name: String,
    took: Duration,
    failed: Option<String>,
}

/// Steps done one after another; a failed one does not keep the others from running unless
/// they stand on it.
#[derive(Default)]
pub struct Steps {
    done: Vec<Step>,
}

impl Steps {
    /// Does one step, showing its name before and its time after; whether it succeeded.
    pub fn step(&mut self, name: &str, work: impl FnOnce() -> Result<()>) -> bool {
        println!("── {name}");
        let (result, took) = timed(work);
        let failed = result.err().map(|error| format!("{error:#}"));
        match &failed {
            None => println!("── {name}: {}\n", seconds(took)),
            Some(why) => println!("── {name}: FAILED after {}: {why}\n", seconds(took)),
        }
        let succeeded = failed.is_none();
        self.done.push(Step {
            name: name.to_owned(),
            took,
            failed,
        });
        succeeded
    }

    /// Whether every step so far succeeded.
    #[must_use]
    pub fn all_well(&self) -> bool {
        self.done.iter().all(|step| step.failed.is_none())
    }

    /// Prints the steps with their times.
    pub fn report(&self) {
        let wide = self.done.iter().map(|s| s.name.chars().count()).max();
        let wide = wide.unwrap_or_default();
        for Step { name, took, failed } in &self.done {
            let word = if failed.is_some() { "FAILED" } else { "ok" };
            println!("{name:wide$}  {word:6}  {:>7}", seconds(*took));
        }
        let total = self.done.iter().map(|s| s.took).sum();
        println!("{:wide$}  {:6}  {:>7}", "in all", "", seconds(total));
    }

    /// 0 when every step succeeded, 1 otherwise.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        if self.all_well() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the driver tells how long its steps took"
)]
fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let began = Instant::now();
    let done = work();
    (done, began.elapsed())
}

fn seconds(took: Duration) -> String {
    format!("{:.1} s", took.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_are_those_from_the_last_mark_on() {
        let mut sh = Command::new("sh");
        sh.args([
            "-c",
            "for l in a 'Summary [1' b 'Summary [2' c; do echo $l >&2; done; exit 3",
        ]);
        let (code, lines) =
            closing_lines(&mut sh, |line| line.starts_with("Summary [")).expect("sh starts");
        assert_eq!(code, 3);
        assert_eq!(lines, ["Summary [2", "c"]);
    }

    #[test]
    fn one_failed_step_fails_the_whole_and_keeps_none_from_running() {
        let mut steps = Steps::default();
        let mut ran = 0;
        steps.step("first", || run(Command::new("sh").args(["-c", "exit 1"])));
        steps.step("second", || {
            ran += 1;
            Ok(())
        });
        assert_eq!(ran, 1);
        assert!(!steps.all_well());
        steps.report();
        let mut fine = Steps::default();
        fine.step("only", || run(&mut Command::new("true")));
        assert!(fine.all_well());
    }
}
