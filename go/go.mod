module example.com/cidrgate

go 1.24
