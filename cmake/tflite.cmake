# The target `tflite_schema`: what flatc makes of the part of TFLite's schema that we read.
find_program(BREAKEVEN_FLATC flatc REQUIRED)
find_path(BREAKEVEN_FLATBUFFERS flatbuffers/flatbuffers.h REQUIRED)
set(generated ${CMAKE_BINARY_DIR}/generated)
set(source ${CMAKE_SOURCE_DIR}/src/breakeven/model/tflite.fbs)
add_custom_command(
    OUTPUT ${generated}/tflite_generated.h
    COMMAND ${BREAKEVEN_FLATC} --cpp --scoped-enums -o ${generated} ${source}
    DEPENDS ${source}
    COMMENT "flatc tflite.fbs")
add_custom_target(tflite_schema_header DEPENDS ${generated}/tflite_generated.h)
add_library(tflite_schema INTERFACE)
add_dependencies(tflite_schema tflite_schema_header)
target_include_directories(tflite_schema SYSTEM INTERFACE ${generated} ${BREAKEVEN_FLATBUFFERS})
