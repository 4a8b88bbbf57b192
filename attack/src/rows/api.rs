//! schemathesis: requests made from the OpenAPI document, right ones and wrong ones, and every answer held against it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::browser::{Browser, connect, exchange};
use crate::report::verdict;
use crate::server::{Place, Server};
use crate::{Finding, Ground, python};

const TOOL: &str = "schemathesis==4.32.5";
/// What every answer is held against.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                      response_headers_conformance,response_schema_conformance";
/// What can end the session in which the tool is signed in: it reads ids and names in answers, and uses them. Others ask there.
const ENDS: &[&str] = &[
    "post_logout",
    "delete_account_sessions_id",
    "delete_people_username_sessions",
    "post_people_username_link",
];
/// First every limit of every field, one by one; then whatever chance makes.
const PHASES: &str = "coverage,fuzzing";
/// Where the document is.
const DOCUMENT: &str = "/api/openapi.json";

pub(crate) fn run(ground: &Ground) -> Result<Vec<Finding>> {
    // What it tries of its own accord at each route, whatever is asked of it, takes longer than a test may.
    let how = Extent {
        phases: ground.pick("fuzzing", PHASES, PHASES),
        examples: ground.pick(14, 40, 200),
        without: &[],
    };
    let least = ground.pick(1_000, 5_000, 20_000);
    let tool = python::programs_of("schemathesis", &[TOOL])?.join("python");
    let place = ground.place()?;
    let server = place.start()?;
    let (mut person, mut browser) = ground.registered(&server.site)?;
    // With another role everything begins anew.
    command(&place, &["user", "role", &person.name, "owner"])?;
    person.signs_in(&mut browser)?.lands_on("/")?;
    let token = token(&place, &person.name)?;
    let dir = tempfile::tempdir()?;
    let run = |name: &str, header: &str, how: Extent| {
        let report = dir.path().join(format!("{name}.json"));
        schemathesis((&tool, &server), (header, None), &report, how)
    };

    // The session comes last: whoever changes their password has no tokens any more.
    let mut passes = vec![run("token", &format!("Authorization: Bearer {token}"), how)?];
    let asked = format!(
        "GET /api/v1/account HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\r\n",
        server.site.host
    );
    let shown = exchange(&mut connect(&server.site)?, asked.as_bytes())?.map_or(0, |answer| answer.status);
    // Somebody who has not come further than the first step, twice.
    let mut stranger = ground.browser(&server.site);
    let mut other = crate::person::Person::new(&ground.name("person"));
    other.reserves(&mut stranger)?;
    person.gives_password(&mut stranger)?;
    passes.push(run("stranger", &format!("Cookie: {}", cookies(&stranger)), how)?);
    let session = format!("Cookie: {}", cookies(&browser));
    passes.push(run("session", &session, Extent { without: ENDS, ..how })?);
    let still = browser.get("/account")?.status;

    // The same document without the refusals that come at every turn.
    let mut document: Value = serde_json::from_slice(&browser.get(DOCUMENT)?.body).context("the document")?;
    forget_refusals(&mut document);
    let shortened = dir.path().join("shortened.json");
    fs::write(&shortened, document.to_string())?;
    let control = schemathesis(
        (&tool, &server),
        (&session, Some(&shortened)),
        &dir.path().join("control.json"),
        Extent { phases: "fuzzing", examples: 6, without: &[] },
    )?;

    let cases: u64 = passes.iter().map(|pass| pass.cases).sum();
    let failures: Vec<String> = passes.into_iter().flat_map(|pass| pass.failures).collect();
    let first = failures.first().map(|first| format!(", such as {first}")).unwrap_or_default();
    Ok(vec![Finding {
        row: "api",
        tried: "schemathesis over the OpenAPI document: by an owner's session, by their token, by strangers"
            .to_owned(),
        often: cases.to_string(),
        result: format!(
            "{} answers of 5xx or that are not described{first}; afterward the token is answered {shown}, the session {still}",
            failures.len()
        ),
        control: format!(
            "without 400 and 422 in the document of four routes, {} kinds of answers are not described",
            control.failures.len()
        ),
        verdict: verdict(
            failures.is_empty() && cases >= least && (shown, still) == (200, 200),
            !control.failures.is_empty(),
        ),
    }])
}

