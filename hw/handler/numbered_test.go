package handler

import (
	"context"
	"errors"
	"testing"
	"time"
)

func TestNumberedNamesAreUnique(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	n := NewNumbered("LOT7", func() time.Time { return now })
	want := []string{"LOT7-20260301T120000", "LOT7-20260301T120000.1", "LOT7-20260301T120001"}
	for k, name := range want {
		if k == 2 {
			now = now.Add(time.Second)
		}
		if m, err := n.Material(context.Background()); err != nil || m.Substrate != name || m.Lot != "LOT7" {
			t.Errorf("%+v, %v; want %s", m, err, name)
		}
	}
	if _, err := NewNumbered("", time.Now).Material(context.Background()); !errors.Is(err, ErrNameless) {
		t.Error(err)
	}
}
