package sim

import (
	"fmt"
	"strings"
	"time"
)

// event is one line of a history, put into words when somebody reads it.
type event struct {
	at     time.Duration
	step   int
	line   string // whose line to the store, "store", "database"
	who    string // in whose name
	format string
	args   []any
}

func (w *world) note(line, who, format string, args ...any) {
	w.history = append(w.history, event{time.Since(w.began), w.step, line, who, format, args})
}

// String is the history as text: a line for each step.
func (e event) String() string {
	return fmt.Sprintf("%4d %14v  %-8s %-8s %s", e.step, e.at, e.line, e.who, fmt.Sprintf(e.format, e.args...))
}

func (w *world) text() string {
	var b strings.Builder
	for _, e := range w.history {
		b.WriteString(e.String())
		b.WriteByte('\n')
	}
	return b.String()
}
