package install

import "strings"

// reserved tells whether path lies in the private area, in any case: on a
// file system that folds case it is the same. What is in the holding directory
// is on its way from one place of the folder to another, and may be acted on.
func reserved(path string) bool {
	top, _, _ := strings.Cut(path, "/")
	return strings.EqualFold(top, Private) && !strings.HasPrefix(path, Hold+"/")
}

// rebase returns path as it is after from was renamed to to.
func rebase(path, from, to string) string {
	if path == from {
		return to
	}
	if rest, below := strings.CutPrefix(path, from+"/"); below {
		return to + "/" + rest
	}
	return path
}
