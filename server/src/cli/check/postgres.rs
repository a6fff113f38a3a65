//! Postgres: reached, of a version and a schema that fit, readable, writable, on time.

use std::{str::FromStr, time::Duration};

use sqlx::{ConnectOptions, Connection, PgConnection, postgres::PgConnectOptions};
use tokio::time::{Instant, timeout};

use super::{clock, finding::Finding};
use crate::{
    config::SecretUrl,
    store::{SERVER_CONNECTIONS, Store, StoreError},
};

/// The oldest release that will do, as `server_version_num` writes it.
const OLDEST: i32 = 130_000;
/// The tables that a server reads and writes.
const TABLES: [&str; 8] =
    ["accounts", "audit", "candles", "replays", "series", "sessions", "sources", "symbols"];
/// Longest wait for the connection, so that the rest has time too.
const CONNECT: Duration = Duration::from_secs(3);

/// All of it; one line where it is not configured or not reached.
pub(super) async fn check(url: Option<&SecretUrl>) -> Vec<Finding> {
    let Some(url) = url else { return Vec::new() };
    let begun = Instant::now();
    let (store, mut connection) = match connect(url).await {
        Ok(connected) => connected,
        Err(reason) => {
            let detail = format!("{}: {reason}", url.shown());
            let fix = fix_of_connection(url, &reason);
            return vec![Finding::fail("Postgres", detail, fix).took(begun.elapsed())];
        }
    };
    let mut findings =
        vec![Finding::ok("Postgres", format!("connected to {}", url.shown())).took(begun.elapsed())];
    let begun = Instant::now();
    findings.push(version(&mut connection, &store).await.took(begun.elapsed()));
    let begun = Instant::now();
    let schema = schema(&store).await;
    let migrated = schema.state == super::State::Ok;
    findings.push(schema.took(begun.elapsed()));
    let begun = Instant::now();
    findings.push(rights(&mut connection, &store).await.took(begun.elapsed()));
    if migrated {
        let begun = Instant::now();
        findings.push(read(&mut connection, &store).await.took(begun.elapsed()));
    }
    let begun = Instant::now();
    findings.push(write(&mut connection, &store).await.took(begun.elapsed()));
    let begun = Instant::now();
    findings.push(connections(&mut connection, &store).await.took(begun.elapsed()));
    findings.push(time(&mut connection, &store).await);
    // It was asked what was wanted: how the connection ends changes nothing.
    let _ = connection.close().await;
    findings
}

/// What to do where there is no connection.
fn fix_of_connection(url: &SecretUrl, why: &str) -> &'static str {
    if why.contains("password") && url.has_escape_in_password() {
        return "correct user and password in DATABASE_URL: %41 and the like stand for one character there, a % itself is \
                percent-encoded as %25";
    }
    if ["connection slots", "too many clients", "too many connections"].iter().any(|said| why.contains(said))
    {
        return "raise max_connections in postgresql.conf and restart Postgres, or raise the CONNECTION LIMIT of the user or the \
                database";
    }
    if why.contains("pooler") {
        return "use the pooler's session mode, or name Postgres itself in DATABASE_URL";
    }
    "start Postgres, or correct host, port, user and password in DATABASE_URL"
}

async fn connect(url: &SecretUrl) -> Result<(Store, PgConnection), String> {
    // The store's own reading of the URL, whose errors hide the password.
    let store = Store::connect_lazy(url.expose()).map_err(|e| e.to_string())?;
    let options = PgConnectOptions::from_str(url.expose())
        .map_err(|_| "the URL cannot be read".to_owned())?
        .application_name("tidemark check")
        .options([("statement_timeout", "4000")]);
    match timeout(CONNECT, options.connect()).await {
        Ok(Ok(connection)) => Ok((store, connection)),
        Ok(Err(error)) => Err(StoreError::from(error).to_string()),
        Err(_) => Err(format!("no answer within {} s", CONNECT.as_secs())),
    }
}

// None of these is a checked query: they ask the server, not this program's schema.

async fn version(connection: &mut PgConnection, store: &Store) -> Finding {
    const NAME: &str = "Postgres version";
    let ask = "SELECT current_setting('server_version'), current_setting('server_version_num')::int4";
    match sqlx::query_as::<_, (String, i32)>(ask).fetch_one(connection).await {
        Ok((text, number)) if number >= OLDEST => Finding::ok(NAME, text),
        Ok((text, _)) => Finding::fail(NAME, format!("{text} is too old"), "use PostgreSQL 13 or newer"),
        Err(error) => failed(NAME, error, store),
    }
}

async fn schema(store: &Store) -> Finding {
    const NAME: &str = "Postgres schema";
    match store.ping().await {
        Ok(()) => Finding::ok(NAME, "as this program wants it"),
        Err(error @ StoreError::Schema { .. }) => {
            Finding::fail(NAME, error.to_string(), "run `tidemark migrate`")
        }
        Err(error) => Finding::fail(NAME, error.to_string(), "see Postgres' log"),
    }
}

