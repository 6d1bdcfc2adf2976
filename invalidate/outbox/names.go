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
	Tags         []string `json:"tags,omitempty"`
	Keys         []string `json:"keys,omitempty"`
	Expire       []string `json:"expire,omitempty"`
	All          bool     `json:"all,omitempty"`
	BinaryTags   [][]byte `json:"tags64,omitempty"`
	BinaryKeys   [][]byte `json:"keys64,omitempty"`
	BinaryExpire [][]byte `json:"expire64,omitempty"`
}

func encode(n invalidate.Names) (string, error) {
	r := row{All: n.All}
	r.Tags, r.BinaryTags = split(n.Tags)
	r.Keys, r.BinaryKeys = split(n.Keys)
	r.Expire, r.BinaryExpire = split(n.Expire)
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
	n := invalidate.Names{Tags: r.Tags, Keys: r.Keys, Expire: r.Expire, All: r.All}
	for into, names := range map[*[]string][][]byte{&n.Tags: r.BinaryTags, &n.Keys: r.BinaryKeys, &n.Expire: r.BinaryExpire} {
		for _, b := range names {
			*into = append(*into, string(b))
		}
	}
	return n, nil
}
