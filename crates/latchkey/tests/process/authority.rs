//! An authority that issues certificates for an hour's tests, and a client that trusts it and nobody else.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::browser::Answer;

/// It issues certificates.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    root: CertificateDer<'static>,
    pem: String,
}

impl Authority {
    pub(crate) fn new() -> Authority {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        // Or what it issues, which is called nothing else, would look as if it had issued itself.
        params.distinguished_name.push(DnType::CommonName, "authority of the tests");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let (root, pem) = (certificate.der().clone(), certificate.pem());
        Authority { issuer: Issuer::new(params, key), root, pem }
    }

    /// Its own certificate, as files have it.
    pub(crate) fn root(&self) -> &str {
        &self.pem
    }

    /// Writes a certificate for a name, and its key, as `NAME.pem` and `NAME.key`.
    pub(crate) fn issue(&self, dir: &Path, name: &str) -> (PathBuf, PathBuf) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let paths = (dir.join(format!("{name}.pem")), dir.join(format!("{name}.key")));
        std::fs::write(&paths.0, certificate.pem()).unwrap();
        std::fs::write(&paths.1, key.serialize_pem()).unwrap();
        paths
    }

    /// Connects, and shakes hands. The error is what a browser would show.
    pub(crate) fn connect(&self, address: SocketAddr, name: &str) -> Result<Secure, String> {
        self.shake_hands(address, name, &[])
    }

    /// The same by a client that offers to speak these protocols.
    pub(crate) fn offering(&self, address: SocketAddr, protocols: &[&str]) -> Result<Secure, String> {
        self.shake_hands(address, "localhost", protocols)
    }

    fn shake_hands(&self, address: SocketAddr, name: &str, protocols: &[&str]) -> Result<Secure, String> {
        let mut roots = RootCertStore::empty();
        roots.add(self.root.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config =
            ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let mut config = config.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let mut client = ClientConnection::new(Arc::new(config), name).unwrap();
        let mut socket = TcpStream::connect(address).unwrap();
        socket.set_nodelay(true).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        while client.is_handshaking() {
            client.complete_io(&mut socket).map_err(|e| e.to_string())?;
        }
        Ok(Secure { stream: StreamOwned::new(client, socket) })
    }
}

/// A connection that nobody on the way can read.
pub(crate) struct Secure {
    stream: StreamOwned<ClientConnection, TcpStream>,
}

impl Secure {
    /// Asks for a page, and leaves the connection open.
    pub(crate) fn get(&mut self, path: &str, host: &str) -> Answer {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        self.stream.write_all(request.as_bytes()).unwrap();
        let mut text = String::new();
        let mut piece = [0; 4096];
        while !whole(&text) {
            let length = self.stream.read(&mut piece).unwrap();
            assert_ne!(length, 0, "an answer to its end: {text:?}");
            text.push_str(&String::from_utf8_lossy(&piece[..length]));
        }
        Answer::parse(&text)
    }

    /// Waits for an answer so long and no longer.
    pub(crate) fn waits_at_most(&mut self, time: Duration) {
        self.stream.sock.set_read_timeout(Some(time)).unwrap();
    }

    /// Asks for something with a body, and answers what came, if it is an answer, and whether more can be asked.
    pub(crate) fn asks(&mut self, request: &[u8]) -> (Option<Answer>, bool) {
        if self.stream.write_all(request).is_err() {
            return (None, false);
        }
        let (mut text, mut piece) = (String::new(), [0; 4096]);
        while !whole(&text) {
            match self.stream.read(&mut piece) {
                Ok(length) if length > 0 => {
                    // A byte for a letter, or the length would be another one.
                    text.extend(piece[..length].iter().copied().map(char::from));
                }
                _ => return (text.starts_with("HTTP/1.").then(|| Answer::parse(&text)), false),
            }
        }
        let answer = Answer::parse(&text);
        let stays = answer.header("connection").is_none_or(|said| !said.eq_ignore_ascii_case("close"));
        (Some(answer), stays && text.starts_with("HTTP/1.1"))
    }

    /// Sends these bytes, and reads until the other side closes.
    pub(crate) fn exchange(&mut self, bytes: &[u8]) -> String {
        let _ = self.stream.write_all(bytes);
        let mut answer = Vec::new();
        let _ = self.stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Sends a head, and more once that has opened a conversation; then reads until the other side closes.
    pub(crate) fn converse(&mut self, head: &str, more: &[u8]) -> String {
        self.stream.write_all(head.as_bytes()).unwrap();
        let mut answer = Vec::new();
        let mut byte = [0];
        while !answer.ends_with(b"\r\n\r\n") && self.stream.read(&mut byte).is_ok_and(|length| length > 0) {
            answer.push(byte[0]);
        }
        let answer = String::from_utf8_lossy(&answer).into_owned();
        // Where it is no conversation, nobody closes it soon.
        if answer.starts_with("HTTP/1.1 101 ") { answer + &self.exchange(more) } else { answer }
    }

    /// The protocol that was agreed on, if one was named.
    pub(crate) fn agreed(&self) -> Option<String> {
        self.stream.conn.alpn_protocol().map(|name| String::from_utf8_lossy(name).into_owned())
    }

    /// The version of TLS that was agreed on.
    pub(crate) fn version(&self) -> rustls::ProtocolVersion {
        self.stream.conn.protocol_version().unwrap()
    }
}

fn whole(text: &str) -> bool {
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let head = head.to_lowercase();
    if head.contains("transfer-encoding: chunked") {
        return body.ends_with("0\r\n\r\n");
    }
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    length.is_some_and(|length: usize| body.len() >= length)
}
