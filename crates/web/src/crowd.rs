//! The connections that stand open: how many there may be, and who has to go when a newcomer finds no room.
//!
//! Whoever sends nothing, or a byte now and then, costs a place and nothing else. When all places are taken, a newcomer
//! gets the one of whoever has waited longest without a whole request; so silence keeps nobody out who has something to
//! say. A connection whose request is being answered keeps its place.

use std::collections::{BTreeMap, HashMap};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use axum::body::HttpBody;
use axum::http::Request;
use tokio::time::Instant;
use tower::Service;

/// How often it is said that there is no room.
const SAID_EVERY: Duration = Duration::from_secs(60);

/// All connections of a listener.
#[derive(Clone, Debug)]
pub(crate) struct Crowd {
    places: Arc<Mutex<Places>>,
    most: usize,
    most_of_one: usize,
}

#[derive(Debug, Default)]
struct Places {
    taken: usize,
    by_peer: HashMap<String, usize>,
    /// Those without a whole request, the one that has waited longest first.
    waiting: BTreeMap<u64, Arc<Exit>>,
    tickets: u64,
    said_at: Option<Instant>,
    turned_away: TurnedAway,
}

/// Whose connections were closed by us.
#[derive(Debug, Default)]
struct TurnedAway {
    too_many_of_one: u64,
    no_room: u64,
    made_way: u64,
}

