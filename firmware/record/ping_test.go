package record

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestPingWaitsForTheWriter(t *testing.T) {
	s := open(t)
	if err := s.Ping(ctx); err != nil {
		t.Fatal(err)
	}
	tx, err := s.writer.BeginTx(ctx, nil) // a writer that does not come to its end
	if err != nil {
		t.Fatal(err)
	}
	soon, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	if err := s.Ping(soon); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v; want %v", err, context.DeadlineExceeded)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := s.Ping(ctx); err != nil {
		t.Error(err)
	}
}

func TestSchemaOf(t *testing.T) {
	path := filepath.Join(folder(t), "kensa.db")
	if n, err := SchemaOf(ctx, path); n != 0 || err != nil {
		t.Errorf("no database: schema %d, %v; want 0", n, err)
	}
	_, newest, err := Schemas()
	if err != nil {
		t.Fatal(err)
	}
	s := openAt(t, path)
	if n, err := SchemaOf(ctx, path); n != newest || err != nil {
		t.Errorf("in use: schema %d, %v; want %d", n, err, newest)
	}
	if _, err := s.writer.ExecContext(ctx, `PRAGMA user_version = 999`); err != nil {
		t.Fatal(err)
	}
	if n, err := SchemaOf(ctx, path); n != 999 || err != nil {
		t.Errorf("a newer program's: schema %d, %v; want 999", n, err)
	}
	if err := os.WriteFile(path+"x", []byte("This is a text and no database, whatever it is called."), 0o600); err != nil {
		t.Fatal(err)
	}
	if n, err := SchemaOf(ctx, path+"x"); err == nil {
		t.Errorf("no database: schema %d; want an error", n)
	}
}
