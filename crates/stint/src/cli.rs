//! The command line: what there is to type, and nothing about how it is done.

use clap::{Parser, Subcommand};

use crate::client::Server;
use crate::commands::{
    account, as_code, audit, delegations, duties, emergency, estates, grants, mend, notices,
    objects, people, rules, until_revoked,
};
use crate::config::Overrides;

/// AWS access for exactly as long as it is needed.
#[derive(Debug, Parser)]
#[command(name = "stint", version, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

/// Everything Stint can be told to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve pages and API, and do the background work.
    Serve {
        #[command(flatten)]
        settings: Overrides,
        /// Leave the background work to `stint worker` processes.
        #[arg(long)]
        no_worker: bool,
    },
    /// Do the background work only (PostgreSQL; SQLite is served by one process).
    Worker {
        #[command(flatten)]
        settings: Overrides,
    },
    /// Bring the database to this version, and exit.
    Migrate {
        #[command(flatten)]
        settings: Overrides,
    },
    /// Sign in, and keep an API token for the other commands.
    Login(account::Login),
    /// Revoke the token `stint login` keeps, and forget it.
    Logout {
        #[command(flatten)]
        server: Server,
    },
    /// Users; the first administrator.
    #[command(subcommand)]
    Users(Users),
    /// Groups of users.
    #[command(subcommand)]
    Groups(people::Groups),
    /// Who decides while people are away.
    #[command(subcommand)]
    Delegations(delegations::Delegations),
    /// Whose principals in AWS are whose.
    #[command(subcommand)]
    Links(people::Links),
    /// API tokens of yours.
    #[command(subcommand)]
    Tokens(account::Tokens),
    /// Connections to AWS.
    #[command(subcommand)]
    Connections(estates::Connections),
    /// IAM users that Stint makes, locks out and deletes.
    #[command(subcommand)]
    IamUsers(objects::IamUsers),
    /// Catalogs: which entitlements may be asked for, by whom and how.
    #[command(subcommand)]
    Catalogs(rules::Catalogs),
    /// Policies: who has to approve, in versions.
    #[command(subcommand)]
    Policies(rules::Policies),
    /// Duty rules: what one person should not hold together.
    #[command(subcommand)]
    Duties(duties::Duties),
    /// Hold files of groups, policies, catalogs and access controls against what there is.
    Plan(as_code::Plan),
    /// Change what such files say, after showing it.
    Apply(as_code::Apply),
    /// Write groups, policies, catalogs and access controls down as such a file.
    Export(as_code::Export),
    /// About such files.
    #[command(subcommand)]
    Config(as_code::Config),
    /// The audit log.
    #[command(subcommand)]
    Audit(Audit),
    /// The keys that secrets are sealed under, on this machine.
    #[command(subcommand)]
    MasterKey(MasterKey),
    /// Print a script that completes commands in your shell.
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
    /// Everything with a simulated AWS, on this machine, for trying out.
    Demo(crate::demo::Demo),
    /// A simulated AWS that speaks AWS's wire protocols.
    #[command(after_long_help = stint_aws_sim::command::HELP)]
    Sim(Sim),
    /// Print the API's description (OpenAPI 3.1).
    Openapi,
    /// Who you are to Stint.
    Whoami {
        #[command(flatten)]
        server: Server,
    },
    /// What you may ask for.
    Entitlements {
        #[command(flatten)]
        server: Server,
        /// Words of the account, permission set or group.
        search: Option<String>,
        /// What somebody else may ask for: name, address or id (`usr_…`) of somebody for whom you may ask.
        #[arg(long, value_name = "PERSON")]
        for_user: Option<String>,
    },
    /// Paste what AWS said when it refused; see what you may ask for that would let it through.
    Mend(mend::Mend),
    /// Ask for access.
    Request(Ask),
    /// Your requests, those that wait for you, or one with its whole story.
    Requests {
        #[command(flatten)]
        server: Server,
        /// A request, as `req_…`: show it whole.
        id: Option<String>,
        /// Those that wait for your decision.
        #[arg(long, conflicts_with = "id")]
        waiting: bool,
        /// Everybody's (administrators and auditors).
        #[arg(long, conflicts_with_all = ["id", "waiting"])]
        all: bool,
        /// Everybody's in this state.
        #[arg(long, value_name = "STATE", value_parser = ["pending", "approved", "denied", "cancelled"], conflicts_with_all = ["id", "waiting"])]
        state: Option<String>,
        /// Only those asked in an emergency.
        #[arg(long, conflicts_with_all = ["id", "waiting"])]
        emergency: bool,
        /// Only those about this ticket.
        #[arg(long, conflicts_with_all = ["id", "waiting"])]
        ticket: Option<String>,
    },
    /// Approve a request.
    Approve {
        #[command(flatten)]
        server: Server,
        /// The request: id, or words that fit one only of those that wait for you.
        request: String,
        /// Said with it.
        #[arg(long, default_value = "")]
        comment: String,
        /// Read your password from standard input, where the policy wants it again.
        #[arg(long)]
        password_stdin: bool,
    },
    /// Deny a request.
    Deny {
        #[command(flatten)]
        server: Server,
        /// The request: id, or words that fit one only of those that wait for you.
        request: String,
        /// Why; the requester is told.
        #[arg(long)]
        reason: String,
    },
    /// Hand on your place in the step a request waits at to somebody else; a Policy Admin or Super Admin
    /// any place.
    Reassign {
        #[command(flatten)]
        server: Server,
        /// The request: id, or words that fit one only of those that wait for you.
        request: String,
        /// To whom: their e-mail address.
        #[arg(long, value_name = "E-MAIL")]
        to: String,
        /// Why; everybody who sees the request reads it.
        #[arg(long)]
        reason: String,
        /// Whose place (`usr_…`), where it is not yours [default: yours, or that of whom you decide for;
        /// an administrator who cannot decide has them asked beside the others].
        #[arg(long, value_name = "ID")]
        from: Option<String>,
        /// Read your password from standard input, where the policy wants it again.
        #[arg(long)]
        password_stdin: bool,
    },
    /// Take back a request of yours that is not answered yet.
    Cancel {
        #[command(flatten)]
        server: Server,
        /// The request: id, or words that fit one only of yours that wait.
        request: String,
    },
    /// Raise a request of yours that waits to emergency access: a new request under the policy for
    /// emergencies, told at once and reviewed afterwards; the old one is cancelled.
    Raise {
        #[command(flatten)]
        server: Server,
        /// The request: id, or words that fit one only of yours that wait.
        request: String,
        /// For how long, as `1h` [default: as it was asked, or as long as emergency access lasts].
        #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
        duration: Option<i64>,
        /// Why [default: as it was asked].
        #[arg(long)]
        reason: Option<String>,
        /// The ticket it is about [default: as it was asked].
        #[arg(long)]
        ticket: Option<String>,
        /// Read your password from standard input, where the policy wants it again.
        #[arg(long)]
        password_stdin: bool,
    },
    /// Reviews of what was given in an emergency.
    #[command(subcommand)]
    Emergency(emergency::Emergency),
    /// Reviews of access that is had until it is revoked.
    #[command(subcommand)]
    UntilRevoked(until_revoked::UntilRevoked),
    /// Say something about a request, or ask who asked for access.
    Comment {
        #[command(flatten)]
        server: Server,
        /// The request, as `req_…`.
        request: String,
        /// What: everybody who sees the request reads it, and it stays as it is.
        text: String,
        /// It is a question to who asked; the request waits for nothing.
        #[arg(long)]
        question: bool,
    },
    /// Ask for access of yours to go on past its end.
    Extend {
        #[command(flatten)]
        server: Server,
        /// The grant: id, or words that fit one only of those you hold.
        grant: String,
        /// For how much longer, as `2h` [default: as long as it was asked for first].
        #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
        duration: Option<i64>,
        /// Why [default: as it was said first].
        #[arg(long)]
        reason: Option<String>,
        /// The ticket it is about [default: as it was said first].
        #[arg(long)]
        ticket: Option<String>,
        /// Read your password from standard input, where the policy wants it again.
        #[arg(long)]
        password_stdin: bool,
    },
    /// Give access back before its time.
    Return {
        #[command(flatten)]
        server: Server,
        /// The request it came by: id, or words that fit one only of yours that still give.
        request: String,
    },
    /// What Stint has to tell you, and what it is to tell you.
    Notices(notices::Notices),
    /// Access you hold through Stint, with the time left.
    Grants(grants::Grants),
    /// End somebody's grant early.
    Revoke(Because),
    /// End every grant of the same access and person, and remove the access.
    CutOff(Because),
    /// Try again now what AWS refused to remove.
    Retry {
        #[command(flatten)]
        server: Server,
        /// The grant: id, or words that fit one only.
        grant: String,
    },
    /// Put access back that somebody took away in AWS.
    ProvisionAgain {
        #[command(flatten)]
        server: Server,
        /// The grant: id, or words that fit one only.
        grant: String,
    },
}

