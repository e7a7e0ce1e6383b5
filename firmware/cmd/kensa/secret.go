package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// askSecret asks for a password at the terminal, which does not show it. Where
// there is no terminal, nobody can be asked.
func askSecret(c console, prompt string) (string, error) {
	f, ok := c.in.(*os.File)
	if !ok {
		return "", errors.New("a password is needed, and there is no terminal to ask at")
	}
	was, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	if err != nil {
		return "", errors.New("a password is needed, and there is no terminal to ask at")
	}
	hidden := *was
	hidden.Lflag &^= unix.ECHO
	fmt.Fprint(c.err, prompt)
	if err := unix.IoctlSetTermios(int(f.Fd()), unix.TCSETS, &hidden); err != nil {
		return "", err
	}
	answer, err := awaitLine(c, f)
	fmt.Fprintln(c.err)
	return answer, errors.Join(err, unix.IoctlSetTermios(int(f.Fd()), unix.TCSETS, was))
}

// awaitLine reads a line, or gives up when the context ends; the reading then
// ends with the program.
func awaitLine(ctx context.Context, from io.Reader) (string, error) {
	type answer struct {
		text string
		err  error
	}
	got := make(chan answer, 1)
	go func() {
		text, err := firstLine(from)
		got <- answer{text, err}
	}()
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case a := <-got:
		return a.text, a.err
	}
}

func firstLine(from io.Reader) (string, error) {
	text, err := bufio.NewReader(from).ReadString('\n')
	if errors.Is(err, io.EOF) && text != "" {
		err = nil
	}
	return strings.TrimRight(text, "\r\n"), err
}
