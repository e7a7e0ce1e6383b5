//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// prepare brings the machine into the state in which programs expect it.
func prepare() error {
	for _, m := range []struct{ kind, at string }{
		{"proc", "/proc"}, {"sysfs", "/sys"}, {"devtmpfs", "/dev"}, {"tmpfs", "/tmp"}, {"tmpfs", "/run"},
	} {
		if err := mount(m.kind, m.at); err != nil {
			return err
		}
	}
	if err := loadModules("/kensa/modules"); err != nil {
		return err
	}
	if err := mount("configfs", "/sys/kernel/config"); err != nil {
		return err
	}
	if err := unix.Sethostname([]byte("kensa-vm")); err != nil {
		return fmt.Errorf("host name: %w", err)
	}
	if err := up("lo", nil); err != nil {
		return err
	}
	for name, value := range map[string]string{"PATH": "/bin", "HOME": "/root", "TMPDIR": "/tmp", "KENSA_VM": "1", "KENSA": "/bin/kensa"} {
		if err := os.Setenv(name, value); err != nil {
			return err
		}
	}
	return nil
}

func mount(kind, at string) error {
	if err := os.MkdirAll(at, 0o755); err != nil {
		return err
	}
	if err := unix.Mount(kind, at, kind, 0, ""); err != nil && err != unix.EBUSY {
		return fmt.Errorf("mount %s: %w", at, err)
	}
	return nil
}

// loadModules loads the modules of a folder in the order of the file `order` in it.
func loadModules(folder string) error {
	order, err := os.ReadFile(filepath.Join(folder, "order"))
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(order)) {
		line, _, _ = strings.Cut(line, "#")
		if name, parameters, _ := strings.Cut(strings.TrimSpace(line), " "); name != "" {
			if err := loadModule(filepath.Join(folder, name+".ko"), parameters); err != nil {
				return fmt.Errorf("module %s: %w", name, err)
			}
		}
	}
	return nil
}

func loadModule(path, parameters string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	return unix.FinitModule(int(file.Fd()), parameters, 0)
}
