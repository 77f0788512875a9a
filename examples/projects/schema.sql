-- Organizations, their projects, and the tables of a QA agent that works in each project. Run as a superuser in a database with
-- pg_bastion.

CREATE ROLE projects_owner;
SELECT bastion.allow_migration_role('projects_owner');
CREATE ROLE projects_app LOGIN;
SELECT bastion.allow_app_role('projects_app');
CREATE SCHEMA projects AUTHORIZATION projects_owner;
GRANT USAGE ON SCHEMA projects TO projects_app;

-- Access lasts 24 hours, and a session 30 days, refreshed or not. Counts from the next connection on.
ALTER DATABASE :"DBNAME" SET bastion.access_token_lifetime = '24h';
ALTER DATABASE :"DBNAME" SET bastion.session_lifetime = '30d';
ALTER DATABASE :"DBNAME" SET bastion.session_idle_limit = '30d';

SET ROLE projects_owner;

-- An organization is a tenant and a project a unit of it. What belongs to a question is of its project: keys begin with both.
CREATE TABLE projects.knowledge (
    id               uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    organization_id  uuid NOT NULL,
    project_id       uuid NOT NULL DEFAULT bastion.unit_id(),
    added_by         uuid,
    title            text NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
    body             text NOT NULL,
    source           text CHECK (source ~ '^https?://'),
    words            tsvector GENERATED ALWAYS AS (to_tsvector('simple', title || ' ' || body)) STORED,
    added_at         timestamptz NOT NULL DEFAULT now(),
    UNIQUE (organization_id, project_id, title),
    UNIQUE (organization_id, project_id, id)
);

CREATE TABLE projects.questions (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    organization_id  uuid NOT NULL,
    project_id       uuid NOT NULL DEFAULT bastion.unit_id(),
    asked_by         uuid,
    question         text NOT NULL CHECK (length(question) BETWEEN 1 AND 10000),
    status           text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'answered', 'closed')),
    asked_at         timestamptz NOT NULL DEFAULT now(),
    UNIQUE (organization_id, project_id, id)
);
CREATE INDEX ON projects.questions (organization_id, asked_at DESC);

CREATE TABLE projects.answers (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    organization_id  uuid NOT NULL,
    project_id       uuid NOT NULL DEFAULT bastion.unit_id(),
    answered_by      uuid,
    question_id      bigint NOT NULL,
    answer           text NOT NULL,
    model            text, -- NULL: a person
    confidence       numeric(3, 2) CHECK (confidence BETWEEN 0 AND 1),
    answered_at      timestamptz NOT NULL DEFAULT now(),
    UNIQUE (organization_id, project_id, id),
    FOREIGN KEY (organization_id, project_id, question_id) REFERENCES projects.questions (organization_id, project_id, id) ON DELETE CASCADE
);
CREATE INDEX ON projects.answers (organization_id, project_id, question_id);

CREATE TABLE projects.answer_sources (
    organization_id  uuid NOT NULL,
    project_id       uuid NOT NULL DEFAULT bastion.unit_id(),
    answer_id        bigint NOT NULL,
    knowledge_id     uuid NOT NULL,
    PRIMARY KEY (answer_id, knowledge_id),
    FOREIGN KEY (organization_id, project_id, answer_id) REFERENCES projects.answers (organization_id, project_id, id) ON DELETE CASCADE,
    FOREIGN KEY (organization_id, project_id, knowledge_id) REFERENCES projects.knowledge (organization_id, project_id, id) ON DELETE CASCADE
);
CREATE INDEX ON projects.answer_sources (organization_id, project_id, knowledge_id);

CREATE TABLE projects.feedback (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    organization_id  uuid NOT NULL,
    project_id       uuid NOT NULL DEFAULT bastion.unit_id(),
    given_by         uuid,
    answer_id        bigint NOT NULL,
    helpful          boolean NOT NULL,
    comment          text,
    given_at         timestamptz NOT NULL DEFAULT now(),
    UNIQUE (organization_id, answer_id, given_by),
    FOREIGN KEY (organization_id, project_id, answer_id) REFERENCES projects.answers (organization_id, project_id, id) ON DELETE CASCADE
);
CREATE INDEX ON projects.feedback (organization_id, project_id, answer_id);

