//! Every URL, by who may ask.
//!
//! Only `anyone` wears no guard: a route that is put nowhere in particular refuses.

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{any, get, post};

use crate::pages::account::authenticators;
use crate::pages::{
    account, code, enroll, home, link, login, logout, owed_password, recovery, recovery_codes, register,
    setup,
};
use crate::{Site, api, assets, forward_auth, guard, health, layers, way};

/// The whole site.
pub(crate) fn router(site: Site) -> Router {
    let anyone = Router::new()
        .route("/register", get(register::show).post(register::submit))
        .route("/setup/{token}", get(setup::show).post(setup::submit))
        .route("/link/{token}", get(link::show).post(link::submit))
        .route("/login", get(login::show).post(login::submit))
        .route("/logout", post(logout::submit))
        .route("/assets/{name}", get(assets::serve))
        .route("/livez", get(health::live))
        .route("/readyz", get(health::ready));
    let enrolling = Router::new()
        .route("/enroll", get(enroll::show).post(enroll::submit))
        .route("/enroll/qr.png", get(enroll::picture))
        .route_layer(from_fn_with_state(site.clone(), guard::enrolling));
    let half_signed_in = Router::new()
        .route("/login/code", get(code::show).post(code::submit))
        .route("/login/password", get(owed_password::show).post(owed_password::submit))
        .route("/login/recovery", get(recovery::show).post(recovery::submit))
        .route_layer(from_fn_with_state(site.clone(), guard::half_signed_in));
    let signed_in = Router::new()
        .route("/", get(home::show))
        .route("/account", get(account::show))
        .route("/account/prove", get(account::prove::show).post(account::prove::submit))
        .route("/account/password", get(account::password::show).post(account::password::submit))
        .route(
            "/account/recovery-codes",
            get(account::recovery_codes::show).post(account::recovery_codes::submit),
        )
        .route("/account/authenticators", get(authenticators::show))
        .route("/account/authenticators/add", get(authenticators::show_add).post(authenticators::add))
        .route(
            "/account/authenticators/new-phone",
            get(authenticators::show_phone).post(authenticators::new_phone),
        )
        .route("/account/authenticators/rename", post(authenticators::rename))
        .route(
            "/account/authenticators/remove",
            get(authenticators::show_remove).post(authenticators::remove),
        )
        .route("/account/browsers", post(account::sessions::forget))
        .route("/account/sessions", get(account::sessions::show).post(account::sessions::submit))
        .route("/account/tokens", get(account::tokens::show))
        .route("/account/tokens/new", get(account::tokens::show_new).post(account::tokens::make))
        .route("/account/tokens/revoke", post(account::tokens::revoke))
        .route("/account/activity", get(account::activity::show))
        .route("/account/activity.csv", get(account::activity::download))
        .route("/enroll/recovery-codes", get(recovery_codes::show).post(recovery_codes::submit))
        .route("/enroll/recovery-codes.txt", get(recovery_codes::download))
        .route_layer(from_fn_with_state(site.clone(), guard::signed_in));
    let programs = Router::new().route("/api/v1/verify", post(api::verify));
    let all = anyone.merge(programs).merge(enrolling).merge(half_signed_in).merge(signed_in);
    let for_proxies = Router::new()
        .route("/api/authz/forward-auth", any(forward_auth::forward_auth))
        .route("/api/authz/auth-request", any(forward_auth::auth_request))
        .route("/api/authz/ext-authz", any(forward_auth::ext_authz))
        .route("/api/authz/ext-authz/", any(forward_auth::ext_authz))
        .route("/api/authz/ext-authz/{*asked}", any(forward_auth::ext_authz))
        .route("/.latchkey/start", get(way::start))
        .route("/.latchkey/done", get(way::done));
    layers::wrap(all, for_proxies, &site).with_state(site)
}
