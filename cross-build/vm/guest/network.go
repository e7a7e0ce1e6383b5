//go:build linux

package main

import (
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// up switches a network interface on, with an IPv4 address in a network of 24
// bits unless that is nil.
func up(name string, address *netip.Addr) error {
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(socket)
	if address != nil {
		mask := netip.AddrFrom4([4]byte{255, 255, 255, 0})
		err = errors.Join(setAddress(socket, name, unix.SIOCSIFADDR, *address), setAddress(socket, name, unix.SIOCSIFNETMASK, mask))
		if err != nil {
			return fmt.Errorf("network %s: address %v: %w", name, address, err)
		}
	}
	request, err := unix.NewIfreq(name)
	if err != nil {
		return err
	}
	request.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(socket, unix.SIOCSIFFLAGS, request); err != nil {
		return fmt.Errorf("network %s: %w", name, err)
	}
	return nil
}

func setAddress(socket int, name string, request uint, address netip.Addr) error {
	r, err := unix.NewIfreq(name)
	if err != nil {
		return err
	}
	if err := r.SetInet4Addr(address.AsSlice()); err != nil {
		return err
	}
	return unix.IoctlIfreq(socket, request, r)
}
