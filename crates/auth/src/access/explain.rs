//! Why a decision is what it is: how the address was read, what each rule says to it, and the command that would change it, or
//! the lines for the settings.

use store::{Time, groups, users};

use super::decide::{Asked, Decision, decide};
use super::draft::Draft;
use super::path::Reading;
use super::person::{Person, Verdict};
use super::rule::{Fit, Policy, Rule};
use super::target::Target;
use crate::name::Name;
use crate::{App, Error, Level, Result};

/// What a rule says to what somebody asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Says {
    /// It decides.
    Decides,
    /// It is for a network, and no address was given: it counts as inside and as outside, and the stricter holds.
    Perhaps,
    /// It fits, but names others.
    NamesOthers,
    /// It is for other hosts.
    OtherHost,
    /// It is for other paths.
    OtherPath,
    /// It is for other methods.
    OtherMethod,
    /// It is for other networks.
    OtherNetwork,
    /// It is not asked any more.
    NotAsked,
}

/// One way to read the path, and what it would be by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadAs {
    /// The path as it is read.
    pub path: String,
    /// To those to whom upper and lower case are one.
    pub without_case: bool,
    /// What it would be if there were no other way.
    pub decision: Decision,
}

/// Why a decision is what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// The decision.
    pub decision: Decision,
    /// What each rule says, in their order, where the path is read in the way that decides.
    pub rules: Vec<Says>,
    /// Which way that is.
    pub read_as: String,
    /// The ways in which the path can be read; one, as a rule.
    pub readings: Vec<ReadAs>,
}

/// Decides, and says why.
pub fn explain(rules: &[Rule], target: &Target, person: Option<&Person<'_>>, now: Time) -> Explained {
    let asked = Asked { rules, target, person, now };
    let decision = decide(rules, target, person, now);
    let same = |own: &Decision| (own.verdict, own.rule) == (decision.verdict, decision.rule);
    let canonical = target.path.readings().next();
    let decisive = asked.every_reading().find(|(_, own)| same(own)).map(|(reading, _)| reading);
    let reading = decisive.filter(|_| !decision.ambiguous).or(canonical);
    let told = |(reading, decision): (Reading<'_>, Decision)| ReadAs {
        path: reading.text.to_owned(),
        without_case: reading.folded,
        decision,
    };
    let (without_case, readings): (Vec<ReadAs>, Vec<ReadAs>) =
        asked.every_reading().map(told).partition(|read_as| read_as.without_case);
    // Every path can be read without its case: that is worth a line only where it changes something.
    let by = |read_as: &ReadAs| (read_as.decision.verdict, read_as.decision.rule);
    let other = without_case.into_iter().filter(|one| !readings.iter().any(|read_as| by(read_as) == by(one)));
    let other: Vec<ReadAs> = other.collect();
    Explained {
        decision,
        rules: reading.map_or_else(Vec::new, |reading| asked.each_says(reading)),
        read_as: reading.map_or_else(String::new, |reading| reading.text.to_owned()),
        readings: readings.into_iter().chain(other).collect(),
    }
}

impl Asked<'_> {
    fn each_says(&self, reading: Reading<'_>) -> Vec<Says> {
        let mut decided = false;
        let says = |rule: &Rule| {
            let says = match rule.fit(self.target, reading) {
                _ if decided => Says::NotAsked,
                Fit::OtherHost => Says::OtherHost,
                Fit::OtherPath => Says::OtherPath,
                Fit::OtherMethod => Says::OtherMethod,
                Fit::OtherNetwork => Says::OtherNetwork,
                _ if rule.says(self.person, self.now).is_none() => Says::NamesOthers,
                Fit::Perhaps => Says::Perhaps,
                Fit::Fits => Says::Decides,
            };
            decided |= says == Says::Decides;
            says
        };
        self.rules.iter().map(says).collect()
    }
}

/// Somebody as they are once they have signed in with all they have.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Their name as typed.
    pub name: String,
    /// The groups they belong to.
    pub groups: Vec<String>,
    /// What they can prove.
    pub level: Level,
    /// May not sign in at all.
    pub disabled: bool,
}

/// Somebody, for [`explain`].
pub async fn standing(app: &App, name: &str) -> Result<Standing> {
    let (key, missing) = (Name::parse(name)?.key().to_owned(), name.to_owned());
    app.db
        .scan(move |conn| {
            let user = users::by_name(conn, &key)?.ok_or_else(|| Error::nobody(&missing))?;
            let groups = groups::of_user(conn, &user.id)?;
            let level = Level::held(user.password.is_some());
            Ok(Standing { name: user.name, groups, level, disabled: user.disabled })
        })
        .await
}

