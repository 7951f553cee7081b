# accrete_add_programs(TARGET <name> MODEL <type> HEADER <file> [LINK <library>...])
#
# Builds accrete's command-line programs for a model type of your own: one program <name>-<program> for each main in
# examples/programs (grow, generate, ...), all of them together as the target <name>. HEADER defines MODEL:
#
#   accrete_add_programs(TARGET novels MODEL my::Expert HEADER my_expert.hpp LINK accrete::native)
#
# The programs read their arguments with Boost.Program_options. LINK adds what HEADER needs.
include_guard(GLOBAL)

if(IS_DIRECTORY ${CMAKE_CURRENT_LIST_DIR}/programs)
  set(ACCRETE_PROGRAM_MAINS ${CMAKE_CURRENT_LIST_DIR}/programs)  # installed
else()
  get_filename_component(ACCRETE_PROGRAM_MAINS ${CMAKE_CURRENT_LIST_DIR}/../examples/programs ABSOLUTE)
endif()
set(ACCRETE_PROGRAM_MAINS ${ACCRETE_PROGRAM_MAINS} CACHE INTERNAL "Where the mains of accrete_add_programs are")

function(accrete_add_programs)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "TARGET;MODEL;HEADER" "LINK")
  foreach(name IN ITEMS TARGET MODEL HEADER)
    if(NOT arg_${name})
      message(FATAL_ERROR "accrete_add_programs: ${name} is missing")
    endif()
  endforeach()
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "accrete_add_programs: unknown arguments: ${arg_UNPARSED_ARGUMENTS}")
  endif()
  get_filename_component(ACCRETE_PROGRAM_HEADER ${arg_HEADER} ABSOLUTE)
  if(NOT EXISTS ${ACCRETE_PROGRAM_HEADER})
    message(FATAL_ERROR "accrete_add_programs: HEADER ${ACCRETE_PROGRAM_HEADER} does not exist")
  endif()
  set(ACCRETE_PROGRAM_MODEL "${arg_MODEL}")
  find_package(Boost REQUIRED CONFIG COMPONENTS program_options)

  file(GLOB mains CONFIGURE_DEPENDS ${ACCRETE_PROGRAM_MAINS}/*.cpp.in)
  add_custom_target(${arg_TARGET} ALL)
  foreach(main IN LISTS mains)
    get_filename_component(program ${main} NAME_WE)
    set(ACCRETE_PROGRAM_NAME ${arg_TARGET}-${program})
    set(source ${CMAKE_CURRENT_BINARY_DIR}/${ACCRETE_PROGRAM_NAME}.cpp)
    configure_file(${main} ${source} @ONLY)
    add_executable(${ACCRETE_PROGRAM_NAME} ${source})
    target_include_directories(${ACCRETE_PROGRAM_NAME} PRIVATE ${ACCRETE_PROGRAM_MAINS})
    target_link_libraries(${ACCRETE_PROGRAM_NAME} PRIVATE accrete::accrete ${arg_LINK} Boost::program_options)
    add_dependencies(${arg_TARGET} ${ACCRETE_PROGRAM_NAME})
  endforeach()
endfunction()
