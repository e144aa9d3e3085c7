//! What the pages of this room show: plain words, ready. Nothing here knows the domain.

use askama::Template;

use crate::grants::Revoke;
use crate::web::fields::{Choose, Field, Length, Part};
use crate::web::filters;
use crate::web::{
    Chain, Chip, Copyable, Empty, Facts, List, Mistakes, Note, Pager, Tabs, TimeLeft, Timeline,
    When, WhenBoth,
};

/// `GET /request`: search what one may ask for.
#[derive(Debug, Clone, Template)]
#[template(path = "requests/offers.html")]
pub(crate) struct Offers {
    /// What was searched for.
    pub(crate) q: String,
    /// How much there is on all pages together.
    pub(crate) total: String,
    /// For whom, where that is somebody else.
    pub(crate) whom: Option<Whom>,
    /// Where somebody else is chosen, for who may ask for others.
    pub(crate) others: Option<String>,
    pub(crate) rows: Vec<OfferRow>,
    pub(crate) pager: Pager,
    /// Shown when there is no row.
    pub(crate) empty: Empty,
}

/// `GET /request/people`: those for whom one may ask.
#[derive(Debug, Clone, Template)]
#[template(path = "requests/people.html")]
pub(crate) struct ForWhom {
    /// What was searched for.
    pub(crate) q: String,
    /// For what, where that was said first.
    pub(crate) what: Option<String>,
    pub(crate) back: String,
    pub(crate) rows: Vec<ForWhomRow>,
    pub(crate) pager: Pager,
    /// Shown when there is no row.
    pub(crate) empty: Empty,
}

/// Somebody for whom one may ask.
#[derive(Debug, Clone)]
pub(crate) struct ForWhomRow {
    pub(crate) href: String,
    pub(crate) name: String,
    pub(crate) email: String,
}

/// Somebody else for whom it is asked.
#[derive(Debug, Clone)]
pub(crate) struct Whom {
    /// What a form sends for them.
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) email: String,
}

/// One thing that can be asked for.
#[derive(Debug, Clone)]
pub(crate) struct OfferRow {
    pub(crate) href: String,
    /// What a form sends for it.
    pub(crate) value: String,
    /// `AdministratorAccess on prod-payments`
    pub(crate) what: String,
    /// The account's number, or what kind of thing it is.
    pub(crate) place: String,
    /// Who would decide, in a line.
    pub(crate) decided_by: String,
    /// `at most 4 h`
    pub(crate) longest: String,
    /// How long at most in an emergency, where that may be asked for.
    pub(crate) emergency: Option<String>,
}

/// `POST /request`: the form for several things.
#[derive(Debug, Clone, Template)]
#[template(path = "requests/several.html")]
pub(crate) struct Several {
    pub(crate) rows: Vec<SeveralRow>,
    /// For whom, where that is somebody else.
    pub(crate) whom: Option<Whom>,
    pub(crate) length: Length,
    pub(crate) reason: Field,
    /// Only where the policy of one of them asks for a ticket.
    pub(crate) ticket: Option<Field>,
    /// Only where one of them may want the password again, and it was not given of late.
    pub(crate) password: Option<Field>,
    pub(crate) start: Field,
    pub(crate) mistakes: Mistakes,
}

/// One of several things.
#[derive(Debug, Clone)]
pub(crate) struct SeveralRow {
    pub(crate) value: String,
    pub(crate) what: String,
    pub(crate) place: String,
    pub(crate) decided_by: String,
    pub(crate) longest: String,
    /// What is wrong with it.
    pub(crate) wrong: Vec<String>,
}

/// `GET /submissions/{id}`: what became of each.
#[derive(Debug, Clone, Template)]
#[template(path = "requests/submission.html")]
pub(crate) struct Submission {
    pub(crate) path: String,
    pub(crate) who: String,
    pub(crate) when: WhenBoth,
    pub(crate) rows: Vec<RequestRow>,
    /// Where all that wait are cancelled, for who may.
    pub(crate) cancel: Option<String>,
    /// Seconds until the page looks again by itself.
    pub(crate) poll: Option<u32>,
}

/// A length of time to choose.
#[derive(Debug, Clone)]
pub(crate) struct Choice {
    /// What the form sends.
    pub(crate) value: String,
    /// What people read.
    pub(crate) word: String,
    pub(crate) chosen: bool,
}

/// For whom it is asked.
#[derive(Debug, Clone)]
pub(crate) struct Whose {
    /// For an Identity Center group, not for the person.
    pub(crate) for_group: bool,
    /// Which.
    pub(crate) group: Choose,
}

