module example.com/cidrgate/bench

go 1.24.0

require (
	example.com/cidrgate v0.0.0
	github.com/gaissmai/bart v0.30.0
	github.com/yl2chen/cidranger v1.0.2
	go4.org/netipx v0.0.0-20260823151212-3075585bcbeb
)

replace example.com/cidrgate => ../
