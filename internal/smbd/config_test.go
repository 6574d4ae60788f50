package smbd

import (
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

func TestConfigDefaultsAreValid(t *testing.T) {
	var c Config
	c.SetDefaults()
	if faults := c.Validate(); len(faults) != 0 {
		t.Errorf("defaults have faults:\n%v", faults)
	}
	if c.Signing != SigningRequired || c.Encryption != EncryptionEnabled || c.Guest {
		t.Errorf("defaults are signing %v, encryption %v, guest %v; want required, enabled, false", c.Signing, c.Encryption, c.Guest)
	}
}

func TestConfigValidate(t *testing.T) {
	tests := []struct {
		name   string
		change func(*Config)
		want   string // the paths of the faults
	}{
		{"nothing", func(*Config) {}, ""},
		{"no listen", func(c *Config) { c.Listen = nil }, "listen"},
		{"no port", func(c *Config) { c.Listen = []string{"127.0.0.1:445", "127.0.0.1"} }, "listen[1]"},
		{"port out of range", func(c *Config) { c.Listen = []string{"[::1]:65536"} }, "listen[0]"},
		{"host with a slash", func(c *Config) { c.Listen = []string{"10.0.0.0/8:445"} }, "listen[0]"},
		{"UNC name", func(c *Config) { c.Names = []string{"ok", `\\files`} }, "names[1]"},
		{"empty name", func(c *Config) { c.Names = []string{""} }, "names[0]"},
		{"RC4 without a keytab", func(c *Config) { c.AllowRC4 = true }, "allow_rc4"},
		{"guests that should encrypt", func(c *Config) { c.Guest, c.Encryption = true, EncryptionRequired }, "guest"},
		{"small transact", func(c *Config) { c.Limits.Transact = 4096 }, "limits.transact"},
		{"no time to log on", func(c *Config) { c.Limits.AuthenticateWithin = 0 }, "limits.authenticate_within"},
		{"no connections", func(c *Config) { c.Limits.Connections = 0 }, "limits.connections"},
		{"credits crossed", func(c *Config) { c.Limits.CreditsMin = 8192; c.Limits.CreditsMax = 4096 }, "limits.credits_max"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var c Config
			c.SetDefaults()
			tt.change(&c)
			var paths []string
			for _, f := range c.Validate() {
				paths = append(paths, f.Path)
			}
			if got := strings.Join(paths, " "); got != tt.want {
				t.Errorf("Validate() has faults at %q, want %q", got, tt.want)
			}
		})
	}
}

func TestEveryLimitHasARange(t *testing.T) {
	var c Config
	c.SetDefaults()
	text, err := yaml.Marshal(c.Limits)
	if err != nil {
		t.Fatal(err)
	}
	var keys map[string]any
	if err := yaml.Unmarshal(text, &keys); err != nil {
		t.Fatal(err)
	}
	for _, r := range c.Limits.ranges() {
		if _, ok := keys[r.key]; !ok {
			t.Errorf("range %q belongs to no key", r.key)
		}
		delete(keys, r.key)
	}
	for key := range keys {
		t.Errorf("limit %q has no range", key)
	}
}

func TestConfigText(t *testing.T) {
	const text = `
signing: enabled
encryption: required
limits: {frame_unauthenticated: 32KiB, authenticate_within: 5s, connections: 100}
`
	var c Config
	c.SetDefaults()
	if err := yaml.Unmarshal([]byte(text), &c); err != nil {
		t.Fatal(err)
	}
	if c.Signing != SigningEnabled || c.Encryption != EncryptionRequired {
		t.Errorf("signing %v, encryption %v, want enabled, required", c.Signing, c.Encryption)
	}
	if c.Limits.FrameUnauthenticated != 32<<10 || c.Limits.Connections != 100 || c.Limits.Sessions != 64 {
		t.Errorf("limits = %+v", c.Limits)
	}
	for _, bad := range []string{"signing: on", "encryption: Required", "signing: ''"} {
		if err := yaml.Unmarshal([]byte(bad), &Config{}); err == nil {
			t.Errorf("Unmarshal(%q) = nil, want an error", bad)
		}
	}
}
