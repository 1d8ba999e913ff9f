//! What `--data` keeps: tables, secrets and session keys.

use crate::fakes::wechat::WeChat;
use crate::random_text;
use dynoxide::Database;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::fmt::Display;
use std::path::{Path, PathBuf};

/// A folder, or nothing but memory.
pub(super) struct Data {
    folder: Option<PathBuf>,
    /// The AppSecret.
    pub app_secret: String,
    /// The key of the keyring. Kept with the tables, because a new key opens nothing that the old one sealed.
    pub key: String,
}

impl Data {
    /// Opens the folder, and makes what is not there yet.
    pub fn open(folder: Option<&Path>) -> Result<Self, String> {
        let fresh = Self { folder: folder.map(Path::to_owned), app_secret: random_text(32), key: random_text(64) };
        let Some(folder) = folder else {
            return Ok(fresh);
        };
        std::fs::create_dir_all(folder).map_err(|error| format!("--data {}: {error}", folder.display()))?;
        let file = folder.join("secrets.json");
        if !file.exists() {
            write(&file, &json!({"app_secret": fresh.app_secret, "key": fresh.key}))?;
            return Ok(fresh);
        }
        let kept = read(&file)?;
        match (kept["app_secret"].as_str(), kept["key"].as_str()) {
            (Some(app_secret), Some(key)) => Ok(Self { app_secret: app_secret.into(), key: key.into(), ..fresh }),
            _ => Err(failed(&file, "app_secret or key is missing")),
        }
    }

    /// The tables.
    pub fn database(&self) -> Result<Database, String> {
        let opened = match &self.folder {
            Some(folder) => Database::new(&folder.join("dynamodb.sqlite").to_string_lossy()),
            None => Database::memory(),
        };
        opened.map_err(|error| format!("--data: the tables cannot be opened: {error}"))
    }

    /// Gives each user the `session_key` of the last run, under which their sessions were stored.
    pub fn restore_session_keys(&self, wechat: &WeChat) -> Result<(), String> {
        let Some(file) = self.session_keys().filter(|file| file.exists()) else {
            return Ok(());
        };
        let kept: HashMap<String, String> =
            serde_json::from_value(read(&file)?).map_err(|error| failed(&file, error))?;
        wechat.restore_session_keys(kept);
        Ok(())
    }

    /// Keeps each user's present `session_key`. Whether that works is no matter of a login.
    pub fn keep_session_keys(&self, wechat: &WeChat) {
        if let Some(file) = self.session_keys()
            && let Err(error) = write(&file, &json!(wechat.session_keys()))
        {
            eprintln!("cargo local: {error}");
        }
    }

    fn session_keys(&self) -> Option<PathBuf> {
        Some(self.folder.as_ref()?.join("session_keys.json"))
    }
}

fn read(file: &Path) -> Result<Value, String> {
    let text = std::fs::read_to_string(file).map_err(|error| failed(file, error))?;
    serde_json::from_str(&text).map_err(|error| failed(file, error))
}

fn write(file: &Path, content: &Value) -> Result<(), String> {
    std::fs::write(file, content.to_string()).map_err(|error| failed(file, error))
}

fn failed(file: &Path, error: impl Display) -> String {
    format!("--data: {}: {error}", file.display())
}
