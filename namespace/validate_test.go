package namespace

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"dfsd/internal/fault"
)

// valid returns a namespace without a fault: a link with two targets.
func valid() Config {
	c := Config{Name: "public", Comment: "Company shares", Probe: new(ProbeConfig)}
	c.SetDefaults()
	c.Probe.SetDefaults()
	c.Folders = []FolderConfig{link("projects", `\\fs1\projects`, `\\fs2\projects`)}
	return c
}

func link(path string, targets ...UNC) FolderConfig {
	f := plain(path)
	for _, u := range targets {
		f.Targets = append(f.Targets, TargetConfig{Path: u})
	}
	return f
}

func plain(path string) FolderConfig {
	f := FolderConfig{Path: path}
	f.SetDefaults()
	return f
}

func TestDefaults(t *testing.T) {
	c := valid()
	if c.TTL != 300*time.Second || c.Folders[0].TTL != 1800*time.Second {
		t.Errorf("SetDefaults: TTL = %v and %v, want 5m0s and 30m0s", c.TTL, c.Folders[0].TTL)
	}
	if want := (ProbeConfig{Interval: 10 * time.Second, Timeout: 3 * time.Second, DownAfter: 3, UpAfter: 2, Port: 445}); *c.Probe != want {
		t.Errorf("SetDefaults: probe = %+v, want %+v", *c.Probe, want)
	}
	if faults := c.Validate(); faults != nil {
		t.Errorf("Validate() = %v, want nothing", faults)
	}
}

