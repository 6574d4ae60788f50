//go:build integration

package lab_test

import (
	"testing"

	"dfsd/internal/lab"
)

// TestRPC asks what rpcclient, net view and Explorer ask over the named pipes.
func TestRPC(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, l *lab.Lab, serve servant) {
		host := serve(l, []lab.Folder{{Path: "projects", Targets: []string{lab.UNC(l.Address(), "data")}}})
		client := l.Station("10.99.1.5")
		for _, tt := range []struct {
			commands string
			want     []string
		}{
			{"netshareenumall", []string{"netname: public", "netname: IPC$"}},
			{"netshareenum", []string{"netname: public"}},
			{"netsharegetinfo public", []string{"netname: public"}},
			{"srvinfo", []string{"platform_id", "os version", "server type"}},
			{"wkssvc_wkstagetinfo", nil},
			{"netshareenumall; srvinfo; netshareenumall", []string{"netname: public", "server type"}},
		} {
			t.Run(tt.commands, func(t *testing.T) {
				out := client.Rpcclient(host, lab.Alice, tt.commands)
				if missing := lacks(out.All(), tt.want...); !out.OK() || missing != nil {
					t.Errorf("missing %q:\n%s", missing, out)
				}
			})
		}
	})
}
