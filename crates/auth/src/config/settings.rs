//! Every setting: its key, its meaning, and how its text becomes a value and a value its text.

use std::path::PathBuf;
use std::str::FromStr;

use zeroize::Zeroizing;

use super::Config;
use super::logo::Logo;

/// A setting: its key in the file, what it does in a line, and how its text becomes a value.
pub struct Setting {
    /// As in the file; a table and a key are joined by a dot.
    pub key: &'static str,
    /// For the example configuration and the docs.
    pub meaning: &'static str,
    show: fn(&Config) -> String,
    pub(super) set: fn(&mut Config, &str) -> Result<(), String>,
}

impl Setting {
    /// The name of its environment variable.
    pub fn variable(&self) -> String {
        format!("LATCHKEY_{}", self.key.replace('.', "_").to_uppercase())
    }

    /// The name of the credential that systemd may put it into.
    pub fn credential(&self) -> String {
        format!("latchkey.{}", self.key.replace('.', "_"))
    }

    /// Whether its value is the path of a file, which `_FILE` and a credential then name themselves.
    pub(crate) fn is_file(&self) -> bool {
        ["tls.certificate", "tls.key", "branding.logo"].contains(&self.key)
    }

    /// What it is set to, as a file would say it. Secrets are left out; empty where nothing is set.
    pub fn text(&self, config: &Config) -> String {
        (self.show)(config)
    }

    /// What it is when nobody sets it; empty where there is no such value.
    pub fn default_text(&self) -> String {
        self.text(&Config::default())
    }
}

