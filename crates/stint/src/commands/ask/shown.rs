//! A request, as the shell shows it.

use stint_api::requests::{Request, RequestLine};
use stint_domain::Span;

use super::{at_deadline, standing};
use crate::client::Server;
use crate::exit::Failure;
use crate::out;

use super::super::emergency::reviewed;
use super::super::short;

/// What it is about and who would hold it, in a line.
pub(super) fn both(line: &RequestLine) -> String {
    format!("{} for {}", line.entitlement.name, holder(line))
}

/// Who would hold it: one person, or everybody in a group.
pub(super) fn holder(line: &RequestLine) -> String {
    match &line.group {
        Some(group) => format!(
            "the group {} (asked by {})",
            group.name, line.requester.name
        ),
        None if line.beneficiary.id != line.requester.id => {
            format!(
                "{} (asked by {})",
                line.beneficiary.name, line.requester.name
            )
        }
        None => line.beneficiary.name.clone(),
    }
}

pub(super) fn show(server: &Server, request: &Request) -> Result<(), Failure> {
    if server.json {
        return out::json(request);
    }
    let line = &request.line;
    out::line(&format!("{}  {}", line.id, marked(line)))?;
    out::line(&format!("{}, {}", both(line), how_long(line)))?;
    if let Some(ticket) = &line.ticket {
        let link = line.ticket_link.as_deref().unwrap_or_default();
        out::line(format!("ticket {ticket}  {link}").trim_end())?;
    }
    if let Some(when) = &request.step_up {
        out::line(&format!("the password again: {}", given_by(when)))?;
    }
    if let Some(group) = &request.group_members {
        out::line(&format!("{} in the group would hold it", group.count))?;
    }
    if let Some(from) = &line.raised_from {
        out::line(&format!("raised from {from}"))?;
    }
    if let Some(to) = &request.raised_to {
        out::line(&format!("raised to {to}"))?;
    }
    if let Some(waiting) = &request.waiting {
        out::line(&standing(request))?;
        let now = request.steps.iter().find(|step| step.state == "now");
        let deadline = now.and_then(|step| step.deadline.as_ref());
        if let (Some(until), Some(deadline)) = (&waiting.until, deadline) {
            let then = at_deadline(deadline, &request.others);
            out::line(&format!("until {}, then {then}", short(until)))?;
        }
    }
    if let Some(review) = &request.review {
        out::line(&format!("emergency review: {}", reviewed(review)))?;
    }
    for grant in &request.grants {
        let review = grant.until_revoked.as_ref();
        let review = review.and_then(|it| it.review_at.as_deref());
        let end = match (review, grant.end.as_deref()) {
            (Some(at), _)
                if matches!(
                    grant.status.as_str(),
                    "scheduled" | "provisioning" | "active"
                ) =>
            {
                format!(", until revoked, reviewed {}", short(at))
            }
            (_, Some(end)) => format!(", ends {}", short(end)),
            (_, None) => String::new(),
        };
        out::line(&format!("{}  {}{end}", grant.id, grant.status))?;
    }
    for happening in &request.timeline {
        let aws = happening
            .aws_request_id
            .as_deref()
            .map_or_else(String::new, |id| format!("  [AWS {id}]"));
        out::line(&format!(
            "  {}  {}{aws}",
            short(&happening.at),
            happening.text
        ))?;
    }
    Ok(())
}

/// Who gives their password again, in words.
pub(super) fn given_by(when: &str) -> &str {
    match when {
        "asking" => "given by whoever asks",
        "approving" => "given by whoever approves",
        "both" => "given by whoever asks, and by whoever approves",
        other => other,
    }
}

/// For how long it is asked for.
pub(super) fn how_long(line: &RequestLine) -> String {
    match line.review_every_seconds {
        Some(every) => format!("until revoked, reviewed every {}", Span::seconds(every)),
        None => Span::seconds(line.duration_seconds).to_string(),
    }
}

/// The state, and that it was asked in an emergency.
pub(super) fn marked(line: &RequestLine) -> String {
    if line.emergency {
        format!("{}, EMERGENCY", line.state)
    } else {
        line.state.clone()
    }
}

pub(super) fn listed(names: &[&str]) -> String {
    if names.is_empty() {
        "nobody".to_owned()
    } else {
        names.join(", ")
    }
}
