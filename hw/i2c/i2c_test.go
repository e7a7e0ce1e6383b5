package i2c

import (
	"errors"
	"strings"
	"syscall"
	"testing"
)

func TestErrorsNameTheCause(t *testing.T) {
	for errno, answered := range map[syscall.Errno]bool{syscall.ENXIO: false, syscall.EREMOTEIO: false, syscall.ETIMEDOUT: true, syscall.EIO: true} {
		err := explain("i2c-1", 0x60, errno)
		if errors.Is(err, ErrNoAnswer) == answered || !errors.Is(err, errno) || !strings.Contains(err.Error(), "i2c-1, address 0x60") {
			t.Errorf("%v: %v", errno, err)
		}
	}
	if explain("i2c-1", 0x60, 0) != nil {
		t.Error("an error where there was none")
	}
	if _, err := Open("i2c-999"); err == nil || !strings.Contains(err.Error(), "none such") {
		t.Error(err)
	}
}
