package adsites

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"
)

// TestReadRangesAmongMany: what is missing of one object is asked for while
// others of the same answer wait.
func TestReadRangesAmongMany(t *testing.T) {
	c := &controller{usn: 5}
	f := &fakeServer{answer: func(s search) reply {
		switch {
		case s.filter == "(objectClass=siteLink)":
			var all []*ldap.Entry
			for i := range 50 {
				all = append(all, object(linkDN(fmt.Sprintf("l%02d", i)), "siteList;range=0-0", siteDN("HQ"), "cost", "7"))
			}
			return found(all...)
		case s.filter == "(objectClass=siteLinkBridge)":
			var all []*ldap.Entry
			for i := range 50 {
				all = append(all, object(fmt.Sprintf("CN=b%02d,CN=IP,CN=Inter-Site Transports,%s", i, testSites), "siteLinkList;range=0-0", linkDN("l00")))
			}
			return found(all...)
		case len(s.attributes) == 1 && s.attributes[0] == "siteList;range=1-*":
			return found(object(s.base, "siteList;range=1-*", siteDN("NY")))
		case len(s.attributes) == 1 && s.attributes[0] == "siteLinkList;range=1-*":
			return found(object(s.base, "siteLinkList;range=1-*", linkDN("l01")))
		case strings.HasPrefix(s.base, "CN=IP,") && len(s.attributes) == 1 && s.attributes[0] == "options":
			return found(object(s.base, "options", "2"))
		}
		return c.answer(s)
	}}
	ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
	defer stop()
	got, err := plainReader(t, "ldap://"+f.listen(t, nil)).Read(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Config.Links) != 50 || len(got.Config.Bridges) != 50 || len(got.Warnings) != 0 {
		t.Errorf("Read() = %d links, %d bridges, %v, want 50 of each", len(got.Config.Links), len(got.Config.Bridges), got.Warnings)
	}
	for _, l := range got.Config.Links {
		if len(l.Sites) != 2 {
			t.Errorf("link %s joins %v", l.Name, l.Sites)
		}
	}
}
