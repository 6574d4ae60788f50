package smbauth

import (
	"testing"
	"time"
)

// TestShareOfReplayCache: a client with one ticket, from which he makes
// authenticators without end, shuts out nobody but himself, and that for a time.
func TestShareOfReplayCache(t *testing.T) {
	alice, bob := newForgery(etypeAES256SHA1), newForgery(etypeAES256SHA1)
	bob.client = principal{[]string{"bob"}, testRealm}
	bob.claimed = bob.client
	a := kerberosAuthenticator(t, alice, nil)
	a.replays.share = 2
	bobs := bob.token()
	later := testNow.Add(4*a.replays.lifetime + time.Second)
	for i, tt := range []struct {
		f     *forgery
		token []byte
		at    time.Time
		want  Reason
	}{
		{f: alice, at: testNow},
		{f: alice, at: testNow},
		{f: alice, at: testNow, want: ReplayCacheFull},
		{f: bob, token: bobs, at: testNow},
		{f: bob, token: bobs, at: testNow, want: Replayed},
		{f: bob, token: bobs, at: testNow, want: Replayed}, // whoever replays does not use up his share
		{f: bob, at: testNow},
		{f: bob, at: testNow, want: ReplayCacheFull},
		{f: alice, at: later},
		{f: alice, at: later},
		{f: alice, at: later.Add(a.replays.lifetime + time.Second), want: ReplayCacheFull},
		{f: alice, at: later.Add(3 * a.replays.lifetime)},
	} {
		token := tt.token
		if token == nil {
			f := *tt.f
			f.at = tt.at
			token = f.token()
		}
		reply, id, err := a.Begin().Step(token, tt.at)
		t.Logf("log-on %d", i)
		checkRefusal(t, tt.f, reply, id, err, tt.want)
	}
	if n := len(a.replays.youngOf) + len(a.replays.oldOf); n != 1 {
		t.Errorf("%d clients are remembered, want the last one", n)
	}
}
