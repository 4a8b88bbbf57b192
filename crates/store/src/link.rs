//! A connection to PostgreSQL and what is under way on it. A statement whose answer nobody waits for travels with the next one that is
//! waited for, so that both cost one round trip.

use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{IsNull, ToSql, Type, private::BytesMut, to_sql_checked};
use tokio_postgres::{Client, NoTls, Statement};

use crate::sql::RowOf;
use crate::tally::Counted;
use crate::tls::{self, Server};
use crate::{Error, Result, Row, Sql, Value};

/// How many are under way at most before one is waited for.
const UNDERWAY: usize = 256;
/// How long a server is given to hear that nobody speaks to it any more.
const FAREWELL: Duration = Duration::from_millis(200);

type Answer<T> = std::result::Result<T, tokio_postgres::Error>;
/// Carries what is said both ways while it is waited for.
type Carrier = Pin<Box<dyn Future<Output = Answer<()>> + Send>>;
type Underway = Pin<Box<dyn Future<Output = Answer<u64>> + Send>>;

/// A connection and the statements it has prepared. It lives on a thread that runs nothing asynchronous.
pub(crate) struct Link {
    runtime: Runtime,
    /// None once it is dropped.
    client: Option<Arc<Client>>,
    /// None once the connection has ended.
    carrier: Option<Carrier>,
    /// In the order in which they were sent.
    underway: Vec<Underway>,
    prepared: HashMap<&'static str, Statement>,
    /// Counts it for as long as it is open.
    counted: Option<Counted>,
}

impl Link {
    pub(crate) fn open(server: &Server) -> Result<Link> {
        let runtime = Builder::new_current_thread().enable_all().build().map_err(Error::broken)?;
        let connected = match &server.tls {
            None => runtime
                .block_on(server.config.connect(NoTls))
                .map(|(client, connection)| (client, Box::pin(connection) as Carrier)),
            Some(tls) => runtime
                .block_on(server.config.connect(tls.clone()))
                .map(|(client, connection)| (client, Box::pin(connection) as Carrier)),
        };
        let (client, carrier) = connected.map_err(unreached)?;
        Ok(Link {
            runtime,
            client: Some(Arc::new(client)),
            carrier: Some(carrier),
            underway: Vec::new(),
            prepared: HashMap::new(),
            counted: None,
        })
    }

    /// The same, counted for as long as it is open.
    pub(crate) fn counted(mut self, counted: Counted) -> Link {
        self.counted = Some(counted);
        self
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.carrier.is_none()
    }

