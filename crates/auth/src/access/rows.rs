//! Decisions, row by row: who asks for what, and what comes of it.

use store::Time;

use super::{Draft, Person, Rule, Target, Verdict, decide};
use crate::Level;

const NOW: Time = Time::from_millis(1_790_000_000_000);

/// Rules from JSON, as if they had been made by command.
pub(super) fn rules(book: &[&str]) -> Vec<Rule> {
    let rule = |json: &&str| {
        Draft::of_json(serde_json::from_str(json).unwrap())
            .unwrap()
            .check(None)
            .unwrap_or_else(|flaw| panic!("{flaw:?}"))
    };
    book.iter().map(rule).collect()
}

pub(super) fn person<'a>(name: &'a str, groups: &'a [String], level: Level) -> Person<'a> {
    Person { name, groups, level, proved_at: NOW, by_token: false }
}

/// A house with a rule of every kind, numbered from 1 as in the rows.
const HOUSE: [&str; 16] = [
    r#"{"hosts":["app.example.org"],"paths":["/health","/static/*"],"policy":"bypass"}"#,
    r#"{"hosts":["app.example.org"],"paths":["/blocked/*"],"policy":"deny"}"#,
    r#"{"hosts":["app.example.org"],"paths":["/admin/*"],"policy":"two_factor","groups":["admins"],"max_age":"15m"}"#,
    r#"{"hosts":["app.example.org"],"paths":["/admin/*"],"policy":"deny"}"#,
    r#"{"hosts":["app.example.org"],"methods":["POST","DELETE"],"policy":"two_factor","groups":["family"]}"#,
    r#"{"hosts":["app.example.org"],"policy":"one_factor","groups":["family"],"users":["bob"]}"#,
    r#"{"hosts":["wiki.example.org"],"networks":["10.0.0.0/8","fd00::/8"],"policy":"bypass"}"#,
    r#"{"hosts":["wiki.example.org"],"policy":"one_factor","any":true}"#,
    r#"{"hosts":["*.lab.example.org"],"methods":["GET"],"policy":"one_factor","users":["Ada"]}"#,
    r#"{"hosts":["hooks.example.org"],"methods":["POST"],"paths":["/hook"],"policy":"bypass"}"#,
    r#"{"hosts":["vault.example.org"],"networks":["192.0.2.0/24"],"policy":"deny"}"#,
    r#"{"hosts":["vault.example.org"],"policy":"two_factor","any":true,"max_age":"1m"}"#,
    r#"{"hosts":["192.0.2.7","[2001:db8::7]","localhost"],"policy":"two_factor","users":["ada"]}"#,
    r#"{"hosts":["old.example.org"],"policy":"one_factor","users":["ada"]}"#,
    r#"{"hosts":["old.example.org"],"policy":"two_factor","any":true}"#,
    r#"{"hosts":["open.example.org"],"policy":"bypass"}"#,
];

