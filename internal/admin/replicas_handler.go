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

// handleReplicas adds the endpoints of replication to mux. The Replicas are
// asked for at each request, because a reload may replace them.
func handleReplicas(mux *http.ServeMux, d Daemon) {
	on := func(pattern string, answer func(Replicas, *http.Request) (any, error)) {
		mux.Handle(pattern, reply(func(r *http.Request) (any, error) {
			replicas := d.Replicas()
			if replicas == nil {
				return nil, ErrNoReplication
			}
			return answer(replicas, r)
		}))
	}
	on("GET /v1/replication", func(a Replicas, r *http.Request) (any, error) { return statusOver(a, r) })
	on("GET /v1/replication/backlog", func(a Replicas, r *http.Request) (any, error) { return backlogOver(a, r) })
	on("GET /v1/replication/file", func(a Replicas, r *http.Request) (any, error) { return inspectOver(a, r) })
	on("POST /v1/replication/pause", changing("paused", Replicas.Pause))
	on("POST /v1/replication/resume", changing("resumed", Replicas.Resume))
	on("POST /v1/replication/sync", syncOver)
	on("GET /v1/preserved", func(a Replicas, r *http.Request) (any, error) {
		files, err := a.Preserved(r.Context(), r.FormValue("folder"))
		return listed(files), err
	})
	on("POST /v1/preserved/restore", func(a Replicas, r *http.Request) (any, error) { return restoreOver(a, r) })
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
	found, err := a.Backlog(r.Context(), r.FormValue("folder"), r.FormValue("member"), limit)
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
		if out.Folder, err = folderOfPreserved(r.Context(), a, out.ID); err != nil {
			return out, err
		}
	}
	out.Path, err = a.Restore(r.Context(), out.Folder, out.ID, r.FormValue("to"))
	return out, err
}

// folderOfPreserved finds the one folder whose preserved store holds id.
func folderOfPreserved(ctx context.Context, a Replicas, id string) (string, error) {
	files, err := a.Preserved(ctx, "")
	if err != nil {
		return "", err
	}
	var folders []string
	for _, f := range files {
		if f.ID == id {
			folders = append(folders, f.Group+"/"+f.Folder)
		}
	}
	switch len(folders) {
	case 0:
		return "", fmt.Errorf("%w: no preserved file has the id %q; `dfsd preserved list` shows them", ErrNotFound, id)
	case 1:
		return folders[0], nil
	}
	return "", fmt.Errorf("%w: %s each preserve a file with the id %q; say which is meant with --folder", ErrBadRequest, strings.Join(folders, " and "), id)
}
