//! What IAM finds out over time: the credential report, and which services somebody used.
//!
//! Both are made in the background: asked for, waited for, read. How long they take is
//! [`crate::Knobs::settle`], as for assignments.

use super::mfa::base64;
use super::{Output, authorize, close_page, marker, shapes};
use crate::clock::iso;
use crate::iam::{IamUser, Report, UseJob};
use crate::wire::{ApiError, Service, Xml};
use crate::world::{Cx, World};

/// How long a report is good for; asked for again within it, the old one is given (AWS
/// documentation: once every four hours).
const GOOD_FOR: i64 = 4 * 3_600 * 1_000_000;

pub(super) fn generate(world: &mut World, cx: &Cx<'_>) -> Output {
    authorize(world, cx, &cx.call.name(), "*", "*")?;
    let account = cx.key.account();
    let at = cx.moment.at;
    ripen(world, account, at, true);
    let (state, words) = match world.estate.iam.reports.get(account) {
        Some(Report {
            body: Some((_, made)),
            ..
        }) if at < made.saturating_add(GOOD_FOR) => ("COMPLETE", None),
        Some(Report { body: None, .. }) => ("INPROGRESS", None),
        known => {
            let words = if known.is_none() {
                "No report exists. Starting a new report generation task"
            } else {
                "The report is more than four hours old. Starting a new report generation task"
            };
            let settle = world.knobs.settle;
            let report = Report {
                ready_at: at.saturating_add(settle.micros),
                polls: settle.polls,
                body: None,
            };
            world.estate.iam.reports.insert(account.to_owned(), report);
            ("STARTED", Some(words))
        }
    };
    let mut xml = Xml::new();
    xml.text("State", state);
    if let Some(words) = words {
        xml.text("Description", words);
    }
    Ok(Some(xml))
}

pub(super) fn get(world: &mut World, cx: &Cx<'_>) -> Output {
    authorize(world, cx, &cx.call.name(), "*", "*")?;
    let account = cx.key.account();
    let at = cx.moment.at;
    ripen(world, account, at, true);
    let Some(report) = world.estate.iam.reports.get(account) else {
        return Err(ApiError::iam(
            "ReportNotPresent",
            "No report is present. Use GenerateCredentialReport to generate one.",
        )
        .status(410));
    };
    let Some((body, made)) = &report.body else {
        return Err(
            ApiError::iam("ReportInProgress", "Report generation is in progress.").status(404),
        );
    };
    if at >= made.saturating_add(GOOD_FOR) {
        return Err(
            ApiError::iam("ReportExpired", "The report is more than four hours old. Use GenerateCredentialReport to generate a new one.")
                .status(410),
        );
    }
    let mut xml = Xml::new();
    xml.text("Content", &base64(body.as_bytes()))
        .text("ReportFormat", "text/csv")
        .text("GeneratedTime", &iso(*made));
    Ok(Some(xml))
}

/// Completes a report whose time has come, by the clock or by being asked for often enough.
fn ripen(world: &mut World, account: &str, at: i64, asked: bool) {
    let Some(report) = world.estate.iam.reports.get_mut(account) else {
        return;
    };
    if report.body.is_some() {
        return;
    }
    let ready = at >= report.ready_at || report.polls == 0;
    if asked && !ready {
        report.polls -= 1;
    }
    if ready {
        let made = at.min(report.ready_at);
        let body = csv(world, account);
        if let Some(report) = world.estate.iam.reports.get_mut(account) {
            report.body = Some((body, made));
        }
    }
}

const COLUMNS: &str = "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,password_next_rotation,mfa_active,access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,access_key_1_last_used_region,access_key_1_last_used_service,access_key_2_active,access_key_2_last_rotated,access_key_2_last_used_date,access_key_2_last_used_region,access_key_2_last_used_service,cert_1_active,cert_1_last_rotated,cert_2_active,cert_2_last_rotated";

fn csv(world: &World, account: &str) -> String {
    let joined = world
        .estate
        .accounts
        .iter()
        .find(|known| known.id == account);
    let since = joined.map_or_else(|| "N/A".to_owned(), |known| stamp(known.joined_at));
    let mut lines = vec![
        COLUMNS.to_owned(),
        format!(
            "<root_account>,arn:aws:iam::{account}:root,{since},not_supported,no_information,not_supported,not_supported,true,false,N/A,N/A,N/A,N/A,false,N/A,N/A,N/A,N/A,false,N/A,false,N/A"
        ),
    ];
    let users = world.estate.iam.users_of(account, "/", 0);
    lines.extend(users.map(|(_, user)| line(world, user)));
    lines.join("\n")
}

