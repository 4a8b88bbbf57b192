//! A whole set of headers, as somebody has copied it from their proxy: which of them are believed, which count for nothing and
//! why, and what is asked for. It is read by the function that answers proxies.

use std::net::IpAddr;

use auth::access::{Target, Unclear};
use auth::config::Listen;
use auth::{Config, Visit};
use axum::http::header::{ACCEPT, UPGRADE};
use axum::http::{HeaderMap, HeaderName, HeaderValue};

use super::{At, read};
use crate::bounds;
use crate::extract::{FOR, hops};
use crate::forward_auth::is_navigation;

/// What would let in whoever reads it over somebody's shoulder, or in the history of a shell.
const SECRET: [&str; 3] = ["cookie", "authorization", "proxy-authorization"];

/// By what a person's browser is told from a program.
const OF_BROWSERS: [HeaderName; 4] =
    [ACCEPT, HeaderName::from_static("sec-fetch-mode"), HeaderName::from_static("x-requested-with"), UPGRADE];

const NOT_TRUSTED: &str = "comes from a proxy that is not trusted";

/// Headers that a proxy sends, as they were copied.
pub struct Sent(HeaderMap);

/// A header that is believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Believed {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// What it says.
    pub says: &'static str,
}

/// A header that counts for nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ignored {
    /// Its name. Its value is nobody's business.
    pub name: String,
    /// Why.
    pub why: &'static str,
}

/// What is made of a set of headers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// What is asked for, if whoever asks is trusted; or what cannot be meant.
    pub target: Result<Target, Unclear>,
    /// Which headers say so.
    pub believed: Vec<Believed>,
    /// Which say nothing.
    pub ignored: Vec<Ignored>,
    /// Whether a person's browser goes there; `None` where nothing was sent that would tell.
    pub navigates: Option<bool>,
}

impl Sent {
    /// Headers as lines, such as `X-Forwarded-Host: app.example.org`. What is wrong never repeats a value.
    pub fn parse(lines: &[String]) -> Result<Sent, String> {
        let mut headers = HeaderMap::new();
        let mut bytes = 0;
        for (at, line) in lines.iter().enumerate() {
            let wrong = |what: &str| format!("header {}: {what}", at + 1);
            let (name, value) = line
                .split_once(':')
                .ok_or_else(|| wrong("write it as 'NAME: VALUE', such as 'X-Forwarded-Proto: https'"))?;
            let name = HeaderName::from_bytes(name.as_bytes())
                .map_err(|_| wrong("what stands before the colon is no name of a header"))?;
            if SECRET.contains(&&*name.as_str().replace('_', "-")) {
                return Err(format!(
                    "leave {name} out: it lets in whoever reads it, here or in the history of the shell. Who it is \
                     says --user NAME, with --token for a program"
                ));
            }
            // Spaces and tabs around a value are not part of it.
            let value = HeaderValue::from_bytes(value.trim_matches([' ', '\t']).as_bytes())
                .map_err(|_| wrong("its value has a control character, which no proxy sends"))?;
            bytes += name.as_str().len() + value.len() + 4;
            if at >= bounds::HEADERS || bytes > bounds::HEADER_BYTES {
                return Err(format!(
                    "these are more than the {} headers, or the {} bytes of headers, that Latchkey takes: it answers 431",
                    bounds::HEADERS,
                    bounds::HEADER_BYTES
                ));
            }
            headers.append(name, value);
        }
        Ok(Sent(headers))
    }

    /// The address at which a proxy asks that sends these.
    pub fn at(&self) -> At {
        if self.0.contains_key("x-original-url") { At::AuthRequest } else { At::ForwardAuth }
    }

