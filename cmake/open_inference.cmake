# The target `open_inference`: what protoc makes of the protocols' messages, compiled without our warnings.
set(generated ${CMAKE_BINARY_DIR}/generated)
file(MAKE_DIRECTORY ${generated})
set(sources)
foreach(proto wire/open_inference serve/health)
    get_filename_component(name ${proto} NAME)
    set(source ${CMAKE_SOURCE_DIR}/src/breakeven/${proto}.proto)
    get_filename_component(folder ${source} DIRECTORY)
    set(outputs ${generated}/${name}.pb.cc ${generated}/${name}.pb.h
        ${generated}/${name}.grpc.pb.cc ${generated}/${name}.grpc.pb.h)
    add_custom_command(
        OUTPUT ${outputs}
        COMMAND protobuf::protoc --proto_path ${folder} --cpp_out ${generated}
            --grpc_out ${generated} --plugin=protoc-gen-grpc=${BREAKEVEN_GRPC_PLUGIN} ${source}
        DEPENDS ${source}
        COMMENT "protoc ${name}.proto")
    list(APPEND sources ${outputs})
endforeach()
add_library(open_inference STATIC ${sources})
target_include_directories(open_inference SYSTEM PUBLIC ${generated})
target_link_libraries(open_inference PUBLIC protobuf::libprotobuf PkgConfig::GRPC)
target_compile_options(open_inference PRIVATE -w)
