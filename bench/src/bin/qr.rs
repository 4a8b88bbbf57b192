//! A setup code as a picture, over and over: `qr SECONDS` encodes a setup link, with the mask that the standard picks, draws it as a PNG,
//! and prints how many there were a second, on one core.

use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, Instant};

use otp::{Account, Key, Kind, Qr, Secret};

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [seconds] = words.as_slice() else { return Err("say for how long: qr SECONDS".into()) };
    let seconds = Duration::from_secs_f64(seconds.parse()?);
    let key = Key::new(Secret::from_bytes(&[0x5a; Secret::LENGTH])?);
    let account = Account { issuer: "YourApp".into(), name: "person123456".into(), key, kind: Kind::Totp };
    let uri = account.to_uri();
    let (began_at, mut done) = (monotonic(), 0);
    while began_at.elapsed() < seconds {
        black_box(Qr::encode(black_box(&uri))?.png(8));
        done += 1;
    }
    println!("{}", f64::from(done) / began_at.elapsed().as_secs_f64());
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "what is measured here is time")]
fn monotonic() -> Instant {
    Instant::now()
}