/// A grant to end, and why.
#[derive(Debug, clap::Args)]
pub(crate) struct Because {
    #[command(flatten)]
    pub server: Server,
    /// The grant: id, or words of what it gives and to whom that fit one only.
    pub grant: String,
    /// Why; the person and the auditors are told.
    #[arg(long)]
    pub reason: String,
}

/// Users, over the API; the first one straight in the database.
#[derive(Debug, Subcommand)]
pub(crate) enum Users {
    /// On this machine: create the first administrator. The password is asked for, or read
    /// from standard input.
    CreateAdmin {
        #[command(flatten)]
        settings: Overrides,
        /// Their address; it is what they sign in with.
        #[arg(long)]
        email: String,
        /// Their name [default: the address].
        #[arg(long)]
        name: Option<String>,
    },
    #[command(flatten)]
    Others(people::Users),
}

/// Files of master keys.
#[derive(Debug, Subcommand)]
pub(crate) enum MasterKey {
    /// Make a file with a new key, readable by its owner only.
    Create {
        /// Where; never written over.
        file: std::path::PathBuf,
    },
    /// Put a new key in front of those in a file. New secrets are sealed with it; the others
    /// open what was sealed before.
    Add {
        /// The file.
        file: std::path::PathBuf,
    },
}

/// The audit log.
#[derive(Debug, Subcommand)]
pub(crate) enum Audit {
    /// Check that no event was edited, removed, inserted or reordered: on this machine,
    /// straight in the database.
    Verify {
        #[command(flatten)]
        settings: Overrides,
        /// Ask the running Stint to check, over the API.
        #[arg(long, conflicts_with_all = ["config", "database"])]
        over_api: bool,
        #[command(flatten)]
        server: Server,
    },
    /// Events, newest first, over the API.
    List(audit::Events),
}

