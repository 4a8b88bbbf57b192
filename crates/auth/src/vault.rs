//! The vault: seals secrets, opens them, and computes the keyed MACs under which tokens and names are kept.
//!
//! One master key seals the `keys` table: a lasting MAC key, the peppers, and the ring of sealing keys. Each use has a key
//! of its own by HKDF-SHA256 (RFC 5869). What is sealed is bound to its table, column, user and row.
//!
//! Which key seals is asked of the database in the transaction that seals, and a key that this process has not heard of is
//! read when it is met: so a change of keys ([`crate::keys`]) needs no word from node to node.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use data_encoding::BASE64;
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use store::keys::SealedKey;
use store::{Conn, Db, Time, keys};
use zeroize::Zeroizing;

use crate::error::Tampered;
use crate::master_key::{Key, MasterKey};
use crate::pepper::Peppers;
use crate::random::{Random, Token, Words};
use crate::{Error, Result};

const NONCE: usize = 24;
/// What the canary says when it is opened with the right key.
const CANARY: &[u8] = b"latchkey";

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
    /// Being signed in at the host of a program.
    App,
    /// Being sent there.
    Ticket,
    /// Having asked for that there.
    Nonce,
    /// Being a program that may ask.
    ApiToken,
}

/// Seals and opens. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Vault(Arc<Ring>);

