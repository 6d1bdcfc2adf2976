package nodetest

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
)

// process is another run of the test that starts it, in a process of its own.
type process struct {
	in    io.WriteCloser
	lines *bufio.Scanner
	cmd   *exec.Cmd
}

func startProcess(t *testing.T, env ...string) *process {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v=false")
	cmd.Env = append(os.Environ(), env...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return &process{in: in, lines: bufio.NewScanner(out), cmd: cmd}
}

// Together runs the calling test in n processes more, which tell by env what they
// are. They begin at once, when each has come to [Ready]. It returns what each has
// said by [Say], once all have ended.
func Together(t *testing.T, n int, env ...string) []string {
	t.Helper()
	said := make([]string, n)
	all := make([]*process, n)
	var ready, done sync.WaitGroup
	for i := range all {
		p := startProcess(t, env...)
		all[i] = p
		ready.Add(1)
		done.Go(func() {
			p.lines.Scan() // or it has ended
			ready.Done()
			for p.lines.Scan() {
				if text, ok := strings.CutPrefix(p.lines.Text(), saying); ok {
					said[i] = text
				}
			}
			if err := p.cmd.Wait(); err != nil {
				t.Errorf("process %d: %v", i, err)
			}
		})
	}
	ready.Wait()
	for _, p := range all {
		_ = p.in.Close() // go
	}
	done.Wait()
	return said
}

// saying begins the line that Together looks for.
const saying = "said: "

// Ready returns in all processes of [Together] at once.
func Ready() {
	fmt.Println("ready")
	_, _ = io.ReadAll(os.Stdin)
}

// Say tells [Together] what came of it.
func Say(what ...any) { fmt.Print(saying, fmt.Sprintln(what...)) }
