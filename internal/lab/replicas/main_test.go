//go:build integration

package replicas

import (
	"os"
	"strconv"
	"testing"

	"dfsd/internal/lab"
)

// binaryEnv is where the laboratory says which dfsd is under test.
const binaryEnv = "DFSD_LAB_BINARY"

// TestMain runs the tests in the laboratory's namespaces. Without root there
// are none, and every test that needs them says so.
func TestMain(m *testing.M) {
	if os.Geteuid() != 0 {
		os.Exit(m.Run())
	}
	lab.Main(m)
}

// newLab is the test's part of the laboratory.
func newLab(t testing.TB) *lab.Lab {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("ext4 images and namespaces need root")
	}
	return lab.New(t)
}

// fromEnv is a number of the environment.
func fromEnv(t testing.TB, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}
