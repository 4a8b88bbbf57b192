//! Every setting, its meaning and its default. Where they are read from is in `config/load.rs`.

mod branding;
mod listen;
pub(crate) mod load;
pub(crate) mod logo;
mod svg;
mod values;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use zeroize::Zeroizing;

use crate::password::Cost;

pub use store::Secrecy;

pub use branding::{Accent, Color, Help};
pub use listen::Listen;
pub use load::{Place, Problem, load, supervisor_socket};
pub use logo::{Logo, Picture};
pub use values::{Factors, Network, PublicUrl, Registration};

/// The settings of a running Latchkey.
#[derive(Clone)]
pub struct Config {
    /// Where it listens. `LATCHKEY_LISTEN`.
    pub listen: Listen,
    /// How browsers reach it: scheme, host and port, nothing else. Localhost with the port of `listen` until it is set,
    /// with https where there is a certificate.
    pub public_url: PublicUrl,
    /// Where the database and the master key are, unless they are elsewhere.
    pub data_dir: PathBuf,
    /// `sqlite:PATH` or `postgres://…`; SQLite in the data directory until it is set.
    pub database: Zeroizing<String>,
    /// The name in the authenticator app and on the pages.
    pub issuer: String,
    /// Who may register: `open` while public URL and listen address are loopback, else `closed`.
    pub registration: Registration,
    /// `[login] factors`: what a sign-in asks for.
    pub factors: Factors,
    /// `[login] grace`: how many days people without a password have to choose one, once one is asked for.
    pub grace_days: u32,
    /// Networks whose `X-Forwarded-For` is believed. How browsers reach us is said by `public_url` alone.
    pub trusted_proxies: Vec<Network>,
    /// `[tls] certificate`: a file in PEM, ours first. With it and the key, Latchkey speaks https itself.
    pub tls_certificate: Option<PathBuf>,
    /// `[tls] key`: the file with the certificate's key, in PEM.
    pub tls_key: Option<PathBuf>,
    /// 32 random bytes in base64; else the file `master.key` in the data directory.
    pub master_key: Option<Zeroizing<String>>,
    /// Allows a public URL that is plain http and not loopback. Passwords then cross the network in clear.
    pub insecure_http: bool,
    /// `[password]`: what a hash costs.
    pub password_cost: Cost,
    /// `[branding] logo`: shown beside the issuer's name in place of ours.
    pub logo: Option<Logo>,
    /// `[branding] accent`: the color of buttons and links.
    pub accent: Option<Accent>,
    /// `[branding] help`: where people find help, at the foot of every page.
    pub help: Option<Help>,
    /// How many days events stay in the audit log; 0: for ever.
    pub audit_keep_days: u32,
    /// How much is logged: `error`, `warn`, `info`, `debug` or `trace`.
    pub log: String,
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The database URL may hold a password, and the master key is one.
        f.debug_struct("Config")
            .field("listen", &self.listen)
            .field("public_url", &self.public_url.origin())
            .field("data_dir", &self.data_dir)
            .finish_non_exhaustive()
    }
}

impl Default for Config {
    fn default() -> Self {
        let mut config = Config {
            listen: Listen::Address(SocketAddr::from(([127, 0, 0, 1], 8080))),
            public_url: PublicUrl::loopback(8080),
            data_dir: "./latchkey-data".into(),
            database: Zeroizing::new(String::new()),
            issuer: "Latchkey".into(),
            registration: Registration::Open,
            factors: Factors::PasswordAndCode,
            grace_days: 14,
            trusted_proxies: Vec::new(),
            tls_certificate: None,
            tls_key: None,
            master_key: None,
            insecure_http: false,
            password_cost: Cost::default(),
            logo: None,
            accent: None,
            help: None,
            audit_keep_days: 400,
            log: "info".into(),
        };
        config.derive(&[]);
        config
    }
}

impl Config {
    /// Where the database is, without what a URL may hold of secrets.
    pub fn database_shown(&self) -> String {
        without_secrets(&self.database)
    }

    /// How long people have to choose a password once one is asked for.
    pub(crate) fn grace_seconds(&self) -> i64 {
        i64::from(self.grace_days) * 24 * 60 * 60
    }

    /// How long events stay; `None`: for ever.
    pub(crate) fn audit_keep_seconds(&self) -> Option<i64> {
        Some(i64::from(self.audit_keep_days) * 24 * 60 * 60).filter(|seconds| *seconds > 0)
    }

    /// How the connection to the database is kept from others.
    pub fn database_secrecy(&self) -> Secrecy {
        // What cannot be meant was refused when it was set; anything else is no better than in clear.
        store::secrecy(&self.database).unwrap_or(Secrecy::Local)
    }

    /// Whether only this machine can reach us.
    pub fn is_local(&self) -> bool {
        self.public_url.is_loopback() && self.listen.is_loopback()
    }

    /// The files of the certificate and of its key, where Latchkey speaks https itself.
    pub fn tls_files(&self) -> Option<(&Path, &Path)> {
        self.tls_certificate.as_deref().zip(self.tls_key.as_deref())
    }

