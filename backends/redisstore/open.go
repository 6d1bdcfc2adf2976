package redisstore

import (
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// What [Open] chooses for its client. A cache that is slower than what it
// caches is of no use, so it gives up soon.
const (
	openTimeout = 300 * time.Millisecond
	openRetries = 1 // a connection that the server closed meanwhile is met once
	openReload  = 2 * time.Second
)

// Open returns a store at a URL, and makes its own client, which Close closes:
//
//	redis://[user:password@]host[:port][,replica[:port]…][/database]
//	redis+cluster://[user:password@]host[:port][,host[:port]…]
//	redis+sentinel://[user:password@]host[:port][,host[:port]…]/name[/database]
//	unix://[user:password@]/path/of/socket[?db=database]
//
// rediscache, hiredis and valkey mean redis; rediss and valkeys are TLS, checked
// against the host. A redis URL without a host is a socket too. Of several hosts
// of redis:// the first is the primary, and the others its replicas, from which
// may be read; of a cluster some nodes are enough; sentinels tell where the
// primary of that name is.
//
// The default port is 6379 (of sentinels 26379), the default database 0. The
// parameters are
//
//	namespace        Options.Namespace
//	db               the database, where the path does not name it
//	io_timeout       how long dialing, reading and writing may take, each: 300ms
//	ca               of TLS: a file with the certificates to trust
//	pin_after_write  with replicas: Options.PinAfterWrite, in seconds or as 500ms
//	replicas         of sentinels: true reads from replicas
//
// Characters of a user or password that mean something in a URL must be
// percent-encoded. Sentinels are asked without a password. Open makes no round
// trip, and no part of the URL but its host is ever in an error.
//
// A call ends at the deadline of its context if that is before io_timeout. What
// may be repeated is tried twice, so that a call to a server that hangs takes 0.6
// seconds. Use [New] with a client of your own to choose otherwise.
func Open(rawURL string) (*Store, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		// The parser's error quotes its input, password and all.
		return nil, errors.New("redisstore: the URL cannot be parsed (is a password percent-encoded?)")
	}
	return OpenURL(u)
}

// OpenURL is [Open] for a URL that is parsed already.
func OpenURL(u *url.URL) (*Store, error) {
	t, err := parse(u)
	if err != nil {
		return nil, fmt.Errorf("redisstore: the URL: %w", err)
	}
	rdb, replicas := t.clients()
	closeAll := func() error {
		err := rdb.Close()
		for _, r := range replicas {
			err = errors.Join(err, r.Close())
		}
		return err
	}
	s, err := New(rdb, &Options{Namespace: t.namespace, Replicas: replicas, PinAfterWrite: t.pin})
	if err != nil {
		_ = closeAll()
		return nil, err
	}
	s.close = closeAll
	return s, nil
}

// clients makes the client, and those of replicas.
func (t *target) clients() (rdb redis.UniversalClient, replicas []*redis.Client) {
	switch t.kind {
	case clusterKind:
		return redis.NewClusterClient(t.cluster()), nil
	case sentinelKind:
		if t.replicas {
			follow := t.sentinel()
			follow.ReplicaOnly = true
			replicas = append(replicas, redis.NewFailoverClient(follow))
		}
		return redis.NewFailoverClient(t.sentinel()), replicas
	}
	if t.socket != "" {
		opts := t.options(t.socket)
		opts.Network = "unix"
		return redis.NewClient(opts), nil
	}
	for _, addr := range t.addrs[1:] {
		replicas = append(replicas, redis.NewClient(t.options(addr)))
	}
	return redis.NewClient(t.options(t.addrs[0])), replicas
}

func (t *target) options(addr string) *redis.Options {
	password, _ := t.user.Password()
	return &redis.Options{
		Addr: addr, DB: t.db, Username: t.user.Username(), Password: password, TLSConfig: t.tlsOf(addr),
		DialTimeout: t.timeout, ReadTimeout: t.timeout, WriteTimeout: t.timeout,
		MaxRetries: openRetries, DialerRetries: 1, ContextTimeoutEnabled: true,
		// What a connection asks for first is what the store needs, no more.
		Protocol: 2, DisableIdentity: true, MaintNotificationsConfig: unmaintained(),
	}
}

func (t *target) sentinel() *redis.FailoverOptions {
	password, _ := t.user.Password()
	return &redis.FailoverOptions{
		MasterName: t.master, SentinelAddrs: t.addrs,
		DB: t.db, Username: t.user.Username(), Password: password, TLSConfig: t.tls,
		DialTimeout: t.timeout, ReadTimeout: t.timeout, WriteTimeout: t.timeout,
		MaxRetries: openRetries, DialerRetries: 1, ContextTimeoutEnabled: true,
		Protocol: 2, DisableIdentity: true,
	}
}

func (t *target) cluster() *redis.ClusterOptions {
	password, _ := t.user.Password()
	return &redis.ClusterOptions{
		Addrs: t.addrs, Username: t.user.Username(), Password: password, TLSConfig: t.tls,
		DialTimeout: t.timeout, ReadTimeout: t.timeout, WriteTimeout: t.timeout,
		DialerRetries: 1, ContextTimeoutEnabled: true, ClusterStateReloadInterval: openReload, DisableRoutingPolicies: true,
		Protocol: 2, DisableIdentity: true, MaintNotificationsConfig: unmaintained(),
	}
}

func unmaintained() *maintnotifications.Config {
	return &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
}
