//! Samples, changed at random: mostly whole words of them, so that much of what comes out gets past the first check.
//!
//! A fuzz target stands beside the parser that it tries, and runs here. `cargo test` does a few thousand runs of each;
//! `cargo fuzz-parsers`, in minutes, ten million. A failure prints its input, made small, and `BOLERO_RANDOM_SEED` repeats it.

use bolero::ValueGenerator;
use bolero::generator::bolero_generator::produce;
use std::fmt::{self, Debug, Formatter};
use std::ops::Range;
use std::panic::RefUnwindSafe;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// The runs of the short form, of each target.
const RUNS: usize = 3_000;

/// What is put in: the names and values that the readers look for, and what readers stumble over.
const WORDS: &[&str] = &[
    "null",
    "true",
    "0",
    "1",
    "86",
    "7200",
    "86400",
    "86401",
    "40001",
    "40029",
    "40163",
    "99999999999999999999",
    "1e999",
    "0.5",
    "Bearer",
    "bearer",
    "Basic",
    "code",
    "AAAA",
    "k1",
    "k2",
    "0123456789abcdef0123456789abcdef",
    "\"\"",
    "\"0\"",
    "\" 0 \"",
    "\"-1\"",
    "\"86\"",
    "\"7200\"",
    "\"40029\"",
    "\"o2\"",
    "\"a b\"",
    "\"\\u0061\"",
    "\"\\ud83d\\ude00\"",
    "\"\\ud800\"",
    "\"\\u0000\"",
    "\"x, rid: 5f1-aa\"",
    "\"errcode\"",
    "\"errmsg\"",
    "\"openid\"",
    "\"unionid\"",
    "\"session_key\"",
    "\"phone_info\"",
    "\"watermark\"",
    "\"appid\"",
    "\"purePhoneNumber\"",
    "\"countryCode\"",
    "\"access_token\"",
    "\"expires_in\"",
    "\"code\"",
    "\"current\"",
    "\"headers\"",
    "\"Authorization\"",
    "{}",
    "[]",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "-",
    "\"",
    "\\",
    "=",
    "&",
    "%7E",
    "%00",
    "%",
    "+",
    "====",
    ";",
    "é",
    "\u{feff}",
    "\0",
];

/// What fits into an object as it is.
const MEMBERS: &[&str] = &[
    "\"errcode\":0,",
    "\"errcode\":\"0\",",
    "\"errcode\":null,",
    "\"errcode\":40163,",
    "\"errcode\":\"40029\",",
    "\"openid\":\"o2\",",
    "\"openid\":\"\",",
    "\"unionid\":7,",
    "\"unionid\":\"u2\",",
    "\"appid\":\"wx\",",
    "\"appid\":\"xw\",",
    "\"countryCode\":1,",
    "\"expires_in\":\"60\",",
    "\"code\":\"c2\",",
    "\"code\":{},",
    "\"version\":\"1.0\",",
    "\"AUTHORIZATION\":\"Bearer 00000000000000000000000000000000\",",
    "\"x\":[{\"y\":[]}],",
    "\"\":\"\",",
];

const BLANKS: &[&str] = &[" ", "\n", "\t", "\r\n"];

const DIGITS: &[u8] = b"0123456789abcdefABz~";

/// How many changes a sample gets, half of them one.
const HOW_MANY: [usize; 8] = [1, 1, 1, 1, 2, 2, 3, 4];

/// One change of a sample: which kind, where, and with what.
type Edit = (u8, u16, u8);

/// A sample with its changes.
struct Changed {
    text: Vec<u8>,
    differs: bool,
}

impl Debug for Changed {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.text.escape_ascii())
    }
}

/// Runs `target` with changed `samples`; `target` says whether it took what it got for good. Expects that of a part of them,
/// or else hardly anything was tried.
pub fn fuzz(name: &str, samples: &[&[u8]], target: impl Fn(&[u8]) -> bool + RefUnwindSafe) {
    run(samples, target, |runs, taken| {
        println!("{name}: {runs} runs, of which {taken} were taken for good though changed");
        assert!(taken * 200 > runs, "hardly anything gets through");
    });
}

