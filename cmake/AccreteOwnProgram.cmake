# What accrete's own tests, examples and benchmarks are built with, and no user's program is.
include_guard(GLOBAL)

function(accrete_own_program target)
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion
                                           $<$<BOOL:${ACCRETE_WARNINGS_AS_ERRORS}>:-Werror>)
  target_link_libraries(${target} PRIVATE accrete::accrete)
  if(ACCRETE_NATIVE)
    target_link_libraries(${target} PRIVATE accrete::native)
  endif()
endfunction()
