package recipes

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/stratacache/strata/httpcache"
)

// Echo caches a whole site with a middleware, and one route with a view. An
// *echo.Echo is an http.Handler too: pages.Handler(e) does the same.
func Echo(pages *httpcache.Cache) http.Handler {
	e := echo.New()
	e.Use(echo.WrapMiddleware(pages.Handler))
	e.GET("/news", func(c echo.Context) error {
		httpcache.CacheControl{MaxAge: time.Minute}.Set(c.Response().Header())
		return c.String(http.StatusOK, "news")
	})
	view := pages.View(time.Hour, nil)
	e.GET("/articles/:id", func(c echo.Context) error {
		httpcache.AddTags(c.Request().Context(), "article:"+c.Param("id"))
		return c.String(http.StatusOK, "article "+c.Param("id"))
	}, echo.WrapMiddleware(view.Handler))
	return e
}
