package smbauth

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Users is an immutable table of names and NT hashes. A nil table has no
// users. Names are compared as Windows does, without regard to case.
type Users struct {
	byName map[string]account // by folded name
}

type account struct {
	name string // as it was written
	hash Hash
}

// NewUsers makes a table. Names that differ in case alone are refused, as are
// names that CheckUserName refuses.
func NewUsers(hashes map[string]Hash) (*Users, error) {
	u := &Users{byName: make(map[string]account, len(hashes))}
	for name, hash := range hashes {
		if err := u.add(name, hash); err != nil {
			return nil, err
		}
	}
	return u, nil
}

func (u *Users) add(name string, hash Hash) error {
	if err := CheckUserName(name); err != nil {
		return err
	}
	folded := foldName(name)
	if have, ok := u.byName[folded]; ok {
		return fmt.Errorf("user %q is the same as %q: names are compared without regard to case", name, have.name)
	}
	u.byName[folded] = account{name: name, hash: hash}
	return nil
}

// Len returns the number of users.
func (u *Users) Len() int {
	if u == nil {
		return 0
	}
	return len(u.byName)
}

// lookup returns a user's name as written and his hash; for a name that is not
// in the table, decoy.
func (u *Users) lookup(name string, decoy Hash) (written string, hash Hash, known bool) {
	var have account
	if u != nil {
		have, known = u.byName[foldName(name)]
	}
	if !known {
		return "", decoy, false
	}
	return have.name, have.hash, true
}

// maxUserName bounds an account name in characters; Windows allows 104 in a
// user principal name's first part.
const maxUserName = 104

// refusedInNames are the characters that Windows refuses in an account name.
const refusedInNames = `"/\[]:;|=,+*?<>@`

// CheckUserName says what is wrong with an account name, if anything.
func CheckUserName(name string) error {
	switch {
	case name == "":
		return errors.New("a user name must not be empty")
	case !utf8.ValidString(name):
		return fmt.Errorf("user name %q is not UTF-8", name)
	case utf8.RuneCountInString(name) > maxUserName:
		return fmt.Errorf("user name of %d characters, most is %d", utf8.RuneCountInString(name), maxUserName)
	case strings.TrimFunc(name, unicode.IsSpace) != name || strings.Trim(name, ".") == "":
		return fmt.Errorf("user name %q begins or ends with a space, or is dots alone", name)
	}
	for _, r := range name {
		if unicode.IsControl(r) || strings.ContainsRune(refusedInNames, r) {
			return fmt.Errorf("user name %q holds %q, which Windows refuses in account names", name, r)
		}
	}
	return nil
}
