# Everything that is not ours: system packages first, then pinned wheels with their hashes (cmake/pins/, and below it what
# differs by processor).
# What is fetched or built once stays in BREAKEVEN_CACHE, outside the tree; a folder of wheels in BREAKEVEN_WHEELS
# (environment) serves a machine without a network.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
find_package(CLI11 REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(Protobuf REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(PNG REQUIRED)
find_package(ZLIB REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(Eigen3 REQUIRED NO_MODULE)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(GRPC REQUIRED IMPORTED_TARGET grpc++)
pkg_check_modules(TURBOJPEG REQUIRED IMPORTED_TARGET libturbojpeg)
pkg_check_modules(HWLOC REQUIRED IMPORTED_TARGET hwloc)
find_library(BREAKEVEN_GRPC_REFLECTION grpc++_reflection REQUIRED)
find_program(BREAKEVEN_GRPC_PLUGIN grpc_cpp_plugin REQUIRED)

if(BREAKEVEN_TESTS)
    find_package(GTest REQUIRED)
endif()

if(DEFINED ENV{BREAKEVEN_CACHE})
    set(default_cache $ENV{BREAKEVEN_CACHE})
elseif(DEFINED ENV{XDG_CACHE_HOME})
    set(default_cache $ENV{XDG_CACHE_HOME}/breakeven)
else()
    set(default_cache $ENV{HOME}/.cache/breakeven)
endif()
set(BREAKEVEN_CACHE ${default_cache} CACHE PATH "What is fetched or built once, for every checkout")

# breakeven_wheel(NAME VARIABLE): the pinned wheel of cmake/pins/NAME.txt, unpacked; VARIABLE is its folder.
# A wrong hash stops here. The tags are spelt out so that one file and one hash serve any Python.
function(breakeven_wheel name variable)
    set(pin ${CMAKE_SOURCE_DIR}/cmake/pins/${CMAKE_SYSTEM_PROCESSOR}/${name}.txt)
    if(NOT EXISTS ${pin})
        set(pin ${CMAKE_SOURCE_DIR}/cmake/pins/${name}.txt)
    endif()
    if(NOT EXISTS ${pin})
        message(FATAL_ERROR "no wheel of ${name} is pinned for ${CMAKE_SYSTEM_PROCESSOR} (cmake/pins)")
    endif()
    file(SHA256 ${pin} key)
    string(SUBSTRING ${key} 0 12 key)
    set(folder ${BREAKEVEN_CACHE}/wheels/${name}-${key})
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${pin})
    if(NOT EXISTS ${folder}/.complete)
        message(STATUS "fetching the pinned wheel of ${name}")
        find_program(BREAKEVEN_PYTHON python3 REQUIRED)
        file(REMOVE_RECURSE ${folder})
        file(MAKE_DIRECTORY ${folder}/download)
        set(offline "")
        if(DEFINED ENV{BREAKEVEN_WHEELS})
            set(offline --no-index --find-links $ENV{BREAKEVEN_WHEELS})
        endif()
        execute_process(
            COMMAND ${BREAKEVEN_PYTHON} -m pip download --quiet --disable-pip-version-check ${offline}
                --no-deps --require-hashes --only-binary=:all: --implementation cp --python-version 3.11
                --abi cp311 --abi abi3 --abi none
                --platform manylinux_2_28_${CMAKE_SYSTEM_PROCESSOR} --platform manylinux_2_27_${CMAKE_SYSTEM_PROCESSOR}
                --platform manylinux_2_35_${CMAKE_SYSTEM_PROCESSOR} --platform manylinux2014_${CMAKE_SYSTEM_PROCESSOR}
                --platform any
                -d ${folder}/download -r ${pin}
            RESULT_VARIABLE status)
        if(status)
            message(FATAL_ERROR "could not fetch what ${pin} pins (python3 -m pip is needed, and a network or "
                "BREAKEVEN_WHEELS=FOLDER with the wheels)")
        endif()
        file(GLOB wheels ${folder}/download/*.whl)
        file(ARCHIVE_EXTRACT INPUT ${wheels} DESTINATION ${folder})
        file(REMOVE_RECURSE ${folder}/download)
        file(TOUCH ${folder}/.complete)
    endif()
    set(${variable} ${folder} PARENT_SCOPE)
endfunction()

# ONNX Runtime: only its headers at build time; the library is loaded at run time (src/breakeven/engine).
breakeven_wheel(onnxruntime BREAKEVEN_ONNXRUNTIME)
file(GLOB BREAKEVEN_ONNXRUNTIME_LIBRARY ${BREAKEVEN_ONNXRUNTIME}/onnxruntime/capi/libonnxruntime.so.*[0-9])
find_path(BREAKEVEN_ONNXRUNTIME_HEADERS onnxruntime_c_api.h
    PATHS ${BREAKEVEN_CACHE}/onnxruntime-headers/usr/include/onnxruntime
    PATH_SUFFIXES onnxruntime onnxruntime/core/session
    CMAKE_FIND_ROOT_PATH_BOTH)  # the same on every processor
if(NOT BREAKEVEN_ONNXRUNTIME_HEADERS)
    message(FATAL_ERROR "ONNX Runtime's headers are missing: run `./dev setup`, or install libonnxruntime-dev")
endif()
add_library(onnxruntime_headers INTERFACE)
target_include_directories(onnxruntime_headers SYSTEM INTERFACE ${BREAKEVEN_ONNXRUNTIME_HEADERS})

# OpenVINO, the second engine: its C headers at build time; the library is loaded at run time.
breakeven_wheel(openvino BREAKEVEN_OPENVINO)
file(GLOB BREAKEVEN_OPENVINO_LIBRARY ${BREAKEVEN_OPENVINO}/openvino/libs/libopenvino_c.so.*[0-9])
add_library(openvino_headers INTERFACE)
target_include_directories(openvino_headers SYSTEM INTERFACE ${BREAKEVEN_OPENVINO}/openvino/include)

# Apache ECharts for the reports.
breakeven_wheel(echarts BREAKEVEN_ECHARTS)
set(BREAKEVEN_ECHARTS_JS ${BREAKEVEN_ECHARTS}/vizly/assets/echarts.min.js)

include(onnx)

# A program installed from pip for Python contracts and peers lives in a venv of its own: tests/python (see ./dev).
