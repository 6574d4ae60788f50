package doctor

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io/fs"
	"math/big"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"dfsd/internal/lab/standin"
	"dfsd/namespace"
	"dfsd/referral/health"
	"dfsd/replication"
	"dfsd/sites"
	"dfsd/sites/adsites"
)

func TestSites(t *testing.T) {
	prefix := netip.MustParsePrefix("10.1.0.0/16")
	whole := sites.Config{
		Sites: []string{"HQ", "NY"}, Links: []sites.LinkConfig{{Name: "l", Sites: []string{"HQ", "NY"}, Cost: 1}},
		Subnets: []sites.SubnetConfig{{Prefix: prefix, Site: "HQ"}, {Prefix: netip.MustParsePrefix("10.2.0.0/16"), Site: "NY"}},
	}
	z := serveZone(t, "in.lab.test. 60 A 10.2.0.1", "out.lab.test. 60 A 172.16.0.1")
	ads := &adsites.Config{Refresh: 5 * time.Minute}
	network := Network{Prefix: netip.MustParsePrefix("172.16.5.0/24"), Count: 7, Last: time.Unix(1e9, 0)}
	many := slices.Repeat([]Network{network}, 25)
	for _, tt := range []struct {
		name string
		bend func(*sites.Config, *Options)
		want []expect
	}{
		{"well", nil, []expect{{OK, "topology", "2 sites, 2 subnets, 1 link; this host is in HQ", ""}}},
		{
			"no link", func(c *sites.Config, _ *Options) {
				c.Sites = append(c.Sites, "LON")
				c.Subnets = append(c.Subnets, sites.SubnetConfig{Prefix: netip.MustParsePrefix("10.3.0.0/16"), Site: "LON"})
			},
			[]expect{{Warning, "LON", "no link joins", "{name: LON-HQ, sites: [LON, HQ], cost: 100} to sites.static.links"}},
		},
		{"no subnet", func(c *sites.Config, _ *Options) { c.Subnets = c.Subnets[:1] }, []expect{{Notice, "NY", "no subnet", "samba-tool sites subnet create PREFIX NY"}}},
		{"no subnet, and the default", func(c *sites.Config, o *Options) { c.Subnets, o.DefaultSite = c.Subnets[:1], "ny" }, []expect{{OK, "topology", "2 sites", ""}}},
		{"this host nowhere", func(c *sites.Config, _ *Options) { c.Subnets[0].Prefix = netip.MustParsePrefix("10.9.0.0/16") }, []expect{{Notice, "this host", "10.1.0.7", `{prefix: "10.1.0.0/24", site: SITE} to sites.static.subnets`}}},
		{
			"unknown site of a target", func(_ *sites.Config, o *Options) {
				o.Namespaces = spread(t, namespace.TargetConfig{Path: `\\in.lab.test\a`, Site: "Paris"})
			},
			[]expect{{Failed, "Paris", "does not exist", "samba-tool sites create Paris"}},
		},
		{"target in a subnet", func(_ *sites.Config, o *Options) {
			o.Namespaces = spread(t, namespace.TargetConfig{Path: `\\in.lab.test\a`})
		}, []expect{{OK, "targets", "1 host of targets", ""}}},
		{
			"target in no subnet", func(_ *sites.Config, o *Options) {
				o.Namespaces = spread(t, namespace.TargetConfig{Path: `\\out.lab.test\a`})
			},
			[]expect{{Warning, "out.lab.test", "172.16.0.1, which is in no subnet", "172.16.0.0/24"}},
		},
		{"that names its site", func(_ *sites.Config, o *Options) {
			o.Namespaces = spread(t, namespace.TargetConfig{Path: `\\out.lab.test\a`, Site: "NY"})
		}, []expect{{OK, "targets", "exist", ""}}},
		{"clients", func(_ *sites.Config, o *Options) { o.Live = daemon{networks: []Network{network}} }, []expect{{Warning, "172.16.5.0/24", "7 requests from there without a site, the last at 2001-09-09", "sites.static.subnets"}}},
		{
			"clients with a directory", func(_ *sites.Config, o *Options) { o.Live, o.Directory = daemon{networks: many}, ads },
			[]expect{{Warning, "172.16.5.0/24", "7 requests", "samba-tool sites subnet create 172.16.5.0/24 SITE"}, {Warning, "clients", "5 networks more", "sites.default"}},
		},
		{
			"clients by default", func(_ *sites.Config, o *Options) {
				other := Network{Prefix: netip.MustParsePrefix("172.16.6.0/24"), Count: 9}
				o.Live = daemon{site: "HQ", defaulted: []Network{network, other}}
			},
			[]expect{
				{OK, "clients", "all clients", ""},
				{Notice, "sites.default", "16 requests from 2 networks in no subnet, most from 172.16.6.0/24: sites.default takes them to be at HQ", "172.16.6.0/24"},
			},
		},
		{"all clients have one", func(_ *sites.Config, o *Options) { o.Live = daemon{} }, []expect{{OK, "clients", "all clients", ""}}},
		{"the daemon is mute", func(_ *sites.Config, o *Options) { o.Live, o.Directory = daemon{err: errors.New("gone")}, ads }, []expect{{Skipped, "clients", "gone", ""}, {Skipped, "age", "gone", ""}}},
		{"old", func(_ *sites.Config, o *Options) { o.Live, o.Directory = daemon{age: 11 * time.Minute}, ads }, []expect{{Warning, "age", "11m0s old", "ldap"}}},
		{"never", func(_ *sites.Config, o *Options) { o.Live, o.Directory = daemon{age: -1}, ads }, []expect{{Failed, "age", "never", "ldap"}}},
		{"young", func(_ *sites.Config, o *Options) { o.Live, o.Directory = daemon{age: 9 * time.Minute}, ads }, []expect{{OK, "age", "9m0s ago", ""}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := whole
			c.Subnets, c.Sites = slices.Clone(c.Subnets), slices.Clone(c.Sites)
			o := Options{FreshDNS: []string{z.address}}
			if tt.bend != nil {
				tt.bend(&c, &o)
			}
			o.Topology = topology(t, c)
			wants(t, examine(t, o, Sites), tt.want...)
		})
	}
}

