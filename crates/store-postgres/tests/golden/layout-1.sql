SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;

SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
CREATE FUNCTION public.strongroom_commit_1(in_lane bytea, in_call bigint, batches integer, locks integer[], expect_batch integer[], expect_key bytea[], expect_revision bigint[], put_batch integer[], put_key bytea[], put_value bytea[], delete_batch integer[], delete_key bytea[]) RETURNS bigint[]
    LANGUAGE plpgsql
    AS $$
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
SET default_tablespace = '';
SET default_table_access_method = heap;
CREATE TABLE public.strongroom_lane (
    lane bytea NOT NULL,
    call bigint NOT NULL,
    outcomes bigint[] NOT NULL,
    fenced boolean NOT NULL,
    used timestamp with time zone NOT NULL
)
WITH (fillfactor='50');
CREATE TABLE public.strongroom_meta (
    id integer NOT NULL,
    layout integer NOT NULL,
    "least" integer NOT NULL,
    store_id bytea NOT NULL,
    history_id bytea NOT NULL,
    CONSTRAINT strongroom_meta_history_id_check CHECK ((length(history_id) = 16)),
    CONSTRAINT strongroom_meta_id_check CHECK ((id = 1)),
    CONSTRAINT strongroom_meta_store_id_check CHECK ((length(store_id) = 16))
);
CREATE TABLE public.strongroom_record (
    key bytea NOT NULL,
    value bytea NOT NULL,
    revision bigint NOT NULL
);
CREATE SEQUENCE public.strongroom_revision
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
INSERT INTO public.strongroom_lane VALUES ('\x33333333333333333333333333333333', 3, '{3}', false, '2026-11-24 15:55:53.083605+00');
INSERT INTO public.strongroom_meta VALUES (1, 1, 1, '\x11111111111111111111111111111111', '\x22222222222222222222222222222222');
INSERT INTO public.strongroom_record VALUES ('\x070707070707070707070707070707077f01010000000000000002', '\x756e746f7563686564', 2);
INSERT INTO public.strongroom_record VALUES ('\x070707070707070707070707070707077f01010000000000000001', '\x7365636f6e64', 3);
SELECT pg_catalog.setval('public.strongroom_revision', 3, true);
ALTER TABLE ONLY public.strongroom_lane
    ADD CONSTRAINT strongroom_lane_pkey PRIMARY KEY (lane);
ALTER TABLE ONLY public.strongroom_meta
    ADD CONSTRAINT strongroom_meta_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.strongroom_record
    ADD CONSTRAINT strongroom_record_pkey PRIMARY KEY (key);
