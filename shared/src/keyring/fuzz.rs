//! Fuzzing of the keyring secret and of sealed values.

use super::{Keyring, Place};
use mutations::{fuzz, run};
use secrecy::ExposeSecret;

const KEYRING: &str =
    r#"{"current":"k1","k1":"0123456789abcdef0123456789abcdef","k2":"fedcba9876543210fedcba9876543210"}"#;

const HERE: Place<'static> = Place { table: "users", key: "o1", field: "phone" };

#[test]
fn a_keyring_that_is_taken_seals_and_opens() {
    fuzz("keyring", &[KEYRING.as_bytes()], |bytes| {
        let Ok(text) = std::str::from_utf8(bytes) else { return false };
        let Ok(ring) = Keyring::parse(text) else { return false };
        let sealed = ring.seal("13800000000", b"salt", HERE).unwrap();
        assert_eq!(ring.open(&sealed, b"salt", HERE).unwrap().expose_secret(), "13800000000");
        assert!(!ring.derive_all("x").is_empty());
        true
    });
}

#[test]
fn nothing_opens_but_what_was_sealed() {
    let ring = Keyring::parse(KEYRING).unwrap();
    let sealed = ring.seal("13800000000", b"", HERE).unwrap();
    let target = |bytes: &[u8]| std::str::from_utf8(bytes).is_ok_and(|text| ring.open(text, b"", HERE).is_ok());
    run(&[sealed.as_bytes()], target, |runs, opened| {
        println!("sealed value: {runs} runs, of which {opened} opened though changed");
        assert_eq!(opened, 0);
    });
}
