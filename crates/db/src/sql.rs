//! Statements: registered, named, and spelled for each engine.

use std::sync::OnceLock;

/// The database engine behind the door.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Engine {
    /// SQLite, in one file.
    Sqlite,
    /// PostgreSQL.
    Postgres,
}

impl Engine {
    /// Its name in small letters.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }
}

/// One registered statement. Made by [`statements!`](crate::statements) only.
#[derive(Debug)]
pub struct Sql {
    name: &'static str,
    module: &'static str,
    quiet: bool,
    differs: bool,
    sqlite: &'static str,
    postgres: &'static str,
    for_sqlite: OnceLock<Spelled>,
    for_postgres: OnceLock<Spelled>,
    for_postgres_reader: OnceLock<Spelled>,
}

/// A statement's text for one engine, with what one has to know about it.
#[derive(Debug)]
pub(crate) struct Spelled {
    pub(crate) text: String,
    pub(crate) params: usize,
    pub(crate) writes: bool,
}

impl Sql {
    #[doc(hidden)]
    pub const fn new(
        name: &'static str,
        module: &'static str,
        quiet: bool,
        sqlite: &'static str,
        postgres: &'static str,
        differs: bool,
    ) -> Self {
        Self {
            name,
            module,
            quiet,
            differs,
            sqlite,
            postgres,
            for_sqlite: OnceLock::new(),
            for_postgres: OnceLock::new(),
            for_postgres_reader: OnceLock::new(),
        }
    }

    /// Its name in the list.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The module that lists it.
    pub const fn module(&self) -> &'static str {
        self.module
    }

    /// Whether it changes only what is not state (leases, touches, chunks of a sync), and so
    /// needs no audit event.
    pub const fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Whether it has a text of its own for each engine.
    pub const fn differs(&self) -> bool {
        self.differs
    }

    /// The text that engine gets.
    pub fn text(&'static self, engine: Engine) -> &'static str {
        &self.spelled(engine).text
    }

    /// The text for a read transaction, which takes no locks.
    pub(crate) fn spelled_to_read(&'static self, engine: Engine) -> &'static Spelled {
        match engine {
            Engine::Sqlite => self.spelled(engine),
            Engine::Postgres => self
                .for_postgres_reader
                .get_or_init(|| spell(self.postgres, "", "", &POSTGRES_LISTS)),
        }
    }

    pub(crate) fn spelled(&'static self, engine: Engine) -> &'static Spelled {
        match engine {
            Engine::Sqlite => self
                .for_sqlite
                .get_or_init(|| spell(self.sqlite, "", "", &SQLITE_LISTS)),
            Engine::Postgres => self.for_postgres.get_or_init(|| {
                // Rows that refer to this one may be written meanwhile: two verbs that did so and
                // then lock it would otherwise wait for each other.
                let (lock, skip) = (" for no key update", " for no key update skip locked");
                spell(self.postgres, lock, skip, &POSTGRES_LISTS)
            }),
        }
    }
}

/// How an engine reads lists out of one parameter.
struct Lists {
    /// Before and after the parameter in a list of ids ([`Val::ids`](crate::Val::ids)).
    ids: (&'static str, &'static str),
    /// What gives one JSON value for each row of [`Val::rows`](crate::Val::rows).
    each: &'static str,
    /// A column of a row of [`Val::rows`](crate::Val::rows), by its type.
    column: fn(kind: &str, place: usize) -> String,
}

const SQLITE_LISTS: Lists = Lists {
    ids: ("(select unhex(value) from json_each(", "))"),
    each: "json_each",
    column: |kind, place| match kind {
        "uuid" => format!("unhex(value ->> {place})"),
        "int" | "bool" => format!("cast(value ->> {place} as integer)"),
        _ => format!("value ->> {place}"),
    },
};
const POSTGRES_LISTS: Lists = Lists {
    ids: (
        "(select cast(value as uuid) from jsonb_array_elements_text(",
        "))",
    ),
    each: "jsonb_array_elements",
    column: |kind, place| match kind {
        "uuid" => format!("cast(value ->> {place} as uuid)"),
        "int" => format!("cast(value ->> {place} as bigint)"),
        "bool" => format!("cast(value ->> {place} as boolean)"),
        _ => format!("value ->> {place}"),
    },
};

/// The engine differences that are only a clause live here; whole texts that differ are
/// counted by [`variants`].
fn spell(text: &str, lock: &str, skip: &str, lists: &Lists) -> Spelled {
    let text = text.replace("{lock}", lock).replace("{skip}", skip);
    let (before, after) = lists.ids;
    let text = each(&text, "{ids ", |parameter| {
        format!("{before}{parameter}{after}")
    });
    let text = each(&text, "{rows ", |inside| {
        let (parameter, columns) = inside.split_once(' ').unwrap_or((inside, ""));
        let columns = columns.split_whitespace().enumerate();
        let columns: Vec<String> = columns
            .map(|(place, column)| {
                let (name, kind) = column.split_once(':').unwrap_or((column, "text"));
                format!("{} as {name}", (lists.column)(kind, place))
            })
            .collect();
        let columns = columns.join(", ");
        format!("(select {columns} from {}({parameter}))", lists.each)
    });
    Spelled {
        params: params(&text),
        writes: writes(&text),
        text,
    }
}

/// The text with everything between `open` and the next `}` written out.
fn each(text: &str, open: &str, write: impl Fn(&str) -> String) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((head, tail)) = rest.split_once(open) {
        let (inside, tail) = tail.split_once('}').unwrap_or((tail, ""));
        out.push_str(head);
        out.push_str(&write(inside));
        rest = tail;
    }
    out.push_str(rest);
    out
}

/// The highest `$n` in a text.
fn params(text: &str) -> usize {
    text.split('$')
        .skip(1)
        .filter_map(|rest| {
            let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
            digits.parse::<usize>().ok()
        })
        .max()
        .unwrap_or(0)
}

/// The text with every `$n is null` taken for false. PostgreSQL gives a parameter the type
/// of its first place, and `is null` has none: `$1 is null or name = $1` runs, since values
/// come with their types, and cannot be prepared without them. For checking only.
pub(crate) fn without_null_tests(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        let digits = after.len() - after.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, tail) = after.split_at(digits);
        match tail.strip_prefix(" is null") {
            Some(tail) if digits > 0 => {
                out.push_str("false");
                rest = tail;
            }
            _ => {
                out.push('$');
                out.push_str(number);
                rest = tail;
            }
        }
    }
    out.push_str(rest);
    out
}

