package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"time"
)

const visitorCookie = "visitor"

type visitorKey struct{}

// visitor is who sent a request.
type visitor struct {
	// ID names the visitor in keys, tags and rows. It is a hash of the cookie:
	// who reads the cache or the database cannot take on a visitor's part.
	ID string
	// Returning is false for a first request, and for all of those that keep no
	// cookies: nothing is remembered about them.
	Returning bool

	cookie *http.Cookie // for a visitor who has none yet
}

// withVisitor finds out who sent a request, for the handlers inside of it.
func withVisitor(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var v visitor
		c, err := r.Cookie(visitorCookie)
		if v.Returning = err == nil && len(c.Value) == len(rand.Text()); !v.Returning {
			c = &http.Cookie{
				Name: visitorCookie, Value: rand.Text(), Path: "/", MaxAge: int(365 * 24 * time.Hour / time.Second),
				HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: r.TLS != nil,
			}
			v.cookie = c
		}
		sum := sha256.Sum256([]byte(c.Value))
		v.ID = hex.EncodeToString(sum[:16])
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), visitorKey{}, v)))
	})
}

// greet gives a new visitor the cookie. It is called when the header leaves,
// outside of the page cache: a response that sets a cookie is one person's, and
// the cache would rightly not store it.
func (v visitor) greet(w http.ResponseWriter) {
	if v.cookie != nil {
		http.SetCookie(w, v.cookie)
	}
}

func visitorOf(ctx context.Context) visitor {
	v, _ := ctx.Value(visitorKey{}).(visitor)
	return v
}
