package drivertest

// IdleLimits are the names in Limits that excuse no rule.
func IdleLimits(h Harness) []string { return h.idleLimits() }

// RuleNames are the names of all rules, with their stories.
func RuleNames() []string {
	var names []string
	for _, s := range stories() {
		for _, r := range s.rules {
			names = append(names, s.name+"/"+r.name)
		}
	}
	return names
}