func TestValidate(t *testing.T) {
	first := func(c *Config) *FolderConfig { return &c.Folders[0] }
	target := func(c *Config) *TargetConfig { return &c.Folders[0].Targets[1] }
	tests := []struct {
		name   string
		spoil  func(c *Config)
		path   string
		other  string
		substr string
	}{
		{name: "no name", spoil: func(c *Config) { c.Name = "" }, path: "name", substr: "missing"},
		{name: "bad name", spoil: func(c *Config) { c.Name = "a/b" }, path: "name", substr: "'/'"},
		{name: "reserved name", spoil: func(c *Config) { c.Name = "sysvol" }, path: "name", substr: "servers make themselves"},
		{name: "comment", spoil: func(c *Config) { c.Comment = "\x00" }, path: "comment", substr: "NUL"},
		{name: "no ttl", spoil: func(c *Config) { c.TTL = 0 }, path: "ttl", substr: "whole seconds"},
		{name: "broken ttl", spoil: func(c *Config) { c.TTL = 1500 * time.Millisecond }, path: "ttl", substr: "1.5s"},
		{name: "long ttl", spoil: func(c *Config) { c.TTL = maxTTL + time.Second }, path: "ttl", substr: "whole seconds"},
		{name: "type", spoil: func(c *Config) { c.Type = 2 }, path: "type", substr: "standalone, domain"},
		{name: "ordering", spoil: func(c *Config) { c.Ordering = 2 }, path: "ordering", substr: "site-cost, random"},
		{name: "state", spoil: func(c *Config) { c.State = 2 }, path: "state", substr: "online, offline"},
		{name: "interval", spoil: func(c *Config) { c.Probe.Interval = 0 }, path: "probe.interval", substr: "0s"},
		{name: "timeout", spoil: func(c *Config) { c.Probe.Timeout = -1 }, path: "probe.timeout", substr: "-1ns"},
		{name: "slow timeout", spoil: func(c *Config) { c.Probe.Timeout = time.Minute }, path: "probe.timeout", substr: "longer than the interval"},
		{name: "down_after", spoil: func(c *Config) { c.Probe.DownAfter = 0 }, path: "probe.down_after", substr: "1 or more"},
		{name: "up_after", spoil: func(c *Config) { c.Probe.UpAfter = -2 }, path: "probe.up_after", substr: "1 or more"},
		{name: "no path", spoil: func(c *Config) { first(c).Path = "" }, path: "folders[0].path", substr: "missing"},
		{name: "bad path", spoil: func(c *Config) { first(c).Path = `a\b*` }, path: "folders[0].path", substr: "'*'"},
		{name: "folder's comment", spoil: func(c *Config) { first(c).Comment = "\xff" }, path: "folders[0].comment", substr: "UTF-8"},
		{name: "folder's ttl", spoil: func(c *Config) { first(c).TTL = -time.Second }, path: "folders[0].ttl", substr: "whole seconds"},
		{name: "folder's state", spoil: func(c *Config) { first(c).State = 7 }, path: "folders[0].state", substr: "online, offline"},
		{name: "replicates nothing", spoil: func(c *Config) { first(c).Replicates = "branch" }, path: "folders[0].replicates", substr: "group/folder"},
		{name: "replicates too much", spoil: func(c *Config) { first(c).Replicates = "a/b/c" }, path: "folders[0].replicates", substr: "group/folder"},
		{name: "replicates no group", spoil: func(c *Config) { first(c).Replicates = "/b" }, path: "folders[0].replicates", substr: "group/folder"},
		{
			name: "gate of nothing", path: "folders[0].gate.max_lag", substr: "no lag",
			spoil: func(c *Config) { first(c).Replicates, first(c).Gate = "branch/projects", &GateConfig{} },
		},
		{
			name: "gate alone", path: "folders[0].gate", substr: "replicates",
			spoil: func(c *Config) { first(c).Gate = &GateConfig{MaxLag: time.Minute} },
		},
		{name: "no target path", spoil: func(c *Config) { target(c).Path = "" }, path: "folders[0].targets[1].path", substr: "missing"},
		{name: "bad target path", spoil: func(c *Config) { target(c).Path = `\\fs1` }, path: "folders[0].targets[1].path", substr: "no share"},
		{name: "target path with slashes", spoil: func(c *Config) { target(c).Path = "//fs1/x" }, path: "folders[0].targets[1].path", substr: `\\fs1\x`},
		{name: "target's state", spoil: func(c *Config) { target(c).State = 2 }, path: "folders[0].targets[1].state", substr: "online, offline"},
		{name: "priority", spoil: func(c *Config) { target(c).Priority = 5 }, path: "folders[0].targets[1].priority", substr: "global-high"},
		{name: "negative rank", spoil: func(c *Config) { target(c).Rank = -1 }, path: "folders[0].targets[1].rank", substr: "0 (first) and 31 (last)"},
		{name: "rank", spoil: func(c *Config) { target(c).Rank = 32 }, path: "folders[0].targets[1].rank", substr: "0 (first) and 31 (last)"},
		{name: "site", spoil: func(c *Config) { target(c).Site = "a\x00" }, path: "folders[0].targets[1].site", substr: `'\x00'`},
		{name: "member", spoil: func(c *Config) { target(c).Member = "fs 1" }, path: "folders[0].targets[1].member", substr: "blank"},
		{
			name: "same target", path: "folders[0].targets[1].path", other: "folders[0].targets[0].path", substr: "same place as the target `\\\\fs1\\projects`",
			spoil: func(c *Config) { target(c).Path = `\\FS1\Projects` },
		},
		{
			name: "too many targets", path: "folders[0].targets", substr: "1025",
			spoil: func(c *Config) {
				for i := range maxTargets + 1 - len(first(c).Targets) {
					first(c).Targets = append(first(c).Targets, TargetConfig{Path: UNC(fmt.Sprintf(`\\h%d\s`, i))})
				}
			},
		},
		{
			name: "same path", path: "folders[1].path", other: "folders[0].path", substr: "same path as the folder `projects`",
			spoil: func(c *Config) { c.Folders = append(c.Folders, plain("PROJECTS")) },
		},
		{
			name: "same path in slashes", path: "folders[2].path", other: "folders[1].path", substr: "same path as the folder",
			spoil: func(c *Config) { c.Folders = append(c.Folders, plain(`é\b`), plain("É/B")) },
		},
		{
			name: "below a link", path: "folders[1].path", other: "folders[0].path", substr: "lies below the link `projects`",
			spoil: func(c *Config) { c.Folders = append(c.Folders, link(`Projects\x\y`, `\\fs1\y`)) },
		},
		{
			name: "above a link", path: "folders[0].path", other: "folders[1].path", substr: "lies below the link `A`",
			spoil: func(c *Config) { first(c).Path = `a\b`; c.Folders = append(c.Folders, link("A", `\\fs1\a`)) },
		},
		{
			name: "plain below a link", path: "folders[1].path", other: "folders[0].path", substr: "lies below the link",
			spoil: func(c *Config) { c.Folders = append(c.Folders, plain(`projects\x`)) },
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := valid()
			tt.spoil(&c)
			faults := c.Validate()
			if len(faults) != 1 || faults[0].Path != tt.path || faults[0].Other != tt.other || !strings.Contains(faults[0].Message, tt.substr) {
				t.Errorf("Validate() = %+v, want path %q, other %q, message with %q", faults, tt.path, tt.other, tt.substr)
			}
			if s, err := New([]Config{c}); err == nil {
				t.Errorf("New() = %v, want the fault", s)
			}
		})
	}
}

