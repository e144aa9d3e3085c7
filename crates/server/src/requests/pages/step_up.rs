//! The password given again, on pages: a field in the form of what wants it. What was typed there is
//! taken before what the form is for; where it is missing or wrong the form comes back as it was
//! filled, but for the password.

use secrecy::SecretString;
use stint_db::Query;
use stint_domain::policy::StepUp;

use super::super::step_up::said;
use super::super::{Error, Request};
use crate::catalog;
use crate::cx::Cx;
use crate::http::{Failure, Fault as _};
use crate::identity::{self, Unproved};
use crate::web::fields::Field;
use crate::web::{Fact, Mistakes, Note};

/// The name of the field.
pub(super) const FIELD: &str = "password";

/// Takes the password, where one was typed. Answers what is wrong with it, at its field.
pub(super) async fn given(
    cx: &Cx,
    typed: Option<SecretString>,
) -> Result<Option<Mistakes>, Failure> {
    let Some(typed) = typed else { return Ok(None) };
    match identity::prove(cx, typed).await {
        Ok(()) => Ok(None),
        Err(error) if error.is_about_the_password() => {
            Ok(Some(Mistakes::at(FIELD, error.detail())))
        }
        Err(error) => Err(error.into()),
    }
}

/// What is said at the field where the password is wanted and was not given of late.
pub(super) fn missing(why: Unproved) -> Mistakes {
    let text = match why {
        Unproved::Stale => {
            "Give your password: this policy wants it again, and you last gave it here more than 5 minutes ago.".to_owned()
        }
        Unproved::Token => why.to_string(),
    };
    Mistakes::at(FIELD, text)
}

/// The field, where whoever asks may have to fill it: `wanted` by the policy, and not given of late.
pub(super) async fn field(
    cx: &Cx,
    wanted: bool,
    mistakes: &Mistakes,
) -> Result<Option<Field>, Error> {
    let wanted = wanted && is_missing(cx, &mut cx.read().await?).await?;
    Ok((wanted || mistakes.has(FIELD)).then(|| plain(mistakes)))
}

/// Whether the caller has not given their password of late.
pub(super) async fn is_missing(cx: &Cx, q: &mut impl Query) -> Result<bool, Error> {
    Ok(identity::unproved(cx, q).await?.is_some())
}

/// The field by itself.
pub(super) fn plain(mistakes: &Mistakes) -> Field {
    Field::password(FIELD, "Your password", "current-password")
        .hint("This policy may want it again from whoever asks: you last gave it here more than 5 minutes ago.")
        .needed()
        .wrong(mistakes)
}

/// Whether it may be wanted of whoever asks for the same now, in an emergency or not.
pub(super) async fn may_be_asked(
    q: &mut impl Query,
    request: &Request,
    emergency: bool,
) -> Result<bool, Error> {
    let offer = catalog::requestable(q, request.beneficiary(), request.entitlement()).await?;
    let offer = match emergency {
        true => offer.and_then(catalog::Offer::in_an_emergency),
        false => offer,
    };
    Ok(offer.is_some_and(|it| it.policy.body.may_step_up_at_asking()))
}

/// What whoever asks reads before they do.
pub(super) fn note(it: StepUp) -> Option<Note> {
    let text = match it {
        StepUp::No => return None,
        StepUp::Asking => "You give your password again when you ask.",
        StepUp::Approving => "Whoever approves gives their password again.",
        StepUp::Both => {
            "You give your password again when you ask, and whoever approves gives theirs."
        }
    };
    Some(Note::info(text))
}

/// The same about a request that was asked.
pub(super) fn fact(request: &Request) -> Option<Fact> {
    said(request.step_up()).map(|words| Fact::new("Password", words))
}
