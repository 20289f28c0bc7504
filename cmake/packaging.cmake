# What is installed where, and the packages made of it (`./dev package`, or cpack in the build folder).
#   bin/breakeven                  the program
#   lib/breakeven/                 the engines' libraries, which it loads from beside itself
#   lib/libbreakeven.so, include/  the session for C++ programs: find_package(Breakeven)
include(CMakePackageConfigHelpers)

# One shared library with everything in it, so that who links it needs neither gRPC nor ONNX to build.
set(public_rooms session wire tensor units)
add_library(breakeven_library SHARED $<TARGET_OBJECTS:breakeven_error>)
foreach(room ${public_rooms})
    target_sources(breakeven_library PRIVATE $<TARGET_OBJECTS:breakeven_${room}>)
endforeach()
target_link_libraries(breakeven_library PRIVATE breakeven_session)
target_link_options(breakeven_library PRIVATE -Wl,--version-script=${CMAKE_CURRENT_LIST_DIR}/exports.map)
target_compile_features(breakeven_library INTERFACE cxx_std_20)
target_include_directories(breakeven_library INTERFACE
    $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/src> $<INSTALL_INTERFACE:include>)
set_target_properties(breakeven_library PROPERTIES
    OUTPUT_NAME breakeven EXPORT_NAME breakeven LINKER_LANGUAGE CXX
    VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}
    LINK_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/exports.map)
add_library(Breakeven::breakeven ALIAS breakeven_library)
set_target_properties(breakeven PROPERTIES INSTALL_RPATH "$ORIGIN/../lib/breakeven")

# Not CMAKE_INSTALL_LIBDIR: the program finds the engines by ../lib/breakeven, wherever the tree is moved.
install(TARGETS breakeven RUNTIME DESTINATION bin COMPONENT runtime)
install(TARGETS breakeven_library EXPORT BreakevenTargets
    LIBRARY DESTINATION lib COMPONENT runtime NAMELINK_COMPONENT development)
install(FILES ${BREAKEVEN_ONNXRUNTIME_LIBRARY} DESTINATION lib/breakeven COMPONENT runtime)
install(FILES docs/breakeven.1 DESTINATION share/man/man1 COMPONENT runtime)

foreach(header session/session.h wire/security.h tensor/tensor.h units/units.h error.h)
    get_filename_component(folder ${header} DIRECTORY)
    install(FILES src/breakeven/${header} DESTINATION include/breakeven/${folder} COMPONENT development)
endforeach()
install(EXPORT BreakevenTargets NAMESPACE Breakeven:: DESTINATION lib/cmake/Breakeven COMPONENT development)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/BreakevenConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_LIST_DIR}/BreakevenConfig.cmake ${CMAKE_BINARY_DIR}/BreakevenConfigVersion.cmake
    DESTINATION lib/cmake/Breakeven COMPONENT development)
install(FILES examples/cpp/infer.cc examples/cpp/CMakeLists.txt
    DESTINATION share/doc/libbreakeven-dev/examples COMPONENT development)

