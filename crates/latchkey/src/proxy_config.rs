//! `latchkey proxy-config PROXY`: how a proxy asks Latchkey before each request to a program. The files are those in
//! `deploy/proxy`, with the names and addresses that are right here.

use auth::config::Listen;
use clap::{Args, ValueEnum};

use crate::exit::{Result, Trouble};
use crate::settings::{Flags, Settings};
use crate::terminal::print;

/// What the files have in the place of names and addresses.
const PORTAL: &str = "login.example.org";
const APP: &str = "app.example.org";
const LATCHKEY: &str = "127.0.0.1:8080";
const UPSTREAM: &str = "127.0.0.1:9000";

/// What Traefik's file has for each host that is guarded.
const HOST_RULE: &str = "Host(`app.example.org`)";

/// The proxies that there is a file for.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Proxy {
    /// nginx
    Nginx,
    /// Caddy
    Caddy,
    /// Traefik: a file for its file provider
    Traefik,
    /// HAProxy
    Haproxy,
    /// The Lua that HAProxy asks with
    HaproxyLua,
}

/// What is guarded.
#[derive(Args)]
pub(crate) struct What {
    /// The proxy
    proxy: Proxy,
    /// Names of the hosts whose programs are guarded
    #[arg(value_name = "HOST", default_value = APP)]
    hosts: Vec<String>,
    /// Where the proxy reaches the program
    #[arg(long, value_name = "ADDRESS:PORT", default_value = UPSTREAM)]
    upstream: String,
}

/// The names and addresses that are right here.
struct Names {
    portal: String,
    latchkey: String,
    hosts: Vec<String>,
    upstream: String,
}

/// Prints the file.
pub(crate) fn run(flags: &Flags, what: &What) -> Result<()> {
    let settings = flags.load()?;
    let names = Names::of(&settings, what)?;
    print(&names.put_into(what.proxy));
    if !settings.is_set("public_url") {
        eprintln!(
            "latchkey: set public_url to the https address of the portal: {PORTAL} is written in its place"
        );
    }
    if settings.config.trusted_proxies.is_empty() {
        eprintln!(
            "latchkey: set trusted_proxies to the address of the proxy: nobody else is told who may pass"
        );
    }
    Ok(())
}

impl Names {
    fn of(settings: &Settings, what: &What) -> Result<Names> {
        let config = &settings.config;
        if config.tls_files().is_some() {
            return Err(Trouble::failed(
                "with [tls] Latchkey speaks https itself, and these files ask it in plain http: take [tls] away, and let the \
                 proxy speak https",
            ));
        }
        let Listen::Address(mut listen) = config.listen.clone() else {
            return Err(Trouble::failed(
                "`listen` is a socket in the file system, and HAProxy and Traefik cannot ask there: set it to an address and a \
                 port",
            ));
        };
        if listen.ip().is_unspecified() {
            listen.set_ip(match listen.is_ipv4() {
                true => std::net::Ipv4Addr::LOCALHOST.into(),
                false => std::net::Ipv6Addr::LOCALHOST.into(),
            });
        }
        let is_set = settings.is_set("public_url");
        let portal = if is_set { config.public_url.host().to_owned() } else { PORTAL.to_owned() };
        let mut hosts = Vec::new();
        for host in &what.hosts {
            let host = host_name(host)?;
            if host == portal {
                return Err(Trouble::usage(format!("{host} is the portal itself, which guards the others")));
            }
            if !hosts.contains(&host) {
                hosts.push(host);
            }
        }
        Ok(Names { portal, latchkey: listen.to_string(), hosts, upstream: upstream(&what.upstream)? })
    }

    fn put_into(&self, proxy: Proxy) -> String {
        match proxy {
            Proxy::Nginx => {
                // A server for each host: the name that nginx goes by is the one that is written there.
                let text = include_str!("../../../deploy/proxy/nginx.conf");
                let (before, server) = text.split_at(text.rfind("\nserver {\n").expect("it has a server"));
                self.filled(before, APP) + &self.for_each_host(server).concat()
            }
            Proxy::Caddy => {
                self.filled(include_str!("../../../deploy/proxy/Caddyfile"), &self.hosts.join(", "))
            }
            Proxy::Traefik => {
                let text = include_str!("../../../deploy/proxy/traefik.yml");
                let certificate = "    - certFile: /etc/ssl/app.example.org.pem";
                let (before, certificate) = text.split_at(text.find(certificate).expect("it has this line"));
                let rule = self.for_each_host(HOST_RULE).join(" || ");
                let pieces: Vec<String> =
                    before.split(HOST_RULE).map(|piece| self.filled(piece, APP)).collect();
                pieces.join(&rule) + &self.for_each_host(certificate).concat()
            }
            Proxy::Haproxy => {
                self.filled(include_str!("../../../deploy/proxy/haproxy.cfg"), &self.hosts.join(" "))
            }
            Proxy::HaproxyLua => self.filled(include_str!("../../../deploy/proxy/latchkey.lua"), APP),
        }
    }

