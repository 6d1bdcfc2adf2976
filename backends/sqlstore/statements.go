package sqlstore

import (
	"embed"
	"fmt"
	"math/bits"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

//go:embed sql/*.sql schema/*.sql
var files embed.FS

// statements are a dialect's, with the names of tables in them. Their text is
// made when it is first needed, and kept.
type statements struct {
	dialect  Dialect
	bodies   map[string]string
	repeats  map[string]bool   // those that repeat a part for each item
	literals map[string]string // what is the same for each call of a store
	made     sync.Map          // of statementKey to *statement
}

// statementKey is a statement for so many items.
type statementKey struct {
	name  string
	items int
}

// statement is a text as the driver takes it, and what its placeholders stand
// for, in their order.
type statement struct {
	text  string
	binds []bind
	prepared
}

// bind is a parameter, and the item that it is of.
type bind struct {
	field field
	item  int
}

var (
	partName   = regexp.MustCompile(`\{[a-z]+\}`)
	paramName  = regexp.MustCompile(`\$[a-z]+`)
	repeated   = regexp.MustCompile(`(?s)\[\[(.*?)\]\]`)
	sectionRow = regexp.MustCompile(`^-- (part|name): ([a-z]+)$`)
)

// load reads the statements of a dialect, and puts tables and literals, by the
// names of parameters, into them.
func load(d Dialect, tables, literals map[string]string) (*statements, error) {
	text, err := files.ReadFile("sql/" + d.String() + ".sql")
	if err != nil {
		return nil, fmt.Errorf("sqlstore: %w", err)
	}
	parts, bodies, repeats := make(map[string]string), make(map[string]string), make(map[string]bool)
	var into map[string]string
	var name string
	for line := range strings.Lines(string(text)) {
		if m := sectionRow.FindStringSubmatch(strings.TrimSpace(line)); m != nil {
			name, into = m[2], bodies
			if m[1] == "part" {
				into = parts
			}
			continue
		}
		if !strings.HasPrefix(line, "--") && into != nil {
			into[name] += line
		}
	}
	for name, body := range bodies {
		for partName.MatchString(body) { // parts have parts
			body = partName.ReplaceAllStringFunc(body, func(ref string) string {
				if table, ok := tables[ref]; ok {
					return table
				}
				part, ok := parts[strings.Trim(ref, "{}")]
				if !ok {
					err = fmt.Errorf("sqlstore: statement %s: there is no %s", name, ref)
				}
				return strings.TrimSpace(part)
			})
		}
		bodies[name] = strings.TrimSpace(body)
		repeats[name] = repeated.MatchString(body)
	}
	return &statements{dialect: d, bodies: bodies, repeats: repeats, literals: literals}, err
}

// get returns a statement for so many items, or for a few more: see room.
func (s *statements) get(name string, items int) (*statement, error) {
	if !s.repeats[name] {
		items = 1
	}
	key := statementKey{name, items}
	if st, ok := s.made.Load(key); ok {
		return st.(*statement), nil
	}
	body, ok := s.bodies[name]
	if !ok {
		return nil, fmt.Errorf("sqlstore: there is no statement %s", name)
	}
	st, err := s.compile(body, items)
	if err != nil {
		return nil, err
	}
	kept, _ := s.made.LoadOrStore(key, st)
	return kept.(*statement), nil
}

// compile puts the driver's placeholders into body.
func (s *statements) compile(body string, items int) (*statement, error) {
	st := new(statement)
	var out strings.Builder
	var err error
	numbers := make(map[bind]string)
	write := func(text string, item int) {
		out.WriteString(paramName.ReplaceAllStringFunc(text, func(name string) string {
			if value, ok := s.literals[name]; ok {
				return value
			}
			f, ok := fields[name[1:]]
			if !ok {
				err = fmt.Errorf("sqlstore: there is no parameter %s", name)
			}
			b := bind{f, item}
			if f >= firstShared {
				b.item = 0
			}
			if number := numbers[b]; number != "" {
				return number
			}
			st.binds = append(st.binds, b)
			mark := s.dialect.placeholder(len(st.binds))
			if mark != "?" {
				numbers[b] = mark
			}
			return mark
		}))
	}
	at := 0
	for _, group := range repeated.FindAllStringSubmatchIndex(body, -1) {
		write(body[at:group[0]], 0)
		for i := range items {
			if i > 0 {
				out.WriteString(", ")
			}
			write(body[group[2]:group[3]], i)
		}
		at = group[1]
	}
	write(body[at:], 0)
	st.text = out.String()
	return st, err
}

// literals are a store's own parameters, as the dialect writes them: to send and to
// bind them with each call takes longer than to have statements of one's own.
// Namespaces have no character that means something in a string.
func (d Dialect) literals(namespace string, history int64) map[string]string {
	out := map[string]string{"$ns": "'" + namespace + "'"}
	switch d {
	case MySQL:
		out["$ns"] = fmt.Sprintf("X'%x'", namespace)
	case SQLite:
		out["$history"] = fmt.Sprintf("(%d)", history)
	}
	return out
}

func (d Dialect) placeholder(n int) string {
	if d == PostgreSQL {
		return "$" + strconv.Itoa(n)
	}
	return "?" // in SQLite, too, where to look for a numbered one takes longer for each there is
}

// room is n rounded up to one of a few sizes, so that there are not as many
// statements as there are lengths of lists. What is too much is filled with the
// last item, again.
//
// MySQL's server keeps each for each connection, and bounds their number: of lists
// whose items cost little, which are of any length since calls go together, there are
// fewer sizes.
func (s *statements) room(name string, n int) int {
	fine := 5 // bits that are kept
	if stored := strings.HasPrefix(name, "put") || strings.HasPrefix(name, "set"); s.dialect == MySQL {
		switch {
		case stored:
			fine = 4
		case n > togetherMost:
			fine = 3
		default:
			fine = 2
		}
	}
	drop := max(0, bits.Len(uint(n))-fine)
	return (n + 1<<drop - 1) >> drop << drop
}
