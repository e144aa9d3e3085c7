//! The judge: a diary of who added what and when, of what was intended and announced, and
//! what must never stand in it. It knows nothing of how the domain decides.

use std::collections::BTreeMap;

use super::aws::{By, Effect, HOUR, MINUTE, Row};
use super::run::Mode;

pub(super) struct Oracle {
    mode: Mode,
    /// How far reads really lag, plus what a worker may take between reading and intending.
    margin: i64,
    pub(super) diary: Vec<String>,
    pub(super) wrong: Vec<String>,
    creates: BTreeMap<u128, Create>,
    deletes: BTreeMap<u128, Moment>,
    /// Announced: absence proved, or access taken away.
    over: Vec<Moment>,
    proved: Vec<Moment>,
    removal: Option<Moment>,
    removals: Vec<(Moment, Moment)>,
    /// Row number → when a reading of ours first recorded it.
    seen: BTreeMap<usize, Moment>,
    grants: BTreeMap<u128, Window>,
    last_removed_by: Option<By>,
    pub(super) counts: Counts,
}

#[derive(Debug, Default, Clone)]
pub(super) struct Counts {
    pub(super) proofs: u64,
    pub(super) taken_away: u64,
    pub(super) presumed: u64,
    pub(super) adopted: u64,
    pub(super) merged: u64,
    pub(super) standing_left: u64,
    pub(super) late_writes: u64,
    pub(super) late_foreign_removals: u64,
    pub(super) stuck: u64,
    pub(super) extended: u64,
    pub(super) lost_claims: u64,
}

/// A time, and the line of the diary: much may happen at one time.
type Moment = (i64, usize);

struct Create {
    intended: Moment,
    /// When a definite answer was recorded, and whether it was a refusal.
    answered: Option<(Moment, bool)>,
    definite: bool,
}

struct Window {
    start: i64,
    end: Option<i64>,
    ended: Option<i64>,
}

/// A grant's stored columns.
pub(super) struct Columns {
    pub(super) id: u128,
    pub(super) start: i64,
    pub(super) duration: Option<i64>,
    pub(super) latest_end: Option<i64>,
    pub(super) confirmed_at: Option<i64>,
    pub(super) closed_at: Option<i64>,
    pub(super) ended_at: Option<i64>,
}

impl Oracle {
    pub(super) fn new(mode: Mode, lag: i64) -> Self {
        Self {
            mode,
            margin: lag + MINUTE,
            diary: Vec::new(),
            wrong: Vec::new(),
            creates: BTreeMap::new(),
            deletes: BTreeMap::new(),
            over: Vec::new(),
            proved: Vec::new(),
            removal: None,
            removals: Vec::new(),
            seen: BTreeMap::new(),
            grants: BTreeMap::new(),
            last_removed_by: None,
            counts: Counts::default(),
        }
    }

    pub(super) fn note(&mut self, now: i64, what: impl AsRef<str>) {
        let (s, ms) = (now / 1_000_000, now / 1_000 % 1_000);
        let line = format!(
            "{:02}:{:02}:{:02}.{ms:03} {}",
            s / 3600,
            s / 60 % 60,
            s % 60,
            what.as_ref()
        );
        self.diary.push(line);
    }

    fn moment(&self, now: i64) -> Moment {
        (now, self.diary.len())
    }

    fn fault(&mut self, now: i64, what: impl AsRef<str>) {
        self.note(now, format!("WRONG: {}", what.as_ref()));
        self.wrong.push(what.as_ref().to_owned());
    }

    pub(super) fn intended_create(&mut self, attempt: u128, now: i64) {
        self.note(now, format!("intend create {attempt}"));
        let live = self
            .grants
            .values()
            .any(|w| w.ended.is_none() && w.start <= now && w.end.is_none_or(|e| now < e));
        if !live {
            self.fault(now, "a create intended outside every window");
        }
        if self.removal.is_some() {
            self.fault(now, "a create intended under a removal decision");
        }
        let create = Create {
            intended: self.moment(now),
            answered: None,
            definite: false,
        };
        self.creates.insert(attempt, create);
    }