    /// What is made of them. Without the address of the proxy it is taken for one that is trusted, where any is. `line` is the
    /// method and the address of its own request, which mean something at Envoy's only.
    pub fn read(&self, config: &Config, at: At, proxy: Option<IpAddr>, line: (&str, &str)) -> Heard {
        let (hops, is_trusted) = (hops(&self.0), is_trusted(config, proxy));
        // Of a proxy that is not trusted it is said what would be, if it were.
        let visit = match proxy.filter(|_| is_trusted) {
            Some(proxy) => Visit::new(config, proxy, hops),
            None => Visit::over_socket(config, hops),
        };
        let target = read(at, &self.0, line, &visit);
        let faulty = target.as_ref().err().copied();
        let (mut believed, mut ignored) = (Vec::new(), Vec::new());
        for name in self.0.keys() {
            match says(at, name) {
                _ if !is_trusted => ignored.push(Ignored { name: name.to_string(), why: NOT_TRUSTED }),
                Some(_) if faulty.is_some_and(|unclear| unclear.part == name.as_str()) => {
                    let why = faulty.map_or("", |unclear| unclear.why);
                    ignored.push(Ignored { name: name.to_string(), why });
                }
                Some(says) => {
                    believed.push(Believed { name: name.to_string(), value: self.value(name), says });
                }
                None => ignored.push(Ignored { name: name.to_string(), why: why_not(at, name.as_str()) }),
            }
        }
        let tells = OF_BROWSERS.iter().any(|name| self.0.contains_key(name));
        Heard { target, believed, ignored, navigates: tells.then(|| is_navigation(&self.0)) }
    }

    fn value(&self, name: &HeaderName) -> String {
        let values = self.0.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
        values.collect::<Vec<_>>().join(", ")
    }
}

/// Whether a proxy is believed that asks from there; from where is not known: whether any is.
pub fn is_trusted(config: &Config, proxy: Option<IpAddr>) -> bool {
    match proxy {
        Some(proxy) => Visit::new(config, proxy, std::iter::empty()).is_through_proxy(),
        // Only a proxy on this machine can open a socket in the file system.
        None => matches!(config.listen, Listen::Socket(_)) || !config.trusted_proxies.is_empty(),
    }
}

/// What a header says there, if it is believed.
fn says(at: At, name: &HeaderName) -> Option<&'static str> {
    let told = at.tells().into_iter().find(|(told, _)| told.header == name).map(|(_, says)| says);
    told.or_else(|| OF_BROWSERS.contains(name).then_some("whether a person's browser goes there"))
}

