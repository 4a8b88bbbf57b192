//! What must hold whatever is read: one function for each parser of this crate. The fuzzers in `fuzz/` call them for as long as one
//! likes, the tests below for a moment. No program has them: they are there for tests and under the feature `fuzzing`.
//! Files that somebody imports or shows are in `hostile/files.rs`, and what is asked of the doors of programs in `hostile/access.rs`.

mod access;
mod files;
#[cfg(test)]
#[path = "../../../fuzz/short_run.rs"]
mod short_run;
#[cfg(test)]
mod tests;

use std::net::IpAddr;

use unicode_normalization::{UnicodeNormalization, is_nfc};
use zeroize::Zeroizing;

use crate::config::file::written;
use crate::config::load::{Place, unknown};
use crate::config::{Config, Listen, Network, PublicUrl, SETTINGS};
use crate::name::Name;
use crate::password::stored_hash;
use crate::{Password, Token, Visit, Words, browser_and_system, master_key};

pub use access::access_target;
pub use files::{import_otpauth, import_sqlite, logo};

fn text(input: &[u8]) -> Option<&str> {
    std::str::from_utf8(input).ok()
}

/// The words of a recovery code or of a link: our letters only, and the same however they are written again.
pub fn recovery_words(input: &[u8]) {
    let Some(words) = text(input).and_then(Words::parse) else { return };
    assert!((1..=64).contains(&words.bytes().len()));
    assert!(words.bytes().iter().all(|b| b"0123456789abcdefghjkmnpqrstvwxyz".contains(b)));
    for again in [words.reveal(), words.reveal().to_uppercase().replace('-', " ").replace('0', "O")] {
        assert!(Words::parse(&again).as_ref() == Some(&words), "{again}");
    }
}

/// The token of a cookie: one text for each token, and no other is read.
pub fn token(input: &[u8]) {
    let Some(text) = text(input) else { return };
    if let Some(token) = Token::parse(text) {
        assert_eq!(token.reveal(), text);
    }
}

/// A username: of our letters, within its length, and its own canonical form.
pub fn username(input: &[u8]) {
    let Some(text) = text(input) else { return };
    let Ok(name) = Name::parse(text) else { return };
    assert!((1..=64).contains(&name.shown().len()) && text.contains(name.shown()));
    assert!(name.key().bytes().all(|b| b.is_ascii_graphic() && !b.is_ascii_uppercase()));
    assert_eq!(Name::parse(name.shown()).as_ref(), Ok(&name));
    for other in [name.key().to_owned(), name.shown().to_ascii_uppercase(), format!("  {} ", name.key())] {
        assert_eq!(Name::parse(&other).map(|other| other.key().to_owned()), Ok(name.key().to_owned()));
    }
}

/// A password: in form NFC however it was composed, unless it is beyond measure; and one that may be chosen has its length.
pub fn password(input: &[u8]) {
    let Some(text) = text(input) else { return };
    let typed = Password::new(text.to_owned());
    assert!(!format!("{typed:?}").contains("..") && format!("{typed:?}") == "Password(…)");
    if text.len() <= 4096 {
        assert!(is_nfc(typed.text()));
        let taken_apart: String = text.nfd().collect();
        if taken_apart.len() <= 4096 {
            assert_eq!(Password::new(taken_apart).text(), typed.text());
        }
    }
    if typed.check("ada", &[]).is_ok() {
        assert!((8..=256).contains(&typed.text().chars().count()), "{text:?}");
    }
}