    pub(super) fn intended_delete(&mut self, attempt: u128, now: i64) {
        self.note(now, format!("intend delete {attempt}"));
        let moment = self.moment(now);
        self.deletes.insert(attempt, moment);
    }

    /// An answer to a create was recorded. Definite: it says what became of it.
    pub(super) fn answered(&mut self, attempt: u128, refused: bool, made_known: bool, now: i64) {
        let moment = self.moment(now);
        if let Some(create) = self.creates.get_mut(&attempt) {
            create.answered.get_or_insert((moment, refused));
            create.definite |= made_known;
        }
    }

    /// A reading that found this row was recorded.
    pub(super) fn saw(&mut self, row: usize, now: i64) {
        let moment = self.moment(now);
        self.seen.entry(row).or_insert(moment);
    }

    pub(super) fn removal_decided(&mut self, now: i64) {
        self.note(now, "removal decided");
        let moment = self.moment(now);
        self.removal.get_or_insert(moment);
    }

    pub(super) fn effect(&mut self, effect: &Effect, now: i64) {
        match effect {
            Effect::Added(row) => {
                self.note(now, format!("AWS: row {} added by {:?}", row.no, row.by));
                if let By::Us(attempt) = row.by {
                    self.we_added(attempt, now);
                }
            }
            Effect::Removed(row, by) => {
                self.note(now, format!("AWS: row {} removed by {by:?}", row.no));
                self.last_removed_by = Some(*by);
                if let By::Us(attempt) = by {
                    self.we_removed(row, *attempt, now);
                }
            }
        }
    }

    fn we_added(&mut self, attempt: u128, now: i64) {
        let intended = self.creates[&attempt].intended;
        if now > intended.0 + MINUTE {
            self.counts.late_writes += 1;
        }
        let late = self.proved.iter().any(|&t| t >= intended);
        if late && self.mode != Mode::FenceBroken {
            self.fault(now, format!("create {attempt} took effect after Ended"));
        }
    }

    fn we_removed(&mut self, row: &Row, attempt: u128, now: i64) {
        let intended = self.deletes[&attempt];
        let in_time = now <= intended.0 + 26 * MINUTE;
        if !in_time && self.mode != Mode::FenceBroken {
            self.fault(now, format!("delete {attempt} took effect far too late"));
        }
        if row.by != By::Admin {
            return;
        }
        if row.added_at >= intended.0 && in_time {
            self.counts.late_foreign_removals += 1;
            return;
        }
        if matches!(self.mode, Mode::Lag(_) | Mode::FenceBroken) {
            return;
        }
        let decided = self.removal.is_some_and(|at| at <= intended)
            || (self.removals.iter()).any(|&(from, to)| from <= intended && intended <= to);
        if decided {
            return;
        }
        if self.may_be_ours(row, intended) {
            self.counts.merged += 1;
            return;
        }
        self.fault(
            now,
            format!("standing row {} removed by delete {attempt}", row.no),
        );
    }

    /// At `when`, could we in good faith have taken this row of an administrator's for ours?
    fn may_be_ours(&self, row: &Row, when: Moment) -> bool {
        self.creates.values().any(|c| {
            let refused = c
                .answered
                .is_some_and(|(at, refused)| refused && at <= when);
            if c.intended > when {
                return false;
            }
            let next_over = self.over.iter().copied().find(|&t| t >= c.intended);
            let unknown_at = |t: Moment| c.answered.is_none_or(|(at, _)| at > t) || !c.definite;
            let same_epoch = next_over.is_none_or(|t| t > when);
            if same_epoch {
                let unseen = self.seen.get(&row.no).is_none_or(|&t| t > c.intended);
                let near = row.added_at >= c.intended.0 - self.margin;
                let told_apart = self.mode == Mode::Membership && !unknown_at(when);
                return unseen && near && !told_apart && !refused;
            }
            // A lost create: what appears within a day after may be it.
            next_over.is_some_and(|t| unknown_at(t) && row.added_at < t.0 + 30 * HOUR)
        })
    }

