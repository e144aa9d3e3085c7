//! That a policy is for emergencies, in the form: who is told at once, and who reviews.

use stint_domain::Span;
use stint_domain::policy::{Emergency, REVIEW_WITHIN};

use crate::cx::Cx;
use crate::identity;
use crate::web::fields::{Choose, Length, Part, Tick};
use crate::web::{Mistakes, Picked, Sent};

/// What stands in the form about it.
#[derive(Clone)]
pub(super) struct EmergencyFilled {
    pub(super) on: bool,
    tell: Picked,
    review: Picked,
    within: (String, String),
    read: Result<Option<Span>, &'static str>,
}

impl Default for EmergencyFilled {
    fn default() -> Self {
        Self {
            on: false,
            tell: Picked::default(),
            review: Picked::default(),
            within: Length::values(Some(REVIEW_WITHIN)),
            read: Ok(Some(REVIEW_WITHIN)),
        }
    }
}

impl EmergencyFilled {
    pub(super) fn of(emergency: Option<&Emergency>) -> Self {
        let Some(it) = emergency else {
            return Self::default();
        };
        Self {
            on: true,
            tell: Picked::of(&it.tell),
            review: Picked::of(&it.review),
            within: Length::values(Some(it.within)),
            read: Ok(Some(it.within)),
        }
    }

    pub(super) fn sent(sent: &Sent) -> Self {
        Self {
            on: sent.ticked("emergency"),
            tell: sent.picked("tell", false),
            review: sent.picked("review", false),
            within: (
                sent.text("within").to_owned(),
                sent.text("within.unit").to_owned(),
            ),
            read: sent.length("within"),
        }
    }

    /// What it stands for; nothing where the policy is for no emergencies, whatever else is chosen.
    pub(super) fn read(&self, mistakes: &mut Mistakes) -> Option<Emergency> {
        if !self.on {
            return None;
        }
        let within = self.read.unwrap_or_else(|why| {
            mistakes.add("within", why);
            None
        });
        Some(Emergency {
            tell: self.tell.read().into_iter().collect(),
            review: self.review.read().into_iter().collect(),
            within: within.unwrap_or(REVIEW_WITHIN),
        })
    }

    /// Its fields. Whether a policy is for emergencies is said when it is made, and never changes:
    /// `exists` leaves the question out.
    pub(super) async fn form(
        &self,
        cx: &Cx,
        exists: bool,
        action: &str,
        mistakes: &Mistakes,
    ) -> Result<Vec<Part>, identity::Error> {
        let mut parts: Vec<Part> = Vec::new();
        if !exists {
            let tick = Tick::new("emergency", "It is for emergency access", self.on).hint(
                "Beside an ordinary policy, for shorter access with fewer approvals: always with a reason, told at once, and reviewed afterwards. It cannot be changed later.",
            );
            parts.push(tick.into());
        }
        let tell = Choose::new("tell", "Who is told at once", "groups", action)
            .hint("For emergency access. Everybody in these groups gets a notice when it is asked, and when it is given.")
            .nothing("No group.")
            .wrong(mistakes);
        let review = Choose::new("review", "Who reviews it afterwards", "groups", action)
            .hint(
                "One of them says whether it was justified: nobody who asked, held or approved it.",
            )
            .nothing("Those who are told.")
            .wrong(mistakes);
        let within = Length::new("within", "Reviewed within")
            .hint("Counted from when it is given; then those who review are reminded.")
            .value(self.within.clone())
            .wrong(mistakes);
        parts.push(identity::choose_groups(cx, tell, &self.tell).await?.into());
        parts.push(
            identity::choose_groups(cx, review, &self.review)
                .await?
                .into(),
        );
        parts.push(within.into());
        Ok(parts)
    }
}
