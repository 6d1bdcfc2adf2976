package main

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"
	"unicode/utf8"
)

//go:embed templates static
var assets embed.FS

// fingerprint changes with every template and every static file. It is in the
// address of the static ones, which browsers may then keep for ever, and in the
// prefix of what was rendered with the templates.
var fingerprint = func() string {
	sum := sha256.New()
	err := fs.WalkDir(assets, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := assets.ReadFile(name)
		fmt.Fprintf(sum, "%s %d %s", name, len(b), b)
		return err
	})
	if err != nil {
		panic(err) // the files are part of the program
	}
	return hex.EncodeToString(sum.Sum(nil)[:4])
}()

// functions are what the templates may call.
var functions = template.FuncMap{
	"asset":  func(name string) string { return "/static/" + fingerprint + "/" + name },
	"millis": millis,
	"clip":   clip,
}

func millis(d time.Duration) string {
	return fmt.Sprintf("%.2f ms", float64(d)/float64(time.Millisecond))
}

// clip shortens a note for a line in the aside.
func clip(text string) string {
	const most = 60
	text = strings.Join(strings.Fields(text), " ")
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text)[:most]) + "…"
}

// static serves the embedded files under their fingerprint, and nothing else.
func static(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("file")
	if r.PathValue("fingerprint") != fingerprint || name != path.Base(name) {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	http.ServeFileFS(w, r, assets, "static/"+name)
}