    pub(super) fn absence_proved(&mut self, standing: Option<&Row>, now: i64) {
        self.note(now, "announced: Ended");
        self.counts.proofs += 1;
        if let Some(row) = standing
            && row.by != By::Admin
            && self.mode != Mode::FenceBroken
        {
            self.fault(now, format!("Ended while our row {} stands", row.no));
        }
        if standing.is_some() {
            self.counts.standing_left += 1;
        }
        if let Some(from) = self.removal.take() {
            let to = self.moment(now);
            self.removals.push((from, to));
        }
        let moment = self.moment(now);
        self.over.push(moment);
        self.proved.push(moment);
    }

    pub(super) fn taken_away(&mut self, denying: bool, now: i64) {
        self.note(now, "announced: taken away in AWS");
        self.counts.taken_away += 1;
        let admin = self.last_removed_by == Some(By::Admin);
        let trusted = !matches!(self.mode, Mode::Lag(_) | Mode::FenceBroken);
        if !admin && !denying && trusted {
            self.fault(now, "announced as taken away, but nobody took it");
        }
        let moment = self.moment(now);
        self.over.push(moment);
    }

    pub(super) fn confirmed(&mut self, grant: u128, stood: bool, now: i64) {
        self.note(now, format!("announced: grant {grant} is there"));
        if !stood && !matches!(self.mode, Mode::Lag(_)) {
            self.fault(now, format!("grant {grant} confirmed without any access"));
        }
    }

    /// A grant is announced as ended; `stands`: with access that stands without us.
    pub(super) fn grant_ended(&mut self, grant: u128, stands: bool, row: Option<&Row>, now: i64) {
        self.note(now, format!("announced: grant {grant} has ended"));
        if stands && row.is_some_and(|r| r.by != By::Admin) && !matches!(self.mode, Mode::Lag(_)) {
            self.fault(
                now,
                format!("grant {grant} left our own row as standing access"),
            );
        }
    }

    /// The stored columns of a grant after a transaction.
    pub(super) fn grant(&mut self, c: &Columns, now: i64) {
        let counted = match (c.confirmed_at, c.duration) {
            (Some(at), Some(length)) => Some(at + length),
            _ => None,
        };
        let end = [counted, c.latest_end, c.closed_at]
            .into_iter()
            .flatten()
            .min();
        let before = self.grants.insert(
            c.id,
            Window {
                start: c.start,
                end,
                ended: c.ended_at,
            },
        );
        let id = c.id;
        if c.ended_at.is_some() && end.is_none_or(|e| e > now) {
            self.fault(now, format!("grant {id} ended before its window"));
        }
        let Some(before) = before else { return };
        let later = match (before.end, end) {
            (Some(was), Some(is)) => is > was,
            (Some(_), None) => true,
            (None, _) => false,
        };
        if later || before.start != c.start {
            self.fault(now, format!("the window of grant {id} moved later"));
        }
        if before.ended.is_some() && before.ended != c.ended_at {
            self.fault(now, format!("grant {id} ended twice"));
        }
    }

    /// Nobody wants anything any more, AWS answers, everything had time to settle.
    pub(super) fn last_look(&mut self, standing: Option<&Row>, epoch_open: bool, now: i64) {
        let open: Vec<u128> = self
            .grants
            .iter()
            .filter(|(_, w)| w.ended.is_none())
            .map(|(&id, _)| id)
            .collect();
        if !open.is_empty() {
            self.fault(now, format!("grants {open:?} never ended"));
        }
        if epoch_open {
            self.fault(now, "the epoch never ended");
        }
        // Where reads lag behind the belief, an interruption may be announced in error.
        let misled = matches!(self.mode, Mode::Lag(_)) && self.counts.taken_away > 0;
        if let Some(row) = standing
            && row.by != By::Admin
            && !misled
        {
            self.fault(now, format!("our row {} stays for ever", row.no));
        }
    }
}
