// Field numbers of the messages that we read and write by hand; open_inference.proto says the same.
#pragma once

namespace breakeven::fields {

inline constexpr unsigned map_key = 1, map_value = 2;
inline constexpr unsigned parameter_bool = 1, parameter_int64 = 2, parameter_string = 3, parameter_uint64 = 5;

inline constexpr unsigned model_name = 1, model_version = 2, id = 3, parameters = 4;
inline constexpr unsigned request_inputs = 5, request_outputs = 6, request_raw = 7;
inline constexpr unsigned response_outputs = 5, response_raw = 6;

inline constexpr unsigned tensor_name = 1, tensor_datatype = 2, tensor_shape = 3, tensor_parameters = 4,
                          tensor_contents = 5;
inline constexpr unsigned requested_parameters = 2;

inline constexpr unsigned contents_bool = 1, contents_int = 2, contents_int64 = 3, contents_uint = 4,
                          contents_uint64 = 5, contents_fp32 = 6, contents_fp64 = 7, contents_bytes = 8;

inline constexpr unsigned stream_error = 1, stream_response = 2;

}  // namespace breakeven::fields
