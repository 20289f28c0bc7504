# A room is a folder: every .cc in it belongs to the library breakeven_ROOM, and USES says which rooms it may include.
# (A glob, because a file's folder already says where it belongs; CONFIGURE_DEPENDS notices new files.)

# breakeven_room(NAME USES room... LIBRARIES target...)
#   USES: rooms that its headers include (passed on). LIBRARIES: foreign targets, kept out of the room's headers.
function(breakeven_room name)
    cmake_parse_arguments(ROOM "" "" "USES;LIBRARIES" ${ARGN})
    file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/breakeven/${name}/*.cc)
    if(sources)
        add_library(breakeven_${name} STATIC ${sources})
        target_link_libraries(breakeven_${name} PUBLIC breakeven_compiling PRIVATE ${ROOM_LIBRARIES})
        set(reach PUBLIC)
    else()
        add_library(breakeven_${name} INTERFACE)
        set(reach INTERFACE)
    endif()
    foreach(used ${ROOM_USES})
        target_link_libraries(breakeven_${name} ${reach} breakeven_${used})
    endforeach()
endfunction()

# breakeven_quick_to_build(TARGET): for programs whose time goes into the rooms they call; -O3 would only cost the build.
function(breakeven_quick_to_build target)
    target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-O1>)
endfunction()

# Under an emulator, what tests/emulated.txt names is left out: each with its reason there, and ./dev test prints them.
set(BREAKEVEN_NOT_EMULATED "")
if(CMAKE_CROSSCOMPILING)
    file(STRINGS ${CMAKE_SOURCE_DIR}/tests/emulated.txt lines REGEX "^[^#]")
    foreach(line ${lines})
        string(REGEX MATCH "^[^ ]+" pattern "${line}")
        string(APPEND BREAKEVEN_NOT_EMULATED ":${pattern}")
    endforeach()
    string(REGEX REPLACE "^:" "--gtest_filter=-" BREAKEVEN_NOT_EMULATED "${BREAKEVEN_NOT_EMULATED}")
endif()

# breakeven_tests(ROOM [USES room...] [LIBRARIES target...] [LABELS label...]): tests/ROOM/*.cc become one test program.
function(breakeven_tests name)
    cmake_parse_arguments(TEST "" "" "USES;LIBRARIES;LABELS" ${ARGN})
    file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${name}/*_test.cc)
    add_executable(${name}_tests ${sources})
    target_link_libraries(${name}_tests PRIVATE
        breakeven_${name} breakeven_fakes ${TEST_LIBRARIES} GTest::gmock GTest::gtest_main)
    target_include_directories(${name}_tests PRIVATE ${CMAKE_SOURCE_DIR})
    breakeven_quick_to_build(${name}_tests)
    foreach(used ${TEST_USES})
        target_link_libraries(${name}_tests PRIVATE breakeven_${used})
    endforeach()
    # The tests say what they skip; tests/skips.cc of the fakes turns a skip into a failure where nothing may be missing.
    add_test(NAME ${name} COMMAND ${name}_tests --gtest_brief=1 ${BREAKEVEN_NOT_EMULATED})
    set_tests_properties(${name} PROPERTIES TIMEOUT 300 LABELS "unit;${TEST_LABELS}")
    if(CMAKE_CROSSCOMPILING)  # slow, and children find their libraries in the sysroot
        set_tests_properties(${name} PROPERTIES TIMEOUT 1800 ENVIRONMENT "${BREAKEVEN_EMULATION}")
    endif()
endfunction()

# breakeven_bench(NAME USES room... LIBRARIES target...): bench/NAME.cc becomes one program that `./dev bench NAME` runs.
function(breakeven_bench name)
    cmake_parse_arguments(BENCH "" "" "USES;LIBRARIES" ${ARGN})
    add_executable(bench_${name} ${name}.cc)
    target_link_libraries(bench_${name} PRIVATE breakeven_compiling ${BENCH_LIBRARIES})
    foreach(used ${BENCH_USES})
        target_link_libraries(bench_${name} PRIVATE breakeven_${used})
    endforeach()
endfunction()
