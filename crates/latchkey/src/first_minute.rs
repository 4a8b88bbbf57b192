//! What a start says: some lines for a terminal, fewer for a log. Every figure is measured by the caller.

use std::time::Duration;

use auth::Config;
use auth::config::Registration;
use auth::users::SOME;

use crate::terminal::{columns, count};

/// What there is to say.
pub(crate) struct FirstMinute<'a> {
    /// The settings it runs with.
    pub config: &'a Config,
    /// Whether `registration` was set, or follows from the addresses.
    pub registration_is_set: bool,
    /// People with an account; more than a thousand are not counted.
    pub people: i64,
    /// Whether there is an owner.
    pub has_owner: bool,
    /// The first owner's link, when there is none and somebody is looking.
    pub link: Option<&'a str>,
    /// From the start of the process until now.
    pub took: Duration,
}

impl FirstMinute<'_> {
    /// For a terminal on the machine `host`.
    pub(crate) fn for_people(&self, host: &str) -> String {
        let config = self.config;
        let origin = config.public_url.origin();
        // The link fills a usual terminal's line by itself.
        let doors = match self.link {
            Some(link) => {
                let minutes = auth::setup::OWNER_LINK / 60;
                format!(
                    "  Administrator   {link}\n                  once, for {minutes} minutes\n  Everyone else   {origin}"
                )
            }
            None => format!("  Everyone   {origin}"),
        };
        let doors = format!("{doors}      {}\n", self.registration());

        let key = match &config.master_key {
            Some(_) => "the setting master_key".to_owned(),
            None => config.data_dir.join("master.key").display().to_string(),
        };
        let things = [
            ["Data".to_owned(), self.place(), format!("{}, {}", self.engine(), self.number_of_people())],
            ["Key".to_owned(), key, "keep a copy, apart from the data".to_owned()],
        ];

        let mut text = format!("{}\n\n{}\n{}", self.ready(), doors, columns("  ", &things));
        if let Some(port) = config.listen.port().filter(|_| config.is_local()) {
            text += &format!("\n  Browser on another machine?   ssh -L {port}:localhost:{port} {host}\n");
        } else {
            text += &format!(
                "\n  Listening on {}; browsers come by {}\n",
                config.listen,
                config.public_url.origin()
            );
        }
        let link = if self.has_owner { "" } else { "Link gone?  latchkey setup-link       " };
        text + &format!("  {link}Something odd?  latchkey doctor\n\n")
    }

    /// For a log: the same facts, no secret, and nothing to copy.
    pub(crate) fn for_logs(&self) -> String {
        let owner = if self.has_owner {
            ""
        } else {
            "There is no owner yet. For a one-time link: latchkey setup-link\n"
        };
        format!(
            "{} at {}, listening on {}\n{}. {} in {} {}\n{owner}",
            self.ready(),
            self.config.public_url.origin(),
            self.config.listen,
            capitalized(&self.registration()),
            self.number_of_people(),
            self.engine(),
            self.place(),
        )
    }

    fn ready(&self) -> String {
        format!("Latchkey {}, ready in {} ms", env!("CARGO_PKG_VERSION"), self.took.as_millis())
    }

    fn number_of_people(&self) -> String {
        if self.people > SOME {
            return format!("more than {SOME} people");
        }
        count(self.people, "person", "people")
    }

    /// Who may register, and why.
    fn registration(&self) -> String {
        match (self.config.registration, self.registration_is_set, self.config.is_local()) {
            (Registration::Open, _, true) => "registration open (this machine only)",
            (Registration::Open, _, false) => "registration open (to everybody, as set)",
            (Registration::Closed, true, _) => "registration closed (as set): latchkey user add NAME",
            (Registration::Closed, false, _) => {
                "registration closed (others can reach this machine): latchkey user add NAME"
            }
        }
        .to_owned()
    }

    fn engine(&self) -> &'static str {
        if self.config.database.starts_with("sqlite:") { "SQLite" } else { "PostgreSQL" }
    }

    fn place(&self) -> String {
        let shown = self.config.database_shown();
        shown.strip_prefix("sqlite:").unwrap_or(&shown).to_owned()
    }
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first_minute(
        config: &Config,
        link: Option<&str>,
        tell: impl Fn(&FirstMinute<'_>) -> String,
    ) -> String {
        let took = Duration::from_micros(9_300);
        tell(&FirstMinute { config, registration_is_set: false, people: 0, has_owner: false, link, took })
    }

    #[test]
    fn the_first_minute_shows_the_link_to_people_and_only_the_command_to_logs() {
        let config = Config::default();
        let link = "http://localhost:8080/setup/7q4m-k2vd";
        let shown = first_minute(&config, Some(link), |minute| minute.for_people("attic"));
        let expected = "\
Latchkey 0.1.0, ready in 9 ms

  Administrator   http://localhost:8080/setup/7q4m-k2vd
                  once, for 60 minutes
  Everyone else   http://localhost:8080      registration open (this machine only)

  Data   ./latchkey-data/latchkey.db   SQLite, 0 people
  Key    ./latchkey-data/master.key    keep a copy, apart from the data

  Browser on another machine?   ssh -L 8080:localhost:8080 attic
  Link gone?  latchkey setup-link       Something odd?  latchkey doctor

";
        assert_eq!(shown, expected);
        let logged = first_minute(&config, Some(link), |minute| minute.for_logs());
        for (people, said) in [(1, "1 person"), (SOME, "1000 people"), (SOME + 1, "more than 1000 people")] {
            let logged = first_minute(&config, None, |minute| FirstMinute { people, ..*minute }.for_logs());
            assert!(logged.contains(&format!(". {said} in SQLite")), "{logged}");
        }
        assert!(!logged.contains("7q4m") && logged.contains("latchkey setup-link"), "{logged}");
    }

    #[test]
    fn a_house_that_others_can_reach_says_why_registration_is_closed_and_no_password_of_the_database() {
        let mut config = Config::default();
        for (key, text) in [
            ("listen", "0.0.0.0:80"),
            ("public_url", "https://login.example.org"),
            ("database", "postgres://latchkey:hunter2@localhost/latchkey"),
            ("registration", "closed"),
        ] {
            config.set(key, text).unwrap();
        }
        for shown in [
            first_minute(&config, None, |minute| minute.for_people("attic")),
            first_minute(&config, None, |minute| minute.for_logs()),
        ] {
            assert!(shown.contains("egistration closed (others can reach this machine)"), "{shown}");
            assert!(shown.contains("PostgreSQL") && shown.contains("0.0.0.0:80"), "{shown}");
            assert!(!shown.contains("hunter2") && !shown.contains("ssh"), "{shown}");
        }
    }
}
