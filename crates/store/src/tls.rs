//! Whether a connection to PostgreSQL is encrypted, and whose certificate is believed. Beyond this machine it always is,
//! and the server always proves its name: a connection that is only encrypted could end at anybody.

use std::net::IpAddr;
use std::sync::Arc;

use percent_encoding::percent_decode_str;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{CertificateError, ClientConfig, RootCertStore};
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::{Error, Result};

/// How a connection is kept from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secrecy {
    /// It does not leave this process.
    Within,
    /// It does not leave this machine, and is in clear.
    Local,
    /// It is encrypted, and the server proves its name.
    Verified,
}

/// Where a server is, and how to speak to it.
#[derive(Clone)]
pub(crate) struct Server {
    /// All that the URL says, without what is meant for us.
    pub(crate) config: Config,
    /// What encrypts; `None` in clear.
    pub(crate) tls: Option<MakeRustlsConnect>,
}

/// Reads a PostgreSQL URL, and the authorities where they are needed.
pub(crate) fn server(url: &str) -> Result<Server> {
    let Asked { mut config, authority, secrecy } = read(url)?;
    if secrecy != Secrecy::Verified {
        config.ssl_mode(SslMode::Disable);
        return Ok(Server { config, tls: None });
    }
    config.ssl_mode(SslMode::Require);
    let roots = match authority.as_deref() {
        None | Some("system") => authorities_of_this_machine()?,
        Some(path) => authorities_in(path)?,
    };
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().map_err(Error::broken)?;
    let client = builder.with_root_certificates(roots).with_no_client_auth();
    Ok(Server { config, tls: Some(MakeRustlsConnect::new(client)) })
}

/// How a connection to this PostgreSQL URL would be kept from others. Refuses what [`server`] refuses, but reads no file.
pub(crate) fn secrecy(url: &str) -> Result<Secrecy> {
    Ok(read(url)?.secrecy)
}

struct Asked {
    config: Config,
    authority: Option<String>,
    secrecy: Secrecy,
}

fn read(url: &str) -> Result<Asked> {
    let Parameters { rest, mode, authority } = Parameters::of(url)?;
    let config: Config = rest.parse().map_err(|_| {
        // The parser's own words may repeat the URL, and the URL may hold a password.
        Error::refused("database is not a PostgreSQL URL: write `postgres://USER@HOST:PORT/NAME`")
    })?;
    let clear = match mode.as_deref() {
        None | Some("allow" | "prefer") => is_this_machine(&config) && authority.is_none(),
        Some("require" | "verify-ca" | "verify-full") => false,
        Some("disable") if is_this_machine(&config) => true,
        Some("disable") => {
            return Err(Error::refused(
                "this PostgreSQL is on another machine, and sslmode=disable would send secrets over the network in clear: take it \
                 away. Then the connection is encrypted, and the server has to prove its name",
            ));
        }
        Some(_) => {
            return Err(Error::refused(
                "sslmode in the database's URL is `require`, or `disable` on this machine",
            ));
        }
    };
    if !clear && config.get_hosts().iter().all(|host| !matches!(host, Host::Tcp(_))) {
        return Err(Error::refused(
            "TLS to PostgreSQL needs the name of a host in the URL, which its certificate has to be for. A socket is on this \
             machine: take sslmode and sslrootcert away",
        ));
    }
    Ok(Asked { config, authority, secrecy: if clear { Secrecy::Local } else { Secrecy::Verified } })
}

fn is_this_machine(config: &Config) -> bool {
    let local = |name: &str| name == "localhost" || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    let named = config.get_hosts().iter().all(|host| match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => local(name),
    });
    named && config.get_hostaddrs().iter().all(IpAddr::is_loopback)
}

/// A URL without the parameters that are for us.
struct Parameters {
    rest: String,
    mode: Option<String>,
    authority: Option<String>,
}

impl Parameters {
    fn of(url: &str) -> Result<Parameters> {
        // A question mark before the host belongs to a password.
        let host = url.find('@').map_or(0, |at| at + 1);
        let Some(query) = url[host..].find('?').map(|at| host + at) else {
            return Ok(Parameters { rest: url.to_owned(), mode: None, authority: None });
        };
        let (mut mode, mut authority, mut others) = (None, None, Vec::new());
        for part in url[query + 1..].split('&') {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            let taken = match key {
                "sslmode" => &mut mode,
                "sslrootcert" => &mut authority,
                "sslcert" | "sslkey" => {
                    return Err(Error::refused(format!(
                        "{key}: Latchkey shows PostgreSQL no certificate of its own. Let the server ask for a password"
                    )));
                }
                _ => {
                    others.push(part);
                    continue;
                }
            };
            let value = percent_decode_str(value).decode_utf8();
            let value =
                value.map_err(|_| Error::refused(format!("{key} in the database's URL is not UTF-8")))?;
            if taken.replace(value.into_owned()).is_some() {
                return Err(Error::refused(format!("{key} is in the database's URL twice")));
            }
        }
        let others = others.join("&");
        let mark = if others.is_empty() { "" } else { "?" };
        Ok(Parameters { rest: format!("{}{mark}{others}", &url[..query]), mode, authority })
    }
}

