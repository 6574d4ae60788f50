package smbprobe

import (
	"testing"
	"time"

	"dfsd/internal/smbclient"
)

// TestAccount plays log-ons of one account: + begins one that may, - begins one
// that may not, a is admitted, w finds the password wrong, r is refused, p lets
// the pause pass.
func TestAccount(t *testing.T) {
	for _, script := range []string{
		"+++-w-w-w-p+-",       // three at a time until one is through
		"+a++++++++++",        // proven
		"+w+w+w-p+w-p+a+++++", // one after each pause
		"+a+w+w+a+w+w+",       // refusals not in a row
		"+a+w+w+w-",           // proven no more
		"+r+r+r+r+r",          // refusals that do not count
	} {
		now := time.Unix(1e9, 0)
		var a account
		for i, step := range script {
			switch step {
			case '+', '-':
				if got := a.begin(now); got != (step == '+') {
					t.Errorf("%s: begin at %d = %v", script, i, got)
				}
			case 'p':
				now = now.Add(accountPause)
			default:
				a.end(map[rune]outcome{'a': admitted, 'w': wrongPassword, 'r': refused}[step], now)
			}
		}
	}
}

func TestAccountsAreBounded(t *testing.T) {
	var x accounts
	busy := x.of(smbclient.Credentials{User: "busy"})
	busy.begin(time.Now())
	for i := range 10 * maxAccounts {
		x.of(smbclient.Credentials{Password: string(rune('a' + i))})
	}
	if len(x) > maxAccounts || x.of(smbclient.Credentials{User: "busy"}) != busy {
		t.Errorf("%d accounts, or the one in use is forgotten", len(x))
	}
}

func TestRefusal(t *testing.T) {
	now := time.Unix(1e9, 0)
	a, b := smbclient.Credentials{User: "a"}, smbclient.Credentials{User: "b"}
	r := refusal{}.after(a, false, now)
	if r.wait != retryOther || r.allows(a, now) || !r.allows(b, now) || !r.allows(a, now.Add(retryOther)) {
		t.Errorf("%+v", r)
	}
	for _, want := range []time.Duration{retryFirst, 2 * retryFirst, 4 * retryFirst, 8 * retryFirst, retryLongest, retryLongest} {
		if r = r.after(a, true, now); r.wait != want {
			t.Errorf("wait %v, want %v", r.wait, want)
		}
	}
	if r = r.after(b, true, now); r.wait != retryFirst {
		t.Errorf("wait %v for other credentials", r.wait)
	}
}
