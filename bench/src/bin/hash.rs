//! Argon2 alone: `hash SECONDS` hashes with the parameters of a new installation on every core for so long, each thread in memory of
//! its own that it keeps, and prints how many there were a second.

use std::error::Error;
use std::thread::{available_parallelism, scope};
use std::time::{Duration, Instant};

use argon2::{Algorithm, Argon2, Block, Params, Version};
use auth::Cost;

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [seconds] = words.as_slice() else { return Err("say for how long: hash SECONDS".into()) };
    let (seconds, cost) = (Duration::from_secs_f64(seconds.parse()?), Cost::default());
    let params = Params::new(cost.memory_kib, cost.passes, 1, Some(32)).map_err(|why| why.to_string())?;
    let began_at = monotonic();
    let done: u32 = scope(|scope| {
        let hashes = || {
            let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone());
            let mut memory = vec![Block::default(); argon2.params().block_count()];
            let (mut hash, mut done) = ([0; 32], 0);
            while began_at.elapsed() < seconds {
                let hashed = argon2.hash_password_into_with_memory(
                    b"nine purple teapots",
                    b"of sixteen bytes",
                    &mut hash,
                    &mut memory,
                );
                done += u32::from(hashed.is_ok());
            }
            done
        };
        let cores = available_parallelism().map_or(1, usize::from);
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(hashes)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or(0)).sum()
    });
    println!("{}", f64::from(done) / began_at.elapsed().as_secs_f64());
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "what is measured here is time")]
fn monotonic() -> Instant {
    Instant::now()
}