/// Whether the user may do in the schema what a migration and a server do there: a server makes tables of months, too.
async fn rights(connection: &mut PgConnection, store: &Store) -> Finding {
    const NAME: &str = "Postgres rights";
    let ask = "SELECT quote_ident(current_user), quote_ident(current_schema()), \
               has_schema_privilege(current_schema(), 'USAGE') AND has_schema_privilege(current_schema(), 'CREATE')";
    type Answer = (String, Option<String>, Option<bool>);
    let (user, schema, may_create) = match sqlx::query_as::<_, Answer>(ask).fetch_one(&mut *connection).await
    {
        Ok(answer) => answer,
        Err(error) => return failed(NAME, error, store),
    };
    let Some(schema) = schema else {
        let fix = format!(
            "as the database's owner run: CREATE SCHEMA tidemark AUTHORIZATION {user}; \
             ALTER ROLE {user} SET search_path = tidemark"
        );
        return Finding::fail(NAME, "no schema of the search_path is there for this user", fix);
    };
    if may_create != Some(true) {
        let detail = format!("{user} may not make tables in schema {schema}");
        let fix = format!("as its owner run: GRANT USAGE, CREATE ON SCHEMA {schema} TO {user}");
        return Finding::fail(NAME, detail, fix);
    }
    // Months are attached and dropped, which only the owner may: whom Postgres takes for the owner by membership will do.
    let ask = "SELECT quote_ident(pg_get_userbyid(relowner)) FROM pg_class \
               WHERE relnamespace = current_schema()::regnamespace AND relname IN ('candles', 'candles_1m') \
               AND NOT pg_has_role(current_user, relowner, 'USAGE') LIMIT 1";
    match sqlx::query_scalar::<_, String>(ask).fetch_optional(&mut *connection).await {
        Ok(None) => {}
        Ok(Some(owner)) => {
            let detail = format!(
                "the tables of candles are {owner}'s, and {user} may not make and drop months of them"
            );
            let fix = format!("as a superuser run: GRANT {owner} TO {user}");
            return Finding::fail(NAME, detail, fix);
        }
        Err(error) => return failed(NAME, error, store),
    }
    let ask = "SELECT quote_ident(relname) FROM pg_class \
               WHERE relnamespace = current_schema()::regnamespace AND relname = ANY($1) \
               AND NOT (has_table_privilege(oid, 'SELECT') AND has_table_privilege(oid, 'INSERT') \
               AND has_table_privilege(oid, 'UPDATE') AND has_table_privilege(oid, 'DELETE')) ORDER BY relname";
    match sqlx::query_scalar::<_, String>(ask).bind(TABLES.as_slice()).fetch_all(connection).await {
        Ok(denied) if denied.is_empty() => {
            Finding::ok(NAME, format!("{user} may make tables in schema {schema}, and read and write them"))
        }
        Ok(denied) => {
            let fix = format!(
                "as their owner run: GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON ALL TABLES IN SCHEMA {schema} TO {user}"
            );
            Finding::fail(NAME, format!("{user} may not read and write {}", denied.join(", ")), fix)
        }
        Err(error) => failed(NAME, error, store),
    }
}

async fn read(connection: &mut PgConnection, store: &Store) -> Finding {
    const NAME: &str = "Postgres query";
    let ask = "SELECT count(*), count(DISTINCT symbol_id) FROM series WHERE last_open IS NOT NULL";
    match sqlx::query_as::<_, (i64, i64)>(ask).fetch_one(connection).await {
        Ok((0, _)) => {
            let fix = "import some: `tidemark import data/sample/*.csv.gz`";
            Finding::warn(NAME, "there are no candles", fix)
        }
        Ok((series, symbols)) => Finding::ok(NAME, format!("{series} series of {symbols} symbols")),
        Err(error) => failed(NAME, error, store),
    }
}

/// Writes into a table that goes with the transaction.
async fn write(connection: &mut PgConnection, store: &Store) -> Finding {
    const NAME: &str = "Postgres write";
    let attempt = async {
        let mut transaction = connection.begin().await?;
        for statement in [
            "CREATE TEMPORARY TABLE tidemark_check (bytes text) ON COMMIT DROP",
            "INSERT INTO tidemark_check SELECT repeat('x', 4096)",
        ] {
            sqlx::query(statement).execute(&mut *transaction).await?;
        }
        // Temporary tables may be written in a read-only transaction, others not.
        let ask = "SELECT pg_is_in_recovery(), current_setting('transaction_read_only') = 'on'";
        let refuses: (bool, bool) = sqlx::query_as(ask).fetch_one(&mut *transaction).await?;
        transaction.rollback().await?;
        Ok::<_, sqlx::Error>(refuses)
    };
    match attempt.await {
        Ok((false, false)) => Finding::ok(NAME, "a temporary table was written"),
        Ok((true, _)) => Finding::fail(
            NAME,
            "this is a standby, which takes no writes",
            "name the primary in DATABASE_URL",
        ),
        Ok((false, true)) => Finding::fail(
            NAME,
            "it is read-only",
            "switch default_transaction_read_only off, for the database or the user",
        ),
        Err(error) => failed(NAME, error, store),
    }
}

