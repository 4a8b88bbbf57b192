//! What a Latchkey runs with, by default and checked as a whole. Each setting as text is in `config/settings.rs`; where they
//! are read from is in `config/load.rs`, and what a file says in `config/file.rs`.

mod branding;
pub(crate) mod file;
mod listen;
pub(crate) mod load;
pub(crate) mod logo;
mod settings;
mod svg;
mod values;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::access::Rule;
use crate::password::Cost;

pub use store::Secrecy;

pub use branding::{Accent, Color, Help};
pub use listen::Listen;
pub use load::{Place, Problem, load, supervisor_socket};
pub use logo::{Logo, Picture};
pub use settings::{SETTINGS, Setting};
pub(crate) use values::is_loopback_host;
pub use values::{Domain, Factors, Network, PublicUrl, Registration};

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
    /// `[access] cookie_domain`: the simple mode, in which one cookie is good at all hosts below this domain.
    pub cookie_domain: Option<Domain>,
    /// `[[access.rules]]`: who may come through the doors of other programs. Those that were made by command follow them.
    pub access_rules: Vec<Rule>,
    /// How many days events stay in the audit log; 0: for ever.
    pub audit_keep_days: u32,
    /// Where the metrics are served, if anywhere. Never where people come in.
    pub metrics_listen: Option<Listen>,
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
            cookie_domain: None,
            access_rules: Vec::new(),
            audit_keep_days: 400,
            metrics_listen: None,
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
        // Port 0 is another one each time.
        if self
            .metrics_listen
            .as_ref()
            .is_some_and(|metrics| *metrics == self.listen && metrics.port() != Some(0))
        {
            let why = "people come in there, and metrics are not for them: take another port or socket than that of listen";
            return Err(("metrics_listen", why.into()));
        }
        if let Some(domain) = &self.cookie_domain
            && !(self.public_url.is_https() && domain.covers(self.public_url.host()))
        {
            let why = format!(
                "{} is not at or below {domain} by https, so browsers would refuse a cookie for it from here",
                self.public_url.origin()
            );
            return Err(("access.cookie_domain", why));
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

/// A PostgreSQL URL without its password, and of its parameters only those that say where. Others stay as they are.
pub(crate) fn without_secrets(url: &str) -> String {
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
    // A value of other characters is none of these, and may be what somebody wrote wrongly around a password; so may be
    // whatever follows one.
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~/,%:[]".contains(&b);
    let where_it_is = |part: &&str| {
        let value = ["host=", "port=", "dbname="].iter().find_map(|key| part.strip_prefix(key));
        value.is_some_and(|value| value.bytes().all(plain))
    };
    let before_any = |part: &&str| !part.contains("password");
    let query = query.split('&').take_while(before_any).filter(where_it_is).collect::<Vec<_>>().join("&");
    let query = if query.is_empty() { query } else { format!("?{query}") };
    format!("{scheme}://{user}{place}{query}")
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
