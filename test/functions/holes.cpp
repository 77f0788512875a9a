#include "holes.hpp"

namespace functions {

const std::map<std::string, std::string>& holes() {
    static const std::map<std::string, std::string> all{
        // A policy that shows the units of every tenant.
        {"policy", "ALTER POLICY units_of_tenant ON bastion.units USING (true)"},
        // A setting that stays changed.
        {"setting",
         "CREATE OR REPLACE FUNCTION bastion_api.sessions() RETURNS jsonb LANGUAGE sql SECURITY DEFINER SET "
         "search_path = "
         "pg_catalog, pg_temp AS $$ SELECT to_jsonb(set_config('DateStyle', 'German', false)) $$"},
        // Any user's session ends by its id.
        {"write",
         "CREATE OR REPLACE FUNCTION bastion.session_revoke(session_id uuid) RETURNS boolean LANGUAGE sql SECURITY "
         "DEFINER "
         "SET search_path = pg_catalog, pg_temp AS $$ UPDATE bastion.sessions s SET revoked_at = now(), revoked_reason "
         "= "
         "'admin' WHERE s.id = session_revoke.session_id RETURNING true $$"},
        // A SECURITY DEFINER function that resolves names in its caller's path.
        {"path", "ALTER FUNCTION bastion_api.logout(text) RESET search_path"},
        // An internal error.
        {"internal",
         "CREATE OR REPLACE FUNCTION bastion.secret_version_list(name text, own boolean DEFAULT false, unit text "
         "DEFAULT NULL) RETURNS TABLE (version integer, format text, created_at timestamptz, created_by uuid, "
         "deleted_at timestamptz, destroyed_at timestamptz) LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'oh' USING "
         "ERRCODE = 'XX000'; END $$"},
        // A lock that outlives the transaction.
        {"lock",
         "CREATE OR REPLACE FUNCTION bastion_api.me() RETURNS jsonb LANGUAGE sql SECURITY DEFINER SET search_path = "
         "pg_catalog, "
         "pg_temp AS $$ SELECT '{}'::jsonb FROM pg_advisory_lock(1) $$"},
        // A crash.
        {"crash",
         "CREATE OR REPLACE FUNCTION bastion.library_version() RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS $$ "
         "BEGIN "
         "EXECUTE format('COPY (SELECT) TO PROGRAM %L', 'kill -SEGV ' || pg_backend_pid()); RETURN ''; END $$"},
    };
    return all;
}

}  // namespace functions
