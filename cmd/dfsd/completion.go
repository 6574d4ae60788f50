package main

import (
	"cmp"
	"context"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"dfsd/configs"
	"dfsd/internal/admin"
	"dfsd/namespace"
	"dfsd/replication"
)

// maxCompleted bounds the file that completions are taken from, in bytes: a longer
// one takes longer to read than a shell may wait.
const maxCompleted = 2 << 20

// known is what completions of names and paths are made from.
type known struct {
	source
	host string // as clients name the server
}

// complete calls names with what is known: by the daemon on a socket that was
// given, else by the file. Where neither can be had at once nothing is offered: a
// completion has nobody to tell. What is typed chooses, and no file names are
// offered instead.
func (f *fileFlags) complete(socket *string, names func(ctx context.Context, k known, args []string, typed string) []string) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		ctx, stop := context.WithTimeout(cmd.Context(), completionPatience)
		defer stop()
		var from string
		if socket != nil {
			from = *socket
		}
		k, err := f.known(ctx, from)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return begun(names(ctx, k, args, typed), typed), cobra.ShellCompDirectiveNoFileComp
	}
}

// begun leaves the names that go on from what is typed, each once.
func begun(names []string, typed string) []cobra.Completion {
	var offered []cobra.Completion
	seen := map[string]bool{}
	for _, name := range names {
		if strings.HasPrefix(name, typed) && !seen[name] && len(offered) < maxCompletions {
			seen[name] = true
			offered = append(offered, name)
		}
	}
	return offered
}

func (f *fileFlags) known(ctx context.Context, socket string) (known, error) {
	if socket != "" {
		daemon := admin.NewClient(socket)
		running, err := daemon.Configuration(ctx)
		return known{daemon, running.Host}, err
	}
	file, err := f.glance()
	if err != nil {
		return known{}, err
	}
	picture, err := pictureOf(file, io.Discard)
	if err != nil {
		return known{}, err
	}
	host := file.Host
	if file.SMB != nil && len(file.SMB.Names) > 0 {
		host = file.SMB.Names[0]
	}
	return known{picture, host}, nil
}

// glance loads a file that is quick to load, and asks no DNS for this machine's
// name.
func (f *fileFlags) glance() (*configs.File, error) {
	info, err := os.Stat(f.path())
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxCompleted {
		return nil, context.DeadlineExceeded
	}
	return configs.Loader{Hostname: os.Hostname}.Load(f.path())
}

// completeHosts completes the hosts that a file names as its own.
func (f *fileFlags) completeHosts(_ *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	file, err := f.glance()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	hosts := []string{file.Host}
	if file.Replication != nil {
		hosts = append(hosts, memberHosts(file.Replication)...)
		for _, o := range file.Replication.Observers {
			hosts = append(hosts, o.Host)
		}
	}
	slices.Sort(hosts)
	return begun(hosts, typed), cobra.ShellCompDirectiveNoFileComp
}

// memberHosts are the hosts of all groups, as often as they are in one.
func memberHosts(c *replication.Config) (hosts []string) {
	for _, g := range c.Groups {
		for _, m := range g.Members {
			hosts = append(hosts, m.Host)
		}
	}
	return hosts
}

// namespaceNames are those of the namespaces that args lack.
func namespaceNames(ctx context.Context, k known, args []string, _ string) []string {
	items, err := k.Namespaces(ctx)
	if err != nil {
		return nil
	}
	var names []string
	for _, item := range items {
		if !slices.ContainsFunc(args, func(a string) bool { return namespace.EqualFold(a, item.Name) }) {
			names = append(names, item.Name)
		}
	}
	return names
}

// siteNames are those of the sites that args lack.
func siteNames(ctx context.Context, k known, args []string, _ string) []string {
	list, err := k.Sites(ctx)
	if err != nil {
		return nil
	}
	return slices.DeleteFunc(list.Sites, func(name string) bool { return slices.Contains(args, name) })
}

// only has a completion offer something for the first n arguments alone.
func only(n int, complete cobra.CompletionFunc) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) >= n {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return complete(cmd, args, typed)
	}
}

// slashed writes a path as all shells leave it: backslashes that are completed
// come out halved in some.
func slashed(path string) string { return strings.ReplaceAll(path, `\`, "/") }

// cut takes a path that is typed apart, as far as it goes.
func cut(path string) (host, root, folder string) {
	path = strings.TrimLeft(strings.ReplaceAll(path, "/", `\`), `\`)
	host, path, _ = strings.Cut(path, `\`)
	root, folder, _ = strings.Cut(path, `\`)
	return host, root, strings.TrimRight(folder, `\`)
}

// folders calls what for each folder that a path which is typed may lead to, with
// the path of the folder's namespace, `\\HOST\NAMESPACE`. No folder is the namespace itself.
func (k known) folders(ctx context.Context, typed string, what func(root string, folder *admin.FolderItem)) {
	host, begin, _ := cut(typed)
	if strings.Count(strings.ReplaceAll(typed, "/", `\`), `\`) < 3 { // the host may go on
		host = ""
	}
	host = cmp.Or(host, k.host)
	for _, name := range namespaceNames(ctx, k, nil, "") {
		if len(begin) > len(name) || !namespace.EqualFold(name[:len(begin)], begin) {
			continue
		}
		root := `\\` + host + `\` + name
		what(root, nil)
		all, err := k.Namespace(ctx, name)
		if err != nil {
			continue
		}
		for i := range all.Links {
			what(root, &all.Links[i])
		}
	}
}

// referralPaths are those of namespaces and folders.
func referralPaths(ctx context.Context, k known, _ []string, typed string) []string {
	var paths []string
	k.folders(ctx, typed, func(root string, folder *admin.FolderItem) {
		if folder != nil {
			root += `\` + folder.Path
		}
		paths = append(paths, slashed(root))
	})
	return paths
}

// targetArgs are PATH and then TARGET or HOST of it, or HOST alone.
func targetArgs(ctx context.Context, k known, args []string, typed string) []string {
	if len(args) > 0 {
		return targetsAt(ctx, k, args[0])
	}
	var paths, hosts []string
	k.folders(ctx, typed, func(root string, folder *admin.FolderItem) {
		if folder == nil || len(folder.Targets) == 0 {
			return
		}
		paths = append(paths, slashed(root+`\`+folder.Path))
		for _, t := range folder.Targets {
			hosts = append(hosts, namespace.UNC(t.Path).Host())
		}
	})
	slices.Sort(hosts)
	return append(slices.Compact(hosts), paths...)
}

// targetsAt are the targets of the folder at a path, and the hosts that they are on.
func targetsAt(ctx context.Context, k known, path string) []string {
	_, root, want := cut(path)
	all, err := k.Namespace(ctx, root)
	if err != nil {
		return nil
	}
	var targets, hosts []string
	for _, folder := range all.Links {
		if !namespace.EqualFold(folder.Path, want) {
			continue
		}
		for _, t := range folder.Targets {
			targets = append(targets, slashed(t.Path))
			hosts = append(hosts, namespace.UNC(t.Path).Host())
		}
	}
	return append(targets, hosts...)
}
