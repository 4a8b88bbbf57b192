//! The vault: seals secrets, opens them, and computes the keyed MACs under which tokens and names are kept.
//!
//! One master key seals the `keys` table: a lasting MAC key, a lasting pepper, and the ring of sealing keys. Each use has
//! a key of its own by HKDF-SHA256 (RFC 5869). What is sealed is bound to its table, column, user and row.

use std::collections::HashMap;
use std::sync::Arc;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use data_encoding::BASE64;
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use store::keys::SealedKey;
use store::{Db, Time, keys};
use zeroize::Zeroizing;

use crate::master_key::MasterKey;
use crate::random::{Random, Token, Words};
use crate::{Error, Result};

const NONCE: usize = 24;
/// What the canary says when it is opened with the right key.
const CANARY: &[u8] = b"latchkey";

type Key = Zeroizing<[u8; 32]>;

/// Where a sealed secret stands. It opens nowhere else.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    /// The table.
    pub table: &'a str,
    /// The column.
    pub column: &'a str,
    /// The id of whose it is.
    pub user: &'a str,
    /// What identifies the row.
    pub row: &'a str,
}

impl Place<'_> {
    fn bytes(&self) -> Vec<u8> {
        // Ids and names hold no separator, so no two places read alike.
        [self.table, self.column, self.user, self.row].join("\u{1f}").into_bytes()
    }
}

/// What a browser's token is for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose {
    /// Being signed in.
    Session,
    /// Having given the password.
    Login,
    /// Setting up an authenticator.
    Enroll,
    /// Being known.
    Device,
}

/// Seals and opens. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Vault(Arc<Ring>);

struct Ring {
    mac: Hmac<Sha256>,
    audit: Hmac<Sha256>,
    pepper: Key,
    seals: HashMap<String, Key>,
    active: String,
    random: Random,
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Vault(…)")
    }
}

impl Vault {
    /// Opens the key ring, or makes it in a database that has none.
    ///
    /// A master key that does not open the canary stops everything, and nothing is written. Where another node made the
    /// ring a moment before, a key file that was made for nothing is removed again.
    pub(crate) async fn open(db: &Db, mut master: MasterKey, random: Random, now: Time) -> Result<Vault> {
        let ring = db.scan(keys::all).await?;
        if ring.iter().any(|key| key.purpose == "canary") {
            return unseal(&ring, &master.find()?, random);
        }
        if !ring.is_empty() {
            return Err(Error::Refused(
                "the key ring has no canary: the database was changed by hand".into(),
            ));
        }
        let key = master.find_or_make(&random)?;
        let ring = new_ring(&key, &random);
        let insert = ring.clone();
        let inserted = db.write(move |tx| {
            for key in &insert {
                if !keys::insert(tx, key, now)? {
                    return Err(Error::Taken);
                }
            }
            Ok(())
        });
        match inserted.await {
            Ok(()) => unseal(&ring, &key, random),
            Err(Error::Taken) => {
                master.forget();
                Err(Error::Refused(
                    "another node has just made the keys of this database: copy its master key here, and start again".into(),
                ))
            }
            Err(other) => {
                master.forget();
                Err(other)
            }
        }
    }

    /// The keyed MAC of something secret, for one purpose: base64 of HMAC-SHA256.
    fn mac(&self, purpose: &str, user: &str, secret: &[u8]) -> String {
        let mut mac = self.0.mac.clone();
        for part in [purpose.as_bytes(), user.as_bytes(), secret] {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        BASE64.encode(&mac.finalize().into_bytes())
    }

    /// How a browser's token is kept. A token of one purpose is worth nothing for another.
    pub(crate) fn token_mac(&self, purpose: Purpose, token: &Token) -> String {
        let purpose = match purpose {
            Purpose::Session => "session",
            Purpose::Login => "login",
            Purpose::Enroll => "enroll",
            Purpose::Device => "device",
        };
        self.mac(purpose, "", token.bytes())
    }

    /// How a one-time link is kept.
    pub(crate) fn link_mac(&self, link: &Words) -> String {
        self.mac("link", "", link.bytes())
    }

    /// How a one-time link for somebody who has lost something is kept.
    pub(crate) fn user_link_mac(&self, link: &Words) -> String {
        self.mac("user link", "", link.bytes())
    }

    /// How a recovery code is kept: bound to its user.
    pub(crate) fn recovery_mac(&self, user: &str, code: &Words) -> String {
        self.mac("recovery", user, code.bytes())
    }

    /// Under what the tries for a name are kept, whether the name exists or not.
    pub(crate) fn name_mac(&self, name: &str) -> String {
        self.mac("name", "", name.as_bytes())
    }

    /// Under what the tries for a name are kept that come from a browser that is known. `device` is the MAC of its token.
    pub(crate) fn device_budget_mac(&self, name: &str, device: &str) -> String {
        self.mac("known browser", name, device.as_bytes())
    }

    /// The keyed MAC of something in the audit log, under a key that is for nothing else: each part with its length before it.
    pub(crate) fn audit_mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = self.0.audit.clone();
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }

    /// The secret that passwords are hashed with.
    pub(crate) fn pepper(&self) -> Key {
        self.0.pepper.clone()
    }