func TestTargets(t *testing.T) {
	s := spread(t, namespace.TargetConfig{Path: `\\fs1\a\b`}, namespace.TargetConfig{Path: `\\fs1\c`}, namespace.TargetConfig{Path: `\\fs2.lab.test\d`, State: namespace.Offline})
	failure := func(stage health.Stage) *health.Failure {
		return &health.Failure{Stage: stage, Err: errors.New("because")}
	}
	fs2 := func(f *health.Failure, local bool) func(string) health.Result {
		return func(host string) health.Result {
			if host == "fs2.lab.test" {
				return health.Result{Host: f, Local: local}
			}
			return health.Result{Targets: []*health.Failure{nil, nil}}
		}
	}
	fs1 := func(fs ...*health.Failure) func(string) health.Result {
		return func(host string) health.Result {
			if host == "fs1" {
				return health.Result{Targets: fs}
			}
			return health.Result{Targets: []*health.Failure{nil}}
		}
	}
	whole := func(f *health.Failure) func(string) health.Result {
		return func(string) health.Result { return health.Result{Host: f} }
	}
	for _, tt := range []struct {
		name   string
		answer func(host string) health.Result
		want   []expect
	}{
		{"well", fs1(nil, nil), []expect{{OK, "fs1", "answers", ""}, {OK, "fs2", "answers", ""}}},
		{"an offline one", fs2(failure(health.StageDial), false), []expect{{OK, "fs1", "answers", ""}, {Notice, "fs2.lab.test", "takes no connection: because", "on fs2.lab.test: systemctl start smbd"}}},
		{"our own fault", fs2(failure(health.StageDial), true), []expect{{Skipped, "fs2.lab.test", "this host could not look", ""}}},
		{"share", fs1(failure(health.StageTree), nil), []expect{{Failed, `\\fs1\a\b`, "share cannot be opened: because", "create the share a,"}}},
		{"no entry", fs1(nil), []expect{{Failed, `\\fs1\c`, "folder in the share cannot be opened: nothing more", "create the folder"}}},
		{"path", fs1(failure(health.StagePath), nil), []expect{{Failed, `\\fs1\a\b`, "folder in the share", `create the folder behind \\fs1\a\b`}}},
		{"dial", whole(failure(health.StageDial)), []expect{{Failed, "fs1", "takes no connection", `dfsd target offline '\\dfs1\public\f0' '\\fs1\a\b'`}}},
		{"resolve", whole(failure(health.StageResolve)), []expect{{Failed, "fs1", "is not found", "name the host in full"}, {Notice, "fs2.lab.test", "is not found", "samba-tool dns add DC lab.test fs2"}}},
		{"negotiate", whole(&health.Failure{Stage: health.StageNegotiate}), []expect{{Failed, "fs1", "no SMB 2 or 3 is spoken there: nothing more", "server min protocol"}}},
		{"log-on", whole(failure(health.StageSession)), []expect{{Failed, "fs1", "refuses the log-on", "namespaces[].probe"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var mu sync.Mutex
			asked := map[string][]string{}
			o := Options{Host: "dfs1", Namespaces: s, ProbeTarget: func(_ context.Context, host string, paths []string) health.Result {
				mu.Lock()
				defer mu.Unlock()
				asked[host] = paths
				return tt.answer(host)
			}}
			wants(t, examine(t, o, Targets), tt.want...)
			if got := asked["fs1"]; !slices.Equal(got, []string{`a\b`, "c"}) {
				t.Errorf("fs1 was asked for %q", got)
			}
		})
	}
}

func TestManyTargets(t *testing.T) {
	targets := make([]namespace.TargetConfig, maxHosts+3)
	for i := range targets {
		targets[i].Path = namespace.UNC(`\\` + netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}).String() + `\a`)
	}
	o := Options{Namespaces: spread(t, targets...), ProbeTarget: func(context.Context, string, []string) health.Result {
		return health.Result{Targets: []*health.Failure{nil}}
	}}
	found := examine(t, o, Targets)
	wants(t, found, expect{Notice, "further hosts", "3 hosts", "namespaces[].probe"})
	if len(found) != maxHosts+1 {
		t.Errorf("%d findings", len(found))
	}
}

