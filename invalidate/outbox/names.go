package outbox

import (
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"github.com/stratacache/strata/invalidate"
)

// row is the form of names in the table. JSON holds text: what is none is kept
// beside it, in base64.
type row struct {
	Tags       []string `json:"tags,omitempty"`
	Keys       []string `json:"keys,omitempty"`
	All        bool     `json:"all,omitempty"`
	BinaryTags [][]byte `json:"tags64,omitempty"`
	BinaryKeys [][]byte `json:"keys64,omitempty"`
}

func encode(n invalidate.Names) (string, error) {
	r := row{All: n.All}
	r.Tags, r.BinaryTags = split(n.Tags)
	r.Keys, r.BinaryKeys = split(n.Keys)
	b, err := json.Marshal(r)
	if err != nil {
		return "", fmt.Errorf("outbox: %w", err)
	}
	return string(b), nil
}

func split(names []string) (text []string, binary [][]byte) {
	for _, n := range names {
		if utf8.ValidString(n) {
			text = append(text, n)
		} else {
			binary = append(binary, []byte(n))
		}
	}
	return text, binary
}

func decode(text string) (invalidate.Names, error) {
	var r row
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return invalidate.Names{}, err
	}
	n := invalidate.Names{Tags: r.Tags, Keys: r.Keys, All: r.All}
	for _, t := range r.BinaryTags {
		n.Tags = append(n.Tags, string(t))
	}
	for _, k := range r.BinaryKeys {
		n.Keys = append(n.Keys, string(k))
	}
	return n, nil
}
