//! Who asks the API in the plays: a person who is signed in, or a program with a token, and what they send and get.

use auth::api_token::{self, Scope, Wanted};
use auth::{Role, Visit, users};
use axum::body::Body;
use axum::http::Method;
use serde_json::Value;

use crate::login::signed_in;
use crate::world::{Browser, Person, Seen, World};

impl World {
    /// Somebody with an account and this role.
    pub(crate) async fn with_role(&self, name: &str, role: Role) -> Person {
        let person = self.person(name).enrolled().await;
        users::set_role(&self.app, name, role).await.unwrap();
        person
    }

    /// Somebody with this role, signed in a moment ago.
    pub(crate) async fn asker(&self, name: &str, role: Role) -> Browser {
        signed_in(&self.with_role(name, role).await).await
    }

    /// A program with a token for these, of its own or of somebody.
    pub(crate) async fn program(&self, name: &str, scopes: &[Scope], owner: Option<&str>) -> Browser {
        let hosts = if scopes.contains(&Scope::Apps) { vec!["app.example.org".into()] } else { Vec::new() };
        let wanted = Wanted { name: name.into(), scopes: scopes.to_vec(), hosts, days: 30 };
        let made = api_token::add(&self.app, wanted, owner, &Visit::default()).await.unwrap();
        let bare = self.browser().without("origin").without("sec-fetch-site").with("accept", "*/*");
        bare.with("authorization", &format!("Bearer {}", *made.text))
    }
}

impl Browser {
    /// Sends a body of JSON.
    pub(crate) async fn json(&self, method: &str, path: &str, body: &Value) -> Seen {
        self.json_text(method, path, &body.to_string()).await
    }

    /// The same as it stands.
    pub(crate) async fn json_text(&self, method: &str, path: &str, body: &str) -> Seen {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        self.send(method, path, Body::from(body.to_owned()), Some("application/json")).await
    }

    /// Sends no body.
    pub(crate) async fn bare(&self, method: &str, path: &str) -> Seen {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        self.send(method, path, Body::empty(), None).await
    }
}

impl Seen {
    /// What an answer of this status says.
    #[track_caller]
    pub(crate) fn said(&self, status: u16) -> Value {
        self.is(status);
        let kind = if status < 400 { "application/json" } else { "application/problem+json" };
        assert_eq!(
            (self.header("content-type").as_str(), self.header("cache-control").as_str()),
            (kind, "no-store")
        );
        serde_json::from_str(&self.text).unwrap()
    }

    /// The word for why it was refused.
    #[track_caller]
    pub(crate) fn reason(&self, status: u16) -> String {
        self.said(status)["reason"].as_str().unwrap_or_default().to_owned()
    }
}

/// The names in a piece of a list.
pub(crate) fn names(piece: &Value, key: &str) -> Vec<String> {
    piece["items"].as_array().unwrap().iter().map(|item| item[key].as_str().unwrap().to_owned()).collect()
}