/// Who: `-` is nobody. What: method, address, URL. What comes of it, and by which rule; 0 stands for none.
const ROWS: &str = "
-       GET     -            https://app.example.org/                        sign_in 6
-       GET     -            https://app.example.org/health                  allow 1
-       GET     -            https://app.example.org/health/                 allow 1
-       POST    -            https://app.example.org/health                  allow 1
-       GET     -            https://app.example.org/health/x                sign_in 6
-       GET     -            https://app.example.org/healthy                 sign_in 6
-       GET     -            https://app.example.org/Health                  sign_in 6
-       GET     -            https://app.example.org/static                  allow 1
-       GET     -            https://app.example.org/static/                 allow 1
-       GET     -            https://app.example.org/static/app.css?v=1      allow 1
-       GET     -            https://app.example.org/static/My%20File.pdf    allow 1
-       GET     -            https://app.example.org/static/a;v=1/b          allow 1
-       GET     -            https://app.example.org/static/a%2Fb            allow 1
-       GET     -            https://app.example.org/static//a               allow 1
-       GET     -            https://app.example.org//static/a               refuse 6
-       GET     -            https://app.example.org/%73tatic/a              refuse 6
-       GET     -            https://app.example.org/static;v=1/a            refuse 6
-       GET     -            https://app.example.org/STATIC/a                sign_in 6
-       GET     -            https://app.example.org/x%2F..%2Fstatic/a       unclear path
-       GET     -            https://app.example.org/static/../admin         unclear path
-       GET     -            https://app.example.org/static/..;/admin        unclear path
-       GET     -            https://app.example.org/static/%2e%2e/admin     unclear path
-       GET     -            https://app.example.org/static/%252e%252e/a     unclear path
-       GET     -            https://app.example.org/static%00               unclear path
-       GET     -            https://app.example.org/blocked                 refuse 2
-       GET     -            https://app.example.org/blocked/x               refuse 2
-       GET     -            https://app.example.org/BLOCKED/x               refuse 2
-       GET     -            https://app.example.org/%62locked/x             refuse 2
-       GET     -            https://app.example.org//blocked/x              refuse 2
-       GET     -            https://app.example.org/blocked;x               refuse 2
-       GET     -            https://app.example.org/blocked%2Fx             refuse 2
-       GET     -            https://app.example.org/blocked./x              refuse 2
-       GET     -            https://app.example.org/blocked%23x             refuse 2
-       GET     -            https://app.example.org/blocked%3Fx             refuse 2
-       GET     -            https://app.example.org/blockedx                sign_in 6
-       GET     -            https://app.example.org/admin                   sign_in 3
-       GET     -            https://app.example.org/admin/x                 sign_in 3
-       HEAD    -            https://app.example.org/admin/x                 sign_in 3
-       OPTIONS -            https://app.example.org/admin/x                 sign_in 3
-       PROPFIND -           https://app.example.org/admin/x                 sign_in 3
-       GET     -            https://APP.Example.org./admin/x                sign_in 3
-       GET     -            https://app.example.org:443/admin/x             sign_in 3
-       GET     -            https://app.example.org:8443/admin/x            sign_in 3
-       GET     -            http://app.example.org/admin/x                  unclear scheme
-       GET     -            https://x@app.example.org/admin/x               unclear host
-       GET     -            https://app.example.org..org/admin/x            unclear host
-       GET     -            https://example.org/                            refuse 0
-       GET     -            https://evil.example/                           refuse 0
-       GET     -            https://app.example.org.evil.example/           refuse 0
-       GET     -            https://x.app.example.org/                      refuse 0
-       GET     -            https://wiki.example.org/                       sign_in 8
-       GET     10.1.2.3     https://wiki.example.org/                       allow 7
-       GET     fd00::1      https://wiki.example.org/                       allow 7
-       GET     ::ffff:10.1.2.3 https://wiki.example.org/                    allow 7
-       GET     11.0.0.1     https://wiki.example.org/                       sign_in 8
-       GET     -            https://a.lab.example.org/                      sign_in 9
-       GET     -            https://a.b.lab.example.org/                    sign_in 9
-       GET     -            https://lab.example.org/                        refuse 0
-       GET     -            https://xlab.example.org/                       refuse 0
-       POST    -            https://a.lab.example.org/                      refuse 0
-       HEAD    -            https://a.lab.example.org/                      sign_in 9
-       POST    -            https://hooks.example.org/hook                  allow 10
-       GET     -            https://hooks.example.org/hook                  refuse 0
-       POST    -            https://hooks.example.org/hook/x                refuse 0
-       POST    -            https://hooks.example.org/                      refuse 0
-       GET     192.0.2.9    https://vault.example.org/                      refuse 11
-       GET     192.0.3.9    https://vault.example.org/                      sign_in 12
-       GET     -            https://vault.example.org/                      refuse 11
-       GET     -            https://192.0.2.7/                              sign_in 13
-       GET     -            https://192.0.2.8/                              refuse 0
-       GET     -            https://[2001:DB8:0::7]/                        sign_in 13
-       GET     -            http://localhost:9000/                          sign_in 13
-       GET     -            https://old.example.org/                        sign_in 14
-       GET     -            https://open.example.org/anything//at%2Fall     allow 16
-       GET     -            https://open.example.org/../x                   unclear path
ada     GET     -            https://app.example.org/                        allow 6
ada     POST    -            https://app.example.org/                        allow 5
ada     PUT     -            https://app.example.org/                        allow 6
ada     GET     -            https://app.example.org/admin                   allow 3
ada     GET     -            https://app.example.org/ADMIN                   allow 3
ada     GET     -            https://app.example.org/blocked                 refuse 2
ada     GET     -            https://app.example.org//static/a               refuse 6
ada     GET     -            https://app.example.org/static/a                allow 1
ada     GET     -            https://wiki.example.org/                       allow 8
ada     GET     -            https://a.lab.example.org/                      allow 9
ada     POST    -            https://a.lab.example.org/                      refuse 0
ada     GET     192.0.3.9    https://vault.example.org/                      allow 12
ada     GET     192.0.2.9    https://vault.example.org/                      refuse 11
ada     GET     -            http://localhost:9000/                          allow 13
ada     GET     -            https://evil.example/                           refuse 0
ada.code GET    -            https://app.example.org/                        allow 6
ada.code POST   -            https://app.example.org/                        prove 5
ada.code GET    -            https://app.example.org/admin                   prove 3
ada.code GET    -            https://wiki.example.org/                       allow 8
ada.code GET    192.0.3.9    https://vault.example.org/                      prove 12
ada.code GET    -            https://old.example.org/                        allow 14
ada.old GET     -            https://app.example.org/                        allow 6
ada.old POST    -            https://app.example.org/                        allow 5
ada.old GET     -            https://app.example.org/admin                   prove 3
ada.old GET     -            https://app.example.org/%61dmin                 prove 3
ada.old GET     192.0.3.9    https://vault.example.org/                      prove 12
ada.fresh GET   192.0.3.9    https://vault.example.org/                      allow 12
ada.ahead GET   192.0.3.9    https://vault.example.org/                      allow 12
ada.future GET  192.0.3.9    https://vault.example.org/                      prove 12
ada.future GET  -            https://app.example.org/                        allow 6
ADA     GET     -            https://a.lab.example.org/                      allow 9
bob     GET     -            https://app.example.org/                        allow 6
bob     POST    -            https://app.example.org/                        allow 6
bob     GET     -            https://app.example.org/admin                   refuse 4
bob     GET     -            https://app.example.org/Admin/x                 refuse 4
bob     GET     -            https://a.lab.example.org/                      refuse 0
bob     GET     -            https://old.example.org/                        allow 15
bob.code GET    -            https://old.example.org/                        prove 15
Carol   GET     -            https://app.example.org/                        allow 6
Carol   GET     -            https://app.example.org/admin                   refuse 4
eve     GET     -            https://app.example.org/                        refuse 0
eve     GET     -            https://app.example.org/health                  allow 1
eve     GET     -            https://app.example.org/admin                   refuse 4
eve     GET     -            https://wiki.example.org/                       allow 8
eve     GET     -            https://a.lab.example.org/                      refuse 0
eve     GET     192.0.3.9    https://vault.example.org/                      allow 12
eve     GET     -            https://open.example.org/                       allow 16
eve     GET     -            http://localhost/                               refuse 0
";

