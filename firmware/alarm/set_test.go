package alarm

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// clock is a time that moves by a second at every look.
func clock() func() time.Time {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	return func() time.Time {
		now = now.Add(time.Second)
		return now
	}
}

func ids(list []Alarm) []ID {
	out := []ID{}
	for _, a := range list {
		out = append(out, a.ID)
	}
	return out
}

func TestRaisingAgainCountsInsteadOfPilingUp(t *testing.T) {
	s := NewSet(clock())
	first := s.Raise(MissedPulse, "field 3")
	again := s.Raise(MissedPulse, "field 9")
	if len(s.Active()) != 1 {
		t.Fatalf("active: %v", s.Active())
	}
	if again.Count != 2 || again.Detail != "field 9" || !again.Set.Equal(first.Set) || !again.Latest.After(first.Latest) {
		t.Errorf("after the second raising: %+v", again)
	}
	s.Clear(MissedPulse.ID)
	if fresh := s.Raise(MissedPulse, "field 1"); fresh.Count != 1 || fresh.Set.Equal(first.Set) {
		t.Errorf("after clearing, a new raising is %+v", fresh)
	}
}

func TestClear(t *testing.T) {
	s := NewSet(clock())
	s.Raise(CameraGone, "")
	if a, ok := s.Clear(CameraGone.ID); !ok || a.Active() {
		t.Errorf("Clear = %+v, %v", a, ok)
	}
	if a, ok := s.Clear(CameraGone.ID); ok {
		t.Errorf("cleared twice: %+v", a)
	}
	if len(s.Active()) != 0 {
		t.Errorf("active: %v", s.Active())
	}
}

func TestAcknowledge(t *testing.T) {
	s := NewSet(clock())
	if _, err := s.Acknowledge(LowYield.ID, "ana"); !errors.Is(err, ErrNotSet) {
		t.Errorf("not set: %v", err)
	}
	s.Raise(LowYield, "41 %")
	if _, err := s.Acknowledge(LowYield.ID, " \t"); !errors.Is(err, ErrNoOperator) {
		t.Errorf("no name: %v", err)
	}
	a, err := s.Acknowledge(LowYield.ID, " ana ")
	if err != nil || a.AckBy != "ana" || a.Acked.IsZero() || !a.Active() {
		t.Errorf("acknowledged: %+v, %v", a, err)
	}
	if second, err := s.Acknowledge(LowYield.ID, "ben"); err != nil || second != a {
		t.Errorf("a second acknowledgement made it %+v, %v", second, err)
	}
	if s.Raise(LowYield, "40 %"); s.Active()[0].AckBy != "ana" {
		t.Error("raising again took the acknowledgement away")
	}
}

func TestMostSevereFirstThenLatest(t *testing.T) {
	s := NewSet(clock())
	for _, k := range []Kind{LightDrift, CameraGone, QueueFull, CommitFailed, MissedPulse} {
		s.Raise(k, "")
	}
	want := []ID{CommitFailed.ID, CameraGone.ID, MissedPulse.ID, LightDrift.ID, QueueFull.ID}
	if got := ids(s.Active()); !slices.Equal(got, want) {
		t.Errorf("order %v; want %v", got, want)
	}
}

func TestSinceSeesWhatAWaferSaw(t *testing.T) {
	s := NewSet(clock())
	s.Raise(LightDrift, "cleared before the wafer")
	s.Clear(LightDrift.ID)
	s.Raise(BrokerUnreachable, "stands all the time")
	mark := s.Mark()
	s.Raise(MissedPulse, "came and went")
	s.Clear(MissedPulse.ID)
	s.Raise(MissedPulse, "came again")
	got := s.Since(mark)
	if want := []ID{MissedPulse.ID, MissedPulse.ID, BrokerUnreachable.ID}; !slices.Equal(ids(got), want) {
		t.Fatalf("since: %v; want %v", got, want)
	}
	if !got[0].Active() || got[1].Active() {
		t.Errorf("both raisings must be told apart: %+v", got[:2])
	}
}

func TestSubscriberSeesEveryChangeInOrder(t *testing.T) {
	s := NewSet(clock())
	changes, cancel := s.Subscribe(8)
	s.Raise(MissedPulse, "a")
	s.Raise(MissedPulse, "b")
	s.Acknowledge(MissedPulse.ID, "ana")
	s.Clear(MissedPulse.ID)
	cancel()
	cancel()
	s.Raise(LowYield, "after the end")
	var got []Change
	for c := range changes {
		got = append(got, c)
	}
	if len(got) != 4 || got[1].Count != 2 || got[2].AckBy != "ana" || got[3].Active() {
		t.Errorf("changes: %+v", got)
	}
}

func TestSlowSubscriberLosesTheOldestAndKnows(t *testing.T) {
	s := NewSet(clock())
	changes, cancel := s.Subscribe(2)
	for range 5 {
		s.Raise(ExtraFrame, "")
	}
	cancel()
	var last Change
	n := 0
	for c := range changes {
		last, n = c, n+1
	}
	if n != 2 || last.Count != 5 || last.Dropped != 3 {
		t.Errorf("%d changes, last %+v", n, last)
	}
}

// TestSetAgainstModel holds the set against the plainest model of one: a list
// of everything that ever happened.
func TestSetAgainstModel(t *testing.T) {
	kinds := Kinds()
	rapid.Check(t, func(t *rapid.T) {
		s := NewSet(clock())
		counts := map[ID]int{}
		clearedAfterMark, mark := 0, Mark(0)
		for range rapid.IntRange(0, 60).Draw(t, "steps") {
			k := rapid.SampledFrom(kinds).Draw(t, "kind")
			switch rapid.IntRange(0, 3).Draw(t, "step") {
			case 0, 1:
				counts[k.ID]++
				if a := s.Raise(k, ""); a.Count != counts[k.ID] {
					t.Fatalf("count %d; want %d", a.Count, counts[k.ID])
				}
			case 2:
				_, ok := s.Clear(k.ID)
				if ok != (counts[k.ID] > 0) {
					t.Fatalf("Clear = %v with count %d", ok, counts[k.ID])
				}
				if ok {
					clearedAfterMark++
				}
				delete(counts, k.ID)
			case 3:
				mark, clearedAfterMark = s.Mark(), 0
			}
			if len(s.Active()) != len(counts) || len(s.Since(mark)) != len(counts)+clearedAfterMark {
				t.Fatalf("active %d, since %d; want %d and %d more", len(s.Active()), len(s.Since(mark)), len(counts), clearedAfterMark)
			}
		}
	})
}

func TestManyGoroutines(t *testing.T) {
	s := NewSet(func() time.Time { return time.Unix(1, 0) })
	var wait sync.WaitGroup
	for n := range 8 {
		wait.Go(func() {
			changes, cancel := s.Subscribe(1)
			for range 100 {
				s.Raise(Kinds()[n], "")
				s.Active()
				s.Clear(Kinds()[n].ID)
			}
			cancel()
			for range changes {
			}
		})
	}
	wait.Wait()
	if len(s.Active()) != 0 || s.Mark() != 800 || len(s.Since(0)) != keptCleared {
		t.Errorf("active %d, mark %d, kept %d", len(s.Active()), s.Mark(), len(s.Since(0)))
	}
}
