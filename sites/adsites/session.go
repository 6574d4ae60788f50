package adsites

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"
)

const (
	pageSize = 1000
	// stallTimeout is the longest wait for the next entry.
	stallTimeout = 30 * time.Second
	// maxEntries bounds one reading.
	maxEntries = 1_000_000
	// maxBytes bounds the values of one reading.
	maxBytes = 512 << 20
	// controlShowDeleted makes tombstones visible ([MS-ADTS] 3.1.1.3.4.1.14).
	controlShowDeleted = "1.2.840.113556.1.4.417"
)

// session is a bound connection to one server and what that server is.
type session struct {
	conn   *ldap.Conn
	raw    net.Conn // what conn speaks over
	target target
	ends   time.Time // of the first certificate that was shown; zero: none was
	root   rootDSE
	// origin is what cursors of this server begin with.
	origin string
	// deletedHidden: this account does not see tombstones.
	deletedHidden bool
	quiet         quiet
	// feed brings the changes of a mapped directory; nil: it is not followed.
	feed *feed
	// polled: this server is not to be followed.
	polled bool
	woken  chan<- struct{} // receives when feed changed
	now    func() time.Time
}

// quiet remembers that at position the directory still was in state mark, so
// that a look at the same position costs no search.
type quiet struct {
	mark     cursor
	position string
}

// rootDSE is what a server says about itself.
type rootDSE struct {
	configuration  string
	dnsHostName    string
	dsServiceName  string
	usn            int64
	hasUSN         bool
	unsynchronized bool
	controls       map[string]bool
	contexts       []string
}

// budget counts what one reading has taken.
type budget struct{ entries, bytes int }

func (b *budget) take(e *ldap.Entry) error {
	b.entries++
	for _, a := range e.Attributes {
		for _, v := range a.ByteValues {
			b.bytes += len(v)
		}
	}
	if b.entries > maxEntries || b.bytes > maxBytes {
		return fmt.Errorf("the directory holds more than %d objects or %d bytes", maxEntries, maxBytes)
	}
	return nil
}

// query is one search.
type query struct {
	base       string
	scope      int
	filter     string
	attributes []string // none: "1.1", no attributes
	deleted    bool     // tombstones, too
	first      bool     // one entry is enough
}

// search calls each for every entry found, and fails unless the server said
// that these were all. Referrals to other servers are not followed.
func (s *session) search(ctx context.Context, b *budget, q query, each func(*ldap.Entry) error) error {
	if len(q.attributes) == 0 {
		q.attributes = []string{"1.1"}
	}
	request := ldap.NewSearchRequest(q.base, q.scope, ldap.NeverDerefAliases, 0, 0, false, q.filter, q.attributes, nil)
	if q.deleted {
		request.Controls = append(request.Controls, ldap.NewControlString(controlShowDeleted, true, ""))
	}
	paging := ldap.NewControlPaging(pageSize)
	paged := q.scope != ldap.ScopeBaseObject && !q.first && s.root.controls[ldap.ControlTypePaging]
	if q.first {
		request.SizeLimit = 1
	}
	if paged {
		request.Controls = append(request.Controls, paging)
	}
	for {
		cookie, err := s.page(ctx, b, request, each)
		switch {
		case q.first && ldap.IsErrorWithCode(err, ldap.LDAPResultSizeLimitExceeded):
			return nil
		case err != nil:
			return explainSearch(err, q.base)
		case !paged:
			return nil
		case cookie == nil:
			return fmt.Errorf("search %q: the answer has no end", q.base)
		case len(cookie) == 0:
			return nil
		}
		paging.SetCookie(cookie)
	}
}

// page asks for one page and returns the cookie for the next: empty after the
// last page, nil where the server sent none.
func (s *session) page(ctx context.Context, b *budget, request *ldap.SearchRequest, each func(*ldap.Entry) error) ([]byte, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	stall := time.AfterFunc(stallTimeout, func() { stop(fmt.Errorf("no answer within %s", stallTimeout)) })
	defer stall.Stop()

	var cookie []byte
	result := s.conn.SearchAsync(ctx, request, 0)
	for result.Next() {
		stall.Reset(stallTimeout)
		if e := result.Entry(); e != nil {
			if err := b.take(e); err != nil {
				return nil, err
			}
			if err := each(e); err != nil {
				return nil, err
			}
			continue
		}
		if c, ok := ldap.FindControl(result.Controls(), ldap.ControlTypePaging).(*ldap.ControlPaging); ok {
			cookie = append([]byte{}, c.Cookie...)
		}
	}
	// The library ends a search in silence where ctx ended or the connection
	// went before it began; half an answer must not pass for a whole one.
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case result.Err() != nil:
		return nil, result.Err()
	case s.conn.IsClosing():
		return nil, errors.New("the connection broke")
	}
	return cookie, s.conn.GetLastError()
}

// readRoot asks the server what it is; no bind is needed for that.
func (s *session) readRoot(ctx context.Context) (rootDSE, error) {
	var root rootDSE
	found := false
	attributes := []string{
		"configurationNamingContext", "dnsHostName", "dsServiceName", "highestCommittedUSN", "isSynchronized",
		"supportedControl", "namingContexts",
	}
	err := s.search(ctx, &budget{}, query{scope: ldap.ScopeBaseObject, filter: "(objectClass=*)", attributes: attributes}, func(e *ldap.Entry) error {
		found = true
		root = newRootDSE(e)
		return nil
	})
	if err == nil && !found {
		err = errors.New("the server does not say what it is: it hides its rootDSE")
	}
	return root, err
}

func newRootDSE(e *ldap.Entry) rootDSE {
	r := rootDSE{
		configuration:  e.GetEqualFoldAttributeValue("configurationNamingContext"),
		dnsHostName:    e.GetEqualFoldAttributeValue("dnsHostName"),
		dsServiceName:  e.GetEqualFoldAttributeValue("dsServiceName"),
		unsynchronized: strings.EqualFold(e.GetEqualFoldAttributeValue("isSynchronized"), "FALSE"),
		controls:       map[string]bool{},
		contexts:       e.GetEqualFoldAttributeValues("namingContexts"),
	}
	usn, err := strconv.ParseInt(e.GetEqualFoldAttributeValue("highestCommittedUSN"), 10, 64)
	r.usn, r.hasUSN = usn, err == nil && usn >= 0
	for _, oid := range e.GetEqualFoldAttributeValues("supportedControl") {
		r.controls[oid] = true
	}
	return r
}

func (s *session) close() {
	if s.feed != nil {
		s.feed.stop()
		defer s.feed.close()
	}
	_ = s.conn.Close() // nothing is left to lose
}
