package compile

/*
#include <cidrgate.h>
*/
import "C"

import "unsafe"

// image is the one place where C is called.
func image(text string, o options) ([]byte, error) {
	var flags C.uint32_t
	if o.lenient {
		flags |= C.CIDRGATE_LENIENT
	}
	if o.json {
		flags |= C.CIDRGATE_JSON
	}
	if o.verdictsOnly {
		flags |= C.CIDRGATE_VERDICTS_ONLY
	}
	bytes := []byte(text)
	var policy *C.cidrgate_policy
	var fault *C.cidrgate_error
	// The library copies what it keeps. It takes NULL where the length is 0.
	status := C.cidrgate_policy_parse((*C.char)(unsafe.Pointer(unsafe.SliceData(bytes))), C.size_t(len(bytes)), flags, &policy, &fault)
	if status != C.CIDRGATE_OK {
		return nil, failure(status, fault)
	}
	defer C.cidrgate_policy_free(policy)
	var buffer *C.cidrgate_buffer
	if status := C.cidrgate_policy_save(policy, &buffer, &fault); status != C.CIDRGATE_OK {
		return nil, failure(status, fault)
	}
	defer C.cidrgate_buffer_free(buffer)
	// Not C.GoBytes, which takes no more than 2 GiB.
	made := unsafe.Slice((*byte)(unsafe.Pointer(C.cidrgate_buffer_data(buffer))), int(C.cidrgate_buffer_len(buffer)))
	return append([]byte(nil), made...), nil
}

// failure makes a Go error of what C has, and frees that.
func failure(status C.cidrgate_status, fault *C.cidrgate_error) error {
	defer C.cidrgate_error_free(fault)
	count := C.cidrgate_error_count(fault)
	if count == 0 {
		return &ParseError{Msg: C.GoString(C.cidrgate_status_name(C.uint32_t(status)))}
	}
	all := make([]ParseError, 0, count)
	for i := range count {
		message := C.cidrgate_error_message(fault, i)
		if message == nil { // Beyond the first hundred only the number is known.
			break
		}
		all = append(all, ParseError{
			Line:   int(C.cidrgate_error_line(fault, i)),
			Column: int(C.cidrgate_error_column(fault, i)),
			Msg:    C.GoString(message),
		})
	}
	if len(all) == 0 {
		return &ParseError{Msg: C.GoString(C.cidrgate_status_name(C.uint32_t(status)))}
	}
	first := all[0]
	first.All = all
	return &first
}
