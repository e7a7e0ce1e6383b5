package export

import (
	"errors"
	"fmt"
)

// token is a word of a KLARF file.
type token struct {
	text   string
	quoted bool
	line   int
}

// statement is what stands before a semicolon: a keyword and its words.
type statement struct {
	token
	words []token
}

// statements cuts a KLARF 1.x file at its semicolons, and what is between at
// white space. What stands in double quotes is one word, in one line.
func statements(text string) ([]statement, error) {
	var list []statement
	var words []token
	line := 1
	for at := 0; at < len(text); {
		switch c := text[at]; {
		case c == '\n':
			line++
			at++
		case c == ' ' || c == '\t' || c == '\r':
			at++
		case c == ';':
			if len(words) == 0 {
				return nil, fmt.Errorf("line %d: a semicolon with nothing before it", line)
			}
			list = append(list, statement{words[0], words[1:]})
			words = nil
			at++
		case c == '"':
			word, err := quotedWord(text[at:])
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", line, err)
			}
			words = append(words, token{word, true, line})
			at += len(word) + 2
		default:
			word := bareWord(text[at:])
			words = append(words, token{word, false, line})
			at += len(word)
		}
	}
	if len(words) > 0 {
		return nil, fmt.Errorf("line %d: %q has no semicolon after it", words[0].line, words[0].text)
	}
	return list, nil
}

func quotedWord(text string) (string, error) {
	for i := 1; i < len(text) && text[i] != '\n'; i++ {
		if text[i] == '"' {
			return text[1:i], nil
		}
	}
	return "", errors.New("a quote that is not closed in its line")
}

func bareWord(text string) string {
	for i := range len(text) {
		switch text[i] {
		case ' ', '\t', '\r', '\n', ';', '"':
			return text[:i]
		}
	}
	return text
}
