use std::time::{Duration, Instant};

use crate::{
    Config,
    cause::{Cause, Failure},
    connection::{Columns, Connection},
};

/// The first version with all that is used.
const OLDEST: u32 = 130_000;

/// What a session is set to, whatever the server, the database and the user are.
///
/// - A commit is answered when it is synced, here and where the server replicates synchronously.
/// - Each statement of a function sees what was committed before it.
/// - Every plan finds rows by their keys, in tables of any size and with any statistics, and is made once.
/// - Whatever waits on the server ends before the caller gives up, and a transaction that nobody ends does not stay.
const SETTINGS: &str = "
    SET default_transaction_isolation = 'read committed';
    SET enable_seqscan = off;
    SET enable_hashjoin = off;
    SET enable_mergejoin = off;
    SET jit = off;
    SET plan_cache_mode = force_generic_plan;
    SET idle_in_transaction_session_timeout = 30000;
    SET tcp_keepalives_idle = 30;
    SET tcp_keepalives_interval = 10;
    SET tcp_keepalives_count = 3;";

const LOOK: &str = "
    SELECT set_config('synchronous_commit', CASE current_setting('synchronous_commit')
            WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, false),
        current_setting('server_version_num'), current_setting('fsync'),
        pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean,
        current_schema() IS NOT DISTINCT FROM ";

/// Brings a session into the state that the store relies on, in one round trip, and looks at the server.
pub(crate) fn prepare(connection: &mut Connection, config: &Config, deadline: Instant) -> Result<(), Cause> {
    let call = config.timeouts.call;
    let text = format!(
        "{SETTINGS}
        SET statement_timeout = {};
        SET lock_timeout = {};
        SET search_path = \"{}\", pg_temp;
        {LOOK} '{}';",
        milliseconds(call * 3 / 4),
        milliseconds(call / 2),
        config.schema.replace('"', "\"\""),
        // The login turned standard_conforming_strings on, so a backslash is one.
        config.schema.replace('\'', "''"),
    );
    let mut sound = Err(Cause::Protocol);
    let look = |row: &mut Columns<'_>| {
        sound = check(row);
        Ok(())
    };
    connection.script(&text, deadline, look).map_err(Failure::cause)?;
    sound
}

fn check(row: &mut Columns<'_>) -> Result<(), Cause> {
    row.text()?;
    if row.text()?.parse::<u32>().map_err(|_| Cause::Protocol)? < OLDEST {
        return Err(Cause::TooOld);
    }
    if row.text()? != "on" {
        return Err(Cause::NotDurable);
    }
    if row.text()? != "f" {
        return Err(Cause::ReadOnly);
    }
    if row.text()? != "t" {
        return Err(Cause::NoSchema);
    }
    Ok(())
}

/// At least one: zero would mean no limit.
fn milliseconds(time: Duration) -> u128 {
    time.as_millis().max(1)
}
