//! Who reaches it, and how: addresses, the certificate, the port, the public address, proxies, and who may register.

use auth::config::{Listen, Registration};
use auth::{Clock, Config, Time};
use web::probe::{self, Probe};
use web::tls::Pair;

use super::Finding;
use crate::terminal::count;

/// Whoever renews certificates does it before this many days are left.
const SOON: i64 = 14;

/// Everything between a browser and the program.
pub(super) fn look(config: &Config) -> Vec<Finding> {
    let mut findings = vec![addresses(config)];
    let pair = config.tls_files().map(|(certificate, key)| Pair::read(certificate, key));
    if let Some(pair) = &pair {
        findings.extend(certificate(config, pair, Clock::System.now()));
    }
    let (port, it_runs) = port(config, pair.as_ref().and_then(|pair| pair.as_ref().ok()));
    findings.push(port);
    findings.extend(public_address(config, it_runs));
    findings.push(proxies(config));
    findings.extend(metrics(config));
    findings.push(registration(config));
    findings
}

fn addresses(config: &Config) -> Finding {
    let (public, listen) = (&config.public_url, &config.listen);
    let origin = public.origin();
    match (public.is_loopback(), public.is_https(), listen.is_loopback()) {
        (true, _, true) => Finding::ok("addresses", format!("{origin}, on this machine only")),
        (true, _, false) => Finding::wrong(
            "addresses",
            format!("it listens on {listen}, and answers to {origin} only, which is this machine"),
            "set public_url to the https address that browsers use, or listen on 127.0.0.1",
        ),
        (false, false, _) => Finding::note(
            "addresses",
            format!("{origin} is plain http: whoever is on the way can read passwords and codes"),
            "set [tls], or put a proxy that speaks https before it, and set public_url to its address",
        ),
        (false, true, _) if config.tls_files().is_some() => {
            Finding::ok("addresses", format!("{origin}, on {listen}, which speaks https"))
        }
        (false, true, false) if matches!(listen, Listen::Address(_)) => Finding::note(
            "addresses",
            format!("{origin}, by a proxy to {listen}, which is plain http and open to the network"),
            "see that only the proxy reaches that port, or listen on 127.0.0.1 if the proxy is on this machine",
        ),
        (false, true, _) => Finding::ok("addresses", format!("{origin}, by a proxy to {listen}")),
    }
}

fn certificate(config: &Config, pair: &Result<Pair, String>, now: Time) -> Vec<Finding> {
    let pair = match pair {
        Ok(pair) => pair,
        Err(why) => {
            return vec![Finding::wrong(
                "certificate",
                why.clone(),
                "mend it; the start is refused as it is",
            )];
        }
    };
    let host = config.public_url.host();
    let ends = auth::date(pair.ends_at);
    let days = count(pair.days_left(now), "day", "days");
    let renew = "put a new one in its place; a server that runs takes it within a minute";
    let mut findings = vec![if !pair.is_for(host) {
        Finding::wrong(
            "certificate",
            format!("it is for other names than {host}"),
            "get one for the host of public_url",
        )
    } else if pair.ends_at <= now {
        Finding::wrong("certificate", format!("it ended on {ends}: browsers refuse it"), renew)
    } else if pair.begins_at > now {
        let text = format!("it begins on {} only: browsers refuse it", auth::date(pair.begins_at));
        Finding::wrong("certificate", text, "see whether this machine's clock is right")
    } else if pair.days_left(now) < SOON {
        Finding::note("certificate", format!("for {host}, until {ends}: {days} left"), renew)
    } else {
        Finding::ok("certificate", format!("for {host}, until {ends}: {days} left; the key is its own"))
    }];
    if let Some((_, key)) = config.tls_files().filter(|_| pair.key_is_open) {
        findings.push(Finding::wrong(
            "certificate",
            format!("everybody on this machine may read {}", key.display()),
            format!("chmod 600 {}", key.display()),
        ));
    }
    findings
}

