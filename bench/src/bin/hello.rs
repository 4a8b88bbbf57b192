//! The least that axum can do, to hold a check of a session against: `hello PORT` answers every request on that port of this
//! machine with an empty 200. It has none of our layers, and takes as many threads as it is given processors.

use std::error::Error;

use axum::Router;
use axum::routing::get;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [port] = words.as_slice() else { return Err("say on which port: hello PORT".into()) };
    let listener = TcpListener::bind(("127.0.0.1", port.parse::<u16>()?)).await?;
    axum::serve(listener, Router::new().route("/", get(async || ()))).await?;
    Ok(())
}
