package fragment

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/stratacache/strata/cache"
)

// fragmentKey frames the name and each vary value with its kind and length, so
// that no two lists of values meet.
func fragmentKey(name string, vary []any, allowNil bool) (string, error) {
	var b strings.Builder
	part(&b, 'n', name)
	for i, v := range vary {
		if err := varyPart(&b, v, allowNil); err != nil {
			return "", fmt.Errorf("fragment %q: vary value %d: %w", name, i+1, err)
		}
	}
	return b.String(), nil
}

func part(b *strings.Builder, kind byte, text string) {
	b.WriteByte(kind)
	b.WriteString(strconv.Itoa(len(text)))
	b.WriteByte(':')
	b.WriteString(text)
}

func varyPart(b *strings.Builder, v any, allowNil bool) error {
	switch v := v.(type) {
	case nil:
		if !allowNil {
			return errors.New("it is nil or undefined")
		}
		part(b, 'z', "")
		return nil
	case time.Time:
		part(b, 't', v.Round(0).Format(time.RFC3339Nano))
		return nil
	case encoding.TextMarshaler:
		if rv := reflect.ValueOf(v); rv.Kind() == reflect.Pointer && rv.IsNil() {
			return varyPart(b, nil, allowNil)
		}
		text, err := v.MarshalText()
		if err == nil {
			part(b, 'm', string(text))
		}
		return err
	}
	rv := reflect.ValueOf(v)
	switch {
	case rv.Kind() == reflect.Pointer:
		if rv.IsNil() {
			return varyPart(b, nil, allowNil)
		}
		return varyPart(b, rv.Elem().Interface(), allowNil)
	case rv.Kind() == reflect.String:
		part(b, 's', rv.String())
	case rv.Kind() == reflect.Bool:
		part(b, 'b', strconv.FormatBool(rv.Bool()))
	case rv.CanInt():
		part(b, 'i', strconv.FormatInt(rv.Int(), 10))
	case rv.CanUint():
		part(b, 'i', strconv.FormatUint(rv.Uint(), 10))
	case rv.CanFloat():
		part(b, 'f', strconv.FormatFloat(rv.Float(), 'g', -1, 64))
	default:
		return fmt.Errorf("a %T has no text form", v)
	}
	return nil
}

// lifetime reads the third argument of cache.
func lifetime(v any) (time.Duration, error) {
	switch v := v.(type) {
	case nil:
		return cache.Forever, nil
	case time.Duration:
		return v, nil
	case string:
		if v == "forever" {
			return cache.Forever, nil
		}
		if d, err := time.ParseDuration(v); err == nil {
			return d, nil
		}
		if s, err := strconv.ParseFloat(v, 64); err == nil {
			return seconds(s)
		}
		return 0, fmt.Errorf("%q is no lifetime: use a duration such as \"5m\", seconds, or \"forever\"", v)
	}
	rv := reflect.ValueOf(v)
	switch {
	case rv.CanInt():
		return seconds(float64(rv.Int()))
	case rv.CanUint():
		return seconds(float64(rv.Uint()))
	case rv.CanFloat():
		return seconds(rv.Float())
	}
	return 0, fmt.Errorf("a %T is no lifetime", v)
}

// seconds converts, and takes what no Duration holds as forever.
func seconds(s float64) (time.Duration, error) {
	switch {
	case s != s:
		return 0, errors.New("NaN is no lifetime")
	case s > float64(cache.Forever)/float64(time.Second):
		return cache.Forever, nil
	case s < 0:
		return 0, nil
	}
	return time.Duration(s * float64(time.Second)), nil
}
