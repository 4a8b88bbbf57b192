//! Where settings are read: a file, then credentials of systemd, then the environment, then flags; the later wins. Anything
//! unknown stops the start and names its place. What the text of a file says is read in `file.rs`.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::file::{Line, RULES, written};
use super::{Config, SETTINGS, Setting};
use crate::access::MOST;

/// Where files are looked for when nobody names one.
const FILES: [&str; 2] = ["./latchkey.toml", "/etc/latchkey/latchkey.toml"];
const VARIABLE: &str = "LATCHKEY_";
/// The variable that names the file, and what begins the variables of the project's own tests.
const FILE_VARIABLE: &str = "LATCHKEY_CONFIG";
const TEST_VARIABLES: &str = "LATCHKEY_TEST_";
/// Names the directory where systemd puts credentials, and what begins the names of ours.
const CREDENTIALS_VARIABLE: &str = "CREDENTIALS_DIRECTORY";
const CREDENTIAL: &str = "latchkey.";
const FILE_CREDENTIAL: &str = "latchkey.toml";

/// Where a setting was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A line of a file; 0 for the file as a whole.
    File(PathBuf, usize),
    /// A credential that systemd has put into a file.
    Credential(String),
    /// A variable of the environment.
    Environment(String),
    /// A flag of the command line.
    Flag(String),
    /// Nowhere: it is the default.
    Default,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::File(path, 0) => write!(f, "{}", path.display()),
            Place::File(path, line) => write!(f, "{} line {line}", path.display()),
            Place::Credential(name) => write!(f, "credential {name}"),
            Place::Environment(name) => write!(f, "environment variable {name}"),
            Place::Flag(name) => write!(f, "flag {name}"),
            Place::Default => f.write_str("default"),
        }
    }
}

/// A setting that is wrong: where, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where it stands.
    pub place: Place,
    /// What is wrong with it. Never repeats a value that may be a secret.
    pub text: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.text)
    }
}

impl std::error::Error for Problem {}