/// The lines of `input`: the trusted networks, the peer, and then what it said for whom it speaks.
pub fn forwarded(input: &[u8]) {
    let Some(text) = text(input) else { return };
    let mut lines = text.split('\n');
    let (trusted, peer) = (lines.next().unwrap_or(""), lines.next().unwrap_or(""));
    let forwarded: Vec<&str> = lines.collect();
    let mut config = Config::default();
    let Ok(peer) = peer.parse::<IpAddr>() else { return };
    if config.set("trusted_proxies", trusted).is_err() {
        return;
    }
    let is_trusted = |ip: IpAddr| config.trusted_proxies.iter().any(|network| network.contains(ip));
    let hops: Vec<IpAddr> =
        forwarded.iter().flat_map(|value| value.split(',')).flat_map(|hop| hop.trim().parse()).collect();
    let known = |ip: IpAddr| hops.iter().any(|hop| hop.to_canonical() == ip);

    let visit = Visit::new(&config, peer, forwarded.iter().copied());
    let client = visit.address.expect("a peer has an address");
    if is_trusted(peer) {
        assert!(known(client) || client == peer.to_canonical());
    } else {
        assert_eq!(client, peer.to_canonical(), "who is not trusted speaks for nobody");
    }
    let socket = Visit::over_socket(&config, forwarded.iter().copied());
    assert!(socket.address.is_none_or(known));
    // Whoever is no trusted proxy can write whatever they like to the left of themselves.
    let more: Vec<&str> = ["6.6.6.6, 7.7.7.7"].into_iter().chain(forwarded.iter().copied()).collect();
    if !is_trusted(client) {
        assert_eq!(Visit::new(&config, peer, more.iter().copied()).address, Some(client));
    }
    if let Some(client) = socket.address.filter(|client| !is_trusted(*client)) {
        assert_eq!(Visit::over_socket(&config, more.iter().copied()).address, Some(client));
    }
    for visit in [visit, socket] {
        let budget = visit.budget().unwrap_or_default();
        assert!(
            budget.len() <= 45 && budget.bytes().all(|b| b.is_ascii_hexdigit() || b".:/".contains(&b)),
            "{budget}"
        );
    }
}

/// What a browser calls itself: printable, and not endless, wherever it is kept.
pub fn agent(input: &[u8]) {
    let Some(text) = text(input) else { return };
    let agent = Visit::default().with_agent(text).agent;
    assert!(agent.chars().count() <= 200 && !agent.contains(char::is_control));
    let _ = browser_and_system(text);
    let (browser, system) = browser_and_system(&agent);
    assert!(browser.is_none_or(|name| name.len() < 10) && system.is_none_or(|name| name.len() < 10));
}

/// The lines of `input`: a public address, and a `Host` header. Only the one host is ours, on any spelling of its port.
pub fn public_url(input: &[u8]) {
    let Some(text) = text(input) else { return };
    let (url, host) = text.split_once('\n').unwrap_or((text, ""));
    let Ok(public) = url.parse::<PublicUrl>() else { return };
    let origin = public.origin();
    assert!(origin.bytes().all(|b| b.is_ascii_graphic() && !b.is_ascii_uppercase()), "{origin}");
    assert_eq!(origin.parse(), Ok(public.clone()), "{origin}");
    assert!(public.is_reached_as(&public.authority()));
    let port = url.trim_end_matches('/').rsplit_once(':').map_or("", |(_, port)| port);
    assert!(!port.starts_with('+'), "a port is digits: {url}");
    if let Some(ip) = public.host().strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        let ip: std::net::Ipv6Addr = ip.parse().expect("it was read as an address");
        assert_eq!(public.host(), format!("[{ip}]"), "browsers write an address in one way");
    }
    for other in [
        format!("evil.{}", public.authority()),
        format!("{}.evil.example", public.authority()),
        String::new(),
    ] {
        assert!(!public.is_reached_as(&other), "{other}");
    }
    if public.is_reached_as(host) {
        let name =
            host.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')).map_or(host, |(name, _)| name);
        let own = ["localhost", "127.0.0.1", "[::1]"];
        assert!(
            name == public.host() || (public.is_loopback() && own.contains(&name)),
            "{origin} is not {host}"
        );
    }
}

/// Where it listens: what is read is written in one way, and a socket has its whole path.
pub fn listen(input: &[u8]) {
    let Some(text) = text(input) else { return };
    let Ok(listen) = text.parse::<Listen>() else { return };
    assert_eq!(listen.to_string().parse(), Ok(listen.clone()), "{text:?}");
    if let Listen::Socket(path) = &listen {
        assert!(path.is_absolute() && !listen.is_loopback() && listen.port().is_none());
    }
}

/// A network of proxies: holds its own base, and is written in one way.
pub fn networks(input: &[u8]) {
    let Some(text) = text(input) else { return };
    let Ok(network) = text.parse::<Network>() else { return };
    assert_eq!(network.to_string().parse(), Ok(network));
    let (base, bits) = text.split_once('/').unwrap_or((text, "0"));
    assert!(network.contains(base.parse().expect("it was read as an address")));
    assert!(!bits.is_empty() && bits.bytes().all(|b| b.is_ascii_digit()), "a length is digits: {text}");
    if network.is_everybody() {
        assert!(bits.bytes().all(|b| b == b'0') || bits == "96", "{text} is everybody");
    }
}