/// What comes of a row, in the words of the table.
fn outcome(rules: &[Rule], words: &[&str]) -> String {
    let [who, method, address, url] = words[..] else { panic!("{words:?}") };
    let groups = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let (name, how) = who.split_once('.').unwrap_or((who, ""));
    let groups = match name {
        "ada" | "ADA" => groups(&["Family", "admins"]),
        "Carol" => groups(&["FAMILY"]),
        "bob" => groups(&["familyx", "x"]),
        _ => Vec::new(),
    };
    let level = if how == "code" { Level::Code } else { Level::Full };
    let ago = [("old", 3600), ("fresh", 60), ("ahead", -5), ("future", -3600)];
    let ago = ago.iter().find(|(word, _)| *word == how).map_or(0, |(_, seconds)| *seconds);
    let who = Person { proved_at: NOW.plus_seconds(-ago), ..person(name, &groups, level) };
    let target = match Target::of_url(method, url, address.parse().ok()) {
        Ok(target) => target,
        Err(unclear) => return format!("unclear {}", unclear.part),
    };
    let decision = decide(rules, &target, Some(&who).filter(|who| who.name != "-"), NOW);
    let verdict = match decision.verdict {
        Verdict::Allow => "allow",
        Verdict::SignIn => "sign_in",
        Verdict::Prove => "prove",
        Verdict::Refuse => "refuse",
    };
    format!("{verdict} {}", decision.rule.map_or(0, |number| number + 1))
}

