-- Commits one small batch, as strongroom_commit_1 commits some of any size, and beside it: the same locks, and what
-- became of the call in the same place. Each row is a statement of its own, which costs less than sets do.
--
-- The outcome is the revision, or the place of an expectation that does not hold, as a negative number. The first of
-- the writes that put is itself the check of the expectation in place checked_by_put, which speaks of its key, unless
-- that is 0.
CREATE FUNCTION strongroom_commit_2(
    in_lane bytea,
    in_call bigint,
    locks integer[],
    expect_key bytea[],
    expect_revision bigint[],
    put_key bytea[],
    put_value bytea[],
    delete_key bytea[],
    checked_by_put integer
) RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    bucket integer;
    found_revision bigint;
    new_revision bigint;
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
    FOR place IN 1 .. cardinality(expect_key) LOOP
        CONTINUE WHEN place = checked_by_put;
        -- Null where there is no record.
        SELECT revision INTO found_revision FROM strongroom_record WHERE key = expect_key[place];
        IF found_revision IS DISTINCT FROM expect_revision[place] THEN
            RETURN -place;
        END IF;
    END LOOP;
    new_revision := nextval('strongroom_revision');
    -- Nothing is written yet that a conflict would have to undo.
    IF checked_by_put > 0 THEN
        IF expect_revision[checked_by_put] IS NULL THEN
            INSERT INTO strongroom_record (key, value, revision)
                VALUES (put_key[1], put_value[1], new_revision)
                ON CONFLICT (key) DO NOTHING;
        ELSE
            UPDATE strongroom_record SET value = put_value[1], revision = new_revision
                WHERE key = put_key[1] AND revision = expect_revision[checked_by_put];
        END IF;
        IF NOT FOUND THEN
            RETURN -checked_by_put;
        END IF;
    END IF;
    FOR place IN CASE WHEN checked_by_put > 0 THEN 2 ELSE 1 END .. cardinality(put_key) LOOP
        INSERT INTO strongroom_record (key, value, revision)
            VALUES (put_key[place], put_value[place], new_revision)
            ON CONFLICT (key) DO UPDATE SET value = excluded.value, revision = excluded.revision;
    END LOOP;
    FOR place IN 1 .. cardinality(delete_key) LOOP
        DELETE FROM strongroom_record WHERE key = delete_key[place];
    END LOOP;
    UPDATE strongroom_lane AS own SET call = in_call, outcomes = ARRAY[new_revision], used = now()
        WHERE own.lane = in_lane AND NOT own.fenced;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'strongroom: the lane is fenced' USING ERRCODE = 'SR001';
    END IF;
    RETURN new_revision;
END
$$;
