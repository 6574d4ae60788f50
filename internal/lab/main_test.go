//go:build integration

package lab_test

import (
	"testing"

	"dfsd/internal/lab"
)

func TestMain(m *testing.M) { lab.Main(m) }
