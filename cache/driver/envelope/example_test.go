package envelope_test

import (
	"errors"
	"fmt"

	"github.com/stratacache/strata/cache/driver"
	"github.com/stratacache/strata/cache/driver/envelope"
)

func ExampleEncode() {
	key := driver.Key{Scope: "shop:1:", Name: "price"}
	blob := envelope.Encode(nil, key, &driver.Entry{
		Token: 7, Life: driver.Life{Fresh: driver.Forever, Expires: driver.Forever}, Payload: []byte("12.50"),
	})
	fmt.Printf("%d bytes, of them %d header\n", len(blob), envelope.HeaderLen)

	e, err := envelope.Decode(key, blob)
	fmt.Printf("%s %v\n", e.Payload, err)
	// Output:
	// 91 bytes, of them 86 header
	// 12.50 <nil>
}

func ExampleDecode() {
	key := driver.Key{Name: "price"}
	blob := envelope.Encode(nil, key, &driver.Entry{Payload: []byte("12.50")})

	_, err := envelope.Decode(driver.Key{Name: "another"}, blob)
	fmt.Println(err)

	_, err = envelope.Decode(key, []byte("not ours"))
	fmt.Println(err)

	_, err = envelope.Decode(key, envelope.Placeholder(7))
	fmt.Println(errors.Is(err, driver.ErrMiss), envelope.Token(envelope.Placeholder(7)))
	// Output:
	// strata: corrupt entry
	// strata: foreign value
	// true 7
}