/// The connections of a listener, in numbers.
#[derive(Debug)]
pub(crate) struct There {
    pub(crate) open: usize,
    pub(crate) most: usize,
    pub(crate) turned_away: [(&'static str, u64); 3],
}

/// The way out of a connection.
#[derive(Debug, Default)]
struct Exit {
    shown: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

impl Exit {
    fn show(&self) {
        self.shown.store(true, Ordering::SeqCst);
        if let Some(waker) = lock(&self.waker).take() {
            waker.wake();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Crowd {
    pub(crate) fn new(most: usize, most_of_one: usize) -> Crowd {
        Crowd { places: Arc::default(), most, most_of_one }
    }

    /// How many there are, and how many were turned away so far.
    pub(crate) fn there(&self) -> There {
        let places = lock(&self.places);
        let TurnedAway { too_many_of_one, no_room, made_way } = places.turned_away;
        let turned_away =
            [("too_many_of_one", too_many_of_one), ("no_room", no_room), ("made_way", made_way)];
        There { open: places.taken, most: self.most, turned_away }
    }

    /// A place for a connection from `peer`, which is none where a proxy may stand. `None` when it has too many already, or
    /// when everybody who is here is being served.
    pub(crate) fn enter(&self, peer: Option<String>) -> Option<Arc<Place>> {
        let mut places = lock(&self.places);
        if let Some(peer) = &peer
            && places.by_peer.get(peer).is_some_and(|count| *count >= self.most_of_one)
        {
            places.turned_away.too_many_of_one += 1;
            return None;
        }
        if places.taken >= self.most {
            places.say_that_it_is_full(self.most);
            let Some((_, exit)) = places.waiting.pop_first() else {
                places.turned_away.no_room += 1;
                return None;
            };
            exit.show();
            places.turned_away.made_way += 1;
            places.taken -= 1;
        }
        places.taken += 1;
        if let Some(peer) = &peer {
            *places.by_peer.entry(peer.clone()).or_default() += 1;
        }
        let exit = Arc::new(Exit::default());
        let ticket = places.queue(&exit);
        Some(Arc::new(Place { crowd: self.clone(), peer, exit, ticket: Mutex::new(Some(ticket)) }))
    }
}

impl Places {
    fn queue(&mut self, exit: &Arc<Exit>) -> u64 {
        self.tickets += 1;
        self.waiting.insert(self.tickets, exit.clone());
        self.tickets
    }

    fn say_that_it_is_full(&mut self, most: usize) {
        let now = Instant::now();
        if self.said_at.is_none_or(|said| now - said >= SAID_EVERY) {
            self.said_at = Some(now);
            tracing::warn!(connections = most, "no room: who has waited longest without a request makes way");
        }
    }
}

/// What a connection holds while it stands open.
#[derive(Debug)]
pub(crate) struct Place {
    crowd: Crowd,
    peer: Option<String>,
    exit: Arc<Exit>,
    /// What it holds in the queue while it waits.
    ticket: Mutex<Option<u64>>,
}

impl Place {
    /// Its request is here as a whole.
    pub(crate) fn serve(&self) {
        if let Some(ticket) = lock(&self.ticket).take() {
            lock(&self.crowd.places).waiting.remove(&ticket);
        }
    }

    /// Its request is answered. One that was never here as a whole has been waiting all the time.
    fn wait(&self) {
        let mut ticket = lock(&self.ticket);
        let mut places = lock(&self.crowd.places);
        // Who was shown the way out while the request was on its way has no place any more that somebody could have.
        if ticket.is_none() && !self.exit.shown.load(Ordering::SeqCst) {
            *ticket = Some(places.queue(&self.exit));
        }
    }

    /// Whether it has to go. Remembers whom to wake when that comes true.
    pub(crate) fn must_go(&self, context: &Context<'_>) -> bool {
        let mut waker = lock(&self.exit.waker);
        if !waker.as_ref().is_some_and(|waker| waker.will_wake(context.waker())) {
            *waker = Some(context.waker().clone());
        }
        drop(waker);
        self.exit.shown.load(Ordering::SeqCst)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.serve();
        let mut places = lock(&self.crowd.places);
        // Who was shown the way out has given the place back already.
        if !self.exit.shown.load(Ordering::SeqCst) {
            places.taken -= 1;
        }
        if let Some(peer) = &self.peer
            && let Some(count) = places.by_peer.get_mut(peer)
        {
            *count -= 1;
            if *count == 0 {
                places.by_peer.remove(peer);
            }
        }
    }
}

/// Travels with a request whose body is still on its way.
#[derive(Clone, Debug)]
pub(crate) struct Seat(pub(crate) Arc<Place>);

/// A site that says of each request when it is there and when it is answered.
#[derive(Clone, Debug)]
pub(crate) struct Seated<S> {
    pub(crate) inner: S,
    pub(crate) place: Arc<Place>,
}

impl<S, B> Service<Request<B>> for Seated<S>
where
    S: Service<Request<B>>,
    S::Future: Send + 'static,
    B: HttpBody,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let place = self.place.clone();
        if request.body().is_end_stream() {
            place.serve();
        } else {
            request.extensions_mut().insert(Seat(place.clone()));
        }
        let answer = self.inner.call(request);
        Box::pin(async move {
            let answer = answer.await;
            place.wait();
            answer
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gone(place: &Place) -> bool {
        place.must_go(&Context::from_waker(Waker::noop()))
    }

    fn taken(crowd: &Crowd) -> usize {
        lock(&crowd.places).taken
    }

    #[test]
    fn whoever_has_waited_longest_makes_way_and_whoever_is_served_stays() {
        let crowd = Crowd::new(3, 3);
        let [first, second, third] = [(); 3].map(|()| crowd.enter(None).unwrap());
        first.serve();
        let fourth = crowd.enter(None).unwrap();
        assert_eq!([&first, &second, &third, &fourth].map(|place| gone(place)), [false, true, false, false]);
        assert_eq!(taken(&crowd), 3);
        // Answered, it has waited least of all.
        first.wait();
        let fifth = crowd.enter(None).unwrap();
        assert!(gone(&third) && !gone(&first));
        drop((second, third));
        assert_eq!(taken(&crowd), 3, "a place is given back once");
        for place in [&first, &fourth, &fifth] {
            place.serve();
        }
        assert!(crowd.enter(None).is_none(), "everybody is being served");
        drop(fifth);
        let sixth = crowd.enter(None).unwrap();
        drop((first, fourth, sixth));
        assert_eq!(taken(&crowd), 0);
        assert!(lock(&crowd.places).waiting.is_empty());
    }

    #[test]
    fn whoever_has_made_way_makes_way_once_even_when_their_request_comes_after_all() {
        let crowd = Crowd::new(1, 1);
        let first = crowd.enter(None).unwrap();
        let second = crowd.enter(None).unwrap();
        assert!(gone(&first));
        first.serve();
        first.wait();
        let third = crowd.enter(None).unwrap();
        let fourth = crowd.enter(None).unwrap();
        assert_eq!([&second, &third, &fourth].map(|place| gone(place)), [true, true, false]);
        assert_eq!(taken(&crowd), 1);
        drop((first, second, third, fourth));
        assert_eq!(taken(&crowd), 0);
        assert!(lock(&crowd.places).waiting.is_empty());
    }

    #[test]
    fn one_address_has_only_so_many() {
        let crowd = Crowd::new(100, 2);
        let one = || crowd.enter(Some("203.0.113.9".into()));
        let (first, second) = (one().unwrap(), one().unwrap());
        assert!(one().is_none());
        assert!(crowd.enter(Some("203.0.113.8".into())).is_some());
        drop(first);
        let third = one().unwrap();
        assert!(one().is_none());
        drop((second, third));
        assert!(lock(&crowd.places).by_peer.is_empty(), "who has gone is forgotten");
    }
}
