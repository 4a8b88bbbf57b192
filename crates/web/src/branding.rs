//! What an operator's own look adds to the pages: a picture, a small stylesheet, and where people find help. Without any of
//! them the pages are as they would be without this file.

use std::sync::Arc;

use auth::Config;
use auth::config::{Accent, Help, Logo, Picture};
use axum::body::Bytes;
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

/// A picture that is opened by itself may run nothing and fetch nothing, whatever is in it.
const PICTURE_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; sandbox";

/// The look of one operator. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Branding {
    files: Arc<[File]>,
    help: Option<Help>,
}

/// A file that was made, or read, at the start.
#[derive(Debug)]
struct File {
    is_picture: bool,
    /// Where it is served; changes with its content.
    path: String,
    content_type: &'static str,
    body: Bytes,
}

impl Branding {
    pub(crate) fn new(config: &Config) -> Branding {
        let mut files = Vec::new();
        if let Some(Logo { picture, bytes, .. }) = &config.logo {
            let (extension, content_type) = match picture {
                Picture::Png => ("png", "image/png"),
                Picture::Svg => ("svg", "image/svg+xml"),
            };
            let path = format!("/assets/logo.{:016x}.{extension}", fnv(bytes));
            files.push(File { is_picture: true, path, content_type, body: Bytes::copy_from_slice(bytes) });
        }
        if config.logo.is_some() || config.accent.is_some() || config.help.is_some() {
            let css = stylesheet(config.accent);
            let path = format!("/assets/brand.{:016x}.css", fnv(css.as_bytes()));
            let content_type = "text/css; charset=utf-8";
            files.push(File { is_picture: false, path, content_type, body: css.into() });
        }
        Branding { files: files.into(), help: config.help.clone() }
    }

    /// Where the picture is, if there is one.
    pub(crate) fn logo_path(&self) -> Option<&str> {
        self.files.iter().find(|file| file.is_picture).map(|file| &*file.path)
    }

    /// Where the stylesheet is, if there is one.
    pub(crate) fn css_path(&self) -> Option<&str> {
        self.files.iter().find(|file| !file.is_picture).map(|file| &*file.path)
    }

    /// Where people find help.
    pub(crate) fn help(&self) -> Option<&Help> {
        self.help.as_ref()
    }

    /// The file that is served under `path`, if there is one.
    pub(crate) fn serve(&self, path: &str) -> Option<Response> {
        let file = self.files.iter().find(|file| file.path == path)?;
        let headers = [
            (CONTENT_TYPE, HeaderValue::from_static(file.content_type)),
            (CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable")),
        ];
        let mut response = (headers, file.body.clone()).into_response();
        if file.is_picture {
            let policy = HeaderValue::from_static(PICTURE_POLICY);
            response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
        }
        Some(response)
    }
}

/// The policy of the pages forbids inline styles, and so does good sense: a stylesheet it is.
fn stylesheet(accent: Option<Accent>) -> String {
    let mut css = String::from(
        ".logo { flex: none; block-size: 2.25rem; inline-size: auto; max-inline-size: 9rem; object-fit: contain; }\n\
         .help { margin-block: 0.25rem 0; overflow-wrap: anywhere; }\n",
    );
    if let Some(accent) = accent {
        // On screens only: paper stays black on white.
        css += &format!(
            "@media screen {{\n  :root {{ --brass: {}; --brass-deep: {}; --on-brass: #FFFFFF; }}\n}}\n\
             @media screen and (prefers-color-scheme: dark) {{\n  :root {{ --brass: {}; --brass-deep: {}; --on-brass: #1A1408; }}\n}}\n",
            accent.light(),
            accent.light_deep(),
            accent.dark(),
            accent.dark_deep()
        );
    }
    css
}

/// FNV-1a, as for our own files: it tells versions apart, nothing more.
fn fnv(body: &[u8]) -> u64 {
    body.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
