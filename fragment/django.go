package fragment

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
)

// DjangoKey is the key under which Django's template tag cache keeps a fragment
// (make_template_fragment_key), for programs that share its entries, or drop
// them, during a move. Its values meet where their texts do, which is why this
// package has keys of its own.
func DjangoKey(name string, vary ...any) string {
	sum := md5.New()
	for _, v := range vary {
		switch v {
		case nil:
			v = "None"
		case true:
			v = "True"
		case false:
			v = "False"
		}
		fmt.Fprintf(sum, "%v:", v)
	}
	return "template.cache." + name + "." + hex.EncodeToString(sum.Sum(nil))
}
