package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
)

// ErrUnreachable says that nobody answers where a daemon was expected.
var ErrUnreachable = errors.New("daemon unreachable")

// maxAnswer bounds what a Client reads of one answer, in bytes: a listing of a
// namespace of a million folders fits.
const maxAnswer = 1 << 30

// Client asks a running daemon over its unix socket. It is safe for concurrent
// use; its methods answer as those of Picture do, or with ErrUnreachable.
type Client struct {
	socket string
	http   http.Client
}

// NewClient makes a Client of the daemon that listens at socket. It connects
// when it is asked something.
func NewClient(socket string) *Client {
	c := &Client{socket: socket}
	c.http.Transport = &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", socket)
		},
	}
	return c
}

// ask does one request and decodes its answer into out.
func (c *Client) ask(ctx context.Context, method, path string, query url.Values, out any) error {
	if reason, given := ctx.Value(reasonKey{}).(string); given && method == http.MethodPost {
		query = maps.Clone(query)
		if query == nil {
			query = url.Values{}
		}
		query.Set(reasonParam, reason)
	}
	u := url.URL{Scheme: "http", Host: "dfsd", Path: path, RawQuery: query.Encode()}
	req, err := http.NewRequestWithContext(ctx, method, u.String(), nil)
	if err != nil {
		return err
	}
	res, err := c.http.Do(req)
	var dial *net.OpError
	if errors.As(err, &dial) && dial.Op == "dial" {
		return fmt.Errorf("%w on %s: %w", ErrUnreachable, c.socket, dial.Err)
	}
	if err != nil && ctx.Err() == nil && method == http.MethodGet && isCutOff(err) {
		return fmt.Errorf("%w on %s: it ended in the middle of the answer: %w", ErrUnreachable, c.socket, err)
	}
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("read the daemon's answer: %w", err)
	}
	if res.StatusCode != http.StatusOK {
		return readProblem(res.StatusCode, body)
	}
	return json.Unmarshal(body, out)
}

// isCutOff tells whether a connection ended before its answer.
func isCutOff(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// Configuration asks which configuration the daemon runs.
func (c *Client) Configuration(ctx context.Context) (out Configuration, err error) {
	err = c.ask(ctx, http.MethodGet, "/v1/configuration", nil, &out)
	return out, err
}

// Reload has the daemon read its configuration again, and answers which one is
// then in force. ErrRefused: the new one is faulty, and the old one stays.
func (c *Client) Reload(ctx context.Context) (out Configuration, err error) {
	err = c.ask(ctx, http.MethodPost, "/v1/configuration/reload", nil, &out)
	return out, err
}

// Explain answers as Picture.Explain.
func (c *Client) Explain(ctx context.Context, q ExplainQuery) (out Explanation, err error) {
	err = c.ask(ctx, http.MethodGet, "/v1/referral", url.Values{"path": {q.Path}, "client": {text(q.IP)}, "site": {q.Site}}, &out)
	return out, err
}

// SiteOf answers as Picture.SiteOf.
func (c *Client) SiteOf(ctx context.Context, ip netip.Addr) (out SiteAnswer, err error) {
	err = c.ask(ctx, http.MethodGet, "/v1/site", url.Values{"ip": {ip.String()}}, &out)
	return out, err
}

// Sites answers as Picture.Sites.
func (c *Client) Sites(ctx context.Context) (out SiteList, err error) {
	err = c.ask(ctx, http.MethodGet, "/v1/sites", nil, &out)
	return out, err
}

// Cost answers as Picture.Cost.
func (c *Client) Cost(ctx context.Context, from, to string) (out CostAnswer, err error) {
	err = c.ask(ctx, http.MethodGet, "/v1/cost", url.Values{"from": {from}, "to": {to}}, &out)
	return out, err
}

// Namespaces answers as Picture.Namespaces.
func (c *Client) Namespaces(ctx context.Context) (out []NamespaceItem, err error) {
	err = c.ask(ctx, http.MethodGet, "/v1/namespaces", nil, &out)
	return out, err
}

// Namespace answers as Picture.Namespace.
func (c *Client) Namespace(ctx context.Context, name string) (out NamespaceAnswer, err error) {
	err = c.ask(ctx, http.MethodGet, "/v1/namespaces/"+strings.ReplaceAll(name, "/", `\`), nil, &out)
	return out, err
}
