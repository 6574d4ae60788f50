package admin

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"dfsd/replication/status"
)

// replicaRoutes are the routes of replication.
func replicaRoutes() []route {
	return append(replicaReadingRoutes(), replicaChangingRoutes()...)
}

// replicaFails are the errors that every route of replication may end in.
func replicaFails(more ...error) []error {
	return append([]error{ErrNoReplication, ErrUnknownFolder, ErrNotFound, ErrBadRequest, context.DeadlineExceeded}, more...)
}

// oneFolder is the parameter that names a folder.
func oneFolder() param {
	return query("folder", "GROUP/FOLDER; all folders of this host where it is not given")
}

func replicaReadingRoutes() []route {
	return []route{
		{
			method: http.MethodGet, path: "/v1/replication", summary: "State of the replicated folders of this host",
			answer: replicas(func(a Replicas, r *http.Request) (any, error) { return statusOver(a, r) }),
			gives:  status.Replication{}, fails: replicaFails(),
		},
		{
			method: http.MethodGet, path: "/v1/replication/backlog", summary: "What this host and its partners lack of each other's files",
			params: []param{
				oneFolder(), query("member", "host of one partner; all where it is not given"),
				number("limit", fmt.Sprintf("most files to list in each direction: 0 … %d, %d where it is not given", MaxBacklog, DefaultBacklog)),
			},
			answer: replicas(func(a Replicas, r *http.Request) (any, error) { return backlogOver(a, r) }),
			gives:  []status.Backlog{}, fails: replicaFails(),
		},
		{
			method: http.MethodGet, path: "/v1/replication/file", summary: "What is known of one path",
			params: []param{needed(query("path", "absolute path of this host, or GROUP/FOLDER/PATH"))},
			answer: replicas(func(a Replicas, r *http.Request) (any, error) { return inspectOver(a, r) }),
			gives:  status.File{}, fails: replicaFails(),
		},
		{
			method: http.MethodGet, path: "/v1/preserved", summary: "What the preserved store holds, oldest first",
			params: []param{oneFolder()},
			answer: replicas(func(a Replicas, r *http.Request) (any, error) {
				files, err := a.Preserved(r.Context(), r.FormValue("folder"))
				return listed(files), err
			}),
			gives: []status.PreservedFile{}, fails: replicaFails(),
		},
	}
}

func replicaChangingRoutes() []route {
	which := []param{query("folder", "GROUP/FOLDER; either this or all"), flag("all", "true: all folders of this host")}
	toFolder := func(verb, summary string, answer func(Replicas, *http.Request) (any, error), more ...param) route {
		return route{
			method: http.MethodPost, path: "/v1/replication/" + verb, summary: summary, params: slices.Concat(which, more),
			answer: replicas(answer), gives: Change{}, fails: replicaFails(),
			change: &change{action: "replication." + verb, object: value("folder", "all folders")},
		}
	}
	return []route{
		toFolder("pause", "Stops a folder, also over restarts", changing("paused", Replicas.Pause)),
		toFolder("resume", "Ends what pause began", changing("resumed", Replicas.Resume)),
		toFolder("sync", "Compares a folder with the disk and asks all partners anew", syncOver, flag("wait", "true: answers when nothing is owed in either direction")),
		{
			method: http.MethodPost, path: "/v1/preserved/restore", summary: "Takes a file out of the preserved store; nothing is overwritten",
			params: []param{
				needed(query("id", "id of the file in the preserved store")),
				query("folder", "GROUP/FOLDER; may be left out where one folder alone holds the id"),
				query("to", "path to restore to, relative to the folder or absolute below it; where it was if it is not given"),
			},
			answer: replicas(func(a Replicas, r *http.Request) (any, error) { return restoreOver(a, r) }),
			gives:  RestoreAnswer{}, fails: replicaFails(),
			change: &change{action: "preserved.restore", object: value("id", "")},
		},
	}
}

// replicas asks the Replicas of this moment: a reload may replace them.
func replicas(answer func(Replicas, *http.Request) (any, error)) func(Daemon, *http.Request) (any, error) {
	return func(d Daemon, r *http.Request) (any, error) {
		found := d.Replicas()
		if found == nil {
			return nil, ErrNoReplication
		}
		return answer(found, r)
	}
}

// listed makes no list an empty one, which JSON tells from null.
func listed[T any](items []T) []T {
	if items == nil {
		return []T{}
	}
	return items
}