fn authorities_in(path: &str) -> Result<RootCertStore> {
    let refused = |why: &str| Error::refused(format!("sslrootcert in the database's URL: {path} {why}"));
    let text = std::fs::read(path).map_err(|e| refused(&format!("cannot be read: {e}")))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&text) {
        let added = certificate.ok().and_then(|certificate| roots.add(certificate).ok());
        added.ok_or_else(|| refused("is damaged: write it again"))?;
    }
    if roots.is_empty() {
        return Err(refused("holds no certificate in PEM, which begins with -----BEGIN CERTIFICATE-----"));
    }
    Ok(roots)
}

fn authorities_of_this_machine() -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err(Error::refused(
            "this machine has no list of authorities to prove the database's name by: install ca-certificates, or add \
             sslrootcert=PATH with the certificate of your own authority to the database's URL",
        ));
    }
    Ok(roots)
}

/// What an operator can do about a handshake that failed; `None` where something else did.
pub(crate) fn remedy(error: &tokio_postgres::Error) -> Option<&'static str> {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let within = cause.downcast_ref::<std::io::Error>().and_then(|io| io.get_ref());
        if let Some(tls) = within.and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            return Some(of_handshake(tls));
        }
        source = cause.source();
    }
    // The client has no other way to say it.
    error.to_string().contains("TLS").then_some(
        "it speaks no TLS: switch it on there (ssl = on in postgresql.conf, with a certificate), or reach it by a tunnel",
    )
}

fn of_handshake(error: &rustls::Error) -> &'static str {
    let rustls::Error::InvalidCertificate(why) = error else {
        return "the handshake failed: it has to speak TLS 1.2 or 1.3";
    };
    match why {
        // A bad signature: an authority of that name is known, with another key.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "its certificate is from an authority that this machine does not know: add sslrootcert=PATH with the authority's \
             certificate to the database's URL"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "its certificate is for another name than the host in the database's URL: write the name that it is for"
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "its certificate has ended: give the server a new one"
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate has not begun, or this machine's clock is wrong"
        }
        _ => {
            "its certificate cannot be used: it has to be one of X.509 version 3 for servers, with its host among its names"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(url: &str) -> String {
        match read(url) {
            Ok(_) => panic!("{url} is not refused"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn beyond_this_machine_it_is_always_encrypted_and_verified() {
        for url in [
            "postgres://db.example.com/x",
            "postgres://10.0.0.2/x",
            "postgres://localhost,10.0.0.2/x",
            "postgres://localhost/x?hostaddr=10.0.0.2",
            "postgres://db.example.com/x?sslmode=prefer",
            "postgres://db.example.com/x?sslmode=require",
            "postgres://u:p@db.example.com/x?sslmode=verify-ca&connect_timeout=3",
            "postgres://localhost/x?sslmode=require",
            "postgres://localhost/x?sslrootcert=%2Fca.pem",
        ] {
            assert_eq!(secrecy(url).unwrap(), Secrecy::Verified, "{url}");
        }
        assert!(said("postgres://db.example.com/x?sslmode=disable").contains("in clear: take it away"));
        assert!(said("postgres://10.0.0.2/x?sslmode=Disable").contains("sslmode"));
    }

    #[test]
    fn on_this_machine_it_is_in_clear_unless_asked_otherwise() {
        for url in [
            "postgres://localhost/x",
            "postgres://127.0.0.1:5433/x",
            "postgres://localhost/x?sslmode=disable",
            "postgres://u:p?ss@localhost/x?sslmode=prefer&application_name=y",
            "postgres://u@/x?host=%2Frun%2Fpostgresql",
        ] {
            assert_eq!(secrecy(url).unwrap(), Secrecy::Local, "{url}");
        }
        assert!(
            said("postgres://u@/x?host=%2Frun%2Fpostgresql&sslmode=require")
                .contains("needs the name of a host")
        );
    }

    #[test]
    fn parameters_of_ours_are_taken_out_and_the_others_stay() {
        let of = |url| Parameters::of(url).unwrap();
        let taken = of("postgres://u:a?b@h/x?sslmode=require&host=h2&sslrootcert=%2Fa%20b.pem&port=1");
        assert_eq!(taken.rest, "postgres://u:a?b@h/x?host=h2&port=1");
        assert_eq!(taken.authority.as_deref(), Some("/a b.pem"));
        assert_eq!(of("postgres://h/x?sslmode=require").rest, "postgres://h/x");
        assert!(said("postgres://h/x?sslmode=require&sslmode=disable").contains("twice"));
        assert!(said("postgres://h/x?sslkey=/k").contains("no certificate of its own"));
    }

    #[test]
    fn authorities_that_cannot_be_read_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ca.pem");
        let said = || match server(&format!("postgres://h/x?sslrootcert={}", path.display())) {
            Ok(_) => panic!("it is not refused"),
            Err(error) => error.to_string(),
        };
        assert!(said().contains("ca.pem cannot be read"), "{}", said());
        std::fs::write(&path, "").unwrap();
        assert!(said().contains("ca.pem holds no certificate"), "{}", said());
        std::fs::write(&path, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
        assert!(said().contains("ca.pem is damaged"), "{}", said());
    }

    #[test]
    fn a_url_that_is_wrong_is_not_repeated() {
        let said = said("postgres://ada:s3cret@host:notaport/x");
        assert!(!said.contains("s3cret"), "{said}");
    }
}
