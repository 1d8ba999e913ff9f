//! Bringing the users of another back end over, from CSV.

use aws_sdk_dynamodb::primitives::{DateTime, DateTimeFormat};
use miniprogram::Scope;
use miniprogram::clock::Timestamp;
use miniprogram::deadline::Deadline;
use miniprogram::keyring::Keyring;
use miniprogram::profile::{Avatar, Name};
use miniprogram::store::{Import, ImportedUser, SealedPhone, Store};
use std::collections::HashMap;
use std::io::Read;
use std::time::Duration;

/// How long one user may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The columns that are read, each with the names it may have. All but the first may be missing.
pub const COLUMNS: [(&str, &[&str]); 7] = [
    ("openid", &["open_id"]),
    ("unionid", &["union_id"]),
    ("name", &["nickname", "nick_name", "username"]),
    ("avatar", &["avatar_url", "avatarurl"]),
    ("phone", &["mobile", "phone_number"]),
    ("country_code", &["countrycode"]),
    ("created_at", &["date_joined", "create_time", "created"]),
];

/// What became of the rows.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Users who were made, or would have been.
    pub imported: usize,
    /// Users who existed already, and were left alone.
    pub existing: usize,
    /// Users who were erased here, and stay so.
    pub erased: usize,
    /// What is wrong with the others, by line. No value is repeated.
    pub wrong: Vec<String>,
}

/// Imports the users in `csv` as users of `appid`. With `dry_run` nothing is written, and who exists is not known.
///
/// # Errors
/// If the file has no column `openid`, or a service does not answer.
pub async fn import(
    csv: impl Read,
    store: &Store,
    keyring: &Keyring,
    appid: &str,
    dry_run: bool,
) -> Result<Report, String> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(csv);
    let headers: Vec<String> = reader.headers().map_err(|error| error.to_string())?.iter().map(column).collect();
    if !headers.iter().any(|header| header == "openid") {
        return Err("the first line names no column openid".to_owned());
    }
    let mut report = Report::default();
    for (index, record) in reader.records().enumerate() {
        let line = index + 2;
        let fields = record.map_err(|_| "not CSV in UTF-8").map(|record| {
            let filled = headers.iter().cloned().zip(record.iter().map(str::to_owned));
            filled.filter(|(_, value)| !value.is_empty()).collect::<HashMap<_, _>>()
        });
        let user = match fields.and_then(|fields| user(fields, keyring, appid)) {
            Ok(user) => user,
            Err(wrong) => {
                report.wrong.push(format!("line {line}: {wrong}"));
                continue;
            }
        };
        let scope = Scope::until(Deadline::of_invocation(PATIENCE));
        let import = match dry_run {
            true => Import::Made,
            false => {
                store.import_user(&user, &scope).await.map_err(|error| format!("stopped at line {line}: {error}"))?
            }
        };
        *match import {
            Import::Made => &mut report.imported,
            Import::Existing => &mut report.existing,
            Import::Erased => &mut report.erased,
        } += 1;
    }
    Ok(report)
}

/// The name of a column as we know it.
fn column(header: &str) -> String {
    let header = header.trim_start_matches('\u{feff}').to_ascii_lowercase();
    let known = COLUMNS.iter().find(|(name, others)| *name == header || others.contains(&header.as_str()));
    known.map_or(header.clone(), |(name, _)| (*name).to_owned())
}

fn user(mut fields: HashMap<String, String>, keyring: &Keyring, appid: &str) -> Result<ImportedUser, &'static str> {
    let word = |text: &String| miniprogram::text::is_word(text, 128);
    let openid = fields.remove("openid").filter(word).ok_or("no openid, or none that can be one")?;
    let unionid = fields.remove("unionid");
    if !unionid.iter().all(word) {
        return Err("a unionid that cannot be one");
    }
    let name = fields.remove("name");
    if !name.iter().all(|name| Name::parse(name).is_some()) {
        return Err("a name of more than 50 characters, or with control characters");
    }
    let avatar = fields.remove("avatar");
    if !avatar.iter().all(|avatar| Avatar::parse(avatar).is_some()) {
        return Err("an avatar that is no https URL of at most 200 characters");
    }
    let phone = match fields.remove("phone") {
        None => None,
        Some(phone) => {
            let digits: String = phone.chars().filter(|char| !matches!(char, ' ' | '-')).collect();
            let country_code = fields.remove("country_code").unwrap_or_else(|| "86".to_owned());
            let country_code = country_code.trim_start_matches('+');
            if !(1..=4).contains(&country_code.len()) || !country_code.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err("a country_code that is none");
            }
            let digits = without_country_code(&digits, country_code);
            if !(5..=20).contains(&digits.len()) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err("a phone that is no number without its country code");
            }
            let (whose, at) = ((appid, openid.as_str()), Timestamp::from_millis(0));
            let sealed = SealedPhone::seal(keyring, whose, &digits.to_owned().into(), country_code, at);
            Some(sealed.map_err(|_| "a phone that cannot be sealed")?)
        }
    };
    let created_at = match fields.remove("created_at") {
        Some(time) => time_of(&time).ok_or("a created_at that is neither RFC 3339 nor like 2024-01-31 08:30:00")?,
        None => Timestamp::from(miniprogram::clock::system_now()),
    };
    Ok(ImportedUser { openid, appid: appid.to_owned(), unionid, name, avatar, phone, created_at })
}

/// A number without its country code, however that was put before it: `+86…`, `0086…`, and `86…` where the rest is a mainland
/// mobile number (11 digits).
fn without_country_code<'a>(digits: &'a str, country_code: &str) -> &'a str {
    let prefixed = ["+", "00"].iter().find_map(|mark| digits.strip_prefix(*mark)?.strip_prefix(country_code));
    let bare = || digits.strip_prefix("86").filter(|rest| country_code == "86" && rest.len() == 11);
    prefixed.or_else(bare).unwrap_or(digits)
}

/// Reads a time as Django or a database writes it, in RFC 3339 and UTC. One without a zone is taken for UTC.
fn time_of(time: &str) -> Option<Timestamp> {
    let mut time = time.replacen(' ', "T", 1);
    let zoned = time.ends_with('Z') || time.get(10..).is_some_and(|clock| clock.contains(['+', '-']));
    if !zoned {
        time.push('Z');
    }
    let time = DateTime::from_str(&time, DateTimeFormat::DateTimeWithOffset).ok()?;
    Some(Timestamp::from_millis(u64::try_from(time.to_millis().ok()?).ok()?))
}
