//! The two commands people type: `check` before a commit, `test` for everything.

use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};

use crate::install::{self, cargo};
use crate::postgres::{self, Postgres};
use crate::run::{self, Steps};
use crate::tidy;

/// By which tests learn on which engines they run: `sqlite`, `postgres`, or both by a comma.
pub const ENGINES: &str = "STINT_TEST_ENGINES";

const CLIENTS: &str = "crates/aws-sim/tests/clients";
/// Clicks through the pages and has them judged.
const BROWSER: &str = "crates/stint/tests/browser/run.py";
/// Has Terraform and CloudFormation read by programs of others.
const SETUP: &str = "crates/stint/tests/setup/judge.py";
/// Every operation, by the `aws` command.
const BY_AWS: &str = "crates/aws-sim/tests/clients/all_by_aws.py";
/// The simulated AWS and a sandbox account of AWS, asked the same.
const SANDBOX: &str = "crates/aws-sim/tests/clients/sandbox.py";
/// The simulated AWS and moto, asked the same.
const COMPARED: &str = "crates/aws-sim/tests/moto/compare.py";
/// Starts moto, fills it, and runs what it is given beside it.
const JUDGE: &str = "crates/aws/tests/moto/judge.py";

/// The committed description of the API.
const DESCRIPTION: &str = "docs/openapi.json";

/// What decides, without a database.
const RULES: &str = "package(stint-domain) | package(stint-iam-policy)";
/// The rooms and journeys on one engine. Sweeps and the simulation are tiers of their own, for
/// `cargo xtask test`.
const ROOMS: &str = "(package(stint-db) | package(stint-server)) \
    & not test(/^(sweep|simulation)::/) & not test(/::postgres$/)";

/// `cargo xtask check`: what is quick.
///
/// # Errors
/// Only when the tools themselves are missing; a failed step is the exit code.
pub fn check(root: &Path) -> Result<ExitCode> {
    install::nextest()?;
    let mut steps = Steps::default();
    look(&mut steps, root);
    // The features of the whole workspace, as everywhere: what is built is used again.
    let only = |what| {
        let mut tests = nextest(root);
        tests.args(["--workspace", "-E", what]);
        tests.env(ENGINES, "sqlite").env_remove(postgres::URL);
        tests
    };
    steps.step("rules", || run::run(&mut only(RULES)));
    steps.step("rooms on SQLite", || run::run(&mut only(ROOMS)));
    steps.report();
    Ok(steps.exit_code())
}

/// `cargo xtask test`: everything. The closing lines of the test runner are printed last.
///
/// # Errors
/// When something the tests need cannot be had; a failed step is the exit code.
pub fn test(root: &Path, all_clients: bool) -> Result<ExitCode> {
    let requirements = root.join(CLIENTS).join("requirements.txt");
    install::nextest()?;
    install::postgres()?;
    let python = install::python(root, &requirements)?;
    let aws2 = install::aws2(root)?;
    install::browser()?;
    let axe = install::axe(root)?;
    let mut steps = Steps::default();
    look(&mut steps, root);
    let built = steps.step("build", || {
        run::run(cargo().current_dir(root).args(["build", "--workspace"]))?;
        run::run(nextest(root).args(["--workspace", "--no-run"]))
    });
    if !built {
        // What an earlier build left must not be taken for this tree's result.
        steps.report();
        println!("\nthe tests did not run: the workspace does not build");
        return Ok(steps.exit_code());
    }
    let server = Postgres::start()?;
    let mut closing = Vec::new();
    steps.step("tests", || {
        let (code, lines) = run::closing_lines(
            (nextest(root).arg("--workspace"))
                .env(postgres::URL, server.url())
                .env_remove(ENGINES),
            |line| line.trim_start().starts_with("Summary ["),
        )?;
        closing = lines;
        match code {
            0 => Ok(()),
            code => bail!("nextest ended with {code}"),
        }
    });
    steps.step("examples in documentation", || {
        let mut doc = cargo();
        doc.current_dir(root)
            .args(["test", "--quiet", "--workspace", "--doc"]);
        run::run(&mut doc)
    });
    steps.step("the API's description, judged", || {
        let mut judge = Command::new(&python);
        judge.current_dir(root);
        run::run(judge.args(["-m", "openapi_spec_validator", DESCRIPTION]))
    });
    let stint = root.join("target/debug/stint");
    steps.step("clients we did not write", || {
        run::run(&mut by_clients(root, &python, aws2.as_deref()))
    });
    steps.step("the set-up as code, judged", || {
        let mut judge = Command::new(&python);
        judge.current_dir(root).arg(root.join(SETUP));
        run::run(judge.arg("--stint").arg(&stint))
    });
    if all_clients {
        steps.step("every operation by the aws command", || {
            let mut all = Command::new(&python);
            all.current_dir(root).arg(root.join(BY_AWS));
            run::run(all.arg("--stint").arg(&stint))
        });
    }
    steps.step("the simulated AWS beside moto", || {
        let mut compare = Command::new(&python);
        compare.current_dir(root).arg(root.join(COMPARED));
        run::run(compare.arg("--stint").arg(&stint))
    });
    steps.step("pages in a browser", || {
        run::run(&mut in_browser(root, &python, &axe))
    });
    steps.step("connector against moto", || {
        let mut judge = Command::new(&python);
        judge.current_dir(root).arg(root.join(JUDGE)).arg("--");
        // The same selection as above, so that nothing is built anew; they are ignored there.
        let tests = nextest(root);
        judge.arg(tests.get_program()).args(tests.get_args());
        judge.args(["--workspace", "--run-ignored", "only"]);
        run::run(judge.args(["-E", "package(stint-aws) & test(/^moto::/)"]))
    });
    steps.step("tour on SQLite", || {
        run::run(Command::new(&stint).args(["demo", "--tour"]))
    });
    steps.step("tour on PostgreSQL", || {
        let database = server.database("tour")?;
        run::run(Command::new(&stint).args(["demo", "--tour", "--database", &database]))
    });
    drop(server);
    steps.report();
    println!();
    for line in &closing {
        println!("{line}");
    }
    if closing.is_empty() {
        println!("the tests did not run");
    }
    Ok(steps.exit_code())
}