func TestDisk(t *testing.T) {
	fine := diskState{free: 100 << 30, inodes: -1}
	for _, tt := range []struct {
		name           string
		state          func(*diskState)
		data, folder   expect
		dataOK, rootOK bool
	}{
		{"well", func(*diskState) {}, expect{OK, "", "100 GiB free", ""}, expect{OK, "", "100 GiB free", ""}, true, true},
		{"little", func(s *diskState) { s.free = 1<<30 - 1 }, expect{Warning, "", "less than 1 GiB", "data_dir"}, expect{Warning, "", "less than staging_quota 4GiB", "staging_quota"}, false, false},
		{"enough for data_dir", func(s *diskState) { s.free = 2 << 30 }, expect{OK, "", "2 GiB free", ""}, expect{Warning, "", "2 GiB free, less than staging_quota", "set staging_quota of the folder p below 2 GiB"}, true, false},
		{"network", func(s *diskState) { s.network = "nfs" }, expect{Warning, "", "network file system nfs", "local disk"}, expect{Failed, "", "changes by others are not seen", "file server itself"}, false, false},
		{"read-only", func(s *diskState) { s.readOnly = true; s.writable = fs.ErrPermission }, expect{Failed, "", "read-only", "remount,rw"}, expect{Failed, "", "read-only", "remount,rw"}, false, false},
		{"not ours", func(s *diskState) { s.writable = fs.ErrPermission }, expect{Failed, "", "cannot write in data_dir", "chown"}, expect{Failed, "", "cannot write in the root", "chown"}, false, false},
		{"inodes", func(s *diskState) { s.inodes = 3 }, expect{Warning, "", "only 3 files more", "df -i"}, expect{Warning, "", "only 3 files more", "df -i"}, false, false},
		{"no xattrs", func(s *diskState) { s.xattrs = errors.New("not supported") }, expect{OK, "", "", ""}, expect{Warning, "", "no extended attributes", "user_xattr"}, true, false},
		{"xattrs unknown", func(s *diskState) { s.xattrs, s.watched = errUnknown, errUnknown }, expect{OK, "", "", ""}, expect{OK, "", "", ""}, true, true},
		{"no fanotify", func(s *diskState) { s.watched = fs.ErrPermission }, expect{OK, "", "", ""}, expect{Notice, "", "each directory is watched", "CAP_SYS_ADMIN"}, true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w, state := lab(), fine
			tt.state(&state)
			w.disk = func(string) (diskState, error) { return state, nil }
			dir := t.TempDir()
			wants(t, examine(t, Options{DataDir: dir, world: w}, Disk), tt.data)
			wants(t, examine(t, Options{Host: "fs1", Replication: folderAt(dir), world: w}, Disk), tt.folder)
		})
	}
	t.Run("none", func(t *testing.T) {
		none := filepath.Join(t.TempDir(), "none")
		wants(t, examine(t, Options{DataDir: none}, Disk), expect{Failed, none, "data_dir does not exist", "install -d -m 700 " + none})
		wants(t, examine(t, Options{Host: "fs1", Replication: folderAt(none)}, Disk), expect{Failed, none, "root of the folder p does not exist", "mkdir -p " + none})
		file := writeFile(t, "f", nil)
		wants(t, examine(t, Options{DataDir: file}, Disk), expect{Failed, file, "not a directory", "data_dir"})
		wants(t, examine(t, Options{Host: "fs9", Replication: folderAt(none)}, Disk))
	})
}