func statusOver(a Replicas, r *http.Request) (status.Replication, error) {
	s, err := a.Status(r.Context())
	s.Folders = slices.Clone(listed(s.Folders)) // the answerer may show others the same
	for i := range s.Folders {
		f := &s.Folders[i]
		f.Connections = slices.Clone(listed(f.Connections))
		for j := range f.Connections {
			f.Connections[j].OldestSeconds = finite(f.Connections[j].OldestSeconds)
		}
		if f.Progress != nil {
			p := *f.Progress
			p.FilesPerSecond, p.BytesPerSecond, p.SecondsLeft = finite(p.FilesPerSecond), finite(p.BytesPerSecond), finite(p.SecondsLeft)
			f.Progress = &p
		}
	}
	return s, err
}

// finite is x, or -1 (unknown) where x is a rate over no time at all: JSON has
// no word for it.
func finite(x float64) float64 {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return -1
	}
	return x
}

func backlogOver(a Replicas, r *http.Request) ([]status.Backlog, error) {
	limit := DefaultBacklog
	if text := r.FormValue("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return nil, fmt.Errorf("%w: limit: %q is no number of files", ErrBadRequest, text)
		}
		limit = min(n, MaxBacklog)
	}
	member := r.FormValue("member")
	found, err := a.Backlog(r.Context(), r.FormValue("folder"), member, limit)
	if err == nil && len(found) == 0 && member != "" { // nothing is owed to a misspelt name: that is no answer
		return nil, fmt.Errorf("%w: no partner of this host is named %q; `dfsd replication status` shows them", ErrNotFound, member)
	}
	found = slices.Clone(listed(found))
	for i := range found {
		found[i].Items = listed(found[i].Items)
	}
	return found, err
}

func inspectOver(a Replicas, r *http.Request) (status.File, error) {
	path := r.FormValue("path")
	if path == "" {
		return status.File{}, fmt.Errorf("%w: path: want an absolute path of this host, or group/folder/path", ErrBadRequest)
	}
	f, err := a.Inspect(r.Context(), path)
	f.Xattrs = listed(f.Xattrs)
	if f.HeldBy == nil {
		f.HeldBy = map[string]string{}
	}
	return f, err
}

// folderToChange is the folder that a change is for; that of all is said
// outright, so that a forgotten name does not stop a host.
func folderToChange(r *http.Request) (string, error) {
	folder, all := r.FormValue("folder"), r.FormValue("all") == "true"
	if all != (folder == "") {
		return "", fmt.Errorf("%w: want either folder=GROUP/FOLDER or all=true", ErrBadRequest)
	}
	return folder, nil
}

func changing(did string, change func(Replicas, context.Context, string) error) func(Replicas, *http.Request) (any, error) {
	return func(a Replicas, r *http.Request) (any, error) {
		folder, err := folderToChange(r)
		if err != nil {
			return nil, err
		}
		return Change{Folder: folder, Did: did}, change(a, r.Context(), folder)
	}
}

func syncOver(a Replicas, r *http.Request) (any, error) {
	wait, did := r.FormValue("wait") == "true", "started"
	if wait {
		did = "finished"
	}
	return changing(did, func(a Replicas, ctx context.Context, folder string) error { return a.Sync(ctx, folder, wait) })(a, r)
}

func restoreOver(a Replicas, r *http.Request) (out RestoreAnswer, err error) {
	out = RestoreAnswer{Folder: r.FormValue("folder"), ID: r.FormValue("id")}
	if out.ID == "" {
		return out, fmt.Errorf("%w: id: want one that `dfsd preserved list` shows", ErrBadRequest)
	}
	if out.Folder == "" {
		if out.Folder, out.ID, err = findPreserved(r.Context(), a, out.ID); err != nil {
			return out, err
		}
	}
	out.Path, err = a.Restore(r.Context(), out.Folder, out.ID, r.FormValue("to"))
	return out, err
}

// findPreserved finds the one folder whose preserved store holds id, and the id
// in full: its leading zeros need not be typed.
func findPreserved(ctx context.Context, a Replicas, id string) (folder, full string, err error) {
	files, err := a.Preserved(ctx, "")
	if err != nil {
		return "", "", err
	}
	short := strings.TrimLeft(id, "0")
	var folders []string
	for _, f := range files {
		if strings.EqualFold(strings.TrimLeft(f.ID, "0"), short) {
			folders, full = append(folders, f.Group+"/"+f.Folder), f.ID
		}
	}
	switch len(folders) {
	case 0:
		return "", "", fmt.Errorf("%w: no preserved file has the id %q; `dfsd preserved list` shows them", ErrNotFound, id)
	case 1:
		return folders[0], full, nil
	}
	return "", "", fmt.Errorf("%w: %s each preserve a file with the id %q; say which is meant with --folder", ErrBadRequest, strings.Join(folders, " and "), id)
}