/// Whether a server finds the connections that it takes, beside what others have.
async fn connections(connection: &mut PgConnection, store: &Store) -> Finding {
    const NAME: &str = "Postgres connections";
    // What is kept for superusers and, from PostgreSQL 16 on, for members of a role. Of others' connections not everybody may see
    // which program has them: then they count as others'.
    let ask = "SELECT quote_ident(current_user), quote_ident(current_database()), \
               current_setting('max_connections')::int8, \
               current_setting('superuser_reserved_connections')::int8 + \
                   coalesce(nullif(current_setting('reserved_connections', true), '')::int8, 0), \
               (SELECT rolconnlimit FROM pg_roles WHERE rolname = current_user)::int8, \
               (SELECT datconnlimit FROM pg_database WHERE datname = current_database())::int8, \
               count(*) FILTER (WHERE own IS NOT TRUE), \
               count(*) FILTER (WHERE own IS NOT TRUE AND usename = current_user), \
               count(*) FILTER (WHERE own IS NOT TRUE AND datname = current_database()) \
               FROM (SELECT usename, datname, pid = pg_backend_pid() OR (application_name = 'tidemark' \
                         AND usename = current_user AND datname = current_database()) AS own \
                     FROM pg_stat_activity WHERE backend_type = 'client backend') backends";
    type Answer = (String, String, i64, i64, i64, i64, i64, i64, i64);
    let found = match sqlx::query_as::<_, Answer>(ask).fetch_one(connection).await {
        Ok(found) => found,
        Err(error) => return failed(NAME, error, store),
    };
    let (user, database, most, kept, of_user, of_database, others, by_user, in_database) = found;
    let wanted = i64::from(SERVER_CONNECTIONS);
    // A limit below zero is none.
    let limits = [
        (most, kept, others, "max_connections".to_owned(), {
            let enough = kept + others + wanted;
            format!(
                "set max_connections in postgresql.conf to {enough} at least, {wanted} more for each further server, and restart"
            )
        }),
        (of_user, 0, by_user, format!("the CONNECTION LIMIT of {user}"), {
            format!(
                "run ALTER ROLE {user} CONNECTION LIMIT {}, {wanted} more for each further server",
                by_user + wanted
            )
        }),
        (of_database, 0, in_database, format!("the CONNECTION LIMIT of database {database}"), {
            let enough = in_database + wanted;
            format!(
                "run ALTER DATABASE {database} CONNECTION LIMIT {enough}, {wanted} more for each further server"
            )
        }),
    ];
    let rooms = limits.into_iter().filter(|(limit, ..)| *limit >= 0);
    let least = rooms.min_by_key(|(limit, kept, others, ..)| limit - kept - others);
    let Some((limit, kept, others, name, fix)) = least else {
        return Finding::ok(NAME, "no limit");
    };
    let room = (limit - kept - others).max(0);
    let said = format!("{name} is {limit}: {room} are left beside {kept} reserved and {others} of others");
    if room < wanted {
        return Finding::warn(NAME, format!("{said}, and a server takes up to {wanted}"), fix);
    }
    let servers = room / wanted;
    let servers = if servers == 1 { "one server".to_owned() } else { format!("{servers} servers") };
    Finding::ok(NAME, format!("{said}, enough for {servers} of up to {wanted}"))
}

async fn time(connection: &mut PgConnection, store: &Store) -> Finding {
    const NAME: &str = "clock beside Postgres";
    let asked = clock::now();
    let ask = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::int8";
    match sqlx::query_scalar::<_, i64>(ask).fetch_one(connection).await {
        Ok(theirs) => clock::compare(NAME, asked, theirs, clock::now()),
        Err(error) => failed(NAME, error, store),
    }
}

/// What Postgres refused, by SQLSTATE, and what helps.
fn failed(name: &str, error: sqlx::Error, store: &Store) -> Finding {
    let code = error.as_database_error().and_then(|e| e.code()).unwrap_or_default().into_owned();
    let fix = match code.as_str() {
        "53100" => "the disk is full: make room on Postgres' volume",
        "25006" => "it is read-only: name the primary in DATABASE_URL, or see default_transaction_read_only",
        "42501" => {
            "grant the user what it lacks: CONNECT and TEMPORARY on the database, SELECT on the tables"
        }
        "57014" => "it took too long: see what else Postgres does",
        _ => "see Postgres' log",
    };
    Finding::fail(name, store.for_user(error.into()).to_string(), fix)
}