-- A new row is of the project that the transaction has chosen.
CREATE FUNCTION projects.keep_project() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF bastion.user_id() IS NOT NULL AND NEW.project_id IS DISTINCT FROM bastion.unit_id() THEN
        RAISE EXCEPTION 'the project of the row is not the chosen one' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER keep_project BEFORE INSERT OR UPDATE OF project_id ON projects.knowledge FOR EACH ROW EXECUTE FUNCTION projects.keep_project();
CREATE TRIGGER keep_project BEFORE INSERT OR UPDATE OF project_id ON projects.questions FOR EACH ROW EXECUTE FUNCTION projects.keep_project();
CREATE TRIGGER keep_project BEFORE INSERT OR UPDATE OF project_id ON projects.answers FOR EACH ROW EXECUTE FUNCTION projects.keep_project();
CREATE TRIGGER keep_project BEFORE INSERT OR UPDATE OF project_id ON projects.answer_sources FOR EACH ROW EXECUTE FUNCTION projects.keep_project();
CREATE TRIGGER keep_project BEFORE INSERT OR UPDATE OF project_id ON projects.feedback FOR EACH ROW EXECUTE FUNCTION projects.keep_project();

-- One call each.
SELECT bastion.protect('projects.knowledge', 'organization_id', 'added_by', sharing => 'tenant', visibility => 'unit');
SELECT bastion.protect('projects.questions', 'organization_id', 'asked_by', sharing => 'tenant', visibility => 'unit');
SELECT bastion.protect('projects.answers', 'organization_id', 'answered_by', sharing => 'tenant', visibility => 'unit');
SELECT bastion.protect('projects.answer_sources', 'organization_id', resource => 'answers', sharing => 'tenant', visibility => 'unit');
SELECT bastion.protect('projects.feedback', 'organization_id', 'given_by', sharing => 'tenant', visibility => 'unit');
-- Every write is on record.
SELECT bastion.audit_table(t) FROM unnest('{projects.knowledge,projects.questions,projects.answers,projects.answer_sources,projects.feedback}'::regclass[]) t;

GRANT SELECT, INSERT, DELETE ON ALL TABLES IN SCHEMA projects TO projects_app;
GRANT UPDATE (title, body, source) ON projects.knowledge TO projects_app;
GRANT UPDATE (question, status) ON projects.questions TO projects_app;
GRANT UPDATE (answer, confidence) ON projects.answers TO projects_app;
GRANT UPDATE (helpful, comment) ON projects.feedback TO projects_app;
RESET ROLE;

-- A project that has questions or knowledge stays.
ALTER TABLE projects.knowledge ADD FOREIGN KEY (organization_id, project_id) REFERENCES bastion.units (tenant_id, id);
ALTER TABLE projects.questions ADD FOREIGN KEY (organization_id, project_id) REFERENCES bastion.units (tenant_id, id);

-- Owner, admin, member and viewer are the extension's own roles, in an organization and in a project. The QA agent has one of its
-- own: it reads what it knows and is asked, and answers.
INSERT INTO bastion.roles (name, description) VALUES ('qa_agent', 'Answers questions');
INSERT INTO bastion.role_permissions (role_id, pattern)
SELECT r.id, unnest(ARRAY['knowledge.read', 'questions.read', 'questions.update', 'answers.create', 'answers.read', 'feedback.read'])
FROM bastion.roles r WHERE r.name = 'qa_agent';

-- What was there before there were organizations: a table of one team, without a tenant. template.sql turns it into a protected one.
SET ROLE projects_owner;
CREATE TABLE projects.faq (
    id        serial PRIMARY KEY,
    question  text NOT NULL UNIQUE,
    answer    text NOT NULL
);
CREATE TABLE projects.faq_votes (
    faq_id    integer NOT NULL REFERENCES projects.faq ON DELETE CASCADE,
    voter     text NOT NULL,
    helpful   boolean NOT NULL,
    PRIMARY KEY (faq_id, voter)
);
RESET ROLE;
