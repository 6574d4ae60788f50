package smbtree

import (
	"errors"
	"strings"

	"dfsd/internal/fscc"
	"dfsd/internal/smb2"
	"dfsd/namespace"
)

// lookup returns the folder of root that the name in a CREATE means; dfs is the
// DFS_OPERATIONS flag of its header. Whatever is or lies below a link gives
// STATUS_PATH_NOT_COVERED, with and without the flag, before anything else is
// said about the name: the server behind the link may well know it ([MS-DFSC]
// 3.2.4.1).
func lookup(root *namespace.Root, name string, dfs bool) (namespace.Node, error) {
	path, err := relative(name, dfs)
	if err != nil {
		return namespace.Node{}, err
	}
	return walk(root, strings.TrimSuffix(path, `\`))
}

// relative returns name as a path below the share. A name with the DFS flag
// begins with a server and a share that are never compared with anything; some
// clients put a backslash before them.
func relative(name string, dfs bool) (string, error) {
	bare := strings.TrimPrefix(name, `\`)
	if !dfs {
		if bare != name {
			return "", smb2.StatusInvalidParameter
		}
		return name, nil
	}
	if bare == "" {
		return "", smb2.StatusInvalidParameter
	}
	_, rest, _ := strings.Cut(bare, `\`)
	share, path, _ := strings.Cut(rest, `\`)
	if strings.Contains(share, ":") {
		return "", smb2.StatusObjectNameInvalid
	}
	return path, nil
}

// walk returns the folder of root at path.
func walk(root *namespace.Root, path string) (namespace.Node, error) {
	if path == "" {
		return root.Top(), nil
	}
	node, err := root.Walk(path)
	if errors.Is(err, namespace.ErrCovered) {
		return namespace.Node{}, smb2.StatusPathNotCovered
	}
	if err := checkPath(path); err != nil {
		return namespace.Node{}, err
	}
	switch {
	case errors.Is(err, namespace.ErrPathNotFound):
		return namespace.Node{}, smb2.StatusObjectPathNotFound
	case err != nil:
		return namespace.Node{}, smb2.StatusObjectNameNotFound
	}
	return node, nil
}

// checkPath returns what forbids path as a path below the share. There are no
// streams, so a colon is as wrong as a wildcard. Devices are refused by name as
// Windows does ([MS-SMB2] 3.3.5.9).
func checkPath(path string) error {
	last := ""
	for name := range strings.SplitSeq(path, `\`) {
		switch {
		case fscc.IsDots(name):
			return smb2.StatusObjectPathSyntaxBad
		case !fscc.ValidName(name):
			return smb2.StatusObjectNameInvalid
		}
		last = name
	}
	if fscc.IsDevice(last) {
		return smb2.StatusAccessDenied
	}
	return nil
}
