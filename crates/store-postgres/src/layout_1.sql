CREATE TABLE strongroom_meta (
    id integer PRIMARY KEY CHECK (id = 1),
    -- The last step of the layout that was made, and the least one that a release has to know.
    layout integer NOT NULL,
    least integer NOT NULL,
    store_id bytea NOT NULL CHECK (length(store_id) = 16),
    history_id bytea NOT NULL CHECK (length(history_id) = 16)
);

CREATE TABLE strongroom_record (
    key bytea PRIMARY KEY,
    value bytea NOT NULL,
    revision bigint NOT NULL
);

-- What became of the last call of each lane. One call at a time is under way in a lane.
CREATE TABLE strongroom_lane (
    lane bytea PRIMARY KEY,
    call bigint NOT NULL,
    outcomes bigint[] NOT NULL,
    -- No call of the lane can happen any more.
    fenced boolean NOT NULL,
    used timestamptz NOT NULL
) WITH (fillfactor = 50);

CREATE SEQUENCE strongroom_revision AS bigint MINVALUE 1 START 1 CACHE 1 NO CYCLE;

-- Commits those of some batches whose expectations hold, in one transaction. The outcome of each is its revision, or
-- the place of the first of its expectations that does not hold, as a negative number.
--
-- The caller gives the locks of all keys in ascending order (negative ones are shared), so no two calls wait for each
-- other, and no two batches of which one writes what the other writes or expects.
CREATE FUNCTION strongroom_commit_1(
    in_lane bytea,
    in_call bigint,
    batches integer,
    locks integer[],
    expect_batch integer[],
    expect_key bytea[],
    expect_revision bigint[],
    put_batch integer[],
    put_key bytea[],
    put_value bytea[],
    delete_batch integer[],
    delete_key bytea[]
) RETURNS bigint[] LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    results bigint[] := array_fill(0::bigint, ARRAY[batches]);
    bucket integer;
    failed record;
    done boolean := false;
BEGIN
    -- Each statement has to see what others committed while the function waited for its locks.
    IF current_setting('transaction_isolation') = 'repeatable read' THEN
        RAISE EXCEPTION 'strongroom: the isolation level must be read committed' USING ERRCODE = 'SR002';
    END IF;
    FOREACH bucket IN ARRAY locks LOOP
        IF bucket < 0 THEN
            IF pg_advisory_xact_lock_shared(1400140141, -bucket) IS NULL THEN END IF;
        ELSE
            IF pg_advisory_xact_lock(1400140141, bucket) IS NULL THEN END IF;
        END IF;
    END LOOP;
    FOR failed IN
        SELECT expected.batch, min(expected.place) AS place
            FROM unnest(expect_batch, expect_key, expect_revision)
                WITH ORDINALITY AS expected (batch, key, revision, place)
            LEFT JOIN strongroom_record AS found ON found.key = expected.key
            WHERE found.revision IS DISTINCT FROM expected.revision
            GROUP BY expected.batch
    LOOP
        results[failed.batch] := -failed.place;
    END LOOP;
    FOR batch IN 1 .. batches LOOP
        IF results[batch] = 0 THEN
            results[batch] := nextval('strongroom_revision');
            done := true;
        END IF;
    END LOOP;
    IF NOT done THEN
        RETURN results;
    END IF;
    INSERT INTO strongroom_record AS old (key, value, revision)
        SELECT put.key, put.value, results[put.batch]
            FROM unnest(put_batch, put_key, put_value) AS put (batch, key, value)
            WHERE results[put.batch] > 0
        ON CONFLICT (key) DO UPDATE SET value = excluded.value, revision = excluded.revision;
    IF cardinality(delete_key) > 0 THEN
        DELETE FROM strongroom_record AS old
            USING unnest(delete_batch, delete_key) AS gone (batch, key)
            WHERE old.key = gone.key AND results[gone.batch] > 0;
    END IF;
    UPDATE strongroom_lane AS own SET call = in_call, outcomes = results, used = now()
        WHERE own.lane = in_lane AND NOT own.fenced;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'strongroom: the lane is fenced' USING ERRCODE = 'SR001';
    END IF;
    RETURN results;
END
$$;