/// Whether a text changes rows: by its first word, or by any main word after a `with`.
fn writes(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let mut words = lower.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let change = |word: &str| matches!(word, "insert" | "update" | "delete");
    match words.find(|word| !word.is_empty()) {
        Some("with") => {
            // `for no key update` is a lock, not a change.
            let mut before = "";
            words.filter(|word| !word.is_empty()).any(|word| {
                let found = change(word) && !matches!(before, "for" | "key");
                before = word;
                found
            })
        }
        Some(first) => change(first),
        None => false,
    }
}

/// How many statements have a text of their own for each engine. A test snapshots it: the
/// number is to stay small.
pub fn variants(lists: &[&[&Sql]]) -> usize {
    lists
        .iter()
        .flat_map(|list| list.iter())
        .filter(|sql| sql.differs())
        .count()
}

/// Lists the statements of one `store.rs`: a static each, and `STATEMENTS` with all of them.
///
/// ```
/// # mod store {
/// stint_db::statements! {
///     /// One user.
///     USER = "select id, name from users where id = $1{lock}";
///     /// Not state: needs no audit event.
///     quiet TOUCH = "update sign_ins set seen_at = $2 where id = $1";
///     /// Spelled for each engine.
///     MANY = { sqlite: "select value from json_each($1)",
///              postgres: "select value from jsonb_array_elements($1)" };
///     /// Any other constant text goes in parentheses.
///     ALL = (concat!("select ", "id, name", " from users order by id"));
/// }
/// # pub fn count() -> usize { STATEMENTS.len() }
/// # }
/// # assert_eq!(store::count(), 4);
/// ```
///
/// `{lock}` becomes ` for no key update` and `{skip}` the same with ` skip locked` on PostgreSQL, and
/// nothing on SQLite, where a writer is alone, and nothing in a [`Reader`](crate::Reader),
/// which locks nothing: a store's function serves both.
///
/// `id in {ids $1}` is true of the ids in the list [`Val::ids`](crate::Val::ids): what a page
/// shows is looked up in one statement however many rows it has.
///
/// `{rows $1 id:uuid name:text at:int}` is a table with these columns, of the rows in the list
/// [`Val::rows`](crate::Val::rows); the types are `uuid`, `text`, `int` and `bool`. It needs an
/// alias: what a sync reads is written in one statement however many rows it has.
#[macro_export]
macro_rules! statements {
    (@define [$($attr:tt)*] [quiet $name:ident] $text:tt) => {
        $crate::statements!(@static [$($attr)*] $name true $text);
    };
    (@define [$($attr:tt)*] [$name:ident] $text:tt) => {
        $crate::statements!(@static [$($attr)*] $name false $text);
    };
    (@static [$($attr:tt)*] $name:ident $quiet:literal
        { sqlite: $sqlite:expr, postgres: $postgres:expr $(,)? }) => {
        $($attr)*
        pub(crate) static $name: $crate::Sql = $crate::Sql::new(
            stringify!($name), module_path!(), $quiet, $sqlite, $postgres, true,
        );
    };
    (@static [$($attr:tt)*] $name:ident $quiet:literal ($text:expr)) => {
        $crate::statements!(@static [$($attr)*] $name $quiet $text);
    };
    (@static [$($attr:tt)*] $name:ident $quiet:literal $text:expr) => {
        $($attr)*
        pub(crate) static $name: $crate::Sql = $crate::Sql::new(
            stringify!($name), module_path!(), $quiet, $text, $text, false,
        );
    };
    (@ref quiet $name:ident) => { &$name };
    (@ref $name:ident) => { &$name };
    ($($(#[$attr:meta])* $($word:ident)+ = $text:tt;)*) => {
        $($crate::statements!(@define [$(#[$attr])*] [$($word)+] $text);)*
        /// Every statement of this module.
        pub(crate) static STATEMENTS: &[&$crate::Sql] =
            &[$($crate::statements!(@ref $($word)+)),*];
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    statements! {
        LOCKED = "select a from t where id = $1 and b = $12{lock}";
        quiet CLAIM = "with due as (select id from t{skip}) select id from due";
        MOVE = "with due as (select id from t) update t set a = $1 where id in (select id from due)";
        TWO = { sqlite: "select 1", postgres: "select 2" };
        AMONG = "select a from t where id in {ids $2} and b = $1 and c in {ids $3}";
        quiet MANY = "insert into t (id, a) select r.id, r.a from {rows $2 id:uuid a:text n:int f:bool} r where r.n > $1";
    }

    #[test]
    fn clauses_are_spelled_for_each_engine() {
        assert_eq!(
            LOCKED.text(Engine::Sqlite),
            "select a from t where id = $1 and b = $12"
        );
        assert!(
            LOCKED
                .text(Engine::Postgres)
                .ends_with("$12 for no key update")
        );
        assert!(
            CLAIM
                .text(Engine::Postgres)
                .contains("t for no key update skip locked)")
        );
        assert_eq!(TWO.text(Engine::Postgres), "select 2");
        assert_eq!(variants(&[STATEMENTS]), 1);
    }

    #[test]
    fn lists_of_ids_are_spelled_for_each_engine() {
        assert_eq!(
            AMONG.text(Engine::Sqlite),
            "select a from t where id in (select unhex(value) from json_each($2)) and b = $1 \
             and c in (select unhex(value) from json_each($3))"
        );
        assert!(
            AMONG
                .text(Engine::Postgres)
                .contains("in (select cast(value as uuid) from jsonb_array_elements_text($2)) and")
        );
        assert_eq!(AMONG.spelled(Engine::Postgres).params, 3);
    }

    #[test]
    fn lists_of_rows_are_spelled_for_each_engine() {
        assert_eq!(
            MANY.text(Engine::Sqlite),
            "insert into t (id, a) select r.id, r.a from (select unhex(value ->> 0) as id, value ->> 1 as a, \
             cast(value ->> 2 as integer) as n, cast(value ->> 3 as integer) as f from json_each($2)) r where r.n > $1"
        );
        assert!(MANY.text(Engine::Postgres).contains(
            "from (select cast(value ->> 0 as uuid) as id, value ->> 1 as a, cast(value ->> 2 as bigint) as n, \
             cast(value ->> 3 as boolean) as f from jsonb_array_elements($2)) r where"
        ));
        let spelled = MANY.spelled(Engine::Postgres);
        assert!(spelled.params == 2 && spelled.writes);
    }

    #[test]
    fn null_tests_of_parameters_are_taken_out_and_nothing_else() {
        assert_eq!(
            without_null_tests(
                "($1 is null or a = $1) and ($12 is null or $2 < b) and c is null $"
            ),
            "(false or a = $1) and (false or $2 < b) and c is null $"
        );
    }

    #[test]
    fn a_statement_knows_its_parameters_and_whether_it_writes() {
        let spelled = |sql: &'static Sql| sql.spelled(Engine::Postgres);
        assert_eq!(spelled(&LOCKED).params, 12);
        assert!(!spelled(&LOCKED).writes);
        assert!(!spelled(&CLAIM).writes && CLAIM.is_quiet());
        assert!(spelled(&MOVE).writes && !MOVE.is_quiet());
        assert_eq!(STATEMENTS.len(), 6);
        assert_eq!(STATEMENTS[0].name(), "LOCKED");
        assert!(STATEMENTS[0].module().ends_with("sql::tests"));
    }
}
