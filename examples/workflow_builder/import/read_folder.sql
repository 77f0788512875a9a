-- Reads every file below the folder that the environment names IMPORT_FOLDER into the temporary table incoming (path, content), both
-- in hexadecimal, so that neither names nor contents can mean anything on the way. Links are not followed.
SET client_min_messages = warning;
DROP TABLE IF EXISTS pg_temp.incoming;
RESET client_min_messages;
CREATE TEMPORARY TABLE incoming (path text, content text);
\copy incoming FROM PROGRAM 'cd "$IMPORT_FOLDER" && find . -type f -print0 | LC_ALL=C sort -z | perl -0ne ''chomp; open my $file, "<:raw", $_ or die "$_: $!"; my $content = do { local $/; <$file> } // ""; print unpack("H*", substr $_, 2), "\t", unpack("H*", $content), "\n"'''