    fn for_each_host(&self, text: &str) -> Vec<String> {
        self.hosts.iter().map(|host| self.filled(text, host)).collect()
    }

    /// The text with the right names and addresses. What was put in is not looked at again: it may be called like an example.
    fn filled(&self, mut text: &str, app: &str) -> String {
        let pairs = [
            (PORTAL, self.portal.as_str()),
            (APP, app),
            (LATCHKEY, &self.latchkey),
            (UPSTREAM, &self.upstream),
        ];
        let mut filled = String::new();
        while let Some((at, (example, right))) =
            pairs.iter().filter_map(|pair| Some((text.find(pair.0)?, pair))).min_by_key(|(at, _)| *at)
        {
            filled.push_str(&text[..at]);
            filled.push_str(right);
            text = &text[at + example.len()..];
        }
        filled + text
    }
}

/// The name of a host, as it may stand in a proxy's file. Nothing that could end a word or begin another there is one.
fn host_name(text: &str) -> Result<String> {
    let host = text.to_ascii_lowercase();
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if host.len() > 253 || !host.split('.').all(is_label) {
        return Err(Trouble::usage(format!(
            "{text:?} is no name of a host: write letters, digits, hyphens and dots, such as {APP}"
        )));
    }
    Ok(host)
}

/// An address and a port, as they may stand there.
fn upstream(text: &str) -> Result<String> {
    let wrong =
        || Trouble::usage(format!("{text:?} is no address with a port: write one such as {UPSTREAM}"));
    if text.parse::<std::net::SocketAddr>().is_ok() {
        return Ok(text.to_owned());
    }
    let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
    let port: u16 = port.parse().map_err(|_| wrong())?;
    Ok(format!("{}:{port}", host_name(host).map_err(|_| wrong())?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Proxy; 5] = [Proxy::Nginx, Proxy::Caddy, Proxy::Traefik, Proxy::Haproxy, Proxy::HaproxyLua];

    fn names(hosts: &[&str]) -> Names {
        Names {
            portal: "auth.home.test".to_owned(),
            latchkey: "127.0.0.1:9000".to_owned(),
            hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
            upstream: "wiki.internal:8080".to_owned(),
        }
    }

    #[test]
    fn nothing_of_the_examples_is_left_and_what_is_put_in_stays() {
        for proxy in ALL {
            let text = names(&["app.home.test", "wiki.home.test"]).put_into(proxy);
            for left in ["example.org", "127.0.0.1:8080"] {
                assert!(!text.contains(left), "{text}");
            }
            assert!(text.contains("127.0.0.1:9000"), "{text}");
            if !matches!(proxy, Proxy::HaproxyLua) {
                for put in ["auth.home.test", "app.home.test", "wiki.home.test", "wiki.internal:8080"] {
                    assert!(text.contains(put), "{put}: {text}");
                }
            }
        }
    }

    #[test]
    fn the_examples_themselves_come_out_as_the_files_are() {
        let examples = Names {
            portal: PORTAL.to_owned(),
            latchkey: LATCHKEY.to_owned(),
            hosts: vec![APP.to_owned()],
            upstream: UPSTREAM.to_owned(),
        };
        let files = [
            include_str!("../../../deploy/proxy/nginx.conf"),
            include_str!("../../../deploy/proxy/Caddyfile"),
            include_str!("../../../deploy/proxy/traefik.yml"),
            include_str!("../../../deploy/proxy/haproxy.cfg"),
            include_str!("../../../deploy/proxy/latchkey.lua"),
        ];
        for (proxy, file) in ALL.into_iter().zip(files) {
            assert_eq!(examples.put_into(proxy), file);
        }
    }

    #[test]
    fn what_could_be_more_than_a_name_is_refused() {
        for host in ["a", "app.example.org", "APP.Example.org", "xn--bcher-kva.example", "10.0.0.1"] {
            assert!(host_name(host).is_ok(), "{host}");
        }
        for host in [
            "",
            ".",
            "a..b",
            "a.b.",
            "-a",
            "a-",
            "*.example.org",
            "a b",
            "a;",
            "a{",
            "a`",
            "a\"",
            "a\n",
            "a$b",
            "a#",
            "a/b",
            "a:443",
            "bücher.example",
            "a_b",
        ] {
            assert!(host_name(host).is_err(), "{host:?}");
        }
        for address in ["127.0.0.1:9000", "[::1]:9000", "wiki.internal:80"] {
            assert_eq!(upstream(address).ok().as_deref(), Some(address));
        }
        for address in
            ["", "9000", ":9000", "a:", "a:x", "a:99999", "a b:80", "a;b:80", "http://a:80", "a:80/"]
        {
            assert!(upstream(address).is_err(), "{address:?}");
        }
    }
}