fn line(world: &World, user: &IamUser) -> String {
    let none = || "N/A".to_owned();
    let mut cells = vec![
        user.entity.name.clone(),
        user.arn(),
        stamp(user.entity.created_at),
    ];
    match &user.credentials.login {
        Some(login) => cells.extend([
            "true".to_owned(),
            "no_information".to_owned(),
            stamp(login.changed_at),
            none(),
        ]),
        None => cells.extend(["false".to_owned(), none(), none(), none()]),
    }
    cells.push((!user.credentials.mfa.is_empty()).to_string());
    for n in 0..2 {
        let key = user.keys.get(n).and_then(|id| world.access.keys.get(id));
        let Some(key) = key else {
            cells.push("false".to_owned());
            cells.extend([none(), none(), none(), none()]);
            continue;
        };
        cells.extend([key.active.to_string(), stamp(key.created_at)]);
        match &key.last_used {
            Some(last) => {
                cells.extend([stamp(last.at), last.region.clone(), last.service.to_owned()])
            }
            None => cells.extend([none(), none(), none()]),
        }
    }
    for n in 0..2 {
        match user.credentials.certificates.get(n) {
            Some(known) => cells.extend([known.active.to_string(), stamp(known.at)]),
            None => cells.extend(["false".to_owned(), none()]),
        }
    }
    cells.join(",")
}

/// `2026-01-02T03:04:05+00:00`, as the report writes times.
fn stamp(micros: i64) -> String {
    iso(micros).replace('Z', "+00:00")
}

/// Begins to look which services a user, group, role or policy used.
pub(super) fn generate_accessed(world: &mut World, cx: &Cx<'_>) -> Output {
    let input = cx.input();
    let arn = input.required("Arn", shapes::ARN)?;
    let granularity = input.word("Granularity", &["SERVICE_LEVEL", "ACTION_LEVEL"])?;
    super::authorize_on(world, cx, arn)?;
    if granularity == Some("ACTION_LEVEL") {
        return Err(ApiError::validation(
            Service::Iam,
            "ACTION_LEVEL is not part of this simulated AWS; ask for SERVICE_LEVEL.",
        ));
    }
    let ids = world
        .ids_behind(cx.key.account(), arn)
        .ok_or_else(|| ApiError::iam("NoSuchEntity", format!("ARN {arn} does not exist")))?;
    let id = world.fresh("last accessed job").uuid();
    let settle = world.knobs.settle;
    let at = cx.moment.at;
    world.estate.iam.use_jobs.insert(
        id.clone(),
        UseJob {
            account: cx.key.account().to_owned(),
            ids,
            created_at: at,
            ready_at: at.saturating_add(settle.micros),
            polls: settle.polls,
            done_at: None,
        },
    );
    let mut xml = Xml::new();
    xml.text("JobId", &id);
    Ok(Some(xml))
}

pub(super) fn get_accessed(world: &mut World, cx: &Cx<'_>) -> Output {
    let id = cx.input().required("JobId", shapes::JOB_ID)?;
    authorize(world, cx, &cx.call.name(), "*", "*")?;
    let pager = marker(world, cx)?;
    let account = cx.key.account();
    let at = cx.moment.at;
    let job = world.estate.iam.use_jobs.get_mut(id);
    let job = job.filter(|job| job.account == account).ok_or_else(|| {
        ApiError::iam("NoSuchEntity", format!("Job with id {id} cannot be found."))
    })?;
    if job.done_at.is_none() {
        if at >= job.ready_at || job.polls == 0 {
            job.done_at = Some(at.min(job.ready_at));
        } else {
            job.polls -= 1;
        }
    }
    let job = job.clone();
    let done = job.done_at.is_some();
    let mut xml = Xml::new();
    xml.text("JobStatus", if done { "COMPLETED" } else { "IN_PROGRESS" })
        .text("JobType", "SERVICE_LEVEL")
        .text("JobCreationDate", &iso(job.created_at));
    let rows: Vec<(&str, &str)> = if done { SERVICES.to_vec() } else { Vec::new() };
    let [from, ..] = pager.from;
    let rows = (from..).zip(rows.into_iter().skip(from as usize));
    let (page, next) = pager.take(rows, |(n, _)| [*n, 0, 0]);
    xml.list("ServicesLastAccessed", page, |xml, (_, (space, name))| {
        let used = job.ids.iter().filter_map(|(id, arn)| {
            let used = world.access.uses.get(id)?.get(space)?;
            Some((used, arn))
        });
        let used: Vec<_> = used.collect();
        xml.text("ServiceName", name)
            .text("ServiceNamespace", space);
        if let Some(((at, region), arn)) = used.iter().max_by_key(|((at, _), _)| *at) {
            xml.text("LastAuthenticated", &iso(*at))
                .text("LastAuthenticatedEntity", arn)
                .text("LastAuthenticatedRegion", region);
        }
        xml.text("TotalAuthenticatedEntities", &used.len().to_string());
    });
    xml.text(
        "JobCompletionDate",
        &iso(job.done_at.unwrap_or(job.ready_at)),
    );
    close_page(&mut xml, next.as_deref());
    Ok(Some(xml))
}

/// The services there are here; AWS lists those the policies allow.
const SERVICES: &[(&str, &str)] = &[
    ("iam", "AWS Identity and Access Management"),
    ("identitystore", "AWS Identity Store"),
    ("organizations", "AWS Organizations"),
    ("sso", "AWS IAM Identity Center"),
    ("sts", "AWS Security Token Service"),
];

/// When one of its sessions last called.
pub(super) fn role_use<'a>(world: &'a World, id: &str) -> Option<&'a (i64, String)> {
    let uses = world.access.uses.get(id)?;
    uses.values().max_by_key(|(at, _)| *at)
}
