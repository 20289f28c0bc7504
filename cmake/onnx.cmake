# The target `onnx`: built once per compiler from the pinned wheel's sources (cmake/onnx), kept in the cache.
breakeven_wheel(onnx BREAKEVEN_ONNX)
file(STRINGS ${CMAKE_SOURCE_DIR}/cmake/pins/${CMAKE_SYSTEM_PROCESSOR}/onnx.txt onnx_pin REGEX "^onnx==")
string(REGEX MATCH "[0-9.]+" BREAKEVEN_ONNX_VERSION "${onnx_pin}")
file(SHA256 ${CMAKE_SOURCE_DIR}/cmake/onnx/CMakeLists.txt onnx_key)
string(SUBSTRING ${onnx_key} 0 8 onnx_key)
get_filename_component(onnx_wheel ${BREAKEVEN_ONNX} NAME)
# g++ and clang use the same standard library here, so one build serves every preset.
set(onnx_prefix ${BREAKEVEN_CACHE}/${onnx_wheel}-${CMAKE_SYSTEM_PROCESSOR}-protobuf${Protobuf_VERSION}-${onnx_key})
if(NOT EXISTS ${onnx_prefix}/lib/libonnx.a)
    message(STATUS "building the ONNX library once (1 to 4 minutes), into ${onnx_prefix}")
    set(build ${onnx_prefix}.build)
    execute_process(
        COMMAND ${CMAKE_COMMAND} -S ${CMAKE_SOURCE_DIR}/cmake/onnx -B ${build} -G ${CMAKE_GENERATOR}
            -DCMAKE_BUILD_TYPE=Release -DONNX_WHEEL=${BREAKEVEN_ONNX} -DCMAKE_INSTALL_PREFIX=${onnx_prefix}
            -DCMAKE_TOOLCHAIN_FILE=${CMAKE_TOOLCHAIN_FILE}
        COMMAND_ERROR_IS_FATAL ANY)
    execute_process(COMMAND ${CMAKE_COMMAND} --build ${build} --target install COMMAND_ERROR_IS_FATAL ANY)
    file(REMOVE_RECURSE ${build})
endif()
add_library(onnx STATIC IMPORTED)
set_target_properties(onnx PROPERTIES
    IMPORTED_LOCATION ${onnx_prefix}/lib/libonnx.a
    INTERFACE_SYSTEM_INCLUDE_DIRECTORIES ${onnx_prefix}/include
    INTERFACE_INCLUDE_DIRECTORIES ${onnx_prefix}/include
    INTERFACE_COMPILE_DEFINITIONS "ONNX_ML=1;ONNX_NAMESPACE=onnx"
    # Every operator's schema registers itself from a static object: the linker must not drop it.
    INTERFACE_LINK_LIBRARIES protobuf::libprotobuf)
