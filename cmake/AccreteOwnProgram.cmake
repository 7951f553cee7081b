# What accrete's own tests, examples and benchmarks are built with, and no user's program is.
include_guard(GLOBAL)

set(accrete_own_warnings -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion)
if(ACCRETE_WARNINGS_AS_ERRORS)
  list(APPEND accrete_own_warnings -Werror)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # g++ 12 sees overlaps and overflows in `"c" + std::string` that cannot happen, and takes the operand that its own
  # AVX-512 intrinsics leave undefined on purpose for a mistake.
  list(APPEND accrete_own_warnings -Wno-restrict -Wno-stringop-overflow -Wno-array-bounds -Wno-maybe-uninitialized
       -Wno-uninitialized)
endif()

function(accrete_own_program target)
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF)
  target_compile_options(${target} PRIVATE "$<$<COMPILE_LANGUAGE:CXX>:${accrete_own_warnings}>")
  target_link_libraries(${target} PRIVATE accrete::accrete)
  if(ACCRETE_NATIVE)
    target_link_libraries(${target} PRIVATE accrete::native)
  endif()
endfunction()
