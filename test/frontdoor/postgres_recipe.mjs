// Runs the recipe for Postgres.js of docs/INTEGRATIONS.md as it stands. Run by node.sh. Prints TAP.
import postgres from 'postgres';
import { asUser } from './postgres.mjs';
import { connection, contract, done, fails } from './frontdoor.mjs';
import { retried } from './retry.mjs';

for (const prepare of [true, false]) {
    await contract(`Postgres.js${prepare ? '' : ' without prepared statements'}`, (max) => {
        const sql = postgres({ ...connection, max, prepare });
        const titles = async (on) => (await on`SELECT title FROM documents WHERE id > ${0}`).map((row) => row.title);
        return {
            asUser: (who, work) => asUser(sql, who, work),
            titles,
            query: (on, text) => (on ?? sql).unsafe(text),
            savepoint: (on, work) => on.savepoint(work),
            refused: (who) => sql.begin(async (tx) => [await fails(() => asUser(tx, who, () => 1)), (await tx`SELECT bastion.user_id() AS who`)[0].who]),
            prepared: titles,
            lost: false,
            close: () => sql.end(),
        };
    }, retried);
}
done();
