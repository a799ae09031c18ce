/**
 * The guard of a database that takes writes only while it has a lease (docs/recovery.md, "Fencing by itself"; docs/decisions/0250): what its owner installs, and the statements by which the
 * lease is renewed. PostgreSQL 13 or later.
 */

/** Who renews it: a login that can do nothing else. */
export const AUTHORITY_USER = 'nightshift_authority';

/**
 * What a database's owner runs as the master user, in the database that is protected; again after an update of Nightshift. It changes nothing until `nightshift.guard` is called for a schema.
 *
 * The lease is kept in a sequence, not in a row: its value is the same for every transaction, however old its snapshot is ("Sequence Manipulation Functions"; in a repeatable read a row would
 * be seen as it was at the beginning). 0: there is no lease, and writes are taken.
 * A statement that writes is checked when it begins. That alone would let a transaction commit long after its lease, so each one that writes also leaves a row in an unlogged table, whose
 * deferred trigger checks once more when it commits ("CREATE TRIGGER", constraint triggers). The rows are removed with each renewal.
 */
export const AUTHORITY_GUARD = `
DO $$ BEGIN
  IF to_regrole('${AUTHORITY_USER}') IS NULL THEN
    CREATE ROLE ${AUTHORITY_USER} LOGIN CONNECTION LIMIT 3;
  END IF;
END $$;
GRANT rds_iam TO ${AUTHORITY_USER};
CREATE SCHEMA IF NOT EXISTS nightshift;
GRANT USAGE ON SCHEMA nightshift TO ${AUTHORITY_USER};
CREATE SEQUENCE IF NOT EXISTS nightshift.authority_until MINVALUE 0 START 0;
CREATE TABLE IF NOT EXISTS nightshift.guarded_schemas (name text PRIMARY KEY);
CREATE UNLOGGED TABLE IF NOT EXISTS nightshift.authority_writers (writes boolean NOT NULL);

CREATE OR REPLACE FUNCTION nightshift.check_authority() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  granted_until bigint := (SELECT last_value FROM nightshift.authority_until);
BEGIN
  IF granted_until > 0 AND extract(epoch FROM clock_timestamp()) * 1000 >= granted_until THEN
    RAISE EXCEPTION 'this database takes no writes: its authority was over at %', to_timestamp(granted_until / 1000.0)
      USING ERRCODE = 'read_only_sql_transaction',
            HINT = 'Another region may have taken over. Nightshift renews the authority, or has withdrawn it: see docs/recovery.md.';
  END IF;
END $$;

CREATE OR REPLACE FUNCTION nightshift.check_statement() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM nightshift.check_authority();
  IF current_setting('nightshift.writer', true) IS DISTINCT FROM pg_current_xact_id()::text THEN
    INSERT INTO nightshift.authority_writers VALUES (true);
    PERFORM set_config('nightshift.writer', pg_current_xact_id()::text, true);
  END IF;
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION nightshift.check_commit() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM nightshift.check_authority();
  RETURN NULL;
END $$;

DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_trigger WHERE tgname = 'nightshift_commit' AND tgrelid = 'nightshift.authority_writers'::regclass) THEN
    CREATE CONSTRAINT TRIGGER nightshift_commit AFTER INSERT ON nightshift.authority_writers
      DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION nightshift.check_commit();
  END IF;
  ALTER TABLE nightshift.authority_writers ENABLE ALWAYS TRIGGER nightshift_commit;
END $$;

CREATE OR REPLACE VIEW nightshift.guardable_tables AS
  SELECT c.oid AS id, format('%I.%I', n.nspname, c.relname) AS name,
         EXISTS (SELECT FROM pg_trigger t
                  WHERE t.tgrelid = c.oid AND t.tgname = 'nightshift_authority' AND t.tgenabled = 'A') AS is_guarded
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN nightshift.guarded_schemas s ON s.name = n.nspname
   WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't';

CREATE OR REPLACE FUNCTION nightshift.guard(VARIADIC schemas text[]) RETURNS TABLE (guarded text)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  found record;
BEGIN
  INSERT INTO nightshift.guarded_schemas SELECT unnest(schemas) ON CONFLICT DO NOTHING;
  FOR found IN SELECT name FROM nightshift.guardable_tables WHERE NOT is_guarded LOOP
    EXECUTE format('DROP TRIGGER IF EXISTS nightshift_authority ON %s', found.name);
    EXECUTE format('CREATE TRIGGER nightshift_authority BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON %s
      FOR EACH STATEMENT EXECUTE FUNCTION nightshift.check_statement()', found.name);
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER nightshift_authority', found.name);
    guarded := found.name;
    RETURN NEXT;
  END LOOP;
END $$;

CREATE OR REPLACE FUNCTION nightshift.unguard() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  found record;
BEGIN
  FOR found IN SELECT t.tgrelid::regclass AS name FROM pg_trigger t WHERE t.tgname = 'nightshift_authority' LOOP
    EXECUTE format('DROP TRIGGER nightshift_authority ON %s', found.name);
  END LOOP;
  DELETE FROM nightshift.guarded_schemas;
  PERFORM setval('nightshift.authority_until', 0, false);
END $$;

CREATE OR REPLACE FUNCTION nightshift.extend_authority(new_until bigint)
RETURNS TABLE (clock double precision, granted_until bigint, guarded_tables int, unguarded text[])
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  -- One at a time: comparing and setting a sequence's value are two steps.
  PERFORM pg_advisory_xact_lock(hashtext('nightshift.authority_until'));
  IF new_until > (SELECT last_value FROM nightshift.authority_until) THEN
    PERFORM setval('nightshift.authority_until', new_until, false);
  END IF;
  DELETE FROM nightshift.authority_writers;
  RETURN QUERY SELECT (extract(epoch FROM clock_timestamp()) * 1000)::double precision, (SELECT last_value FROM nightshift.authority_until),
    (SELECT count(*)::int FROM nightshift.guardable_tables WHERE is_guarded),
    ARRAY(SELECT name FROM nightshift.guardable_tables WHERE NOT is_guarded ORDER BY name LIMIT 5);
END $$;

CREATE OR REPLACE FUNCTION nightshift.release_authority() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('nightshift.authority_until'));
  PERFORM setval('nightshift.authority_until', 0, false);
END $$;

REVOKE ALL ON FUNCTION nightshift.check_authority(), nightshift.check_statement(), nightshift.check_commit(), nightshift.guard(text[]),
  nightshift.unguard(), nightshift.extend_authority(bigint), nightshift.release_authority() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION nightshift.extend_authority(bigint), nightshift.release_authority() TO ${AUTHORITY_USER};
`;

/** $1: epoch milliseconds; 0 changes nothing. */
export const EXTEND =
  'SELECT clock, granted_until::double precision, guarded_tables, unguarded FROM nightshift.extend_authority($1)';
/** From then on the database takes writes without a lease: of one that was promoted, and is nobody's to be fenced. */
export const RELEASE = 'SELECT nightshift.release_authority()';
