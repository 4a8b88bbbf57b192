//! The certificate that Latchkey shows where it speaks https itself: read, judged, and exchanged while it serves.
//!
//! Whatever is wrong with a file is said with its path and what to do; what is in it is never repeated.

use std::fmt;
use std::fs;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use auth::Time;
use rustls::ServerConfig;
use rustls::client::verify_server_name;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::ParsedCertificate;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::version::{TLS12, TLS13};
use x509_cert::Certificate;
use x509_cert::der::Decode;

/// A chain of certificates takes some kilobytes. More than this is another file.
const MOST_BYTES: u64 = 1024 * 1024;

/// A certificate with its key: the two belong together, and can be shown.
pub struct Pair {
    certified: CertifiedKey,
    /// From when on browsers accept it.
    pub begins_at: Time,
    /// From when on browsers refuse it.
    pub ends_at: Time,
    /// Whether others on this machine may read the key.
    pub key_is_open: bool,
}

impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pair").field("ends_at", &self.ends_at).finish_non_exhaustive()
    }
}

impl Pair {
    /// Reads the two files. The error names the one that is wrong, and what to do.
    ///
    /// A certificate that has ended, or not begun, is read all the same: whether that matters is for the caller to say.
    pub fn read(certificate: &Path, key: &Path) -> Result<Pair, String> {
        let text = read(certificate)?;
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
        let chain = chain.map_err(|_| format!("{} is damaged: write it again", certificate.display()))?;
        let Some(first) = chain.first() else {
            return Err(format!(
                "{} holds no certificate in PEM, which begins with -----BEGIN CERTIFICATE-----",
                certificate.display()
            ));
        };
        let unreadable =
            || format!("the first certificate in {} is damaged: write it again", certificate.display());
        let parsed = Certificate::from_der(first).map_err(|_| unreadable())?;
        let validity = parsed.tbs_certificate.validity;
        let seconds = |time: x509_cert::time::Time| {
            Time::from_millis(0)
                .plus_seconds(i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX))
        };
        let (begins_at, ends_at) = (seconds(validity.not_before), seconds(validity.not_after));

        let text = read(key)?;
        let private = PrivateKeyDer::from_pem_slice(&text).map_err(|_| no_key(key, &text))?;
        let certified = CertifiedKey::from_der(chain, private, &aws_lc_rs::default_provider());
        let certified = certified.map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => format!(
                "the key in {} does not belong to the certificate in {}. The server's own certificate comes first in its \
                 file, those of the authorities after it",
                key.display(),
                certificate.display()
            ),
            _ => format!("the key in {} is of a kind that cannot be used: RSA, ECDSA and Ed25519 can", key.display()),
        })?;
        let mode = fs::metadata(key).map(|file| file.permissions().mode()).unwrap_or(0);
        Ok(Pair { certified, begins_at, ends_at, key_is_open: mode & 0o007 != 0 })
    }

    /// Whether browsers accept it for this host, as `public_url` writes it.
    pub fn is_for(&self, host: &str) -> bool {
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let Ok(name) = ServerName::try_from(host) else { return false };
        let Some(first) = self.certified.cert.first() else { return false };
        ParsedCertificate::try_from(first).is_ok_and(|parsed| verify_server_name(&parsed, &name).is_ok())
    }

    /// The server's own certificate.
    pub(crate) fn certificate(&self) -> Option<CertificateDer<'static>> {
        self.certified.cert.first().cloned()
    }

    /// Whole days from `now` to its end; negative when that has passed.
    pub fn days_left(&self, now: Time) -> i64 {
        self.ends_at.millis_since(now).div_euclid(24 * 3600 * 1000)
    }

    fn config(&self) -> Result<Arc<ServerConfig>, String> {
        let builder = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
        let builder = builder.with_protocol_versions(&[&TLS13, &TLS12]).map_err(|e| e.to_string())?;
        let shown = Arc::new(SingleCertAndKey::from(self.certified.clone()));
        let mut config = builder.with_no_client_auth().with_cert_resolver(shown);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let file = fs::File::open(path).map_err(|e| format!("{} cannot be read: {e}", path.display()))?;
    let length = file.take(MOST_BYTES + 1).read_to_end(&mut bytes);
    match length.map_err(|e| format!("{} cannot be read: {e}", path.display()))? as u64 {
        length if length > MOST_BYTES => {
            Err(format!("{} is no PEM file: it has more than 1 MiB", path.display()))
        }
        _ => Ok(bytes),
    }
}

fn no_key(path: &Path, text: &[u8]) -> String {
    let path = path.display();
    if text.windows(9).any(|part| part == b"ENCRYPTED") {
        return format!(
            "the key in {path} is locked with a password: `openssl pkey -in {path} -out NEW` takes it off"
        );
    }
    format!("{path} holds no key in PEM, which begins with -----BEGIN PRIVATE KEY-----")
}

/// What tells one version of a file from the next without reading it.
type Version = Option<(u64, i64, i64, u64)>;

/// A certificate that is shown now, and the files where the next one will be.
#[derive(Clone)]
pub struct Tls {
    config: Arc<Mutex<Arc<ServerConfig>>>,
    certificate: PathBuf,
    key: PathBuf,
    seen: Arc<Mutex<[Version; 2]>>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("certificate", &self.certificate)
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

impl Tls {
    /// Reads the two files for the first time.
    ///
    /// # Errors
    /// As [`Pair::read`].
    pub fn open(certificate: &Path, key: &Path) -> Result<(Tls, Pair), String> {
        // Looked at before it is read: what is written in between is noticed later.
        let seen = [version(certificate), version(key)];
        let pair = Pair::read(certificate, key)?;
        let config = Arc::new(Mutex::new(pair.config()?));
        let (certificate, key) = (certificate.to_owned(), key.to_owned());
        Ok((Tls { config, certificate, key, seen: Arc::new(Mutex::new(seen)) }, pair))
    }

