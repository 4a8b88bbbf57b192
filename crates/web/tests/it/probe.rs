//! Asking a server from outside whether it is a Latchkey: over http, over https, and where there is none.

use std::io::{Read, Write};
use std::net::TcpListener;

use auth::config::PublicUrl;
use store::Kind;
use tokio::sync::oneshot;
use web::Listener;
use web::probe::{self, Probe};
use web::tls::Tls;

use crate::world::World;

async fn ask(url: String) -> Probe {
    let url: PublicUrl = url.parse().unwrap();
    tokio::task::spawn_blocking(move || probe::public(&url)).await.unwrap()
}

#[tokio::test]
async fn a_public_address_is_alive_or_another_program_or_nobody() {
    let world = World::on(Kind::Sqlite).await;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (_stop, stopped) = oneshot::channel::<()>();
    tokio::spawn(web::serve(world.app.clone(), listener, async move { drop(stopped.await) }));
    assert_eq!(ask(format!("http://127.0.0.1:{port}")).await, Probe::Alive);
    assert_eq!(
        ask(format!("https://127.0.0.1:{port}")).await,
        Probe::Other("something that is not https".into())
    );

    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = other.local_addr().unwrap().port();
    let answers = std::thread::spawn(move || {
        let (mut stream, _) = other.accept().unwrap();
        let _ = stream.read(&mut [0; 1000]);
        stream.write_all(b"HTTP/1.1 502 Bad Gateway\x1b[31m\r\n\r\nok\n").unwrap();
    });
    // Nothing that a terminal would obey is passed on.
    assert_eq!(
        ask(format!("http://127.0.0.1:{port}")).await,
        Probe::Other("HTTP/1.1 502 Bad Gateway[31m".into())
    );
    answers.join().unwrap();
    assert_eq!(ask(format!("http://127.0.0.1:{port}")).await, Probe::Nobody);
    assert!(matches!(ask("http://nobody.invalid".into()).await, Probe::Unreached(_)));
}

#[tokio::test]
async fn a_certificate_that_this_machine_does_not_know_is_not_accepted_and_our_own_is_recognized() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str| {
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        std::fs::write(dir.path().join(format!("{name}.pem")), params.self_signed(&key).unwrap().pem())
            .unwrap();
        std::fs::write(dir.path().join(format!("{name}.key")), key.serialize_pem()).unwrap();
        let paths = [format!("{name}.pem"), format!("{name}.key")].map(|file| dir.path().join(file));
        Tls::open(&paths[0], &paths[1]).unwrap()
    };
    let ((tls, pair), (_, another)) = (write("ours"), write("another"));
    let world = World::on(Kind::Sqlite).await;
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let (_stop, stopped) = oneshot::channel::<()>();
    let listener = Listener::from(socket).with_tls(Some(tls));
    tokio::spawn(web::serve(world.app.clone(), listener, async move { drop(stopped.await) }));

    let url = format!("https://localhost:{}", address.port());
    assert!(matches!(ask(url.clone()).await, Probe::Untrusted(_)));
    let seen = tokio::task::spawn_blocking(move || {
        let public: PublicUrl = url.parse().unwrap();
        [pair, another].map(|pair| probe::listener(&address.into(), &public, Some(&pair)))
    });
    let [ours, others] = seen.await.unwrap();
    assert_eq!(ours, Probe::Alive);
    assert!(matches!(others, Probe::Untrusted(_)), "{others:?}");
}