/// How much of it.
#[derive(Clone, Copy)]
struct Extent {
    phases: &'static str,
    /// At each route.
    examples: u32,
    /// Leaving these out, by their names in the document.
    without: &'static [&'static str],
}

/// What one run of the tool came to.
struct Pass {
    cases: u64,
    /// Each kind of failure, with where it was.
    failures: Vec<String>,
}

fn schemathesis(
    (python, server): (&PathBuf, &Server),
    (header, document): (&str, Option<&Path>),
    report: &Path,
    how: Extent,
) -> Result<Pass> {
    let site = format!("http://{}", server.site.host);
    let mut tool = Command::new(python);
    // What it notes for itself goes with the reports.
    tool.current_dir(report.parent().context("a report in a directory")?);
    tool.args(["-m", "schemathesis.cli", "run"]);
    match document {
        // A few routes show it as well as all.
        Some(document) => tool.arg(document).args(["--url", &site, "--include-path-regex", "/login"]),
        None => tool.arg(format!("{site}{DOCUMENT}")),
    };
    tool.args(["--checks", CHECKS, "--phases", how.phases, "--mode", "all"]);
    tool.args(["--max-examples", &how.examples.to_string(), "--seed", "1", "--generation-database", "none"]);
    tool.args(how.without.iter().flat_map(|name| ["--exclude-operation-id", name]));
    tool.args(["--continue-on-failure", "--no-shrink", "--no-color"]);
    tool.args(["--suppress-health-check", "all", "--warnings", "off", "--header", header]);
    tool.args(["--report", "json", "--report-json-path"]).arg(report);
    let ended = tool.stdin(Stdio::null()).output().context("starting schemathesis")?;
    let said = fs::read_to_string(report).with_context(|| {
        let [out, err] = [ended.stdout, ended.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
        format!("schemathesis wrote nothing: {out}{err}")
    })?;
    let said: Value = serde_json::from_str(&said).context("reading what schemathesis wrote")?;
    if said["complete"] != true || said["operations"]["errored"] != 0 {
        bail!("schemathesis did not come to its end: {said}");
    }
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let failure = |failure: &Value| {
        let there: Vec<String> = failure["operations"].as_array().into_iter().flatten().map(text).collect();
        format!("{} ({}) at {}", text(&failure["title"]), failure["count"], there.join(", "))
    };
    let errors = said["errors"].as_array().into_iter().flatten().map(|error| text(&error["title"]));
    let failures = said["failures"].as_array().into_iter().flatten().map(failure);
    Ok(Pass {
        cases: said["test_cases"]["generated"].as_u64().context("schemathesis counts no cases")?,
        failures: failures.chain(errors).collect(),
    })
}

fn forget_refusals(document: &mut Value) {
    let paths = document["paths"].as_object_mut().into_iter().flat_map(serde_json::Map::values_mut);
    for item in paths {
        for operation in item.as_object_mut().into_iter().flat_map(serde_json::Map::values_mut) {
            if let Some(responses) = operation["responses"].as_object_mut() {
                responses.retain(|status, _| !matches!(status.as_str(), "400" | "422"));
            }
        }
    }
}

/// A token for everything that a person's can be for.
fn token(place: &Place, name: &str) -> Result<String> {
    let scopes = ["verify", "people:read", "people:write", "account:read"];
    let mut arguments = vec!["token", "add", "schemathesis", "--user", name, "--json"];
    arguments.extend(scopes.iter().flat_map(|scope| ["--scope", scope]));
    let made: Value = serde_json::from_str(&command(place, &arguments)?).context("reading the token")?;
    Ok(made["token"].as_str().context("no token was made")?.to_owned())
}

fn command(place: &Place, arguments: &[&str]) -> Result<String> {
    let ended = place.latchkey(arguments).output().context("running latchkey")?;
    if !ended.status.success() {
        bail!("latchkey {}: {}", arguments.join(" "), String::from_utf8_lossy(&ended.stderr));
    }
    Ok(String::from_utf8_lossy(&ended.stdout).into_owned())
}

fn cookies(browser: &Browser) -> String {
    let pairs: Vec<String> = browser.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("; ")
}
