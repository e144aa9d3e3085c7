//! The judge of a run. It keeps who added which row of access and when, as AWS's owner saw it,
//! and beside it what Stint told: intents, answers, announcements, windows. It calls no
//! function of the rules and knows nothing of how they decide.
//!
//! Where AWS itself keeps two things apart by nothing, neither can the judge: an
//! administrator's row that appears just when Stint adds the same one may go with it. Whatever
//! stood before, or comes after the end was announced, may not.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use stint_testkit::sim::{Changed, Party};

pub(super) const SECOND: i64 = 1_000_000;
pub(super) const MINUTE: i64 = 60 * SECOND;

/// How long AWS accepts an old signature, and how far behind its reads may be.
const FENCE: i64 = 15 * MINUTE;
/// The bound on a grant's end where nothing goes wrong: the delete goes out at once, and the
/// word *Ended* follows about a minute later (docs/grants.md).
const BOUND: i64 = 3 * MINUTE;
/// The bound once trouble is over: a lost create may come until its signature is too old, a
/// refused removal is tried again after five minutes, a slow write takes four.
const BOUND_AFTER_TROUBLE: i64 = FENCE + 15 * MINUTE;
/// How long a delete may be under way: its signature, and the longest asynchronous write.
const UNDER_WAY: i64 = FENCE + 11 * MINUTE;

/// What was different in this world from what Stint believes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Belief {
    /// Nothing.
    True,
    /// AWS accepts signatures for hours.
    FenceBroken,
    /// Reads lag five times the believed bound.
    LagBroken,
}

/// One thing Stint told in its audit log about a binding.
#[derive(Debug, Clone)]
pub(super) struct Told {
    pub(super) seq: i64,
    pub(super) at: i64,
    pub(super) action: String,
    pub(super) detail: serde_json::Value,
    /// The grant it is about, if one is.
    pub(super) grant: Option<String>,
}

/// A grant's stored columns.
#[derive(Debug, Clone)]
pub(super) struct Window {
    pub(super) id: String,
    pub(super) opened_at: i64,
    pub(super) start_at: i64,
    pub(super) ends_at: Option<i64>,
    pub(super) confirmed_at: Option<i64>,
    pub(super) ended_at: Option<i64>,
    pub(super) remains: Option<String>,
}

impl Window {
    fn holds(&self, at: i64) -> bool {
        self.start_at <= at && self.ends_at.is_none_or(|end| at < end)
    }
}

/// Which kind of access a pair is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) enum Kind {
    #[default]
    Assignment,
    AssignmentOfGroup,
    Membership,
    IamMembership,
}

/// Everything about one pair.
#[derive(Debug, Clone, Default)]
pub(super) struct Record {
    pub(super) what: String,
    pub(super) kind: Kind,
    pub(super) changes: Vec<Changed>,
    /// When the call behind a change was signed, by its number.
    pub(super) signed: BTreeMap<u64, i64>,
    pub(super) told: Vec<Told>,
    pub(super) windows: Vec<Window>,
    pub(super) epoch_open: bool,
}

/// What the judge knows of the whole run.
#[derive(Debug, Clone)]
pub(super) struct Run {
    pub(super) belief: Belief,
    pub(super) lag: i64,
    pub(super) quarantine: i64,
    /// Stretches of time in which something was wrong: faults, refusals, sleeps, jumps.
    pub(super) troubles: Vec<(i64, i64)>,
}

/// What a run reached, so that a generator gone blind is noticed.
#[derive(Debug, Default, Clone)]
pub(super) struct Counts {
    pub(super) runs: u64,
    pub(super) grants: u64,
    pub(super) confirmed: u64,
    pub(super) creates: u64,
    pub(super) deletes: u64,
    pub(super) ours_came: u64,
    pub(super) foreign_came: u64,
    pub(super) ours_taken_by_others: u64,
    pub(super) standing_left: u64,
    pub(super) merged: u64,
    pub(super) late: u64,
    pub(super) taken_away: u64,
    pub(super) presumed: u64,
    pub(super) adopted: u64,
    pub(super) stuck: u64,
    pub(super) proofs: u64,
    pub(super) shared: u64,
    pub(super) deaths: u64,
    pub(super) sleeps: u64,
    pub(super) jumps: u64,
    pub(super) refusals: u64,
    pub(super) met: u64,
    pub(super) renamed: u64,
    pub(super) strangers: u64,
    /// Rows of ours that came, by their kind.
    pub(super) kinds: BTreeMap<Kind, u64>,
}

