package canary

import (
	"testing"
	"time"
)

func at(s float64) time.Time {
	return time.Date(2026, 11, 22, 20, 0, 0, 0, time.UTC).Add(time.Duration(s * float64(time.Second)))
}

func TestAgenda(t *testing.T) {
	a := agenda{every: time.Minute, idle: idlePause}
	if !a.due(at(0)) || !a.writeDue(at(0)) || a.wait(at(0)) != 0 {
		t.Error("a new agenda wants nothing")
	}
	a.lookedAt(at(0))
	a.write = at(60)
	if got := a.wait(at(0)); got != idlePause {
		t.Errorf("wait = %s after a look, want %s", got, idlePause)
	}
	a.hint()
	if got := a.wait(at(0.2)); got != 800*time.Millisecond {
		t.Errorf("wait = %s after a hint, want 800ms", got)
	}
	a.lookedAt(at(55))
	a.hint()
	a.look = at(64)
	if got := a.wait(at(55)); got != 5*time.Second {
		t.Errorf("wait = %s before a writing, want 5s", got)
	}
}

func TestAgendaSurvivesClockSetBack(t *testing.T) {
	a := agenda{every: time.Minute, idle: pause}
	a.lookedAt(at(3600))
	a.write = at(3660)
	if !a.due(at(0)) || !a.writeDue(at(0)) {
		t.Error("a clock set back by an hour stops the canary for an hour")
	}
	a.lookedAt(at(0))
	a.write = at(60)
	if a.due(at(0.5)) {
		t.Error("something is due too early")
	}
}

func TestResume(t *testing.T) {
	for _, c := range []struct {
		name    string
		written float64
		want    float64
	}{
		{"written ten seconds ago", -10, 50},
		{"written long ago", -1000, 0},
		{"from the future, as after a clock was set back", 1000, 0},
		{"written just now", 0, 60},
	} {
		a := agenda{every: time.Minute, write: at(0)}
		a.resume(at(0), at(c.written))
		if !a.write.Equal(at(c.want)) {
			t.Errorf("%s: write at %s, want %s", c.name, a.write, at(c.want))
		}
	}
}

func TestRewrite(t *testing.T) {
	for _, c := range []struct {
		name        string
		tried, plan float64
		want        float64
	}{
		{"a while ago", -30, 30, 0},
		{"a second ago", -1, 59, 9},
		{"due before", -8, 1, 1},
		{"from the future", 1000, 30, 0},
	} {
		a := agenda{every: time.Minute, write: at(c.plan)}
		a.rewrite(at(0), at(c.tried))
		if !a.write.Equal(at(c.want)) {
			t.Errorf("%s: write at %s, want %s", c.name, a.write, at(c.want))
		}
	}
}
