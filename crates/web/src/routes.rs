//! Every URL, by who may ask.
//!
//! Only `anyone` wears no guard: a route that is put nowhere in particular refuses.

use auth::api_token::Scope;
use axum::middleware::from_fn_with_state;
use axum::routing::{any, get, post};
use axum::{Extension, Router};
use utoipa_axum::routes;

use crate::api::account as mine;
use crate::api::caller::Who;
use crate::api::document::{self, Document};
use crate::api::doors::{self, Doors};
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
    let (api, described) = doors::all([
        Doors::of(&site, Who::Anyone)
            .route("/api/v1/register", routes!(api::register::create))
            .route("/api/v1/login", routes!(api::login::begin))
            .route("/api/v1/logout", routes!(api::login::logout)),
        Doors::of(&site, Who::Enrolling)
            .route("/api/v1/enroll", routes!(api::enroll::show, api::enroll::confirm)),
        Doors::of(&site, Who::HalfSignedIn)
            .route("/api/v1/login/code", routes!(api::login::code))
            .route("/api/v1/login/password", routes!(api::login::password))
            .route("/api/v1/login/recovery", routes!(api::login::recovery)),
        Doors::of(&site, Who::PersonOr(Scope::AccountRead))
            .route("/api/v1/account", routes!(mine::show))
            .route("/api/v1/account/recovery-codes", routes!(mine::recovery_codes::show))
            .route("/api/v1/account/authenticators", routes!(mine::authenticators::list))
            .route("/api/v1/account/sessions", routes!(mine::sessions::list))
            .route("/api/v1/account/tokens", routes!(mine::tokens::list))
            .route("/api/v1/account/activity", routes!(mine::activity::list)),
        Doors::of(&site, Who::Person)
            .route("/api/v1/account/prove", routes!(mine::proof::prove))
            .route("/api/v1/account/password", routes!(mine::proof::change_password))
            .route("/api/v1/account/recovery-codes", routes!(mine::recovery_codes::renew))
            .route("/api/v1/account/recovery-codes/saved", routes!(mine::recovery_codes::saved))
            .route("/api/v1/account/authenticators", routes!(mine::authenticators::create))
            .route(
                "/api/v1/account/authenticators/{id}",
                routes!(mine::authenticators::update, mine::authenticators::remove),
            )
            .route("/api/v1/account/tokens", routes!(mine::tokens::create))
            .route("/api/v1/account/tokens/{id}", routes!(mine::tokens::revoke))
            .route("/api/v1/account/sessions", routes!(mine::sessions::end_others))
            .route("/api/v1/account/sessions/{id}", routes!(mine::sessions::end)),
        Doors::of(&site, Who::AdminOr(Scope::PeopleRead))
            .route("/api/v1/people", routes!(api::people::list))
            .route("/api/v1/people/{username}", routes!(api::people::get))
            .route("/api/v1/people/{username}/sessions", routes!(api::people::sessions))
            .route("/api/v1/groups", routes!(api::groups::list))
            .route("/api/v1/groups/{name}", routes!(api::groups::get))
            .route("/api/v1/groups/{name}/members", routes!(api::groups::members)),
        Doors::of(&site, Who::AdminOr(Scope::PeopleWrite))
            .route("/api/v1/people", routes!(api::people::create))
            .route("/api/v1/people/{username}", routes!(api::people::update, api::people::remove))
            .route("/api/v1/people/{username}/link", routes!(api::people::create_link))
            .route("/api/v1/people/{username}/sessions", routes!(api::people::end_sessions))
            .route("/api/v1/groups", routes!(api::groups::create))
            .route("/api/v1/groups/{name}", routes!(api::groups::remove))
            .route(
                "/api/v1/groups/{name}/members/{username}",
                routes!(api::groups::join, api::groups::leave),
            ),
        Doors::of(&site, Who::Program(Scope::Verify)).route("/api/v1/verify", routes!(api::verify::judge)),
    ]);
    let about = Router::new()
        .route("/api", get(pages::api::show))
        .route("/api/openapi.json", get(document::show))
        .layer(Extension(Document::new(described)));
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