/// Ask for access for oneself.
#[derive(Debug, clap::Args)]
pub(crate) struct Ask {
    #[command(flatten)]
    pub server: Server,
    /// What: an id (`ent_…`), or words that fit one entitlement only (`"prod-admin on prod-payments"`).
    /// Several are asked for together: all or none.
    #[arg(required_unless_present = "again", conflicts_with = "again")]
    pub entitlement: Vec<String>,
    /// What an earlier request of yours (`req_…`) asked for, for as long and for the same reason, where
    /// nothing else is said.
    #[arg(long, value_name = "REQUEST", conflicts_with = "for_group")]
    pub again: Option<String>,
    /// For how long, as `2h`, `90m` or `1h30m`.
    #[arg(long = "for", value_name = "DURATION", value_parser = duration, required_unless_present_any = ["again", "until_revoked"])]
    pub duration: Option<i64>,
    /// Until it is revoked, instead of for a time, where that may be: its owners are asked again and again whether it is still needed.
    #[arg(long, conflicts_with_all = ["duration", "emergency"])]
    pub until_revoked: bool,
    /// Why.
    #[arg(long)]
    pub reason: Option<String>,
    /// The number of the ticket it is about, where the policy asks for one.
    #[arg(long)]
    pub ticket: Option<String>,
    /// From when (RFC 3339, as 2026-11-23T14:00:00Z), not in an emergency [default: as soon as it is approved].
    #[arg(long, value_name = "TIME")]
    pub start: Option<String>,
    /// For an Identity Center group, by name or id (`prn_…`); for owners of the connection or its application, Connection Admins and Super Admins [default: for yourself].
    #[arg(long, value_name = "GROUP")]
    pub for_group: Option<String>,
    /// For somebody else, by name, address or id (`usr_…`): for their manager and Super Admins [default: for yourself].
    #[arg(long, value_name = "PERSON", conflicts_with_all = ["for_group", "again"])]
    pub for_user: Option<String>,
    /// In an emergency: under the policy for that, with a reason, told at once and reviewed afterwards.
    #[arg(long, requires = "reason", conflicts_with = "start")]
    pub emergency: bool,
    /// Read your password from standard input, where the policy wants it again.
    #[arg(long)]
    pub password_stdin: bool,
    /// Only say who would have to approve.
    #[arg(long)]
    pub preview: bool,
    /// Wait until the access is there (or denied), at most this long, as `10m`.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub wait: Option<i64>,
}

