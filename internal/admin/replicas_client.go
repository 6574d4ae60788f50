package admin

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"dfsd/replication/status"
)

// ReplicasClient is the Replicas of a running daemon. Where that has none,
// every method answers ErrNoReplication.
type ReplicasClient struct{ c *Client }

var _ Replicas = ReplicasClient{}

// Replicas asks about replication.
func (c *Client) Replicas() ReplicasClient { return ReplicasClient{c: c} }

// Status implements Replicas.
func (r ReplicasClient) Status(ctx context.Context) (out status.Replication, err error) {
	err = r.c.ask(ctx, http.MethodGet, "/v1/replication", nil, &out)
	return out, err
}

// Backlog implements Replicas.
func (r ReplicasClient) Backlog(ctx context.Context, folder, member string, limit int) (out []status.Backlog, err error) {
	q := url.Values{"folder": {folder}, "member": {member}, "limit": {strconv.Itoa(limit)}}
	err = r.c.ask(ctx, http.MethodGet, "/v1/replication/backlog", q, &out)
	return out, err
}

// Pause implements Replicas.
func (r ReplicasClient) Pause(ctx context.Context, folder string) error {
	return r.change(ctx, "pause", folder, url.Values{})
}

// Resume implements Replicas.
func (r ReplicasClient) Resume(ctx context.Context, folder string) error {
	return r.change(ctx, "resume", folder, url.Values{})
}

// Sync implements Replicas.
func (r ReplicasClient) Sync(ctx context.Context, folder string, wait bool) error {
	return r.change(ctx, "sync", folder, url.Values{"wait": {strconv.FormatBool(wait)}})
}

// change asks for a change of one folder, or of all.
func (r ReplicasClient) change(ctx context.Context, verb, folder string, q url.Values) error {
	q.Set("folder", folder)
	if folder == "" {
		q.Set("all", "true")
	}
	return r.c.ask(ctx, http.MethodPost, "/v1/replication/"+verb, q, &Change{})
}

// Inspect implements Replicas.
func (r ReplicasClient) Inspect(ctx context.Context, path string) (out status.File, err error) {
	err = r.c.ask(ctx, http.MethodGet, "/v1/replication/file", url.Values{"path": {path}}, &out)
	return out, err
}

// Preserved implements Replicas.
func (r ReplicasClient) Preserved(ctx context.Context, folder string) (out []status.PreservedFile, err error) {
	err = r.c.ask(ctx, http.MethodGet, "/v1/preserved", url.Values{"folder": {folder}}, &out)
	return out, err
}

// Restore implements Replicas.
func (r ReplicasClient) Restore(ctx context.Context, folder, id, to string) (string, error) {
	a, err := r.RestoreAnywhere(ctx, folder, id, to)
	return a.Path, err
}

// RestoreAnywhere is Restore that needs no folder: where folder is "", the one
// store that holds id is meant. ErrBadRequest: more than one folder holds it.
func (r ReplicasClient) RestoreAnywhere(ctx context.Context, folder, id, to string) (out RestoreAnswer, err error) {
	q := url.Values{"folder": {folder}, "id": {id}, "to": {to}}
	err = r.c.ask(ctx, http.MethodPost, "/v1/preserved/restore", q, &out)
	return out, err
}
