// Checks what the extension publishes with the packages of Go's checksum database, which wrote signed notes and tiles first: audit_proofs
// KEY FOLDER reads checkpoint (a signed note), older (another one), entry, inclusion (tlog-proof) and consistency (hashes on lines)
// in the folder, and prints what verifies.
package main

import (
	"encoding/base64"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func read(name string) string {
	data, err := os.ReadFile(filepath.Join(os.Args[2], name))
	if err != nil {
		log.Fatal(err)
	}
	return string(data)
}

func hash(text string) (out tlog.Hash) {
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(data) != tlog.HashSize {
		log.Fatalf("not a hash: %q", text)
	}
	copy(out[:], data)
	return out
}

func hashes(lines []string) (out []tlog.Hash) {
	for _, line := range lines {
		if line != "" {
			out = append(out, hash(line))
		}
	}
	return out
}

// The size and root of a checkpoint that the key signed.
func checkpoint(text string, verifier note.Verifier) (int64, tlog.Hash) {
	opened, err := note.Open([]byte(text), note.VerifierList(verifier))
	if err != nil {
		log.Fatal(err)
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() {
		log.Fatalf("not a checkpoint: %q", opened.Text)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		log.Fatal(err)
	}
	return size, hash(lines[2])
}

func main() {
	verifier, err := note.NewVerifier(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	size, root := checkpoint(read("checkpoint"), verifier)
	oldSize, oldRoot := checkpoint(read("older"), verifier)
	fmt.Println("checkpoints: verified")

	proof := strings.SplitN(read("inclusion"), "\n\n", 2)
	lines := strings.Split(proof[0], "\n")
	if lines[0] != "c2sp.org/tlog-proof@v1" {
		log.Fatalf("not a proof: %q", lines[0])
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[1], "index "), 10, 64)
	if err != nil {
		log.Fatal(err)
	}
	if size, root = checkpoint(proof[1], verifier); tlog.CheckRecord(hashes(lines[2:]), size, root, index, tlog.RecordHash([]byte(read("entry")))) != nil {
		log.Fatal("inclusion: not verified")
	}
	fmt.Println("inclusion: verified")
	if err := tlog.CheckTree(hashes(strings.Split(read("consistency"), "\n")), size, root, oldSize, oldRoot); err != nil {
		log.Fatal(err)
	}
	fmt.Println("consistency: verified")
}
