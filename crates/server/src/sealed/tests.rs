#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::os::unix::fs::PermissionsExt as _;

use super::*;

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

struct One(Arc<MasterKey>);

impl KeyProvider for One {
    fn sealing(&self) -> Option<Arc<MasterKey>> {
        Some(Arc::clone(&self.0))
    }
    fn opening(&self, id: &str) -> Option<Arc<MasterKey>> {
        (self.0.id() == id).then(|| Arc::clone(&self.0))
    }
}

/// Keys made of one byte.
pub(crate) fn keys(byte: u8) -> Keys {
    Keys::new(One(Arc::new(MasterKey::new(&[byte; 32]))))
}

#[test]
fn what_is_sealed_opens_for_its_record_and_for_no_other() {
    let keys = keys(1);
    let sealed = keys.seal("con_1 AKIA1", &SECRET.into()).unwrap();
    let opened = keys.open("con_1 AKIA1", &sealed).unwrap();
    assert_eq!(opened.expose_secret(), SECRET);
    for other in ["con_2 AKIA1", "con_1 AKIA2", "", "con_1 AKIA1 "] {
        assert_eq!(
            keys.open(other, &sealed).unwrap_err(),
            Error::Broken,
            "{other}"
        );
    }
    let hidden = sealed
        .bytes
        .windows(8)
        .all(|part| !SECRET.as_bytes().starts_with(part));
    assert!(hidden, "the secret is not in what is kept");
    let again = keys.seal("con_1 AKIA1", &SECRET.into()).unwrap();
    assert_ne!(
        again.bytes, sealed.bytes,
        "nothing tells that two secrets are equal"
    );
}

#[test]
fn a_changed_byte_anywhere_is_refused() {
    let keys = keys(1);
    let sealed = keys.seal("con_1", &SECRET.into()).unwrap();
    for n in 0..sealed.bytes.len() {
        let mut changed = sealed.clone();
        changed.bytes[n] ^= 1;
        assert_eq!(
            keys.open("con_1", &changed).unwrap_err(),
            Error::Broken,
            "byte {n}"
        );
        changed.bytes.truncate(n);
        assert_eq!(
            keys.open("con_1", &changed).unwrap_err(),
            Error::Broken,
            "cut at {n}"
        );
    }
}

#[test]
fn another_key_is_named_and_a_renamed_one_does_not_open() {
    let sealed = keys(1).seal("con_1", &SECRET.into()).unwrap();
    let missing = keys(2).open("con_1", &sealed).unwrap_err();
    assert_eq!(missing.code(), "master_key_missing");
    assert!(
        missing.detail().contains(&sealed.key),
        "{}",
        missing.detail()
    );
    let renamed = Sealed {
        key: MasterKey::new(&[2; 32]).id().to_owned(),
        ..sealed.clone()
    };
    assert_eq!(keys(2).open("con_1", &renamed).unwrap_err(), Error::Broken);
    assert_ne!(MasterKey::new(&[1; 32]).id(), MasterKey::new(&[2; 32]).id());
}

#[test]
fn without_a_key_it_says_how_to_make_one() {
    let none = Keys::default();
    let error = none.seal("con_1", &SECRET.into()).unwrap_err();
    assert_eq!(
        (error.code(), error.kind()),
        ("no_master_key", Kind::NotReady)
    );
    let detail = error.detail();
    assert!(detail.contains("stint master-key create") && detail.contains("STINT_MASTER_KEY_FILE"));
    assert!(none.ready().is_err() && keys(1).ready().is_ok());
}

#[test]
fn neither_key_nor_secret_shows() {
    let keys = keys(7);
    let sealed = keys.seal("con_1", &SECRET.into()).unwrap();
    let shown = format!("{keys:?} {sealed:?} {:?}", MasterKey::new(&[7; 32]));
    assert!(!shown.contains(SECRET) && !shown.contains("[7"), "{shown}");
}

#[test]
fn a_key_file_is_made_for_its_owner_only_and_never_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("master.key");
    let id = KeyFile::create(&path, &[3; 32]).unwrap();
    let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    assert_eq!(KeyFile::read(&path).unwrap().ids().first(), Some(&id));
    let again = KeyFile::create(&path, &[4; 32]).unwrap_err();
    assert!(matches!(again, KeyFileError::Exists { .. }));
    assert_eq!(KeyFile::read(&path).unwrap().ids(), [id]);
}

#[test]
fn a_file_others_may_read_is_refused_and_one_a_group_reads_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("master.key");
    KeyFile::create(&path, &[3; 32]).unwrap();
    let set =
        |mode| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    for mode in [0o604, 0o644, 0o620, 0o602, 0o666] {
        set(mode);
        let refused = KeyFile::read(&path).unwrap_err();
        assert!(matches!(refused, KeyFileError::Open { .. }), "{mode:o}");
        assert!(refused.to_string().contains("chmod 600"));
    }
    for mode in [0o600, 0o400, 0o440, 0o640] {
        set(mode);
        assert!(KeyFile::read(&path).is_ok(), "{mode:o}");
    }
}

#[test]
fn the_first_key_seals_and_all_of_them_open() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("master.key");
    KeyFile::create(&path, &[3; 32]).unwrap();
    let old = Keys::new(KeyFile::read(&path).unwrap());
    let sealed = old.seal("con_1", &SECRET.into()).unwrap();
    let id = KeyFile::add(&path, &[4; 32]).unwrap();
    let both = Keys::new(KeyFile::read(&path).unwrap());
    assert_eq!(both.seal("con_1", &SECRET.into()).unwrap().key, id);
    assert_eq!(both.open("con_1", &sealed).unwrap().expose_secret(), SECRET);
    let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
}

#[test]
fn a_file_that_holds_no_key_says_where_and_repeats_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("master.key");
    let put = |text: &str| {
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        KeyFile::read(&path).unwrap_err().to_string()
    };
    let wrong = put("# a remark\nc2hvcnQ=\n");
    assert!(
        wrong.contains("line 2") && !wrong.contains("c2hvcnQ"),
        "{wrong}"
    );
    assert!(put("# only remarks\n").contains("holds no key"));
    std::fs::remove_file(&path).unwrap();
    assert!(matches!(
        KeyFile::read(&path).unwrap_err(),
        KeyFileError::Unreadable { .. }
    ));
}