# OpenVINO: what runs ONNX and TFLite networks; not its readers of other frameworks' files. Its part for GPUs is large and
# needs OpenCL's loader: a package of its own.
set(openvino_libraries ${BREAKEVEN_OPENVINO}/openvino/libs)
file(GLOB openvino_files ${openvino_libraries}/*.so*)
list(FILTER openvino_files EXCLUDE REGEX "_(gguf|jax|paddle|pytorch|tensorflow)_frontend|_gpu_plugin")
install(FILES ${openvino_files} DESTINATION lib/breakeven COMPONENT openvino)
file(GLOB openvino_gpu_files ${openvino_libraries}/*_gpu_plugin.so ${openvino_libraries}/cache.json)
if(openvino_gpu_files)
    install(FILES ${openvino_gpu_files} DESTINATION lib/breakeven COMPONENT openvino_gpu)
endif()

# Who wrote what: beside each package's files, as Debian has it.
install(FILES LICENSE DESTINATION share/doc/breakeven COMPONENT runtime RENAME copyright)
install(FILES LICENSE DESTINATION share/doc/libbreakeven-dev COMPONENT development RENAME copyright)
set(runtime_notices share/doc/breakeven/notices)
install(FILES ${BREAKEVEN_ONNXRUNTIME}/onnxruntime/LICENSE
    DESTINATION ${runtime_notices} COMPONENT runtime RENAME onnxruntime.LICENSE)
install(FILES ${BREAKEVEN_ONNXRUNTIME}/onnxruntime/ThirdPartyNotices.txt
    DESTINATION ${runtime_notices} COMPONENT runtime RENAME onnxruntime.ThirdPartyNotices.txt)
file(GLOB onnx_notices ${BREAKEVEN_ONNX}/*.dist-info/licenses/*)
foreach(notice ${onnx_notices})
    get_filename_component(file ${notice} NAME)
    install(FILES ${notice} DESTINATION ${runtime_notices} COMPONENT runtime RENAME onnx.${file})
endforeach()
file(WRITE ${CMAKE_BINARY_DIR}/echarts.NOTICE "Reports hold Apache ECharts, unmodified, with its licence in its first lines: "
    "Apache License 2.0, whose text is this package's copyright file.\n")
install(FILES ${CMAKE_BINARY_DIR}/echarts.NOTICE DESTINATION ${runtime_notices} COMPONENT runtime)
file(GLOB openvino_notices LIST_DIRECTORIES true ${BREAKEVEN_OPENVINO}/*.dist-info/licenses)
install(DIRECTORY ${openvino_notices} DESTINATION share/doc/breakeven-openvino COMPONENT openvino)
file(GLOB openvino_license ${BREAKEVEN_OPENVINO}/*.dist-info/licenses/LICENSE)
install(FILES ${openvino_license} DESTINATION share/doc/breakeven-openvino COMPONENT openvino RENAME copyright)
if(openvino_gpu_files)
    install(FILES ${openvino_license}
        DESTINATION share/doc/breakeven-openvino-gpu COMPONENT openvino_gpu RENAME copyright)
endif()

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME breakeven)
set(CPACK_PACKAGE_VENDOR Breakeven)
set(CPACK_PACKAGE_CONTACT "Breakeven's authors <breakeven@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "where should this neural network run, and in what form")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)  # ours; files of wheels are installed as they are
set(CPACK_COMPONENTS_ALL runtime openvino development)
if(openvino_gpu_files)
    list(APPEND CPACK_COMPONENTS_ALL openvino_gpu)
endif()
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_COMPRESSION_TYPE zstd)  # a tenth of the time of xz, a little larger
set(debian_architectures x86_64 amd64 aarch64 arm64)
list(FIND debian_architectures ${CMAKE_SYSTEM_PROCESSOR} at)
math(EXPR at "${at} + 1")
list(GET debian_architectures ${at} CPACK_DEBIAN_PACKAGE_ARCHITECTURE)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${openvino_libraries})

set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME breakeven)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_RECOMMENDS "ca-certificates, iproute2")
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SUGGESTS breakeven-openvino)
set(CPACK_COMPONENT_RUNTIME_DESCRIPTION "measures a network on the device, on a server and split between both,
 predicts what each takes over a link, ranks them, and runs the network there. With ONNX Runtime.")
set(CPACK_DEBIAN_OPENVINO_PACKAGE_NAME breakeven-openvino)
set(CPACK_DEBIAN_OPENVINO_PACKAGE_DEPENDS "breakeven (= ${PROJECT_VERSION})")
set(CPACK_COMPONENT_OPENVINO_DESCRIPTION "OpenVINO as Breakeven's second engine: platforms such as openvino:cpu:2.")
set(CPACK_DEBIAN_OPENVINO_GPU_PACKAGE_NAME breakeven-openvino-gpu)
set(CPACK_DEBIAN_OPENVINO_GPU_PACKAGE_SHLIBDEPS OFF)  # OpenCL's loader need not be where packages are made
set(CPACK_DEBIAN_OPENVINO_GPU_PACKAGE_DEPENDS "breakeven-openvino (= ${PROJECT_VERSION}), ocl-icd-libopencl1")
set(CPACK_COMPONENT_OPENVINO_GPU_DESCRIPTION "OpenVINO for Intel's GPUs: the platform openvino:gpu. The GPU's driver is not in it.")
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libbreakeven-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS "breakeven (= ${PROJECT_VERSION})")
set(CPACK_COMPONENT_DEVELOPMENT_DESCRIPTION "Breakeven's session for C++ programs: headers and find_package(Breakeven).")
if(CMAKE_CROSSCOMPILING)
    # Read by cpack: dependencies come from the packages that the sysroot was made of.
    file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/cpack_project.cmake @ONLY CONTENT [[
set(SHLIBDEPS_EXECUTABLE @CMAKE_SOURCE_DIR@/cmake/shlibdeps.sh)
set(ENV{BREAKEVEN_SYSROOT} @CMAKE_SYSROOT@)
set(ENV{DEB_HOST_ARCH} @CPACK_DEBIAN_PACKAGE_ARCHITECTURE@)
]])
    set(CPACK_PROJECT_CONFIG_FILE ${CMAKE_BINARY_DIR}/cpack_project.cmake)
endif()
include(CPack)
