package event

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

func TestRecorder(t *testing.T) {
	r := NewRecorder(12)
	log := zap.New(r.Core()).Named("x").With(zap.String("folder", "g/f"))
	log.Info("nothing to remember")
	log.Debug("too small", FolderHalted.Field())
	for i := range 5 {
		log.Warn("the folder is halted", FolderHalted.Field(), zap.Error(errors.New("disk gone")), zap.Int("next_step", i))
	}
	got := r.Recent()
	if len(got) != 3 {
		t.Fatalf("%d events, want 3", len(got))
	}
	for i, e := range got {
		want := fmt.Sprintf("the folder is halted; error: disk gone; folder: g/f; next step: %d", 4-i)
		if e.ID != FolderHalted || e.Level != "warn" || e.Text != want || time.Since(e.At) > time.Minute {
			t.Errorf("Recent()[%d] = %+v, want %q", i, e, want)
		}
	}
}

// TestManyOfOneKind: what happens often does not push out what happened once.
func TestManyOfOneKind(t *testing.T) {
	r := NewRecorder(8)
	log := zap.New(r.Core())
	log.Warn("once", FolderHalted.Field())
	for range 100 {
		log.Info("often", LogonFailed.Field())
	}
	if got := r.Recent(); len(got) != 3 || got[2].ID != FolderHalted {
		t.Errorf("remembered %v", got)
	}
	for i := range 20 {
		log.Info("others", ID(fmt.Sprintf("DFSD-TEST-%04d", i)).Field())
	}
	if got := r.Recent(); len(got) != 8 || got[0].ID != "DFSD-TEST-0019" || got[7].ID != "DFSD-TEST-0012" {
		t.Errorf("remembered %v", got)
	}
}

// TestRecorderBesideTheLog: the level that is shown does not hide events.
func TestRecorderBesideTheLog(t *testing.T) {
	r := NewRecorder(3)
	var out strings.Builder
	shown := zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), zapcore.AddSync(&out), zapcore.ErrorLevel)
	zap.New(zapcore.NewTee(shown, r.Core())).Info("serving", Serving.Field())
	if len(r.Recent()) != 1 || out.Len() != 0 {
		t.Errorf("remembered %v, shown %q", r.Recent(), out.String())
	}
}

func TestLongTextIsCut(t *testing.T) {
	r := NewRecorder(1)
	zap.New(r.Core()).Info(strings.Repeat("ä", 1000), Serving.Field())
	text := r.Recent()[0].Text
	if len(text) > maxText+len("…") || !utf8.ValidString(text) {
		t.Errorf("%d bytes, valid %v", len(text), utf8.ValidString(text))
	}
}
