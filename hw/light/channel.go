package light

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/physic"

	"kensa/hw/internal/devfile"
)

// Channel is a PWM channel of the kernel's (Documentation/driver-api/pwm.rst).
type Channel struct {
	folder string // pwmN of its chip
	period time.Duration
}

// PWMFolder is where the kernel shows its PWM chips.
const PWMFolder = "/sys/class/pwm"

// OpenChannel takes a channel of a chip, such as pwmchip0, under PWMFolder.
func OpenChannel(root, chip string, number int) (*Channel, error) {
	base := filepath.Join(root, chip)
	c := &Channel{folder: filepath.Join(base, fmt.Sprintf("pwm%d", number))}
	if _, err := os.Stat(c.folder); err == nil {
		return c, nil
	}
	err := write(filepath.Join(base, "export"), strconv.Itoa(number))
	if errors.Is(err, fs.ErrNotExist) {
		chips, globErr := filepath.Glob(filepath.Join(root, "pwmchip*"))
		return nil, errors.Join(fmt.Errorf("light: PWM chip %s: none such; %s", chip, devfile.There(chips)), globErr)
	}
	if err != nil {
		return nil, fmt.Errorf("light: PWM %s channel %d: %w%s", chip, number, err, devfile.Remedy(filepath.Join(base, "export"), err))
	}
	return c, nil
}

// PWM implements Dimmer.
func (c *Channel) PWM(duty gpio.Duty, f physic.Frequency) error {
	if f <= 0 {
		return fmt.Errorf("frequency %v; want more than 0", f)
	}
	period := f.Period()
	on := time.Duration(int64(period) * int64(duty) / int64(gpio.DutyMax))
	if period != c.period {
		// The kernel refuses a period shorter than the pulse that is set.
		if err := c.set("duty_cycle", 0); err != nil {
			return err
		}
		if err := c.set("period", int64(period)); err != nil {
			return err
		}
		c.period = period
	}
	if err := c.set("duty_cycle", int64(on)); err != nil {
		return err
	}
	return c.set("enable", 1)
}

// Halt implements Dimmer: the channel is off.
func (c *Channel) Halt() error { return c.set("enable", 0) }

// String names the channel.
func (c *Channel) String() string {
	return "PWM " + filepath.Base(filepath.Dir(c.folder)) + "/" + filepath.Base(c.folder)
}

func (c *Channel) set(key string, value int64) error {
	return write(filepath.Join(c.folder, key), strconv.FormatInt(value, 10))
}

func write(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}