struct Create {
    seq: i64,
    at: i64,
    answered: Option<(i64, bool)>,
    definite: bool,
}

pub(super) struct Judge<'a> {
    run: &'a Run,
    record: &'a Record,
    creates: BTreeMap<String, Create>,
    deletes: Vec<(i64, i64)>,
    /// Announced as absent, or as taken away: (seq, at).
    over: Vec<(i64, i64)>,
    proved: Vec<(i64, i64)>,
    taken_away: bool,
    wrong: Vec<String>,
}

/// Judges one pair; answers what is wrong.
pub(super) fn judge(run: &Run, record: &Record, counts: &mut Counts) -> Vec<String> {
    let mut judge = Judge {
        run,
        record,
        creates: BTreeMap::new(),
        deletes: Vec::new(),
        over: Vec::new(),
        proved: Vec::new(),
        taken_away: false,
        wrong: Vec::new(),
    };
    judge.hear(counts);
    judge.rows(counts);
    judge.announcements(counts);
    judge.windows(counts);
    judge.last_look(counts);
    let Judge { wrong, .. } = judge;
    wrong
}

impl Judge<'_> {
    fn fault(&mut self, at: i64, what: impl AsRef<str>) {
        let what = format!("{} {}: {}", clock(at), self.record.what, what.as_ref());
        self.wrong.push(what);
    }

    fn fenced(&self) -> bool {
        self.run.belief != Belief::FenceBroken
    }

    fn up_to_date(&self) -> bool {
        self.run.belief != Belief::LagBroken
    }

    /// What was told, in its order.
    fn hear(&mut self, counts: &mut Counts) {
        let record = self.record;
        for told in &record.told {
            let text = |key: &str| told.detail[key].as_str().unwrap_or_default().to_owned();
            match told.action.as_str() {
                "attempt.intended" if text("kind") == "create" => {
                    counts.creates += 1;
                    self.creates.insert(
                        text("attempt"),
                        Create {
                            seq: told.seq,
                            at: told.at,
                            answered: None,
                            definite: false,
                        },
                    );
                    if self.live(told).is_none() {
                        self.fault(told.at, "a create intended outside every window");
                    }
                }
                "attempt.intended" => {
                    counts.deletes += 1;
                    self.deletes.push((told.seq, told.at));
                    if let Some(id) = self.live(told).map(|live| live.id.clone()) {
                        self.fault(
                            told.at,
                            format!("a delete intended while grant {id} holds it"),
                        );
                    }
                }
                "attempt.answered" => {
                    let outcome = text("outcome");
                    if let Some(create) = self.creates.get_mut(&text("attempt")) {
                        let refused = matches!(outcome.as_str(), "refused" | "held");
                        let known = refused || outcome == "succeeded";
                        if known || matches!(outcome.as_str(), "failed" | "failed_gone") {
                            create.answered.get_or_insert((told.seq, refused));
                            create.definite |= known;
                        }
                    }
                }
                "attempt.presumed" => counts.presumed += 1,
                "binding.adopted" => counts.adopted += 1,
                "binding.stuck" => counts.stuck += 1,
                "binding.absence_proved" => {
                    counts.proofs += 1;
                    self.over.push((told.seq, told.at));
                    self.proved.push((told.seq, told.at));
                }
                "binding.taken_away" => {
                    counts.taken_away += 1;
                    self.taken_away = true;
                    self.over.push((told.seq, told.at));
                }
                _ => {}
            }
        }
    }

    /// A grant whose window was open when this was told. Much may happen at one moment: then
    /// it is the order in which it was told that counts.
    fn live(&self, told: &Told) -> Option<&Window> {
        let seq_of = |window: &Window, action: &str| {
            let about = |t: &&Told| t.action == action && t.grant.as_ref() == Some(&window.id);
            self.record.told.iter().find(about).map(|t| t.seq)
        };
        self.record.windows.iter().find(|window| {
            let opened = seq_of(window, "grant.opened").is_some_and(|seq| seq < told.seq);
            let closed_later = window.start_at <= told.at
                && window.ends_at == Some(told.at)
                && seq_of(window, "grant.closed").is_some_and(|seq| seq > told.seq);
            let open = window.holds(told.at) || closed_later;
            opened && open && told.grant.as_ref() != Some(&window.id)
        })
    }

    /// The attempt behind a change: signatures tell whole seconds only.
    fn intent_of(&self, change: &Changed, intents: &[(i64, i64)]) -> Option<(i64, i64)> {
        let signed = self.record.signed.get(&change.call?)?;
        let mut of_that_second = intents
            .iter()
            .filter(|(_, at)| at / SECOND == signed / SECOND);
        of_that_second.next_back().copied()
    }

    /// Every row that came or went.
    fn rows(&mut self, counts: &mut Counts) {
        let record = self.record;
        let creates: Vec<(i64, i64)> = self.creates.values().map(|c| (c.seq, c.at)).collect();
        let deletes = self.deletes.clone();
        let mut standing: Option<&Changed> = None;
        for change in &record.changes {
            let ours = change.by == Party::Stint;
            match (change.came, ours) {
                (true, true) => {
                    counts.ours_came += 1;
                    *counts.kinds.entry(record.kind).or_default() += 1;
                    match self.intent_of(change, &creates) {
                        None => self.fault(change.at, "a row of ours that nobody intended"),
                        Some(intended) => self.we_added(change, intended, counts),
                    }
                }
                (true, false) => counts.foreign_came += 1,
                (false, true) => match self.intent_of(change, &deletes) {
                    None => self.fault(change.at, "a removal of ours that nobody intended"),
                    Some(intended) => self.we_removed(change, standing, intended, counts),
                },
                (false, false) => {
                    if standing.is_some_and(|row| row.by == Party::Stint) {
                        counts.ours_taken_by_others += 1;
                    }
                }
            }
            standing = change.came.then_some(change);
        }
    }

    fn we_added(&mut self, change: &Changed, intended: (i64, i64), counts: &mut Counts) {
        if change.at > intended.1 + MINUTE {
            counts.late += 1;
        }
        let late = self
            .proved
            .iter()
            .any(|&(seq, at)| seq >= intended.0 && at < change.at);
        if late && self.fenced() {
            self.fault(
                change.at,
                "a create took effect after its end was announced",
            );
        }
    }

    fn we_removed(
        &mut self,
        change: &Changed,
        row: Option<&Changed>,
        intended: (i64, i64),
        counts: &mut Counts,
    ) {
        let in_time = change.at <= intended.1 + UNDER_WAY;
        if !in_time && self.fenced() {
            self.fault(change.at, "a delete took effect far too late");
        }
        // What the estate came with is not in the history: nothing of it is ours to take.
        let foreign_since = match row {
            Some(row) if row.by == Party::Stint => return,
            Some(row) => row.at,
            None => i64::MIN,
        };
        if foreign_since >= intended.1 && in_time {
            // A delete once sent cannot be recalled.
            counts.late += 1;
            return;
        }
        if !self.fenced() || !self.up_to_date() {
            return;
        }
        if self.may_be_ours(foreign_since, intended.0) {
            counts.merged += 1;
            return;
        }
        let since = clock(foreign_since);
        self.fault(change.at, format!("standing access of {since} was taken"));
    }

    /// When that delete was intended, could we in good faith have taken this row for ours?
    fn may_be_ours(&self, since: i64, when: i64) -> bool {
        let margin = self.run.lag + MINUTE;
        self.creates.values().any(|create| {
            if create.seq > when {
                return false;
            }
            let refused = create
                .answered
                .is_some_and(|(seq, refused)| refused && seq <= when);
            let unknown_at =
                |seq: i64| create.answered.is_none_or(|(at, _)| at > seq) || !create.definite;
            let over = self.over.iter().find(|(seq, _)| *seq >= create.seq);
            match over {
                Some(&(seq, at)) if seq <= when => {
                    // A lost create: what appears while Stint still looks for it may be it.
                    unknown_at(seq) && since < at + self.run.quarantine + 6 * 60 * MINUTE
                }
                _ => {
                    let near = since >= create.at - margin;
                    // Only rows of this kind carry an id of their own.
                    let apart = self.record.kind == Kind::Membership && !unknown_at(when);
                    near && !apart && !refused
                }
            }
        })
    }

    /// Who stood there, at a moment: certain only where nothing changed at that very moment.
    fn stands(&self, at: i64) -> Option<&Changed> {
        let before = self.record.changes.iter().rfind(|c| c.at < at)?;
        let changed_then = self.record.changes.iter().any(|c| c.at == at);
        (before.came && !changed_then).then_some(before)
    }

    fn announcements(&mut self, counts: &mut Counts) {
        let record = self.record;
        for told in &record.told {
            let standing = self.stands(told.at);
            let ours = standing.is_some_and(|row| row.by == Party::Stint);
            let foreign = standing.is_some() && !ours;
            match told.action.as_str() {
                "binding.absence_proved" if ours && self.fenced() => {
                    self.fault(told.at, "absence announced while our row stands");
                }
                "binding.absence_proved" if foreign => counts.standing_left += 1,
                "grant.ended" => {
                    let remains = told.detail["remains"].as_str().unwrap_or_default();
                    if remains == "standing" && ours && self.up_to_date() {
                        self.fault(told.at, "our own row was left as standing access");
                    }
                    if remains == "standing" {
                        counts.standing_left += 1;
                    }
                    let other = self.live(told).is_some();
                    if remains == "another_grant" {
                        counts.shared += 1;
                        if !other {
                            self.fault(told.at, "access left for another grant, and there is none");
                        }
                    }
                }
                _ => {}
            }
        }
    }

    /// Whether the row stood at any moment of a stretch.
    fn stood(&self, from: i64, to: i64) -> bool {
        let mut standing = false;
        for change in &self.record.changes {
            if change.at > to {
                break;
            }
            if (standing || change.came) && change.at >= from {
                return true;
            }
            standing = change.came;
        }
        standing
    }

    fn windows(&mut self, counts: &mut Counts) {
        let record = self.record;
        for window in &record.windows {
            counts.grants += 1;
            if let Some(at) = window.confirmed_at {
                counts.confirmed += 1;
                if self.up_to_date() && !self.stood(at - self.run.lag - 3 * MINUTE, at) {
                    self.fault(
                        at,
                        format!("grant {} confirmed without any access", window.id),
                    );
                }
            }
            let Some(end) = window.ends_at else { continue };
            match window.ended_at {
                None => self.fault(end, format!("grant {} never ended", window.id)),
                Some(at) if at < end => {
                    self.fault(at, format!("grant {} ended before its window", window.id));
                }
                Some(at) => {
                    let bound = self.bound(window, end);
                    if at > bound {
                        let late = (at - end) / SECOND;
                        let remains = window.remains.clone().unwrap_or_default();
                        self.fault(
                            at,
                            format!(
                                "grant {} ended {late} s after its window ({remains})",
                                window.id
                            ),
                        );
                    }
                }
            }
        }
    }

    /// By when a grant whose window is over here has to have ended.
    fn bound(&self, window: &Window, end: i64) -> i64 {
        // What was lost while it lived has to be waited for after its end; so has what was lost
        // shortly before, for another grant of the pair, and may still come.
        let lost_before = self.creates.values().any(|create| {
            !create.definite
                && create.at <= window.opened_at
                && create.at + FENCE >= window.opened_at
        });
        let reach = if lost_before { FENCE } else { 0 };
        let lived = |from: i64, to: i64| from <= end + BOUND && to + reach >= window.opened_at;
        let troubled = self.run.troubles.iter().any(|&(from, to)| lived(from, to));
        if !troubled {
            return end + BOUND + self.run.lag;
        }
        let mut bound = end + BOUND_AFTER_TROUBLE + self.run.lag;
        for &(from, to) in &self.run.troubles {
            if from <= bound {
                bound = bound.max(to + BOUND_AFTER_TROUBLE + self.run.lag);
            }
        }
        bound
    }

    /// Nobody wants anything any more, AWS answers, everything had time to settle.
    fn last_look(&mut self, _: &mut Counts) {
        let misled = !self.up_to_date() && self.taken_away;
        if let Some(last) = self.record.changes.last()
            && last.came
            && last.by == Party::Stint
            && !misled
        {
            self.fault(last.at, "this row of ours stays for ever");
        }
        if self.record.epoch_open {
            self.fault(0, "the binding never came to rest");
        }
    }
}