#[test]
fn every_row_of_the_table_is_decided_as_it_says() {
    let rules = rules(&HOUSE);
    let (mut wrong, mut count) = (Vec::new(), 0);
    for row in ROWS.lines().filter(|row| !row.is_empty()) {
        let words: Vec<&str> = row.split_whitespace().collect();
        let (asked, expected) = words.split_at(words.len() - 2);
        let found = outcome(&rules, asked);
        if found != expected.join(" ") {
            wrong.push(format!("{row}\n  is decided: {found}"));
        }
        count += 1;
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert!(count >= 100, "only {count} rows");
}

#[test]
fn without_rules_nobody_comes_through() {
    for who in ["-", "ada", "eve"] {
        assert_eq!(outcome(&[], &[who, "GET", "-", "https://app.example.org/"]), "refuse 0");
    }
}

#[test]
fn what_is_needed_is_told_and_is_what_meets_every_way_to_read_the_path() {
    let rules = rules(&HOUSE);
    let needed = |url: &str| {
        let target = Target::of_url("GET", url, None).unwrap();
        decide(&rules, &target, None, NOW).needed.map(|needed| (needed.level, needed.max_age))
    };
    assert_eq!(needed("https://app.example.org/"), Some((Level::Code, None)));
    assert_eq!(needed("https://app.example.org/admin"), Some((Level::Full, Some(900))));
    // To some it is the one page, to others the other.
    assert_eq!(needed("https://app.example.org/%61dmin"), Some((Level::Full, Some(900))));
    assert_eq!(needed("https://app.example.org/health"), None);
    assert_eq!(needed("https://evil.example/"), None);

    let mild_and_often = super::rows::rules(&[
        r#"{"hosts":["a"],"paths":["/api"],"policy":"one_factor","any":true,"max_age":"5m"}"#,
        r#"{"hosts":["a"],"policy":"two_factor","any":true}"#,
    ]);
    let target = Target::of_url("GET", "https://a/%61pi", None).unwrap();
    let needed = decide(&mild_and_often, &target, None, NOW).needed.unwrap();
    assert_eq!((needed.level, needed.max_age), (Level::Full, Some(300)));
}

#[test]
fn a_token_comes_through_by_a_rule_that_takes_tokens_and_by_no_other() {
    let house = rules(&[
        r#"{"hosts":["a"],"paths":["/open/*"],"policy":"bypass"}"#,
        r#"{"hosts":["a"],"paths":["/admin/*"],"policy":"two_factor","groups":["admins"]}"#,
        r#"{"hosts":["a"],"paths":["/code/*"],"policy":"one_factor","users":["ada"],"tokens":true}"#,
        r#"{"hosts":["a"],"policy":"two_factor","groups":["family"],"tokens":true}"#,
    ]);
    let (family, admins) = (["family".to_owned()], ["family".to_owned(), "admins".to_owned()]);
    let found = |path: &str, (name, groups, level): (&str, &[String], Level)| {
        let target = Target::of_url("GET", &format!("https://a{path}"), None).unwrap();
        let there = person(name, groups, level);
        let token = Person { by_token: true, ..there };
        let by = |who: &Person<'_>| {
            let decision = decide(&house, &target, Some(who), NOW);
            (decision.verdict, decision.rule.map_or(0, |at| at + 1))
        };
        (by(&there), by(&token))
    };
    use Verdict::*;
    for (path, who, there, token) in [
        ("/open/x", ("ada", &family[..], Level::Full), (Allow, 1), (Allow, 1)),
        ("/", ("ada", &family, Level::Full), (Allow, 4), (Allow, 4)),
        ("/", ("ada", &[], Level::Full), (Refuse, 0), (Refuse, 0)),
        ("/", ("ada", &family, Level::Code), (Prove, 4), (Prove, 4)),
        ("/code/x", ("ada", &family, Level::Code), (Allow, 3), (Allow, 3)),
        // The next rule would take it, and is not asked.
        ("/admin/x", ("ada", &admins, Level::Full), (Allow, 2), (Refuse, 2)),
        ("/%61dmin/x", ("ada", &admins, Level::Full), (Allow, 2), (Refuse, 2)),
        // As without a token: whoever is not of the group is not meant by the second rule.
        ("/admin/x", ("ada", &family, Level::Full), (Allow, 4), (Allow, 4)),
    ] {
        assert_eq!(found(path, who), (there, token), "{path} {who:?}");
    }
}

