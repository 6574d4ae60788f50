package smbd

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"dfsd/internal/smb2"
)

// TestManyConnections lets clients do everything at once, on connections that
// come and go, while namespaces change and users take their own sessions over.
// What the race detector and the harness find at the end is the result.
func TestManyConnections(t *testing.T) {
	const clients, rounds = 16, 6
	h := listen(t, testOptions(t))
	var sessions sync.Map // the last session of each client
	var wg sync.WaitGroup
	for n := range clients {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(n)))
			for range rounds {
				c := newClient(t, h.dial())
				c.negotiate(offer(smb2.Dialect311))
				c.wantLogon(smb2.StatusSuccess, testUser, testPassword, func(q *smb2.SessionSetupRequest) {
					if id, ok := sessions.Load(random.IntN(clients)); ok && random.IntN(3) == 0 {
						q.PreviousSessionID = id.(uint64)
					}
				})
				sessions.Store(n, c.session)
				c.seal = random.IntN(2) == 0
				for range 20 {
					if !c.doSomething(random) {
						break
					}
				}
				c.nc.Close() //nolint:errcheck // part of the stress
			}
		})
	}
	stop := make(chan struct{})
	changes := make(chan struct{})
	go func() {
		defer close(changes)
		for {
			select {
			case <-stop:
				return
			default:
				h.NamespaceChanged()
			}
		}
	}()
	wg.Wait()
	close(stop)
	<-changes
}

// doSomething sends one frame and takes answers until it has its own. Watches
// may end at any time in between. It reports false where the session has been
// taken over.
func (c *client) doSomething(random *rand.Rand) bool {
	share := []string{"public", "IPC$"}[random.IntN(2)]
	chains := [][]operation{
		related(treeOp(share), ioctlOp(referralRequest(fmt.Sprintf(`\fs1\public\docs\projects\%d`, random.IntN(9)), 4, 4096)), untreeOp()),
		related(treeOp("public"), createOp("docs"), queryOp(18), closeOp(smb2.AnyFileID), untreeOp()),
		related(treeOp("public"), createOp("docs"), notifyOp()),
		related(treeOp("public"), createOp(""), listOp(), listOp(), closeOp(smb2.AnyFileID)),
		{echoOp()},
		{treeOp(share)},
	}
	ops := chains[random.IntN(len(chains))]
	first := c.nextID
	c.send(ops...)
	for {
		list, err := c.tryReceive()
		if err != nil && c.seal {
			return false // nobody has the key of a session that was taken over
		}
		if err != nil {
			c.t.Errorf("receive: %v", err)
			return false
		}
		if list[0].MessageID != first {
			continue
		}
		for _, r := range list {
			if r.Status == smb2.StatusUserSessionDeleted {
				return false
			}
			if r.Status != smb2.StatusSuccess && r.Status != smb2.StatusPending && r.Status != smb2.StatusNoMoreFiles {
				c.t.Errorf("%v answered with %v", r.Command, r.Status)
			}
		}
		return true
	}
}
