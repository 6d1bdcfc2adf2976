// Package archtest holds the house together: its test fails when a package
// imports what it must not know.
package archtest
