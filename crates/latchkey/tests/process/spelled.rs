//! Closed paths and their hosts in every spelling, through the real proxies, to a program that reads paths in several ways. A
//! proxy that asks for less than all lets some of the same ones through.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use store::Kind as Engine;

use crate::http2;
use crate::proxies::House;
use crate::proxy::{Kind, Proxy, Recipe};
use crate::server::Place;
use crate::spellings::{self, SETTINGS, Spelling};

/// Connections that ask at the same time.
const AT_ONCE: usize = 4;
/// Some of what is asked is never answered.
const PATIENCE: Duration = Duration::from_millis(500);

/// What became of them.
#[derive(Debug, Default)]
struct Tally {
    /// How many answers had which status. Zero is none.
    answers: BTreeMap<u16, usize>,
    /// The heads of what reached the program and is closed.
    reached: Vec<String>,
    /// How many reached it that are open.
    open: usize,
}

/// Sends them all through the proxy, over a few connections that stay open as long as it lets them.
fn send(house: &House, proxy: &Proxy, all: &[Spelling]) -> Tally {
    house.echo.arrived();
    let (next, answers) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                let mut open = None;
                while let Some(spelling) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let request = format!(
                        "GET {} HTTP/1.1\r\nHost: {}\r\n{}\r\n",
                        spelling.target, spelling.host, spelling.more
                    );
                    let request: Vec<u8> = request.chars().map(|c| u8::try_from(c).unwrap()).collect();
                    let (server, mut connection) =
                        open.take().filter(|(server, _)| *server == spelling.server).unwrap_or_else(|| {
                            let mut connection = proxy.connect(spelling.server);
                            connection.waits_at_most(PATIENCE);
                            (spelling.server, connection)
                        });
                    let (answer, stays) = connection.asks(&request);
                    let status = answer.map_or(0, |answer| answer.status);
                    *answers.lock().unwrap().entry(status).or_default() += 1;
                    open = stays.then_some((server, connection));
                }
            });
        }
    });
    // What a proxy holds back for a moment arrives, too.
    std::thread::sleep(PATIENCE);
    let heads = house.echo.arrived();
    let all = heads.len();
    let reached: Vec<String> = heads.into_iter().filter(|head| spellings::is_closed(head)).collect();
    Tally { answers: answers.into_inner().unwrap(), open: all - reached.len(), reached }
}

fn house() -> House {
    House::with(Place::new(Engine::Sqlite), SETTINGS)
}

fn no_spelling_gets_through(kind: Kind) {
    let house = house();
    let proxy = Proxy::start(kind, &house.recipe(kind));
    let all = spellings::all();
    let tally = send(&house, &proxy, &all);
    let (count, open, answers) = (all.len(), tally.open, &tally.answers);
    let wrong = tally.reached.len();
    println!(
        "{kind:?}: {wrong} of {count} spellings reached what is closed, {open} what is open; {answers:?}"
    );
    assert_eq!(tally.reached, Vec::<String>::new(), "{kind:?}");
    let over = http2::sends(&proxy, &all);
    std::thread::sleep(PATIENCE);
    let heads = house.echo.arrived();
    let reached: Vec<_> = heads.iter().filter(|head| spellings::is_closed(head)).collect();
    println!("{kind:?}: {} of {over} over HTTP/2, {} arrived in all", reached.len(), heads.len());
    assert!(over >= 3000 && heads.iter().any(|head| head.contains(http2::OPEN)), "{kind:?}: {over}");
    assert_eq!(reached, Vec::<&String>::new(), "{kind:?}");
    // They are refused by us, and not because nothing works.
    let asked: usize = [302, 400, 401, 403].iter().filter_map(|status| answers.get(status)).sum();
    assert!(asked * 2 > count && open > 0, "{kind:?}: {answers:?}");
}

#[test]
fn through_nginx_no_spelling_of_what_is_closed_gets() {
    no_spelling_gets_through(Kind::Nginx);
}

#[test]
fn through_haproxy_no_spelling_of_what_is_closed_gets() {
    no_spelling_gets_through(Kind::Haproxy);
}

#[test]
fn through_the_caddy_of_debian_no_spelling_of_what_is_closed_gets() {
    no_spelling_gets_through(Kind::Caddy);
}

#[test]
fn through_a_newer_caddy_no_spelling_of_what_is_closed_gets() {
    no_spelling_gets_through(Kind::NewCaddy);
}

#[test]
fn through_traefik_no_spelling_of_what_is_closed_gets() {
    no_spelling_gets_through(Kind::Traefik);
}

/// The control: recipes into which somebody has written that nobody is asked below `/public/`, as the proxy reads paths.
#[test]
fn where_a_proxy_decides_itself_what_is_public_the_same_spellings_get_through() {
    let house = house();
    let all = spellings::all();
    for kind in [Kind::Nginx, Kind::Haproxy, Kind::Caddy, Kind::NewCaddy, Kind::Traefik] {
        let proxy = Proxy::start(kind, &asking_for_less(kind, &house));
        let reached = send(&house, &proxy, &all).reached.len();
        println!("{kind:?} with a shortcut: {reached} of {} spellings reached what is closed", all.len());
        assert!(reached >= 10, "{kind:?}: {reached}");
    }
}

fn asking_for_less(kind: Kind, house: &House) -> Recipe {
    let (recipe, program) = (house.recipe(kind), house.echo.address);
    match kind {
        Kind::Nginx => {
            let place = "    location / {\n        proxy_pass http://127.0.0.1:";
            let shortcut = format!(
                "    location /public/ {{\n        auth_request off;\n        proxy_pass http://{program};\n    }}\n\n"
            );
            let guarded = format!("{}{};\n    }}\n", place, program.port());
            recipe.replace(&guarded, &format!("{shortcut}{guarded}"))
        }
        Kind::Haproxy => recipe
            .replace("lua.latchkey if guarded !way\n", "lua.latchkey if guarded !way !{ path -m beg /public/ }\n")
            .replace("if guarded !way !{ var", "if guarded !way !{ path -m beg /public/ } !{ var"),
        Kind::Caddy | Kind::NewCaddy => recipe.replace(
            "\n\thandle {\n",
            &format!("\n\thandle /public/* {{\n\t\treverse_proxy {program}\n\t}}\n\n\thandle {{\n"),
        ),
        Kind::Traefik => recipe.replace(
            "    latchkey-way:\n",
            "    public:\n      rule: \"PathPrefix(`/public/`)\"\n      priority: 500\n      entryPoints: [\"websecure\"]\n      \
             service: app\n      tls: {}\n    latchkey-way:\n",
        ),
    }
}
