# Runs the recipe for Alembic of docs/INTEGRATIONS.md as it stands: the migration of the page protects its table, in a guarded schema and
# as a migration role; autogenerate then has nothing to propose. Run by python.sh. Prints TAP.
import os
import re
import tempfile

import alembic.command
import alembic.config
from frontdoor import done, ok, psql
from sqlalchemy import Column, Integer, MetaData, Table, Text, create_engine
from sqlalchemy.dialects.postgresql import UUID

ROLE = "bastion_frontdoor_mig"
psql(f"""DO $$ BEGIN IF to_regrole('{ROLE}') IS NULL THEN CREATE ROLE {ROLE} LOGIN; END IF; END $$;
    SELECT bastion.allow_migration_role('{ROLE}'); CREATE SCHEMA papers AUTHORIZATION {ROLE};
    CREATE SCHEMA migrations AUTHORIZATION {ROLE}; SELECT bastion.schema_guard('papers')""")
engine = create_engine(f"postgresql+psycopg2://{ROLE}@/", connect_args={"options": "-c search_path=papers"})

metadata = MetaData()
Table("documents", metadata, Column("id", Integer, primary_key=True), Column("tenant_id", UUID, nullable=False), Column("title", Text))

page = os.path.join(os.path.dirname(__file__), "..", "..", "docs", "INTEGRATIONS.md")
with open(page, encoding="utf-8") as file:
    shown = file.read()
environment = re.search(r"^```python alembic\n(.*?)^```", shown, re.DOTALL | re.MULTILINE).group(1)
migration = re.search(r"^(op\.create_table.*?)^```", shown, re.DOTALL | re.MULTILINE).group(1)
folder = tempfile.TemporaryDirectory()
os.mkdir(f"{folder.name}/versions")
with open(f"{folder.name}/env.py", "w", encoding="utf-8") as file:
    file.write(environment + "\nrun_migrations(context.config.attributes['engine'], context.config.attributes['metadata'])\n")
with open(f"{folder.name}/script.py.mako", "w", encoding="utf-8") as file:
    file.write("revision = ${repr(up_revision)}\ndown_revision = ${repr(down_revision)}\n${imports if imports else ''}\n"
               "from alembic import op\nimport sqlalchemy as sa\nfrom sqlalchemy.dialects.postgresql import UUID\n\n"
               "def upgrade():\n    ${upgrades if upgrades else 'pass'}\n")
config = alembic.config.Config(stdout=open(os.devnull, "w", encoding="utf-8"))
config.set_main_option("script_location", folder.name)
config.attributes.update(engine=engine, metadata=metadata)


def write_revision(body):
    path = alembic.command.revision(config, message="step").path
    with open(path, encoding="utf-8") as file:
        text = file.read().replace("    pass", "".join(f"    {line}\n" for line in body.splitlines()))
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def proposals():
    script = alembic.command.revision(config, message="proposal", autogenerate=True)
    with open(script.path, encoding="utf-8") as file:
        lines = re.findall(r"^    (op\..*)", file.read(), re.MULTILINE)
    os.remove(script.path)
    return lines


def state():
    return psql("SELECT relation || ': ' || status FROM bastion.protection WHERE relation = 'papers.documents'::regclass")


write_revision(migration)
alembic.command.upgrade(config, "head")
ok(state() == "papers.documents: ok", "Alembic: the migration protects its table")
alembic.command.upgrade(config, "head")
ok(psql("SELECT count(*) FROM migrations.alembic_version") == "1", "Alembic: it is recorded in a schema of its own")
ok(proposals() == [], "Alembic: autogenerate leaves alone what protect() made")

made = psql("SELECT count(*) FROM pg_class WHERE obj_description(oid, 'pg_class') = 'made by bastion.protect()' AND relnamespace = 'papers'::regnamespace")
ok(int(made) >= 1, "Alembic: there are indexes that it could have dropped")
psql("SELECT bastion.protect('papers.documents', sharing => 'tenant', tenant_fk => true)")
ok(proposals() == [], "Alembic: the foreign key of tenant_fk included")
metadata.tables["documents"].append_column(Column("pages", Integer))
ok([line for line in proposals() if "pages" in line and "add_column" in line] != [] and len(proposals()) == 1, "Alembic: and proposes changes of the model")
psql("CREATE INDEX own ON papers.documents (title)")
ok(any("'own'" in line for line in proposals()), "Alembic: and to drop an index that nobody declared")
done()
