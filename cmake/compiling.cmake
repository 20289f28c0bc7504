# How our own code is compiled: warnings, sanitizers, ccache. On targets, never globally, so that libraries stay as they are.
find_program(BREAKEVEN_CCACHE ccache)
if(BREAKEVEN_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
    set(CMAKE_C_COMPILER_LAUNCHER ${BREAKEVEN_CCACHE})
    set(CMAKE_CXX_COMPILER_LAUNCHER ${BREAKEVEN_CCACHE})
endif()

add_library(breakeven_compiling INTERFACE)
target_compile_options(breakeven_compiling INTERFACE
    -Wall -Wextra -Wconversion -Wsign-conversion -Wshadow
    # Designated initializers leave out what has a default: that is their point.
    -Wno-missing-field-initializers
    # g++ 12 reports false positives inside the standard library when it inlines std::string (its bug 105651).
    $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>
    # And of strings in temporary aggregates (its bug 105562); clang's -Wuninitialized stands.
    $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>
    $<$<BOOL:${BREAKEVEN_WERROR}>:-Werror>)
target_include_directories(breakeven_compiling INTERFACE ${CMAKE_SOURCE_DIR}/src)
if(BREAKEVEN_SANITIZE)
    target_compile_options(breakeven_compiling INTERFACE
        -fsanitize=${BREAKEVEN_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
    target_link_options(breakeven_compiling INTERFACE -fsanitize=${BREAKEVEN_SANITIZE})
    if(BREAKEVEN_SANITIZE MATCHES "thread")
        # protobuf's headers lay messages out otherwise under this macro; the system's library is built without it.
        target_compile_options(breakeven_compiling INTERFACE -U__SANITIZE_THREAD__)
    endif()
endif()
