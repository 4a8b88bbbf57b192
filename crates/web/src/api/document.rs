//! The OpenAPI document, as programs get it and as `/api` shows it. `described.rs` holds it against the routes, and
//! `cargo xtask openapi` writes it anew.

use std::sync::OnceLock;

use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use crate::api::doors::Door;
use crate::api::reference::Reference;

/// The document.
pub(crate) const TEXT: &str = include_str!("openapi.json");

/// The document to be read by people: nothing is made of it before somebody asks.
pub(crate) struct Document {
    doors: Vec<Door>,
    reference: OnceLock<Reference>,
}

impl Document {
    /// Of these ways in.
    pub(crate) fn new(doors: Vec<Door>) -> Document {
        Document { doors, reference: OnceLock::new() }
    }

    /// What there is to read.
    pub(crate) fn reference(&self) -> &Reference {
        self.reference.get_or_init(|| {
            let document: Value = serde_json::from_str(TEXT).expect("a test has read it");
            Reference::new(&document, &self.doors)
        })
    }
}

/// The document as programs get it.
pub(crate) async fn show() -> Response {
    ([(CONTENT_TYPE, HeaderValue::from_static("application/json"))], TEXT).into_response()
}
