package version

import (
	"runtime"
	"testing"
)

func TestRead(t *testing.T) {
	Commit, Date = "0123abc", "2026-01-02T03:04:05Z"
	t.Cleanup(func() { Commit, Date = "", "" })
	b := Read()
	if b.Version != Version || b.Commit != "0123abc" || b.Date != "2026-01-02T03:04:05Z" || b.Go != runtime.Version() || b.Target != runtime.GOOS+"/"+runtime.GOARCH {
		t.Errorf("%+v; want what the linker was told and what runs", b)
	}
	if b.Settings["GOARCH"] != runtime.GOARCH || b.Settings["-compiler"] == "" {
		t.Errorf("settings %v; want those of the toolchain", b.Settings)
	}
}
