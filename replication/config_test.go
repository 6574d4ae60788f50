package replication

import (
	"crypto/sha256"
	"strings"
	"testing"
	"time"

	"dfsd/internal/quantity"
)

// key is a fingerprint of its own for each name.
func key(name string) Fingerprint { return sha256.Sum256([]byte(name)) }

func member(host string) MemberConfig {
	return MemberConfig{Host: host, Address: host + ":5722", Key: key(host)}
}

// valid is a group of three members with one folder; tests bend it.
func valid() Config {
	var c Config
	c.SetDefaults()
	f := FolderConfig{Name: "projects", Path: "/srv/projects", Primary: "fs1"}
	f.SetDefaults()
	f.Filters.SetDefaults()
	c.Groups = []GroupConfig{{
		Name:    "branch",
		Members: []MemberConfig{member("fs1"), member("fs2"), member("fs3.example.com")},
		Folders: []FolderConfig{f},
	}}
	return c
}

func TestValidate(t *testing.T) {
	tests := []struct {
		name string
		bend func(*Config)
		want string // faults, one a line
	}{
		{"valid", func(*Config) {}, ""},
		{"no groups", func(c *Config) { c.Groups = nil }, "groups: no group; leave replication out on a deployment that replicates nothing"},
		{"canary", func(c *Config) { c.Groups[0].Folders[0].Canary = time.Minute }, ""},
		{"canary too often", func(c *Config) { c.Groups[0].Folders[0].Canary = time.Second }, "groups[0].folders[0].canary: 1s is no pause between two canaries: at least 10s, or 0s for none"},
		{"observer", func(c *Config) { c.Observers = []ObserverConfig{{"ns1", key("ns1")}} }, ""},
		{"observer that is a member too", func(c *Config) { c.Observers = []ObserverConfig{{"fs1", key("fs1")}} }, ""},
		{"observer without a key", func(c *Config) { c.Observers = []ObserverConfig{{Host: "ns1"}} }, "observers[0].key: no key; `dfsd identity` on that host prints it"},
		{
			"observers alike", func(c *Config) { c.Observers = []ObserverConfig{{"ns1", key("ns1")}, {"NS1.", key("ns1")}} },
			`observers[1].host: the observer "NS1." stands here already (observers[0].host)`,
		},
		{
			"observer with a member's key", func(c *Config) { c.Observers = []ObserverConfig{{"ns1", key("fs2")}} },
			`observers[0].key: "ns1" has the same key as "fs2" (groups[0].members[1].key)`,
		},
		{"listen", func(c *Config) { c.Listen = "5722" }, `listen: "5722" is no host:port, for example fs1.example.com:5722 or [2001:db8::1]:5722`},
		{"listen anywhere", func(c *Config) { c.Listen = "[::]:0" }, ""},
		{"group names", func(c *Config) {
			c.Groups = append(c.Groups, valid().Groups[0])
			c.Groups[1].Name = "Branch"
			c.Groups[1].Folders[0].Path = "/srv/other"
		}, `groups[1].name: a group is named "Branch" already (groups[0].name)`},
		{
			"group without all", func(c *Config) { c.Groups[0] = GroupConfig{} },
			"groups[0].name: no name\ngroups[0].members: no member\ngroups[0].folders: no folder",
		},
		{
			"group name", func(c *Config) { c.Groups[0].Name = "a/b" },
			`groups[0].name: "a/b" is no name: it must not hold slashes or begin or end with a space`,
		},
		{
			"long name", func(c *Config) { c.Groups[0].Name = strings.Repeat("x", 256) },
			"groups[0].name: the name is longer than 255 bytes",
		},
		{
			"member twice", func(c *Config) { c.Groups[0].Members[2] = member("fs1"); c.Groups[0].Members[2].Host = "FS1." },
			`groups[0].members[2].host: this group has the member "FS1." already (groups[0].members[0].host)`,
		},
		{
			"member without all", func(c *Config) { c.Groups[0].Members[2] = MemberConfig{} },
			"groups[0].members[2].host: no host name\n" +
				"groups[0].members[2].address: no address; want host:port, for example fs1.example.com:5722\n" +
				"groups[0].members[2].key: no key; `dfsd identity` on that host prints it",
		},
		{"member host", func(c *Config) { c.Groups[0].Members[2].Host = `\\fs3` }, `groups[0].members[2].host: "\\\\fs3" is no host name`},
		{
			"address port", func(c *Config) { c.Groups[0].Members[2].Address = "fs3:0" },
			`groups[0].members[2].address: port "0" is no number from 1 to 65535`,
		},
		{
			"address host", func(c *Config) { c.Groups[0].Members[2].Address = ":5722" },
			`groups[0].members[2].address: ":5722" names no host to call`,
		},
		{"two keys", func(c *Config) {
			c.Groups = append(c.Groups, valid().Groups[0])
			c.Groups[1].Name = "other"
			c.Groups[1].Folders[0].Path = "/srv/other"
			c.Groups[1].Members[1].Key = key("new")
		}, `groups[1].members[1].key: "fs2" has another key in a group above (groups[0].members[1].key)`},
		{
			"one key", func(c *Config) { c.Groups[0].Members[1].Key = key("fs1") },
			`groups[0].members[1].key: "fs2" has the same key as "fs1" (groups[0].members[0].key)`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := valid()
			tt.bend(&c)
			if got := c.Validate().Error(); got != tt.want {
				t.Errorf("Validate() =\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

func TestValidateFolder(t *testing.T) {
	tests := []struct {
		name string
		bend func(*FolderConfig)
		want string
	}{
		{"valid", func(*FolderConfig) {}, ""},
		{"override", func(f *FolderConfig) {
			f.Members = map[string]FolderMemberConfig{"FS2": {Path: `D:\projects`, ReadOnly: true}}
		}, ""},
		{"name", func(f *FolderConfig) { f.Name = "" }, "name: no name"},
		{
			"relative", func(f *FolderConfig) { f.Path = "srv/projects" },
			`path: "srv/projects" is not absolute: want for example /srv/projects or D:\projects`,
		},
		{
			"other host", func(f *FolderConfig) { f.Path = "//fs1/projects" },
			`path: "//fs1/projects" is a path on another host; a replicated folder lies on a disk of the member itself`,
		},
		{"parent", func(f *FolderConfig) { f.Path = `C:\a\..\b` }, `path: "C:\\a\\..\\b" must not hold ..`},
		{"whole", func(f *FolderConfig) { f.Path = "/." }, "path: the whole file system cannot be a replicated folder"},
		{"drive", func(f *FolderConfig) { f.Path = `D:\` }, ""},
		{"no path", func(f *FolderConfig) {
			f.Path = ""
			f.Members = map[string]FolderMemberConfig{"fs2": {Path: "/data"}}
		}, "path: no path, neither for all members nor for fs1, fs3.example.com"},
		{"own paths", func(f *FolderConfig) {
			f.Path = ""
			f.Members = map[string]FolderMemberConfig{"fs1": {Path: "/a"}, "fs2": {Path: "/b"}, "fs3.example.com": {Path: "/c"}}
		}, ""},
		{
			"no primary", func(f *FolderConfig) { f.Primary = "" },
			"primary: no primary; name the member whose content wins at the initial sync",
		},
		{"primary", func(f *FolderConfig) { f.Primary = "fs9" }, `primary: "fs9" is no member of this group`},
		{
			"member", func(f *FolderConfig) { f.Members = map[string]FolderMemberConfig{"fs9": {}} },
			`members.fs9: "fs9" is no member of this group`,
		},
		{
			"member twice", func(f *FolderConfig) { f.Members = map[string]FolderMemberConfig{"fs2": {}, "FS2": {}} },
			`members.fs2: "fs2" is named already (members.FS2)`,
		},
		{
			"member path", func(f *FolderConfig) { f.Members = map[string]FolderMemberConfig{"fs3.example.com": {Path: "x"}} },
			`members.fs3.example.com.path: "x" is not absolute: want for example /srv/projects or D:\projects`,
		},
		{
			"read-only primary", func(f *FolderConfig) { f.Members = map[string]FolderMemberConfig{"FS1": {ReadOnly: true}} },
			"members.FS1.read_only: the primary member cannot be read-only",
		},
		{
			"filters", func(f *FolderConfig) {
				f.Filters.Files, f.Filters.Folders = []string{"*.tmp", "[a"}, []string{"a/b", ""}
			},
			"filters.files[1]: \"[a\" is no pattern for one name: want for example '*.tmp', without slashes\n" +
				"filters.folders[0]: \"a/b\" is no pattern for one name: want for example '*.tmp', without slashes\n" +
				"filters.folders[1]: \"\" is no pattern for one name: want for example '*.tmp', without slashes",
		},
		{"settle", func(f *FolderConfig) { f.Settle = -time.Second }, "settle: -1s is not within 0s to 1h"},
		{
			"quotas", func(f *FolderConfig) { f.StagingQuota, f.PreservedQuota = 0, quantity.KiB },
			"staging_quota: 0B is less than 1MiB\npreserved_quota: 1KiB is less than 1MiB",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := valid()
			tt.bend(&c.Groups[0].Folders[0])
			got := strings.ReplaceAll(c.Validate().Error(), "groups[0].folders[0].", "")
			if got != tt.want {
				t.Errorf("Validate() =\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

func TestValidatePaths(t *testing.T) {
	own := func(host, path string) map[string]FolderMemberConfig {
		return map[string]FolderMemberConfig{host: {Path: path}}
	}
	tests := []struct {
		name          string
		first, second FolderConfig
		want          string
	}{
		{"apart", FolderConfig{Path: "/srv/a"}, FolderConfig{Path: "/srv/b"}, ""},
		{"prefix of a name", FolderConfig{Path: "/srv/a"}, FolderConfig{Path: "/srv/ab"}, ""},
		{"case matters", FolderConfig{Path: "/srv/a"}, FolderConfig{Path: "/srv/A"}, ""},
		{
			"same",
			FolderConfig{Path: "/srv/a"},
			FolderConfig{Path: "/srv//a/"},
			`folders[1].path: on fs1, /srv//a/ is already the path of folder "first" (folders[0].path)`,
		},
		{
			"below",
			FolderConfig{Path: "/srv/a"},
			FolderConfig{Path: "/srv/a/b/c"},
			`folders[1].path: on fs1, /srv/a/b/c lies in /srv/a of folder "first" (folders[0].path)`,
		},
		{
			"above",
			FolderConfig{Path: "/srv/a/b"},
			FolderConfig{Path: "/srv/a"},
			`folders[0].path: on fs1, /srv/a/b lies in /srv/a of folder "second" (folders[1].path)`,
		},
		{
			"below on one member",
			FolderConfig{Path: "/srv/a"},
			FolderConfig{Path: "/srv/b", Members: own("FS2", "/srv/a/b")},
			`folders[1].members.FS2.path: on fs2, /srv/a/b lies in /srv/a of folder "first" (folders[0].path)`,
		},
		{"moved away", FolderConfig{Path: "/srv/a"}, FolderConfig{Path: "/srv/b", Members: own("fs2", "/srv/c")}, ""},
		{
			"drives",
			FolderConfig{Path: `D:\a`},
			FolderConfig{Path: `d:/A/b`},
			`folders[1].path: on fs1, d:/A/b lies in D:\a of folder "first" (folders[0].path)`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := valid()
			for i, f := range []FolderConfig{tt.first, tt.second} {
				f.SetDefaults()
				f.Name, f.Primary = []string{"first", "second"}[i], "fs1"
				c.Groups[0].Folders = append(c.Groups[0].Folders[:i], f)
			}
			got := strings.ReplaceAll(c.Validate().Error(), "groups[0].", "")
			if got != tt.want {
				t.Errorf("Validate() =\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

// TestValidatePathsAcrossGroups: a host has one disk, however many groups it
// is in.
func TestValidatePathsAcrossGroups(t *testing.T) {
	c := valid()
	c.Groups = append(c.Groups, valid().Groups[0])
	c.Groups[1].Name = "other"
	c.Groups[1].Members = c.Groups[1].Members[1:]
	c.Groups[1].Folders[0].Primary = "fs2"
	want := `groups[1].folders[0].path: on fs2, /srv/projects is already the path of folder "projects" (groups[0].folders[0].path)`
	if got := c.Validate().Error(); got != want {
		t.Errorf("Validate() =\n%s\nwant\n%s", got, want)
	}
}

func TestValidateTopology(t *testing.T) {
	tests := []struct {
		name string
		in   TopologyConfig
		want string
	}{
		{"full mesh", TopologyConfig{}, ""},
		{"hub", TopologyConfig{Hubs: []string{"FS1"}}, ""},
		{"no hub", TopologyConfig{Hubs: []string{}}, "hubs: no hub; write `topology: full-mesh` to connect all members"},
		{
			"unknown hub",
			TopologyConfig{Hubs: []string{"fs9", ""}},
			"hubs[0]: \"fs9\" is no member of this group\nhubs[1]: no host name; want a member of this group",
		},
		{"hub twice", TopologyConfig{Hubs: []string{"fs1", "FS1"}}, `hubs[1]: "FS1" is a hub already (hubs[0])`},
		{
			"both",
			TopologyConfig{Hubs: []string{"fs1"}, Connections: []ConnectionConfig{{"fs1", "fs2"}}},
			": both hubs and connections; want one of them",
		},
		{"ring", TopologyConfig{Connections: []ConnectionConfig{{"fs1", "fs2"}, {"fs2", "fs3.example.com"}, {"fs3.example.com", "fs1"}}}, ""},
		{
			"no connection",
			TopologyConfig{Connections: []ConnectionConfig{}},
			"connections: no connection with member \"fs1\"\nconnections: no connection with member \"fs2\"\nconnections: no connection with member \"fs3.example.com\"",
		},
		{
			"connections",
			TopologyConfig{Connections: []ConnectionConfig{{"fs1", "fs1"}, {"fs1", "fs9"}, {"fs2", ""}, {"fs1", "fs2"}, {"FS1", "fs2."}}},
			"connections[1].to: \"fs9\" is no member of this group\n" +
				"connections[2].to: no host name; want a member of this group\n" +
				"connections[0]: \"fs1\" would send to itself\n" +
				"connections[4]: \"FS1\" sends to \"fs2.\" already (connections[3])\n" +
				"connections: no connection with member \"fs3.example.com\"",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := valid()
			c.Groups[0].Topology = tt.in
			got := c.Validate().Error()
			got = strings.ReplaceAll(strings.ReplaceAll(got, "groups[0].topology.", ""), "groups[0].topology", "")
			if sortLines(got) != sortLines(tt.want) {
				t.Errorf("Validate() =\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

func TestMember(t *testing.T) {
	g := valid().Groups[0]
	for host, want := range map[string]bool{"fs1": true, "FS1": true, "fs3.example.com.": true, "fs3": false, "": false} {
		if m, ok := g.Member(host); ok != want || (ok && !SameHost(m.Host, host)) {
			t.Errorf("Member(%q) = %v, %v, want %v", host, m, ok, want)
		}
	}
}

func TestFolderAround(t *testing.T) {
	c := valid()
	c.Groups[0].Folders[0].Members = map[string]FolderMemberConfig{"fs2": {Path: `D:\projects`}}
	for path, want := range map[string]string{
		"/srv/projects":       "groups[0].folders[0].path",
		"/srv/projects/.dfsd": "groups[0].folders[0].path",
		"d:/Projects/x":       "groups[0].folders[0].members.fs2.path",
		"/srv/projects2":      "",
		"/srv":                "",
		"srv/projects":        "",
		"":                    "",
	} {
		at, folder, ok := c.FolderAround(path)
		if at != want || ok != (want != "") || (ok && folder != "projects") {
			t.Errorf("FolderAround(%q) = %q, %q, %v, want %q", path, at, folder, ok, want)
		}
	}
}
