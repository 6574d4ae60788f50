package configs

import (
	"net"
	"strconv"
	"strings"

	"dfsd/internal/fault"
	"dfsd/namespace"
)

// Validate returns every fault of f: those that the rooms find in their
// sections, and those between sections.
func (f *File) Validate() fault.List {
	faults := checkVersion(f.Version)
	if strings.ContainsAny(f.Host, `\/: `) || len(f.Host) > 253 {
		faults.Addf("host", "%q is no host name", f.Host)
	}
	if f.DataDir == "" {
		faults.Addf("data_dir", "no directory; leave the key out for its default")
	}
	faults.Nest("admin", f.Admin.validate())
	if f.SMB != nil {
		faults.Nest("smb", f.SMB.Validate())
	}
	if f.Sites != nil {
		faults.Nest("sites", f.Sites.validate())
	}
	faults.Nest("namespaces", namespace.ValidateAll(f.Namespaces))
	if f.Replication != nil {
		faults.Nest("replication", f.Replication.Validate())
		faults = append(faults, f.validateDataDir()...)
	}
	return append(faults, f.validateReferences()...)
}

func checkVersion(version int) fault.List {
	var faults fault.List
	switch version {
	case Version:
	case 0:
		faults.Addf("version", "missing; the file begins with version: %d", Version)
	default:
		faults.Addf("version", "%d is not known; this program reads version %d", version, Version)
	}
	return faults
}

func (a Admin) validate() fault.List {
	var faults fault.List
	if a.Socket == "" {
		faults.Addf("socket", "no path; leave the key out for its default")
	}
	if a.Listen == "" {
		if a.TokenFile != "" {
			faults.Addf("token_file", "only changes over admin.listen need a token, and there is no admin.listen")
		}
		return faults
	}
	host, port, err := net.SplitHostPort(a.Listen)
	if err != nil || strings.ContainsAny(host, `\/@ `) {
		faults.Addf("listen", "%q is no host:port, for example 127.0.0.1:8420", a.Listen)
	} else if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		faults.Addf("listen", "port %q is no number from 0 to 65535", port)
	}
	return faults
}

func (s Sites) validate() fault.List {
	var faults fault.List
	switch {
	case s.Static == nil:
	case s.LDAP != nil:
		faults.Nest("static", s.Static.ValidateOverlay())
	default:
		faults.Nest("static", s.Static.Validate())
	}
	if s.LDAP != nil {
		faults.Nest("ldap", s.LDAP.Validate())
	}
	return faults
}

// validateDataDir keeps the index out of what it indexes.
func (f *File) validateDataDir() fault.List {
	var faults fault.List
	if at, folder, ok := f.Replication.FolderAround(f.DataDir); ok {
		faults.AddOtherf("data_dir", "replication."+at, "%s would replicate itself: it lies in the replicated folder %q", f.DataDir, folder)
	}
	return faults
}