/// The same, with other expectations: `judge` is told how many runs there were, and how many changed samples were taken for
/// good.
pub fn run(samples: &[&[u8]], target: impl Fn(&[u8]) -> bool + RefUnwindSafe, judge: impl FnOnce(usize, usize)) {
    let changed = produce::<(u8, [Edit; 4], u8)>().map_gen(|(sample, edits, how_many)| {
        let sample = samples[usize::from(sample) % samples.len()];
        let mut text = sample.to_vec();
        for edit in &edits[..HOW_MANY[usize::from(how_many) % HOW_MANY.len()]] {
            apply(&mut text, *edit);
        }
        Changed { differs: text != sample, text }
    });
    let (runs, taken) = (AtomicUsize::new(0), AtomicUsize::new(0));
    bolero::check!().with_generator(changed).with_iterations(RUNS).with_test_time(Duration::MAX).for_each(|changed| {
        let taken_now = target(&changed.text) && changed.differs;
        runs.fetch_add(1, Ordering::Relaxed);
        taken.fetch_add(usize::from(taken_now), Ordering::Relaxed);
    });
    judge(runs.into_inner(), taken.into_inner());
}

fn apply(text: &mut Vec<u8>, (kind, place, byte): Edit) {
    if kind % 4 > 0 {
        return change_word(text, (kind / 4, place, byte));
    }
    let at = usize::from(place) % (text.len() + 1);
    let end = (at + usize::from(byte % 16)).min(text.len());
    match kind / 4 % 8 {
        0 if at < text.len() => text[at] = byte,
        1 if at < text.len() => text[at] ^= 1 << (byte % 8),
        2 => text.insert(at, byte),
        3 => drop(text.drain(at..end)),
        4 => text.extend_from_within(at..end),
        5 if byte < 64 => text.truncate(at),
        6 if byte < 16 => text.splice(at..at, std::iter::repeat_n(b'a', usize::from(byte) * 512)).for_each(drop),
        _ => put(text, at..at, pick(WORDS, byte)),
    }
}

fn change_word(text: &mut Vec<u8>, (kind, place, byte): Edit) {
    let words = words(text);
    let Some(word) = words.get(usize::from(place) % words.len().max(1)).cloned() else {
        return put(text, 0..0, pick(WORDS, byte));
    };
    match kind % 8 {
        0 => put(text, word.start..word.start, pick(BLANKS, byte)),
        1 => {
            // Where a member of an object may begin, if it is one.
            let before = text[word.end..].iter().position(|byte| matches!(byte, b'{' | b','));
            let at = before.map_or(word.end, |before| word.end + before + 1);
            put(text, at..at, pick(MEMBERS, byte));
        }
        2 => drop(text.drain(word)),
        3 => {
            let again = text[word.clone()].to_vec();
            text.splice(word.end..word.end, again).for_each(drop);
        }
        // Something printable, inside; or another digit.
        4 => text.insert(word.start + word.len() / 2, b' ' + byte % 95),
        5 => text[word.start + usize::from(place) % word.len()] = DIGITS[usize::from(byte) % DIGITS.len()],
        _ => {
            let kind = Kind::of(&text[word.clone()]);
            let same: Vec<&str> = WORDS.iter().copied().filter(|other| Kind::of(other.as_bytes()) == kind).collect();
            put(text, word, pick(&same, byte));
        }
    }
}

fn pick<'a>(words: &[&'a str], byte: u8) -> &'a str {
    words[usize::from(byte) % words.len()]
}

fn put(text: &mut Vec<u8>, place: Range<usize>, word: &str) {
    text.splice(place, word.bytes()).for_each(drop);
}

#[derive(PartialEq, Eq)]
enum Kind {
    Quoted,
    Plain,
    Mark,
}

impl Kind {
    fn of(word: &[u8]) -> Self {
        match word {
            [b'"', _, ..] => Self::Quoted,
            [byte, ..] if byte.is_ascii_alphanumeric() => Self::Plain,
            _ => Self::Mark,
        }
    }
}

/// The words of a text: what stands in quotes, runs of letters and digits, and every other byte alone.
fn words(text: &[u8]) -> Vec<Range<usize>> {
    let mut words = Vec::new();
    let mut start = 0;
    while start < text.len() {
        let rest = &text[start..];
        let length = match rest[0] {
            b'"' => {
                let mut escaped = false;
                let end = rest.iter().skip(1).position(|byte| {
                    let ends = *byte == b'"' && !escaped;
                    escaped = *byte == b'\\' && !escaped;
                    ends
                });
                end.map_or(1, |end| end + 2)
            }
            byte if byte.is_ascii_alphanumeric() => {
                rest.iter().position(|byte| !byte.is_ascii_alphanumeric()).unwrap_or(rest.len())
            }
            _ => 1,
        };
        words.push(start..start + length);
        start += length;
    }
    words
}