/// `cargo xtask openapi`: writes the API's description from what the handlers say. That it is
/// up to date is a test of the server's, so that `check` and `test` both look.
///
/// # Errors
/// When the program does not build.
pub fn openapi(root: &Path) -> Result<ExitCode> {
    let mut stint = cargo();
    stint.current_dir(root);
    stint.args(["run", "--quiet", "--package", "stint", "--", "openapi"]);
    let made = stint.output().context("cargo did not run")?;
    if !made.status.success() {
        bail!("{}", String::from_utf8_lossy(&made.stderr));
    }
    let path = root.join(DESCRIPTION);
    let before = std::fs::read(&path).unwrap_or_default();
    std::fs::write(&path, &made.stdout)?;
    let same = before == made.stdout;
    println!(
        "{DESCRIPTION}: {}",
        if same { "as it was" } else { "written" }
    );
    Ok(ExitCode::SUCCESS)
}

/// `cargo xtask clients`: boto3 and the `aws` command on the simulated AWS of this tree.
///
/// # Errors
/// When what it needs cannot be had, or a check failed.
pub fn clients(root: &Path) -> Result<ExitCode> {
    let python = install::python(root, &root.join(CLIENTS).join("requirements.txt"))?;
    let aws2 = install::aws2(root)?;
    // The same selection as everywhere else: another one would build the AWS SDKs again.
    let build = ["build", "--workspace", "--bin", "stint"];
    run::run(cargo().current_dir(root).args(build))?;
    run::run(&mut by_clients(root, &python, aws2.as_deref()))?;
    Ok(ExitCode::SUCCESS)
}

/// `cargo xtask test aws-sandbox`: the simulated AWS beside a real account. Who may be changed, and
/// whether it was confirmed, the suite itself looks at, before it does anything.
///
/// # Errors
/// When what it needs cannot be had, it refused, or AWS says otherwise than the simulator.
pub fn aws_sandbox(
    root: &Path,
    given: &[(&str, Option<String>)],
    directory: bool,
) -> Result<ExitCode> {
    let python = install::python(root, &root.join(CLIENTS).join("requirements.txt"))?;
    // The same selection as everywhere else: another one would build the AWS SDKs again.
    let build = ["build", "--workspace", "--bin", "stint"];
    run::run(cargo().current_dir(root).args(build))?;
    let mut sandbox = Command::new(&python);
    sandbox.current_dir(root).arg(root.join(SANDBOX));
    sandbox.arg("--stint").arg(root.join("target/debug/stint"));
    for (name, value) in given {
        if let Some(value) = value {
            sandbox.arg(name).arg(value);
        }
    }
    if directory {
        sandbox.arg("--directory");
    }
    run::run(&mut sandbox)?;
    Ok(ExitCode::SUCCESS)
}

fn by_clients(root: &Path, python: &Path, aws2: Option<&Path>) -> Command {
    let mut command = Command::new(python);
    command
        .current_dir(root)
        .arg(root.join(CLIENTS).join("run.py"))
        .arg("--stint")
        .arg(root.join("target/debug/stint"));
    if let Some(folder) = aws2 {
        command.env("STINT_AWS2", folder);
    }
    command
}

/// `cargo xtask browser`: the pages in a browser, on a build of this tree.
///
/// # Errors
/// When what it needs cannot be had, or a check failed.
pub fn browser(root: &Path) -> Result<ExitCode> {
    install::browser()?;
    let axe = install::axe(root)?;
    // The same selection as everywhere else: another one would build the AWS SDKs again.
    let build = ["build", "--workspace", "--bin", "stint"];
    run::run(cargo().current_dir(root).args(build))?;
    run::run(&mut in_browser(root, Path::new("python3"), &axe))?;
    Ok(ExitCode::SUCCESS)
}

fn in_browser(root: &Path, python: &Path, axe: &Path) -> Command {
    let mut command = Command::new(python);
    command
        .current_dir(root)
        .arg(root.join(BROWSER))
        .arg("--stint")
        .arg(root.join("target/debug/stint"))
        .arg("--axe")
        .arg(axe)
        .arg("--out")
        .arg(root.join("target/browser"));
    command
}

/// What needs no test: format, clippy, tidy.
fn look(steps: &mut Steps, root: &Path) {
    steps.step("format", || {
        let mut fmt = cargo();
        fmt.current_dir(root).args(["fmt", "--all", "--"]);
        run::run(fmt.args(["--check", "--files-with-diff"]))
    });
    steps.step("clippy", || {
        let mut clippy = cargo();
        clippy.current_dir(root);
        clippy.args(["clippy", "--quiet", "--workspace", "--all-targets"]);
        run::run(clippy.args(["--", "-D", "warnings"]))
    });
    steps.step("tidy", || {
        let report = tidy::run(root).context("tidy could not look")?;
        report.print();
        report.verdict()
    });
}

fn nextest(root: &Path) -> Command {
    let mut command = cargo();
    command.current_dir(root).args(["nextest", "run"]);
    command
}
