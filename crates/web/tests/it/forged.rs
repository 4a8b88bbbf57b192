//! Forms that would change something if they were ours, sent as another site can send them: nothing is changed.

use auth::link::Purpose;
use auth::{Role, link, setup, users};
use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Method};

use crate::authenticators::{added, ids};
use crate::login::signed_in;
use crate::world::{Browser, PASSWORD, Seen, World, by_code, path_of};

const FORM: &str = "application/x-www-form-urlencoded";

/// A form that is right in every field, in the browser that may send it.
struct Form {
    browser: Browser,
    path: String,
    fields: Vec<(&'static str, String)>,
}

impl Form {
    fn body(&self) -> String {
        form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.fields).finish()
    }

    async fn send(&self, way: &Way) -> Seen {
        let mut browser = self.browser.copy();
        for header in way.without {
            browser.headers.remove(*header);
        }
        for (name, value) in way.with {
            browser.headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        let (mut path, mut body) = (self.path.clone(), self.body());
        match way.body {
            Carried::Form => {}
            Carried::Query => path = format!("{path}?{}", std::mem::take(&mut body)),
            Carried::Multipart => {
                let parts = self.fields.iter().map(|(name, value)| {
                    format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
                });
                body = parts.collect::<String>() + "--x--\r\n";
            }
            Carried::Json => {
                let fields: serde_json::Map<_, _> = self
                    .fields
                    .iter()
                    .map(|(name, value)| ((*name).to_owned(), value.as_str().into()))
                    .collect();
                body = serde_json::Value::from(fields).to_string();
            }
            Carried::Override(field) => body = format!("{body}&{field}"),
        }
        let method = Method::from_bytes(way.method.as_bytes()).unwrap();
        let kind = if way.kind.is_empty() { None } else { Some(way.kind) };
        browser.send(method, &path, Body::from(body), kind).await
    }
}

/// Where the fields are.
#[derive(Clone, Copy)]
enum Carried {
    Form,
    Query,
    Multipart,
    Json,
    /// With one field more.
    Override(&'static str),
}

/// How another site can make a browser send a form.
struct Way {
    what: &'static str,
    method: &'static str,
    without: &'static [&'static str],
    with: &'static [(&'static str, &'static str)],
    kind: &'static str,
    body: Carried,
}

const fn post(what: &'static str, with: &'static [(&'static str, &'static str)]) -> Way {
    let without = &["origin", "sec-fetch-site"];
    Way { what, method: "POST", without, with, kind: FORM, body: Carried::Form }
}

/// By our own page, as far as headers tell.
const fn ours(what: &'static str, method: &'static str, kind: &'static str, body: Carried) -> Way {
    Way { what, method, without: &[], with: &[], kind, body }
}

const WAYS: [Way; 26] = [
    post("another origin", &[("origin", "https://evil.example")]),
    post("another port", &[("origin", "http://localhost:8081")]),
    post("another scheme", &[("origin", "https://localhost:8080")]),
    post("a longer host", &[("origin", "http://localhost:8080.evil.example")]),
    post("no origin that is one", &[("origin", "null")]),
    post("an empty origin", &[("origin", "")]),
    post("another site", &[("sec-fetch-site", "cross-site")]),
    post("the same site", &[("sec-fetch-site", "same-site")]),
    post(
        "another site of another origin",
        &[("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")],
    ),
    post("another site that hides itself", &[("sec-fetch-site", "cross-site"), ("origin", "null")]),
    post("a site that is unheard of", &[("sec-fetch-site", "moon"), ("origin", "null")]),
    ours("text", "POST", "text/plain", Carried::Form),
    ours("no type", "POST", "", Carried::Form),
    ours("parts", "POST", "multipart/form-data; boundary=x", Carried::Multipart),
    ours("JSON", "POST", "application/json", Carried::Json),
    ours("JSON that says it is text", "POST", "text/plain", Carried::Json),
    ours("a field that names the method", "POST", FORM, Carried::Override("_method=DELETE")),
    ours("looking, with the fields in the address", "GET", "", Carried::Query),
    ours("looking at the headers, with the fields in the address", "HEAD", "", Carried::Query),
    ours("looking, with a body", "GET", FORM, Carried::Form),
    Way {
        with: &[("x-http-method-override", "POST")],
        ..ours("looking, and a header", "GET", FORM, Carried::Form)
    },
    Way {
        with: &[("x-method-override", "POST")],
        ..ours("looking, and a header", "GET", FORM, Carried::Query)
    },
    Way { with: &[("x-http-method", "POST")], ..ours("looking, and a header", "HEAD", FORM, Carried::Query) },
    ours("another method", "PUT", FORM, Carried::Form),
    ours("another method", "PATCH", FORM, Carried::Form),
    ours("another method", "DELETE", FORM, Carried::Form),
];

/// Every unsafe route, with a form that works. The last ones end what the others need.
async fn forms(world: &World) -> Vec<Form> {
    let root = world.person("root").enrolled().await;
    users::set_role(&world.app, "root", Role::Owner).await.unwrap();
    let ada = world.person("ada").enrolled().await;
    let (inside, _other) = (signed_in(&ada).await, signed_in(&ada).await);
    added(&ada, &inside, "iPad").await;
    let page = inside.get("/account/sessions").await;
    let (session, known) = (page.values_of("session")[0].clone(), page.values_of("browser")[0].clone());
    let one = ids(&inside).await;
    let token = [("name", "old"), ("account_read", "on"), ("days", "30")];
    inside.post("/account/tokens/new", &token).await.is(200);
    let token = inside.get("/account/tokens").await.values_of("token")[0].clone();
    world.wait(30);

    // Whoever looks after others, where a code is enough, owes the password.
    let owing = world.reopened(by_code).await.unwrap().browser();
    owing.give_name_and_code("root", &root.code()).await.lands_on("/login/password");

    let (enrolling, saving) = (world.browser(), world.browser());
    enrolling.post("/register", &[("username", "eve"), ("password", PASSWORD)]).await.lands_on("/enroll");
    saving.post("/register", &[("username", "sue"), ("password", PASSWORD)]).await.lands_on("/enroll");
    let (mut eve, mut sue) = (world.person("eve"), world.person("sue"));
    eve.scan(&enrolling).await;
    sue.scan(&saving).await;
    saving.post("/enroll", &[("otp", &sue.code())]).await.lands_on("/enroll/recovery-codes");
    let setup = path_of(&setup::user_link(&world.app, "bob", Role::User).await.unwrap());
    let link = path_of(&link::make(&world.app, "ada", Purpose::Enroll).await.unwrap());
    let (anyone, half) = (world.browser(), ada.half_signed_in().await);
    let recovering = ada.half_signed_in().await;
    let (code, first_code, recovery) = (ada.code(), eve.code(), ada.recovery_codes[0].clone());
    let next = ada.code_at(world.clock.now().seconds() + 30);

    let form = |browser: &Browser, path: &str, fields: &[(&'static str, &str)]| Form {
        browser: browser.clone(),
        path: path.to_owned(),
        fields: fields.iter().map(|(name, value)| (*name, (*value).to_owned())).collect(),
    };
    vec![
        form(&anyone, "/register", &[("username", "zoe"), ("password", PASSWORD)]),
        form(&anyone, "/login", &[("username", "ada"), ("password", PASSWORD)]),
        form(&anyone, &setup, &[("password", PASSWORD)]),
        form(&anyone, &link, &[("password", PASSWORD)]),
        form(&enrolling, "/enroll", &[("otp", &first_code)]),
        form(&saving, "/enroll/recovery-codes", &[("saved", "on")]),
        form(&owing, "/login/password", &[("password", PASSWORD)]),
        form(&half, "/login/code", &[("otp", &code)]),
        form(&recovering, "/login/recovery", &[("recovery_code", &recovery)]),
        form(&inside, "/account/prove", &[("password", PASSWORD), ("otp", &next)]),
        form(&inside, "/account/authenticators/rename", &[("authenticator", &one[0]), ("name", "renamed")]),
        form(&inside, "/account/authenticators/add", &[("name", "new")]),
        form(
            &inside,
            "/account/authenticators/new-phone",
            &[("name", "newer"), ("authenticator", &one[0]), ("old", "day")],
        ),
        form(&inside, "/account/authenticators/remove", &[("authenticator", &one[1])]),
        form(&inside, "/account/tokens/new", &[("name", "new"), ("account_read", "on"), ("days", "30")]),
        form(&inside, "/account/tokens/revoke", &[("token", &token)]),
        form(&inside, "/account/sessions", &[("session", &session)]),
        form(&inside, "/account/browsers", &[("browser", &known)]),
        form(&inside, "/account/recovery-codes", &[]),
        form(&inside, "/account/password", &[("password", "difference of engines")]),
        form(&inside, "/logout", &[]),
    ]
}

#[tokio::test]
async fn nothing_is_changed_by_a_form_that_is_not_ours_nor_by_looking() {
    World::on_both(|world| async move {
        let forms = forms(&world).await;
        let before = world.dump().await;
        let mut tried = 0;
        for form in &forms {
            for way in &WAYS {
                // Signing out and new recovery codes ask for no field, so one more field is all that is wrong with them,
                // and what has no fields is the same as any type.
                if form.fields.is_empty() && way.without.is_empty() && way.method == "POST" {
                    continue;
                }
                let seen = form.send(way).await;
                assert!(seen.status.as_u16() < 500, "{} at {}: {}", way.what, form.path, seen.text);
                if way.method == "POST" && !way.without.is_empty() {
                    assert_eq!(seen.status, 403, "{} at {}", way.what, form.path);
                }
                tried += 1;
            }
            // Once a form, so that it is quick; what failed is the form that is named here.
            println!("{}", form.path);
            world.dump().await.is_still(&before);
        }
        println!("{tried} forged requests at {} forms, nothing changed", forms.len());
        assert!(tried > 450, "{tried}");
    })
    .await;
}

/// The control: each of them, sent by our own page, changes something.
#[tokio::test]
async fn every_one_of_these_forms_works_when_it_is_ours() {
    World::on_both(|world| async move {
        let forms = forms(&world).await;
        for form in &forms {
            let before = world.dump().await;
            let fields: Vec<(&str, &str)> =
                form.fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let seen = form.browser.post(&form.path, &fields).await;
            // A token is shown where it is made, since it is not shown again.
            let done = if form.path == "/account/tokens/new" { 200 } else { 303 };
            assert_eq!(seen.status, done, "{}: {}", form.path, seen.text);
            assert!(world.dump().await != before, "{} changes nothing", form.path);
        }
    })
    .await;
}

#[tokio::test]
async fn no_unsafe_route_is_missing() {
    let world = World::on(store::Kind::Sqlite).await;
    let source: String = include_str!("../../src/routes.rs").split_whitespace().collect();
    let routes = source.split(".route(\"").skip(1).filter(|route| route.contains("post("));
    // No form is read at those of the API; what other sites can send there is in `api_forged.rs`.
    let routes = routes.filter(|route| !route.starts_with("/api/")).count();
    assert_eq!(forms(&world).await.len(), routes);
}
