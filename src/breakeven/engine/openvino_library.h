// OpenVINO's C interface, found at run time: the functions we call, and its objects with owners. Included by the engine
// alone.
#pragma once

#include <openvino/c/openvino.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "breakeven/engine/openvino.h"
#include "breakeven/tensor/tensor.h"

namespace breakeven {

/// Each member is the C function of its name.
struct OpenVinoFunctions {
    decltype(&::ov_get_openvino_version) ov_get_openvino_version;
    decltype(&::ov_version_free) ov_version_free;
    decltype(&::ov_get_last_err_msg) ov_get_last_err_msg;
    decltype(&::ov_free) ov_free;
    decltype(&::ov_core_create) ov_core_create;
    decltype(&::ov_core_free) ov_core_free;
    decltype(&::ov_core_get_available_devices) ov_core_get_available_devices;
    decltype(&::ov_available_devices_free) ov_available_devices_free;
    decltype(&::ov_core_read_model) ov_core_read_model;
    decltype(&::ov_core_read_model_from_memory_buffer) ov_core_read_model_from_memory_buffer;
    decltype(&::ov_core_compile_model) ov_core_compile_model;
    decltype(&::ov_model_free) ov_model_free;
    decltype(&::ov_compiled_model_inputs_size) ov_compiled_model_inputs_size;
    decltype(&::ov_compiled_model_input_by_index) ov_compiled_model_input_by_index;
    decltype(&::ov_compiled_model_outputs_size) ov_compiled_model_outputs_size;
    decltype(&::ov_compiled_model_output_by_index) ov_compiled_model_output_by_index;
    decltype(&::ov_compiled_model_create_infer_request) ov_compiled_model_create_infer_request;
    decltype(&::ov_compiled_model_free) ov_compiled_model_free;
    decltype(&::ov_output_const_port_free) ov_output_const_port_free;
    decltype(&::ov_port_get_any_name) ov_port_get_any_name;
    decltype(&::ov_port_get_element_type) ov_port_get_element_type;
    decltype(&::ov_port_get_partial_shape) ov_port_get_partial_shape;
    decltype(&::ov_partial_shape_free) ov_partial_shape_free;
    decltype(&::ov_infer_request_set_input_tensor_by_index) ov_infer_request_set_input_tensor_by_index;
    decltype(&::ov_infer_request_get_output_tensor_by_index) ov_infer_request_get_output_tensor_by_index;
    decltype(&::ov_infer_request_infer) ov_infer_request_infer;
    decltype(&::ov_infer_request_free) ov_infer_request_free;
    decltype(&::ov_tensor_create_from_host_ptr) ov_tensor_create_from_host_ptr;
    decltype(&::ov_tensor_get_shape) ov_tensor_get_shape;
    decltype(&::ov_shape_free) ov_shape_free;
    decltype(&::ov_tensor_get_element_type) ov_tensor_get_element_type;
    decltype(&::ov_tensor_get_byte_size) ov_tensor_get_byte_size;
    decltype(&::ov_tensor_data) ov_tensor_data;
    decltype(&::ov_tensor_free) ov_tensor_free;
};

/// An object of OpenVINO's with the function that frees it.
template <class T>
using Owned = std::unique_ptr<T, void (*)(T*)>;

class OpenVinoLibrary final {
   public:
    /// Loads the first of the libraries that exists. Throws Error{unsupported} with what to do when none loads.
    explicit OpenVinoLibrary(const OpenVinoOptions& options);
    ~OpenVinoLibrary();
    OpenVinoLibrary(const OpenVinoLibrary&) = delete;
    OpenVinoLibrary& operator=(const OpenVinoLibrary&) = delete;

    const OpenVinoFunctions& call() const { return functions_; }
    ov_core_t* core() const { return core_; }
    std::string version() const;
    /// "CPU", "GPU", "GPU.1", "NPU", ...
    std::vector<std::string> devices() const;

    /// Throws Error{kind} with the library's own reason unless the call went well.
    void check(ov_status_e status, const std::string& attempt) const;

   private:
    OpenVinoFunctions functions_{};
    ov_core_t* core_ = nullptr;
};

/// Throws Error{unsupported} for a type that Tensor does not have.
DType dtype_of(ov_element_type_e type);
ov_element_type_e openvino_type(DType dtype);

}  // namespace breakeven
