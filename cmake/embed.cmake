# breakeven_embed(ROOM FILE...): the files' bytes become part of the room's library, as the symbols
# breakeven_FILE_EXT_start and _end (dots are underscores). The assembler reads them: no generated megabytes of source.
function(breakeven_embed room)
    set(assembly "")
    foreach(file ${ARGN})
        get_filename_component(file ${file} ABSOLUTE BASE_DIR ${CMAKE_CURRENT_SOURCE_DIR}/breakeven/${room})
        get_filename_component(symbol ${file} NAME)
        string(MAKE_C_IDENTIFIER breakeven_${symbol} symbol)
        string(APPEND assembly "asm(\".pushsection .rodata\\n\"\n"
            "    \".global ${symbol}_start, ${symbol}_end\\n\"\n"
            "    \"${symbol}_start: .incbin \\\"${file}\\\"\\n\"\n"
            "    \"${symbol}_end: .byte 0\\n\"\n"
            "    \".popsection\");\n")
        list(APPEND embedded ${file})
    endforeach()
    set(source ${CMAKE_CURRENT_BINARY_DIR}/embedded_${room}.cc)
    file(CONFIGURE OUTPUT ${source} CONTENT "${assembly}" @ONLY)
    set_source_files_properties(${source} PROPERTIES OBJECT_DEPENDS "${embedded}")
    target_sources(breakeven_${room} PRIVATE ${source})
endfunction()
