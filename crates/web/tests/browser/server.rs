//! A Latchkey of the test's own: fresh database, its own port, a clock that moves when it is told to.

use std::future::Future;
use std::net::TcpListener;
use std::time::Duration;

use auth::config::PublicUrl;
use auth::{App, Clock, Config, Cost, Random};
use store::Kind;
use store::scratch::Scratch;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

/// A running server. It ends when this is dropped.
pub(crate) struct Server {
    /// Its clock.
    pub(crate) clock: Clock,
    app: App,
    port: u16,
    stop: Option<oneshot::Sender<()>>,
    runtime: Option<Runtime>,
    _scratch: Scratch,
}

impl Server {
    /// Starts one with other settings.
    pub(crate) fn start_with(change: impl FnOnce(&mut Config)) -> Server {
        let scratch = Scratch::new(Kind::Sqlite);
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let listen = listener.local_addr().expect("a bound address");
        let mut config = Config {
            listen: listen.into(),
            public_url: PublicUrl::loopback(listen.port()),
            data_dir: scratch.dir().to_owned(),
            database: scratch.url().to_owned().into(),
            // The loader would refuse so cheap a hash. Guessing is not what is tested here.
            password_cost: Cost { memory_kib: 64, passes: 1 },
            ..Config::default()
        };
        change(&mut config);
        let clock = Clock::frozen(Clock::System.now());

        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let app = runtime.block_on(App::open_with(config, clock.clone(), Random::Os)).expect("the app opens");
        runtime.block_on(auth::note_policy(&app)).expect("the policy is noted");
        let (stop, stopped) = oneshot::channel::<()>();
        let shutdown = async {
            let _ = stopped.await;
        };
        runtime.spawn(serve(app.clone(), listener, shutdown));
        Server {
            clock,
            app,
            port: listen.port(),
            stop: Some(stop),
            runtime: Some(runtime),
            _scratch: scratch,
        }
    }

    /// Where browsers find it.
    pub(crate) fn origin(&self) -> String {
        format!("http://localhost:{}", self.port)
    }

    /// Sets its clock right if it is behind, since the pages compare it with the browser's.
    pub(crate) fn keeps_time(&self) {
        let behind = Clock::System.now().seconds() - self.clock.now().seconds();
        self.clock.advance(behind.max(0));
    }

    /// Runs a use-case, as the command line would.
    pub(crate) fn runs<T>(&self, use_case: impl AsyncFnOnce(&App) -> T) -> T {
        self.runtime.as_ref().expect("it runs").block_on(use_case(&self.app))
    }
}

async fn serve(app: App, listener: TcpListener, shutdown: impl Future<Output = ()> + Send + 'static) {
    web::serve(app, listener, shutdown).await.expect("the server serves");
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_secs(2));
        }
    }
}