/// A simulated AWS on a port.
#[derive(Debug, clap::Args)]
pub(crate) struct Sim {
    /// Port on 127.0.0.1.
    #[arg(long, default_value_t = 8481)]
    pub port: u16,
    /// A YAML file that describes the estate, instead of a seed and counts.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["seed", "accounts", "permission_sets", "users",
        "groups", "memberships", "assignments", "iam_users", "iam_groups", "iam_roles", "iam_memberships"])]
    pub estate: Option<std::path::PathBuf>,
    /// The same seed and counts give the same estate, ids and all.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// AWS accounts.
    #[arg(long, default_value_t = 12)]
    pub accounts: u32,
    /// Permission sets.
    #[arg(long, default_value_t = 10)]
    pub permission_sets: u32,
    /// Identity Center users.
    #[arg(long, default_value_t = 40)]
    pub users: u32,
    /// Identity Center groups.
    #[arg(long, default_value_t = 8)]
    pub groups: u32,
    /// Group memberships.
    #[arg(long, default_value_t = 90)]
    pub memberships: u32,
    /// Account assignments.
    #[arg(long, default_value_t = 60)]
    pub assignments: u32,
    /// IAM users in the management account, besides the estate's own.
    #[arg(long, default_value_t = 0)]
    pub iam_users: u32,
    /// IAM groups in the management account.
    #[arg(long, default_value_t = 0)]
    pub iam_groups: u32,
    /// IAM roles in the management account, besides the estate's own.
    #[arg(long, default_value_t = 0)]
    pub iam_roles: u32,
    /// IAM group memberships: at most 10 a user.
    #[arg(long, default_value_t = 0)]
    pub iam_memberships: u32,
    /// Take calls as fast as they come. Otherwise each service takes as many a second as AWS does,
    /// and refuses the rest with its throttling error, which SDKs try again.
    #[arg(long)]
    pub no_throttling: bool,
    /// How many calls are taken each second, and how many at once after a pause, as `sso=40` or
    /// `iam_reads=20/100`; `none` for no limit. For sso, identitystore, iam_reads, iam_writes
    /// (each operation of IAM by itself), sts, organizations, or one operation
    /// (`iam:ListUsers=5`). May be given more than once.
    #[arg(long, value_name = "CALLS=RATE", conflicts_with = "no_throttling")]
    pub rate: Vec<String>,
    /// What goes wrong, and how often: `broken=0.01`, or only where, as `lose_after=0.02@iam:*`.
    /// The same seed and the same calls meet the same weather. throttle, broken (500),
    /// unavailable (503), expire (temporary credentials), lose_before and lose_after (no answer;
    /// nothing or all was done), reset_before and reset_after (the same, and the connection is
    /// reset), delay (up to a second), arrive_late, slow, stale, twice (with
    /// `@events:Deliver`). May be given more than once; `/_sim/faults` knows more.
    #[arg(long, value_name = "WHAT=ODDS[@CALLS]")]
    pub weather: Vec<String>,
    /// Where the weather is drawn from; the estate's seed by default.
    #[arg(long)]
    pub weather_seed: Option<u64>,
    /// By how many seconds what is read lags behind what was written.
    #[arg(long, default_value_t = 0)]
    pub lag: u32,
    /// How many connections may be open at once; one more is answered 503 and closed.
    #[arg(long, default_value_t = 1024)]
    pub connections: usize,
}

/// `2h`, `90m`, `1h30m`, `45s` in seconds.
pub(crate) fn duration(text: &str) -> Result<i64, String> {
    let wrong = || format!("`{text}` is not a duration: write it as 2h, 90m or 1h30m");
    let mut total: i64 = 0;
    let mut number = String::new();
    for c in text.chars() {
        if c.is_ascii_digit() {
            number.push(c);
            continue;
        }
        let unit = match c {
            'd' => 86_400,
            'h' => 3_600,
            'm' => 60,
            's' => 1,
            _ => return Err(wrong()),
        };
        let n: i64 = number.parse().map_err(|_| wrong())?;
        number.clear();
        total = n
            .checked_mul(unit)
            .and_then(|s| total.checked_add(s))
            .ok_or_else(wrong)?;
    }
    if !number.is_empty() || total <= 0 {
        return Err(wrong());
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn durations_are_read_as_people_write_them() {
        assert_eq!(duration("2h"), Ok(7_200));
        assert_eq!(duration("1h30m"), Ok(5_400));
        assert_eq!(duration("90m"), Ok(5_400));
        for wrong in [
            "",
            "2",
            "h",
            "-2h",
            "2 h",
            "2w",
            "0m",
            "99999999999999999999h",
        ] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
