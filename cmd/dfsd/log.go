package main

import (
	"io"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"dfsd/configs"
	"dfsd/internal/event"
)

// recentEvents is how many events a daemon remembers to show.
const recentEvents = 200

// logging is a daemon's log: its level can be changed while it runs, and its
// events are remembered.
type logging struct {
	*zap.Logger
	level  zap.AtomicLevel
	events *event.Recorder
}

// newLogger writes to w in the configured form.
func newLogger(c configs.Log, w io.Writer) logging {
	level := zap.NewAtomicLevelAt(zapLevel(c.Level))
	form := zap.NewProductionEncoderConfig()
	form.EncodeTime = zapcore.RFC3339NanoTimeEncoder
	form.EncodeDuration = zapcore.SecondsDurationEncoder
	encoder := zapcore.NewJSONEncoder(form)
	if c.Format == configs.FormatConsole {
		form.EncodeTime = zapcore.ISO8601TimeEncoder
		form.EncodeLevel = zapcore.CapitalLevelEncoder
		form.EncodeDuration = zapcore.StringDurationEncoder
		encoder = zapcore.NewConsoleEncoder(form)
	}
	recorder := event.NewRecorder(recentEvents)
	shown := zapcore.NewCore(encoder, zapcore.Lock(zapcore.AddSync(w)), level)
	return logging{zap.New(zapcore.NewTee(shown, recorder.Core())), level, recorder}
}

func zapLevel(l configs.Level) zapcore.Level {
	switch l {
	case configs.LevelDebug:
		return zapcore.DebugLevel
	case configs.LevelWarn:
		return zapcore.WarnLevel
	case configs.LevelError:
		return zapcore.ErrorLevel
	}
	return zapcore.InfoLevel
}
