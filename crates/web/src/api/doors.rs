//! Routes of the API, group by group: who may ask is said once, for the guard, for the page that lists them, and for the
//! document, which `described.rs` holds against them.

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::MethodRouter;

use crate::Site;
use crate::api::caller::{self, Who};

/// A way in: a method of a URL, and who may ask there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Door {
    pub(crate) method: &'static str,
    pub(crate) url: &'static str,
    pub(crate) who: Who,
}

/// What answers at a URL, by `handlers!`.
pub(crate) struct Handlers {
    pub(crate) router: MethodRouter<Site>,
    /// The methods that it answers, in small letters.
    pub(crate) methods: &'static [&'static str],
    /// What utoipa says of them. The program has none of it.
    #[cfg(test)]
    pub(crate) said: utoipa_axum::router::UtoipaMethodRouter<Site>,
}

/// Handlers with their methods: `handlers!(patch people::update, delete people::remove)`.
macro_rules! handlers {
    ($($method:ident $handler:path),+ $(,)?) => {
        $crate::api::doors::Handlers {
            router: axum::routing::MethodRouter::new()$(.$method($handler))+,
            methods: &[$(stringify!($method)),+],
            #[cfg(test)]
            said: utoipa_axum::routes!($($handler),+),
        }
    };
}
pub(crate) use handlers;

/// Routes that the same people may ask at.
pub(crate) struct Doors {
    who: Who,
    router: Router<Site>,
    pub(crate) doors: Vec<Door>,
    /// What is said of each URL.
    #[cfg(test)]
    pub(crate) described: Vec<crate::api::described::Described>,
}

impl Doors {
    /// None yet.
    pub(crate) fn of(who: Who) -> Doors {
        Doors {
            who,
            router: Router::new(),
            doors: Vec::new(),
            #[cfg(test)]
            described: Vec::new(),
        }
    }

    /// Adds one. Its URL stands in `routes.rs` alone: the descriptions of the handlers leave it out.
    pub(crate) fn route(mut self, url: &'static str, handlers: Handlers) -> Doors {
        let who = self.who;
        self.doors.extend(handlers.methods.iter().map(|method| Door { method, url, who }));
        #[cfg(test)]
        self.described.push(crate::api::described::Described {
            url,
            who,
            methods: handlers.methods,
            said: handlers.said,
        });
        Doors { router: self.router.route(url, handlers.router), ..self }
    }
}

/// All groups in one, guarded, and every way in.
pub(crate) fn open<const N: usize>(groups: [Doors; N], site: &Site) -> (Router<Site>, Vec<Door>) {
    let (mut router, mut doors) = (Router::new(), Vec::new());
    for group in groups {
        let guard = from_fn_with_state((site.clone(), group.who), caller::guard);
        router = router.merge(group.router.route_layer(guard));
        doors.extend(group.doors);
    }
    (router, doors)
}