/// Forty ways to write a host that is not the one of the rule, or is: none is decided more mildly.
#[test]
fn no_spelling_of_a_host_is_decided_more_mildly() {
    let house = rules(&[
        r#"{"hosts":["app.example.org"],"policy":"deny"}"#,
        r#"{"hosts":["b.example.org"],"policy":"bypass"}"#,
        r#"{"hosts":["*.example.org"],"policy":"one_factor","any":true}"#,
    ]);
    let (mut same, mut unclear) = (0, 0);
    let spellings = [
        "app.example.org",
        "APP.example.org",
        "App.Example.Org",
        "app.example.org.",
        "APP.EXAMPLE.ORG.",
        "app.example.org:443",
        "app.example.org:8443",
        "app.example.org.:443",
        "app.example.org:0443",
        "app.example.org:",
        "app.example.org:0",
        "app.example.org:443:443",
        "app.example.org:65536",
        "app.example.org..",
        ".app.example.org",
        "app..example.org",
        "app.example.org@b.example.org",
        "b.example.org@app.example.org",
        "b.example.org:443@app.example.org",
        "app.example.org,b.example.org",
        "b.example.org, app.example.org",
        "b.example.org app.example.org",
        " app.example.org",
        "app.example.org ",
        "app.example.org\t",
        "app.example.org\0",
        "app.example.org\r\nHost: b.example.org",
        "b.example.org\r\nHost: app.example.org",
        "b.example.org\0.app.example.org",
        "app%2eexample.org",
        "app.example.org%00",
        "app.example.org%20",
        "app.example.org/",
        "app.example.org#b.example.org",
        "app.example.org?b.example.org",
        "app.example.org\\b.example.org",
        "https://app.example.org",
        "//app.example.org",
        "[app.example.org]",
        "app.example.org;b.example.org",
        "ａpp.example.org",
        "app。example.org",
        "аpp.example.org",
        "app.example.org|",
        "\"app.example.org\"",
        "'app.example.org'",
        "",
        ".",
        "app.example.org\u{ad}",
        "app\u{200b}.example.org",
    ];
    assert!(spellings.len() >= 40);
    for host in spellings {
        match Target::of_parts("GET", "https", host, "/", None) {
            Ok(target) => {
                assert_eq!(decide(&house, &target, None, NOW).verdict, Verdict::Refuse, "{host:?}");
                same += 1;
            }
            Err(refused) => {
                assert_eq!(refused.part, "host", "{host:?}");
                unclear += 1;
            }
        }
    }
    assert!(same >= 7 && unclear >= 30, "{same} are the same, and {unclear} are not clear");
}
