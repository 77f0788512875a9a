// Runs the recipe for JDBC of docs/INTEGRATIONS.md as it stands, over a pool. Run by compiled.sh with the address of the server. Prints TAP.
import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

public final class JdbcRecipe {
    static final String TITLES = "SELECT title FROM documents WHERE id > ? ORDER BY id";
    static final String ANN = System.getenv("ANN"), BOB = System.getenv("BOB"), CYD = System.getenv("CYD");
    static String url;
    static int number, attempts;

    static void ok(boolean holds, String name) {
        System.out.println((holds ? "ok " : "not ok ") + ++number + " - JDBC: " + name);
    }

    static HikariDataSource open(int size) {
        HikariConfig config = new HikariConfig();
        config.setJdbcUrl(url);
        config.setUsername("bastion_frontdoor_app");
        config.setMaximumPoolSize(size);
        config.addDataSourceProperty("prepareThreshold", "1"); // a prepared statement of the server from the first execution on
        return new HikariDataSource(config);
    }

    static String titles(Connection connection) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(TITLES)) {
            statement.setInt(1, 0);
            List<String> found = new ArrayList<>();
            for (ResultSet rows = statement.executeQuery(); rows.next(); ) found.add(rows.getString(1));
            return String.join(",", found);
        }
    }

    static String value(Connection connection, String text) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(text); ResultSet rows = statement.executeQuery()) {
            rows.next();
            return rows.getString(1);
        }
    }

    /** What work answers to a user, or the SQLSTATE. */
    static String run(HikariDataSource pool, String token, String tenant, AsUser.Work<String> work) {
        try {
            return AsUser.asUser(pool, token, tenant, work);
        } catch (SQLException error) {
            return error.getSQLState();
        }
    }

    static boolean nobody(HikariDataSource pool) throws SQLException {
        try (Connection connection = pool.getConnection()) {
            return connection.getAutoCommit()
                && value(connection, "SELECT concat(bastion.user_id(), current_setting('bastion.tenant', true), count(*)) FROM documents").equals("0");
        }
    }

    static void psql(String query) throws SQLException {
        try {
            new ProcessBuilder("psql", "-qX", "-c", query).inheritIO().start().waitFor();
        } catch (java.io.IOException | InterruptedException error) {
            throw new IllegalStateException(error);
        }
    }

    static String conflicting(HikariDataSource pool) throws SQLException {
        return AsUser.asUser(pool, ANN, null, connection -> {
            String seen = titles(connection);
            if (++attempts == 1) psql("UPDATE documents SET title = title WHERE id = 1001");
            return seen + value(connection, "UPDATE documents SET title = title WHERE id = 1001 RETURNING id");
        });
    }

    static String savepoint(Connection connection) throws SQLException {
        Savepoint savepoint = connection.setSavepoint();
        String inside = titles(connection), failed = "";
        try {
            value(connection, "SELECT 1/0");
        } catch (SQLException error) {
            failed = error.getSQLState();
            connection.rollback(savepoint);
        }
        return inside + failed + titles(connection);
    }

    public static void main(String[] arguments) throws Exception {
        url = arguments[0];
        HikariDataSource pool = open(1);
        ok(run(pool, ANN, null, JdbcRecipe::titles).equals("Plan") && run(pool, BOB, null, JdbcRecipe::titles).equals("Roof"), "two users of one connection see the rows of their tenant");
        ok(nobody(pool), "without a token, nobody sees a row");
        try (Connection connection = pool.getConnection()) {
            value(connection, "INSERT INTO documents (title) VALUES ('Wall') RETURNING id");
            ok(false, "nor writes one");
        } catch (SQLException error) {
            ok(error.getSQLState().equals("42501"), "nor writes one");
        }
        ok(run(pool, CYD, "bob", JdbcRecipe::titles).equals("Roof") && run(pool, CYD, null, JdbcRecipe::titles).equals("Plan"), "a member of both chooses the tenant");
        for (Map.Entry<String, String> wrong : Map.of("expired", System.getenv("EXPIRED"), "forged", System.getenv("FORGED")).entrySet())
            ok(run(pool, wrong.getValue(), null, JdbcRecipe::titles).equals("28000") && nobody(pool), "a token " + wrong.getKey() + " is refused, and leaves no identity");
        ok(run(pool, ANN, "bob", JdbcRecipe::titles).equals("28000") && nobody(pool), "a token of a stranger to the tenant is refused, and leaves no identity");
        ok(run(pool, ANN, null, connection -> value(connection, "SELECT 1/0")).equals("22012") && nobody(pool), "a block that fails leaves no identity");
        try {
            AsUser.asUser(pool, ANN, null, connection -> {
                value(connection, "INSERT INTO documents (title) VALUES ('Lost') RETURNING id");
                throw new IllegalStateException("own");
            });
            ok(false, "nor does one that throws");
        } catch (IllegalStateException error) {
            ok(nobody(pool) && run(pool, ANN, null, JdbcRecipe::titles).equals("Plan") && run(pool, BOB, null, JdbcRecipe::titles).equals("Roof"), "nor does one that throws");
        }
        ok(run(pool, ANN, null, JdbcRecipe::savepoint).equals("Plan22012Plan") && nobody(pool), "a savepoint keeps the identity, which ends with the block");
        ok(AsUser.retried(5, () -> conflicting(pool)).equals("Plan1001") && attempts == 2, "a block that conflicts (40001) is repeated with its identity");
        attempts = 0;
        try {
            AsUser.retried(1, () -> conflicting(pool));
            ok(false, "and leaves none when it is not");
        } catch (SQLException error) {
            ok(error.getSQLState().equals("40001") && nobody(pool), "and leaves none when it is not");
        }
        boolean alternating = true;
        for (int i = 0; i < 8; i++) alternating &= run(pool, i % 2 == 0 ? ANN : BOB, null, JdbcRecipe::titles).equals(i % 2 == 0 ? "Plan" : "Roof");
        ok(alternating, "one prepared statement, two tenants");
        ok(run(pool, ANN, null, connection -> value(connection, "SELECT pg_terminate_backend(pg_backend_pid())")).equals("57P01") && nobody(pool)
            && run(pool, BOB, null, JdbcRecipe::titles).equals("Roof"), "a connection that the server ends is replaced");
        pool.close();

        HikariDataSource shared = open(2);
        ExecutorService clients = Executors.newFixedThreadPool(8);
        String[][] kinds = {{ANN, null, "Plan"}, {BOB, null, "Roof"}, {CYD, "bob", "Roof"}, {System.getenv("FORGED"), null, "28000"}};
        List<Future<Boolean>> answers = new ArrayList<>();
        for (int i = 0; i < 200; i++) {
            String[] kind = kinds[i * 3 % 4];
            answers.add(clients.submit((Callable<Boolean>) () -> run(shared, kind[0], kind[1], JdbcRecipe::titles).equals(kind[2])));
        }
        int wrong = 0;
        for (Future<Boolean> answer : answers) wrong += answer.get() ? 0 : 1;
        ok(wrong == 0, "200 interleaved blocks of two tenants over two connections (" + wrong + " wrong)");
        clients.shutdown();
        shared.close();
        System.out.println("1.." + number);
    }
}
