//! Signing certificates and SSH public keys of users: kept, listed, switched off, deleted;
//! nothing is ever signed with them here, and what is uploaded is not looked into.

use super::{Output, close_page, limit, marker, shapes, user_named, user_or_caller};
use crate::clock::iso;
use crate::fault::Effect;
use crate::iam::{CERTIFICATES_PER_USER, Certificate, IamUser, SSH_KEYS_PER_USER, SshKey};
use crate::ids::{Seeded, fnv};
use crate::wire::{ApiError, Xml};
use crate::world::{Cx, World};

pub(super) fn upload(world: &mut World, cx: &Cx<'_>) -> Output {
    let place = user_or_caller(world, cx)?;
    let body = cx.input().required("CertificateBody", shapes::PEM)?;
    if !body.contains("-----BEGIN CERTIFICATE-----") {
        return Err(ApiError::iam(
            "MalformedCertificate",
            "Certificate is malformed",
        ));
    }
    let id = world.fresh("certificate").upper(32);
    let at = cx.moment.at;
    let Some(user) = world.estate.iam.user_mut(place) else {
        return Ok(None);
    };
    let known = &mut user.credentials.certificates;
    if known.iter().any(|known| known.body == body) {
        return Err(ApiError::iam(
            "DuplicateCertificate",
            "The certificate already exists.",
        ));
    }
    if known.len() >= CERTIFICATES_PER_USER {
        return Err(limit("CertificatesPerUser", CERTIFICATES_PER_USER));
    }
    let certificate = Certificate {
        id,
        body: body.to_owned(),
        active: true,
        at,
    };
    known.push(certificate.clone());
    let name = user.entity.name.clone();
    let mut xml = Xml::new();
    xml.element("Certificate", |xml| write(xml, &name, &certificate));
    Ok(Some(xml))
}

pub(super) fn list(world: &World, cx: &Cx<'_>) -> Output {
    let place = user_or_caller(world, cx)?;
    let pager = marker(world, cx)?;
    let [from, ..] = pager.from;
    let Some(user) = world.estate.iam.user(place) else {
        return Ok(None);
    };
    let rows = (from..).zip(user.credentials.certificates.iter().skip(from as usize));
    let (page, next) = pager.take(rows, |(n, _)| [*n, 0, 0]);
    let mut xml = Xml::new();
    xml.list("Certificates", page, |xml, (_, known)| {
        write(xml, &user.entity.name, known);
    });
    close_page(&mut xml, next.as_deref());
    Ok(Some(xml))
}

pub(super) fn update(world: &mut World, cx: &Cx<'_>) -> Output {
    let place = user_or_caller(world, cx)?;
    let id = cx
        .input()
        .required("CertificateId", shapes::CERTIFICATE_ID)?;
    let active = shapes::activity(cx)?;
    certificate(world, place, id)?.active = active;
    Ok(None)
}

pub(super) fn delete(world: &mut World, cx: &Cx<'_>) -> Output {
    let place = user_or_caller(world, cx)?;
    let id = cx
        .input()
        .required("CertificateId", shapes::CERTIFICATE_ID)?;
    certificate(world, place, id)?;
    if !matches!(cx.effect, Some(Effect::IgnoreDelete))
        && let Some(user) = world.estate.iam.user_mut(place)
    {
        user.credentials.certificates.retain(|known| known.id != id);
    }
    Ok(None)
}

fn certificate<'a>(
    world: &'a mut World,
    place: u32,
    id: &str,
) -> Result<&'a mut Certificate, ApiError> {
    let user = world.estate.iam.user_mut(place);
    let mut known = user
        .into_iter()
        .flat_map(|user| &mut user.credentials.certificates);
    known.find(|known| known.id == id).ok_or_else(|| {
        ApiError::iam(
            "NoSuchEntity",
            format!("The Certificate with id {id} cannot be found."),
        )
    })
}

fn write(xml: &mut Xml, user: &str, known: &Certificate) {
    xml.text("UserName", user)
        .text("CertificateId", &known.id)
        .text("CertificateBody", &known.body)
        .text("Status", shapes::status(known.active))
        .text("UploadDate", &iso(known.at));
}

