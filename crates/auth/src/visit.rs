//! Where a request came from: the client's address, and the part of it that budgets and events go by.

use std::net::IpAddr;

use crate::config::{Config, Network};
use crate::random::Token;

/// What browser this is and on what system, as a person would say it, as far as the browser's own words tell.
pub fn browser_and_system(agent: &str) -> (Option<&'static str>, Option<&'static str>) {
    let named = |names: &[(&str, &'static str)]| {
        names.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| *name)
    };
    // The order matters: most of them call themselves others, too.
    let browser = named(&[
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
        ("curl/", "curl"),
    ]);
    let system = named(&[
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Android", "Android"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    ]);
    (browser, system)
}

/// Where a request came from.
#[derive(Clone, Debug, Default)]
pub struct Visit {
    /// The client's address; `None` for the command line and for sockets without one.
    pub address: Option<IpAddr>,
    /// What the browser calls itself: printable, and not endless.
    pub agent: String,
    /// The token by which the browser is known, if it has one.
    pub device: Option<Token>,
    /// Whether the address has budgets of its own.
    budgeted: bool,
    /// Whether it came through a proxy that is trusted.
    through_proxy: bool,
}

impl Visit {
    /// A visit from `peer`, which said that it speaks for `forwarded`, the values of `X-Forwarded-For` in their order.
    ///
    /// A trusted proxy is believed: the right-most address in the list that is none of the trusted ones is the client's.
    /// Everybody else is who they are.
    pub fn new<'a>(
        config: &Config,
        peer: IpAddr,
        forwarded: impl DoubleEndedIterator<Item = &'a str>,
    ) -> Visit {
        let peer = peer.to_canonical();
        let through_proxy = is_trusted(config, peer);
        let client = match through_proxy {
            true => client_of(config, forwarded).unwrap_or(peer),
            false => peer,
        };
        // Without trusted proxies a loopback or private peer may be one, and everybody would share its budget.
        let budgeted = !config.trusted_proxies.is_empty() || !Network::is_private(client);
        Visit { address: Some(client), budgeted, through_proxy, ..Visit::default() }
    }

    /// A visit over a socket in the file system. Only a proxy on this machine can open it, so it is believed; where it names
    /// nobody, there is no address and no budget for one.
    pub fn over_socket<'a>(config: &Config, forwarded: impl DoubleEndedIterator<Item = &'a str>) -> Visit {
        let address = client_of(config, forwarded);
        Visit { address, budgeted: true, through_proxy: true, ..Visit::default() }
    }

    /// What the connections of a peer are counted by: as budgets are, but never those of a proxy, over which everybody comes.
    pub fn counted_as(config: &Config, peer: IpAddr) -> Option<String> {
        match is_trusted(config, peer.to_canonical()) {
            true => None,
            false => Visit::new(config, peer, std::iter::empty()).budget(),
        }
    }

    /// The same visit, by a browser that calls itself so.
    pub fn with_agent(mut self, agent: &str) -> Visit {
        self.agent = agent.chars().filter(|c| !c.is_control()).take(200).collect();
        self
    }

    /// The same visit, by a browser that has this token.
    pub fn with_device(mut self, device: Option<Token>) -> Visit {
        self.device = device;
        self
    }

    /// Whether a proxy that is trusted speaks for somebody else here, so that what it says about the request is believed.
    pub fn is_through_proxy(&self) -> bool {
        self.through_proxy
    }

    /// What an address budget is charged to; `None` where there is no such budget.
    pub(crate) fn budget(&self) -> Option<String> {
        self.address.filter(|_| self.budgeted).map(prefix)
    }

    /// What events are gathered by; empty for the command line.
    pub(crate) fn prefix(&self) -> String {
        self.address.map(prefix).unwrap_or_default()
    }

    /// The address as text; empty for the command line.
    pub fn text(&self) -> String {
        self.address.map(|ip| ip.to_string()).unwrap_or_default()
    }
}

fn is_trusted(config: &Config, ip: IpAddr) -> bool {
    config.trusted_proxies.iter().any(|network| network.contains(ip))
}

