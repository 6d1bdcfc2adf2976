package browser

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// A visitor leaves a note, and another one, in a browser session of their own,
// sees it at once. Of all pages only the one with the note was made anew.
func TestNoteIsSeenAtOnce(t *testing.T) {
	site := serve(t)
	browser := chromium(t)
	ann, bob := session(t, browser, site), session(t, browser, site)

	for _, path := range []string{"/pkg/errors", "/pkg/cmp", "/"} {
		ann.open(path)
		ann.wants(path, "h1", "")
		ann.open(path) // now it is cached
		bob.open(path)
	}
	bob.open("/pkg/errors")
	bob.wants("a page that was seen before", "footer .parts", "page hit")
	bob.wants("nobody has written", "#notes", "Nobody has left a note on errors yet")

	const text = "Wrap it & <go>."
	ann.open("/pkg/errors")
	ann.run("leave a note",
		chromedp.SendKeys(`#notes textarea`, text),
		chromedp.SendKeys(`#notes input[name=author]`, "Ann"),
		chromedp.Click(`#notes form button`),
		chromedp.WaitVisible(`#notes .note`),
	)
	ann.wants("her own note", "#notes .note", text)
	ann.wants("the page with the new note", "footer .parts", "page miss")

	bob.reload()
	bob.wants("at once, in another session", "#notes .note", text)
	bob.wants("by name", "#notes .note", "Ann")
	bob.open("/pkg/cmp")
	bob.wants("an unrelated page stayed", "footer .parts", "page hit")
	bob.wants("what is beside it is new", "aside", text)
	bob.open("/")
	bob.wants("what is beside the list", "aside", text)

	ann.open("/pkg/cmp")
	ann.run("delete it", chromedp.Click(`aside form button`), chromedp.WaitVisible(`#notes form[action="/pkg/errors"]`))
	bob.open("/pkg/errors")
	bob.wants("gone at once", "#notes", "Nobody has left a note on errors yet")
	bob.open("/pkg/cmp")
	bob.wants("an unrelated page stayed", "footer .parts", "page hit")
}

// serve builds and starts the site, and returns its address.
func serve(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "webapp")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, "./examples/webapp")
	build.Dir = filepath.Join("..", "..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), program, "-addr", "127.0.0.1:0", "-cache", "locmem://")
	cmd.Stderr = t.Output()
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Errorf("the site ended with %v", err)
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	_, address, ok := strings.Cut(strings.TrimSpace(line), "listening on ")
	if !ok {
		t.Fatalf("got %q, %v, want an address", line, err)
	}
	return address
}

// chromium starts the system's browser, with a profile of its own.
func chromium(t *testing.T) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		const missing = "there is no chromium: this test was NOT RUN. `make test` installs it and runs the test."
		if os.Getenv("STRATA_REQUIRE_SERVERS") == "1" {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	flags := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.Headless, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.UserDataDir(t.TempDir()), chromedp.WSURLReadTimeout(time.Minute),
	}
	for _, name := range []string{"disable-quic", "disable-background-networking", "disable-component-update", "disable-sync", "disable-dev-shm-usage"} {
		flags = append(flags, chromedp.Flag(name, true))
	}
	ctx, stop := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), flags...)
	t.Cleanup(stop)
	browser, stop := chromedp.NewContext(ctx)
	t.Cleanup(stop)
	if err := chromedp.Do(browser); err != nil {
		t.Fatalf("chromium: %v", err)
	}
	return browser
}

// visitor is a person with a browser session of their own: other cookies, and
// another cache.
type visitor struct {
	t    *testing.T
	ctx  context.Context
	site string
}

func session(t *testing.T, browser context.Context, site string) *visitor {
	t.Helper()
	ctx, stop := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
	t.Cleanup(stop)
	if err := chromedp.Do(ctx); err != nil { // a session ends with the context of its first call
		t.Fatal(err)
	}
	return &visitor{t, ctx, site}
}

// patience is for one step, on a busy machine.
const patience = time.Minute

func (v *visitor) run(what string, steps ...chromedp.Action[chromedp.Void]) {
	v.t.Helper()
	ctx, stop := context.WithTimeout(v.ctx, patience)
	defer stop()
	if err := chromedp.Do(ctx, steps...); err != nil {
		v.t.Fatalf("%s: %v", what, err)
	}
}

func (v *visitor) open(path string) {
	v.t.Helper()
	v.run("open "+path, chromedp.Navigate(v.site+path), chromedp.WaitReady("footer"))
}

func (v *visitor) reload() {
	v.t.Helper()
	v.run("reload", chromedp.Reload(), chromedp.WaitReady("footer"))
}

// wants checks that an element shows text.
func (v *visitor) wants(what, selector, text string) {
	v.t.Helper()
	ctx, stop := context.WithTimeout(v.ctx, patience)
	defer stop()
	got, err := chromedp.Run(ctx, chromedp.Text(selector))
	if got = strings.Join(strings.Fields(got), " "); err != nil || !strings.Contains(got, text) {
		v.t.Errorf("%s: %s shows %q, %v; want %q", what, selector, got, err, text)
	}
}
