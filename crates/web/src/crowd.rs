//! The connections that stand open: how many there may be, and who has to go when a newcomer finds no room.
//!
//! Whoever sends nothing, or a byte now and then, costs a place and nothing else. When all places are taken, a newcomer
//! gets the one of whoever has waited longest without a whole request; so silence keeps nobody out who has something to
//! say. A connection whose request is being answered keeps its place.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};
use std::time::Duration;

use tokio::time::Instant;

/// How often it is said that there is no room.
const SAID_EVERY: Duration = Duration::from_secs(60);

/// All connections of a listener.
#[derive(Clone, Debug)]
pub(crate) struct Crowd {
    places: Arc<Mutex<Places>>,
    most: usize,
    most_of_one: usize,
    opened: Instant,
}

#[derive(Debug, Default)]
struct Places {
    /// Those that are taken, in the order in which they were.
    taken: BTreeMap<u64, Arc<Stand>>,
    by_peer: HashMap<String, usize>,
    last: u64,
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

/// How a connection stands. Times are in nanoseconds since the crowd began, and never zero.
#[derive(Debug)]
struct Stand {
    /// Since when it has been without a whole request, or [`SERVED`], or [`GONE`].
    waits_since: AtomicU64,
    /// Since when the headers of a request have been awaited, or [`SERVED`].
    awaits_head_since: AtomicU64,
    waker: Mutex<Option<Waker>>,
}

/// Its request is here, and is being answered.
const SERVED: u64 = 0;
/// It was shown the way out.
const GONE: u64 = u64::MAX;

impl Stand {
    /// Shows it the way out, unless its request has come since it was found waiting.
    fn show_out(&self, waits_since: u64) -> bool {
        let exchanged =
            self.waits_since.compare_exchange(waits_since, GONE, Ordering::SeqCst, Ordering::SeqCst);
        if exchanged.is_ok()
            && let Some(waker) = lock(&self.waker).take()
        {
            waker.wake();
        }
        exchanged.is_ok()
    }

    fn is_gone(&self) -> bool {
        self.waits_since.load(Ordering::SeqCst) == GONE
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Crowd {
    pub(crate) fn new(most: usize, most_of_one: usize) -> Crowd {
        Crowd { places: Arc::default(), most, most_of_one, opened: Instant::now() }
    }

    /// Nanoseconds since it began.
    fn now(&self) -> u64 {
        u64::try_from(self.opened.elapsed().as_nanos()).unwrap_or(GONE - 1).max(SERVED + 1)
    }

    /// How many there are, and how many were turned away so far.
    pub(crate) fn there(&self) -> There {
        let places = lock(&self.places);
        let TurnedAway { too_many_of_one, no_room, made_way } = places.turned_away;
        let turned_away =
            [("too_many_of_one", too_many_of_one), ("no_room", no_room), ("made_way", made_way)];
        There { open: places.taken.len(), most: self.most, turned_away }
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
        if places.taken.len() >= self.most {
            places.say_that_it_is_full(self.most);
            if !places.make_way() {
                places.turned_away.no_room += 1;
                return None;
            }
            places.turned_away.made_way += 1;
        }
        if let Some(peer) = &peer {
            *places.by_peer.entry(peer.clone()).or_default() += 1;
        }
        let since = self.now();
        let (waits_since, awaits_head_since) = (AtomicU64::new(since), AtomicU64::new(since));
        let stand = Arc::new(Stand { waits_since, awaits_head_since, waker: Mutex::default() });
        places.last += 1;
        let number = places.last;
        places.taken.insert(number, stand.clone());
        Some(Arc::new(Place { crowd: self.clone(), peer, stand, number }))
    }
}

impl Places {
    /// Takes its place from whoever has waited longest. False: nobody waits.
    fn make_way(&mut self) -> bool {
        loop {
            let waiting =
                self.taken.iter().map(|(number, stand)| (stand.waits_since.load(Ordering::SeqCst), *number));
            let Some((since, number)) = waiting.filter(|(since, _)| *since != SERVED).min() else {
                return false;
            };
            if self.taken.get(&number).is_some_and(|stand| stand.show_out(since)) {
                self.taken.remove(&number);
                return true;
            }
        }
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
    stand: Arc<Stand>,
    number: u64,
}

impl Place {
    /// Its request is here as a whole.
    pub(crate) fn serve(&self) {
        let waits = &self.stand.waits_since;
        // Whoever was shown the way out while the request was on its way has no place any more.
        let _ =
            waits.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |since| (since != GONE).then_some(SERVED));
    }

    /// Its request is answered. One that was never here as a whole has been waiting all the time.
    pub(crate) fn wait(&self) {
        let (waits, now) = (&self.stand.waits_since, self.crowd.now());
        let _ = waits.compare_exchange(SERVED, now, Ordering::SeqCst, Ordering::SeqCst);
        self.stand.awaits_head_since.store(now, Ordering::SeqCst);
    }

    /// The headers of a request are awaited from now on.
    pub(crate) fn awaits_head(&self) {
        self.stand.awaits_head_since.store(self.crowd.now(), Ordering::SeqCst);
    }

    /// The headers of a request are here.
    pub(crate) fn has_head(&self) {
        self.stand.awaits_head_since.store(SERVED, Ordering::SeqCst);
    }

    /// Since when headers have been awaited, while they are.
    pub(crate) fn awaits_head_since(&self) -> Option<Instant> {
        let since = self.stand.awaits_head_since.load(Ordering::SeqCst);
        (since != SERVED).then(|| self.crowd.opened + Duration::from_nanos(since))
    }

    /// Whether it has to go. Remembers whom to wake when that comes true.
    pub(crate) fn must_go(&self, context: &Context<'_>) -> bool {
        let mut waker = lock(&self.stand.waker);
        if !waker.as_ref().is_some_and(|waker| waker.will_wake(context.waker())) {
            *waker = Some(context.waker().clone());
        }
        drop(waker);
        self.stand.is_gone()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut places = lock(&self.crowd.places);
        // Whoever was shown the way out has given the place back already.
        places.taken.remove(&self.number);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn gone(place: &Place) -> bool {
        place.must_go(&Context::from_waker(Waker::noop()))
    }

    fn taken(crowd: &Crowd) -> usize {
        lock(&crowd.places).taken.len()
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
