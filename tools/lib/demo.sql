-- The extension.
CREATE EXTENSION pg_bastion;

-- refused: an extension that is there already
CREATE EXTENSION pg_bastion;
