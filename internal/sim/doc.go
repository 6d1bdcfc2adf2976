// Package sim simulates several processes over one shared store and one
// database.
package sim
