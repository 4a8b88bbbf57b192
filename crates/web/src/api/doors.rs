//! Routes of the API with what the document says of them, group by group: who may ask is said once, for the guard and for
//! the document.

use axum::Router;
use axum::middleware::from_fn_with_state;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa_axum::router::UtoipaMethodRouter;

use crate::Site;
use crate::api::caller::{self, Who};
use crate::api::document::{self, Described};

/// Routes that the same people may ask at.
pub(crate) struct Doors {
    who: Who,
    site: Site,
    router: Router<Site>,
    described: Described,
}

impl Doors {
    /// None yet.
    pub(crate) fn of(site: &Site, who: Who) -> Doors {
        Doors { who, site: site.clone(), router: Router::new(), described: Described::default() }
    }

    /// Adds one. Its URL stands in `routes.rs` alone: the descriptions of the handlers leave it out.
    pub(crate) fn route(mut self, url: &str, handlers: UtoipaMethodRouter<Site>) -> Doors {
        let (schemas, paths, methods) = handlers;
        let described = &mut self.described;
        for mut item in paths.paths.into_values() {
            for (method, operation) in operations(&mut item) {
                document::complete(operation, (method, url), self.who);
                described.who.insert((method, url.to_owned()), self.who);
            }
            let there = described.paths.paths.entry(url.to_owned()).or_default();
            there.merge_operations(item);
        }
        described.schemas.extend(schemas);
        Doors { router: self.router.route(url, methods), ..self }
    }

    /// The routes, guarded, and their descriptions.
    fn open(self) -> (Router<Site>, Described) {
        let guard = from_fn_with_state((self.site, self.who), caller::guard);
        (self.router.route_layer(guard), self.described)
    }
}

/// All groups in one.
pub(crate) fn all<const N: usize>(groups: [Doors; N]) -> (Router<Site>, Described) {
    let (mut router, mut described) = (Router::new(), Described::default());
    for group in groups {
        let (more, of_them) = group.open();
        router = router.merge(more);
        for (url, item) in of_them.paths.paths {
            described.paths.paths.entry(url).or_default().merge_operations(item);
        }
        described.schemas.extend(of_them.schemas);
        described.who.extend(of_them.who);
    }
    (router, described)
}

/// Each method of a path, with its description.
pub(crate) fn operations(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    let all = [
        ("get", &mut item.get),
        ("put", &mut item.put),
        ("post", &mut item.post),
        ("patch", &mut item.patch),
        ("delete", &mut item.delete),
    ];
    all.into_iter().filter_map(|(method, operation)| operation.as_mut().map(|operation| (method, operation)))
}