/// A moment as the diary writes it: since the world began.
pub(super) fn clock(at: i64) -> String {
    let since = at - stint_testkit::DEFAULT_START.micros();
    let (s, ms) = (since.div_euclid(SECOND), since.rem_euclid(SECOND) / 1_000);
    format!("{:02}:{:02}:{:02}.{ms:03}", s / 3600, s / 60 % 60, s % 60)
}

/// What happened to a pair, in order, for whoever has to understand it.
pub(super) fn diary(record: &Record, people: &[(i64, String)]) -> String {
    let mut lines: Vec<(i64, String)> = people.to_vec();
    for change in &record.changes {
        let verb = if change.came { "came" } else { "went" };
        lines.push((
            change.at,
            format!("AWS: the row {verb}, by {:?}", change.by),
        ));
    }
    for told in &record.told {
        let grant = told.grant.clone().unwrap_or_default();
        lines.push((
            told.at,
            format!("told {} {} {grant} {}", told.seq, told.action, told.detail),
        ));
    }
    lines.sort_by_key(|(at, _)| *at);
    let mut out = String::new();
    for (at, line) in lines {
        let _ = writeln!(out, "{} {line}", clock(at));
    }
    out
}

impl Counts {
    pub(super) fn add(&mut self, other: &Self) {
        let Self {
            runs,
            grants,
            confirmed,
            creates,
            deletes,
            ours_came,
            foreign_came,
            ours_taken_by_others,
            standing_left,
            merged,
            late,
            taken_away,
            presumed,
            adopted,
            stuck,
            proofs,
            shared,
            deaths,
            sleeps,
            jumps,
            refusals,
            met,
            renamed,
            strangers,
            kinds,
        } = other;
        self.runs += runs;
        self.grants += grants;
        self.confirmed += confirmed;
        self.creates += creates;
        self.deletes += deletes;
        self.ours_came += ours_came;
        self.foreign_came += foreign_came;
        self.ours_taken_by_others += ours_taken_by_others;
        self.standing_left += standing_left;
        self.merged += merged;
        self.late += late;
        self.taken_away += taken_away;
        self.presumed += presumed;
        self.adopted += adopted;
        self.stuck += stuck;
        self.proofs += proofs;
        self.shared += shared;
        self.deaths += deaths;
        self.sleeps += sleeps;
        self.jumps += jumps;
        self.refusals += refusals;
        self.met += met;
        self.renamed += renamed;
        self.strangers += strangers;
        for (kind, came) in kinds {
            *self.kinds.entry(*kind).or_default() += came;
        }
    }

    /// Of some dozens of runs, each of these happens in some.
    pub(super) fn worth_something(&self) -> bool {
        self.confirmed > 0
            && self.ours_came > 0
            && self.foreign_came > 0
            && self.standing_left > 0
            && self.taken_away > 0
            && self.presumed > 0
            && self.proofs > 0
            && self.shared > 0
            && self.deaths > 0
            && self.sleeps > 0
            && self.jumps > 0
            && self.refusals > 0
            && self.renamed > 0
            && self.strangers > 0
            && self.kinds.len() == 4
    }
}
