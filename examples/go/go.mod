module example.com/cidrgate/examples/go

go 1.24

require example.com/cidrgate v0.0.0

replace example.com/cidrgate => ../../go
