package smbprobe

import (
	"time"

	"dfsd/internal/smbclient"
)

// Directories lock accounts after a few wrong passwords, wherever they are
// tried. So what was refused is sent again only after a while.
const (
	retryFirst   = 5 * time.Minute // after a wrong password; doubles
	retryLongest = time.Hour
	retryOther   = time.Minute // after a refusal that does not count against the account

	accountRefusals = 3 // hosts in a row that may find the password wrong
	accountPause    = 30 * time.Minute
	maxAccounts     = 64
)

// refusal is what is remembered of a log-on that a host refused.
type refusal struct {
	cred smbclient.Credentials
	wait time.Duration // 0: none was refused
	next time.Time     // when cred may be tried again
}

// allows reports whether cred may be tried at now.
func (r refusal) allows(cred smbclient.Credentials, now time.Time) bool {
	return r.wait == 0 || r.cred != cred || !now.Before(r.next)
}

// after returns what is to be remembered once cred was refused at now.
func (r refusal) after(cred smbclient.Credentials, wrong bool, now time.Time) refusal {
	wait := retryOther
	if wrong {
		wait = retryFirst
		if r.cred == cred && r.wait >= retryFirst {
			wait = min(2*r.wait, retryLongest)
		}
	}
	return refusal{cred: cred, wait: wait, next: now.Add(wait)}
}

// account is what is remembered of credentials over all hosts.
type account struct {
	proven  bool // a host has let them in since the last run of refusals
	trying  int  // log-ons under way
	refused int  // hosts in a row that found the password wrong
	until   time.Time
}

// begin reports whether one more host may be shown the credentials, and counts
// it in.
func (a *account) begin(now time.Time) bool {
	may := a.proven || a.refused+a.trying < accountRefusals
	if !may && a.refused >= accountRefusals && a.trying == 0 {
		may = !now.Before(a.until)
	}
	if may {
		a.trying++
	}
	return may
}

// end counts the log-on out again.
func (a *account) end(o outcome, now time.Time) {
	a.trying--
	switch o {
	case admitted:
		a.proven, a.refused = true, 0
	case wrongPassword:
		if a.refused++; a.refused >= accountRefusals {
			a.proven, a.until = false, now.Add(accountPause)
		}
	}
}

// outcome is how a log-on ended.
type outcome uint8

const (
	undecided     outcome = iota // the server said nothing about the user
	admitted                     //
	wrongPassword                // refused, and perhaps counted against the account
	refused                      // refused for another reason
)

// accounts are those that log-ons were tried with.
type accounts map[smbclient.Credentials]*account

// of returns the account of cred. When there are too many, those that no log-on
// uses now are forgotten.
func (x *accounts) of(cred smbclient.Credentials) *account {
	if a := (*x)[cred]; a != nil {
		return a
	}
	if *x == nil {
		*x = make(accounts)
	}
	if len(*x) >= maxAccounts {
		for c, a := range *x {
			if a.trying == 0 {
				delete(*x, c)
			}
		}
	}
	a := new(account)
	(*x)[cred] = a
	return a
}
