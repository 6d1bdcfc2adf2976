package fragment

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"time"
)

// What a part of a key is. Functions and blocks of one name have keys apart.
const (
	nameOfTemplate  = 'n'
	nameOfBlock     = 'b'
	nameOfComponent = 'c'
	digestOfSource  = 'd'
)

// key frames each vary value with its kind and length behind head, so that no
// two lists of values meet.
func (k *keeper) key(name, head string, vary []any) (string, error) {
	if len(vary) == 0 {
		return head, nil
	}
	b := make([]byte, 0, len(head)+16*len(vary))
	b = append(b, head...)
	for i, v := range vary {
		var err error
		if b, err = appendValue(b, v, k.allowNil); err != nil {
			return "", fmt.Errorf("fragment %q: vary value %d: %w", name, i+1, err)
		}
	}
	return string(b), nil
}

func appendPart(b []byte, kind byte, text string) []byte {
	b = append(b, kind)
	b = strconv.AppendInt(b, int64(len(text)), 10)
	b = append(b, ':')
	return append(b, text...)
}

func appendValue(b []byte, v any, allowNil bool) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		if !allowNil {
			return nil, errors.New("it is nil or undefined")
		}
		return appendPart(b, 'z', ""), nil
	case string:
		return appendPart(b, 's', v), nil
	case time.Time:
		return appendPart(b, 't', v.Round(0).Format(time.RFC3339Nano)), nil
	case encoding.TextMarshaler:
		if rv := reflect.ValueOf(v); rv.Kind() == reflect.Pointer && rv.IsNil() {
			return appendValue(b, nil, allowNil)
		}
		text, err := v.MarshalText()
		return appendPart(b, 'm', string(text)), err
	}
	rv := reflect.ValueOf(v)
	switch {
	case rv.Kind() == reflect.Pointer:
		if rv.IsNil() {
			return appendValue(b, nil, allowNil)
		}
		return appendValue(b, rv.Elem().Interface(), allowNil)
	case rv.Kind() == reflect.String:
		return appendPart(b, 's', rv.String()), nil
	case rv.Kind() == reflect.Bool:
		return appendPart(b, 'b', strconv.FormatBool(rv.Bool())), nil
	case rv.CanInt():
		return appendPart(b, 'i', strconv.FormatInt(rv.Int(), 10)), nil
	case rv.CanUint():
		return appendPart(b, 'i', strconv.FormatUint(rv.Uint(), 10)), nil
	case rv.CanFloat():
		return appendPart(b, 'f', strconv.FormatFloat(rv.Float(), 'g', -1, 64)), nil
	}
	return nil, fmt.Errorf("a %T has no text form", v)
}

// head begins the keys of a fragment. digest is that of its source, or empty.
func head(kind byte, name, digest string) string {
	b := appendPart(nil, kind, name)
	if digest != "" {
		b = appendPart(b, digestOfSource, digest)
	}
	return string(b)
}
