// Package faulttest does to a real server what happens to servers, and checks
// what a store over it then says. It is for backends whose entries live in
// another process.
package faulttest