/// Why a header says nothing there.
fn why_not(at: At, name: &str) -> &'static str {
    let plain = name.replace('_', "-");
    let told = |at: At| at.tells().into_iter().any(|(told, _)| told.name == plain && plain != FOR.name);
    if plain.starts_with("remote-") {
        return "who somebody is, only Latchkey says";
    }
    if plain != name && (told(at) || plain == FOR.name) {
        return "has an underscore in its name: that is another header";
    }
    match at {
        _ if plain == "host" => "is the name by which Latchkey is asked",
        At::AuthRequest if told(At::ForwardAuth) => "is believed at /api/authz/forward-auth only",
        At::ExtAuthz if told(At::ForwardAuth) => "is believed at /api/authz/forward-auth only",
        At::ForwardAuth | At::ExtAuthz if told(At::AuthRequest) => {
            "is believed at /api/authz/auth-request only"
        }
        _ => "nothing goes by it",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRAEFIK: &[&str] = &[
        "X-Forwarded-Method: GET",
        "X-Forwarded-Proto: https",
        "X-Forwarded-Host: app.example.org",
        "X-Forwarded-Uri: /x?y=1",
        "X-Forwarded-For: 203.0.113.9",
    ];
    const NGINX: &[&str] = &[
        "X-Original-Method: GET",
        "X-Original-URL: https://app.example.org/x?y=1",
        "X-Forwarded-For: 203.0.113.9",
    ];
    const ENVOY: &[&str] =
        &["Host: app.example.org", "X-Forwarded-Proto: https", "X-Forwarded-For: 203.0.113.9"];
    const ALL: [(At, &[&str]); 3] =
        [(At::ForwardAuth, TRAEFIK), (At::AuthRequest, NGINX), (At::ExtAuthz, ENVOY)];

    fn lines(lines: &[&str]) -> Vec<String> {
        lines.iter().map(|line| (*line).to_owned()).collect()
    }

    fn trusting(networks: &str) -> Config {
        let mut config = Config::default();
        config.set("trusted_proxies", networks).unwrap();
        config
    }

    fn heard(at: At, sent: &[&str], proxy: Option<&str>) -> Heard {
        let sent = Sent::parse(&lines(sent)).unwrap_or_else(|why| panic!("{why}"));
        let proxy = proxy.map(|ip| ip.parse().unwrap());
        sent.read(&trusting("127.0.0.1,10.0.0.0/8"), at, proxy, ("GET", "/api/authz/ext-authz/x?y=1"))
    }

    #[test]
    fn every_header_that_is_believed_changes_what_is_asked_for_and_no_other_does() {
        for (at, sent) in ALL {
            let whole = heard(at, sent, Some("127.0.0.1"));
            let target = whole.target.clone().unwrap();
            assert_eq!(target.url(), "https://app.example.org/x?y=1", "{at:?}");
            assert_eq!(target.address(), Some("203.0.113.9".parse().unwrap()), "{at:?}");
            assert_eq!((whole.believed.len(), whole.ignored.len()), (sent.len(), 0), "{at:?}");
            for left_out in 0..sent.len() {
                let mut less = sent.to_vec();
                less.remove(left_out);
                assert_ne!(heard(at, &less, None).target, whole.target, "{at:?}: {}", sent[left_out]);
            }
            for other in [
                "Remote-User: eve",
                "Remote_User: eve",
                "X-Real-IP: 10.0.0.1",
                "Forwarded: for=10.0.0.1;host=evil.example",
                "X-Forwarded-Port: 1",
                "X-Rewrite-URL: /public",
                "Accept: text/html",
            ] {
                let more = heard(at, &[sent, &[other]].concat(), None);
                assert_eq!(more.target, whole.target, "{at:?}: {other}");
                let believed = more.believed.len() - whole.believed.len();
                assert_eq!(believed, usize::from(other.starts_with("Accept")), "{at:?}: {other}");
                assert_eq!(more.ignored.len(), 1 - believed, "{at:?}: {other}");
            }
        }
    }

    #[test]
    fn what_counts_for_nothing_says_why() {
        let why = |at: At, sent: &[&str], name: &str| {
            let heard = heard(at, sent, None);
            let ignored = heard.ignored.iter().find(|ignored| ignored.name == name);
            ignored.unwrap_or_else(|| panic!("{name} in {heard:?}")).why
        };
        let both = [TRAEFIK, NGINX].concat();
        assert!(why(At::ForwardAuth, &both, "x-original-url").contains("auth-request only"));
        assert!(why(At::AuthRequest, &both, "x-forwarded-uri").contains("forward-auth only"));
        assert!(
            why(At::ExtAuthz, &[ENVOY, &["X-Forwarded-Host: b"]].concat(), "x-forwarded-host")
                .contains("only")
        );
        assert!(why(At::ForwardAuth, &["Host: x"], "host").contains("Latchkey is asked"));
        assert!(why(At::ForwardAuth, &["Remote_User: x"], "remote_user").contains("only Latchkey says"));
        assert!(
            why(At::ForwardAuth, &["x_forwarded_for: 10.0.0.1"], "x_forwarded_for").contains("underscore")
        );
        assert_eq!(why(At::ForwardAuth, &["X-Real-IP: x"], "x-real-ip"), "nothing goes by it");
    }

    #[test]
    fn nothing_is_believed_of_a_proxy_that_is_not_trusted() {
        for (at, sent) in ALL {
            let stranger = heard(at, sent, Some("192.0.2.1"));
            assert_eq!((stranger.believed.len(), stranger.ignored.len()), (0, sent.len()), "{at:?}");
            assert!(stranger.ignored.iter().all(|ignored| ignored.why == NOT_TRUSTED), "{at:?}");
            // What it would be is told nevertheless.
            assert_eq!(stranger.target, heard(at, sent, Some("127.0.0.1")).target, "{at:?}");
        }
        let trusts = |networks: &str, proxy: Option<&str>| {
            is_trusted(&trusting(networks), proxy.map(|ip| ip.parse().unwrap()))
        };
        assert!(!trusts("", None) && !trusts("", Some("127.0.0.1")));
        assert!(trusts("127.0.0.1", None) && trusts("127.0.0.1", Some("::ffff:127.0.0.1")));
        assert!(!trusts("127.0.0.1", Some("127.0.0.2")));
    }

    #[test]
    fn what_came_twice_or_in_two_spellings_or_not_at_all_is_named() {
        for (more, why) in [
            ("X-Forwarded-Host: app.example.org", "came more than once"),
            ("X_Forwarded_Host: app.example.org", "came in two spellings"),
        ] {
            let heard = heard(At::ForwardAuth, &[TRAEFIK, &[more]].concat(), None);
            assert_eq!(heard.target, Err(Unclear { part: "x-forwarded-host", why }));
            assert!(
                heard.ignored.iter().any(|ignored| ignored.name == "x-forwarded-host" && ignored.why == why)
            );
        }
        let missing = heard(At::AuthRequest, &NGINX[..1], None).target.unwrap_err();
        assert_eq!((missing.part, missing.why), ("x-original-url", "did not come"));
    }

    #[test]
    fn hops_are_judged_from_the_right_by_the_trusted_networks() {
        let from = |hops: &[&str], proxy: &str| {
            let sent: Vec<String> = hops.iter().map(|hop| format!("X-Forwarded-For: {hop}")).collect();
            let sent: Vec<&str> =
                TRAEFIK[..4].iter().copied().chain(sent.iter().map(|line| &**line)).collect();
            let heard = heard(At::ForwardAuth, &sent, Some(proxy));
            heard.target.map(|target| target.address().map(|ip| ip.to_string()).unwrap_or_default())
        };
        assert_eq!(from(&["192.0.2.66, 203.0.113.9, 10.1.2.3"], "127.0.0.1").unwrap(), "203.0.113.9");
        assert_eq!(from(&["192.0.2.66", "10.1.2.3"], "127.0.0.1").unwrap(), "192.0.2.66");
        assert_eq!(from(&[], "127.0.0.1").unwrap(), "", "the proxy itself is never meant");
        assert_eq!(from(&["unknown"], "127.0.0.1").unwrap_err().part, FOR.name);
    }

    #[test]
    fn a_secret_is_refused_and_never_repeated() {
        for line in [
            "Cookie: __Host-latchkey-app=hunter2",
            "cookie:hunter2",
            "AUTHORIZATION: Bearer hunter2",
            "Proxy_Authorization: Basic hunter2",
            "Cookie hunter2",
            "Cookie hunter2: x",
            "X-A: hunter2\r\nCookie: x",
            ": hunter2",
        ] {
            let Err(said) = Sent::parse(&lines(&[line])) else { panic!("{line:?} is taken") };
            assert!(!said.contains("hunter2"), "{said}");
        }
        let Err(said) = Sent::parse(&lines(&["Cookie: x"])) else { panic!("a cookie is taken") };
        assert!(said.starts_with("leave cookie out"), "{said}");
        let many = vec!["a: b".to_owned(); bounds::HEADERS + 1];
        assert!(Sent::parse(&many).is_err_and(|said| said.contains("431")));
        assert!(Sent::parse(&[format!("a: {}", "x".repeat(bounds::HEADER_BYTES))]).is_err());
        assert!(Sent::parse(&many[1..]).is_ok());
    }

    #[test]
    fn a_browser_is_told_from_a_program_where_anything_tells() {
        let navigates = |more: &[&str]| heard(At::ForwardAuth, &[TRAEFIK, more].concat(), None).navigates;
        assert_eq!(navigates(&[]), None);
        assert_eq!(navigates(&["Accept: text/html"]), Some(true));
        assert_eq!(navigates(&["Accept: */*"]), Some(false));
    }
}