func TestValidateAccepts(t *testing.T) {
	tests := []struct {
		name    string
		folders []FolderConfig
	}{
		{name: "nothing"},
		{name: "plain folder", folders: []FolderConfig{plain("a")}},
		{name: "links side by side", folders: []FolderConfig{link("a", `\\h\a`), link("ab", `\\h\b`), link("a b", `\\h\c`), link("a-b", `\\h\d`)}},
		{name: "link below a plain folder", folders: []FolderConfig{link(`a\b`, `\\h\b`), plain("A")}},
		{name: "names that only look alike", folders: []FolderConfig{link("straße", `\\h\a`), link("strasse", `\\h\b`), link("σ", `\\h\c`), link("ς", `\\h\d`)}},
		{name: "same share on other hosts", folders: []FolderConfig{link("a", `\\h1\s`, `\\h2\s`, `\\h3\s`)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := valid()
			c.Folders = tt.folders
			if faults := c.Validate(); faults != nil {
				t.Errorf("Validate(%s) = %v, want nothing", tt.name, faults)
			}
		})
	}
}

func TestValidateFindsAll(t *testing.T) {
	c := valid()
	c.Name, c.TTL = "", 0
	c.Folders = append(c.Folders, plain("x?"), link(`projects\a`, `\\fs1`), plain("Projects"))
	c.Folders[0].Targets[0].Rank = 40
	c.Folders[3].Targets = make([]TargetConfig, 2)
	var got []string
	for _, f := range c.Validate() {
		got = append(got, f.Path)
	}
	slices.Sort(got)
	want := []string{"folders[0].targets[0].rank", "folders[1].path", "folders[2].path", "folders[2].targets[0].path", "folders[3].path", "folders[3].targets[0].path", "folders[3].targets[1].path", "name", "ttl"}
	if !slices.Equal(got, want) {
		t.Errorf("paths of Validate() = %q, want %q", got, want)
	}
}

func TestValidateAll(t *testing.T) {
	bad, same, nameless := valid(), valid(), valid()
	bad.Name, bad.TTL = "tools", 0
	same.Name = "Public"
	nameless.Name = ""
	got := ValidateAll([]Config{valid(), bad, same, nameless, nameless})
	want := fault.List{
		{Path: "[1].ttl", Message: "0s is not a number of whole seconds from 1s to 1193046h28m15s"},
		{Path: "[2].name", Other: "[0].name", Message: "the name `Public` is taken by the namespace `public`"},
		{Path: "[3].name", Message: "missing; it is the share that clients open"},
		{Path: "[4].name", Message: "missing; it is the share that clients open"},
	}
	if !slices.Equal(got, want) {
		t.Errorf("ValidateAll() = %+v, want %+v", got, want)
	}
	if faults := ValidateAll([]Config{valid()}); faults != nil {
		t.Errorf("ValidateAll() = %v, want nothing", faults)
	}
}
