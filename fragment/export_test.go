package fragment

// VaryOn is what the template function vary returns.
type VaryOn = varyOn
