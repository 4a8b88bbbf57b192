//! Stylesheet, script and icon, embedded by `build.rs` under hashed names, so that browsers may keep them forever.

use axum::extract::{OriginalUri, State};
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

use crate::Site;
use crate::error::Trouble;

/// A file that is served as it stands.
#[derive(Debug)]
pub(crate) struct Asset {
    /// Its name in `assets/`.
    pub(crate) name: &'static str,
    /// Where it is served: `/assets/`, the stem, a hash of the content, the extension.
    pub(crate) path: &'static str,
    /// The value of `Content-Type`.
    pub(crate) content_type: &'static str,
    /// The bytes.
    pub(crate) body: &'static [u8],
}

include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// The asset that is served under `path`, if there is one. An older hash is none.
pub(crate) fn find(path: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.path == path)
}

/// Serves a file of ours, or of the operator's. Its name changes with its content, so whoever has it may keep it.
pub(crate) async fn serve(State(site): State<Site>, OriginalUri(uri): OriginalUri) -> Response {
    if let Some(branded) = site.branding.serve(uri.path()) {
        return branded;
    }
    let Some(asset) = find(uri.path()) else { return Trouble::NotFound.into_response() };
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(asset.content_type)),
        (CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable")),
    ];
    (headers, asset.body).into_response()
}

/// Where the stylesheet is.
pub(crate) fn css_path() -> &'static str {
    path_of("app.css")
}

/// Where the script is.
pub(crate) fn js_path() -> &'static str {
    path_of("app.js")
}

/// Where the icon for tabs and bookmarks is.
pub(crate) fn icon_path() -> &'static str {
    path_of("favicon.svg")
}

fn path_of(name: &str) -> &'static str {
    ASSETS.iter().find(|asset| asset.name == name).map_or("", |asset| asset.path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_asset_is_found_under_its_hashed_path_and_under_no_other() {
        for path in [css_path(), js_path(), icon_path()] {
            let asset = find(path).unwrap();
            assert!(!asset.body.is_empty(), "{path} is empty");
            assert!(asset.content_type.contains('/'), "{path} has no type");
            assert_eq!(path.split('.').nth(1).unwrap().len(), 16, "{path} has no hash");
        }
        assert!(find("/assets/app.css").is_none());
        assert!(find("/assets/app.0000000000000000.css").is_none());
    }

    #[test]
    fn the_stylesheet_stays_under_twenty_kilobytes() {
        let css = find(css_path()).unwrap();
        assert!(css.body.len() < 20_000, "app.css has {} bytes", css.body.len());
    }

    #[test]
    fn nothing_is_fetched_from_elsewhere() {
        for asset in ASSETS {
            let text = std::str::from_utf8(asset.body).unwrap().replace("http://www.w3.org/2000/svg", "");
            assert!(!text.contains("://"), "{} names another place", asset.name);
            assert!(!text.contains("@import"), "{} imports", asset.name);
        }
    }
}