/// The settings, and where each that is not a default was found.
pub(super) type Loaded = (Config, BTreeMap<&'static str, Place>);

/// Reads file, credentials, environment and flags. `flags` are keys of settings with their text.
pub fn load(file: Option<&Path>, flags: &[(&'static str, String)]) -> Result<Loaded, Problem> {
    #[expect(clippy::disallowed_methods, reason = "this is the place that reads the environment, once")]
    let variables: Vec<(OsString, OsString)> = std::env::vars_os().collect();
    from(file, variables, flags)
}

/// Where the supervisor that started this process wants to hear of it, as systemd says it.
pub fn supervisor_socket() -> Option<OsString> {
    #[expect(clippy::disallowed_methods, reason = "this is the place that reads the environment")]
    std::env::var_os("NOTIFY_SOCKET")
}

fn from(
    file: Option<&Path>,
    variables: Vec<(OsString, OsString)>,
    flags: &[(&'static str, String)],
) -> Result<Loaded, Problem> {
    let mut found = Found::default();
    let named = file.map(Path::to_owned).or_else(|| {
        variables.iter().find(|(name, _)| name == FILE_VARIABLE).map(|(_, path)| PathBuf::from(path))
    });
    match named {
        Some(path) => found.read_file(&path)?,
        None => {
            if let Some(path) = FILES.iter().map(Path::new).find(|path| path.exists()) {
                found.read_file(path)?;
            }
        }
    }
    if let Some((_, dir)) = variables.iter().find(|(name, _)| name == CREDENTIALS_VARIABLE) {
        found.read_credentials(Path::new(dir))?;
    }
    found.read_environment(variables)?;
    for (key, text) in flags {
        let name = key.rsplit('.').next().unwrap_or(key).replace('_', "-");
        let place = Place::Flag(format!("--{name}"));
        found.take(key, Zeroizing::new(text.clone()), place)?;
    }
    found.finish()
}

#[derive(Default)]
struct Found {
    config: Config,
    places: BTreeMap<&'static str, Place>,
}

impl Found {
    fn take(&mut self, key: &str, text: Zeroizing<String>, place: Place) -> Result<(), Problem> {
        let (setting, text) = match SETTINGS.iter().find(|setting| setting.key == key) {
            Some(setting) => (setting, text),
            None => from_file_of(key, &text, &place)?,
        };
        // What stands in another place wins or loses by a rule; of two in one place nobody knows which is meant.
        let twin = self.places.get(setting.key);
        let twin = twin.filter(|twin| std::mem::discriminant(*twin) == std::mem::discriminant(&place));
        if let Some(twin) = twin {
            let text = format!("{} is set by {twin}, too: keep one of them", setting.key);
            return Err(Problem { place, text });
        }
        let set = (setting.set)(&mut self.config, &text);
        set.map_err(|why| Problem { place: place.clone(), text: format!("{}: {why}", setting.key) })?;
        self.places.insert(setting.key, place);
        Ok(())
    }

    fn read_file(&mut self, path: &Path) -> Result<(), Problem> {
        let at = |line| Place::File(path.to_owned(), line);
        let text = std::fs::read_to_string(path).map(Zeroizing::new);
        let text = text.map_err(|e| Problem { place: at(0), text: format!("cannot be read: {e}") })?;
        let written = written(&text).map_err(|(line, text)| Problem { place: at(line), text })?;
        for Line { key, number, value } in written.lines {
            let place = at(number);
            let text = value.ok_or_else(|| Problem {
                place: place.clone(),
                text: format!("{key}: write a text, a number, true or false, or a list of texts"),
            })?;
            self.take(&key, text, place)?;
        }
        for rule in written.rules {
            let rule = rule.read(&at).map_err(|(line, text)| Problem { place: at(line), text })?;
            self.config.access_rules.push(rule);
        }
        if self.config.access_rules.len() > MOST {
            return Err(Problem { place: at(0), text: format!("{RULES}: at most {MOST} rules are read") });
        }
        Ok(())
    }

    /// Each credential is a file that holds the value, or is the file where the value is one.
    fn read_credentials(&mut self, dir: &Path) -> Result<(), Problem> {
        let failed = |e: std::io::Error| Problem {
            place: Place::Environment(CREDENTIALS_VARIABLE.into()),
            text: format!("{} cannot be read: {e}", dir.display()),
        };
        for file in std::fs::read_dir(dir).map_err(failed)? {
            let name = file.map_err(failed)?.file_name();
            // Other programs' names may be anything; and a file with settings is named by LATCHKEY_CONFIG.
            let ours = |name: &&str| name.starts_with(CREDENTIAL) && *name != FILE_CREDENTIAL;
            let Some(name) = name.to_str().filter(ours) else { continue };
            let place = Place::Credential(name.to_owned());
            let setting = SETTINGS.iter().find(|setting| setting.credential() == name);
            let setting =
                setting.ok_or_else(|| unknown(name, &place, SETTINGS.iter().map(Setting::credential)))?;
            let path = dir.join(name).display().to_string();
            self.take(&format!("{}_file", setting.key), Zeroizing::new(path), place)?;
        }
        Ok(())
    }

    fn read_environment(&mut self, variables: Vec<(OsString, OsString)>) -> Result<(), Problem> {
        for (name, value) in variables {
            let Some(name) = name.to_str().filter(|name| name.starts_with(VARIABLE)) else { continue };
            if name == FILE_VARIABLE || name.starts_with(TEST_VARIABLES) {
                continue;
            }
            let place = Place::Environment(name.to_owned());
            let value = value.into_string().map(Zeroizing::new);
            let value = value.map_err(|_| Problem { place: place.clone(), text: "is not UTF-8".into() })?;
            let known = SETTINGS.iter().find_map(|setting| {
                let variable = setting.variable();
                let file = format!("{variable}_FILE");
                (name == variable)
                    .then(|| setting.key.to_owned())
                    .or_else(|| (name == file).then(|| format!("{}_file", setting.key)))
            });
            let key = known.ok_or_else(|| unknown(name, &place, SETTINGS.iter().map(Setting::variable)))?;
            self.take(&key, value, place)?;
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Loaded, Problem> {
        let set: Vec<&str> = self.places.keys().copied().collect();
        self.config.derive(&set);
        self.config.check().map_err(|(key, text)| Problem {
            place: self.places.get(key).cloned().unwrap_or(Place::Default),
            text: format!("{key}: {text}"),
        })?;
        Ok((self.config, self.places))
    }
}

/// A key that ends in `_file` names a file that holds the value. Where the value is a file itself, it is that one.
fn from_file_of(
    key: &str,
    path: &str,
    place: &Place,
) -> Result<(&'static Setting, Zeroizing<String>), Problem> {
    let base = key.strip_suffix("_file");
    let Some(setting) = SETTINGS.iter().find(|setting| Some(setting.key) == base) else {
        return Err(unknown(key, place, SETTINGS.iter().map(|setting| setting.key.to_owned())));
    };
    if setting.is_file() {
        return Ok((setting, Zeroizing::new(path.to_owned())));
    }
    let text = std::fs::read_to_string(path).map(Zeroizing::new);
    let text = text
        .map_err(|e| Problem { place: place.clone(), text: format!("{key}: {path} cannot be read: {e}") })?;
    Ok((setting, Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned())))
}

pub(crate) fn unknown(name: &str, place: &Place, known: impl Iterator<Item = String>) -> Problem {
    let near = known.map(|known| (distance(name, &known), known)).min();
    let hint = match near {
        Some((distance, near)) if distance <= 3 => format!(" Did you mean `{near}`?"),
        _ => " `latchkey config settings` lists them all.".to_owned(),
    };
    Problem { place: place.clone(), text: format!("there is no setting `{name}`.{hint}") }
}

/// How many letters differ, inserted and left out ones counted too.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut before = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = before + usize::from(x != *y);
            before = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loaded(
        file: &str,
        variables: &[(&str, &str)],
        flags: &[(&'static str, &str)],
    ) -> Result<Loaded, String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("latchkey.toml");
        std::fs::write(&path, file).unwrap();
        let variables = variables.iter().map(|(k, v)| (k.into(), v.into())).collect();
        let flags: Vec<_> = flags.iter().map(|(k, v)| (*k, (*v).to_owned())).collect();
        from(Some(&path), variables, &flags)
            .map_err(|problem| problem.to_string().replace(&path.display().to_string(), "latchkey.toml"))
    }

    #[test]
    fn the_environment_wins_over_the_file_and_a_flag_over_both() {
        let file = "listen = '127.0.0.1:1'\nissuer = 'File'\n[login]\nfactors = 'password+code'\n";
        let variables =
            [("LATCHKEY_LISTEN", "127.0.0.1:2"), ("LATCHKEY_ISSUER", "Environment"), ("HOME", "/x")];
        let (config, places) = loaded(file, &variables, &[("listen", "127.0.0.1:3")]).unwrap();
        assert_eq!((config.listen.port(), config.issuer.as_str()), (Some(3), "Environment"));
        assert_eq!(places["listen"].to_string(), "flag --listen");
        assert_eq!(places["issuer"].to_string(), "environment variable LATCHKEY_ISSUER");
    }

    #[test]
    fn whatever_is_unknown_or_wrong_stops_the_start_and_names_its_place() {
        let file = |text| loaded(text, &[], &[]).unwrap_err();
        assert_eq!(
            file("\nlisen = 'x'"),
            "latchkey.toml line 2: there is no setting `lisen`. Did you mean `listen`?"
        );
        assert!(
            file("[login]\nfactor = 'x'")
                .starts_with("latchkey.toml line 2: there is no setting `login.factor`.")
        );
        assert!(
            file("listen = 8080").starts_with("latchkey.toml line 1: listen: write an address and a port")
        );
        assert!(file("issuer = 'a'\nissuer = 'b'").starts_with("latchkey.toml line 2: duplicate key"));
        assert!(file("issuer = ").starts_with("latchkey.toml line 1: "));
        assert!(
            file("[login]\nfactors = 'sms'").contains("line 2: login.factors: write password+code or code")
        );
        assert!(file("registration = 'invite'").contains("invitations are not built yet"));
        assert!(file("issuer = 2026-01-01").contains("write a text"));
        let environment = |name, value| loaded("", &[(name, value)], &[]).unwrap_err();
        assert!(environment("LATCHKEY_ISUER", "x").contains("Did you mean `LATCHKEY_ISSUER`?"));
        assert!(environment("LATCHKEY_NONSENSE", "x").contains("there is no setting `LATCHKEY_NONSENSE`"));
        assert!(environment("LATCHKEY_MASTER_KEY_FILE", "/nowhere").contains("cannot be read"));
    }

    #[test]
    fn rules_stand_in_the_file_with_their_lines() {
        let file = "[[access.rules]]\nhosts = ['App.example.org']\npolicy = 'bypass'\n\n# Another.\n[[access.rules]]\n\
                    hosts = ['*.example.org']\npolicy = 'two_factor'\ngroups = ['Family']\nmax_age = '15m'\n";
        let (config, places) = loaded(file, &[], &[]).unwrap();
        assert!(places.is_empty(), "they are no settings");
        let rules: Vec<_> = config.access_rules.iter().map(|rule| rule.draft().json().to_string()).collect();
        assert_eq!(
            rules,
            [
                r#"{"hosts":["app.example.org"],"policy":"bypass"}"#,
                r#"{"groups":["family"],"hosts":["*.example.org"],"max_age":"15m","policy":"two_factor"}"#,
            ]
        );
        let lines = config.access_rules.iter().map(|rule| rule.place().unwrap().to_string());
        let lines: Vec<_> = lines.map(|place| place.rsplit_once(' ').unwrap().1.to_owned()).collect();
        assert_eq!(lines, ["1", "6"]);
        assert_eq!(loaded("[access]\nrules = []", &[], &[]).unwrap().0.access_rules, []);
    }

    #[test]
    fn a_rule_that_is_wrong_stops_the_start_and_names_its_line() {
        let rule = |more: &str| format!("# A rule.\n[[access.rules]]\nhosts = ['app.example.org']\n{more}");
        for (file, said) in [
            (rule(""), "latchkey.toml line 2: access.rules: policy: write bypass, one_factor"),
            (rule("policy = 'open'"), "latchkey.toml line 4: access.rules: policy: write bypass"),
            (rule("policy = true"), "latchkey.toml line 4: access.rules: policy: write bypass"),
            (
                rule("policy = 'one_factor'"),
                "latchkey.toml line 4: access.rules: policy: one_factor lets in whom",
            ),
            (
                rule("policy = 'deny'\nusers = ['ada']"),
                "latchkey.toml line 5: access.rules: users: deny keeps",
            ),
            (
                rule("policy = 'deny'\nuser = ['ada']"),
                "latchkey.toml line 5: access.rules: a rule has no `user`, but",
            ),
            (
                rule("policy = 'deny'\npaths = '/x'"),
                "latchkey.toml line 5: access.rules: paths: write a list",
            ),
            (
                rule("policy = 'deny'\n[access.rules.more]"),
                "latchkey.toml line 5: access.rules: a rule has no `more`",
            ),
            ("[access]\nrules = ['x']".into(), "latchkey.toml line 2: access.rules: a rule is a table"),
            ("[access]\nrules = 'x'".into(), "latchkey.toml line 2: access.rules: a rule is a table"),
            ("[access.rules]\nhosts = ['x']".into(), "latchkey.toml line 1: access.rules: a rule is a table"),
            ("[[access.rule]]\npolicy = 'deny'".into(), "latchkey.toml line 1: access.rule: write a text"),
        ] {
            let found = loaded(&file, &[], &[]).unwrap_err();
            assert!(found.starts_with(said), "{file}\n{found}");
        }
        let variable = loaded("", &[("LATCHKEY_ACCESS_RULES", "[]")], &[]).unwrap_err();
        assert!(variable.contains("there is no setting `LATCHKEY_ACCESS_RULES`"), "{variable}");
    }

    #[test]
    fn a_secret_can_be_in_a_file_and_is_never_repeated() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        std::fs::write(&path, "c2VjcmV0\n").unwrap();
        let (config, _) = loaded("", &[("LATCHKEY_MASTER_KEY_FILE", path.to_str().unwrap())], &[]).unwrap();
        assert_eq!(config.master_key.unwrap().as_str(), "c2VjcmV0");
        let said = loaded("master_key = 'hunter2secret\n", &[], &[]).unwrap_err();
        assert!(!said.contains("hunter2secret"), "{said}");
        let said = loaded("database = 'pg://ada:hunter2secret@x/y'\n", &[], &[]).unwrap_err();
        assert!(!said.contains("hunter2secret"), "{said}");
    }

    #[test]
    fn a_credential_wins_over_the_file_and_the_environment_over_the_credential() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
        write("latchkey.issuer", "Credential\n");
        write("latchkey.master_key", "c2VjcmV0\n");
        write("latchkey.tls_key", "-----BEGIN PRIVATE KEY-----\n");
        write("another.program", "hunter2");
        write("latchkey.toml", "hunter2");
        let file = "issuer = 'File'\n[tls]\ncertificate = '/c.pem'\nkey = '/k.pem'";
        let loaded = |more: &[(&str, &str)]| {
            let mut variables = vec![("CREDENTIALS_DIRECTORY", dir.path().to_str().unwrap())];
            variables.extend(more);
            loaded(file, &variables, &[])
        };
        let (config, places) = loaded(&[]).unwrap();
        assert_eq!((config.issuer.as_str(), config.master_key.unwrap().as_str()), ("Credential", "c2VjcmV0"));
        assert_eq!(places["issuer"].to_string(), "credential latchkey.issuer");
        // A setting that is a file is the credential itself.
        assert_eq!(config.tls_key, Some(dir.path().join("latchkey.tls_key")));
        assert_eq!(loaded(&[("LATCHKEY_ISSUER", "Environment")]).unwrap().0.issuer, "Environment");

        write("latchkey.master-key", "hunter2");
        let said = loaded(&[]).unwrap_err();
        assert!(said.contains("Did you mean `latchkey.master_key`?") && !said.contains("hunter2"), "{said}");
    }

    #[test]
    fn registration_is_open_on_this_machine_only() {
        let registration = |file| loaded(file, &[], &[]).unwrap().0.registration.to_string();
        assert_eq!(registration(""), "open");
        assert_eq!(registration("public_url = 'https://login.example.org'"), "closed");
        assert_eq!(registration("listen = '0.0.0.0:8080'"), "closed");
        assert_eq!(registration("listen = '0.0.0.0:8080'\nregistration = 'open'"), "open");
    }

    #[test]
    fn a_certificate_needs_its_key_and_an_https_address_which_localhost_then_gets() {
        let pair = "[tls]\ncertificate = '/c.pem'\nkey = '/k.pem'\n";
        let (config, _) = loaded(pair, &[], &[("listen", "127.0.0.1:8443")]).unwrap();
        assert_eq!(config.public_url.origin(), "https://localhost:8443");
        let said = |file: &str| loaded(file, &[], &[]).unwrap_err();
        assert!(said("[tls]\ncertificate = '/c.pem'").contains("line 2: tls.certificate: it needs its key"));
        assert!(said("[tls]\nkey = '/k.pem'").contains("line 2: tls.key: it needs its certificate"));
        let http = format!("public_url = 'http://localhost:8080'\n{pair}");
        assert!(
            said(&http).contains("line 1: public_url: http://localhost:8080 is plain http, and with [tls]")
        );
        let inside = said("[tls]\nkey = \"-----BEGIN PRIVATE KEY-----\\nhunter2\"");
        assert!(inside.contains("the path of the file") && !inside.contains("hunter2"), "{inside}");
    }

    #[test]
    fn the_simple_mode_wants_a_domain_that_the_portal_belongs_to() {
        let said = |file: &str| loaded(file, &[], &[]).unwrap_err();
        for file in [
            "[access]\ncookie_domain = 'example.org'",
            "public_url = 'https://login.example.net'\n[access]\ncookie_domain = 'example.org'",
            "public_url = 'https://badexample.org'\n[access]\ncookie_domain = 'example.org'",
        ] {
            assert!(said(file).contains("access.cookie_domain: "), "{file}: {}", said(file));
        }
        let file = "public_url = 'https://login.example.org'\n[access]\ncookie_domain = '.Example.org'";
        assert_eq!(loaded(file, &[], &[]).unwrap().0.cookie_domain.unwrap().to_string(), "example.org");
    }

    #[test]
    fn plain_http_beyond_this_machine_is_refused_with_the_remedies() {
        let said = loaded("\n\npublic_url = 'http://login.example.org'", &[], &[]).unwrap_err();
        assert!(
            said.starts_with("latchkey.toml line 3: public_url: http://login.example.org is plain http"),
            "{said}"
        );
        assert!(said.contains("proxy") && said.contains("insecure_http = true"), "{said}");
        loaded("public_url = 'http://login.example.org'\ninsecure_http = true", &[], &[]).unwrap();
    }
}
