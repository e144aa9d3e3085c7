//! MFA devices. Virtual ones are made, then taken into use with two codes in a row; of
//! hardware devices and security keys only the number is known, and any two codes will do.

use super::{
    Output, authorize_on, close_page, conflict, limit, marker, shapes, tags, user_named,
    user_or_caller,
};
use crate::access::Secret;
use crate::clock::iso;
use crate::fault::Effect;
use crate::iam::{MFA_PER_USER, Mfa, VirtualMfa, code_at, is_code};
use crate::wire::{ApiError, STANDARD, Xml};
use crate::world::{Cx, World};

pub(super) fn create_virtual(world: &mut World, cx: &Cx<'_>) -> Output {
    let input = cx.input();
    let name = input.required("VirtualMFADeviceName", shapes::MFA_NAME)?;
    let path = shapes::new_path(&input, "Path")?.unwrap_or("/");
    let tags = tags::asked(cx)?;
    let account = cx.key.account();
    let arn = format!("arn:aws:iam::{account}:mfa{path}{name}");
    authorize_on(world, cx, &arn)?;
    if world.estate.iam.virtual_mfa(&arn).is_some() {
        return Err(ApiError::iam(
            "EntityAlreadyExists",
            "MFADevice entity at the same path and name already exists.",
        ));
    }
    let seed = world.fresh("MFA seed").upper(64);
    let mut xml = Xml::new();
    xml.element("VirtualMFADevice", |xml| {
        xml.text("SerialNumber", &arn)
            // Both are blobs: Base64 of what they hold [M].
            .text("Base32StringSeed", &base64(seed.as_bytes()))
            .text("QRCodePNG", &base64(PIXEL));
    });
    world.estate.iam.virtual_mfas.push(VirtualMfa {
        account: account.to_owned(),
        arn,
        seed: Secret(seed),
        tags: tags::merged(&[], tags)?,
        user: None,
        removed: false,
    });
    Ok(Some(xml))
}

pub(super) fn list_virtual(world: &World, cx: &Cx<'_>) -> Output {
    let account = cx.key.account();
    authorize_on(world, cx, &format!("arn:aws:iam::{account}:mfa/*"))?;
    let wanted = cx
        .input()
        .word("AssignmentStatus", &["Assigned", "Unassigned", "Any"])?
        .unwrap_or("Any");
    let pager = marker(world, cx)?;
    let [from, ..] = pager.from;
    let rows = (from..)
        .zip(world.estate.iam.virtual_mfas.iter().skip(from as usize))
        .filter(|(_, known)| !known.removed && known.account == account)
        .filter(|(_, known)| match wanted {
            "Assigned" => known.user.is_some(),
            "Unassigned" => known.user.is_none(),
            _ => true,
        });
    let (page, next) = pager.take(rows, |(n, _)| [*n, 0, 0]);
    let mut xml = Xml::new();
    xml.list("VirtualMFADevices", page, |xml, (_, known)| {
        xml.text("SerialNumber", &known.arn);
        let user = known
            .user
            .and_then(|(place, at)| Some((world.estate.iam.user(place)?, at)));
        if let Some((user, at)) = user {
            xml.element("User", |xml| super::users::bare(xml, user))
                .text("EnableDate", &iso(at));
        }
        if !known.tags.is_empty() {
            tags::write(xml, &known.tags);
        }
    });
    close_page(&mut xml, next.as_deref());
    Ok(Some(xml))
}

pub(super) fn enable(world: &mut World, cx: &Cx<'_>) -> Output {
    let input = cx.input();
    let place = user_named(world, cx, input.required("UserName", shapes::NAME)?)?;
    let serial = input.required("SerialNumber", shapes::SERIAL)?;
    let one = input.required("AuthenticationCode1", shapes::MFA_CODE)?;
    let two = input.required("AuthenticationCode2", shapes::MFA_CODE)?;
    let (at, now) = (cx.moment.at, cx.now());
    let iam = &mut world.estate.iam;
    let held = iam.user(place).map_or(0, |user| user.credentials.mfa.len());
    if held >= MFA_PER_USER {
        return Err(limit("MFADevicesPerUser", MFA_PER_USER));
    }
    if serial.starts_with("arn:aws:iam::") {
        let mut device = iam
            .virtual_mfas
            .each_mut(|known| !known.removed && known.arn == serial);
        let device = device.next().ok_or_else(|| none(serial))?;
        if device.user.is_some() {
            return Err(ApiError::iam(
                "EntityAlreadyExists",
                "MFA Device is already in use.",
            ));
        }
        let step = 30_000_000;
        let right = [-2, -1, 0, 1].iter().any(|n| {
            let then = now + n * step;
            code_at(&device.seed.0, then) == one && code_at(&device.seed.0, then + step) == two
        });
        if !right {
            return Err(ApiError::new(
                "InvalidAuthenticationCode",
                "Authentication code for device is not valid.",
            )
            .status(403));
        }
        device.user = Some((place, at));
    } else if iam.users.iter().any(|user| {
        !user.entity.removed
            && user
                .credentials
                .mfa
                .iter()
                .any(|known| known.serial == serial)
    }) {
        return Err(ApiError::iam(
            "EntityAlreadyExists",
            "MFA Device is already in use.",
        ));
    }
    if let Some(user) = iam.user_mut(place) {
        user.credentials.mfa.push(Mfa {
            serial: serial.to_owned(),
            at,
        });
    }
    Ok(None)
}