    /// Whether a file has been written, or another put in its place, since it was last read.
    pub fn has_changed(&self) -> bool {
        *lock(&self.seen) != [version(&self.certificate), version(&self.key)]
    }

    /// Reads the files again. Connections that are open go on as they are, and new ones see the new certificate.
    ///
    /// # Errors
    /// As [`Pair::read`]; then the old certificate stays.
    pub fn reload(&self) -> Result<Pair, String> {
        *lock(&self.seen) = [version(&self.certificate), version(&self.key)];
        let pair = Pair::read(&self.certificate, &self.key)?;
        *lock(&self.config) = pair.config()?;
        Ok(pair)
    }

    /// What new connections are shown.
    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        lock(&self.config).clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn version(path: &Path) -> Version {
    let file = fs::metadata(path).ok()?;
    Some((file.ino(), file.mtime(), file.mtime_nsec(), file.len()))
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};
    use tempfile::TempDir;

    use super::*;

    /// A certificate for these names until the end of a year, and its key.
    fn issued(names: &[&str], year: i32) -> (String, String) {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(year, 12, 31);
        let key = KeyPair::generate().unwrap();
        (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
    }

    struct Files {
        dir: TempDir,
    }

    impl Files {
        fn with((certificate, key): &(String, String)) -> Files {
            let files = Files { dir: tempfile::tempdir().unwrap() };
            files.write("c.pem", certificate);
            files.write("k.pem", key);
            files
        }

        fn path(&self, name: &str) -> PathBuf {
            self.dir.path().join(name)
        }

        /// Puts a new file in the place of the old one, as those who renew certificates do.
        fn write(&self, name: &str, text: &str) {
            fs::write(self.path("new"), text).unwrap();
            fs::rename(self.path("new"), self.path(name)).unwrap();
        }

        fn pair(&self) -> Result<Pair, String> {
            let read = Pair::read(&self.path("c.pem"), &self.path("k.pem"));
            read.map_err(|why| why.replace(&format!("{}/", self.dir.path().display()), ""))
        }
    }

    #[test]
    fn a_pair_knows_its_names_and_its_end() {
        let files = Files::with(&issued(&["login.example.org", "*.example.com", "192.0.2.7", "::1"], 2030));
        let pair = files.pair().unwrap();
        for host in ["login.example.org", "a.example.com", "192.0.2.7", "[::1]"] {
            assert!(pair.is_for(host), "{host}");
        }
        for host in ["example.org", "a.b.example.com", "192.0.2.8", "localhost", ""] {
            assert!(!pair.is_for(host), "{host}");
        }
        let last = Time::from_millis(1_924_905_600_000); // 2030-12-31
        assert_eq!(pair.ends_at, last);
        assert_eq!([-86_401, -1, 1].map(|s| pair.days_left(last.plus_seconds(s))), [1, 0, -1]);
    }

    #[test]
    fn whatever_is_wrong_names_its_file_and_what_to_do() {
        let (one, other) = (issued(&["localhost"], 2030), issued(&["localhost"], 2030));
        let said = |certificate: &str, key: &str| {
            Files::with(&(certificate.to_owned(), key.to_owned())).pair().unwrap_err()
        };
        assert!(
            said(&one.0, &other.1)
                .starts_with("the key in k.pem does not belong to the certificate in c.pem")
        );
        assert!(said(&one.1, &one.1).starts_with("c.pem holds no certificate in PEM"));
        assert!(said("", "").starts_with("c.pem holds no certificate in PEM"));
        assert!(said(&one.0, &one.0).starts_with("k.pem holds no key in PEM"));
        let locked = one.1.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
        assert!(said(&one.0, &locked).contains("openssl pkey -in k.pem"));
        let cut = format!("{}{}", &one.0[..60], &one.0[one.0.len() - 60..]);
        assert!(said(&cut, &one.1).contains("c.pem is damaged"), "{}", said(&cut, &one.1));
        assert!(said(&"x".repeat(1_048_577), &one.1).contains("more than 1 MiB"));
        let files = Files::with(&one);
        fs::remove_file(files.path("k.pem")).unwrap();
        assert_eq!(files.pair().unwrap_err(), "k.pem cannot be read: No such file or directory (os error 2)");
    }

    #[test]
    fn a_new_pair_is_taken_when_it_is_whole_and_the_old_one_stays_until_then() {
        let (old, new) = (issued(&["old.example.org"], 2030), issued(&["new.example.org"], 2031));
        let files = Files::with(&old);
        let (tls, _) = Tls::open(&files.path("c.pem"), &files.path("k.pem")).unwrap();
        let shown = Arc::as_ptr(&tls.config());
        assert!(!tls.has_changed());

        files.write("c.pem", &new.0);
        assert!(tls.has_changed());
        assert!(tls.reload().unwrap_err().contains("does not belong"));
        assert_eq!(Arc::as_ptr(&tls.config()), shown);
        // What is wrong is said once, and looked at again when the other file comes.
        assert!(!tls.has_changed());

        files.write("k.pem", &new.1);
        assert!(tls.has_changed());
        assert!(tls.reload().unwrap().is_for("new.example.org"));
        assert_ne!(Arc::as_ptr(&tls.config()), shown);
        fs::remove_file(files.path("c.pem")).unwrap();
        assert!(tls.has_changed());
    }
}