    /// Takes over where it listens in truth: port 0 left the choice to the system, or a supervisor holds the socket. `set`
    /// are the keys that somebody set; what follows from the address and is none of them follows it.
    pub fn listen_on(&mut self, listen: Listen, set: &[&str]) {
        self.listen = listen;
        self.derive(set);
    }

    /// Sets what was not set from what was.
    pub(crate) fn derive(&mut self, set: &[&str]) {
        if !set.contains(&"public_url") {
            self.public_url = PublicUrl::localhost(self.tls_files().is_some(), self.listen.port());
        }
        if !set.contains(&"database") {
            self.database = Zeroizing::new(format!("sqlite:{}", self.data_dir.join("latchkey.db").display()));
        }
        if !set.contains(&"registration") {
            self.registration = if self.is_local() { Registration::Open } else { Registration::Closed };
        }
    }

    /// Refuses settings that each make sense, but not together. Names the one to change.
    pub(crate) fn check(&self) -> Result<(), (&'static str, String)> {
        match (&self.tls_certificate, &self.tls_key) {
            (Some(_), None) => return Err(("tls.certificate", "it needs its key: set tls.key too".into())),
            (None, Some(_)) => {
                return Err(("tls.key", "it needs its certificate: set tls.certificate too".into()));
            }
            (Some(_), Some(_)) if !self.public_url.is_https() => {
                let why = format!(
                    "{} is plain http, and with [tls] set Latchkey speaks https: write https:// here, or take [tls] away",
                    self.public_url.origin()
                );
                return Err(("public_url", why));
            }
            _ => {}
        }
        if !self.public_url.is_https() && !self.public_url.is_loopback() && !self.insecure_http {
            return Err((
                "public_url",
                format!(
                    "{} is plain http: passwords and codes would cross the network in clear, and browsers would not keep the \
                     sign-in cookie. Set [tls], or put Latchkey behind a proxy that speaks https, and set the https address here; \
                     or set `insecure_http = true` and accept that anybody on the way can sign in as anybody",
                    self.public_url.origin()
                ),
            ));
        }
        Ok(())
    }
}

/// A setting: its key in the file, what it does in a line, and how its text becomes a value.
pub struct Setting {
    /// As in the file; a table and a key are joined by a dot.
    pub key: &'static str,
    /// For the example configuration and the docs.
    pub meaning: &'static str,
    show: fn(&Config) -> String,
    set: fn(&mut Config, &str) -> Result<(), String>,
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

/// A PostgreSQL URL without its password, and of its parameters only those that say where. Others stay as they are.
fn without_secrets(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://").filter(|_| !url.starts_with("sqlite:")) else {
        return url.to_owned();
    };
    let (user, rest) = match rest.rsplit_once('@') {
        // That `@` is in a parameter, which may be the password. What else would be shown may be a part of it.
        Some((before, _)) if before.split_once('?').is_some_and(|(_, query)| query.contains('=')) => {
            return format!("{scheme}://…");
        }
        Some((credentials, rest)) => {
            (credentials.split_once(':').map_or(credentials, |(user, _)| user).to_owned() + "@", rest)
        }
        None => (String::new(), rest),
    };
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    let where_it_is = |part: &&str| ["host=", "port=", "dbname="].iter().any(|key| part.starts_with(key));
    let query = query.split('&').filter(where_it_is).collect::<Vec<_>>().join("&");
    let query = if query.is_empty() { query } else { format!("?{query}") };
    format!("{scheme}://{user}{place}{query}")
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

impl Config {
    /// Sets one setting from its text, as a file or the environment would.
    pub fn set(&mut self, key: &str, text: &str) -> Result<(), String> {
        let setting = SETTINGS.iter().find(|setting| setting.key == key);
        (setting.ok_or("there is no such setting")?.set)(self, text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_default_that_is_shown_can_be_set_and_is_the_default() {
        for setting in SETTINGS.iter().filter(|setting| setting.key != "master_key") {
            let mut config = Config::default();
            config.set(setting.key, &setting.default_text()).unwrap();
            assert_eq!(setting.text(&config), setting.default_text(), "{}", setting.key);
        }
    }

    #[test]
    fn a_database_is_shown_without_its_password() {
        for (url, shown) in [
            ("sqlite:./a@b:c.db", "sqlite:./a@b:c.db"),
            ("postgres://ada:hunter2@localhost:5432/latchkey", "postgres://ada@localhost:5432/latchkey"),
            ("postgres://ada:hun@ter?2/@localhost/x?sslmode=disable", "postgres://ada@localhost/x"),
            (
                "postgres://ada@/x?host=%2Frun&port=5432&password=hunter2",
                "postgres://ada@/x?host=%2Frun&port=5432",
            ),
            ("postgres://db.example.org/x?user=ada&password=hunter2@1", "postgres://…"),
            ("postgres://ada:hunter2@db.example.org:5432/x?options=a@b", "postgres://…"),
        ] {
            // Also what no client takes, since it is shown when that is said.
            let config = Config { database: Zeroizing::new(url.to_owned()), ..Config::default() };
            assert_eq!(config.database_shown(), shown);
        }
        let mut config = Config::default();
        config.set("master_key", "hunter2").unwrap();
        let shown: String = SETTINGS.iter().map(|setting| setting.text(&config)).collect();
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
