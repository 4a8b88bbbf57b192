//! Every route of the API, asked with every method by everybody: the table is `access_api.snap`, and a change of it is a
//! change of who may do what. What browsers get elsewhere is in `access.rs`.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use auth::api_token::{self, Scope};
use auth::{Id, Role, Visit};
use serde_json::{Value, json};
use store::groups::NewGroup;
use store::users::NewUser;
use store::{Db, Time};

use crate::access::is_as_accepted;
use crate::login::signed_in;
use crate::world::{Browser, PASSWORD, World};

/// The methods that the API knows.
const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

/// And some that it does not.
const NONE_OF_ITS: [&str; 4] = ["OPTIONS", "TRACE", "QUERY", "FROBNICATE"];

/// A line of the table: method, route, where the placeholders are filled in with others than the usual ones, and what is sent.
/// Where nothing is said of them they are tina's, who is a user, and staff's; those of an account are ada's. What signs out,
/// or takes away what others ask about, comes last.
type Line = (&'static str, &'static str, &'static str, &'static str);

const LINES: [Line; 53] = [
    ("POST", "/api/v1/register", "", "{}"),
    ("GET", "/api/v1/enroll", "", ""),
    ("POST", "/api/v1/enroll", "", "{}"),
    ("POST", "/api/v1/login", "", "{}"),
    ("POST", "/api/v1/login/code", "", "{}"),
    ("POST", "/api/v1/login/password", "", "{}"),
    ("POST", "/api/v1/login/recovery", "", "{}"),
    ("POST", "/api/v1/verify", "", r#"{"username":"nobody","otp":"123456"}"#),
    ("GET", "/api/v1/people", "", ""),
    ("POST", "/api/v1/people", "", r#"{"username":"nora"}"#),
    ("POST", "/api/v1/people", "an administrator", r#"{"username":"noel","role":"admin"}"#),
    ("GET", "/api/v1/people/{username}", "", ""),
    ("GET", "/api/v1/people/{username}", "theo", ""),
    ("PATCH", "/api/v1/people/{username}", "", r#"{"disabled":true}"#),
    ("PATCH", "/api/v1/people/{username}", "a role", r#"{"role":"admin"}"#),
    ("PATCH", "/api/v1/people/{username}", "theo", r#"{"disabled":true}"#),
    ("PATCH", "/api/v1/people/{username}", "thea", r#"{"disabled":true}"#),
    ("DELETE", "/api/v1/people/{username}", "", ""),
    ("DELETE", "/api/v1/people/{username}", "theo", ""),
    ("DELETE", "/api/v1/people/{username}", "thea", ""),
    ("POST", "/api/v1/people/{username}/link", "", r#"{"lost":"both"}"#),
    ("POST", "/api/v1/people/{username}/link", "theo", r#"{"lost":"both"}"#),
    ("POST", "/api/v1/people/{username}/link", "thea", r#"{"lost":"both"}"#),
    ("GET", "/api/v1/people/{username}/sessions", "", ""),
    ("DELETE", "/api/v1/people/{username}/sessions", "", ""),
    ("DELETE", "/api/v1/people/{username}/sessions", "theo", ""),
    ("GET", "/api/v1/groups", "", ""),
    ("POST", "/api/v1/groups", "", r#"{"name":"fresh"}"#),
    ("GET", "/api/v1/groups/{name}", "", ""),
    ("DELETE", "/api/v1/groups/{name}", "", ""),
    ("GET", "/api/v1/groups/{name}/members", "", ""),
    ("PUT", "/api/v1/groups/{name}/members/{username}", "", ""),
    ("PUT", "/api/v1/groups/{name}/members/{username}", "theo", ""),
    ("DELETE", "/api/v1/groups/{name}/members/{username}", "", ""),
    ("DELETE", "/api/v1/groups/{name}/members/{username}", "theo", ""),
    ("GET", "/api/v1/account", "", ""),
    ("POST", "/api/v1/account/prove", "", "{}"),
    ("POST", "/api/v1/account/password", "", "{}"),
    ("GET", "/api/v1/account/recovery-codes", "", ""),
    ("POST", "/api/v1/account/recovery-codes", "", ""),
    ("POST", "/api/v1/account/recovery-codes/saved", "", ""),
    ("GET", "/api/v1/account/authenticators", "", ""),
    ("POST", "/api/v1/account/authenticators", "", "{}"),
    ("PATCH", "/api/v1/account/authenticators/{id}", "", r#"{"name":"Phone"}"#),
    ("DELETE", "/api/v1/account/authenticators/{id}", "", ""),
    ("GET", "/api/v1/account/tokens", "", ""),
    ("POST", "/api/v1/account/tokens", "", r#"{"name":"x","scopes":["account:read"]}"#),
    ("DELETE", "/api/v1/account/tokens/{id}", "", ""),
    ("GET", "/api/v1/account/sessions", "", ""),
    ("GET", "/api/v1/account/activity", "", ""),
    ("DELETE", "/api/v1/account/sessions/{id}", "", ""),
    ("DELETE", "/api/v1/account/sessions", "", ""),
    ("POST", "/api/v1/logout", "", ""),
];

/// Everybody who asks, and what stands above their column. Ada comes last: she may take away what others ask about.
struct Asker {
    called: &'static str,
    browser: Browser,
}

/// Those of whom the lines speak, as they are before each of them.
async fn put_back(db: &Db, now: Time) {
    let put = db.write(move |tx| {
        for (name, role) in [("tina", "user"), ("theo", "admin"), ("thea", "owner")] {
            let id = Id::new(format!("id of {name}"));
            store::users::remove(tx, &id)?;
            let new = NewUser {
                id: &id,
                name,
                name_key: name,
                role,
                password: Some("none that is right"),
                password_due: None,
                signed_in_at: None,
            };
            assert!(store::users::insert(tx, &new, now)?);
        }
        for name in ["staff", "fresh"] {
            if let Some(group) = store::groups::by_name(tx, name)? {
                store::groups::remove(tx, &group.id)?;
            }
        }
        let id = Id::new("id of staff");
        assert!(store::groups::insert(tx, &NewGroup { id: &id, name: "staff", name_key: "staff" }, now)?);
        Ok::<_, store::Error>(())
    });
    put.await.unwrap();
}

/// Everybody but those who sign in, each of whom does so when it is their turn.
async fn programs(world: &World) -> Vec<Asker> {
    use Scope::{AccountRead, Apps, PeopleRead, PeopleWrite, Verify};
    let mut askers = Vec::new();
    for (called, scope, owner) in [
        ("verify", Verify, None),
        ("p:read", PeopleRead, None),
        ("p:write", PeopleWrite, None),
        ("bob a:read", AccountRead, Some("bob")),
        ("bob apps", Apps, Some("bob")),
        ("adam verify", Verify, Some("adam")),
        ("adam p:read", PeopleRead, Some("adam")),
        ("adam p:write", PeopleWrite, Some("adam")),
        ("adam a:read", AccountRead, Some("adam")),
        ("adam apps", Apps, Some("adam")),
        ("olga p:write", PeopleWrite, Some("olga")),
    ] {
        askers.push(Asker { called, browser: world.program(called, &[scope], owner).await });
    }
    let revoked = world.program("revoked", &[Verify, PeopleRead, PeopleWrite], None).await;
    api_token::revoke(&world.app, ("revoked", None), &Visit::default()).await.unwrap();
    let expired = world.program("expired", &[Verify, PeopleRead, PeopleWrite], None).await;
    world.records().await.change("UPDATE api_tokens SET expires_at = 1 WHERE name = 'expired'").await;
    askers.push(Asker { called: "revoked", browser: revoked });
    askers.push(Asker { called: "expired", browser: expired });
    askers
}

/// What is ada's: an authenticator and this session.
async fn ids_of(browser: &Browser) -> [String; 2] {
    let first = |list: Value| {
        let items = list.as_object().unwrap().values().find_map(Value::as_array).unwrap().clone();
        items[0]["id"].as_str().unwrap().to_owned()
    };
    let authenticators = browser.get("/api/v1/account/authenticators").await.said(200);
    let sessions = browser.get("/api/v1/account/sessions").await.said(200);
    [first(authenticators), first(sessions)]
}

fn address(route: &str, other: &str, [authenticator, session]: &[String; 2]) -> String {
    let name = if matches!(other, "theo" | "thea") { other } else { "tina" };
    let id = if route.contains("authenticators") { authenticator } else { session };
    route.replace("{username}", name).replace("{name}", "staff").replace("{id}", id)
}

/// The status of each line, and at the end those of the methods that are in no line.
async fn column(world: &World, db: &Db, asker: &Asker, ids: &[String; 2]) -> Vec<String> {
    let mut column = vec![asker.called.to_owned()];
    let browser = &asker.browser;
    let mut others = Vec::new();
    for route in routes() {
        let mut seen = BTreeSet::new();
        let unlisted = METHODS.into_iter().filter(|method| !is_in_a_line(method, route));
        for method in unlisted.chain(NONE_OF_ITS) {
            seen.insert(browser.copy().bare(method, &address(route, "", ids)).await.status.as_u16());
        }
        let seen: Vec<String> = seen.iter().map(u16::to_string).collect();
        others.push(seen.join(" "));
    }
    for (method, route, other, body) in LINES {
        put_back(db, world.app.clock.now()).await;
        let address = address(route, other, ids);
        let seen = match body {
            "" => browser.copy().bare(method, &address).await,
            body => browser.copy().json_text(method, &address, body).await,
        };
        column.push(seen.status.as_u16().to_string());
    }
    column.extend(others);
    column
}

fn is_in_a_line(method: &str, route: &str) -> bool {
    LINES.iter().any(|line| (line.0, line.1) == (method, route))
}

/// Each route once, in the order of the lines.
fn routes() -> Vec<&'static str> {
    let mut routes: Vec<&str> = Vec::new();
    for (_, route, ..) in LINES {
        if !routes.contains(&route) {
            routes.push(route);
        }
    }
    routes
}

/// The table: a line for each route and method, a column for each asker.
async fn table(world: &World) -> String {
    let db = world.db().await;
    let ada = world.person("ada").enrolled().await;
    let mut people = Vec::new();
    for (name, role) in [("bob", Role::User), ("adam", Role::Admin), ("olga", Role::Owner)] {
        people.push((name, world.with_role(name, role).await));
    }
    let programs = programs(world).await;
    put_back(&db, world.app.clock.now()).await;
    let hers = signed_in(&ada).await;
    let ids = ids_of(&hers).await;
    let mut columns = Vec::new();

    let nobody = Asker { called: "nobody", browser: world.browser() };
    columns.push(column(world, &db, &nobody, &ids).await);
    let browser = world.browser();
    browser.post("/register", &[("username", "new"), ("password", PASSWORD)]).await.lands_on("/enroll");
    columns.push(column(world, &db, &Asker { called: "enrolling", browser }, &ids).await);
    let half = Asker { called: "half", browser: ada.half_signed_in().await };
    columns.push(column(world, &db, &half, &ids).await);
    let browser = signed_in(&ada).await;
    browser.copy().post("/logout", &[]).await.lands_on("/login");
    columns.push(column(world, &db, &Asker { called: "ended", browser }, &ids).await);
    for (called, person) in &people {
        let browser = signed_in(person).await;
        columns.push(column(world, &db, &Asker { called, browser }, &ids).await);
    }
    for program in &programs {
        columns.push(column(world, &db, program, &ids).await);
    }
    // Whatever they were told, nobody else has ended her session, or taken her phone.
    hers.get("/api/v1/account").await.is(200);
    assert_eq!(ids_of(&hers).await[0], ids[0]);
    let herself = Asker { called: "ada", browser: signed_in(&ada).await };
    columns.push(column(world, &db, &herself, &ids).await);
    written(columns)
}

fn written(mut columns: Vec<Vec<String>>) -> String {
    let mut lines = vec![String::new()];
    for (method, route, other, _) in LINES {
        let other = if other.is_empty() { String::new() } else { format!(" ({other})") };
        lines.push(format!("{method:6} {route}{other}"));
    }
    lines.extend(routes().into_iter().map(|route| format!("others {route}")));
    columns.insert(0, lines);
    let widths: Vec<usize> =
        columns.iter().map(|column| column.iter().map(String::len).max().unwrap_or(0)).collect();
    let mut table = String::new();
    for line in 0..columns[0].len() {
        let cells = columns.iter().zip(&widths).map(|(column, width)| format!("{:width$}", column[line]));
        let _ = writeln!(table, "{}", cells.collect::<Vec<_>>().join("  ").trim_end());
    }
    table
}

#[tokio::test]
async fn everybody_gets_from_the_api_what_the_table_says_and_nothing_else() {
    World::on_both(async |world| {
        let found = table(&world).await;
        is_as_accepted(&found, "access_api.snap");
    })
    .await;
}

#[tokio::test]
async fn every_operation_of_the_document_is_in_the_table_and_every_line_in_the_document() {
    let world = World::on(store::Kind::Sqlite).await;
    let document = world.browser().get("/api/openapi.json").await.said(200);
    let mut documented = BTreeSet::new();
    for (route, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            let method = method.to_uppercase();
            if METHODS.contains(&method.as_str()) {
                documented.insert(format!("{method} {route}"));
            }
        }
    }
    let listed: BTreeSet<String> = LINES.iter().map(|line| format!("{} {}", line.0, line.1)).collect();
    assert_eq!(listed, documented);

    // And no route is hidden from the document.
    let source: String = include_str!("../../src/routes.rs").split_whitespace().collect();
    let routes: BTreeSet<&str> = source
        .split(".route(\"")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap())
        .filter(|route| route.starts_with("/api/v1/"))
        .collect();
    assert_eq!(routes, LINES.iter().map(|line| line.1).collect());
}

#[tokio::test]
async fn a_bad_token_is_refused_also_beside_the_cookie_of_an_owner() {
    World::on_both(async |world| {
        let owner = world.asker("olga", Role::Owner).await;
        owner.get("/api/v1/people").await.is(200);
        let other = world.program("other", &[Scope::Verify], None).await;
        let good = other.headers["authorization"].to_str().unwrap().to_owned();
        for (shown, status) in
            [("Bearer lk_none", 401), ("Basic b2xnYTp4", 401), ("Bearer", 401), (good.as_str(), 403)]
        {
            let both = owner.copy().with("authorization", shown);
            both.get("/api/v1/people").await.is(status);
            both.json("PATCH", "/api/v1/people/olga", &json!({ "disabled": false })).await.is(status);
        }
    })
    .await;
}
