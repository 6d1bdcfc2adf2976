// Package storeurl reads the URL of a store, for backends that register a
// scheme with cache.Register. What it finds wrong it says by name and never by
// value, so that no part of a password that was not percent-encoded is ever in
// an error.
package storeurl

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// errShape is what a URL looks like whose password was not encoded.
var errShape = errors.New("it is not scheme://user:password@host:port/path?parameters (in a password, # is %23, / is %2F, ? is %3F, @ is %40)")

// Check refuses a URL that a password with reserved characters has torn apart.
func Check(u *url.URL) error {
	if u.Opaque != "" || u.Fragment != "" || strings.Contains(u.Host+u.Path+u.RawQuery, "@") {
		return errShape
	}
	return nil
}

// Hosts splits the host of u at its commas into addresses with a port, port
// where none is given. It returns none for an empty host. Of IPv6 addresses a URL
// can hold only one.
func Hosts(u *url.URL, port string) ([]string, error) {
	if u.Host == "" {
		return nil, nil
	}
	var out []string
	for _, host := range strings.Split(u.Host, ",") {
		if !strings.HasPrefix(host, "[") && strings.Count(host, ":") == 0 || strings.HasSuffix(host, "]") {
			host = net.JoinHostPort(strings.Trim(host, "[]"), port)
		}
		name, number, err := net.SplitHostPort(host)
		if _, bad := strconv.ParseUint(number, 10, 16); err != nil || bad != nil || name == "" {
			return nil, errors.New("it has a host that is not name or name:port")
		}
		out = append(out, net.JoinHostPort(name, number))
	}
	return out, nil
}

// Params are the parameters of a URL. Names are case-insensitive, an empty
// value counts as none, and of several the first holds. Each is read by one of
// the methods, which return def where there is none; what went wrong is
// collected for Err.
type Params struct {
	values map[string]string
	known  []string
	errs   []error
}

// ParamsOf returns the parameters of u.
func ParamsOf(u *url.URL) *Params {
	p := &Params{values: map[string]string{}}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		p.errs = append(p.errs, errors.New("its parameters cannot be parsed"))
	}
	for name, values := range query {
		lower := strings.ToLower(name)
		if _, twice := p.values[lower]; twice && name != lower {
			continue // the lower-case spelling holds
		}
		p.values[lower] = values[0]
	}
	return p
}

// Only returns those of these names, for somebody who knows no others.
func (p *Params) Only(names ...string) *Params {
	some := &Params{values: map[string]string{}}
	for _, name := range names {
		if v := p.values[name]; v != "" {
			some.values[name] = v
		}
	}
	return some
}

// Len is how many there are.
func (p *Params) Len() int { return len(p.values) }

// refuse records what is wrong with a parameter.
func (p *Params) refuse(name, is string) {
	p.errs = append(p.errs, fmt.Errorf("the parameter %s is not %s", name, is))
}

// String returns a parameter as it is.
func (p *Params) String(name, def string) string {
	p.known = append(p.known, name)
	if v := p.values[name]; v != "" {
		return v
	}
	return def
}

// OneOf returns a parameter that has one of a few values.
func (p *Params) OneOf(name, def string, others ...string) string {
	v := p.String(name, def)
	if v != def && !slices.Contains(others, v) {
		if def != "" {
			others = append([]string{def}, others...)
		}
		p.refuse(name, "one of "+strings.Join(others, ", "))
		return def
	}
	return v
}

// Int returns a whole number of at least least.
func (p *Params) Int(name string, def, least int64) int64 {
	v := p.String(name, "")
	if v == "" {
		return def
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil || n < least {
		p.refuse(name, fmt.Sprintf("a whole number of at least %d", least))
		return def
	}
	return n
}

// Bool returns a parameter that is true or false, or 1 or 0.
func (p *Params) Bool(name string, def bool) bool {
	v := p.String(name, "")
	if v == "" {
		return def
	}
	b, err := strconv.ParseBool(v)
	if err != nil {
		p.refuse(name, "true or false")
		return def
	}
	return b
}

// Duration returns a positive duration: a number of seconds, such as 60 or
// 0.25, or Go's form, such as 1m30s.
func (p *Params) Duration(name string, def time.Duration) time.Duration {
	v := p.String(name, "")
	if v == "" {
		return def
	}
	d, err := ParseDuration(v)
	if err != nil || d <= 0 {
		p.refuse(name, "a positive duration, such as 0.25 (seconds) or 250ms")
		return def
	}
	return d
}

// ParseDuration reads a number of seconds or Go's form of a duration.
func ParseDuration(s string) (time.Duration, error) {
	seconds, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return time.ParseDuration(s)
	}
	const most = float64(1<<63-1) / float64(time.Second)
	if !(seconds > -most && seconds < most) {
		return 0, errors.New("the duration is out of range")
	}
	return time.Duration(seconds * float64(time.Second)), nil
}

// plain is a name that may be quoted: it holds no part of a password.
var plain = regexp.MustCompile(`^[A-Za-z0-9_-]{1,40}$`)

// Invalid returns what was wrong with the parameters that were read.
func (p *Params) Invalid() error { return errors.Join(p.errs...) }

// Remove takes parameters out of u, in whatever spelling, for the next reader of
// what is left.
func (p *Params) Remove(u *url.URL, names ...string) {
	query := u.Query()
	for name := range query {
		if slices.Contains(names, strings.ToLower(name)) {
			query.Del(name)
		}
	}
	u.RawQuery = query.Encode()
}

// ErrUnknown is in the error of a parameter that nobody asked for.
var ErrUnknown = errors.New("unknown parameter")

// Err is Invalid, and names the parameters that nobody asked for.
func (p *Params) Err() error {
	errs := slices.Clone(p.errs)
	for name := range p.values {
		if slices.Contains(p.known, name) {
			continue
		}
		if plain.MatchString(name) {
			name = " " + strconv.Quote(name)
		} else {
			name = ""
		}
		known := slices.Clone(p.known)
		slices.Sort(known)
		errs = append(errs, fmt.Errorf("%w%s: known are %s", ErrUnknown, name, strings.Join(known, ", ")))
	}
	return errors.Join(errs...)
}
