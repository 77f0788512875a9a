// Runs the recipe for pgx of docs/INTEGRATIONS.md as it stands, over a pool. Run by go.sh. Prints TAP.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgconn"
	"github.com/jackc/pgx/v4"
	"github.com/jackc/pgx/v4/pgxpool"
)

var number int
var background = context.Background()

func ok(holds bool, name string) {
	number++
	fmt.Printf("%sok %d - pgx: %s\n", map[bool]string{false: "not "}[holds], number, name)
}

func psql(query string) string {
	answer, err := exec.Command("psql", "-qXAt", "-v", "ON_ERROR_STOP=1", "-c", query).Output()
	if err != nil {
		panic(err)
	}
	return strings.TrimSpace(string(answer))
}

func open(size int) *pgxpool.Pool {
	pool, err := pgxpool.Connect(background, fmt.Sprintf("user=bastion_frontdoor_app pool_max_conns=%d", size))
	if err != nil {
		panic(err)
	}
	return pool
}

// sqlstate is the code of an error of the server, or its text.
func sqlstate(err error) string {
	var failure *pgconn.PgError
	if errors.As(err, &failure) {
		return failure.Code
	}
	return fmt.Sprint(err)
}

// query has one column of text: its values, or the error. pgx prepares it once for each connection.
func query(tx interface {
	Query(context.Context, string, ...interface{}) (pgx.Rows, error)
}, text string) (string, error) {
	rows, err := tx.Query(background, text)
	if err != nil {
		return "", err
	}
	defer rows.Close()
	var values []string
	for rows.Next() {
		var value string
		if err := rows.Scan(&value); err != nil {
			return "", err
		}
		values = append(values, value)
	}
	return strings.Join(values, ","), rows.Err()
}

const titles = "SELECT title FROM documents ORDER BY id"

// run is what a query answers to a user, or the SQLSTATE.
func run(pool *pgxpool.Pool, token, tenant, text string) string {
	var answer string
	err := AsUser(background, pool, token, tenant, func(tx pgx.Tx) (err error) {
		answer, err = query(tx, text)
		return err
	})
	if err != nil {
		return sqlstate(err)
	}
	return answer
}

func nobody(pool *pgxpool.Pool) bool {
	answer, err := query(pool, "SELECT concat(bastion.user_id(), current_setting('bastion.tenant', true), count(*)) FROM documents")
	return err == nil && answer == "0"
}

func main() {
	ann, bob, cyd := os.Getenv("ANN"), os.Getenv("BOB"), os.Getenv("CYD")
	pool := open(1)
	ok(run(pool, ann, "", titles) == "Plan" && run(pool, bob, "", titles) == "Roof", "two users of one connection see the rows of their tenant")
	ok(nobody(pool), "without a token, nobody sees a row")
	_, err := query(pool, "INSERT INTO documents (title) VALUES ('Wall') RETURNING title")
	ok(sqlstate(err) == "42501", "nor writes one")
	ok(run(pool, cyd, "bob", titles) == "Roof" && run(pool, cyd, "", titles) == "Plan", "a member of both chooses the tenant")
	for name, who := range map[string][2]string{"expired": {os.Getenv("EXPIRED")}, "forged": {os.Getenv("FORGED")}, "of a stranger to the tenant": {ann, "bob"}} {
		ok(run(pool, who[0], who[1], titles) == "28000" && nobody(pool), "a token "+name+" is refused, and leaves no identity")
	}
	ok(run(pool, ann, "", "SELECT (1/(id - id))::text FROM documents") == "22012" && nobody(pool), "a block that fails leaves no identity")
	own := errors.New("own")
	err = AsUser(background, pool, ann, "", func(tx pgx.Tx) error {
		query(tx, "INSERT INTO documents (title) VALUES ('Lost') RETURNING title")
		return own
	})
	ok(err == own && nobody(pool) && run(pool, ann, "", titles) == "Plan" && run(pool, bob, "", titles) == "Roof", "nor does one that returns an error")
	func() {
		defer func() { recover() }()
		AsUser(background, pool, ann, "", func(tx pgx.Tx) error { query(tx, titles); panic(own) })
	}()
	ok(nobody(pool), "nor one that panics")

	var inside, after string
	err = AsUser(background, pool, ann, "", func(tx pgx.Tx) error {
		failed := tx.BeginFunc(background, func(inner pgx.Tx) error {
			inside, _ = query(inner, titles)
			_, err := inner.Exec(background, "SELECT 1/0")
			return err
		})
		after, _ = query(tx, titles)
		ok(sqlstate(failed) == "22012", "a savepoint fails")
		return nil
	})
	ok(err == nil && inside == "Plan" && after == "Plan" && nobody(pool), "and keeps the identity, which ends with the block")

	attempts := 0
	conflicting := func() error {
		return AsUser(background, pool, ann, "", func(tx pgx.Tx) error {
			after, _ = query(tx, titles)
			attempts++
			if attempts == 1 {
				psql("UPDATE documents SET title = title WHERE id = 1001")
			}
			_, err := tx.Exec(background, "UPDATE documents SET title = title WHERE id = 1001")
			return err
		})
	}
	ok(Retried(5, conflicting) == nil && attempts == 2 && after == "Plan", "a block that conflicts (40001) is repeated with its identity")
	attempts = 0
	ok(sqlstate(Retried(1, conflicting)) == "40001" && nobody(pool), "and leaves none when it is not")

	alternating := true
	for i := 0; i < 8; i++ {
		alternating = alternating && run(pool, []string{ann, bob}[i%2], "", titles) == []string{"Plan", "Roof"}[i%2]
	}
	ok(alternating, "one prepared statement, two tenants")

	short, cancel := context.WithTimeout(background, 100*time.Millisecond)
	err = AsUser(short, pool, ann, "", func(tx pgx.Tx) error { _, err := tx.Exec(short, "SELECT pg_sleep(5)"); return err })
	cancel()
	ok(err != nil && nobody(pool), "a block whose context ends leaves no identity")
	ok(run(pool, ann, "", "SELECT pg_terminate_backend(pg_backend_pid())::text") == "57P01" && nobody(pool) && run(pool, bob, "", titles) == "Roof", "a connection that the server ends is replaced")
	pool.Close()

	shared, wrong := open(2), 0
	kinds := [][3]string{{ann, "", "Plan"}, {bob, "", "Roof"}, {cyd, "bob", "Roof"}, {os.Getenv("FORGED"), "", "28000"}}
	var clients sync.WaitGroup
	var lock sync.Mutex
	for client := 0; client < 8; client++ {
		clients.Add(1)
		go func(client int) {
			defer clients.Done()
			for i := 0; i < 25; i++ {
				kind := kinds[(client+i*3)%4]
				if run(shared, kind[0], kind[1], titles) != kind[2] {
					lock.Lock()
					wrong++
					lock.Unlock()
				}
			}
		}(client)
	}
	clients.Wait()
	ok(wrong == 0, fmt.Sprintf("200 interleaved blocks of two tenants over two connections (%d wrong)", wrong))
	fmt.Printf("1..%d\n", number)
}