    pub(crate) fn execute(&mut self, sql: Sql, values: &[Value<'_>]) -> Result<u64> {
        let statement = self.prepared(sql, values)?;
        let client = self.client();
        self.ask(async { client.execute_raw(&statement, values).await })
    }

    pub(crate) fn each(
        &mut self,
        sql: Sql,
        values: &[Value<'_>],
        read: &mut dyn FnMut(&Row<'_>) -> Result<()>,
    ) -> Result<()> {
        let statement = self.prepared(sql, values)?;
        let values: Vec<_> = values.iter().map(|value| value as &(dyn ToSql + Sync)).collect();
        let client = self.client();
        for row in self.ask(async { client.query(&statement, &values).await })? {
            read(&Row(RowOf::Pg(&row)))?;
        }
        Ok(())
    }

    pub(crate) fn control(&mut self, text: &str) -> Result<()> {
        let client = self.client();
        self.ask(async { client.batch_execute(text).await })
    }

    /// Sends a statement without waiting. When it fails, so does the next one that is waited for.
    pub(crate) fn execute_later(&mut self, sql: Sql, values: &[Value<'_>]) -> Result<()> {
        let statement = self.prepared(sql, values)?;
        let values: Vec<Owned> = values.iter().map(Owned::of).collect();
        let client = self.client();
        self.send(Box::pin(async move { client.execute_raw(&statement, values).await }))
    }

    /// The same for text that answers no rows.
    pub(crate) fn control_later(&mut self, text: &'static str) -> Result<()> {
        let client = self.client();
        self.send(Box::pin(async move { client.batch_execute(text).await.map(|()| 0) }))
    }

    /// Waits for all that is under way.
    pub(crate) fn settle(&mut self) -> Result<()> {
        if self.underway.is_empty() { Ok(()) } else { self.ask(async { Ok(()) }) }
    }

    fn client(&self) -> Arc<Client> {
        self.client.clone().expect("it is there until this is dropped")
    }

    fn prepared(&mut self, sql: Sql, values: &[Value<'_>]) -> Result<Statement> {
        let statement = match self.prepared.get(sql.text()) {
            Some(statement) => statement.clone(),
            None => {
                let client = self.client();
                let statement = self.ask(async { client.prepare(sql.text()).await })?;
                self.prepared.insert(sql.text(), statement.clone());
                statement
            }
        };
        if statement.params().len() != values.len() {
            return Err(Error::broken("a statement got another number of parameters than it has"));
        }
        Ok(statement)
    }

    fn send(&mut self, mut statement: Underway) -> Result<()> {
        if self.underway.len() >= UNDERWAY {
            self.settle()?;
        }
        // In its first turn it is handed to the connection, behind those before it.
        match statement.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Pending => {
                self.underway.push(statement);
                Ok(())
            }
            Poll::Ready(answer) => answer.map(drop).map_err(error),
        }
    }

    /// Waits for an answer, and for all that is under way before it. The first that failed is why it fails: PostgreSQL does nothing
    /// more in a transaction after that.
    fn ask<T>(&mut self, answer: impl Future<Output = Answer<T>>) -> Result<T> {
        let underway = std::mem::take(&mut self.underway);
        let earlier = async {
            for earlier in underway {
                earlier.await?;
            }
            Ok(())
        };
        // In its first turn it is sent, before anything is waited for. Those before it are heard meanwhile: of what nobody hears the
        // connection keeps two pieces, and after that it reads nothing more.
        let all = async {
            let (answer, earlier) = tokio::join!(biased; answer, earlier);
            earlier.and(answer)
        };
        let (mut all, carrier) = (pin!(all), &mut self.carrier);
        let answered = self.runtime.block_on(poll_fn(|context| {
            if let Poll::Ready(answered) = all.as_mut().poll(context) {
                return Poll::Ready(answered);
            }
            let Some(carries) = carrier else { return Poll::Pending };
            let carried = carries.as_mut().poll(context);
            let answered = all.as_mut().poll(context);
            let Poll::Ready(ended) = carried else { return answered };
            *carrier = None;
            match (answered, ended) {
                (Poll::Pending, Err(why)) => Poll::Ready(Err(why)),
                // Whoever waits for the connection hears now that it is closed.
                (Poll::Pending, Ok(())) => all.as_mut().poll(context),
                (answered, _) => answered,
            }
        }));
        answered.map_err(error)
    }
}

impl Drop for Link {
    /// Says goodbye, as the server expects it.
    fn drop(&mut self) {
        self.underway.clear();
        self.client = None;
        if let Some(carrier) = self.carrier.take() {
            let _ = self.runtime.block_on(async { tokio::time::timeout(FAREWELL, carrier).await });
        }
    }
}

/// What the engine or the connection says, as this crate says it.
pub(crate) fn error(error: tokio_postgres::Error) -> Error {
    match error.code() {
        // `IF NOT EXISTS` does not keep two nodes from making the same table at the same moment.
        Some(&SqlState::UNIQUE_VIOLATION | &SqlState::DUPLICATE_TABLE | &SqlState::DUPLICATE_OBJECT) => {
            Error::Taken
        }
        Some(&SqlState::T_R_SERIALIZATION_FAILURE | &SqlState::T_R_DEADLOCK_DETECTED) => Error::Busy,
        // A key was changed while somebody sealed with it, or while it was being removed: run again, both see what is.
        Some(&SqlState::FOREIGN_KEY_VIOLATION)
            if error
                .as_db_error()
                .and_then(|e| e.constraint())
                .is_some_and(|name| name.contains("sealed_by")) =>
        {
            Error::Busy
        }
        // Somebody else kept what we wanted for too long, a paused node for one: whoever asks may come again.
        Some(&SqlState::LOCK_NOT_AVAILABLE | &SqlState::QUERY_CANCELED) => Error::Overloaded,
        // It was us who kept it, and the server has ended the connection.
        Some(&SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT) => Error::gone(with_causes(&error)),
        // 57P0x: the server is shutting down or starting; 08xxx: the connection.
        Some(code) if code.code().starts_with("57P0") || code.code().starts_with("08") => {
            Error::gone(with_causes(&error))
        }
        Some(code) => {
            let message = error.as_db_error().map_or("", |e| e.message());
            Error::broken(format!("{message} ({})", code.code()))
        }
        None if error.is_closed() || is_io(&error) => Error::gone(with_causes(&error)),
        None => Error::broken(error),
    }
}

/// Why there is no connection. Where TLS is the reason, with what to do.
fn unreached(failed: tokio_postgres::Error) -> Error {
    match tls::remedy(&failed) {
        Some(remedy) => Error::gone(remedy),
        None => error(failed),
    }
}

/// The client's own words stop before the cause, which is what an operator can act on.
fn with_causes(error: &tokio_postgres::Error) -> String {
    let mut words = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        words = format!("{words}: {cause}");
        source = cause.source();
    }
    words
}

fn is_io(error: &tokio_postgres::Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if cause.is::<std::io::Error>() {
            return true;
        }
        source = cause.source();
    }
    false
}

/// A value of a statement that travels by itself.
#[derive(Debug)]
enum Owned {
    Null,
    Bool(bool),
    Int(i64),
    Text(String),
}

impl Owned {
    fn of(value: &Value<'_>) -> Owned {
        match *value {
            Value::Null => Owned::Null,
            Value::Bool(yes) => Owned::Bool(yes),
            Value::Int(number) => Owned::Int(number),
            Value::Text(text) => Owned::Text(text.to_owned()),
        }
    }

    fn value(&self) -> Value<'_> {
        match self {
            Owned::Null => Value::Null,
            Owned::Bool(yes) => Value::Bool(*yes),
            Owned::Int(number) => Value::Int(*number),
            Owned::Text(text) => Value::Text(text),
        }
    }
}

impl ToSql for Value<'_> {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> std::result::Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match *self {
            Value::Null => Ok(IsNull::Yes),
            Value::Bool(yes) => yes.to_sql(ty, out),
            Value::Int(number) => number.to_sql(ty, out),
            Value::Text(text) => text.to_sql(ty, out),
        }
    }

    fn accepts(ty: &Type) -> bool {
        [Type::INT8, Type::TEXT, Type::BOOL].contains(ty)
    }

    to_sql_checked!();
}

impl ToSql for Owned {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> std::result::Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        self.value().to_sql(ty, out)
    }

    fn accepts(ty: &Type) -> bool {
        <Value<'_> as ToSql>::accepts(ty)
    }

    to_sql_checked!();
}
