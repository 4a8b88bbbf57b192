//! What helps, in an answer: the command to type, or the lines for the settings.

use auth::access::{Rule, explain};
use auth::config::{Network, Place};
use auth::plain;
use web::forwarded::At;

use super::answer::{Answer, Judged};

impl Answer<'_> {
    /// What helps: what it is for, and what to type or to write.
    pub(super) fn help(&self) -> Vec<(String, String)> {
        let mut help = Vec::new();
        if !self.request.is_trusted {
            help.extend(self.trusting());
        }
        let Some((_, judged)) = self.judged() else {
            help.extend(self.advice());
            return help;
        };
        if judged.why.decision.ambiguous {
            help.push(("Ask for the plain path:".to_owned(), plain::line(&judged.why.read_as)));
        }
        if let Some(remedy) = &judged.remedy {
            help.push(("To let them through:".to_owned(), remedy.clone()));
        }
        if let (Some(draft), Some(place)) = (&judged.before, self.deciding_place(judged)) {
            let whose = if self.standing.is_none() && draft.users == ["NAME"] {
                ", with their name for NAME"
            } else {
                ""
            };
            help.push((
                format!("To let them through{whose}, before {place}; then restart Latchkey:"),
                explain::table(draft),
            ));
        }
        help
    }

    /// How the proxy comes to be believed.
    fn trusting(&self) -> Vec<(String, String)> {
        let networks = self.networks();
        let variable = format!("LATCHKEY_TRUSTED_PROXIES={}", networks.join(","));
        let whom = match self.request.proxy {
            Some(_) => "To believe this proxy",
            None => "To believe a proxy on this machine",
        };
        let place = match self.trusted_at {
            Some(place @ Place::Environment(_)) => {
                return vec![(format!("{whom}, in {place}; then restart Latchkey:"), variable)];
            }
            Some(place) => place.to_string(),
            None => "latchkey.toml before its tables".to_owned(),
        };
        let what = format!("{whom}, in {place}; then restart Latchkey:");
        vec![(what, trusted_line(&networks)), ("or in the environment:".to_owned(), variable)]
    }

    fn deciding_place(&self, judged: &Judged) -> Option<&Place> {
        judged.why.decision.rule.and_then(|at| self.rules.get(at)).and_then(Rule::place)
    }

    /// The networks that are trusted, and the proxy that is not.
    fn networks(&self) -> Vec<String> {
        let also = match self.request.proxy {
            Some(proxy) => proxy.to_canonical().to_string(),
            None => "127.0.0.1".to_owned(),
        };
        self.config.trusted_proxies.iter().map(short).chain([also]).collect()
    }

    /// What to do about headers that cannot be meant.
    fn advice(&self) -> Option<(String, String)> {
        let unclear = self.request.target.as_ref().err()?;
        let at = self.request.at?;
        let (other, its_own) = match at {
            At::AuthRequest => (At::ForwardAuth, "x-forwarded-uri"),
            At::ForwardAuth | At::ExtAuthz => (At::AuthRequest, "x-original-url"),
        };
        let mut ignored = self.request.heard.iter().flat_map(|heard| &heard.ignored);
        if unclear.why == "did not come" && ignored.any(|header| header.name == its_own) {
            let what = "These headers are believed at another address. Let the proxy ask at:".to_owned();
            return Some((what, other.path().to_owned()));
        }
        let recipe = recipe(at)?;
        let recipe = |why: &str| Some((why.to_owned(), format!("latchkey proxy-config {recipe} HOST")));
        if unclear.part == "scheme" {
            return recipe("Browsers have to come to the proxy over https, and it has to say so. How:");
        }
        match unclear.why {
            "did not come" => {
                recipe(&format!("The proxy has to send {} with each question. How:", unclear.part))
            }
            "came more than once" | "came in two spellings" => {
                recipe("One of them may be the visitor's: the proxy has to take theirs away. How:")
            }
            _ => None,
        }
    }

    /// What belongs into the settings.
    pub(super) fn snippet(&self) -> Option<String> {
        let trusted = (!self.request.is_trusted).then(|| trusted_line(&self.networks()));
        let rule = self.judged.as_ref().and_then(|judged| judged.before.as_ref()).map(explain::table);
        let lines: Vec<String> = trusted.into_iter().chain(rule).collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    }
}

/// Whose recipes ask there.
fn recipe(at: At) -> Option<&'static str> {
    match at {
        At::AuthRequest => Some("nginx"),
        At::ForwardAuth => Some("caddy|traefik|haproxy"),
        At::ExtAuthz => None,
    }
}

/// A network as somebody would write it: one address without its length.
pub(super) fn short(network: &Network) -> String {
    let text = network.to_string();
    let whole = if text.contains(':') { "/128" } else { "/32" };
    text.strip_suffix(whole).map(str::to_owned).unwrap_or(text)
}

/// As it stands in the file. No network has anything in it that would have to be escaped.
fn trusted_line(networks: &[String]) -> String {
    let quoted: Vec<String> = networks.iter().map(|network| format!("\"{network}\"")).collect();
    format!("trusted_proxies = [{}]\n", quoted.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_written_as_somebody_would_and_read_back_as_what_they_are() {
        for (text, written) in [
            ("127.0.0.1", "127.0.0.1"),
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("::1", "::1"),
            ("fd00::/32", "fd00::/32"),
            ("fd00::/8", "fd00::/8"),
        ] {
            let network: Network = text.parse().unwrap();
            assert_eq!(short(&network), written);
            assert_eq!(short(&network).parse(), Ok(network));
        }
        let networks = ["127.0.0.1".to_owned(), "fd00::/8".to_owned()];
        assert_eq!(trusted_line(&networks), "trusted_proxies = [\"127.0.0.1\", \"fd00::/8\"]\n");
    }
}