/// The right-most address in the list that is no trusted proxy's; where all of them are, the left-most.
fn client_of<'a>(config: &Config, forwarded: impl DoubleEndedIterator<Item = &'a str>) -> Option<IpAddr> {
    let mut client = None;
    for hop in forwarded.rev().flat_map(|value| value.rsplit(',')) {
        // What a proxy that we trust wrote is an address. Something else was written by somebody further away.
        let Ok(hop) = hop.trim().parse::<IpAddr>() else { break };
        let hop = hop.to_canonical();
        client = Some(hop);
        if !is_trusted(config, hop) {
            break;
        }
    }
    client
}

/// An IPv4 address, or the /64 that one IPv6 customer has.
fn prefix(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => {
            let [a, b, c, d, ..] = ip.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visit(trusted: &str, peer: &str, forwarded: &[&str]) -> Visit {
        let mut config = Config::default();
        config.set("trusted_proxies", trusted).unwrap();
        Visit::new(&config, peer.parse().unwrap(), forwarded.iter().copied())
    }

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        assert_eq!(visit("", "203.0.113.9", &["198.51.100.1"]).text(), "203.0.113.9");
        assert_eq!(visit("10.0.0.0/8", "10.0.0.1", &["198.51.100.1"]).text(), "198.51.100.1");
        assert_eq!(visit("10.0.0.0/8", "203.0.113.9", &["198.51.100.1"]).text(), "203.0.113.9");
    }

    #[test]
    fn the_right_most_untrusted_address_is_the_client() {
        let forged = ["6.6.6.6, 198.51.100.1, 10.0.0.2"];
        assert_eq!(visit("10.0.0.0/8", "10.0.0.1", &forged).text(), "198.51.100.1");
        assert_eq!(visit("10.0.0.0/8", "10.0.0.1", &["6.6.6.6", "198.51.100.1"]).text(), "198.51.100.1");
        assert_eq!(visit("10.0.0.0/8", "10.0.0.1", &["<script>, 10.0.0.2"]).text(), "10.0.0.2");
    }

    #[test]
    fn a_proxy_at_the_socket_is_believed_and_where_it_names_nobody_there_is_no_budget() {
        let over_socket = |trusted: &str, forwarded: &[&str]| {
            let mut config = Config::default();
            config.set("trusted_proxies", trusted).unwrap();
            let visit = Visit::over_socket(&config, forwarded.iter().copied());
            (visit.text(), visit.budget())
        };
        assert_eq!(
            over_socket("", &["6.6.6.6, 198.51.100.1"]),
            ("198.51.100.1".into(), Some("198.51.100.1".into()))
        );
        assert_eq!(over_socket("10.0.0.0/8", &["198.51.100.1, 10.0.0.2"]).0, "198.51.100.1");
        for nobody in [&[][..], &[""], &["unknown"]] {
            assert_eq!(over_socket("", nobody), (String::new(), None));
        }
    }

    #[test]
    fn a_private_peer_has_no_budget_while_no_proxy_is_trusted() {
        assert_eq!(visit("", "127.0.0.1", &[]).budget(), None);
        assert_eq!(visit("", "::ffff:192.168.1.5", &[]).budget(), None);
        assert_eq!(visit("10.0.0.0/8", "127.0.0.1", &[]).budget().as_deref(), Some("127.0.0.1"));
        assert_eq!(visit("", "2001:db8:1:2:3:4:5:6", &[]).budget().as_deref(), Some("2001:db8:1:2::/64"));
    }

    #[test]
    fn connections_are_counted_by_address_unless_they_may_be_a_proxys() {
        let counted = |trusted: &str, peer: &str| {
            let mut config = Config::default();
            config.set("trusted_proxies", trusted).unwrap();
            Visit::counted_as(&config, peer.parse().unwrap())
        };
        assert_eq!(counted("", "203.0.113.9").as_deref(), Some("203.0.113.9"));
        assert_eq!(counted("", "2001:db8:1:2::9").as_deref(), Some("2001:db8:1:2::/64"));
        assert_eq!(counted("", "127.0.0.1"), None);
        assert_eq!(counted("203.0.113.0/24", "::ffff:203.0.113.9"), None);
        assert_eq!(counted("203.0.113.0/24", "10.0.0.1").as_deref(), Some("10.0.0.1"));
    }
}
