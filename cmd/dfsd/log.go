package main

import (
	"io"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"dfsd/configs"
)

// newLogger writes to w in the configured form; its level can be changed while
// it runs.
func newLogger(c configs.Log, w io.Writer) (*zap.Logger, zap.AtomicLevel) {
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
	return zap.New(zapcore.NewCore(encoder, zapcore.Lock(zapcore.AddSync(w)), level)), level
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
