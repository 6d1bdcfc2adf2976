package recipes

import (
	"net/http"
	"time"

	"github.com/gofiber/fiber/v3"
	"github.com/gofiber/fiber/v3/middleware/adaptor"

	"github.com/stratacache/strata/httpcache"
)

// Fiber serves an app of fiber through net/http, with the cache around it. Fiber's
// own server has no http.ResponseWriter that a cache could stand in.
func Fiber(pages *httpcache.Cache) http.Handler {
	app := fiber.New()
	app.Get("/news", func(c fiber.Ctx) error {
		c.Set("Cache-Control", httpcache.CacheControl{MaxAge: time.Minute}.String())
		return c.SendString("news")
	})
	app.Get("/articles/:id", func(c fiber.Ctx) error {
		return c.SendString("article " + c.Params("id"))
	})
	mux := http.NewServeMux()
	mux.Handle("/", adaptor.FiberApp(app))
	view := pages.View(time.Hour, &httpcache.ViewOptions{
		Tags: func(r *http.Request) []string { return []string{"article:" + r.PathValue("id")} },
	})
	mux.Handle("/articles/{id}", view.Handler(adaptor.FiberApp(app)))
	return pages.Handler(mux)
}