/// Whether somebody listens there, and whether that is us.
fn port(config: &Config, pair: Option<&Pair>) -> (Finding, bool) {
    let listen = &config.listen;
    if listen.port() == Some(0) {
        return (Finding::ok("port", "the system chooses one at every start"), false);
    }
    let another = "stop it, or listen elsewhere: --listen";
    let finding = match probe::listener(listen, &config.public_url, pair) {
        Probe::Alive => return (Finding::ok("port", format!("Latchkey answers on {listen}")), true),
        Probe::Nobody => {
            Finding::ok("port", format!("nothing listens on {listen}, so it is free for the next start"))
        }
        Probe::Untrusted(_) => Finding::note(
            "port",
            format!("what listens on {listen} shows another certificate than the one in the file"),
            "if it is Latchkey, it takes the new one within a minute, or at once with `kill -HUP`",
        ),
        Probe::Other(what) => {
            Finding::wrong("port", format!("another program has {listen}; it answers `{what}`"), another)
        }
        Probe::Unreached(why) => Finding::note("port", format!("{listen} cannot be asked: {why}"), another),
    };
    (finding, false)
}

/// Whether the address in the browser leads here. From this machine it may not, where others see it well.
fn public_address(config: &Config, it_runs: bool) -> Option<Finding> {
    let public = &config.public_url;
    if public.is_loopback() {
        return None;
    }
    let origin = public.origin();
    let elsewhere =
        "look with a browser on another machine: names, firewalls and routers may differ from here";
    Some(match probe::public(public) {
        Probe::Alive => Finding::ok("public address", format!("{origin} answers")),
        Probe::Untrusted(why) => Finding::note(
            "public address",
            format!("this machine does not accept the certificate of {origin}: {why}"),
            "if browsers do, all is well; else get one from an authority that they know",
        ),
        Probe::Other(what) if it_runs => Finding::wrong(
            "public address",
            format!("{origin} answers `{what}`, and not as Latchkey does"),
            format!(
                "see that the proxy passes everything on to {}, with the Host that it got",
                config.listen
            ),
        ),
        Probe::Other(what) => Finding::note(
            "public address",
            format!("{origin} answers `{what}`, and not as Latchkey does"),
            "start Latchkey, and look again",
        ),
        Probe::Nobody => Finding::note(
            "public address",
            format!("{origin} could not be reached from here: nobody listens there"),
            elsewhere,
        ),
        Probe::Unreached(why) => Finding::note(
            "public address",
            format!("{origin} could not be reached from here: {why}"),
            elsewhere,
        ),
    })
}

fn proxies(config: &Config) -> Finding {
    let direct = config.tls_files().is_some() && matches!(config.listen, Listen::Address(_));
    if config.trusted_proxies.iter().any(auth::config::Network::is_everybody) {
        Finding::wrong(
            "proxies",
            "everybody is trusted: whoever writes X-Forwarded-For is whoever they say",
            "set trusted_proxies to the address of the proxy",
        )
    } else if matches!(config.listen, Listen::Socket(_)) {
        Finding::ok("proxies", "whoever may open the socket is believed about addresses of clients")
    } else if !config.trusted_proxies.is_empty() {
        Finding::ok("proxies", "addresses of clients are believed from the trusted ones")
    } else if config.is_local() || direct {
        Finding::ok("proxies", "none is trusted, and none is needed")
    } else {
        Finding::note(
            "proxies",
            "none is trusted: everybody behind a proxy has the proxy's address, in events and in limits",
            "set trusted_proxies to the address of the proxy",
        )
    }
}

/// Who can read the metrics. They say how much goes on, and nothing of anybody.
fn metrics(config: &Config) -> Option<Finding> {
    let listen = config.metrics_listen.as_ref()?;
    Some(match listen {
        Listen::Address(_) if !listen.is_loopback() => Finding::note(
            "metrics",
            format!("whoever reaches {listen} can read how much goes on here"),
            "see that only Prometheus reaches that port, or set metrics_listen to 127.0.0.1 or a socket",
        ),
        Listen::Address(_) => Finding::ok("metrics", format!("on {listen}, for this machine only")),
        Listen::Socket(_) => Finding::ok("metrics", format!("on {listen}, for whoever may open it")),
    })
}

fn registration(config: &Config) -> Finding {
    match config.registration {
        Registration::Closed => Finding::ok("registration", "closed: `latchkey user add` lets people in"),
        Registration::Open if config.is_local() => Finding::ok("registration", "open, on this machine only"),
        Registration::Open => Finding::note(
            "registration",
            format!("open to everybody who reaches {}", config.public_url.origin()),
            "set registration to closed, and let people in with `latchkey user add`",
        ),
    }
}
