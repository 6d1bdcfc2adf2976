package recipes

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/stratacache/strata/httpcache"
)

// Gin caches a whole site around the engine, which is an http.Handler, and one
// route with a view.
func Gin(pages *httpcache.Cache) http.Handler {
	gin.SetMode(gin.ReleaseMode)
	g := gin.New()
	g.GET("/news", func(c *gin.Context) {
		httpcache.CacheControl{MaxAge: time.Minute}.Set(c.Writer.Header())
		c.String(http.StatusOK, "news")
	})
	view := pages.View(time.Hour, nil)
	g.GET("/articles/:id", ginMiddleware(view.Handler), func(c *gin.Context) {
		httpcache.AddTags(c.Request.Context(), "article:"+c.Param("id"))
		c.String(http.StatusOK, "article "+c.Param("id"))
	})
	return pages.Handler(g)
}

// ginMiddleware makes a middleware of net/http one of gin.
func ginMiddleware(wrap func(http.Handler) http.Handler) gin.HandlerFunc {
	return func(c *gin.Context) {
		outer, request := c.Writer, c.Request
		ran := false
		wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ran = true
			inner := &ginWriter{ResponseWriter: outer, w: w, status: http.StatusOK}
			c.Writer, c.Request = inner, r
			c.Next()
			inner.WriteHeaderNow()
		})).ServeHTTP(outer, request)
		c.Writer, c.Request = outer, request
		if !ran { // it was answered from the cache
			c.Abort()
		}
	}
}

// ginWriter is gin's writer over one of net/http. Like gin's own it sends the
// header with the first byte.
type ginWriter struct {
	gin.ResponseWriter // for what is not about writing
	w                  http.ResponseWriter
	status, size       int
	written            bool
}

func (g *ginWriter) Unwrap() http.ResponseWriter { return g.w }
func (g *ginWriter) Header() http.Header         { return g.w.Header() }
func (g *ginWriter) Status() int                 { return g.status }
func (g *ginWriter) Size() int                   { return g.size }
func (g *ginWriter) Written() bool               { return g.written }

func (g *ginWriter) WriteHeader(status int) {
	if status > 0 && !g.written {
		g.status = status
	}
}

func (g *ginWriter) WriteHeaderNow() {
	if !g.written {
		g.written = true
		g.w.WriteHeader(g.status)
	}
}

func (g *ginWriter) Write(b []byte) (int, error) {
	g.WriteHeaderNow()
	n, err := g.w.Write(b)
	g.size += n
	return n, err
}

func (g *ginWriter) WriteString(s string) (int, error) { return g.Write([]byte(s)) }

func (g *ginWriter) Flush() {
	g.WriteHeaderNow()
	_ = http.NewResponseController(g.w).Flush()
}
