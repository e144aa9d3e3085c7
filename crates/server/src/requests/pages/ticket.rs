//! The ticket of a request, on pages.

use stint_db::Query;
use stint_domain::policy::{LONGEST_TICKET, Ticket, TicketAsked, TicketRule};

use super::super::{Error, Request};
use crate::catalog;
use crate::web::fields::Field;
use crate::web::{Fact, Mistakes};

/// The field, where a ticket is asked for.
pub(super) fn field(rule: &Ticket<'_>, given: &str, mistakes: &Mistakes) -> Option<Field> {
    let asked = rule.asked;
    if asked == TicketAsked::No {
        return None;
    }
    let mut field = Field::line("ticket", "Which ticket is it about?")
        .hint(rule.hint.unwrap_or("Its number, as your tracker has it."))
        .value(given)
        .longest(LONGEST_TICKET)
        .wrong(mistakes);
    if asked == TicketAsked::Required {
        // What else is missing is said with it: the browser is not to insist.
        field = field.needed();
    }
    Some(field)
}

/// How a ticket may have to be given where the same is asked for now, in an emergency or not;
/// nothing where none is.
pub(super) async fn may_be_asked(
    q: &mut impl Query,
    request: &Request,
    emergency: bool,
) -> Result<Option<TicketRule>, Error> {
    let offer = catalog::requestable(q, request.beneficiary(), request.entitlement()).await?;
    let offer = match emergency {
        true => offer.and_then(catalog::Offer::in_an_emergency),
        false => offer,
    };
    Ok(offer.and_then(|it| Some(it.policy.body.asks_for_ticket()?.to_rule())))
}

/// What was written, and where it is looked up.
pub(super) fn fact(request: &Request) -> Option<Fact> {
    let ticket = request.ticket.as_deref()?;
    let fact = Fact::new("Ticket", ticket);
    Some(match request.ticket_link() {
        Some(link) => {
            let words = format!("Open it at {}", host(&link));
            fact.outside(link, words)
        }
        None => fact,
    })
}

/// Whose address it is.
fn host(link: &str) -> &str {
    let rest = link.strip_prefix("https://").unwrap_or(link);
    rest.split(['/', '?', '#']).next().unwrap_or(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_decides_reads_where_a_link_leads() {
        for link in [
            "https://tracker.example/browse/A",
            "https://tracker.example?id=A",
            "https://tracker.example#A",
        ] {
            assert_eq!(host(link), "tracker.example");
        }
    }
}