/// What one would type so that this person, or somebody, comes through. `None` where no command is needed, or none would do.
pub fn remedy(rules: &[Rule], target: &Target, why: &Explained, name: Option<&str>) -> Option<String> {
    let decision = &why.decision;
    match (decision.verdict, decision.rule) {
        (Verdict::Allow | Verdict::SignIn, _) => None,
        (Verdict::Prove, _) => name.map(|name| format!("latchkey user link {name} --for password")),
        _ if decision.ambiguous => None,
        (Verdict::Refuse, Some(number)) => {
            // Before those of the settings nothing can be put by command.
            let rule = rules.get(number).filter(|rule| rule.place().is_none())?;
            match rule.policy().level() {
                None => Some(format!("latchkey access remove {}", number + 1)),
                // It lets them in, and no token of theirs.
                Some(_) => {
                    let draft = Draft { tokens: true, max_age: None, ..rule.draft() };
                    Some(format!("{} --before {}", command(&draft), number + 1))
                }
            }
        }
        (Verdict::Refuse, None) => {
            let others = why.rules.iter().zip(rules).find(|(says, _)| **says == Says::NamesOthers);
            let draft = others.map(|(_, rule)| rule.draft()).unwrap_or_else(|| Draft {
                hosts: vec![target.host().to_owned()],
                policy: Policy::TwoFactor.text().to_owned(),
                ..Draft::default()
            });
            let name = name.unwrap_or("NAME");
            Some(match draft.groups.first() {
                Some(group) => format!("latchkey group join {group} {name}"),
                None => command(&Draft { users: vec![name.to_owned()], any: false, ..draft }),
            })
        }
    }
}

