//! Service-specific credentials: user name and password for one service.

use super::{Output, close_page, limit, marker, shapes, user_named, user_or_caller};
use crate::clock::iso;
use crate::fault::Effect;
use crate::iam::{SERVICE_CREDENTIALS_PER_USER, ServiceCredential};
use crate::wire::{ApiError, Xml};
use crate::world::{Cx, World};

const SERVICES: &[&str] = &[
    "codecommit.amazonaws.com",
    "cassandra.amazonaws.com",
    "bedrock.amazonaws.com",
];

/// The password is in this answer and nowhere else, the journal included.
pub(super) fn create(world: &mut World, cx: &Cx<'_>) -> Output {
    let input = cx.input();
    let place = user_named(world, cx, input.required("UserName", shapes::NAME)?)?;
    let service = service(cx)?.ok_or_else(|| input.missing("ServiceName"))?;
    let mut stream = world.fresh("service credential");
    let (id, password) = (format!("ACCA{}", stream.upper(17)), stream.mixed(44));
    let at = cx.moment.at;
    let Some(user) = world.estate.iam.user_mut(place) else {
        return Ok(None);
    };
    let name = user.entity.name.clone();
    let known = &mut user.credentials.of_services;
    if known
        .iter()
        .filter(|known| known.service == service)
        .count()
        >= SERVICE_CREDENTIALS_PER_USER
    {
        return Err(limit(
            "ServiceSpecificCredentialsPerUser",
            SERVICE_CREDENTIALS_PER_USER,
        ));
    }
    let credential = ServiceCredential {
        id,
        service: service.to_owned(),
        user_name: format!("{name}-at-{}", user.entity.account),
        active: true,
        at,
    };
    known.push(credential.clone());
    Ok(Some(whole(&name, &credential, &password)))
}

pub(super) fn list(world: &World, cx: &Cx<'_>) -> Output {
    let place = user_or_caller(world, cx)?;
    let wanted = service(cx)?;
    if shapes::truth(cx, "AllUsers")? == Some(true) {
        return Err(ApiError::validation(
            cx.call.service,
            "AllUsers is not part of this simulated AWS; name a user.",
        ));
    }
    let pager = marker(world, cx)?;
    let [from, ..] = pager.from;
    let Some(user) = world.estate.iam.user(place) else {
        return Ok(None);
    };
    let rows = (from..)
        .zip(user.credentials.of_services.iter().skip(from as usize))
        .filter(|(_, known)| wanted.is_none_or(|service| known.service == service));
    let (page, next) = pager.take(rows, |(n, _)| [*n, 0, 0]);
    let mut xml = Xml::new();
    xml.list("ServiceSpecificCredentials", page, |xml, (_, known)| {
        bare(xml, &user.entity.name, known);
    });
    close_page(&mut xml, next.as_deref());
    Ok(Some(xml))
}

pub(super) fn update(world: &mut World, cx: &Cx<'_>) -> Output {
    let place = user_or_caller(world, cx)?;
    let active = shapes::activity(cx)?;
    credential(world, cx, place)?.active = active;
    Ok(None)
}

pub(super) fn reset(world: &mut World, cx: &Cx<'_>) -> Output {
    let place = user_or_caller(world, cx)?;
    let password = world.fresh("service password").mixed(44);
    let credential = credential(world, cx, place)?.clone();
    let user = world.estate.iam.user(place);
    Ok(user.map(|user| whole(&user.entity.name, &credential, &password)))
}

pub(super) fn delete(world: &mut World, cx: &Cx<'_>) -> Output {
    let place = user_or_caller(world, cx)?;
    let id = credential(world, cx, place)?.id.clone();
    if !matches!(cx.effect, Some(Effect::IgnoreDelete))
        && let Some(user) = world.estate.iam.user_mut(place)
    {
        user.credentials.of_services.retain(|known| known.id != id);
    }
    Ok(None)
}

fn service<'a>(cx: &Cx<'a>) -> Result<Option<&'a str>, ApiError> {
    let Some(service) = cx.input().text("ServiceName")? else {
        return Ok(None);
    };
    if SERVICES.contains(&service) {
        return Ok(Some(service));
    }
    // Its wire code ends so in the model as well [M].
    Err(ApiError::iam(
        "NotSupportedService",
        format!("The service {service} is not supported."),
    )
    .status(404))
}

fn credential<'a>(
    world: &'a mut World,
    cx: &Cx<'_>,
    place: u32,
) -> Result<&'a mut ServiceCredential, ApiError> {
    let id = cx
        .input()
        .required("ServiceSpecificCredentialId", shapes::LONG_ID)?;
    let user = world.estate.iam.user_mut(place);
    let mut known = user
        .into_iter()
        .flat_map(|user| &mut user.credentials.of_services);
    known.find(|known| known.id == id).ok_or_else(|| {
        ApiError::iam(
            "NoSuchEntity",
            format!("The service specific credential with id {id} cannot be found."),
        )
    })
}

fn bare(xml: &mut Xml, user: &str, known: &ServiceCredential) {
    xml.text("UserName", user)
        .text("Status", shapes::status(known.active))
        .text("ServiceUserName", &known.user_name)
        .text("CreateDate", &iso(known.at))
        .text("ServiceSpecificCredentialId", &known.id)
        .text("ServiceName", &known.service);
}

fn whole(user: &str, known: &ServiceCredential, password: &str) -> Xml {
    let mut xml = Xml::new();
    xml.element("ServiceSpecificCredential", |xml| {
        bare(xml, user, known);
        xml.text("ServicePassword", password);
    });
    xml
}