/// A master key: the base64 of 32 bytes in its one spelling. A refusal does not repeat what may be a key.
pub fn master_key(input: &[u8]) {
    let Some(text) = text(input) else { return };
    match master_key::parse(text, "it") {
        Ok(key) => assert_eq!(data_encoding::BASE64.encode(&*key), text.trim()),
        // Whatever was there, it is not repeated.
        Err(refusal) => {
            let other = master_key::parse("another", "it").expect_err("that is no key");
            assert_eq!(refusal.to_string(), other.to_string());
        }
    }
}

/// A stored hash: whoever can write to the database cannot make it cost more than a machine bears.
pub fn password_hash(input: &[u8]) {
    let Some((phc, params)) = text(input).and_then(stored_hash) else { return };
    assert!(params.m_cost() <= 1 << 18 && params.t_cost() <= 16 && params.p_cost() == 1);
    let (_, again) = stored_hash(&phc.to_string()).expect("what was read can be written and read");
    assert_eq!((again.m_cost(), again.t_cost()), (params.m_cost(), params.t_cost()));
}

/// A file with settings, but for those that name another file.
pub fn config_file(input: &[u8]) {
    let Some(text) = text(input) else { return };
    let written = match written(text) {
        Ok(written) => written,
        Err((line, why)) => {
            return assert!((1..=text.split('\n').count()).contains(&line) && !why.is_empty());
        }
    };
    let mut config = Config::default();
    let mut set = Vec::new();
    for line in written.lines {
        assert!((1..=text.split('\n').count()).contains(&line.number));
        let Some(value) = line.value else { continue };
        let Some(setting) = SETTINGS.iter().find(|setting| setting.key == line.key) else {
            let problem =
                unknown(&line.key, &Place::Default, SETTINGS.iter().map(|setting| setting.key.to_owned()));
            assert!(problem.text.starts_with("there is no setting `"));
            continue;
        };
        if setting.key != "branding.logo" && config.set(setting.key, &value).is_ok() {
            set.push(setting.key);
        }
    }
    for rule in written.rules {
        match rule.read(&|line| Place::File("latchkey.toml".into(), line)) {
            Ok(rule) => access::must_be_sound(&rule),
            Err((line, why)) => assert!((1..=text.split('\n').count()).contains(&line) && !why.is_empty()),
        }
    }
    config.derive(&set);
    let sound = config.check().is_ok();
    let plain = !config.public_url.is_https() && !config.public_url.is_loopback();
    assert!(!sound || !plain || config.insecure_http, "plain http has to be meant");
}

/// The lines of `input`: a setting, and its text. What is taken is shown in a way that is taken and shown the same.
pub fn config_value(input: &[u8]) {
    let Some((key, value)) = text(input).and_then(|text| text.split_once('\n')) else { return };
    let Some(setting) = SETTINGS.iter().find(|setting| setting.key == key || setting.variable() == key)
    else {
        return;
    };
    let mut config = Config::default();
    // The one reads a file, and the other is not shown.
    if setting.key == "branding.logo" || config.set(setting.key, value).is_err() || setting.key == "database"
    {
        return;
    }
    let shown = setting.text(&config);
    if setting.key == "master_key" {
        return assert_eq!(shown, "…");
    }
    let mut again = Config::default();
    again
        .set(setting.key, &shown)
        .unwrap_or_else(|why| panic!("{key} = {shown:?} was shown and is refused: {why}"));
    assert_eq!(setting.text(&again), shown, "{key}");
    config.derive(&[setting.key]);
    let _ = config.check();
}

/// The address of a database, with a password wherever one may stand: read without a panic, and shown without the password.
pub fn database_url(input: &[u8]) {
    const SECRET: &str = "Hunter2";
    let Some(text) = text(input) else { return };
    let _ = Config::default().set("database", text);
    if text.contains(SECRET) {
        return;
    }
    let (before, after) = text.split_once('\n').unwrap_or((text, ""));
    for url in [
        format!("postgres://{before}:{SECRET}{after}@localhost/latchkey"),
        format!("postgres://{before}:{after}{SECRET}@localhost/latchkey"),
        format!("postgres://{before}?password={SECRET}{after}"),
        format!("postgres://{before}?user=ada&password={after}{SECRET}"),
    ] {
        let mut config = Config::default();
        if let Err(why) = config.set("database", &url) {
            assert!(!why.contains(SECRET), "{why}");
        }
        config.database = Zeroizing::new(url);
        assert!(
            !config.database_shown().contains(SECRET),
            "{} shows {}",
            *config.database,
            config.database_shown()
        );
    }
}