/// `GET /request/{entitlement}`: the form, with who will have to approve beside it.
#[derive(Debug, Clone, Template)]
#[template(path = "requests/ask.html")]
pub(crate) struct Ask {
    /// Whether what holds may hang on the length: then it is looked at again with each.
    pub(crate) special: bool,
    pub(crate) action: String,
    pub(crate) what: String,
    /// `4 h`
    pub(crate) longest: String,
    /// For whom, where that is somebody else.
    pub(crate) whom: Option<Whom>,
    /// Where somebody else is chosen, for who may ask for others.
    pub(crate) others: Option<String>,
    /// Only for who may ask for a group.
    pub(crate) whose: Option<Whose>,
    pub(crate) choices: Vec<Choice>,
    /// Whether it may be had until it is revoked, and whether that is chosen.
    pub(crate) may_last: bool,
    pub(crate) until_revoked: bool,
    /// Whether "another length" is chosen, with its two numbers.
    pub(crate) other: bool,
    pub(crate) hours: String,
    pub(crate) minutes: String,
    /// Whether the policy wants one.
    pub(crate) reason_wanted: bool,
    pub(crate) reason: String,
    /// Only where the policy asks for a ticket.
    pub(crate) ticket: Option<Field>,
    /// Only where the policy wants the password again, and it was not given of late.
    pub(crate) password: Option<Field>,
    /// Whether a later start is chosen, and which.
    pub(crate) later: bool,
    pub(crate) start: String,
    /// The earliest start the field offers (`2026-11-23T14:12`).
    pub(crate) earliest: String,
    /// Said beside the field.
    pub(crate) now: When,
    pub(crate) mistakes: Mistakes,
    pub(crate) verdict: Verdict,
    pub(crate) facts: Facts,
    /// What emergency access means, where it is asked for.
    pub(crate) emergency: Option<Note>,
    /// Where it is asked for in an emergency instead, and how long at most then.
    pub(crate) way_in: Option<(String, String)>,
    /// Why it cannot be asked for, and who can mend that; hides the form.
    pub(crate) blocked: Option<Note>,
}

/// Who would have to approve, and why, before anything is sent.
#[derive(Debug, Clone)]
pub(crate) struct Verdict {
    /// `Two steps` / `Nobody: approved at once`.
    pub(crate) title: String,
    /// Why: which policy and version.
    pub(crate) why: String,
    pub(crate) chain: Chain,
    pub(crate) notes: Vec<Note>,
}

/// One request in a list.
#[derive(Debug, Clone)]
pub(crate) struct RequestRow {
    pub(crate) href: String,
    pub(crate) what: String,
    /// Where it stands, in a sentence.
    pub(crate) line: String,
    pub(crate) chip: Chip,
    /// That it was asked in an emergency.
    pub(crate) emergency: Option<Chip>,
    pub(crate) asked: WhenBoth,
}

/// `GET /requests`: one's own requests.
#[derive(Debug, Clone, Template)]
#[template(path = "requests/mine.html")]
pub(crate) struct Mine {
    /// Mine and everybody's, for who may see those.
    pub(crate) tabs: Option<Tabs>,
    pub(crate) list: List,
    pub(crate) rows: Vec<RequestRow>,
}

/// `GET /approvals`: what waits for this person's decision, with what they need to decide.
#[derive(Debug, Clone, Template)]
#[template(path = "requests/inbox.html")]
pub(crate) struct Inbox {
    pub(crate) cards: Vec<InboxCard>,
    pub(crate) pager: Pager,
    pub(crate) empty: Empty,
}

/// One request to decide on.
#[derive(Debug, Clone)]
pub(crate) struct InboxCard {
    pub(crate) href: String,
    pub(crate) what: String,
    pub(crate) place: String,
    pub(crate) who: String,
    pub(crate) initials: String,
    pub(crate) email: String,
    /// That it was asked in an emergency.
    pub(crate) emergency: Option<Chip>,
    pub(crate) asked: When,
    pub(crate) reason: String,
    /// `2 h, from when it is approved`
    pub(crate) duration: String,
    pub(crate) context: Facts,
    pub(crate) decide: Decide,
}

/// The form that approves or denies.
#[derive(Debug, Clone)]
pub(crate) struct Decide {
    /// Unique on the page.
    pub(crate) key: String,
    pub(crate) approve: String,
    pub(crate) deny: String,
    /// Where to return to.
    pub(crate) back: String,
    /// What the decision counts for: `Step 1 of 2: one of Platform`.
    pub(crate) step: String,
    pub(crate) comment: String,
    /// Whether approving takes the password, which was not given of late.
    pub(crate) password: bool,
    pub(crate) mistakes: Mistakes,
    /// `Approve 2 h`: what the button would do.
    pub(crate) word: String,
    /// Where the place is handed on, where the policy lets one.
    pub(crate) hand_on: Option<String>,
}

/// The form that asks for access to go on.
#[derive(Debug, Clone)]
pub(crate) struct Extend {
    pub(crate) action: String,
    /// Where one goes if it cannot be.
    pub(crate) back: String,
    /// As long as it was asked for.
    pub(crate) length: Length,
    /// Why it was asked for.
    pub(crate) reason: String,
    /// The ticket it was asked for with, or that one was asked for.
    pub(crate) ticket: Option<String>,
    /// Whether asking may take the password, which was not given of late.
    pub(crate) password: bool,
}