struct Ring {
    mac: Hmac<Sha256>,
    audit: Hmac<Sha256>,
    /// Opens the rows of `keys`.
    keys: Key,
    peppers: Peppers,
    seals: RwLock<HashMap<String, Arc<Key>>>,
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
        let ring = new_ring(&key, &random, now);
        let insert = ring.clone();
        let inserted = db.write(move |tx| {
            for key in &insert {
                if !keys::insert(tx, key)? {
                    return Err(Error::Taken);
                }
            }
            Ok(())
        });
        match inserted.await {
            Ok(()) => unseal(&ring, &key, random),
            Err(Error::Taken) => {
                // On this machine it may have been with the key that we have just made: then it is the right one.
                let theirs = db.scan(keys::all).await?;
                if let Ok(vault) = unseal(&theirs, &key, random) {
                    return Ok(vault);
                }
                master.forget();
                Err(Error::Refused(
                    "another node has just made the keys of this database: copy its master key here, and start again".into(),
                ))
            }
            Err(other) => {
                // Where nobody knows whether it was written, the key may be needed.
                if !matches!(other, Error::Away(_) | Error::Busy) {
                    master.forget();
                }
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

    /// How a browser's token is kept: its date, if it has one, and its MAC. A token of one purpose is worth nothing for another.
    pub(crate) fn token_mac(&self, purpose: Purpose, token: &Token) -> String {
        let purpose = match purpose {
            Purpose::Session => "session",
            Purpose::Login => "login",
            Purpose::Enroll => "enroll",
            Purpose::Device => "device",
            Purpose::App => "app",
            Purpose::Ticket => "ticket",
            Purpose::Nonce => "nonce",
            Purpose::ApiToken => "api token",
        };
        let mut kept = token.date();
        kept.push_str(&self.mac(purpose, "", token.bytes()));
        kept
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

    /// The secrets that passwords are hashed with.
    pub(crate) fn peppers(&self) -> &Peppers {
        &self.0.peppers
    }

    /// Makes sure that the pepper of a stored hash is there before it is compared with. One that is nowhere stays unknown:
    /// the hash is then as wrong as any.
    pub(crate) fn learn_pepper(&self, conn: &mut Conn<'_>, stored: &str) -> Result<()> {
        let Some(id) = Peppers::id_of(stored).filter(|id| !self.0.peppers.knows(id)) else { return Ok(()) };
        if let Some(row) = keys::by_id(conn, &id)?.filter(|row| row.purpose == "pepper") {
            let key = self.open_key(&row)?;
            self.0.peppers.add(&row.id, derive(&key, "pepper"), row.active);
        }
        Ok(())
    }

    /// Seals `plain` for its place: key id, a dot, base64 of nonce and XChaCha20-Poly1305.
    pub(crate) fn seal(&self, conn: &mut Conn<'_>, place: Place<'_>, plain: &[u8]) -> Result<String> {
        let active = keys::active(conn, "seal")?;
        let active = active.ok_or_else(|| Error::broken(anyhow::anyhow!("no sealing key is active")))?;
        let sealed = encrypt(&*self.sealing_key(&active)?, &place.bytes(), plain, &self.0.random)?;
        Ok(format!("{}.{sealed}", active.id))
    }

    /// Opens what was sealed for this place. Anything else is an error of ours: the row was changed, or moved.
    pub(crate) fn open_sealed(
        &self,
        conn: &mut Conn<'_>,
        place: Place<'_>,
        sealed: &str,
    ) -> Result<Zeroizing<Vec<u8>>> {
        let tampered = || Error::broken(Tampered { what: format!("{}.{}", place.table, place.column) });
        let (id, text) = sealed.split_once('.').ok_or_else(tampered)?;
        let known = self.0.seals.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned();
        let key = match known {
            Some(key) => key,
            None => {
                let row = keys::by_id(conn, id)?.filter(|row| row.purpose == "seal");
                self.sealing_key(&row.ok_or_else(tampered)?)?
            }
        };
        decrypt(&key, &place.bytes(), text).ok_or_else(tampered)
    }

    /// Does the work of opening something of so many bytes, where there is nothing to open.
    pub(crate) fn open_in_vain(&self, length: usize) {
        const TAG: usize = 16;
        let nothing = BASE64.encode(&vec![0; NONCE + length + TAG]);
        let _ = decrypt(&self.0.keys, b"nowhere", &nothing);
    }

    /// A row for the ring: a new key, not active yet.
    pub(crate) fn new_key(&self, id: &str, purpose: &str, now: Time) -> Result<SealedKey> {
        let fresh = self.0.random.bytes::<32>();
        let sealed = encrypt(&self.0.keys, &place_of(id, purpose), &*fresh, &self.0.random)?;
        Ok(SealedKey { id: id.into(), purpose: purpose.into(), sealed, active: false, created_at: now })
    }

    /// A sealing key from the ring, which learns it if it has not heard of it.
    fn sealing_key(&self, row: &SealedKey) -> Result<Arc<Key>> {
        if let Some(key) = self.0.seals.read().unwrap_or_else(PoisonError::into_inner).get(&row.id) {
            return Ok(key.clone());
        }
        let key = Arc::new(derive(&self.open_key(row)?, "seal"));
        let mut seals = self.0.seals.write().unwrap_or_else(PoisonError::into_inner);
        Ok(seals.entry(row.id.clone()).or_insert(key).clone())
    }

    fn open_key(&self, row: &SealedKey) -> Result<Key> {
        open_key(&self.0.keys, row).ok_or_else(|| Error::broken(Tampered { what: format!("key {}", row.id) }))
    }
}

fn new_ring(master: &Key, random: &Random, now: Time) -> Vec<SealedKey> {
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
        Some(SealedKey { id: id.into(), purpose: purpose.into(), sealed, active: true, created_at: now })
    })
    .collect()
}

fn place_of(id: &str, purpose: &str) -> Vec<u8> {
    Place { table: "keys", column: "sealed", user: purpose, row: id }.bytes()
}

/// The key under which backups are written. The key of one is derived from it.
pub(crate) fn backup_key(master: &Key) -> Key {
    derive(master, "backup")
}

/// Opens a ring with the master key that it was made with.
pub(crate) fn unseal(ring: &[SealedKey], master: &Key, random: Random) -> Result<Vault> {
    let wrong = || {
        Error::Refused(
            "the master key is not the one this database was made with. Nothing was written. Put the right key back: it is in \
             the file master.key of the data directory, or in the setting master_key, of the server that made the database"
                .into(),
        )
    };
    let keys = derive(master, "keys");
    let (mut mac, mut seals, peppers) = (None, HashMap::new(), Peppers::default());
    let mut seals_with_one = false;
    for row in ring {
        if row.purpose == "canary" {
            decrypt(&keys, &place_of(&row.id, &row.purpose), &row.sealed).ok_or_else(wrong)?;
            continue;
        }
        let key = open_key(&keys, row).ok_or_else(wrong)?;
        match row.purpose.as_str() {
            "mac" if row.active => mac = Some(key),
            "pepper" => peppers.add(&row.id, derive(&key, "pepper"), row.active),
            "seal" => {
                seals.insert(row.id.clone(), Arc::new(derive(&key, "seal")));
                seals_with_one |= row.active;
            }
            _ => {}
        }
    }
    if !seals_with_one || !peppers.is_whole() {
        return Err(wrong());
    }
    let hmac = |key: &Key| Hmac::new_from_slice(&**key).map_err(|e| Error::broken(anyhow::anyhow!("{e}")));
    let one = mac.ok_or_else(wrong)?;
    let (mac, audit) = (hmac(&derive(&one, "mac"))?, hmac(&derive(&one, "audit"))?);
    Ok(Vault(Arc::new(Ring { mac, audit, keys, peppers, seals: RwLock::new(seals), random })))
}

fn open_key(keys: &Key, row: &SealedKey) -> Option<Key> {
    let plain = decrypt(keys, &place_of(&row.id, &row.purpose), &row.sealed)?;
    plain.as_slice().try_into().ok().map(Zeroizing::new)
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
