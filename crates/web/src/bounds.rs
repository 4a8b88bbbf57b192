//! Every bound on what somebody may send, and on how long they may take, in one place. `docs/run.md` has the same table.

use std::time::Duration;

/// Connections that may stand open at once, where the system allows that many files.
pub(crate) const CONNECTIONS: usize = 4096;
/// Of these, those from one address that is not, and cannot be, a proxy.
pub(crate) const CONNECTIONS_OF_ONE: usize = 256;
/// Connections of those who read the metrics.
pub(crate) const CONNECTIONS_FOR_METRICS: usize = 16;
/// Files that are kept for everything else: databases, logs, keys, and connections that are just going.
pub(crate) const FILES_OF_OURS: usize = 128;

/// To shake hands, where we speak https ourselves.
pub(crate) const HANDSHAKE_WITHIN: Duration = Duration::from_secs(10);
/// From the first byte of a request, or from the end of the last one, to the end of its headers.
pub(crate) const HEADERS_WITHIN: Duration = Duration::from_secs(10);
/// From the end of the headers to the end of the form.
pub(crate) const FORM_WITHIN: Duration = Duration::from_secs(10);
/// From the end of the headers to the answer. A request that takes longer is given up, its body included.
pub(crate) const ANSWER_WITHIN: Duration = Duration::from_secs(15);
/// Until a client that takes nothing of its answer is left.
pub(crate) const TAKE_WITHIN: Duration = Duration::from_secs(15);
/// Whoever asks whether we are ready does so at least this often.
pub(crate) const WATCHED_WITHIN: Duration = Duration::from_secs(30);
/// Until connections are not taken any more when we stop and whoever watches us does not ask.
pub(crate) const TOLD_WITHIN: Duration = Duration::from_secs(5);
/// For whoever has connected when we stop, and not said yet what for.
pub(crate) const HEARS_WITHIN: Duration = Duration::from_millis(250);
/// For the requests that are open when we stop.
pub(crate) const STOP_WITHIN: Duration = Duration::from_secs(10);

/// Headers of a request; more is answered with 431.
pub(crate) const HEADERS: usize = 64;
/// Address and headers together may have this many bytes; more is answered with 431.
pub(crate) const HEADER_BYTES: usize = 32 * 1024;
/// A form may have this many bytes: the longest fields of ours, percent-encoded, are a few thousand.
pub(crate) const FORM_BYTES: usize = 16 * 1024;
