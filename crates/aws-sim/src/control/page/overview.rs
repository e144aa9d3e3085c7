//! The first page: the clock, what there is, the last calls, addresses and keys, SCIM tokens.

use serde_json::Value;

use super::parts::{button, facts, form, input, section, table};
use super::{journal, parts};
use crate::clock::iso;
use crate::journal::Wanted;
use crate::sim::Sim;
use crate::wire::escape;

/// How far a click moves the clock, in seconds.
const STEPS: &[(&str, &str)] = &[
    ("60", "1 minute"),
    ("900", "15 minutes"),
    ("3600", "1 hour"),
    ("28800", "8 hours"),
    ("86400", "1 day"),
];

/// With a token that was just made, its secret.
pub(super) fn page(sim: &Sim, made: Option<&Value>) -> String {
    let lead = format!(
        "<p class=\"lead\">{} calls so far; {} operations are simulated. Everything here is forgotten when the program ends.</p>",
        sim.calls(),
        crate::operations().len()
    );
    let wanted = Wanted {
        limit: Some(8),
        newest: true,
        ..Wanted::default()
    };
    let (calls, _) = sim.calls_wanted(&wanted);
    let latest = format!(
        "{}<p><a href=\"/_sim/page/journal\">The whole journal</a></p>",
        journal::rows(&calls)
    );
    let tiles: String = sim
        .shelves()
        .into_iter()
        .map(|(kind, title, count)| {
            format!("<li><a href=\"/_sim/page/estate/{kind}\"><b>{count}</b>{title}</a></li>")
        })
        .collect();
    format!(
        "{lead}<div class=\"two\">{}{}</div>{}{}{}",
        clock(sim),
        tokens(sim, made),
        section(
            "What there is",
            &format!("<ul class=\"tiles\">{tiles}</ul>")
        ),
        section("Latest calls", &latest),
        section("Addresses and keys", &known(sim)),
    )
}

fn clock(sim: &Sim) -> String {
    let now = iso(sim.clock().now_micros());
    let runs = if sim.clock().is_frozen() {
        "It stands still until it is moved."
    } else {
        "It runs at the speed of this machine's."
    };
    let steps: String = STEPS
        .iter()
        .map(|(seconds, label)| {
            format!(
                "<form method=\"post\" action=\"/_sim/page/clock/advance\">\
                 <button name=\"seconds\" value=\"{seconds}\">+ {label}</button></form>"
            )
        })
        .collect();
    let at = input("Set it to", "at", &now, "required");
    let inside = format!(
        "<p class=\"big\"><time datetime=\"{now}\">{now}</time></p><p class=\"quiet\">{runs}</p>\
         <div class=\"row\">{steps}</div><br>{}",
        form("clock/set", &at, "Set the clock", "")
    );
    section("Clock", &inside)
}

fn tokens(sim: &Sim, made: Option<&Value>) -> String {
    let told = made.map_or_else(String::new, |made| {
        let word = |name: &str| made.get(name).and_then(Value::as_str).unwrap_or_default();
        format!(
            "<p>Endpoint <code>{}</code></p><pre>{}</pre>",
            escape(word("path")),
            escape(word("secret"))
        )
    });
    let now = sim.clock().now_micros();
    let rows: Vec<Vec<String>> = sim
        .scim_tokens()
        .iter()
        .map(|token| {
            let state = if now < token.expires_at {
                "until"
            } else {
                "ran out"
            };
            vec![
                parts::mono(&token.id),
                escape(&format!("{state} {}", iso(token.expires_at))),
                button("tokens/delete", "id", &token.id, "Delete", "end"),
            ]
        })
        .collect();
    let empty = "No identity provider has a token. Make one to provision users and groups by SCIM.";
    let inside = format!(
        "{told}{}{}",
        table(&["Token", "Good", ""], &rows, empty),
        form("tokens/create", "", "Make a token", "")
    );
    section("Provisioning by SCIM", &inside)
}

fn known(sim: &Sim) -> String {
    let known = sim.facts();
    facts([
        ("Region", known.region),
        ("Management account", known.management_account),
        ("Organization", known.organization_id),
        ("Identity Center instance", known.instance_arn),
        ("Identity store", known.identity_store_id),
        (
            "SCIM endpoint",
            format!("/{}/scim/v2/", known.scim_tenant_id),
        ),
        ("Administrator", known.admin.arn),
        ("Administrator's key", known.admin.access_key_id),
        ("Stint's host", known.host.arn),
        ("Stint's host's key", known.host.access_key_id),
        ("Connector's user", known.connector_user.arn),
        ("Connector's key", known.connector_user.access_key_id),
        ("Connector's role", known.connector_role_arn),
    ]) + "<p class=\"quiet\">Secrets were printed when the program began; <code>GET /_sim/facts</code> tells them again.</p>"
}
