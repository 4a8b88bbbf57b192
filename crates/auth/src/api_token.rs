//! Tokens of other programs: `lk_…`, shown once, good for what they were made for, for so long, and until they are revoked.

use std::fmt;
use std::str::FromStr;

use store::{Time, api_tokens};
use zeroize::Zeroizing;

use crate::audit::{Happened, Whom};
use crate::vault::Purpose;
use crate::{App, Error, Result, Token, Visit};

/// By which people, and programs that look for secrets in the wrong place, know what it is.
const PREFIX: &str = "lk_";
const DAY: i64 = 24 * 60 * 60;
/// The longest that a token may be good, in days.
pub const DAYS_AT_MOST: u32 = 5 * 365;
/// The most tokens there may be.
const AT_MOST: i64 = 1000;
/// How often it is noted that one was used, in milliseconds.
const TOUCH_EVERY: i64 = 60_000;

/// What a token allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// To ask whether a code is right.
    Verify,
}

impl Scope {
    /// All there are.
    pub const ALL: [Scope; 1] = [Scope::Verify];
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Scope::Verify => "verify",
        })
    }
}

impl FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Scope, String> {
        let known = Scope::ALL.into_iter().find(|scope| scope.to_string() == text);
        known.ok_or_else(|| {
            let all: Vec<String> = Scope::ALL.iter().map(ToString::to_string).collect();
            format!("there is no such scope; there is {}", all.join(", "))
        })
    }
}

/// A token as those who run the place see it.
#[derive(Clone, Debug)]
pub struct ApiToken {
    /// Of the program that has it.
    pub name: String,
    /// What it allows.
    pub scopes: Vec<Scope>,
    /// When it was made.
    pub created_at: Time,
    /// Over from then on.
    pub expires_at: Time,
    /// When it was last used, to the minute.
    pub used_at: Option<Time>,
}

impl ApiToken {
    /// Whether it allows that.
    pub fn allows(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }
}

fn api_token(row: api_tokens::ApiToken) -> ApiToken {
    ApiToken {
        name: row.name,
        // One that a newer program has given is none that we know.
        scopes: row.scopes.split(' ').filter_map(|scope| scope.parse().ok()).collect(),
        created_at: row.created_at,
        expires_at: row.expires_at,
        used_at: row.used_at,
    }
}

/// Makes a token for the program of that name, for so many days. The second part of the answer is the token itself, which
/// nobody can show again.
///
/// # Errors
/// A name that is taken or that cannot be one, no scope, or too many days.
pub async fn add(
    app: &App,
    name: &str,
    (scopes, days): (&[Scope], u32),
    visit: &Visit,
) -> Result<(ApiToken, Zeroizing<String>)> {
    let refused = |why: &str| Err(Error::Refused(why.to_owned()));
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    if name.is_empty() || name.len() > 64 || !name.bytes().all(plain) {
        return refused("a token is called after its program: 1 to 64 of a-z A-Z 0-9 . _ -");
    }
    if scopes.is_empty() {
        return refused("a token without a scope is good for nothing: name one");
    }
    if days == 0 || days > DAYS_AT_MOST {
        return Err(Error::Refused(format!("a token is good for 1 to {DAYS_AT_MOST} days")));
    }
    let (now, token) = (app.clock.now(), app.random.token());
    let mac = app.vault.token_mac(Purpose::ApiToken, &token);
    let words: Vec<String> = scopes.iter().map(ToString::to_string).collect();
    let row = api_tokens::ApiToken {
        id: app.random.id(now),
        name: name.to_owned(),
        scopes: words.join(" "),
        created_at: now,
        expires_at: now.plus_seconds(i64::from(days) * DAY),
        used_at: None,
    };
    let (new, scribe) = (row.clone(), app.scribe(visit, now));
    app.db
        .write(move |tx| {
            if api_tokens::count(tx)? >= AT_MOST {
                return Err(Error::Refused(format!("there are {AT_MOST} tokens already: revoke some")));
            }
            if !api_tokens::insert(tx, &new, &mac)? {
                return Err(Error::Refused(format!("there is a token called {} already", new.name)));
            }
            let detail = [("token", new.name.as_str()), ("scopes", &new.scopes)];
            scribe.record(tx, Happened::TokenMade, Whom { id: None, name: "" }, &detail)
        })
        .await?;
    Ok((api_token(row), Zeroizing::new(format!("{PREFIX}{}", token.reveal().as_str()))))
}

/// The token that a program has shown, unless it is over or none of ours.
pub async fn find(app: &App, shown: &str) -> Result<Option<ApiToken>> {
    let Some(token) = shown.strip_prefix(PREFIX).and_then(Token::parse) else { return Ok(None) };
    let (now, mac) = (app.clock.now(), app.vault.token_mac(Purpose::ApiToken, &token));
    let Some(row) = app.db.read(move |conn| api_tokens::live(conn, &mac, now)).await? else {
        return Ok(None);
    };
    if row.used_at.is_none_or(|used| now.millis_since(used) >= TOUCH_EVERY) {
        let id = row.id.clone();
        // Whoever has a token is heard even while that cannot be noted.
        let _ = app.db.write(move |tx| api_tokens::touch(tx, &id, now)).await;
    }
    Ok(Some(api_token(row)))
}

/// All tokens, by name.
pub async fn all(app: &App) -> Result<Vec<ApiToken>> {
    let rows = app.db.scan(api_tokens::all).await?;
    Ok(rows.into_iter().map(api_token).collect())
}

/// Revokes the token of that name, from the next request on.
///
/// # Errors
/// When there is none.
pub async fn revoke(app: &App, name: &str, visit: &Visit) -> Result<()> {
    let (name, scribe) = (name.to_owned(), app.scribe(visit, app.clock.now()));
    app.db
        .write(move |tx| {
            if !api_tokens::remove(tx, &name)? {
                return Err(Error::NotFound(format!("there is no token called {name}")));
            }
            scribe.record(tx, Happened::TokenRevoked, Whom { id: None, name: "" }, &[("token", &name)])
        })
        .await
}