// TestRealDisk looks at the disk that is here, and leaves nothing behind.
func TestRealDisk(t *testing.T) {
	dir := t.TempDir()
	state, err := lookAtDisk(dir)
	if err != nil || state.free == 0 || state.writable != nil || state.readOnly {
		t.Errorf("%+v, %v", state, err)
	}
	if left, _ := filepath.Glob(dir + "/*"); len(left) > 0 {
		t.Errorf("left %v", left)
	}
	if _, err := lookAtDisk(dir + "/none"); err == nil && state.free > 0 {
		t.Error("a directory that is not there has a state")
	}
}

func folderAt(path string) *replication.Config {
	f := replication.FolderConfig{}
	f.SetDefaults()
	f.Name, f.Path = "p", path
	return &replication.Config{Groups: []replication.GroupConfig{{Name: "g", Members: []replication.MemberConfig{{Host: "fs1"}}, Folders: []replication.FolderConfig{f}}}}
}

// member listens as a replication partner does and returns its key.
func member(t *testing.T, protocol string) (string, replication.Fingerprint) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{
		MinVersion: tls.VersionTLS13, NextProtos: []string{protocol}, ClientAuth: tls.RequireAnyClientCert,
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: private}},
	}
	address := standin.Listen(t, nil, func(conn net.Conn) {
		_ = tls.Server(conn, config).HandshakeContext(t.Context()) // it wants a key, and gets none
	})
	return address, sha256.Sum256(cert.RawSubjectPublicKeyInfo)
}

func TestPartners(t *testing.T) {
	address, got := member(t, replicationProtocol)
	web, _ := member(t, "h2")
	group := func(address string, k replication.Fingerprint) *replication.Config {
		return &replication.Config{Groups: []replication.GroupConfig{
			{Name: "g", Members: []replication.MemberConfig{{Host: "fs1"}, {Host: "fs2", Address: address, Key: k}}},
			{Name: "h", Members: []replication.MemberConfig{{Host: "FS1."}, {Host: "fs2", Address: address, Key: k}}},
			{Name: "foreign", Members: []replication.MemberConfig{{Host: "fs8"}, {Host: "fs9", Address: "192.0.2.1:1"}}},
		}}
	}
	for _, tt := range []struct {
		name   string
		config *replication.Config
		want   expect
	}{
		{"well", group(address, got), expect{OK, "fs2", "proves its key", ""}},
		{"another key", group(address, replication.Fingerprint{1}), expect{Failed, "fs2", "proves the key " + got.String(), "dfsd identity on fs2 must print " + got.String()}},
		{"no key", group(address, replication.Fingerprint{}), expect{Failed, "fs2", "no key for the partner", got.String()}},
		{"another service", group(web, got), expect{Failed, "fs2", "is no replication partner", "replication.listen of fs2"}},
		{"closed", group(deadAddress(t), got), expect{Failed, "fs2", "takes no connection", "on fs2: systemctl start dfsd"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			found := examine(t, Options{Host: "fs1", Replication: tt.config}, Replication)
			wants(t, found, tt.want, expect{OK, "g", "all 2 members are joined", ""})
			if n := len(slices.DeleteFunc(found, func(f Finding) bool { return f.Subject != "fs2" })); n != 1 {
				t.Errorf("%d findings about fs2", n)
			}
		})
	}
	t.Run("islands", func(t *testing.T) {
		c := group(address, got)
		c.Groups[0].Topology = replication.TopologyConfig{Connections: []replication.ConnectionConfig{}}
		c.Groups[0].Members = append(c.Groups[0].Members, replication.MemberConfig{Host: "fs3"}, replication.MemberConfig{Host: "fs4"})
		c.Groups[0].Topology.Connections = []replication.ConnectionConfig{{From: "fs1", To: "fs2"}, {From: "fs3", To: "fs4"}}
		wants(t, examine(t, Options{Host: "fs1", Replication: c}, Replication), expect{Warning, "g", "2 islands", "connection between fs1 and fs3"})
	})
}

