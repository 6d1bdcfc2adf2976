package sim

import (
	"math/rand/v2"
	"reflect"
	"time"
	"unsafe"

	"github.com/stratacache/strata/cache"
)

// load loads the dice of an engine: what they show depends on the time alone, so
// that it is the same in each run, whoever asks first. Applications have no use
// for that, so there is no option, and the field is reached around the compiler.
func load(c *cache.Client) {
	engine := reflect.ValueOf(c).Elem().FieldByName("view").Elem().FieldByName("engine").Elem()
	field := engine.FieldByName("random")
	random := (*func() float64)(unsafe.Pointer(field.UnsafeAddr()))
	*random = func() float64 {
		return rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0)).Float64()
	}
}
