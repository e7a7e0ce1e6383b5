// Package devfile says of the kernel's device files what an error about one leaves
// out.
package devfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os/user"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Remedy is what to do about a device that may not be opened, to be put behind the
// error: which group may. It is empty where that is not sure to help: the group may
// not read and write it, or is root's, which is nobody's to join.
func Remedy(path string, err error) string {
	var s unix.Stat_t
	if !errors.Is(err, fs.ErrPermission) || unix.Stat(path, &s) != nil || s.Mode&0o060 != 0o060 || s.Gid == 0 {
		return ""
	}
	group, err := user.LookupGroupId(strconv.Itoa(int(s.Gid)))
	if err != nil {
		return ""
	}
	return fmt.Sprintf("; members of the group %s may open it (adduser USER %s)", group.Name, group.Name)
}

// There lists the devices that there are instead of the one asked for.
func There(names []string) string {
	if len(names) == 0 {
		return "the kernel shows none"
	}
	return "there are " + strings.Join(names, ", ")
}
