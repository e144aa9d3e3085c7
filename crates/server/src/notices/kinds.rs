//! The kinds of notices there are: their words, and what a person switches on and off.

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $word:literal, $title:literal, $about:literal;)*) => {
        /// A kind of notice.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind {
            $($(#[$doc])* $name,)*
        }

        impl Kind {
            /// Every kind, in the order people are shown them.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The stable words, in the same order.
            pub const WORDS: &[&str] = &[$($word),*];

            /// The stable word, as stored and sent.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// What it is called, for people.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }

            /// Who gets it and when it goes, in a sentence.
            pub const fn about(self) -> &'static str {
                match self { $(Self::$name => $about,)* }
            }

            /// Whether nobody can switch it off.
            pub const fn always(self) -> bool {
                matches!(self, Self::EmergencyAsked | Self::EmergencyGiven | Self::EmergencyReview)
            }

            /// The kind this word stands for, if any: a later version may have written others.
            pub fn parse(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|kind| kind.as_str() == word)
            }
        }
    };
}

kinds! {
    /// A request waits at a step whose approver one is.
    ApprovalWaiting = "approval_waiting", "A request waits for me",
        "When a request reaches a step you can decide; gone once it needs you no more.";
    /// Somebody asks for emergency access of which one is told at once.
    EmergencyAsked = "emergency_asked", "Somebody asks for emergency access",
        "At once, in the groups its policy tells; gone once it is answered. Always told.";
    /// Emergency access was given.
    EmergencyGiven = "emergency_given", "Emergency access was given",
        "At once, in the groups its policy tells. Always told.";
    /// Emergency access waits for one's review.
    EmergencyReview = "emergency_review", "Emergency access waits for my review",
        "Once it is given, and once more when the time for it is over; gone once somebody has closed it. Always told.";
    /// Access until it is revoked waits for one's answer whether it is still needed.
    AccessReview = "access_review", "Access until revoked waits for my answer",
        "As an owner of its connection or application, when its review comes and once more before its end; gone once somebody has answered.";
    /// Somebody asked for one.
    AskedForMe = "asked_for_me", "Somebody asks for access for me",
        "When somebody who may does; gone once it is answered.";
    /// What one asked for was approved.
    RequestApproved = "request_approved", "My request was approved",
        "Gone once the access is there.";
    /// It was denied.
    RequestDenied = "request_denied", "My request was denied",
        "With the reason.";
    /// Somebody else took it back.
    RequestCancelled = "request_cancelled", "Somebody cancelled my request",
        "Not when you cancel it yourself.";
    /// Somebody asked whoever asked for access.
    RequestQuestion = "request_question", "Somebody has a question about my request",
        "Gone once you have answered by a comment.";
    /// Somebody said something about a request one has to do with.
    RequestComment = "request_comment", "Somebody commented",
        "On what you asked for, decided or commented on.";
    /// The access is there.
    AccessReady = "access_ready", "My access is there",
        "With its end; gone once it is over.";
    /// It ends soon.
    AccessEnding = "access_ending", "My access ends soon",
        "With a button to extend it; gone once it is extended or over.";
    /// Its owners are asked whether it is still needed.
    AccessReviewed = "access_reviewed", "My access until revoked is reviewed",
        "When its owners are asked whether it is still needed; gone once somebody has answered.";
    /// It was approved and never given.
    AccessFailed = "access_failed", "My access could not be given",
        "With what AWS said.";
    /// Somebody else ended it before its time.
    AccessRemoved = "access_removed", "Somebody ended my access early",
        "Not when you return it yourself.";
    /// Somebody took it away in AWS.
    AccessTakenAway = "access_taken_away", "My access was taken away in AWS",
        "Stint does not put it back by itself.";
    /// Somebody lets one decide for them, or an administrator wrote it down.
    Delegation = "delegation", "Somebody lets me decide for them",
        "And when an administrator lets somebody decide for you; gone once it is ended.";
    /// AWS refuses a removal.
    RemovalStuck = "removal_stuck", "AWS refuses to remove access",
        "For owners of the connection, Connection Admins and Super Admins.";
    /// A connection one answers for fails a test, having passed one before.
    TestFailed = "connection_test_failed", "A connection fails its test",
        "As one who answers for it, when it passed before, such as after its credential was replaced; gone once it passes.";
    /// A sync of a connection one answers for failed.
    SyncFailed = "sync_failed", "A sync fails",
        "As one who answers for the connection: one for all failures of the same kind in a row; gone once a sync does not fail.";
    /// A sync of a connection one answers for found too much gone.
    SyncHeld = "sync_held", "A sync waits for a decision",
        "As one who answers for the connection, with how much it would end; gone once somebody has decided.";
    /// A connection one answers for has had no full sync for too long.
    SyncOverdue = "sync_overdue", "A connection is out of date",
        "As one who answers for it, when there was no full sync for three times as long as it should be between two; gone once there is one.";
    /// A connection works again of whose trouble one was told.
    ConnectionWorks = "connection_works", "A connection works again",
        "When you were told that it did not; gone once it does not again.";
}
