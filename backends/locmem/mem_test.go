package locmem
import ("testing";"runtime";"time";"fmt";"unsafe";"github.com/stratacache/strata/cache/driver")
func TestMem(t *testing.T){
 fmt.Println("entry",unsafe.Sizeof(driver.Entry{}),"node",unsafe.Sizeof(node{}))
 for name,p := range policies { for _,n := range []int{100_000,200_000,300_000} {
  var a,b runtime.MemStats; runtime.GC(); runtime.ReadMemStats(&a)
  s:=New(&Options{MaxEntries:1_000_000,Policy:p})
  ks := 0
  for i:=range n { k:=driver.Key{Scope:"t:",Name:fmt.Sprintf("%016d",i)}; ks=k.Len(); put(t,s,k,entry(fmt.Sprintf("%0100d",i),time.Hour),driver.Set,0)}
  runtime.GC(); runtime.ReadMemStats(&b)
  per := float64(b.HeapAlloc-a.HeapAlloc)/float64(n)
  fmt.Println(name,n,per,"over key+payload",per-float64(ks+100), s.Len())
  s.Close(t.Context())
 }}
}
