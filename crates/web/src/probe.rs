//! Asking whether a Latchkey answers, from outside and as a browser would: for the command line, which looks whether a port
//! is served and whether the public address leads here. Nothing waits longer than three seconds.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use auth::config::{Listen, PublicUrl};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, Error, RootCertStore, SignatureScheme, StreamOwned,
};

use crate::tls::Pair;

const WITHIN: Duration = Duration::from_secs(3);
/// An answer to `/livez` is shorter; more is not read.
const MOST_BYTES: u64 = 16 * 1024;

/// What came of asking.
#[derive(Debug, PartialEq, Eq)]
pub enum Probe {
    /// A Latchkey answers.
    Alive,
    /// Something else answers, in these words.
    Other(String),
    /// Somebody answers, and shows a certificate that is not accepted, for this reason.
    Untrusted(String),
    /// Nobody listens there.
    Nobody,
    /// It could not be asked, for this reason.
    Unreached(String),
}

/// Asks whoever listens there, and accepts the certificate of the pair and no other.
pub fn listener(listen: &Listen, public: &PublicUrl, pair: Option<&Pair>) -> Probe {
    let trust = pair.map(|pair| Trust::Only(pair.certificate()));
    let (listen, public) = (listen.clone(), public.clone());
    within(move || {
        let caller = Caller { public: &public, trust };
        match &listen {
            Listen::Address(address) => match TcpStream::connect_timeout(&reachable(*address), WITHIN) {
                Ok(stream) => caller.ask(stream),
                Err(error) => unreached(&error),
            },
            Listen::Socket(path) => match UnixStream::connect(path) {
                Ok(stream) => caller.ask(stream),
                Err(error) => unreached(&error),
            },
        }
    })
}

/// Asks the public address, as a browser on this machine would.
pub fn public(public: &PublicUrl) -> Probe {
    let public = public.clone();
    within(move || {
        let host = public.host().trim_start_matches('[').trim_end_matches(']');
        let addresses = match (host, public.port()).to_socket_addrs() {
            Ok(addresses) => addresses,
            Err(error) => return Probe::Unreached(format!("its name does not resolve: {error}")),
        };
        let mut last = Probe::Unreached("its name has no address".into());
        for address in addresses {
            match TcpStream::connect_timeout(&address, WITHIN) {
                Ok(stream) => {
                    let trust = public.is_https().then_some(Trust::Machine);
                    return Caller { public: &public, trust }.ask(stream);
                }
                Err(error) => last = unreached(&error),
            }
        }
        last
    })
}

/// Whom a name is looked up from, and a slow answer is waited for, is not ours to bound: a thread does, and is left behind.
fn within(ask: impl FnOnce() -> Probe + Send + 'static) -> Probe {
    let (answer, answered) = channel();
    std::thread::spawn(move || answer.send(ask()));
    answered.recv_timeout(WITHIN).unwrap_or_else(|e| match e {
        RecvTimeoutError::Timeout => Probe::Unreached("no answer within three seconds".into()),
        RecvTimeoutError::Disconnected => Probe::Unreached("it could not be asked".into()),
    })
}

fn unreached(error: &std::io::Error) -> Probe {
    use std::io::ErrorKind;
    match error.kind() {
        ErrorKind::ConnectionRefused | ErrorKind::NotFound => Probe::Nobody,
        _ => Probe::Unreached(error.to_string()),
    }
}

/// Where an address is reached from this machine: one that stands for all stands for loopback too.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// Whose certificate is accepted.
enum Trust {
    /// Whoever this machine trusts.
    Machine,
    /// This one.
    Only(Option<CertificateDer<'static>>),
}

struct Caller<'a> {
    public: &'a PublicUrl,
    /// `None` for plain http.
    trust: Option<Trust>,
}

impl Caller<'_> {
    fn ask(self, stream: impl Read + Write) -> Probe {
        let Some(trust) = self.trust else { return exchange(stream, self.public) };
        match Caller::client(self.public, trust) {
            Ok(client) => exchange(StreamOwned::new(client, stream), self.public),
            Err(why) => Probe::Unreached(why.to_string()),
        }
    }

    fn client(public: &PublicUrl, trust: Trust) -> Result<ClientConnection, Box<dyn std::error::Error>> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder =
            ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions()?;
        let config = match trust {
            Trust::Machine => {
                let mut roots = RootCertStore::empty();
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
                builder.with_root_certificates(roots).with_no_client_auth()
            }
            Trust::Only(certificate) => {
                let only = Arc::new(Only { certificate, provider });
                builder.dangerous().with_custom_certificate_verifier(only).with_no_client_auth()
            }
        };
        let host = public.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        Ok(ClientConnection::new(Arc::new(config), ServerName::try_from(host)?)?)
    }
}

fn exchange(mut stream: impl Read + Write, public: &PublicUrl) -> Probe {
    let request = format!("GET /livez HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", public.authority());
    let mut answer = Vec::new();
    let asked = stream.write_all(request.as_bytes());
    // Many close without saying goodbye; what they said before counts.
    let heard = asked.and_then(|()| stream.take(MOST_BYTES).read_to_end(&mut answer));
    let text = String::from_utf8_lossy(&answer);
    let line = text.lines().next().unwrap_or("");
    match heard {
        Err(error) if answer.is_empty() => of_failure(&error),
        _ if line.starts_with("HTTP/1.1 200") && text.ends_with("ok\n") => Probe::Alive,
        _ => Probe::Other(line.chars().filter(|c| !c.is_control()).take(60).collect()),
    }
}

fn of_failure(error: &std::io::Error) -> Probe {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        Some(Error::InvalidCertificate(why)) => Probe::Untrusted(why.to_string()),
        // Plain http, most often.
        Some(_) => Probe::Other("something that is not https".into()),
        None => Probe::Unreached(error.to_string()),
    }
}

/// Accepts one certificate, whoever issued it and whatever it is for: the question is whether it is ours that is shown.
#[derive(Debug)]
struct Only {
    certificate: Option<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Only {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.certificate.as_ref() == Some(shown) {
            return Ok(ServerCertVerified::assertion());
        }
        Err(rustls::CertificateError::ApplicationVerificationFailure.into())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, shown, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, shown, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