/// Every setting there is.
pub const SETTINGS: &[Setting] = &[
    Setting {
        key: "listen",
        meaning: "address and port to listen on, or unix:PATH",
        show: |config| config.listen.to_string(),
        set: |config, text| {
            config.listen = text.parse()?;
            Ok(())
        },
    },
    Setting {
        key: "public_url",
        meaning: "how browsers reach it: scheme, host and port; until set, localhost with the port of listen",
        show: |config| config.public_url.origin(),
        set: |config, text| {
            config.public_url = text.parse()?;
            Ok(())
        },
    },
    Setting {
        key: "data_dir",
        meaning: "where the database and the master key are",
        show: |config| config.data_dir.display().to_string(),
        set: |config, text| {
            config.data_dir = non_empty(text)?.into();
            Ok(())
        },
    },
    Setting {
        key: "database",
        meaning: "sqlite:PATH, or postgres://USER@HOST:PORT/NAME; until set, SQLite in data_dir",
        show: Config::database_shown,
        set: |config, text| {
            store::secrecy(text).map_err(|e| e.to_string())?;
            config.database = Zeroizing::new(text.to_owned());
            Ok(())
        },
    },
    Setting {
        key: "issuer",
        meaning: "the name in the authenticator app and on the pages",
        show: |config| config.issuer.clone(),
        set: |config, text| {
            if text.contains(':')
                || text.chars().any(char::is_control)
                || !(1..=64).contains(&text.trim().chars().count())
            {
                return Err(
                    "an issuer has 1 to 64 characters and no colon, since apps split their labels there"
                        .into(),
                );
            }
            config.issuer = text.trim().to_owned();
            Ok(())
        },
    },
    Setting {
        key: "registration",
        meaning: "who may register: open or closed; until set, closed once others can reach this machine",
        show: |config| config.registration.to_string(),
        set: |config, text| {
            config.registration = text.parse()?;
            Ok(())
        },
    },
    Setting {
        key: "login.factors",
        meaning: "what a sign-in asks for: password+code, or code alone (of administrators still both)",
        show: |config| config.factors.to_string(),
        set: |config, text| {
            config.factors = text.parse()?;
            Ok(())
        },
    },
    Setting {
        key: "login.grace",
        meaning: "days that people without a password have to choose one after a change from code to password+code",
        show: |config| config.grace_days.to_string(),
        set: |config, text| {
            let days = text.parse().ok().filter(|days| (0..=365).contains(days));
            config.grace_days = days.ok_or("write a number of days from 0 to 365")?;
            Ok(())
        },
    },
    Setting {
        key: "trusted_proxies",
        meaning: "networks of proxies whose X-Forwarded-For is believed",
        show: |config| config.trusted_proxies.iter().map(ToString::to_string).collect::<Vec<_>>().join(","),
        set: |config, text| {
            let networks = text.split(',').map(str::trim).filter(|network| !network.is_empty());
            config.trusted_proxies = networks.map(str::parse).collect::<Result<_, _>>()?;
            Ok(())
        },
    },
    Setting {
        key: "tls.certificate",
        meaning: "file with the certificate, in PEM; with it Latchkey speaks https itself",
        show: |config| shown(&config.tls_certificate),
        set: |config, text| {
            config.tls_certificate = path(text)?;
            Ok(())
        },
    },
    Setting {
        key: "tls.key",
        meaning: "file with the key of the certificate, in PEM",
        show: |config| shown(&config.tls_key),
        set: |config, text| {
            config.tls_key = path(text)?;
            Ok(())
        },
    },
    Setting {
        key: "master_key",
        meaning: "32 random bytes in base64; else master.key in data_dir",
        show: |config| config.master_key.as_ref().map_or("", |_| "…").to_owned(),
        set: |config, text| {
            config.master_key = Some(Zeroizing::new(non_empty(text)?.to_owned()));
            Ok(())
        },
    },
    Setting {
        key: "insecure_http",
        meaning: "allow a public http address that is not this machine",
        show: |config| config.insecure_http.to_string(),
        set: |config, text| {
            config.insecure_http = text.parse().map_err(|_| "write true or false")?;
            Ok(())
        },
    },
    Setting {
        key: "password.memory_kib",
        meaning: "memory of a password hash in KiB, 19456 or more",
        show: |config| config.password_cost.memory_kib.to_string(),
        set: |config, text| {
            let memory = text.parse().ok().filter(|kib| (19_456..=262_144).contains(kib));
            config.password_cost.memory_kib = memory.ok_or("write a number from 19456 to 262144")?;
            Ok(())
        },
    },
    Setting {
        key: "password.passes",
        meaning: "passes of a password hash, 2 or more",
        show: |config| config.password_cost.passes.to_string(),
        set: |config, text| {
            let passes = text.parse().ok().filter(|passes| (2..=16).contains(passes));
            config.password_cost.passes = passes.ok_or("write a number from 2 to 16")?;
            Ok(())
        },
    },
    Setting {
        key: "branding.logo",
        meaning: "file with a PNG or SVG of at most 100 KiB, shown beside the issuer",
        show: |config| text_of(&config.logo),
        set: |config, text| {
            config.logo = path(text)?.map(|path| Logo::read(&path)).transpose()?;
            Ok(())
        },
    },
    Setting {
        key: "branding.accent",
        meaning: "color of buttons and links, such as #7A5410; the one for dark pages is made from it",
        show: |config| text_of(&config.accent),
        set: |config, text| {
            config.accent = given(text)?;
            Ok(())
        },
    },
    Setting {
        key: "branding.help",
        meaning: "where people find help, on every page: mailto:, https://, tel:, or words",
        show: |config| text_of(&config.help),
        set: |config, text| {
            config.help = given(text)?;
            Ok(())
        },
    },
    Setting {
        key: "audit_keep",
        meaning: "days that events stay in the audit log; 0 keeps them for ever",
        show: |config| config.audit_keep_days.to_string(),
        set: |config, text| {
            let days = text.parse().ok().filter(|days| (0..=36_500).contains(days));
            config.audit_keep_days = days.ok_or("write a number of days from 0 to 36500; 0 is for ever")?;
            Ok(())
        },
    },
    Setting {
        key: "access.cookie_domain",
        meaning: "simple mode: one cookie for all programs below this domain, which each of them then sees",
        show: |config| text_of(&config.cookie_domain),
        set: |config, text| {
            config.cookie_domain = given(text)?;
            Ok(())
        },
    },
    Setting {
        key: "metrics_listen",
        meaning: "address and port for metrics, such as 127.0.0.1:9464, or unix:PATH; until set, there are none",
        show: |config| text_of(&config.metrics_listen),
        set: |config, text| {
            config.metrics_listen = given(text)?;
            Ok(())
        },
    },
    Setting {
        key: "log",
        meaning: "error, warn, info, debug or trace",
        show: |config| config.log.clone(),
        set: |config, text| {
            if !["error", "warn", "info", "debug", "trace"].contains(&text) {
                return Err("write error, warn, info, debug or trace".into());
            }
            config.log = text.to_owned();
            Ok(())
        },
    },
];

impl Config {
    /// Sets one setting from its text, as a file or the environment would.
    pub fn set(&mut self, key: &str, text: &str) -> Result<(), String> {
        let setting = SETTINGS.iter().find(|setting| setting.key == key);
        (setting.ok_or("there is no such setting")?.set)(self, text)
    }
}

fn non_empty(text: &str) -> Result<&str, String> {
    if text.trim().is_empty() { Err("it is empty".into()) } else { Ok(text) }
}

/// The path of a file; an empty text is none. What is no path is not repeated, since it may be a key.
fn path(text: &str) -> Result<Option<PathBuf>, String> {
    if text.contains("-----BEGIN") || text.contains(['\n', '\0']) {
        return Err("write the path of the file, not what is in it".into());
    }
    Ok(Some(text).filter(|text| !text.is_empty()).map(PathBuf::from))
}

fn shown(path: &Option<PathBuf>) -> String {
    path.as_ref().map(|path| path.display().to_string()).unwrap_or_default()
}

/// What a text says; an empty one says nothing.
fn given<T: FromStr<Err = String>>(text: &str) -> Result<Option<T>, String> {
    Some(text).filter(|text| !text.trim().is_empty()).map(str::parse).transpose()
}

fn text_of(value: &Option<impl ToString>) -> String {
    value.as_ref().map(ToString::to_string).unwrap_or_default()
}