/// The rule that would let this person through, or somebody, where the one that refuses stands in the settings, so that no command
/// helps: it belongs before that one. `None` where none is needed, or none would do.
pub fn rule_before(
    rules: &[Rule],
    (target, person): (&Target, Option<&Person<'_>>),
    why: &Explained,
    name: Option<&str>,
) -> Option<Draft> {
    let refused = why.decision.verdict == Verdict::Refuse && !why.decision.ambiguous;
    let number = why.decision.rule.filter(|_| refused)?;
    let rule = rules.get(number).filter(|rule| rule.place().is_some())?;
    let draft = match rule.policy().level() {
        // It lets them in, and no token of theirs.
        Some(_) => Draft { tokens: true, max_age: None, ..rule.draft() },
        None => Draft {
            hosts: vec![target.host().to_owned()],
            policy: Policy::TwoFactor.text().to_owned(),
            users: vec![name.unwrap_or("NAME").to_owned()],
            ..rule.draft()
        },
    };
    // A path that can be read in another way may meet the next rule that refuses.
    let with_it = [&rules[..number], &[draft.check(None).ok()?], &rules[number..]].concat();
    let decision =
        decide(&with_it, target, person, person.map_or(Time::from_millis(0), |person| person.proved_at));
    (decision.verdict != Verdict::Refuse).then_some(draft)
}

/// A rule as it stands in the settings.
pub fn table(draft: &Draft) -> String {
    let mut table = String::from("[[access.rules]]\n");
    let mut line = |key: &str, value: toml::Value| table.push_str(&format!("{key} = {value}\n"));
    for (key, list) in [
        ("hosts", &draft.hosts),
        ("paths", &draft.paths),
        ("methods", &draft.methods),
        ("networks", &draft.networks),
    ] {
        if !list.is_empty() {
            line(key, list.clone().into());
        }
    }
    line("policy", draft.policy.clone().into());
    for (key, list) in [("users", &draft.users), ("groups", &draft.groups)] {
        if !list.is_empty() {
            line(key, list.clone().into());
        }
    }
    for (key, yes) in [("any", draft.any), ("tokens", draft.tokens)] {
        if yes {
            line(key, true.into());
        }
    }
    if let Some(age) = &draft.max_age {
        line("max_age", age.clone().into());
    }
    table
}

/// The command that makes a rule.
pub fn command(draft: &Draft) -> String {
    let mut command = String::from("latchkey access add");
    for (flag, list) in [
        ("--host", &draft.hosts),
        ("--path", &draft.paths),
        ("--method", &draft.methods),
        ("--network", &draft.networks),
        ("--user", &draft.users),
        ("--group", &draft.groups),
    ] {
        for text in list {
            command.push_str(&format!(" {flag} {}", quoted(text)));
        }
    }
    if draft.any {
        command.push_str(" --any");
    }
    command.push_str(&format!(" --policy {}", draft.policy));
    if draft.tokens {
        command.push_str(" --tokens");
    }
    if let Some(age) = &draft.max_age {
        command.push_str(&format!(" --max-age {age}"));
    }
    command
}

/// A word as shells take it. None of ours has a quotation mark in it.
fn quoted(text: &str) -> String {
    let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._/:@+".contains(&b));
    if plain { text.to_owned() } else { format!("'{text}'") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::rows::{person, rules};
    use crate::config::Place;

    const BOOK: &[&str] = &[
        r#"{"hosts":["app.example.org"],"paths":["/public/*"],"policy":"bypass"}"#,
        r#"{"hosts":["app.example.org"],"paths":["/Admin/*"],"policy":"deny"}"#,
        r#"{"hosts":["app.example.org"],"methods":["GET"],"networks":["10.0.0.0/8"],"policy":"one_factor","any":true}"#,
        r#"{"hosts":["app.example.org"],"policy":"two_factor","groups":["family"]}"#,
        r#"{"hosts":["*.example.org"],"policy":"two_factor","users":["bob"]}"#,
    ];

    fn explained(url: &str, address: Option<&str>, name: Option<&str>) -> (Explained, Option<String>) {
        let rules = rules(BOOK);
        let target = Target::of_url("GET", url, address.map(|ip| ip.parse().unwrap())).unwrap();
        let person = name.map(|name| person(name, &[], Level::Full));
        let why = explain(&rules, &target, person.as_ref(), Time::from_millis(0));
        let remedy = remedy(&rules, &target, &why, name);
        (why, remedy)
    }

    #[test]
    fn whoever_is_let_in_without_their_tokens_is_told_the_rule_that_takes_them() {
        let rules = rules(BOOK);
        let target = Target::of_url("GET", "https://app.example.org/", None).unwrap();
        let family = ["family".to_owned()];
        let person = Person { by_token: true, ..person("eve", &family, Level::Full) };
        let why = explain(&rules[3..], &target, Some(&person), Time::from_millis(0));
        assert_eq!(
            (why.decision.verdict, why.decision.rule, why.decision.needed),
            (Verdict::Refuse, Some(0), None)
        );
        assert_eq!(
            remedy(&rules[3..], &target, &why, Some("eve")).as_deref(),
            Some(
                "latchkey access add --host app.example.org --group family --policy two_factor --tokens --before 1"
            )
        );
    }

    #[test]
    fn each_rule_says_why_it_does_not_decide() {
        use Says::*;
        let (why, remedy) = explained("https://app.example.org/x", Some("192.0.2.1"), Some("ada"));
        assert_eq!(why.rules, [OtherPath, OtherPath, OtherNetwork, NamesOthers, NamesOthers]);
        assert_eq!((why.decision.verdict, why.decision.rule), (Verdict::Refuse, None));
        assert_eq!(remedy.unwrap(), "latchkey group join family ada");

        let (why, remedy) = explained("https://app.example.org/public/x", None, None);
        assert_eq!(why.rules, [Decides, NotAsked, NotAsked, NotAsked, NotAsked]);
        assert_eq!((why.readings.len(), remedy), (1, None));

        let (why, _) = explained("https://app.example.org/x", None, Some("bob"));
        assert_eq!(why.rules, [OtherPath, OtherPath, Perhaps, NamesOthers, Decides]);
        let (why, _) = explained("https://other.example.org/x", None, None);
        assert_eq!(why.rules, [OtherHost, OtherHost, OtherHost, OtherHost, Decides]);
        assert_eq!(why.decision.verdict, Verdict::SignIn);
    }

    #[test]
    fn the_way_in_which_a_path_was_read_is_told() {
        let (why, remedy) = explained("https://app.example.org/admin", Some("10.0.0.1"), Some("bob"));
        assert_eq!((why.decision.verdict, why.decision.rule), (Verdict::Refuse, Some(1)));
        assert_eq!(why.rules[1], Says::Decides);
        assert!(why.readings.iter().any(|reading| reading.without_case), "{:?}", why.readings);
        assert_eq!(remedy.unwrap(), "latchkey access remove 2");

        let (why, remedy) = explained("https://app.example.org//public/x", Some("10.0.0.1"), Some("bob"));
        assert!(why.decision.ambiguous && why.decision.verdict == Verdict::Refuse);
        assert_eq!(why.readings.len(), 3, "{:?}", why.readings);
        assert_eq!((why.read_as.as_str(), remedy), ("/public/x", None));
    }

    #[test]
    fn where_the_rule_that_refuses_stands_in_the_settings_the_rule_before_it_lets_them_through() {
        let in_file = |rows: &[&str]| -> Vec<Rule> {
            let placed = |(at, rule): (usize, Rule)| {
                rule.draft().check(Some(Place::File("latchkey.toml".into(), at + 1))).unwrap()
            };
            rules(rows).into_iter().enumerate().map(placed).collect()
        };
        let before = |rules: &[Rule], url: &str, person: Option<&Person<'_>>| {
            let target = Target::of_url("GET", url, Some("10.0.0.1".parse().unwrap())).unwrap();
            let why = explain(rules, &target, person, Time::from_millis(0));
            let name = person.map(|person| person.name);
            assert!(remedy(rules, &target, &why, name).is_none_or(|_| why.decision.rule.is_none()));
            rule_before(rules, (&target, person), &why, name).map(|draft| table(&draft))
        };
        let bob = person("bob", &[], Level::Full);
        let file = in_file(BOOK);
        assert_eq!(
            before(&file, "https://app.example.org/Admin/x", Some(&bob)).as_deref(),
            Some(
                "[[access.rules]]\nhosts = [\"app.example.org\"]\npaths = [\"/Admin/*\"]\npolicy = \"two_factor\"\nusers = [\"bob\"]\n"
            )
        );
        assert!(before(&file, "https://app.example.org/Admin/x", None).unwrap().contains("[\"NAME\"]"));
        // Where a command helps, or nothing is refused, or the path is not plain, there is none.
        assert_eq!(before(&rules(BOOK), "https://evil.example/", Some(&bob)), None);
        assert_eq!(before(&file, "https://evil.example/", Some(&bob)), None);
        assert_eq!(before(&file, "https://other.example.org/", Some(&bob)), None);
        assert_eq!(before(&file, "https://app.example.org//public/x", Some(&bob)), None);
        // The next rule keeps out whoever the first one of them would let in.
        let walls = in_file(&[
            r#"{"hosts":["a"],"paths":["/b"],"policy":"deny"}"#,
            r#"{"hosts":["a"],"policy":"deny"}"#,
        ]);
        assert!(before(&walls, "https://a/b", Some(&bob)).is_some());
        assert_eq!(before(&walls, "https://a/%62;x", Some(&bob)), None);
        let tokens = in_file(&[r#"{"hosts":["a"],"policy":"two_factor","any":true,"max_age":"5m"}"#]);
        let program = Person { by_token: true, ..bob };
        assert_eq!(
            before(&tokens, "https://a/", Some(&program)).as_deref(),
            Some("[[access.rules]]\nhosts = [\"a\"]\npolicy = \"two_factor\"\nany = true\ntokens = true\n")
        );
    }

    #[test]
    fn a_table_is_read_back_as_the_rule_that_it_is() {
        for row in BOOK.iter().chain(&[
            r#"{"hosts":["a"],"paths":["/a(b)$c/*"],"methods":["GET"],"policy":"one_factor","users":["x"],"groups":["y"],"max_age":"15m"}"#,
            r#"{"hosts":["a"],"networks":["::1"],"policy":"two_factor","any":true,"tokens":true}"#,
        ]) {
            let rule = &rules(&[row])[0];
            let table: toml::Table = table(&rule.draft()).parse().unwrap();
            let json = serde_json::to_value(&table["access"]["rules"][0]).unwrap();
            assert_eq!(Draft::of_json(json).unwrap().check(None).as_ref(), Ok(rule), "{row}");
        }
    }

    #[test]
    fn a_command_is_what_one_would_type() {
        let rule = r#"{"hosts":["*.example.org"],"paths":["/a(1)/*","/b"],"policy":"one_factor","users":["ada@x"],"max_age":"15m"}"#;
        assert_eq!(
            command(&rules(&[rule])[0].draft()),
            "latchkey access add --host '*.example.org' --path '/a(1)/*' --path /b --user ada@x --policy one_factor --max-age 15m"
        );
    }
}