    /// Seals `plain` for its place: key id, a dot, base64 of nonce and XChaCha20-Poly1305.
    pub(crate) fn seal(&self, place: Place<'_>, plain: &[u8]) -> Result<String> {
        let key = self.0.seals.get(&self.0.active).ok_or_else(|| anyhow::anyhow!("no active sealing key"));
        let sealed = encrypt(key.map_err(Error::Broken)?, &place.bytes(), plain, &self.0.random)?;
        Ok(format!("{}.{sealed}", self.0.active))
    }

    /// Opens what was sealed for this place. Anything else is an error of ours: the row was changed, or moved.
    pub(crate) fn open_sealed(&self, place: Place<'_>, sealed: &str) -> Result<Zeroizing<Vec<u8>>> {
        let opened = sealed.split_once('.').and_then(|(id, text)| {
            let key = self.0.seals.get(id)?;
            decrypt(key, &place.bytes(), text)
        });
        opened.ok_or_else(|| {
            Error::Broken(anyhow::anyhow!("what is sealed in {}.{} does not open", place.table, place.column))
        })
    }
}

fn new_ring(master: &Key, random: &Random) -> Vec<SealedKey> {
    let fresh = || random.bytes::<32>().to_vec();
    [
        ("canary", "canary", CANARY.to_vec()),
        ("mac-1", "mac", fresh()),
        ("pepper-1", "pepper", fresh()),
        ("seal-1", "seal", fresh()),
    ]
    .into_iter()
    .filter_map(|(id, purpose, plain)| {
        let plain = Zeroizing::new(plain);
        let sealed = encrypt(&derive(master, "keys"), &place_of(id, purpose), &plain, random).ok()?;
        Some(SealedKey { id: id.into(), purpose: purpose.into(), sealed, active: true })
    })
    .collect()
}

fn place_of(id: &str, purpose: &str) -> Vec<u8> {
    Place { table: "keys", column: "sealed", user: purpose, row: id }.bytes()
}

fn unseal(ring: &[SealedKey], master: &Key, random: Random) -> Result<Vault> {
    let wrong = || {
        Error::Refused(
            "the master key is not the one this database was made with. Nothing was written. Put the right key back: it is in \
             the file master.key of the data directory, or in the setting master_key, of the server that made the database"
                .into(),
        )
    };
    let keys_key = derive(master, "keys");
    let mut opened = HashMap::new();
    for key in ring {
        let plain = decrypt(&keys_key, &place_of(&key.id, &key.purpose), &key.sealed).ok_or_else(wrong)?;
        opened.insert(key.id.as_str(), plain);
    }
    let of = |purpose: &'static str| ring.iter().filter(move |key| key.purpose == purpose);
    let key_of = |key: &SealedKey| -> Option<Key> {
        Some(Zeroizing::new(opened.get(key.id.as_str())?.as_slice().try_into().ok()?))
    };
    let single = |purpose| of(purpose).find(|key| key.active).and_then(key_of).ok_or_else(wrong);
    let mac_key = derive(&single("mac")?, "mac");
    let seals: HashMap<String, Key> =
        of("seal").filter_map(|key| Some((key.id.clone(), derive(&key_of(key)?, "seal")))).collect();
    let active =
        of("seal").filter(|key| key.active).map(|key| key.id.clone()).next_back().ok_or_else(wrong)?;
    let hmac = |key: &Key| Hmac::new_from_slice(&**key).map_err(|e| Error::broken(anyhow::anyhow!("{e}")));
    let (mac, audit) = (hmac(&mac_key)?, hmac(&derive(&single("mac")?, "audit"))?);
    Ok(Vault(Arc::new(Ring {
        mac,
        audit,
        pepper: derive(&single("pepper")?, "pepper"),
        seals,
        active,
        random,
    })))
}

/// The key for one purpose.
fn derive(key: &Key, purpose: &str) -> Key {
    let mut derived = Zeroizing::new([0; 32]);
    Hkdf::<Sha256>::new(None, &**key)
        .expand_multi_info(&[b"latchkey/1/", purpose.as_bytes()], &mut *derived)
        .expect("32 bytes are fewer than HKDF can give");
    derived
}

fn encrypt(key: &Key, place: &[u8], plain: &[u8], random: &Random) -> Result<String> {
    let nonce = random.bytes::<NONCE>();
    let cipher = XChaCha20Poly1305::new((&**key).into());
    let sealed = cipher
        .encrypt(&XNonce::from(*nonce), Payload { msg: plain, aad: place })
        .map_err(|_| Error::Broken(anyhow::anyhow!("sealing failed")))?;
    Ok(BASE64.encode(&[&nonce[..], &sealed].concat()))
}

fn decrypt(key: &Key, place: &[u8], text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let bytes = BASE64.decode(text.as_bytes()).ok()?;
    let (nonce, sealed) = bytes.split_first_chunk::<NONCE>()?;
    let cipher = XChaCha20Poly1305::new((&**key).into());
    cipher.decrypt(&XNonce::from(*nonce), Payload { msg: sealed, aad: place }).ok().map(Zeroizing::new)
}