func TestOwnKey(t *testing.T) {
	own := replication.Fingerprint{7}
	with := func(k replication.Fingerprint, host string) *replication.Config {
		return &replication.Config{Groups: []replication.GroupConfig{{Name: "g", Members: []replication.MemberConfig{{Host: host, Key: k}}}}}
	}
	watching := &replication.Config{Observers: []replication.ObserverConfig{{Host: "fs1", Key: replication.Fingerprint{8}}}}
	for _, tt := range []struct {
		name   string
		config *replication.Config
		err    error
		want   expect
	}{
		{"as expected", with(own, "fs1"), nil, expect{OK, "own key", own.String(), ""}},
		{"another", with(replication.Fingerprint{8}, "FS1"), nil, expect{Failed, "own key", "another key for this host in g", "'" + own.String() + "'"}},
		{"an observer's", watching, nil, expect{Failed, "own key", "in observers", own.String()}},
		{"no member", with(own, "fs2"), nil, expect{Notice, "own key", "in no replication group", ""}},
		{"none", with(own, "fs1"), fs.ErrNotExist, expect{Failed, "own key", "has no key", "dfsd identity --data-dir /var/lib/dfsd"}},
		{"open", with(own, "fs1"), errors.New("others may read the key"), expect{Failed, "own key", "cannot be read", "chmod 600 /var/lib/dfsd/identity.key"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := Options{Host: "fs1", DataDir: "/var/lib/dfsd", Replication: tt.config, OwnKey: func() (replication.Fingerprint, error) { return own, tt.err }}
			wants(t, examine(t, o, Replication), tt.want)
		})
	}
}

// TestOutsider: who sends clients to what replicates has to hear how it does.
func TestOutsider(t *testing.T) {
	own := replication.Fingerprint{7}
	refers := func(replicates string) *namespace.Snapshot {
		folder := namespace.FolderConfig{Path: "f", Replicates: replicates, Targets: []namespace.TargetConfig{{Path: `\\fs2\a`}}}
		folder.SetDefaults()
		root := namespace.Config{Name: "public", Folders: []namespace.FolderConfig{folder}}
		root.SetDefaults()
		s, err := namespace.New([]namespace.Config{root})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	in := expect{Notice, "own key", "in no replication group", ""}
	for _, tt := range []struct {
		name, host, replicates string
		listen                 []string
		want                   expect
	}{
		{"refers", "ns1", "g/p", []string{":445"}, expect{Warning, "own key", "neither a member nor an observer", "put {host: ns1, key: '" + own.String() + "'} into replication.observers"}},
		{"refers to what does not replicate", "ns1", "", []string{":445"}, in},
		{"serves no namespace", "ns1", "g/p", nil, in},
		{"observes", "ns2", "g/p", []string{":445"}, expect{OK, "own key", "as the configuration says", ""}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := Options{
				Host: tt.host, Namespaces: refers(tt.replicates), SMBListen: tt.listen, OwnKey: func() (replication.Fingerprint, error) { return own, nil },
				Replication: &replication.Config{
					Groups:    []replication.GroupConfig{{Name: "g", Members: []replication.MemberConfig{{Host: "fs1"}, {Host: "fs2"}}}},
					Observers: []replication.ObserverConfig{{Host: "ns2", Key: own}},
				},
			}
			wants(t, examine(t, o, Replication), tt.want)
		})
	}
}
