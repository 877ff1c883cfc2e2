--@ settings

    SET default_transaction_isolation = 'read committed';
    SET enable_seqscan = off;
    SET enable_hashjoin = off;
    SET enable_mergejoin = off;
    SET jit = off;
    SET plan_cache_mode = force_generic_plan;
    SET idle_in_transaction_session_timeout = 30000;
    SET tcp_keepalives_idle = 30;
    SET tcp_keepalives_interval = 10;
    SET tcp_keepalives_count = 3;
        SET statement_timeout = 6000;
        SET lock_timeout = 4000;
        SET search_path = "public", pg_temp;
        
    SELECT set_config('synchronous_commit', CASE current_setting('synchronous_commit')
            WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, false),
        current_setting('server_version_num'), current_setting('fsync'),
        pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean,
        current_schema() IS NOT DISTINCT FROM  'public';
--@ names

    SELECT count(*), count(*) FILTER (WHERE relname = 'strongroom_meta'),
        count(*) FILTER (WHERE relname IN ('strongroom_record', 'strongroom_lane', 'strongroom_revision'))
    FROM pg_catalog.pg_class
    WHERE relnamespace = (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = current_schema()) AND relname LIKE 'strongroom\_%' AND relkind IN ('r', 'S', 'v', 'm')
--@ meta
SELECT layout, least, encode(store_id, 'hex'), encode(history_id, 'hex') FROM strongroom_meta
--@ history
SELECT store_id || history_id FROM strongroom_meta
--@ get 17
SELECT revision, value FROM strongroom_record WHERE key = $1
--@ get_many 1001
SELECT found.revision, found.value, asked.place
        FROM unnest($1) WITH ORDINALITY AS asked (key, place)
        JOIN strongroom_record AS found ON found.key = asked.key
--@ forward 17 17 20
SELECT revision, value, key FROM strongroom_record
        WHERE key >= $1 AND key < $2 ORDER BY key LIMIT $3
--@ backward 17 17 20
SELECT revision, value, key FROM strongroom_record
        WHERE key >= $1 AND key < $2 ORDER BY key DESC LIMIT $3
--@ newest
SELECT last_value FROM strongroom_revision
--@ lane 17
INSERT INTO strongroom_lane VALUES ($1, 0, '{}', false, now())
--@ sweep
DELETE FROM strongroom_lane WHERE used < now() - interval '1 day'
--@ commit 17 20 23 1007 1007 1001 1016 1007 1001 1001 1007 1001
SELECT strongroom_commit_1($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
--@ fence 17
UPDATE strongroom_lane SET fenced = true WHERE lane = $1 RETURNING call, outcomes
