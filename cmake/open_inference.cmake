# The target `open_inference`: what protoc makes of the protocol's messages, compiled without our warnings.
set(proto ${CMAKE_SOURCE_DIR}/src/breakeven/wire/open_inference.proto)
set(generated ${CMAKE_BINARY_DIR}/generated)
set(outputs ${generated}/open_inference.pb.cc ${generated}/open_inference.pb.h
    ${generated}/open_inference.grpc.pb.cc ${generated}/open_inference.grpc.pb.h)
file(MAKE_DIRECTORY ${generated})
add_custom_command(
    OUTPUT ${outputs}
    COMMAND protobuf::protoc --proto_path ${CMAKE_SOURCE_DIR}/src/breakeven/wire --cpp_out ${generated}
        --grpc_out ${generated} --plugin=protoc-gen-grpc=${BREAKEVEN_GRPC_PLUGIN} ${proto}
    DEPENDS ${proto}
    COMMENT "protoc open_inference.proto")
add_library(open_inference STATIC ${outputs})
target_include_directories(open_inference SYSTEM PUBLIC ${generated})
target_link_libraries(open_inference PUBLIC protobuf::libprotobuf PkgConfig::GRPC)
target_compile_options(open_inference PRIVATE -w)