pub(super) fn list(world: &World, cx: &Cx<'_>) -> Output {
    let place = user_or_caller(world, cx)?;
    let pager = marker(world, cx)?;
    let [from, ..] = pager.from;
    let Some(user) = world.estate.iam.user(place) else {
        return Ok(None);
    };
    let rows = (from..).zip(user.credentials.mfa.iter().skip(from as usize));
    let (page, next) = pager.take(rows, |(n, _)| [*n, 0, 0]);
    let mut xml = Xml::new();
    xml.list("MFADevices", page, |xml, (_, known)| {
        xml.text("UserName", &user.entity.name)
            .text("SerialNumber", &known.serial)
            .text("EnableDate", &iso(known.at));
    });
    close_page(&mut xml, next.as_deref());
    Ok(Some(xml))
}

/// A virtual device stays, unused (AWS reference §1.1, step 6).
pub(super) fn deactivate(world: &mut World, cx: &Cx<'_>) -> Output {
    let place = user_or_caller(world, cx)?;
    let serial = cx.input().required("SerialNumber", shapes::SERIAL)?;
    let ignored = matches!(cx.effect, Some(Effect::IgnoreDelete));
    let Some(user) = world.estate.iam.user_mut(place) else {
        return Ok(None);
    };
    let held = &mut user.credentials.mfa;
    if !held.iter().any(|known| known.serial == serial) {
        return Err(none(serial));
    }
    if ignored {
        return Ok(None);
    }
    held.retain(|known| known.serial != serial);
    let devices = &mut world.estate.iam.virtual_mfas;
    for device in devices.each_mut(|known| known.arn == serial) {
        device.user = None;
    }
    Ok(None)
}

pub(super) fn delete_virtual(world: &mut World, cx: &Cx<'_>) -> Output {
    let serial = cx.input().required("SerialNumber", shapes::SERIAL)?;
    authorize_on(world, cx, serial)?;
    let account = cx.key.account();
    let devices = &mut world.estate.iam.virtual_mfas;
    let mut devices =
        devices.each_mut(|known| !known.removed && known.arn == serial && known.account == account);
    let device = devices.next().ok_or_else(|| {
        ApiError::iam(
            "NoSuchEntity",
            format!("VirtualMFADevice with serial number {serial} doesn't exist."),
        )
    })?;
    if device.user.is_some() {
        return Err(conflict("deactivate MFA device"));
    }
    if !matches!(cx.effect, Some(Effect::IgnoreDelete)) {
        device.removed = true;
    }
    Ok(None)
}

/// Whether this user's device shows these digits now.
pub(in crate::ops) fn shows(world: &World, user: u32, serial: &str, code: &str, now: i64) -> bool {
    let iam = &world.estate.iam;
    let held = iam.user(user).map(|user| &user.credentials.mfa);
    let holds = held.is_some_and(|held| held.iter().any(|known| known.serial == serial));
    let device = iam.virtual_mfa(serial);
    holds && device.is_some_and(|device| is_code(&device.seed.0, code, now))
}

fn none(serial: &str) -> ApiError {
    ApiError::iam(
        "NoSuchEntity",
        format!("MFA Device with serial number {serial} does not exist."),
    )
}

/// A picture of one dot: nobody scans it here.
const PIXEL: &[u8] = &[
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48, 0x44, 0x52,
    0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x06, 0x00, 0x00, 0x00, 0x1f, 0x15, 0xc4,
    0x89, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x44, 0x41, 0x54, 0x78, 0xda, 0x63, 0x64, 0x60, 0x60, 0x60,
    0x00, 0x00, 0x00, 0x05, 0x00, 0x01, 0x5a, 0x2e, 0x7a, 0x64, 0x00, 0x00, 0x00, 0x00, 0x49, 0x45,
    0x4e, 0x44, 0xae, 0x42, 0x60, 0x82,
];

/// With `=` up to the next group of four.
pub(super) fn base64(bytes: &[u8]) -> String {
    let mut text = crate::wire::base64(bytes, STANDARD);
    let whole = text.len().next_multiple_of(4);
    text.extend(std::iter::repeat_n('=', whole - text.len()));
    text
}
