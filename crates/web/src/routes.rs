//! Every URL, by who may ask.
//!
//! Only `anyone` wears no guard: a route that is put nowhere in particular refuses.

use std::sync::Arc;

use auth::api_token::Scope;
use axum::middleware::from_fn_with_state;
use axum::routing::{any, get, post};
use axum::{Extension, Router};

use crate::api::account as mine;
use crate::api::caller::Who;
use crate::api::document::{self, Document};
use crate::api::doors::{self, Doors, handlers};
use crate::pages::account::authenticators;
use crate::pages::{
    account, code, enroll, home, link, login, logout, owed_password, recovery, recovery_codes, register,
    setup,
};
use crate::{Site, api, assets, forward_auth, guard, health, layers, pages, way};

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
    let (api, doors) = doors::open(api(), &site);
    let about = Router::new()
        .route("/api", get(pages::api::show))
        .route("/api/openapi.json", get(document::show))
        .layer(Extension(Arc::new(Document::new(doors))));
    let all = anyone.merge(about).merge(api).merge(enrolling).merge(half_signed_in).merge(signed_in);
    let through_proxies =
        Router::new().route("/.latchkey/start", get(way::start)).route("/.latchkey/done", get(way::done));
    let pages = layers::wrap(all, through_proxies, &site);
    // Listeners ask these without us; see `lane.rs`.
    let asked_by_proxies = Router::new()
        .route("/api/authz/forward-auth", any(forward_auth::handle))
        .route("/api/authz/auth-request", any(forward_auth::handle))
        .route("/api/authz/ext-authz", any(forward_auth::handle))
        .route("/api/authz/ext-authz/", any(forward_auth::handle))
        .route("/api/authz/ext-authz/{*asked}", any(forward_auth::handle));
    pages.merge(asked_by_proxies).with_state(site)
}

/// The API, by who may ask.
pub(crate) fn api() -> [Doors; 8] {
    [
        Doors::of(Who::Anyone)
            .route("/api/v1/register", handlers!(post api::register::create))
            .route("/api/v1/login", handlers!(post api::login::begin))
            .route("/api/v1/logout", handlers!(post api::login::logout)),
        Doors::of(Who::Enrolling)
            .route("/api/v1/enroll", handlers!(get api::enroll::show, post api::enroll::confirm)),
        Doors::of(Who::HalfSignedIn)
            .route("/api/v1/login/code", handlers!(post api::login::code))
            .route("/api/v1/login/password", handlers!(post api::login::password))
            .route("/api/v1/login/recovery", handlers!(post api::login::recovery)),
        Doors::of(Who::PersonOr(Scope::AccountRead))
            .route("/api/v1/account", handlers!(get mine::show))
            .route("/api/v1/account/recovery-codes", handlers!(get mine::recovery_codes::show))
            .route("/api/v1/account/authenticators", handlers!(get mine::authenticators::list))
            .route("/api/v1/account/sessions", handlers!(get mine::sessions::list))
            .route("/api/v1/account/tokens", handlers!(get mine::tokens::list))
            .route("/api/v1/account/activity", handlers!(get mine::activity::list)),
        Doors::of(Who::Person)
            .route("/api/v1/account/prove", handlers!(post mine::proof::prove))
            .route("/api/v1/account/password", handlers!(post mine::proof::change_password))
            .route("/api/v1/account/recovery-codes", handlers!(post mine::recovery_codes::renew))
            .route("/api/v1/account/recovery-codes/saved", handlers!(post mine::recovery_codes::saved))
            .route("/api/v1/account/authenticators", handlers!(post mine::authenticators::create))
            .route(
                "/api/v1/account/authenticators/{id}",
                handlers!(patch mine::authenticators::update, delete mine::authenticators::remove),
            )
            .route("/api/v1/account/tokens", handlers!(post mine::tokens::create))
            .route("/api/v1/account/tokens/{id}", handlers!(delete mine::tokens::revoke))
            .route("/api/v1/account/sessions", handlers!(delete mine::sessions::end_others))
            .route("/api/v1/account/sessions/{id}", handlers!(delete mine::sessions::end)),
        Doors::of(Who::AdminOr(Scope::PeopleRead))
            .route("/api/v1/people", handlers!(get api::people::list))
            .route("/api/v1/people/{username}", handlers!(get api::people::get))
            .route("/api/v1/people/{username}/sessions", handlers!(get api::people::sessions))
            .route("/api/v1/groups", handlers!(get api::groups::list))
            .route("/api/v1/groups/{name}", handlers!(get api::groups::get))
            .route("/api/v1/groups/{name}/members", handlers!(get api::groups::members)),
        Doors::of(Who::AdminOr(Scope::PeopleWrite))
            .route("/api/v1/people", handlers!(post api::people::create))
            .route(
                "/api/v1/people/{username}",
                handlers!(patch api::people::update, delete api::people::remove),
            )
            .route("/api/v1/people/{username}/link", handlers!(post api::people::create_link))
            .route("/api/v1/people/{username}/sessions", handlers!(delete api::people::end_sessions))
            .route("/api/v1/groups", handlers!(post api::groups::create))
            .route("/api/v1/groups/{name}", handlers!(delete api::groups::remove))
            .route(
                "/api/v1/groups/{name}/members/{username}",
                handlers!(put api::groups::join, delete api::groups::leave),
            ),
        Doors::of(Who::Program(Scope::Verify)).route("/api/v1/verify", handlers!(post api::verify::judge)),
    ]
}