pub(super) fn upload_ssh(world: &mut World, cx: &Cx<'_>) -> Output {
    let place = named(world, cx)?;
    let body = cx.input().required("SSHPublicKeyBody", shapes::PEM)?;
    if !body.starts_with("ssh-rsa ") && !body.starts_with("-----BEGIN PUBLIC KEY-----") {
        return Err(ApiError::iam(
            "InvalidPublicKey",
            "The SSH public key is malformed or otherwise invalid.",
        ));
    }
    let id = format!("APKA{}", world.fresh("SSH key").upper(17));
    let print = Seeded::new(0, "fingerprint", fnv(body.as_bytes())).hex(32);
    let pairs: Vec<&str> = (0..16)
        .filter_map(|n| print.get(2 * n..2 * n + 2))
        .collect();
    let at = cx.moment.at;
    let Some(user) = world.estate.iam.user_mut(place) else {
        return Ok(None);
    };
    let known = &mut user.credentials.ssh_keys;
    if known.iter().any(|known| known.body == body) {
        return Err(ApiError::iam(
            "DuplicateSSHPublicKey",
            "The SSH public key is already associated with the specified IAM user.",
        ));
    }
    if known.len() >= SSH_KEYS_PER_USER {
        return Err(limit("SSHPublicKeysPerUser", SSH_KEYS_PER_USER));
    }
    let key = SshKey {
        id,
        body: body.to_owned(),
        fingerprint: pairs.join(":"),
        active: true,
        at,
    };
    known.push(key.clone());
    let name = user.entity.name.clone();
    Ok(Some(ssh(&name, &key)))
}

pub(super) fn get_ssh(world: &mut World, cx: &Cx<'_>) -> Output {
    let place = named(world, cx)?;
    let input = cx.input();
    let encoding = input.required_word("Encoding", &["SSH", "PEM"])?;
    let key = ssh_key(world, cx, place)?.clone();
    let is_pem = key.body.starts_with("-----");
    if is_pem != (encoding == "PEM") {
        return Err(ApiError::iam(
            "UnrecognizedPublicKeyEncoding",
            "This simulated AWS gives a public key in the encoding it was uploaded in.",
        ));
    }
    let user = world.estate.iam.user(place);
    Ok(user.map(|user| ssh(&user.entity.name, &key)))
}

pub(super) fn list_ssh(world: &World, cx: &Cx<'_>) -> Output {
    let place = user_or_caller(world, cx)?;
    let pager = marker(world, cx)?;
    let [from, ..] = pager.from;
    let Some(user) = world.estate.iam.user(place) else {
        return Ok(None);
    };
    let rows = (from..).zip(user.credentials.ssh_keys.iter().skip(from as usize));
    let (page, next) = pager.take(rows, |(n, _)| [*n, 0, 0]);
    let mut xml = Xml::new();
    xml.list("SSHPublicKeys", page, |xml, (_, known)| {
        bare(xml, user, known);
    });
    close_page(&mut xml, next.as_deref());
    Ok(Some(xml))
}

pub(super) fn update_ssh(world: &mut World, cx: &Cx<'_>) -> Output {
    let place = named(world, cx)?;
    let active = shapes::activity(cx)?;
    ssh_key(world, cx, place)?.active = active;
    Ok(None)
}

pub(super) fn delete_ssh(world: &mut World, cx: &Cx<'_>) -> Output {
    let place = named(world, cx)?;
    let id = ssh_key(world, cx, place)?.id.clone();
    if !matches!(cx.effect, Some(Effect::IgnoreDelete))
        && let Some(user) = world.estate.iam.user_mut(place)
    {
        user.credentials.ssh_keys.retain(|known| known.id != id);
    }
    Ok(None)
}

fn named(world: &World, cx: &Cx<'_>) -> Result<u32, ApiError> {
    user_named(world, cx, cx.input().required("UserName", shapes::NAME)?)
}

fn ssh_key<'a>(world: &'a mut World, cx: &Cx<'_>, place: u32) -> Result<&'a mut SshKey, ApiError> {
    let id = cx.input().required("SSHPublicKeyId", shapes::LONG_ID)?;
    let user = world.estate.iam.user_mut(place);
    let mut known = user
        .into_iter()
        .flat_map(|user| &mut user.credentials.ssh_keys);
    known.find(|known| known.id == id).ok_or_else(|| {
        ApiError::iam(
            "NoSuchEntity",
            format!("The Public Key with id {id} cannot be found."),
        )
    })
}

fn bare(xml: &mut Xml, user: &IamUser, known: &SshKey) {
    xml.text("UserName", &user.entity.name)
        .text("SSHPublicKeyId", &known.id)
        .text("Status", shapes::status(known.active))
        .text("UploadDate", &iso(known.at));
}

fn ssh(user: &str, known: &SshKey) -> Xml {
    let mut xml = Xml::new();
    xml.element("SSHPublicKey", |xml| {
        xml.text("UserName", user)
            .text("SSHPublicKeyId", &known.id)
            .text("Fingerprint", &known.fingerprint)
            .text("SSHPublicKeyBody", &known.body)
            .text("Status", shapes::status(known.active))
            .text("UploadDate", &iso(known.at));
    });
    xml
}