/// Something that is asked once before it is done.
#[derive(Debug, Clone)]
pub(crate) struct AskOnce {
    pub(crate) action: String,
    /// What will change, exactly.
    pub(crate) says: String,
}

/// `GET /requests/{id}`: the request with its chain and everything that happened.
#[derive(Debug, Clone, Template)]
#[template(path = "requests/show.html")]
pub(crate) struct Show {
    pub(crate) path: String,
    pub(crate) id: Copyable,
    pub(crate) what: String,
    pub(crate) chip: Chip,
    /// That it was asked in an emergency.
    pub(crate) emergency: Option<Chip>,
    /// Where it is raised to emergency access, for who may.
    pub(crate) raise: Option<String>,
    /// Where a place in it is handed on, for an administrator whose own decision has no link there.
    pub(crate) reassign: Option<String>,
    pub(crate) left: Option<TimeLeft>,
    /// Which policy and version decided.
    pub(crate) policy: String,
    pub(crate) chain: Chain,
    pub(crate) notes: Vec<Note>,
    pub(crate) timeline: Timeline,
    pub(crate) facts: Facts,
    /// For who decides: what they need to know.
    pub(crate) context: Option<Facts>,
    pub(crate) decide: Option<Decide>,
    pub(crate) cancel: Option<AskOnce>,
    pub(crate) give_back: Option<AskOnce>,
    /// Where one comments, for who may, and whether one can ask who asked.
    pub(crate) comment: Option<(String, bool)>,
    /// Where the same is asked for again, for who asked.
    pub(crate) again: Option<String>,
    /// For whoever may have it go on.
    pub(crate) extend: Option<Extend>,
    pub(crate) revoke: Option<Revoke>,
    /// Seconds until the page looks again by itself, while something is in motion.
    pub(crate) poll: Option<u32>,
}

/// `GET /emergency-reviews`: what was given in emergencies. `GET /until-revoked`: access until it is
/// revoked, when its review has come.
#[derive(Debug, Clone, Template)]
#[template(path = "requests/reviews.html")]
pub(crate) struct Reviews {
    pub(crate) title: &'static str,
    pub(crate) lead: &'static str,
    /// What the two times of a row are called.
    pub(crate) times: [&'static str; 2],
    pub(crate) list: List,
    pub(crate) rows: Vec<ReviewRow>,
}

impl Reviews {
    /// Of emergency access.
    pub(crate) const fn emergency(list: List, rows: Vec<ReviewRow>) -> Self {
        Self {
            title: "Emergency reviews",
            lead: "What was given in an emergency, and whether it was justified. A review holds nothing up: access ends at its time all the same.",
            times: ["Given", "Due"],
            list,
            rows,
        }
    }

    /// Of access until it is revoked.
    pub(crate) const fn kept(list: List, rows: Vec<ReviewRow>) -> Self {
        Self {
            title: "Until revoked",
            lead: "Access without a time limit, when its review has come: is it still needed? Where nobody says so within 14 days, it ends.",
            times: ["Review", "Ends"],
            list,
            rows,
        }
    }
}

/// One review.
#[derive(Debug, Clone)]
pub(crate) struct ReviewRow {
    pub(crate) href: String,
    pub(crate) what: String,
    pub(crate) place: String,
    pub(crate) who: String,
    pub(crate) reason: String,
    pub(crate) chip: Chip,
    /// What who closed or answered it says.
    pub(crate) said: String,
    /// When what it is about was given, or the review came.
    pub(crate) began: WhenBoth,
    /// When it should be over.
    pub(crate) due: WhenBoth,
}

/// `GET /emergency-reviews/{id}`
#[derive(Debug, Clone, Template)]
#[template(path = "requests/review.html")]
pub(crate) struct ShowReview {
    pub(crate) what: String,
    pub(crate) chip: Chip,
    pub(crate) facts: Facts,
    /// Why the reader does not close it.
    pub(crate) why_not: Option<Note>,
    /// For who may close it.
    pub(crate) form: Option<CloseReview>,
    pub(crate) mistakes: Mistakes,
}

/// `GET /until-revoked/{id}`
#[derive(Debug, Clone, Template)]
#[template(path = "requests/kept_review.html")]
pub(crate) struct ShowKept {
    pub(crate) what: String,
    pub(crate) chip: Chip,
    pub(crate) facts: Facts,
    /// Why the reader does not answer it.
    pub(crate) why_not: Option<Note>,
    /// For who may answer it.
    pub(crate) form: Option<AnswerKept>,
    pub(crate) mistakes: Mistakes,
}

/// The form that says whether it is still needed.
#[derive(Debug, Clone)]
pub(crate) struct AnswerKept {
    pub(crate) keep: String,
    pub(crate) close: String,
    /// The grant whose review is looked at.
    pub(crate) grant: String,
    pub(crate) parts: Vec<Part>,
}

/// The form that closes a review.
#[derive(Debug, Clone)]
pub(crate) struct CloseReview {
    pub(crate) action: String,
    pub(crate) parts: Vec<Part>,
}
