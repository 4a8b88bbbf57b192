//! What happens at every request, over and over, for an instruction counter: `paths NAME COUNT`. Clock and chance stand still, so that
//! the same happens each time. Without words it prints the names.

use std::hint::black_box;
use std::net::SocketAddr;

use auth::access::Draft;
use auth::config::Factors;
use auth::login::{self, Entered, NameAndCode};
use auth::{App, Clock, Config, Cost, Random, Time, Token, Visit, session};
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use bench::Failure;
use otp::{Account, Code, Key, Kind, Qr, Secret, totp};
use tower::util::ServiceExt;

const NAMES: [&str; 5] = ["totp", "qr", "session", "check", "sign-in"];
/// 2026-11-29.
const NOW: i64 = 1_795_900_000_000;
const ORIGIN: &str = "http://app.localhost";

fn main() -> Result<(), Failure> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [name, count] = words.as_slice() else {
        println!("{}", NAMES.join("\n"));
        return Ok(());
    };
    let count = count.parse::<u32>()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    match name.as_str() {
        "totp" => totp(count),
        "qr" => qr(count),
        "session" => runtime.block_on(session(count)),
        "check" => runtime.block_on(check(count)),
        "sign-in" => runtime.block_on(sign_in(count)),
        _ => Err(format!("there is no path {name}; there are {}", NAMES.join(", ")).into()),
    }
}

fn key() -> Result<Key, Failure> {
    Ok(Key::new(Secret::from_bytes(&[0x5a; Secret::LENGTH])?))
}

/// A wrong code, compared with those of three steps.
fn totp(count: u32) -> Result<(), Failure> {
    let (key, code) = (key()?, Code::parse("000000")?);
    for number in 0..count {
        black_box(totp::verify(black_box(&key), &code, NOW / 1000 + i64::from(number), 1));
    }
    Ok(())
}

/// The picture of a setup code.
fn qr(count: u32) -> Result<(), Failure> {
    let account = Account { issuer: "Latchkey".into(), name: "ada".into(), key: key()?, kind: Kind::Totp };
    let uri = account.to_uri();
    for _ in 0..count {
        black_box(Qr::encode(black_box(&uri))?.png(8));
    }
    Ok(())
}

/// A place of its own, gone afterward.
struct House {
    app: App,
    place: std::path::PathBuf,
    clock: Clock,
}

impl Drop for House {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.place);
    }
}

async fn house(factors: Factors) -> Result<House, Failure> {
    let place = std::env::temp_dir().join(format!("latchkey-paths-{}", std::process::id()));
    let directory = place.to_str().ok_or("the temporary directory has a name that is no text")?;
    let clock = Clock::frozen(Time::from_millis(NOW));
    let rule = Draft {
        hosts: vec!["app.localhost".into()],
        policy: "two_factor".into(),
        any: true,
        ..Draft::default()
    };
    let access_rules = vec![rule.check(None).map_err(|why| format!("{why:?}"))?];
    let cost = Cost { memory_kib: 64, passes: 1 };
    let mut config = Config { factors, access_rules, ..bench::house(directory, cost) };
    config.set("trusted_proxies", "127.0.0.1").map_err(|why| format!("{why:?}"))?;
    let app = App::open_with(config, clock.clone(), Random::seeded(7)).await?;
    Ok(House { app, place, clock })
}

/// A session by its token, as every page of the site looks for it.
async fn session(count: u32) -> Result<(), Failure> {
    let house = house(Factors::PasswordAndCode).await?;
    let (token, _) = bench::register(&house.app, "ada").await?;
    for _ in 0..count {
        session::find(&house.app, black_box(&token)).await?.ok_or("the session is over")?;
    }
    Ok(())
}

/// A request of a proxy, from its head to the answer, without what speaks HTTP on a connection.
async fn check(count: u32) -> Result<(), Failure> {
    let house = house(Factors::PasswordAndCode).await?;
    let (session, _) = bench::register(&house.app, "ada").await?;
    let token = bench::visit(&house.app, &session, ORIGIN).await?;
    let router = web::router(house.app.clone());
    for _ in 0..count {
        ask(&router, &token).await?;
    }
    Ok(())
}

/// Signing in by a name and a code, each time with the next.
async fn sign_in(count: u32) -> Result<(), Failure> {
    let house = house(Factors::Code).await?;
    let (_, secret) = bench::register(&house.app, "ada").await?;
    for _ in 0..count {
        house.clock.advance(30);
        let code = bench::code(&house.app, &secret)?;
        let typed = NameAndCode { username: "ada".into(), code, keep: false, next: String::new() };
        let Entered::SignedIn(_) = login::by_code(&house.app, typed, &Visit::default()).await? else {
            return Err("a password is owed".into());
        };
    }
    Ok(())
}

async fn ask(router: &Router, token: &Token) -> Result<(), Failure> {
    let mut request = Request::get("/api/authz/forward-auth").header("host", "app.localhost");
    for (name, value) in
        [("for", "192.0.2.7"), ("proto", "http"), ("host", "app.localhost"), ("method", "GET"), ("uri", "/")]
    {
        request = request.header(format!("x-forwarded-{name}"), value);
    }
    let mut request =
        request.header("cookie", format!("latchkey-app={}", token.reveal().as_str())).body(Body::empty())?;
    request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 40_000))));
    let response = router.clone().oneshot(request).await?;
    if response.status() != 200 {
        Err(format!("a check was answered with {}", response.status()).into())
    } else {
        Ok(())
    }
}
