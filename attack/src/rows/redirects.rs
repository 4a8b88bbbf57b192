//! Addresses elsewhere, to return to after a sign-in, in every disguise that browsers see through.

use anyhow::Result;

use crate::browser::percent;
use crate::report::verdict;
use crate::{Finding, Ground};

/// What leads elsewhere, to be put together with hosts.
const PREFIXES: [&str; 28] = [
    "//",
    "///",
    "////",
    "/\\",
    "\\\\",
    "\\/",
    "/\t/",
    "/\n/",
    "/\r/",
    "\t//",
    " //",
    "/ /",
    "/\u{0}/",
    "/%09/",
    "/%5c",
    "/%2f",
    "/.//",
    "/..//",
    "/x/..//",
    "//;@",
    "/\u{2044}",
    "/\u{ff0f}",
    "\u{3000}//",
    "/\u{200b}/",
    "http:",
    "http:/",
    "http://",
    "HTTPS://",
];
const HOSTS: [&str; 10] = [
    "evil.example",
    "evil.example/login",
    "localhost@evil.example",
    "localhost:80@evil.example/",
    "evil.example#localhost",
    "evil.example?localhost",
    "evil%2eexample",
    "3221225985",
    "[::ffff:192.0.2.1]",
    "evil.example\\@localhost",
];
const ALONE: [&str; 20] = [
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "java\nscript:alert(1)",
    "data:text/html,x",
    "vbscript:x",
    "ftp://evil.example",
    "mailto:x@evil.example",
    "evil.example",
    "@evil.example",
    ":80",
    "?//evil.example",
    "#//evil.example",
    "..//evil.example",
    "/\r\nLocation: //evil.example",
    "/\r\n\r\n<script>alert(1)</script>",
    "/%0d%0aLocation:%20//evil.example",
    "/login\u{2028}//evil.example",
    "\u{feff}//evil.example",
    "x:/evil.example",
    "\u{1}//evil.example",
];

pub(crate) fn run(ground: &Ground) -> Result<Vec<Finding>> {
    let arena = ground.arena()?;
    // Whoever is signed in is sent on at once, with the same rule as after a sign-in.
    let (mut person, mut browser) = ground.registered(&arena.site)?;
    let mut hostile: Vec<String> = ALONE.map(str::to_owned).to_vec();
    hostile.extend(PREFIXES.iter().flat_map(|prefix| HOSTS.map(|host| format!("{prefix}{host}"))));
    let (mut left, mut naive, mut asked) = (Vec::new(), 0, 0);
    for rd in &hostile {
        let answer = browser.get(&format!("/login?rd={}", percent(rd)))?;
        asked += 1;
        if answer.status != 303 || leaves(answer.location()) {
            left.push(format!("{rd:?} leads to {} {:?}", answer.status, answer.location()));
        }
        // A server that sends people where the address says.
        naive += usize::from(leaves(rd));
    }
    // After a real sign-in, with the worst of them, and with a good one, which has to be followed.
    let mut kept = String::new();
    let after = ["//evil.example", "/\\evil.example", "/account?x=1"];
    // A phone has two codes to give at once, and a test does not wait for the third.
    for rd in ground.pick(&after[1..], &after, &after) {
        let mut browser = ground.browser(&arena.site);
        let fields =
            [("username", person.name.as_str()), ("password", person.password.as_str()), ("rd", *rd)];
        browser.post("/login", &fields)?.lands_on("/login/code")?;
        let code = person.code()?;
        let answer = browser.post("/login/code", &[("otp", &code)])?;
        asked += 1;
        kept = answer.location().to_owned();
        if answer.status != 303 || leaves(&kept) {
            left.push(format!("{rd:?} leads to {} {kept:?} after a sign-in", answer.status));
        }
    }
    let first = left.first().map(|first| format!("; {first}")).unwrap_or_default();
    Ok(vec![Finding {
        row: "redirects",
        tried: "addresses elsewhere to return to".to_owned(),
        often: asked.to_string(),
        result: format!("{} lead away{first}; a path of ours leads to {kept}", left.len()),
        control: format!("a server that takes them as they are leads away with {naive}"),
        verdict: verdict(left.is_empty() && kept == "/account?x=1", naive * 2 > hostile.len()),
    }])
}

/// Whether a browser would leave the site, or run something. As the URL standard reads it: what is below a space or stands for a
/// line is taken out first, and a backslash is a slash.
fn leaves(location: &str) -> bool {
    let seen = location.trim_matches(|c: char| c <= ' ');
    let seen: String = seen.chars().filter(|c| !['\t', '\n', '\r'].contains(c)).collect();
    let seen = seen.replace('\\', "/");
    // Only a path of ours: one slash, then no other.
    let path = seen.starts_with('/') && !seen.starts_with("//");
    !path || location.chars().any(|c| c.is_control())
}

#[cfg(test)]
mod tests {
    use super::leaves;

    #[test]
    fn what_browsers_see_through_is_seen_through() {
        for away in
            ["//e", "/\\e", "\\\\e", "/\t/e", " //e", "http:e", "https://e", "javascript:x", "e", "", "/\n/e"]
        {
            assert!(leaves(away), "{away:?}");
        }
        for here in ["/", "/account?x=//e", "/a//b", "/%2f%2fe", "/%5ce"] {
            assert!(!leaves(here), "{here:?}");
        }
    }
}
